//! Carries out actions, in order; when one fails, undoes what was done, last first, going on past failures.

use crate::action::{self, Action};
use crate::error::{Error, Result};
use crate::intent;
use crate::kernel::Kernel;
use crate::name::{Key, MARK};
use crate::record::{Claim, Opened};
use crate::spec::{Attachment, Network, State};
use crate::step::Step;
use crate::store::Store;
use core_netlink::addr::{AddressFlags, AddressSpec, Broadcast};
use core_netlink::fdb::{FdbLife, FdbSpec};
use core_netlink::link::{
    Bridge, BridgePort, Ipv4Conf, Kind, Link, LinkRef, LinkSpec, NO_MASTER, Netns, SetBridgePort,
    SetLink,
};
use core_netlink::neigh::NeighbourFlags;
use core_netlink::route::RouteSpec;
use core_netlink::{Change as Netlink, Conn, HwAddr, IfIndex, IfName, Request};
use firewall::Change;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ns_mgmt::NetNs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

/// The group of links that were put aside: "vetc" in ASCII.
pub(crate) const DYING: u32 = 0x7665_7463;

pub(crate) type Watch = Box<dyn FnMut(&Step, Duration) + Send>;

/// What carries out actions.
pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) watch: Option<Watch>,
}

/// What is learned on the way: numbers the kernel gives, and what was put aside.
#[derive(Default)]
pub(crate) struct Scene<'a> {
    pub(crate) namespace: Option<&'a NetNs>,
    pub(crate) conn: Option<Conn>,
    pub(crate) bridge: Option<IfIndex>,
    pub(crate) host_end: Option<IfIndex>,
    pub(crate) inner: Option<IfIndex>,
    pub(crate) aside: Vec<IfIndex>,
}

