//! Networks whose addresses come from who attaches: made with the first attachment, and changed as what is asked for changes.

use crate::action::Action;
use crate::engine::{Engine, Scene, netlink};
use crate::error::{Error, Result};
use crate::forwarding::ipv6_switch;
use crate::host::Host;
use crate::intent;
use crate::name::NetworkName;
use crate::network::{check_alone, taken};
use crate::policy::Policy;
use crate::port_action::PortAction;
use crate::publish::{port, rewrite};
use crate::record::Definition;
use crate::spec::{Attachment, AttachmentSpec, Network, NetworkSpec, State, Subnet};
use crate::subnet;
use crate::vlans::Vlans;
use firewall::{Change, Element, Step};
use ipnet::IpNet;
use ns_mgmt::NetNs;
use std::collections::HashSet;
use std::time::{Duration, Instant};

const DETECTING: Duration = Duration::from_secs(10); // RFC 4862 takes one to two seconds
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The network that is attached to: one that is there, or one as asked for.
#[derive(Default)]
pub(crate) struct Target<'a> {
    pub(crate) asked: Option<&'a NetworkSpec>,
    /// A subnet that meets a new one is replaced.
    force: bool,
    /// What was made or changed for it: what was there before, and what is now.
    pub(crate) changed: Option<(Option<Network>, Network)>,
}

impl Host {
    /// Gives a namespace an interface in a network with [`external_ipam`](NetworkSpec::external_ipam), which is made if it is not there,
    /// and changed where it is not as asked for: subnets are added, policy and MTU follow. If the attachment fails, the network is as it
    /// was before. The same again returns the same.
    ///
    /// Fails as [`attach`](Host::attach) does, and if a subnet meets another of the network, unless `force` replaces that one.
    ///
    /// ```no_run
    /// use bridge::{AttachmentId, AttachmentSpec, Host, NetworkSpec};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let network = NetworkSpec {
    ///     external_ipam: true,
    ///     subnets: vec!["10.9.0.0/24".parse()?],
    ///     bridge: Some("cni0".parse()?),
    ///     ..NetworkSpec::new("pods".parse()?)
    /// };
    /// let id = AttachmentId::new("cni", "c1")?;
    /// let spec = AttachmentSpec { prefixes: vec!["10.9.0.2/24".parse()?], ..AttachmentSpec::new(network.name.clone(), id) };
    /// Host::open()?.attach_to(&network, false, &spec, &ns_mgmt::NetNs::open_name(&"c1".parse()?)?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn attach_to(
        &mut self,
        network: &NetworkSpec,
        force: bool,
        spec: &AttachmentSpec,
        namespace: &NetNs,
    ) -> Result<Attachment> {
        self.engine.attach_to(network, force, spec, namespace)
    }
}

impl Host {
    /// Changes what containers of a network may do. Connections that stand go on.
    ///
    /// Fails if there is no such network, or the policy cannot be meant.
    pub fn change_policy(&mut self, network: &NetworkName, policy: &Policy) -> Result<Network> {
        self.engine.change_policy(network, policy)
    }

    /// Fails if an attachment could not be made now, whatever it asks for: without records, netlink or nftables.
    pub fn probe(&mut self) -> Result<()> {
        self.engine.store.definitions()?;
        self.engine.kernel.route()?;
        let installed = firewall::is_installed(self.engine.kernel.nft()?);
        let installed = installed.map_err(|err| Error::firewall("look at the firewall", err));
        installed.map(drop)
    }
}

impl Engine {
    fn change_policy(&mut self, name: &NetworkName, policy: &Policy) -> Result<Network> {
        let op = format!("change the policy of network `{name}`");
        policy.check(&op)?;
        let there = self.network(name)?;
        if there.policy == policy.sorted() {
            return Ok(there);
        }
        let _host = self.lock_host()?;
        let there = self.complete_network(name)?;
        let _lock = self.store.lock_network(name)?;
        self.recover_attachments(name)?;
        let after = Network {
            policy: policy.sorted(),
            ..there.clone()
        };
        let isolate = after.policy.isolate_ports;
        let mut plan = Vec::new();
        for claim in self.store.claims(name)? {
            let of = &claim.attachment;
            let shall = under(&after, of);
            if of.state != State::Up || shall == *of {
                continue;
            }
            if !after.routed {
                let (host_end, on) = (of.host_end, isolate);
                plan.push(port(PortAction::Isolate { host_end, on }));
            }
            let (old, new) = (intent::attachment(of)?, intent::attachment(&shall)?);
            let mut change = Change::add(only(&new, &old));
            change.extend(Change::remove(only(&old, &new)));
            plan.push(Action::Elements(change));
            plan.push(rewrite(&claim, &shall));
        }
        plan.extend(self.plan_reshape(&there, &after)?); // the definition last
        self.execute(&op, &plan, &mut Scene::default())?;
        Ok(after)
    }

