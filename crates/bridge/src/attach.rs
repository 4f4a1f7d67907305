//! Attaching: everything is looked at and refused first, then done in the order that lets traffic flow last.

use crate::action::Action;
use crate::check::Depth;
use crate::engine::{Engine, Scene, is_master_of, netlink};
use crate::error::{Error, Result};
use crate::external::Target;
use crate::forwarding::ways_out;
use crate::intent;
use crate::name::Key;
use crate::port::PortSpec;
use crate::record::{Claim, Wish};
use crate::spec::{Attachment, AttachmentSpec, Network, State};
use core_netlink::link::{GetLink, Link};
use core_netlink::route::Route;
use ns_mgmt::NetNs;
use std::net::IpAddr;

/// What is to be done, or what is there already.
pub(crate) enum Found {
    There(Box<Attachment>),
    New(Box<Attachment>, Vec<Action>),
}

impl Engine {
    pub(crate) fn attach(
        &mut self,
        spec: &AttachmentSpec,
        namespace: &NetNs,
    ) -> Result<Attachment> {
        self.attach_into(&mut Target::default(), spec, namespace)
    }

    pub(crate) fn attach_into(
        &mut self,
        target: &mut Target<'_>,
        spec: &AttachmentSpec,
        namespace: &NetNs,
    ) -> Result<Attachment> {
        match self.attach_once(target, spec, namespace) {
            Err(err) if self.mends(&err, &spec.key())? => self.attach_once(target, spec, namespace),
            other => other,
        }
    }

    /// Whether it failed because of a record that is lost or damaged, which is mended then.
    fn mends(&mut self, err: &Error, key: &Key) -> Result<bool> {
        let lost = err.is_damaged() || (err.is_exists() && self.is_lost(key)?);
        if lost {
            self.mend_records(&key.network)?;
        }
        Ok(lost)
    }

    fn is_lost(&mut self, key: &Key) -> Result<bool> {
        let link = self.find(key.host_end())?;
        let found = link.and_then(|link| Key::from_alias(link.alias.as_deref()?));
        Ok(found.is_some_and(|(found, _)| found == *key) && self.store.claim(key)?.is_none())
    }

    fn attach_once(
        &mut self,
        target: &mut Target<'_>,
        spec: &AttachmentSpec,
        namespace: &NetNs,
    ) -> Result<Attachment> {
        let op = op(spec);
        self.check(&op, spec, namespace)?;
        if target.asked.is_none() && !self.store.is_begun()? {
            self.network(&spec.network)?; // before a directory is made for a lock
        }
        let host = self.lock_host()?;
        self.settle_abandoned()?;
        let network = self.reach_target(target, spec)?;
        let lock = self.store.lock_network(&spec.network)?;
        self.recover_attachments(&spec.network)?;
        let mut scene = Scene {
            namespace: Some(namespace),
            ..Scene::default()
        };
        let (attachment, plan) = match self.prepare(&op, spec, &network, &mut scene)? {
            Found::There(attachment) => {
                let whole = self.is_whole(&network, &attachment)?;
                drop((host, lock));
                if !whole {
                    self.repair(std::slice::from_ref(&network), Depth::Inside)?;
                }
                return Ok(*attachment);
            }
            Found::New(attachment, plan) => (*attachment, plan),
        };
        self.mend(&op, &network, &mut scene)?;
        let (claim, rest) = plan.split_at(1);
        self.execute(&op, claim, &mut scene)?; // ports are the host's: its lock is held until they are taken
        drop(host);
        self.finish(&op, claim, rest, &mut scene)?;
        Ok(Attachment {
            state: State::Up,
            ..attachment
        })
    }

