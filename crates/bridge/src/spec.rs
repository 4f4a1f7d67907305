//! What is asked for and what is found: networks and attachments.

use crate::assigned::Assigned;
use crate::name::{AttachmentId, Key, NetworkName};
use crate::policy::{Joined, Policy};
use crate::port::PortSpec;
use crate::translation::Translation;
use crate::vlans::{self, Before, Vlans};
use core_netlink::{IfName, MacAddr};
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::SystemTime;

/// A network as asked for.
///
/// ```
/// use bridge::NetworkSpec;
/// let spec = NetworkSpec { subnets: vec!["10.7.0.0/24".parse()?], ..NetworkSpec::new("blue".parse()?) };
/// assert!(!spec.internal);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name.
    pub name: NetworkName,
    /// At most one of each family; a free IPv4 one is chosen if there is none. With `external_ipam` any number, or none.
    pub subnets: Vec<IpNet>,
    /// Choose a unique local IPv6 /64 (RFC 4193) if none is given.
    pub ipv6: bool,
    /// The bridge's addresses, each inside one of the subnets; the lowest of a subnet unless given.
    pub gateways: Vec<IpAddr>,
    /// Without a way out: no masquerade, no default route, nothing published beyond this host.
    pub internal: bool,
    /// Bytes, 1280 (with IPv6; else 68) to 65535; that of the default route's link unless given.
    pub mtu: Option<u32>,
    /// Queues of each veth end; one unless given.
    pub queues: Option<u32>,
    /// Whether TCP may hand over up to 192 KiB at a time (BIG TCP, Linux 6.3).
    pub big_tcp: bool,
    /// Whether containers may use every service of the host that listens on the bridge.
    pub host_services: bool,
    /// Addresses and routes come from who attaches, as CNI's plugins have it.
    pub external_ipam: bool,
    /// Without a bridge: each container has a link of its own to this host, which routes between them. Only with `external_ipam`.
    pub routed: bool,
    /// The bridge hands every packet up to the host, whoever it is for.
    pub promiscuous: bool,
    /// The bridge's name; derived from the network's unless given.
    pub bridge: Option<IfName>,
    /// The bridge tells VLANs apart. Only with `external_ipam`; several such networks may be on one bridge.
    pub vlans: Option<Vlans>,
    /// What its containers may do, where it differs from the usual.
    pub policy: Policy,
    /// Networks whose containers can be connected to from here. They must be there, and not internal.
    pub reaches: Vec<NetworkName>,
    /// Networks whose containers can connect here.
    pub reached_by: Vec<NetworkName>,
}

impl NetworkSpec {
    /// A network of this name with everything else as usual.
    pub fn new(name: NetworkName) -> NetworkSpec {
        NetworkSpec {
            name,
            subnets: Vec::new(),
            ipv6: false,
            gateways: Vec::new(),
            internal: false,
            mtu: None,
            queues: None,
            big_tcp: false,
            host_services: false,
            external_ipam: false,
            routed: false,
            promiscuous: false,
            bridge: None,
            vlans: None,
            policy: Policy::default(),
            reaches: Vec::new(),
            reached_by: Vec::new(),
        }
    }
}

/// A subnet of a network and the bridge's address in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Without host bits.
    pub prefix: IpNet,
    /// The bridge's address.
    pub gateway: IpAddr,
}

/// A network as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Network {
    /// Its name.
    pub name: NetworkName,
    /// The bridge's name.
    pub bridge: IfName,
    /// The bridge's MAC address.
    pub mac: MacAddr,
    /// Its subnets, IPv4 first.
    pub subnets: Vec<Subnet>,
    /// Without a way out.
    pub internal: bool,
    /// Bytes.
    pub mtu: u32,
    /// Queues of each veth end.
    pub queues: u32,
    /// Whether TCP may hand over up to 192 KiB at a time.
    pub big_tcp: bool,
    /// Whether containers may use the host's services.
    pub host_services: bool,
    /// Addresses and routes come from who attaches.
    pub external_ipam: bool,
    /// There is no bridge; its name is not used.
    pub routed: bool,
    /// The bridge hands every packet up to the host.
    pub promiscuous: bool,
    /// The bridge tells VLANs apart. It belongs to all networks on it together then.
    pub vlans: Option<Vlans>,
    /// What such a bridge was like, where it was there.
    pub before: Option<Before>,
    /// Where somebody else made the link with the gateways: it is used as it is, and stays when the network goes.
    pub shared: Option<Shared>,
    /// What its containers may do, where it differs from the usual.
    pub policy: Policy,
    /// Networks whose containers can be connected to from here.
    pub reaches: Vec<Joined>,
    /// Networks whose containers can connect here.
    pub reached_by: Vec<Joined>,
    /// When it was made.
    pub since: SystemTime,
}

/// What a bridge of others was like before the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// Those of the gateways' addresses that it had.
    pub gateways: Vec<IpAddr>,
    /// It forwarded IPv4.
    pub ipv4: bool,
    /// It forwarded IPv6.
    pub ipv6: bool,
    /// It handed every packet up.
    pub promiscuous: bool,
}

/// How both ends of its pairs are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) queues: u32,
    pub(crate) big_tcp: bool,
}

/// The largest packet of BIG TCP in bytes: more gains nothing (the kernel's limit is 512 KiB, `GSO_MAX_SIZE`).
pub(crate) const BIG_TCP: u32 = 192 * 1024;

impl Network {
    /// The link that has the gateways' addresses: the bridge, or that of their VLAN.
    pub fn gateway_link(&self) -> IfName {
        vlans::gateway_link(self.bridge, self.vlans)
    }

    /// Whether that link is its own.
    pub(crate) fn owns_gateway_link(&self) -> bool {
        self.shared.is_none() && !self.routed
    }

