//! Intent to elements. Pure: what cannot be meant is refused here, before anything is sent.

use crate::translation::{AddressRange, is_limited, limited, published_on, regions, turning};
use crate::{
    Attachment, Change, Element, Error, Network, Owner, Publish, Result, Routed, Set, egress,
};
use core_netlink::nft::{Family, Value};
use core_netlink::{IfName, MacAddr, Prefix, VlanId};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const PORT_PREFIX: &[u8] = b"vtp"; // what the guard looks for
const HASHED: u32 = 64; // longer ranges go into interval maps, whose changes cost more with each element
const SHIFTED: u32 = 1024; // an interval cannot change the numbers of ports: these are elements of their own, too

/// The elements of a network.
pub fn network(network: &Network) -> Result<Change> {
    check_network(network)?;
    let owner = Owner::Network(network.name.clone());
    owner.check()?;
    if network.routed {
        return Ok(Change::add(once(of_routed_network(network, &owner))));
    }
    if network.shared {
        return Ok(Change::add(once(shared(network, &owner))));
    }
    let bridge = || Value::Name(network.bridge);
    let put = |set, key: Vec<Value>| Element::new(set, &owner, key);
    let among = match network.isolate_ports {
        true => Set::Apart,
        false => Set::Pairs,
    };
    let mut elements = vec![
        put(Set::Nets, vec![bridge()]),
        put(among, vec![bridge(), bridge()]),
    ];
    for &gateway in &network.gateways {
        elements.push(put(
            by_family(gateway, Set::Gate4, Set::Gate6),
            vec![Value::Ip(gateway)],
        ));
    }
    elements.extend(
        network
            .subnets
            .iter()
            .map(|subnet| within(network.bridge, subnet, [Set::Local4, Set::Local6], &owner)),
    );
    elements.extend(openings(network, &owner));
    let reach = |from, to| put(Set::Reach, vec![Value::Name(from), Value::Name(to)]);
    elements.extend(network.reaches.iter().map(|to| reach(network.bridge, *to)));
    elements.extend(
        network
            .reached_by
            .iter()
            .map(|from| reach(*from, network.bridge)),
    );
    let Network { allow, deny, .. } = network;
    elements.extend(egress::elements(network.bridge, allow, deny, &owner));
    Ok(Change::add(once(elements)))
}

/// What is open or closed of a network as a whole.
fn openings(network: &Network, owner: &Owner) -> Vec<Element> {
    let bridge = || Value::Name(network.bridge);
    let put = |set, key: Vec<Value>| Element::new(set, owner, key);
    let mut elements = Vec::new();
    if network.masquerade && !network.internal {
        let families = families(&network.subnets).into_iter();
        elements
            .extend(families.map(|family| put(Set::Masq, vec![bridge(), Value::Family(family)])));
    }
    if network.internal {
        elements.push(put(Set::Internal, vec![bridge()]));
    }
    if network.reachable && !network.internal {
        elements.push(put(Set::Reachable, vec![bridge()]));
    }
    if network.host_services {
        elements.push(put(Set::Host, vec![bridge()]));
    }
    for service in &network.services {
        let protocol = Value::Protocol(service.transport.number());
        let ports = service.ports.first()..=service.ports.last();
        let key = |port| vec![bridge(), protocol.clone(), Value::Port(port)];
        elements.extend(ports.map(|port| put(Set::Service, key(port))));
    }
    elements
}

/// What is said twice is meant once: one transaction cannot add an element twice.
fn once(elements: Vec<Element>) -> Vec<Element> {
    let mut kept: Vec<Element> = Vec::with_capacity(elements.len());
    for element in elements {
        if !kept.contains(&element) {
            kept.push(element);
        }
    }
    kept
}

