//! Neighbours and proxies (`RTM_*NEIGH`, linux/neighbour.h, ip-neighbour(8)).
//!
//! Also the header, flags and attributes that forwarding entries ([`crate::fdb`]) share.

mod numbers;
#[cfg(test)]
mod tests;

pub(crate) use numbers::*;

use crate::attr::{Attr, Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::object::{Change, Family, Object, Verb};
use crate::route::RouteProtocol;
use crate::table::{bits, numbered};
use crate::types::{HwAddr, IfIndex};
use std::net::{IpAddr, Ipv4Addr};

numbered! {
    /// What is known of a neighbour (`NUD_*`).
    NeighbourState(u16), "neighbour state" {
        /// Nothing.
        None = 0x00 "none",
        /// Being asked for.
        Incomplete = 0x01 "incomplete",
        /// Lately heard of.
        Reachable = 0x02 "reachable",
        /// Not heard of for a while.
        Stale = 0x04 "stale",
        /// Stale, and a packet went there.
        Delay = 0x08 "delay",
        /// Being asked again.
        Probe = 0x10 "probe",
        /// Did not answer.
        Failed = 0x20 "failed",
        /// Never asked for; in a bridge: set by somebody and moving ("static").
        Noarp = 0x40 "noarp",
        /// Set by somebody for good; in a bridge: its own.
        Permanent = 0x80 "permanent",
    }
}

bits! {
    /// How an entry is treated (`NTF_*`; those of `NDA_FLAGS_EXT` from bit 8 on).
    NeighbourFlags(u32) {
        /// In use: look it up now.
        USE = 0x1 "use",
        /// In the device's own table.
        SELF = 0x2 "self",
        /// In the table of the bridge the device is a port of.
        MASTER = 0x4 "master",
        /// Answered for on behalf of somebody else.
        PROXY = 0x8 "proxy",
        /// Learned by a control plane: does not age.
        EXT_LEARNED = 0x10 "extern_learn",
        /// In hardware.
        OFFLOADED = 0x20 "offload",
        /// Does not move to another port.
        STICKY = 0x40 "sticky",
        /// IPv6: it is a router.
        ROUTER = 0x80 "router",
        /// Kept reachable by the kernel (Linux 5.16).
        MANAGED = 0x100 "managed",
        /// In a bridge: on a locked port, lets nothing through (Linux 6.2).
        LOCKED = 0x200 "locked",
        /// Valid by the word of a control plane (Linux 6.18).
        EXT_VALIDATED = 0x400 "extern_valid",
    }
}

impl NeighbourFlags {
    /// What the header's byte does not hold.
    fn extended(self) -> u32 {
        self.bits() >> 8
    }

    pub(crate) fn read_extended(&mut self, attr: &Attr<'_>) -> Result<(), Malformed> {
        *self |= NeighbourFlags::from_bits(attr.u32()? << 8);
        Ok(())
    }
}

/// Age of an entry (`struct nda_cacheinfo`), in hundredths of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeighbourCache {
    /// Since it was confirmed.
    pub confirmed: u32,
    /// Since it was used.
    pub used: u32,
    /// Since it was changed.
    pub updated: u32,
    /// Who holds it.
    pub references: u32,
}

impl NeighbourCache {
    pub(crate) fn decode(bytes: [u8; 16]) -> Self {
        let word = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        NeighbourCache {
            confirmed: word(0),
            used: word(4),
            updated: word(8),
            references: word(12),
        }
    }
}

/// `struct ndmsg`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) family: Family,
    pub(crate) link: IfIndex,
    pub(crate) state: NeighbourState,
    pub(crate) flags: NeighbourFlags,
    pub(crate) kind: u8,
}

impl Header {
    pub(crate) fn of(family: Family, link: IfIndex) -> Self {
        let (state, flags) = (NeighbourState::None, NeighbourFlags::NONE);
        Header {
            family,
            link,
            state,
            flags,
            kind: 0,
        }
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>) {
        w.raw(&[self.family.number(), 0, 0, 0]);
        w.raw(&self.link.0.to_ne_bytes());
        let [a, b] = self.state.number().to_ne_bytes();
        w.raw(&[a, b, self.flags.bits() as u8, self.kind]); // the byte's worth; the rest is NDA_FLAGS_EXT
    }

    pub(crate) fn decode(bytes: [u8; 12]) -> Self {
        let [family, _, _, _, i0, i1, i2, i3, s0, s1, flags, kind] = bytes;
        Header {
            family: family.into(),
            link: IfIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
            state: u16::from_ne_bytes([s0, s1]).into(),
            flags: NeighbourFlags::from_bits(flags.into()),
            kind,
        }
    }
}

