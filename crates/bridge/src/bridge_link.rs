//! What a bridge is made of: the messages, in the order of the ruleset; and the switches of the host that go with it.

use crate::engine::{Engine, Scene, is_bridge_of, netlink, send};
use crate::error::{Error, Result};
use crate::inner::address;
use crate::kernel::Setting;
use crate::record::Opened;
use crate::spec::Network;
use crate::wiring::known;
use core_netlink::link::{Bridge, Ipv4Conf, Kind, LinkSpec, SetLink};
use core_netlink::{Change as Netlink, HwAddr, IfIndex, IfName, Request};

impl Engine {
    pub(crate) fn make_bridge(&mut self, network: &Network, scene: &mut Scene<'_>) -> Result<()> {
        if network.vlans.is_some() {
            return self.make_vlans(network, scene);
        }
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

    pub(crate) fn bridge_up(&mut self, network: &Network, scene: &mut Scene<'_>) -> Result<()> {
        let Some(bridge) = self.with_gateways(network, scene)? else {
            return Ok(());
        };
        let own = network.gateway_vlan().is_none(); // that of a VLAN is the bridge's
        let quiet = LinkSpec {
            alias: Some(network.name.alias()), // not taken at creation
            address: own.then(|| HwAddr::from(network.mac)), // changes nothing but in a repair
            ipv4: Some(Ipv4Conf {
                accept_redirects: Some(0),
                send_redirects: Some(0),
                ..Ipv4Conf::default()
            }),
            ..LinkSpec::default()
        };
        let up = LinkSpec {
            up: Some(true),
            promisc: network.promiscuous.then_some(true),
            ..LinkSpec::default()
        };
        let mut requests: Vec<Box<dyn Request + '_>> = Vec::new();
        if network.owns_gateway_link() {
            requests.push(Box::new(SetLink::new(bridge, &quiet)));
        }
        for subnet in &network.subnets {
            requests.push(Box::new(Netlink::add(address(
                bridge,
                subnet.gateway,
                subnet.prefix.prefix_len(),
            ))));
        }
        requests.push(Box::new(SetLink::new(bridge, &up)));
        send(self.kernel.route()?, &requests, |_| true)
            .map_err(|err| netlink(format!("set up bridge `{}`", network.bridge), err))
    }

    /// The number of the link that is to have the gateways' addresses; `None` in a VLAN without any.
    fn with_gateways(
        &mut self,
        network: &Network,
        scene: &mut Scene<'_>,
    ) -> Result<Option<IfIndex>> {
        let link = network.gateway_link();
        let place = match network.gateway_vlan() {
            Some(_) if !network.has_gateway_link() => return Ok(None),
            Some(_) => &mut scene.gateway,
            None => &mut scene.bridge,
        };
        if place.is_none() {
            *place = self.find(link)?.map(|link| link.index);
        }
        known(*place, link).map(Some)
    }

    pub(crate) fn delete_bridge(&mut self, network: &Network) -> Result<()> {
        match self.find(network.gateway_link())? {
            Some(_) if !network.owns_gateway_link() => self.leave_bridge(network)?,
            Some(link) if is_bridge_of(&link, network) => self.delete(link.index)?,
            _ => {}
        }
        match self.leave_together(network)? {
            Some(link) => self.delete(link.index),
            None => Ok(()),
        }
    }

    pub(crate) fn localnet(&mut self, bridge: IfName, on: bool) -> Result<()> {
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

    pub(crate) fn unforward(&mut self, settings: &[Setting]) -> Result<()> {
        // Where somebody has switched it on for all since, it is theirs.
        let v4 = self.kernel.sysctl("net/ipv4/ip_forward")?.as_deref() == Some("1");
        let mut failed = Vec::new();
        for setting in settings {
            if v4 && setting.0.starts_with("net/ipv4/") {
                continue;
            }
            failed.extend(self.put_back(setting).err());
        }
        Error::all(failed)?;
        self.store.write_opened(&Opened::default())
    }

    /// Unless it is gone with its interface.
    pub(crate) fn put_back(&mut self, setting: &Setting) -> Result<()> {
        match self.kernel.sysctl(&setting.0)? {
            Some(_) => self.kernel.set_sysctls(None, vec![setting.clone()]),
            None => Ok(()),
        }
    }
}
