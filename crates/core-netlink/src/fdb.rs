//! Forwarding entries of bridges and VXLANs (`RTM_*NEIGH` of family `AF_BRIDGE`, bridge(8) `fdb`).

#[cfg(test)]
mod tests;

use crate::attr::{Attr, Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::neigh::*;
use crate::object::{Change, Family, Object, Verb};
use crate::route::RouteProtocol;
use crate::types::{HwAddr, IfIndex, MacAddr, VlanId, Vni};
use crate::wire::Flags;
use std::net::IpAddr;

const STATIC: u16 = 0x42; // NUD_NOARP | NUD_REACHABLE: a VXLAN refuses the first alone
const BULK: Flags = Flags::EXCL; // NLM_F_BULK: the same bit, of a request to delete

/// How an entry of a bridge or VXLAN came about and ends; the words of `bridge fdb`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FdbLife {
    /// The bridge's own: received by the host ("permanent", "local"). On a VXLAN: stays.
    #[default]
    Permanent,
    /// Set by somebody: stays ("static").
    Static,
    /// As if learned: ages ("dynamic").
    Dynamic,
}

impl FdbLife {
    fn state(self) -> NeighbourState {
        match self {
            FdbLife::Permanent => NeighbourState::Permanent,
            FdbLife::Static => NeighbourState::Other(STATIC),
            FdbLife::Dynamic => NeighbourState::Reachable,
        }
    }
}

/// A forwarding entry as asked for.
///
/// ```no_run
/// use core_netlink::{Conn, IfIndex, Protocol, fdb::FdbSpec};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// // A VXLAN's flood list: frames for unknown stations go to this host too.
/// conn.append_fdb(&FdbSpec { link: IfIndex(5), dst: Some("192.0.2.7".parse()?), ..FdbSpec::default() })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FdbSpec {
    /// The port of a bridge, or the VXLAN, or the bridge itself.
    pub link: IfIndex,
    /// The station; zeros are all stations that are not known (VXLAN).
    pub lladdr: MacAddr,
    /// [`NeighbourFlags::SELF`] (the device's own table), [`NeighbourFlags::MASTER`] (its bridge's) or both, with others. SELF unless one is given.
    pub flags: NeighbourFlags,
    /// How it ends.
    pub life: FdbLife,
    /// VLAN of a bridge that filters by VLAN.
    pub vlan: Option<VlanId>,
    /// VXLAN: the host where the station is.
    pub dst: Option<IpAddr>,
    /// VXLAN: its UDP port.
    pub port: Option<u16>,
    /// VXLAN: the network to send in.
    pub vni: Option<Vni>,
    /// VXLAN: the network it holds for (collect-metadata devices).
    pub src_vni: Option<Vni>,
    /// VXLAN: the link to send by.
    pub via: Option<IfIndex>,
    /// VXLAN: a nexthop group in place of `dst` (Linux 5.8).
    pub nexthop_id: Option<u32>,
    /// Who sets it (Linux 6.0).
    pub protocol: Option<RouteProtocol>,
}

impl FdbSpec {
    fn flags(&self) -> NeighbourFlags {
        let sides = NeighbourFlags::SELF | NeighbourFlags::MASTER;
        match self.flags.without(sides) == self.flags {
            true => self.flags | NeighbourFlags::SELF,
            false => self.flags,
        }
    }

    fn encode_vxlan(&self, w: &mut Writer<'_>) {
        if let Some(dst) = self.dst {
            w.ip(NDA_DST, dst);
        }
        if let Some(port) = self.port {
            w.be16(NDA_PORT, port);
        }
        if let Some(vni) = self.vni {
            w.u32(NDA_VNI, vni.get());
        }
        if let Some(vni) = self.src_vni {
            w.u32(NDA_SRC_VNI, vni.get());
        }
        if let Some(via) = self.via {
            w.u32(NDA_IFINDEX, via.0);
        }
        if let Some(id) = self.nexthop_id {
            w.u32(NDA_NH_ID, id);
        }
    }
}

impl Object for FdbSpec {
    type Record = FdbEntry;
    const NEW: u16 = RTM_NEWNEIGH;
    const DELETE: u16 = RTM_DELNEIGH;

    fn encode(&self, _: Verb, w: &mut Writer<'_>) {
        let header = Header::of(Family::Bridge, self.link);
        let (state, flags) = (self.life.state(), self.flags());
        Header {
            state,
            flags,
            ..header
        }
        .encode(w);
        w.bytes(NDA_LLADDR, &self.lladdr.0);
        if let Some(vlan) = self.vlan {
            w.u16(NDA_VLAN, vlan.get());
        }
        self.encode_vxlan(w);
        encode_extended(flags, w);
        if let Some(protocol) = self.protocol {
            w.u8(NDA_PROTOCOL, protocol.number());
        }
    }

    fn what(&self, verb: Verb) -> String {
        let (word, preposition) = (verb.word(), verb.preposition());
        let dst = self.dst.map_or(String::new(), |dst| format!(" at {dst}"));
        format!(
            "{word} forwarding entry {}{dst} {preposition} link {}",
            self.lladdr, self.link
        )
    }
}

