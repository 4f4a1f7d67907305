//! Who connects containers: which programs run for it, with what input.

use std::path::Path;

use crate::exec::{Output, Run};
use crate::node::Node;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// A container is connected.
    Add,
    /// It is taken away.
    Del,
}

impl Verb {
    /// As CNI calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Verb::Add => "ADD",
            Verb::Del => "DEL",
        }
    }
}

/// A container: a namespace `/run/netns/NAME`, its address, and a port of the host that leads to its port 80.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) ip: String,
    /// Empty for all addresses of the host.
    pub(super) host_ip: &'static str,
    pub(super) host_port: u16,
}

impl Container {
    pub(super) fn new(name: &str, last: u8, host_port: u16) -> Container {
        Container {
            name: name.to_owned(),
            ip: format!("10.66.0.{last}"),
            host_ip: "",
            host_port,
        }
    }

    /// The path of its namespace.
    pub(super) fn netns(&self) -> String {
        format!("/run/netns/{}", self.name)
    }
}

/// One run of a program.
#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(&'static str, String)>,
    pub(super) input: String,
}

impl Step {
    /// Ready to be started, with words before its own.
    pub(super) fn run<'a>(&self, node: &'a Node, before: &[&str]) -> Run<'a> {
        let words: Vec<&str> = self.argv.iter().map(String::as_str).collect();
        let run = node.argv(&[before, &words].concat());
        let run = run.env("LD_LIBRARY_PATH", "").stdin(self.input.clone());
        let all = self.env.iter();
        all.fold(run, |run, (name, value)| run.env(name, value))
    }
}

/// Somebody who connects containers to the network 10.66.0.0/24, all of whom are asked for the same.
pub(super) trait Tool: Send + Sync {
    /// Its name and version.
    fn name(&self, node: &Node) -> String;

    /// Its program.
    fn program(&self) -> String;

    /// Whether its program is there.
    fn is_installed(&self) -> bool {
        Path::new(&self.program()).exists()
    }

    /// What makes the network before there is a container.
    fn prepare(&self) -> Vec<Step>;

    /// The next program after those which `said` something; `kept` is the last answer to the ADD, if that succeeded.
    fn step(&self, verb: Verb, of: &Container, said: &[Output], kept: Option<&str>)
    -> Option<Step>;
}
