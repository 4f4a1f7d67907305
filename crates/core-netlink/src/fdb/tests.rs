//! Bytes of iproute2 6.1 and of Linux 6.18, round trips, cuts, refusals.

use super::*;
use crate::fake::Reply;
use crate::testing::{body, check_cuts, decode, hex};
use proptest::prelude::*;

fn spec(lladdr: &str, link: u32) -> FdbSpec {
    FdbSpec {
        link: IfIndex(link),
        lladdr: lladdr.parse().unwrap(),
        ..FdbSpec::default()
    }
}

/// Bytes of `bridge` of iproute2 6.1, the command above each; where it differs the comment says how.
#[test]
fn requests_are_those_of_bridge() {
    // bridge fdb add 02:00:00:00:00:11 dev v0 master static
    let (flags, life) = (NeighbourFlags::MASTER, FdbLife::Static);
    let want = FdbSpec {
        flags,
        life,
        ..spec("02:00:00:00:00:11", 3)
    };
    assert_eq!(
        body(&Change::add(want)),
        hex("07 000000 03000000 4200 04 00  0a00 0200 020000000011 0000")
    );
    // bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.1.1.7 port 4790 vni 11 via v1; `bridge`: state c000
    let want = FdbSpec {
        dst: Some("10.1.1.7".parse().unwrap()),
        port: Some(4790),
        vni: Some(Vni::try_from(11).unwrap()),
        via: Some(IfIndex(2)),
        ..spec("00:00:00:00:00:00", 5)
    };
    let words = hex("
        07 000000 05000000 8000 02 00       # AF_BRIDGE, link 5, permanent, self
        0a00 0200 000000000000 0000
        0800 0100 0a010107                  # NDA_DST
        0600 0600 12b6 0000                 # NDA_PORT, big-endian
        0800 0700 0b000000  0800 0800 02000000 # NDA_VNI, NDA_IFINDEX
    ");
    assert_eq!(body(&Change::append(want)), words);
    // bridge fdb show br br0; bridge fdb show dev vx0
    let filter = FdbFilter {
        bridge: Some(IfIndex(4)),
        link: None,
    };
    assert_eq!(
        body(&filter),
        hex("07 000000 00000000 0000 00 00  0800 0900 04000000")
    );
    let filter = FdbFilter {
        bridge: None,
        link: Some(IfIndex(5)),
    };
    assert_eq!(body(&filter), hex("07 000000 05000000 0000 00 00"));
    // bridge fdb flush dev br0
    let flush = FdbFlush {
        link: IfIndex(4),
        ..FdbFlush::default()
    };
    assert_eq!(body(&flush), hex("07 000000 04000000 0000 02 00"));
    let flush = FdbFlush {
        permanent: Some(false),
        is_static: Some(true),
        ..flush
    };
    assert_eq!(
        body(&flush),
        hex("07 000000 04000000 4000 02 00  0600 1000 c000 0000")
    );
}

#[test]
fn answers_of_the_kernel_are_read() {
    let port = hex("
        07 000000 03000000 4000 00 00       # static
        0a00 0200 020000000011 0000
        0800 0900 04000000                  # NDA_MASTER
        0800 0f00 00000000                  # NDA_FLAGS_EXT
        1400 0300 00000000 01000000 02000000 00000000
    ");
    let found: FdbEntry = decode(RTM_NEWNEIGH, &port);
    assert_eq!((found.link, found.master), (IfIndex(3), Some(IfIndex(4))));
    assert_eq!(found.state, NeighbourState::Noarp);
    let (flags, life) = (NeighbourFlags::MASTER, FdbLife::Static);
    assert_eq!(
        found.to_spec(),
        Some(FdbSpec {
            flags,
            life,
            ..spec("02:00:00:00:00:11", 3)
        })
    );
    let remote = hex("
        07 000000 05000000 c000 02 01
        0a00 0200 000000000000 0000
        0800 0100 0a010107  0600 0600 12b6 0000  0800 0700 0b000000  0800 0800 02000000
        1400 0300 00000000 00000000 00000000 00000000
    ");
    let found: FdbEntry = decode(RTM_NEWNEIGH, &remote);
    assert_eq!(
        (found.dst, found.port),
        (Some("10.1.1.7".parse().unwrap()), Some(4790))
    );
    assert_eq!((found.vni, found.via), (Some(11), Some(IfIndex(2))));
    assert_eq!(found.life(), FdbLife::Permanent, "permanent and noarp");
    check_cuts::<FdbEntry, 12>(RTM_NEWNEIGH, &port);
    check_cuts::<FdbEntry, 12>(RTM_NEWNEIGH, &remote);
}

#[test]
fn neighbours_are_other_objects() {
    assert_eq!(
        FdbEntry::decode(RTM_NEWNEIGH, &hex("02 000000 03000000 4000 00 00")),
        Ok(None)
    );
}

#[test]
fn errors_name_the_station_and_the_link() {
    let mut conn = Conn::fake(|sent| {
        assert!(sent.kind != RTM_DELNEIGH || sent.flags.contains(BULK));
        Reply::Errno(95)
    });
    let dst = Some("10.1.1.7".parse().unwrap());
    let err = conn
        .append_fdb(&FdbSpec {
            dst,
            ..spec("00:00:00:00:00:00", 5)
        })
        .unwrap_err();
    assert_eq!(
        err.to_string(),
        "cannot append forwarding entry 00:00:00:00:00:00 at 10.1.1.7 to link 5"
    );
    let err = conn
        .flush_fdb(&FdbFlush {
            link: IfIndex(5),
            ..FdbFlush::default()
        })
        .unwrap_err();
    assert_eq!(err.to_string(), "cannot flush forwarding entries of link 5");
}

proptest! {
    #[test]
    fn what_is_asked_is_found(
        mac: [u8; 6], numbers in prop::collection::vec(prop::option::of(1u32..0x00ff_ffff), 5),
        vlan in prop::option::of(1u16..=4094), dst: Option<IpAddr>, port: Option<u16>, master: bool, life in 0usize..3,
    ) {
        let vni = |number: Option<u32>| number.map(|number| Vni::try_from(number).unwrap());
        let spec = FdbSpec {
            link: IfIndex(numbers[0].unwrap_or(1)),
            lladdr: MacAddr(mac),
            flags: if master { NeighbourFlags::MASTER } else { NeighbourFlags::SELF },
            life: [FdbLife::Permanent, FdbLife::Static, FdbLife::Dynamic][life],
            vlan: vlan.map(|vlan| VlanId::try_from(vlan).unwrap()),
            dst,
            port,
            vni: vni(numbers[1]),
            src_vni: vni(numbers[2]),
            via: numbers[3].map(IfIndex),
            nexthop_id: numbers[4],
            protocol: port.map(|port| RouteProtocol::from(port as u8)),
        };
        let bytes = body(&Change::add(&spec));
        prop_assert_eq!(decode::<FdbEntry>(RTM_NEWNEIGH, &bytes).to_spec(), Some(spec));
        check_cuts::<FdbEntry, 12>(RTM_NEWNEIGH, &bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = FdbEntry::decode(RTM_NEWNEIGH, &bytes);
    }
}
