//! The files of the tree, and a Rust file without its comments and strings.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// One file.
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// Without comments and strings; the same line numbers.
    pub(crate) code: String,
    /// Without comments; the same line numbers.
    pub(crate) code_and_strings: String,
    /// How many lines there are before the test module, which by custom is the last thing in a file.
    pub(crate) lines_before_tests: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let (code, code_and_strings) = match path.ends_with(".rs") {
            true => (strip(text, false), strip(text, true)),
            false => (text.to_owned(), text.to_owned()),
        };
        let lines_before_tests = before_tests(&code);
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            code_and_strings,
            lines_before_tests,
        }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Of the product: not of its tests, benchmarks and tasks.
    pub(crate) fn is_product(&self) -> bool {
        let test = self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/examples/");
        self.path.starts_with("crates/") && !test
    }
}

/// Reads all Rust, TOML and Markdown files under the root, but for what is built.
pub(crate) fn read_all(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    walk(root, root, &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn walk(root: &Path, directory: &Path, sources: &mut Vec<Source>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            walk(root, &path, sources)?;
        }
        let known = path
            .extension()
            .is_some_and(|e| e == "rs" || e == "toml" || e == "md");
        if known && path.is_file() {
            let text =
                fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            sources.push(Source::new(
                &path.strip_prefix(root)?.to_string_lossy(),
                &text,
            ));
        }
    }
    Ok(())
}

fn before_tests(code: &str) -> usize {
    let lines: Vec<_> = code.lines().map(str::trim).collect();
    let is_test = |pair: &[&str]| {
        pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    };
    lines.windows(2).position(is_test).unwrap_or(lines.len())
}

/// Blanks comments, and the insides of strings unless they are to be kept.
fn strip(text: &str, keep_strings: bool) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, visible) = token(rest, first);
        let (token, after) = rest.split_at(length);
        match visible {
            Visible::Code => code.push_str(token),
            Visible::String if keep_strings => code.push_str(token),
            Visible::String | Visible::Comment => code.extend(token.chars().filter(|c| *c == '\n')),
        }
        rest = after;
    }
    code
}

enum Visible {
    Code,
    String,
    Comment,
}

/// How long the next piece is, and what it is.
fn token(rest: &str, first: char) -> (usize, Visible) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Visible::Comment);
    }
    if rest.starts_with("/*") {
        return (
            rest.find("*/").map_or(rest.len(), |end| end + 2),
            Visible::Comment,
        );
    }
    if let Some(hashes) = raw_string(rest) {
        let end = format!("\"{}", "#".repeat(hashes));
        let start = hashes + 2;
        return (
            rest[start..]
                .find(&end)
                .map_or(rest.len(), |at| start + at + end.len()),
            Visible::String,
        );
    }
    match first {
        '"' => (quoted(rest, '"'), Visible::String),
        '\'' if is_char(rest) => (quoted(rest, '\''), Visible::String),
        c if c.is_alphanumeric() || c == '_' => (
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len()),
            Visible::Code,
        ),
        c => (c.len_utf8(), Visible::Code),
    }
}

/// The number of `#` of a raw string that begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// A character, not a lifetime.
fn is_char(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blank() {
        let text = "a(\"x\\\"y\", 'b', r#\"z\"z\"#); // c\n/* d\n*/ e::<'f>('\\'', '\"') /// g";
        assert_eq!(strip(text, false), "a(, , ); \n\n e::<'f>(, ) ");
        assert_eq!(strip("p(\"/run\"); // q", true), "p(\"/run\"); ");
    }

    #[test]
    fn a_test_module_is_not_product() {
        let source = Source::new(
            "crates/a/src/b.rs",
            "one\n#[cfg(test)]\nmod tests {\n  two\n}\n",
        );
        assert_eq!(source.lines_before_tests, 1);
        assert!(source.is_product());
        assert!(!Source::new("crates/a/tests/b.rs", "").is_product());
    }
}
