//! The campaign against Vetch itself, or its peers: builds its program and `vetch`, runs it in the sandbox.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use nix::unistd::Uid;

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
    /// CNI's plugins and netavark where they are installed, and Vetch under the same rules, beside each other (by root only).
    #[arg(long, conflicts_with = "quick")]
    peers: bool,
    /// Install the peers that are missing (Debian, by root).
    #[arg(long, requires = "peers")]
    install: bool,
    /// Of each peer's command no more than so many places, evenly spread [default: 50].
    #[arg(long, value_name = "N", requires = "peers")]
    points: Option<usize>,
    /// Only name the parts.
    #[arg(long)]
    list: bool,
}

/// `cargo xtask faults`.
pub(crate) fn main(options: &Options) -> Result<ExitCode> {
    if !tools::prepare()? {
        bail!("the campaign needs the tools named above");
    }
    if options.peers {
        prepare_peers(options.install)?;
    }
    let program = Program {
        build: "build --quiet --package vetch --package vetch-tests --bins",
        name: "vetch-faults",
        timed: false,
        limit: LIMIT,
    };
    Ok(exit_code(program.run(words(options))?))
}

/// Programs of others stay out of user namespaces, where what they are refused would say nothing about them.
pub(crate) fn prepare_peers(install: bool) -> Result<()> {
    if !Uid::effective().is_root() {
        bail!("the peers are run by root only\nhint: the same as root");
    }
    if !tools::prepare_peers(install)? {
        bail!(
            "there is nobody to compare with\nhint: `--install` installs the packages named above"
        );
    }
    Ok(())
}

fn words(options: &Options) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(options.quick.then(|| "--quick".to_owned()));
    words.extend(options.peers.then(|| "--peers".to_owned()));
    if let Some(points) = options.points {
        words.extend(["--points".to_owned(), points.to_string()]);
    }
    words.extend(options.list.then(|| "--list".to_owned()));
    if let Some(filter) = &options.filter {
        words.extend(["--filter".to_owned(), filter.clone()]);
    }
    if let Some(jobs) = options.jobs {
        words.extend(["--jobs".to_owned(), jobs.to_string()]);
    }
    words
}
