//! Intent to elements, and elements against a kernel that is a function.

use crate::*;
use core_netlink::nft::{ElementSpec, Object, Value};
use core_netlink::{Conn, Writer, fake::Reply};
use proptest::prelude::*;
use std::net::IpAddr;

const GET: u16 = 10 << 8 | 13; // NFT_MSG_GETSETELEM
const GENERATION: u16 = 10 << 8 | 15; // NFT_MSG_NEWGEN
const GET_GENERATION: u16 = 10 << 8 | 16;
const BEGIN: u16 = 16;

fn owner(id: &str) -> Owner {
    Owner::attachment("demo", id, "eth0")
}

fn web(on: Option<&str>, ports: &str, to: &str) -> Publish {
    Publish {
        on: on.map(|on| on.parse().unwrap()),
        ports: ports.parse().unwrap(),
        transport: Transport::Tcp,
        to: to.parse().unwrap(),
        only: Vec::new(),
    }
}

fn words(change: Change) -> Vec<String> {
    change.words()
}

#[test]
fn a_network_as_a_person_would_type_it() {
    let network = Network {
        subnets: vec![
            "10.88.0.0/24".parse().unwrap(),
            "fd88::/64".parse().unwrap(),
        ],
        gateways: vec!["10.88.0.1".parse().unwrap()],
        services: vec!["udp:53".parse().unwrap()],
        ..Network::new("demo", "vbr0".parse().unwrap())
    };
    assert_eq!(
        words(crate::network(&network).unwrap()),
        [
            r#"nft 'add element inet vetch nets { "vbr0" comment "vetch:demo" }'"#,
            r#"nft 'add element inet vetch pairs { "vbr0" . "vbr0" comment "vetch:demo" }'"#,
            r#"nft 'add element inet vetch gate4 { 10.88.0.1 comment "vetch:demo" }'"#,
            r#"nft 'add element inet vetch local4 { "vbr0" . 10.88.0.0/24 comment "vetch:demo" }'"#,
            r#"nft 'add element inet vetch local6 { "vbr0" . fd88::/64 comment "vetch:demo" }'"#,
            r#"nft 'add element inet vetch masq { "vbr0" . ipv4 comment "vetch:demo" }'"#,
            r#"nft 'add element inet vetch masq { "vbr0" . ipv6 comment "vetch:demo" }'"#,
            r#"nft 'add element inet vetch service { "vbr0" . udp . 53 comment "vetch:demo" }'"#,
        ]
    );
    let apart = Network {
        isolate_ports: true,
        services: vec!["tcp:53-54".parse().unwrap(), "tcp:54".parse().unwrap()],
        allow: vec!["192.0.2.0/24:443/tcp".parse().unwrap()],
        deny: vec!["::/0".parse().unwrap()],
        reaches: vec!["vbr1".parse().unwrap()],
        reached_by: vec!["vbr2".parse().unwrap()],
        ..network.clone()
    };
    let lines = words(crate::network(&apart).unwrap());
    let text = lines.join("\n").replace(" comment \"vetch:demo\"", "");
    for wanted in [
        r#"apart { "vbr0" . "vbr0" }"#,
        r#"service { "vbr0" . tcp . 54 }"#,
        r#"reach { "vbr0" . "vbr1" }"#,
        r#"reach { "vbr2" . "vbr0" }"#,
        r#"listed { "vbr0" }"#,
        r#"deny6 { "vbr0" . ::/0 }"#,
        r#"allowport4 { "vbr0" . 192.0.2.0/24 . tcp . 443 }"#,
    ] {
        assert_eq!(text.matches(wanted).count(), 1, "{wanted}: {text}");
    }
    assert!(
        !text.contains(" pairs ") && !text.contains(" allow4 "),
        "{text}"
    );
    let internal = Network {
        internal: true,
        ..network
    };
    let words = words(crate::network(&internal).unwrap());
    assert!(
        words.iter().any(|line| line.contains(" internal "))
            && !words.iter().any(|line| line.contains(" masq "))
    );
}

