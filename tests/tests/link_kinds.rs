//! Each kind of link that the kernel has comes back as asked, and as `ip` sees it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "test code: a panic is how a test fails"
)]

use core_netlink::link::*;
use core_netlink::route::Table;
use core_netlink::rule::{RuleSpec, RuleTerms};
use core_netlink::{Be, Conn, Family, IfName, Protocol};
use serde_json::Value;
use std::net::Ipv4Addr;
use vetch_tests::skip::opens_tun;
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
fn a_vrf_and_its_port_come_back_as_asked() {
    lab(|lab| -> Outcome {
        let mut conn = conn();
        let table = Some(Table(100));
        let vrf = LinkSpec {
            name: name("red"),
            kind: Some(Kind::Vrf(Vrf { table })),
            ..LinkSpec::default()
        };
        if !lab.has_kind("vrf") {
            let err = conn.add_link(&vrf).unwrap_err();
            assert!(err.hint().unwrap().ends_with("CONFIG_NET_VRF"), "{err:?}");
            skip!("CONFIG_NET_VRF: no links of kind vrf");
        }
        let red = conn.add_link(&vrf)?.unwrap();
        assert_eq!(red.kind, vrf.kind);
        let made = conn.add_link(&LinkSpec {
            master: Some(red.index),
            ..veth("vt0", "vt1")
        })?;
        assert_eq!(made.unwrap().slave, Some(Slave::Vrf(VrfPort { table })));
        let [red, vt0] = ["red", "vt0"].map(|dev| seen(lab, dev)["linkinfo"].clone());
        assert_eq!(red["info_data"]["table"], 100);
        assert_eq!(vt0["info_slave_data"]["table"], 100);
        for family in [Family::V4, Family::V6] {
            let terms = RuleTerms {
                priority: Some(1000),
                l3mdev: Some(true),
                ..RuleTerms::default()
            };
            conn.delete_rule(&RuleSpec {
                family: Some(family),
                terms,
                ..RuleSpec::default()
            })?;
        }
        gone(lab, &mut conn, &["vt0", "red"])
    });
}

/// The tap is made in the namespace of the thread, which is the lab's.
#[test]
fn a_tap_that_stays_is_what_ip_makes() {
    lab(|lab| -> Outcome {
        if !opens_tun() {
            skip!("root: /dev/net/tun cannot be opened");
        }
        let mut conn = conn();
        let spec = TapSpec {
            name: name("tap0"),
            owner: Some(0),
            group: Some(0),
            multi_queue: true,
            vnet_hdr: true,
        };
        assert_eq!(add_tap(&spec)?, "tap0".parse()?);
        let ours = seen(lab, "tap0")["linkinfo"].clone();
        let Some(Kind::Tun(found)) = conn.get_link("tap0".parse::<LinkRef>()?)?.kind else {
            panic!()
        };
        let tap = Tun {
            owner: Some(0),
            group: Some(0),
            mode: Some(TunMode::Tap),
            pi: Some(false),
            vnet_hdr: Some(true),
            persist: Some(true),
            multi_queue: Some(true),
            queues: Some(0),
            disabled_queues: Some(0),
        };
        assert_eq!(found, tap);
        let err = add_tap(&spec).unwrap_err();
        assert!(err.is_busy() && err.hint().is_some(), "{err:?}");
        conn.delete_link("tap0".parse::<LinkRef>()?)?;
        lab.cmd("ip tuntap add dev tap0 mode tap user 0 group 0 multi_queue vnet_hdr")
            .ok();
        assert_eq!(seen(lab, "tap0")["linkinfo"], ours);
        let unnamed = add_tap(&TapSpec::default())?;
        assert_eq!(unnamed, "tap1".parse()?);
        let kind = conn.get_link(unnamed)?.kind;
        let Some(Kind::Tun(found)) = kind else {
            panic!("{kind:?}")
        };
        assert_eq!((found.owner, found.multi_queue), (None, Some(false)));
        gone(lab, &mut conn, &["tap0", "tap1"])
    });
}

/// A user namespace knows few numbers: the tap it cannot give away is not left.
#[test]
fn a_tap_that_cannot_be_given_away_is_not_left() {
    lab(|lab| -> Outcome {
        if !opens_tun() {
            skip!("root: /dev/net/tun cannot be opened");
        }
        let owner = Some(u32::MAX - 1);
        let made = add_tap(&TapSpec {
            name: name("tap0"),
            owner,
            ..TapSpec::default()
        });
        match made {
            Ok(_) => conn().delete_link("tap0".parse::<LinkRef>()?)?, // the first user namespace knows all
            Err(err) => assert!(err.hint().unwrap().contains("user namespace"), "{err:?}"),
        }
        assert!(lab.difference().is_empty());
        Ok(())
    });
}
