//! A host with two uplinks and some devices, containers, and calls of plugins.

use crate::row::Row;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;
use tempfile::TempDir;
use vetch_tests::plugin::{REFERENCE, Whose};
use vetch_tests::{Lab, Node, Output, State, lab_within, skip};

pub(crate) struct Scene<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) row: &'a Row,
    /// Beyond the host's link `up0`.
    pub(crate) far: Node,
    /// Where addresses are held; no part of the host's state.
    leases: TempDir,
}

/// Some call plugins dozens of times.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// Runs a behaviour where the kernel has the kind.
pub(crate) fn run(row: fn() -> Row, behaviour: fn(&Scene<'_>)) {
    lab_within(LIMIT, move |lab| {
        let row = row();
        if !has(lab, &row) {
            skip!("{}: no links of kind {}", row.option, row.kind);
        }
        behaviour(&Scene::new(lab, &row));
    });
}

pub(crate) fn has(lab: &Lab, row: &Row) -> bool {
    match row.kind {
        "tun" => skip::opens_tun(),
        kind => lab.has_kind(kind),
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn new(lab: &'a Lab, row: &'a Row) -> Scene<'a> {
        let far = lab.anonymous("far");
        far.cmd("ip link set lo up").ok();
        lab.veth(lab, "up0", "192.0.2.1/24", &far, "eth0", "192.0.2.2/24");
        lab.fixture(|| {
            lab.cmd("ip link add up1 type veth peer name up2").ok();
            lab.cmd("ip link set up1 up").ok();
            for n in 1..4 {
                // An end of a pair is as good as hardware, but for what becomes of it when its namespace ends.
                lab.cmd(&format!("ip link add dev{n} type veth peer name peer{n}"))
                    .ok();
                lab.cmd(&format!("ip link set dev{n} up alias slot-{n}"))
                    .ok();
                lab.cmd(&format!("ip link set peer{n} up")).ok();
            }
            lab.cmd("ip link add dev9 type veth peer name peer9").ok(); // never up
            // As `ip netns add` leaves the directory.
            lab.cmd("ip netns add first").ok();
            lab.cmd("ip netns delete first").ok();
        });
        let leases = tempfile::tempdir().unwrap();
        Scene {
            lab,
            row,
            far,
            leases,
        }
    }

    /// The configuration for the container of this number.
    pub(crate) fn conf(&self, n: u8) -> Value {
        let mut conf = json!({
            "cniVersion": "1.1.0", "name": "pods", "type": self.row.plugin,
            "dns": {"nameservers": ["10.22.0.1"]},
            "ipam": {
                "type": "host-local", "dataDir": self.leases.path(),
                "ranges": [[{"subnet": "10.22.0.0/24"}], [{"subnet": "fd22::/64"}]],
                "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}, {"dst": "10.99.0.0/16", "gw": "10.22.0.9"}],
            },
        });
        patch(&mut conf, &(self.row.keys)(n));
        conf
    }

    /// The addresses that somebody holds.
    pub(crate) fn leases(&self) -> Vec<String> {
        let held = fs::read_dir(self.leases.path().join("pods"));
        let held = held.into_iter().flatten();
        let names = held.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut all: Vec<String> = names
            .filter(|name| name.starts_with("10.") || name.starts_with("fd"))
            .collect();
        all.sort();
        all
    }

    pub(crate) fn call(&self, command: &str, node: &Node, conf: &Value) -> Output {
        self.call_on(
            self.lab,
            self.row.plugin,
            command,
            (node.name(), node.path(), "eth0"),
            conf,
        )
    }

    /// On which machine, by what plugin (ours by its name, the reference's by its path), for which container (id, path, interface).
    pub(crate) fn call_on(
        &self,
        machine: &Node,
        plugin: &str,
        command: &str,
        (id, path, ifname): (&str, &str, &str),
        conf: &Value,
    ) -> Output {
        let (whose, plugin) = match plugin.rsplit_once('/') {
            Some((REFERENCE, plugin)) => (Whose::Theirs, plugin),
            _ => (Whose::Ours, plugin),
        };
        let said = machine
            .plugin(whose, plugin)
            .for_container(command, id, path, ifname)
            .env("LD_LIBRARY_PATH", "")
            .stdin(conf.to_string())
            .go();
        if command == "DEL" && self.leases().is_empty() {
            // The next is given the first address again.
            let _ = fs::remove_dir_all(self.leases.path().join("pods"));
        }
        said
    }

    #[track_caller]
    pub(crate) fn add(&self, node: &Node, n: u8) -> Value {
        self.call("ADD", node, &self.conf(n)).ok().json()
    }

    #[track_caller]
    pub(crate) fn del(&self, node: &Node, n: u8) {
        self.call("DEL", node, &self.conf(n)).ok();
    }

    /// What is wrong, in the words of the error object.
    #[track_caller]
    pub(crate) fn refused(&self, command: &str, node: &Node, conf: &Value) -> String {
        let said = self.call(command, node, conf).exits(1);
        let object = said.json();
        assert!(
            object["code"].as_u64().is_some_and(|code| code > 0),
            "{said}"
        );
        object["msg"].as_str().expect("a message").to_owned()
    }

    pub(crate) fn check(&self, node: &Node, conf: &Value, result: &Value) -> Output {
        let mut conf = conf.clone();
        conf["prevResult"] = result.clone();
        self.call("CHECK", node, &conf)
    }

    /// The links inside, but for the loopback.
    pub(crate) fn links(&self, node: &Node) -> Vec<Value> {
        let all = node.cmd("ip -j -d link show").ok().json();
        let all = all.as_array().expect("a list").iter();
        all.filter(|link| link["ifname"] != "lo").cloned().collect()
    }

    /// Everything inside and on the host.
    pub(crate) fn everything(&self, node: &Node) -> (State, State) {
        (node.state(), self.lab.state())
    }
}

/// Nothing inside and nothing on the host is otherwise.
#[track_caller]
pub(crate) fn unchanged(before: &(State, State), after: &(State, State)) {
    let differs = [before.0.difference(&after.0), before.1.difference(&after.1)].concat();
    assert!(differs.is_empty(), "{}", differs.join("\n"));
}

/// Keys over keys.
pub(crate) fn patch(conf: &mut Value, over: &Value) {
    for (key, value) in over.as_object().expect("keys") {
        conf[key] = value.clone();
    }
}

/// As `ip -j address` has them: `10.22.0.2/24`, without those that the kernel makes.
pub(crate) fn addresses(node: &Node, link: &str) -> Vec<String> {
    let all = node
        .cmd(&format!("ip -j address show dev {link}"))
        .ok()
        .json();
    let all = all[0]["addr_info"].as_array().expect("a list").iter();
    let own = all.filter(|of| of["scope"] == "global");
    own.map(|of| format!("{}/{}", of["local"].as_str().unwrap(), of["prefixlen"]))
        .collect()
}
