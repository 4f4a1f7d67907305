//! What holds for every file.

use super::{Source, Violation};

type Check = fn(&[Source]) -> Vec<Violation>;

pub(super) const CHECKS: [(&str, Check); 3] = [
    ("files are short", length),
    ("nothing is unfinished", unfinished),
    ("modules say what they own", module_docs),
];

const MOST_LINES: usize = 500;
/// Paths that may be longer. A flat table may be; prose and code may not.
const LONG: [&str; 0] = [];
/// Written apart so that this file obeys its own rule.
const UNFINISHED: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("#[ig", "nore"),
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
];

fn length(sources: &[Source]) -> Vec<Violation> {
    let rust = sources
        .iter()
        .filter(|s| s.is_rust() && !LONG.contains(&s.path.as_str()));
    rust.filter_map(|source| {
        let lines = source.text.lines().count();
        let instead = format!(
            "{lines} lines: divide it by what it owns, so that no file has more than {MOST_LINES}"
        );
        (lines > MOST_LINES).then(|| Violation {
            path: source.path.clone(),
            line: lines,
            instead,
        })
    })
    .collect()
}

fn unfinished(sources: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources {
        for (at, line) in source.text.lines().enumerate() {
            if let Some(word) = UNFINISHED.iter().find(|word| line.contains(*word)) {
                let instead = format!(
                    "`{word}`: finish it, or open an issue; an open test asserts what is and says why"
                );
                found.push(Violation {
                    path: source.path.clone(),
                    line: at + 1,
                    instead,
                });
            }
        }
    }
    found
}

fn module_docs(sources: &[Source]) -> Vec<Violation> {
    let bare = sources
        .iter()
        .filter(|s| s.is_rust() && !s.text.starts_with("//!") && !s.text.starts_with("#!"));
    let instead = "begin with `//!`: what this module owns and what it leaves to others, in at most six lines";
    bare.map(|source| Violation {
        path: source.path.clone(),
        line: 1,
        instead: instead.into(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_caught() {
        let text = |lines| "//! x\n".repeat(lines);
        assert_eq!(length(&[Source::new("a.rs", &text(500))]), []);
        assert_eq!(length(&[Source::new("a.rs", &text(501))]).len(), 1);
    }

    #[test]
    fn unfinished_work_is_caught() {
        for word in UNFINISHED {
            let caught = unfinished(&[Source::new("a.rs", &format!("fn a() {{}}\n// {word}\n"))]);
            assert_eq!(caught.len(), 1, "{word}");
            assert_eq!(caught[0].line, 2);
        }
        assert_eq!(unfinished(&[Source::new("a.rs", "fn ignore() {}")]), []);
    }

    #[test]
    fn a_module_without_words_is_caught() {
        assert_eq!(module_docs(&[Source::new("a.rs", "use std::io;")]).len(), 1);
        assert_eq!(
            module_docs(&[
                Source::new("a.rs", "//! Owns a.\nuse std::io;"),
                Source::new("a.md", "x")
            ]),
            []
        );
    }
}
