//! Frames made byte by byte, as somebody with CAP_NET_RAW in a container would.

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, sendto, socket,
};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::node::Node;

/// An Ethernet address.
pub type Mac = [u8; 6];
/// All IPv6 stations.
pub const ALL_NODES: Mac = [0x33, 0x33, 0, 0, 0, 1];
/// Everybody.
pub const BROADCAST: Mac = [0xff; 6];

/// Puts a frame on the wire of `eth0`.
pub fn send(node: &Node, frame: &[u8]) {
    Wire::open(node, "eth0").send(frame);
}

/// The wire of a link: what is put on it, and what comes by, in both directions.
pub struct Wire {
    raw: OwnedFd,
    link: LinkAddr,
}

impl Wire {
    /// The wire of link `dev` of a node.
    pub fn open(node: &Node, dev: &str) -> Wire {
        node.run(|| {
            let all = getifaddrs().unwrap();
            let links = all.filter(|found| found.interface_name == dev);
            let link: LinkAddr = links
                .filter_map(|found| found.address?.as_link_addr().copied())
                .next()
                .expect("the link has a link-layer address");
            let raw = socket(
                AddressFamily::Packet,
                SockType::Raw,
                SockFlag::SOCK_NONBLOCK,
                SockProtocol::EthAll,
            )
            .unwrap();
            bind(raw.as_raw_fd(), &link).unwrap();
            Wire { raw, link }
        })
    }

    /// Puts a frame on it.
    pub fn send(&self, frame: &[u8]) {
        sendto(self.raw.as_raw_fd(), frame, &self.link, MsgFlags::empty()).unwrap();
    }

    /// Everything that came by since the last look.
    pub fn seen(&self) -> Vec<Vec<u8>> {
        let mut frame = vec![0; 2048];
        let next = || {
            let len = recv(self.raw.as_raw_fd(), &mut frame, MsgFlags::empty()).ok()?;
            Some(frame[..len].to_vec())
        };
        std::iter::from_fn(next).collect()
    }
}

/// What is inside the frame, behind VLAN tags. (A receiver has taken the outermost off already.)
pub fn inside(frame: &[u8]) -> &[u8] {
    match frame.get(12..14) {
        Some([0x81, 0x00]) => inside(&frame[4..]),
        _ => frame.get(14..).unwrap_or_default(),
    }
}

/// A frame of this EtherType.
pub fn ethernet(to: Mac, from: Mac, kind: u16, body: &[u8]) -> Vec<u8> {
    [&to[..], &from, &kind.to_be_bytes(), body].concat()
}

/// The same frame with a VLAN tag.
pub fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    [
        &frame[..12],
        &[0x81, 0x00],
        &vlan.to_be_bytes(),
        &frame[12..],
    ]
    .concat()
}

/// ARP from `from` to everybody: operation 1 asks, 2 answers; the body says that `ip` is at `mac` and names `target`.
pub fn arp(from: Mac, operation: u8, mac: Mac, ip: &str, target: &str) -> Vec<u8> {
    let head = [0, 1, 8, 0, 6, 4, 0, operation];
    let body = [&head[..], &mac, &ip4(ip), &[0xff; 6], &ip4(target)].concat();
    ethernet([0xff; 6], from, 0x0806, &body)
}

/// An answer "`ip` is at `mac`" to everybody, sent from `from`.
pub fn arp_reply(from: Mac, mac: Mac, ip: &str, to: &str) -> Vec<u8> {
    arp(from, 2, mac, ip, to)
}

/// "I am a router": RFC 4861, lifetime 1800 s, without options.
pub fn router_advertisement(from: Mac, source: &str) -> Vec<u8> {
    let body = [134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0];
    icmp6(from, ALL_NODES, source, "ff02::1", &body)
}

/// "Is there a router?", with the asker's link-layer address.
pub fn router_solicitation(from: Mac, source: &str, mac: Mac) -> Vec<u8> {
    let body = [&[133, 0, 0, 0, 0, 0, 0, 0, 1, 1][..], &mac].concat();
    icmp6(from, ALL_NODES, source, "ff02::2", &body)
}

/// "`target` is at `mac`", overriding what was known.
pub fn neighbour_advertisement(from: Mac, source: &str, target: &str, mac: Mac) -> Vec<u8> {
    let body = [
        &[136, 0, 0, 0, 0x20, 0, 0, 0][..],
        &ip6(target),
        &[2, 1],
        &mac,
    ]
    .concat();
    icmp6(from, ALL_NODES, source, "ff02::1", &body)
}

