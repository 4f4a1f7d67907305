//! Networks and attachments as the firewall wants to hear of them.

use crate::error::{Error, Result};
use crate::name::Key;
use crate::port::PortSpec;
use crate::spec::{Attachment, Network};
use firewall::{Change, Owner, Ports, Publish, Routed};
use ipnet::IpNet;
use std::collections::HashSet;
use std::net::IpAddr;

pub(crate) fn owner(key: &Key) -> Owner {
    Owner::attachment(
        key.network.as_str(),
        key.id.as_str(),
        key.ifname.to_string(),
    )
}

/// The elements of a network.
pub(crate) fn network(network: &Network) -> Result<Change> {
    if !network.has_gateway_link() {
        return Ok(Change::default()); // this host has no part in it
    }
    let policy = &network.policy;
    let intent = firewall::Network {
        subnets: network.subnets.iter().map(|subnet| subnet.prefix).collect(),
        gateways: network
            .subnets
            .iter()
            .map(|subnet| subnet.gateway)
            .collect(),
        shared: network.shared.is_some(),
        routed: network.routed,
        internal: network.internal,
        masquerade: policy.masquerade && !network.internal,
        reachable: policy.reachable && !network.internal,
        host_services: network.host_services,
        services: policy.services.clone(),
        isolate_ports: policy.isolate_ports,
        allow: policy.allow.clone(),
        deny: policy.deny.clone(),
        reaches: network.reaches.iter().map(|other| other.bridge).collect(),
        reached_by: network
            .reached_by
            .iter()
            .map(|other| other.bridge)
            .collect(),
        ..firewall::Network::new(network.name.as_str(), network.gateway_link())
    };
    let op = || format!("describe network `{}` to the firewall", network.name);
    firewall::network(&intent).map_err(|err| Error::firewall(op(), err))
}

/// The elements of an attachment with its ports.
pub(crate) fn attachment(attachment: &Attachment) -> Result<Change> {
    let op = || format!("describe {} to the firewall", attachment.key);
    let owner = owner(&attachment.key);
    let intent = firewall::Attachment {
        addresses: attachment.addresses.iter().map(|net| net.addr()).collect(),
        dhcp: attachment.dhcp,
        dhcp_server: attachment.dhcp_server,
        router: attachment.router,
        unguarded: attachment.unguarded,
        mac_only: attachment.assigned.mac_only,
        tagged: match &attachment.assigned.vlans {
            Some(vlans) => vlans.tagged().into(),
            None => Vec::new(),
        },
        routed: attachment.assigned.routed.as_ref().map(|link| Routed {
            masquerade: link.masquerade,
            reachable: link.reachable,
            host_services: link.host_services,
        }),
        foreign: attachment
            .assigned
            .foreign
            .then(|| attachment.addresses.iter().map(IpNet::trunc).collect()),
        ..firewall::Attachment::new(owner, attachment.host_end, attachment.mac)
    };
    let mut change = firewall::attachment(&intent).map_err(|err| Error::firewall(op(), err))?;
    change.extend(ports(attachment)?);
    Ok(change)
}

/// The elements of an attachment's ports alone; none where none is published.
pub(crate) fn ports(attachment: &Attachment) -> Result<Change> {
    let op = || format!("publish a port of {}", attachment.key);
    let owner = owner(&attachment.key);
    let mut all = Change::default();
    for publish in published(attachment)? {
        let change = firewall::publish(&owner, &publish);
        all.extend(change.map_err(|err| Error::firewall(op(), err))?);
    }
    if !attachment.ports.is_empty() {
        let addresses: Vec<IpAddr> = attachment.addresses.iter().map(IpNet::addr).collect();
        let source = firewall::source(&owner, &addresses, attachment.translation.source);
        all.extend(source.map_err(|err| Error::firewall(op(), err))?);
    }
    Ok(all)
}

/// What is published, however it was written: the elements it takes.
pub(crate) fn openings(attachment: &Attachment) -> Result<HashSet<firewall::Step>> {
    Ok(ports(attachment)?.steps().iter().cloned().collect())
}

/// Each port, for each of the attachment's addresses of its family.
pub(crate) fn published(attachment: &Attachment) -> Result<Vec<Publish>> {
    let mut all = Vec::new();
    for port in &attachment.ports {
        let range = Ports::new(port.host_port, port.last_host_port());
        let ports = range.map_err(|err| Error::firewall(format!("publish port `{port}`"), err))?;
        for net in &attachment.addresses {
            if serves(port, net.addr().is_ipv4()) {
                let (on, transport, to) =
                    (port.host, port.transport, (net.addr(), port.port).into());
                all.push(Publish {
                    on,
                    ports,
                    transport,
                    to,
                    only: attachment.translation.only.clone(),
                });
            }
        }
    }
    Ok(all)
}

/// Whether a port can lead to addresses of this family.
pub(crate) fn serves(port: &PortSpec, ipv4: bool) -> bool {
    port.host.is_none_or(|ip| ip.is_ipv4() == ipv4)
}
