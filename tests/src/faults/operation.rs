//! What is attacked: a command that makes something and the one that takes it away, and the states before and after.

use super::call::Call;
use super::table::{Kind, Row};
use super::trace::{Act, When, trace};
use super::world::World;
use crate::exec::Output;
use crate::state::State;

/// Which of the two commands is attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that makes; its last command, if there are several.
    Make,
    /// The one that takes away.
    Take,
}

/// Something that is made and taken away.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// For people.
    pub name: &'static str,
    /// The commands that make it.
    pub make: &'static [&'static str],
    /// The command that takes it away.
    pub take: &'static str,
    /// Which is attacked.
    pub side: Side,
    /// In a sample every so many-th point is tried.
    pub stride: usize,
    /// Somebody else's commands that touch the same network, and leave nothing.
    pub others: &'static [&'static str],
}

const ATTACH: Operation = Operation {
    name: "attach",
    make: &["attach blue web --ip 10.66.0.3 --ip fd00:66::3 -p 8080:80 -p 8080:53/udp"],
    take: "detach blue web",
    side: Side::Make,
    stride: 5,
    others: &[
        "attach blue other --ip 10.66.0.4 --ip fd00:66::4",
        "detach blue other --wait",
    ],
};
const NETWORK: Operation = Operation {
    name: "network create",
    make: &["network create red --subnet 10.67.0.0/24 --subnet fd00:67::/64"],
    take: "network rm red",
    side: Side::Make,
    stride: 5,
    others: &[],
};
const FORCE: Operation = Operation {
    name: "network rm --force",
    make: &[
        "network create red --subnet 10.67.0.0/24 --subnet fd00:67::/64",
        "attach red web --ip 10.67.0.3 --ip fd00:67::3 -p 8080:80 -p 8080:53/udp",
    ],
    take: "network rm --force red",
    side: Side::Take,
    stride: 9,
    others: &[],
};
const RUN: Operation = Operation {
    name: "run",
    make: &["run --net blue --name job -p 8080:80 -- true"],
    take: "gc",
    side: Side::Make,
    stride: 13,
    // What it had when its process ends early is given back when it is needed, or by `gc`.
    others: &[],
};

/// Of the neighbour itself, whose other ports must not notice.
const PORT: Operation = Operation {
    name: "port add",
    make: &["port add blue n -p 8090:80 -p 8090:53/udp"],
    take: "port rm blue n -p 8090:80 -p 8090:53/udp",
    side: Side::Make,
    stride: 5,
    others: ATTACH.others,
};

/// Everything that is attacked.
pub const OPERATIONS: [Operation; 8] = [
    ATTACH,
    Operation {
        name: "detach",
        side: Side::Take,
        stride: 7,
        ..ATTACH
    },
    NETWORK,
    Operation {
        name: "network rm",
        side: Side::Take,
        stride: 8,
        ..NETWORK
    },
    FORCE,
    RUN,
    PORT,
    Operation {
        name: "port rm",
        side: Side::Take,
        ..PORT
    },
];

/// An operation in a world, with what the world looks like without and with its result.
pub(super) struct Stage<'a, 'b> {
    pub(super) world: &'a World<'b>,
    pub(super) operation: Operation,
    /// Without its result.
    pub(super) absent: State,
    /// With its result.
    pub(super) present: State,
}

impl<'a, 'b> Stage<'a, 'b> {
    /// Goes through it twice undisturbed, and takes down both states. The world is then as before the attacked command.
    #[track_caller]
    pub(super) fn new(world: &'a World<'b>, operation: Operation) -> Stage<'a, 'b> {
        let go = |words: &str| drop(world.vetch(words).ok());
        operation.make.iter().for_each(|words| go(words));
        go(operation.take);
        let absent = world.base.clone();
        let left = world.becomes(&[&absent]);
        assert!(
            left.is_empty(),
            "{} leaves something undisturbed: {left:?}",
            operation.name
        );
        operation.make.iter().for_each(|words| go(words));
        let stage = Stage {
            world,
            operation,
            absent,
            present: world.state(),
        };
        go(operation.take);
        stage.reset();
        stage
    }

    /// The words of the attacked command.
    pub(super) fn attacked(&self) -> &'static str {
        match self.operation.side {
            Side::Make => self.operation.make[self.operation.make.len() - 1],
            Side::Take => self.operation.take,
        }
    }

    /// The state before the attacked command, and after it.
    pub(super) fn ends(&self) -> [&State; 2] {
        match self.operation.side {
            Side::Make => [&self.absent, &self.present],
            Side::Take => [&self.present, &self.absent],
        }
    }

    /// Brings the world, in which its result should be absent, to where the attacked command begins.
    #[track_caller]
    pub(super) fn reset(&self) {
        if !self.world.becomes(&[&self.absent]).is_empty() {
            self.world.rebuild();
        }
        if self.operation.side == Side::Take {
            let make = self.operation.make.iter();
            make.for_each(|words| drop(self.world.vetch(words).ok()));
        }
    }

    /// One undisturbed run of the attacked command: the calls that are meant.
    pub(super) fn rehearse(&self, is_meant: impl Fn(&Call) -> bool) -> Vec<Call> {
        let mut calls = Vec::new();
        let argv = self.world.argv(self.attacked());
        let run = trace(self.world.host(), &argv, |call, when| {
            if is_meant(call) && when == When::Before {
                calls.push(call.clone());
            }
            Act::Go
        });
        run.ok();
        if self.operation.side == Side::Make {
            self.world.vetch(self.operation.take).ok();
        }
        self.reset();
        calls
    }

    /// Leaves the world with the neighbour alone.
    #[track_caller]
    pub(super) fn end(&self) {
        if self.operation.side == Side::Take {
            self.world.vetch(self.operation.take).ok();
        }
    }

    /// A command that must succeed; what the world must be like then.
    pub(super) fn must(&self, row: &mut Row, at: &str, words: &str, wanted: &[&State]) -> Output {
        let output = self.world.vetch(words);
        if output.code != 0 {
            row.lose(Kind::Refused, format!("{at}; then {output}"));
        }
        let left = self.world.becomes(wanted);
        if !left.is_empty() {
            row.lose(
                Kind::Left,
                format!("{at}; then `{words}`:\n  {}", left.join("\n  ")),
            );
        }
        output
    }

    /// Makes it: all its commands.
    pub(super) fn make(&self, row: &mut Row, at: &str) {
        let (last, first) = self
            .operation
            .make
            .split_last()
            .expect("an operation has a command");
        for words in first {
            let output = self.world.vetch(words);
            if output.code != 0 {
                row.lose(Kind::Refused, format!("{at}; then {output}"));
            }
        }
        self.must(row, at, last, &[&self.present]);
    }

    /// Takes it away.
    pub(super) fn take(&self, row: &mut Row, at: &str) {
        self.must(row, at, self.operation.take, &[&self.absent]);
    }
}
