//! Rules: lists of expressions, run in order until one says no.

use super::batch::Object;
use super::expr::Expr;
use super::userdata::{self, Notes};
use super::{Family, message, read_header, write_header};
use crate::attr::{Malformed, Writer};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::trace::layout::{attributes, messages};
use crate::wire::Flags;

messages! {
    pub(crate) MESSAGES = "", super::HEADER, ATTRIBUTES {
        NFT_MSG_NEWRULE = message(6),
        NFT_MSG_GETRULE = message(7),
        NFT_MSG_DELRULE = message(8),
    }
}

attributes! {
    ATTRIBUTES = "" {
        NFTA_RULE_TABLE = 1 Text,
        NFTA_RULE_CHAIN = 2 Text,
        NFTA_RULE_HANDLE = 3 BigEndian,
        NFTA_RULE_EXPRESSIONS = 4 Nest(&EXPRESSIONS),
        NFTA_RULE_USERDATA = 7 Bytes,
    }
}

attributes! {
    EXPRESSIONS = "" {
        NFTA_LIST_ELEM = 1 Nest(&super::expr::ATTRIBUTES),
    }
}

const UDATA_COMMENT: u8 = 0;

/// A rule as asked for, at the end of its chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSpec {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its chain; to delete the rules of every chain, empty.
    pub chain: String,
    /// Which one to delete; without it all of the chain.
    pub handle: Option<u64>,
    /// What it does.
    pub expressions: Vec<Expr>,
    /// A comment; empty for none.
    pub comment: String,
}

impl Object for RuleSpec {
    const NEW: u16 = NFT_MSG_NEWRULE;
    const DELETE: u16 = NFT_MSG_DELRULE;
    const MAKE: Flags = Flags::CREATE_APPEND;

    fn family(&self) -> Family {
        self.family
    }

    fn encode(&self, delete: bool, w: &mut Writer<'_>) {
        w.str(NFTA_RULE_TABLE, &self.table);
        if !self.chain.is_empty() {
            w.str(NFTA_RULE_CHAIN, &self.chain);
        }
        if delete {
            if let Some(handle) = self.handle {
                w.be64(NFTA_RULE_HANDLE, handle);
            }
            return;
        }
        w.nest(NFTA_RULE_EXPRESSIONS, |w| {
            for expr in &self.expressions {
                w.nest(NFTA_LIST_ELEM, |w| expr.write(w));
            }
        });
        Notes::new()
            .text(UDATA_COMMENT, &self.comment)
            .write(w, NFTA_RULE_USERDATA);
    }

    fn name(&self) -> String {
        format!("rule {} {} {}", self.family, self.table, self.chain)
    }
}

/// A rule as the kernel reports it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// The kernel's number of it.
    pub handle: u64,
    /// What it does; unknown expressions are kept by name.
    pub expressions: Vec<Expr>,
    /// Its comment, as nft writes it.
    pub comment: Option<String>,
}

impl Record for Rule {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((family, attrs)) = read_header(kind, NFT_MSG_NEWRULE, body)? else {
            return Ok(None);
        };
        let mut rule = Rule {
            family,
            ..Rule::default()
        };
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                NFTA_RULE_TABLE => rule.table = attr.text(),
                NFTA_RULE_CHAIN => rule.chain = attr.text(),
                NFTA_RULE_HANDLE => rule.handle = attr.be64()?,
                NFTA_RULE_USERDATA => rule.comment = userdata::text(attr.value, UDATA_COMMENT),
                NFTA_RULE_EXPRESSIONS => {
                    let list = attr.nested().map(|expr| Expr::read(expr?.nested()));
                    rule.expressions = list.collect::<Result<_, _>>()?;
                }
                _ => {}
            }
        }
        Ok(Some(rule))
    }
}

struct Get<'a> {
    family: Family,
    table: &'a str,
}

impl Request for Get<'_> {
    fn kind(&self) -> u16 {
        NFT_MSG_GETRULE
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, self.family, 0);
        w.str(NFTA_RULE_TABLE, self.table);
    }

    fn what(&self) -> String {
        format!("list the rules of table {} {}", self.family, self.table)
    }
}

impl Query for Get<'_> {
    type Record = Rule;
}

impl Conn {
    /// The rules of a table, chain by chain, in order.
    pub fn nft_rules(&mut self, family: Family, table: &str) -> Result<Vec<Rule>> {
        self.dump(&Get { family, table })
    }
}
