//! What an interface inside a namespace gets before traffic flows: sysctls, addresses, routes.

use crate::assigned::InnerRoute;
use crate::forwarding::is_default;
use core_netlink::addr::{AddressFlags, AddressSpec, Broadcast};
use core_netlink::link::{LinkSpec, SetLink};
use core_netlink::route::{Route, RouteFilter, RouteSpec, Table};
use core_netlink::{Change, Conn, Family, IfIndex, IfName, Request};
use ipnet::IpNet;
use std::net::IpAddr;

/// What an interface inside a namespace is to be, whoever made it.
///
/// ```no_run
/// use bridge::Inner;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let web = ns_mgmt::NetNs::open_name(&"web".parse()?)?;
/// let mut conn = web.conn(core_netlink::Protocol::Route)?;
/// let link = conn.get_link("eth0".parse::<core_netlink::IfName>()?)?;
/// let inner = Inner { addresses: vec!["10.7.0.2/24".parse()?], ..Inner::default() };
/// for (path, value) in inner.sysctls(link.name) {
///     web.set_sysctl(&path.parse()?, value)?;
/// }
/// inner.configure(&mut conn, link.index)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inner {
    /// Its addresses with the length of their subnets.
    pub addresses: Vec<IpNet>,
    /// Its routes, those to its gateways included.
    pub routes: Vec<InnerRoute>,
    /// Look for duplicates of its IPv6 addresses before they are used.
    pub detect_duplicates: bool,
    /// It stays down.
    pub down: bool,
    /// Nobody else is on the link: no route to the subnets comes with the addresses.
    pub alone: bool,
}

impl Inner {
    /// The sysctls to write before it is up: paths below `/proc/sys` and values. Without an IPv6 address there is no IPv6 on it; with
    /// one it believes no router's announcements, which any neighbour can send.
    pub fn sysctls(&self, name: IfName) -> Vec<(String, &'static str)> {
        let v6 = |key: &str, value| (format!("net/ipv6/conf/{name}/{key}"), value);
        if !self.addresses.iter().any(|net| net.addr().is_ipv6()) {
            return vec![v6("disable_ipv6", "1")];
        }
        let off = [
            "accept_ra",
            "autoconf",
            "accept_dad",
            "router_solicitations",
            "addr_gen_mode",
        ];
        let off = off
            .into_iter()
            .filter(|key| !(self.detect_duplicates && *key == "accept_dad"));
        off.map(|key| v6(key, "0")).collect()
    }

    /// Raises the loopback, gives the link its addresses, raises it, adds the routes: in one send. What is there already stays. Where
    /// another network's default route is there, this one's comes in its place when that goes.
    ///
    /// # Errors
    /// The first request that the kernel refused.
    pub fn configure(&self, conn: &mut Conn, link: IfIndex) -> core_netlink::Result<()> {
        let up = LinkSpec {
            up: Some(true),
            ..LinkSpec::default()
        };
        let mut requests: Vec<Box<dyn Request + '_>> = vec![Box::new(SetLink::new(LOOPBACK, &up))];
        for net in &self.addresses {
            let mut address = address(link, net.addr(), net.prefix_len());
            if self.detect_duplicates {
                address.flags = AddressFlags::default();
            }
            if self.alone {
                address.flags |= AddressFlags::NOPREFIXROUTE;
            }
            requests.push(Box::new(Change::add(address)));
        }
        if !self.down {
            requests.push(Box::new(SetLink::new(link, &up)));
        }
        for route in &self.routes {
            requests.push(Box::new(Change::add(route.spec(link))));
        }
        match send_all(conn, &requests)? {
            true => self.behind(conn, link),
            false => Ok(()),
        }
    }

    /// Where another network's default route is there: one of a higher metric, in whose place it comes when that goes. Of one metric, IPv6
    /// would use both in turn, and IPv4 whichever gateway answered last, with addresses that the guard of the other does not know. The
    /// metric follows from the interface, so that no two are the same.
    fn behind(&self, conn: &mut Conn, link: IfIndex) -> core_netlink::Result<()> {
        for wanted in self.routes.iter().filter(|route| route.is_default()) {
            let filter = RouteFilter {
                family: Some(Family::of(wanted.destination.addr())),
                table: Some(Table::MAIN),
                ..RouteFilter::default()
            };
            let own = |route: &Route| route.link == Some(link) && route.gateway == wanted.gateway;
            let defaults = conn.routes(&filter)?;
            if defaults.iter().filter(|route| is_default(route)).any(own) {
                continue;
            }
            let route = RouteSpec {
                metric: Some(BEHIND + link.0),
                ..wanted.spec(link)
            };
            match conn.add_route(&route) {
                Err(err) if err.is_exists() => {}
                added => added?,
            }
        }
        Ok(())
    }
}

const LOOPBACK: IfIndex = IfIndex(1); // in every namespace

/// What the kernel gives IPv6 routes without a metric (`IP6_RT_PRIO_USER`), which is more than IPv4's.
const BEHIND: u32 = 1024;

/// One send; whether something was there already.
fn send_all(conn: &mut Conn, requests: &[Box<dyn Request + '_>]) -> core_netlink::Result<bool> {
    let failed = conn.batch(requests.iter().map(|request| &**request))?;
    let there = failed.iter().any(|failed| failed.error.is_exists());
    let counts = failed.into_iter().find(|failed| !failed.error.is_exists());
    counts.map_or(Ok(there), |failed| Err(failed.error))
}

/// As `ip` and `ifconfig` together would give it: with a broadcast address where there is room for one, and usable at once.
pub(crate) fn address(link: IfIndex, ip: IpAddr, len: u8) -> AddressSpec {
    let address = IpNet::new(ip, len).unwrap_or(IpNet::from(ip));
    let v4 = ip.is_ipv4() && len < 31;
    AddressSpec {
        link,
        address,
        broadcast: if v4 {
            Broadcast::Computed
        } else {
            Broadcast::None
        },
        flags: if ip.is_ipv6() {
            AddressFlags::NODAD
        } else {
            AddressFlags::default()
        },
        ..AddressSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(addresses: &[&str], detect_duplicates: bool) -> Vec<String> {
        let addresses = addresses.iter().map(|net| net.parse().unwrap()).collect();
        let inner = Inner {
            addresses,
            detect_duplicates,
            ..Inner::default()
        };
        let all = inner.sysctls("eth0".parse().unwrap()).into_iter();
        all.map(|(path, value)| format!("{}={value}", path.rsplit('/').next().unwrap()))
            .collect()
    }

    #[test]
    fn without_an_ipv6_address_there_is_no_ipv6() {
        assert_eq!(keys(&[], false), ["disable_ipv6=1"]);
        assert_eq!(keys(&["10.0.0.2/24"], true), ["disable_ipv6=1"]);
    }

    #[test]
    fn with_one_routers_are_not_believed_and_duplicates_looked_for_only_if_asked() {
        let both = keys(&["10.0.0.2/24", "fd00::2/64"], false);
        assert!(both.contains(&"accept_ra=0".to_owned()) && both.contains(&"accept_dad=0".into()));
        let careful = keys(&["fd00::2/64"], true);
        assert!(!careful.contains(&"accept_dad=0".to_owned()) && careful.len() + 1 == both.len());
    }
}
