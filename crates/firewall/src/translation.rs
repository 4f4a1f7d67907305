//! Published ports that take some connections only, and whom a container sees at them.

use crate::compile::{by_family, one_address};
use crate::{Attachment, Change, Element, Error, Owner, Publish, Result, Set};
use core_netlink::Prefix;
use core_netlink::nft::Value;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses from the first to the last, both included, of one family.
///
/// ```
/// use firewall::AddressRange;
/// let range: AddressRange = "10.0.0.0-10.0.0.255".parse()?;
/// assert_eq!(range, AddressRange::of("10.0.0.0/24".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    pub(crate) first: IpAddr,
    pub(crate) last: IpAddr,
}

impl AddressRange {
    /// Refused if they are of two families, or the last is below the first.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<AddressRange> {
        if first.is_ipv4() != last.is_ipv4() || last < first {
            let value = format!("{first}-{last}");
            let right = "two addresses of one family, the first not above the last";
            return Err(Error::refused("addresses", value, right));
        }
        Ok(AddressRange { first, last })
    }

    /// Those of a prefix.
    pub fn of(prefix: Prefix) -> AddressRange {
        AddressRange {
            first: prefix.network(),
            last: prefix.broadcast(),
        }
    }

    /// All of IPv4, or of IPv6.
    pub fn every(ipv4: bool) -> AddressRange {
        let (first, last) = match ipv4 {
            true => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::BROADCAST.into()),
            false => (
                Ipv6Addr::UNSPECIFIED.into(),
                Ipv6Addr::from(u128::MAX).into(),
            ),
        };
        AddressRange { first, last }
    }

    /// All others of the family: those below and those above.
    pub fn others(self) -> Vec<AddressRange> {
        let every = AddressRange::every(self.is_ipv4());
        let below = before(self.first).map(|last| (every.first, last));
        let above = behind(self.last).map(|first| (first, every.last));
        let both = below.into_iter().chain(above);
        both.map(|(first, last)| AddressRange { first, last })
            .collect()
    }

    /// Those that are in both, if there are any.
    pub fn common(self, other: AddressRange) -> Option<AddressRange> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        AddressRange::new(first, last).ok()
    }

    /// Of which family.
    pub fn is_ipv4(self) -> bool {
        self.first.is_ipv4()
    }

    /// The one address, if it is one.
    pub fn single(self) -> Option<IpAddr> {
        Some(self.first).filter(|first| *first == self.last)
    }
}

fn before(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_sub(1).map(|ip| IpAddr::V4(ip.into())),
        IpAddr::V6(ip) => u128::from(ip)
            .checked_sub(1)
            .map(|ip| IpAddr::V6(ip.into())),
    }
}

fn behind(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|ip| IpAddr::V4(ip.into())),
        IpAddr::V6(ip) => u128::from(ip)
            .checked_add(1)
            .map(|ip| IpAddr::V6(ip.into())),
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl FromStr for AddressRange {
    type Err = Error;

    fn from_str(text: &str) -> Result<AddressRange> {
        let ends = text
            .split_once('-')
            .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        let right = "two addresses, as in 10.0.0.0-10.0.0.255";
        let (first, last) = ends.ok_or_else(|| Error::refused("addresses", text, right))?;
        AddressRange::new(first, last)
    }
}

/// Connections to certain addresses from certain addresses, of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    /// The destination, before it is translated.
    pub to: AddressRange,
    /// Who connects.
    pub from: AddressRange,
}

/// `TO from FROM`, each two addresses.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.to, self.from)
    }
}

impl FromStr for Region {
    type Err = Error;

    fn from_str(text: &str) -> Result<Region> {
        let right = "two ranges of addresses, as in 10.0.0.1-10.0.0.9 from 0.0.0.0-255.255.255.255";
        let bad = || Error::refused("connections", text, right);
        let (to, from) = text.split_once(" from ").ok_or_else(bad)?;
        let (to, from): (AddressRange, AddressRange) = (to.parse()?, from.parse()?);
        match to.is_ipv4() == from.is_ipv4() {
            true => Ok(Region { to, from }),
            false => Err(bad()),
        }
    }
}

/// Whom a container sees who connects to a published port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Source {
    /// Who it is; but the host for its neighbours and for 127.0.0.1, so that answers come back the same way.
    #[default]
    Usual,
    /// Who it is, neighbours too: they must get answers back by the host. 127.0.0.1 is still the host.
    Kept,
    /// Always the host.
    Hidden,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Usual => "usual",
            Source::Kept => "kept",
            Source::Hidden => "hidden",
        })
    }
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Source> {
        let all = [Source::Usual, Source::Kept, Source::Hidden];
        let found = all.into_iter().find(|source| source.to_string() == text);
        found.ok_or_else(|| Error::refused("source", text, "usual, kept or hidden"))
    }
}

