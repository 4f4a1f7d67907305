//! Traffic control on the real kernel: made by the library and seen by `tc`, made by `tc` and read by the library.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: a panic is how a test fails"
)]

use core_netlink::link::LinkRef;
use core_netlink::tc::*;
use core_netlink::{Conn, IfIndex, Protocol};
use serde_json::Value;
use std::net::UdpSocket;
use std::time::Duration;
use vetch_tests::{Lab, lab, skip};

fn conn() -> Conn {
    Conn::open(Protocol::Route).unwrap()
}

fn index(conn: &mut Conn, name: &str) -> IfIndex {
    conn.get_link(name.parse::<LinkRef>().unwrap())
        .unwrap()
        .index
}

/// A pair and an ifb, up; the index of the first end and of the ifb.
fn links(lab: &Lab, conn: &mut Conn) -> (IfIndex, IfIndex) {
    lab.fixture(|| {
        lab.cmd("ip link add vt0 type veth peer name vt1").ok();
        lab.cmd("ip link add ifb7 type ifb").ok();
        for dev in ["vt0", "vt1", "ifb7"] {
            lab.cmd(&format!("ip link set {dev} up")).ok();
        }
    });
    (index(conn, "vt0"), index(conn, "ifb7"))
}

fn tbf() -> Tbf {
    Tbf {
        rate: 1_000_000,
        burst: 10_240,
        limit: 30_000,
        peak: None,
    }
}

fn qdisc(link: IfIndex, kind: QdiscKind) -> QdiscSpec {
    QdiscSpec {
        link,
        kind: Some(kind),
        ..QdiscSpec::default()
    }
}

/// The one that somebody made, as tc shows it; its JSON leaves the peak rate out, its text does not.
fn seen(lab: &Lab) -> (Value, String) {
    let json = lab.cmd("tc -j qdisc show dev vt0").ok().json();
    let text = lab.cmd("tc qdisc show dev vt0").ok().stdout;
    (json[0].clone(), text)
}

fn of(conn: &mut Conn, link: IfIndex) -> Vec<Qdisc> {
    let link = Some(link);
    conn.qdiscs(&QdiscFilter { link }).unwrap()
}

#[test]
fn a_tbf_is_what_tc_makes() {
    lab(|lab| {
        let mut conn = conn();
        let (vt0, _) = links(lab, &mut conn);
        let mut peaked = Tbf {
            peak: Some(TbfPeak {
                rate: 2_000_000,
                mtu: 1600,
            }),
            ..tbf()
        };
        peaked.limit = peaked.limit_of(Duration::from_millis(50));
        let more = "peakrate 16mbit mtu 1600 latency 50ms";
        for (tbf, words) in [(tbf(), "limit 30000"), (peaked, more)] {
            let spec = QdiscSpec {
                handle: Some(Handle::new(1, 0)),
                ..qdisc(vt0, QdiscKind::Tbf(tbf))
            };
            conn.add_qdisc(&spec).unwrap();
            let ours = seen(lab);
            assert_eq!(ours.0["options"]["rate"], 1_000_000);
            let found = of(&mut conn, vt0);
            assert_eq!((found.len(), &found[0].kind), (1, &QdiscKind::Tbf(tbf)));
            assert_eq!(found[0].parent, Handle::ROOT);
            assert!(conn.add_qdisc(&spec).unwrap_err().is_exists());
            conn.delete_qdisc(&spec).unwrap();
            let any = QdiscSpec {
                link: vt0,
                ..QdiscSpec::default()
            };
            assert!(conn.delete_qdisc(&any).unwrap_err().is_not_found());
            lab.cmd(&format!(
                "tc qdisc add dev vt0 root handle 1: tbf rate 8mbit burst 10kb {words}"
            ))
            .ok();
            assert_eq!(seen(lab), ours);
            conn.replace_qdisc(&spec).unwrap();
            assert_eq!(seen(lab), ours);
            conn.delete_qdisc(&spec).unwrap();
        }
    });
}

