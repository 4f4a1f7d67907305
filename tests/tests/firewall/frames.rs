//! Frames made byte by byte, as somebody with CAP_NET_RAW in a container would.

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, sendto, socket};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use vetch_tests::Node;

pub(crate) type Mac = [u8; 6];
const ALL_NODES: Mac = [0x33, 0x33, 0, 0, 0, 1];

/// Puts a frame on the wire of `eth0`.
pub(crate) fn send(node: &Node, frame: &[u8]) {
    node.run(|| {
        let all = getifaddrs().unwrap();
        let links = all.filter(|found| found.interface_name == "eth0");
        let to: LinkAddr = links
            .filter_map(|found| found.address?.as_link_addr().copied())
            .next()
            .expect("eth0 has a link-layer address");
        let raw = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::empty(),
            None,
        )
        .unwrap();
        sendto(raw.as_raw_fd(), frame, &to, MsgFlags::empty()).unwrap();
    });
}

fn ethernet(to: Mac, from: Mac, kind: u16, body: &[u8]) -> Vec<u8> {
    [&to[..], &from, &kind.to_be_bytes(), body].concat()
}

/// The same frame with a VLAN tag.
pub(crate) fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    [
        &frame[..12],
        &[0x81, 0x00],
        &vlan.to_be_bytes(),
        &frame[12..],
    ]
    .concat()
}

/// An answer "`ip` is at `mac`" to everybody, sent from `from`.
pub(crate) fn arp_reply(from: Mac, mac: Mac, ip: &str, to: &str) -> Vec<u8> {
    let ip4 = |text: &str| text.parse::<Ipv4Addr>().unwrap().octets();
    let head = [0, 1, 8, 0, 6, 4, 0, 2];
    let body = [&head[..], &mac, &ip4(ip), &[0xff; 6], &ip4(to)].concat();
    ethernet([0xff; 6], from, 0x0806, &body)
}

/// "I am a router": RFC 4861, lifetime 1800 s, without options.
pub(crate) fn router_advertisement(from: Mac, source: &str) -> Vec<u8> {
    let body = [134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0];
    icmp6(from, ALL_NODES, source, "ff02::1", &body)
}

/// "`target` is at `mac`", overriding what was known.
pub(crate) fn neighbour_advertisement(from: Mac, source: &str, target: &str, mac: Mac) -> Vec<u8> {
    let target = target.parse::<Ipv6Addr>().unwrap().octets();
    let body = [&[136, 0, 0, 0, 0x20, 0, 0, 0][..], &target, &[2, 1], &mac].concat();
    icmp6(from, ALL_NODES, source, "ff02::1", &body)
}

fn icmp6(from: Mac, to: Mac, source: &str, destination: &str, body: &[u8]) -> Vec<u8> {
    let ip = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
    let (source, destination) = (ip(source), ip(destination));
    let len = body.len() as u16;
    let pseudo = [
        &source[..],
        &destination,
        &u32::from(len).to_be_bytes(),
        &[0, 0, 0, 58],
        body,
    ]
    .concat();
    let mut body = body.to_vec();
    body[2..4].copy_from_slice(&checksum(&pseudo).to_be_bytes());
    let head = [&[0x60, 0, 0, 0][..], &len.to_be_bytes(), &[58, 255]].concat();
    ethernet(
        to,
        from,
        0x86dd,
        &[&head[..], &source, &destination, &body].concat(),
    )
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
