//! Each client on a host of its own, several lives in a row with the same names.

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use super::life::{End, Idle, WEB, killed, live, told, until};
use super::scene::{NETWORK, Scene};
use super::table::{Row, Rows};
use super::{Client, Engine, done};
use crate::lab::{Lab, lab_within};
use crate::skip::has_tool;

/// A client that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(300);
/// How often containers with the same names live and end in each way.
const LIVES: usize = 3;

/// Whose plugins are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugins {
    /// Vetch's.
    Ours,
    /// CNI's own.
    Reference,
}

impl Plugins {
    /// Where Debian has CNI's own.
    pub const REFERENCE: &'static str = "/usr/lib/cni";
}

/// All proofs for one client.
pub fn run(client: &'static Client, plugins: Plugins) -> Vec<Row> {
    let beside = plugins == Plugins::Reference;
    let more = if beside { ", reference" } else { "" };
    let mut rows = Rows::new(&format!("{}{more}", client.name), beside);
    if let Some(why) = hindrance(client, plugins) {
        return rows.skipped(why);
    }
    let (send, receive) = mpsc::channel();
    let own = rows.clone();
    let lab = move || {
        lab_within(LIMIT, move |lab| {
            // Given away before the lab looks at what is left, which may end it.
            let _ = send.send(attempt(lab, client, plugins, own));
        });
    };
    let thread = thread::Builder::new().name(client.name.to_owned());
    let ended = thread.spawn(lab).map(thread::JoinHandle::join);
    rows = receive.try_recv().unwrap_or(rows);
    if !matches!(ended, Ok(Ok(()))) {
        rows.note("it ends", Err(anyhow!("it panicked, as said above")));
    }
    rows.all()
}

fn hindrance(client: &Client, plugins: Plugins) -> Option<String> {
    let missing = client.programs.iter().find(|program| !has_tool(program));
    if let Some(program) = missing {
        return Some(format!("tool:{program}: not installed"));
    }
    let is_there = std::path::Path::new(Plugins::REFERENCE)
        .join("bridge")
        .exists();
    match plugins {
        Plugins::Ours => None,
        Plugins::Reference => (!is_there).then(|| "the plugins are not installed".to_owned()),
    }
}

fn attempt(lab: &Lab, client: &Client, plugins: Plugins, mut rows: Rows) -> Rows {
    let lived = lives(lab, client, plugins, &mut rows);
    rows.note("the client works on a fresh host", lived);
    if plugins == Plugins::Reference {
        lab.leaves_state();
        return rows;
    }
    let removed = remove_network(lab);
    if removed.is_err() {
        lab.leaves_state(); // which is said already
    }
    rows.note("network removed: the host is as before", removed);
    rows
}

fn lives(lab: &Lab, client: &Client, plugins: Plugins, rows: &mut Rows) -> Result<()> {
    let scene = Scene::new(lab, plugins)?;
    let mut engine = (client.enter)(&scene)?;
    // The first life leaves the network, which outlives its containers.
    bear(&scene, &mut *engine)?;
    let idle = Idle::take(lab);
    for end in [End::Stop, End::Kill] {
        for _ in 0..LIVES {
            live(&scene, &mut *engine, end, &idle, rows);
        }
    }
    let more = client.more.iter().filter(|_| plugins == Plugins::Ours);
    for (name, proof) in more {
        rows.note(name, proof(&scene, &mut *engine, &idle));
    }
    scene.write_list(&[])
}

/// Until the kernel is sure of the gateway's address, which the reference leaves to it: its routes come then. It is killed: what just began to run may not listen yet.
fn bear(scene: &Scene<'_>, engine: &mut dyn Engine) -> Result<()> {
    engine.start(scene, WEB)?;
    until("the bridge has its addresses", || {
        let said = done(scene.lab.cmd("ip -6 address show dev cni0 tentative"))?;
        Ok(said.stdout.trim().is_empty().then_some(()))
    })?;
    killed(engine.init(scene, WEB.name)?)?;
    engine.remove(scene, WEB.name)
}

fn remove_network(lab: &Lab) -> Result<()> {
    done(lab.vetch(&format!("network rm --wait {NETWORK}")))?;
    // Leases would be left there, and found.
    for name in ["last_reserved_ip.0", "last_reserved_ip.1", ".vetch.boot"] {
        let path = format!("/var/lib/cni/networks/{NETWORK}/{name}");
        lab.run(|| fs::remove_file(&path))
            .with_context(|| format!("remove {path}"))?;
    }
    let left = lab.settled_difference();
    ensure!(left.is_empty(), "{}", told(&left));
    Ok(())
}
