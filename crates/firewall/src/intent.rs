//! What people want of the firewall, without a word of nft.

use crate::{Destination, Error, Owner, Region, Result};
use core_netlink::{IfName, MacAddr, Prefix, VlanId};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A container network: a bridge and what its containers may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name, part of every comment.
    pub name: String,
    /// The bridge its containers are ports of.
    pub bridge: IfName,
    /// Others use the bridge too, which they made: only what comes from and goes to its subnets is our business.
    pub shared: bool,
    /// There is no bridge: a link of its own leads to each container, which reach each other through this host.
    pub routed: bool,
    /// The addresses of its containers.
    pub subnets: Vec<Prefix>,
    /// The host's own addresses on the bridge.
    pub gateways: Vec<IpAddr>,
    /// No way out and none in.
    pub internal: bool,
    /// Containers go out with the host's address. Without meaning for internal networks.
    pub masquerade: bool,
    /// Others reach containers by their own addresses. Without meaning for internal networks.
    pub reachable: bool,
    /// Containers may use every service of the host.
    pub host_services: bool,
    /// Single services of the host that containers may use.
    pub services: Vec<Service>,
    /// Containers do not reach each other: neither directly nor by published ports.
    pub isolate_ports: bool,
    /// The only destinations outside the network that containers may open connections to; empty: all. Holds for `host_services` too,
    /// not for `services`.
    pub allow: Vec<Destination>,
    /// Destinations outside the network that containers may not open connections to, whatever else says so; this host's included.
    pub deny: Vec<Destination>,
    /// Bridges of networks whose containers may be connected to.
    pub reaches: Vec<IfName>,
    /// Bridges of networks whose containers may connect here.
    pub reached_by: Vec<IfName>,
}

impl Network {
    /// A network without subnets that masquerades and keeps the host's services closed.
    pub fn new(name: impl Into<String>, bridge: IfName) -> Network {
        Network {
            name: name.into(),
            bridge,
            shared: false,
            routed: false,
            subnets: Vec::new(),
            gateways: Vec::new(),
            internal: false,
            masquerade: true,
            reachable: false,
            host_services: false,
            services: Vec::new(),
            isolate_ports: false,
            allow: Vec::new(),
            deny: Vec::new(),
            reaches: Vec::new(),
            reached_by: Vec::new(),
        }
    }
}

/// One interface of a container and what it may put on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Whose elements these are.
    pub owner: Owner,
    /// The host end, a port of the network's bridge; its name begins with `vtp`.
    pub port: IfName,
    /// The container end's Ethernet address.
    pub mac: MacAddr,
    /// Its addresses. With an IPv6 address comes the link-local one that follows from the MAC (EUI-64).
    pub addresses: Vec<IpAddr>,
    /// It may ask for an address by DHCP.
    pub dhcp: bool,
    /// It may answer as a DHCP or DHCPv6 server, from its own addresses.
    pub dhcp_server: bool,
    /// It may send router advertisements, from its own addresses.
    pub router: bool,
    /// It may send what it likes.
    pub unguarded: bool,
    /// It may send what it likes, but only from its own MAC address.
    pub mac_only: bool,
    /// It may send frames with these VLANs' tags, whatever is in them, but only from its own MAC address: from first to last. Those of the
    /// VLAN that its frames without a tag belong to are not among them: they would pass by the guard of its addresses.
    pub tagged: Vec<(VlanId, VlanId)>,
    /// The host end is no port of a bridge, and this holds for it.
    pub routed: Option<Routed>,
    /// Its interface is somebody else's, and in these subnets: nothing holds for it but what is said of its published ports.
    pub foreign: Option<Vec<Prefix>>,
}

/// What a container behind a link of its own may do; with a bridge, the network says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routed {
    /// It goes out with the host's address.
    pub masquerade: bool,
    /// Others reach it by its own addresses.
    pub reachable: bool,
    /// It may use every service of the host.
    pub host_services: bool,
}

impl Attachment {
    /// A guarded attachment without addresses.
    pub fn new(owner: Owner, port: IfName, mac: MacAddr) -> Attachment {
        Attachment {
            owner,
            port,
            mac,
            addresses: Vec::new(),
            dhcp: false,
            dhcp_server: false,
            router: false,
            unguarded: false,
            mac_only: false,
            tagged: Vec::new(),
            routed: None,
            foreign: None,
        }
    }
}

