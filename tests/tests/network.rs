//! Container networks on the real kernel: packets pass where they should, nothing is left afterwards, bad input changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bridge::{Attachment, AttachmentId, AttachmentSpec, Host, NetworkName, NetworkSpec, Who};
use ns_mgmt::NetNs;
use std::fs;
use vetch_tests::{Lab, Node, lab};

fn blue() -> NetworkName {
    "blue".parse().unwrap()
}

fn id(name: &str) -> AttachmentId {
    AttachmentId::new("cli", name).unwrap()
}

fn who(name: &str) -> Who {
    Who::Id(id(name))
}

fn netns(node: &Node) -> NetNs {
    NetNs::open_path(node.path()).unwrap()
}

fn spec(node: &Node, ports: &[&str]) -> AttachmentSpec {
    AttachmentSpec {
        ports: ports.iter().map(|port| port.parse().unwrap()).collect(),
        ..AttachmentSpec::new(blue(), id(node.name()))
    }
}

fn network(subnets: &[&str]) -> NetworkSpec {
    NetworkSpec {
        subnets: subnets.iter().map(|net| net.parse().unwrap()).collect(),
        ..NetworkSpec::new(blue())
    }
}

fn attach(host: &mut Host, node: &Node, ports: &[&str]) -> Attachment {
    host.attach(&spec(node, ports), &netns(node)).unwrap()
}

/// Everything away, as in `network rm --force`.
fn away(mut host: Host) {
    host.remove_network(&blue(), true)
        .unwrap()
        .settle()
        .unwrap();
}

fn address(attachment: &Attachment) -> String {
    attachment.addresses[0].addr().to_string()
}

#[test]
fn two_containers_talk_and_reach_out_as_the_host() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        let net = host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        assert_eq!(net.subnets[0].gateway.to_string(), "10.7.0.1");
        let (one, two) = (
            attach(&mut host, &a, &[]),
            attach(&mut host, &b, &["8080:80", "5300:53/udp"]),
        );
        assert_eq!(
            (address(&one), address(&two)),
            ("10.7.0.2".into(), "10.7.0.3".into())
        );
        assert!(a.reaches("10.7.0.3") && a.ping("10.7.0.1") && lab.ping("10.7.0.2"));

        let far = outside.tcp_server("0.0.0.0:80");
        assert_eq!(
            a.tcp("192.0.2.2:80").unwrap().ip().to_string(),
            "192.0.2.1",
            "the host's address"
        );
        assert_eq!(far.seen().len(), 1);

        let (web, dns) = (b.tcp_server("0.0.0.0:80"), b.udp_server("0.0.0.0:53"));
        assert_eq!(
            outside.tcp("192.0.2.1:8080").unwrap().ip().to_string(),
            "192.0.2.2",
            "the client's address is kept"
        );
        outside.udp("192.0.2.1:5300").unwrap();
        lab.tcp("127.0.0.1:8080").unwrap();
        a.tcp("192.0.2.1:8080").unwrap();
        b.tcp("192.0.2.1:8080").unwrap();
        assert!(
            outside.tcp("192.0.2.1:80").is_err(),
            "a port nobody published"
        );
        assert_eq!((web.seen().len(), dns.seen().len()), (4, 1));

        outside.cmd("ip route add 10.7.0.0/24 via 192.0.2.1").ok();
        assert!(
            outside.tcp("10.7.0.3:80").is_err(),
            "the container's own address from outside"
        );

        host.detach(&blue(), &who("b"), None)
            .unwrap()
            .settle()
            .unwrap();
        assert!(outside.tcp("192.0.2.1:8080").is_err() && lab.tcp("127.0.0.1:8080").is_err());
        assert!(a.ping("10.7.0.1"), "the neighbour is unharmed");
        away(host);
    });
}

#[test]
fn both_families_at_once_without_delay() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24", "fd07::/64"]))
            .unwrap();
        let one = attach(&mut host, &a, &[]);
        attach(&mut host, &b, &["8080:80"]);
        assert_eq!(one.addresses[1].to_string(), "fd07::2/64");
        let web = b.tcp_server("[::]:80");
        assert!(a.tcp("[fd07::3]:80").is_ok(), "usable at once: no DAD");
        assert!(a.ping("fd07::1") && a.reaches("10.7.0.3"));
        assert_eq!(web.seen().len(), 1);
        let quiet = a
            .run(|| fs::read_to_string("/proc/sys/net/ipv6/conf/eth0/accept_ra"))
            .unwrap();
        assert_eq!(quiet.trim(), "0");
        away(host);
    });
}

