//! Elements of sets and maps: all that changes once the tables are there.

use super::batch::{GetGeneration, Object};
use super::data::{Data, DataType, Value, concat, split};
use super::userdata::{self, Notes};
use super::{Family, message, read_header, write_header};
use crate::attr::{Attrs, Malformed, Writer};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::trace::layout::{attributes, messages};

/// Asked for in one send: their answers wait in the receive buffer.
const TOGETHER: usize = 16;

messages! {
    pub(crate) MESSAGES = "", super::HEADER, ATTRIBUTES {
        NFT_MSG_NEWSETELEM = message(12),
        NFT_MSG_GETSETELEM = message(13),
        NFT_MSG_DELSETELEM = message(14),
    }
}

attributes! {
    ATTRIBUTES = "" {
        NFTA_SET_ELEM_LIST_TABLE = 1 Text,
        NFTA_SET_ELEM_LIST_SET = 2 Text,
        NFTA_SET_ELEM_LIST_ELEMENTS = 3 Nest(&ELEMENTS),
        NFTA_SET_ELEM_LIST_SET_ID = 4 BigEndian,
    }
}

attributes! {
    ELEMENTS = "" {
        NFTA_LIST_ELEM = 1 Nest(&ELEMENT),
    }
}

attributes! {
    ELEMENT = "" {
        NFTA_SET_ELEM_KEY = 1 Nest(&super::data::ATTRIBUTES),
        NFTA_SET_ELEM_DATA = 2 Nest(&super::data::ATTRIBUTES),
        NFTA_SET_ELEM_FLAGS = 3 BigEndian,
        NFTA_SET_ELEM_USERDATA = 6 Bytes,
        NFTA_SET_ELEM_KEY_END = 10 Nest(&super::data::ATTRIBUTES),
    }
}

const NFT_SET_ELEM_INTERVAL_END: u32 = 1;
const UDATA_COMMENT: u8 = 0;

/// An element as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ElementSpec {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its set or map.
    pub set: String,
    /// The set's number, if the same transaction makes it; else 0.
    pub set_id: u32,
    /// The fields of its key; the lower end of an interval.
    pub key: Vec<Value>,
    /// The upper end of an interval of concatenations, included.
    pub end: Option<Vec<Value>>,
    /// What the key stands for.
    pub data: Option<Data>,
    /// A comment; empty for none.
    pub comment: String,
}

impl ElementSpec {
    fn write_key(&self, w: &mut Writer<'_>) {
        Data::Value(concat(&self.key)).write(w, NFTA_SET_ELEM_KEY);
        if let Some(end) = &self.end {
            Data::Value(concat(end)).write(w, NFTA_SET_ELEM_KEY_END);
        }
    }
}

fn write_list(w: &mut Writer<'_>, spec: &ElementSpec, element: impl FnOnce(&mut Writer<'_>)) {
    w.str(NFTA_SET_ELEM_LIST_TABLE, &spec.table);
    w.str(NFTA_SET_ELEM_LIST_SET, &spec.set);
    if spec.set_id != 0 {
        w.be32(NFTA_SET_ELEM_LIST_SET_ID, spec.set_id);
    }
    w.nest(NFTA_SET_ELEM_LIST_ELEMENTS, |w| {
        w.nest(NFTA_LIST_ELEM, element)
    });
}

impl Object for ElementSpec {
    const NEW: u16 = NFT_MSG_NEWSETELEM;
    const DELETE: u16 = NFT_MSG_DELSETELEM;

    fn family(&self) -> Family {
        self.family
    }

    fn encode(&self, delete: bool, w: &mut Writer<'_>) {
        write_list(w, self, |w| {
            self.write_key(w);
            if delete {
                return;
            }
            if let Some(data) = &self.data {
                data.write(w, NFTA_SET_ELEM_DATA);
            }
            Notes::new()
                .text(UDATA_COMMENT, &self.comment)
                .write(w, NFTA_SET_ELEM_USERDATA);
        });
    }

    fn name(&self) -> String {
        let ElementSpec {
            family,
            table,
            set,
            key,
            ..
        } = self;
        let fields: Vec<_> = key.iter().map(Value::to_string).collect();
        format!(
            "element {} of set {family} {table} {set}",
            fields.join(" . ")
        )
    }
}

/// An element as the kernel reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Element {
    /// The bytes of its key; the lower end of an interval. Empty for the catch-all element.
    pub key: Vec<u8>,
    /// The upper end of an interval of concatenations, included.
    pub end: Option<Vec<u8>>,
    /// In other interval sets: this key is the first behind an interval.
    pub interval_end: bool,
    /// What the key stands for.
    pub data: Option<Data>,
    /// Its comment, as nft writes it.
    pub comment: Option<String>,
}

