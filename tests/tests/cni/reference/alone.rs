//! Plugins that need no other: the same answers, word for word.

use super::{missing, turn};
use crate::call::{Container, List, Runtime, Whose, call, cmd};
use serde_json::{Value, json};
use vetch_tests::{Node, lab, skip};

/// The answer to an ADD on a host of its own; DEL succeeds twice.
fn answer(whose: Whose, list: &List) -> Value {
    let (host, of) = (Node::machine("host"), Container::new("one"));
    let runtime = Runtime { whose, host: &host };
    let result = runtime.add(list, &of);
    let up = cmd(&of.node, "ip -j link show lo").ok().json()[0]["flags"].to_string();
    for _ in 0..2 {
        for output in runtime.del(list, &of, Some(&result)) {
            output.ok();
        }
    }
    let text = result.to_string().replace(of.node.path(), "THE CONTAINER");
    let mut result: Value = serde_json::from_str(&text).unwrap();
    if list.plugins[0]["type"] == "loopback" {
        // The reference forgets it there, though every address of 0.3.1 and 0.4.0 has one.
        for ip in result["ips"].as_array_mut().into_iter().flatten() {
            ip.as_object_mut().unwrap().remove("version");
        }
    }
    json!([result, up])
}

#[test]
fn loopback_and_addresses_alone_are_the_same() {
    let _turn = turn();
    lab(|_| {
        if let Some(missing) = missing() {
            skip!("{missing}");
        }
        let host_local = json!({"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd01::/64"}]], "routes": [{"dst": "0.0.0.0/0"}]});
        let fixed = json!({"type": "static", "addresses": [{"address": "10.1.0.5/24", "gateway": "10.1.0.1"}], "dns": {"search": ["a"]}});
        for plugin in [
            json!({"type": "loopback"}),
            json!({"type": "host-local", "ipam": host_local}),
            json!({"type": "static", "ipam": fixed}),
        ] {
            for version in ["0.3.1", "0.4.0", "1.0.0"] {
                let list = List {
                    version,
                    ..List::new(vec![plugin.clone()])
                };
                let [theirs, ours] = [Whose::Theirs, Whose::Ours].map(|whose| answer(whose, &list));
                assert_eq!(ours, theirs, "{plugin} in {version}");
            }
        }
    });
}

#[test]
fn every_plugin_says_the_versions_of_the_reference_and_more() {
    let _turn = turn();
    lab(|lab| {
        if let Some(missing) = missing() {
            skip!("{missing}");
        }
        let input = json!({"cniVersion": "0.4.0"}).to_string();
        let verb = [("CNI_COMMAND", "VERSION".to_owned())];
        for plugin in [
            "bridge",
            "loopback",
            "host-local",
            "static",
            "portmap",
            "firewall",
        ] {
            let [theirs, ours] = [Whose::Theirs, Whose::Ours].map(|whose| {
                let said = call(whose, lab, plugin, &verb, &input).ok().json();
                said["supportedVersions"].as_array().unwrap().clone()
            });
            let spoken = |version: &&Value| version.as_str() >= Some("0.3.0");
            for version in theirs.iter().filter(spoken) {
                assert!(ours.contains(version), "{plugin}: {version}");
            }
        }
    });
}