    /// What is said to be there is to work: elements that are lost are added (with the tables, if they are). Whether bridge and host end
    /// are as they were. The locks are held.
    pub(crate) fn is_whole(&mut self, network: &Network, there: &Attachment) -> Result<bool> {
        let mut elements = intent::network(network)?;
        elements.extend(intent::attachment(there)?);
        self.apply(&elements)?;
        if there.assigned.foreign {
            return Ok(true);
        }
        let bridge = self.find(network.bridge)?.filter(Link::is_up);
        let end = self.find(there.host_end)?.filter(Link::is_up);
        if network.routed {
            return Ok(end.is_some());
        }
        let vlans = self.has_vlans(network, bridge.as_ref())?;
        let joined = end.and_then(|end| end.master);
        Ok(vlans && joined.is_some() && joined == bridge.map(|bridge| bridge.index))
    }

    /// Goes on after the claim; gives it back if the rest fails.
    fn finish(
        &mut self,
        op: &str,
        claim: &[Action],
        rest: &[Action],
        scene: &mut Scene<'_>,
    ) -> Result<()> {
        self.execute(op, rest, scene).map_err(|err| {
            let undone = claim
                .iter()
                .filter_map(|action| self.undo(action, scene).err())
                .collect();
            err.and_left(undone)
        })
    }

    pub(crate) fn plan_attach_dry(
        &mut self,
        spec: &AttachmentSpec,
        namespace: &NetNs,
    ) -> Result<Vec<Action>> {
        let network = self.network(&spec.network)?;
        self.plan_attach_to(&network, spec, namespace)
    }

    /// Of a network that need not be made yet.
    pub(crate) fn plan_attach_to(
        &mut self,
        network: &Network,
        spec: &AttachmentSpec,
        namespace: &NetNs,
    ) -> Result<Vec<Action>> {
        let op = op(spec);
        self.check(&op, spec, namespace)?;
        let mut scene = Scene {
            namespace: Some(namespace),
            ..Scene::default()
        };
        let claim = self
            .store
            .claim(&spec.key())?
            .filter(|claim| claim.attachment.state == State::Up);
        if claim.is_some_and(|claim| claim.boot == self.store.boot) {
            return Ok(Vec::new());
        }
        let attachment = self.choose_attachment(&op, spec, network, &mut scene)?;
        self.plan_attach(
            network,
            &Claim {
                wish: Some(Wish::of(spec)),
                boot: String::new(),
                here: 0,
                attachment,
            },
        )
    }

    /// What can be refused without a lock.
    pub(crate) fn check(
        &mut self,
        op: &str,
        spec: &AttachmentSpec,
        namespace: &NetNs,
    ) -> Result<()> {
        let bad = |why: String| Err(Error::invalid(op, why));
        if self.kernel.cookie(namespace)? == self.store.here {
            return bad(format!(
                "namespace {namespace} is the one the network's bridge is in; right is a container's own"
            ));
        }
        if let Some(mac) = spec.mac.filter(|mac| !mac.is_unicast()) {
            return bad(format!(
                "mac {mac}: a group's address cannot be an interface's; the first byte must be even, as in 02:42:ac:11:00:02"
            ));
        }
        if spec.ifname.as_bytes() == b"lo" {
            return bad("ifname `lo`: every namespace has a loopback of its own".to_owned());
        }
        check_apart(op, &spec.ports)
    }

    /// Looks at the claim that is there, and chooses addresses for a new one. Old lives are taken away.
    pub(crate) fn prepare(
        &mut self,
        op: &str,
        spec: &AttachmentSpec,
        network: &Network,
        scene: &mut Scene<'_>,
    ) -> Result<Found> {
        // Those that were not complete are undone by now.
        if let Some(claim) = self.store.complete_claim(&spec.key())? {
            if let Some(there) = self.still_there(op, &claim, spec, scene)? {
                return Ok(Found::There(Box::new(there)));
            }
            self.remove_now(&claim.attachment)?;
        }
        let attachment = self.choose_attachment(op, spec, network, scene)?;
        let claim = Claim {
            wish: Some(Wish::of(spec)),
            boot: self.store.boot.clone(),
            here: self.store.here,
            attachment,
        };
        let plan = self.plan_attach(network, &claim)?;
        Ok(Found::New(Box::new(claim.attachment), plan))
    }