impl Element {
    fn read(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let mut element = Element::default();
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                NFTA_SET_ELEM_KEY => element.key = Data::read(attr)?.into_bytes(),
                NFTA_SET_ELEM_KEY_END => element.end = Some(Data::read(attr)?.into_bytes()),
                NFTA_SET_ELEM_DATA => element.data = Some(Data::read(attr)?),
                NFTA_SET_ELEM_FLAGS => {
                    element.interval_end = attr.be32()? & NFT_SET_ELEM_INTERVAL_END != 0
                }
                NFTA_SET_ELEM_USERDATA => {
                    element.comment = userdata::text(attr.value, UDATA_COMMENT)
                }
                _ => {}
            }
        }
        Ok(element)
    }

    /// The fields of its key, if they are of these types.
    pub fn key_fields(&self, types: &[DataType]) -> Result<Vec<Value>, Malformed> {
        split(types, &self.key)
    }

    /// The fields of the upper end of its interval.
    pub fn end_fields(&self, types: &[DataType]) -> Result<Option<Vec<Value>>, Malformed> {
        self.end.as_ref().map(|end| split(types, end)).transpose()
    }

    /// The fields of what it stands for; none for a verdict.
    pub fn data_fields(&self, types: &[DataType]) -> Result<Vec<Value>, Malformed> {
        match &self.data {
            Some(Data::Value(bytes)) => split(types, bytes),
            _ => Ok(Vec::new()),
        }
    }
}

/// Some elements of one set, as many as one message holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elements {
    /// The family of the table.
    pub family: Family,
    /// The table.
    pub table: String,
    /// The set.
    pub set: String,
    /// The elements.
    pub elements: Vec<Element>,
}

impl Record for Elements {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((family, attrs)) = read_header(kind, NFT_MSG_NEWSETELEM, body)? else {
            return Ok(None);
        };
        let mut list = Elements {
            family,
            ..Elements::default()
        };
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                NFTA_SET_ELEM_LIST_TABLE => list.table = attr.text(),
                NFTA_SET_ELEM_LIST_SET => list.set = attr.text(),
                NFTA_SET_ELEM_LIST_ELEMENTS => {
                    let elements = attr
                        .nested()
                        .map(|element| Element::read(element?.nested()));
                    list.elements = elements.collect::<Result<_, _>>()?;
                }
                _ => {}
            }
        }
        Ok(Some(list))
    }
}

struct GetOne<'a>(&'a ElementSpec);

impl Request for GetOne<'_> {
    fn kind(&self) -> u16 {
        NFT_MSG_GETSETELEM
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, self.0.family, 0);
        write_list(w, self.0, |w| self.0.write_key(w));
    }

    fn what(&self) -> String {
        format!("read {}", self.0.name())
    }
}

impl Query for GetOne<'_> {
    type Record = Elements;
}

struct GetAll<'a> {
    family: Family,
    table: &'a str,
    set: &'a str,
}

impl Request for GetAll<'_> {
    fn kind(&self) -> u16 {
        NFT_MSG_GETSETELEM
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, self.family, 0);
        w.str(NFTA_SET_ELEM_LIST_TABLE, self.table);
        w.str(NFTA_SET_ELEM_LIST_SET, self.set);
    }

    fn what(&self) -> String {
        let GetAll { family, table, set } = self;
        format!("list the elements of set {family} {table} {set}")
    }
}

impl Query for GetAll<'_> {
    type Record = Elements;
}

impl Conn {
    /// The elements of a set or map.
    pub fn elements(&mut self, family: Family, table: &str, set: &str) -> Result<Vec<Element>> {
        let lists = self.dump(&GetAll { family, table, set })?;
        Ok(lists.into_iter().flat_map(|list| list.elements).collect())
    }

    /// The element with the key of `wanted`; `None` if there is none, or no such set.
    pub fn element(&mut self, wanted: &ElementSpec) -> Result<Option<Element>> {
        match self.get(&GetOne(wanted)) {
            Ok(list) => Ok(list.elements.into_iter().next()),
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// The generation of the ruleset, and what of these elements was there then or later; `None` for one that was not. For a
    /// transaction that is to hold only if nothing has changed since ([`Transaction::at`](super::Transaction::at)).
    pub fn elements_at(&mut self, wanted: &[ElementSpec]) -> Result<(u32, Vec<Option<Element>>)> {
        let (mut first, mut found) = (None, Vec::with_capacity(wanted.len()));
        let mut rest = wanted;
        loop {
            let (now, later) = rest.split_at(rest.len().min(TOGETHER));
            let asked: Vec<GetOne<'_>> = now.iter().map(GetOne).collect();
            let (generation, answers) = self.get_with(&GetGeneration, &asked)?;
            let first = *first.get_or_insert(generation?.id);
            for answer in answers {
                found.push(match answer {
                    Ok(list) => list.elements.into_iter().next(),
                    Err(err) if err.is_not_found() => None,
                    Err(err) => return Err(err),
                });
            }
            match later.is_empty() {
                true => return Ok((first, found)),
                false => rest = later,
            }
        }
    }
}
