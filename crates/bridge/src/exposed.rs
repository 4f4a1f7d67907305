//! What of this host and its containers can be reached from where, and which rule lets it in.

use crate::check::Difference;
use core_netlink::IfName;
use firewall::{ForeignChain, Transport};
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// What [`Host::exposed`](crate::Host::exposed) found: read from the kernel, not from the records.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Exposure {
    /// Whether the tables of the firewall are there and whole; if not, nothing is closed.
    pub closed_by_default: bool,
    /// The interfaces of this host by which others come in.
    pub interfaces: Vec<Interface>,
    /// What there is to be reached, and from where.
    pub rows: Vec<Exposed>,
    /// The networks that the firewall knows.
    pub networks: Vec<NetworkExposure>,
    /// Chains of other tables that may stop or lead elsewhere what ours let pass.
    pub foreign: Vec<ForeignChain>,
    /// Where records and kernel differ.
    pub differences: Vec<Difference>,
}

/// An interface by which others come in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Its name.
    pub name: IfName,
    /// Its addresses, link-local ones aside.
    pub addresses: Vec<IpAddr>,
    /// Whether this host forwards what comes in there, by IPv4.
    pub forwards_ipv4: bool,
    /// The same for IPv6.
    pub forwards_ipv6: bool,
}

/// Something that can be reached, or cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exposed {
    /// What it is.
    pub target: Target,
    /// IPv4, or else IPv6.
    pub ipv4: bool,
    /// Only at this address; at each of the host if there is none.
    pub on: Option<IpAddr>,
    /// The first and the last port; `None` where all are meant.
    pub ports: Option<(u16, u16)>,
    /// By which protocol; `None` where all are meant.
    pub transport: Option<Transport>,
    /// From where.
    pub ways: Vec<Way>,
}

/// What is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A port of the host that leads to an attachment.
    Published {
        /// The network of the attachment.
        network: String,
        /// Its id.
        id: String,
        /// The interface inside.
        interface: String,
        /// Where the first port leads to.
        to: SocketAddr,
        /// Whether the records have it too.
        recorded: bool,
    },
    /// A process of the host that listens.
    Service {
        /// Its name and number, where they can be told.
        process: Option<(String, u32)>,
        /// Whose its socket is.
        uid: u32,
    },
    /// The containers of a network at their own addresses.
    Containers {
        /// The network.
        network: String,
        /// Their addresses.
        subnet: IpNet,
    },
    /// Whatever is behind an interface, with this host as the router.
    Beyond {
        /// The interface.
        interface: IfName,
    },
}

/// From where, whether, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Way {
    /// Where the connection comes from.
    pub from: Origin,
    /// The address that was asked about.
    pub at: Option<IpAddr>,
    /// Whether it gets there.
    pub access: Access,
    /// The rule or setting that decides.
    pub by: String,
}

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A process of this host.
    Host,
    /// Others, by an interface of this host.
    Interface(IfName),
    /// Containers of a network.
    Network(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Host => f.write_str("host"),
            Origin::Interface(name) => name.fmt(f),
            Origin::Network(name) => write!(f, "network {name}"),
        }
    }
}

/// Whether a connection gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Yes.
    Open,
    /// Where the lists of the network say so.
    Partly,
    /// Vetch lets it pass; another firewall drops what its own rules do not.
    Perhaps,
    /// No.
    Closed,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Access::Open => "open",
            Access::Partly => "partly",
            Access::Perhaps => "perhaps",
            Access::Closed => "closed",
        })
    }
}

/// A network as the firewall knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkExposure {
    /// Its name.
    pub name: String,
    /// Its bridge.
    pub bridge: IfName,
    /// Its subnets.
    pub subnets: Vec<IpNet>,
    /// Whether the firewall has it; if not, nothing of it is closed.
    pub enforced: bool,
    /// Whether the records have it too.
    pub recorded: bool,
    /// Without a way out.
    pub internal: bool,
    /// Its containers go out with the host's address; IPv4, then IPv6.
    pub masquerade: [bool; 2],
    /// Its containers do not reach each other.
    pub isolated: bool,
    /// There are lists of destinations that are open or closed to it.
    pub listed: bool,
    /// All services of the host are open to it.
    pub host_services: bool,
    /// Single services of the host that are: `udp:53`.
    pub services: Vec<String>,
    /// Networks that it reaches.
    pub reaches: Vec<String>,
    /// Attachments that may send what they like.
    pub unguarded: Vec<String>,
    /// Attachments that may ask for an address by DHCP.
    pub dhcp: Vec<String>,
    /// Attachments that may answer as DHCP or DHCPv6 servers.
    pub dhcp_servers: Vec<String>,
    /// Attachments that may send router advertisements.
    pub routers: Vec<String>,
}

impl NetworkExposure {
    /// Whether it has a subnet of this family.
    pub(crate) fn has(&self, ipv4: bool) -> bool {
        self.subnets.iter().any(|net| net.addr().is_ipv4() == ipv4)
    }
}
