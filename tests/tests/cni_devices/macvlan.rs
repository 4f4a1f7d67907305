//! What a macvlan is for: packets, modes, whose MAC address it has, and on which link it is.

use crate::row;
use crate::scene::{Scene, addresses, run};
use serde_json::{Value, json};

fn mode(scene: &Scene<'_>, mode: &str) -> Value {
    let mut conf = scene.conf(1);
    conf["mode"] = mode.into();
    conf
}

/// The other end of the host's link is in the containers' subnet.
fn join(scene: &Scene<'_>) {
    scene.far.cmd("ip address add 10.22.0.1/24 dev eth0").ok();
    scene
        .far
        .cmd("ip address add fd22::1/64 dev eth0 nodad")
        .ok();
}

#[test]
fn packets_pass_between_containers_as_the_mode_says_and_to_the_other_end_of_the_wire() {
    run(row::macvlan, |scene| {
        join(scene);
        let (c1, c2) = (scene.lab.netns("c1"), scene.lab.netns("c2"));
        for (word, between) in [
            ("bridge", true),
            ("", true),
            ("private", false),
            ("vepa", false),
        ] {
            let conf = mode(scene, word);
            scene.call("ADD", &c1, &conf).ok();
            let found = scene.links(&c1)[0]["linkinfo"]["info_data"]["mode"].clone();
            assert_eq!(found, if word.is_empty() { "bridge" } else { word });
            scene.call("ADD", &c2, &conf).ok();
            let to = addresses(&c2, "eth0");
            let (four, six) = (
                to[0].split('/').next().unwrap(),
                to[1].split('/').next().unwrap(),
            );
            for gateway in ["10.22.0.1", "fd22::1"] {
                assert!(
                    c1.reaches(gateway) && c2.reaches(gateway),
                    "{word} {gateway}"
                );
            }
            assert!(scene.far.reaches(four) && scene.far.reaches(six), "{word}");
            assert_eq!([c1.reaches(four), c1.reaches(six)], [between; 2], "{word}");
            scene.call("DEL", &c1, &conf).ok();
            scene.call("DEL", &c2, &conf).ok();
        }
    });
}

#[test]
fn in_mode_passthru_the_second_is_told_that_it_is_too_late() {
    run(row::macvlan, |scene| {
        join(scene);
        let (c1, c2) = (scene.lab.netns("c1"), scene.lab.netns("c2"));
        let conf = mode(scene, "passthru");
        scene.call("ADD", &c1, &conf).ok();
        assert_eq!(
            scene.links(&c1)[0]["linkinfo"]["info_data"]["mode"],
            "passthru"
        );
        assert!(c1.reaches("10.22.0.1"));
        let held = scene.leases();
        let said = scene.call("ADD", &c2, &conf).exits(1);
        said.prints("in mode passthru a macvlan is alone on its link");
        assert!(scene.links(&c2).is_empty() && scene.leases() == held);
        scene.call("DEL", &c1, &conf).ok();
    });
}

/// Another container had the address: whoever talked to that one is told at once.
#[test]
fn neighbours_are_told_where_the_addresses_are_now() {
    run(row::macvlan, |scene| {
        join(scene);
        let c1 = scene.lab.netns("c1");
        let stale = "lladdr 02:00:00:00:00:99 dev eth0 nud stale";
        scene
            .far
            .cmd(&format!("ip neigh replace 10.22.0.2 {stale}"))
            .ok();
        scene
            .far
            .cmd(&format!("ip neigh replace fd22::2 {stale}"))
            .ok();
        let mut conf = scene.conf(1);
        conf["mac"] = "02:00:00:00:00:01".into();
        scene.call("ADD", &c1, &conf).ok();
        let knows = || {
            let said = scene.far.cmd("ip neigh show dev eth0").ok().stdout;
            let new = |to: &str| {
                said.lines()
                    .any(|line| line.starts_with(to) && line.contains("02:00:00:00:00:01"))
            };
            new("10.22.0.2 ") && new("fd22::2 ")
        };
        let told = (0..40).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            knows()
        });
        assert!(told, "{}", scene.far.cmd("ip neigh show"));
        scene.call("DEL", &c1, &conf).ok();
    });
}