#[test]
fn what_replaces_a_tbf_changes_it() {
    lab(|lab| {
        let mut conn = conn();
        let (vt0, _) = links(lab, &mut conn);
        let spec = qdisc(vt0, QdiscKind::Tbf(tbf()));
        conn.replace_qdisc(&spec).unwrap();
        let slower = Tbf {
            rate: 500_000,
            ..tbf()
        };
        let slower = qdisc(vt0, QdiscKind::Tbf(slower));
        conn.replace_qdisc(&slower).unwrap();
        let found = of(&mut conn, vt0);
        assert_eq!((found.len(), Some(found[0].kind.clone())), (1, slower.kind));
        assert_eq!(seen(lab).0["options"]["rate"], 500_000);
        conn.delete_qdisc(&spec).unwrap();
    });
}

#[test]
fn a_rate_of_64_bits_arrives() {
    lab(|lab| {
        let mut conn = conn();
        let (vt0, _) = links(lab, &mut conn);
        let fast = Tbf {
            rate: 6_250_000_000,
            burst: 10 << 20,
            limit: 322_985_760,
            peak: None,
        };
        conn.add_qdisc(&qdisc(vt0, QdiscKind::Tbf(fast))).unwrap();
        assert_eq!(seen(lab).0["options"]["rate"], 6_250_000_000_u64);
        let QdiscKind::Tbf(found) = of(&mut conn, vt0)[0].kind.clone() else {
            panic!()
        };
        assert_eq!((found.rate, found.limit), (fast.rate, fast.limit));
        assert!(fast.burst - found.burst <= 400, "{found:?}");
        let gone = QdiscSpec {
            link: vt0,
            ..QdiscSpec::default()
        };
        conn.delete_qdisc(&gone).unwrap();
    });
}

#[test]
fn what_tc_makes_is_read() {
    lab(|lab| {
        let mut conn = conn();
        let (vt0, ifb) = links(lab, &mut conn);
        lab.cmd("tc qdisc add dev vt0 root handle 7: tbf rate 24mbit burst 5kb limit 40000 peakrate 48mbit mtu 2000")
            .ok();
        lab.cmd("tc qdisc add dev vt0 clsact").ok();
        lab.cmd("tc qdisc add dev ifb7 root handle 2: htb").ok();
        let found = of(&mut conn, vt0);
        let tbf = Tbf {
            rate: 3_000_000,
            burst: 5120,
            limit: 40_000,
            peak: Some(TbfPeak {
                rate: 6_000_000,
                mtu: 2000,
            }),
        };
        assert_eq!(found[0].kind, QdiscKind::Tbf(tbf));
        assert_eq!(
            (found[0].handle, found[0].parent),
            (Handle::new(7, 0), Handle::ROOT)
        );
        assert_eq!(
            (&found[1].kind, found[1].parent),
            (&QdiscKind::Clsact, Handle::CLSACT)
        );
        let htb = of(&mut conn, ifb);
        assert_eq!((htb.len(), htb[0].kind.name()), (1, "htb"));
        let all = conn.qdiscs(&QdiscFilter::default()).unwrap();
        assert!(all.iter().any(|qdisc| qdisc.kind.name() == "noqueue") && all.len() > 3);
        for qdisc in found.iter().chain(&htb) {
            conn.delete_qdisc(&qdisc.to_spec()).unwrap();
        }
    });
}

fn to_ifb(ifb: IfIndex, mode: MirredMode) -> Vec<Action> {
    vec![Action::Mirred(Mirred {
        link: ifb,
        mode,
        control: None,
    })]
}

/// TCP to 10.0.0.0/8.
fn words() -> U32 {
    let to = U32Key {
        value: 0x0a00_0000,
        mask: 0xff00_0000,
        offset: 16,
    };
    let tcp = U32Key {
        value: 0x0006_0000,
        mask: 0x00ff_0000,
        offset: 8,
    };
    U32 {
        keys: vec![to, tcp],
        ..U32::default()
    }
}

/// What tc shows of the last row, without what depends on earlier tests.
fn shown(lab: &Lab, way: &str) -> Value {
    let rows = lab
        .cmd(&format!("tc -j filter show dev vt0 {way}"))
        .ok()
        .json();
    let mut row = rows.as_array().unwrap().last().unwrap().clone();
    row["options"]["actions"][0]["index"].take();
    row
}

