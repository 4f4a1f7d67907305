//! What a campaign found: one row per kind of trial, and every loss in words.

use std::fmt;
use std::time::Duration;

use crate::grid::grid;

/// In which way a trial was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something is left, or missing, that the next command did not mend.
    Left,
    /// A neighbour's link, element, file or port suffered.
    Damage,
    /// A command that must work did not.
    Refused,
    /// A command failed without saying what it tried, or crashed, or hung.
    Mute,
    /// Two got the same.
    Twice,
    /// An attack got through.
    Open,
}

/// A trial that was lost.
#[derive(Debug, Clone)]
pub struct Loss {
    /// In which way.
    pub kind: Kind,
    /// Where it happened and what was seen.
    pub text: String,
}

/// Trials of one kind.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Who was attacked, if it is not Vetch alone.
    pub tool: String,
    /// What was attacked.
    pub what: String,
    /// In which way.
    pub how: String,
    /// How many different places it was attacked at.
    pub points: usize,
    /// How many trials there were.
    pub trials: usize,
    /// How many of them were lost in some way, where that is not the number of losses.
    pub lost_trials: usize,
    /// What was lost.
    pub losses: Vec<Loss>,
    /// How long it took.
    pub took: Duration,
    /// A figure worth telling.
    pub note: String,
    /// A table of its own.
    pub table: String,
}

impl Row {
    /// No trial yet.
    pub fn new(what: impl Into<String>, how: impl Into<String>) -> Row {
        Row {
            what: what.into(),
            how: how.into(),
            ..Row::default()
        }
    }

    /// Notes a loss.
    pub fn lose(&mut self, kind: Kind, text: impl Into<String>) {
        self.losses.push(Loss {
            kind,
            text: text.into(),
        });
    }

    /// How many trials were lost.
    pub fn lost(&self) -> usize {
        match self.lost_trials {
            0 => self.losses.len(),
            trials => trials,
        }
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.losses.iter().filter(|loss| loss.kind == kind).count()
    }

    /// Fails a test if anything was lost, or nothing was tried.
    #[track_caller]
    pub fn check(&self) {
        assert!(
            self.trials > 0,
            "nothing was tried: {}, {}",
            self.what,
            self.how
        );
        let words: Vec<&str> = self.losses.iter().map(|loss| loss.text.as_str()).collect();
        assert!(
            self.losses.is_empty(),
            "{} of {} trials were lost: {}, {}\n{}",
            self.losses.len(),
            self.trials,
            self.what,
            self.how,
            words.join("\n")
        );
    }
}

/// All rows, as a table in Markdown, which is as readable on a terminal.
pub struct Table<'a>(pub &'a [Row]);

const HEAD: [&str; 12] = [
    "attacked", "how", "points", "trials", "left", "damage", "refused", "mute", "twice", "open",
    "seconds", "note",
];

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        grid(f, &HEAD, &self.0.iter().map(cells).collect::<Vec<_>>())
    }
}

fn cells(row: &Row) -> Vec<String> {
    let kinds = [
        Kind::Left,
        Kind::Damage,
        Kind::Refused,
        Kind::Mute,
        Kind::Twice,
        Kind::Open,
    ];
    let mut cells = vec![
        row.what.clone(),
        row.how.clone(),
        row.points.to_string(),
        row.trials.to_string(),
    ];
    cells.extend(kinds.map(|kind| row.count(kind).to_string()));
    cells.push(format!("{:.1}", row.took.as_secs_f64()));
    cells.push(row.note.clone());
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_by_kind_and_fail_a_test() {
        let mut row = Row::new("attach", "killed");
        row.trials = 3;
        row.check();
        row.lose(Kind::Left, "a link");
        row.lose(Kind::Left, "a file");
        let text = Table(&[row.clone()]).to_string();
        assert!(
            text.contains("| attach   | killed | 0      | 3      | 2 "),
            "{text}"
        );
        assert!(std::panic::catch_unwind(|| row.check()).is_err());
        assert!(std::panic::catch_unwind(|| Row::new("attach", "killed").check()).is_err());
    }
}
