//! What came of the attacks, as a table.

use std::fmt;

/// One attack: how it went by default, and with what opens it.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was tried.
    pub what: String,
    /// From where.
    pub from: &'static str,
    /// What came through by default; nothing should.
    pub through: Vec<String>,
    /// What opens it; nothing if there is none.
    pub by: Option<&'static str>,
    /// What did not come through with it; everything should.
    pub stuck: Vec<String>,
    /// Whether it comes through as soon as somebody flushes the ruleset; where this is not tried, not known.
    pub flushed: Option<bool>,
    /// How many tries there were by default.
    pub tries: usize,
}

impl Line {
    /// Not tried yet.
    pub fn new(what: impl Into<String>, from: &'static str, by: Option<&'static str>) -> Line {
        Line {
            what: what.into(),
            from,
            through: Vec::new(),
            by,
            stuck: Vec::new(),
            flushed: None,
            tries: 0,
        }
    }
}

/// All of them, in Markdown.
pub struct Lines<'a>(pub &'a [Line]);

const HEAD: [&str; 7] = [
    "attack",
    "from",
    "tries",
    "by default",
    "opened by",
    "then",
    "ruleset flushed",
];

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::grid::grid(f, &HEAD, &self.0.iter().map(cells).collect::<Vec<_>>())
    }
}

fn cells(line: &Line) -> Vec<String> {
    let open = |is| if is { "open" } else { "closed" };
    vec![
        line.what.clone(),
        line.from.to_owned(),
        line.tries.to_string(),
        match line.through.is_empty() {
            true => "closed".to_owned(),
            false => "OPEN".to_owned(),
        },
        line.by.unwrap_or("never").to_owned(),
        match (line.by, line.stuck.is_empty()) {
            (None, _) => "-".to_owned(),
            (Some(_), true) => "open".to_owned(),
            (Some(_), false) => "CLOSED".to_owned(),
        },
        line.flushed.map_or("-", open).to_owned(),
    ]
}
