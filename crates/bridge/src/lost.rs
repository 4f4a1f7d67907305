//! Attachments whose record was lost or damaged, told from what the kernel still has of them: the alias of the link, the rows of the
//! guard, the published ports.

use crate::assigned::Assigned;
use crate::engine::{Engine, if_damaged, is_tombstone};
use crate::error::{Error, Result};
use crate::lock::Lock;
use crate::name::{Key, NetworkName};
use crate::port::{PortSpec, merged};
use crate::record::{Claim, Opened, now};
use crate::spec::{Attachment, Network, State};
use crate::translation::Translation;
use crate::vlans::PortVlans;
use core_netlink::MacAddr;
use core_netlink::link::{Link, LinkFilter};
use core_netlink::nft::{Family, Value};
use firewall::{Element, Owner, Set, Source};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What the kernel has of one attachment.
#[derive(Default)]
struct Trace {
    link: Option<Link>,
    mac: Option<MacAddr>,
    addresses: Vec<IpAddr>,
    ports: Vec<PortSpec>,
    translation: Translation,
    dhcp: bool,
    unguarded: bool,
    mac_only: bool,
}

impl Engine {
    /// The host's lock. Where the records begin, those of attachments that the kernel knows are told from it, lest their addresses and
    /// ports are given to others.
    pub(crate) fn lock_host(&mut self) -> Result<Lock> {
        let (lock, first) = self.store.lock_host_first()?;
        if first && let Err(err) = self.begin_records() {
            self.store.unbegin()?; // the next one begins again
            return Err(err);
        }
        Ok(lock)
    }

    fn begin_records(&mut self) -> Result<()> {
        let opened = self.opened()?;
        self.store.write_opened(&opened)?;
        for definition in self.store.definitions()? {
            let _network = self.store.lock_network(&definition.network.name)?;
            self.mend_records_locked(&definition.network)?;
        }
        Ok(())
    }

    /// On which interfaces we switched forwarding on: as noted, and as the firewall has it.
    pub(crate) fn opened(&mut self) -> Result<Opened> {
        let elements = firewall::elements_of(self.kernel.nft()?, Set::Opened);
        let elements =
            elements.map_err(|err| Error::firewall("look at the firewall's elements", err))?;
        let mut opened = self.store.opened().or_else(if_damaged)?;
        for element in &elements {
            if let [Value::Name(name), Value::Family(family)] = *element.key.as_slice()
                && !opened.interfaces.contains(&(name, family == Family::Ip6))
            {
                opened.interfaces.push((name, family == Family::Ip6));
            }
        }
        Ok(opened)
    }

    /// The claims of a network; those that cannot be read are told from the kernel, and nothing is written.
    pub(crate) fn claims(&mut self, network: &Network) -> Result<Vec<Claim>> {
        match self.store.claims(&network.name) {
            Err(err) if err.is_damaged() => self.all_claims(network),
            claims => claims,
        }
    }

    /// The same, and those that have no record at all.
    pub(crate) fn all_claims(&mut self, network: &Network) -> Result<Vec<Claim>> {
        let mut all = self.store.readable_claims(&network.name)?;
        all.extend(self.lost(network)?);
        Ok(all)
    }

    /// Makes the records of a network whole again. No lock may be held.
    pub(crate) fn mend_records(&mut self, name: &NetworkName) -> Result<Vec<Attachment>> {
        let _host = self.lock_host()?;
        let Some(definition) = self.store.definition(name)? else {
            return Ok(Vec::new());
        };
        let _lock = self.store.lock_network(name)?;
        self.mend_records_locked(&definition.network)
    }

    /// The same with the locks of host and network held: what was lost is written anew, and what cannot be read is removed where the
    /// kernel has nothing of it.
    pub(crate) fn mend_records_locked(&mut self, network: &Network) -> Result<Vec<Attachment>> {
        let mut found = Vec::new();
        for claim in self.lost(network)? {
            self.store
                .remove_claim(&network.name, claim.attachment.host_end)?;
            self.keep(&claim)?;
            found.push(claim.attachment);
        }
        self.store.remove_claim_drafts(&network.name)?;
        self.store.remove_damaged(&network.name)?;
        self.store.release_orphans(&network.name)?;
        Ok(found)
    }

    /// The same by name; of a network that is no more, the ports are given back.
    pub(crate) fn mend_named(&mut self, name: &NetworkName) -> Result<()> {
        match self.store.definition(name)? {
            Some(definition) => self.mend_records_locked(&definition.network).map(drop),
            None => self.store.release_network_ports(name),
        }
    }

    fn keep(&mut self, claim: &Claim) -> Result<()> {
        let of = &claim.attachment;
        self.claim(claim)?;
        match of.state {
            State::Up => {
                let (network, end) = (&of.key.network, of.host_end);
                self.store
                    .move_claim(network, end, State::Claimed, State::Up)
            }
            _ => Ok(()),
        }
    }

    /// Everything of a network that the kernel has and no record that can be read.
    pub(crate) fn lost(&mut self, network: &Network) -> Result<Vec<Claim>> {
        let mut lost = Vec::new();
        for (key, trace) in self.traces(network)? {
            match self.store.claim(&key) {
                Ok(Some(_)) => {}
                Err(err) if !err.is_damaged() => return Err(err),
                _ => lost.push(self.rebuild(network, key, trace)?),
            }
        }
        Ok(lost)
    }

