//! Vetch's own commands: one file and one arm each.

mod attach;
mod batch;
mod cni;
mod demo;
mod detach;
mod exec;
mod exposed;
mod gc;
mod generate;
mod health;
mod ls;
mod lsns;
mod network;
mod port;
mod purge;
mod run;
mod sandbox;
mod view;
mod watch;

use crate::cli::Global;
use crate::failure::Failure;
use crate::output::Output;
use clap::{Args as _, Subcommand};

/// What a command answers: its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 0: done, or yes.
    Done,
    /// 1: the answer is no.
    No,
    /// The exit code of the program that was run.
    Code(u8),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Network(network::Args),
    Attach(attach::Args),
    Detach(detach::Args),
    Ls(ls::Args),
    Port(port::Args),
    Exposed(exposed::Args),
    Run(run::Args),
    Exec(exec::Args),
    Sandbox(sandbox::Args),
    Lsns(lsns::Args),
    Watch(watch::Args),
    Gc(gc::Args),
    Purge(purge::Args),
    Cni(cni::Args),
    Demo(demo::Args),
    Generate(generate::Args),
}

impl Command {
    /// The table of one command by itself, of the few that have one.
    pub(crate) fn alone(word: &str) -> Option<clap::Command> {
        match word {
            "attach" => Some(attach::Args::augment_args(clap::Command::new("attach"))),
            "detach" => Some(detach::Args::augment_args(clap::Command::new("detach"))),
            _ => None,
        }
    }

    /// Does what was typed.
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        match self {
            Command::Network(args) => args.run(global, out),
            Command::Attach(args) => args.run(global, out),
            Command::Detach(args) => args.run(global, out),
            Command::Ls(args) => args.run(global, out),
            Command::Port(args) => args.run(global, out),
            Command::Exposed(args) => args.run(global, out),
            Command::Run(args) => args.run(global, out),
            Command::Exec(args) => args.run(out),
            Command::Sandbox(args) => args.run(out),
            Command::Lsns(args) => args.run(out),
            Command::Watch(args) => args.run(global, out),
            Command::Gc(args) => args.run(global, out),
            Command::Purge(args) => args.run(global, out),
            Command::Cni(args) => args.run(global, out),
            Command::Demo(args) => args.run(out),
            Command::Generate(args) => args.run(out),
        }
    }
}

/// The exit code of a failure of ours, usage errors included: launchers keep 2 for the programs they run.
pub(crate) fn failure_code(command: Option<&str>) -> u8 {
    match command {
        Some("run" | "exec" | "sandbox") => 125,
        _ => crate::failure::FAILED,
    }
}
