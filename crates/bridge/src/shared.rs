//! Bridges that others made: used as they are found, and left as they were.

use crate::engine::{Engine, is_gateway_of, netlink};
use crate::error::{Error, Result};
use crate::forwarding::{Surroundings, ipv4_switch, ipv6_switch, is_default};
use crate::host::is_up;
use crate::spec::{Network, Shared, Subnet};
use core_netlink::addr::{AddressFilter, AddressSpec};
use core_netlink::link::{Link, LinkFlags, LinkSpec};
use core_netlink::{IfIndex, IfName};
use ipnet::IpNet;
use std::net::IpAddr;

impl Shared {
    /// The subnets whose gateways came with the network.
    pub(crate) fn without<'a>(&self, all: impl IntoIterator<Item = &'a Subnet>) -> Vec<Subnet> {
        let all = all.into_iter();
        let ours = all.filter(|subnet| !self.gateways.contains(&subnet.gateway));
        ours.copied().collect()
    }
}

impl Engine {
    /// What a bridge is like that was there before the network. Refused if it cannot be a network's.
    pub(crate) fn had_before(
        &mut self,
        op: &str,
        network: &Network,
        link: &Link,
        around: &Surroundings,
    ) -> Result<Shared> {
        if !is_gateway_of(link, network) {
            let what = match network.gateway_vlan() {
                None => "is no bridge".to_owned(),
                Some(vlan) => format!("is not that of VLAN {vlan}"),
            };
            let why = format!("a link `{}` is there, and {what}", link.name);
            return Err(Error::exists(op, why).with_hint("give another name"));
        }
        let mut defaults = around.routes.iter().filter(|route| is_default(route));
        let is_way_out = defaults.any(|route| Surroundings::ways(route).any(|at| at == link.index));
        if is_way_out && !network.internal {
            let why = format!(
                "bridge `{}` is the way out of this host: it is no gateway for containers, and hides nobody's address",
                link.name
            );
            let hint = "leave isGateway and ipMasq off, or take another bridge";
            return Err(Error::invalid(op, why).with_hint(hint));
        }
        Ok(Shared {
            gateways: self.gateways_on(link.index, &network.subnets)?,
            ipv4: self.is_on(&ipv4_switch(network.gateway_link()))?,
            ipv6: self.is_on(&ipv6_switch(network.gateway_link()))?,
            promiscuous: link.flags.contains(LinkFlags::PROMISC),
        })
    }

    /// Which of the gateways' addresses a link has.
    pub(crate) fn gateways_on(&mut self, link: IfIndex, of: &[Subnet]) -> Result<Vec<IpAddr>> {
        let filter = AddressFilter {
            link: Some(link),
            ..AddressFilter::default()
        };
        let found = self.kernel.route()?.addresses(&filter);
        let found = found.map_err(|err| netlink("look at the bridge's addresses", err))?;
        let there = |ip: &IpAddr| found.iter().any(|address| address.address.addr() == *ip);
        Ok(of
            .iter()
            .map(|subnet| subnet.gateway)
            .filter(there)
            .collect())
    }

    /// Takes what came with the network off a bridge that stays.
    pub(crate) fn leave_bridge(&mut self, network: &Network) -> Result<()> {
        let Some(had) = &network.shared else {
            return Ok(());
        };
        for (path, was) in [
            (ipv4_switch(network.gateway_link()), had.ipv4),
            (ipv6_switch(network.gateway_link()), had.ipv6),
        ] {
            if !was {
                self.put_back(&(path, "0"))?;
            }
        }
        if network.promiscuous && !had.promiscuous {
            self.hand_up_all(network.gateway_link(), false)?;
        }
        self.remove_gateways(network.gateway_link(), &had.without(&network.subnets))
    }

    /// Sets whether a bridge hands up every packet; no error where it is gone.
    pub(crate) fn hand_up_all(&mut self, bridge: IfName, on: bool) -> Result<()> {
        let spec = LinkSpec {
            promisc: Some(on),
            ..LinkSpec::default()
        };
        match self.kernel.route()?.set_link(bridge, &spec) {
            Err(err) if err.is_not_found() => Ok(()),
            set => {
                set.map_err(|err| netlink(format!("set whether `{bridge}` is promiscuous"), err))
            }
        }
    }

    pub(crate) fn remove_gateways(&mut self, bridge: IfName, gone: &[Subnet]) -> Result<()> {
        let Some(link) = self.find(bridge)?.map(|link| link.index) else {
            return Ok(());
        };
        for subnet in gone {
            let address = IpNet::new(subnet.gateway, subnet.prefix.prefix_len());
            let spec = AddressSpec {
                link,
                address: address.unwrap_or(subnet.prefix),
                ..AddressSpec::default()
            };
            match self.kernel.route()?.delete_address(&spec) {
                Err(err) if err.is_not_found() => {}
                Err(err) if err.errno() == Some(nix::libc::EADDRNOTAVAIL) => {}
                other => other
                    .map_err(|err| netlink(format!("take {} off `{bridge}`", spec.address), err))?,
            }
        }
        Ok(())
    }

    /// The bridges of these networks and of all others that somebody else made: no uplinks, though they carry routes.
    pub(crate) fn shared_bridges(&self, networks: &[&Network]) -> Result<Vec<IfName>> {
        let all = self.store.definitions()?;
        let known = all
            .iter()
            .filter(|found| is_up(found))
            .map(|found| &found.network);
        let shared = known.chain(networks.iter().copied());
        Ok(shared
            .filter(|network| network.shared.is_some())
            .map(|network| network.gateway_link())
            .collect())
    }
}
