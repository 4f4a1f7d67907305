//! The textbook's words through the reference tools and through Vetch on twin machines: the same outcome, the same state, the
//! same text and JSON.
//!
//! One operation on each line. `=` prints, and both print the same; `!` must fail on both; `$` is set-up by the reference tool on both;
//! `~` prints, and is tried only under the names of the originals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "test code: a panic is how a test fails"
)]

mod addresses;
mod bridges;
mod links;
mod namespaces;
mod routes;

use vetch_tests::{Lab, Twin, lab};

/// Runs a script by both names that Vetch answers to. The test fails at the first line that makes a difference.
#[track_caller]
fn check(script: &'static str) {
    lab(move |lab| run(&Twin::new(lab), script, false));
    lab(move |lab: &Lab| run(&Twin::by_name(lab), script, true));
}

fn run(twin: &Twin, script: &str, by_name: bool) {
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        match line.split_once(' ') {
            Some(("=", words)) => twin.same_output(words),
            Some(("~", words)) if by_name => twin.same_output(words),
            Some(("~", _)) => {}
            Some(("$", words)) => twin.setup(words),
            Some(("!", words)) => check_refusal(twin, words, by_name),
            _ => drop(twin.same(line)),
        }
    }
}

/// Both fail, say why, and under the name of the original exit alike.
fn check_refusal(twin: &Twin, words: &str, by_name: bool) {
    let (reference, ours) = twin.same(words);
    let silent = words.ends_with(" false");
    assert!(
        ours.code != 0 && (silent || !ours.stderr.is_empty()),
        "`{words}` did not fail\n{reference}\n{ours}"
    );
    if by_name {
        assert_eq!(reference.code, ours.code, "`{words}`\n{reference}\n{ours}");
    }
}
