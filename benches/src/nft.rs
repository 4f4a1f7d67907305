//! One published port in an nft map, by hand: the element that an attach adds.

use crate::floor::{ACK, Floor};
use std::net::Ipv4Addr;

const NEWTABLE: u16 = 10 << 8;
const NEWSET: u16 = (10 << 8) | 9;
const NEWSETELEM: u16 = (10 << 8) | 12;
const DELSETELEM: u16 = (10 << 8) | 14;
const NESTED: u16 = 1 << 15;
/// Whose an element is, as nft keeps a comment: type 0, length, text.
const OWNER: &[u8] = b"\x00\x18vetch:bench/cli:c1/eth0\0";

fn header(floor: &mut Floor, kind: u16, flags: u16, family: u8, resource: u16) -> usize {
    let m = floor.message(kind, flags);
    let [high, low] = resource.to_be_bytes();
    floor.raw(&[family, 0, high, low]);
    m
}

/// Makes table `ip floor` with map `ports`, from protocol and port to address and port.
pub fn make_map(floor: &mut Floor) {
    let m = header(floor, 16, 0, 0, 10);
    floor.end(m);
    let m = header(floor, NEWTABLE, 0x400, 2, 0);
    floor.text(1, "floor");
    floor.end(m);
    let m = header(floor, NEWSET, 0x400 | ACK, 2, 0);
    floor.text(1, "floor");
    floor.text(2, "ports");
    // As nft numbers its types: 12 protocol, 13 port, 7 IPv4 address, six bits each.
    for (kind, value) in [
        (3, 8),
        (4, (12 << 6) | 13),
        (5, 8),
        (6, (7 << 6) | 13),
        (7, 8),
        (10, 1u32),
    ] {
        floor.attr(kind, &value.to_be_bytes());
    }
    floor.end(m);
    let m = header(floor, 17, 0, 0, 10);
    floor.end(m);
}

/// A map of ports: family, table, name.
#[derive(Clone, Copy, Debug)]
pub struct Map(u8, &'static str, &'static str);

/// The map that [`make_map`] makes.
pub const ALONE: Map = Map(2, "floor", "ports");
/// Vetch's own, in tables of which each transaction passes all chains.
pub const INSTALLED: Map = Map(1, "vetch", "any4");

/// Adds or removes `tcp . host_port : address . port` as one transaction; the element says whose it is.
pub fn port(floor: &mut Floor, map: Map, add: bool, host_port: u16, to: (Ipv4Addr, u16)) {
    let Map(family, table, set) = map;
    let m = header(floor, 16, 0, 0, 10);
    floor.end(m);
    let (kind, flags) = if add {
        (NEWSETELEM, 0x600)
    } else {
        (DELSETELEM, 0)
    };
    let m = header(floor, kind, flags | ACK, family, 0);
    floor.text(1, table);
    floor.text(2, set);
    let list = floor.nest(3 | NESTED);
    let element = floor.nest(1 | NESTED);
    let [high, low] = host_port.to_be_bytes();
    value(floor, 1, &[6, 0, 0, 0, high, low, 0, 0]);
    if add {
        let ([a, b, c, d], [high, low]) = (to.0.octets(), to.1.to_be_bytes());
        value(floor, 2, &[a, b, c, d, high, low, 0, 0]);
        floor.attr(6, OWNER);
    }
    floor.close(element);
    floor.close(list);
    floor.end(m);
    let m = header(floor, 17, 0, 0, 10);
    floor.end(m);
}

fn value(floor: &mut Floor, kind: u16, bytes: &[u8]) {
    let data = floor.nest(kind | NESTED);
    floor.attr(1, bytes);
    floor.close(data);
}
