//! A bridge that tells VLANs apart: it belongs to all networks on it together, unless others made it. The gateways of a VLAN are on a link
//! of their own over the bridge, which is the network's.

use crate::check::Seen;
use crate::differs::says;
use crate::engine::{Engine, Scene, if_damaged, is_bridge_of, netlink};
use crate::error::{Error, Result};
use crate::forwarding::Surroundings;
use crate::host::Host;
use crate::kernel::Setting;
use crate::name::{MARK, SEVERAL, mac_of_bridge};
use crate::spec::{Network, Shared};
use crate::vlans::{Before, Member, Vlans, flags_of, gateway_link};
use core_netlink::link::{Bridge, Kind, Link, LinkSpec, Vlan};
use core_netlink::vlan::{VlanFilter, VlanFlags, VlanSpec};
use core_netlink::{Conn, HwAddr, IfIndex, IfName, VlanId};
use ns_mgmt::NetNs;
use std::collections::HashMap;

const NO_VLANS: &str = "this kernel's bridges know no VLANs: it needs CONFIG_BRIDGE_VLAN_FILTERING";

impl Host {
    /// Fails if this kernel cannot make a network with these VLANs. It is tried in a namespace of its own, which ends at once.
    pub fn probe_vlans(&mut self, vlans: Vlans) -> Result<()> {
        let fail = |err| Error::namespace("try VLANs in a namespace", err);
        let apart = NetNs::create().map_err(fail)?;
        let mut conn = self.engine.kernel.inside(&apart)?;
        let bridge = IfName::from_kernel(b"br0");
        let spec = LinkSpec {
            name: Some(bridge),
            kind: Some(Kind::Bridge(Bridge::default())),
            ..LinkSpec::default()
        };
        let made = conn.add_link(&spec);
        let made = made.map_err(|err| netlink("try to make a bridge", err))?;
        filter(&mut conn, bridge, true)?;
        let Some(vlan) = vlans.gateway else {
            return Ok(());
        };
        let spec = vlan_link(
            gateway_link(bridge, Some(vlans)),
            made.map(|link| link.index),
            vlan,
        );
        let made = conn.add_link(&spec);
        made.map(drop)
            .map_err(|err| netlink("try to make a link of a VLAN", err))
    }
}

impl Engine {
    /// What a network with VLANs finds before it is made. Refused where it would take something away from others.
    pub(crate) fn join_bridge(
        &mut self,
        op: &str,
        network: &mut Network,
        around: &Surroundings,
    ) -> Result<()> {
        let there = around.links.iter().find(|link| link.name == network.bridge);
        if let Some(link) = there.filter(|link| !is_together(link)) {
            network.before = Some(self.before(op, network, link, around)?);
        }
        if network.gateway_vlan().is_none() && network.shared.is_none() {
            network.shared = Some(Shared::default()); // it is never one network's
        }
        Ok(())
    }

    fn before(
        &mut self,
        op: &str,
        network: &Network,
        link: &Link,
        around: &Surroundings,
    ) -> Result<Before> {
        let Some(Kind::Bridge(bridge)) = &link.kind else {
            let why = format!("a link `{}` is there, and is no bridge", link.name);
            return Err(Error::exists(op, why).with_hint("give another name"));
        };
        let filtering = bridge.vlan_filtering == Some(true);
        if !filtering {
            check_unused(op, link, around)?;
        }
        let others = self.others_on(network)?;
        let known = |of: &&Network| of.gateway_vlan() == network.gateway_vlan();
        let twin = others.iter().find(known).and_then(|of| of.before);
        Ok(Before {
            filtering: others
                .iter()
                .find_map(|of| of.before)
                .map_or(filtering, |of| of.filtering),
            member: match (network.gateway_vlan(), twin) {
                (_, Some(before)) => before.member,
                (Some(vlan), None) => self.is_member(op, link, vlan)?,
                (None, None) => false,
            },
        })
    }

