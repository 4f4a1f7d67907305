//! Networks whose addresses come from who attaches: made, changed and put back with the attachment.

use crate::*;
use bridge::{Assigned, InnerRoute, RoutedLink};

fn pods(subnets: &[&str]) -> NetworkSpec {
    NetworkSpec {
        external_ipam: true,
        ..network(subnets)
    }
}

fn pod(node: &Node, prefixes: &[&str], ways_out: &[&str]) -> AttachmentSpec {
    let way = |gateway: &&str| {
        let gateway = gateway.parse().unwrap();
        let all = match gateway {
            std::net::IpAddr::V4(_) => "0.0.0.0/0",
            std::net::IpAddr::V6(_) => "::/0",
        };
        InnerRoute {
            gateway: Some(gateway),
            ..InnerRoute::to(all.parse().unwrap())
        }
    };
    AttachmentSpec {
        prefixes: prefixes.iter().map(|net| net.parse().unwrap()).collect(),
        assigned: Assigned {
            routes: ways_out.iter().map(way).collect(),
            ..Assigned::default()
        },
        ..spec(node, &[])
    }
}

#[test]
fn the_network_comes_with_the_first_and_grows_with_the_next() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        let (four, six) = (pods(&["10.7.0.0/24"]), pods(&["fd07::/64"]));
        let mut to = |network: &NetworkSpec, node: &Node, spec: &AttachmentSpec| {
            host.attach_to(network, false, spec, &netns(node))
        };
        let first = pod(&a, &["10.7.0.9/24"], &["10.7.0.1"]);
        let there = to(&four, &a, &first).unwrap();
        let second = pod(&b, &["fd07::9/64", "10.7.0.8/24"], &["fd07::1"]);
        to(&six, &b, &second).unwrap();
        assert!(a.reaches("10.7.0.1") && b.reaches("fd07::1") && a.reaches("10.7.0.8"));
        assert!(
            !a.cmd("ip -6 address show eth0")
                .ok()
                .stdout
                .contains("fd07")
        );

        let before = lab.state();
        assert_eq!(to(&four, &a, &first).unwrap(), there);
        assert!(
            before.difference(&lab.state()).is_empty(),
            "nothing is taken back"
        );
        assert!(host.check(None).unwrap().is_empty());
        away(host);
    });
}

#[test]
fn a_failed_attachment_leaves_the_network_as_it_was() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        b.cmd("ip link add eth0 type bridge").ok();
        let empty = lab.state();
        let mut host = Host::open().unwrap();
        let (four, six) = (pods(&["10.7.0.0/24"]), pods(&["fd07::/64"]));
        let bad = pod(&b, &["fd07::9/64"], &["fd07::1"]);
        for network in [&four, &six] {
            let err = host
                .attach_to(network, false, &bad, &netns(&b))
                .unwrap_err();
            assert!(err.is_exists() && err.left().is_empty(), "{err:?}");
            assert!(empty.difference(&lab.state()).is_empty());
        }
        let good = pod(&a, &["10.7.0.9/24"], &["10.7.0.1"]);
        host.attach_to(&four, false, &good, &netns(&a)).unwrap();
        let before = lab.state();
        host.attach_to(&six, false, &bad, &netns(&b)).unwrap_err();
        let left = before.difference(&lab.state());
        assert!(left.is_empty(), "{left:?}");
        away(host);
    });
}

#[test]
fn whoever_has_an_address_keeps_it() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        let four = pods(&["10.7.0.0/24"]);
        let mut to = |node: &Node, prefix: &str| {
            let spec = pod(node, &[prefix], &[]);
            host.attach_to(&four, false, &spec, &netns(node))
        };
        to(&a, "10.7.0.9/24").unwrap();
        let twin = format!("{:?}", to(&b, "10.7.0.9/24").unwrap_err());
        assert!(twin.contains("in use by `cli:a`"), "{twin}");
        let gateway = format!("{:?}", to(&b, "10.7.0.1/24").unwrap_err());
        assert!(gateway.contains("address of bridge"), "{gateway}");
        let other = pods(&["10.7.0.0/16"]);
        let spec = pod(&b, &["10.7.0.8/16"], &[]);
        let err = host
            .attach_to(&other, false, &spec, &netns(&b))
            .unwrap_err();
        assert!(format!("{err:?}").contains("has 10.7.0.1/24"), "{err:?}");
        let own = AttachmentSpec::new(blue(), id("b"));
        assert!(host.attach(&own, &netns(&b)).unwrap_err().is_invalid());
        away(host);
    });
}

