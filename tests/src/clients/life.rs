//! The life of two containers beside each other, and whether the host is afterwards as it was.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::proof::{PROOFS, Stage};
use super::scene::Scene;
use super::table::Rows;
use super::{Container, Engine, cgroup};
use crate::node::Node;
use crate::state::State;

pub(super) const WEB: Container = Container {
    name: "web",
    host_port: 8080,
};
pub(super) const OTHER: Container = Container {
    name: "other",
    host_port: 8081,
};
const START: &str = "both run";
const BOTH: [Container; 2] = [WEB, OTHER];

/// How long something may take to begin, or to be gone.
const LIMIT: Duration = Duration::from_secs(10);

/// Tries until there is an answer.
pub(super) fn until<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if Instant::now() > end {
            bail!("not within {LIMIT:?}: {what}");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// How containers end.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// They are asked to.
    Stop,
    /// Their first process is killed.
    Kill,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            End::Stop => "stopped, removed: nothing is left",
            End::Kill => "killed, removed: nothing is left",
        }
    }
}

/// The host with its network, but without a container.
pub(crate) struct Idle {
    state: State,
    contents: Vec<String>,
}

impl Idle {
    pub(super) fn take(host: &Node) -> Idle {
        Idle {
            state: host.state(),
            contents: cgroup::contents(),
        }
    }

    fn difference(&self, host: &Node) -> Vec<String> {
        let now = Idle::take(host);
        let mut lines = self.state.difference(&now.state);
        // Which address was given last is kept on purpose.
        lines.retain(|line| !line.contains("/last_reserved_ip.") && !line.contains("/.last"));
        let more = now.contents.iter();
        let more = more.filter(|line| !self.contents.contains(line));
        lines.extend(more.map(|line| format!("+ {line}")));
        lines
    }

    /// What is left once things had time to go.
    pub(super) fn check(&self, host: &Node) -> Result<()> {
        let end = Instant::now() + LIMIT;
        loop {
            let left = self.difference(host);
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("{}", told(&left));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What is left, in bounded words.
pub(super) fn told(left: &[String]) -> String {
    let short = |line: &String| line.chars().take(160).collect::<String>();
    let shown: Vec<String> = left.iter().take(10).map(short).collect();
    let more = if left.len() > 10 { "\n..." } else { "" };
    format!("{} left:\n{}{more}", left.len(), shown.join("\n"))
}

/// One life of both, all of it written into the rows: the start, [`PROOFS`], the end.
pub(super) fn live(
    scene: &Scene<'_>,
    engine: &mut dyn Engine,
    end: End,
    idle: &Idle,
    rows: &mut Rows,
) {
    let started = start(scene, engine, rows);
    let is_running = started.is_ok();
    rows.note(START, started);
    if is_running {
        let engine = &*engine;
        let stage = Stage { scene, engine };
        PROOFS
            .iter()
            .for_each(|(name, proof)| rows.note(name, proof(&stage)));
    }
    let ended = finish(scene, engine, end, rows);
    rows.note(end.name(), ended.and_then(|()| idle.check(scene.lab)));
}

fn start(scene: &Scene<'_>, engine: &mut dyn Engine, rows: &mut Rows) -> Result<()> {
    for of in BOTH {
        let begin = Instant::now();
        engine.start(scene, of).context(of.name)?;
        rows.row(START).took.push(begin.elapsed());
    }
    Ok(())
}

/// The second is removed whatever became of the first.
fn finish(scene: &Scene<'_>, engine: &mut dyn Engine, end: End, rows: &mut Rows) -> Result<()> {
    let mut failed = None;
    for of in BOTH {
        let ended = match end {
            End::Stop => engine.stop(scene, of.name),
            End::Kill => engine.init(scene, of.name).and_then(killed),
        };
        let begin = Instant::now();
        let removed = engine.remove(scene, of.name);
        rows.row(end.name()).took.push(begin.elapsed());
        failed = failed.or(ended.and(removed).context(of.name).err());
    }
    failed.map_or(Ok(()), Err)
}

/// It is not waited for: the client is to cope with a container that is dying.
pub(super) fn killed(pid: i32) -> Result<()> {
    match kill(Pid::from_raw(pid), Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).context("kill its first process"),
    }
}
