//! The devices through which packets pass that are limited before they reach the host, or only some of which are limited.
//!
//! A link sends at a rate, but does not receive at one: what it receives is led to an `ifb` first, which sends it back at the rate.

use crate::error::{Code, Error, Result};
use crate::inside::{kernel, namespace};
use crate::plugin::done::Done;
use ::bridge::Key;
use core_netlink::link::{Kind, Link, LinkFilter, LinkSpec};
use core_netlink::{Conn, IfName};
use data_encoding::BASE32_NOPAD;
use hmac_sha256::Hash;
use ns_mgmt::{NetNs, SysctlKey};

const SHORTEST_QUEUE: u32 = 1000; // packets

/// Which way packets go through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the container.
    Ingress,
    /// From the container.
    Egress,
}

impl Way {
    pub(super) const BOTH: [Way; 2] = [Way::Ingress, Way::Egress];
}

/// `vti` for what the container receives, `vte` for what it sends, and the first 12 characters (60 bits) of the lower-case base32
/// (RFC 4648) of SHA-256 over `vetch ifb 1`, network, id and interface, with zero bytes between.
pub(super) fn name(key: &Key, way: Way) -> IfName {
    let (network, id, ifname) = (key.network.as_str(), key.id.as_str(), key.ifname);
    let hash = Hash::hash(format!("vetch ifb 1\0{network}\0{id}\0{ifname}").as_bytes());
    let digest = BASE32_NOPAD.encode(&hash).to_ascii_lowercase();
    let digest = digest.get(..12).unwrap_or_default();
    let prefix = match way {
        Way::Ingress => "vti",
        Way::Egress => "vte",
    };
    IfName::from_kernel(format!("{prefix}{digest}").as_bytes())
}

/// What its alias says: the same as that of a host end without addresses.
pub(super) fn alias(key: &Key) -> String {
    key.alias([])
}

/// Whether it is what we made for this attachment. One that somebody killed us over may not have its alias yet.
pub(super) fn is_ours(link: &Link, key: &Key) -> bool {
    let said = link.alias.as_deref().filter(|alias| !alias.is_empty());
    let named = Way::BOTH.iter().any(|way| name(key, *way) == link.name);
    matches!(link.kind, Some(Kind::Ifb)) && named && said.is_none_or(|said| said == alias(key))
}

/// The device, up, as large as the end of the pair.
pub(super) fn make(
    conn: &mut Conn,
    key: &Key,
    way: Way,
    end: &Link,
    done: &mut Done<Conn>,
) -> Result<Link> {
    let name = name(key, way);
    match find(conn, name)? {
        Some(link) if is_ours(&link, key) => {}
        Some(link) => {
            let why = format!(
                "link `{name}` is there, and not made for this attachment (alias {:?})",
                link.alias.as_deref().unwrap_or_default()
            );
            return Err(Error::new(Code::Failed, why));
        }
        None => {
            let spec = LinkSpec {
                name: Some(name),
                kind: Some(Kind::Ifb),
                mtu: end.mtu,
                txqlen: end.txqlen.map(|queue| queue.max(SHORTEST_QUEUE)),
                ..LinkSpec::default()
            };
            let made = conn.add_link(&spec);
            made.map_err(|err| kernel(&format!("make `{name}`"), &err))?;
            done.undone_by(move |conn| remove(conn, name));
        }
    }
    let up = LinkSpec {
        mtu: end.mtu,
        alias: Some(alias(key)),
        up: Some(true),
        ..LinkSpec::default()
    };
    without_ipv6(name)?;
    let set = conn.set_link(name, &up);
    set.map_err(|err| kernel(&format!("set `{name}` up"), &err))?;
    find(conn, name)?.ok_or_else(|| Error::new(Code::Failed, format!("`{name}` has vanished")))
}

/// Every device that comes up is given an address, and sends.
fn without_ipv6(name: IfName) -> Result<()> {
    let key: SysctlKey = format!("net/ipv6/conf/{name}/disable_ipv6")
        .parse()
        .map_err(|err| namespace(&err))?;
    let set = NetNs::current().and_then(|here| here.set_sysctls(vec![(key, "1".to_owned())]));
    set.map_err(|err| namespace(&err))
}

pub(super) fn find(conn: &mut Conn, name: IfName) -> Result<Option<Link>> {
    let found = conn.find_link(name);
    found.map_err(|err| kernel(&format!("look for `{name}`"), &err))
}

/// One that is not there counts as removed.
pub(super) fn remove(conn: &mut Conn, name: IfName) -> Result<()> {
    match conn.delete_link(name) {
        Err(err) if !err.is_not_found() => Err(kernel(&format!("delete `{name}`"), &err)),
        _ => Ok(()),
    }
}

/// All of them that carry our mark, with whose they are.
pub(super) fn list(conn: &mut Conn) -> Result<Vec<(Key, IfName)>> {
    let filter = LinkFilter {
        kind: Some("ifb".to_owned()),
        ..LinkFilter::default()
    };
    let links = conn.links(&filter);
    let links = links.map_err(|err| kernel("look at the host's links", &err))?;
    let ours = links.into_iter().filter_map(|link| {
        let (key, _) = Key::from_alias(link.alias.as_deref()?)?;
        is_ours(&link, &key).then_some((key, link.name))
    });
    Ok(ours.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{attachment_id, network_name};

    #[test]
    fn names_never_change_and_tell_interfaces_and_ways_apart() {
        let key = |ifname: &str| Key {
            network: network_name("pods").unwrap(),
            id: attachment_id("c1").unwrap(),
            ifname: ifname.parse().unwrap(),
        };
        let all = [
            name(&key("eth0"), Way::Egress).to_string(),
            name(&key("eth0"), Way::Ingress).to_string(),
            name(&key("eth1"), Way::Egress).to_string(),
        ];
        assert_eq!(
            all,
            ["vte3m4yrfhiaqwu", "vti3m4yrfhiaqwu", "vtel4u5bqkgktuc"]
        );
        assert_eq!(alias(&key("eth0")), "vetch:pods:cni:c1:eth0:");
    }
}
