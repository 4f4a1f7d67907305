//! Networks and attachments as JSON and as rows, the same wherever they are shown.

use crate::failure::Failure;
use crate::output::Output;
use crate::{table, time};
use bridge::{Attachment, Joined, Network, PortSpec};
use core_netlink::VlanId;
use serde_json::{Value, json};
use std::time::SystemTime;

/// Values side by side in one cell.
pub(crate) fn joined<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values
        .into_iter()
        .map(|value| value.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A network as a JSON object.
pub(crate) fn network(network: &Network) -> Value {
    let subnet = |subnet: &bridge::Subnet| json!({"subnet": subnet.prefix.to_string(), "gateway": subnet.gateway});
    json!({
        "name": network.name.as_str(),
        "bridge": (!network.routed).then(|| network.bridge.to_string()),
        "vlan": network.vlans.and_then(|vlans| vlans.gateway).map(VlanId::get),
        "mac": network.mac.to_string(),
        "subnets": network.subnets.iter().map(subnet).collect::<Vec<_>>(),
        "internal": network.internal,
        "masquerade": network.policy.masquerade && !network.internal,
        "reachable": network.policy.reachable,
        "isolate_ports": network.policy.isolate_ports,
        "dhcp_servers": network.policy.dhcp_servers,
        "routers": network.policy.routers,
        "allow": texts(&network.policy.allow),
        "deny": texts(&network.policy.deny),
        "reach": names(&network.reaches),
        "reached_by": names(&network.reached_by),
        "host_services": network.host_services,
        "host_service": texts(&network.policy.services),
        "mtu": network.mtu,
        "queues": network.queues,
        "big_tcp": network.big_tcp,
        "since": time::rfc3339(network.since),
    })
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn names(joined: &[Joined]) -> Vec<&str> {
    joined.iter().map(|other| other.network.as_str()).collect()
}

/// A network as lines for people.
pub(crate) fn facts(network: &Network) -> Vec<(&'static str, String)> {
    let yes = |flag| if flag { "yes" } else { "no" }.to_owned();
    let bridge = match network.routed {
        true => "none: each container has a link of its own".to_owned(),
        false => format!("{} {}", network.bridge, network.mac),
    };
    let mut facts = vec![("network", network.name.to_string()), ("bridge", bridge)];
    if let Some(vlans) = network.vlans {
        let gateway = vlans
            .gateway
            .map(|vlan| format!("{vlan}, gateway on {}", network.gateway_link()));
        facts.push((
            "VLAN",
            gateway.unwrap_or_else(|| "the bridge's own".to_owned()),
        ));
    }
    facts.extend(network.subnets.iter().map(|subnet| {
        (
            "subnet",
            format!("{} gateway {}", subnet.prefix, subnet.gateway),
        )
    }));
    let policy = &network.policy;
    facts.extend([
        ("internal", yes(network.internal)),
        ("masquerade", yes(policy.masquerade && !network.internal)),
        ("reachable", yes(policy.reachable && !network.internal)),
        ("isolated ports", yes(policy.isolate_ports)),
        ("host services", yes(network.host_services)),
        ("DHCP servers", yes(policy.dhcp_servers)),
        ("routers", yes(policy.routers)),
    ]);
    let lists = [
        ("host service", joined(&policy.services)),
        ("allow", joined(&policy.allow)),
        ("deny", joined(&policy.deny)),
        ("reaches", joined(names(&network.reaches))),
        ("reached by", joined(names(&network.reached_by))),
    ];
    facts.extend(lists.into_iter().filter(|(_, list)| !list.is_empty()));
    facts.extend([
        ("mtu", network.mtu.to_string()),
        ("queues", network.queues.to_string()),
        ("BIG TCP", yes(network.big_tcp)),
        ("since", time::rfc3339(network.since)),
    ]);
    facts
}

/// An attachment as a JSON object.
pub(crate) fn attachment(attachment: &Attachment) -> Value {
    json!({
        "network": attachment.key.network.as_str(),
        "id": attachment.key.id.as_str(),
        "namespace": attachment.namespace,
        "cookie": attachment.cookie,
        "interface": attachment.key.ifname.to_string(),
        "host_interface": attachment.host_end.to_string(),
        "mac": attachment.mac.to_string(),
        "addresses": attachment.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "gateways": attachment.gateways,
        "mtu": attachment.mtu,
        "ports": attachment.ports.iter().map(port).collect::<Vec<_>>(),
        "dhcp": attachment.dhcp,
        "unguarded": attachment.unguarded,
        "state": attachment.state.to_string(),
        "since": time::rfc3339(attachment.since),
    })
}

pub(crate) fn port(port: &PortSpec) -> Value {
    json!({
        "host_ip": port.host,
        "host_port": port.host_port,
        "port": port.port,
        "count": port.count,
        "protocol": port.transport.to_string(),
    })
}

/// The table of attachments.
pub(crate) fn print_attachments(
    attachments: &[Attachment],
    out: &mut Output,
) -> Result<(), Failure> {
    let now = SystemTime::now();
    let heading = [
        "NETWORK",
        "ID",
        "NAMESPACE",
        "INTERFACE",
        "ADDRESSES",
        "PORTS",
        "STATE",
        "SINCE",
    ];
    let row = |attachment: &Attachment| {
        vec![
            attachment.key.network.to_string(),
            attachment.key.id.to_string(),
            attachment.namespace.clone(),
            attachment.key.ifname.to_string(),
            joined(&attachment.addresses),
            joined(&attachment.ports),
            match attachment.unguarded {
                true => format!("{}, unguarded", attachment.state),
                false => attachment.state.to_string(),
            },
            time::ago(attachment.since, now),
        ]
    };
    table::print(out, &heading, attachments.iter().map(row).collect())
}
