//! What containers of a network may do where it differs from the usual, and which networks reach each other.

use crate::error::{Error, Result};
use crate::name::NetworkName;
use crate::spec::{Network, NetworkSpec};
use core_netlink::IfName;
use firewall::{Destination, Service};
use std::fmt::Display;

const LONGEST: u32 = 64; // ports of one host service, each an element

/// What containers of a network may do, where it differs from the usual.
///
/// The lists hold for connections that containers open to whatever is outside the network: other networks, published ports (by where they
/// lead), this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Containers go out with the host's address. If not, others must route the subnets here; from outside they are reached only for
    /// answers and published ports all the same.
    pub masquerade: bool,
    /// Others reach containers by their own addresses, wherever they come from. Not in internal networks.
    pub reachable: bool,
    /// Containers do not reach each other: neither directly nor by published ports.
    pub isolate_ports: bool,
    /// If there are any, everything else is denied.
    pub allow: Vec<Destination>,
    /// Denied whatever else says so.
    pub deny: Vec<Destination>,
    /// Single services of the host that containers may use; they need not be in `allow`.
    pub services: Vec<Service>,
    /// Containers may answer as DHCP and DHCPv6 servers, from their own addresses.
    pub dhcp_servers: bool,
    /// Containers may send router advertisements, from their own addresses. Neither this host nor attached interfaces listen to them.
    pub routers: bool,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            masquerade: true,
            reachable: false,
            isolate_ports: false,
            allow: Vec::new(),
            deny: Vec::new(),
            services: Vec::new(),
            dhcp_servers: false,
            routers: false,
        }
    }
}

impl Policy {
    /// The lists in a fixed order, each entry once.
    pub(crate) fn sorted(&self) -> Policy {
        Policy {
            allow: sorted(&self.allow),
            deny: sorted(&self.deny),
            services: sorted(&self.services),
            ..self.clone()
        }
    }

    /// Refuses what cannot be meant.
    pub(crate) fn check(&self, op: &str) -> Result<()> {
        for destination in self.allow.iter().chain(&self.deny) {
            let checked = destination.check();
            checked.map_err(|err| Error::invalid(op, err.to_string()))?;
        }
        let long = |service: &&Service| service.ports.count() > LONGEST;
        match self.services.iter().find(long) {
            Some(service) => {
                let why = format!("host service {service}: at most {LONGEST} ports at once");
                Err(Error::invalid(op, why))
            }
            None => Ok(()),
        }
    }

    /// The first thing in which two differ: its name, and both values.
    fn difference(&self, other: &Policy) -> Option<(&'static str, String, String)> {
        let (a, b) = (self.sorted(), other.sorted());
        let rows = [
            (
                "masquerade",
                a.masquerade.to_string(),
                b.masquerade.to_string(),
            ),
            (
                "reachable",
                a.reachable.to_string(),
                b.reachable.to_string(),
            ),
            (
                "isolated ports",
                a.isolate_ports.to_string(),
                b.isolate_ports.to_string(),
            ),
            (
                "DHCP servers",
                a.dhcp_servers.to_string(),
                b.dhcp_servers.to_string(),
            ),
            ("routers", a.routers.to_string(), b.routers.to_string()),
            ("the allow list", listed(&a.allow), listed(&b.allow)),
            ("the deny list", listed(&a.deny), listed(&b.deny)),
            (
                "the host services",
                listed(&a.services),
                listed(&b.services),
            ),
        ];
        rows.into_iter().find(|(_, a, b)| a != b)
    }
}

fn sorted<T: Ord + Clone>(values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort();
    values.dedup();
    values
}

fn listed<T: Display>(values: &[T]) -> String {
    crate::attach::list(values)
}

/// Another network that is reached from here, or reaches here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Joined {
    /// Its name.
    pub network: NetworkName,
    /// Its bridge.
    pub bridge: IfName,
}