#[test]
fn the_mac_address_is_that_of_the_runtime_before_that_of_the_configuration() {
    run(row::macvlan, |scene| {
        let c1 = scene.lab.netns("c1");
        let mut conf = scene.conf(1);
        conf["mac"] = "02:00:00:00:00:01".into();
        let add = |conf: &Value, args: &str| {
            let made = scene
                .lab
                .vetch_argv(&[])
                .arg0("macvlan")
                .env("CNI_ARGS", args);
            let made = made
                .env("CNI_COMMAND", "ADD")
                .env("CNI_CONTAINERID", "c1")
                .env("CNI_NETNS", c1.path());
            let made = made
                .env("CNI_IFNAME", "eth0")
                .env("CNI_PATH", "/")
                .stdin(conf.to_string())
                .go();
            let result = made.ok().json();
            scene.del(&c1, 1);
            result["interfaces"][0]["mac"].as_str().unwrap().to_owned()
        };
        assert_eq!(add(&conf, ""), "02:00:00:00:00:01");
        let args = "IgnoreUnknown=1;MAC=02:00:00:00:00:02;K8S_POD_NAME=web";
        assert_eq!(add(&conf, args), "02:00:00:00:00:02");
        conf["args"] = json!({"cni": {"mac": "02:00:00:00:00:03"}});
        assert_eq!(add(&conf, args), "02:00:00:00:00:03");
        conf["runtimeConfig"] = json!({"mac": "02:00:00:00:00:04"});
        assert_eq!(add(&conf, args), "02:00:00:00:00:04");
    });
}

#[test]
fn without_a_master_it_is_that_of_the_default_route() {
    run(row::macvlan, |scene| {
        let c1 = scene.lab.netns("c1");
        let mut conf = scene.conf(1);
        conf["master"] = Value::Null;
        let said = scene.refused("ADD", &c1, &conf);
        assert!(said.contains("no default route"), "{said}");
        let way = |words: &str| scene.lab.cmd(&format!("ip route {words}")).ok();
        for (route, link) in [
            ("192.0.2.0/24 dev up1 metric 7", None), // none yet
            ("default dev up1 metric 200", Some("up1")),
            ("default via 192.0.2.2 metric 100", Some("up0")),
        ] {
            way(&format!("add {route}"));
            let Some(link) = link else { continue };
            let result = scene.call("ADD", &c1, &conf).ok().json();
            let found = scene.links(&c1)[0]["link_index"].clone();
            let wanted = scene
                .lab
                .cmd(&format!("ip -j link show {link}"))
                .ok()
                .json()[0]["ifindex"]
                .clone();
            assert_eq!(found, wanted);
            scene.check(&c1, &conf, &result).ok();
            scene.call("DEL", &c1, &conf).ok();
        }
        for route in [
            "default via 192.0.2.2",
            "default dev up1",
            "192.0.2.0/24 dev up1",
        ] {
            way(&format!("delete {route}"));
        }
        scene.lab.cmd("ip -6 route add default dev up1").ok();
        scene.call("ADD", &c1, &conf).ok();
        scene.call("DEL", &c1, &conf).ok();
        scene.lab.cmd("ip -6 route delete default dev up1").ok();
    });
}

