//! A route as asked for, and the requests that make and remove it.

use super::*;
use crate::addr::Scope;
use crate::attr::Writer;
use crate::conn::Conn;
use crate::error::Result;
use crate::object::{Change, Family, Object, Verb};
use crate::types::Prefix;

const HOPS_HEADER: usize = 8; // struct rtnexthop

/// A route as asked for. What is not given gets the value that `ip route` gives it; when deleting, it matches any.
///
/// ```no_run
/// use core_netlink::{Conn, Protocol, route::RouteSpec};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// let gateway = Some("10.1.1.1".parse()?);
/// conn.add_route(&RouteSpec { gateway, ..RouteSpec::default() })?; // the default route
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSpec {
    /// To where; 0.0.0.0/0 unless given. Its family is the route's.
    pub destination: Prefix,
    /// From where (IPv6 with source routing).
    pub source: Option<Prefix>,
    /// Type of service.
    pub tos: u8,
    /// [`Table::LOCAL`] for local, broadcast, anycast and NAT routes, else [`Table::MAIN`].
    pub table: Option<Table>,
    /// [`RouteProtocol::Boot`].
    pub protocol: Option<RouteProtocol>,
    /// Link without a gateway, else global.
    pub scope: Option<Scope>,
    /// [`RouteType::Unicast`].
    pub kind: Option<RouteType>,
    /// Lower is better. IPv6 takes 1024 unless given.
    pub metric: Option<u32>,
    /// The router; one of another family than the destination's is sent as `RTA_VIA`.
    pub gateway: Option<IpAddr>,
    /// Through which link.
    pub link: Option<IfIndex>,
    /// Such as [`HopFlags::ONLINK`].
    pub flags: HopFlags,
    /// Several ways in place of `gateway` and `link`.
    pub multipath: Vec<NextHop>,
    /// A nexthop object in place of `gateway` and `link` (Linux 5.3).
    pub nexthop_id: Option<u32>,
    /// The source address that packets get.
    pub prefsrc: Option<IpAddr>,
    /// What is known of the path.
    pub metrics: Metrics,
    /// IPv6: the router's preference.
    pub preference: Option<Preference>,
    /// IPv6: seconds until it is removed.
    pub expires: Option<u32>,
    /// A realm for the traffic classifier.
    pub flow: Option<u32>,
    /// Wrapped how.
    pub encap: Option<Box<Encap>>,
}

impl RouteSpec {
    fn family(&self) -> Family {
        Family::of(self.destination.addr())
    }

    fn table(&self) -> Table {
        use RouteType::{Anycast, Broadcast, Local, Nat};
        let default = match self.kind {
            Some(Local | Broadcast | Anycast | Nat) => Table::LOCAL,
            _ => Table::MAIN,
        };
        self.table.unwrap_or(default)
    }

    /// As iproute2's `iproute_modify` has it.
    fn scope(&self, verb: Verb) -> Scope {
        use RouteType::{Anycast, Broadcast, Local, Multicast, Nat, Unicast, Unspec};
        let direct =
            self.gateway.is_none() && self.multipath.is_empty() && self.nexthop_id.is_none();
        let default = match self.kind {
            _ if self.family() == Family::V6 => Scope::Global,
            Some(Local | Nat) => Scope::Host,
            Some(Broadcast | Multicast | Anycast) => Scope::Link,
            None | Some(Unicast | Unspec) if verb == Verb::Delete => Scope::Nowhere,
            None | Some(Unicast | Unspec) if direct => Scope::Link,
            _ => Scope::Global,
        };
        self.scope.unwrap_or(default)
    }

    /// `struct rtmsg`.
    fn header(&self, verb: Verb, w: &mut Writer<'_>) {
        let (protocol, kind) = match verb {
            Verb::Delete => (RouteProtocol::Unspec, RouteType::Unspec),
            _ => (RouteProtocol::Boot, RouteType::Unicast),
        };
        w.raw(&[
            self.family().number(),
            self.destination.prefix_len(),
            self.source.map_or(0, |source| source.prefix_len()),
            self.tos,
            self.table().byte(),
            self.protocol.unwrap_or(protocol).number(),
            self.scope(verb).number(),
            self.kind.unwrap_or(kind).number(),
        ]);
        w.raw(&u32::from(self.flags.bits()).to_ne_bytes());
    }

    fn encode_where(&self, w: &mut Writer<'_>) {
        if self.destination.prefix_len() > 0 {
            w.ip(RTA_DST, self.destination.addr());
        }
        if let Some(source) = self.source {
            w.ip(RTA_SRC, source.addr());
        }
        if self.table().byte() == 0 {
            w.u32(RTA_TABLE, self.table().0);
        }
    }

    fn encode_hops(&self, w: &mut Writer<'_>) {
        encode_hop(
            w,
            self.family(),
            self.gateway,
            self.flow,
            self.encap.as_deref(),
        );
        if let Some(link) = self.link {
            w.u32(RTA_OIF, link.0);
        }
        if let Some(id) = self.nexthop_id {
            w.u32(RTA_NH_ID, id);
        }
        if !self.multipath.is_empty() {
            w.nest_unmarked(RTA_MULTIPATH, |w| {
                for hop in &self.multipath {
                    hop.encode(self.family(), w);
                }
            });
        }
    }

