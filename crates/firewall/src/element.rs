//! The sets and maps of the two tables, and an element of one of them.

use crate::Owner;
use core_netlink::nft::{DataType, Family, Value};
use std::fmt;
use std::net::IpAddr;

/// A set or map of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Set {
    /// Port, MAC and IPv4 address that belong together.
    Src4,
    /// Port, MAC and IPv6 address that belong together.
    Src6,
    /// The same for the address inside neighbour discovery.
    Nd6,
    /// Port and the link-layer address it may name inside neighbour discovery.
    Lladdr,
    /// Ports that may ask for an address by DHCP.
    Dhcp,
    /// Ports that may answer as a DHCP or DHCPv6 server.
    DhcpServer,
    /// Ports that may advertise a router.
    Router,
    /// Ports without a guard.
    Open,
    /// Port and the MAC address it may send from, whatever else it sends.
    Mac,
    /// Port, MAC address and the VLANs whose tag its frames may have.
    Tagged,
    /// Links that lead to one container each, without a bridge.
    Routed,
    /// Such a link and an IPv4 address behind it.
    Own4,
    /// Such a link and an IPv6 address behind it.
    Own6,
    /// An IPv4 subnet and itself: who is behind such links reaches the others of it.
    Same4,
    /// An IPv6 subnet and itself.
    Same6,
    /// Our bridges, and links without one.
    Nets,
    /// Bridges without a way out.
    Internal,
    /// Bridges whose containers others reach by their own addresses.
    Reachable,
    /// A bridge and itself: its containers reach each other.
    Pairs,
    /// The same for bridges whose containers do not.
    Apart,
    /// From which network's bridge to which other one packets may pass.
    Reach,
    /// Bridges whose containers may not open connections to everywhere.
    Listed,
    /// Bridge and IPv4 prefix that is closed to it.
    Deny4,
    /// Bridge and IPv6 prefix that is closed to it.
    Deny6,
    /// Bridge, IPv4 prefix, transport and ports that are closed to it.
    DenyPort4,
    /// Bridge, IPv6 prefix, transport and ports that are closed to it.
    DenyPort6,
    /// Bridge and IPv4 prefix that is open to it.
    Allow4,
    /// Bridge and IPv6 prefix that is open to it.
    Allow6,
    /// Bridge, IPv4 prefix, transport and ports that are open to it.
    AllowPort4,
    /// Bridge, IPv6 prefix, transport and ports that are open to it.
    AllowPort6,
    /// Bridges whose containers go out with the host's address.
    Masq,
    /// Bridge that is not ours and IPv4 subnet whose containers go out with the host's address.
    MasqFrom4,
    /// Bridge that is not ours and IPv6 subnet whose containers go out with the host's address.
    MasqFrom6,
    /// IPv4 addresses of the host on our bridges.
    Gate4,
    /// IPv6 addresses of the host on our bridges.
    Gate6,
    /// Bridge and IPv4 subnet, for connections that turn back.
    Local4,
    /// Bridge and IPv6 subnet, for connections that turn back.
    Local6,
    /// Bridges whose containers may use every service of the host.
    Host,
    /// Single services of the host opened to a bridge.
    Service,
    /// Interfaces on which we switched forwarding on.
    Opened,
    /// Families for which we switched forwarding on everywhere.
    Closed,
    /// Ports published on every IPv4 address.
    Any4,
    /// Ports published on every IPv6 address.
    Any6,
    /// Ports published on one IPv4 address.
    Addr4,
    /// Ports published on one IPv6 address.
    Addr6,
    /// Long ranges of ports published, IPv4.
    Range4,
    /// Long ranges of ports published, IPv6.
    Range6,
    /// Ports published for certain destinations and sources alone, IPv4.
    When4,
    /// Ports published for certain destinations and sources alone, IPv6.
    When6,
    /// IPv4 addresses that see the host's address as the source of whatever comes to their published ports.
    Hide4,
    /// IPv6 addresses that see the host's address as the source of whatever comes to their published ports.
    Hide6,
    /// IPv4 addresses that see who connects to their published ports, neighbours too.
    Keep4,
    /// IPv6 addresses that see who connects to their published ports, neighbours too.
    Keep6,
    /// IPv4 subnet and an address in it whose interface is of others, for connections that turn back.
    Turn4,
    /// IPv6 subnet and an address in it whose interface is of others, for connections that turn back.
    Turn6,
}

