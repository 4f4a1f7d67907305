//! Routes (`RTM_*ROUTE`, linux/rtnetlink.h): the numbers and names that both directions share.
//!
//! [`RouteSpec`] is what we ask for, [`Route`] what the kernel reports, [`RouteQuery`] asks which route a packet would take.

mod metrics;
mod query;
mod record;
mod spec;
#[cfg(test)]
mod tests;

pub use metrics::{MetricLocks, Metrics, RouteFeatures};
pub use query::{RouteFilter, RouteQuery};
pub use record::{Route, RouteCache, RouteFlags};
pub use spec::RouteSpec;

use crate::addr::Scope;
use crate::object::Family;
use crate::table::{bits, numbered};
use crate::trace::layout::{Field, Fixed, Shape, attributes, messages};
use crate::types::{Bad, IfIndex};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

messages! {
    pub(crate) MESSAGES = "", HEADER, ATTRIBUTES {
        RTM_NEWROUTE = 24,
        RTM_DELROUTE = 25,
        RTM_GETROUTE = 26,
    }
}

attributes! {
    ATTRIBUTES = "" {
        RTA_DST = 1 Ip,
        RTA_SRC = 2 Ip,
        RTA_IIF = 3 Number,
        RTA_OIF = 4 Number,
        RTA_GATEWAY = 5 Ip,
        RTA_PRIORITY = 6 Number,
        RTA_PREFSRC = 7 Ip,
        RTA_METRICS = 8 Nest(&Metrics::ATTRIBUTES),
        RTA_MULTIPATH = 9 Bytes,
        RTA_FLOW = 11 Number,
        RTA_CACHEINFO = 12 Bytes,
        RTA_TABLE = 15 Number,
        RTA_MARK = 16 Number,
        RTA_VIA = 18 Bytes,
        RTA_NEWDST = 19 Bytes,
        RTA_PREF = 20 Number,
        RTA_ENCAP_TYPE = 21 Number,
        RTA_ENCAP = 22 Bytes,
        RTA_EXPIRES = 23 Number,
        RTA_UID = 25 Number,
        RTA_TTL_PROPAGATE = 26 Number,
        RTA_IP_PROTO = 27 Number,
        RTA_SPORT = 28 BigEndian,
        RTA_DPORT = 29 BigEndian,
        RTA_NH_ID = 30 Number,
    }
}

/// `struct rtmsg`.
static HEADER: Fixed = Fixed {
    size: 12,
    fields: &[
        Field("family", 0, 1, Shape::Named(Family::name_of)),
        Field("dst_len", 1, 1, Shape::Number),
        Field("src_len", 2, 1, Shape::Number),
        Field("tos", 3, 1, Shape::Number),
        Field("table", 4, 1, Shape::Number),
        Field(
            "protocol",
            5,
            1,
            Shape::Named(|n| RouteProtocol::from(n as u8).name()),
        ),
        Field("scope", 6, 1, Shape::Named(|n| Scope::from(n as u8).name())),
        Field(
            "type",
            7,
            1,
            Shape::Named(|n| RouteType::from(n as u8).name()),
        ),
        Field("flags", 8, 4, Shape::Number),
    ],
};

/// A routing table, 1 to 4294967295.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table(pub u32);

impl Table {
    /// Not said; as a filter: all.
    pub const UNSPEC: Table = Table(0);
    /// The last one the standard rules look into.
    pub const DEFAULT: Table = Table(253);
    /// Where routes go unless a table is given.
    pub const MAIN: Table = Table(254);
    /// The kernel's own: local and broadcast addresses.
    pub const LOCAL: Table = Table(255);

    /// What fits the header's byte; the attribute says the rest.
    pub(crate) fn byte(self) -> u8 {
        u8::try_from(self.0).unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Table::DEFAULT => f.pad("default"),
            Table::MAIN => f.pad("main"),
            Table::LOCAL => f.pad("local"),
            Table(number) => f.pad(&number.to_string()),
        }
    }
}

impl FromStr for Table {
    type Err = Bad;

    fn from_str(s: &str) -> Result<Self, Bad> {
        match s {
            "default" => Ok(Table::DEFAULT),
            "main" => Ok(Table::MAIN),
            "local" => Ok(Table::LOCAL),
            _ => s.parse().map(Table).map_err(|_| {
                Bad::new(
                    s,
                    "is no routing table: main, local, default or a number up to 4294967295",
                )
            }),
        }
    }
}

