//! What of an interface inside a namespace is not as its attachment has it.

use super::says;
use crate::assigned::InnerRoute;
use crate::spec::Attachment;
use core_netlink::addr::AddressFilter;
use core_netlink::link::Link;
use core_netlink::route::{Route, RouteFilter, RouteType, Table};
use core_netlink::{Conn, Family, HwAddr, IfIndex};
use ipnet::IpNet;
use std::net::IpAddr;

/// Of the other end of this link, in words.
pub(super) fn differs(
    conn: &mut Conn,
    of: &Attachment,
    link: &Link,
) -> core_netlink::Result<Vec<String>> {
    let Some(inner) = conn.find_link(of.key.ifname)? else {
        return Ok(vec![format!(
            "inside, `{}` has another name",
            of.key.ifname
        )]);
    };
    if link.link != Some(inner.index) {
        return Ok(vec![format!(
            "inside, `{}` is another interface",
            of.key.ifname
        )]);
    }
    let mut how = Vec::new();
    let wrong = if of.assigned.down { "up" } else { "down" };
    how.extend(says(
        inner.is_up() == of.assigned.down,
        format!("inside, it is {wrong}"),
    ));
    let mac = HwAddr::from(of.mac);
    how.extend(says(
        inner.address.as_ref() != Some(&mac),
        format!("inside, its MAC address is not {mac}"),
    ));
    let filter = AddressFilter {
        link: Some(inner.index),
        ..AddressFilter::default()
    };
    let addresses: Vec<IpNet> = conn
        .addresses(&filter)?
        .iter()
        .map(|found| found.address)
        .collect();
    for net in of.addresses.iter().filter(|net| !addresses.contains(net)) {
        how.push(format!("inside, {net} is missing"));
    }
    for route in &of.assigned.routes {
        how.extend(says(
            !has_route(conn, route, inner.index)?,
            format!("inside, the route {route} is missing"),
        ));
    }
    for gateway in &of.gateways {
        how.extend(says(
            !has_default(conn, *gateway, inner.index)?,
            format!("inside, there is no default route; {gateway} was it"),
        ));
    }
    Ok(how)
}

/// Whether a route is there; a default route by whatever gateway. Where no table was asked for, it may have been moved by others of its
/// chain: to any table, as long as it leads out by this link.
fn has_route(conn: &mut Conn, wanted: &InnerRoute, link: IfIndex) -> core_netlink::Result<bool> {
    if wanted.is_default() {
        return has_default(conn, wanted.destination.addr(), link);
    }
    let to = Some(wanted.destination.trunc());
    let table = wanted.table.map(Table);
    Ok(routes_of(conn, wanted.destination.addr(), table, link)?
        .iter()
        .any(|route| route.destination == to && route.gateway == wanted.gateway))
}

/// Whether there is a default route of this family, by whatever gateway: a second network's stays behind the first's.
fn has_default(conn: &mut Conn, like: IpAddr, link: IfIndex) -> core_netlink::Result<bool> {
    let routes = routes_of(conn, like, None, link)?;
    let mut unicast = routes
        .iter()
        .filter(|route| route.kind == RouteType::Unicast);
    Ok(unicast.any(|route| route.destination.is_none_or(|to| to.prefix_len() == 0)))
}

/// Those in a table, or in the main one and wherever else they lead out by this link.
fn routes_of(
    conn: &mut Conn,
    like: IpAddr,
    table: Option<Table>,
    link: IfIndex,
) -> core_netlink::Result<Vec<Route>> {
    let filter = RouteFilter {
        family: Some(Family::of(like)),
        table,
        ..RouteFilter::default()
    };
    let mut routes = match conn.routes(&filter) {
        Err(err) if err.is_not_found() => Vec::new(), // a table without routes is not there
        routes => routes?,
    };
    let is_meant = |route: &Route| route.table == Table::MAIN || route.link == Some(link);
    routes.retain(|route| table.is_some() || is_meant(route));
    Ok(routes)
}
