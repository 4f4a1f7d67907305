//! Ports that cannot be published: somebody has them, or the host has not the address. Refused with the reason before anything changes.

use crate::{clear, lab, outside, web};
use vetch_tests::{Lab, Node, Server};

/// `attach web c1 -p PORT` is refused each time, says all of this, and changes nothing.
#[track_caller]
fn refuses(lab: &Lab, rows: &[(&str, &[&str])]) {
    let before = lab.state();
    for (port, texts) in rows {
        let said = lab.vetch(&format!("attach web c1 -p {port}")).exits(2);
        for text in *texts {
            assert!(said.stderr.contains(text), "`{text}` is missing; {said}");
        }
    }
    let changed = before.difference(&lab.state());
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[track_caller]
fn takes(lab: &Lab, port: &str) {
    lab.vetch(&format!("attach web c1 -p {port}")).ok();
    lab.vetch("detach web c1 --wait").ok();
}

fn listen(node: &Node, tcp: &[&str], udp: &[&str]) -> Vec<Server> {
    let tcp = tcp.iter().map(|at| node.tcp_server(at));
    tcp.chain(udp.iter().map(|at| node.udp_server(at)))
        .collect()
}

#[test]
fn a_port_on_which_the_host_listens_is_not_taken_from_it() {
    lab(|lab| {
        outside(lab);
        web(lab);
        let us = format!("(pid {}", std::process::id());
        let servers = listen(
            lab,
            &[
                "0.0.0.0:8080",
                "127.0.0.1:8081",
                "192.0.2.1:8082",
                "[::1]:8083",
                "[::]:8084",
            ],
            &["127.0.0.53:53"],
        );
        refuses(
            lab,
            &[
                ("8080:80", &["listens on 0.0.0.0:8080", &us, "hint:"]),
                ("127.0.0.1:8080:80", &["0.0.0.0:8080"]),
                ("8000-8100:8000-8100", &["0.0.0.0:8080"]),
                ("8081:80", &["127.0.0.1:8081", "-p HOSTIP:"]),
                ("192.0.2.1:8082:80", &["192.0.2.1:8082"]),
                ("192.0.2.1:8084:80", &["[::]:8084"]),
                ("[2001:db8:1::1]:8084:80", &["[::]:8084"]),
                ("53:53/udp", &["127.0.0.53:53"]),
            ],
        );
        takes(lab, "8080:80/udp"); // TCP is another matter
        takes(lab, "53:53/tcp");
        takes(lab, "192.0.2.1:8081:80"); // other addresses are, too
        takes(lab, "127.0.0.1:8082:80");
        takes(lab, "192.0.2.1:53:53/udp");
        takes(lab, "8083:80"); // connections to ::1 are never translated
        lab.tcp("[::1]:8083").unwrap();
        drop(servers);
        takes(lab, "8080:80");
        clear(lab);
    });
}

#[test]
fn who_listens_inside_a_container_is_not_in_the_way() {
    lab(|lab| {
        let c1 = web(lab);
        let _web = c1.tcp_server("0.0.0.0:8080");
        lab.vetch("attach web c1 -p 8080:8080").ok();
        lab.tcp("127.0.0.1:8080").unwrap();
        // the same again is the same, whoever listens by now
        let _late = lab.tcp_server("127.0.0.1:8080");
        lab.vetch("attach web c1 -p 8080:8080").ok();
        clear(lab);
    });
}

#[test]
fn an_address_that_the_host_does_not_have_is_refused() {
    lab(|lab| {
        let outside = outside(lab);
        let c1 = web(lab);
        refuses(
            lab,
            &[
                (
                    "192.0.2.9:8080:80",
                    &["192.0.2.9", "127.0.0.1, 192.0.2.1", "--nonlocal"],
                ),
                ("192.0.2.255:8080:80", &["192.0.2.255"]),
                ("198.51.100.1:8080:80", &["198.51.100.1"]),
                ("[2001:db8:1::9]:8080:80", &["2001:db8:1::1", "--nonlocal"]),
                ("[::1]:8080:80", &["127.0.0.1"]),
            ],
        );
        for port in [
            "127.8.9.1:8080:80",
            "0.0.0.0:8080:80",
            "[::]:8080:80",
            "10.77.0.1:8080:80",
        ] {
            takes(lab, port);
        }
        // an address that comes later
        lab.vetch("attach web c1 --nonlocal -p 192.0.2.9:8080:80")
            .ok();
        let _web = c1.tcp_server("0.0.0.0:80");
        assert!(outside.tcp("192.0.2.9:8080").is_err());
        lab.cmd("ip address add 192.0.2.9/24 dev uplink").ok();
        outside.tcp("192.0.2.9:8080").unwrap();
        lab.cmd("ip address del 192.0.2.9/24 dev uplink").ok();
        clear(lab);
    });
}

#[test]
fn a_port_of_another_attachment_is_named_as_it_is_published() {
    lab(|lab| {
        outside(lab);
        lab.netns("c2");
        web(lab);
        lab.vetch("attach web c2 -p 8080:80 -p [::]:81:81 -p 192.0.2.1:90-99:90-99")
            .ok();
        refuses(
            lab,
            &[
                (
                    "127.0.0.1:8080:90",
                    &["`cli:c2` (eth0) of network `web`", "publishes 8080:80/tcp"],
                ),
                ("[2001:db8:1::1]:81:81", &["publishes [::]:81:81/tcp"]),
                ("80-100:80-100", &["publishes"]),
                ("0.0.0.0:95:1", &["publishes 192.0.2.1:90-99:90-99/tcp"]),
            ],
        );
        takes(lab, "127.0.0.1:95:1");
        takes(lab, "192.0.2.1:81:81");
        clear(lab);
    });
}

#[test]
fn nothing_is_published_from_an_internal_network() {
    lab(|lab| {
        lab.vetch("network create web --internal --subnet 10.77.0.0/24")
            .ok();
        lab.netns("c1");
        refuses(
            lab,
            &[
                ("8080:80", &["internal", "10.77.0.2"]),
                ("127.0.0.1:8080:80", &["internal", "10.77.0.2"]),
            ],
        );
        clear(lab);
    });
}
