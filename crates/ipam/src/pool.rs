//! The addresses of one subnet, without those that are set aside.

use crate::{Error, Range, number};
use ipnet::IpNet;
use std::net::IpAddr;

/// The addresses of a subnet that can be given out.
///
/// Of an IPv4 subnet wider than /31 that is all but the first and the last (RFC 3021 lets a /31 use both); of an IPv6 subnet wider
/// than /127 all but the first (RFC 6164). Reserved addresses are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    range: Range,
    reserved: Vec<u128>,
}

impl Pool {
    /// The pool of a subnet; host bits in `subnet` do not matter, reserved addresses elsewhere are ignored.
    pub fn new(subnet: IpNet, reserved: impl IntoIterator<Item = IpAddr>) -> Pool {
        let range = Range::whole(subnet);
        let reserved = reserved.into_iter().filter(|ip| range.contains(*ip));
        let mut reserved: Vec<u128> = reserved.map(number).collect();
        reserved.sort_unstable();
        reserved.dedup();
        Pool { range, reserved }
    }

    /// The subnet.
    pub fn subnet(&self) -> IpNet {
        self.range.subnet()
    }

    /// How many addresses can be given out.
    pub fn usable(&self) -> u128 {
        self.range
            .size()
            .saturating_sub(self.reserved.len() as u128)
    }

    /// The lowest address that can be given out; the usual choice for a gateway.
    pub fn lowest(&self) -> Option<IpAddr> {
        self.after(self.range.first, |_| false)
    }

    /// The next free address after the last one given, from the start again at the end, so that an address that was just freed is
    /// the last to be given again.
    pub fn next(
        &self,
        last_given: Option<IpAddr>,
        held: impl FnMut(IpAddr) -> bool,
    ) -> Result<IpAddr, Error> {
        let last_given = last_given.filter(|ip| self.range.contains(*ip)).map(number);
        let start = match last_given {
            Some(last) if last < self.range.last => last + 1,
            _ => self.range.first,
        };
        let (subnet, usable) = (self.subnet(), self.usable());
        let exhausted = Error::Exhausted { subnet, usable };
        self.after(start, held).ok_or(exhausted)
    }

    /// The address that has the same [`place`](crate::place) in this subnet, if that can be given out.
    pub fn at(&self, place: u128) -> Option<IpAddr> {
        let ip = number(self.subnet().network()).checked_add(place)?;
        let usable = self.range.span().contains(&ip);
        (usable && self.reserved.binary_search(&ip).is_err()).then(|| self.range.address(ip))
    }

    /// From `start` to the end, then from the beginning to `start`.
    fn after(&self, start: u128, mut held: impl FnMut(IpAddr) -> bool) -> Option<IpAddr> {
        let order = (start..=self.range.last).chain(self.range.first..start);
        let mut free = order.filter(|ip| self.reserved.binary_search(ip).is_err());
        free.find_map(|ip| Some(self.range.address(ip)).filter(|ip| !held(*ip)))
    }

