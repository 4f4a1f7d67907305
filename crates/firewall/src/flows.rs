//! Connections the kernel still tracks after their rule is gone.

use crate::{Publish, Result, Transport};
use core_netlink::conntrack::{FlowFilter, Tuple};
use core_netlink::{Conn, Family};
use std::net::IpAddr;

const FEW: usize = 4; // ports that are asked for one by one: each time the kernel looks through its whole table

/// Forgets UDP connections to these ports: a client would keep its old way after publish and keep the container after unpublish.
/// TCP needs none of it. None there is success.
pub fn forget_published(conn: &mut Conn, published: &[Publish]) -> Result<()> {
    for v4 in [true, false] {
        let is_meant = |p: &&Publish| p.transport == Transport::Udp && p.to.is_ipv4() == v4;
        let udp: Vec<&Publish> = published.iter().filter(is_meant).collect();
        match udp.len() <= FEW && udp.iter().all(|p| p.ports.count() == 1) {
            true => forget_each(conn, &udp)?,
            false => forget_listed(conn, &udp)?,
        }
    }
    Ok(())
}

/// By the original packet: the address and the port of the host.
fn forget_each(conn: &mut Conn, udp: &[&Publish]) -> Result<()> {
    for publish in udp {
        let original = Tuple {
            protocol: Some(publish.transport.number()),
            destination: publish.on.filter(|on| !on.is_unspecified()),
            destination_port: Some(publish.ports.first()),
            ..Tuple::default()
        };
        let all = FlowFilter::all(Family::of(publish.to.ip()));
        conn.delete_flows(&FlowFilter { original, ..all })?;
    }
    Ok(())
}

/// The kernel filters by one port only: look once, then forget one by one.
fn forget_listed(conn: &mut Conn, udp: &[&Publish]) -> Result<()> {
    let Some(first) = udp.first() else {
        return Ok(());
    };
    let original = Tuple {
        protocol: Some(first.transport.number()),
        ..Tuple::default()
    };
    let all = FlowFilter::all(Family::of(first.to.ip()));
    for flow in conn.flows(&FlowFilter { original, ..all })? {
        if udp
            .iter()
            .any(|publish| leads_there(publish, &flow.original))
        {
            conn.delete_flow(&flow)?;
        }
    }
    Ok(())
}

fn leads_there(publish: &Publish, original: &Tuple) -> bool {
    let on = publish.on.filter(|on| !on.is_unspecified());
    let ports = publish.ports.first()..=publish.ports.last();
    let port = original.destination_port;
    port.is_some_and(|port| ports.contains(&port)) && (on.is_none() || on == original.destination)
}

/// Forgets every connection from or to this address of a container that is gone. None there is success.
pub fn forget_address(conn: &mut Conn, address: IpAddr) -> Result<()> {
    let from = Tuple {
        source: Some(address),
        ..Tuple::default()
    };
    let all = FlowFilter::all(Family::of(address));
    conn.delete_flows(&FlowFilter {
        original: from,
        ..all
    })?;
    conn.delete_flows(&FlowFilter { reply: from, ..all })?; // what was translated to it
    Ok(())
}
