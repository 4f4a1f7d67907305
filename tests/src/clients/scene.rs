//! One host for one client: an uplink with a LAN behind it, the plugins and the list where runtimes look for them.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::run::Plugins;
use super::{Container, done};
use crate::exec::found;
use crate::lab::Lab;
use crate::node::Node;

const DOCUMENTATION: &str = include_str!("../../../docs/cni.md");
/// The host and the LAN's other host on the uplink.
pub(super) const HOST: [&str; 2] = ["192.0.2.1", "2001:db8:7::1"];
pub(super) const LAN: [&str; 2] = ["192.0.2.2", "2001:db8:7::2"];
/// What the containers' addresses are in.
pub(super) const SUBNETS: [&str; 2] = ["10.88.0.0/16", "fd88::/64"];
pub(super) const NETWORK: &str = "pods";
pub(super) const LIST: &str = "/etc/cni/net.d/10-pods.conflist";
pub(super) const PLUGINS: &str = "/opt/cni/bin";

/// The applets of busybox that are used inside.
const APPLETS: [&str; 6] = ["sh", "sleep", "httpd", "ip", "ping", "kill"];
/// Ends at once when it is told to.
const INIT: &str = "#!/bin/sh
trap 'exit 0' TERM
httpd -p 80 -h /www
httpd -p 81 -h /www
while :; do sleep 1 & wait $!; done
";

/// The host, and a directory that is no part of its state.
pub(crate) struct Scene<'a> {
    pub(super) lab: &'a Lab,
    pub(super) lan: Node,
    directory: TempDir,
}

impl<'a> Scene<'a> {
    /// Nothing of it reaches the machine's own /etc, /opt and /dev/shm.
    pub(super) fn new(lab: &'a Lab, plugins: Plugins) -> Result<Scene<'a>> {
        let lan = lab.outside("lan", "uplink");
        let [host, other] = [HOST[1], LAN[1]];
        lab.fixture(|| {
            let here = format!("ip address add {host}/64 dev uplink nodad");
            let way = format!("ip -6 route add default via {other} dev uplink");
            [here, way]
                .iter()
                .for_each(|words| drop(lab.cmd(words).ok()));
            lan.cmd(&format!("ip address add {other}/64 dev eth0 nodad"))
                .ok();
        });
        lab.writable_etc();
        let scene = Scene {
            lab,
            lan,
            directory: tempfile::tempdir().context("make a directory")?,
        };
        lab.fixture(|| scene.install(plugins))?;
        Ok(scene)
    }

    fn install(&self, plugins: Plugins) -> Result<()> {
        let cover = "mount -t tmpfs lab /opt; mount -t tmpfs lab /dev/shm; rm -rf /etc/cni /etc/containers/containers.conf";
        done(self.lab.shell(&format!(
            "set -e; {cover}; mkdir -p /etc/cni/net.d /etc/containers {PLUGINS}"
        )))?;
        match plugins {
            Plugins::Ours => {
                let install = format!("cni install --dir {PLUGINS} --symlink");
                done(self.lab.vetch(&install))?
            }
            Plugins::Reference => {
                let copy = format!("cp {}/* {PLUGINS}", Plugins::REFERENCE);
                done(self.lab.shell(&copy))?
            }
        };
        self.write_list(&[])
    }

    /// The list that the documentation shows. Who cannot say which ports shall be published finds them in it.
    pub(super) fn write_list(&self, ports: &[Container]) -> Result<()> {
        let (_, after) = DOCUMENTATION
            .split_once("## A list for most")
            .and_then(|(_, after)| after.split_once("```json"))
            .context("no list in the documentation")?;
        let text = after.split("```").next().unwrap_or_default();
        let mut list: Value = serde_json::from_str(text).context("the list that is shown")?;
        if !ports.is_empty() {
            list["plugins"][1] = json!({"type": "portmap", "runtimeConfig": mappings(ports)});
        }
        fs::write(LIST, list.to_string()).with_context(|| format!("write {LIST}"))
    }

    /// A path for a client's own files.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same as a word.
    pub(super) fn word(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A root directory of static busybox, fresh.
    pub(super) fn root(&self, name: &str) -> Result<String> {
        let root = self.path("roots").join(name);
        let _ = fs::remove_dir_all(&root);
        for directory in ["bin", "dev", "etc", "proc", "run", "sys", "tmp", "www"] {
            fs::create_dir_all(root.join(directory)).context("make a root directory")?;
        }
        fs::copy(found("busybox"), root.join("bin/busybox")).context("copy busybox")?;
        for applet in APPLETS {
            symlink("busybox", root.join("bin").join(applet))?;
        }
        fs::write(root.join("www/index.html"), name)?;
        fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n")?;
        script(&root.join("init"), INIT)?;
        Ok(root.display().to_string())
    }

    /// What libcni, or `vetch cni run` in its place, keeps of the ADD.
    pub(super) fn kept(&self, id: &str) -> Result<Value> {
        let path = format!("/var/lib/cni/results/{NETWORK}-{id}-eth0");
        let text = self.lab.run(|| fs::read_to_string(&path));
        let text = text.with_context(|| format!("read {path}"))?;
        let kept: Value = serde_json::from_str(&text)?;
        Ok(kept["result"].clone())
    }
}

/// A program that is a script.
pub(super) fn script(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o755);
    let mut file = options
        .open(path)
        .with_context(|| format!("make {}", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}

/// What portmap understands.
pub(super) fn mappings(of: &[Container]) -> Value {
    let one =
        |of: &Container| json!({"hostPort": of.host_port, "containerPort": 80, "protocol": "tcp"});
    let all: Vec<Value> = of.iter().map(one).collect();
    json!({ "portMappings": all })
}
