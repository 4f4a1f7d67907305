//! Other firewalls that stand in the way: named, never overridden.

use crate::{Error, Result};
use core_netlink::Conn;
use core_netlink::nft::Family;
use std::fmt;

/// A chain of another table that drops what is forwarded unless one of its own rules lets it pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ForeignDrop {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
}

impl fmt::Display for ForeignDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ForeignDrop {
            family,
            table,
            chain,
        } = self;
        write!(
            f,
            "chain {chain} of table {family} {table} drops what is forwarded (policy drop)"
        )
    }
}

/// The chains of others on the forward hook whose policy is to drop. A dump of all chains: for diagnostics and the making of networks.
pub fn foreign_drops(_conn: &mut Conn) -> Result<Vec<ForeignDrop>> {
    Err(Error::Restless)
}
