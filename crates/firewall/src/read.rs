//! Elements read back into what they were compiled from.

use crate::{AddressRange, Element, Ports, Publish, Region, Set, Transport};
use core_netlink::nft::Value;
use core_netlink::{IfName, MacAddr};
use ipnet::IpNet;
use std::net::IpAddr;

/// Who may send from a port of a bridge: one row of the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Station {
    /// The port.
    pub port: IfName,
    /// The Ethernet address.
    pub mac: MacAddr,
    /// The address.
    pub address: IpAddr,
}

impl Element {
    /// The prefix that this element's interval of addresses is, with the bridge before it; `None` for elements of other sets.
    pub fn prefix(&self) -> Option<(IfName, IpNet)> {
        let ([Value::Name(bridge), Value::Ip(low)], Some([_, Value::Ip(high)])) =
            (self.key.as_slice(), self.end.as_deref())
        else {
            return None;
        };
        let lengths = 0..=if low.is_ipv4() { 32 } else { 128 };
        let mut all = lengths.filter_map(|length| IpNet::new(*low, length).ok());
        let whole = all.find(|net| net.network() == *low && net.broadcast() == *high);
        whole.map(|net| (*bridge, net))
    }

    /// The row of the guard that this element is; `None` for elements of other sets.
    pub fn station(&self) -> Option<Station> {
        if !matches!(self.set, Set::Src4 | Set::Src6) {
            return None;
        }
        let [Value::Name(port), Value::Mac(mac), Value::Ip(address)] = *self.key.as_slice() else {
            return None;
        };
        Some(Station { port, mac, address })
    }

    /// The published port, or range of ports, that this element is; `None` for elements of other sets. What was published as a short
    /// range comes back port by port.
    pub fn published(&self) -> Option<Publish> {
        if matches!(self.set, Set::When4 | Set::When6) {
            return self.limited();
        }
        let (on, rest) = match self.set {
            Set::Any4 | Set::Any6 => (None, self.key.as_slice()),
            Set::Addr4 | Set::Addr6 => (Some(ip(self.key.first()?)?), &self.key[1..]),
            Set::Range4 | Set::Range6 => (self.range_address()?, &self.key[1..]),
            _ => return None,
        };
        let [Value::Protocol(protocol), Value::Port(first)] = *rest else {
            return None;
        };
        let last = match self.end.as_ref().and_then(|end| end.last()) {
            Some(Value::Port(last)) => *last,
            _ => first,
        };
        let target = match self.value.get(1) {
            Some(Value::Port(target)) => *target,
            _ => first, // a long range keeps its numbers
        };
        Some(Publish {
            on,
            ports: Ports::new(first, last).ok()?,
            transport: Transport::from_number(protocol)?,
            to: (ip(self.value.first()?)?, target).into(),
            only: Vec::new(),
        })
    }

    fn limited(&self) -> Option<Publish> {
        let at = |of: &[Value], at: usize| ip(of.get(at)?);
        let end = self.end.as_ref()?;
        let range = |field| {
            let (first, last) = (at(&self.key, field)?, at(end, field)?);
            AddressRange::new(first, last).ok()
        };
        let (to, from) = (range(0)?, range(1)?);
        let [_, _, Value::Protocol(protocol), Value::Port(port)] = *self.key.as_slice() else {
            return None;
        };
        let [Value::Ip(target), Value::Port(target_port)] = *self.value.as_slice() else {
            return None;
        };
        Some(Publish {
            on: to.single(),
            ports: Ports::one(port).ok()?,
            transport: Transport::from_number(protocol)?,
            to: (target, target_port).into(),
            only: vec![Region { to, from }],
        })
    }

    /// The one address of a long range, or none if it spans all of them.
    fn range_address(&self) -> Option<Option<IpAddr>> {
        let low = ip(self.key.first()?)?;
        let high = ip(self.end.as_ref()?.first()?)?;
        Some((low == high).then_some(low))
    }
}

fn ip(value: &Value) -> Option<IpAddr> {
    match value {
        Value::Ip(ip) => Some(*ip),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attachment, Owner, attachment, publish};

    #[test]
    fn what_was_published_is_read_back() {
        let owner = Owner::attachment("blue", "cli:web", "eth0");
        let to: IpAddr = "10.0.0.2".parse().unwrap();
        let v6: IpAddr = "fd00::2".parse().unwrap();
        let cases = [
            (None, Ports::one(8080).unwrap(), (to, 80)),
            (Some("192.0.2.1"), Ports::one(53).unwrap(), (to, 53)),
            (None, Ports::new(5000, 6000).unwrap(), (to, 5000)),
            (
                Some("2001:db8::1"),
                Ports::new(5000, 6000).unwrap(),
                (v6, 5000),
            ),
            (None, Ports::one(443).unwrap(), (v6, 8443)),
        ];
        for (on, ports, to) in cases {
            let asked = Publish {
                on: on.map(|on| on.parse().unwrap()),
                ports,
                transport: Transport::Udp,
                to: to.into(),
                only: Vec::new(),
            };
            let change = publish(&owner, &asked).unwrap();
            assert_eq!(change.steps()[0].element().published(), Some(asked));
        }
    }

    #[test]
    fn the_subnets_of_a_network_are_read_back() {
        let bridge = "vbr0".parse().unwrap();
        let subnets = ["10.0.0.0/24", "fd00::/64"].map(|net| net.parse::<IpNet>().unwrap());
        let network = crate::Network {
            subnets: subnets.to_vec(),
            ..crate::Network::new("blue", bridge)
        };
        let change = crate::network(&network).unwrap();
        let all = change.steps().iter().map(|step| step.element());
        let found: Vec<_> = all.filter_map(Element::prefix).collect();
        assert_eq!(found, subnets.map(|net| (bridge, net)));
    }

    #[test]
    fn a_row_of_the_guard_is_read_back() {
        let owner = Owner::attachment("blue", "cli:web", "eth0");
        let (port, mac) = ("vtpa".parse().unwrap(), MacAddr([2, 0, 0, 0, 0, 1]));
        let of = Attachment {
            addresses: vec!["10.0.0.2".parse().unwrap()],
            ..Attachment::new(owner, port, mac)
        };
        let change = attachment(&of).unwrap();
        let found = change.steps()[0].element();
        let station = Station {
            port,
            mac,
            address: of.addresses[0],
        };
        assert_eq!((found.station(), found.published()), (Some(station), None));
    }
}
