//! Other firewalls that stand in the way: named, never overridden.

use crate::Result;
use crate::tables::TABLE;
use core_netlink::Conn;
use core_netlink::nft::{Chain, Family, Hook, Policy};
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

impl ForeignDrop {
    /// The rule that lets a network's packets pass there; it is the user's to add.
    pub fn remedy(&self, bridge: &core_netlink::IfName) -> String {
        let ForeignDrop {
            family,
            table,
            chain,
        } = self;
        let (table, chain) = (table.escape_debug(), chain.escape_debug());
        match family {
            Family::Bridge => {
                format!("nft insert rule bridge {table} {chain} meta ibrname \"{bridge}\" accept")
            }
            _ => ["iifname", "oifname"]
                .map(|side| {
                    format!("nft insert rule {family} {table} {chain} {side} \"{bridge}\" accept")
                })
                .join("; "),
        }
    }
}

impl fmt::Display for ForeignDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ForeignDrop {
            family,
            table,
            chain,
        } = self;
        let (table, chain) = (table.escape_debug(), chain.escape_debug());
        write!(
            f,
            "chain {chain} of table {family} {table} drops what is forwarded (policy drop)"
        )
    }
}

/// The chains of others on the forward hook whose policy is to drop. A dump of all chains: for diagnostics and the making of networks.
pub fn foreign_drops(conn: &mut Conn) -> Result<Vec<ForeignDrop>> {
    let chains = conn.chains(Family::Any)?.into_iter();
    let in_the_way = chains.filter(|chain| chain.table != TABLE && drops_forwarded(chain));
    Ok(in_the_way.map(ForeignDrop::from).collect())
}

fn drops_forwarded(chain: &Chain) -> bool {
    let seen = matches!(
        chain.family,
        Family::Inet | Family::Ip | Family::Ip6 | Family::Bridge
    );
    let base = chain.base.as_ref();
    seen && base.is_some_and(|base| base.hook == Hook::Forward && base.policy == Policy::Drop)
}

impl From<Chain> for ForeignDrop {
    fn from(chain: Chain) -> Self {
        ForeignDrop {
            family: chain.family,
            table: chain.table,
            chain: chain.name,
        }
    }
}
