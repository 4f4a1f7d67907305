//! VLANs (IEEE 802.1Q): which a network and its containers' ports are in.

use crate::error::{Error, Result};
use crate::spec::{Network, NetworkSpec};
use core_netlink::vlan::{VlanFlags, VlanSpec};
use core_netlink::{Change, IfIndex, IfName, Request, VlanId};
use std::fmt;

/// The VLANs of a network: its bridge tells VLANs apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vlans {
    /// That of its gateways, which are on a link `BRIDGE.VLAN` then; without one they are on the bridge itself, in the VLAN that the
    /// bridge gives all its ports (1 unless somebody said otherwise).
    pub gateway: Option<VlanId>,
}

/// VLANs that a port is in: the first, the last, and how.
pub(crate) type Member = (u16, u16, VlanFlags);

/// What a bridge was like that was there before a network with VLANs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// It told VLANs apart.
    pub filtering: bool,
    /// It was itself a member of the gateways' VLAN.
    pub member: bool,
}

/// The VLANs of a container's port.
///
/// ```
/// use bridge::PortVlans;
/// let [red, blue] = [100, 200].map(|vlan| vlan.try_into().unwrap());
/// let vlans = PortVlans::new(Some(red), [(blue, blue), (red, red)]);
/// assert_eq!(vlans.to_string(), "100 untagged, 200 tagged");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortVlans {
    untagged: Option<VlanId>,
    tagged: Vec<(VlanId, VlanId)>,
    keep_default: bool,
}

impl PortVlans {
    /// The VLAN of frames without a tag, and those whose tagged frames pass, from first to last. Named twice, a VLAN is untagged.
    pub fn new(
        untagged: Option<VlanId>,
        tagged: impl IntoIterator<Item = (VlanId, VlanId)>,
    ) -> PortVlans {
        let mut all: Vec<(VlanId, VlanId)> = tagged
            .into_iter()
            .flat_map(|range| without(range, untagged))
            .collect();
        all.sort();
        let mut merged: Vec<(VlanId, VlanId)> = Vec::new();
        for (first, last) in all {
            match merged.last_mut() {
                Some(before) if first.get() <= before.1.get() + 1 => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        PortVlans {
            untagged,
            tagged: merged,
            keep_default: false,
        }
    }

    /// The same, and the port stays in the VLAN that the bridge gives all its ports, or not.
    #[must_use]
    pub fn keeping_default(self, keep: bool) -> PortVlans {
        PortVlans {
            keep_default: keep,
            ..self
        }
    }

    /// Whether the port stays in the VLAN that the bridge gives all its ports.
    pub fn keeps_default(&self) -> bool {
        self.keep_default
    }

    /// Those of a port that is there.
    pub(crate) fn found(members: &[Member]) -> PortVlans {
        let vlan = |number: u16| VlanId::try_from(number).ok();
        let has = |of: &&Member, flag| of.2.contains(flag);
        let own = members.iter().find(|of| has(of, VlanFlags::PVID));
        let tagged = members.iter().filter(|of| of.2 == VlanFlags::NONE);
        let ranges = tagged.filter_map(|of| vlan(of.0).zip(vlan(of.1)));
        let mut left = members.iter().filter(|of| !has(of, VlanFlags::PVID));
        PortVlans {
            keep_default: left.any(|of| has(&of, VlanFlags::UNTAGGED)),
            ..PortVlans::new(own.and_then(|of| vlan(of.0)), ranges)
        }
    }

    /// The VLAN of frames without a tag, unless it is the bridge's.
    pub fn untagged(&self) -> Option<VlanId> {
        self.untagged
    }

    /// The VLANs whose tagged frames pass: first and last of each range, in order.
    pub fn tagged(&self) -> &[(VlanId, VlanId)] {
        &self.tagged
    }

    /// What makes a port a member of exactly these.
    pub(crate) fn requests(&self, link: IfIndex) -> Vec<Box<dyn Request>> {
        let mut all: Vec<Box<dyn Request>> = Vec::new();
        if !self.keep_default {
            let every = [VlanId::try_from(1).ok(), VlanId::try_from(4094).ok()];
            if let [Some(first), last] = every {
                let spec = VlanSpec {
                    last,
                    ..VlanSpec::new(link, first)
                };
                all.push(Box::new(Change::delete(spec)));
            }
        }
        if let Some(vlan) = self.untagged {
            let flags = own();
            let spec = VlanSpec::new(link, vlan);
            all.push(Box::new(Change::add(VlanSpec { flags, ..spec })));
        }
        for (first, last) in &self.tagged {
            let spec = VlanSpec {
                last: Some(*last).filter(|last| last != first),
                ..VlanSpec::new(link, *first)
            };
            all.push(Box::new(Change::add(spec)));
        }
        all
    }

    /// The same as `bridge` takes it.
    pub(crate) fn words(&self, port: IfName) -> Vec<String> {
        let add = |vlans: String| format!("bridge vlan add vid {vlans} dev {port}");
        let delete = (!self.keep_default).then(|| format!("bridge vlan del vid 1-4094 dev {port}"));
        let own = self
            .untagged
            .map(|vlan| add(format!("{vlan} pvid untagged")));
        let tagged = self.tagged.iter().map(|range| add(numbers(*range)));
        delete.into_iter().chain(own).chain(tagged).collect()
    }

    /// What a port has and should not, or should and has not.
    pub(crate) fn differs(&self, found: &[Member]) -> Vec<String> {
        let flags = |vlan: u16| flags_of(found, vlan);
        let mut how = Vec::new();
        if let Some(vlan) = self
            .untagged
            .filter(|vlan| flags(vlan.get()) != Some(own()))
        {
            how.push(format!("VLAN {vlan} is not its untagged one"));
        }
        for (first, last) in &self.tagged {
            let wrong = |vlan: &u16| flags(*vlan) != Some(VlanFlags::NONE);
            if let Some(vlan) = (first.get()..=last.get()).find(wrong) {
                how.push(format!("VLAN {vlan} is not tagged"));
            }
        }
        let mut all = found.iter().flat_map(|(first, last, _)| *first..=*last);
        if let Some(vlan) = all.find(|vlan| !self.keep_default && !self.has(*vlan)) {
            how.push(format!("it is in VLAN {vlan}"));
        }
        how
    }

    fn has(&self, vlan: u16) -> bool {
        let mut tagged = self.tagged.iter();
        self.untagged.is_some_and(|of| of.get() == vlan)
            || tagged.any(|(first, last)| (first.get()..=last.get()).contains(&vlan))
    }
}

/// As people write it: `100 untagged, 200-299 tagged`.
impl fmt::Display for PortVlans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.untagged.map(|vlan| format!("{vlan} untagged"));
        let tagged = self
            .tagged
            .iter()
            .map(|range| format!("{} tagged", numbers(*range)));
        let kept = self.keep_default.then(|| "the bridge's own".to_owned());
        let all: Vec<String> = own.into_iter().chain(tagged).chain(kept).collect();
        f.write_str(&all.join(", "))
    }
}

