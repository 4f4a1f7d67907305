//! containerd, through its own `ctr run --cni`.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::life::{Idle, WEB, until};
use super::scene::{LIST, Scene};
use super::{Client, Container, Engine, done};
use crate::exec::{Background, Output};

pub(super) const CLIENT: Client = Client {
    name: "containerd",
    programs: &["containerd", "ctr", "runc"],
    calls_others: true,
    enter,
    more: &[("detached, removed: GC leaves nothing", detached)],
};

const SOCKET: &str = "containerd.sock";

/// The daemon, and a `ctr run` for each container, which deletes its attachment when the container has ended. (`ctr run --detach` never
/// does.)
struct Containerd {
    socket: String,
    daemon: Option<Background>,
    runs: HashMap<String, Background>,
    executed: Cell<u32>,
}

fn enter(scene: &Scene<'_>) -> Result<Box<dyn Engine>> {
    let (socket, file) = (scene.word(SOCKET), scene.word("containerd.toml"));
    let (root, state) = (scene.word("containerd"), scene.word("containerd-state"));
    let configuration = format!(
        "version = 2\nroot = \"{root}\"\nstate = \"{state}\"\n\
         disabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]\n\
         [grpc]\naddress = \"{socket}\"\n"
    );
    fs::write(&file, configuration).context("write the configuration")?;
    let line = format!(
        "exec containerd -c {file} >{} 2>&1",
        scene.word("containerd.log")
    );
    let daemon = scene.lab.argv(&["sh", "-c", &line]).background();
    let containerd = Containerd {
        socket,
        daemon: Some(daemon),
        runs: HashMap::new(),
        executed: Cell::new(0),
    };
    until("containerd serves", || {
        Ok(containerd.call(scene, &["version"]).is_ok().then_some(()))
    })?;
    Ok(Box::new(containerd))
}

/// Nobody calls DEL.
fn detached(scene: &Scene<'_>, _: &mut dyn Engine, idle: &Idle) -> Result<()> {
    scene.write_list(&[WEB])?;
    let (name, root) = (WEB.name, scene.root(WEB.name)?);
    let socket = scene.word(SOCKET);
    let call = |words: &[&str]| {
        done(
            scene
                .lab
                .argv(&[&["ctr", "-a", &socket], words].concat())
                .go(),
        )
    };
    let what = ["run", "--detach", "--null-io", "--cni", "--cpu-shares", "0"];
    call(&[&what[..], &["--rootfs", &root, name, "/init"]].concat())?;
    call(&["task", "rm", "--force", name])?;
    call(&["container", "rm", name])?;
    let kept = scene.kept(&format!("default-{name}"));
    kept.context("ctr called DEL, so that there is nothing to prove")?;
    done(scene.lab.vetch(&format!("cni run GC {LIST}")))?;
    idle.check(scene.lab)
}

impl Containerd {
    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        [&["ctr", "-a", &self.socket][..], words].concat()
    }

    fn call(&self, scene: &Scene<'_>, words: &[&str]) -> Result<Output> {
        done(scene.lab.argv(&self.words(words)).go())
    }

    /// The process of a container that runs.
    fn running(&self, scene: &Scene<'_>, name: &str) -> Result<Option<i32>> {
        let said = self.call(scene, &["task", "ls"])?.stdout;
        let mut rows = said.lines().map(|line| line.split_whitespace().collect());
        let row = rows.find(|row: &Vec<&str>| row[0] == name && row.last() == Some(&"RUNNING"));
        row.map(|row| Ok(row[1].parse()?)).transpose()
    }
}

impl Engine for Containerd {
    /// It has no word for ports: they are read from the list, which is written anew for each container. `--cpu-shares 0`: the default is a
    /// limit that needs the controller `cpu`.
    fn start(&mut self, scene: &Scene<'_>, of: Container) -> Result<()> {
        scene.write_list(&[of])?;
        let root = scene.root(of.name)?;
        let what = ["run", "--rm", "--cni", "--cpu-shares", "0", "--rootfs"];
        let words = [&what[..], &[&root, of.name, "/init"]].concat();
        let mut run = Some(scene.lab.argv(&self.words(&words)).background());
        let running = until("the container runs", || {
            if run.as_mut().is_some_and(Background::has_ended) {
                bail!("{}", run.take().context("ended")?.wait());
            }
            self.running(scene, of.name)
        });
        self.runs.extend(run.map(|run| (of.name.to_owned(), run)));
        running.map(drop)
    }

    fn id(&self, _: &Scene<'_>, name: &str) -> Result<String> {
        Ok(format!("default-{name}"))
    }

    fn init(&self, scene: &Scene<'_>, name: &str) -> Result<i32> {
        self.running(scene, name)?.context("it does not run")
    }

    fn inside(&self, name: &str) -> Vec<String> {
        let number = self.executed.replace(self.executed.get() + 1);
        let id = format!("exec-{number}");
        let words = ["task", "exec", "--exec-id", &id, name];
        self.words(&words).into_iter().map(str::to_owned).collect()
    }

    fn stop(&mut self, scene: &Scene<'_>, name: &str) -> Result<()> {
        self.call(scene, &["task", "kill", "--signal", "SIGTERM", name])
            .map(drop)
    }

    /// It says how its container ended by its exit code.
    fn remove(&mut self, _: &Scene<'_>, name: &str) -> Result<()> {
        let said = self.runs.remove(name).context("never started")?.wait();
        if ![0, 128 + Signal::SIGKILL as i32].contains(&said.code) {
            bail!("{said}");
        }
        Ok(())
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.signal(Signal::SIGTERM);
            daemon.wait();
        }
    }
}
