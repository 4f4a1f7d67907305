//! The campaign against Vetch itself: builds its program and `vetch`, runs it in the sandbox.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::program::{Program, exit_code};
use crate::tools;

/// The full form takes its time.
const LIMIT: u64 = 4 * 3600;

/// What to attack.
#[derive(Args)]
pub(crate) struct Options {
    /// A sample, the same each time, in a few tens of seconds.
    #[arg(long)]
    quick: bool,
    /// Only parts whose name contains this.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Parts at a time [default: 2].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Only name the parts.
    #[arg(long)]
    list: bool,
}

/// `cargo xtask faults`.
pub(crate) fn main(options: &Options) -> Result<ExitCode> {
    if !tools::prepare()? {
        bail!("the campaign needs the tools named above");
    }
    let program = Program {
        build: "build --quiet --package vetch --package vetch-tests --bins",
        name: "vetch-faults",
        timed: false,
        limit: LIMIT,
    };
    Ok(exit_code(program.run(words(options))?))
}

fn words(options: &Options) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(options.quick.then(|| "--quick".to_owned()));
    words.extend(options.list.then(|| "--list".to_owned()));
    if let Some(filter) = &options.filter {
        words.extend(["--filter".to_owned(), filter.clone()]);
    }
    if let Some(jobs) = options.jobs {
        words.extend(["--jobs".to_owned(), jobs.to_string()]);
    }
    words
}
