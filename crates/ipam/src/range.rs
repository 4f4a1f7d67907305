//! A range: the addresses of a subnet from one to another, and the gateway of those who get one.

use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// Why there can be no such range, or no such set of ranges.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRange {
    /// Bits behind the prefix are set.
    #[error("{subnet} has host bits set; the subnet is {}", subnet.trunc())]
    HostBits {
        /// As it was given.
        subnet: IpNet,
    },
    /// Nothing is left beside the subnet's own addresses.
    #[error("{subnet} is too small: at least 4 addresses are needed (/30, or /126 of IPv6)")]
    Small {
        /// As it was given.
        subnet: IpNet,
    },
    /// The start or the end belongs to another subnet.
    #[error("{address} is not in {subnet}")]
    Outside {
        /// Which of the two.
        key: &'static str,
        /// As it was given.
        address: IpAddr,
        /// The subnet.
        subnet: IpNet,
    },
    /// The gateway is of the other family.
    #[error("{gateway} cannot be the gateway of {subnet}: it is of the other family")]
    Gateway {
        /// As it was given.
        gateway: IpAddr,
        /// The subnet.
        subnet: IpNet,
    },
    /// The end comes first.
    #[error("{start} comes after the end, {end}")]
    Order {
        /// The first address.
        start: IpAddr,
        /// The last address.
        end: IpAddr,
    },
    /// Two ranges have addresses in common.
    #[error("{one} overlaps {other}")]
    Overlap {
        /// The earlier one.
        one: String,
        /// The later one.
        other: String,
    },
    /// A set is for one address, so its ranges are of one family.
    #[error("{one} and {other} are of different families; each needs a set of its own")]
    Mixed {
        /// The first of the set.
        one: String,
        /// The one that does not fit.
        other: String,
    },
    /// A set without ranges.
    #[error("it is empty")]
    Empty,
}

impl BadRange {
    /// What of the range is wrong, as CNI's host-local calls it; `None` if it is the set.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            BadRange::HostBits { .. } | BadRange::Small { .. } => Some("subnet"),
            BadRange::Outside { key, .. } => Some(key),
            BadRange::Gateway { .. } => Some("gateway"),
            BadRange::Order { .. } => Some("rangeStart"),
            BadRange::Overlap { .. } | BadRange::Mixed { .. } | BadRange::Empty => None,
        }
    }
}

/// What is asked of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSpec {
    /// The subnet, without host bits.
    pub subnet: IpNet,
    /// The first address; unless given, the first after the subnet's own.
    pub start: Option<IpAddr>,
    /// The last address; unless given, the last of the subnet, of IPv4 the one before its broadcast address.
    pub end: Option<IpAddr>,
    /// The gateway; unless given, the first address after the subnet's own.
    pub gateway: Option<IpAddr>,
}

/// The addresses of a subnet from one to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    subnet: IpNet,
    pub(crate) first: u128,
    pub(crate) last: u128,
    gateway: Option<IpAddr>,
}

impl Range {
    /// All of a subnet that can be given out: of an IPv4 subnet wider than /31 all but the first and the last (RFC 3021 lets a /31 use
    /// both), of an IPv6 subnet wider than /127 all but the first (RFC 6164). Host bits do not matter; there is no gateway.
    pub fn whole(subnet: IpNet) -> Range {
        let subnet = subnet.trunc();
        let (mut first, mut last) = (number(subnet.network()), number(subnet.broadcast()));
        if last - first > 1 {
            first += 1;
            last -= u128::from(subnet.addr().is_ipv4());
        }
        Range {
            subnet,
            first,
            last,
            gateway: None,
        }
    }

