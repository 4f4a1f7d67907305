//! The guard, frame by frame: what one container puts on the wire and what of it comes by at a neighbour or at the host.
//!
//! Every frame that the guard closes is sent by an unguarded container too: from there it must arrive.

use crate::world::{Container, World, worlds};
use vetch_tests::attack::Stage;
use vetch_tests::attack::forged::{Cast, FORGED, OWN, Opening, Row, Station};

/// The container `host` of 10.10.0.0/24.
fn station(host: u8) -> Station {
    Station {
        mac: [2, 0, 0, 10, 1, host],
        v4: format!("10.10.0.{host}"),
        v6: format!("fd10::{host}"),
        link_local: format!("fe80::ff:fe0a:1{host:02}"),
    }
}

fn gateway() -> Station {
    Station {
        mac: [2, 0, 0, 10, 0, 1],
        link_local: "fe80::ff:fe0a:1".into(),
        ..station(1)
    }
}

fn stage(w: &World<'_>, from: &Container, victim: &Container, me: u8, other: u8) -> Stage {
    let cast = Cast {
        me: station(me),
        other: station(other),
        victim: station(3),
        gateway: gateway(),
    };
    Stage::new(from, &[(victim, "eth0"), (w.lab, "v-blue")], cast)
}

/// All frames of these rows are to come by (`true`), or none.
#[track_caller]
fn check<'a>(stage: &Stage, who: &str, rows: impl IntoIterator<Item = &'a Row>, wanted: bool) {
    let wrong = rows.into_iter().filter_map(|row| stage.wrong(row, wanted));
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{who}: {}", wrong.join(", "));
}

/// What nobody may send is not sent but by who may do this.
#[track_caller]
fn opens(stage: &Stage, who: &str, open: &[Opening]) {
    for (opening, rows) in &FORGED {
        check(stage, who, *rows, open.contains(opening));
    }
    check(stage, who, OWN, true);
}

#[test]
fn row_by_row() {
    worlds(|w| {
        let blue = w.network("blue", 10, |n| n.services = vec!["udp:67".parse().unwrap()]);
        let dhcp_server = w.lab.udp_server("0.0.0.0:67");
        let guarded = w.container(&blue, "guarded", 2, |_| {});
        let victim = w.container(&blue, "victim", 3, |_| {});
        let loose = w.container(&blue, "loose", 4, |at| at.unguarded = true);
        let asking = w.container(&blue, "asking", 5, |at| at.dhcp = true);
        let one = stage(w, &guarded, &victim, 2, 4);
        opens(&one, "guarded", &[]);
        assert_eq!(dhcp_server.seen(), Vec::<std::net::IpAddr>::new());
        let other = stage(w, &asking, &victim, 5, 2);
        opens(&other, "may ask for an address", &[Opening::Dhcp]);
        assert_eq!(dhcp_server.seen().len(), 1, "the host is asked");
        let serving = w.container(&blue, "serving", 6, |at| at.dhcp_server = true);
        let third = stage(w, &serving, &victim, 6, 2);
        opens(&third, "a DHCP server", &[Opening::DhcpServers]);
        let router = w.container(&blue, "router", 7, |at| at.router = true);
        let fourth = stage(w, &router, &victim, 7, 2);
        opens(&fourth, "a router", &[Opening::Routers]);
        let last = stage(w, &loose, &victim, 4, 2);
        opens(
            &last,
            "unguarded",
            &FORGED.each_ref().map(|(opening, _)| *opening),
        );
        w.lab.cmd("nft flush ruleset").ok();
        let all = || FORGED.iter().flat_map(|(_, rows)| *rows);
        let (held, open): (Vec<_>, Vec<_>) = all().partition(|(name, _)| name.starts_with("MAC "));
        assert_eq!(held.len(), 2);
        check(&one, "held by the port alone", held, false);
        check(&one, "without a ruleset", open, true);
    });
}