/// Duplicate detection is off by default, and takes a while where it is asked for.
#[test]
fn a_duplicate_on_the_wire_is_found_where_it_is_looked_for() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        let six = pods(&["fd07::/64"]);
        let careful = |node: &Node, prefix: &str| {
            let mut spec = pod(node, &[prefix], &[]);
            spec.assigned.detect_duplicates = true;
            spec
        };
        host.attach_to(&six, false, &careful(&a, "fd07::9/64"), &netns(&a))
            .unwrap();
        assert!(a.reaches("fd07::1"));
        let mut open = careful(&b, "fd07::8/64");
        open.unguarded = true;
        a.cmd("ip address add fd07::8/64 dev eth0 nodad").ok();
        host.detach(&blue(), &who("a"), None)
            .unwrap()
            .settle()
            .unwrap();
        let mut loose = pod(&a, &["fd07::9/64"], &[]);
        loose.unguarded = true;
        host.attach_to(&six, false, &loose, &netns(&a)).unwrap();
        a.cmd("ip address add fd07::8/64 dev eth0 nodad").ok();
        let err = host.attach_to(&six, false, &open, &netns(&b)).unwrap_err();
        assert!(err.is_exists(), "{err:?}");
        assert_eq!(host.attachments(None).unwrap().len(), 1);
        away(host);
    });
}

/// Who published ports or chose the policy looks at that alone.
#[test]
fn ports_and_policy_are_checked_by_themselves() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        attach(&mut host, &a, &["127.0.0.1:8080:80"]);
        attach(&mut host, &b, &["8081:80"]);
        let eth0 = "eth0".parse().unwrap();
        let said = |found: bridge::Result<Vec<bridge::Difference>>| {
            let found = found.unwrap();
            found.iter().map(ToString::to_string).collect::<String>()
        };
        assert_eq!(said(host.check_ports(&blue(), &who("b"), eth0)), "");
        lab.shell("nft delete element inet vetch any4 '{ tcp . 8081 }'")
            .ok();
        let ports = said(host.check_ports(&blue(), &who("b"), eth0));
        assert!(ports.contains("missing: inet vetch any4"), "{ports}");
        assert_eq!(said(host.check_ports(&blue(), &who("a"), eth0)), "");
        assert_eq!(said(host.check_policy(&blue())), "");
        lab.shell("nft flush set inet vetch nets").ok();
        let policy = said(host.check_policy(&blue()));
        assert!(policy.contains("missing: inet vetch nets"), "{policy}");
        away(host);
    });
}

/// One by one: the difference is found by its key, and only that.
#[test]
fn one_attachment_is_checked_by_itself() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        attach(&mut host, &a, &["127.0.0.1:8080:80"]);
        let of_b = attach(&mut host, &b, &["8081:80"]);
        let eth0 = "eth0".parse().unwrap();
        let mut look = |node: &Node| {
            let found = host.check_attachment(&blue(), &who(node.name()), eth0);
            let found = found.unwrap().into_iter().map(|found| found.to_string());
            found.collect::<Vec<_>>().join(" | ")
        };
        assert_eq!((look(&a), look(&b)), (String::new(), String::new()));
        let end = of_b.host_end;
        for (break_it, seen, mend_it) in [
            ("ip link set {end} down", "is down", "ip link set {end} up"),
            (
                "bridge fdb delete {mac} dev {end} master",
                "no entry for",
                "bridge fdb add {mac} dev {end} master static sticky",
            ),
            (
                "ip -n b address add 10.7.0.9/24 dev eth0; ip -n b address delete 10.7.0.3/24 dev eth0",
                "10.7.0.3/24 is missing",
                "true",
            ),
            (
                "nft delete element inet vetch any4 '{ tcp . 8081 }'",
                "missing: inet vetch any4",
                "true",
            ),
            ("ip -n b link delete eth0", "interface was deleted", "true"),
        ] {
            let words = |text: &str| {
                let text = text.replace("{end}", &end.to_string());
                text.replace("{mac}", &of_b.mac.to_string())
                    .replace("ip -n b", &format!("nsenter --net={} ip", b.path()))
            };
            lab.shell(&words(break_it)).ok();
            let found = look(&b);
            assert!(found.contains(seen), "{break_it}: {found}");
            assert_eq!(look(&a), "", "{break_it}");
            lab.shell(&words(mend_it)).ok();
        }
        away(host);
    });
}