#[test]
fn the_master_may_be_in_the_container() {
    run(row::macvlan, |scene| {
        let (c1, other) = (scene.lab.netns("c1"), scene.lab.anonymous("other"));
        scene
            .lab
            .veth(&c1, "in0", "", &other, "eth0", "10.22.0.1/24");
        let mut conf = scene.conf(1);
        crate::scene::patch(
            &mut conf,
            &json!({"master": "in0", "linkInContainer": true, "mode": "bridge"}),
        );
        let result = scene.call("ADD", &c1, &conf).ok().json();
        assert!(c1.reaches("10.22.0.1"));
        scene.check(&c1, &conf, &result).ok();
        let nobody = ("-", "", "");
        scene
            .call_on(scene.lab, "macvlan", "STATUS", nobody, &conf)
            .ok();
        conf["linkInContainer"] = false.into();
        scene
            .check(&c1, &conf, &result)
            .exits(1)
            .prints("the host has no link `in0`");
        scene.call("DEL", &c1, &conf).ok();
        assert_eq!(scene.links(&c1).len(), 1, "the master stays");
        c1.cmd("ip route add default dev in0").ok();
        crate::scene::patch(&mut conf, &json!({"master": "", "linkInContainer": true}));
        scene.call("ADD", &c1, &conf).ok();
        assert!(c1.reaches("10.22.0.1"));
        scene.call("DEL", &c1, &conf).ok();
    });
}

/// Whoever is inside asks for an address, or makes one from what routers say.
#[test]
fn without_address_management_it_is_up_and_left_to_whoever_is_inside() {
    run(row::macvlan, |scene| {
        let c1 = scene.lab.netns("c1");
        let mut conf = scene.conf(1);
        conf["ipam"] = json!({});
        let result = scene.call("ADD", &c1, &conf).ok().json();
        assert_eq!(result.get("ips"), None, "{result}");
        assert!(addresses(&c1, "eth0").is_empty());
        assert!(
            scene.links(&c1)[0]["flags"]
                .as_array()
                .unwrap()
                .contains(&"UP".into())
        );
        for (key, value) in [("disable_ipv6", "0"), ("accept_ra", "1")] {
            let said = c1
                .cmd(&format!("cat /proc/sys/net/ipv6/conf/eth0/{key}"))
                .ok();
            assert_eq!(said.stdout.trim(), value, "{key}");
        }
        scene.check(&c1, &conf, &result).ok();
        scene.call("DEL", &c1, &conf).ok();
    });
}

#[test]
fn a_small_mtu_is_for_ipv4_alone() {
    run(row::macvlan, |scene| {
        join(scene);
        let c1 = scene.lab.netns("c1");
        let mut conf = scene.conf(1);
        conf["mtu"] = 500.into();
        conf["ipam"]["ranges"] = json!([[{"subnet": "10.22.0.0/24"}]]);
        conf["ipam"]["routes"] = Value::Null;
        let result = scene.call("ADD", &c1, &conf).ok().json();
        assert!(c1.reaches("10.22.0.1"));
        scene.check(&c1, &conf, &result).ok();
        scene.call("DEL", &c1, &conf).ok();
    });
}

#[test]
fn a_second_network_does_not_take_the_default_route() {
    run(row::macvlan, |scene| {
        let c1 = scene.lab.netns("c1");
        scene.add(&c1, 1);
        let mut conf = scene.conf(1);
        crate::scene::patch(&mut conf, &json!({"name": "others", "master": "up1"}));
        conf["ipam"]["ranges"] = json!([[{"subnet": "10.23.0.0/24"}]]);
        conf["ipam"]["routes"] = json!([{"dst": "0.0.0.0/0"}]);
        let second = ("c1", c1.path(), "net1");
        let result = scene
            .call_on(scene.lab, "macvlan", "ADD", second, &conf)
            .ok()
            .json();
        let out = c1.cmd("ip -j route get 198.51.100.1").ok().json();
        assert_eq!(out[0]["dev"], "eth0");
        let mut check = conf.clone();
        check["prevResult"] = result;
        scene
            .call_on(scene.lab, "macvlan", "CHECK", second, &check)
            .ok();
        scene.del(&c1, 1);
        let out = c1.cmd("ip -j route get 198.51.100.1").ok().json();
        assert_eq!(out[0]["dev"], "net1", "it comes in its place");
        scene
            .call_on(scene.lab, "macvlan", "DEL", second, &conf)
            .ok();
    });
}