/// Ports of the host that lead to a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Publish {
    /// Only on this address of the host; without one on all of the family of `to`.
    pub on: Option<IpAddr>,
    /// The ports of the host.
    pub ports: Ports,
    /// TCP, UDP or SCTP.
    pub transport: Transport,
    /// The container's address and the port that the first port of the host leads to.
    pub to: SocketAddr,
    /// Only these connections; unless there are none of the family of `to`: then all.
    pub only: Vec<Region>,
}

impl Publish {
    /// Whether both ask for the same port of the same address of the host.
    ///
    /// The kernel sees only equal elements; that a port on all addresses, the same port on one address, and a range that holds it
    /// exclude each other is said here.
    pub fn conflicts_with(&self, other: &Publish) -> bool {
        let same_kind =
            self.transport == other.transport && self.to.is_ipv4() == other.to.is_ipv4();
        let same_ports =
            self.ports.first <= other.ports.last && other.ports.first <= self.ports.last;
        let any = |on: Option<IpAddr>| on.is_none_or(|ip| ip.is_unspecified());
        same_kind && same_ports && (any(self.on) || any(other.on) || self.on == other.on)
    }
}

/// As people write it: `127.0.0.1:8080-8081:10.0.0.2:80/tcp`.
impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.on {
            Some(IpAddr::V6(v6)) => write!(f, "[{v6}]:")?,
            Some(v4) => write!(f, "{v4}:")?,
            None => {}
        }
        write!(f, "{}:{}/{}", self.ports, self.to, self.transport)
    }
}

/// Ports from the first to the last, both from 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports {
    first: u16,
    last: u16,
}

impl Ports {
    /// From `first` to `last`, both included; neither is 0.
    pub fn new(first: u16, last: u16) -> Result<Ports> {
        if first == 0 || last < first {
            let value = format!("{first}-{last}");
            return Err(Error::refused(
                "port",
                value,
                "1 to 65535, the first not above the last",
            ));
        }
        Ok(Ports { first, last })
    }

    /// A single port.
    pub fn one(port: u16) -> Result<Ports> {
        Ports::new(port, port)
    }

    /// The first.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last.
    pub fn last(self) -> u16 {
        self.last
    }

    /// How many, at least one.
    pub fn count(self) -> u32 {
        u32::from(self.last - self.first) + 1
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => self.first.fmt(f),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl FromStr for Ports {
    type Err = Error;

    fn from_str(s: &str) -> Result<Ports> {
        let right = "a port from 1 to 65535, or two as in 8000-8010";
        let number = |word: &str| {
            let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
            let port = digits.then(|| word.parse().ok()).flatten();
            port.ok_or_else(|| Error::refused("port", s, right))
        };
        let (first, last) = s.split_once('-').unwrap_or((s, s));
        Ports::new(number(first)?, number(last)?)
    }
}

/// A transport protocol with ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Transport {
    /// Its IP protocol number.
    pub fn number(self) -> u8 {
        match self {
            Transport::Tcp => 6,
            Transport::Udp => 17,
            Transport::Sctp => 132,
        }
    }

    /// The one with this IP protocol number.
    pub fn from_number(number: u8) -> Option<Transport> {
        let all = [Transport::Tcp, Transport::Udp, Transport::Sctp];
        all.into_iter()
            .find(|transport| transport.number() == number)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Sctp => "sctp",
        })
    }
}

impl FromStr for Transport {
    type Err = Error;

    fn from_str(s: &str) -> Result<Transport> {
        match s {
            "tcp" => Ok(Transport::Tcp),
            "udp" => Ok(Transport::Udp),
            "sctp" => Ok(Transport::Sctp),
            other => Err(Error::refused("protocol", other, "tcp, udp or sctp")),
        }
    }
}

/// A service of the host, as in `tcp:53`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service {
    /// TCP, UDP or SCTP.
    pub transport: Transport,
    /// Its ports.
    pub ports: Ports,
}

impl FromStr for Service {
    type Err = Error;

    fn from_str(s: &str) -> Result<Service> {
        let right = "a protocol and a port, as in tcp:53";
        let words = s.split_once(':');
        let (transport, ports) = words.ok_or_else(|| Error::refused("host service", s, right))?;
        Ok(Service {
            transport: transport.parse()?,
            ports: ports.parse()?,
        })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport, self.ports)
    }
}