#[test]
fn an_attachment_speaks_for_its_addresses_and_its_link_local_one() {
    let mut attachment = Attachment::new(
        owner("a"),
        "vtpa".parse().unwrap(),
        "02:00:00:00:00:01".parse().unwrap(),
    );
    attachment.addresses = vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()];
    let change = crate::attachment(&attachment).unwrap();
    let text: Vec<_> = change
        .steps()
        .iter()
        .map(|step| step.element().text())
        .collect();
    assert_eq!(
        text,
        [
            r#""vtpa" . 02:00:00:00:00:01 . 10.0.0.2"#,
            r#""vtpa" . 02:00:00:00:00:01 . fd00::2"#,
            r#""vtpa" . 02:00:00:00:00:01 . 0xfd000000000000000000000000000002"#,
            r#""vtpa" . 02:00:00:00:00:01 . fe80::ff:fe00:1"#,
            r#""vtpa" . 02:00:00:00:00:01 . 0xfe80000000000000000000fffe000001"#,
            r#""vtpa" . 0x020000000001"#,
        ]
    );
    attachment.addresses.truncate(1);
    assert_eq!(
        crate::attachment(&attachment).unwrap().steps().len(),
        1,
        "no IPv6, no link-local address"
    );
}

#[test]
fn short_ranges_are_ports_and_long_ones_an_interval() {
    let text = |publish: Publish| words(crate::publish(&owner("a"), &publish).unwrap());
    assert_eq!(
        text(web(None, "80-81", "10.0.0.2:8080")),
        [
            r#"nft 'add element inet vetch any4 { tcp . 80 comment "vetch:demo/a/eth0" : 10.0.0.2 . 8080 }'"#,
            r#"nft 'add element inet vetch any4 { tcp . 81 comment "vetch:demo/a/eth0" : 10.0.0.2 . 8081 }'"#,
        ]
    );
    assert_eq!(text(web(None, "1000-1063", "10.0.0.2:1000")).len(), 64);
    assert_eq!(text(web(None, "1000-1999", "10.0.0.2:2000")).len(), 1000);
    assert_eq!(
        text(web(None, "1000-1064", "[fd00::2]:1000")),
        [
            r#"nft 'add element inet vetch range6 { ::/0 . tcp . 1000-1064 comment "vetch:demo/a/eth0" : fd00::2 }'"#
        ]
    );
    assert_eq!(
        text(web(Some("192.0.2.1"), "1000-1064", "10.0.0.2:1000")),
        [
            r#"nft 'add element inet vetch range4 { 192.0.2.1 . tcp . 1000-1064 comment "vetch:demo/a/eth0" : 10.0.0.2 }'"#
        ]
    );
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, wanted: &str) {
    match result.unwrap_err() {
        Error::Refused { field, .. } => assert_eq!(field, wanted),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_meant_is_refused_by_field() {
    for bad in ["0", "65536", "", "-", "80-", "9-8", "+80", "8 0"] {
        refused(bad.parse::<Ports>(), "port");
    }
    refused("icmp:1".parse::<Service>(), "protocol");
    refused("53".parse::<Service>(), "host service");
    let publish = |p| publish(&owner("a"), &p);
    refused(
        publish(web(Some("::1"), "80", "[fd00::2]:80")),
        "host address",
    );
    refused(
        publish(web(Some("fd00::1"), "80", "10.0.0.2:80")),
        "host address",
    );
    refused(
        publish(web(Some("224.0.0.1"), "80", "10.0.0.2:80")),
        "host address",
    );
    refused(publish(web(None, "80", "10.0.0.2:0")), "container port");
    refused(
        publish(web(None, "1-64", "10.0.0.2:65500")),
        "container port",
    );
    refused(publish(web(None, "1-1025", "10.0.0.2:2")), "container port");
    refused(publish(web(None, "80", "127.0.0.1:80")), "target");
    refused(
        crate::publish(&owner("a\"b"), &web(None, "80", "10.0.0.2:80")),
        "owner",
    );
    refused(
        crate::publish(&owner(&"x".repeat(300)), &web(None, "80", "10.0.0.2:80")),
        "owner",
    );
    let at = |port: &str, mac: &str, ip: &str| {
        let mut at = Attachment::new(owner("a"), port.parse().unwrap(), mac.parse().unwrap());
        at.addresses.push(ip.parse().unwrap());
        attachment(&at)
    };
    refused(at("veth0", "02:00:00:00:00:01", "10.0.0.2"), "port");
    refused(at("vtpa", "03:00:00:00:00:01", "10.0.0.2"), "MAC");
    refused(
        at("vtpa", "02:00:00:00:00:01", "::ffff:10.0.0.2"),
        "address",
    );
    refused(at("vtpa", "02:00:00:00:00:01", "0.0.0.0"), "address");
    let network = |subnet: &str, gateway: &str| {
        let mut network = Network::new("demo", "vbr0".parse().unwrap());
        network.subnets.push(subnet.parse().unwrap());
        network.gateways.push(gateway.parse().unwrap());
        crate::network(&network)
    };
    refused(network("10.0.0.1/24", "10.0.0.1"), "subnet");
    refused(network("10.0.0.0/24", "10.0.1.1"), "gateway");
}

#[test]
fn ports_conflict_across_addresses_and_ranges() {
    let any = web(None, "80", "10.0.0.2:80");
    for (other, conflict) in [
        (web(None, "80", "10.0.0.3:8080"), true),
        (web(Some("0.0.0.0"), "80", "10.0.0.3:80"), true),
        (web(Some("192.0.2.1"), "80", "10.0.0.3:80"), true),
        (web(None, "1-100", "10.0.0.3:1"), true),
        (web(None, "81-100", "10.0.0.3:81"), false),
        (web(None, "80", "[fd00::2]:80"), false),
        (
            Publish {
                transport: Transport::Udp,
                ..any.clone()
            },
            false,
        ),
    ] {
        assert_eq!(
            (any.conflicts_with(&other), other.conflicts_with(&any)),
            (conflict, conflict),
            "{other}"
        );
    }
    let one = |on| web(Some(on), "80", "10.0.0.2:80");
    assert!(
        one("192.0.2.1").conflicts_with(&one("192.0.2.1"))
            && !one("192.0.2.1").conflicts_with(&one("192.0.2.2"))
    );
}

proptest! {
    #[test]
    fn owners_survive(network in "[a-z0-9_.-]{1,20}", id in "[a-zA-Z0-9:_./-]{1,60}", interface in "[a-z0-9.]{1,15}") {
        let owner = Owner::attachment(network, id, interface);
        prop_assert_eq!(Owner::from_comment(&owner.to_string()), Some(owner));
    }

    #[test]
    fn a_change_undone_twice_is_itself(ports in 1u16..60000, count in 0u16..80) {
        let publish = web(None, &format!("{ports}-{}", ports + count), &format!("10.0.0.2:{ports}"));
        let change = crate::publish(&owner("a"), &publish).unwrap();
        prop_assert_eq!(change.clone().inverse().inverse(), change.clone());
        prop_assert!(change.inverse().words().iter().all(|line| line.starts_with("nft 'delete element inet vetch ")));
    }
}

/// The element as the kernel reports it.
fn reported(element: &Element, owner: &Owner) -> Reply {
    let spec = ElementSpec {
        family: element.set.family(),
        table: "vetch".into(),
        set: element.set.name().into(),
        key: element.key.clone(),
        data: Some(core_netlink::nft::Data::of(&element.value)),
        comment: owner.to_string(),
        ..ElementSpec::default()
    };
    let mut body = vec![1, 0, 0, 0];
    spec.encode(false, &mut Writer::new(&mut body));
    Reply::Records(vec![(ElementSpec::NEW, body)])
}

fn generation() -> Reply {
    Reply::Records(vec![(GENERATION, vec![0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 7])])
}

fn port_80() -> Change {
    publish(&owner("a"), &web(None, "80", "10.0.0.2:80")).unwrap()
}

#[test]
fn a_taken_port_names_its_holder() {
    let held = port_80().steps()[0].element().clone();
    let mut conn = Conn::fake(move |request| match request.kind {
        ElementSpec::NEW => Reply::Errno(17),
        GET => reported(&held, &owner("other")),
        _ => Reply::Ack,
    });
    let err = apply(&mut conn, &port_80()).unwrap_err();
    assert!(matches!(&err, Error::Taken { holder: Some(holder), .. } if *holder == owner("other")));
    let text = "inet vetch any4 { tcp . 80 : 10.0.0.2 . 80 } is taken by vetch:demo/other/eth0";
    assert_eq!(err.to_string(), text);
}

#[test]
fn what_is_there_already_is_fine() {
    let held = port_80().steps()[0].element().clone();
    let mut conn = Conn::fake(move |request| match request.kind {
        ElementSpec::NEW => Reply::Errno(17),
        GET => reported(&held, &owner("a")),
        _ => Reply::Ack,
    });
    apply(&mut conn, &port_80()).unwrap();
}

#[test]
fn only_ones_own_is_removed_and_a_stale_ruleset_is_read_again() {
    for holder in ["a", "other", ""] {
        let held = port_80().steps()[0].element().clone();
        let (mut stale, deleted) = (
            2,
            std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0)),
        );
        let count = deleted.clone();
        let mut conn = Conn::fake(move |request| match request.kind {
            GET_GENERATION => generation(),
            GET if holder.is_empty() => Reply::Errno(2),
            GET => reported(&held, &owner(holder)),
            BEGIN if stale > 0 => {
                stale -= 1;
                Reply::Errno(85)
            }
            ElementSpec::DELETE if stale == 0 => {
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Reply::Ack
            }
            ElementSpec::DELETE => Reply::Silence,
            _ => Reply::Ack,
        });
        apply(&mut conn, &port_80().inverse()).unwrap();
        let wanted = usize::from(holder == "a");
        let deleted = deleted.load(std::sync::atomic::Ordering::Relaxed);
        assert!((deleted > 0) == (wanted > 0), "{holder}: {deleted}");
    }
}

