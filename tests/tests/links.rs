//! Links on the real kernel, made by the library and seen by `ip`.

use core_netlink::link::*;
use core_netlink::{Be, Conn, IfIndex, IfName, MacAddr, Protocol};
use serde_json::Value;
use std::net::Ipv4Addr;
use vetch_tests::{Lab, Node, lab, skip};

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
fn bridge_options_are_what_ip_shows() {
    lab(|lab| -> Outcome {
        let mut conn = conn();
        let options = Bridge {
            stp_state: Some(1),
            forward_delay: Some(400),
            ageing_time: Some(6000),
            priority: Some(4096),
            group_fwd_mask: Some(8),
            mcast_snooping: Some(false),
            nf_call_iptables: Some(true),
            options: Some(Chosen::default().and(BridgeOptions::NO_LINKLOCAL_LEARN, true)),
            ..Bridge::default()
        };
        let spec = LinkSpec {
            kind: Some(Kind::Bridge(options)),
            ..bridge("br0")
        };
        let made = conn.add_link(&spec)?.unwrap();
        let data = seen(lab, "br0")["linkinfo"]["info_data"].clone();
        for (field, value) in [
            ("stp_state", 1),
            ("forward_delay", 400),
            ("ageing_time", 6000),
            ("priority", 4096),
        ] {
            assert_eq!(data[field], value, "{field}");
        }
        assert_eq!(
            (&data["no_linklocal_learn"], &data["mcast_snooping"]),
            (&1.into(), &0.into())
        );
        let Some(Kind::Bridge(found)) = made.kind else {
            panic!()
        };
        assert_eq!(data["bridge_id"], found.bridge_id.unwrap().to_string());
        assert_eq!(
            data["mcast_query_intvl"],
            found.mcast_query_interval.unwrap()
        );
        let change = Bridge {
            stp_state: Some(0),
            fdb_flush: Some(Present),
            ..Bridge::default()
        };
        conn.set_link(
            made.index,
            &LinkSpec {
                kind: Some(Kind::Bridge(change)),
                ..LinkSpec::default()
            },
        )?;
        assert_eq!(seen(lab, "br0")["linkinfo"]["info_data"]["stp_state"], 0);
        gone(lab, &mut conn, &["br0"])
    });
}

#[test]
fn macvlan_and_vxlan_and_ifb_come_back_as_asked() {
    lab(|lab| -> Outcome {
        let mut conn = conn();
        let lower = conn.add_link(&veth("vt0", "vt1"))?.unwrap();
        let macvlan = Kind::Macvlan(Macvlan {
            mode: Some(MacvlanMode::Bridge),
            ..Macvlan::default()
        });
        let vxlan = Kind::Vxlan(Vxlan {
            id: Some(42.try_into()?),
            local: Some(Ipv4Addr::new(10, 0, 0, 1)),
            group: Some(Ipv4Addr::new(10, 0, 0, 2)),
            link: Some(lower.index),
            port: Some(Be(4789)),
            port_range: Some(PortRange {
                low: 1000,
                high: 2000,
            }),
            learning: Some(false),
            ttl_inherit: Some(TtlInherit(true)),
            gbp: Some(Present),
            df: Some(DontFragment::Set),
            ..Vxlan::default()
        });
        for (dev, kind, link) in [
            ("mv0", macvlan, Some(lower.index)),
            ("vx0", vxlan, None),
            ("ifb7", Kind::Ifb, None),
        ] {
            let spec = LinkSpec {
                name: name(dev),
                kind: Some(kind.clone()),
                link,
                ..LinkSpec::default()
            };
            let made = conn.add_link(&spec)?.unwrap();
            assert_eq!(made.kind_name(), Some(kind.name()));
            match (made.kind.unwrap(), kind) {
                (Kind::Macvlan(found), Kind::Macvlan(asked)) => assert_eq!(found.mode, asked.mode),
                (Kind::Vxlan(found), Kind::Vxlan(asked)) => {
                    let of = |v: &Vxlan| {
                        (
                            v.id,
                            v.remote(),
                            v.local,
                            v.link,
                            v.port,
                            v.port_range,
                            v.learning,
                            v.df,
                        )
                    };
                    assert_eq!(of(&found), of(&asked));
                    assert_eq!(
                        (found.ttl_inherit, found.gbp),
                        (Some(TtlInherit(true)), Some(Present))
                    );
                }
                (found, asked) => assert_eq!(found, asked),
            }
        }
        let data = seen(lab, "vx0")["linkinfo"]["info_data"].clone();
        assert_eq!(
            (&data["id"], &data["port_range"]["low"], &data["df"]),
            (&42.into(), &1000.into(), &"set".into())
        );
        gone(lab, &mut conn, &["ifb7", "vx0", "mv0", "vt0"])
    });
}

/// Vlan, ipvlan, dummy: on kernels that have them.
#[test]
fn kinds_that_not_every_kernel_has() {
    lab(|lab| -> Outcome {
        for (kind, option) in [
            ("vlan", "CONFIG_VLAN_8021Q"),
            ("ipvlan", "CONFIG_IPVLAN"),
            ("dummy", "CONFIG_DUMMY"),
        ] {
            if !lab.has_kind(kind) {
                skip!("{option}: no links of kind {kind}");
            }
        }
        let mut conn = conn();
        let dummy = LinkSpec {
            name: name("du0"),
            kind: Some(Kind::Dummy),
            ..LinkSpec::default()
        };
        let link = conn.add_link(&dummy)?.map(|link| link.index);
        let vlan = Vlan {
            id: Some(5),
            flags: Some(Chosen::default().and(VlanFlags::REORDER_HDR, false)),
            egress_qos: Some(vec![QosMapping { from: 1, to: 2 }]),
            ..Vlan::default()
        };
        let vlan = LinkSpec {
            name: name("vl0"),
            kind: Some(Kind::Vlan(vlan)),
            link,
            ..LinkSpec::default()
        };
        conn.add_link(&vlan)?;
        assert_eq!(seen(lab, "vl0")["linkinfo"]["info_data"]["id"], 5);
        let ipvlan = Ipvlan {
            mode: Some(IpvlanMode::L2),
            ..Ipvlan::default()
        };
        let ipvlan = LinkSpec {
            name: name("iv0"),
            kind: Some(Kind::Ipvlan(ipvlan)),
            link,
            ..LinkSpec::default()
        };
        conn.add_link(&ipvlan)?;
        assert_eq!(seen(lab, "iv0")["linkinfo"]["info_data"]["mode"], "l2");
        gone(lab, &mut conn, &["vl0", "iv0", "du0"])
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
