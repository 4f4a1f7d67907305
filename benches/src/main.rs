//! The program behind `cargo xtask bench`, and the floor's programs. Run in a private network and mount namespace only.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal"
)]

use anyhow::{Context, Result, bail};
use nix::mount::{MsFlags, mount};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};
use vetch_benches::attach::Floored;
use vetch_benches::case::Case;
use vetch_benches::cases::{self, Size};
use vetch_benches::{against, cni, instructions, memory, peers, plots, process, report, world};

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((word, rest)) => go(word, rest),
        None => Err(anyhow::anyhow!("run `cargo xtask bench`")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn go(word: &str, rest: &[String]) -> Result<()> {
    match word {
        "empty" => Ok(()),
        "floor-attach" => Floored::read(rest)?.attach(),
        "floor-detach" => Floored::read(rest)?.detach(),
        "peak" => {
            println!("{}", memory::peak(rest)?);
            Ok(())
        }
        "floor-remove" => Floored::read(rest)?.remove(),
        "run" => bench(&Options::read(rest)?),
        other => bail!("no word `{other}`: run `cargo xtask bench`"),
    }
}

#[derive(Default)]
struct Options {
    quick: bool,
    peers: bool,
    json: Option<PathBuf>,
    against: Option<PathBuf>,
    plots: Option<PathBuf>,
    filter: String,
}

impl Options {
    fn read(words: &[String]) -> Result<Options> {
        let (mut options, mut words) = (Options::default(), words.iter());
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--peers" => options.peers = true,
                "--json" => {
                    options.json = Some(words.next().context("--json needs a file")?.into())
                }
                "--against" => {
                    options.against = Some(words.next().context("--against needs a file")?.into())
                }
                "--plots" => {
                    options.plots = Some(words.next().context("--plots needs a directory")?.into())
                }
                "--filter" => {
                    options.filter = words.next().context("--filter needs a name")?.clone()
                }
                other => bail!("no option `{other}`"),
            }
        }
        Ok(options)
    }
}

fn bench(options: &Options) -> Result<()> {
    own_state()?;
    let mut size = if options.quick {
        Size::quick()
    } else {
        Size::full()
    };
    size.ip = found("ip", "iproute2") && found("bridge", "iproute2");
    size.vetch = env::var_os("VETCH_BIN").map(PathBuf::from);
    let script = size.ip && found("nft", "nftables");
    let before = report::load();
    println!(
        "Linux {}, {} processors, load {before}",
        report::kernel(),
        report::cores()
    );
    println!("{}", report::heading());
    let mut rows = Vec::new();
    let wanted = |case: &Case<'_>| case.name().contains(&options.filter);
    for case in cases::all(&size).into_iter().filter(wanted) {
        rows.push(measured(case)?);
    }
    for case in process::all(&size, script)?.into_iter().filter(wanted) {
        rows.push(measured(case)?);
    }
    let beside = if options.peers {
        let mut all = peers::all(&size);
        all.extend(cni::all(&size)?);
        all
    } else {
        Vec::new()
    };
    for case in beside.into_iter().filter(wanted) {
        rows.push(measured(case)?);
    }
    let mut facts = Vec::new();
    if "memory".contains(&options.filter) {
        facts.extend(memory::facts(&size)?);
    }
    if "instructions".contains(&options.filter) && found("valgrind", "valgrind") {
        facts.extend(instructions::facts(&size)?);
    }
    for fact in &facts {
        println!("{}", report::fact(fact));
    }
    if let Some(directory) = &options.plots {
        rows.extend(plots::draw(&size, directory)?);
        println!("drawn in {}", directory.display());
    }
    if let Some(path) = &options.against {
        let lines = then(path).and_then(|then| against::lines(&rows, &then));
        let lines = lines.with_context(|| format!("compare with {}", path.display()))?;
        lines.iter().for_each(|line| println!("{line}"));
    }
    let after = report::load();
    println!("load at the end {after}; `!` marks what misses its target");
    let Some(path) = &options.json else {
        return Ok(());
    };
    let text = format!("{:#}\n", report::document(&rows, &facts, [before, after]));
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn then(path: &Path) -> Result<serde_json::Value> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

fn measured(case: Case<'_>) -> Result<vetch_benches::case::Row> {
    let row = case.measure()?;
    println!("{}", report::line(&row));
    Ok(row)
}

/// A program to compare with; said aloud if it is missing.
fn found(program: &str, package: &str) -> bool {
    let there = world::has(program);
    if !there {
        println!("MISSING {program} (Debian package {package}): left out");
    }
    there
}

/// Definitions, claims and names of namespaces of this run are its own.
fn own_state() -> Result<()> {
    hidden_by_mounts()?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .context("make mounts private")?;
    for directory in ["/run", "/var/lib"] {
        mount(
            Some("bench"),
            directory,
            Some("tmpfs"),
            MsFlags::MS_NOSUID,
            Some("mode=0755"),
        )
        .with_context(|| format!("mount a tmpfs on {directory}"))?;
    }
    // What a first namespace of that name changes for good happens before anything is measured.
    let first = "first".parse()?;
    drop(ns_mgmt::NetNs::create_named(&first)?);
    ns_mgmt::NetNs::delete(&first)?;
    Ok(())
}

/// The programs are started again by their paths.
fn hidden_by_mounts() -> Result<()> {
    let own = env::current_exe().context("find this program")?;
    for path in [Some(own), env::var_os("VETCH_BIN").map(PathBuf::from)]
        .into_iter()
        .flatten()
    {
        if path.starts_with("/run") || path.starts_with("/var/lib") {
            bail!(
                "{} would be hidden: set CARGO_TARGET_DIR to a place outside /run and /var/lib",
                path.display()
            );
        }
    }
    Ok(())
}
