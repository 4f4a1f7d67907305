//! A route as the kernel reports it.

use super::*;
use crate::addr::Scope;
use crate::attr::{Attr, Attrs, Malformed, split_header};
use crate::conn::Record;
use crate::object::{Family, prefix};
use crate::types::Prefix;

bits! {
    /// What a route is and how it fares (`RTNH_F_*` and `RTM_F_*`).
    RouteFlags(u32) {
        /// Its next hop cannot be used.
        DEAD = 0x1 "dead",
        /// Looked up recursively (historical).
        PERVASIVE = 0x2 "pervasive",
        /// Its gateway is on the link, though no subnet of the link holds it.
        ONLINK = 0x4 "onlink",
        /// Its next hop is in hardware.
        OFFLOAD = 0x8 "offload",
        /// Its link has no carrier.
        LINKDOWN = 0x10 "linkdown",
        /// Not resolved yet (multicast routing).
        UNRESOLVED = 0x20 "unresolved",
        /// Hardware hands packets to the kernel at the next hop.
        TRAP = 0x40 "trap",
        /// Its users are notified.
        NOTIFY = 0x100 "notify",
        /// An entry of the cache.
        CLONED = 0x200 "cache",
        /// In hardware.
        RT_OFFLOAD = 0x4000 "rt_offload",
        /// Hardware hands its packets to the kernel.
        RT_TRAP = 0x8000 "rt_trap",
        /// Hardware did not take it.
        RT_OFFLOAD_FAILED = 0x2000_0000 "rt_offload_failed",
    }
}

/// Use and lifetime of a route (`struct rta_cacheinfo`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteCache {
    /// Who holds it.
    pub references: u32,
    /// Since its last use, in hundredths of a second.
    pub last_use: u32,
    /// Until it is removed, in hundredths of a second; 0 has no end.
    pub expires: i32,
    /// The error number it answers with, negative.
    pub error: i32,
    /// How often it was used.
    pub used: u32,
}

/// A route as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// IPv4, IPv6, MPLS or another.
    pub family: Family,
    /// To where; `None` for families other than IPv4 and IPv6.
    pub destination: Option<Prefix>,
    /// To which MPLS label.
    pub label: Option<u32>,
    /// From where (IPv6 with source routing; the answer to a [`RouteQuery`] with a source).
    pub source: Option<Prefix>,
    /// Type of service.
    pub tos: u8,
    /// In which table.
    pub table: Table,
    /// Who set it.
    pub protocol: RouteProtocol,
    /// How far its destination is.
    pub scope: Scope,
    /// What becomes of a packet.
    pub kind: RouteType,
    /// What it is and how it fares.
    pub flags: RouteFlags,
    /// Lower is better.
    pub metric: Option<u32>,
    /// Through which router, of any family.
    pub gateway: Option<IpAddr>,
    /// Through which link.
    pub link: Option<IfIndex>,
    /// For packets from which link.
    pub iif: Option<IfIndex>,
    /// Several ways, in place of `gateway` and `link`.
    pub multipath: Vec<NextHop>,
    /// A nexthop object.
    pub nexthop_id: Option<u32>,
    /// The source address that packets get.
    pub prefsrc: Option<IpAddr>,
    /// What is known of the path.
    pub metrics: Option<Box<Metrics>>,
    /// IPv6: the router's preference.
    pub preference: Option<Preference>,
    /// Seconds until it is removed, where `cache` does not say so.
    pub expires: Option<u32>,
    /// Use and lifetime.
    pub cache: Option<RouteCache>,
    /// A realm for the traffic classifier.
    pub flow: Option<u32>,
    /// For whose packets: the answer to a [`RouteQuery`].
    pub uid: Option<u32>,
    /// For packets with this mark: the answer to a [`RouteQuery`].
    pub mark: Option<u32>,
    /// Wrapped how.
    pub encap: Option<Box<Encap>>,
    /// MPLS: the labels in place of the one that came, outermost first.
    pub new_labels: Option<Box<[u32]>>,
    /// MPLS: whether the time to live is carried over.
    pub ttl_propagate: Option<bool>,
}

impl Route {
    /// Whether it leads everywhere.
    pub fn is_default(&self) -> bool {
        self.destination.is_some_and(|to| to.prefix_len() == 0)
    }