#[test]
fn a_kernel_that_never_rests_is_given_up() {
    let held = port_80().steps()[0].element().clone();
    let mut conn = Conn::fake(move |request| match request.kind {
        GET_GENERATION => generation(),
        GET => reported(&held, &owner("a")),
        BEGIN => Reply::Errno(85),
        _ => Reply::Silence,
    });
    assert!(matches!(
        apply(&mut conn, &port_80().inverse()),
        Err(Error::Restless)
    ));
}

fn interface(name: &str, is_ours: bool) -> Interface {
    Interface {
        is_ours,
        ipv4: true,
        ipv6: true,
        accepts_advertisements: true,
        ..Interface::new(name.parse().unwrap())
    }
}

fn host() -> HostForwarding {
    HostForwarding {
        ipv6_per_interface: true,
        interfaces: vec![interface("vbr0", true), interface("eth0", false)],
        ..HostForwarding::default()
    }
}

fn settings(plan: &Forwarding) -> Vec<String> {
    plan.settings.iter().map(Setting::to_string).collect()
}

#[test]
fn forwarding_is_switched_on_per_interface_and_put_back() {
    let plan = Forwarding::on(&host());
    assert_eq!(
        settings(&plan),
        [
            "sysctl -w net/ipv4/conf/vbr0/forwarding=1",
            "sysctl -w net/ipv4/conf/eth0/forwarding=1",
            "sysctl -w net/ipv6/conf/vbr0/force_forwarding=1",
            "sysctl -w net/ipv6/conf/eth0/force_forwarding=1",
        ]
    );
    let noted: Vec<_> = plan
        .change
        .steps()
        .iter()
        .map(|step| step.element().clone())
        .collect();
    assert_eq!(
        noted.iter().map(Element::text).collect::<Vec<_>>(),
        ["\"eth0\" . ipv4", "\"eth0\" . ipv6"]
    );
    let off = Forwarding::off(&noted);
    assert_eq!(settings(&off).len(), 2);
    assert!(
        settings(&off)
            .iter()
            .all(|line| line.contains("eth0") && line.ends_with("=0"))
    );
}

