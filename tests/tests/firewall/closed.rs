//! What must not work.

use crate::wanted::serve;
use crate::world::{World, all_silent, seen, silent, worlds};
use firewall::{Forwarding, Set};

#[test]
fn containers_are_not_reached_from_outside() {
    worlds(|w| {
        let blue = w.network("blue", 10, |_| {});
        let a = w.container(&blue, "a", 2, |_| {});
        let _servers = (serve(&a, 80), serve(&a, 81));
        w.publish(None, "8080", &a, 80);
        seen(&w.outside, "192.0.2.1:8080");
        all_silent(
            &w.outside,
            &[
                "10.10.0.2:80",
                "10.10.0.2:81",
                "[fd10::2]:80",
                "[fd10::2]:81",
                "192.0.2.1:8081",
                "10.10.0.2",
                "fd10::2",
            ],
        );
    });
}

#[test]
fn the_host_does_not_become_a_router() {
    worlds(|w| {
        let blue = w.network("blue", 10, |_| {});
        let a = w.container(&blue, "a", 2, |_| {});
        let _web = serve(&w.lan, 80);
        assert!(a.reaches("198.51.100.2"), "the container gets there");
        all_silent(
            &w.outside,
            &[
                "198.51.100.2:80",
                "[2001:db8:2::2]:80",
                "198.51.100.2",
                "2001:db8:2::2",
            ],
        );
        let back = w.forwarding(blue.bridge).noted;
        assert!(
            back.iter().filter(|e| e.set == Set::Opened).count() == 4,
            "two uplinks, two families"
        );
        let off = Forwarding::off(&back);
        w.set(&off);
        w.apply(&off.change);
        assert_eq!(firewall::elements_of(&mut w.conn, Set::Opened).unwrap(), []);
        let plan = Forwarding::on(&w.forwarding(blue.bridge));
        assert_eq!(
            plan.settings.len(),
            4,
            "the uplinks are off again: {:?}",
            plan.settings
        );
    });
}

#[test]
fn a_host_that_routed_before_still_does() {
    worlds(|w| {
        for key in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/net/{key}"), "1").unwrap();
        }
        let blue = w.network("blue", 10, |_| {});
        let a = w.container(&blue, "a", 2, |_| {});
        let _servers = (serve(&w.lan, 80), serve(&a, 80));
        assert_eq!(seen(&w.outside, "198.51.100.2:80"), "::ffff:192.0.2.2");
        assert_eq!(seen(&w.outside, "[2001:db8:2::2]:80"), "2001:db8:1::2");
        all_silent(&w.outside, &["10.10.0.2:80", "[fd10::2]:80"]);
        assert_eq!(firewall::elements_of(&mut w.conn, Set::Opened).unwrap(), []);
    });
}

/// Kernels without a switch per interface for IPv6.
#[test]
fn forwarding_everywhere_is_closed_to_others() {
    worlds(|w| {
        let blue = w.network("blue", 10, |n| n.internal = true); // forwards nothing yet
        w.apply(&firewall::network(&blue).unwrap().inverse());
        let blue = firewall::Network {
            internal: false,
            ..blue
        };
        w.apply(&firewall::network(&blue).unwrap());
        let host = firewall::HostForwarding {
            ipv6_per_interface: false,
            ..w.forwarding(blue.bridge)
        };
        let plan = Forwarding::on(&host);
        w.apply(&plan.change);
        w.set(&plan);
        let a = w.container(&blue, "a", 2, |_| {});
        let _servers = (serve(&w.lan, 80), serve(&a, 80), serve(&w.outside, 80));
        assert_eq!(seen(&a, "[2001:db8:1::2]:80"), "2001:db8:1::1");
        all_silent(&w.outside, &["[2001:db8:2::2]:80", "198.51.100.2:80"]);
        w.publish(None, "8080", &a, 80);
        seen(&w.outside, "[2001:db8:1::1]:8080");
        let again = firewall::HostForwarding {
            ipv6_per_interface: false,
            ..w.forwarding(blue.bridge)
        };
        assert_eq!(
            firewall::elements_of(&mut w.conn, Set::Closed)
                .unwrap()
                .len(),
            1
        );
        assert!(again.ipv6_everywhere && Forwarding::on(&again).is_empty());
    });
}

