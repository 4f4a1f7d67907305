//! Links on the real kernel, made by the library and seen by `ip`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "test code: a panic is how a test fails"
)]

use core_netlink::link::*;
use core_netlink::{Conn, IfIndex, IfName, MacAddr, Protocol};
use serde_json::Value;
use vetch_tests::{Lab, Node, lab};

type Outcome = anyhow::Result<()>;

fn name(text: &str) -> Option<IfName> {
    Some(text.parse().unwrap())
}

fn conn() -> Conn {
    Conn::open(Protocol::Route).unwrap()
}

fn bridge(text: &str) -> LinkSpec {
    LinkSpec {
        name: name(text),
        kind: Some(Kind::Bridge(Bridge::default())),
        ..LinkSpec::default()
    }
}

fn veth(one: &str, two: &str) -> LinkSpec {
    let peer = LinkSpec {
        name: name(two),
        ..LinkSpec::default()
    };
    LinkSpec {
        name: name(one),
        kind: Some(Kind::veth(peer)),
        ..LinkSpec::default()
    }
}

/// What `ip` says of it.
fn seen(node: &Node, dev: &str) -> Value {
    let all = node
        .cmd(&format!("ip -d -j link show dev {dev}"))
        .ok()
        .json();
    all[0].clone()
}

fn gone(lab: &Lab, conn: &mut Conn, names: &[&str]) -> Outcome {
    for name in names {
        conn.delete_link(name.parse::<LinkRef>()?)?;
    }
    assert!(lab.difference().is_empty());
    Ok(())
}

#[test]
fn a_pair_is_made_directly_into_another_namespace() {
    lab(|lab| -> Outcome {
        let inside = lab.anonymous("inside");
        let mut conn = conn();
        let br0 = conn.add_link(&bridge("br0"))?.unwrap();
        let mac = MacAddr([2, 0x42, 10, 0, 0, 2]);
        let peer = LinkSpec {
            name: name("eth0"),
            netns: Some(Netns::of(inside.net())?),
            address: Some(mac.into()),
            mtu: Some(1400),
            ..LinkSpec::default()
        };
        let host = LinkSpec {
            name: name("vt0"),
            kind: Some(Kind::veth(peer)),
            master: Some(br0.index),
            alias: Some("vetch:blue:web:eth0".to_owned()),
            mtu: Some(1400),
            tx_queues: Some(1),
            rx_queues: Some(1),
            up: Some(true),
            ..LinkSpec::default()
        };
        let made = conn.add_link(&host)?.expect("an echo");
        assert!(made.is_up() && made.alias.as_deref() == Some("vetch:blue:web:eth0"));
        assert_eq!(
            (made.master, made.mtu, made.tx_queues),
            (Some(br0.index), Some(1400), Some(1))
        );
        let eth0 = seen(&inside, "eth0");
        assert_eq!(eth0["ifindex"], made.link.unwrap().0);
        assert_eq!(
            (&eth0["address"], &eth0["mtu"]),
            (&mac.to_string().into(), &1400.into())
        );
        assert!(made.link_netnsid.is_some());
        gone(lab, &mut conn, &["vt0", "br0"])
    });
}

#[test]
fn what_the_kernel_takes_only_later_is_there_before_the_link_is_up() {
    lab(|lab| -> Outcome {
        let mut conn = conn();
        let br0 = conn
            .add_link(&LinkSpec {
                up: Some(true),
                ..bridge("br0")
            })?
            .unwrap();
        let spec = LinkSpec {
            master: Some(br0.index),
            port: Some(BridgePort {
                isolated: Some(true),
                learning: Some(false),
                ..BridgePort::default()
            }),
            ipv4: Some(Ipv4Conf {
                forwarding: Some(1),
                rp_filter: Some(2),
                route_localnet: Some(1),
                ..Ipv4Conf::default()
            }),
            inet6: Some(Inet6 {
                addr_gen_mode: Some(AddrGenMode::None),
                ..Inet6::default()
            }),
            altnames: vec!["a-name-of-more-than-15-bytes".parse()?],
            up: Some(true),
            ..veth("vt0", "vt1")
        };
        let made = conn.add_link(&spec)?.unwrap();
        let Some(Slave::Bridge(port)) = &made.slave else {
            panic!("{:?}", made.slave)
        };
        assert_eq!((port.isolated, port.learning), (Some(true), Some(false)));
        let ipv4 = made.ipv4.clone().unwrap();
        assert_eq!(
            (ipv4.forwarding, ipv4.rp_filter, ipv4.route_localnet),
            (Some(1), Some(2), Some(1))
        );
        let read =
            |file: &str| std::fs::read_to_string(format!("/proc/sys/net/ipv4/conf/vt0/{file}"));
        for (file, value) in [
            ("forwarding", "1"),
            ("rp_filter", "2"),
            ("route_localnet", "1"),
        ] {
            assert_eq!(lab.run(|| read(file))?.trim(), value, "{file}");
        }
        assert_eq!(
            made.inet6.clone().unwrap().addr_gen_mode,
            Some(AddrGenMode::None)
        );
        let vt0 = seen(lab, "vt0");
        assert_eq!(vt0["inet6_addr_gen_mode"], "none");
        assert_eq!(vt0["linkinfo"]["info_slave_data"]["isolated"], true);
        assert_eq!(vt0["altnames"][0], "a-name-of-more-than-15-bytes");
        let long: LinkRef = "a-name-of-more-than-15-bytes".parse()?;
        assert_eq!(conn.get_link(long)?.index, made.index);
        gone(lab, &mut conn, &["vt0", "br0"])
    });
}

