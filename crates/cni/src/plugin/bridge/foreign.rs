//! What the reference's plugin made before ours took its place: a pair of links of which there is no record.

use super::keys;
use crate::error::Result;
use crate::inside::{Inside, kernel};
use crate::plugin::Input;
use core_netlink::link::{Kind, Link};
use core_netlink::{Conn, IfName, Protocol};
use std::path::Path;

const OURS: &str = "vetch:"; // how the alias of a host end of ours begins

/// Deletes an interface of a container, if its other end is a port of the configuration's bridge that no record of ours can be about.
///
/// A namespace that is gone has taken its links along.
pub(super) fn remove(input: &Input<'_>, ifname: IfName, netns: &Path) -> Result<()> {
    let (Some(bridge), Ok(mut inside)) = (keys::bridge(input), Inside::open(netns)) else {
        return Ok(());
    };
    let op = format!("delete `{ifname}` in {}", netns.display());
    let removed = other_end(&mut inside.conn, ifname, bridge).and_then(|link| match link {
        Some(link) => inside.conn.delete_link(link.index),
        None => Ok(()),
    });
    match removed {
        Err(err) if !err.is_not_found() => Err(kernel(&op, &err)),
        _ => Ok(()),
    }
}

/// The interface inside, if it is one of a pair whose other end is as said.
fn other_end(
    inside: &mut Conn,
    ifname: IfName,
    bridge: IfName,
) -> core_netlink::Result<Option<Link>> {
    let Some(link) = inside.find_link(ifname)? else {
        return Ok(None);
    };
    let mut host = Conn::open(Protocol::Route)?;
    let (Some(bridge), Some(outer)) = (host.find_link(bridge)?, link.link) else {
        return Ok(None);
    };
    let outer = host.find_link(outer)?;
    let is_other_end = |outer: Link| {
        let ours = outer.alias.is_some_and(|alias| alias.starts_with(OURS));
        let paired =
            matches!(outer.kind, Some(Kind::Veth { .. })) && outer.link == Some(link.index);
        paired && !ours && outer.master == Some(bridge.index)
    };
    Ok(outer.is_some_and(is_other_end).then_some(link))
}
