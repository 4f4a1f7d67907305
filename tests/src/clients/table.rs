//! What came of it: a row for each client and proof.

use std::fmt;
use std::time::Duration;

use anyhow::Result;

use crate::grid::grid;

/// How often something was tried, and worked.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Who.
    pub client: String,
    /// What.
    pub proof: &'static str,
    /// How often it was tried.
    pub tries: usize,
    /// How often it failed.
    pub failed: usize,
    /// How long each try took that is worth telling.
    pub took: Vec<Duration>,
    /// Why it was not tried at all.
    pub skipped: Option<String>,
    /// It says something about others' plugins, not about ours.
    pub beside: bool,
}

impl Row {
    /// Counts a try, and says at once what went wrong.
    fn note(&mut self, tried: Result<()>) {
        self.tries += 1;
        if let Err(error) = tried {
            self.failed += 1;
            eprintln!("FAILED {}: {}: {error:#}", self.client, self.proof);
        }
    }

    /// Whether it worked each time, and at least once.
    pub fn is_ok(&self) -> bool {
        self.tries > 0 && self.failed == 0
    }

    fn median(&self) -> String {
        let mut took = self.took.clone();
        took.sort();
        let middle = took.get(took.len() / 2);
        middle.map_or_else(String::new, |took| format!("{} ms", took.as_millis()))
    }

    fn cells(&self) -> Vec<String> {
        let ok = self.tries - self.failed;
        let counts = match self.skipped {
            Some(_) => ["-".to_owned(), "skipped".to_owned()],
            None => [self.tries.to_string(), ok.to_string()],
        };
        let [tries, ok] = counts;
        vec![
            self.client.clone(),
            self.proof.to_owned(),
            tries,
            ok,
            self.median(),
        ]
    }
}

/// The rows of one client, in the order in which they are begun.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    proto: Row,
    rows: Vec<Row>,
}

impl Rows {
    pub(super) fn new(client: &str, beside: bool) -> Rows {
        let client = client.to_owned();
        let proto = Row {
            client,
            beside,
            ..Row::default()
        };
        let rows = Vec::new();
        Rows { proto, rows }
    }

    /// That of a proof.
    pub(super) fn row(&mut self, proof: &'static str) -> &mut Row {
        let at = self.rows.iter().position(|row| row.proof == proof);
        let at = at.unwrap_or_else(|| {
            let proto = self.proto.clone();
            self.rows.push(Row { proof, ..proto });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }

    pub(super) fn note(&mut self, proof: &'static str, tried: Result<()>) {
        self.row(proof).note(tried);
    }

    /// One that says why there is none.
    pub(super) fn skipped(self, why: String) -> Vec<Row> {
        let skipped = Some(why);
        vec![Row {
            skipped,
            ..self.proto
        }]
    }

    pub(super) fn all(self) -> Vec<Row> {
        self.rows
    }
}

/// All rows as a table.
#[derive(Debug)]
pub struct Table<'a>(pub &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.0.iter().map(Row::cells).collect();
        grid(f, &["client", "proof", "tries", "ok", "median"], &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_that_was_never_tried_is_none() {
        let mut row = Row::default();
        assert!(!row.is_ok());
        row.note(Ok(()));
        assert!(row.is_ok());
        row.note(Err(anyhow::anyhow!("no")));
        assert!(!row.is_ok());
        assert_eq!(row.cells()[2..4], ["2", "1"]);
    }

    #[test]
    fn the_time_is_that_in_the_middle() {
        let took = [9, 1, 5].map(Duration::from_millis).to_vec();
        let row = Row {
            took,
            ..Row::default()
        };
        assert_eq!(row.median(), "5 ms");
        assert_eq!(Row::default().median(), "");
    }
}