#[test]
fn a_link_whose_second_half_fails_is_not_left_behind() {
    lab(|lab| -> Outcome {
        let mut conn = conn();
        let port = Some(BridgePort {
            isolated: Some(true),
            ..BridgePort::default()
        });
        let err = conn
            .add_link(&LinkSpec {
                port,
                ..veth("vt0", "vt1")
            })
            .unwrap_err();
        assert!(err.op().starts_with("set port of link number"), "{err}");
        assert!(conn.find_link("vt0".parse::<LinkRef>()?)?.is_none());
        assert!(lab.difference().is_empty());
        Ok(())
    });
}

#[test]
fn every_field_of_a_change_arrives() {
    lab(|lab| -> Outcome {
        let mut conn = conn();
        let br0 = conn.add_link(&bridge("br0"))?.unwrap().index;
        let vt0 = conn.add_link(&veth("vt0", "vt1"))?.unwrap().index;
        let mac = MacAddr([2, 0, 0, 0, 0, 7]);
        let change = LinkSpec {
            mtu: Some(1300),
            address: Some(mac.into()),
            master: Some(br0),
            up: Some(true),
            arp: Some(false),
            multicast: Some(false),
            allmulticast: Some(true),
            promisc: Some(true),
            alias: Some("here".to_owned()),
            group: Some(7),
            txqlen: Some(55),
            gso_max_size: Some(192 << 10),
            gro_max_size: Some(192 << 10),
            gso_max_segs: Some(100),
            ..LinkSpec::default()
        };
        conn.set_link("vt0".parse::<LinkRef>()?, &change)?;
        let found = conn.get_link(vt0)?;
        assert_eq!(
            (found.mtu, found.address, found.master),
            (Some(1300), Some(mac.into()), Some(br0))
        );
        assert_eq!(
            (found.group, found.txqlen, found.gso_max_segs),
            (Some(7), Some(55), Some(100))
        );
        assert_eq!(
            (found.gso_max_size, found.gro_max_size),
            (Some(192 << 10), Some(192 << 10))
        );
        let on = LinkFlags::UP | LinkFlags::NOARP | LinkFlags::ALLMULTI | LinkFlags::PROMISC;
        assert!(found.flags.contains(on) && !found.flags.contains(LinkFlags::MULTICAST));
        conn.set_link(
            vt0,
            &LinkSpec {
                master: Some(NO_MASTER),
                alias: Some(String::new()),
                ..LinkSpec::default()
            },
        )?;
        let found = conn.get_link(vt0)?;
        assert_eq!((found.master, found.alias), (None, None));
        gone(lab, &mut conn, &["vt0", "br0"])
    });
}

#[test]
fn links_are_renamed_moved_and_known_by_other_names() {
    lab(|lab| -> Outcome {
        let inside = lab.netns("inside");
        let mut conn = conn();
        let vt0 = conn.add_link(&veth("vt0", "vt1"))?.unwrap().index;
        conn.rename_link("vt0".parse::<LinkRef>()?, "vt9".parse()?)?;
        assert_eq!(conn.get_link(vt0)?.name.to_string(), "vt9");
        let names = ["first-of-the-other-names".parse()?, "second".parse()?];
        conn.add_altnames(vt0, &names)?;
        assert_eq!(conn.get_link("second".parse::<LinkRef>()?)?.altnames, names);
        conn.delete_altnames("first-of-the-other-names".parse::<LinkRef>()?, &names[1..])?;
        assert_eq!(conn.get_link(vt0)?.altnames, names[..1]);
        conn.move_link("vt1".parse::<LinkRef>()?, Netns::of(inside.net())?)?;
        assert_eq!(seen(&inside, "vt1")["ifname"], "vt1");
        let err = conn.move_link(vt0, Netns::Pid(u32::MAX >> 1)).unwrap_err();
        assert_eq!(
            err.op(),
            format!("move link number {vt0} to the namespace of process 2147483647")
        );
        gone(lab, &mut conn, &["vt9"])
    });
}

