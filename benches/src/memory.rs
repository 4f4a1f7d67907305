//! How much memory a command takes at its peak.

use crate::bulk::many_routes;
use crate::cases::{Size, on_bridge};
use crate::floor::Floor;
use crate::world::{run, with_network, words};
use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use std::path::Path;
use std::process::{Command, Stdio};

/// A figure that noise hardly touches, and what it is to stay within, if anything.
#[derive(Debug)]
pub struct Fact {
    /// What was measured.
    pub name: &'static str,
    /// In that unit.
    pub value: f64,
    /// `MiB`, `thousand`.
    pub unit: &'static str,
    /// In the same unit.
    pub target: Option<f64>,
}

/// Runs a command; what it took at its peak, in KiB. A small process of its own does this: what its parent takes counts until exec.
pub fn peak(argv: &[String]) -> Result<i64> {
    let (program, rest) = argv.split_first().context("no program")?;
    run(Command::new(program).args(rest))?;
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss())
}

fn of(vetch: &Path, line: &str) -> Result<f64> {
    let own = std::env::current_exe().context("find this program")?;
    let mut command = words(&own, "peak");
    command
        .arg(vetch)
        .args(line.split(' '))
        .stderr(Stdio::inherit());
    let output = command.output()?;
    anyhow::ensure!(output.status.success(), "measure the memory of `{line}`");
    let kib: f64 = String::from_utf8(output.stdout)?
        .trim()
        .parse()
        .context("read its peak")?;
    Ok(kib / 1024.0)
}

/// Attach with a port, and both lists of very many routes.
pub fn facts(size: &Size) -> Result<Vec<Fact>> {
    let Some(vetch) = &size.vetch else {
        return Ok(Vec::new());
    };
    with_network(vetch, "peak")?;
    let attach = of(vetch, "attach bench peak -p 8080:80")?;
    run(&mut words(vetch, "network rm bench --force --wait"))?;
    let link = on_bridge()?;
    many_routes(&mut Floor::route()?, link, size.routes)?;
    Ok(vec![
        Fact {
            name: "memory, attach",
            value: attach,
            unit: "MiB",
            target: Some(5.0),
        },
        Fact {
            name: "memory, route show, 100,000",
            value: of(vetch, "route show")?,
            unit: "MiB",
            target: Some(8.0),
        },
        Fact {
            name: "memory, the same as JSON",
            value: of(vetch, "-j route show")?,
            unit: "MiB",
            target: Some(8.0),
        },
    ])
}
