//! Killed at every system call that changes something: afterwards the next command mends it, and the neighbour notices nothing.

use std::time::Instant;

use super::call::Call;
use super::operation::{Operation, Side, Stage};
use super::table::{Kind, Row};
use super::trace::{Act, LIMIT, When, trace};
use super::world::World;
use crate::lab::Lab;

/// How many of the places are tried.
#[derive(Debug, Clone, Copy)]
pub enum Depth {
    /// All of them, with every command that may come next.
    Full,
    /// Every so many-th, with one command that may come next.
    Every(usize),
    /// Only these, where something was lost once; the same otherwise.
    At(fn(&Call) -> bool),
}

impl Depth {
    /// The numbers of the calls that are tried.
    pub(super) fn numbers(self, calls: &[Call]) -> Vec<usize> {
        let all = 0..calls.len();
        match self {
            Depth::Full => all.collect(),
            Depth::Every(every) => all.step_by(every.max(1)).collect(),
            Depth::At(is_meant) => all.filter(|number| is_meant(&calls[*number])).collect(),
        }
    }
}

/// Where a program is killed.
#[derive(Debug, Clone)]
pub(super) struct Point {
    number: usize,
    when: When,
    act: Act,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let when = if self.when == When::Before {
            "before"
        } else {
            "after"
        };
        let whom = if self.act == Act::KillAll {
            "all processes"
        } else {
            "its process"
        };
        write!(f, "killed {whom} {when} call {}", self.number)
    }
}

/// Which command comes next.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The one that was killed, again.
    Same,
    /// The one that does the opposite.
    Opposite,
    /// `vetch gc`.
    Collect,
    /// Somebody else's on the same network.
    Others,
}

const NEXT: [Next; 4] = [Next::Same, Next::Opposite, Next::Collect, Next::Others];

/// Kills the operation's attacked command wherever it changes something.
pub fn killed(lab: &Lab, operation: Operation, depth: Depth) -> Row {
    let (start, world) = (Instant::now(), World::new(lab));
    let mut row = Row::new(operation.name, "killed");
    let stage = Stage::new(&world, operation);
    let calls = stage.rehearse(|call| call.changes);
    let points = points(&calls, depth);
    row.points = points.len();
    for (at, point) in points.iter().enumerate() {
        for next in nexts(&stage, point, depth, at) {
            trial(&stage, point, next, &mut row);
        }
    }
    stage.end();
    let damage = world.whole_damage();
    if !damage.is_empty() {
        row.lose(Kind::Damage, format!("at the end: {damage:?}"));
    }
    world.end();
    row.took = start.elapsed();
    row
}

/// Before every call; in the full form after it, too. Where there are several processes, all of them and only the one that calls.
pub(super) fn points(calls: &[Call], depth: Depth) -> Vec<Point> {
    let whens = match depth {
        Depth::Full => &[When::Before, When::After][..],
        _ => &[When::Before],
    };
    let first_fork = calls
        .iter()
        .position(|call| matches!(call.name, "clone" | "fork"));
    let mut points = Vec::new();
    for number in depth.numbers(calls) {
        let several = first_fork.is_some_and(|fork| number >= fork);
        let acts = if several {
            &[Act::KillAll, Act::Kill][..]
        } else {
            &[Act::KillAll]
        };
        for when in whens {
            let new = |act: &Act| Point {
                number,
                when: *when,
                act: *act,
            };
            points.extend(acts.iter().map(new));
        }
    }
    points
}

/// All that may come next before a call in the full form; else one, in turn. The state after a call is that before the next.
fn nexts(stage: &Stage<'_, '_>, point: &Point, depth: Depth, at: usize) -> Vec<Next> {
    let known = if stage.operation.others.is_empty() {
        3
    } else {
        4
    };
    match (depth, point.when) {
        (Depth::Full, When::Before) => NEXT[..known].to_vec(),
        _ => vec![NEXT[at % known]],
    }
}

fn trial(stage: &Stage<'_, '_>, point: &Point, next: Next, row: &mut Row) {
    row.trials += 1;
    let start = Instant::now();
    let call = kill_at(stage, point);
    let call = call.map_or_else(|| "too late".to_owned(), |call| call.to_string());
    let at = format!("`{}` {point}: {call}", stage.attacked());
    if start.elapsed() >= LIMIT {
        row.lose(Kind::Mute, format!("{at}: it hung"));
    }
    let damage = stage.world.damage();
    if !damage.is_empty() {
        row.lose(Kind::Damage, format!("{at}: {damage:?}"));
    }
    let [before, complete] = stage.ends();
    match next {
        Next::Same if stage.operation.side == Side::Make => stage.make(row, &at),
        Next::Same => stage.take(row, &at),
        Next::Opposite if stage.operation.side == Side::Make => stage.take(row, &at),
        Next::Opposite => stage.make(row, &at),
        Next::Collect => drop(stage.must(row, &at, "gc", &[before, complete])),
        Next::Others => {
            for words in stage.operation.others {
                let output = stage.world.vetch(words);
                if output.code != 0 {
                    row.lose(Kind::Refused, format!("{at}; then {output}"));
                }
            }
            let left = stage.world.becomes(&[before, complete]);
            if !left.is_empty() {
                row.lose(
                    Kind::Left,
                    format!(
                        "{at}; then somebody else's commands:\n  {}",
                        left.join("\n  ")
                    ),
                );
            }
        }
    }
    stage.take(row, &at);
    stage.make(row, &at);
    stage.take(row, &at);
    stage.reset();
}

/// The call it was killed at.
fn kill_at(stage: &Stage<'_, '_>, point: &Point) -> Option<Call> {
    let argv = stage.world.argv(stage.attacked());
    let mut at = None;
    let _ = trace(stage.world.host(), &argv, killer(point, &mut at));
    at
}

/// Judges so that the program dies at this point, and tells the call.
pub(super) fn killer<'a>(
    point: &'a Point,
    at: &'a mut Option<Call>,
) -> impl FnMut(&Call, When) -> Act + 'a {
    let mut seen = 0;
    move |call, when| {
        if !call.changes {
            return Act::Go;
        }
        let number = if when == When::Before { seen } else { seen - 1 };
        seen += usize::from(when == When::Before);
        if (number, when) != (point.number, point.when) {
            return Act::Go;
        }
        *at = Some(call.clone());
        point.act
    }
}
