//! What is made, and what is left of it.

use crate::scene::{Scene, addresses, unchanged};
use serde_json::{Value, json};

pub(crate) fn is_made_as_asked_for_and_taken_away(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    let result = scene.add(&c1, 1);
    let [link] = &scene.links(&c1)[..] else {
        panic!("{:?}", scene.links(&c1))
    };
    assert_eq!(link["ifname"], "eth0");
    assert_eq!(link["linkinfo"]["info_kind"], scene.row.kind);
    let mark = link["ifalias"].as_str().unwrap();
    let was = if scene.row.plugin == "host-device" {
        " was dev1 up"
    } else {
        ""
    };
    assert_eq!(
        mark,
        format!("vetch:pods:cni:c1:eth0:10.22.0.2,fd22::2{was}")
    );
    assert!(link["flags"].as_array().unwrap().contains(&"UP".into()));
    if let Some(mtu) = scene.conf(1).get("mtu") {
        assert_eq!(link["mtu"], *mtu);
    }
    assert_eq!(addresses(&c1, "eth0"), ["10.22.0.2/24", "fd22::2/64"]);
    let routes = c1
        .cmd("ip route show")
        .ok()
        .prints("default via 10.22.0.1 dev eth0");
    assert!(
        routes
            .stdout
            .contains("10.99.0.0/16 via 10.22.0.9 dev eth0"),
        "{routes}"
    );
    c1.cmd("ip -6 route show")
        .ok()
        .prints("default via fd22::1 dev eth0");
    assert!(c1.reaches("127.0.0.1"), "the loopback is up");
    let tentative = c1.cmd("ip -6 address show dev eth0 tentative").ok().stdout;
    assert!(!tentative.contains("fd22"), "{tentative}");

    let expected = json!({
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "eth0", "mac": link["address"], "sandbox": "/run/netns/c1"}],
        "ips": [
            {"address": "10.22.0.2/24", "gateway": "10.22.0.1", "interface": 0},
            {"address": "fd22::2/64", "gateway": "fd22::1", "interface": 0},
        ],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}, {"dst": "10.99.0.0/16", "gw": "10.22.0.9"}],
        "dns": {"nameservers": ["10.22.0.1"]},
    });
    assert_eq!(result, expected);
    scene.check(&c1, &scene.conf(1), &result).ok();
    scene.del(&c1, 1);
    assert!(scene.links(&c1).is_empty() && scene.leases().is_empty());
    scene.del(&c1, 1);
}

pub(crate) fn the_same_add_again_is_answered_the_same(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    let first = scene.add(&c1, 1);
    assert!(
        c1.reaches("fd22::2"),
        "the kernel adds its own route a little later"
    );
    let before = scene.everything(&c1);
    assert_eq!(scene.add(&c1, 1), first);
    let after = scene.everything(&c1);
    unchanged(&before, &after);
    c1.cmd("ip link set eth0 down").ok();
    assert_eq!(scene.add(&c1, 1), first, "what went down is set up again");
    scene.check(&c1, &scene.conf(1), &first).ok();
    let mut other = scene.conf(1);
    other["ipam"]["ranges"] = json!([[{"subnet": "10.23.0.0/24"}]]);
    other["name"] = "others".into();
    let said = scene.refused("ADD", &c1, &other);
    assert!(
        said.contains("an interface `eth0` already") && said.contains("vetch:pods:cni:c1"),
        "{said}"
    );
    scene.check(&c1, &scene.conf(1), &first).ok();
    scene.del(&c1, 1);
}

/// The link of a container is `eth0` as a rule, and so is the host's.
pub(crate) fn the_host_may_have_a_link_of_that_name(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    scene
        .lab
        .fixture(|| scene.lab.cmd("ip link add eth0 type bridge").ok());
    scene.add(&c1, 1);
    let links = scene.links(&c1);
    assert!(
        links.len() == 1 && links[0]["ifname"] == "eth0",
        "{links:?}"
    );
    scene.del(&c1, 1);
    assert!(scene.links(&c1).is_empty());
}

/// As some runtimes have it: IPv6 is off in every namespace they make.
pub(crate) fn an_ipv6_address_switches_ipv6_on(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    for place in ["all", "default"] {
        let key = format!("/proc/sys/net/ipv6/conf/{place}/disable_ipv6");
        c1.run(|| std::fs::write(&key, "1")).unwrap();
    }
    scene.add(&c1, 1);
    assert_eq!(addresses(&c1, "eth0"), ["10.22.0.2/24", "fd22::2/64"]);
    assert!(c1.reaches("::1") && c1.reaches("fd22::2"));
    scene.del(&c1, 1);
}

pub(crate) fn it_is_no_way_in_for_routers_of_others(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    scene.add(&c1, 1);
    let sysctl = |key: &str| {
        let said = c1
            .cmd(&format!("cat /proc/sys/net/ipv6/conf/eth0/{key}"))
            .ok();
        said.stdout.trim().to_owned()
    };
    for key in [
        "accept_ra",
        "autoconf",
        "accept_dad",
        "router_solicitations",
    ] {
        assert_eq!(sysctl(key), "0", "{key}");
    }
    scene.del(&c1, 1);
    let mut conf = scene.conf(1);
    conf["ipam"]["ranges"] = json!([[{"subnet": "10.22.0.0/24"}]]);
    conf["ipam"]["routes"] = Value::Null;
    scene.call("ADD", &c1, &conf).ok();
    assert_eq!(sysctl("disable_ipv6"), "1");
    scene.call("DEL", &c1, &conf).ok();
}
