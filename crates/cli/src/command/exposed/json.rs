//! The answer as one JSON document.

use crate::command::health;
use bridge::{
    Effect, Exposed, Exposure, ForeignChain, Interface, NetworkExposure, Origin, Target, Way,
};
use serde_json::{Value, json};

pub(super) fn document(of: &Exposure) -> Value {
    json!({
        "closed_by_default": of.closed_by_default,
        "interfaces": of.interfaces.iter().map(interface).collect::<Vec<_>>(),
        "reachable": of.rows.iter().map(row).collect::<Vec<_>>(),
        "networks": of.networks.iter().map(network).collect::<Vec<_>>(),
        "other_firewalls": of.foreign.iter().map(chain).collect::<Vec<_>>(),
        "differences": of.differences.iter().map(|of| health::view(of, "differs")).collect::<Vec<_>>(),
    })
}

fn interface(of: &Interface) -> Value {
    json!({
        "name": of.name.to_string(),
        "addresses": of.addresses,
        "forwards_ipv4": of.forwards_ipv4,
        "forwards_ipv6": of.forwards_ipv6,
    })
}

fn row(of: &Exposed) -> Value {
    let mut view = match &of.target {
        Target::Published {
            network,
            id,
            interface,
            to,
            recorded,
        } => json!({
            "kind": "published", "network": network, "id": id, "interface": interface, "to": to.to_string(), "recorded": recorded,
        }),
        Target::Service { process, uid } => json!({
            "kind": "service", "uid": uid,
            "process": process.as_ref().map(|(name, _)| name), "pid": process.as_ref().map(|(_, pid)| pid),
        }),
        Target::Containers { network, subnet } => {
            json!({"kind": "containers", "network": network, "subnet": subnet.to_string()})
        }
        Target::Beyond { interface } => {
            json!({"kind": "beyond", "interface": interface.to_string()})
        }
        _ => json!({"kind": "other"}),
    };
    view["family"] = json!(if of.ipv4 { "ip" } else { "ip6" });
    view["host_ip"] = json!(of.on);
    view["ports"] = json!(of.ports.map(|(first, last)| [first, last]));
    view["protocol"] = json!(of.transport.map(|transport| transport.to_string()));
    view["from"] = json!(of.ways.iter().map(way).collect::<Vec<_>>());
    view
}

fn way(of: &Way) -> Value {
    let (kind, name) = match &of.from {
        Origin::Host => ("host", None),
        Origin::Interface(name) => ("interface", Some(name.to_string())),
        Origin::Network(name) => ("network", Some(name.clone())),
        _ => ("other", None),
    };
    json!({"kind": kind, "name": name, "address": of.at, "access": of.access.to_string(), "by": of.by})
}

fn network(of: &NetworkExposure) -> Value {
    json!({
        "name": of.name,
        "bridge": of.bridge.to_string(),
        "subnets": of.subnets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "enforced": of.enforced,
        "recorded": of.recorded,
        "internal": of.internal,
        "masquerade_ipv4": of.masquerade[0],
        "masquerade_ipv6": of.masquerade[1],
        "isolated": of.isolated,
        "listed": of.listed,
        "host_services": of.host_services,
        "services": of.services,
        "reaches": of.reaches,
        "unguarded": of.unguarded,
        "dhcp": of.dhcp,
        "dhcp_servers": of.dhcp_servers,
        "routers": of.routers,
    })
}

fn chain(of: &ForeignChain) -> Value {
    json!({
        "family": of.family.to_string(),
        "table": of.table,
        "chain": of.chain,
        "hook": of.hook.to_string(),
        "effect": effect(of.effect),
    })
}

fn effect(of: Effect) -> &'static str {
    match of {
        Effect::Drops => "drops",
        Effect::Translates => "translates",
        _ => "may drop",
    }
}
