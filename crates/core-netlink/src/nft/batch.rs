//! Transactions: what is between begin and end the kernel makes whole or not at all (linux/netfilter/nfnetlink.h).

use super::{Family, SUBSYSTEM, message, write_header};
use crate::attr::{Malformed, Writer};
use crate::conn::{Conn, Failed, Query, Record, Request};
use crate::error::Result;
use crate::trace::layout::{attributes, messages};
use crate::wire::Flags;
use std::fmt;

messages! {
    pub(crate) BATCH = "", super::HEADER, BATCH_ATTRIBUTES {
        NFNL_MSG_BATCH_BEGIN = 16,
        NFNL_MSG_BATCH_END = 17,
    }
}

attributes! {
    BATCH_ATTRIBUTES = "" {
        NFNL_BATCH_GENID = 1 BigEndian,
    }
}

messages! {
    pub(crate) GENERATION = "", super::HEADER, GENERATION_ATTRIBUTES {
        NFT_MSG_NEWGEN = message(15),
        NFT_MSG_GETGEN = message(16),
    }
}

attributes! {
    GENERATION_ATTRIBUTES = "" {
        NFTA_GEN_ID = 1 BigEndian,
        NFTA_GEN_PROC_PID = 2 BigEndian,
        NFTA_GEN_PROC_NAME = 3 Text,
    }
}

/// Requests whose errors fit into a receive buffer of the usual size.
const FEW: usize = 128;
/// What one error costs of the receive buffer, in bytes.
const ERROR_COST: usize = 2048;

/// Something a transaction makes and removes.
pub trait Object {
    /// The message that makes it.
    const NEW: u16;
    /// The message that removes it.
    const DELETE: u16;
    /// Flags of every message that makes it.
    const MAKE: Flags = Flags::CREATE;

    /// The family of its table.
    fn family(&self) -> Family;

    /// Attributes; only those that name it if it is to be removed.
    fn encode(&self, delete: bool, w: &mut Writer<'_>);

    /// As in "cannot add ...": `table inet vetch`.
    fn name(&self) -> String;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Ensure,
    Delete,
}

struct Step<O> {
    verb: Verb,
    object: O,
}

impl<O: Object> Request for Step<O> {
    fn kind(&self) -> u16 {
        match self.verb {
            Verb::Delete => O::DELETE,
            _ => O::NEW,
        }
    }

    fn flags(&self) -> Flags {
        match self.verb {
            Verb::Create => O::MAKE | Flags::EXCL,
            Verb::Ensure => O::MAKE,
            Verb::Delete => Flags::NONE,
        }
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, self.object.family(), 0);
        self.object.encode(self.verb == Verb::Delete, w);
    }

    fn what(&self) -> String {
        let verb = match self.verb {
            Verb::Delete => "delete",
            _ => "add",
        };
        format!("{verb} {}", self.object.name())
    }
}

/// Changes that the kernel makes together or not at all.
///
/// ```no_run
/// use core_netlink::{Conn, Protocol, nft::{Family, TableSpec, Transaction}};
/// let mut conn = Conn::open(Protocol::Netfilter)?;
/// let mut transaction = Transaction::new();
/// transaction.create(TableSpec::new(Family::Inet, "mine"));
/// let failed = conn.commit(&transaction)?;
/// assert!(failed.is_empty());
/// # Ok::<(), core_netlink::Error>(())
/// ```
#[derive(Default)]
pub struct Transaction {
    steps: Vec<Box<dyn Request + Send>>,
    generation: Option<u32>,
}

impl Transaction {
    /// One without changes.
    pub fn new() -> Self {
        Transaction::default()
    }

    /// To be refused ([`Error::is_stale`](crate::Error::is_stale)) if the ruleset is of another generation by then.
    #[must_use]
    pub fn at(mut self, generation: u32) -> Self {
        self.generation = Some(generation);
        self
    }