/// A bridge that was there is used as it is: what was on it before stays, and works as before.
#[test]
fn a_bridge_of_others_is_shared_and_left_as_it_was() {
    lab(|lab| {
        let (a, old) = (lab.netns("a"), lab.netns("old"));
        lab.shell(&format!(
            "ip link add br7 type bridge; ip address add 10.7.0.1/24 dev br7; ip link set br7 up
             ip link add veth7 type veth peer name eth0 netns {}; ip link set veth7 master br7 up",
            old.path()
        ))
        .ok();
        old.shell("ip address add 10.7.0.5/24 dev eth0; ip link set eth0 up; ip route add default via 10.7.0.1")
            .ok();
        assert!(old.reaches("10.7.0.1"));
        let before = lab.state();
        let mut host = Host::open().unwrap();
        let four = NetworkSpec {
            bridge: Some("br7".parse().unwrap()),
            promiscuous: true,
            ..pods(&["10.7.0.0/24", "fd07::/64"])
        };
        let spec = AttachmentSpec {
            ports: vec!["8080:80".parse().unwrap()],
            ..pod(&a, &["10.7.0.9/24", "fd07::9/64"], &["10.7.0.1", "fd07::1"])
        };
        host.attach_to(&four, false, &spec, &netns(&a)).unwrap();
        assert!(a.reaches("10.7.0.5") && old.reaches("10.7.0.9") && a.reaches("fd07::1"));
        assert!(old.reaches("10.7.0.1"), "what was there goes on");
        let promiscuous = || lab.cmd("ip link show br7").ok().stdout.contains("PROMISC");
        assert!(promiscuous());
        assert!(host.check(None).unwrap().is_empty());
        let eth0 = "eth0".parse().unwrap();
        let one = host.check_attachment(&blue(), &who("a"), eth0).unwrap();
        assert!(one.is_empty(), "{one:?}");
        a.cmd("ip address add 10.7.0.66/24 dev eth0").ok();
        assert!(!a.ping("-I 10.7.0.66 10.7.0.5"), "its port is guarded");
        away(host);
        let left = before.difference(&lab.state());
        assert!(left.is_empty() && !promiscuous(), "{left:?}");
        lab.cmd("ip link delete br7").ok();
        lab.cmd("ip link delete veth7").ok();
    });
}

/// A machine whose own address is on a bridge together with its uplink: containers join it, nothing else changes.
#[test]
fn the_bridge_of_the_uplink_takes_containers_and_no_gateway() {
    lab(|lab| {
        let (a, lan) = (lab.netns("a"), lab.netns("lan"));
        lab.shell(&format!(
            "ip link add br7 type bridge; ip address add 10.7.0.1/24 dev br7; ip link set br7 up
             ip link add up7 type veth peer name eth0 netns {}; ip link set up7 master br7 up
             ip route add default via 10.7.0.254",
            lan.path()
        ))
        .ok();
        lan.shell("ip address add 10.7.0.254/24 dev eth0; ip link set eth0 up")
            .ok();
        let mut host = Host::open().unwrap();
        let flat = NetworkSpec {
            bridge: Some("br7".parse().unwrap()),
            internal: true,
            ..pods(&[])
        };
        let spec = pod(&a, &["10.7.0.9/24"], &["10.7.0.254"]);
        host.attach_to(&flat, false, &spec, &netns(&a)).unwrap();
        assert!(a.reaches("10.7.0.254") && lan.reaches("10.7.0.9") && lan.reaches("10.7.0.1"));
        let gateway = NetworkSpec {
            internal: false,
            subnets: vec!["10.8.0.0/24".parse().unwrap()],
            ..NetworkSpec::new("red".parse().unwrap())
        };
        let gateway = NetworkSpec {
            bridge: flat.bridge,
            external_ipam: true,
            ..gateway
        };
        let other = AttachmentSpec {
            network: gateway.name.clone(),
            ifname: "eth1".parse().unwrap(),
            ..pod(&a, &["10.8.0.9/24"], &[])
        };
        let err = host
            .attach_to(&gateway, false, &other, &netns(&a))
            .unwrap_err();
        assert!(
            format!("{err:?}").contains("way out of this host"),
            "{err:?}"
        );
        away(host);
        lab.shell("ip link delete up7; ip link delete br7").ok();
    });
}

