//! Who calls CNI plugins: container engines and runtimes, each of which runs the same containers on the same list.

mod cgroup;
mod containerd;
mod hook;
mod life;
mod podman;
mod proof;
mod run;
mod runner;
mod scene;
mod table;

use anyhow::{Result, bail};

pub use cgroup::Tree;
use life::Idle;
pub use run::{Plugins, run};
use scene::Scene;
pub use table::{Row, Table};

use crate::exec::Output;

/// A client of CNI.
pub struct Client {
    /// What it is called.
    pub name: &'static str,
    /// The programs it needs, the first of which says its version.
    programs: &'static [&'static str],
    /// Whether it can be told to use other plugins than ours.
    pub calls_others: bool,
    enter: fn(&Scene<'_>) -> Result<Box<dyn Engine>>,
    /// What holds for this one alone.
    more: &'static [(&'static str, More)],
}

/// Begins and ends on a host without a container.
type More = fn(&Scene<'_>, &mut dyn Engine, &Idle) -> Result<()>;

/// All of them.
pub const CLIENTS: [Client; 5] = [
    podman::CLIENT,
    containerd::CLIENT,
    hook::CRUN,
    hook::RUNC,
    runner::CLIENT,
];

/// A container that is asked for. Inside, its port 80 and 81 answer with its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Container {
    name: &'static str,
    /// The port of the host that leads to its port 80; none leads to 81.
    host_port: u16,
}

/// A client at work on one host.
pub(crate) trait Engine {
    /// Starts a container; returns once it runs.
    fn start(&mut self, scene: &Scene<'_>, of: Container) -> Result<()>;

    /// What it calls the container when it speaks to CNI.
    fn id(&self, scene: &Scene<'_>, name: &str) -> Result<String>;

    /// The container's first process, as the host numbers it.
    fn init(&self, scene: &Scene<'_>, name: &str) -> Result<i32>;

    /// The words before a command that is to run inside.
    fn inside(&self, name: &str) -> Vec<String>;

    /// Asks the container to end.
    fn stop(&mut self, scene: &Scene<'_>, name: &str) -> Result<()>;

    /// Takes away what is left of a container that was stopped or killed.
    fn remove(&mut self, scene: &Scene<'_>, name: &str) -> Result<()>;
}

/// The answer of a command that succeeded.
fn done(output: Output) -> Result<Output> {
    if output.code != 0 {
        bail!("{output}");
    }
    Ok(output)
}
