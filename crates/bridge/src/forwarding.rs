//! Which interfaces must forward for our networks: read here, decided by the firewall crate, noted in the records.

use crate::action::Action;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::kernel::Setting;
use crate::record::Opened;
use crate::spec::Network;
use core_netlink::link::{Link, LinkFilter};
use core_netlink::route::{Route, RouteFilter, RouteQuery, RouteType, Table};
use core_netlink::{Family, IfIndex, IfName};
use firewall::{Forwarding, HostForwarding, Interface};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const SOMEWHERE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 255)); // TEST-NET-1: only ever reached by the default route
const SOMEWHERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1)); // documentation, the same

/// The host's links and routes, read once for the making of a network.
pub(crate) struct Surroundings {
    pub(crate) links: Vec<Link>,
    pub(crate) routes: Vec<Route>,
}

impl Surroundings {
    pub(crate) fn link(&self, index: IfIndex) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// Each link a route leads to: one, or several.
    pub(crate) fn ways(route: &Route) -> impl Iterator<Item = IfIndex> {
        route
            .link
            .into_iter()
            .chain(route.multipath.iter().filter_map(|hop| hop.link))
    }

    /// The MTU of the link of the best default route.
    pub(crate) fn mtu(&self) -> Option<u32> {
        let mut defaults: Vec<&Route> = self
            .routes
            .iter()
            .filter(|route| is_default(route))
            .collect();
        defaults.sort_by_key(|route| (route.family == Family::V6, route.metric));
        defaults
            .iter()
            .flat_map(|route| Surroundings::ways(route))
            .find_map(|index| self.link(index)?.mtu)
    }
}

pub(crate) fn is_default(route: &Route) -> bool {
    let all = route
        .destination
        .is_none_or(|prefix| prefix.prefix_len() == 0);
    all && route.table == Table::MAIN && route.kind == RouteType::Unicast
}

impl Engine {
    pub(crate) fn surroundings(&mut self) -> Result<Surroundings> {
        let conn = self.kernel.route()?;
        let links = conn.links(&LinkFilter::default());
        let links = links.map_err(|err| Error::netlink("look at the host's links", err))?;
        let routes = conn.routes(&RouteFilter::default());
        let routes = routes.map_err(|err| Error::netlink("look at the host's routes", err))?;
        Ok(Surroundings { links, routes })
    }

    /// What makes the host forward for these networks, through every link but `lo` and our own that carries a unicast route.
    pub(crate) fn forward(
        &mut self,
        networks: &[&Network],
        around: &Surroundings,
    ) -> Result<Option<Action>> {
        let ways_out: Vec<&&Network> = networks
            .iter()
            .filter(|network| !network.internal)
            .collect();
        let v4 = ways_out.iter().any(|network| network.has_ipv4());
        let v6 = ways_out.iter().any(|network| network.has_ipv6());
        if !v4 && !v6 {
            return Ok(None);
        }
        let before = self.opened()?;
        let mut host = HostForwarding {
            ipv4_everywhere: self.is_on("net/ipv4/ip_forward")?,
            ipv6_everywhere: v6 && self.is_on("net/ipv6/conf/all/forwarding")?,
            ipv6_per_interface: self
                .kernel
                .sysctl("net/ipv6/conf/lo/force_forwarding")?
                .is_some(),
            noted: firewall::noted(&before.interfaces, before.ipv6_everywhere),
            ..HostForwarding::default()
        };
        let has_link = |network: &&&&Network| !network.routed && network.has_gateway_link();
        for network in ways_out.iter().filter(has_link) {
            let v4 = network.has_ipv4();
            host.interfaces.push(self.interface(
                network.gateway_link(),
                true,
                v4,
                network.has_ipv6(),
            )?);
        }
        let shared = self.shared_bridges(networks)?;
        for name in uplinks(around).iter().filter(|name| !shared.contains(name)) {
            let name = *name;
            host.interfaces.push(self.interface(name, false, v4, v6)?);
        }
        Ok(forward_action(&host, before))
    }

    fn interface(
        &mut self,
        name: IfName,
        is_ours: bool,
        ipv4: bool,
        ipv6: bool,
    ) -> Result<Interface> {
        let forwards_ipv4 = ipv4 && self.is_on(&format!("net/ipv4/conf/{name}/forwarding"))?;
        let forwards_ipv6 =
            ipv6 && self.is_on(&format!("net/ipv6/conf/{name}/force_forwarding"))?;
        let accepts_advertisements =
            ipv6 && self.is_on(&format!("net/ipv6/conf/{name}/accept_ra"))?;
        Ok(Interface {
            is_ours,
            ipv4,
            ipv6,
            forwards_ipv4,
            forwards_ipv6,
            accepts_advertisements,
            ..Interface::new(name)
        })
    }

    pub(crate) fn is_on(&mut self, path: &str) -> Result<bool> {
        Ok(self.kernel.sysctl(path)?.as_deref() == Some("1"))
    }

