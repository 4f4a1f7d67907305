//! `tuning`: everything it changes is as asked for, told in the result, found by CHECK, and as before after DEL.

use crate::{Call, attached, behind, detached, has_reference, plain};
use serde_json::{Value, json};
use std::fs;
use vetch_tests::skip::is_real_root;
use vetch_tests::{Lab, Node, lab, skip};

const FILE: &str = "/run/cni/tuning/c1_eth0.json";

/// Everything that can be set, but for the MAC address.
fn keys() -> Value {
    json!({"mtu": 1400, "promisc": true, "allmulti": true, "txQLen": 77, "sysctl": {
        "net.ipv4.conf.IFNAME.arp_filter": "1",
        "net/core/somaxconn": "500",
        "net.ipv4.tcp_rmem": "4096 131072 6000000",
    }})
}

fn sysctl(node: &Node, path: &str) -> String {
    let path = format!("/proc/sys/net/{path}");
    node.run(|| fs::read_to_string(path))
        .unwrap()
        .trim()
        .to_owned()
}

/// What of the container is touched.
fn look(node: &Node) -> Vec<String> {
    let link = node.cmd("ip -j -d link show eth0").ok().json()[0].clone();
    let flag = |name: &str| {
        link["flags"]
            .as_array()
            .unwrap()
            .contains(&name.into())
            .to_string()
    };
    let mut all: Vec<String> = ["mtu", "txqlen", "address"]
        .map(|key| link[key].to_string())
        .into();
    all.extend(["PROMISC", "ALLMULTI"].map(flag));
    let paths = [
        "ipv4/conf/eth0/arp_filter",
        "core/somaxconn",
        "ipv4/tcp_rmem",
    ];
    all.extend(paths.map(|path| sysctl(node, path)));
    all
}

fn interface(result: &Value) -> Value {
    let mut all = result["interfaces"].as_array().unwrap().iter();
    all.rfind(|of| of["name"] == "eth0").unwrap().clone()
}

#[test]
fn what_is_set_is_there_and_goes_with_it() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let (before, host) = (look(&c1), lab.state());
        let call = Call::ours(lab, "tuning", &c1);
        let mut keys = behind(&previous, keys());
        keys["cniVersion"] = "1.1.0".into();
        let result = call.add(&keys);
        let is = [
            "1400",
            "77",
            &before[2],
            "true",
            "true",
            "1",
            "500",
            "4096\t131072\t6000000",
        ];
        assert_eq!(look(&c1), is);
        assert_eq!(interface(&result)["mtu"], 1400);
        let mut rest = result.clone();
        rest["cniVersion"] = "1.0.0".into();
        rest["interfaces"][2].as_object_mut().unwrap().remove("mtu");
        assert_eq!(rest, previous, "the rest is passed on");
        assert!(c1.reaches("10.22.0.1") && c1.reaches("fd22::1"));

        let kept = fs::read_to_string(FILE).unwrap();
        assert_eq!(call.add(&keys), result);
        assert_eq!(
            fs::read_to_string(FILE).unwrap(),
            kept,
            "what was before stays known"
        );
        call.run("CHECK", &behind(&result, keys.clone())).ok();

        call.del(&keys);
        assert_eq!(look(&c1), before);
        call.del(&keys);
        let left = host.difference(&lab.state());
        assert!(left.is_empty(), "{left:?}");
        detached(lab, &c1);
    });
}

#[test]
fn a_read_only_proc_sys_is_no_obstacle() {
    lab(|lab| {
        if !is_real_root() {
            skip!("root: mounts a procfs");
        }
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let before = look(&c1);
        lab.shell("mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys")
            .ok();
        let read_only = lab.shell("echo 1 > /proc/sys/net/ipv4/conf/lo/arp_filter");
        assert_ne!(read_only.code, 0);
        let call = Call::ours(lab, "tuning", &c1);
        call.add(&behind(&previous, keys()));
        assert_eq!(look(&c1)[6], "500");
        call.del(&json!({}));
        assert_eq!(look(&c1), before);
        lab.shell("umount /proc/sys").ok();
        detached(lab, &c1);
    });
}