#[test]
fn networks_are_apart() {
    worlds(|w| {
        let (blue, red) = (w.network("blue", 10, |_| {}), w.network("red", 20, |_| {}));
        let grey = w.network("grey", 30, |n| n.internal = true);
        let a = w.container(&blue, "a", 2, |_| {});
        let r = w.container(&red, "r", 2, |_| {});
        let i = w.container(&grey, "i", 2, |_| {});
        let _servers = (
            serve(&a, 80),
            serve(&r, 80),
            serve(&i, 80),
            serve(&w.outside, 80),
        );
        let both = |to: &[&str]| -> Vec<String> {
            let at = |to: &&str| match to.contains(':') {
                true => [to.to_string(), format!("[{to}]:80")],
                false => [to.to_string(), format!("{to}:80")],
            };
            to.iter().flat_map(at).collect()
        };
        all_silent(&a, &both(&["10.20.0.2", "fd20::2", "10.30.0.2"]));
        all_silent(&r, &both(&["fd30::2"]));
        let anywhere = ["10.10.0.2", "fd10::2", "192.0.2.2", "2001:db8:1::2"];
        all_silent(&i, &both(&anywhere));
        all_silent(&w.outside, &both(&["10.30.0.2", "fd30::2"]));
    });
}

#[test]
fn services_of_the_host_are_closed() {
    worlds(|w| {
        let (blue, red) = (w.network("blue", 10, |_| {}), w.network("red", 20, |_| {}));
        let a = w.container(&blue, "a", 2, |_| {});
        let r = w.container(&red, "r", 2, |_| {});
        let _all = serve(w.lab, 2222);
        let _bound = [
            w.lab.tcp_server("10.10.0.1:53"),
            w.lab.udp_server("10.10.0.1:53"),
        ];
        all_silent(
            &a,
            &[
                "10.10.0.1:2222",
                "192.0.2.1:2222",
                "[fd10::1]:2222",
                "[2001:db8:1::1]:2222",
                "10.10.0.1:53",
            ],
        );
        silent(&r, "10.10.0.1:2222");
        all_silent(
            &w.outside,
            &["10.10.0.1:53", "10.10.0.1:2222", "[fd10::1]:2222"],
        );
        assert_eq!(
            seen(&w.outside, "192.0.2.1:2222"),
            "::ffff:192.0.2.2",
            "not ours to close"
        );
        seen(w.lab, "10.10.0.1:53");
    });
}

#[test]
fn loopback_stays_private() {
    worlds(|w| {
        let blue = w.network("blue", 10, |_| {});
        let a = w.container(&blue, "a", 2, |_| {});
        let b = w.container(&blue, "b", 3, |_| {});
        let _servers = (serve(&b, 80), serve(w.lab, 2222));
        w.publish(Some("127.0.0.1"), "9000", &b, 80);
        w.publish(None, "9001", &b, 80);
        seen(w.lab, "127.0.0.1:9000");
        silent(&w.outside, "192.0.2.1:9000");
        all_silent(&a, &["192.0.2.1:9000", "10.10.0.1:9000"]);
        let grey = w.network("grey", 30, |n| n.internal = true);
        let i = w.container(&grey, "i", 2, |_| {});
        for (node, via) in [
            (&w.outside, "192.0.2.1"),
            (&a.node, "10.10.0.1"),
            (&i.node, "10.30.0.1"),
        ] {
            loopback_on_the_wire(node, via);
            all_silent(
                node,
                &["127.0.0.1:2222", "127.0.0.1:9000", "127.0.0.1:9001"],
            );
        }
    });
}

/// Sends packets for 127.0.0.1 to somebody else.
fn loopback_on_the_wire(node: &vetch_tests::Node, via: &str) {
    let lines = format!(
        "ip address del 127.0.0.1/8 dev lo
         echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
         ip route add 127.0.0.1 via {via} dev eth0"
    );
    node.shell(&lines).ok();
    node.cmd("ip route get 127.0.0.1").ok().prints(via);
}

#[test]
fn an_empty_table_silences_every_port() {
    worlds(|w| {
        let (a, b) = pair(w);
        assert!(a.reaches("10.10.0.3"));
        w.lab.cmd("nft flush ruleset").ok();
        let restored = firewall::install(&mut w.conn, || Ok(firewall::Change::default())).unwrap();
        assert_eq!(restored, firewall::Installed::Made);
        assert!(!a.ping("10.10.0.3") && !a.ping("fd10::3"));
        drop(b);
    });
}

fn pair(w: &mut World<'_>) -> (crate::world::Container, crate::world::Container) {
    let blue = w.network("blue", 10, |_| {});
    (
        w.container(&blue, "a", 2, |_| {}),
        w.container(&blue, "b", 3, |_| {}),
    )
}
