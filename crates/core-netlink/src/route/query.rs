//! Listing routes, and asking which one a packet would take.

use super::*;
use crate::attr::Writer;
use crate::conn::{Conn, Query, Request};
use crate::error::Result;
use crate::object::Family;

const RTM_F_CLONED: u32 = 0x200;
const RTM_F_LOOKUP_TABLE: u32 = 0x1000;
const RTM_F_FIB_MATCH: u32 = 0x2000;

/// Which routes to list; all but the cache unless restricted. The kernel does the choosing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteFilter {
    /// Of one family.
    pub family: Option<Family>,
    /// Of one table. The kernel answers ENOENT for a table that is not there if a family is given too.
    pub table: Option<Table>,
    /// Set by whom.
    pub protocol: Option<RouteProtocol>,
    /// Of one type.
    pub kind: Option<RouteType>,
    /// Through one link. The kernel answers ENODEV for a link that is not there.
    pub link: Option<IfIndex>,
    /// The cache in place of the tables.
    pub cache: bool,
}

impl Request for RouteFilter {
    fn kind(&self) -> u16 {
        RTM_GETROUTE
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let family = self.family.unwrap_or(Family::Unspec).number();
        let table = self.table.unwrap_or(Table::UNSPEC);
        let protocol = self.protocol.unwrap_or(RouteProtocol::Unspec).number();
        let kind = self.kind.unwrap_or(RouteType::Unspec).number();
        w.raw(&[family, 0, 0, 0, table.byte(), protocol, 0, kind]);
        w.raw(&if self.cache { RTM_F_CLONED } else { 0 }.to_ne_bytes());
        if table.byte() == 0 && table != Table::UNSPEC {
            w.u32(RTA_TABLE, table.0);
        }
        if let Some(link) = self.link {
            w.u32(RTA_OIF, link.0);
        }
    }

    fn what(&self) -> String {
        match self.table {
            Some(table) => format!("list routes of table {table}"),
            None => "list routes".into(),
        }
    }
}

impl Query for RouteFilter {
    type Record = Route;
}

/// A packet, to ask which route it would take. Begin with [`RouteQuery::to`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteQuery {
    /// Its destination.
    pub to: IpAddr,
    /// Its source address.
    pub from: Option<IpAddr>,
    /// The link it came in by; with it, the packet is one to be forwarded.
    pub iif: Option<IfIndex>,
    /// The link it must leave by.
    pub oif: Option<IfIndex>,
    /// Type of service.
    pub tos: u8,
    /// Its mark.
    pub mark: Option<u32>,
    /// Whose it is.
    pub uid: Option<u32>,
    /// Its protocol, such as 6 for TCP; goes with the ports.
    pub ip_proto: Option<u8>,
    /// Its source port.
    pub sport: Option<u16>,
    /// Its destination port.
    pub dport: Option<u16>,
    /// The route of the table, in place of the packet's own.
    pub fib_match: bool,
}

impl RouteQuery {
    /// A packet of this host to `to`.
    ///
    /// ```no_run
    /// use core_netlink::{Conn, IfIndex, Protocol, route::RouteQuery};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut conn = Conn::open(Protocol::Route)?;
    /// let oif = Some(IfIndex(2));
    /// let route = conn.get_route(&RouteQuery { oif, ..RouteQuery::to("192.0.2.1".parse()?) })?;
    /// # drop(route);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn to(to: IpAddr) -> Self {
        RouteQuery {
            to,
            from: None,
            iif: None,
            oif: None,
            tos: 0,
            mark: None,
            uid: None,
            ip_proto: None,
            sport: None,
            dport: None,
            fib_match: false,
        }
    }

    fn encode_flow(&self, w: &mut Writer<'_>) {
        if let Some(mark) = self.mark {
            w.u32(RTA_MARK, mark);
        }
        if let Some(uid) = self.uid {
            w.u32(RTA_UID, uid);
        }
        if let Some(proto) = self.ip_proto {
            w.u8(RTA_IP_PROTO, proto);
        }
        if let Some(port) = self.sport {
            w.be16(RTA_SPORT, port);
        }
        if let Some(port) = self.dport {
            w.be16(RTA_DPORT, port);
        }
    }
}

impl Request for RouteQuery {
    fn kind(&self) -> u16 {
        RTM_GETROUTE
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let bits = |ip: IpAddr| if ip.is_ipv4() { 32 } else { 128 };
        let family = Family::of(self.to).number();
        w.raw(&[
            family,
            bits(self.to),
            self.from.map_or(0, bits),
            self.tos,
            0,
            0,
            0,
            0,
        ]);
        let matched = if self.fib_match { RTM_F_FIB_MATCH } else { 0 };
        let table = if self.to.is_ipv4() {
            RTM_F_LOOKUP_TABLE
        } else {
            0
        }; // IPv6 always says which table, and refuses the flag
        w.raw(&(table | matched).to_ne_bytes());
        w.ip(RTA_DST, self.to);
        if let Some(from) = self.from {
            w.ip(RTA_SRC, from);
        }
        if let Some(iif) = self.iif {
            w.u32(RTA_IIF, iif.0);
        }
        if let Some(oif) = self.oif {
            w.u32(RTA_OIF, oif.0);
        }
        self.encode_flow(w);
    }

    fn what(&self) -> String {
        format!("find the route to {}", self.to)
    }

    fn check(&self) -> Result<(), String> {
        match self.from.filter(|from| from.is_ipv4() != self.to.is_ipv4()) {
            Some(from) => Err(format!(
                "source {from} is of another address family than the destination"
            )),
            None => Ok(()),
        }
    }
}

impl Query for RouteQuery {
    type Record = Route;
}

impl Conn {
    /// Every route that passes the filter.
    pub fn routes(&mut self, filter: &RouteFilter) -> Result<Vec<Route>> {
        self.dump(filter)
    }

    /// The route a packet would take; an error (ENETUNREACH, or what the route says) if there is none.
    pub fn get_route(&mut self, query: &RouteQuery) -> Result<Route> {
        self.get(query)
    }
}
