//! The campaign against Vetch itself: builds its program and `vetch`, runs it in the sandbox.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::sandbox::Job;
use crate::{sh, tools};

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
    let built = sh::built("build --quiet --package vetch --package vetch-tests --bins")?;
    let find = |name: &str| {
        let found = built.iter().find(|(built, _)| built == name);
        found
            .map(|(_, path)| path.clone())
            .with_context(|| format!("cargo built no `{name}`"))
    };
    let dir = tempfile::tempdir()?;
    let job = Job {
        vetch: find("vetch")?,
        dir: dir.path().to_owned(),
        no_pid: false,
        program: true,
        timed: false,
        limit: LIMIT,
        tests: vec![find("vetch-faults")?],
        args: words(options),
    };
    let code = job.enter_sandbox()?;
    Ok(ExitCode::from(
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
    ))
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