numbered! {
    /// What becomes of a packet (`RTN_*`).
    RouteType(u8), "route type" {
        /// Not said; when deleting: any.
        Unspec = 0 "none",
        /// Sent on.
        Unicast = 1 "unicast",
        /// For this host.
        Local = 2 "local",
        /// Sent and received as link-layer broadcast.
        Broadcast = 3 "broadcast",
        /// Received as broadcast, sent as unicast.
        Anycast = 4 "anycast",
        /// To a group.
        Multicast = 5 "multicast",
        /// Dropped without a word.
        Blackhole = 6 "blackhole",
        /// Dropped, answered "host unreachable".
        Unreachable = 7 "unreachable",
        /// Dropped, answered "administratively prohibited".
        Prohibit = 8 "prohibit",
        /// The look-up goes on in the next table.
        Throw = 9 "throw",
        /// Translated (historical).
        Nat = 10 "nat",
        /// Left to another program (historical).
        Xresolve = 11 "xresolve",
    }
}

numbered! {
    /// Who set a route (`RTPROT_*`).
    RouteProtocol(u8), "routing protocol" {
        /// Not said; when deleting: any.
        Unspec = 0 "unspec",
        /// An ICMP redirect.
        Redirect = 1 "redirect",
        /// The kernel, with an address.
        Kernel = 2 "kernel",
        /// A command.
        Boot = 3 "boot",
        /// The administrator.
        Static = 4 "static",
        /// GateD.
        Gated = 8 "gated",
        /// A router's announcement.
        Ra = 9 "ra",
        /// Merit MRT.
        Mrt = 10 "mrt",
        /// Zebra.
        Zebra = 11 "zebra",
        /// BIRD.
        Bird = 12 "bird",
        /// DECnet.
        Dnrouted = 13 "dnrouted",
        /// XORP.
        Xorp = 14 "xorp",
        /// Netsukuku.
        Ntk = 15 "ntk",
        /// A DHCP client.
        Dhcp = 16 "dhcp",
        /// A multicast routing daemon.
        Mrouted = 17 "mrouted",
        /// keepalived.
        Keepalived = 18 "keepalived",
        /// Babel.
        Babel = 42 "babel",
        /// Open/R.
        Openr = 99 "openr",
        /// BGP.
        Bgp = 186 "bgp",
        /// IS-IS.
        Isis = 187 "isis",
        /// OSPF.
        Ospf = 188 "ospf",
        /// RIP.
        Rip = 189 "rip",
        /// EIGRP.
        Eigrp = 192 "eigrp",
    }
}

numbered! {
    /// A router's own preference (RFC 4191, `ICMPV6_ROUTER_PREF_*`).
    Preference(u8), "router preference" {
        /// Medium.
        Medium = 0 "medium",
        /// High.
        High = 1 "high",
        /// Low.
        Low = 3 "low",
    }
}

bits! {
    /// How a next hop is reached and how it fares (`RTNH_F_*`).
    HopFlags(u8) {
        /// Cannot be used.
        DEAD = 1 "dead",
        /// Looked up recursively (historical).
        PERVASIVE = 2 "pervasive",
        /// On this link, though no subnet of the link holds it.
        ONLINK = 4 "onlink",
        /// In hardware.
        OFFLOAD = 8 "offload",
        /// Its link has no carrier.
        LINKDOWN = 16 "linkdown",
        /// Not resolved yet (multicast routing).
        UNRESOLVED = 32 "unresolved",
        /// Hardware hands its packets to the kernel.
        TRAP = 64 "trap",
    }
}

/// An encapsulation (`lwtunnel`), kept as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encap {
    /// `LWTUNNEL_ENCAP_*`: 1 MPLS, 2 IP, 4 IPv6, 5 SEG6 ...
    pub kind: u16,
    /// Its attributes.
    pub attributes: Vec<u8>,
}

/// One way of a multipath route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextHop {
    /// Through which link.
    pub link: Option<IfIndex>,
    /// Through which router; of any family.
    pub gateway: Option<IpAddr>,
    /// Its share of the traffic, 1 to 256; 0 counts as 1.
    pub weight: u16,
    /// Such as [`HopFlags::ONLINK`].
    pub flags: HopFlags,
    /// A realm for the traffic classifier.
    pub flow: Option<u32>,
    /// Wrapped how.
    pub encap: Option<Box<Encap>>,
}
