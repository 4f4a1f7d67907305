//! Routes: made again elsewhere, filtered by the kernel, asked for, by the ten thousand.

use super::{V0, check_copy, conn, look, machine};
use core_netlink::addr::AddressFilter;
use core_netlink::route::{Metrics, RouteFilter, RouteProtocol, RouteQuery, RouteSpec, Table};
use core_netlink::{Change, Family, IfIndex, Prefix, Protocol};
use vetch_tests::lab;

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
