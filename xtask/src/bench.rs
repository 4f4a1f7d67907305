//! Whole operations side by side with the floor and with `ip`: builds the program of `benches/` and `vetch`, runs it in the sandbox.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::program::{Program, exit_code};
use crate::{faults, sandbox, sh};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer rounds: a glance, not a figure to be quoted.
    #[arg(long)]
    quick: bool,
    /// Where the figures are kept [default: bench.json in the target directory].
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Compare with the figures of an earlier run, as --json kept them.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Draw what an attach costs beside more and more attached, and a port beside more ports (SVG).
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Only operations whose name contains this.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// CNI's plugins, netavark and a script of `ip` and `iptables` besides, where they are installed (by root only).
    ///
    /// NETAVARK=PATH adds another netavark, such as `cargo install netavark` makes.
    #[arg(long)]
    peers: bool,
    /// Install the peers that are missing (Debian, by root).
    #[arg(long, requires = "peers")]
    install: bool,
}

/// `cargo xtask bench`. Nothing is installed: what is missing to compare with is said and left out.
pub(crate) fn main(options: &Options) -> Result<ExitCode> {
    let json = match &options.json {
        Some(path) => env::current_dir()?.join(path),
        None => sh::target_dir()?.join("bench.json"),
    };
    if let Some(plots) = &options.plots {
        fs::create_dir_all(plots).with_context(|| format!("make {}", plots.display()))?;
    }
    if options.peers {
        faults::prepare_peers(options.install)?;
        check_named()?;
    }
    // A place that cannot be written is noticed before the work.
    fs::write(&json, "").with_context(|| format!("write {}", json.display()))?;
    let program = Program {
        build: "build --release --quiet --package vetch --package vetch-benches --bins",
        name: "vetch-bench",
        timed: true,
        limit: sandbox::LIMIT,
    };
    let code = program.run(words(options, &json)?)?;
    if code == Some(0) {
        println!("kept in {}", json.display());
    }
    Ok(exit_code(code))
}

/// Somebody who was asked for by name is not left out.
fn check_named() -> Result<()> {
    match env::var_os("NETAVARK").map(PathBuf::from) {
        Some(path) if !(path.is_absolute() && path.is_file()) => bail!(
            "NETAVARK: there is no program {}\nhint: the whole path, such as of what `cargo install netavark` made",
            path.display()
        ),
        _ => Ok(()),
    }
}

fn words(options: &Options, json: &Path) -> Result<Vec<String>> {
    let mut words = vec![
        "run".to_owned(),
        "--json".to_owned(),
        json.display().to_string(),
    ];
    words.extend(options.quick.then(|| "--quick".to_owned()));
    words.extend(options.peers.then(|| "--peers".to_owned()));
    if let Some(filter) = &options.filter {
        words.extend(["--filter".to_owned(), filter.clone()]);
    }
    for (word, path) in [("--against", &options.against), ("--plots", &options.plots)] {
        if let Some(path) = path {
            let path =
                fs::canonicalize(path).with_context(|| format!("find {}", path.display()))?;
            words.extend([word.to_owned(), path.display().to_string()]);
        }
    }
    Ok(words)
}