/// A forwarding entry as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FdbEntry {
    /// The port of a bridge, or the VXLAN, or the bridge itself.
    pub link: IfIndex,
    /// The station.
    pub lladdr: HwAddr,
    /// In whose table, and how it is treated.
    pub flags: NeighbourFlags,
    /// Bits of [`NeighbourState`]; [`FdbEntry::life`] says what they mean.
    pub state: NeighbourState,
    /// VLAN.
    pub vlan: Option<u16>,
    /// The bridge whose table it is in.
    pub master: Option<IfIndex>,
    /// VXLAN: the host where the station is.
    pub dst: Option<IpAddr>,
    /// VXLAN: its UDP port.
    pub port: Option<u16>,
    /// VXLAN: the network to send in.
    pub vni: Option<u32>,
    /// VXLAN: the network it holds for.
    pub src_vni: Option<u32>,
    /// VXLAN: the link to send by.
    pub via: Option<IfIndex>,
    /// The namespace that `via` is in.
    pub via_nsid: Option<i32>,
    /// VXLAN: a nexthop group.
    pub nexthop_id: Option<u32>,
    /// Its age.
    pub cache: Option<NeighbourCache>,
    /// Who set it.
    pub protocol: Option<RouteProtocol>,
}

impl FdbEntry {
    /// How it came about and ends; the state may have several bits.
    pub fn life(&self) -> FdbLife {
        let has = |state: NeighbourState| self.state.number() & state.number() != 0;
        match (has(NeighbourState::Permanent), has(NeighbourState::Noarp)) {
            (true, _) => FdbLife::Permanent,
            (false, true) => FdbLife::Static,
            (false, false) => FdbLife::Dynamic,
        }
    }

    /// What makes the same entry again, or deletes it; `None` for a station that is not an Ethernet address.
    pub fn to_spec(&self) -> Option<FdbSpec> {
        // The kernel marks what it has in a bridge's table by NDA_MASTER, not by the flag.
        let side = match self.flags.contains(NeighbourFlags::SELF) || self.master == Some(self.link)
        {
            true => NeighbourFlags::SELF,
            false => NeighbourFlags::MASTER,
        };
        let vni = |number: Option<u32>| number.and_then(|number| Vni::try_from(number).ok());
        Some(FdbSpec {
            link: self.link,
            lladdr: self.lladdr.mac()?,
            flags: self.flags.without(NeighbourFlags::OFFLOADED) | side,
            life: self.life(),
            vlan: self.vlan.and_then(|vlan| VlanId::try_from(vlan).ok()),
            dst: self.dst,
            port: self.port,
            vni: vni(self.vni),
            src_vni: vni(self.src_vni),
            via: self.via,
            nexthop_id: self.nexthop_id,
            protocol: self.protocol,
        })
    }

    fn read(&mut self, attr: Attr<'_>) -> Result<(), Malformed> {
        match attr.kind {
            NDA_LLADDR => self.lladdr = HwAddr::new(attr.value),
            NDA_VLAN => self.vlan = Some(attr.u16()?),
            NDA_MASTER => self.master = Some(IfIndex(attr.u32()?)),
            NDA_CACHEINFO => self.cache = Some(NeighbourCache::decode(attr.array()?)),
            NDA_DST => self.dst = Some(attr.ip()?),
            NDA_PORT => self.port = Some(attr.be16()?),
            NDA_VNI => self.vni = Some(attr.u32()?),
            NDA_SRC_VNI => self.src_vni = Some(attr.u32()?),
            NDA_IFINDEX => self.via = Some(IfIndex(attr.u32()?)),
            NDA_LINK_NETNSID => self.via_nsid = Some(attr.i32()?),
            NDA_NH_ID => self.nexthop_id = Some(attr.u32()?),
            NDA_FLAGS_EXT => self.flags.read_extended(&attr)?,
            NDA_PROTOCOL => self.protocol = Some(attr.u8()?.into()),
            _ => {}
        }
        Ok(())
    }
}

impl Record for FdbEntry {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, RTM_NEWNEIGH | RTM_DELNEIGH) {
            return Ok(None);
        }
        let (header, attrs) = split_header(body, "forwarding entry")?;
        let header = Header::decode(header);
        if header.family != Family::Bridge {
            return Ok(None);
        }
        let mut found = FdbEntry {
            link: header.link,
            lladdr: HwAddr::new(&[]), // entries of collect-metadata tunnels have none
            flags: header.flags,
            state: header.state,
            vlan: None,
            master: None,
            dst: None,
            port: None,
            vni: None,
            src_vni: None,
            via: None,
            via_nsid: None,
            nexthop_id: None,
            cache: None,
            protocol: None,
        };
        for attr in attrs {
            found.read(attr?)?;
        }
        Ok(Some(found))
    }
}

/// Which forwarding entries to list; all unless restricted. The kernel does the choosing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FdbFilter {
    /// Of one bridge: its table and those of its ports.
    pub bridge: Option<IfIndex>,
    /// Of one port or device.
    pub link: Option<IfIndex>,
}