impl Engine {
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
                let undone = plan[..=at]
                    .iter()
                    .rev()
                    .filter_map(|action| self.undo(action, scene).err());
                return Err(err.during(op).with_left(undone.collect()));
            }
            self.report(action, start.elapsed());
        }
        Ok(())
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
        let mut failed = failed.into_iter();
        match failed.next() {
            Some(first) => Err(first.during(op).with_left(failed.collect())),
            None => Ok(()),
        }
    }

    fn report(&mut self, action: &Action, took: Duration) {
        if let Some(watch) = &mut self.watch {
            watch(&action.step(), took);
        }
    }

    fn run(&mut self, action: &Action, scene: &mut Scene<'_>) -> Result<()> {
        match action {
            Action::Define(definition) | Action::Defined(definition) => {
                self.store.write_definition(definition)
            }
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
                queues,
            } => self.make_pair(attachment, *bridge, *queues, scene),
            Action::HostEnd { attachment, .. } => self.host_end(attachment, scene),
            Action::Inside { attachment } => self.inside(attachment, scene),
            Action::Localnet { bridge, on } => self.localnet(*bridge, *on),
            Action::Flows {
                attachment,
                addresses,
            } => self.flows(attachment, *addresses),
            Action::HostUp { .. } => self.raise(scene),
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
            Action::Leave(attachment) => self.leave(attachment),
            Action::Aside { attachment } => self.aside(attachment, scene),
            Action::AsideInside(attachment) => self.aside_inside(attachment, scene),
            Action::Unclaim(attachment) => self.unclaim(attachment),
            Action::AsideBridge(network) => self.aside_bridge(network, scene),
            Action::Unforward { settings } => self.unforward(settings),
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
                let put_back = self.kernel.set_sysctls(None, back);
                self.apply(&change.clone().inverse())?;
                self.store.write_opened(before)?;
                put_back
            }
            Action::Claim(claim) => self.unclaim(&claim.attachment),
            Action::Pair { attachment, .. } => self.delete_pair(attachment),
            Action::Localnet { bridge, on } => self.localnet(*bridge, !on),
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
        match networks
            .iter()
            .any(|definition| definition.state == State::Up)
        {
            false => self.remove(&Action::NoTables, &mut Scene::default()),
            true => Ok(()),
        }
    }

    /// If somebody flushed the ruleset, it is restored with the elements of all, then tried again.
    fn apply(&mut self, change: &Change) -> Result<()> {
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

    fn flows(&mut self, attachment: &Attachment, addresses: bool) -> Result<()> {
        let mut published = intent::published(attachment)?;
        published.retain(|publish| publish.transport == firewall::Transport::Udp);
        let fail = |err| Error::firewall(format!("cut the old flows of {}", attachment.key), err);
        if !published.is_empty() {
            firewall::forget_published(self.kernel.nft()?, &published).map_err(fail)?;
        }
        let gone = attachment.addresses.iter().filter(|_| addresses);
        for net in gone {
            firewall::forget_address(self.kernel.nft()?, net.addr()).map_err(fail)?;
        }
        Ok(())
    }

    // The bridge.

    fn make_bridge(&mut self, network: &Network, scene: &mut Scene<'_>) -> Result<()> {
        let spec = LinkSpec {
            name: Some(network.bridge),
            address: Some(HwAddr::from(network.mac)),
            mtu: Some(network.mtu),
            kind: Some(Kind::Bridge(Bridge {
                stp_state: Some(0),
                mcast_snooping: Some(false),
                ..Bridge::default()
            })),
            ..LinkSpec::default()
        };
        let made = self.kernel.route()?.add_link(&spec);
        scene.bridge = match made {
            Ok(Some(link)) => Some(link.index),
            Ok(None) => self.find(network.bridge)?.map(|link| link.index),
            Err(err) if err.is_exists() => return Err(self.name_taken(network.bridge, err)),
            Err(err) => return Err(netlink(format!("make bridge `{}`", network.bridge), err)),
        };
        Ok(())
    }

    fn bridge_up(&mut self, network: &Network, scene: &Scene<'_>) -> Result<()> {
        let bridge = known(scene.bridge, network.bridge)?;
        let quiet = LinkSpec {
            alias: Some(network.name.alias()), // not taken at creation
            ipv4: Some(Ipv4Conf {
                accept_redirects: Some(0),
                send_redirects: Some(0),
                ..Ipv4Conf::default()
            }),
            ..LinkSpec::default()
        };
        let up = LinkSpec {
            up: Some(true),
            ..LinkSpec::default()
        };
        let mut requests: Vec<Box<dyn Request + '_>> = vec![Box::new(SetLink::new(bridge, &quiet))];
        for subnet in &network.subnets {
            requests.push(Box::new(Netlink::add(address(
                bridge,
                subnet.gateway,
                subnet.prefix.prefix_len(),
            ))));
        }
        requests.push(Box::new(SetLink::new(bridge, &up)));
        send(self.kernel.route()?, &requests, |_| false)
            .map_err(|err| netlink(format!("set up bridge `{}`", network.bridge), err))
    }

    fn delete_bridge(&mut self, network: &Network) -> Result<()> {
        match self.find(network.bridge)? {
            Some(link) if is_bridge_of(&link, network) => self.delete(link.index),
            _ => Ok(()),
        }
    }

    fn localnet(&mut self, bridge: IfName, on: bool) -> Result<()> {
        let conf = Ipv4Conf {
            route_localnet: Some(i32::from(on)),
            ..Ipv4Conf::default()
        };
        let change = LinkSpec {
            ipv4: Some(conf),
            ..LinkSpec::default()
        };
        match self.kernel.route()?.set_link(bridge, &change) {
            Err(err) if err.is_not_found() && !on => Ok(()),
            other => other.map_err(|err| netlink(format!("set route_localnet of `{bridge}`"), err)),
        }
    }

    fn unforward(&mut self, settings: &[crate::kernel::Setting]) -> Result<()> {
        for setting in settings {
            let gone = self.kernel.sysctl(&setting.0)?.is_none(); // with its interface
            if !gone {
                self.kernel.set_sysctls(None, vec![setting.clone()])?;
            }
        }
        self.store.write_opened(&Opened::default())
    }

    // The pair.

    fn claim(&mut self, claim: &Claim) -> Result<()> {
        let of = &claim.attachment;
        let (network, end) = (&of.key.network, of.host_end);
        self.store.write_claim(claim)?;
        for net in &of.addresses {
            if let Some(holder) = self.store.reserve_address(network, net.addr(), end)? {
                return Err(Error::exists(
                    format!("claim {}", net.addr()),
                    format!("it belongs to {holder}"),
                ));
            }
            self.store.set_last_given(network, net.addr());
        }
        for port in &of.ports {
            self.store.reserve_port(port, &format!("{network}/{end}"))?;
        }
        match of.ports.iter().any(|port| port.serves_loopback()) {
            true => self.store.mark_loopback(network, end),
            false => Ok(()),
        }
    }

    fn unclaim(&mut self, attachment: &Attachment) -> Result<()> {
        let (network, end) = (&attachment.key.network, attachment.host_end);
        for net in &attachment.addresses {
            self.store.release_address(network, net.addr(), end)?;
        }
        for port in &attachment.ports {
            self.store.release_port(port, &format!("{network}/{end}"))?;
        }
        self.store.unmark_loopback(network, end)?;
        self.store.remove_claim(network, end)
    }

    fn make_pair(
        &mut self,
        attachment: &Attachment,
        bridge: IfName,
        queues: u32,
        scene: &mut Scene<'_>,
    ) -> Result<()> {
        let namespace = scene
            .namespace
            .ok_or_else(|| Error::missing("make a veth pair", "no namespace is given"))?;
        let netns = Netns::of(namespace)
            .map_err(|err| Error::file(format!("hold namespace {namespace}"), err))?;
        let one_end = LinkSpec {
            mtu: Some(attachment.mtu),
            tx_queues: Some(queues),
            rx_queues: Some(queues),
            ..LinkSpec::default()
        };
        let peer = LinkSpec {
            name: Some(attachment.key.ifname),
            address: Some(HwAddr::from(attachment.mac)),
            netns: Some(netns),
            ..one_end.clone()
        };
        let spec = LinkSpec {
            name: Some(attachment.host_end),
            master: Some(known(scene.bridge, bridge)?),
            kind: Some(Kind::veth(peer)),
            ..one_end
        };
        let made = match self.kernel.route()?.add_link(&spec) {
            Ok(Some(link)) => Some(link),
            Ok(None) => self.find(attachment.host_end)?,
            Err(err) => return Err(self.no_pair(attachment, bridge, scene, err)),
        };
        let made = made.ok_or_else(|| {
            Error::missing(
                format!("find `{}`", attachment.host_end),
                "it was removed meanwhile",
            )
        })?;
        (scene.host_end, scene.inner) = (Some(made.index), made.link);
        Ok(())
    }

    /// The kernel says only "File exists" or "no space": what, and whose?
    fn no_pair(
        &mut self,
        attachment: &Attachment,
        bridge: IfName,
        scene: &mut Scene<'_>,
        err: core_netlink::Error,
    ) -> Error {
        let op = format!("make a veth pair `{}`", attachment.host_end);
        if err.errno() == Some(nix::libc::EXFULL) {
            return netlink(op, err).with_hint(format!("bridge `{bridge}` has 1,023 ports, which is all a bridge can have: use a second network"));
        }
        if !err.is_exists() {
            return netlink(op, err);
        }
        match self.find(attachment.host_end) {
            Ok(None) => {
                let inside = format!(
                    "namespace {} has an interface `{}` already",
                    attachment.namespace, attachment.key.ifname
                );
                scene.conn = None;
                Error::exists(op, inside).with_hint("choose another name with --ifname")
            }
            _ => self.name_taken(attachment.host_end, err),
        }
    }

    fn name_taken(&mut self, name: IfName, err: core_netlink::Error) -> Error {
        let op = format!("make link `{name}`");
        let alias = self.find(name).ok().flatten().and_then(|link| link.alias);
        let owner = match alias {
            Some(alias) if alias.starts_with(MARK) => format!(
                "it is there and says it belongs to {}",
                alias.escape_debug()
            ),
            Some(alias) => {
                format!("a link of this name is there, not made by vetch; its alias is {alias:?}")
            }
            None => format!("a link of this name is there, not made by vetch ({err:?})"),
        };
        Error::exists(op, owner).with_hint(format!("if nothing needs it: vetch link delete {name}"))
    }

    /// Its settings in the order of the ruleset, all before it is up.
    fn host_end(&mut self, attachment: &Attachment, scene: &Scene<'_>) -> Result<()> {
        let index = known(scene.host_end, attachment.host_end)?;
        self.kernel
            .set_sysctls(None, vec![action::sysctl_of_port(attachment.host_end)])?;
        let strict = LinkSpec {
            alias: Some(action::alias(attachment)), // not taken at creation
            ipv4: Some(Ipv4Conf {
                rp_filter: Some(1),
                ..Ipv4Conf::default()
            }),
            ..LinkSpec::default()
        };
        let port = BridgePort {
            learning: Some(false),
            flood: Some(false),
            locked: Some(true),
            hairpin: Some(!attachment.ports.is_empty()),
            ..BridgePort::default()
        };
        let entry = FdbSpec {
            link: index,
            lladdr: attachment.mac,
            flags: NeighbourFlags::MASTER,
            life: FdbLife::Static,
            ..FdbSpec::default()
        };
        let requests: Vec<Box<dyn Request + '_>> = vec![
            Box::new(SetLink::new(index, &strict)),
            Box::new(SetBridgePort {
                link: index,
                port: &port,
            }),
            Box::new(Netlink::add(entry)),
        ];
        send(self.kernel.route()?, &requests, |_| false)
            .map_err(|err| netlink(format!("set up port `{}`", attachment.host_end), err))
    }

    fn inside(&mut self, attachment: &Attachment, scene: &mut Scene<'_>) -> Result<()> {
        let index = known(scene.inner, attachment.key.ifname)?;
        self.kernel
            .set_sysctls(scene.namespace, action::sysctls_inside(attachment))?;
        let up = LinkSpec {
            up: Some(true),
            ..LinkSpec::default()
        };
        let mut requests: Vec<Box<dyn Request + '_>> = vec![Box::new(SetLink::new(LOOPBACK, &up))];
        for net in &attachment.addresses {
            requests.push(Box::new(Netlink::add(address(
                index,
                net.addr(),
                net.prefix_len(),
            ))));
        }
        requests.push(Box::new(SetLink::new(index, &up)));
        let first_route = requests.len();
        for gateway in &attachment.gateways {
            let route = RouteSpec {
                destination: everywhere(*gateway),
                gateway: Some(*gateway),
                link: Some(index),
                ..RouteSpec::default()
            };
            requests.push(Box::new(Netlink::add(route)));
        }
        let namespace = &attachment.namespace;
        let fail = |err: core_netlink::Error| {
            netlink(
                format!(
                    "set up `{}` in namespace {namespace}",
                    attachment.key.ifname
                ),
                err,
            )
        };
        let conn = scene
            .conn
            .as_mut()
            .ok_or_else(|| Error::missing("talk to the namespace", "its socket is closed"))?;
        send(conn, &requests, |at| at >= first_route)
            .map_err(|err| fail(err.in_namespace(namespace)))
    }

    /// Packets are lost until the kernel has noticed the carrier, which it does some time later; asking for a link makes it do so
    /// at once (Linux 6.8, `linkwatch_sync_dev`).
    fn raise(&mut self, scene: &mut Scene<'_>) -> Result<()> {
        let up = LinkSpec {
            up: Some(true),
            ..LinkSpec::default()
        };
        self.set(scene.host_end, &up)?;
        let here = [scene.host_end, scene.bridge];
        for index in here.into_iter().flatten() {
            notice(self.kernel.route()?, index)?;
        }
        match (&mut scene.conn, scene.inner) {
            (Some(conn), Some(index)) => notice(conn, index),
            _ => Ok(()),
        }
    }

    fn delete_pair(&mut self, attachment: &Attachment) -> Result<()> {
        match self.find(attachment.host_end)? {
            Some(link) if is_of(&link, &attachment.key) => self.delete(link.index),
            _ => Ok(()),
        }
    }

    // Taking away.

    fn leave(&mut self, attachment: &Attachment) -> Result<()> {
        let (network, end) = (&attachment.key.network, attachment.host_end);
        match attachment.state {
            State::Leaving => Ok(()),
            from => self.store.move_claim(network, end, from, State::Leaving),
        }
    }

    fn aside(&mut self, attachment: &Attachment, scene: &mut Scene<'_>) -> Result<()> {
        let Some(link) = self.find(attachment.host_end)? else {
            return Ok(());
        };
        if !is_of(&link, &attachment.key) {
            return Ok(()); // somebody else's by now
        }
        (scene.host_end, scene.inner) = (Some(link.index), link.link);
        self.put_aside(&link, scene)
    }

    fn put_aside(&mut self, link: &Link, scene: &mut Scene<'_>) -> Result<()> {
        self.store.note_dying(link.index, link.name)?;
        scene.aside.push(link.index);
        let down = LinkSpec {
            up: Some(false),
            ..LinkSpec::default()
        };
        let is_port = link.master.is_some();
        let tombstone = LinkSpec {
            name: Some(tombstone(link.index)),
            group: Some(DYING),
            master: is_port.then_some(NO_MASTER),
            ..LinkSpec::default()
        };
        let requests: Vec<Box<dyn Request + '_>> = vec![
            Box::new(SetLink::new(link.index, &down)),
            Box::new(SetLink::new(link.index, &tombstone)),
        ];
        match send(self.kernel.route()?, &requests, |_| false) {
            Err(err) if err.is_not_found() => Ok(()), // its namespace just died
            other => other.map_err(|err| netlink(format!("put `{}` aside", link.name), err)),
        }
    }

    /// Best effort: it serves only the next attach to the same namespace, which would otherwise wait.
    fn aside_inside(&mut self, attachment: &Attachment, scene: &Scene<'_>) -> Result<()> {
        let (Some(inner), Some(namespace)) = (scene.inner, self.reopen(attachment)) else {
            return Ok(());
        };
        let Ok(mut conn) = self.kernel.inside(&namespace) else {
            return Ok(());
        };
        let down = LinkSpec {
            up: Some(false),
            ..LinkSpec::default()
        };
        let name = LinkSpec {
            name: Some(tombstone(inner)),
            ..LinkSpec::default()
        };
        let requests: Vec<Box<dyn Request + '_>> = vec![
            Box::new(SetLink::new(inner, &down)),
            Box::new(SetLink::new(inner, &name)),
        ];
        let _ = send(&mut conn, &requests, |_| false);
        Ok(())
    }

    /// The namespace of an attachment, if its words still mean the same one.
    pub(crate) fn reopen(&mut self, attachment: &Attachment) -> Option<NetNs> {
        let namespace = self.kernel.open(&attachment.namespace)?;
        let same = self.kernel.cookie(&namespace).ok()? == attachment.cookie;
        same.then_some(namespace)
    }

    fn aside_bridge(&mut self, network: &Network, scene: &mut Scene<'_>) -> Result<()> {
        match self.find(network.bridge)? {
            Some(link) if is_bridge_of(&link, network) => self.put_aside(&link, scene),
            _ => Ok(()),
        }
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

    fn set(&mut self, index: Option<IfIndex>, change: &LinkSpec) -> Result<()> {
        let index = index.ok_or_else(|| Error::missing("set a link", "its number is not known"))?;
        let set = self.kernel.route()?.set_link(index, change);
        set.map_err(|err| netlink(format!("set link {index}"), err))
    }
}