fn check_network(network: &Network) -> Result<()> {
    for subnet in &network.subnets {
        if subnet.trunc() != *subnet {
            let right = format!("host bits are set; the network is {}", subnet.trunc());
            return Err(Error::refused("subnet", subnet, right));
        }
    }
    for gateway in &network.gateways {
        if !network
            .subnets
            .iter()
            .any(|subnet| subnet.contains(gateway))
        {
            return Err(Error::refused(
                "gateway",
                gateway,
                "an address in one of the network's subnets",
            ));
        }
    }
    for destination in network.allow.iter().chain(&network.deny) {
        destination.check()?;
    }
    let mut services = network.services.iter();
    match services.find(|service| service.ports.count() > HASHED) {
        Some(long) => Err(Error::refused("host service", long, "at most 64 ports")),
        None => Ok(()),
    }
}

/// The elements of a network without a bridge; the rest is each attachment's.
fn of_routed_network(network: &Network, owner: &Owner) -> Vec<Element> {
    let gateways = network.gateways.iter();
    let gates = gateways.map(|ip| {
        let set = by_family(*ip, Set::Gate4, Set::Gate6);
        Element::new(set, owner, [Value::Ip(*ip)])
    });
    let subnets = network.subnets.iter().filter(|_| !network.isolate_ports);
    let same = subnets.map(|subnet| {
        let set = by_family(subnet.addr(), Set::Same4, Set::Same6);
        let [first, last] = [subnet.network(), subnet.broadcast()].map(Value::Ip);
        Element {
            end: Some(vec![last.clone(), last]),
            ..Element::new(set, owner, [first.clone(), first])
        }
    });
    gates.chain(same).collect()
}

/// The elements of a network on a bridge that others made.
fn shared(network: &Network, owner: &Owner) -> Vec<Element> {
    let masquerade = network
        .masquerade
        .then_some([Set::MasqFrom4, Set::MasqFrom6]);
    let sets = [Some([Set::Local4, Set::Local6]), masquerade];
    let sets = sets.into_iter().flatten().filter(|_| !network.internal);
    let subnets = |sets: [Set; 2]| {
        let all = network.subnets.iter();
        all.map(move |subnet| within(network.bridge, subnet, sets, owner))
    };
    sets.flat_map(subnets).collect()
}

fn within(bridge: IfName, subnet: &Prefix, [v4, v6]: [Set; 2], owner: &Owner) -> Element {
    let set = by_family(subnet.addr(), v4, v6);
    let key = [Value::Name(bridge), Value::Ip(subnet.network())];
    let end = vec![Value::Name(bridge), Value::Ip(subnet.broadcast())];
    Element {
        end: Some(end),
        ..Element::new(set, owner, key)
    }
}

pub(crate) fn by_family<T>(ip: IpAddr, v4: T, v6: T) -> T {
    if ip.is_ipv4() { v4 } else { v6 }
}

fn families(subnets: &[Prefix]) -> Vec<Family> {
    let v4 = subnets.iter().any(|subnet| subnet.addr().is_ipv4());
    let v6 = subnets.iter().any(|subnet| subnet.addr().is_ipv6());
    let families = [v4.then_some(Family::Ip), v6.then_some(Family::Ip6)];
    families.into_iter().flatten().collect()
}

/// The elements of an attachment, without its published ports.
pub fn attachment(attachment: &Attachment) -> Result<Change> {
    check_attachment(attachment)?;
    let Attachment {
        owner, port, mac, ..
    } = attachment;
    if let Some(subnets) = &attachment.foreign {
        return Ok(Change::add(turning(attachment, subnets)));
    }
    if let Some(routed) = attachment.routed {
        return Ok(Change::add(of_routed(attachment, routed)));
    }
    let key = |address: Value| vec![Value::Name(*port), Value::Mac(*mac), address];
    let mut elements = Vec::new();
    for address in own_addresses(attachment) {
        let set = by_family(address, Set::Src4, Set::Src6);
        elements.push(Element::new(set, owner, key(Value::Ip(address))));
        if let IpAddr::V6(v6) = address {
            let raw = Value::Bytes(v6.octets().to_vec());
            elements.push(Element::new(Set::Nd6, owner, key(raw)));
        }
    }
    if attachment.addresses.iter().any(IpAddr::is_ipv6) {
        let raw = Value::Bytes(mac.0.to_vec());
        elements.push(Element::new(Set::Lladdr, owner, [Value::Name(*port), raw]));
    }
    if attachment.mac_only {
        let own = [Value::Name(*port), Value::Mac(*mac)];
        elements.push(Element::new(Set::Mac, owner, own));
    }
    let vlan = |vlan: VlanId| key(Value::Bytes(vlan.get().to_be_bytes().to_vec()));
    let tagged = attachment.tagged.iter().map(|(first, last)| Element {
        end: Some(vlan(*last)),
        ..Element::new(Set::Tagged, owner, vlan(*first))
    });
    elements.extend(tagged);
    let openings = [
        (attachment.dhcp, Set::Dhcp),
        (attachment.dhcp_server, Set::DhcpServer),
        (attachment.router, Set::Router),
        (attachment.unguarded, Set::Open),
    ];
    let open = openings.into_iter().filter(|(open, _)| *open);
    elements.extend(open.map(|(_, set)| Element::new(set, owner, [Value::Name(*port)])));
    Ok(Change::add(elements))
}

