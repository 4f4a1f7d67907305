//! One trial: what is asked of a tool afterwards, each kind of loss counted once.

use std::collections::BTreeSet;

use super::place::Place;
use crate::exec::Output;
use crate::faults::table::{Kind, Row};
use crate::peers::Verb;

/// A trial, and in which ways it was lost.
pub(super) struct Trial<'a> {
    row: &'a mut Row,
    at: String,
    lost: BTreeSet<Kind>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(row: &'a mut Row, at: String) -> Trial<'a> {
        row.trials += 1;
        Trial {
            row,
            at,
            lost: BTreeSet::new(),
        }
    }

    pub(super) fn lose(&mut self, kind: Kind, text: String) {
        if self.lost.is_empty() {
            self.row.lost_trials += 1;
        }
        if self.lost.insert(kind) {
            self.row.lose(kind, format!("{}; {text}", self.at));
        }
    }

    /// The neighbour has all that it had.
    pub(super) fn damage(&mut self, place: &Place<'_>) {
        let damage = place.damage();
        if !damage.is_empty() {
            self.lose(Kind::Damage, format!("{damage:?}"));
        }
    }

    /// A command that must succeed, and what must be so afterwards.
    pub(super) fn must(&mut self, place: &Place<'_>, verb: Verb) {
        let output = place.go(verb);
        if output.code != 0 {
            self.lose(
                Kind::Refused,
                format!("then {} failed: {}", verb.word(), said(&output)),
            );
        }
        match verb {
            Verb::Del => self.left(place),
            Verb::Add if output.code == 0 && !place.works() => {
                self.lose(Kind::Left, "then ADD, which does not work".to_owned());
            }
            Verb::Add => {}
        }
    }

    /// Nothing is left; asked once only.
    pub(super) fn left(&mut self, place: &Place<'_>) {
        if self.lost.contains(&Kind::Left) {
            return;
        }
        let left = place.left();
        if !left.is_empty() {
            self.lose(Kind::Left, format!("left:\n  {}", left.join("\n  ")));
        }
    }

    /// A failure is an answer in words.
    pub(super) fn told(&mut self, output: &Output) {
        let crashed = output.code >= 101 || output.stderr.contains("goroutine ");
        if output.code != 0 && (crashed || said(output).is_empty()) {
            self.lose(Kind::Mute, format!("{output}"));
        }
    }

    /// After a loss everything is set up anew.
    pub(super) fn end(self, place: &Place<'_>) {
        if !self.lost.is_empty() || !place.left().is_empty() {
            place.rebuild();
        }
    }
}

/// What a failed command says, wherever it says it.
pub(super) fn said(output: &Output) -> String {
    format!("{} {}", output.stdout.trim(), output.stderr.trim())
        .trim()
        .to_owned()
}
