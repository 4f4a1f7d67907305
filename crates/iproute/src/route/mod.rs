//! `ip route`: routes of one table or all.

mod filter;
mod get;
mod modify;
mod print;
mod show;

pub(crate) use modify::{protocol, realms, scope, table, tos};

use crate::table::{Object, Verb};

pub(crate) const OBJECT: Object = Object {
    names: &["route"],
    about: "where packets go",
    verbs: &[
        Verb {
            names: &["show", "list", "lst"],
            usage: show::USAGE,
            run: show::show,
        },
        Verb {
            names: &["get"],
            usage: get::USAGE,
            run: get::get,
        },
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
            names: &["prepend"],
            usage: modify::USAGE,
            run: modify::prepend,
        },
        Verb {
            names: &["append"],
            usage: modify::USAGE,
            run: modify::append,
        },
        Verb {
            names: &["delete"],
            usage: modify::USAGE,
            run: modify::delete,
        },
        Verb {
            names: &["flush"],
            usage: show::USAGE,
            run: show::flush,
        },
    ],
    default: show::show,
};
