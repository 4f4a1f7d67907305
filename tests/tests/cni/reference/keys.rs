//! Keys of `bridge` that the reference that is here does not know, and those of ours, by packets.

use super::world::{World, addresses};
use super::{LIMIT, turn};
use crate::call::{List, Whose, cmd, reaches};
use serde_json::{Value, json};
use std::net::IpAddr;
use vetch_tests::{lab, lab_within};

const GATEWAY: &str = "10.1.0.1";

fn list(keys: &Value) -> List {
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}]]});
    let mut bridge =
        json!({"type": "bridge", "isDefaultGateway": true, "ipMasq": true, "ipam": ipam});
    bridge
        .as_object_mut()
        .unwrap()
        .extend(keys.as_object().unwrap().clone());
    List::new(vec![bridge])
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What a list with these keys lets through, of what the usual one does or does not.
#[derive(Debug, PartialEq, Eq)]
struct Passes {
    /// From one container to the other.
    neighbour: bool,
    /// From a container to a service of the host.
    host_service: bool,
    /// From outside to a container's own address.
    outside: bool,
    /// From an address that a container gave itself.
    own_address: bool,
}

fn played(keys: &Value) -> Passes {
    let world = World::new(Whose::Ours);
    let list = list(keys);
    let added = world
        .containers
        .each_ref()
        .map(|of| world.runtime().add(&list, of));
    let [one, two] = &world.containers;
    let two_at = addresses(&added[1])[0];
    assert!(
        reaches(&one.node, ip(GATEWAY)),
        "the gateway is there either way"
    );
    let passes = Passes {
        neighbour: reaches(&one.node, two_at),
        host_service: {
            let _server = world.host.tcp_server("10.1.0.1:7");
            one.node.tcp("10.1.0.1:7").is_ok()
        },
        outside: {
            let _server = two.node.tcp_server(&format!("{two_at}:7"));
            world.outside.tcp(&format!("{two_at}:7")).is_ok()
        },
        own_address: {
            cmd(&one.node, "ip address add 10.1.0.99/24 dev eth0").ok();
            let ping = format!("ping -n -q -c 1 -W 1 -I 10.1.0.99 {GATEWAY}");
            cmd(&one.node, &ping).code == 0
        },
    };
    for (of, kept) in world.containers.iter().zip(&added) {
        for output in world.runtime().del(&list, of, Some(kept)) {
            output.ok();
        }
    }
    world.sweep();
    passes
}

const USUAL: Passes = Passes {
    neighbour: true,
    host_service: true,
    outside: false,
    own_address: false,
};

#[test]
fn each_key_opens_or_closes_what_it_says_and_nothing_else() {
    let _turn = turn();
    lab_within(LIMIT, |_| {
        for (keys, passes) in [
            (json!({}), USUAL),
            (
                json!({"portIsolation": true}),
                Passes {
                    neighbour: false,
                    ..USUAL
                },
            ),
            (
                json!({"vetch": {"hostServices": false}}),
                Passes {
                    host_service: false,
                    ..USUAL
                },
            ),
            (
                json!({"vetch": {"reachable": true}}),
                Passes {
                    outside: true,
                    ..USUAL
                },
            ),
            (
                json!({"vetch": {"guard": "mac"}}),
                Passes {
                    own_address: true,
                    ..USUAL
                },
            ),
            (
                json!({"vetch": {"guard": "none"}}),
                Passes {
                    own_address: true,
                    ..USUAL
                },
            ),
            (json!({"ipMasqBackend": "nftables"}), USUAL),
        ] {
            assert_eq!(played(&keys), passes, "{keys}");
        }
    });
}

#[test]
fn an_interface_may_stay_down() {
    lab(|_| {
        let world = World::new(Whose::Ours);
        let bridge = json!({"type": "bridge", "disableContainerInterface": true});
        let list = List::new(vec![bridge]);
        let of = &world.containers[0];
        let result = world.runtime().add(&list, of);
        assert!(
            result["ips"].is_null() || result["ips"] == json!([]),
            "{result}"
        );
        let link = &cmd(&of.node, "ip -j link show eth0").ok().json()[0];
        assert_eq!(link["operstate"], "DOWN", "{link}");
        for output in world.runtime().check(&list, of, &result) {
            output.ok();
        }
        cmd(&of.node, "ip link set eth0 up").ok();
        let check = world.runtime().check(&list, of, &result);
        assert!(check[0].stdout.contains("it is up"), "{}", check[0]);
        world.runtime().del(&list, of, Some(&result)).remove(0).ok();
        world.sweep();
    });
}