/// The elements of an attachment behind a link of its own: what the guard has of others, and what their bridge has.
fn of_routed(attachment: &Attachment, may: Routed) -> Vec<Element> {
    let Attachment { owner, port, .. } = attachment;
    let name = || Value::Name(*port);
    let put = |set, key: Vec<Value>| Element::new(set, owner, key);
    let mut elements = vec![put(Set::Routed, vec![name()]), put(Set::Nets, vec![name()])];
    for address in own_addresses(attachment) {
        let set = by_family(address, Set::Own4, Set::Own6);
        elements.push(put(set, vec![name(), Value::Ip(address)]));
    }
    let own: Vec<Prefix> = attachment
        .addresses
        .iter()
        .map(|ip| Prefix::from(*ip))
        .collect();
    let local = own.iter();
    elements.extend(local.map(|ip| within(*port, ip, [Set::Local4, Set::Local6], owner)));
    if may.masquerade {
        let families = families(&own).into_iter();
        elements.extend(families.map(|family| put(Set::Masq, vec![name(), Value::Family(family)])));
    }
    let open = [
        (may.reachable, Set::Reachable),
        (may.host_services, Set::Host),
    ];
    let open = open.into_iter().filter(|(open, _)| *open);
    elements.extend(open.map(|(_, set)| put(set, vec![name()])));
    once(elements)
}

fn check_attachment(attachment: &Attachment) -> Result<()> {
    let Attachment {
        owner, port, mac, ..
    } = attachment;
    owner.check()?;
    if !port.as_bytes().starts_with(PORT_PREFIX) {
        let right = "the guard watches ports whose name begins with vtp";
        return Err(Error::refused("port", port, right));
    }
    if !mac.is_unicast() {
        return Err(Error::refused("MAC", mac, "the address of one station"));
    }
    for address in &attachment.addresses {
        check_unicast("address", *address)?;
    }
    Ok(())
}

fn check_unicast(field: &'static str, address: IpAddr) -> Result<()> {
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    if broadcast
        || mapped
        || address.is_multicast()
        || address.is_unspecified()
        || address.is_loopback()
    {
        return Err(Error::refused(
            field,
            address,
            "a unicast address of the container",
        ));
    }
    Ok(())
}

/// Each address once, and with IPv6 the link-local one.
fn own_addresses(attachment: &Attachment) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    let v6 = attachment.addresses.iter().any(IpAddr::is_ipv6);
    let implied = v6.then(|| IpAddr::V6(link_local(attachment.mac)));
    for address in attachment.addresses.iter().copied().chain(implied) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// The link-local address that follows from a MAC (RFC 4291, appendix A).
fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0.map(u16::from);
    Ipv6Addr::new(
        0xfe80,
        0,
        0,
        0,
        (a ^ 2) << 8 | b,
        c << 8 | 0xff,
        0xfe00 | d,
        e << 8 | f,
    )
}

