//! Our `portmap` and `firewall` behind main plugins of others.

use super::world::World;
use super::{missing, turn};
use crate::call::{Container, List, Runtime, Whose, cmd, shell};
use serde_json::{Value, json};
use vetch_tests::{lab, skip};

const DIFFERS: u64 = 101;

fn list(main: &str) -> List {
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]});
    let main = json!({"type": main, "isGateway": true, "ipam": ipam});
    let mapping = json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]);
    let portmap = json!({"type": "portmap", "runtimeConfig": {"portMappings": mapping}});
    List::new(vec![main, portmap, json!({"type": "firewall"})])
}

/// Theirs makes the interface, ours comes behind it.
fn add(world: &World, list: &List, of: &Container) -> Value {
    let made = theirs(world).one("ADD", list, 0, of, None).ok().json();
    for at in [1, 2] {
        let output = world.runtime().one("ADD", list, at, of, Some(&made));
        assert_eq!(output.ok().json(), made, "what is before stays");
    }
    made
}

fn theirs(world: &World) -> Runtime<'_> {
    Runtime {
        whose: Whose::Theirs,
        host: &world.host,
    }
}

/// Our part, taken away; then theirs.
fn del(world: &World, list: &List, of: &Container, kept: &Value) {
    for at in [2, 1] {
        world.runtime().one("DEL", list, at, of, Some(kept)).ok();
    }
    nothing_of_ours(world);
    theirs(world).one("DEL", list, 0, of, Some(kept)).ok();
}

fn nothing_of_ours(world: &World) {
    let tables = shell(&world.host, "nft list tables").stdout;
    assert!(!tables.contains("vetch"), "{tables}");
    let networks = world
        .host
        .vetch_argv(&["network", "ls", "--json"])
        .go()
        .ok()
        .json();
    assert_eq!(networks, json!([]));
}

/// Whom the container sees: at its published port, from outside and from a neighbour; `None` for whom it is closed.
fn seen(world: &World) -> [Option<String>; 2] {
    let nodes = [&world.outside, &world.containers[1].node];
    nodes.map(|node| {
        node.tcp("192.0.2.1:8080")
            .ok()
            .map(|from| from.ip().to_string())
    })
}

fn with_main(main: &str, neighbour: &str) {
    let world = World::new(Whose::Ours);
    let [one, two] = &world.containers;
    let list = list(main);
    let made = add(&world, &list, one);
    let other = theirs(&world).one("ADD", &list, 0, two, None).ok().json();
    let _server = one.node.tcp_server("10.1.0.2:80");
    let open = [Some("192.0.2.2".to_owned()), Some(neighbour.to_owned())];
    assert_eq!(seen(&world), open, "{main}");
    for at in [1, 2] {
        world.runtime().one("ADD", &list, at, one, Some(&made)).ok();
        world
            .runtime()
            .one("CHECK", &list, at, one, Some(&made))
            .ok();
    }
    shell(&world.host, "nft flush table inet vetch").ok();
    assert_eq!(
        seen(&world),
        [None, None],
        "{main}: somebody took the rules away"
    );
    let check = world.runtime().one("CHECK", &list, 1, one, Some(&made));
    assert_eq!(check.json()["code"], json!(DIFFERS), "{check}");
    world
        .host
        .vetch_argv(&["network", "repair", "blue"])
        .go()
        .ok();
    assert_eq!(seen(&world), open, "{main}: repaired");
    world
        .runtime()
        .one("CHECK", &list, 1, one, Some(&made))
        .ok();
    let closed = json!({"type": "firewall", "ingressPolicy": "isolated"});
    let mut wanted = list.clone();
    wanted.plugins[2] = closed;
    let refused = world.runtime().one("ADD", &wanted, 2, one, Some(&made));
    assert!(
        refused.code != 0 && refused.stdout.contains("`ingressPolicy`"),
        "{refused}"
    );
    del(&world, &list, one, &made);
    assert_eq!(seen(&world), [None, None], "{main}: taken away");
    theirs(&world).one("DEL", &list, 0, two, Some(&other)).ok();
}

#[test]
fn ports_lead_to_a_bridge_of_others() {
    if let Some(missing) = missing() {
        skip!("{missing}");
    }
    let _turn = turn();
    lab(|_| with_main("bridge", "10.1.0.1"));
}

#[test]
fn ports_lead_to_a_pair_of_others() {
    if let Some(missing) = missing() {
        skip!("{missing}");
    }
    let _turn = turn();
    lab(|_| with_main("ptp", "10.1.0.1"));
}

#[test]
fn a_container_of_others_that_is_gone_gives_its_port_free() {
    if let Some(missing) = missing() {
        skip!("{missing}");
    }
    let _turn = turn();
    lab(|_| {
        let world = World::new(Whose::Ours);
        let list = list("bridge");
        let [one, two] = &world.containers;
        add(&world, &list, one);
        let made = theirs(&world).one("ADD", &list, 0, two, None).ok().json();
        let taken = world.runtime().one("ADD", &list, 1, two, Some(&made));
        assert!(taken.code != 0 && taken.stdout.contains("8080"), "{taken}");
        let mut gc = list.clone();
        gc.version = "1.1.0";
        gc.plugins[1]["cni.dev/valid-attachments"] =
            json!([{"containerID": "one", "ifname": "eth0"}]);
        world.runtime().one("GC", &gc, 1, one, None).ok();
        let taken = world.runtime().one("ADD", &list, 1, two, Some(&made));
        assert!(taken.code != 0, "GC spares who is valid");
        gc.plugins[1]["cni.dev/valid-attachments"] = json!([]);
        world.runtime().one("GC", &gc, 1, one, None).ok();
        nothing_of_ours(&world);
        world.runtime().one("ADD", &list, 1, two, Some(&made)).ok();
        del(&world, &list, two, &made);
        cmd(&world.host, "ip link show cni0").ok();
    });
}
