//! An OCI runtime alone, whose hooks call `vetch cni run`: the script that `docs/cni.md` shows.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::life::{Idle, WEB, killed, until};
use super::scene::{LIST, Scene, mappings, script};
use super::{Client, Container, Engine, More, done};
use crate::exec::{Output, path};
use crate::node::vetch;

pub(super) const CRUN: Client = Client {
    name: "crun, hooks",
    programs: &["crun"],
    calls_others: false,
    enter: |scene| enter(scene, "crun"),
    more: &MORE,
};
pub(super) const RUNC: Client = Client {
    name: "runc, hooks",
    programs: &["runc"],
    calls_others: false,
    enter: |scene| enter(scene, "runc"),
    more: &MORE,
};
const MORE: [(&str, More); 1] = [(
    "a port that is taken: it does not start, and says why",
    refused,
)];
const SAID: &str = "hooks.log";
const HOOK: &str = include_str!("../../../docs/cni-hook.sh");

struct Runtime {
    program: &'static str,
    /// Where it keeps what it knows of its containers.
    root: String,
}

fn enter(scene: &Scene<'_>, program: &'static str) -> Result<Box<dyn Engine>> {
    fs::create_dir(scene.path("bin"))?;
    std::os::unix::fs::symlink(vetch(), scene.path("bin/vetch"))?;
    script(&scene.path("bin/cni-hook"), HOOK)?;
    let root = scene.word("runtime");
    Ok(Box::new(Runtime { program, root }))
}

/// A hook that fails ends the container before it began.
fn refused(scene: &Scene<'_>, engine: &mut dyn Engine, idle: &Idle) -> Result<()> {
    engine.start(scene, WEB)?;
    let name = "second";
    let second = engine.start(scene, Container { name, ..WEB });
    killed(engine.init(scene, WEB.name)?)?;
    engine.remove(scene, WEB.name)?;
    let why = second.err().context("it started")?.to_string();
    ensure!(why.contains("8080"), "it does not say why: {why}");
    idle.check(scene.lab)
}

impl Runtime {
    fn call(&self, scene: &Scene<'_>, words: &[&str]) -> Result<Output> {
        let before = [self.program, "--root", &self.root];
        done(scene.lab.argv(&[&before, words].concat()).go())
    }
}

fn hook(scene: &Scene<'_>, words: &[&str]) -> Value {
    let environment = format!("PATH={}:{}", scene.word("bin"), path());
    let arguments = [&["cni-hook"], words].concat();
    json!([{"path": scene.path("bin/cni-hook"), "args": arguments, "env": [environment], "timeout": 20}])
}

fn configuration(scene: &Scene<'_>, of: Container) -> Result<Value> {
    let ports = mappings(&[of]).to_string();
    let namespaces = ["pid", "ipc", "uts", "mount", "network"].map(|kind| json!({"type": kind}));
    let may = ["CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_KILL"];
    Ok(json!({
        "ociVersion": "1.0.2",
        "hostname": of.name,
        // crun tells what its hooks say nowhere else.
        "annotations": {"run.oci.hooks.stderr": scene.path(SAID)},
        "root": {"path": scene.root(of.name)?},
        "process": {
            "args": ["/init"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
            "capabilities": {"bounding": may, "effective": may, "permitted": may},
        },
        "mounts": [{"type": "proc", "source": "proc", "destination": "/proc"}],
        "linux": {"namespaces": namespaces, "cgroupsPath": format!("/{}", of.name)},
        "hooks": {
            "createRuntime": hook(scene, &["ADD", LIST, "--capabilities", &ports]),
            "poststop": hook(scene, &["DEL", LIST]),
        },
    }))
}

impl Engine for Runtime {
    fn start(&mut self, scene: &Scene<'_>, of: Container) -> Result<()> {
        let bundle = scene.path("bundles").join(of.name);
        fs::create_dir_all(&bundle)?;
        let configuration = configuration(scene, of)?.to_string();
        fs::write(bundle.join("config.json"), configuration).context("write the bundle")?;
        // The container would hold the output of whoever waits for it.
        let (log, said) = (scene.word("log"), scene.word(SAID));
        fs::write(&said, "")?;
        let line = format!(
            "{} --root {} run --detach --bundle {} {} >{log} 2>&1 </dev/null || {{ cat {log} {said} >&2; exit 1; }}",
            self.program,
            self.root,
            bundle.display(),
            of.name
        );
        done(scene.lab.shell(&line)).map(drop)
    }

    fn id(&self, _: &Scene<'_>, name: &str) -> Result<String> {
        Ok(name.to_owned())
    }

    fn init(&self, scene: &Scene<'_>, name: &str) -> Result<i32> {
        let state = self.call(scene, &["state", name])?.json();
        let pid = state["pid"].as_i64().context("it says no pid")?;
        Ok(pid.try_into()?)
    }

    fn inside(&self, name: &str) -> Vec<String> {
        let words = [self.program, "--root", &self.root, "exec", name];
        words.map(str::to_owned).into()
    }

    fn stop(&mut self, scene: &Scene<'_>, name: &str) -> Result<()> {
        self.call(scene, &["kill", name, "TERM"]).map(drop)
    }

    fn remove(&mut self, scene: &Scene<'_>, name: &str) -> Result<()> {
        until("the container ended", || {
            let state = self.call(scene, &["state", name])?.json();
            Ok((state["status"] == "stopped").then_some(()))
        })?;
        self.call(scene, &["delete", name]).map(drop)
    }
}
