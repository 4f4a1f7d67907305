//! Carries out actions, in order; when one fails, undoes what was done, last first, going on past failures.

use crate::action::{self, Action};
use crate::error::{Error, Result};
use crate::intent;
use crate::kernel::Kernel;
use crate::name::{Key, MARK};
use crate::settle::Dying;
use crate::spec::{Attachment, Network, State};
use crate::step::Step;
use crate::store::Store;
use core_netlink::conntrack::Flow;
use core_netlink::link::{Kind, Link, LinkRef, LinkSpec, OperState};
use core_netlink::{Conn, HwAddr, IfIndex, IfName, NsId, Request};
use firewall::Change;
use ns_mgmt::NetNs;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The group of links that were put aside: "vetc" in ASCII.
pub(crate) const DYING: u32 = 0x7665_7463;

pub(crate) type Watch = Box<dyn FnMut(&Step, Duration) + Send>;

/// What carries out actions.
pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) watch: Option<Watch>,
    /// Only plans are made: what is found dead on the way stays.
    pub(crate) planning: bool,
}

/// What is learned on the way: numbers the kernel gives, and what was put aside.
#[derive(Default)]
pub(crate) struct Scene<'a> {
    pub(crate) namespace: Option<&'a NetNs>,
    pub(crate) conn: Option<Conn>,
    pub(crate) bridge: Option<IfIndex>,
    pub(crate) host_end: Option<IfIndex>,
    pub(crate) inner: Option<IfIndex>,
    /// By which number the host knows the namespace, once a pair leads there.
    pub(crate) inner_netns: Option<NsId>,
    /// The link with the gateways, where it is another one.
    pub(crate) gateway: Option<IfIndex>,
    /// The bridge was up and running before anything was done.
    pub(crate) bridge_runs: bool,
    /// 127.0.0.1 is routed to the bridge already.
    pub(crate) localnet: bool,
    pub(crate) aside: Vec<Dying>,
    /// The kernel said that the pair to be made is there: it is not ours to undo.
    pub(crate) pair_was_there: bool,
}

impl Scene<'_> {
    /// The bridge as it was found.
    pub(crate) fn found(&mut self, bridge: &Link) {
        let localnet = bridge.ipv4.as_ref().and_then(|conf| conf.route_localnet);
        self.bridge = Some(bridge.index);
        self.bridge_runs = bridge.operstate == OperState::Up;
        self.localnet = localnet == Some(1);
    }
}

impl Engine {
    /// Makes plans, and nothing else.
    pub(crate) fn plan<T>(&mut self, make: impl FnOnce(&mut Engine) -> T) -> T {
        self.planning = true;
        let made = make(self);
        self.planning = false;
        made
    }

    /// All of it, or nothing.
    pub(crate) fn execute(
        &mut self,
        op: &str,
        plan: &[Action],
        scene: &mut Scene<'_>,
    ) -> Result<()> {
        for (at, action) in plan.iter().enumerate() {
            let start = Instant::now();
            if let Err(err) = self.run(action, scene) {
                let left = self.undo_all(&plan[..=at], scene);
                return Err(err.during(op).and_left(left));
            }
            self.report(action, start.elapsed());
        }
        Ok(())
    }

    /// The last first, past failures, which are the answer.
    pub(crate) fn undo_all(&mut self, done: &[Action], scene: &mut Scene<'_>) -> Vec<Error> {
        let undone = done.iter().rev();
        undone
            .filter_map(|action| self.undo(action, scene).err())
            .collect()
    }

    /// As much of it as can be: for taking away. The last action, which forgets, is left out if anything failed.
    pub(crate) fn dismantle(
        &mut self,
        op: &str,
        plan: &[Action],
        scene: &mut Scene<'_>,
    ) -> Result<()> {
        let mut failed = Vec::new();
        for (at, action) in plan.iter().enumerate() {
            let start = Instant::now();
            if at + 1 == plan.len() && !failed.is_empty() {
                break;
            }
            match self.run(action, scene) {
                Ok(()) => self.report(action, start.elapsed()),
                Err(err) => failed.push(err),
            }
        }
        Error::all(failed).map_err(|err| err.during(op))
    }