impl Network {
    /// Whether there is a link for its gateways: not in a VLAN without any.
    pub(crate) fn has_gateway_link(&self) -> bool {
        self.gateway_vlan().is_none() || !self.subnets.is_empty()
    }

    pub(crate) fn gateway_vlan(&self) -> Option<VlanId> {
        self.vlans.and_then(|vlans| vlans.gateway)
    }
}

/// The link with the gateways of a VLAN.
pub(crate) fn gateway_link(bridge: IfName, vlans: Option<Vlans>) -> IfName {
    match vlans.and_then(|vlans| vlans.gateway) {
        None => bridge,
        Some(vlan) => IfName::from_kernel(format!("{bridge}.{vlan}").as_bytes()),
    }
}

/// Refuses VLANs that cannot be.
pub(crate) fn check(op: &str, spec: &NetworkSpec) -> Result<()> {
    let Some(vlans) = spec.vlans else {
        return Ok(());
    };
    if spec.routed || !spec.external_ipam {
        let why = "VLANs: only on a bridge, and where addresses come from who attaches";
        return Err(Error::invalid(op, why));
    }
    let Some(vlan) = vlans.gateway else {
        return Ok(());
    };
    let bridge = spec.bridge.unwrap_or_else(|| spec.name.bridge());
    match format!("{bridge}.{vlan}").parse::<IfName>() {
        Ok(_) => Ok(()),
        Err(bad) => {
            let err = Error::invalid(op, format!("the link of VLAN {vlan}: {bad}"));
            Err(err.with_hint("give the bridge a shorter name"))
        }
    }
}

/// What a port does with a VLAN, if it is in it.
pub(crate) fn flags_of(found: &[Member], vlan: u16) -> Option<VlanFlags> {
    let mut found = found.iter();
    let is = |of: &&Member| (of.0..=of.1).contains(&vlan);
    found.find(is).map(|of| of.2)
}