#[test]
fn where_somebody_else_routes_nothing_is_touched() {
    let ours = Forwarding::on(&host()).change;
    let noted = ours
        .steps()
        .iter()
        .map(|step| step.element().clone())
        .collect();
    let routed = HostForwarding {
        ipv4_everywhere: true,
        ipv6_everywhere: true,
        noted,
        ..host()
    };
    let plan = Forwarding::on(&routed);
    assert!(
        plan.settings.is_empty()
            && plan
                .change
                .words()
                .iter()
                .all(|line| line.contains("delete element"))
    );
    assert_eq!(plan.change.steps().len(), 2);
}

#[test]
fn older_kernels_keep_their_router_and_close_the_family() {
    let plan = Forwarding::on(&HostForwarding {
        ipv6_per_interface: false,
        ..host()
    });
    assert_eq!(
        settings(&plan)[2..],
        [
            "sysctl -w net/ipv6/conf/eth0/accept_ra=2",
            "sysctl -w net/ipv6/conf/all/forwarding=1"
        ]
    );
    let closed = plan
        .change
        .steps()
        .iter()
        .filter(|step| step.element().set == Set::Closed);
    assert_eq!(closed.count(), 1);
}

#[test]
fn intervals_print_as_prefixes_where_they_are() {
    let ip = |text: &str| Value::Ip(text.parse::<IpAddr>().unwrap());
    let text = |low: &str, high: &str| {
        let mut element = Element::new(Set::Local4, &Owner::Host, [ip(low)]);
        element.end = Some(vec![ip(high)]);
        element.text()
    };
    assert_eq!(text("10.0.0.0", "10.0.0.255"), "10.0.0.0/24");
    assert_eq!(text("10.0.0.0", "10.0.0.254"), "10.0.0.0-10.0.0.254");
    assert_eq!(text("0.0.0.0", "255.255.255.255"), "0.0.0.0/0");
    assert_eq!(text("10.0.0.1", "10.0.0.1"), "10.0.0.1");
}