/// Each container behind a link of its own, which the host routes to.
fn routed(node: &Node, ip: &str, gateway: &str, spec: AttachmentSpec) -> AttachmentSpec {
    let (all, alone) = match ip.contains(':') {
        true => ("::/0", "128"),
        false => ("0.0.0.0/0", "32"),
    };
    let route = |to: &str, via: Option<&str>| InnerRoute {
        gateway: via.map(|via| via.parse().unwrap()),
        ..InnerRoute::to(to.parse().unwrap())
    };
    AttachmentSpec {
        prefixes: vec![ip.parse().unwrap()],
        assigned: Assigned {
            routes: vec![
                route(&format!("{gateway}/{alone}"), None),
                route(all, Some(gateway)),
            ],
            routed: Some(RoutedLink {
                gateways: vec![gateway.parse().unwrap()],
                masquerade: true,
                reachable: false,
                host_services: true,
            }),
            ..Assigned::default()
        },
        ..AttachmentSpec {
            network: blue(),
            id: id(node.name()),
            ..spec
        }
    }
}

/// Two containers behind links of their own, and what the outside is: at 192.0.2.2, with a route to them.
fn between(gateway: &'static str, ips: [&'static str; 2], forged: &'static str, v4: bool) {
    lab(move |lab| {
        let outside = lab.netns("outside");
        lab.shell(&format!(
            "ip link add lan0 type veth peer name eth0 netns {}; ip address add 192.0.2.1/24 dev lan0; ip link set lan0 up
             ip route add default via 192.0.2.2",
            outside.path()
        ))
        .ok();
        outside
            .shell("ip address add 192.0.2.2/24 dev eth0; ip link set eth0 up; ip route add 10.7.0.0/24 via 192.0.2.1")
            .ok();
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let before = lab.state();
        let mut host = Host::open().unwrap();
        let subnet = ips[0].parse::<ipnet::IpNet>().unwrap().trunc().to_string();
        let network = NetworkSpec {
            routed: true,
            ..pods(&[&subnet])
        };
        for (node, ip, ports) in [(&a, ips[0], &["8080:80"][..]), (&b, ips[1], &[])] {
            let spec = routed(node, ip, gateway, spec(node, ports));
            let made = host
                .attach_to(&network, false, &spec, &netns(node))
                .unwrap();
            let again = host
                .attach_to(&network, false, &spec, &netns(node))
                .unwrap();
            assert_eq!(made, again);
        }
        let [ip_a, ip_b] = ips.map(|ip| ip.split('/').next().unwrap());
        assert!(a.reaches(gateway) && a.reaches(ip_b) && b.reaches(ip_a));
        if v4 {
            outward(&outside, &a, &b, ip_a);
        }
        assert!(
            host.check(None).unwrap().is_empty(),
            "{:?}",
            host.check(None)
        );
        let eth0 = "eth0".parse().unwrap();
        let one = host.check_attachment(&blue(), &who("a"), eth0).unwrap();
        assert!(one.is_empty(), "{one:?}");
        a.cmd(&format!("ip address add {forged} dev eth0")).ok();
        assert!(
            !a.ping(&format!("-I {forged} {gateway}")),
            "a forged source"
        );
        away(host);
        let left = before.difference(&lab.state());
        assert!(left.is_empty(), "{left:?}");
        lab.cmd("ip link delete lan0").ok();
    });
}

/// Out with the host's address, in by the published port alone.
fn outward(outside: &Node, a: &Node, b: &Node, ip: &str) {
    assert!(a.reaches("192.0.2.2"), "out, masqueraded");
    assert!(!outside.ping(ip), "closed from outside");
    let _web = a.tcp_server("[::]:80");
    for from in [outside, b, a] {
        let reached = from.tcp("192.0.2.1:8080");
        assert!(reached.is_ok(), "{}: {reached:?}", from.name());
    }
    let local = std::net::TcpStream::connect("127.0.0.1:8080");
    assert!(local.is_ok(), "{local:?}");
}

#[test]
fn containers_without_a_bridge_are_routed_between() {
    between(
        "10.7.0.1",
        ["10.7.0.2/24", "10.7.0.3/24"],
        "10.7.0.66",
        true,
    );
}

#[test]
fn containers_without_a_bridge_are_routed_between_by_ipv6() {
    between("fd07::1", ["fd07::2/64", "fd07::3/64"], "fd07::66", false);
}
