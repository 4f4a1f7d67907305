//! One failure as it leaves the program: what was tried, the chain of causes, a way out, the exit code.

use crate::output::escape_text;
use std::error::Error;
use std::fmt;
use std::io::{self, Write};

/// What a command returns in place of an answer.
pub(crate) struct Failure {
    text: String,
    causes: Vec<String>,
    hint: Option<String>,
    /// What could not be undone.
    left: Vec<String>,
    code: Option<u8>,
    /// The reader of our output went away: nothing is to be said.
    closed_pipe: bool,
}

/// The exit code of a command that failed or was used wrongly.
pub(crate) const FAILED: u8 = 2;

impl Failure {
    /// A failure that has no cause below it.
    pub(crate) fn new(text: impl Into<String>) -> Failure {
        Failure {
            text: text.into(),
            causes: Vec::new(),
            hint: None,
            left: Vec::new(),
            code: None,
            closed_pipe: false,
        }
    }

    /// A failure with its whole chain of causes.
    pub(crate) fn from_error(error: &(dyn Error + 'static)) -> Failure {
        let mut failure = Failure::new(error.to_string());
        failure.hint = hint_of(error);
        let mut next = error.source();
        while let Some(cause) = next {
            failure.push_cause(cause.to_string());
            failure.hint = failure.hint.or_else(|| hint_of(cause));
            next = cause.source();
        }
        failure
    }

    /// Adds why, where no error says it.
    pub(crate) fn because(mut self, why: impl Into<String>) -> Failure {
        self.push_cause(why.into());
        self
    }

    /// Says first what it was part of.
    pub(crate) fn context(mut self, text: impl Into<String>) -> Failure {
        self.causes
            .insert(0, std::mem::replace(&mut self.text, text.into()));
        self
    }

    /// The way out, unless a lower layer knew a better one.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Something that could not be undone.
    pub(crate) fn left(mut self, other: Failure) -> Failure {
        self.left.push(other.to_string());
        self
    }

    /// What to do next.
    pub(crate) fn way_out(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Another exit code than the command's own.
    pub(crate) fn code(mut self, code: u8) -> Failure {
        self.code = Some(code);
        self
    }

    /// The exit code where none was set.
    pub(crate) fn own_code(mut self, code: u8) -> Failure {
        self.code.get_or_insert(code);
        self
    }

    /// The exit code; a closed pipe is no error.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.closed_pipe {
            0
        } else {
            self.code.unwrap_or(FAILED)
        }
    }

    /// Prints the failure once. What cannot be printed is lost: there is nobody left to tell.
    pub(crate) fn print(&self, err: &mut dyn Write, colour: bool) {
        if !self.closed_pipe {
            let _ = self.write(err, colour);
        }
    }

    fn write(&self, err: &mut dyn Write, colour: bool) -> io::Result<()> {
        let (bold, plain) = if colour {
            ("\x1b[1;31m", "\x1b[0m")
        } else {
            ("", "")
        };
        writeln!(err, "{bold}error:{plain} {self}")?;
        for left in &self.left {
            writeln!(err, "and then: {left}")?;
        }
        match &self.hint {
            Some(hint) => writeln!(err, "hint: {}", escape_text(hint)),
            None => Ok(()),
        }
    }

    /// A layer that repeats the words of the one below adds nothing.
    fn push_cause(&mut self, cause: String) {
        let said = self.causes.last().unwrap_or(&self.text);
        if !said.ends_with(&cause) {
            self.causes.push(cause);
        }
    }
}

/// What was tried and the chain of causes in one line, fit for a terminal.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape_text(&self.text))?;
        self.causes
            .iter()
            .try_for_each(|cause| write!(f, ": {}", escape_text(cause)))
    }
}

/// The hint a library's error carries.
fn hint_of(error: &(dyn Error + 'static)) -> Option<String> {
    let bridge = error
        .downcast_ref::<bridge::Error>()
        .and_then(bridge::Error::hint);
    let namespace = error
        .downcast_ref::<ns_mgmt::Error>()
        .and_then(ns_mgmt::Error::hint);
    let kernel = error
        .downcast_ref::<core_netlink::Error>()
        .and_then(core_netlink::Error::hint);
    bridge.or(namespace).or(kernel).map(str::to_owned)
}

impl From<io::Error> for Failure {
    /// An error of our own output.
    fn from(error: io::Error) -> Failure {
        let closed_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Failure {
            closed_pipe,
            ..Failure::new("cannot write the answer").with_cause(&error)
        }
    }
}

impl Failure {
    /// The cause of a failure that was put in our own words.
    pub(crate) fn with_cause(mut self, cause: &(dyn Error + 'static)) -> Failure {
        let lower = Failure::from_error(cause);
        self.push_cause(lower.text);
        self.causes.extend(lower.causes);
        self.hint = self.hint.or(lower.hint);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(failure: &Failure) -> String {
        let mut out = Vec::new();
        failure.print(&mut out, false);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_chain_and_the_hint_are_printed_once() {
        let cause = io::Error::other("no room");
        let failure = Failure::new("cannot write")
            .with_cause(&cause)
            .hint("free some");
        assert_eq!(
            printed(&failure),
            "error: cannot write: no room\nhint: free some\n"
        );
        assert_eq!(failure.exit_code(), 2);
    }

    #[test]
    fn a_closed_pipe_is_silent_and_no_error() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((printed(&failure).as_str(), failure.exit_code()), ("", 0));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(
            printed(&Failure::new("bad \u{1b}[2J name")),
            "error: bad \\u{1b}[2J name\n"
        );
    }
}