    /// What makes the same route again; `None` for families other than IPv4 and IPv6.
    pub fn to_spec(&self) -> Option<RouteSpec> {
        Some(RouteSpec {
            destination: self.destination?,
            source: self.source,
            tos: self.tos,
            table: Some(self.table),
            protocol: Some(self.protocol),
            scope: Some(self.scope),
            kind: Some(self.kind),
            metric: self.metric,
            gateway: self.gateway,
            link: self.link,
            flags: HopFlags::from_bits(
                (self.flags.bits() & u32::from(HopFlags::ONLINK.bits())) as u8,
            ),
            multipath: self.multipath.clone(),
            nexthop_id: self.nexthop_id,
            prefsrc: self.prefsrc,
            metrics: self.metrics.as_deref().cloned().unwrap_or_default(),
            preference: self.preference,
            expires: self.expires_in(),
            flow: self.flow,
            encap: self.encap.clone(),
        })
    }

    /// Seconds until it is removed.
    pub fn expires_in(&self) -> Option<u32> {
        let cache = self
            .cache
            .map(|cache| cache.expires)
            .filter(|&ticks| ticks > 0);
        self.expires.or(cache.map(|ticks| ticks as u32 / 100))
    }

    /// `struct rtmsg`; a destination of length 0 comes without an attribute.
    fn from_header(header: [u8; 12]) -> Result<Self, Malformed> {
        let [
            family,
            to_len,
            from_len,
            tos,
            table,
            protocol,
            scope,
            kind,
            flags @ ..,
        ] = header;
        let family = Family::from(family);
        let zeros = family.unspecified();
        Ok(Route {
            family,
            destination: zeros.map(|zeros| prefix(zeros, to_len)).transpose()?,
            label: None,
            source: zeros
                .filter(|_| from_len > 0)
                .map(|zeros| prefix(zeros, from_len))
                .transpose()?,
            tos,
            table: Table(table.into()),
            protocol: protocol.into(),
            scope: scope.into(),
            kind: kind.into(),
            flags: RouteFlags::from_bits(u32::from_ne_bytes(flags)),
            metric: None,
            gateway: None,
            link: None,
            iif: None,
            multipath: Vec::new(),
            nexthop_id: None,
            prefsrc: None,
            metrics: None,
            preference: None,
            expires: None,
            cache: None,
            flow: None,
            uid: None,
            mark: None,
            encap: None,
            new_labels: None,
            ttl_propagate: None,
        })
    }

    fn read(&mut self, attr: Attr<'_>) -> Result<(), Malformed> {
        match attr.kind {
            RTA_DST if self.family == Family::Mpls => self.label = Some(attr.be32()? >> 12),
            RTA_DST => replace_ip(&mut self.destination, attr)?,
            RTA_SRC => replace_ip(&mut self.source, attr)?,
            RTA_TABLE => self.table = Table(attr.u32()?),
            RTA_PRIORITY => self.metric = Some(attr.u32()?),
            RTA_GATEWAY => self.gateway = Some(attr.ip()?),
            RTA_VIA => self.gateway = via(attr)?,
            RTA_OIF => self.link = Some(IfIndex(attr.u32()?)),
            RTA_IIF => self.iif = Some(IfIndex(attr.u32()?)),
            RTA_PREFSRC => self.prefsrc = Some(attr.ip()?),
            RTA_CACHEINFO => self.cache = Some(RouteCache::decode(attr.array()?)),
            RTA_PREF => self.preference = Some(attr.u8()?.into()),
            _ => self.read_rare(attr)?,
        }
        Ok(())
    }

    fn read_rare(&mut self, attr: Attr<'_>) -> Result<(), Malformed> {
        match attr.kind {
            RTA_MULTIPATH => self.multipath = hops(attr.value)?,
            RTA_NH_ID => self.nexthop_id = Some(attr.u32()?),
            RTA_METRICS => self.metrics = Some(Box::new(Metrics::decode(attr.nested())?)),
            RTA_EXPIRES => self.expires = Some(attr.u32()?),
            RTA_FLOW => self.flow = Some(attr.u32()?),
            RTA_UID => self.uid = Some(attr.u32()?),
            RTA_MARK => self.mark = Some(attr.u32()?),
            RTA_ENCAP_TYPE | RTA_ENCAP => read_encap(&mut self.encap, attr)?,
            RTA_NEWDST if self.family == Family::Mpls => self.new_labels = Some(labels(attr.value)),
            RTA_TTL_PROPAGATE => self.ttl_propagate = Some(attr.u8()? != 0),
            _ => {}
        }
        Ok(())
    }
}

