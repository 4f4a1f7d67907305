//! Everything that must hold before a change is done: what CI runs, and what a person runs.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::counts::Counts;
use crate::{sh, test_net, tidy};

/// `cargo xtask test`. A failing stage does not hide what the next ones would say.
pub(crate) fn main() -> Result<ExitCode> {
    let mut counts = check()?;
    counts += stage("privileged suite", || test_net::run(&[]));
    Ok(counts.conclude())
}

/// All that needs no privilege: format, lints, unit and documentation tests, tidy.
pub(crate) fn check() -> Result<Counts> {
    let mut counts = Counts::default();
    counts += stage("format", || passes(sh::cargo("fmt --all --check")));
    counts += stage("lints", || {
        passes(sh::cargo(
            "clippy --quiet --workspace --all-targets -- -D warnings",
        ))
    });
    counts += stage("unit and documentation tests", unit);
    counts += stage("tidy", || tidy::run(&sh::root()));
    counts += stage("licences and advisories", deny);
    Ok(counts)
}

/// Of the package with the privileged tests only the examples in its documentation.
fn unit() -> Result<Counts> {
    let mut counts = sh::counted(sh::cargo(
        "test --quiet --workspace --exclude vetch-tests --no-fail-fast",
    ))?;
    counts += sh::counted(sh::cargo("test --quiet --doc --package vetch-tests"))?;
    Ok(counts)
}

/// `cargo deny` is not part of Rust: where it is not installed, this is a skip.
fn deny() -> Result<Counts> {
    let there = sh::cargo("deny --version")
        .output()
        .is_ok_and(|output| output.status.success());
    if there {
        return passes(sh::cargo("deny --workspace check"));
    }
    println!("SKIP cargo-deny is not installed (cargo install cargo-deny)");
    Ok(Counts {
        skipped: 1,
        ..Counts::default()
    })
}

fn passes(command: Command) -> Result<Counts> {
    Ok(Counts::one(sh::succeeds(command)?))
}

/// A stage that could not run at all has failed.
fn stage(name: &str, run: impl FnOnce() -> Result<Counts>) -> Counts {
    println!("== {name}");
    run().unwrap_or_else(|error| {
        println!("{name} could not run: {error:#}");
        Counts::one(false)
    })
}
