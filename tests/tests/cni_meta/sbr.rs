//! `sbr`: what an address sends leaves by its interface, and removal puts the routes back.

use crate::{Call, attached, behind, detached, has_reference, plain};
use serde_json::{Value, json};
use vetch_tests::{Lab, Node, lab, skip};

/// Rules and routes, but for those that the kernel makes when it likes.
fn look(node: &Node) -> Vec<String> {
    let passing = ["multicast", "anycast", "local fe80", "fe80::/64 dev eth1"];
    let mut all = Vec::new();
    for family in ["-4", "-6"] {
        let rules = node.cmd(&format!("ip {family} rule show")).ok().stdout;
        all.extend(rules.lines().map(|line| format!("rule {line}")));
        let routes = node
            .cmd(&format!("ip {family} route show table all"))
            .ok()
            .stdout;
        let kept = routes
            .lines()
            .filter(|line| !passing.iter().any(|word| line.contains(word)));
        all.extend(kept.map(|line| line.trim_end().to_owned()));
    }
    all.sort();
    all
}

fn route(node: &Node, words: &str) -> String {
    node.cmd(&format!("ip route get {words}")).stdout
}

/// A container with a second interface by which everything else leaves, and a neighbour on the first.
fn world(lab: &Lab) -> (Node, Node, Value) {
    let (c1, c2, other) = (lab.netns("c1"), lab.netns("c2"), lab.anonymous("other"));
    lab.veth(&other, "eth0", "10.5.0.1/24", &c1, "eth1", "10.5.0.2/24");
    let previous = attached(lab, &c1);
    attached(lab, &c2);
    c1.cmd("ip route add default via 10.5.0.1 metric 9").ok();
    assert!(c1.reaches("10.22.0.3") && c1.reaches("fd22::3"));
    (c1, c2, previous)
}

fn away(lab: &Lab, c1: &Node, c2: &Node) {
    Call::ours(lab, "bridge", c1).del(&serde_json::from_str(crate::BRIDGE).unwrap());
    detached(lab, c2);
}

#[test]
fn what_an_address_sends_leaves_by_its_interface() {
    lab(|lab| {
        let (c1, c2, previous) = world(lab);
        let before = look(&c1);
        let call = Call::ours(lab, "sbr", &c1);
        let keys = behind(&previous, json!({}));
        let result = call.add(&keys);
        assert_eq!(result, previous, "passed on");
        let bridge = serde_json::from_str(crate::BRIDGE).unwrap();
        let checked = Call::ours(lab, "bridge", &c1).run("CHECK", &behind(&result, bridge));
        checked.ok();
        let after = look(&c1);
        assert!(c1.ping("-I 10.22.0.2 10.22.0.3") && c1.ping("-I fd22::2 fd22::3"));
        assert!(
            !c1.ping("10.22.0.3"),
            "without the address it leaves by eth1"
        );
        assert!(
            route(&c1, "192.0.2.9 from 10.22.0.2").contains("via 10.22.0.1 dev eth0 table 100")
        );
        assert!(route(&c1, "2001:db8::9 from fd22::2").contains("via fd22::1 dev eth0 table 101"));
        assert!(route(&c1, "192.0.2.9").contains("via 10.5.0.1 dev eth1"));
        assert!(
            c1.cmd("ip -6 route show table main")
                .ok()
                .stdout
                .contains("fe80::/64 dev eth0")
        );

        assert_eq!(call.add(&keys), result);
        assert_eq!(look(&c1), after);
        call.run("CHECK", &behind(&result, json!({}))).ok();
        for keys in [
            behind(&previous, json!({})),
            json!({}),
            json!({"table": "?"}),
        ] {
            call.del(&keys);
            assert_eq!(look(&c1), before);
            call.del(&keys);
            assert!(c1.reaches("10.22.0.3") && c1.reaches("fd22::3"));
            call.add(&behind(&previous, json!({})));
        }
        Call::ours(lab, "sbr", &c1).nowhere().del(&json!({}));
        call.del(&json!({}));
        c1.cmd("ip link delete eth0").ok();
        call.del(&keys);
        away(lab, &c1, &c2);
    });
}

#[test]
fn with_a_table_only_rules_are_made() {
    lab(|lab| {
        let (c1, c2, previous) = world(lab);
        let before = look(&c1);
        let call = Call::ours(lab, "sbr", &c1);
        let keys = behind(&previous, json!({"table": 5000}));
        call.add(&keys);
        let after = look(&c1);
        let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
        assert_eq!(new.len(), 2, "{new:?}");
        assert!(
            new[0].contains("from 10.22.0.2 lookup 5000")
                && new[1].contains("from fd22::2 lookup 5000")
        );
        call.add(&keys);
        assert_eq!(look(&c1), after);
        call.run("CHECK", &keys).ok();
        let (code, said) = call.refused("CHECK", &behind(&previous, json!({"table": 5001})));
        assert!(
            code == 101
                && said.starts_with(
                    "2 differences: no rule leads packets from 10.22.0.2 to table 5001"
                ),
            "{said}"
        );
        call.del(&json!({"table": 5000}));
        assert_eq!(look(&c1), before);
        away(lab, &c1, &c2);
    });
}

