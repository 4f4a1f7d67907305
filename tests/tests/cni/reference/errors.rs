//! The same calls that cannot be served, to both: both say so on standard output, and ours leaves nothing.

use super::world::{World, some_at_once, worlds};
use super::{LIMIT, missing, turn};
use crate::call::{List, Whose, cmd, shell};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use vetch_tests::{Node, Output, State, lab_within, skip};

/// What is done first (in a shell of the host), the keys of `bridge`, the plugins behind, `CNI_ARGS`.
struct Bad {
    name: &'static str,
    before: &'static str,
    bridge: Value,
    behind: Vec<Value>,
    args: &'static str,
    version: &'static str,
}

fn bad(name: &'static str, keys: Value) -> Bad {
    let mut bridge = json!({"isDefaultGateway": true, "ipMasq": true, "ipam": {"type": "host-local", "subnet": "10.1.0.0/24"}});
    let keys = keys.as_object().unwrap().clone();
    bridge.as_object_mut().unwrap().extend(keys);
    bridge["type"] = json!("bridge");
    Bad {
        name,
        before: "true",
        bridge,
        behind: Vec::new(),
        args: "",
        version: "1.0.0",
    }
}

fn ipam(name: &'static str, ipam: Value) -> Bad {
    bad(name, json!({"ipam": ipam}))
}

fn behind(name: &'static str, plugin: Value) -> Bad {
    Bad {
        behind: vec![plugin],
        ..bad(name, json!({}))
    }
}

fn all() -> Vec<Bad> {
    let mut all = keys();
    all.extend(addresses());
    all.extend(plugins());
    all
}

fn keys() -> Vec<Bad> {
    vec![
        Bad {
            version: "9.9.9",
            ..bad("a version that nobody speaks", json!({}))
        },
        Bad {
            version: "1.0",
            ..bad("half a version", json!({}))
        },
        bad(
            "hairpin and promiscuous",
            json!({"hairpinMode": true, "promiscMode": true}),
        ),
        bad("a text for a flag", json!({"isGateway": "yes"})),
        bad("a text for a number", json!({"mtu": "1500"})),
        bad("a number for a name", json!({"bridge": 5})),
        bad("an MTU that no link has", json!({"mtu": 10_000_000})),
        bad(
            "a bridge's name that is too long",
            json!({"bridge": "sixteen-bytes-it"}),
        ),
        bad("a bridge's name with a slash", json!({"bridge": "a/b"})),
        Bad {
            before: "ip link add cni0 type veth peer name cni1",
            ..bad("a bridge that is none", json!({}))
        },
        bad(
            "a MAC address that is none",
            json!({"runtimeConfig": {"mac": "02:00"}}),
        ),
        Bad {
            args: "IgnoreUnknown=1;MAC=xx",
            ..bad("a MAC address of CNI_ARGS that is none", json!({}))
        },
        Bad {
            args: "nonsense",
            ..bad("CNI_ARGS that are no pairs", json!({}))
        },
        Bad {
            args: "WHAT=1",
            ..bad("CNI_ARGS that nobody knows", json!({}))
        },
        bad(
            "name servers that are no list",
            json!({"dns": {"nameservers": "10.0.0.1"}}),
        ),
    ]
}

