//! Where the containers of a network may open connections to: lists of destinations, and the intervals they become.

use crate::compile::by_family;
use crate::{Element, Error, Owner, Ports, Result, Set, Transport};
use core_netlink::nft::Value;
use core_netlink::{IfName, Prefix};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

const TRANSPORTS: [Transport; 3] = [Transport::Tcp, Transport::Udp, Transport::Sctp];

/// A prefix, whole or only certain ports there: `10.0.0.0/8`, `192.0.2.7:443/tcp`, `[2001:db8::/32]:53`.
///
/// ```
/// use firewall::Destination;
/// let web: Destination = "192.0.2.7:443/tcp".parse()?;
/// assert_eq!(web.to_string(), "192.0.2.7/32:443/tcp");
/// # Ok::<(), firewall::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// Without host bits.
    pub prefix: Prefix,
    /// Only these ports; without them everything, ICMP too.
    pub ports: Option<Ports>,
    /// Only of this transport protocol; without one the ports of all three. Without meaning if there are no ports.
    pub transport: Option<Transport>,
}

impl FromStr for Destination {
    type Err = Error;

    fn from_str(text: &str) -> Result<Destination> {
        let bad = |why: &str| {
            let right = format!(
                "{why}; right is PREFIX[:PORT[/PROTO]], as in 10.0.0.0/8, 192.0.2.7:443/tcp or [2001:db8::/32]:53"
            );
            Error::refused("destination", text, right)
        };
        let (prefix, rest) = split(text).ok_or_else(|| bad("a bracket is not closed"))?;
        let (ports, transport) = match rest.map(|rest| (rest, rest.split_once('/'))) {
            None => (None, None),
            Some((ports, None)) => (Some(ports.parse()?), None),
            Some((_, Some((ports, word)))) => (Some(ports.parse()?), Some(word.parse()?)),
        };
        let destination = Destination {
            prefix: parse_prefix(prefix).ok_or_else(|| bad("that is no prefix"))?,
            ports,
            transport,
        };
        destination.check()?;
        Ok(destination)
    }
}

/// Prefix and what follows it. IPv6 with ports stands in brackets.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(inner) = text.strip_prefix('[') {
        let (prefix, rest) = inner.split_once(']')?;
        return match rest.strip_prefix(':') {
            None if rest.is_empty() => Some((prefix, None)),
            ports => ports.map(|ports| (prefix, Some(ports))),
        };
    }
    let is_v6 = text.matches(':').count() > 1;
    Some(match text.split_once(':') {
        Some((prefix, rest)) if !is_v6 => (prefix, Some(rest)),
        _ => (text, None),
    })
}

/// A prefix, or one address.
fn parse_prefix(text: &str) -> Option<Prefix> {
    let one = text.parse::<IpAddr>().map(Prefix::from);
    text.parse().ok().or(one.ok())
}

impl Destination {
    /// Refuses what cannot be meant, whoever built it.
    pub fn check(&self) -> Result<()> {
        let Destination { prefix, .. } = self;
        if prefix.trunc() != *prefix {
            let right = format!("host bits are set; the prefix is {}", prefix.trunc());
            return Err(Error::refused("destination", self, right));
        }
        match prefix.addr() {
            IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => {
                let right = "it is written as IPv4-mapped; write the IPv4 prefix itself";
                Err(Error::refused("destination", self, right))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ports, self.prefix) {
            (None, prefix) => return prefix.fmt(f),
            (Some(ports), Prefix::V4(prefix)) => write!(f, "{prefix}:{ports}")?,
            (Some(ports), Prefix::V6(prefix)) => write!(f, "[{prefix}]:{ports}")?,
        }
        self.transport.map_or(Ok(()), |of| write!(f, "/{of}"))
    }
}

/// What the lists become: two pairs of sets with intervals, one for whole prefixes, one for ports.
pub(crate) fn elements(
    bridge: IfName,
    allow: &[Destination],
    deny: &[Destination],
    owner: &Owner,
) -> Vec<Element> {
    if allow.is_empty() && deny.is_empty() {
        return Vec::new();
    }
    let everywhere = [
        Prefix::new_assert(Ipv4Addr::UNSPECIFIED.into(), 0),
        Prefix::new_assert(Ipv6Addr::UNSPECIFIED.into(), 0),
    ];
    let whole = |prefix| Destination {
        prefix,
        ports: None,
        transport: None,
    };
    let open = everywhere.map(whole);
    let allow = if allow.is_empty() { &open } else { allow };
    let list = List { bridge, owner };
    let mut elements = vec![Element::new(Set::Listed, owner, [Value::Name(bridge)])];
    elements.extend(list.prefixes(deny, [Set::Deny4, Set::Deny6]));
    elements.extend(list.ports(deny, [Set::DenyPort4, Set::DenyPort6]));
    elements.extend(list.prefixes(allow, [Set::Allow4, Set::Allow6]));
    elements.extend(list.ports(allow, [Set::AllowPort4, Set::AllowPort6]));
    elements
}

struct List<'a> {
    bridge: IfName,
    owner: &'a Owner,
}