#[test]
fn a_u32_filter_with_mirred_is_what_tc_makes() {
    lab(|lab| {
        let mut conn = conn();
        let (vt0, ifb) = links(lab, &mut conn);
        conn.add_qdisc(&qdisc(vt0, QdiscKind::Ingress)).unwrap();
        let here = (vt0, Handle::INGRESS);
        for (spec, words) in [
            (
                FilterSpec {
                    priority: Some(20),
                    protocol: Some(EtherType::Ip),
                    kind: Some(FilterKind::U32(words())),
                    actions: to_ifb(ifb, MirredMode::EgressMirror),
                    ..FilterSpec::default()
                },
                "prio 20 protocol ip u32 match ip dst 10.0.0.0/8 match ip protocol 6 0xff action mirred egress mirror dev ifb7",
            ),
            (
                FilterSpec {
                    kind: Some(FilterKind::U32(U32::all())),
                    actions: to_ifb(ifb, MirredMode::EgressRedirect),
                    ..FilterSpec::default()
                },
                "protocol all u32 match u32 0 0 action mirred egress redirect dev ifb7",
            ),
        ] {
            let (link, parent) = here;
            let ours = FilterSpec {
                link,
                parent,
                ..spec
            };
            conn.add_filter(&ours).unwrap();
            let (shown_ours, mut found_ours) = (shown(lab, "ingress"), only(&mut conn, here));
            conn.flush_filters(&FlushFilters { link, parent }).unwrap();
            lab.cmd(&format!("tc filter add dev vt0 ingress {words}"))
                .ok();
            assert_eq!(shown(lab, "ingress"), shown_ours);
            let found = only(&mut conn, here);
            found_ours.actions[0].index = found.actions[0].index;
            found_ours.actions[0].stats = found.actions[0].stats; // the links talk by themselves
            assert_eq!(found, found_ours);
            conn.delete_filter(&found.to_spec()).unwrap();
            conn.add_filter(&found.to_spec()).unwrap();
            assert_eq!(
                shown(lab, "ingress"),
                shown_ours,
                "made again from what was found"
            );
            conn.flush_filters(&FlushFilters { link, parent }).unwrap();
            assert!(
                conn.delete_filter(&found.to_spec())
                    .unwrap_err()
                    .is_not_found()
            );
        }
        conn.delete_qdisc(&qdisc(vt0, QdiscKind::Ingress)).unwrap();
    });
}