    /// Whether a bridge is itself in a VLAN. Refused if frames of it come to the bridge without a tag.
    fn is_member(&mut self, op: &str, link: &Link, vlan: VlanId) -> Result<bool> {
        let members = self.members()?;
        let own = members.get(&link.index).map_or(&[][..], Vec::as_slice);
        let flags = flags_of(own, vlan.get());
        if flags.is_some_and(|flags| flags.contains(VlanFlags::UNTAGGED)) {
            let why = format!(
                "VLAN {vlan} is the one that `{}` itself is in, untagged",
                link.name
            );
            return Err(Error::exists(op, why).with_hint("take another VLAN, or none"));
        }
        Ok(flags.is_some())
    }

    /// The VLANs of every bridge and port.
    pub(crate) fn members(&mut self) -> Result<HashMap<IfIndex, Vec<Member>>> {
        let found = self.kernel.route()?.vlans(&VlanFilter::default());
        let found = found.map_err(|err| netlink("look at the VLANs of ports", err))?;
        let member = |of: &core_netlink::vlan::VlanRange| (of.first, of.last, of.flags);
        let members = found
            .iter()
            .map(|of| (of.link, of.vlans.iter().map(member).collect()));
        Ok(members.collect())
    }

    /// Whether nothing is missing of what a network's VLANs need of the host.
    pub(crate) fn has_vlans(&mut self, network: &Network, bridge: Option<&Link>) -> Result<bool> {
        if network.vlans.is_none() {
            return Ok(true);
        }
        if !bridge.is_some_and(filters) {
            return Ok(false);
        }
        let is_whole = |link: Link| link.is_up() && is_bridge_of(&link, network);
        let link = self.find(network.gateway_link())?;
        Ok(!network.has_gateway_link() || link.is_some_and(is_whole))
    }

    /// Makes what is missing of it.
    pub(crate) fn make_vlans(&mut self, network: &Network, scene: &mut Scene<'_>) -> Result<()> {
        let bridge = match self.find(network.bridge)? {
            Some(link) => link,
            None => self.make_together(network)?,
        };
        scene.bridge = Some(bridge.index);
        if !filters(&bridge) {
            self.filter(network.bridge, true)?;
        }
        let up = LinkSpec {
            up: Some(true),
            ..LinkSpec::default()
        };
        self.set(scene.bridge, &up)?;
        match network
            .gateway_vlan()
            .filter(|_| network.has_gateway_link())
        {
            Some(vlan) => self.make_gateway_link(network, &bridge, vlan, scene),
            None => Ok(()),
        }
    }

    fn make_together(&mut self, network: &Network) -> Result<Link> {
        let spec = LinkSpec {
            name: Some(network.bridge),
            address: Some(HwAddr::from(mac_of_bridge(network.bridge))),
            mtu: Some(network.mtu),
            alias: Some(SEVERAL.to_owned()),
            kind: Some(Kind::Bridge(Bridge {
                stp_state: Some(0),
                mcast_snooping: Some(false),
                ..Bridge::default()
            })),
            ..LinkSpec::default()
        };
        let op = format!("make bridge `{}`", network.bridge);
        match self.kernel.route()?.add_link(&spec) {
            Err(err) if err.is_exists() => return Err(self.name_taken(network.bridge, err)),
            made => made.map_err(|err| netlink(op.clone(), err))?,
        };
        self.kernel.set_sysctls(None, deaf(network.bridge))?;
        let made = self.find(network.bridge)?;
        made.ok_or_else(|| Error::missing(op, "it was removed meanwhile"))
    }

    fn filter(&mut self, bridge: IfName, on: bool) -> Result<()> {
        filter(self.kernel.route()?, bridge, on)
    }

    fn make_gateway_link(
        &mut self,
        network: &Network,
        bridge: &Link,
        vlan: VlanId,
        scene: &mut Scene<'_>,
    ) -> Result<()> {
        let name = network.gateway_link();
        let there = self.find(name)?;
        if let Some(link) = there.as_ref().filter(|link| !is_bridge_of(link, network)) {
            let alias = link.alias.as_deref().unwrap_or("");
            let why = format!("a link `{name}` is there (alias {alias:?})");
            let err = Error::exists(format!("make the link of VLAN {vlan}"), why);
            return Err(err.with_hint(format!("if nothing needs it: vetch link delete {name}")));
        }
        let is_vlan = |link: &Link| matches!(link.kind, Some(Kind::Vlan(_)));
        if there.as_ref().is_none_or(is_vlan) {
            self.take_part(bridge, vlan)?;
        }
        scene.gateway = match there {
            Some(link) => Some(link.index),
            None => self.add_vlan_link(name, bridge, vlan)?,
        };
        Ok(())
    }

