//! The link that another is made on, and what an ADD needs of the kernel.

use super::{Lower, Source, Wanted};
use crate::error::{Code, Error, Result};
use crate::inside::kernel;
use core_netlink::link::{AddLink, Kind, Link, LinkSpec};
use core_netlink::route::{Route, RouteFilter, RouteType, Table};
use core_netlink::{Conn, Family, IfIndex, Protocol, missing_kind};
use std::fs::OpenOptions;

const TUN: &str = "/dev/net/tun";

/// A link of the host, or of the container where the configuration says so.
pub(super) fn find(conn: &mut Conn, lower: &Lower) -> Result<Link> {
    let Some(name) = lower.name else {
        return of_default_route(conn);
    };
    let found = conn.find_link(name);
    let found = found.map_err(|err| kernel(&format!("look for `{name}`"), &err))?;
    found.ok_or_else(|| {
        let whose = if lower.inside { "container" } else { "host" };
        Error::invalid("master", format!("the {whose} has no link `{name}`"))
    })
}

/// IPv4's comes first; of several, that of the lowest metric.
fn of_default_route(conn: &mut Conn) -> Result<Link> {
    for family in [Family::V4, Family::V6] {
        let filter = RouteFilter {
            family: Some(family),
            table: Some(Table::MAIN),
            kind: Some(RouteType::Unicast),
            ..RouteFilter::default()
        };
        let routes = match conn.routes(&filter) {
            Err(err) if err.is_not_found() => continue, // nobody has used the table yet
            routes => routes.map_err(|err| kernel("look for the default route", &err))?,
        };
        let defaults = routes.iter().filter(|route| is_default(route));
        let best = defaults.min_by_key(|route| route.metric.unwrap_or(0));
        if let Some(link) = best.and_then(|route| route.link) {
            let link = conn.get_link(link);
            return link.map_err(|err| kernel("look at the link of the default route", &err));
        }
    }
    let why = "it is missing, and there is no default route whose link could be meant";
    Err(Error::invalid("master", why))
}

fn is_default(route: &Route) -> bool {
    route.link.is_some() && route.destination.is_some_and(|net| net.prefix_len() == 0)
}

/// What is there before an ADD: the link to build on, the kind in the kernel. What lies in a container cannot be known without one.
pub(super) fn probe(wanted: &Wanted) -> Result<()> {
    let mut conn = open()?;
    match &wanted.source {
        Source::On(kind, lower) => {
            if !lower.inside {
                let link = find(&mut conn, lower)?;
                super::make::check_mtu(wanted.mtu, Some(&link))?;
            }
            has_kind(&mut conn, kind)
        }
        Source::Alone(kind) => has_kind(&mut conn, kind),
        Source::Tap(_) => has_tap(),
        Source::Host(device) => device.find(&mut conn).map(drop),
        Source::Program => Ok(()),
    }
}

pub(super) fn open() -> Result<Conn> {
    Conn::open(Protocol::Route).map_err(|err| kernel("talk to the kernel", &err))
}

/// Asks for a link that cannot be: on a link of a number that nobody has, with more queues than there can be. A kernel without the kind
/// refuses the kind, others (after loading its module) the rest.
fn has_kind(conn: &mut Conn, kind: &Kind) -> Result<()> {
    let impossible = LinkSpec {
        kind: Some(kind.clone()),
        link: Some(IfIndex(i32::MAX as u32)),
        tx_queues: Some(u32::MAX),
        ..LinkSpec::default()
    };
    let Err(err) = conn.create(&AddLink(&impossible)) else {
        return Err(Error::new(Code::Failed, "a link that cannot be was made"));
    };
    match missing_kind(&err, kind.name()) {
        Some(hint) => {
            let why = format!("this kernel makes no links of kind {}", kind.name());
            Err(Error::new(Code::Failed, why).with_details(hint))
        }
        None if err.is_permission() => Err(kernel("make links", &err)),
        None => Ok(()),
    }
}

/// Opened and closed again, the node leaves nothing.
fn has_tap() -> Result<()> {
    let node = OpenOptions::new().read(true).write(true).open(TUN);
    node.map(drop).map_err(|err| {
        let hint = format!(
            "`modprobe tun`, or `mkdir -p /dev/net && mknod {TUN} c 10 200`; the kernel needs CONFIG_TUN"
        );
        let why = format!("cannot open {TUN}, by which taps are made: {err}");
        Error::new(Code::Failed, why).with_details(hint)
    })
}
