//! Published ports: where they lead, and from where.

use super::{Said, way};
use crate::exposed::{Access, Exposed, NetworkExposure, Origin, Target, Way};
use crate::view::View;
use core_netlink::IfName;
use core_netlink::nft::Hook;
use firewall::{Attempt, Element, Owner, Publish, Set};
use std::net::{IpAddr, Ipv4Addr};

/// Elements of the firewall that publish ports which follow each other, as one.
struct Published<'a> {
    publish: Publish,
    elements: Vec<&'a Element>,
}

pub(super) fn published(view: &View) -> Vec<Exposed> {
    let sets = [
        Set::Any4,
        Set::Addr4,
        Set::Range4,
        Set::Any6,
        Set::Addr6,
        Set::Range6,
        Set::When4,
        Set::When6,
    ];
    let elements = sets.iter().flat_map(|set| view.rules.of(*set));
    let mut all: Vec<Published<'_>> = elements
        .filter_map(|element| {
            let publish = element.published()?;
            let elements = vec![element];
            Some(Published { publish, elements })
        })
        .collect();
    let key = |of: &Published<'_>| {
        let publish = &of.publish;
        let owner = of.elements[0].owner.clone();
        (
            publish.on,
            publish.transport,
            owner,
            publish.to.ip(),
            publish.ports.first(),
        )
    };
    all.sort_by_key(key);
    all.dedup_by(|next, first| first.takes_in(next));
    all.iter().map(|of| of.exposed(view)).collect()
}

