//! Where a case runs: a fresh network namespace for every single run, so that none pays for another's leftovers.

use crate::floor::Floor;
use anyhow::{Context, Result};
use nix::sched::{CloneFlags, unshare};
use std::io::Write;
use std::process::{Command, Stdio};

/// Moves the calling thread into a fresh, empty network namespace. The old one dies when nothing holds it.
pub fn fresh() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).context("a new network namespace for one run of a benchmark")
}

/// The same with bridge `br0` up and one port `a0` in it; the indexes of both.
pub fn with_bridge() -> Result<(u32, u32)> {
    fresh()?;
    let mut floor = Floor::route()?;
    floor.add_link("br0", "bridge", 4);
    floor.add_veth("a0", "b0", 4);
    floor.flush()?;
    let (bridge, port) = (floor.get_link("br0")?, floor.get_link("a0")?);
    floor.set_up(bridge, true, 4);
    floor.set_master(port, bridge, 4);
    floor.flush()?;
    Ok((bridge, port))
}

/// Runs `ip -batch -` (or `bridge -batch -`) over these lines.
pub fn batch(program: &str, lines: &str) -> Result<()> {
    let mut child = Command::new(program)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("start {program}"))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(lines.as_bytes())?;
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "{program} -batch failed");
    Ok(())
}

/// Whether a program can be started.
pub fn has(program: &str) -> bool {
    let probe = Command::new(program)
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    probe.is_ok()
}
