//! From where each thing can be reached: what was seen of the kernel, put together. Pure.

mod published;
mod services;

use crate::exposed::{Access, Exposed, NetworkExposure, Origin, Target, Way};
use crate::view::View;
use core_netlink::IfName;
use core_netlink::nft::Hook;
use firewall::{Attempt, Decision, Effect, Set, Transport};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const FAR_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 255)); // documentation: stands for everywhere
const FAR_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1));
const OUTPUT: &str = "no rule of vetch is in the way of what this host sends";

type Said = (Access, String);

/// Everything that can be asked about, in the order in which people read it.
pub(crate) fn rows(view: &View) -> Vec<Exposed> {
    let mut all = published::published(view);
    all.extend(services::services(view));
    all.extend(containers(view));
    all.extend(beyond(view));
    all
}

impl View {
    fn network_ways<'a>(&'a self, ipv4: bool) -> impl Iterator<Item = &'a NetworkExposure> + 'a {
        self.networks.iter().filter(move |of| of.has(ipv4))
    }

    /// The address at which containers see this host.
    fn gateway(&self, network: &NetworkExposure, ipv4: bool) -> Option<IpAddr> {
        self.on(network.bridge, ipv4).next()
    }

    /// Another firewall that drops what it does not let pass, where it sees such packets.
    fn dropper(&self, hook: Hook, ipv4: bool) -> Option<String> {
        let drops = |chain: &&firewall::ForeignChain| {
            chain.hook == hook && chain.sees(ipv4) && chain.effect == Effect::Drops
        };
        let found = self.foreign.iter().find(drops);
        found.map(|chain| format!("{chain} drops what no rule of its own lets pass"))
    }

    /// Whether this host has an address.
    fn has(&self, ip: IpAddr) -> bool {
        let mut all = self.addresses.iter();
        ip.is_loopback() || all.any(|address| address.address.addr() == ip)
    }

    fn forwards(&self, from: IfName, ipv4: bool) -> bool {
        let both = self.forwards.get(&from);
        both.is_some_and(|both| both[usize::from(!ipv4)])
    }

    /// Between containers of one network: bridged, and seen by the hooks of IP only where the host says so.
    fn within(&self, attempt: &Attempt) -> Said {
        let bridge = attempt.from;
        let stops = self.stops.get(&bridge).filter(|_| self.bridged);
        let stop = stops.and_then(|stops| stops[usize::from(!attempt.to.is_ipv4())].clone());
        weigh(self.rules.forward(attempt, bridge, false), stop)
    }

    /// What becomes of a packet that comes in by `from` and is to leave by `into`.
    fn through(&self, attempt: &Attempt, into: IfName, translated: bool) -> Said {
        let (from, v4) = (attempt.from, attempt.to.is_ipv4());
        if !self.forwards(from, v4) {
            return (Access::Closed, no_forwarding(from, v4));
        }
        if !self.forwards(into, v4) {
            let by = no_forwarding(into, v4);
            return (Access::Closed, format!("{by}, by which answers come in"));
        }
        let decision = self.rules.forward(attempt, into, translated);
        let ours = [into, from]
            .into_iter()
            .find_map(|name| self.stops.get(&name));
        let stop = match ours {
            Some(stops) => stops[usize::from(!v4)].clone(),
            None => self.dropper(Hook::Forward, v4),
        };
        weigh(decision, stop)
    }
}

fn no_forwarding(from: IfName, v4: bool) -> String {
    match v4 {
        true => format!("net.ipv4.conf.{from}.forwarding is 0"),
        false => {
            format!("net.ipv6.conf.{from}.force_forwarding and net.ipv6.conf.all.forwarding are 0")
        }
    }
}

/// Ours decide what is closed; another firewall may close what ours let pass.
fn weigh(decision: Decision, stop: Option<String>) -> Said {
    match (decision.accepted, stop) {
        (false, _) => (Access::Closed, decision.by),
        (true, Some(stop)) => (Access::Perhaps, stop),
        (true, None) => (Access::Open, decision.by),
    }
}

fn way(from: Origin, at: Option<IpAddr>, (access, by): Said) -> Way {
    Way {
        from,
        at,
        access,
        by,
    }
}

// Containers at their own addresses, and what is beyond this host.

