//! What to compare: records, bridge, elements and attachments of one network with what was seen of them.

mod inside;

use crate::action::{self, Action};
use crate::attach::wired;
use crate::check::{Depth, Finding, Mend, Seen, difference};
use crate::engine::{Engine, is_bridge_of, is_master_of, is_of};
use crate::error::{Error, Result};
use crate::filtering::vlans_differ;
use crate::intent;
use crate::purge::belongs;
use crate::record::Claim;
use crate::spec::{Attachment, Network, State};
use core_netlink::fdb::{FdbEntry, FdbLife};
use core_netlink::link::{Link, LinkFlags, Slave};
use core_netlink::nft::Value;
use core_netlink::{HwAddr, IfIndex};
use firewall::{Change, Element, Set, Step};
use std::collections::HashSet;

/// `what` if it holds.
pub(crate) fn says(holds: bool, what: impl Into<String>) -> Option<String> {
    holds.then(|| what.into())
}

fn on_or_off(on: bool) -> &'static str {
    match on {
        true => "on",
        false => "off",
    }
}

impl Engine {
    pub(crate) fn records(&mut self, network: &Network) -> Result<Vec<Finding>> {
        let lost = self.lost(network)?;
        let unreadable = match self.store.claims(&network.name) {
            Err(err) if err.is_damaged() => true,
            other => other.map(|_| false)?,
        };
        if lost.is_empty() && !unreadable {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = lost
            .iter()
            .map(|claim| claim.attachment.key.id.to_string())
            .collect();
        let how = match keys.is_empty() {
            true => "a claim is damaged, and the kernel has nothing of it".to_owned(),
            false => format!("lost or damaged: {}", keys.join(", ")),
        };
        Ok(vec![Finding {
            difference: difference(network, "records".to_owned(), vec![how]),
            mend: Mend::Do(vec![Action::Records(network.clone())]),
        }])
    }

    pub(crate) fn bridge(
        &mut self,
        network: &Network,
        has_loopback: bool,
        seen: &Seen,
    ) -> Result<Option<Finding>> {
        if network.routed {
            return Ok(None);
        }
        let how = vlans_differ(network, seen);
        if !how.is_empty() {
            let object = format!("bridge `{}`", network.bridge);
            return Ok(Some(Finding {
                difference: difference(network, object, how),
                mend: Mend::Do(self.plan_bridge(network, false)?),
            }));
        }
        match network.has_gateway_link() {
            true => self.with_gateways_differs(network, has_loopback, seen),
            false => Ok(None),
        }
    }

    /// What differs of the link with the gateways.
    fn with_gateways_differs(
        &mut self,
        network: &Network,
        has_loopback: bool,
        seen: &Seen,
    ) -> Result<Option<Finding>> {
        let name = network.gateway_link();
        let object = match network.gateway_vlan() {
            None => format!("bridge `{name}`"),
            Some(_) => format!("link `{name}`"),
        };
        let Some(link) = seen.link(|link| link.name == name) else {
            let missing = difference(network, object, vec!["is missing".to_owned()]);
            let mend = Mend::Do(self.plan_bridge(network, false)?);
            return Ok(Some(Finding {
                difference: missing,
                mend,
            }));
        };
        if !is_bridge_of(link, network) {
            let alias = link.alias.as_deref().unwrap_or("");
            let how = format!("a link of this name is not ours (alias {alias:?})");
            let mut foreign = difference(network, object, vec![how]);
            foreign.advice = Some(format!(
                "rename or remove it, then: vetch network repair {}",
                network.name
            ));
            return Ok(Some(Finding {
                difference: foreign,
                mend: Mend::Nothing,
            }));
        }
        let mut how = bridge_differs(network, link, seen);
        for (path, value) in action::sysctls_of_bridge(network) {
            let is = self.kernel.sysctl(&path)?;
            let wrong = is.filter(|is| is != value);
            how.extend(wrong.map(|is| format!("{path} is {is}, not {value}")));
        }
        let may = network.owns_gateway_link() && network.vlans.is_none();
        let wanted = !network.internal && may && has_loopback;
        let localnet = link.ipv4.as_ref().and_then(|conf| conf.route_localnet) == Some(1);
        how.extend(says(
            network.owns_gateway_link() && localnet != wanted,
            format!("route_localnet is {}", on_or_off(localnet)),
        ));
        let mend = vec![
            Action::BridgeSettings(network.clone()),
            Action::BridgeUp(network.clone()),
            Action::Localnet {
                bridge: name,
                on: wanted,
                others: true,
            },
        ];
        let found = Finding {
            difference: difference(network, object, how),
            mend: Mend::Do(mend),
        };
        Ok(Some(found).filter(|found| !found.difference.how.is_empty()))
    }

    /// Missing elements, and those of ours that should not be there. Not looked at while the tables are to be made anew.
    pub(crate) fn elements(
        &mut self,
        network: &Network,
        claims: &[Claim],
        seen: &Seen,
    ) -> Result<Option<Finding>> {
        if !seen.tables {
            return Ok(None);
        }
        let mut wanted = intent::network(network)?;
        let mut keys: HashSet<_> = wanted.steps().iter().map(key).collect();
        for claim in claims {
            let elements = intent::attachment(&claim.attachment)?;
            keys.extend(elements.steps().iter().map(key));
            if claim.attachment.state == State::Up {
                wanted.extend(elements);
            }
        }
        let is_missing = |step: &&Step| seen.elements.get(&key(step)) != Some(step.element());
        let missing: Vec<Element> = wanted
            .steps()
            .iter()
            .filter(is_missing)
            .map(element)
            .collect();
        let extra: Vec<Element> = seen
            .elements
            .values()
            .filter(|element| {
                belongs(&element.owner, &network.name)
                    && !keys.contains(&(element.set, element.key.clone()))
            })
            .cloned()
            .collect();
        let how: Vec<String> = [("missing", &missing), ("not ours to keep", &extra)]
            .into_iter()
            .filter_map(|(word, elements)| named(word, elements))
            .collect();
        if how.is_empty() {
            return Ok(None);
        }
        let mut change = Change::remove(extra);
        change.extend(Change::add(missing));
        Ok(Some(Finding {
            difference: difference(network, "firewall".to_owned(), how),
            mend: Mend::Do(vec![Action::Elements(change)]),
        }))
    }

    pub(crate) fn attachment(
        &mut self,
        network: &Network,
        of: &Attachment,
        seen: &Seen,
        depth: Depth,
    ) -> Result<Vec<Finding>> {
        let object = format!("{} ({}, {})", of.key.id, of.key.ifname, of.host_end);
        if of.assigned.foreign && self.reopen(of).is_some() {
            return Ok(Vec::new());
        }
        let Some(link) = seen.link(|link| link.name == of.host_end && is_of(link, &of.key)) else {
            return self.without_link(network, of, object);
        };
        let mut how = self.host_end_differs(network, of, link, seen)?;
        let mut actions = Vec::new();
        if !how.is_empty() {
            actions.push(Action::HostEnd {
                attachment: of.clone(),
                bridge: network.bridge,
                big_tcp: network.big_tcp,
            });
            actions.push(Action::HostUp {
                host_end: of.host_end,
                to: of.behind(),
            });
        }
        let inside = match depth {
            Depth::Host => Vec::new(),
            Depth::Inside => self.inside_differs(of, link)?,
        };
        if !inside.is_empty() {
            how.extend(inside);
            actions.insert(
                0,
                Action::Inside {
                    attachment: of.clone(),
                },
            );
        }
        if how.is_empty() {
            return Ok(Vec::new());
        }
        let mend = Mend::Attachment(Box::new(of.clone()), actions);
        Ok(vec![Finding {
            difference: difference(network, object, how),
            mend,
        }])
    }

    fn without_link(
        &mut self,
        network: &Network,
        of: &Attachment,
        object: String,
    ) -> Result<Vec<Finding>> {
        let (how, mend) = match self.reopen(of) {
            Some(_) => (
                "its interface was deleted",
                Mend::Attachment(Box::new(of.clone()), rewired(network, of)?),
            ),
            None => ("its namespace is gone", Mend::Remove(Box::new(of.clone()))),
        };
        Ok(vec![Finding {
            difference: difference(network, object, vec![how.to_owned()]),
            mend,
        }])
    }

    fn host_end_differs(
        &mut self,
        network: &Network,
        of: &Attachment,
        link: &Link,
        seen: &Seen,
    ) -> Result<Vec<String>> {
        if of.assigned.routed.is_some() {
            return self.routed_end_differs(of, link);
        }
        let bridge = seen
            .link(|link| is_master_of(link, network))
            .map(|link| link.index);
        let port = match &link.slave {
            Some(Slave::Bridge(port)) => port.clone(),
            _ => Default::default(),
        };
        let wanted = crate::wiring::port_settings(of);
        let flags = [
            ("learning", port.learning, wanted.learning),
            ("flood", port.flood, wanted.flood),
            ("locked", port.locked, wanted.locked),
            ("isolated", port.isolated, wanted.isolated),
            ("hairpin", port.hairpin, wanted.hairpin),
        ];
        let on_bridge = link.master.is_some() && link.master == bridge;
        let mut how: Vec<String> = Vec::new();
        how.extend(says(
            !on_bridge,
            format!("is no port of `{}`", network.bridge),
        ));
        how.extend(says(!link.is_up(), "is down"));
        let wrong = flags
            .iter()
            .filter(|(_, is, wanted)| on_bridge && is != wanted);
        how.extend(
            wrong.map(|(name, is, _)| format!("{name} is {}", on_or_off(*is == Some(true)))),
        );
        if let Some(vlans) = of.assigned.vlans.as_ref().filter(|_| on_bridge) {
            let found = seen.vlans.get(&link.index);
            how.extend(vlans.differs(found.map_or(&[], Vec::as_slice)));
        }
        let entry = (link.index, HwAddr::from(of.mac));
        how.extend(says(
            on_bridge && !seen.fdb.contains(&entry),
            format!("the bridge has no entry for {}", of.mac),
        ));
        let (path, value) = action::sysctl_of_port(of.host_end);
        how.extend(says(
            self.kernel.sysctl(&path)?.is_some_and(|is| is != value),
            format!("{path} is not {value}"),
        ));
        Ok(how)
    }

    /// Nothing where the namespace cannot be reached.
    fn inside_differs(&mut self, of: &Attachment, link: &Link) -> Result<Vec<String>> {
        let Some(namespace) = self.reopen(of) else {
            return Ok(Vec::new());
        };
        let mut conn = self.kernel.inside(&namespace)?;
        let look = |err| Error::netlink(format!("look into namespace {}", of.namespace), err);
        inside::differs(&mut conn, of, link).map_err(look)
    }
}

/// An attachment anew under the claim that is there.
fn rewired(network: &Network, of: &Attachment) -> Result<Vec<Action>> {
    let mut plan = wired(network, of)?;
    plan.push(Action::HostUp {
        host_end: of.host_end,
        to: of.behind(),
    });
    Ok(plan)
}

fn bridge_differs(network: &Network, link: &Link, seen: &Seen) -> Vec<String> {
    let mut how = Vec::new();
    how.extend(says(!link.is_up(), "is down"));
    let promiscuous = link.flags.contains(LinkFlags::PROMISC);
    how.extend(says(
        network.promiscuous && !promiscuous,
        "is not promiscuous",
    ));
    let mac = HwAddr::from(network.mac);
    let owns = network.owns_gateway_link() && network.gateway_vlan().is_none();
    how.extend(says(
        owns && link.address.as_ref() != Some(&mac),
        format!("its MAC address is not {mac}"),
    ));
    for subnet in &network.subnets {
        let there = seen.addresses.iter().any(|found| {
            found.link == link.index
                && found.address.addr() == subnet.gateway
                && found.address.prefix_len() == subnet.prefix.prefix_len()
        });
        how.extend(says(
            !there,
            format!(
                "{}/{} is missing",
                subnet.gateway,
                subnet.prefix.prefix_len()
            ),
        ));
    }
    how
}

pub(crate) fn serves_loopback(claim: &Claim) -> bool {
    claim
        .attachment
        .ports
        .iter()
        .any(|port| port.serves_loopback())
}

pub(crate) fn is_static(entry: &&FdbEntry) -> bool {
    entry.life() == FdbLife::Static
}

pub(crate) fn station(entry: &FdbEntry) -> (IfIndex, HwAddr) {
    (entry.link, entry.lladdr)
}

fn key(step: &Step) -> (Set, Vec<Value>) {
    (step.element().set, step.element().key.clone())
}

fn element(step: &Step) -> Element {
    step.element().clone()
}

pub(crate) fn named(word: &str, elements: &[Element]) -> Option<String> {
    let first = elements.first()?;
    let more = match elements.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    Some(format!("{word}: {first}{more}"))
}