/// The addresses of the host that a port is published on.
pub(crate) fn published_on(publish: &Publish) -> AddressRange {
    let every = AddressRange::every(publish.to.is_ipv4());
    one_address(publish).map_or(every, |ip| AddressRange::of(ip.into()))
}

/// Which connections a port takes: none where all are meant.
pub(crate) fn regions(publish: &Publish) -> Vec<Region> {
    let ipv4 = publish.to.is_ipv4();
    let on = published_on(publish);
    let own = publish.only.iter().filter(|only| only.to.is_ipv4() == ipv4);
    own.filter_map(|only| {
        let to = only.to.common(on)?;
        Some(Region { to, ..*only })
    })
    .collect()
}

/// Whether not every connection is meant.
pub(crate) fn is_limited(publish: &Publish) -> bool {
    let ipv4 = publish.to.is_ipv4();
    publish.only.iter().any(|only| only.to.is_ipv4() == ipv4)
}

/// One port that takes the connections of one region.
pub(crate) fn limited(
    owner: &Owner,
    publish: &Publish,
    region: Region,
    port: u16,
    target: u16,
) -> Element {
    let to = publish.to.ip();
    let set = by_family(to, Set::When4, Set::When6);
    let key = |to, from| {
        let protocol = Value::Protocol(publish.transport.number());
        vec![Value::Ip(to), Value::Ip(from), protocol, Value::Port(port)]
    };
    Element {
        end: Some(key(region.to.last, region.from.last)),
        value: vec![Value::Ip(to), Value::Port(target)],
        ..Element::new(set, owner, key(region.to.first, region.from.first))
    }
}

/// Whom a container with these addresses sees at its published ports. Nothing has to be said of the usual.
pub fn source(owner: &Owner, addresses: &[IpAddr], source: Source) -> Result<Change> {
    owner.check()?;
    let sets = match source {
        Source::Usual => return Ok(Change::default()),
        Source::Kept => [Set::Keep4, Set::Keep6],
        Source::Hidden => [Set::Hide4, Set::Hide6],
    };
    let element = |ip: &IpAddr| {
        let set = by_family(*ip, sets[0], sets[1]);
        Element::new(set, owner, [Value::Ip(*ip)])
    };
    Ok(Change::add(addresses.iter().map(element)))
}

/// Connections of neighbours that turn back to an interface of somebody else's.
pub(crate) fn turning(of: &Attachment, subnets: &[Prefix]) -> Vec<Element> {
    let within = |ip: &IpAddr| {
        let all = subnets.iter().filter(|subnet| subnet.contains(ip));
        let element = |subnet: &Prefix| Element {
            end: Some(vec![Value::Ip(subnet.broadcast()), Value::Ip(*ip)]),
            ..Element::new(
                by_family(*ip, Set::Turn4, Set::Turn6),
                &of.owner,
                [Value::Ip(subnet.network()), Value::Ip(*ip)],
            )
        };
        all.map(element).collect::<Vec<_>>()
    };
    of.addresses.iter().flat_map(within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    #[test]
    fn all_others_are_below_and_above() {
        let net = AddressRange::of("192.0.2.0/24".parse().unwrap());
        let others: Vec<String> = net.others().iter().map(|of| of.to_string()).collect();
        assert_eq!(others, ["0.0.0.0-192.0.1.255", "192.0.3.0-255.255.255.255"]);
        assert!(AddressRange::every(false).others().is_empty());
        assert_eq!(
            range("::-::1").others(),
            [range("::2-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
        );
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "10.0.0.1", "10.0.0.2-10.0.0.1", "10.0.0.1-::1", "a-b"] {
            assert!(text.parse::<AddressRange>().is_err(), "{text}");
        }
        for text in ["10.0.0.1-10.0.0.1", "::-::1 from 1.1.1.1-1.1.1.1"] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_range_and_its_others_are_everything_once(a: u32, b: u32, probe: u32) {
            let [first, last] = [a.min(b), a.max(b)].map(|ip| IpAddr::V4(ip.into()));
            let range = AddressRange::new(first, last).unwrap();
            let probe = AddressRange::of(IpAddr::V4(probe.into()).into());
            let all = range.others().into_iter().chain([range]);
            prop_assert_eq!(all.filter_map(|of| of.common(probe)).count(), 1);
            let region = Region { to: range, from: probe };
            prop_assert_eq!(region.to_string().parse::<Region>().unwrap(), region);
        }
    }
}