fn containers(view: &View) -> Vec<Exposed> {
    let mut all = Vec::new();
    for network in &view.networks {
        for subnet in &network.subnets {
            let ipv4 = subnet.addr().is_ipv4();
            all.push(Exposed {
                target: Target::Containers {
                    network: network.name.clone(),
                    subnet: *subnet,
                },
                ipv4,
                on: None,
                ports: None,
                transport: None,
                ways: container_ways(view, network, *subnet),
            });
        }
    }
    all
}

fn container_ways(view: &View, network: &NetworkExposure, subnet: IpNet) -> Vec<Way> {
    let v4 = subnet.addr().is_ipv4();
    let attempt = |from| somewhere(from, second(subnet));
    let mut ways = vec![way(Origin::Host, None, (Access::Open, OUTPUT.to_owned()))];
    for interface in &view.interfaces {
        let said = view.through(&attempt(interface.name), network.bridge, false);
        ways.push(way(Origin::Interface(interface.name), None, said));
    }
    for other in view.network_ways(v4) {
        let (from, into) = (other.bridge, network.bridge);
        let reaches = view.rules.joins(Set::Reach, from, into);
        let said = match from == into {
            true => view.within(&attempt(from)),
            false if reaches && other.listed => lists(other),
            false => view.through(&attempt(from), into, false),
        };
        ways.push(way(Origin::Network(other.name.clone()), None, said));
    }
    ways
}

fn lists(of: &NetworkExposure) -> Said {
    let by = format!(
        "inet vetch denied, allowed: the lists of network {}",
        of.name
    );
    (Access::Partly, by)
}

fn beyond(view: &View) -> Vec<Exposed> {
    let mut all = Vec::new();
    for interface in &view.interfaces {
        for ipv4 in [true, false] {
            if view.on(interface.name, ipv4).next().is_none() {
                continue;
            }
            let ways = beyond_ways(view, interface.name, ipv4);
            if !ways.is_empty() {
                all.push(Exposed {
                    target: Target::Beyond {
                        interface: interface.name,
                    },
                    ipv4,
                    on: None,
                    ports: None,
                    transport: None,
                    ways,
                });
            }
        }
    }
    all
}

fn beyond_ways(view: &View, into: IfName, ipv4: bool) -> Vec<Way> {
    let far = if ipv4 { FAR_V4 } else { FAR_V6 };
    let mut ways = Vec::new();
    for other in view.interfaces.iter().filter(|other| other.name != into) {
        if view.on(other.name, ipv4).next().is_some() {
            let said = view.through(&somewhere(other.name, far), into, false);
            ways.push(way(Origin::Interface(other.name), None, said));
        }
    }
    for network in view.network_ways(ipv4) {
        let said = match network.listed && !network.internal {
            true => lists(network),
            false => view.through(&somewhere(network.bridge, far), into, false),
        };
        let said = match (said.0, network.masquerade[usize::from(!ipv4)]) {
            (Access::Open, true) => (said.0, format!("{}, as this host (@masq)", said.1)),
            (Access::Open, false) => (said.0, format!("{}, with its own address", said.1)),
            _ => said,
        };
        ways.push(way(Origin::Network(network.name.clone()), None, said));
    }
    ways
}

/// A connection that stands for all: a port that no list names.
fn somewhere(from: IfName, to: IpAddr) -> Attempt {
    Attempt {
        from,
        to: SocketAddr::new(to, 0),
        transport: Transport::Tcp,
    }
}

/// An address that a container could have.
fn second(subnet: IpNet) -> IpAddr {
    subnet.hosts().nth(1).unwrap_or(subnet.network())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_decide_what_is_closed_and_others_what_perhaps_is() {
        let decision = |accepted| {
            let rules = firewall::Rules::default();
            let mut found = rules.input(&somewhere("up0".parse().unwrap(), FAR_V4));
            found.accepted = accepted;
            found
        };
        let stop = || Some("another".to_owned());
        assert_eq!(weigh(decision(true), None).0, Access::Open);
        assert_eq!(
            weigh(decision(true), stop()),
            (Access::Perhaps, "another".to_owned())
        );
        assert_eq!(weigh(decision(false), stop()).0, Access::Closed);
    }
}