#[test]
fn lists_are_filtered_by_the_kernel() {
    lab(|lab| -> Outcome {
        let mut conn = conn();
        let br0 = conn.add_link(&bridge("br0"))?.unwrap().index;
        conn.add_link(&LinkSpec {
            master: Some(br0),
            ..veth("vt0", "vt1")
        })?;
        let mut names = |filter: LinkFilter| -> Vec<String> {
            let links = conn.links(&filter).unwrap();
            assert!(links.iter().all(|link| link.stats.is_some()));
            links.iter().map(|link| link.name.to_string()).collect()
        };
        assert_eq!(names(LinkFilter::default()), ["lo", "br0", "vt1", "vt0"]);
        let kind = Some("bridge".to_owned());
        assert_eq!(
            names(LinkFilter {
                kind,
                ..LinkFilter::default()
            }),
            ["br0"]
        );
        let ports = LinkFilter {
            master: Some(br0),
            ..LinkFilter::default()
        };
        assert_eq!(names(ports), ["vt0"]);
        let ports = conn.bridge_ports()?;
        assert!(
            ports.iter().any(
                |port| matches!(&port.slave, Some(Slave::Bridge(port)) if port.cost == Some(2))
            )
        );
        let vt0 = conn.get_link("vt0".parse::<LinkRef>()?)?.index;
        let change = BridgePort {
            hairpin: Some(true),
            cost: Some(9),
            ..BridgePort::default()
        };
        conn.set_bridge_port(vt0, &change)?;
        let Some(Slave::Bridge(port)) = conn.get_link(vt0)?.slave else {
            panic!()
        };
        assert_eq!((port.hairpin, port.cost), (Some(true), Some(9)));
        gone(lab, &mut conn, &["vt0", "br0"])
    });
}

#[test]
fn a_group_goes_together() {
    lab(|lab| -> Outcome {
        let mut conn = conn();
        let specs: Vec<_> = (0..20)
            .map(|i| LinkSpec {
                group: Some(77),
                ..veth(&format!("a{i}"), &format!("b{i}"))
            })
            .collect();
        let failed = conn.batch(specs.iter().map(AddLink))?;
        assert!(failed.is_empty(), "{failed:?}");
        conn.set_group(
            77,
            &LinkSpec {
                up: Some(true),
                ..LinkSpec::default()
            },
        )?;
        assert!(
            conn.links(&LinkFilter::default())?
                .iter()
                .filter(|link| link.group == Some(77))
                .all(Link::is_up)
        );
        conn.delete_group(77)?;
        assert!(conn.delete_group(77).unwrap_err().is_not_found());
        assert!(conn.delete_group(0).unwrap_err().is_invalid());
        assert!(lab.difference().is_empty());
        Ok(())
    });
}

#[test]
fn refusals_name_the_object() {
    lab(|lab| -> Outcome {
        let mut conn = conn();
        conn.add_link(&bridge("br0"))?;
        let err = conn.add_link(&bridge("br0")).unwrap_err();
        assert!(
            err.is_exists() && err.to_string() == "cannot add link `br0`",
            "{err}"
        );
        let err = conn.delete_link("nope".parse::<LinkRef>()?).unwrap_err();
        assert!(
            err.is_not_found() && err.to_string() == "cannot delete link `nope`",
            "{err}"
        );
        let err = conn.get_link(IfIndex(4000)).unwrap_err();
        assert!(
            err.is_not_found() && err.to_string() == "cannot find link number 4000",
            "{err}"
        );
        let kind = Some(Kind::Other {
            name: "nosuchkind".to_owned(),
            data: Vec::new(),
        });
        let err = conn
            .add_link(&LinkSpec {
                name: name("x"),
                kind,
                ..LinkSpec::default()
            })
            .unwrap_err();
        assert!(err.is_unsupported(), "{err:?}");
        gone(lab, &mut conn, &["br0"])
    });
}
