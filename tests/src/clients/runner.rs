//! No runtime: a plain process in a named network namespace, and `vetch cni run` around it.

use std::collections::HashMap;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use super::scene::{LIST, Scene, mappings};
use super::{Client, Container, Engine, done};
use crate::exec::Background;
use crate::node::vetch;

pub(super) const CLIENT: Client = Client {
    name: "vetch cni run",
    programs: &[],
    calls_others: false,
    enter: |_| Ok(Box::new(Runner::default())),
    more: &[],
};

#[derive(Default)]
struct Runner {
    running: HashMap<String, (Background, String)>,
}

impl Engine for Runner {
    fn start(&mut self, scene: &Scene<'_>, of: Container) -> Result<()> {
        let (name, root) = (of.name, scene.root(of.name)?);
        done(scene.lab.vetch(&format!("netns add {name}")))?;
        let ports = mappings(&[of]).to_string();
        let add = ["cni", "run", "ADD", LIST, "--netns", name];
        let more = ["--container-id", name, "--capabilities", &ports];
        done(scene.lab.vetch_argv(&[&add[..], &more].concat()).go())?;
        let exec = ["netns", "exec", name, "chroot", &root, "/init"];
        let process = scene.lab.vetch_argv(&exec).env("PATH", PATH).background();
        self.running.insert(name.to_owned(), (process, root));
        Ok(())
    }

    fn id(&self, _: &Scene<'_>, name: &str) -> Result<String> {
        Ok(name.to_owned())
    }

    /// `vetch netns exec` becomes what it runs.
    fn init(&self, _: &Scene<'_>, name: &str) -> Result<i32> {
        let (process, _) = self.running.get(name).context("never started")?;
        Ok(process.pid().try_into()?)
    }

    fn inside(&self, name: &str) -> Vec<String> {
        let vetch = vetch();
        let root = self.running.get(name).map_or("/", |(_, root)| root);
        let words = [&vetch, "netns", "exec", name, "chroot", root];
        words.map(str::to_owned).into()
    }

    fn stop(&mut self, _: &Scene<'_>, name: &str) -> Result<()> {
        let (process, _) = self.running.get(name).context("never started")?;
        process.signal(Signal::SIGTERM);
        Ok(())
    }

    fn remove(&mut self, scene: &Scene<'_>, name: &str) -> Result<()> {
        let (process, _) = self.running.remove(name).context("never started")?;
        end_all(scene, name)?;
        process.wait();
        let del = format!("cni run DEL {LIST} --container-id {name}");
        done(scene.lab.vetch(&del))?;
        done(scene.lab.vetch(&format!("netns delete {name}"))).map(drop)
    }
}

/// Where busybox's applets are, and chroot.
const PATH: &str = "/bin:/usr/bin:/usr/sbin";

/// What the first process started goes on without it, where no process-id namespace ends with it.
fn end_all(scene: &Scene<'_>, name: &str) -> Result<()> {
    let line = format!("kill $({} netns pids {name}) 2>/dev/null; :", vetch());
    done(scene.lab.shell(&line)).map(drop)
}
