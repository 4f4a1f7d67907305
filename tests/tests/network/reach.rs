//! Who reaches whom, proved by packets.

use crate::*;

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

/// A MAC address follows from the first address: an IPv6 address is to go along with it, or its new owner announces himself.
#[test]
fn an_ipv6_address_is_reached_at_its_new_owner_too() {
    lab(|lab| {
        let [a, b, c] = ["a", "b", "c"].map(|name| lab.netns(name));
        lab.vetch("network create blue --subnet 10.7.0.0/24 --subnet fd07::/64")
            .ok();
        let attach = |words: &str| {
            let made = lab.vetch(&format!("attach blue {words} --json"));
            made.ok().json()["addresses"][1]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let reached = || {
            for from in [&c, &**lab] {
                from.tcp("[fd07::9]:80").unwrap();
            }
        };
        assert_eq!(attach("c"), "fd07::2/64");
        assert_eq!(attach("a --ip 10.7.0.9"), "fd07::9/64");
        let old = a.tcp_server("[::]:80");
        reached();
        assert_eq!(old.seen().len(), 2);
        lab.vetch("detach blue a --wait").ok();
        attach("b --ip 10.7.0.5 --ip fd07::9");
        let _new = b.tcp_server("[::]:80");
        reached();
        assert_ne!(attach("a --ip 10.7.0.9"), "fd07::9/64");
        lab.vetch("network rm --force --wait blue").ok();
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