    fn encode_manner(&self, w: &mut Writer<'_>) {
        if let Some(metric) = self.metric {
            w.u32(RTA_PRIORITY, metric);
        }
        if let Some(prefsrc) = self.prefsrc {
            w.ip(RTA_PREFSRC, prefsrc);
        }
        if self.metrics != Metrics::default() {
            w.nest_unmarked(RTA_METRICS, |w| self.metrics.encode(w));
        }
        if let Some(preference) = self.preference {
            w.u8(RTA_PREF, preference.number());
        }
        if let Some(expires) = self.expires {
            w.u32(RTA_EXPIRES, expires);
        }
    }

    fn check_families(&self) -> Result<(), String> {
        let v4 = self.destination.addr().is_ipv4();
        let source = self.source.map(|source| source.addr());
        match source.or(self.prefsrc).filter(|ip| ip.is_ipv4() != v4) {
            Some(ip) => Err(format!(
                "source {ip} is of another address family than the destination"
            )),
            None => Ok(()),
        }
    }
}

impl Object for RouteSpec {
    type Record = Route;
    const NEW: u16 = RTM_NEWROUTE;
    const DELETE: u16 = RTM_DELROUTE;

    fn encode(&self, verb: Verb, w: &mut Writer<'_>) {
        self.header(verb, w);
        self.encode_where(w);
        self.encode_hops(w);
        self.encode_manner(w);
    }

    fn what(&self, verb: Verb) -> String {
        let mut text = verb.word().to_owned();
        match self.kind {
            None | Some(RouteType::Unicast | RouteType::Unspec) => {}
            Some(kind) => text += &format!(" {kind}"),
        }
        text += &match self.destination.prefix_len() {
            0 => " default route".to_owned(),
            _ => format!(" route {}", self.destination),
        };
        let hop = self.multipath.first();
        if let Some(gateway) = self.gateway.or(hop.and_then(|hop| hop.gateway)) {
            text += &format!(" via {gateway}");
        }
        if self.multipath.len() > 1 {
            text += &format!(" and {} more", self.multipath.len() - 1);
        }
        if let Some(link) = self.link {
            text += &format!(" on link {link}");
        }
        match self.table() {
            Table::MAIN => text,
            table => text + &format!(" in table {table}"),
        }
    }

    fn check(&self, _: Verb) -> Result<(), String> {
        self.check_families()?;
        if !self.multipath.is_empty() && (self.gateway.is_some() || self.link.is_some()) {
            return Err("a gateway or a link beside several ways: give it among the ways".into());
        }
        match self.multipath.iter().find(|hop| hop.weight > 256) {
            Some(hop) => Err(format!("weight {}: 1 to 256", hop.weight)),
            None => Ok(()),
        }
    }
}

impl NextHop {
    /// `struct rtnexthop` and its attributes.
    fn encode(&self, family: Family, w: &mut Writer<'_>) {
        let start = w.buffer().len();
        let hops = self.weight.saturating_sub(1).min(255) as u8;
        w.raw(&[0, 0, self.flags.bits(), hops]);
        w.raw(&self.link.unwrap_or_default().0.to_ne_bytes());
        encode_hop(w, family, self.gateway, self.flow, self.encap.as_deref());
        let bytes = w.buffer();
        let len = bytes.len() - start; // the attribute around it reports a length beyond 65,535
        debug_assert!(len >= HOPS_HEADER);
        bytes[start..start + 2].copy_from_slice(&(len as u16).to_ne_bytes());
    }
}

fn encode_hop(
    w: &mut Writer<'_>,
    family: Family,
    gateway: Option<IpAddr>,
    flow: Option<u32>,
    encap: Option<&Encap>,
) {
    match gateway {
        Some(gateway) if Family::of(gateway) == family => w.ip(RTA_GATEWAY, gateway),
        Some(gateway) => encode_via(w, gateway),
        None => {}
    }
    if let Some(flow) = flow {
        w.u32(RTA_FLOW, flow);
    }
    if let Some(encap) = encap {
        w.u16(RTA_ENCAP_TYPE, encap.kind);
        w.nest(RTA_ENCAP, |w| w.raw(&encap.attributes));
    }
}

/// `struct rtvia`: a family and an address.
fn encode_via(w: &mut Writer<'_>, gateway: IpAddr) {
    let mut via = [0; 18];
    via[..2].copy_from_slice(&u16::from(Family::of(gateway).number()).to_ne_bytes());
    let len = match gateway {
        IpAddr::V4(v4) => {
            via[2..6].copy_from_slice(&v4.octets());
            6
        }
        IpAddr::V6(v6) => {
            via[2..].copy_from_slice(&v6.octets());
            18
        }
    };
    w.bytes(RTA_VIA, &via[..len]);
}

impl Conn {
    /// Makes a route; an error for which `is_exists` holds if there is one to this destination with this metric.
    pub fn add_route(&mut self, spec: &RouteSpec) -> Result<()> {
        self.change(&Change::add(spec))
    }

    /// Makes a route in place of the one to the same destination with the same metric.
    pub fn replace_route(&mut self, spec: &RouteSpec) -> Result<()> {
        self.change(&Change::replace(spec))
    }

    /// Makes a route behind others to the same destination; for IPv6, one more way.
    pub fn append_route(&mut self, spec: &RouteSpec) -> Result<()> {
        self.change(&Change::append(spec))
    }

    /// Removes the first route that has all that is given.
    pub fn delete_route(&mut self, spec: &RouteSpec) -> Result<()> {
        self.change(&Change::delete(spec))
    }
}