    pub(crate) fn report(&mut self, action: &Action, took: Duration) {
        if self.watch.is_some() {
            self.tell(&action.step(), took);
        }
    }

    pub(crate) fn tell(&mut self, step: &Step, took: Duration) {
        if let Some(watch) = &mut self.watch {
            watch(step, took);
        }
    }

    /// One action by itself, reported.
    pub(crate) fn run_one(&mut self, action: &Action, scene: &mut Scene<'_>) -> Result<()> {
        let start = Instant::now();
        self.run(action, scene)?;
        self.report(action, start.elapsed());
        Ok(())
    }

    fn run(&mut self, action: &Action, scene: &mut Scene<'_>) -> Result<()> {
        match action {
            Action::Define(definition) | Action::Defined(definition) => {
                self.store.write_definition(definition)
            }
            Action::Records(network) => self.mend_records_locked(network).map(drop),
            Action::Tables => self.install(),
            Action::Bridge(network) => self.make_bridge(network, scene),
            Action::BridgeSettings(network) => self
                .kernel
                .set_sysctls(None, action::sysctls_of_bridge(network)),
            Action::BridgeUp(network) => self.bridge_up(network, scene),
            Action::Elements(change) => self.apply(change),
            Action::Forward {
                settings,
                change,
                after,
                ..
            } => {
                self.apply(change)?;
                self.store.write_opened(after)?;
                self.kernel.set_sysctls(None, settings.clone())
            }
            Action::Claim(claim) => self.claim(claim),
            Action::Pair {
                attachment,
                bridge,
                ends,
            } => self.make_pair(attachment, *bridge, *ends, scene),
            Action::HostEnd {
                attachment,
                big_tcp,
                ..
            } => self.host_end(attachment, *big_tcp, scene),
            Action::Inside { attachment } => self.inside(attachment, scene),
            Action::Localnet { on: true, .. } if scene.localnet => Ok(()),
            Action::Localnet { bridge, on, .. } => self.localnet(*bridge, *on),
            Action::Flows {
                attachment,
                addresses,
            } => self.flows(attachment, *addresses),
            Action::HostUp { to, .. } => self.raise(to, scene),
            Action::Announce { attachment } => self.announce(attachment, scene),
            Action::Claimed(attachment) => {
                let (network, end) = (&attachment.key.network, attachment.host_end);
                self.store
                    .move_claim(network, end, State::Claimed, State::Up)
            }
            _ => self.remove(action, scene),
        }
    }

    fn remove(&mut self, action: &Action, scene: &mut Scene<'_>) -> Result<()> {
        match action {
            Action::Port(action) => self.run_port(action),
            Action::Leave(attachment) => self.leave(attachment),
            Action::Aside { attachment } => self.aside(attachment, scene),
            Action::AsideInside(attachment) => self.aside_inside(attachment, scene),
            Action::Unclaim(attachment) => self.unclaim(attachment),
            Action::AsideBridge(network) => self.aside_bridge(network, scene),
            Action::Unforward { settings } => self.unforward(settings),
            Action::Delete(name) => match self.find(*name)? {
                Some(link) => self.delete(link.index),
                None => Ok(()),
            },
            Action::Reshape(networks) => self.reshape(&networks[0], &networks[1]),
            Action::Detect(of) => self.detect(of, scene),
            Action::NoTables => {
                let removed = firewall::uninstall(self.kernel.nft()?);
                removed.map_err(|err| Error::firewall("remove the firewall's tables", err))
            }
            Action::Forget(network) => self.store.remove_network(&network.name),
            _ => Ok(()),
        }
    }

