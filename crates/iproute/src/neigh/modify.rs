//! `ip neigh add|change|replace|delete`: words to a [`NeighbourSpec`].

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;
use crate::value::{address, hw_addr, quoted};
use core_netlink::neigh::{NeighbourFlags, NeighbourSpec, NeighbourState};
use core_netlink::{Change, Object, Verb};

pub(super) const USAGE: &str = "{ADDRESS [lladdr MAC] [nud STATE] | proxy ADDRESS} dev LINK [router] [use] [managed] [extern_learn] [protocol P]";

const FLAGS: [(&str, NeighbourFlags); 4] = [
    ("router", NeighbourFlags::ROUTER),
    ("use", NeighbourFlags::USE),
    ("managed", NeighbourFlags::MANAGED),
    ("extern_learn", NeighbourFlags::EXT_LEARNED),
];

pub(super) fn add(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Add)
}

pub(super) fn change(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Change)
}

pub(super) fn replace(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Replace)
}

pub(super) fn delete(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Delete)
}

fn modify(s: &mut Session<'_>, args: &mut Args<'_>, verb: Verb) -> Done {
    let mut spec = NeighbourSpec::default();
    let (mut said, mut dev) = (false, None);
    while let Some(word) = args.next()? {
        match word {
            "dev" => dev = Some(args.value("dev")?),
            "lladdr" => spec.lladdr = Some(hw_addr("lladdr", args.value("lladdr")?)?),
            "nud" => spec.state = Some(state(args.value("nud")?)?),
            "proxy" => {
                spec.flags |= NeighbourFlags::PROXY;
                spec.address = address("address", args.value("proxy")?, s.opts.family)?;
                said = true;
            }
            "proto" | "protocol" => {
                spec.protocol = Some(crate::route::protocol(s, args.value("protocol")?)?)
            }
            _ => match FLAGS.iter().find(|(name, _)| *name == word) {
                Some((_, flag)) => spec.flags |= *flag,
                None => {
                    let text = if word == "to" {
                        args.value("to")?
                    } else {
                        word
                    };
                    if said {
                        return Err(Fault::duplicate("to", text));
                    }
                    spec.address = address("address", text, s.opts.family)?;
                    said = true;
                }
            },
        }
    }
    let dev = dev.filter(|_| said).ok_or_else(incomplete)?;
    let link = s.link(dev)?;
    spec.link = link.index;
    let asked = s.conn()?.change(&Change::new(verb, &spec));
    asked.map_err(|err| {
        let what = Object::what(&spec, verb).replace(
            &format!("link {}", link.index),
            &format!("link `{}`", link.name),
        );
        Fault::from(err).what(format!("cannot {what}"))
    })
}

fn incomplete() -> Fault {
    Fault::missing(
        255,
        "Device and destination are required arguments.",
        "the command is not complete",
        "an address and `dev LINK` are needed",
    )
}

/// A state by name or number; several cannot be set.
pub(super) fn state(text: &str) -> Done<NeighbourState> {
    let named = NeighbourState::NAMED
        .iter()
        .find(|state| state.name() == Some(text))
        .copied();
    let number = || {
        crate::value::number(text)
            .filter(|number| *number <= 0xff)
            .map(|number| NeighbourState::from(number as u16))
    };
    named.or_else(number).ok_or_else(|| {
        Fault::new(
            1,
            format!(
                "Error: argument \"{}\" is wrong: nud state is bad",
                quoted(text)
            ),
            format!("wrong nud `{}`", quoted(text)),
            "no such state",
        )
        .code(255)
        .hint("permanent, reachable, stale, noarp, delay, probe, failed, incomplete or none")
    })
}