#[test]
fn a_v4_network_has_no_ipv6_anywhere() {
    lab(|lab| {
        let a = lab.netns("a");
        let mut host = Host::open().unwrap();
        let net = host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let one = attach(&mut host, &a, &[]);
        for (node, link) in [
            (&a, "eth0".to_owned()),
            (&**lab, net.bridge.to_string()),
            (&**lab, one.host_end.to_string()),
        ] {
            let path = format!("/proc/sys/net/ipv6/conf/{link}/disable_ipv6");
            assert_eq!(
                node.run(|| fs::read_to_string(path)).unwrap().trim(),
                "1",
                "{link}"
            );
        }
        away(host);
    });
}

#[test]
fn an_internal_network_has_no_way_out() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&NetworkSpec {
            internal: true,
            ..network(&["10.7.0.0/24"])
        })
        .unwrap();
        attach(&mut host, &a, &[]);
        attach(&mut host, &b, &[]);
        assert!(a.reaches("10.7.0.3"));
        let far = outside.tcp_server("0.0.0.0:80");
        a.cmd("ip route add default via 10.7.0.1").ok();
        assert!(a.tcp("192.0.2.2:80").is_err());
        assert!(far.seen().is_empty());
        let refused = host.attach(&spec(&a, &["80:80"]), &netns(&a)).unwrap_err();
        assert!(format!("{refused:?}").contains("ports"), "{refused:?}");
        away(host);
    });
}

#[test]
fn the_same_again_is_the_same_and_other_wishes_are_refused() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        let net = host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        assert_eq!(host.create_network(&network(&[])).unwrap(), net);
        let other = host.create_network(&network(&["10.8.0.0/24"])).unwrap_err();
        assert!(
            other.is_exists() && format!("{other:?}").contains("10.8.0.0/24"),
            "{other:?}"
        );

        let one = attach(&mut host, &a, &["8080:80"]);
        let before = lab.state();
        assert_eq!(attach(&mut host, &a, &["8080:80"]), one);
        assert!(before.difference(&lab.state()).is_empty());
        for ports in [&["8081:80"][..], &[]] {
            let err = host.attach(&spec(&a, ports), &netns(&a)).unwrap_err();
            assert!(
                err.is_exists() && format!("{err:?}").contains("8080:80"),
                "{err:?}"
            );
        }
        let stolen = host
            .attach(
                &AttachmentSpec {
                    id: id("a"),
                    ..spec(&a, &["8080:80"])
                },
                &netns(&b),
            )
            .unwrap_err();
        assert!(
            format!("{stolen:?}").contains("another namespace"),
            "{stolen:?}"
        );
        let port = host
            .attach(&spec(&b, &["127.0.0.1:8080:80"]), &netns(&b))
            .unwrap_err();
        assert!(format!("{port:?}").contains("cli:a"), "{port:?}");

        for _ in 0..3 {
            host.detach(&blue(), &who("a"), None)
                .unwrap()
                .settle()
                .unwrap();
        }
        assert!(host.attachments(None).unwrap().is_empty());
        away(host);
        let mut host = Host::open().unwrap();
        host.remove_network(&blue(), false)
            .unwrap()
            .settle()
            .unwrap();
        host.detach(&blue(), &who("a"), None)
            .unwrap()
            .settle()
            .unwrap();
    });
}

#[test]
fn detach_needs_nothing_of_what_it_removes() {
    lab(|lab| {
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let gone = NetNs::create().unwrap();
        host.attach(&AttachmentSpec::new(blue(), id("gone")), &gone)
            .unwrap();
        drop(gone);
        let (a, b, c) = (lab.netns("a"), lab.netns("b"), lab.netns("c"));
        attach(&mut host, &a, &["81:80"]);
        a.cmd("ip link delete eth0").ok();
        attach(&mut host, &b, &["82:80"]);
        lab.cmd("nft flush ruleset").ok();
        attach(&mut host, &c, &["83:80"]);
        lab.cmd("ip link delete vbr-blue").ok();
        for name in ["gone", "a", "b", "c"] {
            host.detach(&blue(), &who(name), None)
                .unwrap()
                .settle()
                .unwrap();
        }
        away(host);
    });
}