    fn attach_to(
        &mut self,
        asked: &NetworkSpec,
        force: bool,
        spec: &AttachmentSpec,
        namespace: &NetNs,
    ) -> Result<Attachment> {
        let op = op(asked);
        if !asked.external_ipam || asked.name != spec.network {
            let why = "only networks whose addresses come from who attaches are made on the way";
            return Err(Error::invalid(op, why));
        }
        check_alone(&op, asked)?;
        let mut target = Target {
            asked: Some(asked),
            force,
            changed: None,
        };
        let attached = self.attach_into(&mut target, spec, namespace);
        attached.map_err(|err| match target.changed {
            None => err,
            Some((before, after)) => {
                let left = self.put_network_back(before, &after).err();
                err.and_left(left.into_iter().collect())
            }
        })
    }

    /// The network to attach to, complete. The host's lock is held.
    pub(crate) fn reach_target(
        &mut self,
        target: &mut Target<'_>,
        spec: &AttachmentSpec,
    ) -> Result<Network> {
        let Some(asked) = target.asked else {
            return self.complete_network(&spec.network);
        };
        let definition = self.store.definition(&asked.name)?;
        let undone = self.recover_unfinished(&asked.name, definition.as_ref())?;
        let there = definition.filter(|_| !undone).map(|found| found.network);
        let after = match &there {
            None => self.create_locked(&op(asked), asked)?,
            Some(there) => self.change_network(there, asked, target.force)?,
        };
        if there.as_ref() != Some(&after) {
            let before = target.changed.take().map_or(there, |(before, _)| before);
            target.changed = Some((before, after.clone()));
        }
        Ok(after)
    }

    fn change_network(
        &mut self,
        there: &Network,
        asked: &NetworkSpec,
        force: bool,
    ) -> Result<Network> {
        let op = op(asked);
        let mut after = changed(&op, there, asked, force)?;
        self.update_shared(&op, there, &mut after)?;
        if after == *there {
            return Ok(after);
        }
        let new = after
            .subnets
            .iter()
            .filter(|of| !there.subnets.contains(of));
        let new: Vec<&Subnet> = new.collect();
        if !new.is_empty() {
            let around = self.surroundings()?;
            let mut routes = taken(&around);
            routes.retain(|route| route.link != there.gateway_link().to_string());
            let mut others = self.every_network()?;
            others.retain(|other| other.name != there.name);
            for subnet in new {
                subnet::check(&op, subnet.prefix, &routes, &others)?;
            }
        }
        let _lock = self.store.lock_network(&there.name)?;
        let plan = self.plan_reshape(there, &after)?;
        self.execute(&op, &plan, &mut Scene::default())?;
        Ok(after)
    }

    /// A bridge that somebody made and that is gone is made as the network's own; what it has of new gateways is noted.
    fn update_shared(&mut self, op: &str, there: &Network, after: &mut Network) -> Result<()> {
        let (before, now) = (there.has_gateway_link(), after.has_gateway_link());
        if now
            && !before
            && let Some(link) = self.find(after.gateway_link())?
        {
            let around = self.surroundings()?;
            after.shared = Some(self.had_before(op, after, &link, &around)?);
            return Ok(());
        }
        let Some(had) = &mut after.shared else {
            return Ok(());
        };
        match self.find(there.gateway_link())? {
            None if after.vlans.is_some_and(|vlans| vlans.gateway.is_none()) => {}
            None => after.shared = None,
            Some(link) => {
                let new = after
                    .subnets
                    .iter()
                    .filter(|of| !there.subnets.contains(of));
                let new: Vec<Subnet> = new.copied().collect();
                had.gateways.extend(self.gateways_on(link.index, &new)?);
            }
        }
        Ok(())
    }

    fn plan_reshape(&mut self, from: &Network, to: &Network) -> Result<Vec<Action>> {
        let mut plan = vec![Action::Reshape(Box::new([from.clone(), to.clone()]))];
        let around = self.surroundings()?;
        if let Some(forward) = self.forward(&[to], &around)? {
            plan.push(forward);
            if !to.routed {
                plan.push(Action::BridgeSettings(to.clone()));
            }
        }
        Ok(plan)
    }

