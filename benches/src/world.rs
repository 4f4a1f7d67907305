//! Where a case runs: a fresh network namespace for every single run, so that none pays for another's leftovers.
//!
//! Namespaces that were left are kept until the case is over: their removal takes locks that a measured run would wait for.

use crate::floor::{ACK, Floor, Pair, enter, make_namespace};
use anyhow::{Context, Result};
use nix::sched::{CloneFlags, unshare};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
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

/// The same without anything in it, as a place where a link has no number.
pub fn nowhere() -> Result<u32> {
    fresh().map(|()| 0)
}

/// A host with an address towards somebody outside, who is its default gateway, too: both namespaces. The calling thread is on the host.
pub fn with_outside(address: Ipv4Addr) -> Result<(File, File)> {
    fresh()?;
    let outside = here()?;
    fresh()?;
    let host = here()?;
    let mut floor = Floor::route()?;
    let pair = Pair {
        name: "up0",
        peer: "eth0",
        up: true,
        namespace: Some(&outside),
        ..Pair::default()
    };
    floor.add_pair(&pair, ACK);
    floor.flush()?;
    let gateway = Ipv4Addr::from(u32::from(address) + 1);
    enter(&outside)?;
    let mut there = Floor::route()?;
    let eth0 = there.get_link("eth0")?;
    there.add_address(eth0, gateway, 24, ACK);
    there.set_up(eth0, true, ACK);
    there.flush()?;
    enter(&host)?;
    let up0 = floor.get_link("up0")?;
    floor.set_up(1, true, 0);
    floor.add_address(up0, address, 24, 0);
    floor.add_route((Ipv4Addr::UNSPECIFIED, 0), up0, Some(gateway), ACK);
    floor.flush()?;
    Ok((host, outside))
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

/// Words after the program's name.
pub fn words(program: &Path, words: &str) -> Command {
    let mut command = Command::new(program);
    command.args(words.split_whitespace());
    command
}

/// Runs a program to its end, its output thrown away.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("start {:?}", command.get_program()))?;
    anyhow::ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

/// A fresh host with network `bench`, and a namespace of this name to attach to it; the calling thread is on the host.
pub fn with_network(vetch: &Path, name: &str) -> Result<File> {
    fresh()?;
    let host = here()?;
    run(&mut words(
        vetch,
        "network create bench --subnet 10.77.0.0/16",
    ))?;
    drop(make_namespace(name)?);
    enter(&host)?;
    Ok(host)
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
