//! Making and removing networks.

use crate::action::Action;
use crate::engine::{Engine, Scene, if_damaged, is_master_of};
use crate::error::{Error, Result};
use crate::forwarding::{self, Surroundings};
use crate::intent;
use crate::name::{NetworkName, mac_of_bridge};
use crate::policy;
use crate::record::{Definition, Opened, now};
use crate::same;
use crate::settle::Detached;
use crate::spec::{Attachment, Network, NetworkSpec, State};
use crate::subnet::{self, Taken};
use crate::vlans;
use core_netlink::Family;
use core_netlink::link::Link;
use core_netlink::route::RouteType;
use std::io::Read;

const QUEUES: u32 = 64;

impl Engine {
    pub(crate) fn create_network(&mut self, spec: &NetworkSpec) -> Result<Network> {
        let op = format!("create network `{}`", spec.name);
        check_alone(&op, spec)?;
        let _host = self.lock_host()?;
        self.create_locked(&op, spec).map_err(|err| {
            let left = self.store.remove_all().err();
            err.and_left(left.into_iter().collect())
        })
    }

    pub(crate) fn create_locked(&mut self, op: &str, spec: &NetworkSpec) -> Result<Network> {
        self.store.remove_drafts()?;
        self.settle_abandoned()?;
        self.recover_network(&spec.name)?;
        let (network, plan) = self.plan_network(spec)?;
        if plan.is_empty() {
            return Ok(network);
        }
        let _lock = self.store.lock_network(&network.name)?;
        match self.make(op, &plan, &mut Scene::default()) {
            Ok(()) => Ok(network),
            Err(err) => {
                let left = self.remove_if_undefined(&network.name).err();
                Err(err.and_left(left.into_iter().collect()))
            }
        }
    }

    /// The directory that the lock was in.
    fn remove_if_undefined(&mut self, name: &NetworkName) -> Result<()> {
        match self.store.definition(name)? {
            None => self.store.remove_network(name),
            Some(_) => Ok(()),
        }
    }

    /// No steps if it is there already.
    pub(crate) fn plan_network(&mut self, spec: &NetworkSpec) -> Result<(Network, Vec<Action>)> {
        let op = format!("create network `{}`", spec.name);
        check_alone(&op, spec)?;
        if let Some(there) = self
            .store
            .definition(&spec.name)?
            .filter(|there| there.state == State::Up)
        {
            same::check(&op, &there.network, spec)?;
            let plan = match self.find(there.network.bridge)? {
                Some(link) if !is_master_of(&link, &there.network) => Vec::new(),
                link => self.plan_bridge_again(&there.network, link.as_ref())?,
            };
            return Ok((there.network, plan));
        }
        let around = self.surroundings()?;
        let mut network = self.choose(&op, spec, &around)?;
        let gateway_link = network.gateway_link();
        let there = around.links.iter().find(|link| link.name == gateway_link);
        if let Some(link) = there.filter(|_| spec.external_ipam && !spec.routed) {
            network.shared = Some(self.had_before(&op, &network, link, &around)?);
        }
        if network.vlans.is_some() {
            self.join_bridge(&op, &mut network, &around)?;
        }
        policy::check_bridge(&op, &network, &self.every_network()?)?;
        if let Some(link) = there.filter(|_| network.owns_gateway_link()) {
            let why = format!(
                "a link `{}` is there (alias {:?})",
                link.name,
                link.alias.as_deref().unwrap_or("")
            );
            return Err(Error::exists(op, why).with_hint(format!(
                "if nothing needs it: vetch link delete {}",
                link.name
            )));
        }
        let plan = self.plan_bridge(&network, true)?;
        Ok((network, plan))
    }

    /// The steps to a bridge; with `define`, of a network that is new.
    pub(crate) fn plan_bridge(&mut self, network: &Network, define: bool) -> Result<Vec<Action>> {
        let around = self.surroundings()?;
        let definition = |state| Definition {
            network: network.clone(),
            state,
        };
        let mut plan = Vec::new();
        if define {
            plan.push(Action::Define(definition(State::Claimed)));
        }
        plan.push(Action::Tables);
        if network.owns_gateway_link() || network.vlans.is_some() {
            plan.push(Action::Bridge(network.clone()));
        }
        if !network.routed {
            plan.push(Action::BridgeSettings(network.clone()));
        }
        plan.push(Action::Elements(intent::network(network)?));
        if let Some(forward) = self.forward(&[network], &around)? {
            plan.push(forward);
            if !network.routed {
                plan.push(Action::BridgeSettings(network.clone())); // the switch rewrites some of them
            }
        }
        if !network.routed {
            plan.push(Action::BridgeUp(network.clone())); // last: one that is up is whole
        }
        if define {
            plan.push(Action::Defined(definition(State::Up)));
        }
        Ok(plan)
    }

