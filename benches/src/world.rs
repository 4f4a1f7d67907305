//! Where a case runs: a fresh network namespace for every single run, so that none pays for another's leftovers.
//!
//! Namespaces that were left are kept until the case is over: their removal takes locks that a measured run would wait for.

use crate::floor::{ACK, Floor, enter};
use anyhow::{Context, Result};
use nix::sched::{CloneFlags, unshare};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

thread_local! {
    static LEFT: RefCell<Vec<File>> = const { RefCell::new(Vec::new()) };
}

/// The network namespace of the calling thread.
pub fn here() -> Result<File> {
    File::open("/proc/thread-self/ns/net").context("open the own network namespace")
}

/// Moves the calling thread into a fresh, empty network namespace.
pub fn fresh() -> Result<()> {
    let left = here()?;
    LEFT.with_borrow_mut(|all| all.push(left));
    unshare(CloneFlags::CLONE_NEWNET).context("a new network namespace for one run of a benchmark")
}

/// Drops the namespaces that were left, all together, and gives the kernel time to remove them.
pub fn bury() {
    let left = LEFT.take();
    std::thread::sleep(Duration::from_millis(100 + 2 * left.len() as u64));
}

/// A fresh namespace with bridge `br0` up and one port `a0` in it; the indexes of both.
pub fn with_bridge() -> Result<(u32, u32)> {
    fresh()?;
    let mut floor = Floor::route()?;
    floor.add_link("br0", "bridge", ACK);
    floor.add_veth("a0", "b0", ACK);
    floor.flush()?;
    let (bridge, port) = (floor.get_link("br0")?, floor.get_link("a0")?);
    floor.set_up(bridge, true, ACK);
    floor.set_master(port, bridge, ACK);
    floor.flush()?;
    Ok((bridge, port))
}

/// A namespace prepared once, by the first run that needs it.
#[derive(Debug, Default)]
pub struct Prepared(RefCell<Option<File>>);

impl Prepared {
    /// Moves the calling thread there; `prepare` fills it the first time.
    pub fn enter(&self, prepare: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut place = self.0.borrow_mut();
        if let Some(place) = &*place {
            return Ok(enter(place)?);
        }
        fresh()?;
        prepare()?;
        *place = Some(here()?);
        Ok(())
    }
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

/// Runs a program to its end, its output thrown away.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("start {:?}", command.get_program()))?;
    anyhow::ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

/// Whether a program can be started.
pub fn has(program: &str) -> bool {
    let mut probe = Command::new(program);
    probe
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// Forgets a name under `/run/netns`.
pub fn unname(name: &str) -> Result<()> {
    let path = format!("/run/netns/{name}");
    nix::mount::umount2(path.as_str(), nix::mount::MntFlags::MNT_DETACH)
        .with_context(|| format!("unmount {path}"))?;
    fs::remove_file(&path).with_context(|| format!("remove {path}"))
}
