//! What went through a discipline or an action (`TCA_STATS_*` of linux/gen_stats.h).

use crate::attr::{Attrs, Malformed};
use crate::trace::layout::attributes;

attributes! {
    pub(super) ATTRIBUTES = "TCA_STATS_" {
        BASIC = 1 Bytes,
        RATE_EST = 2 Bytes,
        QUEUE = 3 Bytes,
        APP = 4 Bytes,
        RATE_EST64 = 5 Bytes,
        BASIC_HW = 7 Bytes,
        PKT64 = 8 Number,
    }
}

/// Counters since a discipline or an action was made, and what waits now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes that passed.
    pub bytes: u64,
    /// Packets that passed.
    pub packets: u64,
    /// Packets dropped.
    pub drops: u32,
    /// How often a packet had to wait because the rate was used up; of a `mirred`: how often one could not be passed on.
    pub overlimits: u32,
    /// Packets put back after the link refused them.
    pub requeues: u32,
    /// Packets that wait.
    pub waiting: u32,
    /// Bytes that wait.
    pub backlog: u32,
}

impl Stats {
    /// What is missing stays 0.
    pub(super) fn decode(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let mut found = Stats::default();
        let mut all_packets = None; // BASIC has 32 bits of them
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                BASIC => {
                    let [b0, b1, b2, b3, b4, b5, b6, b7, packets @ ..] = attr.array::<12>()?;
                    found.bytes = u64::from_ne_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
                    found.packets = u32::from_ne_bytes(packets).into();
                }
                QUEUE => found.read_queue(attr.array()?),
                PKT64 => all_packets = Some(attr.u64()?),
                _ => {}
            }
        }
        found.packets = all_packets.unwrap_or(found.packets);
        Ok(found)
    }

    /// `struct gnet_stats_queue`.
    fn read_queue(&mut self, bytes: [u8; 20]) {
        let word = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        self.waiting = word(0);
        self.backlog = word(4);
        self.drops = word(8);
        self.requeues = word(12);
        self.overlimits = word(16);
    }
}
