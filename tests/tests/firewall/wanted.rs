//! What must work.

use crate::world::{World, seen, worlds};
use vetch_tests::{Node, Server};

/// TCP and UDP, on every address of both families.
pub(crate) fn serve(node: &Node, port: u16) -> [Server; 2] {
    let at = format!("[::]:{port}");
    [node.tcp_server(&at), node.udp_server(&at)]
}

#[test]
fn containers_reach_each_other_and_the_gateway() {
    worlds(|w| {
        let blue = w.network("blue", 10, |_| {});
        let (a, b) = (
            w.container(&blue, "a", 2, |_| {}),
            w.container(&blue, "b", 3, |_| {}),
        );
        let _web = serve(&b, 80);
        for to in [
            "10.10.0.3",
            "fd10::3",
            "10.10.0.1",
            "fd10::1",
            "fe80::ff:fe0a:103%eth0",
        ] {
            assert!(a.reaches(to), "ping {to}");
        }
        assert_eq!(seen(&a, "10.10.0.3:80"), "::ffff:10.10.0.2");
        assert_eq!(seen(&a, "[fd10::3]:80"), "fd10::2");
        assert_eq!(
            seen(w.lab, "10.10.0.3:80"),
            "::ffff:10.10.0.1",
            "from the host"
        );
        assert_eq!(seen(w.lab, "[fd10::3]:80"), "fd10::1", "from the host");
    });
}

#[test]
fn the_outside_sees_the_hosts_address() {
    worlds(|w| {
        let blue = w.network("blue", 10, |_| {});
        let a = w.container(&blue, "a", 2, |_| {});
        let _web = serve(&w.outside, 80);
        assert!(a.reaches("192.0.2.2") && a.reaches("2001:db8:1::2"));
        assert_eq!(seen(&a, "192.0.2.2:80"), "::ffff:192.0.2.1");
        assert_eq!(seen(&a, "[2001:db8:1::2]:80"), "2001:db8:1::1");
    });
}

#[test]
fn a_published_port_is_reached_from_everywhere() {
    worlds(|w| {
        let (a, b, r) = three(w);
        let _web = serve(&a, 80);
        w.publish(None, "8080", &a, 80);
        // from outside: the client's address is kept
        assert_eq!(seen(&w.outside, "192.0.2.1:8080"), "::ffff:192.0.2.2");
        assert_eq!(seen(&w.outside, "[2001:db8:1::1]:8080"), "2001:db8:1::2");
        assert_eq!(seen(&w.lan, "198.51.100.1:8080"), "::ffff:198.51.100.2");
        // from the host
        for to in [
            "127.0.0.1:8080",
            "192.0.2.1:8080",
            "10.10.0.1:8080",
            "[2001:db8:1::1]:8080",
            "[fd10::1]:8080",
        ] {
            seen(w.lab, to);
        }
        // turning back: the own port, a neighbour's, another network's
        for node in [&a, &b, &r] {
            for to in [
                "192.0.2.1:8080",
                "10.10.0.1:8080",
                "[2001:db8:1::1]:8080",
                "[fd10::1]:8080",
            ] {
                seen(node, to);
            }
        }
    });
}

fn three(
    w: &mut World<'_>,
) -> (
    crate::world::Container,
    crate::world::Container,
    crate::world::Container,
) {
    let (blue, red) = (w.network("blue", 10, |_| {}), w.network("red", 20, |_| {}));
    let a = w.container(&blue, "a", 2, |_| {});
    let b = w.container(&blue, "b", 3, |_| {});
    let r = w.container(&red, "r", 2, |_| {});
    (a, b, r)
}

