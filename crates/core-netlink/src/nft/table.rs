//! Tables: what chains and sets live in.

use super::batch::Object;
use super::userdata::{self, Notes};
use super::{Family, message, read_header, write_header};
use crate::attr::{Malformed, Writer};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::trace::layout::{attributes, messages};

messages! {
    pub(crate) MESSAGES = "", super::HEADER, ATTRIBUTES {
        NFT_MSG_NEWTABLE = message(0),
        NFT_MSG_GETTABLE = message(1),
        NFT_MSG_DELTABLE = message(2),
    }
}

attributes! {
    ATTRIBUTES = "" {
        NFTA_TABLE_NAME = 1 Text,
        NFTA_TABLE_FLAGS = 2 BigEndian,
        NFTA_TABLE_USE = 3 BigEndian,
        NFTA_TABLE_HANDLE = 4 BigEndian,
        NFTA_TABLE_USERDATA = 6 Bytes,
    }
}

const UDATA_COMMENT: u8 = 0;

/// A table as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSpec {
    /// Which packets it sees.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// A comment; empty for none.
    pub comment: String,
}

impl TableSpec {
    /// A table without a comment.
    pub fn new(family: Family, name: impl Into<String>) -> Self {
        TableSpec {
            family,
            name: name.into(),
            comment: String::new(),
        }
    }
}

impl Object for TableSpec {
    const NEW: u16 = NFT_MSG_NEWTABLE;
    const DELETE: u16 = NFT_MSG_DELTABLE;

    fn family(&self) -> Family {
        self.family
    }

    fn encode(&self, delete: bool, w: &mut Writer<'_>) {
        w.str(NFTA_TABLE_NAME, &self.name);
        if delete {
            return;
        }
        w.be32(NFTA_TABLE_FLAGS, 0);
        Notes::new()
            .text(UDATA_COMMENT, &self.comment)
            .write(w, NFTA_TABLE_USERDATA);
    }

    fn name(&self) -> String {
        format!("table {} {}", self.family, self.name)
    }
}

/// A table as the kernel reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// Which packets it sees.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// `NFT_TABLE_F_*`: 1 dormant, 2 owned by a process.
    pub flags: u32,
    /// How many chains, sets and other objects it holds.
    pub used: u32,
    /// The kernel's number of it.
    pub handle: u64,
    /// Its comment, as nft writes it.
    pub comment: Option<String>,
}

impl Record for Table {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((family, attrs)) = read_header(kind, NFT_MSG_NEWTABLE, body)? else {
            return Ok(None);
        };
        let mut table = Table {
            family,
            ..Table::default()
        };
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                NFTA_TABLE_NAME => table.name = attr.text(),
                NFTA_TABLE_FLAGS => table.flags = attr.be32()?,
                NFTA_TABLE_USE => table.used = attr.be32()?,
                NFTA_TABLE_HANDLE => table.handle = attr.be64()?,
                NFTA_TABLE_USERDATA => table.comment = userdata::text(attr.value, UDATA_COMMENT),
                _ => {}
            }
        }
        Ok(Some(table))
    }
}

struct Get<'a> {
    family: Family,
    name: Option<&'a str>,
}

impl Request for Get<'_> {
    fn kind(&self) -> u16 {
        NFT_MSG_GETTABLE
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, self.family, 0);
        if let Some(name) = self.name {
            w.str(NFTA_TABLE_NAME, name);
        }
    }

    fn what(&self) -> String {
        match self.name {
            Some(name) => format!("read table {} {name}", self.family),
            None => "list nf_tables tables".into(),
        }
    }
}

impl Query for Get<'_> {
    type Record = Table;
}

impl Conn {
    /// The tables of a family, or of every one.
    pub fn tables(&mut self, family: Family) -> Result<Vec<Table>> {
        self.dump(&Get { family, name: None })
    }

    /// One table.
    pub fn table(&mut self, family: Family, name: &str) -> Result<Table> {
        self.get(&Get {
            family,
            name: Some(name),
        })
    }
}
