//! Links: network devices of every kind (`RTM_*LINK`, linux/if_link.h, rtnetlink(7)).
//!
//! Owns the numbers of a link's message. [`LinkSpec`] is what we ask for, [`Link`] what the kernel reports; one file per kind
//! says the kind's attributes, once for both directions. Leaves to others: addresses, routes, bridge VLANs, forwarding entries.

mod bridge;
mod bridge_port;
mod conn;
mod found;
mod inet;
mod ipvlan;
mod kind;
mod macvlan;
mod names;
mod request;
mod spec;
mod state;
mod stats;
mod tap;
#[cfg(test)]
mod tests;
mod tun;
mod values;
mod veth;
mod vlan;
mod vrf;
mod vxlan;

pub use bridge::{Bridge, BridgeId, BridgeOptions, McastRouter};
pub use bridge_port::{BridgePort, PortState};
pub use found::{Link, Xdp};
pub use inet::{AddrGenMode, Inet6, Ipv4Conf, Ipv6Conf};
pub use ipvlan::{Ipvlan, IpvlanFlags, IpvlanMode};
pub use kind::{Kind, Slave};
pub use macvlan::{Macvlan, MacvlanFlags, MacvlanMode, SourceChange};
pub use names::{AltName, LinkRef, Netns};
pub use request::{
    AddLink, ChangeAltNames, DeleteGroup, DeleteLink, DumpBridgePorts, DumpLinks, GetLink,
    GetLinkIn, LinkFilter, SetBridgePort, SetGroup, SetLink,
};
pub use spec::{LinkSpec, NO_MASTER};
pub use state::{LinkFlags, LinkMode, LinkType, OperState};
pub use stats::Stats64;
pub use tap::{TapSpec, add_tap};
pub use tun::{Tun, TunMode};
pub use values::{Chosen, PortRange, Present, QosMapping, VlanProtocol};
pub use veth::Veth;
pub use vlan::{Vlan, VlanFlags};
pub use vrf::{Vrf, VrfPort};
pub use vxlan::{DontFragment, TtlInherit, Vxlan};

use crate::trace::layout::{Field, Fixed, Shape};

/// Message types.
pub(crate) mod rtm {
    use crate::trace::layout::messages;

    messages! {
        pub(crate) MESSAGES = "RTM_", super::HEADER, super::ifla::ATTRIBUTES {
            pub(crate) NEWLINK = 16,
            pub(crate) DELLINK = 17,
            pub(crate) GETLINK = 18,
            pub(crate) SETLINK = 19,
            pub(super) NEWLINKPROP = 108,
            pub(super) DELLINKPROP = 109,
        }
    }
}

/// Attributes of a link, `IFLA_*`.
pub(crate) mod ifla {
    use crate::trace::layout::attributes;

