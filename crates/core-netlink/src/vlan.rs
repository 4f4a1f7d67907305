//! VLANs of bridge ports (`IFLA_AF_SPEC` of `AF_BRIDGE`, linux/if_bridge.h, bridge(8) `vlan`).

use crate::attr::{Attr, Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::link::{ifla, rtm};
use crate::object::{Change, Family, Object, Verb};
use crate::table::bits;
use crate::trace::layout::attributes;
use crate::types::{IfIndex, IfName, VlanId};

attributes! {
    /// What `IFLA_AF_SPEC` of a bridge holds.
    pub(crate) ATTRIBUTES = "" {
        IFLA_BRIDGE_FLAGS = 0 Number,
        IFLA_BRIDGE_VLAN_INFO = 2 Bytes,
        IFLA_BRIDGE_VLAN_TUNNEL_INFO = 3 Nest(&TUNNEL),
    }
}

attributes! {
    TUNNEL = "IFLA_BRIDGE_VLAN_" {
        TUNNEL_ID = 1 Number,
        TUNNEL_VID = 2 Number,
        TUNNEL_FLAGS = 3 Number,
    }
}

const BRIDGE_FLAGS_SELF: u16 = 2;
const RANGE_BEGIN: u16 = 1 << 3;
const RANGE_END: u16 = 1 << 4;
const RTEXT_FILTER_BRVLAN: u32 = 2;
const RTEXT_FILTER_BRVLAN_COMPRESSED: u32 = 4;

bits! {
    /// What a port does with a VLAN (`BRIDGE_VLAN_INFO_*`).
    VlanFlags(u16) {
        /// Frames that come without a tag belong to it.
        PVID = 0x2 "PVID",
        /// Frames leave without its tag.
        UNTAGGED = 0x4 "Egress Untagged",
        /// The bridge itself takes part, not only its ports.
        BRENTRY = 0x20 "brentry",
    }
}

/// VLANs of a port as asked for.
///
/// ```no_run
/// use core_netlink::{Conn, IfIndex, Protocol, vlan::{VlanFlags, VlanSpec}};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// let flags = VlanFlags::PVID | VlanFlags::UNTAGGED;
/// conn.add_vlans(&VlanSpec { link: IfIndex(4), first: 10.try_into()?, last: None, flags, on_bridge: false })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanSpec {
    /// The port, or the bridge itself (with `on_bridge`).
    pub link: IfIndex,
    /// The VLAN, or the first of a range.
    pub first: VlanId,
    /// The last of a range; a range has no PVID.
    pub last: Option<VlanId>,
    /// What the port does with them.
    pub flags: VlanFlags,
    /// `link` is the bridge ("self"), not a port ("master").
    pub on_bridge: bool,
}

impl VlanSpec {
    /// One VLAN of a port, tagged.
    pub fn new(link: IfIndex, vlan: VlanId) -> Self {
        VlanSpec {
            link,
            first: vlan,
            last: None,
            flags: VlanFlags::NONE,
            on_bridge: false,
        }
    }

    fn encode_info(&self, w: &mut Writer<'_>) {
        match self.last {
            None => info(w, self.flags.bits(), self.first),
            Some(last) => {
                info(w, self.flags.bits() | RANGE_BEGIN, self.first);
                info(w, self.flags.bits() | RANGE_END, last);
            }
        }
    }
}

/// `struct bridge_vlan_info`.
fn info(w: &mut Writer<'_>, flags: u16, vlan: VlanId) {
    let ([a, b], [c, d]) = (flags.to_ne_bytes(), vlan.get().to_ne_bytes());
    w.bytes(IFLA_BRIDGE_VLAN_INFO, &[a, b, c, d]);
}

/// `struct ifinfomsg`.
fn header(w: &mut Writer<'_>, link: IfIndex) {
    let mut bytes = [0; 16];
    bytes[0] = Family::Bridge.number();
    bytes[4..8].copy_from_slice(&link.0.to_ne_bytes());
    w.raw(&bytes);
}

impl Object for VlanSpec {
    type Record = PortVlans;
    const NEW: u16 = rtm::SETLINK;
    const DELETE: u16 = rtm::DELLINK;

    fn encode(&self, _: Verb, w: &mut Writer<'_>) {
        header(w, self.link);
        w.nest_unmarked(ifla::AF_SPEC, |w| {
            if self.on_bridge {
                w.u16(IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
            }
            self.encode_info(w);
        });
    }

    fn what(&self, verb: Verb) -> String {
        let (word, preposition) = (verb.word(), verb.preposition());
        match self.last {
            None => format!(
                "{word} VLAN {} {preposition} link {}",
                self.first, self.link
            ),
            Some(last) => format!(
                "{word} VLANs {}-{last} {preposition} link {}",
                self.first, self.link
            ),
        }
    }

    fn check(&self, _: Verb) -> Result<(), String> {
        match self.last {
            Some(last) if last < self.first => Err(format!("{last} comes before {}", self.first)),
            Some(_) if self.flags.contains(VlanFlags::PVID) => {
                Err("a port has one PVID, not a range".into())
            }
            _ => Ok(()),
        }
    }
}

/// VLANs of a port with the same flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VlanRange {
    /// The first.
    pub first: u16,
    /// The last; the same for one VLAN.
    pub last: u16,
    /// What the port does with them.
    pub flags: VlanFlags,
}

