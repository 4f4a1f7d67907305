//! nf_tables: tables, chains, rules, sets, maps and their elements, changed in transactions.
//!
//! Numbers are those of linux/netfilter/nf_tables.h; comments and set types are written as `nft` (libnftnl) writes them, so that
//! `nft list ruleset` reads as if a person had made the tables. What a rule is for is no matter of this module.

mod data;
mod verdict;

pub use data::{Data, DataType, Value};
pub use verdict::Verdict;

/// The family of a table: which packets it sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// Every family; only in lists.
    #[default]
    Any,
    /// IPv4 and IPv6.
    Inet,
    /// IPv4.
    Ip,
    /// ARP.
    Arp,
    /// Packets at the entry and exit of one device.
    Netdev,
    /// Frames in a bridge.
    Bridge,
    /// IPv6.
    Ip6,
    /// Another one, by its number.
    Other(u8),
}

impl Family {
    /// `NFPROTO_*`.
    pub fn number(self) -> u8 {
        match self {
            Family::Any => 0,
            Family::Inet => 1,
            Family::Ip => 2,
            Family::Arp => 3,
            Family::Netdev => 5,
            Family::Bridge => 7,
            Family::Ip6 => 10,
            Family::Other(number) => number,
        }
    }

    /// From `NFPROTO_*`.
    pub fn from_number(number: u8) -> Family {
        match number {
            0 => Family::Any,
            1 => Family::Inet,
            2 => Family::Ip,
            3 => Family::Arp,
            5 => Family::Netdev,
            7 => Family::Bridge,
            10 => Family::Ip6,
            other => Family::Other(other),
        }
    }
}

/// As nft writes it.
impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Family::Any => f.write_str("any"),
            Family::Inet => f.write_str("inet"),
            Family::Ip => f.write_str("ip"),
            Family::Arp => f.write_str("arp"),
            Family::Netdev => f.write_str("netdev"),
            Family::Bridge => f.write_str("bridge"),
            Family::Ip6 => f.write_str("ip6"),
            Family::Other(number) => number.fmt(f),
        }
    }
}
