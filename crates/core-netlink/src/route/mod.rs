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

use crate::table::{bits, numbered};
use crate::types::{Bad, IfIndex};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;

const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_IIF: u16 = 3;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_FLOW: u16 = 11;
const RTA_CACHEINFO: u16 = 12;
const RTA_TABLE: u16 = 15;
const RTA_MARK: u16 = 16;
const RTA_VIA: u16 = 18;
const RTA_NEWDST: u16 = 19;
const RTA_PREF: u16 = 20;
const RTA_ENCAP_TYPE: u16 = 21;
const RTA_ENCAP: u16 = 22;
const RTA_EXPIRES: u16 = 23;
const RTA_UID: u16 = 25;
const RTA_TTL_PROPAGATE: u16 = 26;
const RTA_IP_PROTO: u16 = 27;
const RTA_SPORT: u16 = 28;
const RTA_DPORT: u16 = 29;
const RTA_NH_ID: u16 = 30;

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
