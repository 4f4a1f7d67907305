//! All parts of the campaign, each in a lab of its own, some at a time.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{panic, thread};

use super::again::{again_new, again_same, library};
use super::bad_input::bad_input;
use super::crowd::crowd;
use super::isolation::isolation;
use super::kill::{Depth, killed};
use super::limits::limits;
use super::machine::machine;
use super::operation::{OPERATIONS, Operation};
use super::owner::changes;
use super::refuse::refused;
use super::table::{Kind, Row};
use crate::lab::{Lab, lab_within};

/// A part that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(3600);

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Everything, which takes long.
    Full,
    /// A sample, the same each time, in a few tens of seconds.
    Quick,
}

type Attack = Box<dyn FnOnce(&Lab) -> Vec<Row> + Send>;

/// A part of the campaign.
pub struct Part {
    /// What is attacked, and how.
    pub name: String,
    run: Attack,
    /// It counts what the process holds, or needs the whole machine.
    alone: bool,
}

impl Part {
    pub(super) fn new(name: String, run: impl FnOnce(&Lab) -> Vec<Row> + Send + 'static) -> Part {
        Part {
            name,
            run: Box::new(run),
            alone: false,
        }
    }

    /// The machine is left to it.
    pub(super) fn by_itself(self) -> Part {
        Part {
            alone: true,
            ..self
        }
    }

    fn alone(name: impl Into<String>, run: impl FnOnce(&Lab) -> Row + Send + 'static) -> Part {
        Part {
            alone: true,
            ..Part::new(name.into(), |lab| vec![run(lab)])
        }
    }

    /// Runs it in a lab of its own. A part that panics is one loss.
    fn run(self) -> Vec<Row> {
        let (start, (send, receive)) = (Instant::now(), mpsc::channel());
        let (run, name) = (self.run, self.name);
        let thread = thread::Builder::new().name(name.clone());
        let ended = thread.spawn(move || {
            lab_within(LIMIT, move |lab| {
                let _ = send.send(run(lab));
            });
        });
        let ended = ended.map(thread::JoinHandle::join);
        let mut rows = receive.try_recv().unwrap_or_default();
        if !matches!(ended, Ok(Ok(()))) {
            let mut row = Row::new(name, "whole");
            row.trials = 1;
            row.took = start.elapsed();
            row.lose(
                Kind::Left,
                "it did not come to its end, or left the host changed: see above",
            );
            rows.push(row);
        }
        rows
    }
}

/// The parts whose name contains `filter`.
pub fn parts(size: Size, filter: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = OPERATIONS
        .iter()
        .map(|operation| kill_part(*operation, size))
        .collect();
    let refused = OPERATIONS.iter();
    parts.extend(refused.map(|operation| refuse_part(*operation, size)));
    parts.push(Part::new("attacks on isolation".into(), isolation));
    parts.push(Part::new("bad input".into(), |lab| vec![bad_input(lab)]));
    parts.extend(worn(size));
    parts.extend(state_machines(size));
    parts.retain(|part| part.name.contains(filter));
    parts
}

fn kill_part(operation: Operation, size: Size) -> Part {
    let depth = match size {
        Size::Full => Depth::Full,
        Size::Quick => Depth::Every(operation.stride),
    };
    Part::new(format!("{} killed", operation.name), move |lab| {
        vec![killed(lab, operation, depth)]
    })
}

fn refuse_part(operation: Operation, size: Size) -> Part {
    let depth = match size {
        Size::Full => Depth::Full,
        Size::Quick => Depth::Every(4 * operation.stride + 1),
    };
    Part::new(format!("{} refused", operation.name), move |lab| {
        vec![refused(lab, operation, depth)]
    })
}

/// Some sequences each, so that several are played at a time.
fn state_machines(size: Size) -> Vec<Part> {
    let (each, steps, starts) = match size {
        Size::Full => (25, 30, (0..12).map(|part| 25 * part).collect()),
        Size::Quick => (5, 15, vec![0, 5]),
    };
    let part = |from: u64| {
        Part::new(format!("state machine from {from}"), move |_| {
            vec![machine(from..from + each, steps)]
        })
    };
    starts.into_iter().map(part).collect()
}

/// Many at once, again and again, one too many.
fn worn(size: Size) -> Vec<Part> {
    let pick = move |full, quick| if size == Size::Full { full } else { quick };
    let (again, lives) = (pick(1000, 40), pick(10_000, 400));
    let mut parts = vec![
        Part::alone("64 at once", |lab| crowd(lab, 64)),
        Part::alone("again into the same namespace", move |lab| {
            again_same(lab, again)
        }),
        Part::alone("again into a new namespace", move |lab| {
            again_new(lab, again)
        }),
        Part::alone("library, many lives", move |lab| library(lab, lives)),
        Part::alone("an address changes its owner", move |lab| {
            changes(lab, pick(20, 2))
        }),
    ];
    if size == Size::Full {
        parts.push(Part::alone("512 at once", |lab| crowd(lab, 512)));
        parts.push(Part::alone("commands, many lives", move |lab| {
            again_same(lab, lives)
        }));
        parts.push(Part::alone("limits", limits));
    }
    parts
}

/// Runs them, `jobs` at a time; `done` hears of each row as it comes. The rows are in the order of the parts.
pub fn run(parts: Vec<Part>, jobs: usize, done: impl Fn(&Row) + Sync) -> Vec<Row> {
    panic::set_hook(Box::new(|info| eprintln!("{info}")));
    let (alone, together): (Vec<_>, Vec<_>) = parts
        .into_iter()
        .enumerate()
        .partition(|(_, part)| part.alone);
    let mut rows = in_turn(together, jobs, &done);
    rows.extend(in_turn(alone, 1, &done));
    rows.sort_by_key(|(at, _)| *at);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn in_turn(
    parts: Vec<(usize, Part)>,
    jobs: usize,
    done: &(impl Fn(&Row) + Sync),
) -> Vec<(usize, Row)> {
    let queue = Mutex::new(parts.into_iter());
    let rows = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("the parts to come").next();
                    let Some((at, part)) = next else { return };
                    for row in part.run() {
                        done(&row);
                        rows.lock().expect("the rows").push((at, row));
                    }
                }
            });
        }
    });
    rows.into_inner().expect("the rows")
}
