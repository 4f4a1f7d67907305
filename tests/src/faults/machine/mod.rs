//! A state machine: whatever people, crashes and others do in whatever order, the host is as a small model says.
//!
//! Sequences of steps are drawn at random, each from its own number, so that any of them can be played again; one that fails is made
//! shorter as long as it still fails, and printed as commands that one can retype.

mod killed;
mod look;
mod model;
mod op;
mod play;
mod scene;

use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::op::{Finale, Op};
use super::table::{Kind, Row};
use crate::lab::lab_within;

/// A sequence that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(120);
type Sequence = (Vec<Op>, Finale);

/// How long a failing sequence is made shorter.
const SHRINK: Duration = Duration::from_secs(300);
/// After so many the rest is not played.
const ENOUGH: usize = 5;

/// Plays the sequences with these numbers, of at most so many steps each.
pub fn machine(numbers: Range<u64>, steps: usize) -> Row {
    let start = Instant::now();
    let mut row = Row::new(
        "any state",
        format!("sequences {} to {}", numbers.start, numbers.end),
    );
    for number in numbers {
        row.points += 1;
        let (played, wrong) = sequence(number, steps);
        row.trials += played;
        if let Some(wrong) = wrong {
            row.lose(Kind::Left, format!("sequence {number}: {wrong}"));
        }
        if row.losses.len() == ENOUGH {
            break;
        }
    }
    row.took = start.elapsed();
    row
}

/// The steps that were played, and what is wrong.
fn sequence(number: u64, steps: usize) -> (usize, Option<String>) {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut tree = op::sequence(steps)
        .new_tree(&mut runner)
        .expect("a sequence");
    let played = tree.current().0.len();
    let Err(first) = in_lab(tree.current()) else {
        return (played, None);
    };
    let found = match in_lab(tree.current()) {
        Ok(()) => said(tree.current(), &format!("once, and not again: {first}")),
        Err(again) => shrunk(&mut tree, again),
    };
    (played, Some(found))
}

/// As short as it becomes in a while, failing still.
fn shrunk(tree: &mut impl ValueTree<Value = Sequence>, mut wrong: String) -> String {
    let (start, mut found) = (Instant::now(), tree.current());
    let mut goes_on = tree.simplify();
    while goes_on && start.elapsed() < SHRINK {
        goes_on = match in_lab(tree.current()) {
            Err(still) => {
                (wrong, found) = (still, tree.current());
                tree.simplify()
            }
            Ok(()) => tree.complicate(),
        };
    }
    said(found, &wrong)
}

/// Each in namespaces of its own.
fn in_lab((ops, finale): Sequence) -> Result<(), String> {
    let (send, receive) = mpsc::channel();
    let play = move || {
        lab_within(LIMIT, move |lab| {
            let verdict = play::play(lab, &ops, finale);
            if verdict.is_err() {
                lab.leaves_state();
            }
            let _ = send.send(verdict);
        });
    };
    let ended = panic::catch_unwind(AssertUnwindSafe(play));
    let verdict = receive.try_recv();
    ended.map_err(|_| "no end: see above".to_owned())?;
    verdict.unwrap_or_else(|_| Err("no verdict".to_owned()))
}

fn said((ops, finale): Sequence, wrong: &str) -> String {
    let lines: Vec<String> = ops.iter().map(|op| format!("  {}", op.words())).collect();
    let last = finale.words();
    format!(
        "{wrong}\nThe steps, after `ip netns add` of a, b and c:\n{}\n  {last}",
        lines.join("\n")
    )
}