    /// What comes is there before what goes is gone, and the definition last: until then whoever finds the rest does it again.
    pub(crate) fn reshape(&mut self, from: &Network, to: &Network) -> Result<()> {
        let (old, new) = (intent::network(from)?, intent::network(to)?);
        self.apply(&Change::add(only(&new, &old)))?;
        if !to.routed && self.find(to.bridge)?.is_some() {
            if to.has_gateway_link() && !from.has_gateway_link() {
                self.make_vlans(to, &mut Scene::default())?;
            }
            self.kernel
                .set_sysctls(None, crate::action::sysctls_of_bridge(to))?;
            self.bridge_up(to, &mut Scene::default())?;
            let gone = from.subnets.iter().filter(|of| !to.subnets.contains(of));
            let had = to.shared.clone().unwrap_or_default();
            self.remove_gateways(to.gateway_link(), &had.without(gone))?;
            if from.promiscuous && !to.promiscuous && !had.promiscuous {
                self.hand_up_all(to.gateway_link(), false)?;
            }
        }
        if from.has_ipv6() && !to.has_ipv6() {
            self.put_back(&(ipv6_switch(to.gateway_link()), "0"))?;
        }
        if from.has_gateway_link() && !to.has_gateway_link() {
            self.delete_gateway_link(from)?;
        }
        self.apply(&Change::remove(only(&old, &new)))?;
        self.store.write_definition(&Definition {
            network: to.clone(),
            state: State::Up,
        })
    }

    /// After an attachment failed. Whatever somebody else has built on it since stays.
    fn put_network_back(&mut self, before: Option<Network>, after: &Network) -> Result<()> {
        let Some(before) = before else {
            return match self.remove_network(&after.name, false) {
                Err(err) if err.is_exists() => Ok(()),
                removed => removed?.settle(),
            };
        };
        let _host = self.lock_host()?;
        let definition = self.store.definition(&after.name)?;
        if definition.is_none_or(|there| there.network != *after) {
            return Ok(());
        }
        let _lock = self.store.lock_network(&after.name)?;
        let claims = self.store.claims(&after.name)?;
        let new = after
            .subnets
            .iter()
            .filter(|of| !before.subnets.contains(of));
        let mut new = new.map(|subnet| subnet.prefix);
        let is_used = |prefix: IpNet| {
            let mut addresses = claims.iter().flat_map(|claim| &claim.attachment.addresses);
            addresses.any(|net| prefix.contains(&net.addr()))
        };
        match new.any(is_used) {
            true => Ok(()),
            false => self.reshape(after, &before),
        }
    }