impl Set {
    /// Every one, in the order of the tables.
    pub const ALL: [Set; 55] = {
        use Set::*;
        [
            Src4, Src6, Nd6, Lladdr, Dhcp, DhcpServer, Router, Open, Mac, Tagged, Routed, Own4,
            Own6, Same4, Same6, Nets, Internal, Reachable, Pairs, Apart, Reach, Listed, Deny4,
            Deny6, DenyPort4, DenyPort6, Allow4, Allow6, AllowPort4, AllowPort6, Masq, MasqFrom4,
            MasqFrom6, Gate4, Gate6, Local4, Local6, Host, Service, Opened, Closed, Any4, Any6,
            Addr4, Addr6, Range4, Range6, When4, When6, Hide4, Hide6, Keep4, Keep6, Turn4, Turn6,
        ]
    };

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Set::Src4 => "src4",
            Set::Src6 => "src6",
            Set::Nd6 => "nd6",
            Set::Lladdr => "lladdr",
            Set::Dhcp => "dhcp",
            Set::DhcpServer => "dhcpserver",
            Set::Router => "router",
            Set::Open => "open",
            Set::Mac => "mac",
            Set::Tagged => "tagged",
            Set::Routed => "routed",
            Set::Own4 => "own4",
            Set::Own6 => "own6",
            Set::Same4 => "same4",
            Set::Same6 => "same6",
            Set::Nets => "nets",
            Set::Internal => "internal",
            Set::Reachable => "reachable",
            Set::Pairs => "pairs",
            Set::Apart => "apart",
            Set::Reach => "reach",
            Set::Listed => "listed",
            Set::Deny4 => "deny4",
            Set::Deny6 => "deny6",
            Set::DenyPort4 => "denyport4",
            Set::DenyPort6 => "denyport6",
            Set::Allow4 => "allow4",
            Set::Allow6 => "allow6",
            Set::AllowPort4 => "allowport4",
            Set::AllowPort6 => "allowport6",
            Set::Masq => "masq",
            Set::MasqFrom4 => "masqfrom4",
            Set::MasqFrom6 => "masqfrom6",
            Set::Gate4 => "gate4",
            Set::Gate6 => "gate6",
            Set::Local4 => "local4",
            Set::Local6 => "local6",
            Set::Host => "host",
            Set::Service => "service",
            Set::Opened => "opened",
            Set::Closed => "closed",
            Set::Any4 => "any4",
            Set::Any6 => "any6",
            Set::Addr4 => "addr4",
            Set::Addr6 => "addr6",
            Set::Range4 => "range4",
            Set::Range6 => "range6",
            Set::When4 => "when4",
            Set::When6 => "when6",
            Set::Hide4 => "hide4",
            Set::Hide6 => "hide6",
            Set::Keep4 => "keep4",
            Set::Keep6 => "keep6",
            Set::Turn4 => "turn4",
            Set::Turn6 => "turn6",
        }
    }

    /// The family of its table, which is called `vetch`.
    pub fn family(self) -> Family {
        match self {
            Set::Src4 | Set::Src6 | Set::Nd6 | Set::Lladdr => Family::Bridge,
            Set::Dhcp | Set::DhcpServer | Set::Router | Set::Open => Family::Bridge,
            Set::Mac | Set::Tagged => Family::Bridge,
            _ => Family::Inet,
        }
    }

    pub(crate) fn key(self) -> &'static [DataType] {
        use DataType::*;
        match self {
            Set::Src4 => &[IfName, EtherAddr, Ipv4Addr],
            Set::Src6 => &[IfName, EtherAddr, Ipv6Addr],
            Set::Nd6 => &[IfName, EtherAddr, Integer(16)],
            Set::Lladdr => &[IfName, Integer(6)],
            Set::Dhcp | Set::DhcpServer | Set::Router | Set::Open => &[IfName],
            Set::Mac => &[IfName, EtherAddr],
            Set::Tagged => &[IfName, EtherAddr, Integer(2)],
            Set::Nets | Set::Internal | Set::Host | Set::Listed => &[IfName],
            Set::Reachable | Set::Routed => &[IfName],
            Set::Own4 => &[IfName, Ipv4Addr],
            Set::Own6 => &[IfName, Ipv6Addr],
            Set::Same4 | Set::Turn4 => &[Ipv4Addr, Ipv4Addr],
            Set::Same6 | Set::Turn6 => &[Ipv6Addr, Ipv6Addr],
            Set::Pairs | Set::Apart | Set::Reach => &[IfName, IfName],
            Set::Masq | Set::Opened => &[IfName, NfProto],
            Set::MasqFrom4 => &[IfName, Ipv4Addr],
            Set::MasqFrom6 => &[IfName, Ipv6Addr],
            Set::Gate4 | Set::Hide4 | Set::Keep4 => &[Ipv4Addr],
            Set::Gate6 | Set::Hide6 | Set::Keep6 => &[Ipv6Addr],
            Set::Local4 | Set::Deny4 | Set::Allow4 => &[IfName, Ipv4Addr],
            Set::Local6 | Set::Deny6 | Set::Allow6 => &[IfName, Ipv6Addr],
            Set::DenyPort4 | Set::AllowPort4 => &[IfName, Ipv4Addr, InetProto, InetService],
            Set::DenyPort6 | Set::AllowPort6 => &[IfName, Ipv6Addr, InetProto, InetService],
            Set::Service => &[IfName, InetProto, InetService],
            Set::Closed => &[NfProto],
            Set::Any4 | Set::Any6 => &[InetProto, InetService],
            Set::Addr4 | Set::Range4 => &[Ipv4Addr, InetProto, InetService],
            Set::Addr6 | Set::Range6 => &[Ipv6Addr, InetProto, InetService],
            Set::When4 => &[Ipv4Addr, Ipv4Addr, InetProto, InetService],
            Set::When6 => &[Ipv6Addr, Ipv6Addr, InetProto, InetService],
        }
    }

    /// What the keys of a map stand for; empty for a set.
    pub(crate) fn value(self) -> &'static [DataType] {
        use DataType::*;
        match self {
            Set::Any4 | Set::Addr4 | Set::When4 => &[Ipv4Addr, InetService],
            Set::Any6 | Set::Addr6 | Set::When6 => &[Ipv6Addr, InetService],
            Set::Range4 => &[Ipv4Addr],
            Set::Range6 => &[Ipv6Addr],
            _ => &[],
        }
    }

    pub(crate) fn is_interval(self) -> bool {
        use Set::*;
        matches!(
            self,
            Same4
                | Same6
                | MasqFrom4
                | MasqFrom6
                | Local4
                | Local6
                | Range4
                | Range6
                | Deny4
                | Deny6
                | Allow4
                | Allow6
        ) || matches!(self, DenyPort4 | DenyPort6 | AllowPort4 | AllowPort6)
            || matches!(self, When4 | When6 | Turn4 | Turn6 | Tagged)
    }
}

