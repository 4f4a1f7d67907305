//! What a new attachment gets: addresses, a MAC address, ports, a name inside. Everything that cannot be is refused here.

use crate::assigned::Assigned;
use crate::attach::list;
use crate::engine::{Engine, Scene, is_tombstone};
use crate::error::{Error, Result};
use crate::host_port::Wanted;
use crate::name::NetworkName;
use crate::record::now;
use crate::spec::{Attachment, AttachmentSpec, Network, State, Subnet};
use crate::store::Store;
use core_netlink::IfName;
use core_netlink::link::Kind;
use ipam::Pool;
use ipnet::IpNet;
use std::net::IpAddr;

/// Either the network chooses the addresses, or who attaches says them; nobody who may not send a word is attached.
fn check_source(op: &str, spec: &AttachmentSpec, network: &Network) -> Result<()> {
    let said = !spec.prefixes.is_empty() || spec.assigned != Assigned::default();
    let without_bridge = spec.assigned.routed.is_some() || spec.assigned.foreign;
    if network.routed != without_bridge {
        let has = if network.routed {
            "has no bridge"
        } else {
            "has a bridge"
        };
        let why = format!(
            "network `{}` {has}: this attachment is made for the other kind",
            network.name
        );
        return Err(Error::invalid(op, why));
    }
    let why = match network.external_ipam {
        false if said => "it chooses its addresses itself",
        true if !spec.addresses.is_empty() || !(said || spec.unguarded) => {
            "its addresses come from CNI's plugins, together with their subnets"
        }
        _ => return Ok(()),
    };
    let why = format!("network `{}`: {why}", network.name);
    Err(Error::invalid(op, why))
}

impl Engine {
    pub(crate) fn choose_attachment(
        &mut self,
        op: &str,
        spec: &AttachmentSpec,
        network: &Network,
        scene: &mut Scene<'_>,
    ) -> Result<Attachment> {
        check_source(op, spec, network)?;
        let addresses = match network.external_ipam {
            true => self.take_addresses(op, spec, network)?,
            false => self.choose_addresses(op, spec, network)?,
        };
        let key = spec.key();
        let wanted = Wanted {
            network,
            host_end: key.host_end(),
            addresses: &addresses,
            ports: &spec.ports,
            nonlocal: spec.nonlocal,
        };
        self.check_ports(op, &wanted)?;
        self.check_inside(op, spec, scene)?;
        let first = addresses.first().map(IpNet::addr);
        let derived = first.map(|ip| network.name.mac(ip));
        let cookie = scene
            .namespace
            .map(|namespace| self.kernel.cookie(namespace))
            .transpose()?;
        Ok(Attachment {
            host_end: key.host_end(),
            namespace: scene
                .namespace
                .map(|namespace| namespace.label().to_owned())
                .unwrap_or_default(),
            cookie: cookie.unwrap_or_default(),
            mac: spec.mac.or(derived).unwrap_or_else(|| key.mac()),
            addresses,
            gateways: network.ways_out(),
            assigned: spec.assigned.clone(),
            mtu: network.mtu,
            ports: spec.ports.clone(),
            translation: spec.translation.sorted(),
            dhcp: spec.dhcp,
            unguarded: spec.unguarded,
            isolated: network.policy.isolate_ports,
            dhcp_server: network.policy.dhcp_servers,
            router: network.policy.routers,
            state: State::Claimed,
            since: now(),
            key,
        })
    }

    fn choose_addresses(
        &mut self,
        op: &str,
        spec: &AttachmentSpec,
        network: &Network,
    ) -> Result<Vec<IpNet>> {
        let stray = spec.addresses.iter().find(|ip| {
            !network
                .subnets
                .iter()
                .any(|subnet| subnet.prefix.contains(*ip))
        });
        if let Some(ip) = stray {
            let subnets = list(
                &network
                    .subnets
                    .iter()
                    .map(|subnet| subnet.prefix)
                    .collect::<Vec<_>>(),
            );
            return Err(Error::invalid(
                op,
                format!("ip {ip} is not in network `{}` ({subnets})", network.name),
            ));
        }
        let mut chosen: Vec<IpNet> = Vec::new();
        for subnet in &network.subnets {
            let place = chosen.first().map(|first| ipam::place(*first));
            chosen.push(self.choose_address(op, spec, network, subnet, place)?);
        }
        Ok(chosen)
    }

    /// Those that who attaches chose; each belongs to one attachment all the same.
    fn take_addresses(
        &mut self,
        op: &str,
        spec: &AttachmentSpec,
        network: &Network,
    ) -> Result<Vec<IpNet>> {
        for net in &spec.prefixes {
            let ip = net.addr();
            if network.subnets.iter().any(|subnet| subnet.gateway == ip) {
                let why = format!(
                    "ip {ip} is the address of bridge `{}`",
                    network.gateway_link()
                );
                return Err(Error::invalid(op, why));
            }
            self.free_address(&network.name, ip)?;
            if let Some(holder) = self.store.holder(&network.name, ip)? {
                let owner = self.owner_of(&network.name, &holder);
                return Err(Error::exists(op, format!("ip {ip} is in use by {owner}")));
            }
        }
        Ok(spec.prefixes.clone())
    }

