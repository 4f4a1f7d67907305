//! Chains: lists of rules, some of them hooked into the way of packets.

use super::batch::Object;
use super::userdata::{self, Notes};
use super::{Family, message, read_header, write_header};
use crate::attr::{Attrs, Malformed, Writer};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::table::numbered;
use crate::trace::layout::{attributes, messages};

messages! {
    pub(crate) MESSAGES = "", super::HEADER, ATTRIBUTES {
        NFT_MSG_NEWCHAIN = message(3),
        NFT_MSG_GETCHAIN = message(4),
        NFT_MSG_DELCHAIN = message(5),
    }
}

attributes! {
    ATTRIBUTES = "" {
        NFTA_CHAIN_TABLE = 1 Text,
        NFTA_CHAIN_HANDLE = 2 BigEndian,
        NFTA_CHAIN_NAME = 3 Text,
        NFTA_CHAIN_HOOK = 4 Nest(&HOOK),
        NFTA_CHAIN_POLICY = 5 BigEndian,
        NFTA_CHAIN_USE = 6 BigEndian,
        NFTA_CHAIN_TYPE = 7 Text,
        NFTA_CHAIN_USERDATA = 12 Bytes,
    }
}

attributes! {
    HOOK = "" {
        NFTA_HOOK_HOOKNUM = 1 BigEndian,
        NFTA_HOOK_PRIORITY = 2 BigEndian,
    }
}

const UDATA_COMMENT: u8 = 0;

numbered! {
    /// Where a base chain sees packets; the same numbers for IPv4, IPv6 and bridges (`NF_INET_*`).
    Hook(u32), "hook" {
        /// As they come in.
        Prerouting = 0 "prerouting",
        /// To a process of this host.
        Input = 1 "input",
        /// From one interface to another.
        Forward = 2 "forward",
        /// From a process of this host.
        Output = 3 "output",
        /// As they go out.
        Postrouting = 4 "postrouting",
    }
}

numbered! {
    /// What becomes of packets that no rule decided on.
    Policy(u32), "policy" {
        /// They are dropped.
        Drop = 0 "drop",
        /// They go on.
        Accept = 1 "accept",
    }
}

/// What a base chain is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChainType {
    /// To let pass and to drop.
    #[default]
    Filter,
    /// To translate addresses: sees the first packet of each connection.
    Nat,
    /// To route again after changes.
    Route,
    /// Another one by its name.
    Other(String),
}

impl ChainType {
    /// As nft writes it.
    pub fn name(&self) -> &str {
        match self {
            ChainType::Filter => "filter",
            ChainType::Nat => "nat",
            ChainType::Route => "route",
            ChainType::Other(name) => name,
        }
    }
}

impl From<String> for ChainType {
    fn from(name: String) -> Self {
        match name.as_str() {
            "filter" => ChainType::Filter,
            "nat" => ChainType::Nat,
            "route" => ChainType::Route,
            _ => ChainType::Other(name),
        }
    }
}

/// What makes a chain a base chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseChain {
    /// What it is for.
    pub kind: ChainType,
    /// Where it sees packets.
    pub hook: Hook,
    /// Lower is earlier.
    pub priority: i32,
    /// What becomes of packets that no rule decided on.
    pub policy: Policy,
}

/// A chain as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainSpec {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Hooked into the way of packets; without it rules jump here.
    pub base: Option<BaseChain>,
    /// A comment; empty for none.
    pub comment: String,
}

impl Object for ChainSpec {
    const NEW: u16 = NFT_MSG_NEWCHAIN;
    const DELETE: u16 = NFT_MSG_DELCHAIN;

    fn family(&self) -> Family {
        self.family
    }

