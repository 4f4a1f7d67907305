//! Addresses, routes, rules, neighbours and the rest on the real kernel, compared with what `ip` and `bridge` make and see.

use core_netlink::addr::{
    AddressFilter, AddressFlags, AddressProtocol, AddressSpec, Broadcast, Lifetimes, Scope,
};
use core_netlink::diag::Transport;
use core_netlink::fdb::{FdbFilter, FdbFlush, FdbKey, FdbLife, FdbSpec};
use core_netlink::link::{LinkSpec, NO_MASTER};
use core_netlink::neigh::{
    NeighbourFilter, NeighbourFlags, NeighbourKey, NeighbourSpec, NeighbourState,
};
use core_netlink::nsid::NsRef;
use core_netlink::route::{Metrics, RouteFilter, RouteProtocol, RouteQuery, RouteSpec, Table};
use core_netlink::rule::{RuleAction, RuleFilter, RuleSpec, RuleTerms};
use core_netlink::vlan::{VlanFilter, VlanFlags, VlanSpec};
use core_netlink::{Change, Conn, Error, Family, IfIndex, MacAddr, NsId, Prefix, Protocol};
use serde_json::Value;
use std::os::fd::AsFd;
use vetch_tests::{Lab, Node, lab, skip};

const V0: IfIndex = IfIndex(3);
const BRIDGE: IfIndex = IfIndex(4);
const VXLAN: IfIndex = IfIndex(5);

/// A machine with a veth pair (v1 is 2, v0 is 3), a bridge (4) with v0 as its port, and a VXLAN (5); always alike.
fn machine(lab: &Lab, name: &str) -> Node {
    let node = lab.machine(name);
    for words in [
        "ip link add v0 index 3 address 02:00:00:00:01:00 type veth peer name v1 index 2 address 02:00:00:00:01:01",
        "ip link add br0 index 4 address 02:00:00:00:01:02 type bridge mcast_snooping 0",
        "ip link add vx0 index 5 address 02:00:00:00:01:03 type vxlan id 10 dstport 4789",
    ] {
        node.cmd(words).ok();
    }
    for link in ["v0", "v1", "br0", "vx0"] {
        node.cmd(&format!("ip link set {link} addrgenmode none"))
            .ok();
        node.cmd(&format!("ip link set {link} up")).ok();
    }
    node
}

fn conn(node: &Node, protocol: Protocol) -> Conn {
    node.run(|| Conn::open(protocol)).unwrap()
}

/// What a command shows, without what runs.
#[track_caller]
fn look(node: &Node, words: &str) -> Value {
    let mut shown = node.cmd(words).ok().json();
    strip(&mut shown);
    shown
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let runs = [
                "used",
                "confirmed",
                "updated",
                "refcnt",
                "probes",
                "expires",
            ];
            map.retain(|key, _| !runs.contains(&key.as_str()));
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => {
            list.iter_mut().for_each(strip);
            // The kernel reports to multicast groups when it likes.
            list.retain(|entry| {
                entry["dst"]
                    .as_str()
                    .is_none_or(|dst| !dst.starts_with("ff02::"))
            });
            list.sort_by_key(Value::to_string); // hash tables list in any order
        }
        _ => {}
    }
}

/// What the reference tool makes on one machine is read there by us and made again on a second: the reference tool must see
/// the same on both. Cleared by us, the second must look like a third that nothing was done to.
fn check_copy(
    words: &'static [&'static str],
    looks: &'static [&'static str],
    copy: fn(&mut Conn, &mut Conn),
    clear: fn(&mut Conn),
) {
    lab(move |lab| {
        let [reference, ours, fresh] =
            ["reference", "ours", "fresh"].map(|name| machine(lab, name));
        for words in words {
            reference.cmd(words).ok();
        }
        let mut to = conn(&ours, Protocol::Route);
        copy(&mut conn(&reference, Protocol::Route), &mut to);
        for words in looks {
            assert_ne!(
                look(&reference, words),
                look(&fresh, words),
                "nothing was made: {words}"
            );
            assert_eq!(look(&reference, words), look(&ours, words), "{words}");
        }
        clear(&mut to);
        for words in looks {
            assert_eq!(
                look(&ours, words),
                look(&fresh, words),
                "after clearing: {words}"
            );
        }
    });
}

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

