//! `ip route add|del|change|replace|append|prepend`: words to a [`RouteSpec`].

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::options::Family;
use crate::session::Session;
use crate::value::{address, destination, everything, fit, number, prefix};
use core_netlink::route::{
    HopFlags, MetricLocks, Metrics, NextHop, Preference, RouteFeatures, RouteProtocol, RouteSpec,
    RouteType, Table,
};
use core_netlink::{Change, Prefix, Verb};
use std::net::IpAddr;

pub(super) const USAGE: &str = "[TYPE] PREFIX|default [via [FAMILY] ADDRESS] [dev LINK] [src ADDRESS] [metric N] [table T] [proto P] [scope S] [onlink] \
[mtu [lock] N] [nexthop via ADDRESS dev LINK weight N]...";

pub(super) fn add(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Add)
}

pub(super) fn change(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Change)
}

pub(super) fn replace(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Replace)
}

pub(super) fn prepend(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Prepend)
}

pub(super) fn append(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Append)
}

pub(super) fn delete(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    modify(s, args, Verb::Delete)
}

fn modify(s: &mut Session<'_>, args: &mut Args<'_>, verb: Verb) -> Done {
    let mut words = Words {
        family: s.opts.family,
        ..Words::default()
    };
    while let Some(word) = args.next()? {
        words.take(s, args, word)?;
    }
    if !words.said {
        return Err(no_destination());
    }
    let dev = words.dev.take();
    let mut spec = words.finish();
    if let Some(dev) = &dev {
        spec.link = Some(s.link_index(dev)?);
    }
    refuse(&spec)?;
    let what = what(s, verb, &spec);
    s.conn()?
        .change(&Change::new(verb, &spec))
        .map_err(|err| Fault::from(err).what(what))
}

/// The original only shows its usage.
fn no_destination() -> Fault {
    Fault::new(
        255,
        format!("Usage: ip route {{ add | del | change | append | replace }} {USAGE}"),
        "no destination is named",
        "a route leads somewhere",
    )
    .hint("a prefix as in 10.0.0.0/8, or `default`")
}

/// What the kernel would refuse with less to say.
fn refuse(spec: &RouteSpec) -> Done {
    if spec.destination.trunc() != spec.destination {
        let (given, right) = (spec.destination, spec.destination.trunc());
        return Err(Fault::new(
            2,
            "Error: Invalid prefix for given prefix length.",
            format!("wrong destination `{given}`"),
            "host bits are set behind the prefix length",
        )
        .hint(format!(
            "`{right}` is the network, `{}` the host",
            given.addr()
        )));
    }
    Ok(())
}

/// "cannot add route 10.0.0.0/8 via 10.1.1.1 on link `eth0`".
fn what(s: &mut Session<'_>, verb: Verb, spec: &RouteSpec) -> String {
    let plain = RouteSpec {
        link: None,
        ..spec.clone()
    };
    let text = core_netlink::Object::what(&plain, verb);
    match spec.link {
        Some(link) => format!("cannot {text} on link `{}`", s.link_name(link)),
        None => format!("cannot {text}"),
    }
}

/// The words as they come.
#[derive(Default)]
struct Words {
    family: Option<Family>,
    spec: RouteSpec,
    to: Option<Prefix>,
    is_default: bool,
    said: bool,
    dev: Option<String>,
}

impl Words {
    fn take(&mut self, s: &mut Session<'_>, args: &mut Args<'_>, word: &str) -> Done {
        if self.take_hop(s, args, word)?
            || self.take_place(s, args, word)?
            || self.take_metric(args, word)?
        {
            return Ok(());
        }
        self.take_destination(args, word)
    }

