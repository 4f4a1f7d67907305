//! What is printed of messages.

use super::{Direction, Traffic};
use crate::addr::AddressSpec;
use crate::conn::Request;
use crate::link::{AddLink, Kind, LinkSpec};
use crate::testing::hex;
use crate::wire::{self, Flags};
use crate::{Change, IfIndex, Protocol, Writer};
use proptest::prelude::*;

fn wire(request: &impl Request, seq: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let start = wire::begin(
        &mut bytes,
        request.kind(),
        request.flags() | Flags::ACK,
        seq,
    );
    request.encode(&mut Writer::new(&mut bytes));
    wire::finish(&mut bytes, start);
    bytes
}

fn traffic<'a>(
    protocol: Protocol,
    direction: Direction,
    datagram: &'a [u8],
    request: &'a [u8],
) -> Traffic<'a> {
    Traffic {
        protocol,
        name: "",
        direction,
        datagram,
        request,
    }
}

fn sent(protocol: Protocol, datagram: &[u8]) -> String {
    format!("{:#}", traffic(protocol, Direction::Sent, datagram, &[]))
}

fn pair() -> LinkSpec {
    let peer = LinkSpec {
        name: Some("eth0".parse().unwrap()),
        ..LinkSpec::default()
    };
    LinkSpec {
        name: Some("veth0".parse().unwrap()),
        mtu: Some(1400),
        kind: Some(Kind::veth(peer)),
        ..LinkSpec::default()
    }
}

#[test]
fn a_request_reads_as_it_was_meant() {
    let spec = AddressSpec {
        link: IfIndex(7),
        address: "10.0.0.1/24".parse().unwrap(),
        ..AddressSpec::default()
    };
    assert_eq!(
        sent(Protocol::Route, &wire(&Change::add(&spec), 3)),
        "netlink route > #3 RTM_NEWADDR ack|excl|create: family inet, prefixlen 24, index 7
    IFA_LOCAL 10.0.0.1
    IFA_ADDRESS 10.0.0.1
"
    );
    assert_eq!(
        sent(Protocol::Route, &wire(&AddLink(&pair()), 4)),
        "netlink route > #4 RTM_NEWLINK ack|excl|create: family unspec
    IFLA_IFNAME \"veth0\"
    IFLA_MTU 1400
    IFLA_LINKINFO
        IFLA_INFO_KIND \"veth\"
        IFLA_INFO_DATA
            VETH_INFO_PEER: family unspec
                IFLA_IFNAME \"eth0\"
"
    );
}

#[test]
fn a_filter_reads_with_what_it_does() {
    use crate::tc::{Action, FilterKind, FilterSpec, Handle, Matchall, Mirred};
    let link = IfIndex(4);
    let to_ifb = Mirred {
        link,
        ..Mirred::default()
    };
    let spec = FilterSpec {
        link: IfIndex(3),
        parent: Handle::INGRESS,
        chain: Some(7),
        kind: Some(FilterKind::Matchall(Matchall::default())),
        actions: vec![Action::Mirred(to_ifb)],
        ..FilterSpec::default()
    };
    assert_eq!(
        sent(Protocol::Route, &wire(&Change::add(&spec), 5)),
        "netlink route > #5 RTM_NEWTFILTER ack|excl|create: family unspec, index 3, parent 0xfffffff2, info 0x300
    TCA_CHAIN 7
    TCA_KIND \"matchall\"
    TCA_OPTIONS
        TCA_MATCHALL_ACT
            action 1
                TCA_ACT_KIND \"mirred\"
                TCA_ACT_OPTIONS
                    TCA_MIRRED_PARMS 0x00000000000000000400000000000000000000000100000004000000
"
    );
    let bytes = wire(
        &Change::delete(&FilterSpec {
            chain: None,
            ..spec
        }),
        6,
    );
    let mut reported = bytes;
    let mut w = Writer::new(&mut reported);
    w.u32(11, 7); // TCA_CHAIN, which the kernel puts between the kind and its options
    w.nest_unmarked(2, |w| w.u32(1, 9));
    wire::finish(&mut reported, 0);
    let text = sent(Protocol::Route, &reported);
    assert!(text.ends_with("TCA_MATCHALL_CLASSID 9\n"), "{text}");
}

#[test]
fn a_refusal_names_the_attribute_by_where_it_is() {
    let request = wire(&AddLink(&pair()), 4);
    let name = request
        .windows(4)
        .rposition(|four| four == b"eth0")
        .unwrap()
        - 4;
    let mut refusal = hex("
        00000000 0200 0003 04000000 00000000 # NLMSG_ERROR, CAPPED | ACK_TLVS, seq 4
        efffffff                             # EEXIST
        00000000 0000 0000 00000000 00000000 # the request's header
        0800 0100 6e6f2100                   # NLMSGERR_ATTR_MSG \"no!\"
        0800 0200                            # NLMSGERR_ATTR_OFFS
        ");
    refusal.extend_from_slice(&u32::try_from(name).unwrap().to_ne_bytes());
    refusal[0] = u8::try_from(refusal.len()).unwrap();
    let traffic = traffic(Protocol::Route, Direction::Received, &refusal, &request);
    assert_eq!(
        traffic.to_string(),
        "netlink route < #4 error EEXIST (File exists): \"no!\" at IFLA_LINKINFO IFLA_INFO_DATA VETH_INFO_PEER IFLA_IFNAME\n"
    );
}

#[test]
fn what_has_no_name_is_printed_by_number() {
    let strange = hex("1c000000 9999 0100 01000000 00000000  02000000 0800 0100 01020304");
    assert_eq!(
        sent(Protocol::Route, &strange),
        "netlink route > #1 message type 0x9999, 28 bytes\n"
    );
    let unknown = hex("1c000000 1400 0100 01000000 00000000  02180000 07000000");
    let unknown = [unknown, hex("0800 ff00 01020304")].concat();
    let unknown = [&[32_u8, 0, 0, 0][..], &unknown[4..]].concat();
    assert_eq!(
        sent(Protocol::Route, &unknown),
        "netlink route > #1 RTM_NEWADDR: family inet, prefixlen 24, index 7\n    attribute 255 0x01020304\n"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        kind in prop::sample::select(vec![16_u16, 20, 24, 28, 32, 36, 44, 88, 0xa06, 0xa0c, 0x100, 2, 3]),
        bytes in prop::collection::vec(any::<u8>(), 0..160),
        request in prop::collection::vec(any::<u8>(), 0..160),
    ) {
        let mut datagram = Vec::new();
        let start = wire::begin(&mut datagram, kind, Flags::ACK, 1);
        datagram.extend_from_slice(&bytes);
        wire::finish(&mut datagram, start);
        for protocol in [Protocol::Route, Protocol::Netfilter, Protocol::Generic, Protocol::SockDiag] {
            for direction in [Direction::Sent, Direction::Received] {
                let _ = format!("{:#}", traffic(protocol, direction, &datagram, &request));
                let _ = format!("{:#}", traffic(protocol, direction, &bytes, &datagram));
            }
        }
    }
}
