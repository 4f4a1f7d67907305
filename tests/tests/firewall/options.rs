//! What networks open and close by their options.

use crate::wanted::serve;
use crate::world::{Container, World, all_silent, seen, worlds};
use firewall::Destination;

fn list(text: &str) -> Vec<Destination> {
    text.split(' ').map(|one| one.parse().unwrap()).collect()
}

/// The container's own addresses with the port.
fn at(container: &Container, port: u16) -> [String; 2] {
    let all = &container.attachment.addresses;
    [format!("{}:{port}", all[0]), format!("[{}]:{port}", all[1])]
}

#[test]
fn isolated_containers_do_not_reach_each_other() {
    worlds(|w| {
        let cells = w.network("cells", 10, |n| n.isolate_ports = true);
        let a = w.container(&cells, "a", 2, |_| {});
        let b = w.container(&cells, "b", 3, |_| {});
        let _servers = (serve(&b, 80), serve(&w.outside, 80));
        w.publish(None, "8080", &b, 80);
        let link_local = "fe80::ff:fe0a:103%eth0".to_owned();
        let near = [
            &at(&b, 80)[..],
            &["10.10.0.3".into(), "fd10::3".into(), link_local],
        ]
        .concat();
        all_silent(&a, &near);
        for route in ["10.10.0.3 via 10.10.0.1", "fd10::3 via fd10::1"] {
            a.cmd(&format!("ip route add {route} dev eth0")).ok(); // the long way, by the host
        }
        all_silent(&a, &near);
        for node in [&a, &b] {
            all_silent(node, &["192.0.2.1:8080", "[fd10::1]:8080"]);
        }
        assert!(a.reaches("10.10.0.1") && a.reaches("fd10::1"));
        assert_eq!(seen(&a, "192.0.2.2:80"), "::ffff:192.0.2.1");
        assert_eq!(seen(&w.outside, "192.0.2.1:8080"), "::ffff:192.0.2.2");
        seen(w.lab, "127.0.0.1:8080");
        seen(w.lab, "10.10.0.3:80");
    });
}

/// An allowed destination, another one, a published port, and the host.
#[test]
fn only_what_is_allowed_can_be_connected_to() {
    worlds(|w| {
        let red = w.network("red", 20, |_| {});
        let blue = w.network("blue", 10, |n| {
            n.allow = list("192.0.2.2 [2001:db8:1::2]:80/tcp 10.20.0.0/24:80 198.51.100.2:81");
            n.deny = list("192.0.2.2:81");
            n.host_services = true;
            n.services = vec!["tcp:53".parse().unwrap(), "udp:53".parse().unwrap()];
            n.reaches = vec![red.bridge];
        });
        let a = w.container(&blue, "a", 2, |_| {});
        let b = w.container(&blue, "b", 3, |_| {});
        let r = w.container(&red, "r", 2, |_| {});
        let _far: Vec<_> = [80, 81]
            .map(|port| [serve(&w.outside, port), serve(&w.lan, port)])
            .into();
        let _near = [
            serve(&b, 80),
            serve(&r, 80),
            serve(&r, 81),
            serve(w.lab, 53),
            serve(w.lab, 22),
        ];
        w.publish(None, "8080", &r, 80);
        w.publish(None, "8081", &r, 81);
        w.publish(None, "9090", &b, 80);
        for to in ["192.0.2.2:80", "198.51.100.2:81", "10.20.0.2:80"] {
            seen(&a, to);
        }
        a.tcp("[2001:db8:1::2]:80").unwrap();
        assert!(a.udp("[2001:db8:1::2]:80").is_err(), "only tcp was allowed");
        all_silent(
            &a,
            &[
                "192.0.2.2:81",
                "198.51.100.2:80",
                "[2001:db8:1::2]:81",
                "10.20.0.2:81",
                "[fd20::2]:80",
            ],
        );
        assert!(a.reaches("192.0.2.2"));
        // published ports: what counts is where they lead
        seen(&a, "192.0.2.1:8080");
        // among themselves, and with the host
        seen(&a, "10.10.0.3:80");
        seen(&a, "192.0.2.1:9090");
        seen(&a, "10.10.0.1:53");
        assert!(a.reaches("10.10.0.1") && a.reaches("fd10::1"));
        all_silent(
            &a,
            &[
                "192.0.2.1:8081",
                "198.51.100.2",
                "10.20.0.2",
                "10.10.0.1:22",
                "192.0.2.1:22",
                "[fd10::1]:22",
            ],
        );
        seen(&w.outside, "192.0.2.1:9090");
    });
}