    /// A range by the rules of CNI's host-local: a start or an end that is given may be any address of the subnet, its first and last
    /// included; a gateway that is given may be outside.
    ///
    /// ```
    /// use ipam::{Range, RangeSpec};
    /// let subnet = "10.1.0.0/24".parse().unwrap();
    /// let range = Range::new(&RangeSpec { subnet, ..RangeSpec::default() }).unwrap();
    /// assert_eq!(range.to_string(), "10.1.0.1-10.1.0.254");
    /// assert_eq!(range.gateway(), Some("10.1.0.1".parse().unwrap()));
    /// ```
    pub fn new(spec: &RangeSpec) -> Result<Range, BadRange> {
        let subnet = spec.subnet;
        if subnet != subnet.trunc() {
            return Err(BadRange::HostBits { subnet });
        }
        if subnet.prefix_len() + 2 > subnet.max_prefix_len() {
            return Err(BadRange::Small { subnet });
        }
        let mut range = Range::whole(subnet);
        let gateway = spec.gateway.unwrap_or_else(|| range.first());
        if gateway.is_ipv4() != subnet.addr().is_ipv4() {
            return Err(BadRange::Gateway { gateway, subnet });
        }
        range.gateway = Some(gateway);
        range.first = range.bound("rangeStart", spec.start, range.first)?;
        range.last = range.bound("rangeEnd", spec.end, range.last)?;
        let (start, end) = (range.first(), range.last());
        match range.first <= range.last {
            true => Ok(range),
            false => Err(BadRange::Order { start, end }),
        }
    }

    fn bound(&self, key: &'static str, given: Option<IpAddr>, or: u128) -> Result<u128, BadRange> {
        let subnet = self.subnet;
        match given {
            Some(address) if !subnet.contains(&address) => Err(BadRange::Outside {
                key,
                address,
                subnet,
            }),
            given => Ok(given.map_or(or, number)),
        }
    }

    /// The subnet.
    pub fn subnet(&self) -> IpNet {
        self.subnet
    }

    /// The first address.
    pub fn first(&self) -> IpAddr {
        self.address(self.first)
    }

    /// The last address.
    pub fn last(&self) -> IpAddr {
        self.address(self.last)
    }

    /// The gateway.
    pub fn gateway(&self) -> Option<IpAddr> {
        self.gateway
    }

    /// How many addresses there are, the gateway included; [`u128::MAX`] if that is one too few.
    pub fn size(&self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.subnet.contains(&address) && self.span().contains(&number(address))
    }

    /// Whether an address lies in both.
    pub fn overlaps(&self, other: &Range) -> bool {
        let same_family = self.subnet.addr().is_ipv4() == other.subnet.addr().is_ipv4();
        same_family && self.first <= other.last && other.first <= self.last
    }

    pub(crate) fn span(&self) -> RangeInclusive<u128> {
        self.first..=self.last
    }

    pub(crate) fn address(&self, number: u128) -> IpAddr {
        match self.subnet {
            IpNet::V4(_) => Ipv4Addr::from(number as u32).into(),
            IpNet::V6(_) => Ipv6Addr::from(number).into(),
        }
    }
}

/// `10.1.0.1-10.1.0.254`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first(), self.last())
    }
}

/// How far an address is from the first one of its subnet.
///
/// ```
/// let [v4, v6] = ["10.1.0.9/24", "fd00::9/64"].map(|net| ipam::place(net.parse().unwrap()));
/// assert_eq!((v4, v6), (9, 9));
/// ```
pub fn place(address: IpNet) -> u128 {
    number(address.addr()) - number(address.network())
}

