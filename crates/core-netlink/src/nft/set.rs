//! Sets and maps: keys of one or more fields, and what they stand for.

use super::batch::Object;
use super::data::{DataType, byte_order, concat_id, concat_len, split_id};
use super::expr::{Base, MetaKey};
use super::userdata::{self, Notes};
use super::{Family, message, read_header, write_header};
use crate::attr::{Malformed, Writer};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::table::bits;
use crate::trace::layout::{attributes, messages};

messages! {
    pub(crate) MESSAGES = "", super::HEADER, ATTRIBUTES {
        NFT_MSG_NEWSET = message(9),
        NFT_MSG_GETSET = message(10),
        NFT_MSG_DELSET = message(11),
    }
}

attributes! {
    ATTRIBUTES = "" {
        NFTA_SET_TABLE = 1 Text,
        NFTA_SET_NAME = 2 Text,
        NFTA_SET_FLAGS = 3 BigEndian,
        NFTA_SET_KEY_TYPE = 4 BigEndian,
        NFTA_SET_KEY_LEN = 5 BigEndian,
        NFTA_SET_DATA_TYPE = 6 BigEndian,
        NFTA_SET_DATA_LEN = 7 BigEndian,
        NFTA_SET_DESC = 9 Nest(&DESCRIPTION),
        NFTA_SET_ID = 10 BigEndian,
        NFTA_SET_USERDATA = 13 Bytes,
        NFTA_SET_HANDLE = 16 BigEndian,
    }
}

attributes! {
    DESCRIPTION = "" {
        NFTA_SET_DESC_CONCAT = 2 Nest(&FIELDS),
    }
}

attributes! {
    FIELD = "" {
        NFTA_SET_FIELD_LEN = 1 BigEndian,
    }
}

attributes! {
    FIELDS = "" {
        NFTA_LIST_ELEM = 1 Nest(&FIELD),
    }
}

const NFT_DATA_VERDICT: u32 = 0xffff_ff00;

// libnftnl/udata.h
const UDATA_KEY_BYTE_ORDER: u8 = 0;
const UDATA_KEY_TYPEOF: u8 = 3;
const UDATA_COMMENT: u8 = 7;
const UDATA_TYPEOF_EXPR: u8 = 0;
const UDATA_TYPEOF_DATA: u8 = 1;

bits! {
    /// What a set is (`NFT_SET_*`).
    SetFlags(u32) {
        /// It belongs to one rule.
        ANONYMOUS = 0x1 "anonymous",
        /// Its elements do not change.
        CONSTANT = 0x2 "constant",
        /// Its keys are intervals.
        INTERVAL = 0x4 "interval",
        /// Its keys stand for something.
        MAP = 0x8 "map",
        /// Its elements go away by themselves.
        TIMEOUT = 0x10 "timeout",
        /// Rules put elements in.
        EVAL = 0x20 "dynamic",
        /// Its keys stand for objects, such as counters.
        OBJECT = 0x40 "object",
        /// Its intervals are of concatenations.
        CONCAT = 0x80 "concat",
    }
}

/// What the keys stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetValue {
    /// Nothing: a set.
    #[default]
    None,
    /// Where packets go: a verdict map.
    Verdict,
    /// Values of these types: a map.
    Data(Vec<DataType>),
}

/// What a key field is taken from, for sets declared with `typeof` instead of `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeOf {
    /// Metadata: `iifname`.
    Meta(MetaKey),
    /// `ether saddr`.
    EtherSource,
    /// Bits by their place: `@th,64,128`.
    Raw {
        /// Where to count from.
        base: Base,
        /// In bits.
        offset: u32,
        /// In bits.
        len: u32,
    },
}

impl TypeOf {
    /// As nft's `expr_udata_build` writes it: the expression's number, then what it needs.
    fn notes(self) -> Notes {
        let (number, inner) = match self {
            TypeOf::Meta(key) => (9, Notes::new().u32(0, key.number())),
            TypeOf::EtherSource => (7, Notes::new().u32(0, 17).u32(1, 2)),
            TypeOf::Raw { base, offset, len } => {
                let place = Notes::new().u32(0, 0).u32(1, 0).u32(2, base.number() + 1);
                (7, place.u32(3, offset).u32(4, len))
            }
        };
        Notes::new()
            .u32(UDATA_TYPEOF_EXPR, number)
            .nest(UDATA_TYPEOF_DATA, inner)
    }
}

/// A set or map as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetSpec {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name; `__set%d` or `__map%d` for an anonymous one.
    pub name: String,
    /// `INTERVAL`, or `ANONYMOUS` and `CONSTANT`; what follows from key and value is added.
    pub flags: SetFlags,
    /// The fields of its keys.
    pub key: Vec<DataType>,
    /// What the keys stand for.
    pub value: SetValue,
    /// What the key is taken from; empty if the types say enough.
    pub type_of: Vec<TypeOf>,
    /// By which rules and elements of the same transaction find it.
    pub id: u32,
    /// A comment; empty for none.
    pub comment: String,
}

