//! From the words of the process to an exit code: pick the front end, parse, run, report.

use crate::cli::Cli;
use crate::command::{self, Answer};
use crate::failure::Failure;
use crate::front::{self, Front};
use crate::output::{self, Output};
use clap::{CommandFactory, FromArgMatches};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Runs the front end that the program's name and its first words ask for.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    match front::pick(&args) {
        Front::Iproute(program, words) => front::iproute(program, &words),
        Front::Cni(plugin) => front::cni(&plugin),
        Front::Vetch => vetch(&args),
    }
}

/// Prints a failure on stderr and gives its exit code.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    failure.print(&mut io::stderr().lock(), output::colour());
    failure.exit_code().into()
}

fn vetch(args: &[OsString]) -> ExitCode {
    // Scripts ask for it before all else: no table of commands is made for it.
    if matches!(args, [_, word] if word == "--version" || word == "-V") {
        let line = writeln!(io::stdout(), "{}", version());
        return done(line.map_err(Failure::from));
    }
    let read = |table: clap::Command| {
        let matches = table.try_get_matches_from(args);
        matches.and_then(|matches| Cli::from_arg_matches(&matches))
    };
    let parsed = read(Cli::table(args)).or_else(|_| read(Cli::command()));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(usage) => return usage_code(&usage, args),
    };
    let mut out = Output::new(cli.global.json);
    let answer = cli.command.run(&cli.global, &mut out);
    let flushed = out.flush();
    match answer.and_then(|answer| flushed.map(|()| answer)) {
        Ok(Answer::Done) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::Code(code)) => code.into(),
        Err(failure) => report(&failure.own_code(failure_code(args))),
    }
}

/// What `--version` says, as the table of commands does.
fn version() -> String {
    format!("vetch {}", env!("CARGO_PKG_VERSION"))
}

fn done(printed: Result<(), Failure>) -> ExitCode {
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// The code of the command typed, found also among words that are wrong.
fn failure_code(args: &[OsString]) -> u8 {
    let lenient = Cli::command().ignore_errors(true);
    let matches = lenient.try_get_matches_from(args).ok();
    command::failure_code(matches.as_ref().and_then(|found| found.subcommand_name()))
}

/// Help and version are answers (0); everything else was typed wrongly. A closed pipe changes neither.
fn usage_code(usage: &clap::Error, args: &[OsString]) -> ExitCode {
    let printed = print_usage(usage, args);
    if !usage.use_stderr() {
        return done(printed.map_err(Failure::from));
    }
    if let Some(hint) = single_dash_hint(args) {
        let _ = writeln!(io::stderr().lock(), "hint: {hint}");
    }
    failure_code(args).into()
}

/// A message repeats the words typed: where they hold control characters it is printed without colour, and they are written out.
fn print_usage(usage: &clap::Error, args: &[OsString]) -> io::Result<()> {
    let plain = |word: &OsString| word.to_string_lossy().chars().all(|c| !c.is_control());
    if args.iter().all(plain) {
        return usage.print();
    }
    let text = output::escape_text(&usage.render().to_string());
    write!(io::stderr().lock(), "{text}")
}

/// `-net=host` is read as letters: says what was meant, `--net host`.
fn single_dash_hint(args: &[OsString]) -> Option<String> {
    let mut known = Vec::new();
    long_options(&Cli::command(), &mut known);
    let ours = args
        .iter()
        .map_while(|arg| arg.to_str().filter(|word| *word != "--"));
    for word in ours {
        let Some(bare) = word
            .strip_prefix('-')
            .filter(|bare| bare.len() > 1 && !bare.starts_with('-'))
        else {
            continue;
        };
        let (name, value) = bare.split_once('=').unwrap_or((bare, ""));
        if known.iter().any(|option| option == name) {
            let meant = format!("--{name} {value}");
            return Some(format!(
                "long options have two dashes: `{}`",
                meant.trim_end()
            ));
        }
    }
    None
}

fn long_options(command: &clap::Command, known: &mut Vec<String>) {
    known.extend(
        command
            .get_arguments()
            .filter_map(|arg| arg.get_long().map(str::to_owned)),
    );
    for sub in command.get_subcommands() {
        long_options(sub, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_have_a_code_of_their_own_for_wrong_words_too() {
        let code =
            |words: &str| failure_code(&words.split(' ').map(OsString::from).collect::<Vec<_>>());
        for launcher in [
            "run",
            "exec",
            "sandbox",
            "run --nosuch -- sh",
            "run -net=host sh",
            "run --net",
            "exec web",
            "sandbox --",
            "--json --lock-timeout 5 run",
            "--lock-timeout=5 -v exec",
        ] {
            assert_eq!(code(&format!("vetch {launcher}")), 125, "{launcher}");
        }
        for other in ["", "nosuch", "attach", "attach run exec", "network create"] {
            assert_eq!(code(&format!("vetch {other}")), 2, "{other}");
        }
    }

    #[test]
    fn the_version_is_that_of_the_table() {
        assert_eq!(format!("{}\n", version()), Cli::command().render_version());
    }

    #[test]
    fn one_dash_before_a_long_option_is_explained() {
        let hint = |words: &str| {
            single_dash_hint(&words.split(' ').map(OsString::from).collect::<Vec<_>>())
        };
        assert_eq!(
            hint("vetch run -net=host -- sh").as_deref(),
            Some("long options have two dashes: `--net host`")
        );
        assert_eq!(
            hint("vetch run -user sh").as_deref(),
            Some("long options have two dashes: `--user`")
        );
        assert_eq!(hint("vetch run --net host -- sh -net=host"), None);
        assert_eq!(hint("vetch attach a b -p 80:80"), None);
    }
}