/// "Who has `target`? I am at `mac`"; without a source address and without `mac` it looks for a duplicate.
pub fn neighbour_solicitation(from: Mac, source: &str, target: &str, mac: Option<Mac>) -> Vec<u8> {
    let option = mac.map_or(Vec::new(), |mac| [&[1, 1][..], &mac].concat());
    let body = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &ip6(target), &option].concat();
    icmp6(from, ALL_NODES, source, "ff02::1", &body)
}

/// ICMPv6 with a checksum.
pub fn icmp6(from: Mac, to: Mac, source: &str, destination: &str, body: &[u8]) -> Vec<u8> {
    ipv6(from, to, source, destination, 58, body)
}

/// UDP over IPv4 or IPv6, by the addresses.
pub fn udp(
    from: Mac,
    to: Mac,
    source: &str,
    destination: &str,
    ports: [u16; 2],
    text: &[u8],
) -> Vec<u8> {
    let len = (text.len() as u16 + 8).to_be_bytes();
    let ports = ports.map(u16::to_be_bytes).concat();
    let body = [&ports[..], &len, &[0, 0], text].concat();
    match source.contains(':') {
        true => ipv6(from, to, source, destination, 17, &body),
        false => ipv4(from, to, source, destination, 17, &body),
    }
}

/// IPv4 without options; UDP goes without a checksum of its own, ICMP and IGMP get theirs.
pub fn ipv4(
    from: Mac,
    to: Mac,
    source: &str,
    destination: &str,
    protocol: u8,
    body: &[u8],
) -> Vec<u8> {
    let len = (body.len() as u16 + 20).to_be_bytes();
    let mut head = [&[0x45, 0][..], &len, &[0, 0, 0, 0, 64, protocol, 0, 0]].concat();
    head.extend([ip4(source), ip4(destination)].concat());
    let sum = checksum(&head);
    head[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut body = body.to_vec();
    if protocol != 17 {
        let sum = checksum(&body);
        body[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    ethernet(to, from, 0x0800, &[head, body].concat())
}

/// ICMPv6 or UDP, with the checksum where each has it.
fn ipv6(from: Mac, to: Mac, source: &str, destination: &str, protocol: u8, body: &[u8]) -> Vec<u8> {
    let (source, destination) = (ip6(source), ip6(destination));
    let len = body.len() as u16;
    let end = [0, 0, 0, protocol];
    let pseudo = [
        &source[..],
        &destination,
        &u32::from(len).to_be_bytes(),
        &end,
        body,
    ]
    .concat();
    let mut body = body.to_vec();
    let at = if protocol == 17 { 6 } else { 2 };
    body[at..at + 2].copy_from_slice(&checksum(&pseudo).to_be_bytes());
    let head = [&[0x60, 0, 0, 0][..], &len.to_be_bytes(), &[protocol, 255]].concat();
    ethernet(
        to,
        from,
        0x86dd,
        &[&head[..], &source, &destination, &body].concat(),
    )
}

/// The same IPv6 packet with a header of destination options in between.
pub fn behind_options(frame: &[u8]) -> Vec<u8> {
    let (head, rest) = frame.split_at(14 + 40);
    with_header(head, 60, &[head[20], 0, 1, 4, 0, 0, 0, 0], rest)
}

/// The same IPv6 packet in two fragments, the first of 8 bytes.
pub fn fragments(frame: &[u8]) -> [Vec<u8>; 2] {
    let (head, rest) = frame.split_at(14 + 40);
    let fragment =
        |place: u8, rest: &[u8]| with_header(head, 44, &[head[20], 0, 0, place, 0, 0, 0, 7], rest);
    [fragment(1, &rest[..8]), fragment(8, &rest[8..])] // more to come; 8 bytes in
}

fn with_header(head: &[u8], kind: u8, header: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut head = head.to_vec();
    let len = (header.len() + rest.len()) as u16;
    head[18..20].copy_from_slice(&len.to_be_bytes());
    head[20] = kind;
    [&head, header, rest].concat()
}

fn ip4(text: &str) -> [u8; 4] {
    text.parse::<Ipv4Addr>().unwrap().octets()
}

fn ip6(text: &str) -> [u8; 16] {
    text.parse::<Ipv6Addr>().unwrap().octets()
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let sum = words.sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}