impl Published<'_> {
    /// Whether the next one goes on where this one ends; then it becomes part of this one.
    fn takes_in(&mut self, next: &mut Self) -> bool {
        let (a, b) = (&self.publish, &next.publish);
        let steps = a.ports.count();
        let follows = |first: u16, next: u16| u32::from(first) + steps == u32::from(next);
        let same = (a.on, a.transport, a.to.ip(), &self.elements[0].owner)
            == (b.on, b.transport, b.to.ip(), &next.elements[0].owner);
        let one =
            same && follows(a.ports.first(), b.ports.first()) && follows(a.to.port(), b.to.port());
        let ports = firewall::Ports::new(a.ports.first(), b.ports.last());
        match ports {
            Ok(ports) if one => {
                self.publish.ports = ports;
                self.elements.append(&mut next.elements);
                true
            }
            _ => false,
        }
    }

    fn exposed(&self, view: &View) -> Exposed {
        let publish = &self.publish;
        let element = self.elements[0];
        let (network, id, interface) = match &element.owner {
            Owner::Attachment {
                network,
                id,
                interface,
            } => (network.clone(), id.clone(), interface.clone()),
            other => (other.to_string(), String::new(), String::new()),
        };
        let recorded = self.elements.iter().all(|one| view.recorded.contains(*one));
        Exposed {
            target: Target::Published {
                network,
                id,
                interface,
                to: publish.to,
                recorded,
            },
            ipv4: publish.to.is_ipv4(),
            on: publish.on,
            ports: Some((publish.ports.first(), publish.ports.last())),
            transport: Some(publish.transport),
            ways: self.ways(view),
        }
    }

    fn ways(&self, view: &View) -> Vec<Way> {
        let v4 = self.publish.to.is_ipv4();
        let on = self.publish.on;
        let mut ways = vec![way(Origin::Host, self.asked_by_host(view), self.host(view))];
        for interface in &view.interfaces {
            let at = on.or_else(|| view.on(interface.name, v4).next());
            if let Some(at) = at {
                let said = self.lead(view, interface.name, at);
                ways.push(way(Origin::Interface(interface.name), Some(at), said));
            }
        }
        for network in view.network_ways(v4) {
            let at = on.or_else(|| view.gateway(network, v4));
            if let Some(at) = at {
                let said = self.lead(view, network.bridge, at);
                ways.push(way(Origin::Network(network.name.clone()), Some(at), said));
            }
        }
        ways
    }

    /// The address that this host is asked at: 127.0.0.1, or the first it has.
    fn asked_by_host(&self, view: &View) -> Option<IpAddr> {
        let v4 = self.publish.to.is_ipv4();
        let local = v4.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut others = view.interfaces.iter().flat_map(|of| view.on(of.name, v4));
        self.publish.on.or(local).or_else(|| others.next())
    }

    fn host(&self, view: &View) -> Said {
        match (
            self.dead(view),
            view.dropper(Hook::Output, self.publish.to.is_ipv4()),
        ) {
            (Some(dead), _) => (Access::Closed, dead),
            (None, Some(stop)) => (Access::Perhaps, stop),
            (None, None) => (Access::Open, self.by()),
        }
    }

    /// From an interface: translated, then forwarded.
    fn lead(&self, view: &View, from: IfName, at: IpAddr) -> Said {
        let Publish { transport, to, .. } = self.publish;
        if at.is_loopback() {
            return (
                Access::Closed,
                "inet vetch nat_in: ip daddr 127.0.0.0/8 return".to_owned(),
            );
        }
        if let Some(dead) = self.dead(view) {
            return (Access::Closed, dead);
        }
        let bridge = self.network(view).map(|network| network.bridge);
        let Some(bridge) = bridge else {
            return (
                Access::Closed,
                "the firewall does not know its network".to_owned(),
            );
        };
        let attempt = Attempt {
            from,
            to,
            transport,
        };
        let (access, by) = view.through(&attempt, bridge, true);
        match access {
            Access::Open => (access, format!("{}; {by}", self.by())),
            _ => (access, by),
        }
    }

    fn network<'a>(&self, view: &'a View) -> Option<&'a NetworkExposure> {
        let Owner::Attachment { network, .. } = &self.elements[0].owner else {
            return None;
        };
        view.networks.iter().find(|of| of.name == *network)
    }

    /// Why nobody answers, if nobody can.
    fn dead(&self, view: &View) -> Option<String> {
        let missing = self.publish.on.filter(|on| !view.has(*on));
        let missing = missing.map(|on| format!("this host does not have the address {on}"));
        missing.or_else(|| self.mute(view))
    }

    /// Why the attachment cannot answer.
    fn mute(&self, view: &View) -> Option<String> {
        let owner = &self.elements[0].owner;
        let to = self.publish.to.ip();
        let set = if to.is_ipv4() { Set::Src4 } else { Set::Src6 };
        let mut rows = view.rules.of(set).iter().filter(|row| row.owner == *owner);
        let row = rows.find_map(|row| row.station().filter(|row| row.address == to));
        let Some(row) = row else {
            let mut unguarded = view.rules.of(Set::Open).iter();
            let open = !view.rules.guards() || unguarded.any(|row| row.owner == *owner);
            let mute = format!("bridge vetch rest: drop; the guard has no row of {owner} for {to}");
            return (!open).then_some(mute);
        };
        let link = view.links.iter().find(|link| link.name == row.port);
        match link {
            None => Some(format!("its interface `{}` is gone", row.port)),
            Some(link) if !link.is_up() => Some(format!("its interface `{}` is down", row.port)),
            Some(_) => None,
        }
    }

    fn by(&self) -> String {
        let element = self.elements[0];
        let set = element.set.name();
        match self.elements.len() {
            1 => format!("inet vetch {set} {{ {} }}", element.text()),
            more => format!("inet vetch {set}, {more} elements"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firewall::{Ports, Transport};

    fn elements(ports: &str, to: &str, id: &str) -> Vec<Element> {
        let owner = Owner::attachment("blue", id, "eth0");
        let publish = Publish {
            on: None,
            ports: ports.parse().unwrap(),
            transport: Transport::Tcp,
            to: to.parse().unwrap(),
            only: Vec::new(),
        };
        let change = firewall::publish(&owner, &publish).unwrap();
        let steps = change.steps().iter();
        steps.map(|step| step.element().clone()).collect()
    }

    #[test]
    fn ports_that_follow_each_other_are_one_row() {
        let all = [
            elements("80-82", "10.0.0.2:8080", "a"),
            elements("83", "10.0.0.2:8083", "a"),
            elements("84", "10.0.0.2:84", "a"),
            elements("85", "10.0.0.3:85", "b"),
        ]
        .concat();
        let mut found: Vec<Published<'_>> = all
            .iter()
            .map(|element| Published {
                publish: element.published().unwrap(),
                elements: vec![element],
            })
            .collect();
        found.dedup_by(|next, first| first.takes_in(next));
        let ports: Vec<Ports> = found.iter().map(|of| of.publish.ports).collect();
        assert_eq!(
            ports,
            ["80-83", "84", "85"].map(|ports| ports.parse().unwrap())
        );
        assert!(found[0].by().contains("4 elements"), "{}", found[0].by());
        assert!(found[2].by().contains("tcp . 85"), "{}", found[2].by());
    }
}
