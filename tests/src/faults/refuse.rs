//! Every netlink, file and sysctl operation refused in turn: afterwards all is as before and said so, or all is done.

use std::time::Instant;

use nix::errno::Errno;

use super::call::Call;
use super::kill::Depth;
use super::operation::{Operation, Side, Stage};
use super::table::{Kind, Row};
use super::trace::{Act, When, trace};
use super::world::World;
use crate::exec::Output;
use crate::lab::Lab;

/// What the kernel answers.
pub(super) const ERRNOS: [Errno; 7] = [
    Errno::ENOBUFS,
    Errno::EINTR,
    Errno::ENOMEM,
    Errno::EBUSY,
    Errno::ENOSPC,
    Errno::EROFS,
    Errno::EPERM,
];

/// Refuses every operation of the attacked command that can be refused: in the full form with every error, else a sample with one in turn.
pub fn refused(lab: &Lab, operation: Operation, depth: Depth) -> Row {
    let (start, world) = (Instant::now(), World::new(lab));
    let mut row = Row::new(operation.name, "refused");
    let stage = Stage::new(&world, operation);
    let calls = stage.rehearse(|call| call.can_fail);
    let mut halfway = 0;
    for (at, number) in depth.numbers(&calls).into_iter().enumerate() {
        row.points += 1;
        let errnos = match depth {
            Depth::Full => &ERRNOS[..],
            _ => &ERRNOS[at % ERRNOS.len()..][..1],
        };
        for errno in errnos {
            halfway += usize::from(trial(&stage, number, *errno, &mut row));
        }
    }
    stage.end();
    let damage = world.whole_damage();
    if !damage.is_empty() {
        row.lose(Kind::Damage, format!("at the end: {damage:?}"));
    }
    world.end();
    row.took = start.elapsed();
    if halfway > 0 {
        row.note = format!("{halfway} half done, said so, finished by the next command");
    }
    row
}

/// Whether a command that takes away was half done: it says so, and the next one finishes it.
fn trial(stage: &Stage<'_, '_>, number: usize, errno: Errno, row: &mut Row) -> bool {
    row.trials += 1;
    let (output, call) = refuse_at(stage, number, errno);
    let call = call.map_or_else(|| "too late".to_owned(), |call| call.to_string());
    let at = format!("`{}` {errno} at call {number}: {call}", stage.attacked());
    check_words(&output, &at, row);
    let [before, complete] = stage.ends();
    let wanted = if output.code == 0 { complete } else { before };
    let left = stage.world.becomes(&[wanted]);
    let halfway = !left.is_empty() && output.code != 0 && stage.operation.side == Side::Take;
    if !left.is_empty() && !halfway {
        let left = left.join("\n  ");
        row.lose(
            Kind::Left,
            format!(
                "{at}; exit {}: {}:\n  {left}",
                output.code,
                output.stderr.trim()
            ),
        );
    }
    let damage = stage.world.damage();
    if !damage.is_empty() {
        row.lose(Kind::Damage, format!("{at}: {damage:?}"));
    }
    stage.take(row, &at);
    stage.reset();
    halfway
}

/// A failure is an answer in words.
fn check_words(output: &Output, at: &str, row: &mut Row) {
    // 126: `run` could not start the program.
    let crashed = output.code == 101 || output.code > 126;
    let told =
        output.stderr.starts_with("error: cannot ") || output.stderr.contains("\nerror: cannot ");
    if crashed || (output.code != 0 && !told) {
        row.lose(Kind::Mute, format!("{at}: {output}"));
    }
}

fn refuse_at(stage: &Stage<'_, '_>, number: usize, errno: Errno) -> (Output, Option<Call>) {
    let argv = stage.world.argv(stage.attacked());
    let mut at = None;
    let judge = refuser(|call| call.can_fail, number, errno, &mut at);
    let output = trace(stage.world.host(), &argv, judge);
    (output, at)
}

/// Judges so that the so many-th of the calls that are meant fails, and tells the call.
pub(super) fn refuser<'a>(
    is_meant: impl Fn(&Call) -> bool + 'a,
    number: usize,
    errno: Errno,
    at: &'a mut Option<Call>,
) -> impl FnMut(&Call, When) -> Act + 'a {
    let mut seen = 0;
    move |call, when| {
        if !is_meant(call) || when != When::Before {
            return Act::Go;
        }
        seen += 1;
        if seen != number + 1 {
            return Act::Go;
        }
        *at = Some(call.clone());
        Act::Fail(errno)
    }
}