/// The guard, the bridge and the record follow, or the container would be cut off.
#[test]
fn another_mac_address_passes_the_guard() {
    lab(|lab| {
        let (c1, c2) = (lab.netns("c1"), lab.netns("c2"));
        let previous = attached(lab, &c1);
        let second = attached(lab, &c2);
        assert!(c1.reaches("10.22.0.3"));
        let host = lab.state();
        let call = Call::ours(lab, "tuning", &c1);
        let chain: Value = serde_json::from_str(crate::BRIDGE).unwrap();
        let mut keys = behind(&previous, json!({"mac": "02:00:00:00:00:77"}));
        let result = call.add(&keys);
        assert_eq!(interface(&result)["mac"], "02:00:00:00:00:77");
        assert!(c1.reaches("10.22.0.1") && c1.reaches("fd22::1"));
        assert!(c2.reaches("10.22.0.2") && c2.reaches("fd22::2"));
        let whole = behind(&result, chain.clone());
        Call::ours(lab, "bridge", &c1).run("CHECK", &whole).ok();
        call.run("CHECK", &behind(&result, keys.clone())).ok();
        let again = Call::ours(lab, "bridge", &c1).add(&chain);
        assert_eq!(call.add(&behind(&again, keys.clone())), result);

        keys["mac"] = interface(&second)["mac"].clone();
        let (code, said) = call.refused("ADD", &keys);
        assert!(code == 100 && said.contains("cni:c2"), "{said}");
        assert!(c1.reaches("10.22.0.3") && c2.reaches("10.22.0.2"));
        call.del(&json!({}));
        let mut left = host.difference(&lab.state());
        left.retain(|line| !line.ends_with("/pods/.mac 1")); // of the network: its addresses had other owners
        assert!(left.is_empty(), "{left:?}");
        assert!(c1.reaches("10.22.0.3") && c2.reaches("fd22::2"));
        Call::ours(lab, "bridge", &c1)
            .run("CHECK", &behind(&previous, chain.clone()))
            .ok();
        Call::ours(lab, "bridge", &c1).del(&chain);
        detached(lab, &c2);
    });
}

#[test]
fn removal_needs_no_result_no_namespace_and_no_sound_configuration() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let (before, keys) = (look(&c1), behind(&previous, keys()));
        let call = Call::ours(lab, "tuning", &c1);
        for bare in [json!({}), json!({"mtu": "?", "sysctl": 5, "mac": "?"})] {
            call.add(&keys);
            assert_ne!(look(&c1), before);
            call.del(&bare);
            assert_eq!(look(&c1), before);
        }
        call.add(&keys);
        assert!(fs::exists(FILE).unwrap());
        Call::ours(lab, "tuning", &c1).nowhere().del(&keys);
        assert!(!fs::exists(FILE).unwrap(), "nothing is left on the host");
        detached(lab, &c1);
    });
}

#[test]
fn a_failure_undoes_what_was_set_before() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let (before, host) = (look(&c1), lab.state());
        let call = Call::ours(lab, "tuning", &c1);
        for (key, value, named) in [
            (
                "sysctl",
                json!({"net.core.somaxconn": "500", "net.ipv4.tcp_rmem": "x"}),
                "tcp_rmem",
            ),
            (
                "sysctl",
                json!({"net.core.somaxconn": "500", "net.ipv4.nosuch": "1"}),
                "nosuch",
            ),
            (
                "sysctl",
                json!({"net.core.somaxconn": "500", "net.ipv4.conf.eth9.arp_filter": "1"}),
                "eth9",
            ),
            ("mtu", json!(70000), "70000 is not 68 to 65535"),
            ("mtu", json!(1000), "IPv6 addresses of `eth0`"),
        ] {
            let mut keys = behind(&previous, keys());
            keys[key] = value;
            let (_, said) = call.refused("ADD", &keys);
            assert!(said.contains(named), "{said}");
            assert_eq!(look(&c1), before, "{said}");
        }
        let (code, said) = call.refused("ADD", &keys());
        assert!(
            code == 7 && said.contains("`prevResult` is missing"),
            "{said}"
        );
        let gone = Call {
            netns: "/run/netns/nosuch",
            ..Call::ours(lab, "tuning", &c1)
        };
        assert_eq!(gone.refused("ADD", &behind(&previous, keys())).0, 4);
        let here = Call {
            netns: "/proc/self/ns/net",
            ..Call::ours(lab, "tuning", &c1)
        };
        assert_eq!(here.refused("ADD", &behind(&previous, keys())).0, 4);
        let left = host.difference(&lab.state());
        assert!(left.is_empty(), "{left:?}");
        detached(lab, &c1);
    });
}

#[test]
fn each_difference_is_found() {
    lab(|lab| {
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let call = Call::ours(lab, "tuning", &c1);
        let keys = behind(&previous, keys());
        let keys = behind(&call.add(&keys), keys);
        for (words, named) in [
            (
                "ip link set eth0 mtu 1300",
                "mtu 1300 of `eth0` should be mtu 1400",
            ),
            ("ip link set eth0 promisc off", "promisc false"),
            ("ip link set eth0 allmulticast off", "allmulti false"),
            ("ip link set eth0 txqueuelen 78", "txQLen 78"),
            (
                "/proc/sys/net/core/somaxconn=501",
                "net/core/somaxconn is \"501\"",
            ),
            (
                "/proc/sys/net/ipv4/conf/eth0/arp_filter=0",
                "net/ipv4/conf/eth0/arp_filter",
            ),
        ] {
            match words.split_once('=') {
                Some((path, value)) => c1.run(|| fs::write(path, value)).unwrap(),
                None => drop(c1.cmd(words).ok()),
            }
            let (code, said) = call.refused("CHECK", &keys);
            assert!(code == 101 && said.contains(named), "{said}");
        }
        let (_, said) = call.refused("CHECK", &keys);
        assert!(said.starts_with("6 differences: "), "{said}");
        call.del(&keys);
        detached(lab, &c1);
    });
}