#[test]
fn routes_are_read_made_again_and_removed() {
    check_copy(
        &[
            "ip address add 10.1.1.2/24 dev v0",
            "ip route add default via 10.1.1.1",
            "ip route add 10.5.0.0/16 via 10.1.1.1 dev v0 metric 5 src 10.1.1.2 mtu lock 1400 advmss 1200 initcwnd 20 rto_min 5 table 1000 proto static",
            "ip route add 10.5.0.0/16 via 10.1.1.3 congctl reno quickack 1 table 1000 metric 6 proto bgp",
            "ip route add 10.6.0.0/16 nexthop via 10.1.1.1 dev v0 weight 2 nexthop via 10.99.1.3 dev v0 weight 5 onlink",
            "ip route add 10.7.0.0/16 via inet6 fe80::1 dev v0",
            "ip route add 10.8.0.0/16 dev v0 scope host tos 0x10",
            "ip route append 10.7.0.0/16 via 10.1.1.7 dev v0",
            "ip route add 192.0.2.9 via 10.66.0.1 dev v0 onlink",
            "ip route add blackhole 10.10.0.0/16",
            "ip route add unreachable 10.11.0.0/16 metric 9",
            "ip route add prohibit 10.12.0.0/16",
            "ip route add throw 10.13.0.0/16 table 77",
            "ip route add local 10.14.0.0/16 dev lo",
            "ip address add 2001:db8::2/64 dev v0 nodad",
            "ip -6 route add default via 2001:db8::1 pref low",
            "ip -6 route add 2001:db8:5::/48 via fe80::9 dev v1 expires 1000 pref high mtu 1280",
            "ip -6 route add 2001:db8:6::/48 nexthop via 2001:db8::1 weight 3 nexthop via 2001:db8::3",
            "ip -6 route add blackhole 2001:db8:7::/48 table 500",
        ],
        &[
            "ip -j -d -4 route show table all",
            "ip -j -d -6 route show table all",
        ],
        |from, to| {
            for address in from
                .addresses(&AddressFilter {
                    link: Some(V0),
                    ..AddressFilter::default()
                })
                .unwrap()
            {
                to.add_address(&address.to_spec()).unwrap();
            }
            let routes = from.routes(&RouteFilter::default()).unwrap();
            let own = routes
                .iter()
                .filter(|route| route.protocol != RouteProtocol::Kernel);
            let mut specs: Vec<_> = own.filter_map(|route| route.to_spec()).collect();
            specs.sort_by_key(|spec| spec.gateway.is_some() || !spec.multipath.is_empty());
            assert!(specs.len() >= 17, "{specs:#?}");
            let failed = to.batch(specs.iter().map(Change::append)).unwrap();
            assert!(failed.is_empty(), "{failed:?}");
        },
        |conn| {
            let routes = conn.routes(&RouteFilter::default()).unwrap();
            let own = routes
                .iter()
                .filter(|route| route.protocol != RouteProtocol::Kernel);
            for route in own {
                conn.delete_route(&route.to_spec().unwrap()).unwrap();
            }
            for address in conn
                .addresses(&AddressFilter {
                    link: Some(V0),
                    ..AddressFilter::default()
                })
                .unwrap()
            {
                conn.delete_address(&address.to_spec()).unwrap();
            }
        },
    );
}

#[test]
fn the_kernel_chooses_the_routes_of_a_filter() {
    lab(|lab| {
        let node = machine(lab, "m");
        node.cmd("ip address add 10.1.1.2/24 dev v0").ok();
        node.cmd("ip route add 10.5.0.0/16 via 10.1.1.1 table 1000 proto static")
            .ok();
        node.cmd("ip route add blackhole 10.6.0.0/16 table 7").ok();
        let mut conn = conn(&node, Protocol::Route);
        let mut count = |filter| conn.routes(&filter).unwrap().len();
        let v4 = RouteFilter {
            family: Some(Family::V4),
            ..RouteFilter::default()
        };
        assert_eq!(
            count(RouteFilter {
                table: Some(Table(1000)),
                ..v4
            }),
            1
        );
        assert_eq!(
            count(RouteFilter {
                table: Some(Table::MAIN),
                ..v4
            }),
            1
        );
        assert_eq!(
            count(RouteFilter {
                protocol: Some(RouteProtocol::Static),
                ..v4
            }),
            1
        );
        assert_eq!(
            count(RouteFilter {
                kind: Some(core_netlink::route::RouteType::Blackhole),
                ..v4
            }),
            1
        );
        assert_eq!(
            count(RouteFilter {
                link: Some(V0),
                table: Some(Table::MAIN),
                ..RouteFilter::default()
            }),
            1
        );
        assert_eq!(count(RouteFilter { cache: true, ..v4 }), 0);
        let absent = RouteFilter {
            table: Some(Table(4711)),
            ..v4
        };
        assert!(conn.routes(&absent).unwrap_err().is_not_found());
    });
}

