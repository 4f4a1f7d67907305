//! `vetch attach --batch`: lines with the words of `vetch attach`, carried out together.

use crate::cli::Global;
use crate::command::{Answer, attach, view};
use crate::failure::Failure;
use crate::host;
use crate::output::Output;
use bridge::{Attachment, AttachmentSpec};
use clap::{Args as _, FromArgMatches as _};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use ns_mgmt::NetNs;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// What no line can have for itself.
const NOT_HERE: [&str; 3] = ["--batch", "--atomic", "--dry-run"];

/// A line that says something, by its number, and what it asks for.
struct Line {
    number: usize,
    wish: (AttachmentSpec, NetNs),
}

/// Reads all lines before anything is changed, and carries them out; with `atomic`, all or none.
pub(crate) fn run(
    file: &Path,
    atomic: bool,
    global: &Global,
    out: &mut Output,
) -> Result<Answer, Failure> {
    let _lent = ns_mgmt::lend_thread(); // nothing else runs in this process
    allow_descriptors();
    let lines = lines(file)?;
    let (numbers, wishes): (Vec<_>, Vec<_>) = lines
        .into_iter()
        .map(|line| (line.number, line.wish))
        .unzip();
    let mut host = host::open(global)?;
    let made = match atomic {
        true => host
            .attach_all_or_none(&wishes)?
            .into_iter()
            .map(Ok)
            .collect(),
        false => host.attach_all(&wishes)?,
    };
    let made = made.into_iter().map(|made| made.map_err(Failure::from));
    tell(numbers.into_iter().zip(made).collect(), out)
}

/// What came of each line; the last word is a failure if one failed.
fn tell(
    made: Vec<(usize, Result<Attachment, Failure>)>,
    out: &mut Output,
) -> Result<Answer, Failure> {
    let (all, mut failed) = (made.len(), Vec::new());
    let mut document = Vec::new();
    for (number, made) in made {
        match made {
            Ok(attachment) if out.json => document.push(view::attachment(&attachment)),
            Ok(attachment) => out.line(attach::sentence(&attachment))?,
            Err(failure) => {
                document.push(refusal(number, &failure));
                failed.push(failure.context(format!("line {number}")));
            }
        }
    }
    if out.json {
        out.document(&document)?;
    }
    let (count, mut failed) = (failed.len(), failed.into_iter());
    let Some(first) = failed.next() else {
        return Ok(Answer::Done);
    };
    let first = match count == all {
        true => first,
        false => first.hint("the other lines are done; `--atomic` does all or none"),
    };
    Err(failed.fold(first, Failure::left))
}

fn refusal(number: usize, failure: &Failure) -> Value {
    json!({"line": number, "error": failure.to_string(), "hint": failure.way_out()})
}

/// Every attachment has a descriptor until all are done.
fn allow_descriptors() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard); // where it may not be, opening says so
    }
}

fn lines(file: &Path) -> Result<Vec<Line>, Failure> {
    let text = read(file).map_err(|error| {
        Failure::new(format!("cannot read {}", file.display())).with_cause(&error)
    })?;
    let table = attach::Args::augment_args(clap::Command::new("attach").no_binary_name(true))
        .disable_help_flag(true);
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let words: Vec<&str> = line
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'))
            .collect();
        if words.is_empty() {
            continue;
        }
        let number = at + 1;
        let wish =
            wish(&table, &words).map_err(|failure| failure.context(format!("line {number}")))?;
        lines.push(Line { number, wish });
    }
    Ok(lines)
}

fn wish(table: &clap::Command, words: &[&str]) -> Result<(AttachmentSpec, NetNs), Failure> {
    if let Some(word) = words.iter().find(|word| NOT_HERE.contains(word)) {
        return Err(Failure::new(format!("{word} cannot be part of a batch")));
    }
    let refused = |error: clap::Error| {
        let text = error.to_string();
        let said = text.lines().take_while(|line| !line.is_empty()); // then comes the usage
        let said: Vec<&str> = said.map(str::trim).collect();
        Failure::new(said.join(" ").trim_start_matches("error: "))
    };
    let matches = table.clone().try_get_matches_from(words).map_err(refused)?;
    let args = attach::Args::from_arg_matches(&matches).map_err(refused)?;
    args.wish()
}

/// `-` is the standard input.
fn read(file: &Path) -> io::Result<String> {
    if file != Path::new("-") {
        return fs::read_to_string(file);
    }
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}
