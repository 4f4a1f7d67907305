//! Input that cannot be right: refused with field and value before anything is changed.

mod rows;

use std::time::Instant;

use super::call::Call;
use super::table::{Kind, Row};
use super::trace::{Act, When, trace};
use crate::lab::Lab;
use rows::{COMMANDS, LAUNCHERS};

/// The words of a command (`''` is an empty one, `\u{2420}` a space inside one) and what the complaint must hold.
type Bad = (&'static str, &'static [&'static str]);

/// What the rows are about: networks `web` and `grey`, namespaces `c1`, and `c2` that is attached.
fn setup(lab: &Lab) {
    lab.outside("internet", "uplink");
    lab.vetch("network create web --subnet 10.77.0.0/24").ok();
    lab.vetch("network create grey --internal").ok();
    lab.netns("c1");
    lab.netns("c2");
    lab.vetch("attach web c2 -p 8080:80").ok();
}

/// Takes it away.
fn clear(lab: &Lab) {
    lab.vetch("network rm --force --wait web grey").ok();
}

/// The words one by one.
fn words(bad: &Bad) -> Vec<String> {
    let word = |word: &str| {
        if word == "''" {
            String::new()
        } else {
            word.replace('\u{2420}', " ")
        }
    };
    bad.0.split(' ').map(word).collect()
}

/// Each is refused: the tracer sees no call that changes anything, and the host is as before.
pub fn bad_input(lab: &Lab) -> Row {
    let start = Instant::now();
    let mut row = Row::new("bad input", "refused before the first write");
    setup(lab);
    let before = lab.state();
    for (rows, code) in [(COMMANDS, 2), (LAUNCHERS, 125)] {
        rows.iter()
            .for_each(|bad| refused(lab, &mut row, bad, code));
    }
    let changed = before.difference(&lab.state());
    if !changed.is_empty() {
        row.lose(Kind::Left, changed.join("; "));
    }
    clear(lab);
    row.points = row.trials;
    row.took = start.elapsed();
    row
}

fn refused(lab: &Lab, row: &mut Row, bad: &Bad, code: i32) {
    row.trials += 1;
    let (program, words) = (crate::node::vetch(), words(bad));
    let argv: Vec<&str> = std::iter::once(&program)
        .chain(&words)
        .map(String::as_str)
        .collect();
    let mut changes = Vec::new();
    let said = trace(lab, &argv, |call, when| {
        if writes(call) && when == When::Before {
            changes.push(call.to_string());
        }
        Act::Go
    });
    let missing: Vec<_> = bad
        .1
        .iter()
        .filter(|text| !said.stderr.contains(**text))
        .collect();
    if said.code != code {
        row.lose(Kind::Refused, format!("not refused with {code}: {said}"));
    }
    if !missing.is_empty() || said.stderr.contains('\u{1b}') {
        row.lose(Kind::Mute, format!("{missing:?} is not said: {said}"));
    }
    // What starts programs has a record and a namespace of its own first; nothing of them is left.
    if !changes.is_empty() && code == 2 {
        row.lose(Kind::Damage, format!("{}: {}", bad.0, changes.join("; ")));
    }
}

/// Locks are taken, and this process moves; what it may do besides is only to look.
fn writes(call: &Call) -> bool {
    let moves = ["setns", "flock", "close", "rmdir"].contains(&call.name);
    call.changes && !moves && !call.on.ends_with("/lock")
}