const LOOPBACK: IfIndex = IfIndex(1); // in every namespace

fn notice(conn: &mut Conn, link: IfIndex) -> Result<()> {
    let read = conn.get_link(link).map(drop);
    read.map_err(|err| netlink(format!("read link {link}"), err))
}

fn tombstone(index: IfIndex) -> IfName {
    IfName::from_kernel(format!("vx{index}").as_bytes())
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
    match link.alias.as_deref() {
        Some(alias) => alias == network.name.alias(),
        None => link.name == network.bridge && link.address == Some(HwAddr::from(network.mac)),
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
        for claim in store.claims_in(&definition.network.name, State::Up)? {
            all.extend(intent::attachment(&claim.attachment)?);
        }
    }
    let opened = store.opened()?;
    all.extend(Change::add(firewall::noted(
        &opened.interfaces,
        opened.ipv6_everywhere,
    )));
    Ok(all)
}

fn known(index: Option<IfIndex>, name: IfName) -> Result<IfIndex> {
    index.ok_or_else(|| Error::missing(format!("set up `{name}`"), "its number is not known"))
}

fn netlink(op: impl Into<String>, err: core_netlink::Error) -> Error {
    Error::netlink(op, err)
}

fn address(link: IfIndex, ip: IpAddr, len: u8) -> AddressSpec {
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

fn everywhere(gateway: IpAddr) -> IpNet {
    match gateway {
        IpAddr::V4(_) => Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

/// One send. What exists already is no error where `may_exist` says so: a second network's default route stays behind the first's.
fn send(
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