fn addresses() -> Vec<Bad> {
    vec![
        ipam(
            "an IPAM plugin that is not there",
            json!({"type": "nosuch"}),
        ),
        ipam(
            "an IPAM plugin outside of the directory",
            json!({"type": "../lib/cni/host-local"}),
        ),
        ipam("no range", json!({"type": "host-local"})),
        ipam(
            "a subnet that is none",
            json!({"type": "host-local", "subnet": "10.1.0/24"}),
        ),
        ipam(
            "a subnet without room",
            json!({"type": "host-local", "subnet": "10.1.0.0/31"}),
        ),
        ipam(
            "a subnet with host bits",
            json!({"type": "host-local", "subnet": "10.1.0.5/24"}),
        ),
        ipam(
            "a range outside of its subnet",
            json!({"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24", "rangeStart": "10.2.0.1"}]]}),
        ),
        ipam(
            "ranges that overlap",
            json!({"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.1.0.0/25"}]]}),
        ),
        ipam(
            "families in one set",
            json!({"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "fd01::/64"}]]}),
        ),
        ipam(
            "ranges that are no sets",
            json!({"type": "host-local", "ranges": [{"subnet": "10.1.0.0/24"}]}),
        ),
        ipam(
            "name servers of a file that is not there",
            json!({"type": "host-local", "subnet": "10.1.0.0/24", "resolvConf": "/nonexistent"}),
        ),
        ipam(
            "a route to nowhere",
            json!({"type": "host-local", "subnet": "10.1.0.0/24", "routes": [{"dst": "x"}]}),
        ),
        ipam(
            "a route by a gateway that cannot be reached",
            json!({"type": "host-local", "subnet": "10.1.0.0/24", "routes": [{"dst": "10.7.0.0/16", "gw": "172.16.0.1"}]}),
        ),
        ipam(
            "no room left",
            json!({"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.2.0.0/24", "rangeStart": "10.2.0.1", "rangeEnd": "10.2.0.1"}]]}),
        ),
        ipam(
            "static without a length",
            json!({"type": "static", "addresses": [{"address": "10.1.0.5"}]}),
        ),
        ipam(
            "static with a gateway that is none",
            json!({"type": "static", "addresses": [{"address": "10.1.0.5/24", "gateway": "x"}]}),
        ),
        bad(
            "an address outside of all ranges",
            json!({"args": {"cni": {"ips": ["10.9.0.5"]}}}),
        ),
        bad(
            "an address that is none",
            json!({"args": {"cni": {"ips": ["x"]}}}),
        ),
        bad(
            "the gateway's address",
            json!({"runtimeConfig": {"ips": ["10.1.0.1"]}}),
        ),
        Bad {
            args: "IgnoreUnknown=1;IP=x",
            ..bad("an address of CNI_ARGS that is none", json!({}))
        },
    ]
}