#[test]
fn only_what_the_list_allows_is_set() {
    lab(|lab| {
        lab.writable_etc();
        let c1 = lab.netns("c1");
        let previous = attached(lab, &c1);
        let call = Call::ours(lab, "tuning", &c1);
        let with = |key: &str| behind(&previous, json!({"sysctl": {key: "1"}}));
        let list = "/etc/cni/tuning/allowlist.conf";
        let say = |text: &str| {
            lab.fixture(|| {
                fs::create_dir_all("/etc/cni/tuning").unwrap();
                fs::write(list, text).unwrap();
            });
        };
        say("^net.ipv4.conf.IFNAME.[a-z_]*$\n");
        call.add(&with("net.ipv4.conf.IFNAME.arp_filter"));
        for key in [
            "net.ipv4.conf.all.arp_filter",
            "net.core.somaxconn",
            "net.ipv4.conf.eth0.arp_filter",
        ] {
            let (code, said) = call.refused("ADD", &with(key));
            assert!(
                code == 7 && said.contains(key) && said.contains(list),
                "{said}"
            );
        }
        assert_eq!(sysctl(&c1, "ipv4/conf/all/arp_filter"), "0");
        let status = json!({"cniVersion": "1.1.0"});
        call.run("STATUS", &status).ok();
        say("(");
        let (code, said) = call.refused("STATUS", &status);
        assert!(code == 50 && said.contains("line 1"), "{said}");
        assert_eq!(
            call.refused("ADD", &with("net.ipv4.conf.IFNAME.arp_filter"))
                .0,
            7
        );
        call.del(&json!({}));
        detached(lab, &c1);
    });
}

#[test]
fn collection_removes_what_is_kept_of_attachments_that_are_gone() {
    lab(|lab| {
        let (c1, c2) = (lab.netns("c1"), lab.netns("c2"));
        for node in [&c1, &c2] {
            let previous = attached(lab, node);
            Call::ours(lab, "tuning", node).add(&behind(&previous, keys()));
        }
        let valid = json!({"cniVersion": "1.1.0", "cni.dev/valid-attachments": [{"containerID": "c2", "ifname": "eth0"}]});
        let mut other = valid.clone();
        other["name"] = "other".into();
        other["cni.dev/valid-attachments"] = json!([]);
        Call::ours(lab, "tuning", &c1).run("GC", &other).ok();
        assert!(fs::exists(FILE).unwrap(), "another network's");
        Call::ours(lab, "tuning", &c1).run("GC", &valid).ok();
        assert!(!fs::exists(FILE).unwrap() && fs::exists(FILE.replace("c1", "c2")).unwrap());
        Call::ours(lab, "tuning", &c2).del(&json!({}));
        Call::ours(lab, "bridge", &c1).del(&serde_json::from_str(crate::BRIDGE).unwrap());
        detached(lab, &c2);
    });
}

/// Both on a machine of their own, with the same result before.
fn twins(lab: &Lab) -> [(Node, Node, Value); 2] {
    ["theirs", "ours"].map(|name| plain(lab, name))
}

#[test]
fn result_and_interface_are_those_of_the_reference() {
    lab(|lab| {
        if !has_reference("tuning") {
            skip!("tool:/usr/lib/cni/tuning: the reference is not here");
        }
        let [theirs, ours] = twins(lab);
        let mut keys = keys();
        keys.as_object_mut().unwrap().remove("txQLen"); // newer than Debian's
        keys["sysctl"] = json!({"net.core.somaxconn": "500", "net.ipv4.conf.eth0.arp_filter": "1", "net.ipv4.tcp_rmem": "4096 131072 6000000"});
        keys["mac"] = "02:00:00:00:00:77".into();
        let run = |call: Call<'_>, (_, node, previous): &(Node, Node, Value)| {
            let before = look(node);
            let mut keys = behind(previous, keys.clone());
            let result = call.add(&keys);
            let after = look(node);
            let text = result.to_string().replace(node.path(), "SANDBOX");
            keys["prevResult"] = result;
            (before, after, text, keys)
        };
        let want = run(Call::theirs(&theirs.0, "tuning", &theirs.1), &theirs);
        let got = run(Call::ours(&ours.0, "tuning", &ours.1), &ours);
        assert_eq!(got.0, want.0);
        assert_eq!(got.1, want.1);
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(parse(&got.2), parse(&want.2));

        // What one has set the other puts back.
        Call::ours(&theirs.0, "tuning", &theirs.1).del(&want.3);
        Call::theirs(&ours.0, "tuning", &ours.1).del(&got.3);
        let interface = |all: Vec<String>| all[..5].to_vec();
        assert_eq!(interface(look(&theirs.1)), interface(want.0));
        assert_eq!(interface(look(&ours.1)), interface(got.0));
        for (machine, ..) in [&theirs, &ours] {
            assert!(!machine.run(|| fs::exists(FILE)).unwrap());
        }
    });
}
