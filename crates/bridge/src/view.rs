//! What the kernel has that decides about reachability, read once: tables, interfaces, sockets, other firewalls.

use crate::check::Depth;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::exposed::{Exposure, Interface, NetworkExposure};
use crate::host::Host;
use crate::intent;
use crate::name::MARK;
use crate::reach;
use crate::repair;
use crate::spec::{Network, State};
use core_netlink::addr::{Address, AddressFilter, Scope};
use core_netlink::diag::InetSocket;
use core_netlink::link::{Link, LinkFilter};
use core_netlink::nft::{Family, Value};
use core_netlink::{IfIndex, IfName};
use firewall::{Element, ForeignChain, Owner, Rules, Set, Transport};
use ns_mgmt::Holder;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// A socket that listens, and whose it is.
pub(crate) struct Listener {
    pub(crate) transport: Transport,
    pub(crate) socket: InetSocket,
    pub(crate) process: Option<(String, u32)>,
}

/// The kernel's part of the answer.
pub(crate) struct View {
    pub(crate) rules: Rules,
    pub(crate) links: Vec<Link>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) networks: Vec<NetworkExposure>,
    pub(crate) foreign: Vec<ForeignChain>,
    /// Whether packets that come in by an interface are forwarded: IPv4, IPv6.
    pub(crate) forwards: HashMap<IfName, [bool; 2]>,
    /// Who else drops what a network's bridge forwards: IPv4, IPv6.
    pub(crate) stops: HashMap<IfName, [Option<String>; 2]>,
    /// Whether bridged packets are shown to the hooks of IP.
    pub(crate) bridged: bool,
    pub(crate) listeners: Vec<Listener>,
    /// The elements that the records ask for.
    pub(crate) recorded: HashSet<Element>,
}

impl Host {
    /// What of this host and its containers can be reached from where, by interface and family, and which rule decides: read from the
    /// kernel, compared with the records. Reads everything there is; changes nothing.
    pub fn exposed(&mut self) -> Result<Exposure> {
        self.engine.exposed()
    }
}

impl Engine {
    fn exposed(&mut self) -> Result<Exposure> {
        let networks = self.networks()?;
        let findings = self.findings(&networks, Depth::Inside)?;
        let view = self.view(&networks)?;
        Ok(Exposure {
            closed_by_default: view.rules.is_installed(),
            rows: reach::rows(&view),
            interfaces: view.interfaces,
            networks: view.networks,
            foreign: view.foreign,
            differences: repair::differences(&findings),
        })
    }

    fn view(&mut self, networks: &[Network]) -> Result<View> {
        let fail = |err| Error::netlink("look at the host's links", err);
        let conn = self.kernel.route()?;
        let links = conn.links(&LinkFilter::default()).map_err(fail)?;
        let mut addresses = conn.addresses(&AddressFilter::default()).map_err(fail)?;
        addresses.retain(|address| address.scope != Scope::Link);
        let fail = |err| Error::firewall("look at the firewall", err);
        let rules = Rules::read(self.kernel.nft()?).map_err(fail)?;
        let foreign = firewall::foreign_chains(self.kernel.nft()?).map_err(fail)?;
        let seen = networks_of(&rules, networks);
        let mut view = View {
            interfaces: interfaces(&links, &addresses),
            networks: seen,
            rules,
            links,
            addresses,
            foreign,
            forwards: HashMap::new(),
            stops: HashMap::new(),
            bridged: self.is_on("net/bridge/bridge-nf-call-iptables")?,
            listeners: self.all_listeners()?,
            recorded: self.recorded(networks)?,
        };
        self.see_forwarding(&mut view)?;
        Ok(view)
    }

