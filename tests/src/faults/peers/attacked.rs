//! ADD and DEL killed at, and refused, the calls that change something; then what the tool itself offers: DEL, ADD, DEL.

use std::time::Instant;

use super::place::Place;
use super::trial::Trial;
use crate::exec::Output;
use crate::faults::call::Call;
use crate::faults::kill::{Depth, Point, killer, points};
use crate::faults::refuse::{ERRNOS, refuser};
use crate::faults::table::{Kind, Row};
use crate::faults::trace::{Act, When};
use crate::lab::Lab;
use crate::peers::{Tool, Verb};

/// Killed at no more than so many points of each command, evenly spread.
pub(super) fn killed(lab: &Lab, tool: Box<dyn Tool>, limit: usize) -> Vec<Row> {
    let place = Place::new(lab, tool.as_ref());
    let rows = [Verb::Add, Verb::Del].map(|verb| {
        let start = Instant::now();
        let mut row = row(&place, verb, "killed, then DEL, ADD, DEL");
        let calls = rehearse(&place, verb, |call| call.changes);
        let points = points(&calls, Depth::Full);
        row.points = points.len();
        for point in points.iter().step_by(stride(points.len(), limit)) {
            kill_trial(&place, verb, point, &mut row);
        }
        row.took = start.elapsed();
        row
    });
    rows.into()
}

/// Each of no more than so many calls refused, with one of the errors in turn.
pub(super) fn refused(lab: &Lab, tool: Box<dyn Tool>, limit: usize) -> Vec<Row> {
    let place = Place::new(lab, tool.as_ref());
    let mut rows = Vec::new();
    for verb in [Verb::Add, Verb::Del] {
        let start = Instant::now();
        let mut first = row(&place, verb, "a call refused");
        let mut then = row(&place, verb, "a call refused, then DEL");
        let count = rehearse(&place, verb, is_refused).len();
        for (at, number) in (0..count).step_by(stride(count, limit)).enumerate() {
            let errno = ERRNOS[at % ERRNOS.len()];
            refuse_trial(&place, verb, (number, errno), (&mut first, &mut then));
        }
        (first.points, then.points) = (count, count);
        (first.took, then.took) = (start.elapsed(), start.elapsed());
        rows.extend([first, then]);
    }
    rows
}

pub(super) fn row(place: &Place<'_>, what: Verb, how: &str) -> Row {
    Row {
        tool: place.runtime.tool.name(place.lab),
        ..Row::new(what.word(), how)
    }
}

/// Odd, so that before and after, one process and all have their turns.
fn stride(points: usize, limit: usize) -> usize {
    points.div_ceil(limit.max(1)) | 1
}

fn is_refused(call: &Call) -> bool {
    call.changes && call.can_fail
}

/// One undisturbed run: the calls that are meant.
#[track_caller]
fn rehearse(place: &Place<'_>, verb: Verb, is_meant: impl Fn(&Call) -> bool) -> Vec<Call> {
    let mut calls = Vec::new();
    let judge = |call: &Call, when| {
        if is_meant(call) && when == When::Before {
            calls.push(call.clone());
        }
        Act::Go
    };
    if verb == Verb::Del {
        place.go(Verb::Add).ok();
    }
    place.judged(verb, judge).ok();
    if verb == Verb::Add {
        place.go(Verb::Del).ok();
    }
    let left = place.left();
    assert!(left.is_empty(), "left undisturbed: {left:?}");
    calls
}

fn kill_trial(place: &Place<'_>, verb: Verb, point: &Point, row: &mut Row) {
    if verb == Verb::Del {
        place.go(Verb::Add).ok();
    }
    let mut call = None;
    place.judged(verb, killer(point, &mut call));
    let mut trial = Trial::new(
        row,
        format!("{} {point}: {}", verb.word(), words(call.as_ref())),
    );
    trial.damage(place);
    trial.must(place, Verb::Del);
    trial.must(place, Verb::Add);
    trial.must(place, Verb::Del);
    trial.end(place);
}

fn words(call: Option<&Call>) -> String {
    call.map_or_else(|| "too late".to_owned(), Call::to_string)
}

/// First the command by itself, then what a runtime has to do after a failure.
fn refuse_trial(
    place: &Place<'_>,
    verb: Verb,
    (number, errno): (usize, nix::errno::Errno),
    (first, then): (&mut Row, &mut Row),
) {
    if verb == Verb::Del {
        place.go(Verb::Add).ok();
    }
    let mut call = None;
    let judge = refuser(is_refused, number, errno, &mut call);
    let output = place.judged(verb, judge);
    let word = verb.word();
    let at = format!("{word} {errno} at call {number}: {}", words(call.as_ref()));
    let mut trial = Trial::new(first, format!("{at}; exit {}", output.code));
    trial.told(&output);
    trial.damage(place);
    check_whole(place, verb, &output, &mut trial);
    let mut trial = Trial::new(then, at);
    trial.must(place, Verb::Del);
    trial.end(place);
}

/// As before, or complete. A DEL that failed and said so may have done a part.
fn check_whole(place: &Place<'_>, verb: Verb, output: &Output, trial: &mut Trial<'_>) {
    match (verb, output.code) {
        (Verb::Add, 0) if place.works() => {}
        (Verb::Add, 0) => trial.lose(Kind::Left, "it does not work".to_owned()),
        (Verb::Del, code) if code != 0 => {}
        _ => trial.left(place),
    }
}