/// The elements of published ports: one for each of up to 64 ports, beyond that one interval; one for each of up to 1,024 ports that
/// lead to other numbers.
pub fn publish(owner: &Owner, publish: &Publish) -> Result<Change> {
    owner.check()?;
    check_publish(publish)?;
    let ports = publish.ports.first()..=publish.ports.last();
    let pairs = ports.zip(publish.to.port()..=u16::MAX);
    if is_limited(publish) {
        let regions = regions(publish);
        let of_port = |(port, target)| {
            let regions = regions.iter();
            regions.map(move |region| limited(owner, publish, *region, port, target))
        };
        return Ok(Change::add(pairs.flat_map(of_port)));
    }
    if publish.ports.count() > HASHED && !shifts(publish) {
        return Ok(Change::add([interval(owner, publish)]));
    }
    let of_port = |(port, target)| single(owner, publish, port, target);
    Ok(Change::add(pairs.map(of_port)))
}

fn shifts(publish: &Publish) -> bool {
    publish.to.port() != publish.ports.first()
}

fn check_publish(publish: &Publish) -> Result<()> {
    let Publish { on, ports, to, .. } = publish;
    check_unicast("target", to.ip())?;
    if let Some(on) = on {
        check_host_address(*on, to)?;
    }
    let last = u32::from(to.port()) + ports.count() - 1;
    if to.port() == 0 || last > u16::MAX.into() {
        let right = format!(
            "a port from 1 that leaves room for all {} up to 65535",
            ports.count()
        );
        return Err(Error::refused("container port", to.port(), right));
    }
    if is_limited(publish) && (ports.count() > SHIFTED || regions(publish).is_empty()) {
        let right = format!("at most {SHIFTED} ports, and connections that can come to them");
        return Err(Error::refused("conditions", ports, right));
    }
    if ports.count() > SHIFTED && shifts(publish) {
        let right =
            format!("more than {SHIFTED} ports keep their numbers: publish {ports} to {ports}");
        return Err(Error::refused("container port", to.port(), right));
    }
    Ok(())
}

fn check_host_address(on: IpAddr, to: &SocketAddr) -> Result<()> {
    if on.is_ipv4() != to.is_ipv4() {
        let right = format!("an address of the family of the container's {}", to.ip());
        return Err(Error::refused("host address", on, right));
    }
    if on == IpAddr::V6(Ipv6Addr::LOCALHOST) {
        let right = "[::1] cannot be published by nf_tables; 127.0.0.1 can, and the host's own IPv6 address";
        return Err(Error::refused("host address", on, right));
    }
    if on.is_multicast() || on == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(Error::refused(
            "host address",
            on,
            "an address of this host",
        ));
    }
    Ok(())
}

/// The address published on, unless it is every one.
pub(crate) fn one_address(publish: &Publish) -> Option<IpAddr> {
    publish.on.filter(|on| !on.is_unspecified())
}

fn single(owner: &Owner, publish: &Publish, port: u16, target: u16) -> Element {
    let to = publish.to.ip();
    let tail = [
        Value::Protocol(publish.transport.number()),
        Value::Port(port),
    ];
    let (set, key) = match one_address(publish) {
        None => (by_family(to, Set::Any4, Set::Any6), tail.to_vec()),
        Some(on) => {
            let key = [Value::Ip(on)].into_iter().chain(tail).collect();
            (by_family(to, Set::Addr4, Set::Addr6), key)
        }
    };
    Element {
        value: vec![Value::Ip(to), Value::Port(target)],
        ..Element::new(set, owner, key)
    }
}

fn interval(owner: &Owner, publish: &Publish) -> Element {
    let to = publish.to.ip();
    let protocol = || Value::Protocol(publish.transport.number());
    let AddressRange { first, last } = published_on(publish);
    let key = [
        Value::Ip(first),
        protocol(),
        Value::Port(publish.ports.first()),
    ];
    let end = vec![
        Value::Ip(last),
        protocol(),
        Value::Port(publish.ports.last()),
    ];
    Element {
        end: Some(end),
        value: vec![Value::Ip(to)],
        ..Element::new(by_family(to, Set::Range4, Set::Range6), owner, key)
    }
}
