//! `ip neighbour`: the ARP and NDP caches, and proxies.

mod modify;
mod show;

use crate::table::{Object, Verb};

pub(crate) const OBJECT: Object = Object {
    names: &["neighbor", "neighbour", "neigh"],
    about: "neighbours: which MAC address an IP address has",
    verbs: &[
        Verb {
            names: &["add"],
            usage: modify::USAGE,
            run: modify::add,
        },
        Verb {
            names: &["change", "chg"],
            usage: modify::USAGE,
            run: modify::change,
        },
        Verb {
            names: &["replace"],
            usage: modify::USAGE,
            run: modify::replace,
        },
        Verb {
            names: &["delete"],
            usage: modify::USAGE,
            run: modify::delete,
        },
        Verb {
            names: &["get"],
            usage: "ADDRESS dev LINK",
            run: show::get,
        },
        Verb {
            names: &["show", "lst", "list"],
            usage: show::USAGE,
            run: show::show,
        },
        Verb {
            names: &["flush"],
            usage: show::USAGE,
            run: show::flush,
        },
    ],
    default: show::show,
};