#[test]
fn a_flushed_ruleset_is_restored_with_the_neighbours() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        attach(&mut host, &a, &["8080:80"]);
        lab.cmd("nft flush ruleset").ok();
        attach(&mut host, &b, &[]);
        let web = a.tcp_server("0.0.0.0:80");
        outside.tcp("192.0.2.1:8080").unwrap();
        assert!(a.reaches("10.7.0.3"));
        assert_eq!(web.seen().len(), 1);
        away(host);
    });
}

#[test]
fn attach_right_after_detach_again_and_again() {
    lab(|lab| {
        let a = lab.netns("a");
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/28"])).unwrap();
        let mut later = Vec::new();
        for round in 0..30 {
            attach(&mut host, &a, &["8080:80"]);
            let detached = host.detach(&blue(), &who("a"), None).unwrap();
            match round % 3 {
                0 => later.push(detached),
                1 => drop(detached), // a killed child: nobody settles
                _ => detached.settle().unwrap(),
            }
        }
        for detached in later {
            detached.settle().unwrap();
        }
        let found = host.gc().unwrap();
        assert!(found.attachments.is_empty());
        assert!(!lab.cmd("ip -o link").ok().stdout.contains("vx"));
        away(host);
    });
}

#[test]
fn what_a_killed_attach_left_is_undone_by_the_next() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let one = attach(&mut host, &a, &["8080:80"]);
        let cookie = NetNs::current().unwrap().cookie().unwrap();
        let dir = format!("/run/vetch/{cookie}/blue");
        let name = format!("{}.json", one.host_end);
        fs::rename(format!("{dir}/up/{name}"), format!("{dir}/claimed/{name}")).unwrap();
        let two = attach(&mut host, &b, &["8080:80"]);
        assert!(a.cmd("ip link show eth0").code != 0, "undone");
        assert_eq!(host.attachments(None).unwrap(), [two]);
        away(host);
    });
}

#[test]
fn a_namespace_that_came_back_under_its_name_is_another() {
    lab(|lab| {
        lab.leaves_state();
        lab.cmd("ip netns add web").ok();
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let open = || NetNs::open_path("/run/netns/web").unwrap();
        let spec = AttachmentSpec::new(blue(), id("web"));
        let first = host.attach(&spec, &open()).unwrap();
        lab.cmd("ip netns delete web").ok();
        lab.cmd("ip netns add web").ok();
        let second = host.attach(&spec, &open()).unwrap();
        assert_ne!(first.cookie, second.cookie);
        assert_eq!(host.attachments(None).unwrap(), [second]);
        away(host);
    });
}