    fn choose_address(
        &mut self,
        op: &str,
        spec: &AttachmentSpec,
        network: &Network,
        subnet: &Subnet,
        place: Option<u128>,
    ) -> Result<IpNet> {
        let mut wishes = spec
            .addresses
            .iter()
            .filter(|ip| subnet.prefix.contains(*ip));
        let ip = match (wishes.next(), wishes.next()) {
            (Some(a), Some(b)) => {
                return Err(Error::invalid(
                    op,
                    format!(
                        "ip {a} and {b} are both in {}: one of each subnet",
                        subnet.prefix
                    ),
                ));
            }
            (Some(wish), None) => {
                self.free_address(&network.name, *wish)?;
                let pool = Pool::new(subnet.prefix, [subnet.gateway]);
                let holder = self.store.holder(&network.name, *wish)?;
                let free = pool.check(*wish, |_| holder.is_some());
                free.map_err(|why| self.refused(op, network, *wish, &why))?;
                *wish
            }
            (None, _) => match self.free_at(network, subnet, place)? {
                Some(free) => free,
                None => self.next_address(op, network, subnet)?,
            },
        };
        IpNet::new(ip, subnet.prefix.prefix_len())
            .map_err(|err| Error::invalid(op, err.to_string()))
    }

    /// The address at the place that its first address has in the first subnet: so each address keeps its MAC address.
    fn free_at(
        &self,
        network: &Network,
        subnet: &Subnet,
        place: Option<u128>,
    ) -> Result<Option<IpAddr>> {
        let pool = Pool::new(subnet.prefix, [subnet.gateway]);
        let Some(ip) = place.and_then(|place| pool.at(place)) else {
            return Ok(None);
        };
        let held = self.store.holder(&network.name, ip)?.is_some();
        Ok(Some(ip).filter(|_| !held))
    }

    /// The next free one; when there is none, those of attachments that are gone are freed first.
    fn next_address(&mut self, op: &str, network: &Network, subnet: &Subnet) -> Result<IpAddr> {
        let pool = Pool::new(subnet.prefix, [subnet.gateway]);
        let last = self
            .store
            .last_given(&network.name, subnet.prefix.addr().is_ipv6());
        let is_free = |store: &Store, ip| matches!(store.holder(&network.name, ip), Ok(None));
        let next = |store: &Store| pool.next(last, |ip| !is_free(store, ip));
        let found = match next(&self.store) {
            Err(_) if !self.remove_gone(&network.name)?.is_empty() => next(&self.store),
            found => found,
        };
        found.map_err(|why| {
            Error::missing(op, why.to_string())
                .with_hint("detach something, or make a network with a wider subnet")
        })
    }

    fn refused(&self, op: &str, network: &Network, wish: IpAddr, why: &ipam::Error) -> Error {
        let why = format!("ip {why}");
        match self.store.holder(&network.name, wish).ok().flatten() {
            Some(holder) => Error::exists(
                op,
                format!("{why} by {}", self.owner_of(&network.name, &holder)),
            ),
            None => Error::invalid(op, why),
        }
    }

    /// Whose a host end is, in words.
    pub(crate) fn owner_of(&self, network: &NetworkName, host_end: &str) -> String {
        let claim = host_end
            .parse::<IfName>()
            .ok()
            .and_then(|end| self.store.claim_of(network, end).ok().flatten());
        claim.map_or_else(
            || host_end.to_owned(),
            |claim| claim.attachment.key.to_string(),
        )
    }

    /// The name inside must be free. If what holds it is the other end of a link that was put aside, that one is deleted first.
    fn check_inside(
        &mut self,
        op: &str,
        spec: &AttachmentSpec,
        scene: &mut Scene<'_>,
    ) -> Result<()> {
        let Some(namespace) = scene.namespace.filter(|_| !spec.assigned.foreign) else {
            return Ok(());
        };
        let mut conn = self.kernel.inside(namespace)?;
        let look = |err| {
            Error::netlink(
                format!("look for `{}` in namespace {namespace}", spec.ifname),
                err,
            )
        };
        let found = conn.find_link(spec.ifname).map_err(look)?;
        scene.conn = Some(conn);
        let Some(found) = found else {
            return Ok(());
        };
        let outer = found
            .link
            .filter(|_| matches!(found.kind, Some(Kind::Veth(_))));
        let outer = outer.and_then(|index| self.kernel.route().ok()?.get_link(index).ok());
        match outer.filter(|outer| is_tombstone(outer) && outer.link == Some(found.index)) {
            Some(outer) => self.delete_aside(&[outer.index]),
            None => {
                let why = format!(
                    "namespace {namespace} has an interface `{}` already",
                    spec.ifname
                );
                Err(Error::exists(op, why).with_hint("choose another name with --ifname"))
            }
        }
    }
}
