//! Where answers go: one locked writer for data, stderr for people, JSON or text, and what a terminal may be shown.

use crate::failure::Failure;
use crate::sys;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, StdoutLock, Write};
use std::os::fd::AsFd;

/// Standard output and what is known of it.
pub(crate) struct Output {
    out: io::BufWriter<StdoutLock<'static>>,
    /// `--json`: one document instead of tables and sentences.
    pub(crate) json: bool,
}

impl Output {
    /// Locks standard output for the rest of the command.
    pub(crate) fn new(json: bool) -> Output {
        Output {
            out: io::BufWriter::new(io::stdout().lock()),
            json,
        }
    }

    /// One line of data.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{}", text.as_ref())?)
    }

    /// One JSON document.
    pub(crate) fn document(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer_pretty(&mut self.out, value).map_err(io::Error::from)?;
        Ok(writeln!(self.out)?)
    }

    /// A sentence for people: on stderr, and never in the way of data.
    pub(crate) fn note(&mut self, text: impl AsRef<str>) {
        // Data first; whether it can be written shows at the end. Whoever closed stderr does not want to know.
        let _ = self.out.flush();
        let _ = writeln!(io::stderr().lock(), "{}", escape_text(text.as_ref()));
    }

    /// Hands over what was written so far: before a program takes the terminal, and at the end.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    /// The columns a table may take: those of the terminal; none outside of one.
    pub(crate) fn width(&self) -> Option<u16> {
        let stdout = io::stdout();
        stdout
            .is_terminal()
            .then(|| sys::terminal_width(stdout.as_fd()).unwrap_or(80))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether stderr may be coloured: a terminal, and neither `NO_COLOR` (set and not empty, no-color.org) nor `TERM=dumb`.
pub(crate) fn colour() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
    io::stderr().is_terminal() && !unwanted && !dumb
}

/// A name as a terminal may be shown it: control characters and marks that turn the direction of writing are written out.
pub(crate) fn escape(text: &str) -> String {
    escape_but(text, &[])
}

/// The same for sentences of ours that may span lines.
pub(crate) fn escape_text(text: &str) -> String {
    escape_but(text, &['\n'])
}

fn escape_but(text: &str, kept: &[char]) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() || turns(c)) && !kept.contains(&c) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "{}", c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_drive_the_terminal() {
        for (name, shown) in [
            ("eth0", "eth0"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("x\ny", "x\\ny"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("größe", "größe"),
        ] {
            assert_eq!(escape(name), shown);
        }
        assert_eq!(escape_text("a\nb\r"), "a\nb\\r");
    }
}