    /// The bridge itself becomes a member of a VLAN.
    fn take_part(&mut self, bridge: &Link, vlan: VlanId) -> Result<()> {
        let members = self.members()?;
        let own = members.get(&bridge.index).map_or(&[][..], Vec::as_slice);
        if flags_of(own, vlan.get()).is_some() {
            return Ok(());
        }
        let added = self.kernel.route()?.add_vlans(&VlanSpec {
            on_bridge: true,
            ..VlanSpec::new(bridge.index, vlan)
        });
        added.map_err(|err| netlink(format!("add VLAN {vlan} to `{}`", bridge.name), err))
    }

    fn add_vlan_link(
        &mut self,
        name: IfName,
        bridge: &Link,
        vlan: VlanId,
    ) -> Result<Option<IfIndex>> {
        let spec = vlan_link(name, Some(bridge.index), vlan);
        let made = self.kernel.route()?.add_link(&spec);
        match made.map_err(|err| netlink(format!("make link `{name}`"), err))? {
            Some(link) => Ok(Some(link.index)),
            None => Ok(self.find(name)?.map(|link| link.index)),
        }
    }

    /// Takes back what a network asked of a bridge that others use, too. The bridge itself is the answer, if it is nobody's any more.
    pub(crate) fn leave_together(&mut self, network: &Network) -> Result<Option<Link>> {
        if network.routed || (network.vlans.is_none() && network.shared.is_none()) {
            return Ok(None);
        }
        let Some(link) = self.find(network.bridge)? else {
            return Ok(None);
        };
        let others = self.others_on(network)?;
        if others.is_empty() && is_together(&link) {
            return Ok(Some(link));
        }
        self.leave_vlan(network, &link, &others)?;
        let filtered = others.iter().any(|of| of.vlans.is_some());
        if network.before.is_some_and(|before| !before.filtering) && !filtered && filters(&link) {
            self.filter(network.bridge, false)?;
        }
        Ok(None)
    }

    /// The link with the gateways goes again, and the bridge stays.
    pub(crate) fn delete_gateway_link(&mut self, network: &Network) -> Result<()> {
        match self.find(network.gateway_link())? {
            Some(link) if network.owns_gateway_link() && is_bridge_of(&link, network) => {
                self.delete(link.index)?;
            }
            _ => {}
        }
        let others = self.others_on(network)?;
        match self.find(network.bridge)? {
            Some(link) => self.leave_vlan(network, &link, &others),
            None => Ok(()),
        }
    }

    fn leave_vlan(&mut self, network: &Network, bridge: &Link, others: &[Network]) -> Result<()> {
        let there = network.before.is_some_and(|before| before.member);
        let used = |vlan: VlanId| others.iter().any(|of| of.gateway_vlan() == Some(vlan));
        match network.gateway_vlan() {
            Some(vlan) if !there && !used(vlan) => self.take_no_part(bridge, vlan),
            _ => Ok(()),
        }
    }

    fn take_no_part(&mut self, bridge: &Link, vlan: VlanId) -> Result<()> {
        let deleted = self.kernel.route()?.delete_vlans(&VlanSpec {
            on_bridge: true,
            ..VlanSpec::new(bridge.index, vlan)
        });
        match deleted {
            Err(err) if err.is_not_found() => Ok(()),
            deleted => deleted
                .map_err(|err| netlink(format!("take `{}` out of VLAN {vlan}", bridge.name), err)),
        }
    }

    /// The other networks on a network's bridge, half-made ones too.
    fn others_on(&self, network: &Network) -> Result<Vec<Network>> {
        let mut all = self.every_network().or_else(if_damaged)?;
        all.retain(|of| of.name != network.name && of.bridge == network.bridge && !of.routed);
        Ok(all)
    }
}

