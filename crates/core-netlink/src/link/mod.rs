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
#[cfg(test)]
mod tests;
mod values;
mod veth;
mod vlan;
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
    LinkFilter, SetBridgePort, SetGroup, SetLink,
};
pub use spec::{LinkSpec, NO_MASTER};
pub use state::{LinkFlags, LinkMode, LinkType, OperState};
pub use stats::Stats64;
pub use values::{Chosen, PortRange, Present, QosMapping, VlanProtocol};
pub use veth::Veth;
pub use vlan::{Vlan, VlanFlags};
pub use vxlan::{DontFragment, TtlInherit, Vxlan};

/// Message types.
pub(crate) mod rtm {
    pub(crate) const NEWLINK: u16 = 16;
    pub(crate) const DELLINK: u16 = 17;
    pub(crate) const GETLINK: u16 = 18;
    pub(crate) const SETLINK: u16 = 19;
    pub(super) const NEWLINKPROP: u16 = 108;
    pub(super) const DELLINKPROP: u16 = 109;
}

/// Attributes of a link, `IFLA_*`.
pub(crate) mod ifla {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const BROADCAST: u16 = 2;
    pub(crate) const IFNAME: u16 = 3;
    pub(super) const MTU: u16 = 4;
    pub(super) const LINK: u16 = 5;
    pub(super) const QDISC: u16 = 6;
    pub(crate) const MASTER: u16 = 10;
    pub(super) const PROTINFO: u16 = 12;
    pub(super) const TXQLEN: u16 = 13;
    pub(super) const OPERSTATE: u16 = 16;
    pub(super) const LINKMODE: u16 = 17;
    pub(super) const LINKINFO: u16 = 18;
    pub(super) const NET_NS_PID: u16 = 19;
    pub(super) const IFALIAS: u16 = 20;
    pub(super) const STATS64: u16 = 23;
    pub(crate) const AF_SPEC: u16 = 26;
    pub(super) const GROUP: u16 = 27;
    pub(super) const NET_NS_FD: u16 = 28;
    pub(crate) const EXT_MASK: u16 = 29;
    pub(super) const PROMISCUITY: u16 = 30;
    pub(super) const NUM_TX_QUEUES: u16 = 31;
    pub(super) const NUM_RX_QUEUES: u16 = 32;
    pub(super) const CARRIER: u16 = 33;
    pub(super) const PHYS_PORT_ID: u16 = 34;
    pub(super) const CARRIER_CHANGES: u16 = 35;
    pub(super) const PHYS_SWITCH_ID: u16 = 36;
    pub(super) const LINK_NETNSID: u16 = 37;
    pub(super) const PHYS_PORT_NAME: u16 = 38;
    pub(super) const PROTO_DOWN: u16 = 39;
    pub(super) const GSO_MAX_SEGS: u16 = 40;
    pub(super) const GSO_MAX_SIZE: u16 = 41;
    pub(super) const XDP: u16 = 43;
    pub(super) const NEW_NETNSID: u16 = 45;
    pub(super) const CARRIER_UP_COUNT: u16 = 47;
    pub(super) const CARRIER_DOWN_COUNT: u16 = 48;
    pub(super) const NEW_IFINDEX: u16 = 49;
    pub(super) const MIN_MTU: u16 = 50;
    pub(super) const MAX_MTU: u16 = 51;
    pub(super) const PROP_LIST: u16 = 52;
    pub(super) const ALT_IFNAME: u16 = 53;
    pub(super) const PERM_ADDRESS: u16 = 54;
    pub(super) const PARENT_DEV_NAME: u16 = 56;
    pub(super) const PARENT_DEV_BUS_NAME: u16 = 57;
    pub(super) const GRO_MAX_SIZE: u16 = 58;
    pub(super) const TSO_MAX_SIZE: u16 = 59;
    pub(super) const TSO_MAX_SEGS: u16 = 60;
    pub(super) const ALLMULTI: u16 = 61;
    pub(super) const GSO_IPV4_MAX_SIZE: u16 = 63;
    pub(super) const GRO_IPV4_MAX_SIZE: u16 = 64;
}

/// What is inside `IFLA_LINKINFO`.
mod info {
    pub(super) const KIND: u16 = 1;
    pub(super) const DATA: u16 = 2;
    pub(super) const SLAVE_KIND: u16 = 4;
    pub(super) const SLAVE_DATA: u16 = 5;
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
