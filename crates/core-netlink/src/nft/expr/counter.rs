//! `counter`: counts what comes by (`NFTA_COUNTER_*`).

use super::{Expression, Fields};
use crate::attr::{Malformed, Writer};

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_COUNTER_" {
        BYTES = 1 BigEndian,
        PACKETS = 2 BigEndian,
    }
}

/// Counts packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// So far.
    pub packets: u64,
    /// So far.
    pub bytes: u64,
}

impl Expression for Counter {
    const NAME: &'static str = "counter";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        w.be64(BYTES, self.bytes);
        w.be64(PACKETS, self.packets);
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        Ok(Some(Counter {
            packets: fields.need(PACKETS)?.be64()?,
            bytes: fields.need(BYTES)?.be64()?,
        }))
    }
}
