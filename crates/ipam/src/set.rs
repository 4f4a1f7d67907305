//! A set of ranges that gives one address: round and round, beginning after the last one given.

use crate::range::{BadRange, Range, number};
use crate::{Error, Result};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// An address that can be given, and what goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// With the length of its subnet.
    pub address: IpNet,
    /// The gateway of its range.
    pub gateway: Option<IpAddr>,
}

/// One or more ranges of one family without a common address.
///
/// The gateways of its ranges are never given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeSet(Vec<Range>);

impl RangeSet {
    /// A set of these, which are used in this order.
    ///
    /// ```
    /// use ipam::{Range, RangeSet, RangeSpec};
    /// let spec = RangeSpec { subnet: "10.1.0.0/24".parse().unwrap(), ..RangeSpec::default() };
    /// let set = RangeSet::new(vec![Range::new(&spec).unwrap()]).unwrap();
    /// let next = set.next(None, |_| false).unwrap();
    /// assert_eq!(next.address.to_string(), "10.1.0.2/24");
    /// ```
    pub fn new(ranges: Vec<Range>) -> Result<RangeSet, BadRange> {
        let Some(first) = ranges.first() else {
            return Err(BadRange::Empty);
        };
        let is_v4 = |range: &Range| range.subnet().addr().is_ipv4();
        if let Some(other) = ranges.iter().find(|range| is_v4(range) != is_v4(first)) {
            let (one, other) = (first.to_string(), other.to_string());
            return Err(BadRange::Mixed { one, other });
        }
        for (at, one) in ranges.iter().enumerate() {
            let earlier = ranges.iter().take(at);
            check_apart(earlier, [one].into_iter())?;
        }
        Ok(RangeSet(ranges))
    }

    /// Whether no address lies in both sets.
    pub fn check_apart(&self, later: &RangeSet) -> Result<(), BadRange> {
        check_apart(self.0.iter(), later.0.iter())
    }

    /// The ranges, one at least.
    pub fn ranges(&self) -> &[Range] {
        &self.0
    }

    /// How many addresses can be given.
    pub fn usable(&self) -> u128 {
        let all = self.0.iter().map(Range::size);
        let mut gateways: Vec<IpAddr> = self.0.iter().filter_map(Range::gateway).collect();
        gateways.retain(|gateway| self.contains(*gateway));
        gateways.sort_unstable();
        gateways.dedup();
        let all = all.fold(0, u128::saturating_add);
        all.saturating_sub(gateways.len() as u128)
    }

    /// Whether an address lies in one of the ranges.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.range_of(address).is_some()
    }

    fn range_of(&self, address: IpAddr) -> Option<&Range> {
        self.0.iter().find(|range| range.contains(address))
    }

    fn is_gateway(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.gateway() == Some(address))
    }

    /// Every address that can be given, each once, beginning after the last one given. One that was just freed comes last.
    ///
    /// Each costs the same, however large the ranges are.
    pub fn offers(&self, last_given: Option<IpAddr>) -> impl Iterator<Item = Offer> + '_ {
        let turn = self.turn(last_given).into_iter();
        let all = turn.flat_map(|(range, span)| span.map(move |at| (range, range.address(at))));
        let free = all.filter(|(_, address)| !self.is_gateway(*address));
        free.filter_map(|(range, address)| offer(range, address))
    }

    /// The ranges in the order of their turn; the one of the last given comes twice, its end first.
    fn turn(&self, last_given: Option<IpAddr>) -> Vec<(&Range, std::ops::RangeInclusive<u128>)> {
        let mut turn: Vec<_> = self.0.iter().map(|range| (range, range.span())).collect();
        let of_last = |last: &IpAddr| self.0.iter().position(|range| range.contains(*last));
        let Some((last, at)) = last_given.and_then(|last| Some((last, of_last(&last)?))) else {
            return turn;
        };
        turn.rotate_left(at);
        let beginning = turn.first_mut().map(|(range, span)| {
            let last = number(last);
            let beginning = range.first..=last;
            *span = last..=range.last;
            span.next(); // also where there is no number after the last
            (*range, beginning)
        });
        turn.extend(beginning);
        turn
    }

    /// The next one that is not held.
    pub fn next(
        &self,
        last_given: Option<IpAddr>,
        mut held: impl FnMut(IpAddr) -> bool,
    ) -> Result<Offer> {
        let mut offers = self.offers(last_given);
        let free = offers.find(|offer| !held(offer.address.addr()));
        free.ok_or_else(|| self.exhausted())
    }

    /// What is said when every address is held.
    pub fn exhausted(&self) -> Error {
        Error::SetExhausted {
            set: self.to_string(),
            usable: self.usable(),
        }
    }

    /// Whether this very address can be given.
    pub fn check(&self, wish: IpAddr) -> Result<Offer> {
        let address = wish;
        let outside = || Error::OutsideSet {
            address,
            set: self.to_string(),
        };
        let range = self.range_of(wish).ok_or_else(outside)?;
        if self.is_gateway(wish) {
            let subnet = range.subnet();
            return Err(Error::Reserved { address, subnet });
        }
        offer(range, wish).ok_or_else(outside)
    }
}