    /// The steps to the bridge of a network that is there; none if it is up.
    pub(crate) fn plan_bridge_again(
        &mut self,
        network: &Network,
        link: Option<&Link>,
    ) -> Result<Vec<Action>> {
        if network.routed || (link.is_some_and(Link::is_up) && self.has_vlans(network, link)?) {
            return Ok(Vec::new());
        }
        let there = link.is_some() && network.vlans.is_none();
        let mut plan = self.plan_bridge(network, false)?;
        plan.retain(|action| !there || !matches!(action, Action::Bridge(_)));
        Ok(plan)
    }

    fn choose(&mut self, op: &str, spec: &NetworkSpec, around: &Surroundings) -> Result<Network> {
        let networks = self.every_network()?;
        let mut routes = taken(around);
        if let Some(bridge) = spec.bridge.filter(|_| spec.external_ipam) {
            let link = vlans::gateway_link(bridge, spec.vlans).to_string();
            routes.retain(|route| route.link != link); // it may be there, with its addresses
        }
        let mut subnets = spec.subnets.clone();
        for subnet in &subnets {
            subnet::check(op, *subnet, &routes, &networks)?;
        }
        if subnets.is_empty() && !spec.external_ipam {
            subnets.push(subnet::free(op, &routes, &networks)?);
        }
        if spec.ipv6 && !subnets.iter().any(|subnet| subnet.addr().is_ipv6()) {
            subnets.push(subnet::unique_local(random()?));
        }
        let name = spec.name.clone();
        let subnets = subnet::with_gateways(op, &subnets, &spec.gateways)?;
        let v6 = subnets.iter().any(|subnet| subnet.prefix.addr().is_ipv6());
        if spec.policy.routers && !v6 {
            let why = "routers: their advertisements are IPv6, and it has none";
            return Err(Error::invalid(op, why).with_hint("give it a prefix: --ipv6 or --subnet"));
        }
        let mtu = spec.mtu.or_else(|| around.mtu()).unwrap_or(1500);
        let mtu = mtu.clamp(least_mtu(v6), 65535);
        let bridge = spec.bridge.unwrap_or_else(|| name.bridge());
        let mut network = Network {
            bridge,
            mac: match spec.vlans {
                Some(_) => mac_of_bridge(bridge),
                None => name.bridge_mac(),
            },
            name,
            subnets,
            internal: spec.internal,
            mtu,
            queues: spec.queues.unwrap_or(1),
            big_tcp: spec.big_tcp,
            host_services: spec.host_services,
            external_ipam: spec.external_ipam,
            routed: spec.routed,
            promiscuous: spec.promiscuous,
            vlans: spec.vlans,
            before: None,
            shared: None,
            policy: spec.policy.sorted(),
            reaches: Vec::new(),
            reached_by: Vec::new(),
            since: now(),
        };
        network.reaches = policy::join(op, &network, &spec.reaches, &networks)?;
        network.reached_by = policy::join(op, &network, &spec.reached_by, &networks)?;
        Ok(network)
    }

    /// Those too that are only half made or half removed.
    pub(crate) fn every_network(&self) -> Result<Vec<Network>> {
        let found = self.store.definitions()?.into_iter();
        Ok(found.map(|found| found.network).collect())
    }

    /// Tries twice: whatever is away already does not come back.
    pub(crate) fn remove_network(&mut self, name: &NetworkName, force: bool) -> Result<Detached> {
        let mut gone = Vec::new();
        match self.remove_once(name, force, &mut gone) {
            Err(err) if err.may_pass() => self.remove_once(name, force, &mut gone),
            done => done,
        }
    }