/// An element of a set or map, with its owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Element {
    /// Where it is.
    pub set: Set,
    /// Its key; the lower end where it is an interval.
    pub key: Vec<Value>,
    /// The upper end of an interval.
    pub end: Option<Vec<Value>>,
    /// What the key stands for, in a map.
    pub value: Vec<Value>,
    /// Whose it is, from its comment.
    pub owner: Owner,
}

impl Element {
    pub(crate) fn new(set: Set, owner: &Owner, key: impl Into<Vec<Value>>) -> Element {
        Element {
            set,
            key: key.into(),
            end: None,
            value: Vec::new(),
            owner: owner.clone(),
        }
    }

    /// Key and value as nft writes them, without comment: `tcp . 80 : 10.0.0.2 . 8080`.
    pub fn text(&self) -> String {
        let key = match &self.end {
            None => join(self.key.iter().map(Value::to_string)),
            Some(end) => join(self.key.iter().zip(end).map(interval)),
        };
        match self.value.is_empty() {
            true => key,
            false => format!("{key} : {}", join(self.value.iter().map(Value::to_string))),
        }
    }
}

/// The element as nft would be told of it: `inet vetch any4 { tcp . 80 : 10.0.0.2 . 8080 }`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Element { set, .. } = self;
        write!(
            f,
            "{} vetch {} {{ {} }}",
            set.family(),
            set.name(),
            self.text()
        )
    }
}

fn join(fields: impl Iterator<Item = String>) -> String {
    fields.collect::<Vec<_>>().join(" . ")
}

fn interval((low, high): (&Value, &Value)) -> String {
    match (low, high) {
        _ if low == high => low.to_string(),
        (Value::Ip(first), Value::Ip(last)) => prefix_text(*first, *last),
        _ => format!("{low}-{high}"),
    }
}

fn prefix_text(first: IpAddr, last: IpAddr) -> String {
    let (bits, width) = match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(u32::from(a) ^ u32::from(b)), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a) ^ u128::from(b), 128),
        _ => return format!("{first}-{last}"),
    };
    let host = u128::BITS - bits.leading_zeros();
    let whole = ipnet::IpNet::new(first, (width - host) as u8);
    match whole {
        Ok(net) if net.network() == first && net.broadcast() == last => net.to_string(),
        _ => format!("{first}-{last}"),
    }
}