    fn traces(&mut self, network: &Network) -> Result<BTreeMap<Key, Trace>> {
        let mut traces: BTreeMap<Key, Trace> = BTreeMap::new();
        let links = self.kernel.route()?.links(&LinkFilter::default());
        let links = links.map_err(|err| Error::netlink("look at the host's links", err))?;
        for link in links.into_iter().filter(|link| !is_tombstone(link)) {
            let key = link.alias.as_deref().and_then(Key::from_alias);
            let ours =
                key.filter(|(key, _)| key.network == network.name && key.host_end() == link.name);
            if let Some((key, addresses)) = ours {
                let trace = traces.entry(key).or_default();
                trace.addresses = addresses;
                trace.link = Some(link);
            }
        }
        let elements = firewall::elements(self.kernel.nft()?);
        let elements =
            elements.map_err(|err| Error::firewall("look at the firewall's elements", err))?;
        for element in &elements {
            if let Some(key) = key_of(&element.owner, network) {
                traces.entry(key).or_default().add(element);
            }
        }
        Ok(traces)
    }

    fn rebuild(&mut self, network: &Network, key: Key, trace: Trace) -> Result<Claim> {
        let number = trace.link.as_ref().and_then(|link| link.link_netnsid);
        let namespace = number.and_then(|number| self.kernel.by_number(number));
        let cookie = namespace
            .as_ref()
            .and_then(|namespace| self.kernel.cookie(namespace).ok());
        let vlans = self.vlans_of(network, trace.link.as_ref())?;
        let first = trace.addresses.first();
        let derived = first.map(|ip| network.name.mac(*ip));
        let attachment = Attachment {
            host_end: key.host_end(),
            namespace: namespace.map_or_else(String::new, |found| found.label().to_owned()),
            cookie: cookie.unwrap_or_default(),
            mac: trace.mac.or(derived).unwrap_or_default(),
            addresses: trace
                .addresses
                .iter()
                .map(|ip| network.with_length(*ip))
                .collect(),
            gateways: network.ways_out(),
            assigned: Assigned {
                mac_only: trace.mac_only,
                vlans,
                ..Assigned::default()
            },
            mtu: network.mtu,
            ports: merged(&trace.ports),
            translation: trace.translation.sorted(),
            dhcp: trace.dhcp,
            unguarded: trace.unguarded,
            isolated: network.policy.isolate_ports,
            dhcp_server: network.policy.dhcp_servers,
            router: network.policy.routers,
            state: match trace.link {
                Some(link) if link.is_up() => State::Up,
                _ => State::Claimed, // half made, and undone by whoever comes next
            },
            since: now(),
            key,
        };
        Ok(Claim {
            attachment,
            wish: None,
            boot: self.store.boot.clone(),
            here: self.store.here,
        })
    }

    /// The VLANs that a port is in, where its network has any.
    fn vlans_of(&mut self, network: &Network, port: Option<&Link>) -> Result<Option<PortVlans>> {
        let Some(port) = port.filter(|_| network.vlans.is_some()) else {
            return Ok(None);
        };
        let members = self.members()?;
        let found = members.get(&port.index);
        Ok(Some(PortVlans::found(found.map_or(&[], Vec::as_slice))))
    }
}

impl Trace {
    fn add(&mut self, element: &Element) {
        if let Some(station) = element.station() {
            self.mac = Some(station.mac);
            let implied = IpAddr::V6(crate::name::link_local(station.mac));
            if station.address != implied && !self.addresses.contains(&station.address) {
                self.addresses.push(station.address);
            }
        }
        self.dhcp |= element.set == Set::Dhcp;
        self.unguarded |= element.set == Set::Open;
        if let (Set::Mac, [_, Value::Mac(mac)]) = (element.set, element.key.as_slice()) {
            (self.mac, self.mac_only) = (Some(*mac), true);
        }
        match element.set {
            Set::Keep4 | Set::Keep6 => self.translation.source = Source::Kept,
            Set::Hide4 | Set::Hide6 => self.translation.source = Source::Hidden,
            _ => {}
        }
        if let Some(published) = element.published() {
            for region in &published.only {
                if !self.translation.only.contains(region) {
                    self.translation.only.push(*region);
                }
            }
            self.ports.push(PortSpec::of(published));
        }
    }
}

fn key_of(owner: &Owner, network: &Network) -> Option<Key> {
    match owner {
        Owner::Attachment {
            network: name,
            id,
            interface,
        } if name == network.name.as_str() => Some(Key {
            network: network.name.clone(),
            id: id.parse().ok()?,
            ifname: interface.parse().ok()?,
        }),
        _ => None,
    }
}

impl Network {
    /// The default gateways of an attachment: none in internal networks, nor where who attaches says the routes.
    pub(crate) fn ways_out(&self) -> Vec<IpAddr> {
        let gateways = self.subnets.iter().map(|subnet| subnet.gateway);
        let chosen_here = !self.internal && !self.external_ipam;
        gateways.filter(|_| chosen_here).collect()
    }

    fn with_length(&self, ip: IpAddr) -> IpNet {
        let subnet = self
            .subnets
            .iter()
            .find(|subnet| subnet.prefix.contains(&ip));
        let net = subnet.and_then(|subnet| IpNet::new(ip, subnet.prefix.prefix_len()).ok());
        net.unwrap_or_else(|| ip.into())
    }
}