impl List<'_> {
    fn prefixes(&self, all: &[Destination], [v4, v6]: [Set; 2]) -> Vec<Element> {
        let prefixes = outermost(all).into_iter();
        let element = |prefix: Prefix| {
            self.element(
                by_family(prefix.addr(), v4, v6),
                prefix,
                [].into(),
                [].into(),
            )
        };
        prefixes.map(element).collect()
    }

    fn ports(&self, all: &[Destination], [v4, v6]: [Set; 2]) -> Vec<Element> {
        let element = |(prefix, transport, ports): (Prefix, Transport, Ports)| {
            let tail = |port| vec![Value::Protocol(transport.number()), Value::Port(port)];
            let set = by_family(prefix.addr(), v4, v6);
            self.element(set, prefix, tail(ports.first()), tail(ports.last()))
        };
        disjoint(all).into_iter().map(element).collect()
    }

    fn element(&self, set: Set, prefix: Prefix, low: Vec<Value>, high: Vec<Value>) -> Element {
        let field = |ip: IpAddr, tail: Vec<Value>| {
            let head = [Value::Name(self.bridge), Value::Ip(ip)];
            head.into_iter().chain(tail).collect::<Vec<_>>()
        };
        Element {
            end: Some(field(prefix.broadcast(), high)),
            ..Element::new(set, self.owner, field(prefix.network(), low))
        }
    }
}

/// Whole prefixes that no other one of the list contains: the kernel refuses intervals that meet.
fn outermost(all: &[Destination]) -> Vec<Prefix> {
    let whole = all.iter().filter(|one| one.ports.is_none());
    let mut prefixes: Vec<Prefix> = whole.map(|one| one.prefix).collect();
    prefixes.sort_by_key(|prefix| (prefix.prefix_len(), *prefix));
    let mut kept: Vec<Prefix> = Vec::new();
    for prefix in prefixes {
        if !kept.iter().any(|wider| wider.contains(&prefix)) {
            kept.push(prefix);
        }
    }
    kept
}

/// The ports of the list, cut so that no two meet: what a wider prefix has is taken off the narrower one.
fn disjoint(all: &[Destination]) -> Vec<(Prefix, Transport, Ports)> {
    let mut wished: Vec<(Prefix, Transport, Ports)> = Vec::new();
    for one in all {
        let of = |transport| Some((one.prefix, transport, one.ports?));
        let transports = TRANSPORTS.into_iter();
        let meant = transports.filter(|of| one.transport.is_none_or(|only| only == *of));
        wished.extend(meant.filter_map(of));
    }
    wished.sort_by_key(|(prefix, ..)| prefix.prefix_len());
    let mut kept: Vec<(Prefix, Transport, Ports)> = Vec::new();
    for (prefix, transport, ports) in wished {
        let mut left = vec![ports];
        for (wider, of, taken) in &kept {
            if *of == transport && wider.contains(&prefix) {
                left = left
                    .iter()
                    .flat_map(|ports| without(*ports, *taken))
                    .collect();
            }
        }
        kept.extend(left.into_iter().map(|ports| (prefix, transport, ports)));
    }
    kept
}

