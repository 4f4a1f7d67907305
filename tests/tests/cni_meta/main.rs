//! The plugins that come behind another one (CNI): what they change of an attachment, and that all of it goes again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bandwidth;
mod sbr;
mod tuning;
mod vrf;

use serde_json::{Value, json};
use vetch_tests::plugin::{REFERENCE, Whose};
use vetch_tests::{Lab, Node, Output};

const BRIDGE: &str = r#"{"bridge": "cni0", "isDefaultGateway": true, "ipam": {"type": "host-local",
    "ranges": [[{"subnet": "10.22.0.0/16"}], [{"subnet": "fd22::/64"}]], "dataDir": "/run/ipam"}}"#;

/// A call of a plugin on a machine, for the interface `eth0` of a container.
pub(crate) struct Call<'a> {
    machine: &'a Node,
    whose: Whose,
    plugin: &'a str,
    container: &'a str,
    netns: &'a str,
}

impl<'a> Call<'a> {
    /// A plugin of ours, by its name.
    pub(crate) fn ours(machine: &'a Node, plugin: &'a str, container: &'a Node) -> Call<'a> {
        Call {
            machine,
            whose: Whose::Ours,
            plugin,
            container: container.name(),
            netns: container.path(),
        }
    }

    /// The reference's.
    pub(crate) fn theirs(machine: &'a Node, plugin: &'a str, container: &'a Node) -> Call<'a> {
        Call {
            whose: Whose::Theirs,
            ..Call::ours(machine, plugin, container)
        }
    }

    /// Without a namespace.
    pub(crate) fn nowhere(mut self) -> Self {
        self.netns = "";
        self
    }

    /// With these keys besides name, type and version.
    pub(crate) fn run(&self, command: &str, keys: &Value) -> Output {
        let mut conf = json!({"cniVersion": "1.0.0", "name": "pods", "type": self.plugin});
        let more = keys.as_object().unwrap().clone();
        conf.as_object_mut().unwrap().extend(more);
        let plugin = self.machine.plugin(self.whose, self.plugin);
        plugin
            .for_container(command, self.container, self.netns, "eth0")
            .stdin(conf.to_string())
            .go()
    }

    #[track_caller]
    pub(crate) fn add(&self, keys: &Value) -> Value {
        self.run("ADD", keys).ok().json()
    }

    #[track_caller]
    pub(crate) fn del(&self, keys: &Value) {
        self.run("DEL", keys).ok();
    }

    /// The message of a call that fails, and its code.
    #[track_caller]
    pub(crate) fn refused(&self, command: &str, keys: &Value) -> (u64, String) {
        let error = self.run(command, keys).exits(1).json();
        let details = error["details"].as_str().unwrap_or_default();
        let msg = error["msg"].as_str().unwrap().to_owned();
        (
            error["code"].as_u64().unwrap(),
            format!("{msg} ({details})"),
        )
    }
}

pub(crate) fn has_reference(plugin: &str) -> bool {
    std::fs::exists(format!("{REFERENCE}/{plugin}")).unwrap()
}

/// The container of a lab behind our `bridge`, and what that answered.
pub(crate) fn attached(lab: &Lab, container: &Node) -> Value {
    Call::ours(lab, "bridge", container).add(&serde_json::from_str(BRIDGE).unwrap())
}

/// The same away.
pub(crate) fn detached(lab: &Lab, container: &Node) {
    Call::ours(lab, "bridge", container).del(&serde_json::from_str(BRIDGE).unwrap());
    lab.vetch("network rm pods").ok();
    lab.shell("rm -rf /run/ipam").ok();
}

/// These keys behind that result.
pub(crate) fn behind(previous: &Value, keys: Value) -> Value {
    let mut keys = keys;
    keys["prevResult"] = previous.clone();
    keys
}

/// A machine with a container that hangs on it by a plain pair of links, and the result that says so.
pub(crate) fn plain(lab: &Lab, name: &str) -> (Node, Node, Value) {
    let (machine, container) = (lab.machine(name), lab.anonymous("c1"));
    let (out, inside) = ("10.9.0.1/24", "10.9.0.2/24");
    lab.veth(&machine, "veth0", out, &container, "eth0", inside);
    for words in [
        "ip address add fd09::2/64 dev eth0 nodad",
        "ip link set lo up",
        "ip link set eth0 address 02:00:00:00:00:99",
    ] {
        container.cmd(words).ok();
    }
    machine
        .cmd("ip address add fd09::1/64 dev veth0 nodad")
        .ok();
    let result = json!({
        "cniVersion": "1.0.0",
        "interfaces": [
            {"name": "veth0", "mac": "02:00:00:00:00:98"},
            {"name": "eth0", "mac": "02:00:00:00:00:99", "sandbox": container.path()},
        ],
        "ips": [
            {"address": "10.9.0.2/24", "gateway": "10.9.0.1", "interface": 1},
            {"address": "fd09::2/64", "gateway": "fd09::1", "interface": 1},
        ],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
        "dns": {"nameservers": ["10.9.0.1"]},
    });
    (machine, container, result)
}