/// Where a network that is there differs from what is asked for: a name, what is, what was asked.
pub(crate) fn difference(
    there: &Network,
    spec: &NetworkSpec,
) -> Option<(&'static str, String, String)> {
    let names = |joined: &[Joined]| {
        sorted(
            &joined
                .iter()
                .map(|of| of.network.clone())
                .collect::<Vec<_>>(),
        )
    };
    let joined = [
        (
            "the reached networks",
            names(&there.reaches),
            sorted(&spec.reaches),
        ),
        (
            "the networks that reach it",
            names(&there.reached_by),
            sorted(&spec.reached_by),
        ),
    ];
    let joined = joined.into_iter().find(|(_, is, asked)| is != asked);
    let joined = joined.map(|(what, is, asked)| (what, listed(&is), listed(&asked)));
    there.policy.difference(&spec.policy).or(joined)
}

/// The networks with these names, as far as they can be joined to the new one.
pub(crate) fn join(
    op: &str,
    network: &Network,
    names: &[NetworkName],
    networks: &[Network],
) -> Result<Vec<Joined>> {
    let joined = sorted(names).into_iter().map(|name| {
        let bad = |why: String| Error::invalid(op, format!("network `{name}`: {why}"));
        if name == network.name {
            return Err(bad("a network is not joined to itself".to_owned()));
        }
        let Some(other) = networks.iter().find(|other| other.name == name) else {
            let err = Error::missing(op, format!("there is no network `{name}` to join"));
            return Err(err.with_hint(format!("make it first: vetch network create {name}")));
        };
        if let Some(closed) = [network, other].iter().find(|one| one.internal) {
            let why = format!(
                "`{}` is internal: its containers have no route to others",
                closed.name
            );
            return Err(bad(why).with_hint("attach the container to both networks"));
        }
        let v4 = network.has_ipv4() && other.has_ipv4();
        if !(v4 || network.has_ipv6() && other.has_ipv6()) {
            return Err(bad(
                "one of the two has only IPv4 and the other only IPv6".to_owned()
            ));
        }
        Ok(Joined {
            network: name,
            bridge: other.gateway_link(),
        })
    });
    joined.collect()
}

/// Refuses a bridge that is another network's, or that somebody expects to be another network's.
pub(crate) fn check_bridge(op: &str, network: &Network, networks: &[Network]) -> Result<()> {
    let bridge = network.gateway_link();
    let others = || networks.iter().filter(|other| other.name != network.name);
    let hint = "give another name with --bridge, or leave it out";
    if let Some(owner) =
        others().find(|other| other.gateway_link() == bridge && network.owns_gateway_link())
    {
        let why = format!("`{bridge}` is the bridge of network `{}`", owner.name);
        return Err(Error::exists(op, why).with_hint(hint));
    }
    for other in others() {
        let mut joined = other.reaches.iter().chain(&other.reached_by);
        if let Some(of) = joined.find(|of| (of.network == network.name) != (of.bridge == bridge)) {
            let why = format!(
                "network `{}` is joined to network `{}` by bridge `{}`",
                other.name, of.network, of.bridge
            );
            return Err(Error::exists(op, why).with_hint(hint));
        }
    }
    Ok(())
}

/// The networks that are joined to this one by their own definition, or are on its bridge.
pub(crate) fn dependents<'a>(
    network: &'a Network,
    networks: &'a [Network],
) -> impl Iterator<Item = &'a NetworkName> {
    let joins = move |other: &&Network| {
        let mut joined = other.reaches.iter().chain(&other.reached_by);
        other.name != network.name
            && (is_guest(other, network) || joined.any(|of| of.network == network.name))
    };
    networks.iter().filter(joins).map(|other| &other.name)
}

