//! `vrf`: the interface keeps its addresses and routes, in another table, and removal puts them back.

use crate::{Call, attached, behind, detached, has_reference, plain};
use serde_json::{Value, json};
use vetch_tests::{Lab, Node, lab, skip};

/// Addresses and routes, but for those that the kernel makes when it likes.
fn look(node: &Node) -> Vec<String> {
    let mut all = Vec::new();
    for words in [
        "ip -4 -o address show dev eth0",
        "ip -6 -o address show dev eth0 scope global",
    ] {
        let shown = node.cmd(words).ok().stdout;
        let word = |line: &str| {
            line.split_whitespace()
                .nth(3)
                .unwrap_or_default()
                .to_owned()
        };
        all.extend(shown.lines().map(word));
    }
    for words in ["ip -4 route show table all", "ip -6 route show table all"] {
        let shown = node.cmd(words).ok().stdout;
        let kept = shown.lines().filter(|line| line.contains("dev eth0"));
        let kept = kept.filter(|line| {
            !line.contains("multicast") && !line.contains("fe80") && !line.contains("anycast")
        });
        all.extend(kept.map(|line| line.trim_end().to_owned()));
    }
    all.sort();
    all
}

fn master(node: &Node) -> Value {
    node.cmd("ip -j link show eth0").ok().json()[0]["master"].clone()
}

fn has_link(node: &Node, name: &str) -> bool {
    node.cmd(&format!("ip link show {name}")).code == 0
}

/// A container and a neighbour.
fn world(lab: &Lab) -> (Node, Node, Value) {
    let (c1, c2) = (lab.netns("c1"), lab.netns("c2"));
    let previous = attached(lab, &c1);
    attached(lab, &c2);
    assert!(c1.reaches("10.22.0.3") && c1.reaches("fd22::3"));
    (c1, c2, previous)
}

fn away(lab: &Lab, c1: &Node, c2: &Node) {
    Call::ours(lab, "bridge", c1).del(&serde_json::from_str(crate::BRIDGE).unwrap());
    detached(lab, c2);
}

#[test]
fn a_kernel_without_it_is_said_so_and_nothing_changes() {
    lab(|lab| {
        if lab.has_kind("vrf") {
            return; // the other tests say what then
        }
        let (c1, c2, previous) = world(lab);
        let before = look(&c1);
        let call = Call::ours(lab, "vrf", &c1);
        let (code, said) = call.refused("ADD", &behind(&previous, json!({"vrfname": "red"})));
        assert!(code == 100 && said.contains("CONFIG_NET_VRF"), "{said}");
        assert_eq!(look(&c1), before);
        let (_, said) = call.refused("CHECK", &behind(&previous, json!({"vrfname": "red"})));
        assert!(said.starts_with("there is no vrf `red`"), "{said}");
        call.del(&json!({"vrfname": "red"}));
        call.del(&json!({}));
        assert_eq!(look(&c1), before);
        away(lab, &c1, &c2);
    });
}

#[test]
fn addresses_and_routes_are_kept_in_its_table() {
    lab(|lab| {
        if !lab.has_kind("vrf") {
            skip!("CONFIG_NET_VRF: no links of kind vrf");
        }
        let (c1, c2, previous) = world(lab);
        for words in [
            "ip route add 192.0.2.0/24 via 10.22.0.3",
            "ip route add 2001:db8::/32 via fd22::3",
        ] {
            c1.cmd(words).ok();
        }
        let before = look(&c1);
        let call = Call::ours(lab, "vrf", &c1);
        let keys = behind(&previous, json!({"vrfname": "red", "table": 1000}));
        let result = call.add(&keys);
        assert_eq!(result, previous, "passed on");
        assert_eq!(master(&c1), "red");
        let after = look(&c1);
        for wanted in [
            "10.22.0.2/16",
            "fd22::2/64",
            "default via 10.22.0.1 dev eth0 table 1000",
            "default via fd22::1 dev eth0 table 1000",
            "192.0.2.0/24 via 10.22.0.3 dev eth0 table 1000",
            "2001:db8::/32 via fd22::3 dev eth0 table 1000",
            "10.22.0.0/16 dev eth0 table 1000",
            "fd22::/64 dev eth0 table 1000",
        ] {
            assert!(
                after.iter().any(|line| line.starts_with(wanted)),
                "{wanted}: {after:?}"
            );
        }
        assert_eq!(after.len(), before.len(), "{before:?} {after:?}");
        assert!(c1.reaches("-I red 10.22.0.3") && c1.reaches("-I red fd22::3"));
        assert!(!c1.ping("10.22.0.3"), "the main table has no way");

        assert_eq!(call.add(&keys), result);
        assert_eq!(look(&c1), after);
        call.run("CHECK", &behind(&result, json!({"vrfname": "red"})))
            .ok();
        for keys in [keys.clone(), json!({"vrfname": "other"}), json!({})] {
            call.del(&keys);
            assert_eq!((look(&c1), has_link(&c1, "red")), (before.clone(), false));
            call.del(&keys);
            assert!(c1.reaches("10.22.0.3") && c1.reaches("fd22::3"));
            call.add(&behind(&previous, json!({"vrfname": "red"})));
        }
        Call::ours(lab, "vrf", &c1)
            .nowhere()
            .del(&json!({"vrfname": "red"}));
        c1.cmd("ip link delete eth0").ok();
        call.del(&json!({"vrfname": "red"}));
        assert!(!has_link(&c1, "red"), "without the interface");
        away(lab, &c1, &c2);
    });
}

