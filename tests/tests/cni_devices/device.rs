//! What becomes of a device of the host: it comes back as it was, whatever happened meanwhile.

use crate::row;
use crate::scene::{Scene, patch, run};
use serde_json::{Value, json};

fn on_host(scene: &Scene<'_>, name: &str) -> Value {
    let said = scene.lab.cmd(&format!("ip -j link show {name}"));
    if said.code == 0 {
        said.json()[0].clone()
    } else {
        Value::Null
    }
}

fn is_up(link: &Value) -> bool {
    link["flags"].as_array().unwrap().contains(&"UP".into())
}

#[test]
fn name_alias_and_state_come_back() {
    run(row::host_device, |scene| {
        let c1 = scene.lab.netns("c1");
        for (n, up, alias) in [(1, true, Some("slot-1")), (9, false, None)] {
            let name = format!("dev{n}");
            let before = on_host(scene, &name);
            scene.add(&c1, n);
            assert!(on_host(scene, &name).is_null(), "it is the container's");
            assert_eq!(scene.links(&c1)[0]["address"], before["address"]);
            scene.del(&c1, n);
            let after = on_host(scene, &name);
            assert_eq!((is_up(&after), after["ifalias"].as_str()), (up, alias));
            assert_eq!(after["address"], before["address"]);
        }
    });
}

/// The note is lost: the mark alone says what it was called.
#[test]
fn the_mark_alone_brings_it_back() {
    run(row::host_device, |scene| {
        let c1 = scene.lab.netns("c1");
        scene.add(&c1, 1);
        scene.lab.shell("rm -r /run/vetch").ok();
        scene.del(&c1, 1);
        assert!(is_up(&on_host(scene, "dev1")));
        scene
            .lab
            .argv(&["ip", "link", "set", "dev1", "alias", "slot-1"])
            .go()
            .ok(); // for which the mark has no room
    });
}

#[test]
fn it_is_found_by_its_address_and_not_taken_from_another() {
    run(row::host_device, |scene| {
        let (c1, c2) = (scene.lab.netns("c1"), scene.lab.netns("c2"));
        let mac = on_host(scene, "dev1")["address"].clone();
        let mut conf = scene.conf(1);
        patch(&mut conf, &json!({"device": "", "hwaddr": mac}));
        let result = scene.call("ADD", &c1, &conf).ok().json();
        assert_eq!(result["interfaces"][0]["mac"], mac);
        let said = scene.refused("ADD", &c2, &conf);
        assert!(said.contains("`hwaddr`"), "{said}");
        scene.call("DEL", &c1, &conf).ok();
        scene.lab.fixture(|| {
            let mark = "vetch:pods:cni:other:eth0: was dev9";
            scene
                .lab
                .argv(&["ip", "link", "set", "dev1", "alias", mark])
                .go()
                .ok();
        });
        let said = scene.refused("ADD", &c1, &conf);
        assert!(said.contains("belongs to vetch:pods:cni:other"), "{said}");
        scene.lab.fixture(|| {
            scene
                .lab
                .cmd(&format!(
                    "ip link set dev2 address {}",
                    mac.as_str().unwrap()
                ))
                .ok()
        });
        let said = scene.refused("ADD", &c1, &conf);
        assert!(said.contains("`dev1` and `dev2` have"), "{said}");
    });
}

/// The host needs the name for something else meanwhile: nothing is lost, and the next DEL succeeds.
#[test]
fn a_name_that_is_taken_meanwhile_is_waited_for() {
    run(row::host_device, |scene| {
        let c1 = scene.lab.netns("c1");
        scene.add(&c1, 1);
        scene.lab.cmd("ip link add dev1 type bridge").ok();
        let said = scene.refused("DEL", &c1, &scene.conf(1));
        assert!(said.contains("give `dev1` back to the host"), "{said}");
        assert_eq!(scene.links(&c1).len(), 1);
        assert_eq!(scene.leases().len(), 2, "its addresses are still in use");
        scene.lab.cmd("ip link delete dev1").ok();
        scene.del(&c1, 1);
    });
}

/// Whoever is inside may write any alias on any link: the host gets its device back, and nothing else.
#[test]
fn nothing_can_be_planted_on_the_host() {
    run(row::host_device, |scene| {
        let c1 = scene.lab.netns("c1");
        scene.add(&c1, 1);
        c1.cmd("ip link add evil type veth peer name other").ok();
        for (link, mark) in [
            ("evil", "vetch:pods:cni:c1:eth0: was planted up"),
            ("eth0", ""),
        ] {
            c1.argv(&["ip", "link", "set", link, "alias", mark])
                .go()
                .ok();
        }
        c1.cmd("ip link set eth0 down").ok();
        c1.cmd("ip link set eth0 name hidden address 02:00:00:00:00:66 mtu 1300")
            .ok();
        c1.cmd("ip link set evil name eth0").ok();
        scene.del(&c1, 1);
        assert!(on_host(scene, "planted").is_null());
        assert_eq!(scene.links(&c1).len(), 2, "what is the container's stays");
    });
}