    /// Whether the answers to [`ways_out`] leave by links that were not looked at yet.
    pub(crate) fn has_new_uplink(&mut self, answers: Vec<Route>) -> Result<bool> {
        for route in answers {
            let Some(index) = route.link.filter(|_| route.kind == RouteType::Unicast) else {
                continue;
            };
            let link = self.kernel.route()?.get_link(index);
            let link = link.map_err(|err| Error::netlink("look at the uplink", err))?;
            if self.is_closed(&link, route.family == Family::V6)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a link does not forward, by its own switch and that for all.
    fn is_closed(&mut self, link: &Link, v6: bool) -> Result<bool> {
        let (conf, key, everywhere) = match v6 {
            false => ("net/ipv4/conf", "forwarding", "net/ipv4/ip_forward"),
            true => (
                "net/ipv6/conf",
                "force_forwarding",
                "net/ipv6/conf/all/forwarding",
            ),
        };
        let told = link.ipv4.as_ref().filter(|_| !v6);
        let closed = match told.and_then(|conf| conf.forwarding) {
            Some(forwards) => forwards == 0,
            None => {
                let path = format!("{conf}/{}/{key}", link.name);
                self.kernel.sysctl(&path)?.as_deref() == Some("0")
            }
        };
        Ok(closed && !self.is_on(everywhere)?)
    }
}

/// What to ask the kernel to learn where the default routes of a network lead: one question for each family, no list.
pub(crate) fn ways_out(network: &Network) -> Vec<RouteQuery> {
    let needed = [
        (network.has_ipv4(), SOMEWHERE_V4),
        (network.has_ipv6(), SOMEWHERE_V6),
    ];
    let needed = needed
        .iter()
        .filter(|(needed, _)| *needed && !network.internal);
    needed.map(|(_, to)| RouteQuery::to(*to)).collect()
}

/// The sysctl that lets packets of IPv4 in to be forwarded.
pub(crate) fn ipv4_switch(link: IfName) -> String {
    format!("net/ipv4/conf/{link}/forwarding")
}

/// The same for IPv6 (Linux 6.17).
pub(crate) fn ipv6_switch(link: IfName) -> String {
    format!("net/ipv6/conf/{link}/force_forwarding")
}

fn uplinks(around: &Surroundings) -> Vec<IfName> {
    let unicast = around.routes.iter().filter(|route| {
        route.kind == RouteType::Unicast && matches!(route.family, Family::V4 | Family::V6)
    });
    let global = unicast.filter(|route| !route.destination.is_some_and(is_link_local));
    let mut names: Vec<IfName> = global
        .flat_map(Surroundings::ways)
        .filter_map(|index| around.link(index))
        .filter(|link| {
            !link.is_loopback()
                && !link
                    .alias
                    .as_deref()
                    .is_some_and(|alias| alias.starts_with(crate::name::MARK))
        })
        .map(|link| link.name)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Every link has the route to fe80::/64; it makes none an uplink.
fn is_link_local(prefix: ipnet::IpNet) -> bool {
    match prefix.addr() {
        IpAddr::V4(ip) => ip.is_multicast(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80 || ip.is_multicast(),
    }
}

fn forward_action(host: &HostForwarding, before: Opened) -> Option<Action> {
    let plan = Forwarding::on(host);
    if plan.is_empty() {
        return None;
    }
    let settings: Vec<Setting> = plan
        .settings
        .iter()
        .map(|setting| (setting.path(), setting.value))
        .collect();
    let mut after = if host.ipv4_everywhere {
        keep(&before, true)
    } else {
        before.clone()
    };
    after = if host.ipv6_everywhere {
        keep(&after, false)
    } else {
        after
    };
    for interface in host
        .interfaces
        .iter()
        .filter(|interface| !interface.is_ours)
    {
        for (key, v6) in [("forwarding", false), ("force_forwarding", true)] {
            let family = if v6 { "ipv6" } else { "ipv4" };
            let path = format!("net/{family}/conf/{}/{key}", interface.name);
            let switched = settings.iter().any(|(set, _)| *set == path);
            if switched && !after.interfaces.contains(&(interface.name, v6)) {
                after.interfaces.push((interface.name, v6));
            }
        }
    }
    after.ipv6_everywhere |= settings
        .iter()
        .any(|(path, _)| path == "net/ipv6/conf/all/forwarding");
    Some(Action::Forward {
        settings,
        change: plan.change,
        before,
        after,
    })
}

/// Where somebody else switched forwarding on for all, nothing is put back later.
fn keep(opened: &Opened, v6: bool) -> Opened {
    let mut opened = opened.clone();
    opened.interfaces.retain(|(_, of_v6)| *of_v6 == v6);
    opened
}

/// What puts everything back that is noted.
pub(crate) fn unforward(opened: &Opened) -> Action {
    let plan = Forwarding::off(&firewall::noted(&opened.interfaces, opened.ipv6_everywhere));
    Action::Unforward {
        settings: plan
            .settings
            .iter()
            .map(|setting| (setting.path(), setting.value))
            .collect(),
    }
}
