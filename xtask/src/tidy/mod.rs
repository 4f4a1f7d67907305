//! The room rules: which line belongs into which crate. Each check is small and says what to do instead.

mod files;
mod graph;
mod rooms;
mod source;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::counts::Counts;
use crate::sh::root;

pub(crate) use source::Source;

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) instead: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.instead)
    }
}

/// `cargo xtask tidy`.
pub(crate) fn main() -> Result<ExitCode> {
    Ok(run(&root())?.conclude())
}

/// Runs every check; prints what is wrong.
pub(crate) fn run(root: &Path) -> Result<Counts> {
    let sources = source::read_all(root)?;
    let mut counts = Counts::default();
    for (name, violations) in all(&sources) {
        for violation in &violations {
            println!("{violation}");
        }
        println!(
            "tidy {name} ... {}",
            if violations.is_empty() {
                "ok"
            } else {
                "FAILED"
            }
        );
        counts += Counts::one(violations.is_empty());
    }
    Ok(counts)
}

/// Every check by name.
fn all(sources: &[Source]) -> Vec<(&'static str, Vec<Violation>)> {
    let mut checks: Vec<_> = rooms::RULES
        .iter()
        .map(|rule| (rule.name, rule.check(sources)))
        .collect();
    checks.extend(
        files::CHECKS
            .iter()
            .map(|(name, check)| (*name, check(sources))),
    );
    checks.extend(
        graph::CHECKS
            .iter()
            .map(|(name, check)| (*name, check(sources))),
    );
    checks
}
