//! Addresses, routes, rules, neighbours and the rest on the real kernel, compared with what `ip` and `bridge` make and see.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "test code: a panic is how a test fails"
)]

mod addresses;
mod forwarding;
mod neighbours;
mod others;
mod routes;
mod rules;

use core_netlink::{Conn, IfIndex, Protocol};
use serde_json::Value;
use vetch_tests::{Lab, Node, lab};

const V0: IfIndex = IfIndex(3);
const BRIDGE: IfIndex = IfIndex(4);
const VXLAN: IfIndex = IfIndex(5);

/// A machine with a veth pair (v1 is 2, v0 is 3), a bridge (4) with v0 as its port, and a VXLAN (5); always alike.
fn machine(lab: &Lab, name: &str) -> Node {
    let node = lab.machine(name);
    for words in [
        "ip link add v0 index 3 address 02:00:00:00:01:00 type veth peer name v1 index 2 address 02:00:00:00:01:01",
        "ip link add br0 index 4 address 02:00:00:00:01:02 type bridge mcast_snooping 0",
        "ip link add vx0 index 5 address 02:00:00:00:01:03 type vxlan id 10 dstport 4789",
    ] {
        node.cmd(words).ok();
    }
    for link in ["v0", "v1", "br0", "vx0"] {
        node.cmd(&format!("ip link set {link} addrgenmode none"))
            .ok();
        node.cmd(&format!("ip link set {link} up")).ok();
    }
    node
}

fn conn(node: &Node, protocol: Protocol) -> Conn {
    node.run(|| Conn::open(protocol)).unwrap()
}

/// What a command shows, without what runs.
#[track_caller]
fn look(node: &Node, words: &str) -> Value {
    let mut shown = node.cmd(words).ok().json();
    strip(&mut shown);
    shown
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let runs = [
                "used",
                "confirmed",
                "updated",
                "refcnt",
                "probes",
                "expires",
            ];
            map.retain(|key, _| !runs.contains(&key.as_str()));
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => {
            list.iter_mut().for_each(strip);
            // The kernel reports to multicast groups when it likes.
            list.retain(|entry| {
                entry["dst"]
                    .as_str()
                    .is_none_or(|dst| !dst.starts_with("ff02::"))
            });
            list.sort_by_key(Value::to_string); // hash tables list in any order
        }
        _ => {}
    }
}

/// What the reference tool makes on one machine is read there by us and made again on a second: the reference tool must see
/// the same on both. Cleared by us, the second must look like a third that nothing was done to.
fn check_copy(
    words: &'static [&'static str],
    looks: &'static [&'static str],
    copy: fn(&mut Conn, &mut Conn),
    clear: fn(&mut Conn),
) {
    lab(move |lab| {
        let [reference, ours, fresh] =
            ["reference", "ours", "fresh"].map(|name| machine(lab, name));
        for words in words {
            reference.cmd(words).ok();
        }
        let mut to = conn(&ours, Protocol::Route);
        copy(&mut conn(&reference, Protocol::Route), &mut to);
        for words in looks {
            assert_ne!(
                look(&reference, words),
                look(&fresh, words),
                "nothing was made: {words}"
            );
            assert_eq!(look(&reference, words), look(&ours, words), "{words}");
        }
        clear(&mut to);
        for words in looks {
            assert_eq!(
                look(&ours, words),
                look(&fresh, words),
                "after clearing: {words}"
            );
        }
    });
}
