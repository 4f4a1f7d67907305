//! Which subnets a network may have: those people give, checked, or a free one.

use crate::error::{Error, Result};
use crate::name::NetworkName;
use crate::spec::{Network, Subnet};
use ipam::Pool;
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A route of the host, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) prefix: IpNet,
    /// Reached without a router: the host has an address there.
    pub(crate) connected: bool,
    /// The link's name, for the error.
    pub(crate) link: String,
}

/// Where free subnets are looked for, in this order; all for private use (RFC 1918).
fn candidates() -> impl Iterator<Item = Ipv4Net> {
    let ranges = [
        ([10, 200, 0, 0], 13),
        ([172, 28, 0, 0], 14),
        ([192, 168, 128, 0], 17),
    ];
    let range = |(base, len): ([u8; 4], u8)| Ipv4Net::new(base.into(), len).ok();
    ranges
        .into_iter()
        .filter_map(range)
        .flat_map(|range| range.subnets(24).into_iter().flatten())
}

/// A /24 that meets no route of the host and no other network.
pub(crate) fn free(op: &str, routes: &[Taken], networks: &[Network]) -> Result<IpNet> {
    let is_free = |subnet: &IpNet| {
        let routed = routes
            .iter()
            .any(|route| route.prefix.prefix_len() > 1 && meet(&route.prefix, subnet));
        !routed && other(subnet, networks).is_none()
    };
    let found = candidates().map(IpNet::V4).find(is_free);
    found.ok_or_else(|| {
        Error::missing(
            op,
            "every private /24 that could be chosen meets a route of this host",
        )
        .with_hint("give one with --subnet")
    })
}

/// A unique local /64 (RFC 4193) from 56 bits that should be random.
pub(crate) fn unique_local(random: [u8; 7]) -> IpNet {
    let [a, b, c, d, e, f, g] = random;
    let ip = Ipv6Addr::from([0xfd, a, b, c, d, e, f, g, 0, 0, 0, 0, 0, 0, 0, 0]);
    IpNet::new_assert(ip.into(), 64)
}

fn meet(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

fn other(subnet: &IpNet, networks: &[Network]) -> Option<(NetworkName, IpNet)> {
    let all = networks.iter().flat_map(|net| {
        net.subnets
            .iter()
            .map(move |sub| (net.name.clone(), sub.prefix))
    });
    all.into_iter().find(|(_, prefix)| meet(prefix, subnet))
}

/// Refuses a subnet that is none, is not for containers, or meets what is there already.
pub(crate) fn check(op: &str, subnet: IpNet, routes: &[Taken], networks: &[Network]) -> Result<()> {
    let bad = |why: String| Err(Error::invalid(op, format!("subnet {subnet}: {why}")));
    if subnet != subnet.trunc() {
        return bad(format!("it has host bits set; right is {}", subnet.trunc()));
    }
    if let Some(why) = unusable(subnet) {
        return bad(why);
    }
    if let Some((name, prefix)) = other(&subnet, networks) {
        return bad(format!("network `{name}` has {prefix}"));
    }
    let mine = |route: &&Taken| {
        route.prefix.prefix_len() > 1
            && (subnet.contains(&route.prefix) || route.connected && meet(&route.prefix, &subnet))
    };
    match routes.iter().find(mine) {
        Some(route) => bad(format!(
            "this host reaches {} through `{}`",
            route.prefix, route.link
        )),
        None => Ok(()),
    }
}

fn unusable(subnet: IpNet) -> Option<String> {
    let (ip, len) = (subnet.addr(), subnet.prefix_len());
    let right = if ip.is_ipv4() { 8..=31 } else { 16..=127 };
    if !right.contains(&len) {
        return Some(format!(
            "the prefix length is {} to {}",
            right.start(),
            right.end()
        ));
    }
    let no_containers = match ip {
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_multicast()
                || ip.is_link_local()
                || ip.octets()[0] == 0
                || ip >= Ipv4Addr::new(240, 0, 0, 0)
        }
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => {
            return Some("it is written as IPv4-mapped; write the IPv4 subnet itself".to_owned());
        }
        IpAddr::V6(ip) => {
            ip.is_multicast() || ip.segments()[0] & 0xffc0 == 0xfe80 || ip.segments()[..4] == [0; 4]
        }
    };
    no_containers.then(|| "it is loopback, link-local, multicast or reserved; use one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fd00::/8".to_owned())
}

