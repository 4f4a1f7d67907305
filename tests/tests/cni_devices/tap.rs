//! What a tap is for: a program on the other end, and a bridge in the container.

use crate::row;
use crate::scene::{patch, run};
use serde_json::json;

#[test]
fn owner_group_and_queues_are_as_asked_for() {
    run(row::tap, |scene| {
        let c1 = scene.lab.netns("c1");
        for (keys, found) in [
            (
                json!({"owner": null, "multiQueue": false}),
                json!({"type": "tap", "persist": true}),
            ),
            (
                json!({"owner": 0, "group": 0}),
                json!({"user": "root", "group": "root", "multi_queue": true}),
            ),
        ] {
            let mut conf = scene.conf(1);
            patch(&mut conf, &keys);
            conf["ipam"] = json!({});
            let result = scene.call("ADD", &c1, &conf).ok().json();
            let data = scene.links(&c1)[0]["linkinfo"]["info_data"].clone();
            for (key, value) in found.as_object().unwrap() {
                assert_eq!(data[key], *value, "{data}");
            }
            scene.check(&c1, &conf, &result).ok();
            scene.call("DEL", &c1, &conf).ok();
        }
    });
}

#[test]
fn it_becomes_a_port_of_the_bridge_in_the_container() {
    run(row::tap, |scene| {
        let c1 = scene.lab.netns("c1");
        c1.cmd("ip link add br0 type bridge").ok();
        let mut conf = scene.conf(1);
        patch(
            &mut conf,
            &json!({"bridge": "br0", "ipam": null, "mac": "02:00:00:00:00:07"}),
        );
        let result = scene.call("ADD", &c1, &conf).ok().json();
        let links = scene.links(&c1);
        let tap = links.iter().find(|link| link["ifname"] == "eth0").unwrap();
        assert_eq!(
            (tap["master"].as_str(), tap["address"].as_str()),
            (Some("br0"), Some("02:00:00:00:00:07"))
        );
        scene.check(&c1, &conf, &result).ok();
        c1.cmd("ip link set eth0 nomaster").ok();
        scene
            .check(&c1, &conf, &result)
            .exits(1)
            .prints("it is no port of `br0`");
        scene.call("DEL", &c1, &conf).ok();
        c1.cmd("ip link delete br0").ok();
    });
}