#[test]
fn hints_and_gateways_of_the_configuration_are_followed() {
    lab(|lab| {
        let (c1, c2, previous) = world(lab);
        let before = look(&c1);
        let call = Call::ours(lab, "sbr", &c1);
        let keys = behind(&previous, json!({"addSourceHints": true}));
        call.add(&keys);
        assert!(
            c1.ping("10.22.0.3") && c1.ping("fd22::3"),
            "without the address, too"
        );
        assert!(route(&c1, "192.0.2.9").contains("via 10.5.0.1 dev eth1"));
        let after = look(&c1);
        call.add(&keys);
        assert_eq!(look(&c1), after);
        call.run("CHECK", &keys).ok();
        call.del(&keys);
        assert_eq!(look(&c1), before);

        let keys = behind(&previous, json!({"gateways": ["10.22.0.3"]}));
        call.add(&keys);
        assert!(
            route(&c1, "192.0.2.9 from 10.22.0.2").contains("via 10.22.0.3 dev eth0 table 100")
        );
        assert!(route(&c1, "2001:db8::9 from fd22::2").contains("via fd22::1 dev eth0"));
        call.run("CHECK", &keys).ok();
        call.del(&keys);
        away(lab, &c1, &c2);
    });
}

#[test]
fn a_failure_undoes_what_was_made_before() {
    lab(|lab| {
        let (c1, c2, previous) = world(lab);
        let before = look(&c1);
        let call = Call::ours(lab, "sbr", &c1);
        let mut far = behind(&previous, json!({}));
        far["gateways"] = json!(["10.22.0.1", "2001:db8::1"]); // the second is behind no link
        let (code, said) = call.refused("ADD", &far);
        assert!(
            code == 100 && said.contains("the route to ::/0 in table 101"),
            "{said}"
        );
        assert_eq!(look(&c1), before);
        let mut none = behind(&previous, json!({}));
        none["prevResult"]["ips"] = json!([]);
        let (code, said) = call.refused("ADD", &none);
        assert!(code == 7 && said.contains("no address of `eth0`"), "{said}");
        let empty = lab.anonymous("c1");
        assert_eq!(
            Call::ours(lab, "sbr", &empty)
                .refused("ADD", &behind(&previous, json!({})))
                .0,
            100
        );
        assert_eq!(look(&c1), before);
        away(lab, &c1, &c2);
    });
}

#[test]
fn each_difference_is_found() {
    lab(|lab| {
        let (c1, c2, previous) = world(lab);
        let call = Call::ours(lab, "sbr", &c1);
        let keys = behind(&previous, json!({}));
        call.add(&keys);
        for (words, named) in [
            (
                "ip route delete default table 100",
                "table 100 has no default route via 10.22.0.1 for 10.22.0.2",
            ),
            (
                "ip -6 route delete default table 101",
                "table 101 has no default route via fd22::1 for fd22::2",
            ),
            (
                "ip route add 192.0.2.0/24 dev eth0",
                "the route to 192.0.2.0/24 by `eth0` is in table main",
            ),
            (
                "ip rule delete from 10.22.0.2",
                "no rule leads packets from 10.22.0.2",
            ),
            (
                "ip -6 rule delete from fd22::2",
                "no rule leads packets from fd22::2",
            ),
        ] {
            c1.cmd(words).ok();
            let (code, said) = call.refused("CHECK", &keys);
            assert!(code == 101 && said.contains(named), "{words}: {said}");
        }
        away(lab, &c1, &c2);
    });
}

#[test]
fn rules_and_tables_are_those_of_the_reference() {
    lab(|lab| {
        if !has_reference("sbr") {
            skip!("tool:/usr/lib/cni/sbr: the reference is not here");
        }
        let [theirs, ours] = ["theirs", "ours"].map(|name| plain(lab, name));
        let run = |call: Call<'_>, (_, node, previous): &(Node, Node, Value)| {
            for words in [
                "ip route add default via 10.9.0.1",
                "ip -6 route add default via fd09::1",
            ] {
                node.cmd(words).ok();
            }
            let result = call.add(&behind(previous, json!({})));
            let result: Value =
                serde_json::from_str(&result.to_string().replace(node.path(), "SANDBOX")).unwrap();
            let shown = |words: &str| node.cmd(words).ok().stdout.replace(" proto 157", "");
            let seen = ["ip rule show", "ip -6 rule show", "ip route show table 100"].map(shown);
            (result, seen)
        };
        let want = run(Call::theirs(&theirs.0, "sbr", &theirs.1), &theirs);
        let got = run(Call::ours(&ours.0, "sbr", &ours.1), &ours);
        assert_eq!(got, want);

        // What the reference made is taken away by ours, and the other way round.
        Call::ours(&theirs.0, "sbr", &theirs.1).del(&json!({}));
        Call::theirs(&ours.0, "sbr", &ours.1).del(&behind(&ours.2, json!({})));
        for (_, node, _) in [&theirs, &ours] {
            assert!(!node.cmd("ip rule show").ok().stdout.contains("10.9.0.2"));
        }
    });
}
