//! `counter`: counts what comes by (`NFTA_COUNTER_*`).

use super::{Expression, Fields};
use crate::attr::{Malformed, Writer};

const BYTES: u16 = 1;
const PACKETS: u16 = 2;

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
