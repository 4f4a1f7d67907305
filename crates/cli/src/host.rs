//! The host as commands use it: opened with the options typed, its steps shown, its errors turned into failures.

use crate::cli::Global;
use crate::command::Answer;
use crate::failure::Failure;
use crate::output::{Output, escape_text};
use crate::time;
use bridge::{Host, Options, Step};
use serde::Serialize;
use std::io::Write;
use std::time::Duration;

/// Opens the network namespace we are in.
pub(crate) fn open(global: &Global) -> Result<Host, Failure> {
    let options = Options {
        lock_timeout: global.lock_timeout(),
        ..Options::default()
    };
    let mut host = Host::with(options)?;
    if global.verbose {
        host.watch(show);
    }
    Ok(host)
}

/// `-v`: a step that was just done, on stderr.
pub(crate) fn show(step: &Step, took: Duration) {
    let mut text = format!("# {} ({})\n", step.what, time::took(took));
    step.words
        .iter()
        .for_each(|words| text.extend([words, "\n"]));
    // Whoever closed stderr does not want to know.
    let _ = write!(std::io::stderr().lock(), "{}", escape_text(&text));
}

/// `--dry-run`: the steps that would be taken, as lines that a shell could read; what undoes a step stands behind `# undo:`.
pub(crate) fn print_plan(steps: &[Step], out: &mut Output) -> Result<Answer, Failure> {
    print_planned(&steps.iter().map(Planned::from).collect::<Vec<_>>(), out)
}

/// A step as it is shown.
#[derive(Serialize)]
pub(crate) struct Planned {
    pub(crate) what: String,
    pub(crate) words: Vec<String>,
    pub(crate) undo: Vec<String>,
}

impl From<&Step> for Planned {
    fn from(step: &Step) -> Planned {
        Planned {
            what: step.what.clone(),
            words: step.words.clone(),
            undo: step.undo.clone(),
        }
    }
}

pub(crate) fn print_planned(steps: &[Planned], out: &mut Output) -> Result<Answer, Failure> {
    if out.json {
        out.document(&steps)?;
        return Ok(Answer::Done);
    }
    for step in steps {
        out.line(escape_text(&format!("# {}", step.what)))?;
        step.words
            .iter()
            .try_for_each(|words| out.line(escape_text(words)))?;
        step.undo
            .iter()
            .try_for_each(|words| out.line(escape_text(&format!("# undo: {words}"))))?;
    }
    Ok(Answer::Done)
}

impl From<bridge::Error> for Failure {
    fn from(error: bridge::Error) -> Failure {
        let left = error.left().iter().map(|left| Failure::from_error(left));
        left.fold(Failure::from_error(&error), Failure::left)
    }
}

impl From<ns_mgmt::Error> for Failure {
    fn from(error: ns_mgmt::Error) -> Failure {
        Failure::from_error(&error)
    }
}