    /// Undoes an action, whether or not it came to its end.
    pub(crate) fn undo(&mut self, action: &Action, scene: &mut Scene<'_>) -> Result<()> {
        match action {
            Action::Define(definition) => self.store.remove_network(&definition.network.name),
            Action::Tables => self.uninstall_if_last(),
            Action::Bridge(network) => self.delete_bridge(network),
            Action::Elements(change) => self.apply(&change.clone().inverse()),
            Action::Forward {
                settings,
                change,
                before,
                ..
            } => {
                let back: Vec<_> = settings
                    .iter()
                    .rev()
                    .map(|(path, _)| (path.clone(), "0"))
                    .collect();
                self.kernel.set_sysctls(None, back)?; // while one is on, the notes of it stay
                let undone = [
                    self.apply(&change.clone().inverse()),
                    self.store.write_opened(before),
                ];
                Error::all(undone.into_iter().filter_map(Result::err))
            }
            Action::Claim(claim) => self.unclaim(&claim.attachment),
            Action::Pair { .. } if scene.pair_was_there => Ok(()),
            Action::Pair { attachment, .. } => self.delete_pair(attachment),
            Action::Port(action) => self.undo_port(action),
            Action::Reshape(networks) => self.reshape(&networks[1], &networks[0]),
            Action::Localnet { others: true, .. } => Ok(()),
            Action::Localnet { bridge, on, .. } => self.localnet(*bridge, !on),
            Action::HostUp { .. } => scene.host_end.map_or(Ok(()), |index| {
                self.set(
                    Some(index),
                    &LinkSpec {
                        up: Some(false),
                        ..LinkSpec::default()
                    },
                )
            }),
            _ => Ok(()),
        }
    }

    // The firewall.

    fn install(&mut self) -> Result<()> {
        let store = &self.store;
        let mut broken = None;
        let restore = || {
            let all = all_elements(store);
            Ok(all.unwrap_or_else(|err| {
                broken = Some(err);
                Change::default()
            }))
        };
        let installed = firewall::install(self.kernel.nft()?, restore);
        installed.map_err(|err| Error::firewall("make the firewall's tables", err))?;
        broken.map_or(Ok(()), Err)
    }

    fn uninstall_if_last(&mut self) -> Result<()> {
        let networks = self.store.definitions()?;
        let others = self.store.network_names()?.len() > networks.len(); // that cannot be read
        let up = networks.iter().any(|found| found.state == State::Up);
        match others || up {
            false => self.remove(&Action::NoTables, &mut Scene::default()),
            true => Ok(()),
        }
    }

    /// If somebody flushed the ruleset, it is restored with the elements of all, then tried again.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<()> {
        if change.is_empty() {
            return Ok(());
        }
        let op = "change the firewall";
        match firewall::apply(self.kernel.nft()?, change) {
            Err(firewall::Error::Kernel(err)) if err.is_not_found() => {
                self.install()?;
                firewall::apply(self.kernel.nft()?, change).map_err(|err| Error::firewall(op, err))
            }
            other => other.map_err(|err| Error::firewall(op, err)),
        }
    }

    pub(crate) fn flows(&mut self, attachment: &Attachment, addresses: bool) -> Result<()> {
        let mut published = intent::published(attachment)?;
        // A flow that a port led to an address goes with the address: the kernel need not list them.
        published.retain(|publish| publish.transport == firewall::Transport::Udp && !addresses);
        let fail = |err| Error::firewall(format!("cut the old flows of {}", attachment.key), err);
        if !published.is_empty() {
            let old = firewall::flows_to(self.kernel.nft()?, &published).map_err(fail)?;
            let old = self.ending_here(old)?;
            firewall::forget(self.kernel.nft()?, &old).map_err(fail)?;
        }
        let gone = attachment.addresses.iter().filter(|_| addresses);
        for net in gone {
            firewall::forget_address(self.kernel.nft()?, net.addr()).map_err(fail)?;
        }
        Ok(())
    }

    /// Those that end here by their address; the others only pass, such as a container's question to a name server outside.
    fn ending_here(&mut self, flows: Vec<Flow>) -> Result<Vec<Flow>> {
        let mut own: HashMap<IpAddr, bool> = HashMap::new();
        let mut kept = Vec::new();
        for flow in flows {
            let Some(ip) = flow.original.destination else {
                continue;
            };
            let known = own.get(&ip).copied();
            let is_own = known.map_or_else(|| self.is_own(ip), Ok)?;
            own.insert(ip, is_own);
            kept.extend(is_own.then_some(flow));
        }
        Ok(kept)
    }

    // Small words.

    pub(crate) fn find(&mut self, name: IfName) -> Result<Option<Link>> {
        let found = self.kernel.route()?.find_link(name);
        found.map_err(|err| netlink(format!("look for link `{name}`"), err))
    }

    pub(crate) fn delete(&mut self, index: IfIndex) -> Result<()> {
        match self.kernel.route()?.delete_link(index) {
            Err(err) if err.is_not_found() => Ok(()),
            other => other.map_err(|err| netlink(format!("delete link {index}"), err)),
        }
    }

    pub(crate) fn set(&mut self, index: Option<IfIndex>, change: &LinkSpec) -> Result<()> {
        let index = index.ok_or_else(|| Error::missing("set a link", "its number is not known"))?;
        let set = self.kernel.route()?.set_link(index, change);
        set.map_err(|err| netlink(format!("set link {index}"), err))
    }
}

