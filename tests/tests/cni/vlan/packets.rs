//! Whose packets reach whom, beside the reference and alone.

use super::*;
use vetch_tests::{lab, lab_within, skip};

#[test]
fn networks_of_one_bridge_are_apart_in_either_order() {
    lab_within(LIMIT, |lab| {
        if let Some(missing) = missing(lab) {
            skip!("{missing}");
        }
        for [first, second] in [[red(), blue()], [blue(), red()]] {
            let world = World::new(Whose::Ours);
            let a = world.add(&first, "a");
            assert!(a.ping(a.result["ips"][0]["gateway"].as_str().unwrap()));
            let c = world.add(&second, "c");
            let b = world.add(&first, "b");
            let [own, other] = [&a, &c].map(|of| of.result["ips"][0]["gateway"].as_str().unwrap());
            assert!(a.ping(&b.ip()) && b.ping(&a.ip()) && c.ping(other) && a.ping(own));
            assert!(
                !a.ping(&c.ip()) && !c.ping(&a.ip()),
                "the isolation of networks"
            );
            // Nor by their own choice of addresses, with nobody between.
            cmd(&c.of.node, &format!("ip route replace {} dev eth0", a.ip())).ok();
            assert!(!c.ping(&a.ip()));
            assert_eq!(world.check(&first, &a) + &world.check(&second, &c), "");
            let again = world.runtime().add(&second, &c.of);
            assert_eq!(again, c.result);
            world.host.vetch("network check").ok();
            let (one, two) = (first.name, second.name);
            world.del(&first, &a);
            world.del(&first, &b);
            world.host.vetch(&format!("network rm {one}")).ok();
            assert!(c.ping(other), "the bridge stays for the other");
            world.del(&second, &c);
            world.remove(&[two], &[]);
        }
    });
}

#[test]
fn ports_and_packets_are_those_of_the_reference() {
    lab(|lab| {
        if let Some(missing) = missing(lab) {
            skip!("{missing}");
        }
        if !there("bridge") || !vetch_tests::has_tool("iptables") {
            skip!(
                "tool:/usr/lib/cni/bridge: nothing to compare with (containernetworking-plugins)"
            );
        }
        let keep = json!({"vlan": 100, "preserveDefaultVlan": true});
        let keep = list("red", "10.1.0.0/24", keep);
        let both = [Whose::Theirs, Whose::Ours].map(|whose| {
            let world = World::new(whose);
            let (a, b) = (world.add(&keep, "a"), world.add(&keep, "b"));
            let link = cmd(&world.host, "ip -4 -o address show cni0.100")
                .ok()
                .stdout;
            let seen = (
                world.vlans(&a),
                a.ping(&b.ip()),
                a.ping("10.1.0.1"),
                link.contains("10.1.0.1/24"),
            );
            let interfaces = a.result["interfaces"].as_array().unwrap()[..3].to_vec();
            let names: Vec<_> = [0, 2]
                .map(|at: usize| interfaces[at]["name"].clone())
                .into();
            (
                seen,
                names,
                a.result["ips"].clone(),
                a.result["routes"].clone(),
            )
        });
        assert_eq!(both[0], both[1]);
        let world = World::new(Whose::Ours);
        let a = world.add(&red(), "a");
        assert_eq!(
            world.vlans(&a),
            [untagged(100)],
            "the bridge's own VLAN only where it is kept"
        );
    });
}

#[test]
fn a_trunk_takes_its_vlans_and_keeps_its_guard() {
    lab(|lab| {
        if let Some(missing) = missing(lab) {
            skip!("{missing}");
        }
        let world = World::new(Whose::Ours);
        let keys = json!({"vlan": 100, "vlanTrunk": [{"id": 200}, {"minID": 300, "maxID": 302}]});
        let trunk = list("trunk", "10.1.0.0/24", keys);
        let c = world.add(&blue(), "c");
        let t = world.add(&trunk, "t");
        let u = world.add(&trunk, "u");
        let mut vlans = vec![untagged(100)];
        vlans.extend([200, 300, 301, 302].map(|vlan| (vlan, Vec::new())));
        assert_eq!(world.vlans(&t), vlans);
        assert!(t.ping(&u.ip()) && t.ping("10.1.0.1"));
        t.vlan(200, "10.2.0.77/24");
        assert!(
            t.ping(&c.ip()),
            "into another network's VLAN, as its list says"
        );
        for (vlan, passes) in [(300, true), (302, true), (303, false), (100, false)] {
            t.vlan(vlan, &format!("10.9.{}.1/24", vlan - 99));
            u.vlan(vlan, &format!("10.9.{}.2/24", vlan - 99));
            let to = format!("10.9.{}.2", vlan - 99);
            assert_eq!(t.ping(&to), passes, "VLAN {vlan}");
        }
        cmd(&t.of.node, "ip address add 10.1.0.66/24 dev eth0").ok();
        assert!(
            !t.ping(&format!("-I 10.1.0.66 {}", u.ip())),
            "untagged it is held to its address"
        );
        cmd(&t.of.node, "ip link set v300 address 02:00:00:00:66:66").ok();
        assert!(!t.ping("10.9.201.2"), "tagged to its MAC address");
        assert_eq!(world.check(&trunk, &t), "");
        world.del(&trunk, &t);
        world.del(&trunk, &u);
        world.del(&blue(), &c);
        world.remove(&["trunk", "blue"], &[]);
    });
}

#[test]
fn a_network_without_vlans_on_the_same_bridge_goes_on() {
    lab(|lab| {
        if let Some(missing) = missing(lab) {
            skip!("{missing}");
        }
        let plain = list("plain", "10.3.0.0/24", json!({}));
        for vlan_first in [false, true] {
            let world = World::new(Whose::Ours);
            let early = vlan_first.then(|| world.add(&red(), "a"));
            let (p, q) = (world.add(&plain, "p"), world.add(&plain, "q"));
            let a = early.unwrap_or_else(|| world.add(&red(), "a"));
            assert!(p.ping(&q.ip()) && p.ping("10.3.0.1") && a.ping("10.1.0.1"));
            cmd(&p.of.node, &format!("ip route replace {} dev eth0", a.ip())).ok();
            assert!(!p.ping(&a.ip()), "at layer 2");
            world.host.vetch("network check").ok();
            world.del(&plain, &p);
            world.del(&plain, &q);
            world.del(&red(), &a);
            let [one, two] = if vlan_first {
                ["plain", "red"]
            } else {
                ["red", "plain"]
            };
            world.remove(&[one, two], &[]);
        }
    });
}

#[test]
fn without_a_gateway_this_host_is_in_no_vlan() {
    lab(|lab| {
        if let Some(missing) = missing(lab) {
            skip!("{missing}");
        }
        let world = World::new(Whose::Ours);
        let keys = json!({"vlan": 100, "isDefaultGateway": false, "ipMasq": false});
        let quiet = list("red", "10.1.0.0/24", keys);
        let (a, b) = (world.add(&quiet, "a"), world.add(&quiet, "b"));
        assert!(a.ping(&b.ip()) && !a.ping("10.1.0.1"));
        let links = cmd(&world.host, "ip -o link").ok().stdout;
        assert!(!links.contains("cni0.100"), "{links}");
        assert_eq!(world.check(&quiet, &a), "");
        let c = world.add(&red(), "c");
        assert!(
            c.ping("10.1.0.1") && c.ping(&a.ip()),
            "the next list has a gateway"
        );
        for (list, pod) in [(&quiet, &a), (&quiet, &b), (&red(), &c)] {
            world.del(list, pod);
        }
        world.remove(&["red"], &[]);
    });
}