/// What is left of some ports when others are taken off: nothing, one range or two.
fn without(ports: Ports, taken: Ports) -> Vec<Ports> {
    if taken.last() < ports.first() || ports.last() < taken.first() {
        return vec![ports];
    }
    let below = taken
        .first()
        .checked_sub(1)
        .map(|last| (ports.first(), last));
    let above = taken
        .last()
        .checked_add(1)
        .map(|first| (first, ports.last()));
    let left = [below, above].into_iter().flatten();
    left.filter_map(|(first, last)| Ports::new(first, last).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Destination {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_people_write() {
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.7:443", "192.0.2.7/32:443"),
            ("10.0.0.0/8:8000-8010/udp", "10.0.0.0/8:8000-8010/udp"),
            ("0.0.0.0/0:53", "0.0.0.0/0:53"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("[2001:db8::/32]", "2001:db8::/32"),
            ("[2001:db8::1]:53/tcp", "[2001:db8::1/128]:53/tcp"),
        ] {
            assert_eq!(parse(text).to_string(), shown);
            assert_eq!(parse(shown), parse(text), "{shown} is read again");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_is_right() {
        for (text, why) in [
            ("", "no prefix"),
            ("banana", "no prefix"),
            ("10.0.0.0/33", "no prefix"),
            ("10.0.0.1/8", "10.0.0.0/8"),
            ("::ffff:10.0.0.0/104", "IPv4-mapped"),
            ("10.0.0.0/8:0", "1 to 65535"),
            ("10.0.0.0/8:65536", "1 to 65535"),
            ("10.0.0.0/8:9-8", "first not above"),
            ("10.0.0.0/8:", "a port from 1"),
            ("10.0.0.0/8:80/", "tcp, udp or sctp"),
            ("10.0.0.0/8:80/icmp", "tcp, udp or sctp"),
            ("[2001:db8::1", "not closed"),
            ("[2001:db8::1]53", "not closed"),
            ("10.0.0.0/8/tcp", "no prefix"),
        ] {
            let said = text.parse::<Destination>().unwrap_err().to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[track_caller]
    fn check(list: &str, want: &[&str]) {
        let list: Vec<_> = list.split(' ').map(parse).collect();
        let owner = Owner::Network("n".into());
        let made = elements("br0".parse().unwrap(), &list, &[], &owner);
        let made: Vec<_> = made.iter().skip(1).map(|one| one.to_string()).collect();
        let want: Vec<_> = want.iter().map(|one| format!("inet vetch {one}")).collect();
        assert_eq!(made, want);
    }

    #[test]
    fn nested_prefixes_are_one() {
        let want = r#"allow4 { "br0" . 10.0.0.0/8 }"#;
        check("10.1.0.0/16 10.0.0.0/8 10.0.0.0/8 10.2.3.4", &[want]);
    }

    #[test]
    fn ports_of_nested_prefixes_do_not_meet() {
        check(
            "10.1.0.0/16:80-90/tcp 10.0.0.0/8:85/tcp 10.1.0.0/16:90-95/tcp",
            &[
                r#"allowport4 { "br0" . 10.0.0.0/8 . tcp . 85 }"#,
                r#"allowport4 { "br0" . 10.1.0.0/16 . tcp . 80-84 }"#,
                r#"allowport4 { "br0" . 10.1.0.0/16 . tcp . 86-90 }"#,
                r#"allowport4 { "br0" . 10.1.0.0/16 . tcp . 91-95 }"#,
            ],
        );
    }

    #[test]
    fn a_port_without_protocol_is_of_all_three() {
        check(
            "[2001:db8::/32]:53",
            &[
                r#"allowport6 { "br0" . 2001:db8::/32 . tcp . 53 }"#,
                r#"allowport6 { "br0" . 2001:db8::/32 . udp . 53 }"#,
                r#"allowport6 { "br0" . 2001:db8::/32 . sctp . 53 }"#,
            ],
        );
    }

    fn some() -> impl Strategy<Value = Vec<Destination>> {
        let one = (0u32..8, 27u8..=32, 1u16..12, 0u16..6);
        let one = one.prop_map(|(ip, len, first, more)| Destination {
            prefix: Prefix::new_assert(Ipv4Addr::from(ip << 2).into(), len).trunc(),
            ports: Some(Ports::new(first, first + more).unwrap()),
            transport: Some(Transport::Tcp),
        });
        prop::collection::vec(one, 1..8)
    }

    proptest! {
        #[test]
        fn cutting_changes_nothing(list in some(), ip in 0u32..32, port in 1u16..20) {
            let ip = IpAddr::from(Ipv4Addr::from(ip));
            let has = |prefix: &Prefix, ports: &Ports| prefix.contains(&ip) && (ports.first()..=ports.last()).contains(&port);
            let before = list.iter().any(|one| has(&one.prefix, &one.ports.unwrap()));
            let after = disjoint(&list).iter().filter(|(prefix, _, ports)| has(prefix, ports)).count();
            prop_assert_eq!(after, usize::from(before), "in exactly one piece, or in none");
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9a-f:./\\[\\]-]{0,30}|.*") {
            let _ = text.parse::<Destination>();
        }
    }
}
