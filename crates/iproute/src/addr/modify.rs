//! `ip address add|change|replace|delete`: words to an [`AddressSpec`].

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::route::scope;
use crate::session::Session;
use crate::value::{address, fit, if_name, prefix, quoted};
use core_netlink::addr::{AddressFilter, AddressFlags, AddressSpec, Broadcast, Lifetimes};
use core_netlink::link::Link;
use core_netlink::{Change, Object, Prefix, Verb};
use std::net::{IpAddr, Ipv4Addr};

pub(super) const USAGE: &str = "ADDRESS[/LEN] [peer ADDRESS] [broadcast ADDRESS|+|-] [label NAME] [scope SCOPE] dev LINK \
[valid_lft SECONDS] [preferred_lft SECONDS] [metric N] [nodad] [noprefixroute] [home] [mngtmpaddr] [autojoin]";

const FLAGS: [(&str, AddressFlags); 5] = [
    ("home", AddressFlags::HOME),
    ("nodad", AddressFlags::NODAD),
    ("mngtmpaddr", AddressFlags::MANAGETEMPADDR),
    ("noprefixroute", AddressFlags::NOPREFIXROUTE),
    ("autojoin", AddressFlags::AUTOJOIN),
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

/// The words as they come.
#[derive(Default)]
struct Words<'a> {
    local: Option<(Prefix, &'a str)>,
    peer: Option<Prefix>,
    dev: Option<&'a str>,
    valid: Option<u32>,
    preferred: Option<u32>,
    broadcast: Option<&'a str>,
    spec: AddressSpec,
}

fn modify(s: &mut Session<'_>, args: &mut Args<'_>, verb: Verb) -> Done {
    let mut words = Words::default();
    while let Some(word) = args.next()? {
        words.take(s, args, word)?;
    }
    let dev = words.dev.ok_or_else(no_device)?;
    let (local, text) = words.local.ok_or_else(no_address)?;
    let mut spec = words.finish(local)?;
    let link = s.link(dev)?;
    spec.link = link.index;
    if verb == Verb::Delete && words.peer.is_none() && local.addr().is_ipv4() && !text.contains('/')
    {
        find_wildcard(s, &link, &mut spec)?;
    }
    let asked = s.conn()?.change(&Change::new(verb, &spec));
    asked.map_err(|err| explain(err, &spec, verb, &link))
}

fn explain(err: core_netlink::Error, spec: &AddressSpec, verb: Verb, link: &Link) -> Fault {
    let what = Object::what(spec, verb);
    let what = what.replace(
        &format!("link {}", link.index),
        &format!("link `{}`", link.name),
    );
    Fault::from(err).what(format!("cannot {what}"))
}

fn no_device() -> Fault {
    let original = "Not enough information: \"dev\" argument is required.";
    Fault::new(
        1,
        original,
        "no link is named",
        "an address belongs to a link",
    )
    .hint("say `dev LINK`")
}

fn no_address() -> Fault {
    Fault::new(
        2,
        "RTNETLINK answers: Operation not supported",
        "no address is given",
        "an address must be named",
    )
    .hint("as in 10.0.0.1/24")
}

impl<'a> Words<'a> {
    fn take(&mut self, s: &mut Session<'_>, args: &mut Args<'a>, word: &'a str) -> Done {
        match word {
            "peer" | "remote" => {
                self.peer = Some(prefix("peer", args.value("peer")?, s.opts.family)?)
            }
            "broadcast" | "brd" => self.broadcast = Some(args.value("broadcast")?),
            "scope" => self.spec.scope = Some(address_scope(s, args.value("scope")?)?),
            "dev" => self.dev = Some(args.value("dev")?),
            "label" => self.spec.label = Some(if_name_label(args.value("label")?)?),
            "metric" | "priority" | "preference" => {
                self.spec.metric = Some(fit("metric", args.value("metric")?)?)
            }
            "valid_lft" => self.valid = Some(lifetime("valid_lft", args.value("valid_lft")?)?),
            "preferred_lft" => {
                self.preferred = Some(lifetime("preferred_lft", args.value("preferred_lft")?)?)
            }
            "local" => self.take_local(s, args.value("local")?)?,
            _ => match FLAGS.iter().find(|(name, _)| *name == word) {
                Some((_, flag)) => self.spec.flags |= *flag,
                None if args.means(word, "broadcast") && word.len() > 1 => {
                    self.broadcast = Some(args.value("broadcast")?)
                }
                None => self.take_local(s, word)?,
            },
        }
        Ok(())
    }

    fn take_local(&mut self, s: &Session<'_>, word: &'a str) -> Done {
        if self.local.is_some() {
            let original = format!(
                "Error: either \"local\" is duplicate, or \"{}\" is a garbage.",
                quoted(word)
            );
            let hint = format!(
                "one address at a time, and the link with `dev`: `dev {}`",
                quoted(word)
            );
            return Err(Fault::garbage(word).original(original).hint(hint));
        }
        self.local = Some((prefix("address", word, s.opts.family)?, word));
        Ok(())
    }

    fn finish(&self, local: Prefix) -> Done<AddressSpec> {
        let mut spec = self.spec.clone();
        let length = self
            .peer
            .map_or(local.prefix_len(), |peer| peer.prefix_len());
        spec.address = Prefix::new(local.addr(), length).unwrap_or(local);
        spec.peer = self.peer.map(|peer| peer.addr());
        spec.broadcast = self.broadcast(spec.address)?;
        spec.lifetimes = self.lifetimes()?;
        if local.addr().is_ipv6() {
            spec.label = None; // the original sends it and the kernel passes over it
        }
        Ok(spec)
    }

    fn broadcast(&self, address: Prefix) -> Done<Broadcast> {
        let Some(text) = self.broadcast else {
            return Ok(Broadcast::None);
        };
        let IpAddr::V4(_) = address.addr() else {
            let original = "Broadcast can be set only for IPv4 addresses";
            return Err(Fault::new(
                1,
                original,
                format!("wrong broadcast `{}`", quoted(text)),
                "an IPv6 address has none",
            ));
        };
        let fits = address.prefix_len() <= 30;
        match text {
            "+" if fits => Ok(Broadcast::Computed),
            "-" if fits => Ok(v4(address.network()).map_or(Broadcast::None, Broadcast::Address)),
            "+" | "-" => Ok(Broadcast::None),
            text => Ok(v4(self::address(
                "broadcast",
                text,
                Some(crate::options::Family::Inet),
            )?)
            .map_or(Broadcast::None, Broadcast::Address)),
        }
    }

    fn lifetimes(&self) -> Done<Option<Lifetimes>> {
        if self.valid.is_none() && self.preferred.is_none() {
            return Ok(None);
        }
        let valid = self.valid.unwrap_or(Lifetimes::FOREVER);
        let preferred = self.preferred.unwrap_or(Lifetimes::FOREVER);
        let wrong = |original: &str, why: &str| Fault::new(1, original, "wrong lifetimes", why);
        match (valid, preferred) {
            (0, _) => Err(wrong(
                "valid_lft is zero",
                "valid_lft is zero: the address would be gone at once",
            )),
            _ if valid < preferred => Err(wrong(
                "preferred_lft is greater than valid_lft",
                "preferred_lft is greater than valid_lft",
            )),
            _ => Ok(Some(Lifetimes { valid, preferred })),
        }
    }
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

/// The kernel takes any label of up to 15 bytes; we do not take what cannot name a link, but for the colon.
fn if_name_label(text: &str) -> Done<core_netlink::IfName> {
    let name = text.replacen(':', "_", 1);
    if_name("label", &name)?;
    Ok(core_netlink::IfName::from_kernel(text.as_bytes()))
}

fn address_scope(s: &Session<'_>, text: &str) -> Done<core_netlink::addr::Scope> {
    let original = format!(
        "Error: argument \"{}\" is wrong: invalid scope value.",
        quoted(text)
    );
    scope(s, text).map_err(|fault| fault.original(original))
}

fn lifetime(field: &str, text: &str) -> Done<u32> {
    match text {
        "forever" => Ok(Lifetimes::FOREVER),
        text => fit(field, text).map_err(|_| {
            Fault::wrong(field, text, format!("{field} value is invalid"))
                .hint("seconds, or `forever`")
        }),
    }
}

/// IPv4 without a prefix length: the first address of the link that fits, whatever its length, as old scripts expect.
fn find_wildcard(s: &mut Session<'_>, link: &Link, spec: &mut AddressSpec) -> Done {
    let filter = AddressFilter {
        link: Some(link.index),
        ..AddressFilter::default()
    };
    let found = s.conn()?.addresses(&filter)?;
    let Some(found) = found
        .iter()
        .find(|found| found.link == link.index && found.address.addr() == spec.address.addr())
    else {
        return Ok(());
    };
    if found.address.prefix_len() != 32 || found.peer.is_some() {
        let (given, right) = (spec.address, found.address);
        match s.program {
            crate::Program::Vetch => s.note(format_args!("note: taken to mean {right}")),
            _ => s.note(format_args!(
                "Warning: Executing wildcard deletion to stay compatible with old scripts.\n         Explicitly specify the prefix length ({given}) to avoid this warning.\n         This special behaviour is likely to disappear in further releases,\n         fix your scripts!"
            )),
        }
    }
    (spec.address, spec.peer) = (found.address, found.peer);
    Ok(())
}