    fn take_hop(&mut self, s: &mut Session<'_>, args: &mut Args<'_>, word: &str) -> Done<bool> {
        match word {
            "via" => self.spec.gateway = Some(via(args, self.to_family())?),
            "dev" | "oif" => self.dev = Some(args.value("dev")?.to_owned()),
            "onlink" => self.spec.flags |= HopFlags::ONLINK,
            "pervasive" => self.spec.flags |= HopFlags::PERVASIVE,
            "nhid" => self.spec.nexthop_id = Some(fit("nhid", args.value("nhid")?)?),
            "nexthop" => {
                let hop = hop(s, args, self.to_family())?;
                self.spec.multipath.push(hop);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_place(&mut self, s: &mut Session<'_>, args: &mut Args<'_>, word: &str) -> Done<bool> {
        let spec = &mut self.spec;
        match word {
            "src" => spec.prefsrc = Some(address("src", args.value("src")?, self.family)?),
            "from" => spec.source = Some(prefix("from", args.value("from")?, self.family)?),
            "tos" | "dsfield" => spec.tos = tos(s, args.value("tos")?)?,
            "metric" | "priority" | "preference" => {
                spec.metric = Some(fit("metric", args.value("metric")?)?)
            }
            "table" => spec.table = Some(table(s, args.value("table")?)?),
            "scope" => spec.scope = Some(scope(s, args.value("scope")?)?),
            "realms" => spec.flow = Some(realms(s, args.value("realms")?)?),
            "expires" => spec.expires = Some(fit("expires", args.value("expires")?)?),
            "pref" => spec.preference = Some(router_preference(args.value("pref")?)?),
            _ if args.means(word, "protocol") && word.len() > 1 => {
                spec.protocol = Some(protocol(s, args.value("protocol")?)?)
            }
            "proto" => spec.protocol = Some(protocol(s, args.value("proto")?)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_metric(&mut self, args: &mut Args<'_>, word: &str) -> Done<bool> {
        let metrics = &mut self.spec.metrics;
        if word == "congctl" {
            metrics.congestion =
                Some(lockable(metrics, args, MetricLocks::CONGESTION, "congctl")?.to_owned());
            return Ok(true);
        }
        if word == "features" {
            metrics.features = Some(features(args)?);
            return Ok(true);
        }
        let Some((name, lock)) = METRICS.iter().find(|(name, _)| *name == word) else {
            return Ok(false);
        };
        let text = lockable(metrics, args, *lock, name)?;
        let value = match word {
            "rtt" => time(word, text, 8)?,
            "rttvar" => time(word, text, 4)?,
            "rto_min" => time(word, text, 1)?,
            _ => fit(word, text)?,
        };
        if let Some(place) = metric(metrics, word) {
            *place = Some(value);
        }
        Ok(true)
    }

    fn take_destination(&mut self, args: &mut Args<'_>, word: &str) -> Done {
        let word = if word == "to" {
            args.value("to")?
        } else {
            word
        };
        if let Some(kind) = route_type(word) {
            self.spec.kind = Some(kind);
            return Ok(());
        }
        if self.said {
            let fault = Fault::duplicate("to", word);
            return Err(match word {
                "gw" => fault.hint("a gateway is named with `via`"),
                _ => fault,
            });
        }
        self.said = true;
        self.is_default = matches!(word, "default" | "any" | "all");
        self.to = Some(destination("destination", word, self.family)?);
        Ok(())
    }

    /// The family that the gateway must have: the destination's, unless that is `default`.
    fn to_family(&self) -> Option<Family> {
        let to = self.to.filter(|_| !self.is_default);
        self.family.or(to.map(|to| {
            if to.addr().is_ipv4() {
                Family::Inet
            } else {
                Family::Inet6
            }
        }))
    }

    fn finish(mut self) -> RouteSpec {
        let hop = self.spec.multipath.first().and_then(|hop| hop.gateway);
        let other = self
            .spec
            .gateway
            .or(hop)
            .or(self.spec.prefsrc)
            .or(self.spec.source.map(|source| source.addr()));
        let v6 = match self.family {
            Some(family) => family == Family::Inet6,
            None => other.is_some_and(|ip| ip.is_ipv6()),
        };
        self.spec.destination = match self.to {
            Some(to) if !self.is_default => to,
            _ => everything(v6),
        };
        self.spec
    }
}

/// "via [FAMILY] ADDRESS".
fn via(args: &mut Args<'_>, family: Option<Family>) -> Done<IpAddr> {
    let family = match args.peek()? {
        Some("inet") => Some(Family::Inet),
        Some("inet6") => Some(Family::Inet6),
        _ => return address("gateway", args.value("via")?, family),
    };
    args.skip();
    address("gateway", args.value("via")?, family)
}

fn hop(s: &mut Session<'_>, args: &mut Args<'_>, family: Option<Family>) -> Done<NextHop> {
    let mut hop = NextHop {
        weight: 1,
        ..NextHop::default()
    };
    while let Some(word) = args.peek()? {
        match word {
            "via" | "dev" | "weight" | "onlink" | "pervasive" | "realms" => args.skip(),
            _ => break,
        }
        match word {
            "via" => hop.gateway = Some(via(args, family)?),
            "dev" => hop.link = Some(s.link_index(args.value("dev")?)?),
            "weight" => hop.weight = weight(args.value("weight")?)?,
            "onlink" => hop.flags |= HopFlags::ONLINK,
            "realms" => hop.flow = Some(realms(s, args.value("realms")?)?),
            _ => hop.flags |= HopFlags::PERVASIVE,
        }
    }
    if hop.gateway.is_none() && hop.link.is_none() {
        return Err(Fault::incomplete("nexthop"));
    }
    Ok(hop)
}

fn weight(text: &str) -> Done<u16> {
    let weight = number(text).filter(|weight| (1..=256).contains(weight));
    weight
        .map(|weight| weight as u16)
        .ok_or_else(|| Fault::wrong("weight", text, "\"weight\" is invalid").hint("1 to 256"))
}

/// The metrics that are numbers, and their locks.
const METRICS: [(&str, MetricLocks); 14] = [
    ("mtu", MetricLocks::MTU),
    ("window", MetricLocks::WINDOW),
    ("rtt", MetricLocks::RTT),
    ("rttvar", MetricLocks::RTTVAR),
    ("ssthresh", MetricLocks::SSTHRESH),
    ("cwnd", MetricLocks::CWND),
    ("advmss", MetricLocks::ADVMSS),
    ("reordering", MetricLocks::REORDERING),
    ("hoplimit", MetricLocks::HOPLIMIT),
    ("initcwnd", MetricLocks::INITCWND),
    ("rto_min", MetricLocks::RTO_MIN),
    ("initrwnd", MetricLocks::INITRWND),
    ("quickack", MetricLocks::QUICKACK),
    ("fastopen_no_cookie", MetricLocks::NONE),
];

fn metric<'m>(metrics: &'m mut Metrics, name: &str) -> Option<&'m mut Option<u32>> {
    Some(match name {
        "mtu" => &mut metrics.mtu,
        "window" => &mut metrics.window,
        "rtt" => &mut metrics.rtt,
        "rttvar" => &mut metrics.rttvar,
        "ssthresh" => &mut metrics.ssthresh,
        "cwnd" => &mut metrics.cwnd,
        "advmss" => &mut metrics.advmss,
        "reordering" => &mut metrics.reordering,
        "hoplimit" => &mut metrics.hoplimit,
        "initcwnd" => &mut metrics.initcwnd,
        "rto_min" => &mut metrics.rto_min,
        "initrwnd" => &mut metrics.initrwnd,
        "quickack" => &mut metrics.quickack,
        "fastopen_no_cookie" => &mut metrics.fastopen_no_cookie,
        _ => return None,
    })
}

/// "[lock] VALUE".
fn lockable<'a>(
    metrics: &mut Metrics,
    args: &mut Args<'a>,
    lock: MetricLocks,
    name: &str,
) -> Done<&'a str> {
    let text = args.value(name)?;
    if text != "lock" {
        return Ok(text);
    }
    metrics.lock = Some(metrics.lock.unwrap_or_default() | lock);
    args.value(name)
}

fn features(args: &mut Args<'_>) -> Done<RouteFeatures> {
    let mut features = RouteFeatures::NONE;
    while args.take("ecn")? {
        features |= RouteFeatures::ECN;
    }
    match features.is_empty() {
        true => Err(Fault::bad_value(
            "features",
            args.value("features")?,
            "`ecn`",
        )),
        false => Ok(features),
    }
}

/// A bare number in the kernel's units, or a time in `ms` or `s`, of which the kernel takes parts of a millisecond.
fn time(field: &str, text: &str, parts: u32) -> Done<u32> {
    let scaled = |digits: &str, by: f64| {
        digits
            .parse::<f64>()
            .ok()
            .map(|value| (value * by * f64::from(parts)).ceil())
    };
    let value = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => scaled(digits, 1.0),
        (None, Some(digits)) => scaled(digits, 1000.0),
        _ => return fit(field, text),
    };
    let value = value.filter(|value| (0.0..=f64::from(u32::MAX)).contains(value));
    value
        .map(|value| value as u32)
        .ok_or_else(|| Fault::bad_value(field, text, "a time such as 200ms or 1s"))
}

fn router_preference(text: &str) -> Done<Preference> {
    text.parse().map_err(|_| {
        Fault::wrong("pref", text, "\"pref\" value is invalid").hint("low, medium or high")
    })
}

pub(super) fn route_type(word: &str) -> Option<RouteType> {
    RouteType::NAMED
        .iter()
        .find(|kind| kind.name() == Some(word) && **kind != RouteType::Unspec)
        .copied()
}

pub(crate) fn table(s: &Session<'_>, text: &str) -> Done<Table> {
    let table = s.names.tables.number(text).map(Table);
    table.ok_or_else(|| {
        Fault::wrong("table", text, "\"table\" value is invalid")
            .hint("main, local, default, a name of /etc/iproute2/rt_tables or a number")
    })
}

pub(crate) fn protocol(s: &Session<'_>, text: &str) -> Done<RouteProtocol> {
    let number = s
        .names
        .protocols
        .number(text)
        .and_then(|number| u8::try_from(number).ok());
    number.map(RouteProtocol::from).ok_or_else(|| {
        Fault::wrong("protocol", text, "\"protocol\" value is invalid")
            .hint("boot, static, kernel, a name of /etc/iproute2/rt_protos or 0 to 255")
    })
}

pub(crate) fn scope(s: &Session<'_>, text: &str) -> Done<core_netlink::addr::Scope> {
    let number = s
        .names
        .scopes
        .number(text)
        .and_then(|number| u8::try_from(number).ok());
    number.map(Into::into).ok_or_else(|| {
        Fault::wrong("scope", text, "\"scope\" value is invalid")
            .hint("global, site, link, host or 0 to 255")
    })
}

/// Always hexadecimal where it is a number.
pub(crate) fn tos(s: &Session<'_>, text: &str) -> Done<u8> {
    let digits = text.trim_start_matches("0x");
    let hex = u8::from_str_radix(digits, 16)
        .ok()
        .filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let named = || {
        s.names
            .tos
            .number(text)
            .and_then(|number| u8::try_from(number).ok())
    };
    hex.or_else(named)
        .ok_or_else(|| Fault::wrong("tos", text, "\"tos\" value is invalid").hint("0x00 to 0xff"))
}

/// "[SOURCE/]DESTINATION".
pub(crate) fn realms(s: &Session<'_>, text: &str) -> Done<u32> {
    let realm = |text| s.names.realms.number(text).filter(|realm| *realm <= 0xffff);
    let both = match text.split_once('/') {
        Some((source, to)) => realm(source)
            .zip(realm(to))
            .map(|(source, to)| source << 16 | to),
        None => realm(text),
    };
    both.ok_or_else(|| {
        Fault::wrong("realms", text, "\"realm\" value is invalid")
            .hint("a name of /etc/iproute2/rt_realms or 0 to 65535")
    })
}