    /// The attachment, if it is alive and as wished; `None` if it is of an old life; an error if it is alive and different.
    fn still_there(
        &mut self,
        op: &str,
        claim: &Claim,
        spec: &AttachmentSpec,
        scene: &Scene<'_>,
    ) -> Result<Option<Attachment>> {
        let there = &claim.attachment;
        let ours = claim.boot == self.store.boot
            && claim.here == self.store.here
            && there.state == State::Up;
        if !ours || !self.has_end(there)? {
            return Ok(None);
        }
        let cookie = scene
            .namespace
            .map(|namespace| self.kernel.cookie(namespace))
            .transpose()?;
        if cookie != Some(there.cookie) {
            return match self.reopen(there) {
                None => Ok(None), // another namespace has its name now
                Some(_) => Err(taken(op, there, "in another namespace", &there.namespace)),
            };
        }
        self.check_same(op, claim, spec)?;
        Ok(Some(there.clone()))
    }

    /// Refuses other wishes than those of the attachment that is there. Where its record was lost, what it got is all that is known,
    /// and what is not asked for matches.
    fn check_same(&self, op: &str, claim: &Claim, spec: &AttachmentSpec) -> Result<()> {
        let (there, asked) = (&claim.attachment, Wish::of(spec));
        let has = |ip: &IpAddr| there.addresses.iter().any(|net| net.addr() == *ip);
        let same_addresses = match &claim.wish {
            Some(wish) => wish.addresses == asked.addresses,
            None => asked.addresses.iter().all(has),
        };
        let same_mac = match &claim.wish {
            Some(wish) => wish.mac == asked.mac,
            None => asked.mac.is_none_or(|mac| mac == there.mac),
        };
        let asked = Attachment {
            ports: spec.ports.clone(),
            translation: spec.translation.clone(),
            ..there.clone()
        };
        // Who chooses the addresses may publish by another call later, which is none of this one's business.
        let later = !spec.prefixes.is_empty() && spec.ports.is_empty();
        let (how, what) = if !same_addresses {
            ("with the addresses", list(&there.addresses))
        } else if !same_mac {
            ("with the MAC address", there.mac.to_string())
        } else if there.dhcp != spec.dhcp {
            (word(there.dhcp), "DHCP".to_owned())
        } else if there.assigned != spec.assigned {
            ("with the routes", list(&there.assigned.routes))
        } else if there.unguarded != spec.unguarded {
            (word(!there.unguarded), "a guard".to_owned())
        } else if !later && intent::openings(there)? != intent::openings(&asked)? {
            ("with the ports", list(&there.ports))
        } else {
            return Ok(());
        };
        Err(taken(op, there, how, &what))
    }

    /// The bridge must be there and up; after a reboot, or when somebody removed it, it is made again, and what somebody was killed at is
    /// finished. So is the way out, if it moved.
    pub(crate) fn mend(
        &mut self,
        op: &str,
        network: &Network,
        scene: &mut Scene<'_>,
    ) -> Result<()> {
        let (bridge, ways) = self.bridge_and_ways(network)?;
        let bridge = bridge.filter(|_| !network.routed);
        match &bridge {
            Some(link) if is_master_of(link, network) => scene.found(link),
            Some(link) => {
                let why = format!(
                    "link `{}` is not the bridge of network `{}` (alias {:?})",
                    link.name,
                    network.name,
                    link.alias.as_deref().unwrap_or("")
                );
                return Err(Error::exists(op, why).with_hint(format!(
                    "if nothing needs it: vetch link delete {}",
                    link.name
                )));
            }
            None => {}
        }
        let plan = self.plan_bridge_again(network, bridge.as_ref())?;
        if !plan.is_empty() {
            return self.execute(op, &plan, scene);
        }
        if self.has_new_uplink(ways)? {
            let around = self.surroundings()?;
            let forward = self.forward(&[network], &around)?;
            self.execute(op, forward.as_slice(), scene)?;
        }
        Ok(())
    }