pub(crate) fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `SUBNET`, `SUBNET START END` or `SUBNET START END GATEWAY`; `-` for what is not given.
    pub(crate) fn spec(words: &str) -> RangeSpec {
        let mut words = words.split(' ');
        let subnet = words.next().unwrap().parse().unwrap();
        let mut next = || {
            let word = words.next().filter(|word| *word != "-");
            word.map(|word| word.parse().unwrap())
        };
        RangeSpec {
            subnet,
            start: next(),
            end: next(),
            gateway: next(),
        }
    }

    pub(crate) fn range(words: &str) -> Range {
        Range::new(&spec(words)).unwrap()
    }

    #[test]
    fn what_is_not_given_is_as_the_reference_has_it() {
        let said = |words: &str| {
            let range = range(words);
            format!("{range} via {}", range.gateway().unwrap())
        };
        assert_eq!(said("10.1.0.0/24"), "10.1.0.1-10.1.0.254 via 10.1.0.1");
        assert_eq!(said("10.1.0.4/30"), "10.1.0.5-10.1.0.6 via 10.1.0.5");
        assert_eq!(said("fd00::/126"), "fd00::1-fd00::3 via fd00::1");
        assert_eq!(
            said("fd00::/64"),
            "fd00::1-fd00::ffff:ffff:ffff:ffff via fd00::1"
        );
        assert_eq!(said("0.0.0.0/0"), "0.0.0.1-255.255.255.254 via 0.0.0.1");
        assert_eq!(
            said("10.1.0.0/24 10.1.0.0 10.1.0.255 10.9.0.1"),
            "10.1.0.0-10.1.0.255 via 10.9.0.1"
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_key() {
        let table = [
            (
                "10.1.0.5/24",
                "subnet: 10.1.0.5/24 has host bits set; the subnet is 10.1.0.0/24",
            ),
            (
                "10.1.0.0/31",
                "subnet: 10.1.0.0/31 is too small: at least 4 addresses are needed (/30, or /126 of IPv6)",
            ),
            (
                "10.1.0.0/32",
                "subnet: 10.1.0.0/32 is too small: at least 4 addresses are needed (/30, or /126 of IPv6)",
            ),
            (
                "fd00::/127",
                "subnet: fd00::/127 is too small: at least 4 addresses are needed (/30, or /126 of IPv6)",
            ),
            (
                "fd00::/128",
                "subnet: fd00::/128 is too small: at least 4 addresses are needed (/30, or /126 of IPv6)",
            ),
            (
                "10.1.0.0/24 10.2.0.5",
                "rangeStart: 10.2.0.5 is not in 10.1.0.0/24",
            ),
            (
                "10.1.0.0/24 fd00::1",
                "rangeStart: fd00::1 is not in 10.1.0.0/24",
            ),
            (
                "10.1.0.0/24 - 10.0.255.255",
                "rangeEnd: 10.0.255.255 is not in 10.1.0.0/24",
            ),
            (
                "10.1.0.0/24 10.1.0.9 10.1.0.8",
                "rangeStart: 10.1.0.9 comes after the end, 10.1.0.8",
            ),
            (
                "10.1.0.0/24 - 10.1.0.0",
                "rangeStart: 10.1.0.1 comes after the end, 10.1.0.0",
            ),
            (
                "10.1.0.0/24 - - fd00::1",
                "gateway: fd00::1 cannot be the gateway of 10.1.0.0/24: it is of the other family",
            ),
        ];
        for (words, want) in table {
            let why = Range::new(&spec(words)).unwrap_err();
            assert_eq!(
                format!("{}: {why}", why.key().unwrap()),
                want,
                "of `{words}`"
            );
        }
    }

    #[test]
    fn an_address_of_the_other_family_lies_in_no_range() {
        let low = range("0.0.0.0/0");
        assert!(low.contains("0.0.0.5".parse().unwrap()));
        assert!(!low.contains("::5".parse().unwrap()));
        assert!(!low.overlaps(&range("::/64")));
        assert!(!range("10.1.0.0/24 10.1.0.5 10.1.0.6").contains("10.1.0.7".parse().unwrap()));
    }

    #[test]
    fn the_largest_range_can_be_counted() {
        assert_eq!(range("::/0").size(), u128::MAX);
        assert_eq!(range("::/0 :: -").size(), u128::MAX);
        assert_eq!(range("10.1.0.0/30").size(), 2);
    }
}
