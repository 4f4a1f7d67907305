//! Attacks on isolation, as parts of the campaign.

use std::time::Instant;

use super::table::{Kind, Row};
use crate::attack::{Kept, Line, Lines, attacks};
use crate::lab::Lab;

/// Every attack, by default and opened; and what must go on working. The first row has the table of all.
pub fn isolation(lab: &Lab) -> Vec<Row> {
    let start = Instant::now();
    let (lines, kept) = attacks(lab);
    let mut rows = vec![closed(&lines), opened(&lines), works(&kept)];
    rows[0].took = start.elapsed();
    rows
}

fn closed(lines: &[Line]) -> Row {
    let mut row = Row::new("isolation", "attacks, closed");
    row.points = lines.len();
    row.trials = lines.iter().map(|line| line.tries).sum();
    for line in lines.iter().filter(|line| !line.through.is_empty()) {
        let text = format!(
            "{} from {}: {}",
            line.what,
            line.from,
            line.through.join("; ")
        );
        row.lose(Kind::Open, text);
    }
    row.table = Lines(lines).to_string();
    row
}

fn opened(lines: &[Line]) -> Row {
    let mut row = Row::new("isolation", "attacks, opened");
    row.trials = lines.iter().filter(|line| line.by.is_some()).count();
    row.points = row.trials;
    for line in lines.iter().filter(|line| !line.stuck.is_empty()) {
        let text = format!(
            "{} opened by {:?}: {}",
            line.what,
            line.by,
            line.stuck.join("; ")
        );
        row.lose(Kind::Refused, text);
    }
    row
}

fn works(kept: &[Kept]) -> Row {
    let mut row = Row::new("isolation", "what must go on");
    row.trials = kept.len();
    row.points = row.trials;
    for (what, from, lost) in kept.iter().filter(|(.., lost)| !lost.is_empty()) {
        row.lose(
            Kind::Damage,
            format!("{what}, from {from}: {}", lost.join("; ")),
        );
    }
    row.note = kept
        .iter()
        .map(|(what, ..)| *what)
        .collect::<Vec<_>>()
        .join("; ");
    row
}