    fn remove_once(
        &mut self,
        name: &NetworkName,
        force: bool,
        gone: &mut Vec<Attachment>,
    ) -> Result<Detached> {
        let op = format!("remove network `{name}`");
        let _host = self.lock_host()?;
        self.store.remove_drafts()?;
        let mut scene = Scene::default();
        match self.store.definition(name) {
            Ok(Some(definition)) => {
                self.remove_defined(&op, &definition.network, force, &mut scene, gone)?;
            }
            Err(err) if !err.is_damaged() => return Err(err),
            _ => {
                let _lock = self.store.lock_network(name)?;
                self.wipe(name, force)?;
            }
        }
        let detached = self.detached(gone.clone(), scene)?;
        self.store.remove_all()?;
        Ok(detached)
    }

    fn remove_defined(
        &mut self,
        op: &str,
        network: &Network,
        force: bool,
        scene: &mut Scene<'_>,
        gone: &mut Vec<Attachment>,
    ) -> Result<()> {
        let _lock = self.store.lock_network(&network.name)?;
        self.recover_ports(&network.name)?;
        self.mend_records_locked(network)?;
        let plan = self.plan_remove(&network.name, force)?;
        self.dismantle_network(op, &plan, scene, gone)
    }

    /// First what says so, which must go through; then each attachment, past those that fail; the network itself after all of them.
    fn dismantle_network(
        &mut self,
        op: &str,
        (plans, last): &(Vec<Vec<Action>>, Vec<Action>),
        scene: &mut Scene<'_>,
        gone: &mut Vec<Attachment>,
    ) -> Result<()> {
        let Some((note, attachments)) = plans.split_first() else {
            return Ok(());
        };
        self.dismantle(op, note, scene)?;
        let together = self.took_together(attachments, last);
        let mut failed = Vec::new();
        for plan in attachments {
            let rest = plan.len().saturating_sub(1);
            let left = if together { plan.get(rest..) } else { None };
            match self.dismantle(op, left.unwrap_or(plan), scene) {
                Ok(()) => gone.extend(plan.iter().filter_map(leaving)),
                Err(err) => failed.push(err),
            }
        }
        Error::all(failed)?;
        self.dismantle(op, last, scene)
    }

    /// A plan that says so, one for each attachment, and the last for the network.
    pub(crate) fn plan_remove(
        &mut self,
        name: &NetworkName,
        force: bool,
    ) -> Result<(Vec<Vec<Action>>, Vec<Action>)> {
        let op = format!("remove network `{name}`");
        let Some(definition) = self.store.definition(name)? else {
            return Ok((Vec::new(), Vec::new()));
        };
        let claims = self.store.claims(name)?;
        let mut attached: Vec<_> = claims.iter().map(|of| of.attachment.clone()).collect();
        self.mark_gone(&mut attached)?;
        let up: Vec<String> = attached
            .iter()
            .filter(|of| of.state == State::Up)
            .map(|of| of.key.id.to_string())
            .collect();
        if !force && !up.is_empty() && self.store.is_alive()? {
            let who = up.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
            let why = format!(
                "{} attached: {who}{}",
                up.len(),
                if up.len() > 5 { ", ..." } else { "" }
            );
            return Err(Error::exists(op, why)
                .with_hint(format!("detach them, or: vetch network rm --force {name}")));
        }
        let networks = self.every_network().or_else(if_damaged)?;
        let joined = policy::dependents(&definition.network, &networks).next();
        if let Some(other) = joined.filter(|_| !force) {
            let err = Error::exists(op, format!("network `{other}` is joined to it"));
            return Err(err.with_hint(format!(
                "remove that one first, or: vetch network rm --force {name}"
            )));
        }
        let network = definition.network;
        let leaving = Definition {
            network: network.clone(),
            state: State::Leaving,
        };
        let mut plans = vec![vec![Action::Define(leaving)]]; // from here on whoever comes next finishes it
        for claim in &claims {
            plans.push(self.plan_detach(&claim.attachment)?);
        }
        let names = self.store.network_names()?;
        let last = names.iter().all(|other| *other == network.name);
        let opened = self.opened()?;
        let mut plan = vec![
            Action::AsideBridge(network.clone()),
            Action::Elements(intent::network(&network)?.inverse()),
        ];
        if last && opened != Opened::default() {
            plan.push(forwarding::unforward(&opened));
        }
        if last {
            plan.push(Action::NoTables);
        }
        plan.push(Action::Forget(network));
        Ok((plans, plan))
    }

    /// Undoes what a process left that was ended while it made or removed this network.
    pub(crate) fn recover_network(&mut self, name: &NetworkName) -> Result<bool> {
        let definition = self.store.definition(name)?;
        self.recover_unfinished(name, definition.as_ref())
    }

