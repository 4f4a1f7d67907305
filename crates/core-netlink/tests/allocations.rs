//! Reading a list costs no allocation per attribute, and none at all for what holds no text: counted by the allocator.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use core_netlink::addr::Address;
use core_netlink::link::Link;
use core_netlink::neigh::Neighbour;
use core_netlink::route::Route;
use core_netlink::{Record, Writer};
use std::hint::black_box;

const TIMES: u64 = 1_000;
const IP: &[u8] = &[10, 0, 0, 1];
const NUMBER: &[u8] = &[7, 0, 0, 0];

type Attributes<'a> = [(u16, &'a [u8])];

fn message(header: &[u8], attributes: &Attributes<'_>) -> Vec<u8> {
    let mut bytes = header.to_vec();
    let mut w = Writer::new(&mut bytes);
    attributes
        .iter()
        .for_each(|(kind, value)| w.bytes(*kind, value));
    bytes
}

/// Allocations of reading such an object so often.
fn cost<R: Record>(kind: u16, body: &[u8]) -> u64 {
    let counted = allocation_counter::measure(|| {
        for _ in 0..TIMES {
            assert!(black_box(R::decode(kind, body).unwrap()).is_some());
        }
    });
    counted.count_total
}

#[test]
fn a_route_allocates_nothing() {
    let header = [2, 24, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    let few: &Attributes<'_> = &[(1, IP), (4, NUMBER)];
    let many: &Attributes<'_> = &[
        (1, IP),
        (5, IP),
        (7, IP),
        (4, NUMBER),
        (6, NUMBER),
        (15, NUMBER),
        (16, NUMBER),
        (20, &[0]),
    ];
    for attributes in [few, many] {
        assert_eq!(cost::<Route>(24, &message(&header, attributes)), 0);
    }
}

#[test]
fn an_address_and_a_neighbour_allocate_nothing() {
    let header = [2, 24, 0x80, 0, 2, 0, 0, 0];
    let attributes: &Attributes<'_> = &[(1, IP), (2, IP), (4, IP), (8, NUMBER), (6, &[0; 16])];
    assert_eq!(cost::<Address>(20, &message(&header, attributes)), 0);
    let header = [2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 1];
    let attributes: &Attributes<'_> = &[(1, IP), (2, &[2, 0, 0, 0, 0, 9]), (3, &[0; 16])];
    assert_eq!(cost::<Neighbour>(28, &message(&header, attributes)), 0);
}

/// Texts cost one each, numbers nothing.
#[test]
fn a_link_allocates_for_its_texts_only() {
    let header = [0, 0, 1, 0, 2, 0, 0, 0, 0x43, 0x10, 1, 0, 0, 0, 0, 0];
    let few: Vec<(u16, &[u8])> = vec![(3, b"eth0\0"), (6, b"noqueue\0"), (4, NUMBER)];
    let numbers = [5, 10, 13, 27, 31, 32, 40, 41, 58, 59, 60, 63, 64].map(|kind| (kind, NUMBER));
    let many = [few.clone(), numbers.to_vec()].concat();
    let [few, many] = [few, many].map(|of| cost::<Link>(16, &message(&header, &of)));
    assert_eq!(few, many, "no number costs one");
    assert!(few <= 2 * TIMES, "{few} for {TIMES} links");
}
