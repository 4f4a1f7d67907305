//! What is said of an attachment by whoever chooses its addresses: CNI's plugins for address management and their kind.

use crate::vlans::PortVlans;
use core_netlink::addr::Scope;
use core_netlink::route::{RouteSpec, Table};
use core_netlink::{IfIndex, route};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// Routes and settings inside, where who attaches chooses them. Only in networks with [`external_ipam`](crate::Network::external_ipam).
///
/// ```
/// use bridge::{Assigned, InnerRoute};
/// let out = InnerRoute { gateway: Some("10.9.0.1".parse()?), ..InnerRoute::to("0.0.0.0/0".parse()?) };
/// let assigned = Assigned { routes: vec![out], ..Assigned::default() };
/// assert_eq!(assigned.routes[0].to_string(), "0.0.0.0/0 via 10.9.0.1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// All of its routes but those that come with its addresses.
    pub routes: Vec<InnerRoute>,
    /// Packets may leave by the port of the bridge they came in by, published ports or not.
    pub hairpin: bool,
    /// Look for duplicates of its IPv6 addresses before they are used; takes a second or two.
    pub detect_duplicates: bool,
    /// The interface stays down, without addresses.
    pub down: bool,
    /// Nothing is known of its addresses: the guard holds it to its MAC address alone.
    pub mac_only: bool,
    /// Which VLANs its port is in, where the network's bridge tells them apart. Tagged frames are held to its MAC address alone.
    pub vlans: Option<PortVlans>,
    /// In a network without a bridge: how it is linked to this host.
    pub routed: Option<RoutedLink>,
    /// Its interface is somebody else's, and stays as it is: nothing but published ports leads there.
    pub foreign: bool,
}

/// A link of its own that leads to one container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutedLink {
    /// The addresses of the host's end, the same on each link of a network; one is enough for each family.
    pub gateways: Vec<IpAddr>,
    /// The container goes out with the host's address.
    pub masquerade: bool,
    /// Others reach it by its own addresses.
    pub reachable: bool,
    /// It may use every service of this host.
    pub host_services: bool,
}

/// A route inside a namespace, through the attachment's interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InnerRoute {
    /// Where it leads.
    pub destination: IpNet,
    /// The next hop; without one everything there is on the link.
    pub gateway: Option<IpAddr>,
    /// Lower is better.
    pub metric: Option<u32>,
    /// Largest packet in bytes.
    pub mtu: Option<u32>,
    /// Largest TCP segment to announce, in bytes.
    pub advmss: Option<u32>,
    /// The main table unless given.
    pub table: Option<u32>,
    /// How far away it is (`rtm_scope`): 0 anywhere, 253 on the link.
    pub scope: Option<u8>,
}

impl InnerRoute {
    /// A route on the link.
    pub fn to(destination: IpNet) -> InnerRoute {
        InnerRoute {
            destination,
            gateway: None,
            metric: None,
            mtu: None,
            advmss: None,
            table: None,
            scope: None,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        self.destination.prefix_len() == 0 && self.table.is_none()
    }

    pub(crate) fn spec(&self, link: IfIndex) -> RouteSpec {
        RouteSpec {
            destination: self.destination,
            gateway: self.gateway,
            link: Some(link),
            metric: self.metric,
            table: self.table.map(Table),
            scope: self.scope.map(Scope::from),
            metrics: route::Metrics {
                mtu: self.mtu,
                advmss: self.advmss,
                ..route::Metrics::default()
            },
            ..RouteSpec::default()
        }
    }
}

/// As `ip route` takes it.
impl fmt::Display for InnerRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.destination.fmt(f)?;
        if let Some(gateway) = self.gateway {
            write!(f, " via {gateway}")?;
        }
        let scope = self.scope.map(u32::from);
        let rest = [
            ("metric", self.metric),
            ("mtu", self.mtu),
            ("advmss", self.advmss),
            ("table", self.table),
            ("scope", scope),
        ];
        let said = rest
            .iter()
            .filter_map(|(word, value)| Some((word, (*value)?)));
        said.into_iter()
            .try_for_each(|(word, value)| write!(f, " {word} {value}"))
    }
}