/// Whether a link is the host's end of this attachment, by its alias; without one, by its derived name, for it gets its alias a moment
/// after it was made.
pub(crate) fn is_of(link: &Link, key: &Key) -> bool {
    match link.alias.as_deref() {
        Some(alias) => Key::from_alias(alias).is_some_and(|(found, _)| found == *key),
        None => link.name == key.host_end(),
    }
}

/// The same for a bridge, which has a derived MAC address besides.
pub(crate) fn is_bridge_of(link: &Link, network: &Network) -> bool {
    if network.shared.is_some() {
        return link.name == network.gateway_link() && is_gateway_of(link, network);
    }
    match link.alias.as_deref() {
        Some(alias) => alias == network.name.alias(),
        None => {
            link.name == network.gateway_link() && link.address == Some(HwAddr::from(network.mac))
        }
    }
}

/// Whether a link can have the gateways of a network that did not make it: a bridge, or one of their VLAN (the reference's are veths).
pub(crate) fn is_gateway_of(link: &Link, network: &Network) -> bool {
    match (&link.kind, network.gateway_vlan()) {
        (Some(Kind::Bridge(_)), None) | (Some(Kind::Veth(_)), Some(_)) => true,
        (Some(Kind::Vlan(of)), Some(vlan)) => of.id == Some(vlan.get()),
        _ => false,
    }
}

/// Whether a link is the bridge that a network's ports are on. One that tells VLANs apart may be anybody's.
pub(crate) fn is_master_of(link: &Link, network: &Network) -> bool {
    match network.vlans {
        Some(_) => link.name == network.bridge && matches!(link.kind, Some(Kind::Bridge(_))),
        None => is_bridge_of(link, network),
    }
}

/// Everything that should be in the tables, by the records.
fn all_elements(store: &Store) -> Result<Change> {
    let mut all = Change::default();
    for definition in store.definitions()? {
        if definition.state != State::Up {
            continue;
        }
        all.extend(intent::network(&definition.network)?);
        let claims = store.readable_claims(&definition.network.name)?.into_iter();
        for claim in claims.filter(|claim| claim.attachment.state == State::Up) {
            all.extend(intent::attachment(&claim.attachment)?);
        }
    }
    let opened = store.opened().or_else(if_damaged)?;
    all.extend(Change::add(firewall::noted(
        &opened.interfaces,
        opened.ipv6_everywhere,
    )));
    Ok(all)
}

/// What cannot be read counts as empty.
pub(crate) fn if_damaged<T: Default>(err: Error) -> Result<T> {
    match err.is_damaged() {
        true => Ok(T::default()),
        false => Err(err),
    }
}

pub(crate) fn netlink(op: impl Into<String>, err: core_netlink::Error) -> Error {
    Error::netlink(op, err)
}

/// One send. What exists already is no error where `may_exist` says so: a second network's default route stays behind the first's.
pub(crate) fn send(
    conn: &mut Conn,
    requests: &[Box<dyn Request + '_>],
    may_exist: impl Fn(usize) -> bool,
) -> core_netlink::Result<()> {
    let failed = conn.batch(requests.iter().map(|request| &**request))?;
    let counts = failed
        .into_iter()
        .find(|failed| !(may_exist(failed.index) && failed.error.is_exists()));
    counts.map_or(Ok(()), |failed| Err(failed.error))
}

/// A link, by number, if it is one that was put aside.
pub(crate) fn is_tombstone(link: &Link) -> bool {
    link.group == Some(DYING)
        && link
            .alias
            .as_deref()
            .is_some_and(|alias| alias.starts_with(MARK))
}

pub(crate) fn by_index(index: IfIndex) -> LinkRef {
    LinkRef::Index(index)
}