#[test]
fn it_stays_while_somebody_else_is_in_it() {
    lab(|lab| {
        if !lab.has_kind("vrf") {
            skip!("CONFIG_NET_VRF: no links of kind vrf");
        }
        let (c1, c2, previous) = world(lab);
        let call = Call::ours(lab, "vrf", &c1);
        let keys = behind(&previous, json!({"vrfname": "red"}));
        call.add(&keys);
        c1.cmd("ip link add other type veth peer name more").ok();
        c1.cmd("ip link set other master red").ok();
        call.del(&keys);
        assert!(has_link(&c1, "red") && master(&c1).is_null());
        call.add(&keys);
        c1.cmd("ip link delete other").ok();
        call.del(&keys);
        assert!(!has_link(&c1, "red"));
        away(lab, &c1, &c2);
    });
}

#[test]
fn a_failure_undoes_what_was_made_before() {
    lab(|lab| {
        if !lab.has_kind("vrf") {
            skip!("CONFIG_NET_VRF: no links of kind vrf");
        }
        let (c1, c2, previous) = world(lab);
        let call = Call::ours(lab, "vrf", &c1);
        let before = look(&c1);
        for words in [
            "ip link add bridge0 type bridge",
            "ip link add blue type vrf table 7",
        ] {
            c1.cmd(words).ok();
        }
        for (keys, code, named) in [
            (
                json!({"vrfname": "bridge0"}),
                7,
                "`bridge0` is a bridge, not a vrf",
            ),
            (
                json!({"vrfname": "blue", "table": 8}),
                7,
                "vrf `blue` is there with table 7, not 8",
            ),
            (json!({}), 7, "`vrfname` is missing"),
        ] {
            let (is, said) = call.refused("ADD", &behind(&previous, keys));
            assert!(is == code && said.contains(named), "{said}");
        }
        let (code, _) = call.refused("ADD", &json!({"vrfname": "red"}));
        assert_eq!((code, has_link(&c1, "red")), (7, false));

        c1.cmd("ip link set bridge0 up").ok();
        c1.cmd("ip link set eth0 master bridge0").ok();
        let (code, said) = call.refused("ADD", &behind(&previous, json!({"vrfname": "red"})));
        assert!(code == 100 && said.contains("is a port of link"), "{said}");
        c1.cmd("ip link set eth0 nomaster").ok();
        assert!(!has_link(&c1, "red"));
        assert_eq!(look(&c1), before);
        away(lab, &c1, &c2);
    });
}

#[test]
fn each_difference_is_found() {
    lab(|lab| {
        if !lab.has_kind("vrf") {
            skip!("CONFIG_NET_VRF: no links of kind vrf");
        }
        let (c1, c2, previous) = world(lab);
        let call = Call::ours(lab, "vrf", &c1);
        let keys = behind(&previous, json!({"vrfname": "red", "table": 1000}));
        call.add(&keys);
        for (words, named) in [
            (
                "ip address delete 10.22.0.2/16 dev eth0",
                "`eth0` has no 10.22.0.2/16",
            ),
            (
                "ip address delete fd22::2/64 dev eth0",
                "`eth0` has no fd22::2/64",
            ),
            ("ip link set red down", "vrf `red` is down"),
            ("ip link set eth0 nomaster", "`eth0` is not in vrf `red`"),
            ("ip link delete red", "there is no vrf `red`"),
        ] {
            c1.cmd(words).ok();
            let (code, said) = call.refused("CHECK", &keys);
            assert!(code == 101 && said.contains(named), "{words}: {said}");
        }
        c1.cmd("ip link add red type vrf table 5").ok();
        let (_, said) = call.refused("CHECK", &keys);
        assert!(said.contains("with table 5, not 1000"), "{said}");
        away(lab, &c1, &c2);
    });
}

#[test]
fn result_and_addresses_are_those_of_the_reference() {
    lab(|lab| {
        if !has_reference("vrf") {
            skip!("tool:/usr/lib/cni/vrf: the reference is not here");
        }
        if !lab.has_kind("vrf") {
            skip!("CONFIG_NET_VRF: no links of kind vrf");
        }
        let [theirs, ours] = ["theirs", "ours"].map(|name| plain(lab, name));
        let run = |call: Call<'_>, (_, node, previous): &(Node, Node, Value)| {
            let result = call.add(&behind(previous, json!({"vrfname": "red"})));
            let result: Value =
                serde_json::from_str(&result.to_string().replace(node.path(), "SANDBOX")).unwrap();
            let table =
                node.cmd("ip -j -d link show red").ok().json()[0]["linkinfo"]["info_data"].clone();
            (result, look(node), table, master(node))
        };
        let want = run(Call::theirs(&theirs.0, "vrf", &theirs.1), &theirs);
        let got = run(Call::ours(&ours.0, "vrf", &ours.1), &ours);
        assert_eq!(got, want);
        Call::ours(&theirs.0, "vrf", &theirs.1).del(&json!({"vrfname": "red"}));
        Call::theirs(&ours.0, "vrf", &ours.1).del(&behind(&ours.2, json!({"vrfname": "red"})));
        assert!(!has_link(&theirs.1, "red") && !has_link(&ours.1, "red"));
    });
}
