//! `ip neigh show`, `get` and `flush`.

use super::modify::state;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::options::Family;
use crate::row::Row;
use crate::session::Session;
use crate::value::{address, destination};
use core_netlink::neigh::{
    Neighbour, NeighbourFilter, NeighbourFlags, NeighbourKey, NeighbourState,
};
use core_netlink::route::RouteProtocol;
use core_netlink::{Change, IfIndex, Prefix};

pub(super) const USAGE: &str =
    "[proxy] [[to] PREFIX] [dev LINK] [nud STATE|all] [vrf NAME] [unused] [nomaster]";
const ROUNDS: u32 = 10;

/// Not shown unless asked for.
const HIDDEN: u16 = NeighbourState::Noarp.number();
const ALL: u16 = 0xffff;

/// What was asked for.
#[derive(Default)]
struct Filter {
    family: Option<Family>,
    states: Option<u16>,
    to: Option<Prefix>,
    dev: Option<IfIndex>,
    master: Option<IfIndex>,
    protocol: Option<RouteProtocol>,
    proxies: bool,
    unused: bool,
    all: bool,
}

impl Filter {
    fn read(s: &mut Session<'_>, args: &mut Args<'_>) -> Done<Filter> {
        let mut filter = Filter {
            family: s.opts.family,
            ..Filter::default()
        };
        while let Some(word) = args.next()? {
            match word {
                "dev" => filter.dev = Some(s.link_index(args.value("dev")?)?),
                "master" | "vrf" => {
                    filter.master = Some(s.link_value("master", args.value(word)?)?)
                }
                "nud" => filter.add_state(args.value("nud")?)?,
                "proxy" => filter.proxies = true,
                "unused" => filter.unused = true,
                "nomaster" => filter.master = Some(IfIndex(0)),
                "proto" | "protocol" => {
                    filter.protocol = Some(crate::route::protocol(s, args.value("protocol")?)?)
                }
                word => {
                    let text = if word == "to" {
                        args.value("to")?
                    } else {
                        word
                    };
                    (filter.to, filter.all) = (
                        Some(destination("address", text, s.opts.family)?),
                        text == "all",
                    );
                }
            }
        }
        let to = filter.to.filter(|to| to.prefix_len() > 0);
        filter.family = filter.family.or(to.map(|to| {
            if to.addr().is_ipv4() {
                Family::Inet
            } else {
                Family::Inet6
            }
        }));
        Ok(filter)
    }

    fn add_state(&mut self, text: &str) -> Done {
        let bits = match text {
            "all" => ALL,
            text => state(text)?.number(),
        };
        self.states = Some(self.states.unwrap_or(0) | if bits == 0 { 0x100 } else { bits });
        Ok(())
    }

    /// What the kernel can choose itself.
    fn kernel(&self) -> NeighbourFilter {
        NeighbourFilter {
            link: self.dev,
            master: self.master,
            proxies: self.proxies,
            ..NeighbourFilter::default()
        }
    }

    fn is_nothing(&self) -> bool {
        self.states.is_none() && self.to.is_none() && self.dev.is_none() && self.master.is_none()
    }

    fn passes(&self, found: &Neighbour) -> bool {
        let v4 = found.address.is_ipv4();
        let family = match self.family {
            Some(Family::Inet) => v4,
            Some(Family::Inet6) => !v4,
            _ => true,
        };
        let everything = self.to.filter(|to| to.prefix_len() > 0);
        family
            && everything.is_none_or(|to| to.contains(&found.address))
            && self.dev.is_none_or(|dev| found.link == dev)
            && self
                .protocol
                .is_none_or(|protocol| found.protocol == Some(protocol))
            && (!self.unused || found.cache.is_some_and(|cache| cache.references == 0))
            && (self.proxies || self.passes_state(found))
    }

    fn passes_state(&self, found: &Neighbour) -> bool {
        let bits = match found.state.number() {
            0 => 0x100,
            bits => bits,
        };
        found.flags.contains(NeighbourFlags::EXT_LEARNED)
            || bits & self.states.unwrap_or(0xff & !HIDDEN) != 0
    }
}

fn list(s: &mut Session<'_>, filter: &Filter) -> Done<Vec<Neighbour>> {
    let mut found = s.conn()?.neighbours(&filter.kernel())?;
    found.retain(|neighbour| filter.passes(neighbour));
    Ok(found)
}

pub(super) fn show(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let filter = Filter::read(s, args)?;
    let printed = s.stream(&filter.kernel(), |s, found| {
        filter.passes(&found).then(|| describe(s, &found, &filter))
    });
    printed.map_err(|fault| fault.dump("Dump terminated"))
}

pub(super) fn get(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let (mut wanted, mut dev, mut proxy) = (None, None, false);
    while let Some(word) = args.next()? {
        match word {
            "dev" => dev = Some(s.link_index(args.value("dev")?)?),
            "proxy" => proxy = true,
            word => {
                let text = if word == "to" {
                    args.value("to")?
                } else {
                    word
                };
                wanted = Some(address("address", text, s.opts.family)?);
            }
        }
    }
    let incomplete = || {
        Fault::missing(
            1,
            "Device and address are required arguments.",
            "the command is not complete",
            "an address and `dev LINK` are needed",
        )
    };
    let (address, link) = wanted.zip(dev).ok_or_else(incomplete)?;
    let asked = s.conn()?.neighbour(&NeighbourKey {
        link,
        address,
        proxy,
    });
    let name = s.link_name(link);
    let found = asked.map_err(|err| Session::renumbered(err, link, &name))?;
    let row = describe(s, &found, &Filter::default());
    s.print(vec![row])
}

