//! Bytes of `ip` of iproute2 6.1 and of Linux 6.18, the command above each.

mod any;

use super::*;
use crate::addr::Scope;
use crate::conn::{Conn, Record};
use crate::fake::Reply;
use crate::object::{Change, Family, Verb};
use crate::testing::{body, check_cuts, decode, hex, sorted};

fn spec(destination: &str) -> RouteSpec {
    RouteSpec {
        destination: destination.parse().unwrap(),
        ..RouteSpec::default()
    }
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

const V0: Option<IfIndex> = Some(IfIndex(3));

#[track_caller]
fn check_add(spec: &RouteSpec, words: &str) {
    assert_eq!(
        sorted::<12>(&body(&Change::add(spec))),
        sorted::<12>(&hex(words))
    );
}

#[test]
fn a_route_with_everything_is_that_of_ip() {
    // ip route add 10.5.0.0/16 via 10.1.1.1 dev v0 metric 5 src 10.1.1.2 mtu lock 1400 advmss 1200 table 1000 proto static
    let want = RouteSpec {
        gateway: ip("10.1.1.1"),
        link: V0,
        metric: Some(5),
        prefsrc: ip("10.1.1.2"),
        table: Some(Table(1000)),
        protocol: Some(RouteProtocol::Static),
        metrics: Metrics {
            lock: Some(MetricLocks::MTU),
            mtu: Some(1400),
            advmss: Some(1200),
            ..Metrics::default()
        },
        ..spec("10.5.0.0/16")
    };
    check_add(
        &want,
        "02 10 00 00 00 04 00 01 00000000   # AF_INET, /16, table in an attribute, static, global, unicast
         0800 0100 0a050000  0800 0500 0a010101  0800 0600 05000000  0800 0700 0a010102
         0800 0f00 e8030000                 # RTA_TABLE 1000
         0800 0400 03000000
         1c00 0800                          # RTA_METRICS
           0800 0100 04000000  0800 0200 78050000  0800 0800 b0040000",
    );
    let answer = hex("
        02 10 00 00 fc 04 00 01 00000000    # table RT_TABLE_COMPAT
        0800 0f00 e8030000  0800 0100 0a050000  0800 0600 05000000
        1c00 0800 0800 0100 04000000 0800 0200 78050000 0800 0800 b0040000
        0800 0700 0a010102  0800 0500 0a010101  0800 0400 03000000
    ");
    let found: Route = decode(RTM_NEWROUTE, &answer);
    let scope = Some(Scope::Global);
    let kind = Some(RouteType::Unicast);
    assert_eq!(
        found.to_spec(),
        Some(RouteSpec {
            scope,
            kind,
            ..want
        })
    );
    check_cuts::<Route, 12>(RTM_NEWROUTE, &answer);
}

#[test]
fn several_ways_are_those_of_ip() {
    // ip route add 10.6.0.0/16 nexthop via 10.1.1.1 dev v0 weight 2 nexthop via 10.1.1.3 dev v0 weight 5 onlink
    let hop = |gateway, weight, flags| NextHop {
        link: V0,
        gateway: ip(gateway),
        weight,
        flags,
        ..NextHop::default()
    };
    let ways = vec![
        hop("10.1.1.1", 2, HopFlags::NONE),
        hop("10.1.1.3", 5, HopFlags::ONLINK),
    ];
    let want = RouteSpec {
        multipath: ways.clone(),
        ..spec("10.6.0.0/16")
    };
    let words = "
        02 10 00 00 fe 03 00 01 00000000    # main, boot
        0800 0100 0a060000
        2400 0900                           # RTA_MULTIPATH
          1000 00 01 03000000  0800 0500 0a010101 # struct rtnexthop: length, flags, weight - 1, link
          1000 04 04 03000000  0800 0500 0a010103
    ";
    check_add(&want, words);
    let found: Route = decode(RTM_NEWROUTE, &hex(words));
    assert_eq!(
        (found.multipath, found.gateway, found.link),
        (ways, None, None)
    );
    check_cuts::<Route, 12>(RTM_NEWROUTE, &hex(words));
}

#[test]
fn a_way_that_lies_about_its_length_is_an_error() {
    for length in ["0000", "0400", "1100", "ff00"] {
        let words = format!(
            "02 10 00 00 fe 03 00 01 00000000  1400 0900 {length} 00 01 03000000 0800 0500 0a010101"
        );
        assert!(
            Route::decode(RTM_NEWROUTE, &hex(&words)).is_err(),
            "{length}"
        );
    }
}

#[test]
fn a_gateway_of_the_other_family_goes_by_via() {
    // ip route add 10.7.0.0/16 via inet6 fe80::1 dev v0
    let words = "
        02 10 00 00 fe 03 00 01 00000000  0800 0100 0a070000
        1600 1200 0a00 fe800000000000000000000000000001 0000   # RTA_VIA: family, address
        0800 0400 03000000
    ";
    check_add(
        &RouteSpec {
            gateway: ip("fe80::1"),
            link: V0,
            ..spec("10.7.0.0/16")
        },
        words,
    );
    let found: Route = decode(RTM_NEWROUTE, &hex(words));
    assert_eq!(found.gateway, ip("fe80::1"));
    check_cuts::<Route, 12>(RTM_NEWROUTE, &hex(words));
}

#[test]
fn ipv6_knows_preference_and_expiry() {
    // ip -6 route add 2001:db8:5::/48 via fe80::9 dev v1 expires 100 pref high
    let want = RouteSpec {
        gateway: ip("fe80::9"),
        link: Some(IfIndex(2)),
        expires: Some(100),
        preference: Some(Preference::High),
        ..spec("2001:db8:5::/48")
    };
    check_add(
        &want,
        "0a 30 00 00 fe 03 00 01 00000000
         1400 0100 20010db8000500000000000000000000
         1400 0500 fe800000000000000000000000000009
         0800 1700 64000000                 # RTA_EXPIRES
         0500 1400 01 000000                # RTA_PREF
         0800 0400 02000000",
    );
    let answer = hex("
        0a 30 00 00 fe 03 00 01 00000000  0800 0f00 fe000000
        1400 0100 20010db8000500000000000000000000
        0800 0600 00040000
        1400 0500 fe800000000000000000000000000009
        0800 0400 02000000
        2400 0c00 00000000 00000000 0e270000 00000000 00000000 00000000 00000000 00000000 # RTA_CACHEINFO
        0500 1400 01 000000
    ");
    let found: Route = decode(RTM_NEWROUTE, &answer);
    assert_eq!((found.metric, found.expires_in()), (Some(1024), Some(99)));
    assert_eq!(found.preference, Some(Preference::High));
    check_cuts::<Route, 12>(RTM_NEWROUTE, &answer);
}

#[test]
fn deleting_matches_whatever_is_not_given() {
    // ip route del 10.6.0.0/16
    let request = Change::delete(spec("10.6.0.0/16"));
    assert_eq!(
        body(&request),
        hex("02 10 00 00 fe 00 ff 00 00000000  0800 0100 0a060000")
    );
}

#[test]
fn scope_and_table_follow_from_the_type_as_in_ip() {
    let header = |kind, gateway| {
        let spec = RouteSpec {
            kind: Some(kind),
            gateway,
            ..spec("10.0.0.1/32")
        };
        let bytes = body(&Change::new(Verb::Add, &spec));
        (Table(bytes[4].into()), Scope::from(bytes[6]))
    };
    assert_eq!(header(RouteType::Unicast, None), (Table::MAIN, Scope::Link));
    assert_eq!(
        header(RouteType::Unicast, ip("10.0.0.2")),
        (Table::MAIN, Scope::Global)
    );
    assert_eq!(header(RouteType::Local, None), (Table::LOCAL, Scope::Host));
    assert_eq!(
        header(RouteType::Broadcast, None),
        (Table::LOCAL, Scope::Link)
    );
    assert_eq!(
        header(RouteType::Blackhole, None),
        (Table::MAIN, Scope::Global)
    );
}

#[test]
fn questions_are_those_of_ip() {
    // ip route get 10.7.1.1 from 10.1.1.2 oif v0 mark 5
    let to = ip("10.7.1.1").unwrap();
    let query = RouteQuery {
        from: ip("10.1.1.2"),
        oif: V0,
        mark: Some(5),
        ..RouteQuery::to(to)
    };
    let words = "02 20 20 00 00 00 00 00 00100000  0800 0100 0a070101  0800 0200 0a010102  0800 0400 03000000  0800 1000 05000000";
    assert_eq!(body(&query), hex(words));
    let answer = hex("
        02 20 20 00 fe 00 00 01 00020000    # RTM_F_CLONED
        0800 0f00 fe000000  0800 0100 0a070101  0800 0200 0a010102  0800 0400 03000000
        1600 1200 0a00 fe800000000000000000000000000001 0000
        0800 1000 05000000                  # RTA_MARK
        0800 1900 00000000                  # RTA_UID
        2400 0c00 00020000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    ");
    let found: Route = decode(RTM_NEWROUTE, &answer);
    assert_eq!(found.source, Some("10.1.1.2/32".parse().unwrap()));
    assert_eq!((found.mark, found.uid), (Some(5), Some(0)));
    assert_eq!(found.flags, RouteFlags::CLONED);
    check_cuts::<Route, 12>(RTM_NEWROUTE, &answer);
}

#[test]
fn lists_are_restricted_by_the_kernel() {
    // ip route show table 1000
    let table = Some(Table(1000));
    let filter = RouteFilter {
        family: Some(Family::V4),
        table,
        ..RouteFilter::default()
    };
    assert_eq!(
        body(&filter),
        hex("02 00 00 00 00 00 00 00 00000000  0800 0f00 e8030000")
    );
    let filter = RouteFilter {
        protocol: Some(RouteProtocol::Static),
        link: V0,
        ..RouteFilter::default()
    };
    assert_eq!(
        body(&filter),
        hex("00 00 00 00 00 04 00 00 00000000  0800 0400 03000000")
    );
    assert_eq!(
        body(&RouteFilter {
            cache: true,
            ..RouteFilter::default()
        })[8..],
        hex("00020000")
    );
}

#[test]
fn labels_are_listed_as_labels() {
    let words = hex("
        1c 14 00 00 fe 04 00 01 00000000    # AF_MPLS, 20 bits
        0800 0100 00064100                  # label 100, bottom of the stack
        0800 1300 000c8100                  # RTA_NEWDST 200
        0500 1a00 01 000000                 # RTA_TTL_PROPAGATE
    ");
    let found: Route = decode(RTM_NEWROUTE, &words);
    assert_eq!(found.ttl_propagate, Some(true));
    assert_eq!((found.family, found.destination), (Family::Mpls, None));
    assert_eq!(
        (found.label, found.new_labels.as_deref()),
        (Some(100), Some(&[200][..]))
    );
    assert_eq!(found.to_spec(), None);
    check_cuts::<Route, 12>(RTM_NEWROUTE, &words);
}

#[test]
fn an_encapsulation_is_kept_and_given_back() {
    let attributes = hex("0800 0200 0a000001");
    let encap = Some(Box::new(Encap {
        kind: 2,
        attributes,
    }));
    let want = RouteSpec {
        link: V0,
        encap,
        ..spec("10.8.0.0/16")
    };
    let found: Route = decode(RTM_NEWROUTE, &body(&Change::add(&want)));
    assert_eq!(found.to_spec().unwrap().encap, want.encap);
}

#[test]
fn contradictions_are_refused_before_the_first_byte() {
    let mut conn = Conn::fake(|_| panic!("sent"));
    let hop = |weight| NextHop {
        weight,
        ..NextHop::default()
    };
    let rows = [
        (
            RouteSpec {
                prefsrc: ip("::1"),
                ..spec("10.0.0.0/8")
            },
            "source ::1 is of another",
        ),
        (
            RouteSpec {
                gateway: ip("10.0.0.1"),
                multipath: vec![hop(1)],
                ..spec("10.0.0.0/8")
            },
            "beside several ways",
        ),
        (
            RouteSpec {
                multipath: vec![hop(257)],
                ..spec("10.0.0.0/8")
            },
            "weight 257",
        ),
    ];
    for (spec, why) in rows {
        let err = conn.add_route(&spec).unwrap_err();
        assert!(
            err.is_invalid() && format!("{err:?}").contains(why),
            "{err:?}"
        );
        assert!(conn.batch([Change::add(&spec)]).unwrap_err().is_invalid());
    }
}

#[track_caller]
fn check_words(spec: &RouteSpec, words: &str) {
    let mut conn = Conn::fake(|_| Reply::Errno(101));
    assert_eq!(
        conn.add_route(spec).unwrap_err().to_string(),
        format!("cannot add {words}")
    );
}

#[test]
fn errors_name_the_route() {
    let via = ip("10.1.1.1");
    check_words(
        &RouteSpec {
            gateway: via,
            ..spec("10.0.0.0/8")
        },
        "route 10.0.0.0/8 via 10.1.1.1",
    );
    check_words(
        &RouteSpec {
            gateway: via,
            link: V0,
            ..spec("0.0.0.0/0")
        },
        "default route via 10.1.1.1 on link 3",
    );
    check_words(
        &RouteSpec {
            kind: Some(RouteType::Blackhole),
            table: Some(Table(7)),
            ..spec("10.0.0.0/8")
        },
        "blackhole route 10.0.0.0/8 in table 7",
    );
    let hop = NextHop {
        gateway: via,
        ..NextHop::default()
    };
    check_words(
        &RouteSpec {
            multipath: vec![hop.clone(), hop],
            ..spec("10.0.0.0/8")
        },
        "route 10.0.0.0/8 via 10.1.1.1 and 1 more",
    );
}

#[test]
fn a_batch_says_which_route_failed() {
    let mut count = 0;
    let mut conn = Conn::fake(move |_| {
        count += 1;
        if count == 300 {
            Reply::Errno(17)
        } else {
            Reply::Ack
        }
    });
    let routes = (0..1000u32).map(|i| RouteSpec {
        destination: crate::Prefix::new(IpAddr::from((0x0a00_0000 + i).to_be_bytes()), 32).unwrap(),
        ..RouteSpec::default()
    });
    let failed = conn.batch(routes.map(Change::add)).unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].index, failed[0].error.is_exists()), (299, true));
    assert_eq!(failed[0].error.op(), "add route 10.0.1.43/32");
}
