//! Podman, with its CNI backend.

use std::fs;

use anyhow::{Context, Result};

use super::scene::{NETWORK, PLUGINS, Scene};
use super::{Client, Container, Engine, done};
use crate::exec::Output;

pub(super) const CLIENT: Client = Client {
    name: "podman",
    programs: &["podman", "conmon", "crun"],
    calls_others: true,
    enter,
    more: &[],
};

/// What it keeps lies in a directory of this run.
struct Podman {
    before: Vec<String>,
}

fn enter(scene: &Scene<'_>) -> Result<Box<dyn Engine>> {
    let configuration = format!(
        "[network]\nnetwork_backend = \"cni\"\ncni_plugin_dirs = [\"{PLUGINS}\"]\ndefault_network = \"{NETWORK}\"\n\
         [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"crun\"\n"
    );
    scene
        .lab
        .fixture(|| fs::write("/etc/containers/containers.conf", configuration))
        .context("write containers.conf")?;
    let own = |name: &str| scene.word(&format!("podman/{name}"));
    let (root, run, tmp) = (own("root"), own("run"), own("tmp"));
    let words = [
        "podman",
        "--root",
        &root,
        "--runroot",
        &run,
        "--tmpdir",
        &tmp,
        "--storage-driver",
        "vfs",
    ];
    Ok(Box::new(Podman {
        before: words.map(str::to_owned).into(),
    }))
}

impl Podman {
    fn call(&self, scene: &Scene<'_>, words: &[&str]) -> Result<Output> {
        let before: Vec<&str> = self.before.iter().map(String::as_str).collect();
        done(scene.lab.argv(&[&before, words].concat()).go())
    }

    fn inspect(&self, scene: &Scene<'_>, name: &str, what: &str) -> Result<String> {
        let said = self.call(scene, &["inspect", "--format", what, name])?;
        Ok(said.stdout.trim().to_owned())
    }
}

impl Engine for Podman {
    /// Without control groups: where they have no device controller, crun wants more locked memory than a root without CAP_SYS_RESOURCE may have.
    fn start(&mut self, scene: &Scene<'_>, of: Container) -> Result<()> {
        let (root, port) = (scene.root(of.name)?, format!("{}:80", of.host_port));
        let what = ["--name", of.name, "--network", NETWORK, "--publish", &port];
        let root = [
            "--cap-add",
            "NET_RAW",
            "--cgroups",
            "disabled",
            "--rootfs",
            &root,
            "/init",
        ];
        let words = [&["run", "-d"][..], &what, &root].concat();
        self.call(scene, &words).map(drop)
    }

    fn id(&self, scene: &Scene<'_>, name: &str) -> Result<String> {
        self.inspect(scene, name, "{{.Id}}")
    }

    fn init(&self, scene: &Scene<'_>, name: &str) -> Result<i32> {
        Ok(self.inspect(scene, name, "{{.State.Pid}}")?.parse()?)
    }

    fn inside(&self, name: &str) -> Vec<String> {
        [&self.before[..], &["exec".to_owned(), name.to_owned()]].concat()
    }

    fn stop(&mut self, scene: &Scene<'_>, name: &str) -> Result<()> {
        self.call(scene, &["stop", "--time", "10", name]).map(drop)
    }

    fn remove(&mut self, scene: &Scene<'_>, name: &str) -> Result<()> {
        self.call(scene, &["wait", name])?;
        self.call(scene, &["rm", name]).map(drop)
    }
}