/// VLANs of a port that are tunnels of a VXLAN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VlanTunnel {
    /// The first VLAN.
    pub first: u16,
    /// The last VLAN; the same for one.
    pub last: u16,
    /// The tunnel of the first; the others follow.
    pub tunnel: u32,
}

/// The VLANs of a port, or of a bridge itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortVlans {
    /// The port or the bridge.
    pub link: IfIndex,
    /// Its name.
    pub name: Option<IfName>,
    /// The bridge it is a port of.
    pub master: Option<IfIndex>,
    /// Its VLANs; empty where the bridge does not filter or the kernel cannot.
    pub vlans: Vec<VlanRange>,
    /// Its tunnels.
    pub tunnels: Vec<VlanTunnel>,
}

impl PortVlans {
    fn read_vlan(&mut self, attr: Attr<'_>) -> Result<(), Malformed> {
        let [a, b, c, d] = attr.array()?;
        let (bits, vlan) = (u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]));
        if bits & RANGE_END != 0 {
            let missing = Malformed::new("end of a VLAN range without a beginning", 4, 0);
            self.vlans.last_mut().ok_or(missing)?.last = vlan;
            return Ok(());
        }
        let flags = VlanFlags::from_bits(bits & !RANGE_BEGIN);
        self.vlans.push(VlanRange {
            first: vlan,
            last: vlan,
            flags,
        });
        Ok(())
    }

    fn read_tunnel(&mut self, attr: Attr<'_>) -> Result<(), Malformed> {
        let (mut tunnel, mut vlan, mut bits) = (0, 0, 0);
        for attr in attr.nested() {
            let attr = attr?;
            match attr.kind {
                TUNNEL_ID => tunnel = attr.u32()?,
                TUNNEL_VID => vlan = attr.u16()?,
                TUNNEL_FLAGS => bits = attr.u16()?,
                _ => {}
            }
        }
        if bits & RANGE_END != 0 {
            let missing = Malformed::new("end of a tunnel range without a beginning", 4, 0);
            self.tunnels.last_mut().ok_or(missing)?.last = vlan;
            return Ok(());
        }
        self.tunnels.push(VlanTunnel {
            first: vlan,
            last: vlan,
            tunnel,
        });
        Ok(())
    }

    fn read_bridge(&mut self, attr: Attr<'_>) -> Result<(), Malformed> {
        for attr in attr.nested() {
            let attr = attr?;
            match attr.kind {
                IFLA_BRIDGE_VLAN_INFO => self.read_vlan(attr)?,
                IFLA_BRIDGE_VLAN_TUNNEL_INFO => self.read_tunnel(attr)?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Record for PortVlans {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, rtm::NEWLINK | rtm::DELLINK) {
            return Ok(None);
        }
        let ([family, _, _, _, index @ ..], attrs) = split_header::<16>(body, "bridge port")?;
        if Family::from(family) != Family::Bridge {
            return Ok(None);
        }
        let [a, b, c, d, ..] = index;
        let mut found = PortVlans {
            link: IfIndex(u32::from_ne_bytes([a, b, c, d])),
            name: None,
            master: None,
            vlans: Vec::new(),
            tunnels: Vec::new(),
        };
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                ifla::IFNAME => found.name = Some(IfName::from_kernel(attr.until_zero())),
                ifla::MASTER => found.master = Some(IfIndex(attr.u32()?)),
                ifla::AF_SPEC => found.read_bridge(attr)?,
                _ => {}
            }
        }
        Ok(Some(found))
    }
}

/// Every bridge and port with its VLANs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VlanFilter {
    /// Each VLAN by itself in place of ranges.
    pub expanded: bool,
}

impl Request for VlanFilter {
    fn kind(&self) -> u16 {
        rtm::GETLINK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(w, IfIndex(0));
        let mask = match self.expanded {
            true => RTEXT_FILTER_BRVLAN,
            false => RTEXT_FILTER_BRVLAN_COMPRESSED,
        };
        w.u32(ifla::EXT_MASK, mask);
    }

    fn what(&self) -> String {
        "list the VLANs of bridge ports".into()
    }
}

impl Query for VlanFilter {
    type Record = PortVlans;
}

impl Conn {
    /// Makes a port (or a bridge) a member of VLANs, or changes what it does with them.
    pub fn add_vlans(&mut self, spec: &VlanSpec) -> Result<()> {
        self.change(&Change::add(spec))
    }

    /// Takes a port (or a bridge) out of VLANs.
    pub fn delete_vlans(&mut self, spec: &VlanSpec) -> Result<()> {
        self.change(&Change::delete(spec))
    }