#[test]
fn ranges_and_single_addresses_are_published() {
    worlds(|w| {
        let (a, b, _) = three(w);
        let _web: Vec<_> = [80, 81, 82, 20000, 20100]
            .map(|port| serve(&a, port))
            .into();
        let _other = serve(&b, 80);
        w.publish(None, "7000-7002", &a, 80);
        w.publish(None, "20000-20100", &a, 20000); // long: an interval
        w.publish(Some("192.0.2.1"), "9100", &b, 80);
        w.publish(Some("198.51.100.1"), "9200-9300", &a, 9200);
        w.publish(Some("127.0.0.1"), "9000", &b, 80);
        let _long = serve(&a, 9250);
        for to in [
            "192.0.2.1:7000",
            "192.0.2.1:7002",
            "192.0.2.1:20000",
            "192.0.2.1:20100",
            "192.0.2.1:9100",
        ] {
            seen(&w.outside, to);
        }
        for to in ["[2001:db8:1::1]:7002", "[2001:db8:1::1]:20100"] {
            seen(&w.outside, to);
        }
        seen(&w.lan, "198.51.100.1:9250");
        for to in ["127.0.0.1:9000", "127.0.0.1:20100", "127.0.0.1:7001"] {
            seen(w.lab, to);
        }
        crate::world::silent(&w.lan, "198.51.100.1:9100");
        crate::world::silent(&w.outside, "192.0.2.1:9250");
        crate::world::silent(&w.outside, "192.0.2.1:9000");
        crate::world::silent(&w.outside, "192.0.2.1:7003");
    });
}

#[test]
fn an_internal_network_works_inside() {
    worlds(|w| {
        let grey = w.network("grey", 30, |n| n.internal = true);
        let (i, j) = (
            w.container(&grey, "i", 2, |_| {}),
            w.container(&grey, "j", 3, |_| {}),
        );
        let _web = serve(&j, 80);
        assert!(i.reaches("10.30.0.1") && i.reaches("fd30::1"));
        assert_eq!(seen(&i, "10.30.0.3:80"), "::ffff:10.30.0.2");
        assert_eq!(seen(&i, "[fd30::3]:80"), "fd30::2");
        seen(w.lab, "10.30.0.3:80");
    });
}

#[test]
fn services_of_the_host_open_on_request() {
    worlds(|w| {
        let open = w.network("open", 40, |n| n.host_services = true);
        let dns = w.network("dns", 50, |n| {
            n.services = vec!["tcp:2222".parse().unwrap(), "udp:2222".parse().unwrap()];
        });
        let (o, d) = (
            w.container(&open, "o", 2, |_| {}),
            w.container(&dns, "d", 2, |_| {}),
        );
        let _one = serve(w.lab, 2222);
        let _other = serve(w.lab, 2223);
        for port in [2222, 2223] {
            seen(&o, &format!("10.40.0.1:{port}"));
            seen(&o, &format!("[fd40::1]:{port}"));
        }
        seen(&d, "10.50.0.1:2222");
        seen(&d, "[fd50::1]:2222");
        crate::world::silent(&d, "10.50.0.1:2223");
    });
}

#[test]
fn udp_follows_the_publication() {
    worlds(|w| {
        let (a, b, _) = three(w);
        let (on_a, on_b) = (a.udp_server("0.0.0.0:80"), b.udp_server("0.0.0.0:80"));
        let _host = w.lab.udp_server("0.0.0.0:5300");
        let client = w.outside.run(|| {
            let socket = std::net::UdpSocket::bind("0.0.0.0:4000").unwrap();
            socket.connect("192.0.2.1:5300").unwrap();
            socket
                .set_read_timeout(Some(std::time::Duration::from_secs(1)))
                .unwrap();
            socket
        });
        let ask = || {
            client.send(b"?").unwrap();
            let mut answer = [0; 64];
            client
                .recv(&mut answer)
                .map(|n| String::from_utf8_lossy(&answer[..n]).into_owned())
        };
        ask().unwrap(); // from the host's own server
        let publish = |to: &crate::world::Container| firewall::Publish {
            on: None,
            ports: "5300".parse().unwrap(),
            transport: firewall::Transport::Udp,
            to: (to.attachment.addresses[0], 80).into(),
            only: Vec::new(),
        };
        for (to, server) in [(&a, &on_a), (&b, &on_b)] {
            let change = firewall::publish(&to.attachment.owner, &publish(to)).unwrap();
            w.apply(&change);
            let old = firewall::flows_to(&mut w.conn, &[publish(to)]).unwrap();
            firewall::forget(&mut w.conn, &old).unwrap();
            ask().unwrap();
            assert_eq!(
                server.seen().len(),
                1,
                "the same socket follows to {}",
                to.name()
            );
            w.apply(&change.inverse());
            firewall::forget_address(&mut w.conn, to.attachment.addresses[0]).unwrap();
        }
        ask().unwrap();
        assert_eq!(
            (on_a.seen().len(), on_b.seen().len()),
            (1, 1),
            "and back to the host"
        );
    });
}