/// Gives each subnet its gateway: one of those wished for, else the lowest address.
pub(crate) fn with_gateways(op: &str, subnets: &[IpNet], wished: &[IpAddr]) -> Result<Vec<Subnet>> {
    let stray = wished
        .iter()
        .find(|ip| !subnets.iter().any(|subnet| subnet.contains(*ip)));
    if let Some(ip) = stray {
        let subnets: Vec<String> = subnets.iter().map(IpNet::to_string).collect();
        return Err(Error::invalid(
            op,
            format!("gateway {ip} is not in {}", subnets.join(" or ")),
        ));
    }
    let mut found: Vec<Subnet> = Vec::new();
    for prefix in subnets {
        let pool = Pool::new(*prefix, []);
        let mut wished = wished.iter().filter(|ip| prefix.contains(*ip));
        let (first, second) = (wished.next().copied(), wished.next());
        if let (Some(a), Some(b)) = (first, second) {
            return Err(Error::invalid(
                op,
                format!("gateways {a} and {b} are both in {prefix}: one subnet has one gateway"),
            ));
        }
        if let Some(ip) = first {
            pool.check(ip, |_| false)
                .map_err(|why| Error::invalid(op, format!("gateway {why}")))?;
        }
        let gateway = first.or_else(|| pool.lowest());
        let gateway = gateway.ok_or_else(|| {
            Error::invalid(op, format!("subnet {prefix} has no address for a gateway"))
        })?;
        found.push(Subnet {
            prefix: *prefix,
            gateway,
        });
    }
    found.sort_by_key(|subnet| subnet.prefix.addr().is_ipv6());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn route(text: &str, connected: bool) -> Taken {
        Taken {
            prefix: net(text),
            connected,
            link: "eth0".into(),
        }
    }

    fn why(subnet: &str) -> String {
        let routes = [
            route("0.0.0.0/0", false),
            route("10.9.0.0/16", true),
            route("10.0.0.0/8", false),
            route("172.16.5.0/24", false),
        ];
        let checked = check("create network `x`", net(subnet), &routes, &[]);
        checked.map_or_else(|err| format!("{err:?}"), |()| "fine".into())
    }

    #[test]
    fn subnets_that_cannot_be_are_refused_with_what_is_right() {
        for (subnet, word) in [
            ("0.0.0.0/0", "8 to 31"),
            ("10.1.0.0/32", "8 to 31"),
            ("10.1.0.5/24", "right is 10.1.0.0/24"),
            ("::ffff:10.0.0.0/120", "IPv4-mapped"),
            ("127.1.0.0/16", "loopback"),
            ("169.254.0.0/16", "link-local"),
            ("224.0.0.0/8", "multicast"),
            ("240.0.0.0/8", "reserved"),
            ("0.0.0.0/8", "reserved"),
            ("fe80::/64", "link-local"),
            ("ff02::/64", "multicast"),
            ("::/16", "reserved"),
            ("fd00::1/128", "16 to 127"),
            ("10.9.3.0/24", "through `eth0`"),
            ("172.16.0.0/16", "172.16.5.0/24 through"),
        ] {
            assert!(why(subnet).contains(word), "{subnet}: {}", why(subnet));
        }
        assert_eq!(
            why("10.1.0.0/24"),
            "fine",
            "inside a wide route through a router"
        );
        assert_eq!(why("10.1.0.0/31"), "fine");
    }

    #[test]
    fn the_gateway_is_in_its_subnet_and_not_at_its_edges() {
        let with = |gateways: &[&str]| {
            let gateways: Vec<IpAddr> = gateways.iter().map(|ip| ip.parse().unwrap()).collect();
            let found = with_gateways("create", &[net("fd00::/64"), net("10.1.0.0/24")], &gateways);
            found.map_or_else(
                |err| format!("{err:?}"),
                |subnets| format!("{} {}", subnets[0].gateway, subnets[1].gateway),
            )
        };
        assert_eq!(with(&[]), "10.1.0.1 fd00::1");
        assert_eq!(with(&["10.1.0.254"]), "10.1.0.254 fd00::1");
        assert!(with(&["10.2.0.1"]).contains("not in fd00::/64 or 10.1.0.0/24"));
        assert!(with(&["10.1.0.0"]).contains("network address"));
        assert!(with(&["10.1.0.255"]).contains("broadcast"));
        assert!(with(&["10.1.0.1", "10.1.0.2"]).contains("one gateway"));
    }

    proptest! {
        #[test]
        fn a_chosen_subnet_is_never_routed_to(routes in prop::collection::vec((any::<u32>(), 6..=32_u8), 0..40)) {
            let routes: Vec<Taken> = routes.into_iter().map(|(ip, len)| {
                let ip = if ip % 2 == 0 { ip & 0x00ff_ffff | 0x0a00_0000 } else { ip };
                Taken { prefix: IpNet::new(Ipv4Addr::from(ip).into(), len).unwrap().trunc(), connected: false, link: "x".into() }
            }).collect();
            if let Ok(found) = free("create", &routes, &[]) {
                prop_assert!(!routes.iter().any(|route| meet(&route.prefix, &found)));
                prop_assert!(check("create", found, &routes, &[]).is_ok());
            }
        }
    }
}