/// The one filter that has keys.
#[track_caller]
fn only(conn: &mut Conn, (link, parent): (IfIndex, Handle)) -> Filter {
    let mut found = conn.filters(&DumpFilters { link, parent }).unwrap();
    found.retain(|filter| matches!(&filter.kind, FilterKind::U32(words) if !words.keys.is_empty()));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn what_is_received_goes_to_the_ifb_and_is_limited_and_counted_there() {
    lab(|lab| {
        let mut conn = conn();
        let (vt0, ifb) = links(lab, &mut conn);
        let slow = Tbf {
            rate: 2_000,
            burst: 2_000,
            limit: 3_000,
            peak: None,
        };
        conn.add_qdisc(&qdisc(ifb, QdiscKind::Tbf(slow))).unwrap();
        conn.add_qdisc(&qdisc(vt0, QdiscKind::Ingress)).unwrap();
        let parent = Handle::INGRESS;
        let filter = FilterSpec {
            link: vt0,
            parent,
            kind: Some(FilterKind::U32(U32::all())),
            actions: to_ifb(ifb, MirredMode::EgressRedirect),
            ..FilterSpec::default()
        };
        conn.add_filter(&filter).unwrap();
        let before = of(&mut conn, ifb)[0].stats;
        lab.cmd("ip addr add 10.0.0.1/24 dev vt1").ok();
        lab.cmd("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev vt1")
            .ok();
        lab.run(|| {
            let socket = UdpSocket::bind("10.0.0.1:0").unwrap();
            for _ in 0..20 {
                socket.send_to(&[0; 400], "10.0.0.2:9").unwrap();
            }
        });
        let stats = of(&mut conn, ifb)[0].stats;
        assert!(
            stats.drops > 0 && stats.overlimits > before.overlimits,
            "{stats:?}"
        );
        let link = vt0;
        let action = only(&mut conn, (link, parent)).actions[0].stats;
        assert!(
            action.packets >= 20 && action.bytes >= 20 * 428,
            "{action:?}"
        );
        lab.cmd("ip addr del 10.0.0.1/24 dev vt1").ok();
        lab.cmd("ip neigh flush dev vt1 nud permanent").ok();
        conn.delete_qdisc(&qdisc(vt0, QdiscKind::Ingress)).unwrap();
        conn.delete_qdisc(&qdisc(ifb, QdiscKind::Tbf(slow)))
            .unwrap();
    });
}

fn matchall(link: IfIndex, ifb: IfIndex) -> FilterSpec {
    FilterSpec {
        link,
        parent: Handle::EGRESS,
        priority: Some(10),
        kind: Some(FilterKind::Matchall(Matchall::default())),
        actions: to_ifb(ifb, MirredMode::EgressMirror),
        ..FilterSpec::default()
    }
}

/// On kernels that have it; on others the error says what is missing.
#[test]
fn a_matchall_filter_is_what_tc_makes() {
    lab(|lab| {
        let mut conn = conn();
        let (vt0, ifb) = links(lab, &mut conn);
        let clsact = qdisc(vt0, QdiscKind::Clsact);
        conn.add_qdisc(&clsact).unwrap();
        let spec = matchall(vt0, ifb);
        let made = conn.add_filter(&spec);
        if let Err(err) = made {
            assert!(
                err.hint().unwrap().ends_with("CONFIG_NET_CLS_MATCHALL"),
                "{err:?}"
            );
            conn.delete_qdisc(&clsact).unwrap();
            skip!("CONFIG_NET_CLS_MATCHALL: no filters of kind matchall");
        }
        let shown = || shown(lab, "egress");
        let ours = shown();
        conn.delete_filter(&spec).unwrap();
        lab.cmd("tc filter add dev vt0 egress prio 10 protocol all matchall action mirred egress mirror dev ifb7")
            .ok();
        assert_eq!(shown(), ours);
        let (link, parent) = (vt0, Handle::EGRESS);
        let found = conn.filters(&DumpFilters { link, parent }).unwrap();
        assert!(
            found
                .iter()
                .any(|filter| filter.kind == spec.kind.clone().unwrap())
        );
        conn.delete_qdisc(&clsact).unwrap();
    });
}

#[test]
fn refusals_name_the_object_and_change_nothing() {
    lab(|lab| {
        let mut conn = conn();
        let (vt0, ifb) = links(lab, &mut conn);
        let missing = IfIndex(4000);
        let err = conn
            .add_qdisc(&qdisc(missing, QdiscKind::Tbf(tbf())))
            .unwrap_err();
        assert_eq!(err.to_string(), "cannot add tbf qdisc to link 4000");
        assert!(err.is_not_found() && err.hint().is_none(), "{err:?}");
        assert!(of(&mut conn, missing).is_empty());
        let err = conn.add_filter(&matchall(vt0, ifb)).unwrap_err();
        assert_eq!(err.kernel_text(), Some("Parent Qdisc doesn't exists"));
        assert!(err.hint().is_none(), "{err:?}");
        let name = "nosuchkind".to_owned();
        let options = Vec::new();
        let unknown = qdisc(vt0, QdiscKind::Other { name, options });
        let err = conn.add_qdisc(&unknown).unwrap_err();
        assert!(err.is_not_found() && err.hint().is_none(), "{err:?}");
        let orphan = QdiscSpec {
            parent: Some(Handle::new(7, 1)),
            ..qdisc(vt0, QdiscKind::Tbf(tbf()))
        };
        let err = conn.add_qdisc(&orphan).unwrap_err();
        assert!(err.hint().is_none(), "{err:?}");
        let nothing = Tbf { rate: 0, ..tbf() };
        let err = conn
            .add_qdisc(&qdisc(vt0, QdiscKind::Tbf(nothing)))
            .unwrap_err();
        assert!(err.is_invalid(), "{err:?}");
        assert!(lab.difference().is_empty());
    });
}
