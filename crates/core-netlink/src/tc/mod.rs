//! Traffic control: queueing disciplines and filters (`RTM_*QDISC`, `RTM_*TFILTER`, linux/pkt_sched.h, linux/pkt_cls.h, tc(8)).
//!
//! Owns their numbers and messages; one file per kind of discipline, filter and action. Rates are bytes per second (not the bits of tc's
//! words), sizes are bytes. Leaves to others: classes, links themselves, and which link is to be limited.

mod action;
mod filter;
mod handle;
mod matchall;
mod mirred;
mod psched;
mod qdisc;
mod selector;
mod stats;
mod tbf;
#[cfg(test)]
mod tests;

pub use action::{Action, Control, FoundAction};
pub use filter::{DumpFilters, EtherType, Filter, FilterKind, FilterSpec, FlushFilters};
pub use handle::Handle;
pub use matchall::Matchall;
pub use mirred::{Mirred, MirredMode};
pub use qdisc::{Qdisc, QdiscFilter, QdiscKind, QdiscSpec};
pub use selector::{U32, U32Key};
pub use stats::Stats;
pub use tbf::{Tbf, TbfPeak};

use crate::Writer;
use crate::trace::layout::{Field, Fixed, Shape, Table, attributes, messages};
use crate::types::IfIndex;

messages! {
    pub(crate) MESSAGES = "", HEADER, ATTRIBUTES {
        RTM_NEWQDISC = 36,
        RTM_DELQDISC = 37,
        RTM_GETQDISC = 38,
        RTM_NEWTFILTER = 44,
        RTM_DELTFILTER = 45,
        RTM_GETTFILTER = 46,
    }
}

attributes! {
    ATTRIBUTES = "" {
        TCA_KIND = 1 Text,
        TCA_OPTIONS = 2 Chosen(options),
        TCA_STATS = 3 Bytes,
        TCA_XSTATS = 4 Bytes,
        TCA_RATE = 5 Bytes,
        TCA_STATS2 = 7 Nest(&stats::ATTRIBUTES),
        TCA_STAB = 8 Bytes,
        TCA_CHAIN = 11 Number,
        TCA_HW_OFFLOAD = 12 Number,
        TCA_INGRESS_BLOCK = 13 Number,
        TCA_EGRESS_BLOCK = 14 Number,
        TCA_EXT_WARN_MSG = 16 Text,
    }
}

/// What `TCA_OPTIONS` holds, by the kind before it.
fn options(kind: &str) -> Option<&'static Table> {
    QdiscKind::attributes(kind).or_else(|| FilterKind::attributes(kind))
}

/// `struct tcmsg`.
static HEADER: Fixed = Fixed {
    size: 20,
    fields: &[
        Field("family", 0, 1, Shape::Named(crate::Family::name_of)),
        Field("index", 4, 4, Shape::Number),
        Field("handle", 8, 4, Shape::Bits(no_names)),
        Field("parent", 12, 4, Shape::Bits(no_names)),
        Field("info", 16, 4, Shape::Bits(no_names)),
    ],
};

/// Numbers that read best in hex.
fn no_names(_: u32) -> Vec<&'static str> {
    Vec::new()
}

const KIND_BYTES: usize = 15; // IFNAMSIZ, less the zero

/// `struct tcmsg`.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    link: IfIndex,
    handle: u32,
    parent: u32,
    info: u32,
}

impl Header {
    fn encode(self, w: &mut Writer<'_>) {
        w.raw(&[0; 4]);
        for word in [self.link.0, self.handle, self.parent, self.info] {
            w.raw(&word.to_ne_bytes());
        }
    }

    fn decode(bytes: [u8; 20]) -> Self {
        let word = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Header {
            link: IfIndex(word(4)),
            handle: word(8),
            parent: word(12),
            info: word(16),
        }
    }
}

/// The name of a kind that is not known here, before it is sent.
fn check_kind(name: &str) -> Result<(), String> {
    match (1..=KIND_BYTES).contains(&name.len()) && !name.contains('\0') {
        true => Ok(()),
        false => Err(format!(
            "kind `{}` has not 1 to {KIND_BYTES} bytes",
            name.escape_debug()
        )),
    }
}

/// The link, which all of it hangs on.
fn check_link(link: IfIndex) -> Result<(), String> {
    match link {
        IfIndex(0) => Err("link is 0: say the index of a link".to_owned()),
        _ => Ok(()),
    }
}
