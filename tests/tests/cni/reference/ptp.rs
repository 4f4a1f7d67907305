//! `ptp` of the reference and ours, on two hosts alike.

use super::view;
use super::world::{World, addresses, at_the_same_time, worlds};
use super::{LIMIT, missing, turn};
use crate::call::{List, reaches};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use vetch_tests::{lab_within, skip};

fn list(masquerade: bool) -> List {
    let ranges = json!([[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd01::/64"}]]);
    let routes = json!([{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]);
    let ipam = json!({"type": "host-local", "ranges": ranges, "routes": routes});
    List::new(vec![
        json!({"type": "ptp", "ipMasq": masquerade, "mtu": 1400, "ipam": ipam}),
    ])
}

/// Answers, interfaces, packets; then both are taken away, twice.
fn played(world: &World, masquerade: bool) -> Value {
    let list = list(masquerade);
    let [one, two] = &world.containers;
    let added = [one, two].map(|of| world.runtime().add(&list, of));
    let at = |which: usize, v4: bool| {
        let mut all = addresses(&added[which]).into_iter();
        all.find(|ip| ip.is_ipv4() == v4).unwrap()
    };
    let outside = |v4| if v4 { "192.0.2.2" } else { "2001:db8::2" };
    let packets = [true, false].map(|v4| {
        let out: IpAddr = outside(v4).parse().unwrap();
        let seen = {
            let socket = SocketAddr::new(out, 7).to_string();
            let _server = world.outside.tcp_server(&socket);
            one.node.tcp(&socket).map(|from| from.ip() == at(0, v4))
        };
        json!({
            "one to two": reaches(&one.node, at(1, v4)),
            "host to one": reaches(&world.host, at(0, v4)),
            "outside sees one itself": seen.ok(),
        })
    });
    let all = [(one, &added[0]), (two, &added[1])];
    let result = all.map(|(of, result)| view::result(result, of, false));
    let inside = all.map(|(of, _)| view::inside(of));
    for (of, kept) in all {
        for kept in [Some(kept), None] {
            for output in world.runtime().del(&list, of, kept) {
                output.ok();
            }
        }
    }
    json!({"result": result, "inside": inside, "packets": packets})
}

/// Without what is meant to differ: the name of the host's end; that the address brings no route to its subnet, which the reference
/// deletes afterwards; and the source of routes, which with one address of a family is that one anyway.
fn alike(seen: &Value) -> BTreeMap<String, String> {
    let mut lines = view::lines(seen);
    let by_design = |what: &str| what.ends_with(".prefsrc") || what.ends_with("interfaces[0].name");
    lines.retain(|what, _| !by_design(what));
    for value in lines.values_mut() {
        *value = value.replace(r#","noprefixroute":true"#, "");
    }
    lines
}

#[test]
fn a_pair_is_the_same() {
    let _turn = turn();
    lab_within(LIMIT, |_| {
        if let Some(missing) = missing() {
            skip!("{missing}");
        }
        let worlds = worlds();
        for masquerade in [true, false] {
            let [theirs, ours] = at_the_same_time(&worlds, |world| {
                let seen = played(world, masquerade);
                world.sweep();
                seen
            });
            assert_eq!(alike(&ours), alike(&theirs), "ipMasq {masquerade}");
        }
    });
}
