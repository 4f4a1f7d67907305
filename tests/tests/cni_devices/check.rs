//! CHECK: every difference, each by its name.

use crate::scene::{Scene, patch};

/// What somebody does inside, and what CHECK says of it.
const DRIFT: [(&str, &str); 8] = [
    ("ip link set eth0 down", "it is down"),
    ("ip link set eth0 mtu 1300", "the MTU is 1300, not 1400"),
    (
        "ip link set eth0 address 02:00:00:00:00:99",
        "the MAC address is 02:00:00:00:00:99, not",
    ),
    (
        "ip address delete 10.22.0.2/24 dev eth0",
        "address 10.22.0.2/24 is missing",
    ),
    (
        "ip address delete fd22::2/64 dev eth0",
        "address fd22::2/64 is missing",
    ),
    (
        "ip route delete default",
        "route 0.0.0.0/0 via 10.22.0.1 is missing",
    ),
    (
        "ip route delete 10.99.0.0/16",
        "route 10.99.0.0/16 via 10.22.0.9 is missing",
    ),
    (
        "ip -6 route delete default",
        "route ::/0 via fd22::1 is missing",
    ),
];

pub(crate) fn check_finds_each_difference(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    let conf = scene.conf(1);
    for (words, phrase) in DRIFT {
        if phrase.starts_with("the MTU") && conf.get("mtu").is_none() {
            continue;
        }
        let result = scene.add(&c1, 1);
        scene.check(&c1, &conf, &result).ok();
        if c1.cmd(words).code == 0 {
            let said = scene.check(&c1, &conf, &result).exits(1);
            assert_eq!(said.json()["code"], 101, "{said}");
            said.prints(phrase);
        } else {
            assert!(
                phrase.starts_with("the MAC") && scene.row.kind == "ipvlan",
                "{words}"
            );
        }
        scene.del(&c1, 1);
    }
}

pub(crate) fn check_finds_all_differences_at_once_and_other_links(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    let conf = scene.conf(1);
    let result = scene.add(&c1, 1);
    c1.cmd("ip link set eth0 down").ok();
    c1.cmd("ip address flush dev eth0").ok();
    let said = scene.check(&c1, &conf, &result).exits(1);
    assert!(
        said.stdout.contains("it is down") && said.stdout.contains("address 10.22.0.2/24"),
        "all of them; {said}"
    );
    let marked = c1.argv(&[
        "ip",
        "link",
        "set",
        "eth0",
        "alias",
        "vetch:pods:cni:other:eth0:",
    ]);
    marked.go().ok();
    scene
        .check(&c1, &conf, &result)
        .exits(1)
        .prints("it belongs to `cni:other`");
    let mine = "vetch:pods:cni:c1:eth0:10.22.0.2";
    c1.argv(&["ip", "link", "set", "eth0", "alias", mine])
        .go()
        .ok();
    scene.del(&c1, 1);
    scene
        .check(&c1, &conf, &result)
        .exits(1)
        .prints("has no `eth0`");
    c1.cmd("ip link add eth0 type bridge").ok();
    let said = scene.check(&c1, &conf, &result).exits(1);
    if scene.row.plugin != "host-device" {
        said.prints(&format!("the kind is bridge, not {}", scene.row.kind));
    }
    c1.cmd("ip link delete eth0").ok();
}

pub(crate) fn check_finds_what_the_configuration_says_otherwise(scene: &Scene<'_>) {
    let c1 = scene.lab.netns("c1");
    let result = scene.add(&c1, 1);
    for (keys, phrase) in (scene.row.otherwise)() {
        let mut conf = scene.conf(1);
        patch(&mut conf, &keys);
        let said = scene.check(&c1, &conf, &result).exits(1);
        said.prints(phrase);
        if keys.get("master") != Some(&"nosuch".into()) {
            let said = scene.refused("ADD", &c1, &conf); // nor is it another
            assert!(
                said.contains("already, otherwise") || said.contains("`bridge`"),
                "{said}"
            );
        }
    }
    let mut other = result.clone();
    other["interfaces"][0]["name"] = "eth9".into();
    scene
        .check(&c1, &scene.conf(1), &other)
        .exits(1)
        .prints("`prevResult.interfaces` has no `eth0`");
    let mut other = result.clone();
    other["interfaces"][0]["mac"] = "02:00:00:00:00:99".into();
    other["ips"][0]["address"] = "10.22.0.77/24".into();
    other["routes"][2]["gw"] = "10.22.0.8".into();
    let said = scene.check(&c1, &scene.conf(1), &other).exits(1);
    for part in [
        "not 02:00:00:00:00:99",
        "address 10.22.0.77/24",
        "via 10.22.0.8",
    ] {
        assert!(said.stdout.contains(part), "{part}; {said}");
    }
    scene.check(&c1, &scene.conf(1), &result).ok();
    scene.del(&c1, 1);
}