    /// The bridge, and which routes lead out of it, in one send.
    pub(crate) fn bridge_and_ways(
        &mut self,
        network: &Network,
    ) -> Result<(Option<Link>, Vec<Route>)> {
        let fail = |err| netlink(format!("look for link `{}`", network.bridge), err);
        let bridge = GetLink(network.bridge.into());
        let asked = self.kernel.route()?.get_with(&bridge, &ways_out(network));
        let (bridge, ways) = asked.map_err(fail)?;
        let bridge = match bridge {
            Err(err) if err.is_not_found() => None,
            found => Some(found.map_err(fail)?),
        };
        Ok((bridge, ways.into_iter().flatten().collect())) // where there is none, there is no way out now
    }

    /// The order of the ruleset: traffic flows last.
    fn plan_attach(&mut self, network: &Network, claim: &Claim) -> Result<Vec<Action>> {
        let attachment = || claim.attachment.clone();
        let ports = &claim.attachment.ports;
        let mut plan = vec![Action::Claim(claim.clone())];
        plan.extend(wired(network, &claim.attachment)?);
        let loopback = network.loopback_link(&claim.attachment);
        let served = ports.iter().any(|port| port.serves_loopback());
        if let Some(bridge) = loopback.filter(|_| served) {
            let end = claim.attachment.host_end;
            plan.push(Action::Localnet {
                bridge,
                on: true,
                others: !self.store.is_last_loopback(&network.name, end)?,
            });
        }
        if ports
            .iter()
            .any(|port| port.transport == firewall::Transport::Udp)
        {
            plan.push(Action::Flows {
                attachment: attachment(),
                addresses: false,
            });
        }
        if !claim.attachment.assigned.foreign {
            plan.push(Action::HostUp {
                host_end: claim.attachment.host_end,
                to: claim.attachment.behind(),
            });
        }
        if !network.routed && self.must_announce(claim)? {
            plan.push(Action::Announce {
                attachment: attachment(),
            });
        }
        if claim.attachment.assigned.detect_duplicates {
            plan.push(Action::Detect(attachment()));
        }
        plan.push(Action::Claimed(attachment()));
        Ok(plan)
    }
}

/// The pair, set up on both sides and guarded; its host end is still down.
pub(crate) fn wired(network: &Network, of: &Attachment) -> Result<Vec<Action>> {
    let (attachment, bridge) = (|| of.clone(), network.bridge);
    let elements = Action::Elements(intent::attachment(of)?);
    if of.assigned.foreign {
        return Ok(vec![elements]);
    }
    Ok(vec![
        Action::Pair {
            attachment: attachment(),
            bridge,
            ends: network.ends(),
        },
        Action::HostEnd {
            attachment: attachment(),
            bridge,
            big_tcp: network.big_tcp,
        },
        Action::Inside {
            attachment: attachment(),
        },
        elements,
    ])
}

/// What is tried, in words.
pub(crate) fn op(spec: &AttachmentSpec) -> String {
    format!("attach {} to network `{}`", spec.id, spec.network)
}

fn word(has: bool) -> &'static str {
    if has { "with" } else { "without" }
}

/// Refuses ports that cannot be, or exclude each other.
pub(crate) fn check_apart(op: &str, ports: &[PortSpec]) -> Result<()> {
    for (at, port) in ports.iter().enumerate() {
        port.check()?;
        if let Some(twin) = ports[..at].iter().find(|other| other.overlaps(port)) {
            let why = format!("ports {twin} and {port} are the same port of this host");
            return Err(Error::invalid(op, why));
        }
    }
    Ok(())
}

fn taken(op: &str, there: &Attachment, how: &str, what: &str) -> Error {
    let err = Error::exists(op, format!("{} is there {how} {what}", there.key));
    err.with_hint(format!(
        "detach it first: vetch detach {0} {1} (ports alone change with vetch port add|rm {0} {1})",
        there.key.network,
        there.key.id.name()
    ))
}

pub(crate) fn list<T: std::fmt::Display>(values: &[T]) -> String {
    let words: Vec<String> = values.iter().map(T::to_string).collect();
    match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(", "),
    }
}