    /// Which interfaces forward, and who else stops what the bridges do.
    fn see_forwarding(&mut self, view: &mut View) -> Result<()> {
        let bridges: Vec<IfName> = view.networks.iter().map(|network| network.bridge).collect();
        let names = view.interfaces.iter().map(|interface| interface.name);
        let everywhere = self.is_on("net/ipv6/conf/all/forwarding")?;
        for name in names.chain(bridges.iter().copied()).collect::<Vec<_>>() {
            let v4 = self.is_on(&format!("net/ipv4/conf/{name}/forwarding"))?;
            let v6 = everywhere || self.is_on(&format!("net/ipv6/conf/{name}/force_forwarding"))?;
            view.forwards.insert(name, [v4, v6]);
        }
        for interface in &mut view.interfaces {
            let [v4, v6] = view.forwards[&interface.name];
            (interface.forwards_ipv4, interface.forwards_ipv6) = (v4, v6);
        }
        for bridge in bridges {
            let nft = self.kernel.nft()?;
            let mut stop = |v4| {
                let drops = firewall::foreign_drops_of(nft, bridge, v4, !v4);
                drops.map(|drops| drops.first().map(ToString::to_string))
            };
            let fail = |err| Error::firewall("look at the chains of others", err);
            let both = [stop(true).map_err(fail)?, stop(false).map_err(fail)?];
            view.stops.insert(bridge, both);
        }
        Ok(())
    }

    fn all_listeners(&mut self) -> Result<Vec<Listener>> {
        let mut sockets = Vec::new();
        for transport in [Transport::Tcp, Transport::Udp, Transport::Sctp] {
            if transport == Transport::Sctp && !self.has_sctp()? {
                continue;
            }
            let found = self.listeners(transport, 1, u16::MAX)?.into_iter();
            sockets.extend(found.map(|socket| (transport, socket)));
        }
        let inodes: Vec<u32> = sockets.iter().map(|(_, socket)| socket.inode).collect();
        let holders = ns_mgmt::socket_holders(&inodes).unwrap_or_default();
        let process = |inode: u32| match holders.get(&inode)?.first()? {
            Holder::Socket { pid, name, .. } => Some((name.clone(), *pid)),
            _ => None,
        };
        let listener = |(transport, socket): (Transport, InetSocket)| Listener {
            transport,
            process: process(socket.inode),
            socket,
        };
        Ok(sockets.into_iter().map(listener).collect())
    }

    fn recorded(&mut self, networks: &[Network]) -> Result<HashSet<Element>> {
        let mut all = HashSet::new();
        for network in networks {
            let mut wanted = intent::network(network)?;
            for claim in self.store.readable_claims(&network.name)? {
                if claim.attachment.state == State::Up {
                    wanted.extend(intent::attachment(&claim.attachment)?);
                }
            }
            all.extend(wanted.steps().iter().map(|step| step.element().clone()));
        }
        Ok(all)
    }
}

/// Those by which others come in: not `lo`, not ours, not a port of a bridge; up, and with an address.
fn interfaces(links: &[Link], addresses: &[Address]) -> Vec<Interface> {
    let ours = |link: &Link| link.alias.as_deref().is_some_and(|of| of.starts_with(MARK));
    let outer = links
        .iter()
        .filter(|link| link.is_up() && !link.is_loopback() && !ours(link) && link.master.is_none());
    let interface = |link: &Link| Interface {
        name: link.name,
        addresses: on(addresses, link.index),
        forwards_ipv4: false,
        forwards_ipv6: false,
    };
    let found = outer.map(interface);
    found.filter(|of| !of.addresses.is_empty()).collect()
}

fn on(addresses: &[Address], link: IfIndex) -> Vec<IpAddr> {
    let there = addresses.iter().filter(|address| address.link == link);
    there.map(|address| address.address.addr()).collect()
}

