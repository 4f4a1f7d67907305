//! All tools beside each other: one line per attack, one column per tool.

use std::fmt;

use crate::faults::table::{Kind, Row};
use crate::grid::line;

/// The rows of several tools, as a table in Markdown: lost trials of all trials, and in which ways.
pub struct Beside<'a>(pub &'a [Row]);

impl fmt::Display for Beside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools = distinct(self.0.iter().map(|row| row.tool.clone()));
        let attacks = distinct(self.0.iter().map(|row| (row.what.clone(), row.how.clone())));
        let mut lines = vec![[vec!["attack".to_owned()], tools.clone()].concat()];
        for (what, how) in attacks {
            let of = |tool: &String| {
                let mut rows = self.0.iter();
                rows.find(|row| row.tool == *tool && row.what == what && row.how == how)
                    .map_or_else(|| "-".to_owned(), cell)
            };
            let cells: Vec<String> = tools.iter().map(of).collect();
            let title = if how == super::open::HOW {
                what
            } else {
                format!("{what} {how}")
            };
            lines.push([title].into_iter().chain(cells).collect());
        }
        let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max();
        let widths: Vec<usize> = (0..=tools.len()).filter_map(width).collect();
        lines.insert(1, widths.iter().map(|width| "-".repeat(*width)).collect());
        lines.iter().try_for_each(|cells| line(f, cells, &widths))
    }
}

/// In the order in which they come.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

fn cell(row: &Row) -> String {
    if row.how == super::open::HOW {
        let answer = if row.losses.is_empty() {
            "closed"
        } else {
            "**open**"
        };
        return answer.to_owned();
    }
    let kinds = [
        (Kind::Left, "left"),
        (Kind::Damage, "damage"),
        (Kind::Refused, "refused"),
        (Kind::Mute, "mute"),
        (Kind::Twice, "twice"),
    ];
    let counts = kinds.map(|(kind, word)| (row.count(kind), word));
    let ways: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{word} {count}"))
        .collect();
    let of = if row.points > row.trials {
        format!("{} ({} points)", row.trials, row.points)
    } else {
        row.trials.to_string()
    };
    match ways.as_slice() {
        [] => format!("0 of {of}"),
        ways => format!("{} of {of}: {}", row.lost(), ways.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_stand_beside_each_other() {
        let row = |tool: &str, how: &str| Row {
            tool: tool.to_owned(),
            points: 40,
            trials: 4,
            ..Row::new("ADD", how)
        };
        let (ours, mut theirs) = (row("a 1", "killed"), row("b 2", "killed"));
        theirs.lose(Kind::Left, "a link");
        theirs.lose(Kind::Refused, "a DEL");
        theirs.lost_trials = 1;
        let mut open = row("b 2", super::super::open::HOW);
        open.lose(Kind::Open, "a port");
        let text = Beside(&[ours, theirs, open]).to_string();
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
        let lines: Vec<Vec<String>> = text.lines().map(cells).collect();
        assert_eq!(lines[0], ["", "attack", "a 1", "b 2", ""]);
        let theirs = "1 of 4 (40 points): left 1, refused 1";
        assert_eq!(
            lines[2],
            ["", "ADD killed", "0 of 4 (40 points)", theirs, ""]
        );
        assert_eq!(lines[3], ["", "ADD", "-", "**open**", ""]);
    }
}