fn describe(s: &mut Session<'_>, found: &Neighbour, filter: &Filter) -> Row {
    if s.opts.brief {
        return brief(s, found, filter);
    }
    let mut row = s.row();
    row.field(
        "dst",
        found.address.to_string(),
        format_args!("{} ", found.address),
    );
    if filter.dev.is_none() {
        row.word("dev", s.link_name(found.link));
    }
    if let Some(lladdr) = found.lladdr {
        row.word("lladdr", lladdr.to_string());
    }
    for (flag, name) in [
        (NeighbourFlags::ROUTER, "router"),
        (NeighbourFlags::PROXY, "proxy"),
        (NeighbourFlags::MANAGED, "managed"),
        (NeighbourFlags::EXT_LEARNED, "extern_learn"),
        (NeighbourFlags::OFFLOADED, "offload"),
    ] {
        if found.flags.contains(flag) {
            row.mark(name);
        }
    }
    if s.opts.statistics > 0 {
        statistics(&mut row, found);
    }
    let states = states(found.state.number());
    if !states.is_empty() {
        row.values("state", &states, "", ",", " ");
    }
    if let Some(protocol) = found.protocol {
        row.pair(
            "proto",
            "protocol",
            s.names.protocols.name(protocol.number().into()),
        );
    }
    row
}

/// Address, link and link-layer address in columns.
fn brief(s: &mut Session<'_>, found: &Neighbour, filter: &Filter) -> Row {
    let mut row = s.row();
    let address = found.address.to_string();
    row.field("dst", address.as_str(), format_args!("{address:<39} "));
    if filter.dev.is_none() {
        let name = s.link_name(found.link);
        row.field("dev", name.as_str(), format_args!("{name:<16} "));
    }
    if let Some(lladdr) = found.lladdr {
        row.field("lladdr", lladdr.to_string(), lladdr);
    }
    row
}

/// Ages in seconds; the kernel has hundredths.
fn statistics(row: &mut Row, found: &Neighbour) {
    if let Some(cache) = &found.cache {
        if cache.references > 0 {
            row.field(
                "refcnt",
                cache.references,
                format_args!(" ref {}", cache.references),
            );
        }
        row.field(
            "used",
            cache.used / 100,
            format_args!(" used {}", cache.used / 100),
        );
        row.field(
            "confirmed",
            cache.confirmed / 100,
            format_args!("/{}", cache.confirmed / 100),
        );
        row.field(
            "updated",
            cache.updated / 100,
            format_args!("/{}", cache.updated / 100),
        );
    }
    if let Some(probes) = found.probes {
        row.word("probes", probes);
    }
}

fn states(bits: u16) -> Vec<String> {
    let named = NeighbourState::NAMED
        .iter()
        .filter(|state| state.number() & bits != 0);
    named
        .map(|state| state.to_string().to_uppercase())
        .collect()
}

pub(super) fn flush(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let mut filter = Filter::read(s, args)?;
    if filter.is_nothing() && !filter.all {
        return Err(Fault::new(
            1,
            "Flush requires arguments.",
            "nothing says which neighbours to flush",
            "a flush without a filter is refused",
        )
        .hint("`all`, `dev LINK`, `to PREFIX` or `nud STATE`"));
    }
    filter
        .states
        .get_or_insert(0xff & !(NeighbourState::Permanent.number() | HIDDEN));
    for round in 1..=ROUNDS {
        let found = list(s, &filter)?;
        let deleted = delete(s, &found)?;
        if deleted == 0 {
            return report_end(s, round - 1);
        }
        if s.opts.statistics > 0 {
            s.say(format_args!(
                "\n*** Round {round}, deleting {deleted} entries ***\n"
            ))?;
        }
        if found
            .iter()
            .all(|neighbour| neighbour.state == NeighbourState::Failed)
        {
            return report_end(s, round); // entries that the kernel keeps for a while
        }
    }
    report_end(s, ROUNDS)
}

fn delete(s: &mut Session<'_>, found: &[Neighbour]) -> Done<usize> {
    let specs: Vec<_> = found.iter().map(Neighbour::to_spec).collect();
    let failed = s.conn()?.batch(specs.iter().map(Change::delete))?;
    let gone = failed
        .iter()
        .filter(|failed| failed.error.is_not_found())
        .count();
    match failed
        .into_iter()
        .find(|failed| !failed.error.is_not_found())
    {
        Some(failed) => Err(failed.error.into()),
        None => Ok(specs.len() - gone),
    }
}

fn report_end(s: &mut Session<'_>, rounds: u32) -> Done {
    match (s.opts.statistics, rounds) {
        (0, _) => Ok(()),
        (_, 0) => s.say("Nothing to flush.\n"),
        (_, 1) => s.say("*** Flush is complete after 1 round ***\n"),
        (_, more) => s.say(format_args!(
            "*** Flush is complete after {more} rounds ***\n"
        )),
    }
}
