//! Bad input and links of others: refused with the reason, and nothing is left.

use crate::*;

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

const ATTACHMENTS: &[Bad] = &[
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
        for (spoil, word) in ATTACHMENTS {
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

/// The same for a network.
type BadNetwork = (fn(&mut NetworkSpec), &'static str);

const NETWORKS: &[BadNetwork] = &[
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

fn refuse_networks(lab: &Lab, host: &mut Host) {
    for (spoil, word) in NETWORKS {
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
