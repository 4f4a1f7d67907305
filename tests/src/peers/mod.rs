//! Who connects containers beside Vetch: which programs run for it, with what input.

mod cni;
mod netavark;

use std::path::Path;

pub use cni::Cni;
pub use netavark::Netavark;

use crate::exec::{Output, Run};
use crate::node::Node;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// A container is connected.
    Add,
    /// It is taken away.
    Del,
}

impl Verb {
    /// As CNI calls it.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Add => "ADD",
            Verb::Del => "DEL",
        }
    }
}

/// A container: a namespace `/run/netns/NAME`, its address, and a port of the host that leads to its port 80.
#[derive(Debug, Clone)]
pub struct Container {
    /// Of its namespace too.
    pub name: String,
    /// In 10.66.0.0/24.
    pub ip: String,
    /// Empty for all addresses of the host.
    pub host_ip: &'static str,
    /// That leads to its port 80.
    pub host_port: u16,
}

impl Container {
    /// With the address 10.66.0.`last`, and a port on all addresses of the host.
    pub fn new(name: &str, last: u8, host_port: u16) -> Container {
        Container {
            name: name.to_owned(),
            ip: format!("10.66.0.{last}"),
            host_ip: "",
            host_port,
        }
    }

    /// The path of its namespace.
    pub fn netns(&self) -> String {
        format!("/run/netns/{}", self.name)
    }
}

/// One run of a program.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// The program by its path, and its words.
    pub argv: Vec<String>,
    /// What is added to its environment.
    pub env: Vec<(&'static str, String)>,
    /// Its standard input.
    pub input: String,
}

impl Step {
    /// Ready to be started, with words before its own.
    pub fn run<'a>(&self, node: &'a Node, before: &[&str]) -> Run<'a> {
        let words: Vec<&str> = self.argv.iter().map(String::as_str).collect();
        let run = node.argv(&[before, &words].concat());
        let run = run.env("LD_LIBRARY_PATH", "").stdin(self.input.clone());
        let all = self.env.iter();
        all.fold(run, |run, (name, value)| run.env(name, value))
    }
}

/// Somebody who connects containers to the network 10.66.0.0/24, all of whom are asked for the same.
pub trait Tool: Send + Sync {
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