fn own() -> VlanFlags {
    VlanFlags::PVID | VlanFlags::UNTAGGED
}

/// A range without one of it: none, one, or two.
fn without(
    (first, last): (VlanId, VlanId),
    hole: Option<VlanId>,
) -> impl Iterator<Item = (VlanId, VlanId)> {
    let range = |first: u16, last: u16| {
        let both = VlanId::try_from(first)
            .ok()
            .zip(VlanId::try_from(last).ok());
        both.filter(|(first, last)| first <= last)
    };
    let parts = match hole.filter(|hole| (first..=last).contains(hole)) {
        None => [Some((first, last)), None],
        Some(hole) => {
            let (before, after) = (hole.get() - 1, hole.get() + 1);
            [range(first.get(), before), range(after, last.get())]
        }
    };
    parts.into_iter().flatten()
}

fn numbers((first, last): (VlanId, VlanId)) -> String {
    match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vlan(number: u16) -> VlanId {
        number.try_into().unwrap()
    }

    fn ranges(all: &[(u16, u16)]) -> Vec<(VlanId, VlanId)> {
        let range = |(first, last): &(u16, u16)| (vlan(*first), vlan(*last));
        all.iter().map(range).collect()
    }

    #[test]
    fn vlans_are_said_once_and_in_order() {
        let port = PortVlans::new(Some(vlan(5)), ranges(&[(7, 9), (1, 6), (4, 8), (20, 20)]));
        assert_eq!(port.tagged(), ranges(&[(1, 4), (6, 9), (20, 20)]));
        assert_eq!(
            port.to_string(),
            "5 untagged, 1-4 tagged, 6-9 tagged, 20 tagged"
        );
        let all = PortVlans::new(Some(vlan(4094)), ranges(&[(4094, 4094), (1, 4094)]));
        assert_eq!(all.tagged(), ranges(&[(1, 4093)]));
        assert_eq!(
            PortVlans::new(None, ranges(&[(4094, 4094)])).to_string(),
            "4094 tagged"
        );
    }

    #[test]
    fn each_difference_of_a_port_is_told() {
        let port = PortVlans::new(Some(vlan(5)), ranges(&[(7, 9)]));
        let whole = [(5, 5, own()), (7, 9, VlanFlags::NONE)];
        assert!(port.differs(&whole).is_empty());
        let extra = [whole[0], whole[1], (1, 1, VlanFlags::UNTAGGED)];
        assert_eq!(port.differs(&extra), ["it is in VLAN 1"]);
        let kept = PortVlans {
            keep_default: true,
            ..port.clone()
        };
        assert!(kept.differs(&extra).is_empty());
        let wrong = [(5, 5, VlanFlags::NONE), (7, 8, VlanFlags::NONE)];
        let how = ["VLAN 5 is not its untagged one", "VLAN 9 is not tagged"];
        assert_eq!(port.differs(&wrong), how);
        assert_eq!(port.differs(&[]).len(), 2);
    }

    #[test]
    fn a_link_whose_name_is_too_long_is_refused() {
        let spec = |bridge: &str| NetworkSpec {
            external_ipam: true,
            bridge: Some(bridge.parse().unwrap()),
            vlans: Some(Vlans {
                gateway: Some(vlan(1000)),
            }),
            ..NetworkSpec::new("blue".parse().unwrap())
        };
        check("make it", &spec("cni0")).unwrap();
        let err = check("make it", &spec("elevenbytes")).unwrap_err();
        assert!(format!("{err:?}").contains("elevenbytes.1000"), "{err:?}");
        let own = NetworkSpec {
            external_ipam: false,
            ..spec("cni0")
        };
        check("make it", &own).unwrap_err();
    }

    proptest! {
        #[test]
        fn no_vlan_is_lost_or_invented(own in prop::option::of(1u16..=4094), tagged in prop::collection::vec((1u16..=4094, 0u16..50), 0..8)) {
            let tagged: Vec<_> = tagged.iter().map(|(first, more)| (*first, (first + more).min(4094))).collect();
            let port = PortVlans::new(own.map(vlan), ranges(&tagged));
            for number in 1..=4094 {
                let asked = tagged.iter().any(|(first, last)| (*first..=*last).contains(&number));
                let is = port.tagged().iter().filter(|(first, last)| (first.get()..=last.get()).contains(&number)).count();
                prop_assert_eq!(is, usize::from(asked && own != Some(number)));
            }
        }
    }
}
