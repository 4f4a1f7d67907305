//! `ip link`: network devices.

mod add;
mod delete;
pub(crate) mod kinds;
pub(crate) mod print;
pub(crate) mod select;
mod set;
mod show;
mod stats;
mod words;

use crate::table::{Object, Verb};

pub(crate) const OBJECT: Object = Object {
    names: &["link"],
    about: "network devices",
    verbs: &[
        Verb {
            names: &["add"],
            usage: add::USAGE,
            run: add::add,
        },
        Verb {
            names: &["set", "change"],
            usage: set::USAGE,
            run: set::set,
        },
        Verb {
            names: &["delete"],
            usage: "[dev] LINK | group GROUP",
            run: delete::delete,
        },
        Verb {
            names: &["show", "lst", "list"],
            usage: select::USAGE,
            run: show::show,
        },
        Verb {
            names: &["property"],
            usage: "{add|del} dev LINK altname NAME...",
            run: set::property,
        },
    ],
    default: show::show,
};
