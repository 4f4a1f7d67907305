//! Addresses of CNI's reference plugins and of ours, in one directory by turns: the same configuration, the same answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::type_complexity,
    reason = "test code: a panic is how a test fails"
)]

#[path = "cni_leases/answers.rs"]
mod answers;
#[path = "cni_leases/turns.rs"]
mod turns;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cni::NetConf;
use cni::ipam::{Ipam, Key};
use serde_json::{Value, json};
use vetch_tests::plugin::REFERENCE;

/// Whether there is something to compare with; if not, `skip!("{MISSING}")`.
fn is_installed(plugin: &str) -> bool {
    Path::new(REFERENCE).join(plugin).is_file()
}

const MISSING: &str =
    "tool:/usr/lib/cni/host-local: nothing to compare with (containernetworking-plugins)";

/// A call, whoever answers it.
#[derive(Clone)]
struct Call {
    verb: &'static str,
    id: String,
    /// `ipam` of the configuration, whose type is the plugin.
    ipam: Value,
    /// The rest of it.
    more: Value,
    /// `CNI_ARGS`.
    args: &'static str,
}

impl Call {
    fn new(verb: &'static str, id: impl ToString, ipam: &Value) -> Call {
        Call {
            verb,
            id: id.to_string(),
            ipam: ipam.clone(),
            more: json!({}),
            args: "",
        }
    }

    fn wishing(mut self, address: &str) -> Call {
        self.more = json!({"args": {"cni": {"ips": [address]}}});
        self
    }

    fn configuration(&self) -> Value {
        let mut all =
            json!({"cniVersion": "1.0.0", "name": "blue", "type": "bridge", "ipam": self.ipam});
        let more = self.more.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(more);
        all
    }

    /// The reference, started with its input.
    fn start(&self) -> Child {
        let plugin = self.ipam["type"].as_str().unwrap();
        let mut command = Command::new(Path::new(REFERENCE).join(plugin));
        let variables = [
            ("CNI_COMMAND", self.verb),
            ("CNI_CONTAINERID", &self.id),
            ("CNI_NETNS", "/run/netns/none"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", REFERENCE),
            ("CNI_ARGS", self.args),
        ];
        let command = command.env_clear().envs(variables);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let input = self.configuration().to_string();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(input.as_bytes()).unwrap();
        child
    }

    /// What the reference answers; `Err` with its message.
    fn theirs(&self) -> Result<Value, String> {
        answer(self.start())
    }

    fn ipam(&self) -> cni::Result<Ipam> {
        let conf = NetConf::parse(self.configuration().to_string().as_bytes())?;
        Ipam::read(&conf, &self.args.parse()?)
    }

    /// What we answer.
    fn ours(&self) -> Result<Value, String> {
        let key = Key::new(&self.id, "eth0");
        let answer = self.ipam().and_then(|ipam| match self.verb {
            "ADD" => ipam.add(&key).map(|given| written(&given)),
            "DEL" => ipam.del(&key).map(|()| json!({})),
            verb => panic!("{verb} is not compared"),
        });
        answer.map_err(|err| err.to_string())
    }
}

/// What a plugin answers at its end.
fn answer(child: Child) -> Result<Value, String> {
    let said = child.wait_with_output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    if !said.status.success() {
        return Err(text);
    }
    let mut answer: Value = match text.is_empty() {
        true => json!({}),
        false => serde_json::from_str(&text).unwrap(),
    };
    answer.as_object_mut().unwrap().remove("cniVersion");
    Ok(answer)
}

/// As a result of version 1.0.0.
fn written(given: &cni::ipam::Given) -> Value {
    let mut answer = json!({"dns": given.dns});
    let with = |mut object: Value, key: &str, address: Option<std::net::IpAddr>| {
        if let Some(address) = address {
            object[key] = json!(address.to_string());
        }
        object
    };
    let ips = given.ips.iter().map(|ip| {
        with(
            json!({"address": ip.address.to_string()}),
            "gateway",
            ip.gateway,
        )
    });
    let routes = given
        .routes
        .iter()
        .map(|route| with(json!({"dst": route.dst.to_string()}), "gw", route.gw));
    for (key, list) in [
        ("ips", ips.collect::<Vec<_>>()),
        ("routes", routes.collect()),
    ] {
        if !list.is_empty() {
            answer[key] = json!(list);
        }
    }
    answer
}

/// The files that the reference would have written, and what is in them.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let names = fs::read_dir(dir.join("blue")).into_iter().flatten();
    let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
    let names = names.filter(|name| !name.starts_with(".vetch") && name != "lock");
    names
        .map(|name| {
            (
                name.clone(),
                fs::read_to_string(dir.join("blue").join(name)).unwrap(),
            )
        })
        .collect()
}

fn links(dir: &Path) -> usize {
    let names = fs::read_dir(dir.join("blue")).unwrap();
    names
        .filter(|name| name.as_ref().unwrap().file_type().unwrap().is_symlink())
        .count()
}

fn host_local(dir: &Path, keys: &Value) -> Value {
    let mut ipam = json!({"type": "host-local", "dataDir": dir});
    ipam.as_object_mut()
        .unwrap()
        .extend(keys.as_object().unwrap().clone());
    ipam
}

fn two_sets(dir: &Path) -> Value {
    host_local(
        dir,
        &json!({"ranges": [[{"subnet": "10.1.0.0/29"}, {"subnet": "10.2.0.0/30"}], [{"subnet": "fd00::/125"}]]}),
    )
}
