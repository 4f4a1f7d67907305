//! Real clients of CNI: builds `vetch` and the program that drives them, runs it in the sandbox.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use nix::unistd::Uid;

use crate::program::{Program, exit_code};
use crate::tools;

/// For all clients, with the reference's plugins beside.
const LIMIT: u64 = 3600;

/// Which clients.
#[derive(Args)]
pub(crate) struct Options {
    /// Only clients whose name contains one of these.
    names: Vec<String>,
    /// CNI's own plugins, called by the same clients, beside ours; what they do is shown, not judged.
    #[arg(long)]
    reference: bool,
}

/// `cargo xtask test-clients`.
pub(crate) fn main(options: &Options) -> Result<ExitCode> {
    if !Uid::effective().is_root() {
        bail!(
            "container engines are run by root only\nhint: the same as root; it happens in namespaces of its own"
        );
    }
    if !tools::prepare()? || !tools::prepare_clients()? {
        bail!("the clients need the tools named above");
    }
    let program = Program {
        build: "build --quiet --package vetch --package vetch-tests --bins",
        name: "vetch-clients",
        timed: false,
        limit: LIMIT,
    };
    let mut words = options.names.clone();
    words.extend(options.reference.then(|| "--reference".to_owned()));
    Ok(exit_code(program.run(words)?))
}