    fn encode(&self, delete: bool, w: &mut Writer<'_>) {
        w.str(NFTA_CHAIN_TABLE, &self.table);
        w.str(NFTA_CHAIN_NAME, &self.name);
        if delete {
            return;
        }
        if let Some(base) = &self.base {
            w.str(NFTA_CHAIN_TYPE, base.kind.name());
            w.be32(NFTA_CHAIN_POLICY, base.policy.number());
            w.nest(NFTA_CHAIN_HOOK, |w| {
                w.be32(NFTA_HOOK_HOOKNUM, base.hook.number());
                w.bytes(NFTA_HOOK_PRIORITY, &base.priority.to_be_bytes());
            });
        }
        Notes::new()
            .text(UDATA_COMMENT, &self.comment)
            .write(w, NFTA_CHAIN_USERDATA);
    }

    fn name(&self) -> String {
        format!("chain {} {} {}", self.family, self.table, self.name)
    }
}

/// A chain as the kernel reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chain {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The kernel's number of it.
    pub handle: u64,
    /// How many rules it holds, and how many rules and elements lead here.
    pub used: u32,
    /// Its hook, if it is a base chain.
    pub base: Option<BaseChain>,
    /// Its comment, as nft writes it.
    pub comment: Option<String>,
}

impl Record for Chain {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((family, attrs)) = read_header(kind, NFT_MSG_NEWCHAIN, body)? else {
            return Ok(None);
        };
        let mut chain = Chain {
            family,
            ..Chain::default()
        };
        let (mut hook, mut policy, mut kind) = (None, Policy::Accept, ChainType::Filter);
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                NFTA_CHAIN_TABLE => chain.table = attr.text(),
                NFTA_CHAIN_NAME => chain.name = attr.text(),
                NFTA_CHAIN_HANDLE => chain.handle = attr.be64()?,
                NFTA_CHAIN_USE => chain.used = attr.be32()?,
                NFTA_CHAIN_USERDATA => chain.comment = userdata::text(attr.value, UDATA_COMMENT),
                NFTA_CHAIN_HOOK => hook = read_hook(&attr.nested())?,
                NFTA_CHAIN_POLICY => policy = attr.be32()?.into(),
                NFTA_CHAIN_TYPE => kind = attr.text().into(),
                _ => {}
            }
        }
        chain.base = hook.map(|(hook, priority)| BaseChain {
            kind,
            hook,
            priority,
            policy,
        });
        Ok(Some(chain))
    }
}

fn read_hook(attrs: &Attrs<'_>) -> Result<Option<(Hook, i32)>, Malformed> {
    let (Some(number), Some(priority)) = (
        attrs.find(NFTA_HOOK_HOOKNUM)?,
        attrs.find(NFTA_HOOK_PRIORITY)?,
    ) else {
        return Ok(None);
    };
    let priority = i32::from_be_bytes(priority.array()?);
    Ok(Some((number.be32()?.into(), priority)))
}

struct Get<'a> {
    family: Family,
    chain: Option<(&'a str, &'a str)>,
}

impl Request for Get<'_> {
    fn kind(&self) -> u16 {
        NFT_MSG_GETCHAIN
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, self.family, 0);
        if let Some((table, name)) = self.chain {
            w.str(NFTA_CHAIN_TABLE, table);
            w.str(NFTA_CHAIN_NAME, name);
        }
    }

    fn what(&self) -> String {
        match self.chain {
            Some((table, name)) => format!("read chain {} {table} {name}", self.family),
            None => "list nf_tables chains".into(),
        }
    }
}

impl Query for Get<'_> {
    type Record = Chain;
}

impl Conn {
    /// The chains of a family, or of every one.
    pub fn chains(&mut self, family: Family) -> Result<Vec<Chain>> {
        self.dump(&Get {
            family,
            chain: None,
        })
    }

    /// One chain.
    pub fn chain(&mut self, family: Family, table: &str, name: &str) -> Result<Chain> {
        self.get(&Get {
            family,
            chain: Some((table, name)),
        })
    }

    /// Some chains of a table, in one send; each may be there or not.
    pub fn chains_at(
        &mut self,
        family: Family,
        table: &str,
        names: &[&str],
    ) -> Result<Vec<Result<Chain>>> {
        let chains = names.iter().map(|name| Get {
            family,
            chain: Some((table, name)),
        });
        let chains: Vec<Get<'_>> = chains.collect();
        self.get_all(&chains)
    }
}
