//! VLANs of `bridge`: whose packets reach whom, beside the reference and alone; what CHECK, GC and STATUS say; what is refused.

mod packets;
mod whole;

use crate::call::{Container, List, Runtime, Whose, cmd, shell};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use vetch_tests::{Lab, Node, State};

/// Where the kernel is emulated, packets take their time.
const LIMIT: Duration = Duration::from_secs(300);
const NO_FILTERING: &str = "CONFIG_BRIDGE_VLAN_FILTERING: bridges know no VLANs";
const NO_LINK: &str = "CONFIG_VLAN_8021Q: no links of VLANs";

/// What is missing for VLANs, if anything is.
fn missing(lab: &Lab) -> Option<&'static str> {
    let probe = Node::anonymous("probe");
    let bridge = cmd(&probe, "ip link add br0 type bridge vlan_filtering 1");
    match bridge.code {
        0 => (!lab.has_kind("vlan")).then_some(NO_LINK),
        _ => Some(NO_FILTERING),
    }
}

/// A list of `bridge` alone.
fn list(name: &'static str, subnet: &str, keys: Value) -> List {
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": subnet}]]});
    let mut plugin = json!({"type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "ipMasq": true, "ipam": ipam});
    let Value::Object(keys) = keys else {
        panic!("keys are an object")
    };
    plugin.as_object_mut().unwrap().extend(keys);
    List {
        name,
        ..List::new(vec![plugin])
    }
}

fn red() -> List {
    list("red", "10.1.0.0/24", json!({"vlan": 100}))
}

fn blue() -> List {
    list("blue", "10.2.0.0/24", json!({"vlan": 200}))
}

/// A host of its own, and who calls plugins there.
struct World {
    whose: Whose,
    host: Node,
}

impl World {
    fn new(whose: Whose) -> World {
        let host = Node::machine("host");
        World { whose, host }
    }

    fn runtime(&self) -> Runtime<'_> {
        Runtime {
            whose: self.whose,
            host: &self.host,
        }
    }

    fn add(&self, list: &List, id: &'static str) -> Pod {
        let of = Container::new(id);
        let result = self.runtime().add(list, &of);
        Pod { of, result }
    }

    #[track_caller]
    fn del(&self, list: &List, pod: &Pod) {
        for output in self.runtime().del(list, &pod.of, Some(&pod.result)) {
            output.ok();
        }
    }

    #[track_caller]
    fn check(&self, list: &List, pod: &Pod) -> String {
        let outputs = self.runtime().check(list, &pod.of, &pod.result);
        outputs
            .iter()
            .map(|output| output.stdout.as_str())
            .collect()
    }

    /// The VLANs of each port as `bridge` shows them, by its link's other end or its name.
    fn vlans(&self, pod: &Pod) -> Vec<(u64, Vec<String>)> {
        let inner = cmd(&pod.of.node, "ip -j link show eth0").ok().json();
        let port = inner[0]["link_index"].as_u64().unwrap();
        let links = cmd(&self.host, "ip -j link").ok().json();
        let links = links.as_array().unwrap();
        let port = links.iter().find(|link| link["ifindex"] == port).unwrap();
        let all = cmd(&self.host, "bridge -j vlan").ok().json();
        let all = all.as_array().unwrap();
        let found = all.iter().find(|of| of["ifname"] == port["ifname"]);
        let vlans = found.unwrap()["vlans"].as_array().unwrap();
        let flags = |of: &Value| {
            let flags = of["flags"].as_array().cloned().unwrap_or_default();
            flags
                .iter()
                .map(|flag| flag.as_str().unwrap().to_owned())
                .collect()
        };
        let vlan = |of: &Value| (of["vlan"].as_u64().unwrap(), flags(of));
        vlans.iter().map(vlan).collect()
    }

    /// Nothing of ours is left when the networks are gone.
    #[track_caller]
    fn remove(&self, networks: &[&str], links: &[&str]) {
        for name in networks {
            self.host.vetch(&format!("network rm {name}")).ok();
        }
        let left = cmd(&self.host, "ip -o link").ok().stdout;
        let left: Vec<&str> = left
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .collect();
        let mut expected = vec!["lo:"];
        expected.extend(links);
        assert_eq!(left, expected);
        assert_eq!(cmd(&self.host, "nft list ruleset").ok().stdout, "");
    }
}

/// A container that was added.
struct Pod {
    of: Container,
    result: Value,
}

impl Pod {
    fn ip(&self) -> String {
        let net = self.result["ips"][0]["address"].as_str().unwrap();
        net.split('/').next().unwrap().to_owned()
    }

    fn ping(&self, to: &str) -> bool {
        self.of.node.ping(to)
    }

    /// A link of a VLAN inside.
    fn vlan(&self, vlan: u16, net: &str) {
        let add = format!("ip link add link eth0 name v{vlan} type vlan id {vlan}");
        let line = format!("{add} && ip address add {net} dev v{vlan} && ip link set v{vlan} up");
        shell(&self.of.node, &line).ok();
    }
}

/// What differs on the host; whose turn it is for an address may be noted.
fn left(before: &State, host: &Node) -> Vec<String> {
    let noted = ["/last_reserved_ip.", "/.vetch.boot", "/.host/boot"];
    let mut left = before.difference(&host.state());
    left.retain(|line| !noted.iter().any(|name| line.contains(name)));
    left
}

fn untagged(vlan: u64) -> (u64, Vec<String>) {
    (vlan, ["PVID", "Egress Untagged"].map(str::to_owned).into())
}

fn there(plugin: &str) -> bool {
    Path::new(crate::call::DIRECTORY).join(plugin).is_file()
}
