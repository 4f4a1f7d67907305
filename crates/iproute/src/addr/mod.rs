//! `ip address`: the addresses of links.

mod flush;
mod modify;
mod print;
mod select;
mod show;

use crate::table::{Object, Verb};

pub(crate) const OBJECT: Object = Object {
    names: &["address", "addr"],
    about: "addresses of network devices",
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
            names: &["show", "lst", "list"],
            usage: select::USAGE,
            run: show::show,
        },
        Verb {
            names: &["flush"],
            usage: select::USAGE,
            run: flush::flush,
        },
    ],
    default: show::show,
};