/// The networks that the firewall knows, and those that only the records do.
fn networks_of(rules: &Rules, records: &[Network]) -> Vec<NetworkExposure> {
    let mut all: Vec<NetworkExposure> = Vec::new();
    for element in rules.of(Set::Nets) {
        if let ([Value::Name(bridge)], Owner::Network(name)) =
            (element.key.as_slice(), &element.owner)
        {
            all.push(of_kernel(rules, *bridge, name));
        }
    }
    for record in records {
        match all.iter_mut().find(|of| of.name == record.name.as_str()) {
            Some(of) => of.recorded = of.bridge == record.gateway_link(),
            None => all.push(of_record(record)),
        }
    }
    let names: HashMap<IfName, String> =
        all.iter().map(|of| (of.bridge, of.name.clone())).collect();
    for network in &mut all {
        let others = names.iter().filter(|(other, _)| **other != network.bridge);
        let reached = others.filter(|(other, _)| rules.joins(Set::Reach, network.bridge, **other));
        network.reaches = reached.map(|(_, name)| name.clone()).collect();
        network.reaches.sort();
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn of_kernel(rules: &Rules, bridge: IfName, name: &str) -> NetworkExposure {
    let prefixes = |set| rules.of(set).iter().filter_map(Element::prefix);
    let subnets = prefixes(Set::Local4).chain(prefixes(Set::Local6));
    let subnets = subnets.filter(|(of, _)| *of == bridge);
    let masquerades = |family| {
        let key = [Value::Name(bridge), Value::Family(family)];
        rules.of(Set::Masq).iter().any(|element| element.key == key)
    };
    let ids = |set| {
        let owned = rules
            .of(set)
            .iter()
            .filter_map(|element| match &element.owner {
                Owner::Attachment { network, id, .. } if network == name => Some(id.clone()),
                _ => None,
            });
        owned.collect()
    };
    NetworkExposure {
        name: name.to_owned(),
        bridge,
        subnets: subnets.map(|(_, net)| net).collect(),
        enforced: rules.closes(),
        recorded: false,
        internal: rules.has(Set::Internal, bridge),
        masquerade: [masquerades(Family::Ip), masquerades(Family::Ip6)],
        isolated: rules.joins(Set::Apart, bridge, bridge),
        listed: rules.has(Set::Listed, bridge),
        host_services: rules.has(Set::Host, bridge),
        services: services(rules, bridge),
        reaches: Vec::new(),
        unguarded: ids(Set::Open),
        dhcp: ids(Set::Dhcp),
        dhcp_servers: ids(Set::DhcpServer),
        routers: ids(Set::Router),
    }
}

/// `udp:53`
fn services(rules: &Rules, bridge: IfName) -> Vec<String> {
    let service = |element: &Element| match *element.key.as_slice() {
        [Value::Name(of), Value::Protocol(number), Value::Port(port)] if of == bridge => {
            Transport::from_number(number).map(|transport| format!("{transport}:{port}"))
        }
        _ => None,
    };
    rules.of(Set::Service).iter().filter_map(service).collect()
}

/// Nothing of it is in the firewall.
fn of_record(record: &Network) -> NetworkExposure {
    NetworkExposure {
        name: record.name.to_string(),
        bridge: record.gateway_link(),
        subnets: record.subnets.iter().map(|subnet| subnet.prefix).collect(),
        enforced: false,
        recorded: true,
        internal: false,
        masquerade: [false; 2],
        isolated: false,
        listed: false,
        host_services: true,
        services: Vec::new(),
        reaches: Vec::new(),
        unguarded: Vec::new(),
        dhcp: Vec::new(),
        dhcp_servers: Vec::new(),
        routers: Vec::new(),
    }
}

impl View {
    /// The addresses on an interface, of one family.
    pub(crate) fn on(&self, name: IfName, ipv4: bool) -> impl Iterator<Item = IpAddr> + '_ {
        let link = self.links.iter().find(|link| link.name == name);
        let index = link.map(|link| link.index);
        let there = self
            .addresses
            .iter()
            .filter(move |address| Some(address.link) == index);
        let all = there.map(|address| address.address.addr());
        all.filter(move |ip| ip.is_ipv4() == ipv4)
    }
}
