//! Forwarding entries and VLANs of bridges and VXLANs.

use super::{BRIDGE, V0, VXLAN, check_copy, conn, look, machine};
use core_netlink::fdb::{FdbFilter, FdbFlush, FdbKey, FdbLife, FdbSpec};
use core_netlink::link::{LinkSpec, NO_MASTER};
use core_netlink::neigh::NeighbourFlags;
use core_netlink::vlan::{VlanFilter, VlanFlags, VlanSpec};
use core_netlink::{Conn, Error, IfIndex, MacAddr, Protocol};
use vetch_tests::{lab, skip};

fn set_master(conn: &mut Conn, master: IfIndex) {
    conn.set_link(
        V0,
        &LinkSpec {
            master: Some(master),
            ..LinkSpec::default()
        },
    )
    .unwrap();
}

#[test]
fn forwarding_entries_are_read_made_again_and_removed() {
    check_copy(
        &[
            "ip link set v0 master br0",
            "bridge fdb add 02:00:00:00:00:11 dev v0 master static",
            "bridge fdb add 02:00:00:00:00:12 dev v0 master permanent",
            "bridge fdb add 02:00:00:00:00:13 dev br0 self permanent",
            "bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.1.1.7",
            "bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.1.1.8 port 4790 vni 11 via v1",
            "bridge fdb add 02:00:00:00:00:14 dev vx0 dst 10.1.1.9 static",
        ],
        &["bridge -j fdb show br br0", "bridge -j fdb show dev vx0"],
        |from, to| {
            set_master(to, BRIDGE);
            for filter in [
                FdbFilter {
                    bridge: Some(BRIDGE),
                    link: None,
                },
                FdbFilter {
                    bridge: None,
                    link: Some(VXLAN),
                },
            ] {
                let found = from.fdb(&filter).unwrap();
                let unicast = found
                    .iter()
                    .filter(|entry| !entry.lladdr.mac().unwrap().is_multicast());
                for entry in unicast {
                    let spec = entry.to_spec().unwrap();
                    // A station has one place; only the flood list has many.
                    let made = match spec.lladdr == MacAddr::default() {
                        true => to.append_fdb(&spec),
                        false => to.add_fdb(&spec),
                    };
                    assert!(
                        made.is_ok() || made.as_ref().is_err_and(Error::is_exists),
                        "{made:?}"
                    );
                }
            }
        },
        |conn| {
            for mac in [0x11, 0x12] {
                let lladdr = MacAddr([2, 0, 0, 0, 0, mac]);
                conn.delete_fdb(&FdbSpec {
                    link: V0,
                    lladdr,
                    flags: NeighbourFlags::MASTER,
                    ..FdbSpec::default()
                })
                .unwrap();
            }
            let lladdr = MacAddr([2, 0, 0, 0, 0, 0x13]);
            conn.delete_fdb(&FdbSpec {
                link: BRIDGE,
                lladdr,
                ..FdbSpec::default()
            })
            .unwrap();
            set_master(conn, NO_MASTER);
            for entry in conn
                .fdb(&FdbFilter {
                    bridge: None,
                    link: Some(VXLAN),
                })
                .unwrap()
            {
                conn.delete_fdb(&entry.to_spec().unwrap()).unwrap();
            }
        },
    );
}

#[test]
fn one_forwarding_entry_is_asked_for_and_a_bridge_is_flushed() {
    lab(|lab| {
        let node = machine(lab, "m");
        node.cmd("ip link set v0 master br0").ok();
        let mut conn = conn(&node, Protocol::Route);
        let lladdr = MacAddr([2, 0, 0, 0, 0, 0x11]);
        let (flags, life) = (NeighbourFlags::MASTER, FdbLife::Dynamic);
        let spec = FdbSpec {
            link: V0,
            lladdr,
            flags,
            life,
            ..FdbSpec::default()
        };
        conn.add_fdb(&spec).unwrap();
        assert!(conn.add_fdb(&spec).unwrap_err().is_exists());
        let key = FdbKey {
            link: BRIDGE,
            lladdr,
            ..FdbKey::default()
        };
        let found = conn.fdb_entry(&key).unwrap();
        assert_eq!((found.link, found.master), (V0, Some(BRIDGE)));
        let port = FdbKey {
            link: V0,
            master: true,
            ..key
        };
        assert_eq!(conn.fdb_entry(&port).unwrap().lladdr, found.lladdr);
        let flush = FdbFlush {
            link: BRIDGE,
            permanent: Some(false),
            ..FdbFlush::default()
        };
        conn.flush_fdb(&flush).unwrap();
        assert!(conn.fdb_entry(&key).unwrap_err().is_not_found());
        let own = FdbKey {
            link: BRIDGE,
            lladdr: MacAddr([2, 0, 0, 0, 1, 0]),
            ..FdbKey::default()
        };
        assert!(
            conn.fdb_entry(&own).is_ok(),
            "the port's own address is permanent"
        );
    });
}

#[test]
fn ports_are_listed_with_their_vlans() {
    lab(|lab| {
        let node = machine(lab, "m");
        node.cmd("ip link set v0 master br0").ok();
        let mut conn = conn(&node, Protocol::Route);
        let ports = conn.vlans(&VlanFilter::default()).unwrap();
        let port = ports.iter().find(|port| port.link == V0).unwrap();
        assert_eq!((port.name, port.master), ("v0".parse().ok(), Some(BRIDGE)));
        assert!(ports.iter().any(|port| port.link == BRIDGE));
        if port.vlans.is_empty() {
            skip!("CONFIG_BRIDGE_VLAN_FILTERING: ports without VLANs");
        }
        let flags = VlanFlags::UNTAGGED;
        let range = VlanSpec {
            last: Some(20.try_into().unwrap()),
            flags,
            ..VlanSpec::new(V0, 10.try_into().unwrap())
        };
        conn.add_vlans(&range).unwrap();
        let seen = look(&node, "bridge -j -compressvlans vlan show dev v0");
        assert_eq!(
            (
                &seen[0]["vlans"][1]["vlan"],
                &seen[0]["vlans"][1]["vlanEnd"]
            ),
            (&10.into(), &20.into())
        );
        let found = conn.vlans(&VlanFilter::default()).unwrap();
        let found = &found.iter().find(|port| port.link == V0).unwrap().vlans[1];
        assert_eq!((found.first, found.last, found.flags), (10, 20, flags));
        conn.delete_vlans(&range).unwrap();
    });
}
