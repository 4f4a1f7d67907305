//! Tables for people: a heading, aligned columns, cells escaped, cut to the terminal by wrapping.

use crate::failure::Failure;
use crate::output::{Output, escape};
use comfy_table::{ContentArrangement, Table, presets};

/// Prints rows under a heading. Without rows only the heading appears, so that "none" is told from "failed".
pub(crate) fn print(
    out: &mut Output,
    heading: &[&str],
    rows: Vec<Vec<String>>,
) -> Result<(), Failure> {
    let text = render(heading, rows, out.width());
    text.lines().try_for_each(|line| out.line(line.trim_end()))
}

fn render(heading: &[&str], rows: Vec<Vec<String>>, width: Option<u16>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(heading.to_vec());
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| cell_text(cell)).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.to_string()
}

/// An empty cell is shown as `-`, so that columns can be counted; lines of a cell stay lines.
fn cell_text(cell: &str) -> String {
    if cell.is_empty() {
        "-".to_owned()
    } else {
        cell.split('\n').map(escape).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_cells_are_escaped() {
        let text = render(
            &["ID", "STATE"],
            vec![
                vec!["a\u{7}b".into(), "up".into()],
                vec!["c".into(), String::new()],
            ],
            None,
        );
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines, ["ID       STATE", "a\\u{7}b  up", "c        -"]);
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let row = vec![
            "x".repeat(40),
            "10.0.0.1/24 fd00::1/64".to_owned(),
            "word ".repeat(20),
        ];
        let text = render(&["ONE", "TWO", "THREE"], vec![row], Some(60));
        assert!(
            text.lines()
                .all(|line| line.trim_end().chars().count() <= 60),
            "{text}"
        );
    }
}
