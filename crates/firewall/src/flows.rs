//! Connections the kernel still tracks after their rule is gone.

use crate::{Publish, Result, Transport};
use core_netlink::conntrack::{Flow, FlowFilter, Tuple};
use core_netlink::{Conn, Family};
use std::collections::HashSet;
use std::net::IpAddr;

/// UDP connections to these ports: a client would keep its old way after publish and keep the container after unpublish. TCP needs none
/// of it. Where a port is published on all addresses, those that only pass through this host on their way to such a port are among them.
pub fn flows_to(conn: &mut Conn, published: &[Publish]) -> Result<Vec<Flow>> {
    let mut found = Vec::new();
    for v4 in [true, false] {
        let is_meant = |p: &&Publish| p.transport == Transport::Udp && p.to.is_ipv4() == v4;
        let udp: Vec<&Publish> = published.iter().filter(is_meant).collect();
        let Some(filter) = filter(&udp) else {
            continue;
        };
        let flows = conn.flows(&filter)?.into_iter();
        let leads = |flow: &Flow| udp.iter().any(|publish| leads_to(publish, &flow.original));
        found.extend(flows.filter(leads));
    }
    Ok(found)
}

/// What the kernel can filter by: the port and the address if there is but one of them.
fn filter(udp: &[&Publish]) -> Option<FlowFilter> {
    let first = udp.first()?;
    let alone = udp.len() == 1 && first.ports.count() == 1;
    let original = Tuple {
        protocol: Some(first.transport.number()),
        destination: one_address(first).filter(|_| alone),
        destination_port: alone.then_some(first.ports.first()),
        ..Tuple::default()
    };
    let all = FlowFilter::all(Family::of(first.to.ip()));
    Some(FlowFilter { original, ..all })
}

fn one_address(publish: &Publish) -> Option<IpAddr> {
    publish.on.filter(|on| !on.is_unspecified())
}

/// By the original packet: the address and the port of the host.
fn leads_to(publish: &Publish, original: &Tuple) -> bool {
    let on = one_address(publish);
    let ports = publish.ports.first()..=publish.ports.last();
    let port = original.destination_port;
    port.is_some_and(|port| ports.contains(&port)) && (on.is_none() || on == original.destination)
}

/// Forgets connections; what is gone already is.
pub fn forget(conn: &mut Conn, flows: &[Flow]) -> Result<()> {
    for flow in flows {
        conn.delete_flow(flow)?;
    }
    Ok(())
}

/// The same of many addresses, in one look at all connections.
pub fn forget_addresses(conn: &mut Conn, addresses: &HashSet<IpAddr>) -> Result<()> {
    let is_meant = |ip: Option<IpAddr>| ip.is_some_and(|ip| addresses.contains(&ip));
    for family in [Family::V4, Family::V6] {
        if addresses.iter().any(|ip| Family::of(*ip) == family) {
            let mut flows = conn.flows(&FlowFilter::all(family))?;
            flows.retain(|flow| is_meant(flow.original.source) || is_meant(flow.reply.source));
            forget(conn, &flows)?;
        }
    }
    Ok(())
}

/// Forgets every connection from or to this address of a container that is gone. None there is success.
pub fn forget_address(conn: &mut Conn, address: IpAddr) -> Result<()> {
    let from = Tuple {
        source: Some(address),
        ..Tuple::default()
    };
    let all = FlowFilter::all(Family::of(address));
    let by_it = FlowFilter {
        original: from,
        ..all
    };
    let to_it = FlowFilter { reply: from, ..all }; // what was translated to it
    Ok(conn.delete_flows(&[by_it, to_it])?)
}
