//! `ingressPolicy` by packets: who comes to a container from its bridge, from another one, from the host and from outside.

use super::world::{World, addresses};
use super::{missing, turn};
use crate::call::{Container, List, Whose, reaches};
use serde_json::{Value, json};
use std::net::IpAddr;
use vetch_tests::{lab, skip};

fn list(
    name: &'static str,
    bridge: &str,
    subnet: &str,
    masquerade: bool,
    policy: Option<&str>,
) -> List {
    let ipam = json!({"type": "host-local", "subnet": subnet});
    let bridge = json!({"type": "bridge", "bridge": bridge, "isDefaultGateway": true, "ipMasq": masquerade, "ipam": ipam});
    let mut firewall = json!({"type": "firewall"});
    if let Some(policy) = policy {
        firewall["ingressPolicy"] = json!(policy);
    }
    List {
        name,
        ..List::new(vec![bridge, firewall])
    }
}

/// Who reaches container `one` of the network `blue`; answers to what it asks itself always come.
fn who_comes_in(whose: Whose, masquerade: bool, policy: Option<&str>) -> Value {
    let world = World::new(whose);
    let runtime = world.runtime();
    let [one, two] = &world.containers;
    let three = Container::new("three");
    let blue = list("blue", "cni0", "10.1.0.0/24", masquerade, policy);
    let green = list("green", "cni1", "10.2.0.0/24", masquerade, policy);
    let results = [(&blue, one), (&blue, two), (&green, &three)]
        .map(|(list, of)| (list, of, runtime.add(list, of)));
    let at = |index: usize| -> IpAddr { addresses(&results[index].2)[0] };
    assert!(
        reaches(&one.node, "192.0.2.2".parse().unwrap()),
        "{whose:?} {policy:?}: the way out"
    );
    let server = one.node.tcp_server(&format!("{}:7", at(0)));
    let come = |of: &vetch_tests::Node| of.tcp(&server.address().to_string()).is_ok();
    let seen = json!({
        "its neighbour": come(&two.node),
        "another bridge's": come(&three.node),
        "the host": come(&world.host),
        "outside": come(&world.outside),
        "its gateway": one.node.ping("10.1.0.1"),
    });
    for (list, of, result) in &results {
        for output in runtime.del(list, of, Some(result)) {
            output.ok();
        }
    }
    seen
}

fn seen(neighbour: bool, other: bool, outside: bool) -> Value {
    json!({"its neighbour": neighbour, "another bridge's": other, "the host": true, "outside": outside, "its gateway": true})
}

/// Masquerading, the policy, and what ours lets in: neighbours, other bridges, outside.
const OURS: [(bool, Option<&str>, [bool; 3]); 8] = [
    (true, None, [true, false, false]),
    (true, Some("open"), [true, true, true]),
    (true, Some("same-bridge"), [true, false, false]),
    (true, Some("isolated"), [false, false, false]),
    (false, None, [true, true, true]),
    (false, Some("open"), [true, true, true]),
    (false, Some("same-bridge"), [true, false, false]),
    (false, Some("isolated"), [false, false, false]),
];

#[test]
fn a_policy_lets_in_whom_it_names() {
    let _turn = turn();
    lab(|_| {
        for (masquerade, policy, [neighbour, other, outside]) in OURS {
            let ours = who_comes_in(Whose::Ours, masquerade, policy);
            assert_eq!(
                ours,
                seen(neighbour, other, outside),
                "masquerading {masquerade}, {policy:?}"
            );
        }
    });
}

/// Who comes in is the same, but from outside: there only `open` is open, as every container of ours is closed that nobody opened.
#[test]
fn a_policy_is_that_of_the_reference() {
    let _turn = turn();
    lab(|_| {
        if let Some(missing) = missing() {
            skip!("{missing}");
        }
        for policy in ["open", "same-bridge"] {
            let [mut theirs, ours] =
                [Whose::Theirs, Whose::Ours].map(|whose| who_comes_in(whose, true, Some(policy)));
            assert_eq!(theirs["outside"], true);
            theirs["outside"] = json!(policy == "open");
            assert_eq!(ours, theirs, "{policy}");
        }
    });
}
