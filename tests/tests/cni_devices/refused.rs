//! What is refused before anything is changed, and what fails on the way.

use crate::scene::{Scene, patch, unchanged};
use serde_json::json;

pub(crate) fn what_is_refused_changes_nothing(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    let before = scene.everything(&c1);
    for (keys, key) in (scene.row.bad)() {
        let mut conf = scene.conf(1);
        patch(&mut conf, &keys);
        let said = scene.refused("ADD", &c1, &conf);
        assert!(said.contains(key), "{keys}: {said}");
        assert!(scene.leases().is_empty(), "{keys}");
    }
    let own = ("c1", "/proc/self/ns/net", "eth0");
    let said = scene
        .call_on(scene.lab, scene.row.plugin, "ADD", own, &scene.conf(1))
        .exits(1);
    said.prints("`CNI_NETNS`");
    let lo = ("c1", c1.path(), "lo");
    scene
        .call_on(scene.lab, scene.row.plugin, "ADD", lo, &scene.conf(1))
        .exits(1)
        .prints("`lo`");
    let nowhere = ("c1", "/run/netns/nowhere", "eth0");
    scene
        .call_on(scene.lab, scene.row.plugin, "ADD", nowhere, &scene.conf(1))
        .exits(1)
        .prints("nowhere");
    for others in ["type bridge", "type veth peer name far"] {
        c1.cmd(&format!("ip link add eth0 {others}")).ok();
        let said = scene.refused("ADD", &c1, &scene.conf(1));
        assert!(said.contains("an interface `eth0` already"), "{said}");
        c1.cmd("ip link delete eth0").ok();
    }
    assert!(scene.leases().is_empty());
    let after = scene.everything(&c1);
    unchanged(&before, &after);
}

/// The addresses are used up, and a route that the kernel refuses when everything else is there.
pub(crate) fn an_add_that_fails_leaves_nothing(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    c1.cmd("ip link set lo up").ok();
    let before = scene.everything(&c1);
    let mut full = scene.conf(1);
    full["ipam"]["ranges"] =
        json!([[{"subnet": "10.22.0.0/24", "rangeStart": "10.22.0.1", "rangeEnd": "10.22.0.1"}]]);
    let mut no_way = scene.conf(1);
    no_way["ipam"]["routes"] = json!([{"dst": "10.98.0.0/16", "gw": "10.200.0.1"}]);
    for conf in [full, no_way] {
        scene.refused("ADD", &c1, &conf);
        assert!(scene.leases().is_empty());
        let after = scene.everything(&c1);
        unchanged(&before, &after);
    }
}

pub(crate) fn status_says_whether_an_add_would_do(scene: &Scene<'_>) {
    let nobody = ("-", "", "");
    let status = |conf| scene.call_on(scene.lab, scene.row.plugin, "STATUS", nobody, &conf);
    status(scene.conf(1)).ok();
    let c1 = scene.lab.netns("c1");
    let mut full = scene.conf(1);
    full["ipam"]["ranges"] =
        json!([[{"subnet": "10.22.0.0/24", "rangeStart": "10.22.0.5", "rangeEnd": "10.22.0.5"}]]);
    full["ipam"]["routes"] = json!([]);
    scene.call("ADD", &c1, &full).ok();
    status(scene.conf(1)).ok(); // a device that is a container's by now is where it should be
    let mut other = full.clone();
    patch(&mut other, &(scene.row.keys)(2));
    assert!(status(other).exits(1).json()["code"].as_u64() >= Some(50));
    scene.call("DEL", &c1, &full).ok();
    for (key, gone) in [("master", "nosuch"), ("device", "nosuch")] {
        let mut conf = scene.conf(1);
        if conf.get(key).is_some() {
            conf[key] = gone.into();
            let said = status(conf).exits(1);
            assert_eq!(said.json()["code"], 50, "{said}");
            said.prints("nosuch");
        }
    }
}