    /// Makes it; an error if it is there.
    pub fn create(&mut self, object: impl Object + Send + 'static) {
        self.push(Verb::Create, object);
    }

    /// Makes it unless it is there.
    pub fn ensure(&mut self, object: impl Object + Send + 'static) {
        self.push(Verb::Ensure, object);
    }

    /// Removes it; an error if it is not there.
    pub fn delete(&mut self, object: impl Object + Send + 'static) {
        self.push(Verb::Delete, object);
    }

    fn push(&mut self, verb: Verb, object: impl Object + Send + 'static) {
        self.steps.push(Box::new(Step { verb, object }));
    }

    /// How many changes.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The bytes of all changes: a fingerprint of what is asked for.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for step in &self.steps {
            bytes.extend_from_slice(&step.kind().to_ne_bytes());
            step.encode(&mut Writer::new(&mut bytes));
        }
        bytes
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps.iter().map(|step| step.what());
        f.debug_list().entries(steps).finish()
    }
}

struct Begin(Option<u32>);

impl Request for Begin {
    fn kind(&self) -> u16 {
        NFNL_MSG_BATCH_BEGIN
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, Family::Any, SUBSYSTEM >> 8);
        if let Some(generation) = self.0 {
            w.be32(NFNL_BATCH_GENID, generation);
        }
    }

    fn what(&self) -> String {
        "change the nf_tables ruleset".into()
    }
}

struct End;

impl Request for End {
    fn kind(&self) -> u16 {
        NFNL_MSG_BATCH_END
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, Family::Any, SUBSYSTEM >> 8);
    }

    fn what(&self) -> String {
        "end a transaction".into()
    }
}

pub(super) struct GetGeneration;

/// A generation of the ruleset, and in a notice also who made it (`NFTA_GEN_*`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generation {
    /// Its number; every change makes it another one.
    pub id: u32,
    /// The process that changed the ruleset.
    pub pid: Option<u32>,
    /// Its short name, at most 15 bytes.
    pub process: Option<String>,
}

impl Request for GetGeneration {
    fn kind(&self) -> u16 {
        NFT_MSG_GETGEN
    }

    fn encode(&self, w: &mut Writer<'_>) {
        write_header(w, Family::Any, 0);
    }

    fn what(&self) -> String {
        "read the generation of the nf_tables ruleset".into()
    }
}

impl Query for GetGeneration {
    type Record = Generation;
}

impl Record for Generation {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((_, attrs)) = super::read_header(kind, NFT_MSG_NEWGEN, body)? else {
            return Ok(None);
        };
        let missing = Malformed::new("ruleset generation", 8, body.len());
        let id = attrs.find(NFTA_GEN_ID)?.ok_or(missing)?.be32()?;
        let pid = attrs.find(NFTA_GEN_PROC_PID)?;
        let process = attrs.find(NFTA_GEN_PROC_NAME)?;
        Ok(Some(Generation {
            id,
            pid: pid.map(|attr| attr.be32()).transpose()?,
            process: process.map(|attr| attr.text()),
        }))
    }
}

impl Conn {
    /// Makes all changes of a transaction, or none: then the changes that were refused are returned, each with its reason, or the reason
    /// why the whole was refused is the error. Stale transactions ([`Transaction::at`]) are for the caller to repeat.
    pub fn commit(&mut self, transaction: &Transaction) -> Result<Vec<Failed>> {
        if transaction.len() > FEW {
            self.set_receive_buffer(transaction.len() * ERROR_COST)?;
        }
        let steps: Vec<&dyn Request> = transaction.steps.iter().map(|step| &**step as _).collect();
        self.transact(&Begin(transaction.generation), &steps, &End)
    }

    /// The number of the ruleset of this namespace; every change makes it another one.
    pub fn ruleset_generation(&mut self) -> Result<u32> {
        self.get(&GetGeneration).map(|generation| generation.id)
    }
}
