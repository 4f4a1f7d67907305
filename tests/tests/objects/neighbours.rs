//! Neighbours and proxies.

use super::{V0, check_copy, conn, machine};
use core_netlink::neigh::{
    NeighbourFilter, NeighbourFlags, NeighbourKey, NeighbourSpec, NeighbourState,
};
use core_netlink::{Change, MacAddr, Protocol};
use vetch_tests::lab;

#[test]
fn neighbours_and_proxies_are_read_made_again_and_removed() {
    const LOOKS: &[&str] = &["ip -j neigh show nud all dev v0", "ip -j neigh show proxy"];
    check_copy(
        &[
            "ip neigh add 10.1.1.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent protocol static",
            "ip neigh add 10.1.1.10 lladdr 02:00:00:00:00:0a dev v0 nud noarp",
            "ip neigh add fd00::9 lladdr 02:00:00:00:00:09 dev v0 nud permanent router",
            "ip neigh add proxy 10.1.1.8 dev v0",
            "ip neigh add proxy fd00::8 dev v0",
        ],
        LOOKS,
        |from, to| {
            for proxies in [false, true] {
                let filter = NeighbourFilter {
                    proxies,
                    link: Some(V0).filter(|_| !proxies),
                    ..NeighbourFilter::default()
                };
                let found = from.neighbours(&filter).unwrap();
                assert!(
                    found
                        .iter()
                        .all(|entry| entry.is_proxy() == proxies && entry.link == V0)
                );
                let failed = to
                    .batch(found.iter().map(|entry| Change::replace(entry.to_spec())))
                    .unwrap();
                assert!(failed.is_empty(), "{failed:?}");
            }
        },
        |conn| {
            for proxies in [false, true] {
                let filter = NeighbourFilter {
                    proxies,
                    ..NeighbourFilter::default()
                };
                let found = conn.neighbours(&filter).unwrap();
                for entry in found
                    .iter()
                    .filter(|entry| entry.link == V0 && !entry.address.is_multicast())
                {
                    conn.delete_neighbour(&entry.to_spec()).unwrap();
                }
            }
        },
    );
}

#[test]
fn one_neighbour_is_asked_for_by_its_key() {
    lab(|lab| {
        let node = machine(lab, "m");
        let mut conn = conn(&node, Protocol::Route);
        let address = "10.1.1.9".parse().unwrap();
        let lladdr = Some(MacAddr([2, 0, 0, 0, 0, 9]).into());
        let spec = NeighbourSpec {
            link: V0,
            address,
            lladdr,
            state: Some(NeighbourState::Noarp),
            ..NeighbourSpec::default()
        };
        conn.add_neighbour(&spec).unwrap();
        let key = NeighbourKey {
            link: V0,
            address,
            proxy: false,
        };
        assert_eq!(conn.neighbour(&key).unwrap().to_spec(), spec);
        assert!(
            conn.neighbour(&NeighbourKey { proxy: true, ..key })
                .unwrap_err()
                .is_not_found()
        );
        let managed = NeighbourSpec {
            address: "10.1.1.10".parse().unwrap(),
            lladdr: None,
            flags: NeighbourFlags::MANAGED,
            state: Some(NeighbourState::None),
            ..spec
        };
        conn.add_neighbour(&managed).unwrap();
        let found = conn
            .neighbour(&NeighbourKey {
                address: managed.address,
                ..key
            })
            .unwrap();
        assert!(found.flags.contains(NeighbourFlags::MANAGED));
    });
}