impl Record for Route {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, RTM_NEWROUTE | RTM_DELROUTE) {
            return Ok(None);
        }
        let (header, attrs) = split_header(body, "route")?;
        let mut route = Route::from_header(header)?;
        for attr in attrs {
            route.read(attr?)?;
        }
        Ok(Some(route))
    }
}

/// The header gave the length, the attribute gives the address.
fn replace_ip(place: &mut Option<Prefix>, attr: Attr<'_>) -> Result<(), Malformed> {
    let Some(old) = *place else { return Ok(()) };
    let ip = attr.ip()?;
    let other = Malformed::new(
        "address of the route's family",
        usize::from(old.max_prefix_len()) / 8,
        attr.value.len(),
    );
    if ip.is_ipv4() != old.addr().is_ipv4() {
        return Err(other);
    }
    *place = Some(prefix(ip, old.prefix_len())?);
    Ok(())
}

/// `struct rtvia`; families other than IPv4 and IPv6 are not known here.
fn via(attr: Attr<'_>) -> Result<Option<IpAddr>, Malformed> {
    let family = attr.u16()?;
    let value = attr.value.get(2..).unwrap_or_default();
    let address = Attr {
        kind: attr.kind,
        value,
    };
    match Family::from(u8::try_from(family).unwrap_or(0)) {
        Family::V4 | Family::V6 => address.ip().map(Some),
        _ => Ok(None),
    }
}

fn hops(mut bytes: &[u8]) -> Result<Vec<NextHop>, Malformed> {
    let mut hops = Vec::new();
    while !bytes.is_empty() {
        let short = Malformed::new("next hop", 8, bytes.len());
        let (header, _) = bytes.split_first_chunk::<8>().ok_or(short)?;
        let [len0, len1, flags, weight, index @ ..] = *header;
        let len = usize::from(u16::from_ne_bytes([len0, len1]));
        let torn = Malformed::new("next hop", len.max(8), bytes.len());
        let attrs = bytes.get(8..len).ok_or(torn)?;
        let link = Some(IfIndex(u32::from_ne_bytes(index))).filter(|link| link.0 != 0);
        let mut hop = NextHop {
            link,
            weight: u16::from(weight) + 1,
            flags: HopFlags::from_bits(flags),
            ..NextHop::default()
        };
        for attr in Attrs::new(attrs) {
            read_hop(&mut hop, attr?)?;
        }
        hops.push(hop);
        bytes = bytes.get(crate::attr::align(len)..).unwrap_or_default();
    }
    Ok(hops)
}

fn read_hop(hop: &mut NextHop, attr: Attr<'_>) -> Result<(), Malformed> {
    match attr.kind {
        RTA_GATEWAY => hop.gateway = Some(attr.ip()?),
        RTA_VIA => hop.gateway = via(attr)?,
        RTA_FLOW => hop.flow = Some(attr.u32()?),
        RTA_ENCAP_TYPE | RTA_ENCAP => read_encap(&mut hop.encap, attr)?,
        _ => {}
    }
    Ok(())
}

/// Kind and attributes come apart, in either order.
fn read_encap(place: &mut Option<Box<Encap>>, attr: Attr<'_>) -> Result<(), Malformed> {
    let encap = place.get_or_insert_default();
    match attr.kind {
        RTA_ENCAP_TYPE => encap.kind = attr.u16()?,
        _ => encap.attributes = attr.value.to_vec(),
    }
    Ok(())
}

/// MPLS label stack entries (RFC 3032): 20 bits of label at the top of each.
fn labels(bytes: &[u8]) -> Box<[u32]> {
    let entries = bytes.as_chunks::<4>().0.iter();
    entries
        .map(|&entry| u32::from_be_bytes(entry) >> 12)
        .collect()
}

impl RouteCache {
    fn decode(bytes: [u8; 32]) -> Self {
        let word = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        RouteCache {
            references: word(0),
            last_use: word(4),
            expires: word(8) as i32,
            error: word(12) as i32,
            used: word(16),
        }
    }
}
