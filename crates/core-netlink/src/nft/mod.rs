//! nf_tables: tables, chains, rules, sets, maps and their elements, changed in transactions.
//!
//! Numbers are those of linux/netfilter/nf_tables.h; comments and set types are written as `nft` (libnftnl) writes them, so that
//! `nft list ruleset` reads as if a person had made the tables. What a rule is for is no matter of this module.

mod batch;
mod chain;
mod data;
mod element;
pub mod expr;
mod rule;
mod set;
mod table;
#[cfg(test)]
mod tests;
mod userdata;
mod verdict;

pub use batch::Generation;
pub use batch::{Object, Transaction};
pub use chain::{BaseChain, Chain, ChainSpec, ChainType, Hook, Policy};
pub use data::{Data, DataType, Value};
pub use element::{Element, ElementSpec, Elements};
pub use expr::{Expr, Reg};
pub use rule::{Rule, RuleSpec};
pub use set::{Set, SetFlags, SetSpec, SetValue, TypeOf};
pub use table::{Table, TableSpec};
pub use verdict::Verdict;

use crate::attr::{Attrs, Malformed, Writer, split_header};
use crate::table::numbered;
use crate::trace::layout::{Field, Fixed, Messages, Shape};

/// `struct nfgenmsg`.
static HEADER: Fixed = Fixed {
    size: 4,
    fields: &[Field(
        "family",
        0,
        1,
        Shape::Named(|n| Family::from(n as u8).name()),
    )],
};

/// Every message of a transaction.
pub(crate) static MESSAGES: [&Messages; 7] = [
    &batch::BATCH,
    &batch::GENERATION,
    &table::MESSAGES,
    &chain::MESSAGES,
    &rule::MESSAGES,
    &set::MESSAGES,
    &element::MESSAGES,
];

const SUBSYSTEM: u16 = 10 << 8; // NFNL_SUBSYS_NFTABLES

const fn message(number: u16) -> u16 {
    SUBSYSTEM | number
}

numbered! {
    /// The family of a table: which packets it sees (`NFPROTO_*`).
    Family(u8), "nf_tables family" {
        /// Every family; only in lists.
        Any = 0 "any",
        /// IPv4 and IPv6.
        Inet = 1 "inet",
        /// IPv4.
        Ip = 2 "ip",
        /// ARP.
        Arp = 3 "arp",
        /// Packets at the entry and exit of one device.
        Netdev = 5 "netdev",
        /// Frames in a bridge.
        Bridge = 7 "bridge",
        /// IPv6.
        Ip6 = 10 "ip6",
    }
}

#[allow(
    clippy::derivable_impls,
    reason = "the macro that writes the enum marks no variant"
)]
impl Default for Family {
    fn default() -> Self {
        Family::Any
    }
}

/// `struct nfgenmsg` (linux/netfilter/nfnetlink.h): family, version 0, resource id in network byte order.
fn write_header(w: &mut Writer<'_>, family: Family, resource: u16) {
    let [high, low] = resource.to_be_bytes();
    w.raw(&[family.number(), 0, high, low]);
}

/// The family and the attributes of an answer of type `wanted`.
fn read_header<'a>(
    kind: u16,
    wanted: u16,
    body: &'a [u8],
) -> Result<Option<(Family, Attrs<'a>)>, Malformed> {
    if kind != wanted {
        return Ok(None);
    }
    let ([family, ..], attrs) = split_header::<4>(body, "nf_tables message")?;
    Ok(Some((family.into(), attrs)))
}