impl Request for FdbFilter {
    fn kind(&self) -> u16 {
        RTM_GETNEIGH
    }

    fn encode(&self, w: &mut Writer<'_>) {
        Header::of(Family::Bridge, self.link.unwrap_or_default()).encode(w);
        if let Some(bridge) = self.bridge {
            w.u32(NDA_MASTER, bridge.0);
        }
    }

    fn what(&self) -> String {
        match self.bridge.or(self.link) {
            Some(link) => format!("list forwarding entries of link {link}"),
            None => "list forwarding entries".into(),
        }
    }
}

impl Query for FdbFilter {
    type Record = FdbEntry;
}

/// One forwarding entry by its key (Linux 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FdbKey {
    /// The device whose table is asked: a bridge or a VXLAN; or a port, with `master`.
    pub link: IfIndex,
    /// The station.
    pub lladdr: MacAddr,
    /// Ask the bridge that `link` is a port of.
    pub master: bool,
    /// VLAN.
    pub vlan: Option<VlanId>,
}

impl Request for FdbKey {
    fn kind(&self) -> u16 {
        RTM_GETNEIGH
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let header = Header::of(Family::Bridge, self.link);
        let flags = if self.master {
            NeighbourFlags::MASTER
        } else {
            NeighbourFlags::SELF
        };
        Header { flags, ..header }.encode(w);
        w.bytes(NDA_LLADDR, &self.lladdr.0);
        if let Some(vlan) = self.vlan {
            w.u16(NDA_VLAN, vlan.get());
        }
    }

    fn what(&self) -> String {
        format!("get forwarding entry {} of link {}", self.lladdr, self.link)
    }
}

impl Query for FdbKey {
    type Record = FdbEntry;
}

/// Removes many entries at once (bridge: Linux 5.19, VXLAN: 6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FdbFlush {
    /// The bridge or the VXLAN; or a port, with `master`.
    pub link: IfIndex,
    /// In the table of the bridge that `link` is a port of.
    pub master: bool,
    /// Only of this port.
    pub port: Option<IfIndex>,
    /// Only of this VLAN.
    pub vlan: Option<VlanId>,
    /// Only permanent ones, or only others.
    pub permanent: Option<bool>,
    /// Only static ones (permanent ones are static too), or only others.
    pub is_static: Option<bool>,
}

impl FdbFlush {
    /// The bits of the state that are looked at, and those of them that must be set.
    fn state(&self) -> (u16, u16) {
        let rows = [
            (self.permanent, NeighbourState::Permanent),
            (self.is_static, NeighbourState::Noarp),
        ];
        rows.iter()
            .fold((0, 0), |(mask, bits), (wanted, state)| match wanted {
                Some(true) => (mask | state.number(), bits | state.number()),
                Some(false) => (mask | state.number(), bits),
                None => (mask, bits),
            })
    }
}

impl Request for FdbFlush {
    fn kind(&self) -> u16 {
        RTM_DELNEIGH
    }

    fn flags(&self) -> Flags {
        BULK
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let (mask, bits) = self.state();
        let flags = if self.master {
            NeighbourFlags::MASTER
        } else {
            NeighbourFlags::SELF
        };
        let header = Header::of(Family::Bridge, self.link);
        let state = bits.into();
        Header {
            state,
            flags,
            ..header
        }
        .encode(w);
        if let Some(port) = self.port {
            w.u32(NDA_IFINDEX, port.0);
        }
        if let Some(vlan) = self.vlan {
            w.u16(NDA_VLAN, vlan.get());
        }
        if mask != 0 {
            w.u16(NDA_NDM_STATE_MASK, mask);
        }
    }

    fn what(&self) -> String {
        format!("flush forwarding entries of link {}", self.link)
    }
}

impl Conn {
    /// Adds a forwarding entry; an error for which `is_exists` holds if it is there.
    pub fn add_fdb(&mut self, spec: &FdbSpec) -> Result<()> {
        self.change(&Change::add(spec))
    }

    /// Adds a forwarding entry, in place of the one that is there.
    pub fn replace_fdb(&mut self, spec: &FdbSpec) -> Result<()> {
        self.change(&Change::replace(spec))
    }

    /// Adds one more host to a station's entry (VXLAN).
    pub fn append_fdb(&mut self, spec: &FdbSpec) -> Result<()> {
        self.change(&Change::append(spec))
    }

    /// Removes a forwarding entry.
    pub fn delete_fdb(&mut self, spec: &FdbSpec) -> Result<()> {
        self.change(&Change::delete(spec))
    }

    /// Every forwarding entry that passes the filter.
    pub fn fdb(&mut self, filter: &FdbFilter) -> Result<Vec<FdbEntry>> {
        self.dump(filter)
    }

    /// One forwarding entry by its key.
    pub fn fdb_entry(&mut self, key: &FdbKey) -> Result<FdbEntry> {
        self.get(key)
    }

    /// Removes many forwarding entries at once.
    pub fn flush_fdb(&mut self, flush: &FdbFlush) -> Result<()> {
        self.change(flush)
    }
}