fn plugins() -> Vec<Bad> {
    let ports =
        |mappings: Value| json!({"type": "portmap", "runtimeConfig": {"portMappings": mappings}});
    vec![
        behind(
            "a port that is too large",
            ports(json!([{"hostPort": 70000, "containerPort": 80, "protocol": "tcp"}])),
        ),
        behind(
            "a port that is negative",
            ports(json!([{"hostPort": -1, "containerPort": 80, "protocol": "tcp"}])),
        ),
        behind(
            "a port of an unknown transport",
            ports(json!([{"hostPort": 8080, "containerPort": 80, "protocol": "icmp"}])),
        ),
        behind(
            "port mappings that are no list",
            ports(json!({"hostPort": 8080})),
        ),
        behind(
            "two marks",
            json!({"type": "portmap", "markMasqBit": 3, "externalSetMarkChain": "X", "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}),
        ),
        behind(
            "a mark that is none",
            json!({"type": "portmap", "markMasqBit": 99, "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}),
        ),
        behind(
            "a policy that is none",
            json!({"type": "firewall", "ingressPolicy": "nosuch"}),
        ),
    ]
}

/// Whether that is the error object of the specification.
fn said(output: &Output) -> Result<(), String> {
    let object: Value = serde_json::from_str(&output.stdout).map_err(|_| output.to_string())?;
    let code = object["code"].as_u64().filter(|code| *code > 0);
    let msg = object["msg"].as_str().filter(|msg| !msg.is_empty());
    let said = code.zip(msg).filter(|_| output.code != 0);
    said.map(drop).ok_or(output.to_string())
}

/// What differs on the host, and in the container, once what was put aside is deleted. Whose turn it is may be noted.
fn left(world: &World, before: &[State; 2]) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(4);
    let noted = |line: &str| {
        ["/last_reserved_ip.", "/.vetch.boot", "/.host/boot"]
            .iter()
            .any(|name| line.contains(name))
    };
    loop {
        let now = states(world);
        let all = before
            .iter()
            .zip(&now)
            .flat_map(|(before, now)| before.difference(now));
        let left: Vec<String> = all.filter(|line| !noted(line)).collect();
        if left.is_empty() || Instant::now() > end {
            return left;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn states(world: &World) -> [State; 2] {
    [&world.host, &world.containers[0].node].map(Node::state)
}

/// What was said, and what is left at once and after the DEL that the runtime asks for.
fn refused(world: &World, bad: &Bad) -> (Result<(), String>, Vec<String>) {
    shell(&world.host, bad.before).ok();
    let list = List {
        version: bad.version,
        args: bad.args,
        ..List::new([vec![bad.bridge.clone()], bad.behind.clone()].concat())
    };
    let of = &world.containers[0];
    let before = states(world);
    let added = world.runtime().try_add(&list, of);
    let mut all = Vec::new();
    match world.whose {
        Whose::Ours if bad.behind.is_empty() => all.extend(left(world, &before)),
        Whose::Ours => {} // the plugins before have done their part
        Whose::Theirs => {
            let links = cmd(&world.host, "ip -o link show type veth").stdout;
            let new = links.lines().filter(|line| !line.contains("up0"));
            all.extend(new.map(str::to_owned));
        }
    }
    let _ = world.runtime().del(&list, of, None);
    match world.whose {
        Whose::Ours if bad.behind.is_empty() => all.extend(left(world, &before)),
        Whose::Ours => all.extend(world.left("cni0")), // the network stays, as the reference's bridge does
        Whose::Theirs => {}
    }
    let said = match added {
        Ok(_) => Err("it succeeded".to_owned()),
        Err(output) => said(&output),
    };
    (said, all)
}

/// What is wrong with a row; counts what the reference leaves.
fn judge(worlds: &[World; 2], bad: &Bad, leaves: &AtomicUsize) -> Vec<String> {
    let mut wrong = Vec::new();
    for world in worlds {
        let (whose, (said, left)) = (world.whose, refused(world, bad));
        world.sweep();
        wrong.extend(
            said.err()
                .map(|why| format!("{}: {whose:?}: {why}", bad.name)),
        );
        match whose {
            Whose::Theirs => {
                leaves.fetch_add(usize::from(!left.is_empty()), Ordering::Relaxed);
            }
            Whose::Ours if left.is_empty() => {}
            Whose::Ours => wrong.push(format!("{}: ours leaves {left:?}", bad.name)),
        }
    }
    wrong
}

/// What the reference takes: values that mean something which is not done here, and values that mean nothing.
fn ours_alone() -> Vec<Bad> {
    vec![
        ipam("another IPAM plugin", json!({"type": "dhcp"})),
        behind(
            "a backend that is none",
            json!({"type": "firewall", "backend": "nosuch"}),
        ),
    ]
}

#[test]
fn what_is_not_done_here_is_refused_and_leaves_nothing() {
    let _turn = turn();
    lab_within(LIMIT, |_| {
        let rows = ours_alone();
        let wrong = some_at_once(
            &rows,
            || World::new(Whose::Ours),
            |world, bad| {
                let (said, left) = refused(world, bad);
                world.sweep();
                let left = Some(left).filter(|left| !left.is_empty());
                (said.is_err() || left.is_some())
                    .then(|| format!("{}: {said:?} {left:?}", bad.name))
            },
        );
        let wrong: Vec<String> = wrong.into_iter().flatten().collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn what_neither_can_serve_is_an_error_of_both_and_leaves_nothing_of_ours() {
    let _turn = turn();
    lab_within(LIMIT, |_| {
        if let Some(missing) = missing() {
            skip!("{missing}");
        }
        let (rows, leaves) = (all(), AtomicUsize::new(0));
        let wrong = some_at_once(&rows, worlds, |worlds, bad| judge(worlds, bad, &leaves)).concat();
        let leaves = leaves.into_inner();
        println!(
            "of {} calls that fail, {leaves} of the reference's leave something",
            rows.len()
        );
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}