    /// Waits until the kernel has found no other owner of the IPv6 addresses inside (RFC 4862, 5.4).
    pub(crate) fn detect(&mut self, of: &Attachment, scene: &mut Scene<'_>) -> Result<()> {
        let op = format!("look for duplicates of the addresses of {}", of.key);
        let (Some(conn), Some(link)) = (&mut scene.conn, scene.inner) else {
            return Err(Error::missing(op, "nobody has looked inside"));
        };
        let end = Instant::now() + DETECTING;
        loop {
            let found = conn.addresses(&core_netlink::addr::AddressFilter {
                link: Some(link),
                ..Default::default()
            });
            let found = found.map_err(|err| netlink(op.clone(), err))?;
            let state = |flag| found.iter().find(|address| address.flags.contains(flag));
            if let Some(twin) = state(core_netlink::addr::AddressFlags::DADFAILED) {
                let why = format!("somebody else on the network has {}", twin.address.addr());
                return Err(Error::exists(op, why));
            }
            if state(core_netlink::addr::AddressFlags::TENTATIVE).is_none() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(Error::missing(op, "the kernel did not end it in 10 s"));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

fn op(asked: &NetworkSpec) -> String {
    format!("make network `{}` as asked for", asked.name)
}

/// The attachment as the network's policy has it.
fn under(network: &Network, of: &Attachment) -> Attachment {
    let mut shall = of.clone();
    shall.isolated = network.policy.isolate_ports;
    if let Some(link) = &mut shall.assigned.routed {
        link.reachable = network.policy.reachable;
    }
    shall
}

/// The elements of one change that are not in another.
pub(crate) fn only(these: &Change, others: &Change) -> Vec<Element> {
    let kept: HashSet<&Element> = others.steps().iter().map(Step::element).collect();
    let mine = these.steps().iter().map(Step::element);
    mine.filter(|of| !kept.contains(of)).cloned().collect()
}

/// The network that is there, as it shall be.
fn changed(op: &str, there: &Network, asked: &NetworkSpec, force: bool) -> Result<Network> {
    if !there.external_ipam {
        let why = "a network of this name is there that chooses its addresses itself";
        let hint = format!(
            "take another name, or remove it: vetch network rm {}",
            there.name
        );
        return Err(Error::exists(op, why).with_hint(hint));
    }
    if there.routed != asked.routed {
        let word = |routed| if routed { "without" } else { "with" };
        let why = format!(
            "it is {} a bridge, not {} one",
            word(there.routed),
            word(asked.routed)
        );
        let hint = format!(
            "take another name, or remove it: vetch network rm {}",
            there.name
        );
        return Err(Error::exists(op, why).with_hint(hint));
    }
    if let Some(bridge) = asked.bridge.filter(|bridge| *bridge != there.bridge) {
        let why = format!("its bridge is `{}`, not `{bridge}`", there.bridge);
        let hint = format!(
            "remove it when its containers are gone: vetch network rm {}",
            there.name
        );
        return Err(Error::exists(op, why).with_hint(hint));
    }
    if asked.vlans != there.vlans {
        let why = format!(
            "it is there with {}, not {}",
            of(there.vlans),
            of(asked.vlans)
        );
        return Err(Error::exists(op, why).with_hint(format!(
            "remove it when its containers are gone: vetch network rm {}",
            there.name
        )));
    }
    let new = subnet::with_gateways(op, &asked.subnets, &asked.gateways)?;
    Ok(Network {
        subnets: merged(op, &there.subnets, &new, force)?,
        internal: asked.internal,
        promiscuous: asked.promiscuous,
        mtu: asked.mtu.unwrap_or(there.mtu),
        host_services: asked.host_services,
        policy: asked.policy.sorted(),
        ..there.clone()
    })
}

/// VLANs in words.
fn of(vlans: Option<Vlans>) -> String {
    match vlans.map(|vlans| vlans.gateway) {
        None => "no VLANs".to_owned(),
        Some(None) => "the bridge's own VLAN".to_owned(),
        Some(Some(vlan)) => format!("VLAN {vlan}"),
    }
}

/// Those that are there and the new ones; one that meets a new one is replaced or refused.
fn merged(op: &str, there: &[Subnet], new: &[Subnet], force: bool) -> Result<Vec<Subnet>> {
    let mut all = there.to_vec();
    for subnet in new.iter().filter(|subnet| !there.contains(subnet)) {
        let meets =
            |of: &Subnet| of.prefix.contains(&subnet.prefix) || subnet.prefix.contains(&of.prefix);
        if let Some(old) = all.iter().find(|of| meets(of)).filter(|_| !force) {
            let [is, asked] =
                [old, subnet].map(|of| format!("{}/{}", of.gateway, of.prefix.prefix_len()));
            return Err(Error::exists(
                op,
                format!("its bridge has {is}, not {asked}"),
            ));
        }
        all.retain(|of| !meets(of));
        all.push(*subnet);
    }
    all.sort_by_key(|of| of.prefix.addr().is_ipv6());
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnets(all: &[(&str, &str)]) -> Vec<Subnet> {
        let subnet = |(prefix, gateway): &(&str, &str)| Subnet {
            prefix: prefix.parse().unwrap(),
            gateway: gateway.parse().unwrap(),
        };
        all.iter().map(subnet).collect()
    }

    #[test]
    fn subnets_come_to_those_that_are_there() {
        let there = subnets(&[("10.1.0.0/24", "10.1.0.1")]);
        let more = subnets(&[("fd00::/64", "fd00::1"), ("10.2.0.0/24", "10.2.0.1")]);
        let all = merged("change", &there, &more, false).unwrap();
        assert_eq!(all, [there[0], more[1], more[0]], "IPv4 first");
        assert_eq!(merged("change", &all, &more, false).unwrap(), all);
    }

    #[test]
    fn another_gateway_is_refused_unless_forced() {
        let there = subnets(&[("10.1.0.0/24", "10.1.0.1")]);
        let other = subnets(&[("10.1.0.0/24", "10.1.0.254")]);
        let err = merged("change", &there, &other, false).unwrap_err();
        let text = format!("{err:?}");
        assert!(
            text.contains("has 10.1.0.1/24, not 10.1.0.254/24"),
            "{text}"
        );
        assert_eq!(merged("change", &there, &other, true).unwrap(), other);
    }
}