    /// A network that is complete; one that is not is undone first. Reads its definition once.
    pub(crate) fn complete_network(&mut self, name: &NetworkName) -> Result<Network> {
        let definition = self.store.definition(name)?;
        let undone = self.recover_unfinished(name, definition.as_ref())?;
        match definition.filter(|_| !undone) {
            Some(definition) => Ok(definition.network),
            None => self.network(name),
        }
    }

    pub(crate) fn recover_unfinished(
        &mut self,
        name: &NetworkName,
        definition: Option<&Definition>,
    ) -> Result<bool> {
        if definition.is_none_or(|definition| definition.state == State::Up) {
            return Ok(false);
        }
        let mut scene = Scene::default();
        let finished = {
            let _lock = self.store.lock_network(name)?;
            let plan = self.plan_remove(name, true)?;
            let op = "finish what an earlier command left";
            self.dismantle_network(op, &plan, &mut scene, &mut Vec::new())
        };
        let settled = self.settle_now(&scene.aside);
        Error::all([finished, settled].into_iter().filter_map(Result::err))?;
        Ok(true)
    }
}

pub(crate) fn leaving(action: &Action) -> Option<Attachment> {
    match action {
        Action::Leave(attachment) => Some(attachment.clone()),
        _ => None,
    }
}

/// What can be refused without a look at the host.
pub(crate) fn check_alone(op: &str, spec: &NetworkSpec) -> Result<()> {
    let bad = |why: String| Err(Error::invalid(op, why));
    if spec.routed && !spec.external_ipam {
        return bad("without a bridge it gives no addresses".to_owned());
    }
    let families = |v4: bool| {
        spec.subnets
            .iter()
            .filter(move |subnet| subnet.addr().is_ipv4() == v4)
    };
    for v4 in [true, false].into_iter().filter(|_| !spec.external_ipam) {
        if let (Some(a), Some(b)) = (families(v4).next(), families(v4).nth(1)) {
            return bad(format!(
                "subnets {a} and {b}: a network has at most one subnet of each family"
            ));
        }
    }
    for subnet in &spec.subnets {
        subnet::check(op, *subnet, &[], &[])?;
    }
    if !spec.subnets.is_empty() && !spec.ipv6 {
        subnet::with_gateways(op, &spec.subnets, &spec.gateways)?;
    }
    spec.policy.check(op)?;
    vlans::check(op, spec)?;
    let least = least_mtu(spec.ipv6 || families(false).next().is_some());
    if let Some(mtu) = spec.mtu.filter(|mtu| !(least..=65535).contains(mtu)) {
        return bad(format!("mtu {mtu}: right is {least} to 65535"));
    }
    if let Some(queues) = spec.queues.filter(|queues| !(1..=QUEUES).contains(queues)) {
        return bad(format!("queues {queues}: right is 1 to {QUEUES}"));
    }
    match spec.bridge {
        Some(name)
            if name
                .as_bytes()
                .starts_with(crate::name::HOST_END.as_bytes())
                || name.as_bytes() == b"lo" =>
        {
            bad(format!(
                "bridge `{name}`: names of other links of ours begin with `{}`",
                crate::name::HOST_END
            ))
        }
        _ => Ok(()),
    }
}

/// What every link must carry (RFC 8200, RFC 791).
fn least_mtu(v6: bool) -> u32 {
    if v6 { 1280 } else { 68 }
}

/// The prefixes this host routes to, by unicast routes of every table.
pub(crate) fn taken(around: &Surroundings) -> Vec<Taken> {
    let routes = around.routes.iter().filter(|route| {
        matches!(route.family, Family::V4 | Family::V6) && route.kind == RouteType::Unicast
    });
    let taken = routes.filter_map(|route| {
        let link = Surroundings::ways(route).find_map(|index| around.link(index));
        Some(Taken {
            prefix: route.destination?.trunc(),
            connected: route.gateway.is_none() && route.multipath.is_empty(),
            link: link.map_or_else(|| "a route".to_owned(), |link| link.name.to_string()),
        })
    });
    taken.collect()
}

fn random() -> Result<[u8; 7]> {
    let mut bytes = [0; 7];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|err| Error::file("choose a unique local subnet", err))?;
    Ok(bytes)
}
