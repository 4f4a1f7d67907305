//! Bytes of iproute2 6.1 and of Linux 6.18, round trips, cuts, refusals.

use super::*;
use crate::MacAddr;
use crate::fake::Reply;
use crate::testing::{body, check_cuts, decode, hex, sorted};
use proptest::prelude::*;

fn spec(address: &str) -> NeighbourSpec {
    NeighbourSpec {
        link: IfIndex(3),
        address: address.parse().unwrap(),
        ..NeighbourSpec::default()
    }
}

/// Bytes of `ip` of iproute2 6.1, the command above each.
#[test]
fn requests_are_those_of_ip() {
    // ip neigh add 10.1.1.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent router protocol static
    let want = NeighbourSpec {
        lladdr: Some(MacAddr([2, 0, 0, 0, 0, 9]).into()),
        flags: NeighbourFlags::ROUTER,
        protocol: Some(RouteProtocol::Static),
        ..spec("10.1.1.9")
    };
    let words = hex("
        02 000000 03000000 8000 80 00       # AF_INET, link 3, permanent, router
        0500 0c00 04 000000                 # NDA_PROTOCOL
        0800 0100 0a010109
        0a00 0200 020000000009 0000         # NDA_LLADDR
    ");
    assert_eq!(
        sorted::<12>(&body(&Change::add(want))),
        sorted::<12>(&words)
    );
    // ip neigh add proxy 10.1.1.8 dev v0
    let proxy = NeighbourSpec {
        flags: NeighbourFlags::PROXY,
        ..spec("10.1.1.8")
    };
    assert_eq!(
        body(&Change::add(proxy)),
        hex("02 000000 03000000 8000 08 00  0800 0100 0a010108")
    );
    // ip neigh del 10.1.1.9 dev v0
    let delete = NeighbourSpec {
        state: Some(NeighbourState::None),
        ..spec("10.1.1.9")
    };
    assert_eq!(
        body(&Change::delete(delete)),
        hex("02 000000 03000000 0000 00 00  0800 0100 0a010109")
    );
    // ip neigh show proxy; ip neigh get 10.1.1.9 dev v0
    let filter = NeighbourFilter {
        proxies: true,
        ..NeighbourFilter::default()
    };
    assert_eq!(body(&filter), hex("00 000000 00000000 0000 08 00"));
    let key = NeighbourKey {
        link: IfIndex(3),
        address: "10.1.1.9".parse().unwrap(),
        proxy: false,
    };
    assert_eq!(
        body(&key),
        hex("02 000000 03000000 0000 00 00  0800 0100 0a010109")
    );
}

#[test]
fn answers_of_the_kernel_are_read() {
    let words = hex("
        02 000000 03000000 8000 80 01
        0800 0100 0a010109  0a00 0200 020000000009 0000
        0800 0400 00000000                  # NDA_PROBES
        1400 0300 06000000 06000000 07000000 10000000 # NDA_CACHEINFO
        0500 0c00 04 000000
    ");
    let found: Neighbour = decode(RTM_NEWNEIGH, &words);
    assert_eq!(
        found.lladdr.and_then(|lladdr| lladdr.mac()),
        Some(MacAddr([2, 0, 0, 0, 0, 9]))
    );
    assert_eq!(
        (found.state, found.protocol),
        (NeighbourState::Permanent, Some(RouteProtocol::Static))
    );
    let cache = NeighbourCache {
        confirmed: 6,
        used: 6,
        updated: 7,
        references: 16,
    };
    assert_eq!((found.cache, found.probes), (Some(cache), Some(0)));
    assert!(!found.is_proxy());
    check_cuts::<Neighbour, 12>(RTM_NEWNEIGH, &words);
    let proxy = hex("02 000000 03000000 0000 08 01  0800 0100 0a010108");
    assert!(decode::<Neighbour>(RTM_NEWNEIGH, &proxy).is_proxy());
    check_cuts::<Neighbour, 12>(RTM_NEWNEIGH, &proxy);
}

#[test]
fn flags_of_both_places_are_one_set() {
    let flags = NeighbourFlags::ROUTER | NeighbourFlags::MANAGED;
    let bytes = body(&Change::add(NeighbourSpec {
        flags,
        ..spec("10.1.1.9")
    }));
    assert_eq!(bytes[12..], hex("0800 0100 0a010109  0800 0f00 01000000")); // NDA_FLAGS_EXT
    assert_eq!(decode::<Neighbour>(RTM_NEWNEIGH, &bytes).flags, flags);
}

#[test]
fn forwarding_entries_are_other_objects() {
    assert_eq!(
        Neighbour::decode(RTM_NEWNEIGH, &hex("07 000000 03000000 4000 00 00")),
        Ok(None)
    );
}

#[test]
fn errors_name_the_neighbour_and_the_link() {
    let mut conn = Conn::fake(|_| Reply::Errno(19));
    let err = conn.add_neighbour(&spec("10.1.1.9")).unwrap_err();
    assert_eq!(err.to_string(), "cannot add neighbour 10.1.1.9 to link 3");
    let proxy = NeighbourSpec {
        flags: NeighbourFlags::PROXY,
        ..spec("10.1.1.9")
    };
    let err = conn.delete_neighbour(&proxy).unwrap_err();
    assert_eq!(
        err.to_string(),
        "cannot delete proxy neighbour 10.1.1.9 from link 3"
    );
}

proptest! {
    #[test]
    fn what_is_asked_is_found(
        address: IpAddr, link: u32, state: u16, flags in 0u32..0x800,
        lladdr in prop::option::of(prop::collection::vec(any::<u8>(), 1..32)), protocol in prop::option::of(any::<u8>()),
    ) {
        let spec = NeighbourSpec {
            link: IfIndex(link),
            address,
            lladdr: lladdr.map(|bytes| HwAddr::new(&bytes)),
            state: Some(state.into()),
            flags: NeighbourFlags::from_bits(flags),
            protocol: protocol.map(RouteProtocol::from),
        };
        let bytes = body(&Change::add(&spec));
        prop_assert_eq!(decode::<Neighbour>(RTM_NEWNEIGH, &bytes).to_spec(), spec);
        check_cuts::<Neighbour, 12>(RTM_NEWNEIGH, &bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = Neighbour::decode(RTM_NEWNEIGH, &bytes);
    }
}