/// Whether a network uses a link that is another one's.
fn is_guest(guest: &Network, of: &Network) -> bool {
    let link = of.gateway_link();
    let same = guest.gateway_link() == link && !guest.owns_gateway_link();
    let in_vlan = guest.vlans.is_some() && guest.bridge == link;
    of.owns_gateway_link() && (same || in_vlan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::now;
    use crate::spec::{Shared, Subnet};
    use crate::vlans::Vlans;

    fn network(name: &str, subnet: &str) -> Network {
        let prefix: ipnet::IpNet = subnet.parse().unwrap();
        let name: NetworkName = name.parse().unwrap();
        Network {
            bridge: name.bridge(),
            mac: name.bridge_mac(),
            subnets: vec![Subnet {
                prefix,
                gateway: prefix.addr(),
            }],
            internal: false,
            mtu: 1500,
            queues: 1,
            big_tcp: false,
            host_services: false,
            external_ipam: false,
            routed: false,
            promiscuous: false,
            vlans: None,
            before: None,
            shared: None,
            policy: Policy::default(),
            reaches: Vec::new(),
            reached_by: Vec::new(),
            since: now(),
            name,
        }
    }

    #[track_caller]
    fn refused<T: std::fmt::Debug>(result: Result<T>, why: &str) {
        let err = format!("{:?}", result.unwrap_err());
        assert!(err.contains(why), "{err}");
    }

    #[test]
    fn only_networks_that_can_answer_are_joined() {
        let blue = network("blue", "10.1.0.0/24");
        let mut grey = network("grey", "10.2.0.0/24");
        grey.internal = true;
        let all = [
            network("red", "10.3.0.0/24"),
            network("six", "fd00::/64"),
            grey,
        ];
        let join = |name: &str| join("create", &blue, &[name.parse().unwrap()], &all);
        assert_eq!(join("red").unwrap()[0].bridge, all[0].bridge);
        refused(join("blue"), "itself");
        refused(join("none"), "no network `none`");
        refused(join("grey"), "`grey` is internal");
        refused(join("six"), "only IPv6");
    }

    #[test]
    fn a_bridge_is_of_one_network() {
        let mut blue = network("blue", "10.1.0.0/24");
        let mut red = network("red", "10.2.0.0/24");
        check_bridge("create", &blue, &[blue.clone(), red.clone()]).unwrap();
        blue.bridge = red.bridge;
        refused(
            check_bridge("create", &blue, &[red.clone()]),
            "of network `red`",
        );
        red.reaches.push(Joined {
            network: "blue".parse().unwrap(),
            bridge: "br7".parse().unwrap(),
        });
        red.bridge = "br1".parse().unwrap();
        refused(
            check_bridge("create", &blue, &[red.clone()]),
            "by bridge `br7`",
        );
        blue.bridge = "br7".parse().unwrap();
        check_bridge("create", &blue, &[red.clone()]).unwrap();
        let all = [red, blue.clone()];
        let found: Vec<_> = dependents(&blue, &all).collect();
        assert_eq!(found, [&all[0].name]);
    }

    #[test]
    fn a_bridge_goes_after_those_that_use_it() {
        let depend = |on: &Network, other: &Network| {
            dependents(on, &[on.clone(), other.clone()])
                .next()
                .is_some()
        };
        let blue = network("blue", "10.1.0.0/24");
        let mut red = network("red", "10.2.0.0/24");
        red.bridge = blue.bridge;
        red.vlans = Some(Vlans {
            gateway: 100.try_into().ok(),
        });
        assert!(depend(&blue, &red) && !depend(&red, &blue));
        let mut grey = red.clone();
        grey.name = "grey".parse().unwrap();
        grey.vlans = Some(Vlans {
            gateway: 200.try_into().ok(),
        });
        assert!(!depend(&red, &grey) && !depend(&grey, &red));
        grey.vlans = red.vlans;
        grey.shared = Some(Shared::default());
        assert!(depend(&red, &grey) && !depend(&grey, &red));
    }

    #[test]
    fn the_order_of_a_list_makes_no_difference() {
        let policy = |allow: &[&str]| Policy {
            allow: allow.iter().map(|one| one.parse().unwrap()).collect(),
            ..Policy::default()
        };
        let (a, b) = (
            policy(&["10.0.0.0/8", "192.0.2.1:80"]),
            policy(&["192.0.2.1:80", "10.0.0.0/8"]),
        );
        assert_eq!(a.difference(&b), None);
        let (what, _, asked) = a.difference(&policy(&["10.0.0.0/8"])).unwrap();
        assert_eq!((what, asked.as_str()), ("the allow list", "10.0.0.0/8"));
        let long = Policy {
            services: vec!["tcp:1-65".parse().unwrap()],
            ..a
        };
        refused(long.check("create"), "at most 64");
    }
}
