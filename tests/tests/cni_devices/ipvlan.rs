//! What an ipvlan is for: packets, modes, and addresses that a plugin before it gave.

use crate::row;
use crate::scene::{Scene, addresses, run};
use serde_json::{Value, json};

fn with(scene: &Scene<'_>, keys: &Value) -> Value {
    let mut conf = scene.conf(1);
    crate::scene::patch(&mut conf, keys);
    conf
}

#[test]
fn packets_pass_between_containers_and_the_modes_are_those_of_the_kernel() {
    run(row::ipvlan, |scene| {
        scene.far.cmd("ip address add 10.22.0.1/24 dev eth0").ok();
        let (c1, c2) = (scene.lab.netns("c1"), scene.lab.netns("c2"));
        for (word, found) in [("", "l2"), ("l2", "l2"), ("l3", "l3"), ("l3s", "l3s")] {
            let mut conf = with(scene, &json!({"mode": word}));
            if found != "l2" {
                // On layer 3 there are no neighbours, hence no gateway.
                conf["ipam"]["routes"] = json!([{"dst": "10.22.0.0/16", "gw": "0.0.0.0"}]);
                conf["ipam"]["routes"] = Value::Null;
            }
            scene.call("ADD", &c1, &conf).ok();
            scene.call("ADD", &c2, &conf).ok();
            assert_eq!(scene.links(&c1)[0]["linkinfo"]["info_data"]["mode"], found);
            assert_eq!(
                scene.links(&c1)[0]["address"],
                scene.links(&c2)[0]["address"]
            );
            let to = addresses(&c2, "eth0")[0].replace("/24", "");
            assert!(c1.reaches(&to), "{word}");
            if found == "l2" {
                assert!(c1.reaches("10.22.0.1") && scene.far.reaches(&to));
            }
            scene.call("DEL", &c1, &conf).ok();
            scene.call("DEL", &c2, &conf).ok();
        }
    });
}

#[test]
fn behind_another_plugin_master_and_addresses_are_those_of_its_result() {
    run(row::ipvlan, |scene| {
        let c1 = scene.lab.netns("c1");
        let before = json!({
            "cniVersion": "1.1.0",
            "interfaces": [{"name": "up1"}],
            "ips": [{"address": "10.24.0.7/24", "gateway": "10.24.0.1"}],
            "routes": [{"dst": "0.0.0.0/0"}],
        });
        let conf = with(scene, &json!({"master": null, "ipam": null, "dns": null}));
        let mut add = conf.clone();
        add["prevResult"] = before.clone();
        let result = scene.call("ADD", &c1, &add).ok().json();
        assert_eq!(result["interfaces"].as_array().unwrap().len(), 1);
        assert_eq!(result["interfaces"][0]["name"], "eth0");
        assert_eq!(
            result["ips"],
            json!([{"address": "10.24.0.7/24", "gateway": "10.24.0.1", "interface": 0}])
        );
        assert_eq!(addresses(&c1, "eth0"), ["10.24.0.7/24"]);
        let up1 = scene.lab.cmd("ip -j link show up1").ok().json()[0]["ifindex"].clone();
        assert_eq!(scene.links(&c1)[0]["link_index"], up1);
        scene.check(&c1, &conf, &result).ok();
        scene.call("DEL", &c1, &conf).ok();
        add["prevResult"]["interfaces"] = json!([{"name": "up1"}, {"name": "up0"}]);
        assert!(scene.refused("ADD", &c1, &add).contains("2 interfaces"));
        assert!(scene.refused("ADD", &c1, &conf).contains("`ipam`"));
        let nobody = ("-", "", "");
        scene
            .call_on(scene.lab, "ipvlan", "STATUS", nobody, &conf)
            .ok();
    });
}