#[test]
fn many_at_once_get_each_an_address() {
    lab(|lab| {
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let nodes: Vec<Node> = (0..12).map(|i| lab.netns(&format!("n{i}"))).collect();
        let mut addresses: Vec<String> = std::thread::scope(|scope| {
            let one = |node: &Node| {
                let (path, name) = (node.path().to_owned(), node.name().to_owned());
                scope.spawn(move || {
                    let namespace = NetNs::open_path(path).unwrap();
                    let spec = AttachmentSpec::new(blue(), id(&name));
                    address(&Host::open().unwrap().attach(&spec, &namespace).unwrap())
                })
            };
            let threads: Vec<_> = nodes.iter().map(one).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 12);
        assert!(nodes[3].reaches(&addresses[0]));
        away(host);
    });
}

#[test]
fn links_of_others_are_left_alone_and_named() {
    lab(|lab| {
        lab.leaves_state();
        let a = lab.netns("a");
        let mut host = Host::open().unwrap();
        lab.cmd("ip link add vbr-blue type bridge").ok();
        let err = host.create_network(&network(&["10.7.0.0/24"])).unwrap_err();
        assert!(err.is_exists() && err.hint().is_some(), "{err:?}");
        lab.cmd("ip link delete vbr-blue").ok();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let end = spec(&a, &[]).key().host_end();
        lab.cmd(&format!("ip link add {end} type bridge")).ok();
        lab.cmd(&format!("ip link set {end} alias mine")).ok();
        let err = host.attach(&spec(&a, &[]), &netns(&a)).unwrap_err();
        assert!(
            format!("{err:?}").contains("mine") && err.left().is_empty(),
            "{err:?}"
        );
        lab.cmd(&format!("ip link delete {end}")).ok();
        a.cmd("ip link add eth0 type bridge").ok();
        let err = host.attach(&spec(&a, &[]), &netns(&a)).unwrap_err();
        assert!(
            err.hint().is_some_and(|hint| hint.contains("--ifname")),
            "{err:?}"
        );
        away(host);
    });
}

/// A change to a good attachment that makes it a bad one, and a word of the refusal.
type Bad = (fn(&mut AttachmentSpec), &'static str);

#[test]
fn bad_input_is_refused_and_nothing_is_left() {
    lab(|lab| {
        let _outside = lab.outside("outside", "up0");
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        refuse_networks(lab, &mut host);
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        attach(&mut host, &b, &["8080:80"]);
        let before = lab.state();
        let bad: &[Bad] = &[
            (|s| s.network = "green".parse().unwrap(), "no such network"),
            (
                |s| s.addresses = vec!["10.7.0.0".parse().unwrap()],
                "network address",
            ),
            (
                |s| s.addresses = vec!["10.7.0.255".parse().unwrap()],
                "broadcast",
            ),
            (
                |s| s.addresses = vec!["10.7.0.1".parse().unwrap()],
                "gateway",
            ),
            (|s| s.addresses = vec!["10.7.0.2".parse().unwrap()], "cli:b"),
            (
                |s| s.addresses = vec!["10.8.0.2".parse().unwrap()],
                "not in network",
            ),
            (
                |s| s.addresses = vec!["fd00::2".parse().unwrap()],
                "not in network",
            ),
            (
                |s| s.addresses = vec!["10.7.0.8".parse().unwrap(), "10.7.0.9".parse().unwrap()],
                "one of each",
            ),
            (
                |s| s.mac = Some("01:00:5e:00:00:01".parse().unwrap()),
                "group",
            ),
            (
                |s| s.mac = Some("00:00:00:00:00:00".parse().unwrap()),
                "group",
            ),
            (|s| s.ifname = "lo".parse().unwrap(), "loopback"),
            (|s| s.ports = vec!["8080:90".parse().unwrap()], "cli:b"),
            (
                |s| s.ports = vec!["1:1".parse().unwrap(), "127.0.0.1:1:2".parse().unwrap()],
                "same port",
            ),
            (
                |s| s.ports = vec!["[2001:db8::1]:1:1".parse().unwrap()],
                "no IPv6",
            ),
            (|s| s.ports[0].host_port = 0, "port 0"),
            (|s| s.ports[0].count = 0, "at least one"),
        ];
        for (spoil, word) in bad {
            let mut wrong = spec(&a, &["8090:80"]);
            spoil(&mut wrong);
            let err = host.attach(&wrong, &netns(&a)).unwrap_err();
            assert!(format!("{err:?}").contains(word), "{word}: {err:?}");
        }
        let here = NetNs::current().unwrap();
        let err = host.attach(&spec(&a, &[]), &here).unwrap_err();
        assert!(format!("{err:?}").contains("container's own"), "{err:?}");
        let err = host.remove_network(&blue(), false).unwrap_err();
        assert!(format!("{err:?}").contains("cli:b"), "{err:?}");
        let left = before.difference(&lab.state());
        assert!(left.is_empty(), "{}", left.join("\n"));
        away(host);
    });
}

fn refuse_networks(lab: &Lab, host: &mut Host) {
    let spoil: &[(fn(&mut NetworkSpec), &str)] = &[
        (
            |s| s.subnets = vec!["10.7.0.0/0".parse().unwrap()],
            "host bits",
        ),
        (
            |s| s.subnets = vec!["0.0.0.0/0".parse().unwrap()],
            "prefix length",
        ),
        (
            |s| s.subnets = vec!["10.7.0.1/32".parse().unwrap()],
            "prefix length",
        ),
        (
            |s| s.subnets = vec!["10.7.0.1/24".parse().unwrap()],
            "10.7.0.0/24",
        ),
        (
            |s| s.subnets = vec!["::ffff:10.7.0.0/120".parse().unwrap()],
            "IPv4",
        ),
        (|s| s.subnets = vec!["192.0.2.0/24".parse().unwrap()], "up0"),
        (
            |s| s.subnets = vec!["192.0.2.128/25".parse().unwrap()],
            "up0",
        ),
        (|s| s.subnets = vec!["192.0.0.0/16".parse().unwrap()], "up0"),
        (
            |s| s.subnets = vec!["127.0.0.0/8".parse().unwrap()],
            "loopback",
        ),
        (
            |s| s.subnets.push("10.8.0.0/24".parse().unwrap()),
            "one subnet",
        ),
        (|s| s.gateways = vec!["10.8.0.1".parse().unwrap()], "not in"),
        (
            |s| s.gateways = vec!["10.7.0.0".parse().unwrap()],
            "network address",
        ),
        (
            |s| s.gateways = vec!["10.7.0.255".parse().unwrap()],
            "broadcast",
        ),
        (|s| s.mtu = Some(67), "68 to 65535"),
        (|s| s.mtu = Some(65536), "68 to 65535"),
        (|s| s.queues = Some(0), "1 to 64"),
        (|s| s.bridge = Some("vtpx".parse().unwrap()), "vtp"),
        (|s| s.bridge = Some("lo".parse().unwrap()), "`lo`"),
        (|s| s.bridge = Some("up0".parse().unwrap()), "up0"),
    ];
    for (spoil, word) in spoil {
        let mut wrong = network(&["10.7.0.0/24"]);
        spoil(&mut wrong);
        let err = host.create_network(&wrong).unwrap_err();
        assert!(format!("{err:?}").contains(word), "{word}: {err:?}");
        lab.check_nothing_left();
    }
    for name in ["", "-a", "a/b", "..", "a b", "a\x1b", "%d", &"x".repeat(41)] {
        assert!(
            name.parse::<NetworkName>().unwrap_err().is_invalid(),
            "{name:?}"
        );
    }
}

#[test]
fn an_exhausted_subnet_says_so() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/30"])).unwrap();
        attach(&mut host, &a, &[]);
        let err = host.attach(&spec(&b, &[]), &netns(&b)).unwrap_err();
        assert!(
            format!("{err:?}").contains("all 1 addresses of 10.7.0.0/30"),
            "{err:?}"
        );
        away(host);
    });
}