    /// Whether its links are somebody else's, and all that is here of it are published ports.
    pub fn is_foreign(&self) -> bool {
        self.routed && self.subnets.is_empty()
    }

    /// Where 127.0.0.1 leads to the published ports of an attachment, if it may.
    pub(crate) fn loopback_link(&self, of: &Attachment) -> Option<IfName> {
        let link = if self.routed {
            of.host_end
        } else {
            self.gateway_link()
        };
        // In a VLAN, br_netfilter would hide from the firewall by which link such packets came.
        let ours = self.shared.is_none() && self.vlans.is_none() && !of.assigned.foreign;
        Some(link).filter(|_| !self.internal && ours)
    }

    pub(crate) fn ends(&self) -> Ends {
        Ends {
            queues: self.queues,
            big_tcp: self.big_tcp,
        }
    }

    /// Whether it has a subnet of IPv4.
    pub fn has_ipv4(&self) -> bool {
        self.subnets
            .iter()
            .any(|subnet| subnet.prefix.addr().is_ipv4())
    }

    /// Whether it has a subnet of IPv6.
    pub fn has_ipv6(&self) -> bool {
        self.subnets
            .iter()
            .any(|subnet| subnet.prefix.addr().is_ipv6())
    }
}

/// An attachment as asked for.
///
/// ```
/// use bridge::{AttachmentId, AttachmentSpec};
/// let id = AttachmentId::new("cli", "web")?;
/// let spec = AttachmentSpec { ports: vec!["8080:80".parse()?], ..AttachmentSpec::new("blue".parse()?, id) };
/// assert_eq!(spec.ifname.to_string(), "eth0");
/// # Ok::<(), bridge::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentSpec {
    /// Which network.
    pub network: NetworkName,
    /// Whose it is.
    pub id: AttachmentId,
    /// The interface inside the namespace; `eth0` unless given.
    pub ifname: IfName,
    /// Addresses wished for, at most one of each subnet; the next free ones otherwise.
    pub addresses: Vec<IpAddr>,
    /// Its addresses with the length of their subnets, where the network leaves them to who attaches; `addresses` is empty then.
    pub prefixes: Vec<IpNet>,
    /// What comes with them.
    pub assigned: Assigned,
    /// Derived from network and first address unless given.
    pub mac: Option<MacAddr>,
    /// Ports of the host that lead here.
    pub ports: Vec<PortSpec>,
    /// Which connections they take, and whom it sees at them.
    pub translation: Translation,
    /// Publish on addresses too that this host does not have yet.
    pub nonlocal: bool,
    /// It may ask for an address by DHCP. What it may then send from stays what it got here: the server must give it that.
    pub dhcp: bool,
    /// It may send what it likes: any MAC and IP address, ARP, neighbour discovery, router advertisements, DHCP answers. For routers,
    /// bridges and virtual machines inside; its neighbours must trust it.
    pub unguarded: bool,
}

impl AttachmentSpec {
    /// An attachment with everything as usual.
    pub fn new(network: NetworkName, id: AttachmentId) -> AttachmentSpec {
        AttachmentSpec {
            network,
            id,
            ifname: IfName::from_kernel(b"eth0"),
            addresses: Vec::new(),
            prefixes: Vec::new(),
            assigned: Assigned::default(),
            mac: None,
            ports: Vec::new(),
            translation: Translation::default(),
            nonlocal: false,
            dhcp: false,
            unguarded: false,
        }
    }

    /// What names it.
    pub fn key(&self) -> Key {
        Key {
            network: self.network.clone(),
            id: self.id.clone(),
            ifname: self.ifname,
        }
    }
}

/// How far an attachment's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// Its addresses are chosen; the rest was being made, and is undone by the next command.
    Claimed,
    /// Traffic flows.
    Up,
    /// Being taken away; finished by the next command.
    Leaving,
    /// Its namespace ended, or its interface was deleted. Whoever needs its address or port takes it over.
    Gone,
    /// Of an earlier life of this host: nothing of it is left but its record.
    Stale,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            State::Claimed => "claimed",
            State::Up => "up",
            State::Leaving => "leaving",
            State::Gone => "gone",
            State::Stale => "stale",
        })
    }
}

/// An attachment as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attachment {
    /// What names it.
    pub key: Key,
    /// The namespace in the words used at attach: a name, a path, `pid:N`.
    pub namespace: String,
    /// The namespace's cookie, unique until reboot.
    pub cookie: u64,
    /// The link on the host.
    pub host_end: IfName,
    /// The MAC address inside.
    pub mac: MacAddr,
    /// Its addresses with the length of their subnets.
    pub addresses: Vec<IpNet>,
    /// The way out, per family.
    pub gateways: Vec<IpAddr>,
    /// What came with its addresses, where who attached chose them.
    pub assigned: Assigned,
    /// Bytes.
    pub mtu: u32,
    /// Ports of the host that lead here.
    pub ports: Vec<PortSpec>,
    /// Which connections they take, and whom it sees at them.
    pub translation: Translation,
    /// It may ask for an address by DHCP.
    pub dhcp: bool,
    /// It may send what it likes.
    pub unguarded: bool,
    /// It does not reach its neighbours: the network isolates ports.
    pub isolated: bool,
    /// It may answer as a DHCP or DHCPv6 server: the network has them.
    pub dhcp_server: bool,
    /// It may send router advertisements: the network has routers.
    pub router: bool,
    /// How far its life has come.
    pub state: State,
    /// When it was made.
    pub since: SystemTime,
}

/// Which attachments of a network are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Who {
    /// This one.
    Id(AttachmentId),
    /// The one with this id; if there is none, those with this name in their id or attached with words that mean the same namespace.
    Words(String),
    /// Those in the namespace with this cookie.
    Cookie(u64),
}