#[test]
fn the_route_of_a_packet_is_the_one_ip_tells() {
    lab(|lab| {
        let node = machine(lab, "m");
        node.cmd("ip address add 10.1.1.2/24 dev v0").ok();
        node.cmd("ip route add default via 10.1.1.1").ok();
        node.cmd("ip rule add fwmark 5 table 77").ok();
        node.cmd("ip route add default via 10.1.1.9 table 77").ok();
        let mut conn = conn(&node, Protocol::Route);
        let to = RouteQuery::to("192.0.2.1".parse().unwrap());
        let mut via = |query, words: &str| {
            let route = conn.get_route(&query).unwrap();
            assert_eq!(
                look(&node, words)[0]["gateway"],
                route.gateway.unwrap().to_string(),
                "{words}"
            );
            route
        };
        let route = via(to, "ip -j route get 192.0.2.1");
        assert_eq!(
            (route.link, route.prefsrc),
            (Some(V0), Some("10.1.1.2".parse().unwrap()))
        );
        let marked = via(
            RouteQuery {
                mark: Some(5),
                ..to
            },
            "ip -j route get 192.0.2.1 mark 5",
        );
        assert_eq!(marked.table, Table(77));
        via(
            RouteQuery {
                from: Some("10.1.1.2".parse().unwrap()),
                oif: Some(V0),
                ..to
            },
            "ip -j route get 192.0.2.1 from 10.1.1.2 oif v0",
        );
        via(
            RouteQuery {
                ip_proto: Some(6),
                sport: Some(5),
                dport: Some(80),
                uid: Some(9),
                ..to
            },
            "ip -j route get 192.0.2.1 ipproto tcp sport 5 dport 80 uid 9",
        );
        let matched = conn
            .get_route(&RouteQuery {
                fib_match: true,
                ..to
            })
            .unwrap();
        assert!(matched.is_default());
        let err = conn
            .get_route(&RouteQuery {
                oif: Some(IfIndex(99)),
                ..to
            })
            .unwrap_err();
        assert!(err.is_not_found(), "{err:?}");
        assert!(
            err.to_string()
                .starts_with("cannot find the route to 192.0.2.1")
        );
    });
}

#[test]
fn ten_thousand_routes_stream_and_each_error_finds_its_route() {
    lab(|lab| {
        let node = machine(lab, "m");
        let mut conn = conn(&node, Protocol::Route);
        let spec = |number: u32| RouteSpec {
            destination: Prefix::new((0x1400_0000 + number * 256).to_be_bytes().into(), 24)
                .unwrap(),
            link: Some(V0),
            metrics: Metrics {
                mtu: Some(1400),
                ..Metrics::default()
            },
            ..RouteSpec::default()
        };
        conn.add_route(&spec(5000)).unwrap();
        let failed = conn.batch((0..10_000).map(spec).map(Change::add)).unwrap();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].index, 5000);
        assert!(failed[0].error.is_exists());
        let mut count = 0;
        let filter = RouteFilter {
            link: Some(V0),
            family: Some(Family::V4),
            ..RouteFilter::default()
        };
        conn.dump_each(&filter, |route| {
            assert_eq!(route.metrics.unwrap().mtu, Some(1400));
            count += 1;
        })
        .unwrap();
        assert_eq!(count, 10_000);
        let failed = conn
            .batch((0..10_000).map(spec).map(Change::delete))
            .unwrap();
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(conn.routes(&filter).unwrap(), []);
    });
}

#[test]
fn rules_are_read_made_again_and_removed() {
    check_copy(
        &[
            "ip rule add not from 10.0.0.0/8 to 10.3.0.0/16 fwmark 0x1/0xff iif lo uidrange 5-10 ipproto tcp sport 5-6 dport 80 table 1000 priority 100 suppress_prefixlength 0",
            "ip rule add goto 32766 priority 50",
            "ip rule add nop priority 51",
            "ip rule add blackhole from 10.9.9.9 priority 52 protocol 99",
            "ip rule add prohibit to 10.9.9.9 oif v9 priority 53 tos 0x10",
            "ip rule add unreachable tun_id 7 priority 54",
            "ip rule add table 77 priority 55 suppress_ifgroup 5",
            "ip -6 rule add from fd00::/8 table 500 priority 56",
        ],
        &["ip -j -d rule show", "ip -j -d -6 rule show"],
        |from, to| {
            for rule in from.rules(&RuleFilter::default()).unwrap() {
                let made = to.add_rule(&rule.to_spec());
                let there = [0, 32766, 32767].contains(&rule.priority());
                assert!(made.is_ok() != there, "{rule:?}: {made:?}");
            }
        },
        |conn| {
            for rule in conn.rules(&RuleFilter::default()).unwrap() {
                if (50..=100).contains(&rule.priority()) {
                    conn.delete_rule(&rule.to_spec()).unwrap();
                }
            }
        },
    );
}

