//! Connections the kernel still tracks after their rule is gone.

use crate::{Publish, Result, Transport};
use core_netlink::conntrack::{FlowFilter, Tuple};
use core_netlink::{Conn, Family};
use std::net::IpAddr;

/// Forgets UDP connections to these ports: a client would keep its old way after publish and keep the container after unpublish.
/// TCP needs none of it. None there is success.
pub fn forget_published(conn: &mut Conn, published: &[Publish]) -> Result<()> {
    for publish in published.iter().filter(|p| p.transport == Transport::Udp) {
        match publish.ports.count() {
            1 => conn.delete_flows(&to_port(publish, Some(publish.ports.first())))?,
            _ => forget_range(conn, publish)?,
        }
    }
    Ok(())
}

/// By the original packet's port: the port of the host.
fn to_port(publish: &Publish, port: Option<u16>) -> FlowFilter {
    let original = Tuple {
        protocol: Some(publish.transport.number()),
        destination_port: port,
        ..Tuple::default()
    };
    FlowFilter {
        original,
        ..FlowFilter::all(Family::of(publish.to.ip()))
    }
}

/// The kernel filters by one port only: look once, then forget one by one.
fn forget_range(conn: &mut Conn, publish: &Publish) -> Result<()> {
    let ports = publish.ports.first()..=publish.ports.last();
    for flow in conn.flows(&to_port(publish, None))? {
        if flow
            .original
            .destination_port
            .is_some_and(|port| ports.contains(&port))
        {
            conn.delete_flow(&flow)?;
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
    conn.delete_flows(&FlowFilter {
        original: from,
        ..all
    })?;
    conn.delete_flows(&FlowFilter { reply: from, ..all })?; // what was translated to it
    Ok(())
}
