//! `ipvlan`: a link with its own IP addresses on another link, whose MAC address it shares (`IFLA_IPVLAN_*`).

use super::values::value_of;
use crate::table::{attrs, bits, numbered};

attrs! {
    /// A link on the link named by [`LinkSpec::link`](super::LinkSpec::link).
    pub struct Ipvlan {
        /// On which layer packets are sorted.
        mode: IpvlanMode = 1,
        /// Who can talk to whom.
        flags: IpvlanFlags = 2,
    }
}

numbered! {
    /// On which layer packets are sorted (`IPVLAN_MODE_*`).
    IpvlanMode(u16), "ipvlan mode" {
        /// Layer 2: broadcasts and neighbours.
        L2 = 0 "l2",
        /// Layer 3: routed by the lower link's namespace.
        L3 = 1 "l3",
        /// Layer 3 with connection tracking.
        L3s = 2 "l3s",
    }
}

bits! {
    /// Who can talk to whom (`IPVLAN_F_*`); none: everybody ("bridge").
    IpvlanFlags(u16) {
        /// Nobody on the same lower link.
        PRIVATE = 0x1 "private",
        /// By way of the switch outside.
        VEPA = 0x2 "vepa",
    }
}

value_of! { IpvlanMode: u16; }
value_of! { bits IpvlanFlags: u16; }
