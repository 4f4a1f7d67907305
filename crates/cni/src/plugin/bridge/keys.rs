//! The keys of `bridge`, and what they mean for the network.

use super::vlans::{self, Trunk};
use crate::error::{Error, Result};
use crate::json;
use crate::plugin::{Input, wired};
use bridge::{PortVlans, Vlans};
use core_netlink::IfName;
use serde::Deserialize;

/// The keys of the plugin's documentation, and ours.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Keys {
    #[serde(deserialize_with = "json::text")]
    pub(super) bridge: IfName,
    is_gateway: bool,
    pub(super) is_default_gateway: bool,
    pub(super) force_address: bool,
    pub(super) ip_masq: bool,
    ip_masq_backend: String,
    mtu: i64,
    pub(super) hairpin_mode: bool,
    pub(super) promisc_mode: bool,
    vlan: i64,
    vlan_trunk: Vec<Trunk>,
    preserve_default_vlan: Option<bool>,
    pub(super) macspoofchk: bool,
    pub(super) enabledad: bool,
    pub(super) disable_container_interface: bool,
    pub(super) port_isolation: bool,
    pub(super) vetch: Ours,
}

/// What none of the reference's keys says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Ours {
    /// What containers may put on the wire.
    pub(super) guard: Option<Guard>,
    /// Others reach containers by their addresses.
    pub(super) reachable: Option<bool>,
    /// Containers may use services of the host.
    pub(super) host_services: Option<bool>,
}

/// What a container may put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Guard {
    /// Its own MAC and IP addresses.
    Addresses,
    /// Its own MAC address.
    Mac,
    /// Anything.
    None,
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            bridge: IfName::from_kernel(b"cni0"),
            is_gateway: false,
            is_default_gateway: false,
            force_address: false,
            ip_masq: false,
            ip_masq_backend: String::new(),
            mtu: 0,
            hairpin_mode: false,
            promisc_mode: false,
            vlan: 0,
            vlan_trunk: Vec::new(),
            preserve_default_vlan: None,
            macspoofchk: false,
            enabledad: false,
            disable_container_interface: false,
            port_isolation: false,
            vetch: Ours::default(),
        }
    }
}

impl Keys {
    /// Everything that contradicts itself is refused here.
    pub(super) fn read(input: &Input<'_>) -> Result<Keys> {
        let keys: Keys = input.conf.keys()?;
        keys.check(input.conf.ipam.is_some())?;
        Ok(keys)
    }

    fn check(&self, has_ipam: bool) -> Result<()> {
        if self.hairpin_mode && self.promisc_mode {
            let why = "it and `promiscMode` exclude each other: packets would come twice";
            return Err(Error::invalid("hairpinMode", why));
        }
        if self.disable_container_interface && has_ipam {
            let why = "an interface that stays down has no addresses: leave `ipam` empty";
            return Err(Error::invalid("disableContainerInterface", why));
        }
        wired::check_backend("ipMasqBackend", &self.ip_masq_backend)?;
        self.check_vlan_link()?;
        if self.vetch.guard == Some(Guard::Addresses) && !has_ipam {
            let why = "without `ipam` nobody knows the addresses: `mac` or `none`";
            return Err(Error::invalid("vetch.guard", why));
        }
        self.mtu().map(drop)
    }

    /// Bytes.
    pub(super) fn mtu(&self) -> Result<u32> {
        wired::mtu(self.mtu)
    }

    /// The VLANs of containers' ports, if the bridge is to tell them apart.
    pub(super) fn vlans(&self) -> Result<Option<PortVlans>> {
        vlans::of_port(self.vlan, &self.vlan_trunk, self.preserve_default_vlan)
    }

    /// The VLAN of the network's gateways: the first is that of the bridge itself.
    pub(super) fn network_vlans(&self) -> Result<Option<Vlans>> {
        let gateway = |vlans: PortVlans| vlans.untagged().filter(|vlan| vlan.get() != 1);
        let vlans = self.vlans()?;
        Ok(vlans.map(|vlans| Vlans {
            gateway: gateway(vlans),
        }))
    }

    /// The link with the gateways of a VLAN must have a name.
    fn check_vlan_link(&self) -> Result<()> {
        let Some(vlan) = self.network_vlans()?.and_then(|vlans| vlans.gateway) else {
            return Ok(());
        };
        let link = format!("{}.{vlan}", self.bridge).parse::<IfName>();
        let bad = |bad| Error::invalid("bridge", format!("the link of VLAN {vlan}: {bad}"));
        link.map(drop).map_err(bad)
    }

    /// Whether the bridge has the gateway's addresses.
    pub(super) fn is_gateway(&self) -> bool {
        self.is_gateway || self.is_default_gateway
    }

    /// With addresses a container is held to them; without, to its MAC address where that is asked for.
    pub(super) fn guard(&self, has_ipam: bool) -> Guard {
        let usual = match (has_ipam, self.macspoofchk) {
            (true, _) => Guard::Addresses,
            (false, true) => Guard::Mac,
            (false, false) => Guard::None,
        };
        self.vetch.guard.unwrap_or(usual)
    }

    /// Who masquerades hides the addresses; who does not means them to be reached.
    pub(super) fn is_reachable(&self, is: Option<bool>) -> bool {
        let usual = is.unwrap_or(!self.ip_masq);
        self.vetch.reachable.unwrap_or(usual)
    }
}

/// The bridge alone; `None` if it is written so that nobody can have made it.
pub(super) fn bridge(input: &Input<'_>) -> Option<IfName> {
    #[derive(Deserialize)]
    #[serde(default)]
    struct Named {
        #[serde(deserialize_with = "json::text")]
        bridge: IfName,
    }
    impl Default for Named {
        fn default() -> Named {
            let bridge = Keys::default().bridge;
            Named { bridge }
        }
    }
    let named = input.conf.keys::<Named>();
    named.ok().map(|named| named.bridge)
}
