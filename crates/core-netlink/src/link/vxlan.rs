//! `vxlan`: Ethernet over UDP (`IFLA_VXLAN_*`, RFC 7348).

use super::values::{PortRange, Present, value_of};
use crate::attr::{Attr, Malformed, Writer};
use crate::table::{Be, Value, attrs, numbered};
use crate::types::{IfIndex, Vni};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

attrs! {
    /// An end of a VXLAN. IPv4 and IPv6 addresses have fields of their own; [`Vxlan::remote`] and
    /// [`Vxlan::local_address`] read either.
    pub struct Vxlan {
        /// The network; 0 together with `external`.
        id: Vni = 1,
        /// Where unknown receivers are sent: a group or one other end.
        group: Ipv4Addr = 2,
        /// The link that carries the packets.
        link: IfIndex = 3,
        /// The source address.
        local: Ipv4Addr = 4,
        /// Time to live; 0: chosen by the kernel.
        ttl: u8 = 5,
        /// Type of service; 1: that of the inner packet.
        tos: u8 = 6,
        /// Remember by which end senders came.
        learning: bool = 7,
        /// How long they are remembered, in seconds; 0: for ever.
        ageing: u32 = 8,
        /// How many are remembered at most; 0: without limit.
        limit: u32 = 9,
        /// UDP source ports.
        port_range: PortRange = 10,
        /// Answer ARP from the table.
        proxy: bool = 11,
        /// Route from the table, past a router.
        rsc: bool = 12,
        /// Tell when a receiver is unknown.
        l2miss: bool = 13,
        /// Tell when a neighbour is unknown.
        l3miss: bool = 14,
        /// UDP destination port; 8472 unless given, RFC 7348 says 4789.
        port: Be<u16> = 15,
        /// As `group`.
        group6: Ipv6Addr = 16,
        /// As `local`.
        local6: Ipv6Addr = 17,
        /// Checksums over IPv4.
        udp_csum: bool = 18,
        /// No checksums sent over IPv6.
        udp_zero_csum6_tx: bool = 19,
        /// Packets without checksum taken over IPv6.
        udp_zero_csum6_rx: bool = 20,
        /// Checksum offload to the other end, sending.
        remcsum_tx: bool = 21,
        /// Checksum offload to the other end, receiving.
        remcsum_rx: bool = 22,
        /// Group policy extension.
        gbp: Present = 23,
        /// Checksum offload without partial checksums.
        remcsum_nopartial: Present = 24,
        /// Ends and networks come with each packet, from routes or programs.
        external: bool = 25,
        /// IPv6 flow label.
        label: Be<u32> = 26,
        /// Generic protocol extension.
        gpe: Present = 27,
        /// Time to live of the inner packet.
        ttl_inherit: TtlInherit = 28,
        /// Whether outer packets may be cut.
        df: DontFragment = 29,
        /// Networks from a list (Linux 5.18).
        vnifilter: bool = 30,
        /// Leave packets for oneself on the way (Linux 6.0).
        localbypass: bool = 31,
        /// Where the flow label comes from: 0 `label`, 1 the inner packet (Linux 6.7).
        label_policy: u32 = 32,
        /// Groups are sent by the multicast routes (Linux 6.15).
        mc_route: bool = 34,
    }
}

numbered! {
    /// Whether outer packets may be cut (`VXLAN_DF_*`).
    DontFragment(u8), "setting of `df`" {
        /// They may.
        Unset = 0 "unset",
        /// They may not.
        Set = 1 "set",
        /// As the inner packet says.
        Inherit = 2 "inherit",
    }
}

value_of! { DontFragment: u8; }

impl Value for Vni {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let out_of_range = |_| Malformed::new("VXLAN network identifier", 4, attr.value.len());
        Vni::try_from(attr.u32()?).map_err(out_of_range)
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.u32(kind, self.get());
    }
}

/// Asked for by presence, reported as a byte: `IFLA_VXLAN_TTL_INHERIT` is one thing on the way in and another on the way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TtlInherit(pub bool);

impl Value for TtlInherit {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        Ok(TtlInherit(attr.value.first() != Some(&0)))
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        if self.0 {
            w.flag(kind);
        }
    }
}

impl Vxlan {
    /// Where unknown receivers are sent, of either family.
    pub fn remote(&self) -> Option<IpAddr> {
        let v4 = self.group.map(IpAddr::from);
        v4.or(self.group6.map(IpAddr::from))
    }

    /// The source address, of either family.
    pub fn local_address(&self) -> Option<IpAddr> {
        let v4 = self.local.map(IpAddr::from);
        v4.or(self.local6.map(IpAddr::from))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.id.is_none() && self.external != Some(true) {
            return Err("a vxlan needs an id, or `external`".to_owned());
        }
        match (self.remote(), self.local_address()) {
            (Some(remote), Some(local)) if remote.is_ipv4() != local.is_ipv4() => Err(format!(
                "remote {remote} and local {local} are of different families"
            )),
            _ => Ok(()),
        }
    }
}
