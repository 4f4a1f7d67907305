//! Bytes of iproute2 6.1 and of Linux 6.18, round trips, cuts, refusals.

use super::*;
use crate::fake::Reply;
use crate::testing::{body, check_cuts, decode, hex, sorted};
use proptest::prelude::*;

fn spec(address: &str) -> AddressSpec {
    AddressSpec {
        link: IfIndex(3),
        address: address.parse().unwrap(),
        ..AddressSpec::default()
    }
}

#[track_caller]
fn check_request(request: Change<&AddressSpec>, words: &str) {
    assert_eq!(sorted::<8>(&body(&request)), sorted::<8>(&hex(words)));
}

/// Bytes of `ip` of iproute2 6.1, the command above each.
#[test]
fn requests_are_those_of_ip() {
    // ip address add 10.0.0.1/24 brd + label v0:1 dev v0 noprefixroute metric 7
    let want = AddressSpec {
        broadcast: Broadcast::Computed,
        label: Some(IfName::from_kernel(b"v0:1")),
        flags: AddressFlags::NOPREFIXROUTE,
        metric: Some(7),
        ..spec("10.0.0.1/24")
    };
    check_request(
        Change::add(&want),
        "02 18 00 00 03000000             # AF_INET, /24, scope global, link 3
         0800 0200 0a000001               # IFA_LOCAL
         0900 0300 76303a3100 000000      # IFA_LABEL v0:1
         0800 0900 07000000               # IFA_RT_PRIORITY
         0800 0800 00020000               # IFA_FLAGS noprefixroute
         0800 0100 0a000001               # IFA_ADDRESS
         0800 0400 0a0000ff               # IFA_BROADCAST",
    );
    // ip address add 10.9.0.1 peer 10.9.0.2/32 dev v0 valid_lft 100 preferred_lft 50
    let lifetimes = Some(Lifetimes {
        valid: 100,
        preferred: 50,
    });
    let peer = Some("10.9.0.2".parse().unwrap());
    check_request(
        Change::add(&AddressSpec {
            peer,
            lifetimes,
            ..spec("10.9.0.1/32")
        }),
        "02 20 00 00 03000000
         0800 0200 0a090001               # IFA_LOCAL
         0800 0100 0a090002               # IFA_ADDRESS is the peer
         1400 0600 32000000 64000000 00000000 00000000 # IFA_CACHEINFO preferred, valid",
    );
    // ip -6 address add 2001:db8::1/64 dev v0 nodad mngtmpaddr
    let flags = AddressFlags::NODAD | AddressFlags::MANAGETEMPADDR;
    check_request(
        Change::add(&AddressSpec {
            flags,
            ..spec("2001:db8::1/64")
        }),
        "0a 40 00 00 03000000
         1400 0200 20010db8000000000000000000000001
         0800 0800 02010000
         1400 0100 20010db8000000000000000000000001",
    );
    // ip address del 10.0.0.1/24 dev v0
    check_request(
        Change::delete(&spec("10.0.0.1/24")),
        "02 18 00 00 03000000  0800 0200 0a000001  0800 0100 0a000001",
    );
}

#[test]
fn small_subnets_have_no_broadcast_address() {
    for (address, broadcast) in [
        ("10.0.0.1/30", true),
        ("10.0.0.1/31", false),
        ("fd00::1/64", false),
    ] {
        let spec = AddressSpec {
            broadcast: Broadcast::Computed,
            ..spec(address)
        };
        assert_eq!(spec.broadcast().is_some(), broadcast, "{address}");
    }
}