    /// Whether this very address can be given out.
    pub fn check(&self, wish: IpAddr, held: impl FnOnce(IpAddr) -> bool) -> Result<(), Error> {
        let (address, subnet) = (wish, self.subnet());
        if !subnet.contains(&wish) {
            return Err(Error::Outside { address, subnet });
        }
        let at = number(wish);
        if at < self.range.first {
            return Err(Error::Network { address, subnet });
        }
        if at > self.range.last {
            return Err(Error::Broadcast { address, subnet });
        }
        if self.reserved.binary_search(&at).is_ok() {
            return Err(Error::Reserved { address, subnet });
        }
        match held(wish) {
            true => Err(Error::Taken { address }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn pool(subnet: &str, reserved: &[&str]) -> Pool {
        Pool::new(
            subnet.parse().unwrap(),
            reserved.iter().map(|text| ip(text)),
        )
    }

    #[test]
    fn a_place_is_the_same_in_every_subnet_that_has_it() {
        let pool =
            |net: &str, gateway: &str| Pool::new(net.parse().unwrap(), [gateway.parse().unwrap()]);
        let v6 = pool("fd00::/64", "fd00::1");
        let found = |pool: &Pool, place| pool.at(place).map(|ip| ip.to_string());
        assert_eq!(found(&v6, 9).as_deref(), Some("fd00::9"));
        assert_eq!(found(&v6, 1), None, "the gateway's");
        assert_eq!(found(&v6, 0), None);
        let small = pool("10.0.0.8/29", "10.0.0.9");
        assert_eq!(found(&small, 6).as_deref(), Some("10.0.0.14"));
        assert_eq!((found(&small, 7), found(&small, 8)), (None, None));
        assert_eq!(found(&small, u128::MAX), None);
    }

    #[test]
    fn the_next_after_the_last_given_and_from_the_start_again() {
        let pool = pool("10.1.0.0/29", &["10.1.0.1"]);
        let give = |last: &str| pool.next(Some(ip(last)), |_| false).unwrap();
        assert_eq!(pool.next(None, |_| false), Ok(ip("10.1.0.2")));
        assert_eq!(give("10.1.0.2"), ip("10.1.0.3"));
        assert_eq!(give("10.1.0.6"), ip("10.1.0.2"));
        assert_eq!(give("10.9.9.9"), ip("10.1.0.2"), "another subnet's");
        assert_eq!(
            give("10.1.0.7"),
            ip("10.1.0.2"),
            "the broadcast address was never given"
        );
    }

    #[test]
    fn small_subnets_have_what_the_standards_leave_them() {
        assert_eq!(pool("10.0.0.0/30", &["10.0.0.1"]).usable(), 1);
        assert_eq!(pool("10.0.0.0/31", &["10.0.0.0"]).usable(), 1);
        assert_eq!(pool("10.0.0.4/32", &[]).usable(), 1);
        assert_eq!(pool("fd00::/127", &["fd00::"]).usable(), 1);
        assert_eq!(pool("fd00::/126", &["fd00::1"]).usable(), 2);
        assert_eq!(
            pool("fd00::/126", &["fd00::1"]).next(Some(ip("fd00::2")), |_| false),
            Ok(ip("fd00::3"))
        );
        assert_eq!(pool("::/0", &[]).usable(), u128::MAX);
    }

    #[test]
    fn an_exhausted_pool_says_how_large_it_was() {
        let err = pool("10.0.0.0/30", &["10.0.0.1"]).next(None, |_| true);
        assert_eq!(
            err.unwrap_err().to_string(),
            "all 1 addresses of 10.0.0.0/30 are in use"
        );
    }

    #[test]
    fn wishes_that_belong_to_others_are_refused_with_the_reason() {
        let pool = pool("10.1.0.0/24", &["10.1.0.1"]);
        let why = |wish: &str| {
            let held = |held| held == ip("10.1.0.5");
            let refused = pool.check(ip(wish), held);
            refused.map_or_else(|err| err.to_string(), |()| "free".to_owned())
        };
        assert_eq!(
            why("10.1.0.0"),
            "10.1.0.0 is the network address of 10.1.0.0/24"
        );
        assert_eq!(
            why("10.1.0.255"),
            "10.1.0.255 is the broadcast address of 10.1.0.0/24"
        );
        assert_eq!(
            why("10.1.0.1"),
            "10.1.0.1 is reserved in 10.1.0.0/24: it is the gateway's"
        );
        assert_eq!(why("10.1.0.5"), "10.1.0.5 is in use");
        assert_eq!(why("10.2.0.5"), "10.2.0.5 is not in 10.1.0.0/24");
        assert_eq!(why("fd00::1"), "fd00::1 is not in 10.1.0.0/24");
        assert_eq!(why("10.1.0.6"), "free");
    }

    #[test]
    fn huge_ranges_cost_no_more_than_small_ones() {
        let pool = pool("fd12:3456::/32", &["fd12:3456::1"]);
        assert_eq!(pool.next(None, |_| false), Ok(ip("fd12:3456::2")));
        let last = ip("fd12:3456:ffff:ffff:ffff:ffff:ffff:ffff");
        assert_eq!(
            pool.next(Some(last), |_| false),
            Ok(ip("fd12:3456::2")),
            "wraps"
        );
        assert_eq!(pool.check(last, |_| false), Ok(()), "IPv6 has no broadcast");
    }

    fn subnets() -> impl Strategy<Value = IpNet> {
        let v4 = (any::<u32>(), 0..=32_u8)
            .prop_map(|(ip, len)| IpNet::new(Ipv4Addr::from(ip).into(), len).unwrap());
        let v6 = (any::<u128>(), 0..=128_u8)
            .prop_map(|(ip, len)| IpNet::new(Ipv6Addr::from(ip).into(), len).unwrap());
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn what_is_given_may_be_wished_for(subnet in subnets(), gateway in any::<prop::sample::Index>(), rounds in 1..20_usize) {
            let lowest = Pool::new(subnet, []).lowest();
            let reserved = lowest.filter(|_| gateway.index(2) == 0);
            let pool = Pool::new(subnet, reserved);
            let (mut held, mut last) = (HashSet::new(), None);
            for _ in 0..rounds {
                match pool.next(last, |ip| held.contains(&ip)) {
                    Ok(given) => {
                        prop_assert_eq!(pool.check(given, |ip| held.contains(&ip)), Ok(()));
                        prop_assert!(Some(given) != reserved && subnet.contains(&given));
                        prop_assert!(held.insert(given), "given twice");
                        last = Some(given);
                    }
                    Err(_) => prop_assert_eq!(held.len() as u128, pool.usable()),
                }
            }
        }

        #[test]
        fn the_one_free_address_is_found(len in 24..=30_u8, at in any::<prop::sample::Index>(), last in any::<u8>()) {
            let subnet = IpNet::new(ip("10.0.0.0"), len).unwrap();
            let pool = Pool::new(subnet, [ip("10.0.0.1")]);
            let free = ip(&format!("10.0.0.{}", 2 + at.index(usize::try_from(pool.usable()).unwrap())));
            let found = pool.next(Some(ip(&format!("10.0.0.{last}"))), |ip| ip != free);
            prop_assert_eq!(found, Ok(free));
        }
    }
}
