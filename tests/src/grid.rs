//! Tables in Markdown, which are as readable on a terminal.

use std::fmt;

/// Writes heading and rows, each column as wide as its widest cell.
pub(crate) fn grid(f: &mut fmt::Formatter<'_>, head: &[&str], rows: &[Vec<String>]) -> fmt::Result {
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([head[at].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let lines = [&head, &rule].into_iter().chain(rows);
    lines.into_iter().try_for_each(|row| line(f, row, &widths))
}

/// One line, each cell as wide as said.
pub(crate) fn line(f: &mut fmt::Formatter<'_>, cells: &[String], widths: &[usize]) -> fmt::Result {
    let padded = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"));
    writeln!(f, "| {} |", padded.collect::<Vec<_>>().join(" | "))
}