pub(crate) fn encode_extended(flags: NeighbourFlags, w: &mut Writer<'_>) {
    if flags.extended() != 0 {
        w.u32(NDA_FLAGS_EXT, flags.extended());
    }
}

/// A neighbour, or with [`NeighbourFlags::PROXY`] a proxy, as asked for.
///
/// ```no_run
/// use core_netlink::{Conn, IfIndex, MacAddr, Protocol, neigh::NeighbourSpec};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// let mac: MacAddr = "02:42:ac:11:00:02".parse()?;
/// conn.add_neighbour(&NeighbourSpec {
///     link: IfIndex(3),
///     address: "10.0.0.2".parse()?,
///     lladdr: Some(mac.into()),
///     ..NeighbourSpec::default()
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourSpec {
    /// On which link.
    pub link: IfIndex,
    /// Its address.
    pub address: IpAddr,
    /// Its link-layer address; a proxy has none.
    pub lladdr: Option<HwAddr>,
    /// [`NeighbourState::Permanent`] unless given.
    pub state: Option<NeighbourState>,
    /// Such as [`NeighbourFlags::PROXY`] or [`NeighbourFlags::ROUTER`].
    pub flags: NeighbourFlags,
    /// Who sets it.
    pub protocol: Option<RouteProtocol>,
}

impl Default for NeighbourSpec {
    fn default() -> Self {
        NeighbourSpec {
            link: IfIndex::default(),
            address: Ipv4Addr::UNSPECIFIED.into(),
            lladdr: None,
            state: None,
            flags: NeighbourFlags::NONE,
            protocol: None,
        }
    }
}

impl NeighbourSpec {
    fn noun(&self) -> &'static str {
        match self.flags.contains(NeighbourFlags::PROXY) {
            true => "proxy neighbour",
            false => "neighbour",
        }
    }
}

impl Object for NeighbourSpec {
    type Record = Neighbour;
    const NEW: u16 = RTM_NEWNEIGH;
    const DELETE: u16 = RTM_DELNEIGH;

    fn encode(&self, _: Verb, w: &mut Writer<'_>) {
        let header = Header::of(Family::of(self.address), self.link);
        let state = self.state.unwrap_or(NeighbourState::Permanent);
        let flags = self.flags;
        Header {
            state,
            flags,
            ..header
        }
        .encode(w);
        w.ip(NDA_DST, self.address);
        if let Some(lladdr) = self.lladdr {
            w.bytes(NDA_LLADDR, lladdr.as_bytes());
        }
        encode_extended(self.flags, w);
        if let Some(protocol) = self.protocol {
            w.u8(NDA_PROTOCOL, protocol.number());
        }
    }

    fn what(&self, verb: Verb) -> String {
        let (word, preposition) = (verb.word(), verb.preposition());
        format!(
            "{word} {} {} {preposition} link {}",
            self.noun(),
            self.address,
            self.link
        )
    }
}

/// A neighbour or a proxy as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Neighbour {
    /// On which link.
    pub link: IfIndex,
    /// Its address.
    pub address: IpAddr,
    /// Its link-layer address, if known.
    pub lladdr: Option<HwAddr>,
    /// What is known of it.
    pub state: NeighbourState,
    /// How it is treated.
    pub flags: NeighbourFlags,
    /// `RTN_*`: unicast, multicast ...
    pub kind: crate::route::RouteType,
    /// Its age.
    pub cache: Option<NeighbourCache>,
    /// How often it was asked in vain.
    pub probes: Option<u32>,
    /// VXLAN network.
    pub vni: Option<u32>,
    /// VLAN.
    pub vlan: Option<u16>,
    /// The link that its link is a port of.
    pub master: Option<IfIndex>,
    /// Who set it.
    pub protocol: Option<RouteProtocol>,
}

impl Neighbour {
    /// Whether it is a proxy: an address answered for on behalf of somebody else.
    pub fn is_proxy(&self) -> bool {
        self.flags.contains(NeighbourFlags::PROXY)
    }

    /// What makes the same entry again, or deletes it.
    pub fn to_spec(&self) -> NeighbourSpec {
        NeighbourSpec {
            link: self.link,
            address: self.address,
            lladdr: self.lladdr,
            state: Some(self.state),
            flags: self.flags,
            protocol: self.protocol,
        }
    }