impl SetSpec {
    fn all_flags(&self) -> SetFlags {
        let mut flags = self.flags;
        if self.value != SetValue::None {
            flags |= SetFlags::MAP;
        }
        if flags.contains(SetFlags::INTERVAL) && self.key.len() > 1 {
            flags |= SetFlags::CONCAT;
        }
        flags
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        match &self.value {
            SetValue::None => {}
            SetValue::Verdict => {
                w.be32(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
                w.be32(NFTA_SET_DATA_LEN, 0);
            }
            SetValue::Data(types) => {
                w.be32(NFTA_SET_DATA_TYPE, concat_id(types));
                w.be32(NFTA_SET_DATA_LEN, concat_len(types) as u32);
            }
        }
    }

    /// The lengths of the fields, which intervals of concatenations need.
    fn encode_fields(&self, w: &mut Writer<'_>) {
        w.nest(NFTA_SET_DESC, |w| {
            w.nest(NFTA_SET_DESC_CONCAT, |w| {
                for ty in &self.key {
                    w.nest(NFTA_LIST_ELEM, |w| {
                        w.be32(NFTA_SET_FIELD_LEN, ty.len() as u32)
                    });
                }
            });
        });
    }

    fn notes(&self) -> Notes {
        let mut notes = Notes::new().u32(UDATA_KEY_BYTE_ORDER, byte_order(&self.key));
        if !self.type_of.is_empty() {
            let fields = self.type_of.iter().zip(0..);
            let fields = fields.fold(Notes::new(), |all, (field, at)| all.nest(at, field.notes()));
            let concat = Notes::new()
                .u32(UDATA_TYPEOF_EXPR, 13)
                .nest(UDATA_TYPEOF_DATA, fields);
            notes = notes.nest(UDATA_KEY_TYPEOF, concat);
        }
        notes.text(UDATA_COMMENT, &self.comment)
    }
}

impl Object for SetSpec {
    const NEW: u16 = NFT_MSG_NEWSET;
    const DELETE: u16 = NFT_MSG_DELSET;

    fn family(&self) -> Family {
        self.family
    }

    fn encode(&self, delete: bool, w: &mut Writer<'_>) {
        w.str(NFTA_SET_TABLE, &self.table);
        w.str(NFTA_SET_NAME, &self.name);
        if delete {
            return;
        }
        w.be32(NFTA_SET_FLAGS, self.all_flags().bits());
        w.be32(NFTA_SET_KEY_TYPE, concat_id(&self.key));
        w.be32(NFTA_SET_KEY_LEN, concat_len(&self.key) as u32);
        self.encode_value(w);
        w.be32(NFTA_SET_ID, self.id);
        if self.all_flags().contains(SetFlags::CONCAT) {
            self.encode_fields(w);
        }
        self.notes().write(w, NFTA_SET_USERDATA);
    }

    fn name(&self) -> String {
        format!("set {} {} {}", self.family, self.table, self.name)
    }
}

/// A set or map as the kernel reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Set {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The kernel's number of it.
    pub handle: u64,
    /// What it is.
    pub flags: SetFlags,
    /// The fields of its keys, as nft numbered them.
    pub key: Vec<DataType>,
    /// What the keys stand for.
    pub value: SetValue,
    /// Its comment, as nft writes it.
    pub comment: Option<String>,
}

impl Record for Set {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((family, attrs)) = read_header(kind, NFT_MSG_NEWSET, body)? else {
            return Ok(None);
        };
        let mut set = Set {
            family,
            ..Set::default()
        };
        let (mut key, mut value) = ((0, 0), (0, 0));
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                NFTA_SET_TABLE => set.table = attr.text(),
                NFTA_SET_NAME => set.name = attr.text(),
                NFTA_SET_HANDLE => set.handle = attr.be64()?,
                NFTA_SET_FLAGS => set.flags = SetFlags::from_bits(attr.be32()?),
                NFTA_SET_KEY_TYPE => key.0 = attr.be32()?,
                NFTA_SET_KEY_LEN => key.1 = attr.be32()?,
                NFTA_SET_DATA_TYPE => value.0 = attr.be32()?,
                NFTA_SET_DATA_LEN => value.1 = attr.be32()?,
                NFTA_SET_USERDATA => set.comment = userdata::text(attr.value, UDATA_COMMENT),
                _ => {}
            }
        }
        set.key = split_id(key.0, key.1 as usize);
        set.value = match value {
            _ if !set.flags.contains(SetFlags::MAP) => SetValue::None,
            (NFT_DATA_VERDICT, _) => SetValue::Verdict,
            (ty, len) => SetValue::Data(split_id(ty, len as usize)),
        };
        Ok(Some(set))
    }
}

struct Get<'a> {
    family: Family,
    table: &'a str,
}

impl Request for Get<'_> {
    fn kind(&self) -> u16 {
        NFT_MSG_GETSET
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, self.family, 0);
        w.str(NFTA_SET_TABLE, self.table);
    }

    fn what(&self) -> String {
        format!("list the sets of table {} {}", self.family, self.table)
    }
}

impl Query for Get<'_> {
    type Record = Set;
}

impl Conn {
    /// The sets and maps of a table.
    pub fn sets(&mut self, family: Family, table: &str) -> Result<Vec<Set>> {
        self.dump(&Get { family, table })
    }
}