#[test]
fn a_rule_is_found_by_its_family_and_removed_by_what_is_given() {
    lab(|lab| {
        let node = machine(lab, "m");
        let mut conn = conn(&node, Protocol::Route);
        let spec = RuleSpec {
            from: Some("fd00::/8".parse().unwrap()),
            action: Some(RuleAction::Lookup(Table(300))),
            terms: RuleTerms {
                priority: Some(5),
                ..RuleTerms::default()
            },
            ..RuleSpec::default()
        };
        conn.add_rule(&spec).unwrap();
        assert!(conn.add_rule(&spec).unwrap_err().is_exists());
        let v6 = conn
            .rules(&RuleFilter {
                family: Some(Family::V6),
            })
            .unwrap();
        assert!(v6.iter().all(|rule| rule.family == Family::V6));
        assert_eq!(v6.iter().filter(|rule| rule.from == spec.from).count(), 1);
        conn.delete_rule(&RuleSpec {
            from: spec.from,
            ..RuleSpec::default()
        })
        .unwrap();
        assert!(conn.delete_rule(&spec).unwrap_err().is_not_found());
    });
}

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

#[test]
fn namespaces_have_numbers() {
    lab(|lab| {
        let (here, blue) = (machine(lab, "m"), lab.anonymous("blue"));
        let mut conn = conn(&here, Protocol::Route);
        let of = NsRef::Fd(blue.net().as_fd());
        assert_eq!(conn.nsid(of).unwrap(), None);
        let seven = NsId::try_from(7).unwrap();
        conn.set_nsid(of, Some(seven)).unwrap();
        assert_eq!(conn.nsid(of).unwrap(), Some(seven));
        assert_eq!(conn.nsids().unwrap(), [seven]);
        assert!(conn.set_nsid(of, None).unwrap_err().is_exists());
        assert_eq!(look(&here, "ip -j netns list-id")[0]["nsid"], 7);
        let green = lab.anonymous("green");
        conn.set_nsid(NsRef::Fd(green.net().as_fd()), None).unwrap();
        assert_eq!(conn.nsids().unwrap().len(), 2);
    });
}

#[test]
fn whoever_holds_a_port_is_found() {
    lab(|lab| {
        let node = machine(lab, "m");
        node.cmd("ip address add 10.1.1.2/24 dev v0").ok();
        let _tcp = node.tcp_server("10.1.1.2:8080");
        let _tcp6 = node.tcp_server("[::]:8081");
        let _udp = node.udp_server("0.0.0.0:53");
        let mut conn = conn(&node, Protocol::SockDiag);
        let mut holders =
            |transport, at: &str| conn.port_holders(transport, at.parse().unwrap()).unwrap();
        let found = holders(Transport::Tcp, "0.0.0.0:8080");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].local.to_string(), "10.1.1.2:8080");
        let link = format!("socket:[{}]", found[0].inode);
        let ours = std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        assert!(
            ours.into_iter()
                .any(|target| target.as_os_str() == link.as_str()),
            "{link}"
        );
        assert_eq!(holders(Transport::Tcp, "127.0.0.1:8080"), []);
        assert_eq!(
            holders(Transport::Tcp, "10.1.1.2:8081").len(),
            1,
            "an IPv6 socket holds IPv4 too"
        );
        assert_eq!(holders(Transport::Udp, "10.1.1.2:53").len(), 1);
        assert_eq!(holders(Transport::Udp, "10.1.1.2:54"), []);
    });
}

#[test]
fn generic_families_are_found_by_name() {
    lab(|lab| {
        let mut conn = conn(lab, Protocol::Generic);
        let control = conn.generic_family("nlctrl").unwrap();
        assert_eq!((control.id, control.group("notify")), (16, Some(16)));
        assert!(conn.generic_family("no-such").unwrap_err().is_not_found());
        let all = conn.generic_families().unwrap();
        assert!(all.contains(&control), "{all:?}");
    });
}