#[test]
fn an_address_that_changes_hands_is_reached_at_once() {
    lab(|lab| {
        let (a, b, c) = (lab.netns("a"), lab.netns("b"), lab.netns("c"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        attach(&mut host, &c, &[]);
        let wish = |node: &Node| AttachmentSpec {
            addresses: vec!["10.7.0.9".parse().unwrap()],
            ..spec(node, &[])
        };
        let one = host.attach(&wish(&a), &netns(&a)).unwrap();
        assert!(c.ping("10.7.0.9"));
        let detached = host.detach(&blue(), &who("a"), None).unwrap();
        let two = host.attach(&wish(&b), &netns(&b)).unwrap();
        assert_eq!(one.mac, two.mac);
        assert!(c.ping("10.7.0.9") && lab.ping("10.7.0.9"));
        detached.settle().unwrap();
        away(host);
    });
}

#[test]
fn one_namespace_in_two_networks() {
    lab(|lab| {
        let a = lab.netns("a");
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let green: NetworkName = "green".parse().unwrap();
        let chosen = host
            .create_network(&NetworkSpec::new(green.clone()))
            .unwrap();
        attach(&mut host, &a, &[]);
        let second = AttachmentSpec {
            ifname: "eth1".parse().unwrap(),
            ..AttachmentSpec::new(green.clone(), id("a"))
        };
        host.attach(&second, &netns(&a)).unwrap();
        assert!(a.ping("10.7.0.1") && a.ping(&chosen.subnets[0].gateway.to_string()));
        host.remove_network(&green, true).unwrap().settle().unwrap();
        assert!(a.ping("10.7.0.1"));
        away(host);
    });
}