/// `None` never happens: the length is that of the address's own subnet.
fn offer(range: &Range, address: IpAddr) -> Option<Offer> {
    let address = IpNet::new(address, range.subnet().prefix_len()).ok()?;
    Some(Offer {
        address,
        gateway: range.gateway(),
    })
}

fn check_apart<'a>(
    earlier: impl Iterator<Item = &'a Range> + Clone,
    later: impl Iterator<Item = &'a Range>,
) -> Result<(), BadRange> {
    for other in later {
        if let Some(one) = earlier.clone().find(|one| one.overlaps(other)) {
            let (one, other) = (one.to_string(), other.to_string());
            return Err(BadRange::Overlap { one, other });
        }
    }
    Ok(())
}

/// `10.1.0.1-10.1.0.254, 10.2.0.1-10.2.0.254`.
impl fmt::Display for RangeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{range}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::tests::{range, spec};
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn set(ranges: &[&str]) -> RangeSet {
        RangeSet::new(ranges.iter().map(|words| range(words)).collect()).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn order(set: &RangeSet, last: Option<&str>) -> Vec<String> {
        let offers = set.offers(last.map(ip)).take(12);
        offers
            .map(|offer| offer.address.addr().to_string())
            .collect()
    }

    #[test]
    fn the_turn_goes_on_after_the_last_given_over_all_ranges() {
        let set = set(&[
            "10.1.0.0/30",
            "10.2.0.0/29 10.2.0.2 10.2.0.4",
            "10.3.0.0/24 10.3.0.7 10.3.0.7 10.3.0.1",
        ]);
        let [a, b, c, d, e] = ["10.1.0.2", "10.2.0.2", "10.2.0.3", "10.2.0.4", "10.3.0.7"];
        assert_eq!(order(&set, None), [a, b, c, d, e]);
        assert_eq!(order(&set, Some("10.1.0.1")), [a, b, c, d, e], "a gateway");
        assert_eq!(order(&set, Some(a)), [b, c, d, e, a]);
        assert_eq!(order(&set, Some(b)), [c, d, e, a, b]);
        assert_eq!(order(&set, Some(d)), [e, a, b, c, d]);
        assert_eq!(order(&set, Some(e)), [a, b, c, d, e]);
        for elsewhere in ["10.2.0.5", "10.9.0.1", "fd00::1"] {
            assert_eq!(order(&set, Some(elsewhere)), [a, b, c, d, e]);
        }
        assert_eq!(set.usable(), 5);
    }

    #[test]
    fn an_offer_has_the_length_of_its_subnet_and_the_gateway_of_its_range() {
        let set = set(&["10.1.0.0/30", "10.2.0.0/16 10.2.0.9 - 10.9.0.9"]);
        let next = |last| set.next(Some(ip(last)), |_| false).unwrap();
        assert_eq!(next("10.1.0.1").address.to_string(), "10.1.0.2/30");
        assert_eq!(next("10.1.0.2").address.to_string(), "10.2.0.9/16");
        assert_eq!(next("10.1.0.2").gateway, Some(ip("10.9.0.9")));
    }

    #[test]
    fn the_gateway_of_one_range_is_not_given_by_another() {
        let set = set(&[
            "10.1.0.0/24 10.1.0.1 10.1.0.3 10.1.0.6",
            "10.1.0.0/24 10.1.0.5 10.1.0.7 10.1.0.2",
        ]);
        assert_eq!(
            order(&set, None),
            ["10.1.0.1", "10.1.0.3", "10.1.0.5", "10.1.0.7"]
        );
        assert_eq!(set.usable(), 4);
        let why = set.check(ip("10.1.0.6")).unwrap_err();
        assert_eq!(
            why.to_string(),
            "10.1.0.6 is reserved in 10.1.0.0/24: it is the gateway's"
        );
    }

    #[test]
    fn sets_that_cannot_be_are_refused() {
        let why = |ranges: &[&str]| {
            let ranges = ranges.iter().map(|words| range(words)).collect();
            RangeSet::new(ranges).unwrap_err().to_string()
        };
        assert_eq!(why(&[]), "it is empty");
        assert_eq!(
            why(&["10.1.0.0/24", "10.1.0.0/25"]),
            "10.1.0.1-10.1.0.254 overlaps 10.1.0.1-10.1.0.126"
        );
        assert_eq!(
            why(&[
                "10.1.0.0/24 - 10.1.0.9",
                "10.2.0.0/24",
                "10.1.0.0/24 10.1.0.9"
            ]),
            "10.1.0.1-10.1.0.9 overlaps 10.1.0.9-10.1.0.254"
        );
        assert_eq!(
            why(&["10.1.0.0/24", "fd00::/64 - fd00::9"]),
            "10.1.0.1-10.1.0.254 and fd00::1-fd00::9 are of different families; each needs a set of its own"
        );
        let (one, other) = (set(&["10.1.0.0/24"]), set(&["10.1.0.0/16 10.1.0.254"]));
        assert!(one.check_apart(&other).is_err() && other.check_apart(&one).is_err());
        assert!(
            one.check_apart(&set(&["10.2.0.0/24", "10.1.1.0/24"]))
                .is_ok()
        );
    }

    #[test]
    fn a_set_that_is_used_up_says_so() {
        let set = set(&["10.1.0.0/30", "10.2.0.0/30 10.2.0.1 10.2.0.1"]);
        let why = set.next(None, |_| true).unwrap_err().to_string();
        assert_eq!(
            why,
            "all 1 addresses of 10.1.0.1-10.1.0.2, 10.2.0.1-10.2.0.1 are in use"
        );
        let why = set.check(ip("10.3.0.1")).unwrap_err().to_string();
        assert_eq!(
            why,
            "10.3.0.1 is in none of the ranges 10.1.0.1-10.1.0.2, 10.2.0.1-10.2.0.1"
        );
    }

    #[test]
    fn the_ends_of_the_number_space_are_no_edge() {
        let top = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        let end = set(&[&format!(
            "ffff::/16 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe {top}"
        )]);
        assert_eq!(
            end.next(Some(ip(top)), |_| false).unwrap().address.addr(),
            ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")
        );
        assert_eq!(order(&end, Some(top)).len(), 2);
        let all = set(&["::/0 :: -"]);
        assert_eq!(
            all.next(Some(ip(top)), |_| false).unwrap().address.addr(),
            ip("::")
        );
        assert_eq!(
            all.next(None, |held| held == ip("::"))
                .unwrap()
                .address
                .addr(),
            ip("::2"),
            "the gateway is ::1"
        );
    }

    fn sets() -> impl Strategy<Value = RangeSet> {
        let bounds = prop::collection::vec((0..40_u32, 0..6_u32, 0..50_u32), 1..5);
        (bounds, any::<bool>()).prop_filter_map("they overlap", |(bounds, v4)| {
            let at = |n: u32| -> IpAddr {
                match v4 {
                    true => Ipv4Addr::from(0x0a01_0000 + n).into(),
                    false => Ipv6Addr::from((0xfd00_u128 << 112) + u128::from(n)).into(),
                }
            };
            let subnet = if v4 { "10.1.0.0/26" } else { "fd00::/64" };
            let ranges = bounds.into_iter().map(|(start, more, gateway)| {
                let mut spec = spec(subnet);
                spec.start = Some(at(start));
                spec.end = Some(at(start + more));
                spec.gateway = Some(at(gateway));
                Range::new(&spec).unwrap()
            });
            RangeSet::new(ranges.collect()).ok()
        })
    }

    proptest! {
        #[test]
        fn each_address_is_offered_once_and_may_be_wished_for(set in sets(), last in prop::option::of(0..50_u32)) {
            let last = last.map(|n| match set.ranges()[0].first() {
                IpAddr::V4(_) => Ipv4Addr::from(0x0a01_0000 + n).into(),
                IpAddr::V6(_) => IpAddr::from(Ipv6Addr::from((0xfd00_u128 << 112) + u128::from(n))),
            });
            let offers: Vec<Offer> = set.offers(last).collect();
            let different: HashSet<IpAddr> = offers.iter().map(|offer| offer.address.addr()).collect();
            prop_assert_eq!(offers.len(), different.len());
            prop_assert_eq!(offers.len() as u128, set.usable());
            for offer in &offers {
                prop_assert_eq!(set.check(offer.address.addr()), Ok(*offer));
            }
            let after = last.filter(|last| set.check(*last).is_ok());
            prop_assert!(after.is_none() || offers.last().map(|offer| offer.address.addr()) == after);
        }

        #[test]
        fn the_one_free_address_of_a_set_is_found(set in sets(), at in any::<prop::sample::Index>(), last in 0..50_u32) {
            let all: Vec<Offer> = set.offers(None).collect();
            prop_assume!(!all.is_empty());
            let free = all[at.index(all.len())];
            let last = IpAddr::from(Ipv4Addr::from(0x0a01_0000 + last));
            prop_assert_eq!(set.next(Some(last), |ip| ip != free.address.addr()), Ok(free));
        }

        #[test]
        fn a_range_accepts_what_it_contains_and_no_more(subnet in (any::<u32>(), 0..=32_u8), start in prop::option::of(any::<u32>()), end in prop::option::of(any::<u32>())) {
            let spec = crate::RangeSpec {
                subnet: IpNet::new(Ipv4Addr::from(subnet.0).into(), subnet.1).unwrap(),
                start: start.map(|ip| Ipv4Addr::from(ip).into()),
                end: end.map(|ip| Ipv4Addr::from(ip).into()),
                gateway: None,
            };
            if let Ok(range) = Range::new(&spec) {
                prop_assert!(range.contains(range.first()) && range.contains(range.last()));
                prop_assert!(spec.start.is_none_or(|start| start == range.first()));
                prop_assert!(spec.end.is_none_or(|end| end == range.last()));
                prop_assert!(range.first() <= range.last() && range.subnet() == spec.subnet);
            }
        }
    }
}