#[test]
fn what_is_denied_stays_closed_whatever_else_is_open() {
    worlds(|w| {
        let red = w.network("red", 20, |_| {});
        let blue = w.network("blue", 10, |n| {
            n.deny = list("198.51.100.0/24 2001:db8:2::/64 10.20.0.0/24 192.0.2.1:22 [fd10::1]:22 0.0.0.0/0:53/udp");
            n.host_services = true;
            n.services = vec!["udp:53".parse().unwrap()];
            n.reaches = vec![red.bridge];
        });
        let (a, r) = (
            w.container(&blue, "a", 2, |_| {}),
            w.container(&red, "r", 2, |_| {}),
        );
        let _all = [
            serve(&w.outside, 80),
            serve(&w.lan, 80),
            serve(&r, 80),
            serve(w.lab, 22),
            serve(w.lab, 53),
        ];
        w.publish(None, "8080", &r, 80);
        for to in [
            "192.0.2.2:80",
            "[2001:db8:1::2]:80",
            "10.10.0.1:22",
            "[fd20::2]:80",
        ] {
            seen(&a, to);
        }
        all_silent(
            &a,
            &[
                "198.51.100.2:80",
                "[2001:db8:2::2]:80",
                "10.20.0.2:80",
                "192.0.2.1:8080",
                "192.0.2.1:22",
                "[fd10::1]:22",
            ],
        );
        a.tcp("10.10.0.1:53").unwrap();
        assert!(a.udp("10.10.0.1:53").is_err());
        all_silent(&a, &["198.51.100.2", "2001:db8:2::2"]);
    });
}

#[test]
fn one_network_reaches_another_and_not_back() {
    worlds(|w| {
        let red = w.network("red", 20, |_| {});
        let blue = w.network("blue", 10, |n| n.reaches = vec![red.bridge]);
        let a = w.container(&blue, "a", 2, |_| {});
        let r = w.container(&red, "r", 2, |_| {});
        let _servers = (serve(&a, 80), serve(&r, 80));
        assert_eq!(seen(&a, "10.20.0.2:80"), "::ffff:10.10.0.2", "as itself");
        assert_eq!(seen(&a, "[fd20::2]:80"), "fd10::2");
        assert!(a.reaches("10.20.0.2") && !r.ping("10.10.0.2"));
        all_silent(&r, &at(&a, 80));
    });
}

#[test]
fn a_routed_prefix_keeps_its_addresses_and_stays_closed() {
    worlds(|w| {
        let routed = w.network("routed", 10, |n| n.masquerade = false);
        let a = w.container(&routed, "a", 2, |_| {});
        let _servers = (serve(&w.outside, 80), serve(&a, 80));
        w.publish(None, "8080", &a, 80);
        assert_eq!(seen(&a, "192.0.2.2:80"), "::ffff:10.10.0.2");
        assert_eq!(seen(&a, "[2001:db8:1::2]:80"), "fd10::2");
        all_silent(&w.outside, &at(&a, 80));
        assert!(!w.outside.ping("10.10.0.2"));
        seen(&w.outside, "192.0.2.1:8080");
    });
}

/// The outside knows the way: what is open is reached by its own address, and only that network.
#[test]
fn a_reachable_network_is_reached_by_its_own_addresses() {
    worlds(|w| {
        let routed = w.network("routed", 10, |n| {
            n.masquerade = false;
            n.reachable = true;
        });
        let blue = w.network("blue", 20, |_| {});
        let a = w.container(&routed, "a", 2, |_| {});
        let b = w.container(&blue, "b", 2, |_| {});
        let _servers = (serve(&a, 80), serve(&b, 80));
        assert_eq!(seen(&w.outside, "10.10.0.2:80"), "::ffff:192.0.2.2");
        assert_eq!(seen(&w.outside, "[fd10::2]:80"), "2001:db8:1::2");
        assert_eq!(seen(&b, "10.10.0.2:80"), "::ffff:10.20.0.2");
        all_silent(&w.outside, &at(&b, 80));
        all_silent(&a, &at(&b, 80));
    });
}

/// The lists are of the network: a neighbour's do not concern it.
#[test]
fn lists_end_at_their_network() {
    worlds(|w| {
        let _blue = w.network("blue", 10, |n| n.allow = list("203.0.113.0/24"));
        let red = w.network("red", 20, |_| {});
        let r = w.container(&red, "r", 2, |_| {});
        let _web = serve(&w.outside, 80);
        seen(&r, "192.0.2.2:80");
        let left = |w: &mut World<'_>| firewall::elements(&mut w.conn).unwrap().len();
        let before = left(w);
        let blue = firewall::Network {
            allow: list("203.0.113.0/24"),
            ..firewall::Network::new("blue", "v-blue".parse().unwrap())
        };
        w.apply(&firewall::network(&blue).unwrap().inverse());
        assert!(left(w) < before);
    });
}