/// Sets whether a bridge tells VLANs apart.
fn filter(conn: &mut Conn, bridge: IfName, on: bool) -> Result<()> {
    let spec = LinkSpec {
        kind: Some(Kind::Bridge(Bridge {
            vlan_filtering: Some(on),
            ..Bridge::default()
        })),
        ..LinkSpec::default()
    };
    conn.set_link(bridge, &spec).map_err(|err| {
        let unknown = err.is_unsupported();
        let err = netlink(format!("let `{bridge}` tell VLANs apart"), err);
        match unknown {
            true => err.with_hint(NO_VLANS),
            false => err,
        }
    })
}

/// One VLAN of a bridge, as a link.
fn vlan_link(name: IfName, bridge: Option<IfIndex>, vlan: VlanId) -> LinkSpec {
    LinkSpec {
        name: Some(name),
        link: bridge,
        kind: Some(Kind::Vlan(Vlan {
            id: Some(vlan.get()),
            ..Vlan::default()
        })),
        ..LinkSpec::default()
    }
}

/// Whether a bridge tells VLANs apart.
fn filters(link: &Link) -> bool {
    matches!(&link.kind, Some(Kind::Bridge(bridge)) if bridge.vlan_filtering == Some(true))
}

/// What is missing of a bridge that is to tell VLANs apart.
pub(crate) fn vlans_differ(network: &Network, seen: &Seen) -> Vec<String> {
    if network.vlans.is_none() {
        return Vec::new();
    }
    let Some(bridge) = seen.link(|link| link.name == network.bridge) else {
        return vec!["is missing".to_owned()];
    };
    let mut how = Vec::new();
    how.extend(says(!filters(bridge), "does not tell VLANs apart"));
    how.extend(says(!bridge.is_up(), "is down"));
    let Some(vlan) = network
        .gateway_vlan()
        .filter(|_| network.has_gateway_link())
    else {
        return how;
    };
    let name = network.gateway_link();
    let link = seen.link(|link| link.name == name);
    how.extend(says(link.is_none(), format!("`{name}` is missing")));
    let own = seen.vlans.get(&bridge.index).map_or(&[][..], Vec::as_slice);
    let by_link = link.is_none_or(|link| matches!(link.kind, Some(Kind::Vlan(_))));
    let apart = by_link && flags_of(own, vlan.get()).is_none();
    how.extend(says(apart, format!("is not in VLAN {vlan} itself")));
    how
}

/// Whether a bridge is one that belongs to several networks; it gets its alias a moment after it was made.
fn is_together(link: &Link) -> bool {
    let is_bridge = matches!(link.kind, Some(Kind::Bridge(_)));
    is_bridge
        && match link.alias.as_deref() {
            Some(alias) => alias == SEVERAL,
            None => link.address == Some(HwAddr::from(mac_of_bridge(link.name))),
        }
}

/// Where a bridge does not tell VLANs apart, tagged frames pass it; only where nobody can have made use of it may that end.
fn check_unused(op: &str, bridge: &Link, around: &Surroundings) -> Result<()> {
    let ours = |link: &Link| link.alias.as_deref().is_some_and(|of| of.starts_with(MARK));
    let uses = |link: &&Link| {
        let is_port = link.master == Some(bridge.index);
        let is_vlan = matches!(link.kind, Some(Kind::Vlan(_))) && link.link == Some(bridge.index);
        (is_port || is_vlan) && !ours(link)
    };
    let Some(user) = around.links.iter().find(uses) else {
        return Ok(());
    };
    let name = bridge.name;
    let why = format!(
        "bridge `{name}` does not tell VLANs apart, and is in use by `{}`: tagged frames that pass it now would be dropped",
        user.name
    );
    let hint = format!("if that is meant: ip link set {name} type bridge vlan_filtering 1");
    Err(Error::exists(op, why).with_hint(hint))
}

/// Of a bridge that is ours and has no addresses of its own.
fn deaf(bridge: IfName) -> Vec<Setting> {
    let off = ["accept_ra", "autoconf", "accept_redirects"];
    off.map(|key| (format!("net/ipv6/conf/{bridge}/{key}"), "0"))
        .into()
}