    attributes! {
        pub(in crate::link) ATTRIBUTES = "IFLA_" {
            pub(super) ADDRESS = 1 Mac,
            pub(super) BROADCAST = 2 Mac,
            pub(crate) IFNAME = 3 Text,
            pub(super) MTU = 4 Number,
            pub(super) LINK = 5 Number,
            pub(super) QDISC = 6 Text,
            STATS = 7 Bytes,
            pub(crate) MASTER = 10 Number,
            pub(super) PROTINFO = 12 ByFamily(super::of_bridge_port),
            pub(super) TXQLEN = 13 Number,
            MAP = 14 Bytes,
            pub(super) OPERSTATE = 16 Named(super::oper_state),
            pub(super) LINKMODE = 17 Number,
            pub(super) LINKINFO = 18 Nest(&super::info::ATTRIBUTES),
            pub(super) NET_NS_PID = 19 Number,
            pub(super) IFALIAS = 20 Text,
            pub(super) STATS64 = 23 Bytes,
            pub(crate) AF_SPEC = 26 ByFamily(super::of_family),
            pub(super) GROUP = 27 Number,
            pub(super) NET_NS_FD = 28 Number,
            pub(crate) EXT_MASK = 29 Number,
            pub(super) PROMISCUITY = 30 Number,
            pub(super) NUM_TX_QUEUES = 31 Number,
            pub(super) NUM_RX_QUEUES = 32 Number,
            pub(super) CARRIER = 33 Number,
            pub(super) PHYS_PORT_ID = 34 Bytes,
            pub(super) CARRIER_CHANGES = 35 Number,
            pub(super) PHYS_SWITCH_ID = 36 Bytes,
            pub(super) LINK_NETNSID = 37 Signed,
            pub(super) PHYS_PORT_NAME = 38 Text,
            pub(super) PROTO_DOWN = 39 Number,
            pub(super) GSO_MAX_SEGS = 40 Number,
            pub(super) GSO_MAX_SIZE = 41 Number,
            pub(super) XDP = 43 Bytes,
            pub(super) NEW_NETNSID = 45 Signed,
            pub(super) TARGET_NETNSID = 46 Signed,
            pub(super) CARRIER_UP_COUNT = 47 Number,
            pub(super) CARRIER_DOWN_COUNT = 48 Number,
            pub(super) NEW_IFINDEX = 49 Number,
            pub(super) MIN_MTU = 50 Number,
            pub(super) MAX_MTU = 51 Number,
            pub(super) PROP_LIST = 52 Nest(&ATTRIBUTES),
            pub(super) ALT_IFNAME = 53 Text,
            pub(super) PERM_ADDRESS = 54 Mac,
            pub(super) PARENT_DEV_NAME = 56 Text,
            pub(super) PARENT_DEV_BUS_NAME = 57 Text,
            pub(super) GRO_MAX_SIZE = 58 Number,
            pub(super) TSO_MAX_SIZE = 59 Number,
            pub(super) TSO_MAX_SEGS = 60 Number,
            pub(super) ALLMULTI = 61 Number,
            DEVLINK_PORT = 62 Bytes,
            pub(super) GSO_IPV4_MAX_SIZE = 63 Number,
            pub(super) GRO_IPV4_MAX_SIZE = 64 Number,
            DPLL_PIN = 65 Bytes,
            MAX_PACING_OFFLOAD_HORIZON = 66 Number,
            NETNS_IMMUTABLE = 67 Number,
            HEADROOM = 68 Number,
            TAILROOM = 69 Number,
        }
    }
}

/// What is inside `IFLA_LINKINFO`.
mod info {
    use crate::trace::layout::attributes;

    attributes! {
        pub(super) ATTRIBUTES = "IFLA_INFO_" {
            pub(super) KIND = 1 Text,
            pub(super) DATA = 2 Chosen(super::Kind::attributes),
            pub(super) SLAVE_KIND = 4 Text,
            pub(super) SLAVE_DATA = 5 Chosen(super::Slave::attributes),
        }
    }
}

/// `struct ifinfomsg`.
static HEADER: Fixed = Fixed {
    size: 16,
    fields: &[
        Field("family", 0, 1, Shape::Named(crate::Family::name_of)),
        Field(
            "type",
            2,
            2,
            Shape::Named(|n| LinkType::from(n as u16).name()),
        ),
        Field("index", 4, 4, Shape::Signed),
        Field("flags", 8, 4, Shape::Bits(flag_names)),
        Field("change", 12, 4, Shape::Bits(flag_names)),
    ],
};

fn flag_names(bits: u32) -> Vec<&'static str> {
    LinkFlags::from_bits(bits).names().collect()
}

fn oper_state(number: u32) -> Option<&'static str> {
    OperState::from(u8::try_from(number).ok()?).name()
}

/// What `IFLA_AF_SPEC` holds: VLANs of a bridge, or what address families know of the link.
fn of_family(family: u8) -> &'static Shape {
    static BRIDGE: Shape = Shape::Nest(&crate::vlan::ATTRIBUTES);
    static OTHERS: Shape = Shape::Nest(&inet::FAMILIES);
    match crate::Family::from(family) {
        crate::Family::Bridge => &BRIDGE,
        _ => &OTHERS,
    }
}

/// What `IFLA_PROTINFO` holds.
fn of_bridge_port(family: u8) -> &'static Shape {
    static PORT: Shape = Shape::Nest(&BridgePort::ATTRIBUTES);
    static OTHERS: Shape = Shape::Bytes;
    match crate::Family::from(family) {
        crate::Family::Bridge => &PORT,
        _ => &OTHERS,
    }
}

/// `struct ifinfomsg`: family, padding, type, index, flags, mask of the flags that are meant.
fn header(
    w: &mut crate::Writer<'_>,
    family: crate::Family,
    index: crate::IfIndex,
    flags: LinkFlags,
    mask: LinkFlags,
) {
    let mut bytes = [0; 16];
    bytes[0] = family.number();
    bytes[4..8].copy_from_slice(&index.0.to_ne_bytes());
    bytes[8..12].copy_from_slice(&flags.bits().to_ne_bytes());
    bytes[12..16].copy_from_slice(&mask.bits().to_ne_bytes());
    w.raw(&bytes);
}
