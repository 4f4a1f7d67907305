//! `bridge`: ports of bridges, their forwarding entries and their VLANs.

mod fdb;
mod link;
mod vlan;

use crate::table::{Object, Verb};

pub(crate) const LINK: Object = Object {
    names: &["link"],
    about: "ports of bridges",
    verbs: &[
        Verb {
            names: &["set", "change"],
            usage: link::USAGE,
            run: link::set,
        },
        Verb {
            names: &["show", "lst", "list"],
            usage: "[dev LINK] [master BRIDGE]",
            run: link::show,
        },
    ],
    default: link::show,
};

pub(crate) const FDB: Object = Object {
    names: &["fdb"],
    about: "forwarding entries: behind which port a MAC address is",
    verbs: &[
        Verb {
            names: &["add"],
            usage: fdb::USAGE,
            run: fdb::add,
        },
        Verb {
            names: &["append"],
            usage: fdb::USAGE,
            run: fdb::append,
        },
        Verb {
            names: &["replace"],
            usage: fdb::USAGE,
            run: fdb::replace,
        },
        Verb {
            names: &["delete"],
            usage: fdb::USAGE,
            run: fdb::delete,
        },
        Verb {
            names: &["get"],
            usage: "MAC {dev LINK [master|self] | br BRIDGE} [vlan N]",
            run: fdb::get,
        },
        Verb {
            names: &["show", "lst", "list"],
            usage: "[br BRIDGE] [brport PORT] [dev LINK] [vlan N] [state STATE] [dynamic]",
            run: fdb::show,
        },
    ],
    default: fdb::show,
};

pub(crate) const VLAN: Object = Object {
    names: &["vlan"],
    about: "VLANs of ports",
    verbs: &[
        Verb {
            names: &["add"],
            usage: vlan::USAGE,
            run: vlan::add,
        },
        Verb {
            names: &["delete"],
            usage: vlan::USAGE,
            run: vlan::delete,
        },
        Verb {
            names: &["show", "lst", "list"],
            usage: "[dev LINK] [vid N]",
            run: vlan::show,
        },
    ],
    default: vlan::show,
};

/// `bridge` answers 255 to every mistake.
const CODE: u8 = 255;
