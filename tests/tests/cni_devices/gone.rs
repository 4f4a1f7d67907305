//! DEL and GC, however much is gone, and what is begun anew.

use crate::scene::{Scene, patch, unchanged};
use serde_json::json;
use std::fs;
use vetch_tests::Node;

/// As a process leaves it that is killed after it made the link and before it marked it.
pub(crate) fn an_add_that_was_ended_early_is_begun_anew(scene: &Scene<'_>) {
    if scene.row.plugin == "host-device" {
        return; // moved, named and marked in one message
    }
    let c1 = scene.lab.netns("c1");
    for name in ["eth0", "unnamed"] {
        let result = scene.add(&c1, 1);
        let (note, text) = note(scene);
        fs::write(&note, unfinished(&text)).unwrap();
        c1.cmd("ip link set eth0 down").ok();
        unmark(&c1);
        if name != "eth0" {
            let derived = note.file_name().unwrap().to_str().unwrap(); // before Linux 6.15 it may be made under this name
            c1.cmd(&format!("ip link set eth0 name {derived}")).ok();
        }
        let again = scene.add(&c1, 1);
        assert_eq!(again["ips"], result["ips"]);
        assert_eq!(scene.links(&c1).len(), 1);
        scene.check(&c1, &scene.conf(1), &again).ok();
        fs::write(&note, unfinished(&text)).unwrap();
        unmark(&c1);
        let path = ("c1", "", "eth0");
        scene
            .call_on(scene.lab, scene.row.plugin, "DEL", path, &scene.conf(1))
            .ok();
        assert!(scene.links(&c1).is_empty() && scene.leases().is_empty());
    }
}

fn unmark(node: &Node) {
    node.argv(&["ip", "link", "set", "eth0", "alias", ""])
        .go()
        .ok();
}

/// As it is before the ADD came to its end.
fn unfinished(text: &str) -> String {
    let mut note: serde_json::Value = serde_json::from_str(text).unwrap();
    assert!(note["link"].is_u64(), "{note}");
    note["link"] = serde_json::Value::Null;
    note.to_string()
}

/// The only one there is, with its text.
fn note(scene: &Scene<'_>) -> (std::path::PathBuf, String) {
    let found = scene
        .lab
        .shell("find /run/vetch/.cni -type f ! -name '.*'")
        .ok()
        .stdout;
    let [path] = found.lines().collect::<Vec<_>>()[..] else {
        panic!("{found}")
    };
    let text = scene.lab.cmd(&format!("cat {path}")).ok().stdout;
    (path.into(), text)
}

pub(crate) fn del_needs_neither_path_nor_the_configuration_of_the_add(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    scene.add(&c1, 1);
    let mut conf = scene.conf(1);
    let nonsense = json!({"master": "a/b", "mode": 7, "mtu": "x", "vlanId": [], "device": 5, "owner": "?", "args": {}});
    patch(&mut conf, &nonsense);
    conf["ipam"]["ranges"] = json!("gone");
    let without_path = ("c1", "", "eth0");
    scene
        .call_on(scene.lab, scene.row.plugin, "DEL", without_path, &conf)
        .ok();
    assert!(scene.links(&c1).is_empty(), "it was noted where it is");
    assert!(scene.leases().is_empty());
    scene
        .call_on(scene.lab, scene.row.plugin, "DEL", without_path, &conf)
        .ok();
}

pub(crate) fn del_finds_it_under_another_name(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    scene.add(&c1, 1);
    c1.cmd("ip link set eth0 down").ok();
    c1.cmd("ip link set eth0 name other").ok();
    scene.del(&c1, 1);
    assert!(scene.links(&c1).is_empty());
}

/// A link that was made goes with its namespace, and its addresses are free after the DEL.
pub(crate) fn del_succeeds_when_the_namespace_is_gone(scene: &Scene<'_>) {
    let dead = ("dead", "/run/netns/dead", "eth0");
    let peer = scene.lab.cmd("ip -j link show peer1").ok().json()[0]["address"].clone();
    for path in ["/run/netns/dead", ""] {
        scene.lab.cmd("ip netns add dead").ok();
        let add = scene.call_on(scene.lab, scene.row.plugin, "ADD", dead, &scene.conf(1));
        add.ok();
        assert_eq!(scene.leases(), ["10.22.0.2", "fd22::2"]);
        scene.lab.cmd("ip netns delete dead").ok();
        if scene.row.plugin == "host-device" {
            put_back(scene, peer.as_str().unwrap());
        }
        for _ in 0..2 {
            let gone = ("dead", path, "eth0");
            scene
                .call_on(scene.lab, scene.row.plugin, "DEL", gone, &scene.conf(1))
                .ok();
            assert!(scene.leases().is_empty());
        }
    }
}

/// What the kernel does with hardware: it is on the host again, under the name and with the alias that it had inside.
fn put_back(scene: &Scene<'_>, peer: &str) {
    let gone = "for i in $(seq 50); do ip link show peer1 >/dev/null 2>&1 || exit 0; sleep 0.1; done; exit 1";
    scene.lab.shell(gone).ok();
    let pair = format!("ip link add eth0 type veth peer name peer1 address {peer}");
    scene.lab.cmd(&pair).ok();
    scene.lab.cmd("ip link set peer1 up").ok();
    let mark = "vetch:pods:cni:dead:eth0:10.22.0.2,fd22::2 was dev1 up";
    scene
        .lab
        .argv(&["ip", "link", "set", "eth0", "alias", mark])
        .go()
        .ok();
}

pub(crate) fn del_leaves_what_is_somebody_elses(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    for others in [
        "ip link add eth0 type bridge",
        "ip link add eth0 type veth peer name far",
    ] {
        c1.cmd(others).ok();
        let marked = c1.argv(&[
            "ip",
            "link",
            "set",
            "eth0",
            "alias",
            "vetch:pods:cni:other:eth0:",
        ]);
        marked.go().ok();
        let before = scene.everything(&c1);
        scene.del(&c1, 1);
        let own = ("c1", "/proc/self/ns/net", "up0");
        scene
            .call_on(scene.lab, scene.row.plugin, "DEL", own, &scene.conf(1))
            .ok();
        let after = scene.everything(&c1);
        unchanged(&before, &after);
        c1.cmd("ip link delete eth0").ok();
    }
}

pub(crate) fn gc_takes_exactly_the_others(scene: &Scene<'_>) {
    let nodes = ["c1", "c2", "c3"].map(|name| scene.lab.netns(name));
    for (node, n) in nodes.iter().zip(1..) {
        scene.add(node, n);
    }
    let mut others = scene.conf(1);
    others["name"] = "others".into();
    others["cni.dev/valid-attachments"] = json!([]);
    let nobody = ("-", "", "");
    scene
        .call_on(scene.lab, scene.row.plugin, "GC", nobody, &others)
        .ok();
    assert!(
        nodes.iter().all(|node| scene.links(node).len() == 1),
        "of another network"
    );
    let mut conf = scene.conf(1);
    conf["cni.dev/valid-attachments"] = json!([{"containerID": "c2", "ifname": "eth0"}]);
    for _ in 0..2 {
        scene
            .call_on(scene.lab, scene.row.plugin, "GC", nobody, &conf)
            .ok();
        let left = nodes.each_ref().map(|node| scene.links(node).len());
        assert_eq!(left, [0, 1, 0]);
        assert_eq!(scene.leases(), ["10.22.0.3", "fd22::3"]);
    }
    scene.del(&nodes[1], 2);
}
