//! Plays the container runtime: runs the programs of a tool one after the other, and keeps what it must be told again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::exec::Output;
use crate::faults::call::Call;
use crate::faults::trace::{Act, Programs, STOPPED, When, trace_run};
use crate::node::Node;
use crate::peers::{Container, Step, Tool, Verb};

/// One program may take this long, among many others.
const LIMIT: Duration = Duration::from_secs(180);

/// A runtime on a host.
pub(super) struct Runtime<'a> {
    pub(super) tool: &'a dyn Tool,
    pub(super) host: &'a Node,
    /// The last answers of ADDs that succeeded, by container.
    kept: Mutex<BTreeMap<String, String>>,
}

impl<'a> Runtime<'a> {
    pub(super) fn new(tool: &'a dyn Tool, host: &'a Node) -> Runtime<'a> {
        Runtime {
            tool,
            host,
            kept: Mutex::default(),
        }
    }

    /// Adds or deletes a container; the output of the last program that ran.
    #[track_caller]
    pub(super) fn go(&self, verb: Verb, of: &Container) -> Output {
        self.chain(verb, of, &mut |step| {
            step.run(self.host, &[]).limit(LIMIT).go()
        })
    }

    /// The same, each program and what it starts being judged at every call. When all are to die, so does the runtime.
    #[track_caller]
    pub(super) fn judged(
        &self,
        verb: Verb,
        of: &Container,
        mut judge: impl FnMut(&Call, When) -> Act,
    ) -> Output {
        self.chain(verb, of, &mut |step| {
            let mut dead = false;
            let run = step.run(self.host, &STOPPED);
            let mut output = trace_run(run, Programs::All, |call, when| {
                let act = judge(call, when);
                dead |= act == Act::KillAll;
                act
            });
            if dead && output.code == 0 {
                output.code = 137; // what it did not hear of did not succeed
            }
            output
        })
    }

    /// One after the other until one fails, as CNI's library does it.
    fn chain(&self, verb: Verb, of: &Container, run: &mut dyn FnMut(&Step) -> Output) -> Output {
        let kept = self.kept().get(&of.name).cloned();
        let mut said: Vec<Output> = Vec::new();
        while let Some(step) = self.tool.step(verb, of, &said, kept.as_deref()) {
            let output = run(&step);
            if output.code != 0 {
                return output;
            }
            said.push(output);
        }
        let last = said.pop().expect("a command has a program");
        match verb {
            Verb::Add => self.kept().insert(of.name.clone(), last.stdout.clone()),
            Verb::Del => self.kept().remove(&of.name),
        };
        last
    }

    /// What was kept of this container is lost, as with a runtime that died before it wrote it down.
    pub(super) fn forget(&self, of: &Container) {
        self.kept().remove(&of.name);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.kept.lock().expect("what was kept")
    }
}