    /// The VLANs of every port and bridge.
    pub fn vlans(&mut self, filter: &VlanFilter) -> Result<Vec<PortVlans>> {
        self.dump(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{body, check_cuts, decode, hex};
    use proptest::prelude::*;

    fn vlan(number: u16) -> VlanId {
        VlanId::try_from(number).unwrap()
    }

    /// Bytes of `bridge` of iproute2 6.1, the command above each.
    #[test]
    fn requests_are_those_of_bridge() {
        let port = |link| VlanSpec::new(IfIndex(link), vlan(10));
        // bridge vlan add vid 10-20 dev v0
        let range = VlanSpec {
            last: Some(vlan(20)),
            ..port(3)
        };
        let words = hex("
            07 00 0000 03000000 00000000 00000000   # AF_BRIDGE, link 3
            1400 1a00                               # IFLA_AF_SPEC
              0800 0200 0800 0a00                   # IFLA_BRIDGE_VLAN_INFO range begin, 10
              0800 0200 1000 1400                   # range end, 20
        ");
        assert_eq!(body(&Change::add(range)), words);
        // bridge vlan add vid 10 pvid untagged dev br0 self
        let flags = VlanFlags::PVID | VlanFlags::UNTAGGED;
        let own = VlanSpec {
            flags,
            on_bridge: true,
            ..port(4)
        };
        let words = hex(
            "07 00 0000 04000000 00000000 00000000  1400 1a00  0600 0000 0200 0000  0800 0200 0600 0a00",
        );
        assert_eq!(body(&Change::add(own)), words);
        // bridge vlan del vid 10 dev v0
        let words = hex("07 00 0000 03000000 00000000 00000000  0c00 1a00 0800 0200 0000 0a00");
        assert_eq!(body(&Change::delete(port(3))), words);
        // bridge vlan show
        let words = hex("07 00 0000 00000000 00000000 00000000  0800 1d00 02000000");
        assert_eq!(body(&VlanFilter { expanded: true }), words);
    }

    #[test]
    fn answers_are_read_with_ranges_and_tunnels() {
        let words = hex("
            07 00 0100 03000000 43100000 00000000
            0700 0300 763000 00  0800 0a00 04000000
            5400 1a00
              0800 0200 0600 0100                   # 1 PVID untagged
              0800 0200 0800 0a00  0800 0200 1000 1400 # 10-20
              1c00 0380  0800 0100 64000000  0600 0200 0a00 0000  0600 0300 0800 0000 # tunnel 100 begins at 10
              1c00 0380  0800 0100 6e000000  0600 0200 1400 0000  0600 0300 1000 0000 # and ends at 20
        ");
        let found: PortVlans = decode(rtm::NEWLINK, &words);
        let own = VlanFlags::PVID | VlanFlags::UNTAGGED;
        let ranges = [(1, 1, own), (10, 20, VlanFlags::NONE)]
            .map(|(first, last, flags)| VlanRange { first, last, flags });
        assert_eq!(found.vlans, ranges);
        assert_eq!(
            found.tunnels,
            [VlanTunnel {
                first: 10,
                last: 20,
                tunnel: 100
            }]
        );
        assert_eq!(
            (found.name, found.master),
            ("v0".parse().ok(), Some(IfIndex(4)))
        );
        check_cuts::<PortVlans, 16>(rtm::NEWLINK, &words);
    }

    #[test]
    fn an_end_without_a_beginning_is_an_error() {
        let words = hex("07 00 0000 03000000 00000000 00000000  0c00 1a00 0800 0200 1000 0a00");
        assert!(PortVlans::decode(rtm::NEWLINK, &words).is_err());
    }

    #[test]
    fn contradictions_are_refused_before_the_first_byte() {
        let mut conn = Conn::fake(|_| panic!("sent"));
        let back = VlanSpec {
            last: Some(vlan(5)),
            ..VlanSpec::new(IfIndex(3), vlan(10))
        };
        let pvids = VlanSpec {
            last: Some(vlan(20)),
            flags: VlanFlags::PVID,
            ..back
        };
        for (spec, why) in [(back, "5 comes before 10"), (pvids, "one PVID")] {
            let err = conn.add_vlans(&spec).unwrap_err();
            assert!(
                err.is_invalid() && format!("{err:?}").contains(why),
                "{err:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_asked_is_found(first in 1u16..=4094, more in 0u16..100, untagged: bool) {
            let last = first.saturating_add(more).min(4094);
            let flags = if untagged { VlanFlags::UNTAGGED } else { VlanFlags::NONE };
            let given = (last > first).then(|| vlan(last));
            let spec = VlanSpec { last: given, flags, ..VlanSpec::new(IfIndex(3), vlan(first)) };
            let found: PortVlans = decode(rtm::NEWLINK, &body(&Change::add(spec)));
            prop_assert_eq!(found.vlans, [VlanRange { first, last, flags }]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = PortVlans::decode(rtm::NEWLINK, &bytes);
            let mut framed = hex("07 00 0000 03000000 00000000 00000000");
            Writer::new(&mut framed).bytes(ifla::AF_SPEC, &bytes);
            let _ = PortVlans::decode(rtm::NEWLINK, &framed);
        }
    }
}