#[test]
fn answers_of_the_kernel_are_read() {
    let labelled = hex("
        02 18 80 00 03000000             # AF_INET, /24, permanent
        0800 0100 0a000001 0800 0200 0a000001 0800 0400 0a0000ff
        0900 0300 76303a3100 000000      # IFA_LABEL v0:1
        0800 0800 80020000               # IFA_FLAGS permanent, noprefixroute
        0800 0900 07000000
        1400 0600 ffffffff ffffffff 12170400 12170400
    ");
    let found: Address = decode(RTM_NEWADDR, &labelled);
    assert_eq!(found.address, "10.0.0.1/24".parse().unwrap());
    assert_eq!((found.peer, found.metric), (None, Some(7)));
    assert_eq!(found.label.unwrap().to_string(), "v0:1");
    assert_eq!(
        found.flags.names().collect::<Vec<_>>(),
        ["permanent", "noprefixroute"]
    );
    let forever = Lifetimes {
        valid: Lifetimes::FOREVER,
        preferred: Lifetimes::FOREVER,
    };
    assert_eq!(
        (found.lifetimes, found.created),
        (Some(forever), Some(0x41712))
    );
    let peer = hex("02 20 00 00 03000000 0800 0100 0a090002 0800 0200 0a090001");
    let found: Address = decode(RTM_NEWADDR, &peer);
    assert_eq!(found.address, "10.9.0.1/32".parse().unwrap());
    assert_eq!(found.peer, Some("10.9.0.2".parse().unwrap()));
    let local = hex("
        0a 40 c0 fd 03000000             # AF_INET6, /64, tentative and permanent, scope link
        1400 0100 fe80000000000000 04f1f1fffe71632b
        1400 0600 ffffffff ffffffff 10170400 10170400
        0800 0800 c0000000
        0500 0b00 03 000000              # IFA_PROTO kernel_ll
    ");
    let found: Address = decode(RTM_NEWADDR, &local);
    assert_eq!(found.protocol, Some(AddressProtocol::KernelLl));
    assert_eq!((found.scope, found.family()), (Scope::Link, Family::V6));
    for bytes in [labelled, peer, local] {
        check_cuts::<Address, 8>(RTM_NEWADDR, &bytes);
    }
}

#[test]
fn other_objects_and_families_are_left_alone() {
    assert_eq!(Address::decode(16, &[]), Ok(None));
    assert_eq!(
        Address::decode(RTM_NEWADDR, &hex("1c 00 00 00 03000000")),
        Ok(None)
    );
}

#[test]
fn contradictions_are_refused_before_the_first_byte() {
    let mut conn = Conn::fake(|_| panic!("sent"));
    let peer = AddressSpec {
        peer: Some("::1".parse().unwrap()),
        ..spec("10.0.0.1/24")
    };
    let lifetimes = Some(Lifetimes {
        valid: 5,
        preferred: 6,
    });
    let label = Some("v0".parse().unwrap());
    let rows = [
        (peer, "another address family"),
        (
            AddressSpec {
                lifetimes,
                ..spec("10.0.0.1/24")
            },
            "6 is longer than",
        ),
        (
            AddressSpec {
                label,
                ..spec("fd00::1/64")
            },
            "no label",
        ),
    ];
    for (spec, why) in rows {
        let err = conn.add_address(&spec).unwrap_err();
        assert!(
            err.is_invalid() && format!("{err:?}").contains(why),
            "{err:?}"
        );
    }
}

#[test]
fn errors_name_the_address_and_the_link() {
    let mut conn = Conn::fake(|_| Reply::Errno(17));
    let err = conn.add_address(&spec("10.0.0.1/24")).unwrap_err();
    assert!(err.is_exists());
    assert_eq!(err.to_string(), "cannot add address 10.0.0.1/24 to link 3");
    let err = conn.delete_address(&spec("10.0.0.1/24")).unwrap_err();
    assert_eq!(
        err.to_string(),
        "cannot delete address 10.0.0.1/24 from link 3"
    );
    let err = conn
        .addresses(&AddressFilter {
            link: Some(IfIndex(3)),
            family: None,
        })
        .unwrap_err();
    assert_eq!(err.to_string(), "cannot list addresses of link 3");
}

fn any_spec() -> impl Strategy<Value = AddressSpec> {
    let times = (1u32.., any::<u32>()).prop_map(|(valid, other)| Lifetimes {
        valid,
        preferred: other.min(valid),
    });
    let parts = (any::<IpAddr>(), 0u8..=32, any::<u32>(), any::<u8>());
    let options = (
        prop::option::of(times),
        prop::option::of(any::<u32>()),
        prop::option::of(any::<u8>()),
    );
    (parts, options).prop_map(
        |((address, len, bits, scope), (lifetimes, metric, protocol))| AddressSpec {
            link: IfIndex(bits),
            address: prefix(address, len).unwrap(),
            scope: Some(scope.into()),
            flags: AddressFlags::from_bits(bits).without(AddressFlags::from_bits(0xe9)),
            lifetimes,
            metric,
            protocol: protocol.map(AddressProtocol::from),
            ..AddressSpec::default()
        },
    )
}

proptest! {
    #[test]
    fn what_is_asked_is_found(spec in any_spec()) {
        let found: Address = decode(RTM_NEWADDR, &body(&Change::add(&spec)));
        prop_assert_eq!(found.to_spec(), spec);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = Address::decode(RTM_NEWADDR, &bytes);
    }
}