    fn read(&mut self, attr: Attr<'_>) -> Result<(), Malformed> {
        match attr.kind {
            NDA_LLADDR => self.lladdr = Some(HwAddr::new(attr.value)),
            NDA_CACHEINFO => self.cache = Some(NeighbourCache::decode(attr.array()?)),
            NDA_PROBES => self.probes = Some(attr.u32()?),
            NDA_VNI => self.vni = Some(attr.u32()?),
            NDA_VLAN => self.vlan = Some(attr.u16()?),
            NDA_MASTER => self.master = Some(IfIndex(attr.u32()?)),
            NDA_PROTOCOL => self.protocol = Some(attr.u8()?.into()),
            NDA_FLAGS_EXT => self.flags.read_extended(&attr)?,
            _ => {}
        }
        Ok(())
    }
}

impl Record for Neighbour {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, RTM_NEWNEIGH | RTM_DELNEIGH) {
            return Ok(None);
        }
        let (header, attrs) = split_header(body, "neighbour")?;
        let header = Header::decode(header);
        if !matches!(header.family, Family::V4 | Family::V6) {
            return Ok(None);
        }
        let missing = Malformed::new("neighbour without NDA_DST", 4, 0);
        let address = attrs.find(NDA_DST)?.ok_or(missing)?.ip()?;
        let mut found = Neighbour {
            link: header.link,
            address,
            lladdr: None,
            state: header.state,
            flags: header.flags,
            kind: header.kind.into(),
            cache: None,
            probes: None,
            vni: None,
            vlan: None,
            master: None,
            protocol: None,
        };
        for attr in attrs {
            found.read(attr?)?;
        }
        Ok(Some(found))
    }
}

/// Which neighbours to list; all but proxies unless restricted. The kernel does the choosing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NeighbourFilter {
    /// Of one family.
    pub family: Option<Family>,
    /// On one link.
    pub link: Option<IfIndex>,
    /// On ports of one link.
    pub master: Option<IfIndex>,
    /// The proxies in place of the neighbours.
    pub proxies: bool,
}

impl Request for NeighbourFilter {
    fn kind(&self) -> u16 {
        RTM_GETNEIGH
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let header = Header::of(self.family.unwrap_or(Family::Unspec), IfIndex(0));
        let flags = if self.proxies {
            NeighbourFlags::PROXY
        } else {
            NeighbourFlags::NONE
        };
        Header { flags, ..header }.encode(w);
        if let Some(link) = self.link {
            w.u32(NDA_IFINDEX, link.0);
        }
        if let Some(master) = self.master {
            w.u32(NDA_MASTER, master.0);
        }
    }

    fn what(&self) -> String {
        let noun = if self.proxies {
            "proxy neighbours"
        } else {
            "neighbours"
        };
        match self.link {
            Some(link) => format!("list {noun} of link {link}"),
            None => format!("list {noun}"),
        }
    }
}

impl Query for NeighbourFilter {
    type Record = Neighbour;
}

/// One neighbour (or proxy) by its key (Linux 5.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourKey {
    /// On which link.
    pub link: IfIndex,
    /// Its address.
    pub address: IpAddr,
    /// The proxy in place of the neighbour.
    pub proxy: bool,
}

impl Request for NeighbourKey {
    fn kind(&self) -> u16 {
        RTM_GETNEIGH
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let header = Header::of(Family::of(self.address), self.link);
        let flags = if self.proxy {
            NeighbourFlags::PROXY
        } else {
            NeighbourFlags::NONE
        };
        Header { flags, ..header }.encode(w);
        w.ip(NDA_DST, self.address);
    }

    fn what(&self) -> String {
        format!("get neighbour {} on link {}", self.address, self.link)
    }
}

impl Query for NeighbourKey {
    type Record = Neighbour;
}

impl Conn {
    /// Adds a neighbour or a proxy; an error for which `is_exists` holds if it is there.
    pub fn add_neighbour(&mut self, spec: &NeighbourSpec) -> Result<()> {
        self.change(&Change::add(spec))
    }

    /// Adds a neighbour or a proxy, in place of the one that is there.
    pub fn replace_neighbour(&mut self, spec: &NeighbourSpec) -> Result<()> {
        self.change(&Change::replace(spec))
    }

    /// Removes a neighbour, or with [`NeighbourFlags::PROXY`] a proxy, found by link and address.
    pub fn delete_neighbour(&mut self, spec: &NeighbourSpec) -> Result<()> {
        self.change(&Change::delete(spec))
    }

    /// Every neighbour that passes the filter.
    pub fn neighbours(&mut self, filter: &NeighbourFilter) -> Result<Vec<Neighbour>> {
        self.dump(filter)
    }

    /// One neighbour by its key.
    pub fn neighbour(&mut self, key: &NeighbourKey) -> Result<Neighbour> {
        self.get(key)
    }
}
