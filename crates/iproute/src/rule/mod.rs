//! `ip rule`: which table is looked into for which packets.

mod print;
mod words;

pub(crate) use words::ip_protocol;

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::options::Family;
use crate::session::Session;
use crate::table::{Object, Verb};
use core_netlink::Change;
use core_netlink::rule::{Rule, RuleFilter};
use words::Words;

const USAGE: &str = "[not] [from PREFIX] [to PREFIX] [tos TOS] [fwmark M[/MASK]] [iif LINK] [oif LINK] [uidrange N-N] [ipproto P] [sport N[-N]] [dport N[-N]] \
[priority N] [lookup TABLE | goto N | nop | blackhole | unreachable | prohibit] [suppress_prefixlength N] [suppress_ifgroup G] [realms R]";

pub(crate) const OBJECT: Object = Object {
    names: &["rule"],
    about: "which routing table is looked into",
    verbs: &[
        Verb {
            names: &["show", "list", "lst"],
            usage: USAGE,
            run: show,
        },
        Verb {
            names: &["add"],
            usage: USAGE,
            run: add,
        },
        Verb {
            names: &["delete"],
            usage: USAGE,
            run: delete,
        },
        Verb {
            names: &["flush"],
            usage: "[protocol P]",
            run: flush,
        },
    ],
    default: show,
};

fn list(s: &mut Session<'_>, words: &Words) -> Done<Vec<Rule>> {
    use core_netlink::Family as Wire;
    let family = match s.opts.family {
        Some(Family::Inet6) => Wire::V6,
        _ => Wire::V4,
    };
    let mut rules = s.conn()?.rules(&RuleFilter {
        family: Some(family),
    })?;
    rules.retain(|rule| rule.family == family && words.fits(rule));
    Ok(rules)
}

fn show(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let words = Words::read(s, args)?;
    let rules = list(s, &words)?;
    let rows = rules.iter().map(|rule| print::describe(s, rule)).collect();
    s.print(rows)
}

fn add(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let words = Words::read(s, args)?;
    Ok(s.conn()?.change(&Change::add(&words.spec))?)
}

fn delete(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    if args.is_empty() {
        return Err(Fault::new(
            1,
            "\"ip rule del\" requires arguments.",
            "nothing says which rule to delete",
            "the first of all would go",
        )
        .hint("`vetch rule` lists them; `priority N` names one"));
    }
    let words = Words::read(s, args)?;
    Ok(s.conn()?.change(&Change::delete(&words.spec))?)
}

/// All but the first, which leads to the local table.
fn flush(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let words = Words::read(s, args)?;
    for rule in list(s, &words)?.iter().filter(|rule| rule.priority() > 0) {
        let gone = s.conn()?.change(&Change::delete(&rule.to_spec()));
        match gone {
            Err(err) if !err.is_not_found() => return Err(err.into()),
            _ => {}
        }
    }
    Ok(())
}
