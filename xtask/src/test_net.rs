//! The privileged suite: builds it and the `vetch` binary, runs it in the sandbox, judges the skips.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::counts::Counts;
use crate::sandbox::{self, Job};
use crate::{sh, skips, tools};

/// `cargo xtask test-net`.
pub(crate) fn main(args: &[String]) -> Result<ExitCode> {
    Ok(run(args)?.conclude())
}

/// Runs the suite; its counts.
pub(crate) fn run(args: &[String]) -> Result<Counts> {
    if !tools::prepare()? {
        println!("SKIP the privileged suite: it needs the tools named above");
        let failed = usize::from(in_ci());
        return Ok(Counts {
            passed: 0,
            failed,
            skipped: 1 - failed,
        });
    }
    let vetch = sh::built("build --quiet --package vetch")?;
    let tests = sh::tests("test --quiet --no-run --package vetch-tests")?;
    let (tests, args) = choose(tests, args);
    let dir = tempfile::tempdir()?;
    let job = Job {
        vetch: vetch
            .into_iter()
            .next()
            .context("cargo built no `vetch`")?
            .1,
        dir: dir.path().to_owned(),
        no_pid: false,
        program: false,
        timed: false,
        limit: sandbox::LIMIT,
        tests,
        args,
    };
    let mut counts = job.run()?;
    let skips = fs::read_to_string(dir.path().join("skips")).unwrap_or_default();
    judge(&mut counts, &skips, in_ci());
    Ok(counts)
}

/// Words that name test binaries choose those; the rest is for the binaries themselves.
fn choose(tests: Vec<(String, PathBuf)>, args: &[String]) -> (Vec<PathBuf>, Vec<String>) {
    let names_one = |word: &String| tests.iter().any(|(name, _)| name == word);
    let (chosen, rest): (Vec<_>, Vec<_>) = args.iter().cloned().partition(names_one);
    let tests = tests
        .into_iter()
        .filter(|(name, _)| chosen.is_empty() || chosen.contains(name));
    (tests.map(|(_, path)| path).collect(), rest)
}

/// A skipped test passed in the eyes of its binary. An unexpected one fails in CI.
fn judge(counts: &mut Counts, list: &str, in_ci: bool) {
    for skip in skips::read(list) {
        let verdict = if skip.expected {
            "expected"
        } else {
            "UNEXPECTED: that is not missing here"
        };
        println!("SKIP {}: {} ({verdict})", skip.test, skip.reason);
        counts.passed = counts.passed.saturating_sub(1);
        if in_ci && !skip.expected {
            counts.failed += 1;
        } else {
            counts.skipped += 1;
        }
    }
}

fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, in_ci: bool, want: [usize; 3]) {
        let mut counts = Counts {
            passed: 5,
            failed: 0,
            skipped: 0,
        };
        judge(&mut counts, list, in_ci);
        let [passed, failed, skipped] = want;
        assert_eq!(
            counts,
            Counts {
                passed,
                failed,
                skipped
            }
        );
    }

    #[test]
    fn a_skip_is_taken_from_what_passed() {
        check("", true, [5, 0, 0]);
        check("a\tkernel>=99.0: the future\n", true, [4, 0, 1]);
    }

    #[test]
    fn words_choose_binaries_or_tests() {
        let check = |words: &str, want: &str, rest: &str| {
            let tests = ["cli", "network"].map(|name| (name.to_owned(), name.into()));
            let args: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
            let (chosen, args) = choose(tests.into(), &args);
            let chosen: Vec<_> = chosen.iter().filter_map(|path| path.to_str()).collect();
            assert_eq!(
                (chosen.join(" "), args.join(" ")),
                (want.into(), rest.into())
            );
        };
        check("", "cli network", "");
        check("network", "network", "");
        check(
            "reach network -- --nocapture",
            "network",
            "reach -- --nocapture",
        );
        check("reach", "cli network", "reach");
    }

    #[test]
    fn an_unexpected_skip_fails_in_ci() {
        check("a\tno time today\n", true, [4, 1, 0]);
        check("a\tno time today\n", false, [4, 0, 1]);
    }
}
