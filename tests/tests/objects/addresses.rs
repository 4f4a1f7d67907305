//! Addresses of links.

use super::{V0, check_copy, conn, look, machine};
use core_netlink::addr::{
    AddressFilter, AddressFlags, AddressProtocol, AddressSpec, Broadcast, Lifetimes, Scope,
};
use core_netlink::{Change, Family, IfIndex, Protocol};
use vetch_tests::lab;

#[test]
fn addresses_are_read_made_again_and_removed() {
    check_copy(
        &[
            "ip address add 10.0.0.1/24 brd + label v0:1 dev v0 noprefixroute metric 7",
            "ip address add 10.0.0.2/24 dev v0",
            "ip address add 10.9.0.1 peer 10.9.0.2/32 dev v0 scope link",
            "ip address add 10.8.0.1/24 brd 10.8.0.77 dev v1 valid_lft forever preferred_lft 0",
            "ip address add 2001:db8::1/64 dev v0 nodad home mngtmpaddr",
            "ip address add 2001:db8::2/128 dev v0 nodad noprefixroute metric 9",
            "ip address add fd00::1 peer fd00::2 dev v1 nodad",
        ],
        &[
            "ip -j address show",
            "ip -j -4 route show table all",
            "ip -j -6 route show table all",
        ],
        |from, to| {
            let mut found = from.addresses(&AddressFilter::default()).unwrap();
            found.retain(|address| address.scope != Scope::Host);
            for address in found {
                to.replace_address(&address.to_spec()).unwrap();
            }
        },
        |conn| {
            for link in [IfIndex(2), V0] {
                let filter = AddressFilter {
                    link: Some(link),
                    ..AddressFilter::default()
                };
                // Secondary addresses first: they go with the first one of their subnet.
                for address in conn.addresses(&filter).unwrap().iter().rev() {
                    assert_eq!(address.link, link);
                    conn.delete_address(&address.to_spec()).unwrap();
                }
            }
        },
    );
}

#[test]
fn an_address_has_all_that_was_asked_for() {
    lab(|lab| {
        let node = machine(lab, "m");
        let mut conn = conn(&node, Protocol::Route);
        let lifetimes = Some(Lifetimes {
            valid: 1000,
            preferred: 500,
        });
        let spec = AddressSpec {
            link: V0,
            address: "10.0.0.1/24".parse().unwrap(),
            broadcast: Broadcast::Computed,
            flags: AddressFlags::NOPREFIXROUTE,
            lifetimes,
            protocol: Some(AddressProtocol::Other(77)),
            ..AddressSpec::default()
        };
        let made = conn.create(&Change::add(&spec)).unwrap();
        let seen = &look(&node, "ip -j address show dev v0")[0]["addr_info"][0];
        assert_eq!(
            (&seen["local"], &seen["broadcast"]),
            (&"10.0.0.1".into(), &"10.0.0.255".into())
        );
        assert_eq!(
            (&seen["noprefixroute"], &seen["valid_life_time"]),
            (&true.into(), &1000.into())
        );
        let found = conn
            .addresses(&AddressFilter {
                family: Some(Family::V4),
                link: Some(V0),
            })
            .unwrap();
        assert_eq!((found.len(), found[0].protocol), (1, spec.protocol));
        assert!(
            made.is_none_or(|made| made.address == found[0].address),
            "the echo tells the same"
        );
        assert!(conn.add_address(&spec).unwrap_err().is_exists());
        conn.delete_address(&spec).unwrap();
        assert!(conn.delete_address(&spec).unwrap_err().is_not_found());
        let gone = AddressFilter {
            link: Some(IfIndex(99)),
            ..AddressFilter::default()
        };
        assert!(conn.addresses(&gone).unwrap_err().is_not_found());
    });
}
