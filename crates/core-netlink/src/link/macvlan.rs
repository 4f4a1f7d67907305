//! `macvlan` and `macvtap`: a link with its own MAC address on another link (`IFLA_MACVLAN_*`).

use super::values::value_of;
use crate::attr::{Attr, Malformed, Writer};
use crate::table::{Value, attrs, bits, numbered};
use crate::types::MacAddr;

const MACADDR: u16 = 4;

attrs! {
    /// A link on the link named by [`LinkSpec::link`](super::LinkSpec::link).
    pub struct Macvlan {
        /// Who can talk to whom.
        mode: MacvlanMode = 1,
        /// Switches.
        flags: MacvlanFlags = 2,
        /// Mode source: what to do with the list of allowed senders.
        source_change: SourceChange = 3,
        /// Mode source: the sender to add or remove.
        source: MacAddr = 4,
        /// Mode source: the list of allowed senders.
        sources: Vec<MacAddr> = 5,
        /// Mode source: how many senders are allowed (read only).
        source_count: u32 = 6,
        /// How many broadcasts may wait (Linux 5.11).
        bc_queue_len: u32 = 7,
        /// How many may wait on the lower link, the most that any link asked for (read only).
        bc_queue_len_used: u32 = 8,
        /// From how many receivers on a broadcast is queued; -1: always at once (Linux 6.4).
        bc_cutoff: i32 = 9,
    }
}

numbered! {
    /// Who can talk to whom (`MACVLAN_MODE_*`).
    MacvlanMode(u32), "macvlan mode" {
        /// Nobody on the same lower link.
        Private = 1 "private",
        /// By way of the switch outside (IEEE 802.1Qbg).
        Vepa = 2 "vepa",
        /// Directly.
        Bridge = 4 "bridge",
        /// The only one, with all of the lower link.
        Passthru = 8 "passthru",
        /// Only what comes from listed senders.
        Source = 16 "source",
    }
}

bits! {
    /// Switches of a macvlan (`MACVLAN_FLAG_*`).
    MacvlanFlags(u16) {
        /// Passthru: leave the lower link out of promiscuous mode.
        NOPROMISC = 0x1 "nopromisc",
        /// Source: to one receiver only.
        NODST = 0x2 "nodst",
    }
}

numbered! {
    /// What to do with the list of allowed senders (`MACVLAN_MACADDR_*`).
    SourceChange(u32), "change of the senders" {
        /// One more.
        Add = 0 "add",
        /// One less.
        Delete = 1 "del",
        /// None any more.
        Flush = 2 "flush",
        /// These.
        Set = 3 "set",
    }
}

value_of! { MacvlanMode: u32; SourceChange: u32; }
value_of! { bits MacvlanFlags: u16; }

impl Value for Vec<MacAddr> {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let addresses = attr.nested().map(|each| MacAddr::read(&each?));
        addresses.collect()
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.nest_unmarked(kind, |w| {
            for address in self {
                address.write(MACADDR, w);
            }
        });
    }
}
