//! Links against real bytes: what `ip` 6.1.0 sends, and what Linux 6.18 reports (`tests/*.hex`).

use super::*;
use crate::attr::{Attrs, Writer};
use crate::fake::Reply;
use crate::testing::{body, check_cuts, decode, hex, sorted};
use crate::{Be, Conn, HwAddr, IfIndex, IfName, MacAddr, Request};
use proptest::prelude::*;
use std::net::Ipv4Addr;

fn name(text: &str) -> Option<IfName> {
    Some(text.parse().unwrap())
}

fn link(name_: &str, kind: Kind, lower: Option<u32>) -> LinkSpec {
    LinkSpec {
        name: name(name_),
        kind: Some(kind),
        link: lower.map(IfIndex),
        ..LinkSpec::default()
    }
}

/// The message by its attributes, sorted; the data of the kind as well.
fn taken_apart(bytes: &[u8]) -> Vec<String> {
    let mut rows = sorted::<16>(bytes);
    rows.retain(|row| !row.starts_with("18: "));
    let (_, attrs) = bytes.split_at(16);
    if let Some(info) = Attrs::new(attrs).find(ifla::LINKINFO).unwrap() {
        rows.extend(info.nested().flatten().flat_map(|attr| match attr.kind {
            info::KIND => vec![attr.text()],
            _ if attr.nested().all(|inner| inner.is_ok()) => sorted::<0>(attr.value),
            _ => panic!("{attr:?}"),
        }));
    }
    rows
}

#[track_caller]
fn check_sent(spec: &LinkSpec, words: &str) {
    let sent = body(&AddLink(spec));
    assert_eq!(AddLink(spec).check(), Ok(()));
    assert_eq!(taken_apart(&sent), taken_apart(&hex(words)));
}

#[test]
fn a_pair_is_asked_for_as_ip_does() {
    let peer = LinkSpec {
        name: name("veth1"),
        ..LinkSpec::default()
    };
    let spec = LinkSpec {
        mtu: Some(1400),
        master: Some(IfIndex(2)),
        tx_queues: Some(1),
        rx_queues: Some(1),
        ..link("veth0", Kind::veth(peer), None)
    };
    check_sent(
        &spec,
        "00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        08 00 04 00  78 05 00 00 # IFLA_MTU 1400
        08 00 1f 00  01 00 00 00 # IFLA_NUM_TX_QUEUES
        08 00 20 00  01 00 00 00 # IFLA_NUM_RX_QUEUES
        08 00 0a 00  02 00 00 00 # IFLA_MASTER
        0a 00 03 00  76 65 74 68 30 00 00 00 # IFLA_IFNAME
        30 00 12 00 # IFLA_LINKINFO
            08 00 01 00  76 65 74 68 # IFLA_INFO_KIND
            24 00 02 00 # IFLA_INFO_DATA
                20 00 01 00 # VETH_INFO_PEER
                    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # struct ifinfomsg
                    0a 00 03 00  76 65 74 68 31 00 00 00 # IFLA_IFNAME",
    );
}

#[test]
fn a_bridge_is_asked_for_as_ip_does() {
    let bridge = Bridge {
        forward_delay: Some(400),
        stp_state: Some(1),
        vlan_filtering: Some(false),
        vlan_default_pvid: Some(1),
        nf_call_iptables: Some(false),
        options: Some(Chosen::default().and(BridgeOptions::NO_LINKLOCAL_LEARN, true)),
        ..Bridge::default()
    };
    check_sent(
        &link("br1", Kind::Bridge(bridge), None),
        "00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        08 00 03 00  62 72 31 00 # IFLA_IFNAME
        48 00 12 00 # IFLA_LINKINFO
            0a 00 01 00  62 72 69 64 67 65 00 00 # IFLA_INFO_KIND
            38 00 02 00 # IFLA_INFO_DATA
                08 00 05 00  01 00 00 00 # IFLA_BR_STP_STATE
                08 00 01 00  90 01 00 00 # IFLA_BR_FORWARD_DELAY 400
                06 00 27 00  01 00 00 00 # IFLA_BR_VLAN_DEFAULT_PVID
                05 00 24 00  00 00 00 00 # IFLA_BR_NF_CALL_IPTABLES
                05 00 07 00  00 00 00 00 # IFLA_BR_VLAN_FILTERING
                0c 00 2e 00  01 00 00 00 01 00 00 00 # IFLA_BR_MULTI_BOOLOPT",
    );
}

#[test]
fn a_vxlan_is_asked_for_as_ip_does() {
    let vxlan = Vxlan {
        id: Some(42.try_into().unwrap()),
        local: Some(Ipv4Addr::new(10, 0, 0, 1)),
        group: Some(Ipv4Addr::new(10, 0, 0, 2)),
        ttl: Some(7),
        port: Some(Be(4789)),
        port_range: Some(PortRange {
            low: 1000,
            high: 2000,
        }),
        learning: Some(false),
        udp_csum: Some(true),
        gbp: Some(Present),
        ..Vxlan::default()
    };
    check_sent(
        &link("vx0", Kind::Vxlan(vxlan), None),
        "00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        08 00 03 00  76 78 30 00 # IFLA_IFNAME
        58 00 12 00 # IFLA_LINKINFO
            09 00 01 00  76 78 6c 61 6e 00 00 00 # IFLA_INFO_KIND
            48 00 02 00 # IFLA_INFO_DATA
                08 00 0a 00  03 e8 07 d0 # IFLA_VXLAN_PORT_RANGE 1000 2000, big-endian
                05 00 05 00  07 00 00 00 # IFLA_VXLAN_TTL
                05 00 12 00  01 00 00 00 # IFLA_VXLAN_UDP_CSUM
                04 00 17 00              # IFLA_VXLAN_GBP, a flag
                08 00 01 00  2a 00 00 00 # IFLA_VXLAN_ID
                08 00 04 00  0a 00 00 01 # IFLA_VXLAN_LOCAL
                08 00 02 00  0a 00 00 02 # IFLA_VXLAN_GROUP
                05 00 07 00  00 00 00 00 # IFLA_VXLAN_LEARNING
                06 00 0f 00  12 b5 00 00 # IFLA_VXLAN_PORT 4789, big-endian",
    );
}

#[test]
fn links_on_links_are_asked_for_as_ip_does() {
    let macvlan = Macvlan {
        mode: Some(MacvlanMode::Bridge),
        ..Macvlan::default()
    };
    check_sent(
        &link("mv0", Kind::Macvlan(macvlan), Some(3)),
        "00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        08 00 05 00  03 00 00 00 # IFLA_LINK
        08 00 03 00  6d 76 30 00 # IFLA_IFNAME
        1c 00 12 00 # IFLA_LINKINFO
            0b 00 01 00  6d 61 63 76 6c 61 6e 00 # IFLA_INFO_KIND
            0c 00 02 00 # IFLA_INFO_DATA
                08 00 01 00  04 00 00 00 # IFLA_MACVLAN_MODE bridge",
    );
    let vlan = Vlan {
        id: Some(5),
        flags: Some(Chosen::default().and(VlanFlags::GVRP, true)),
        egress_qos: Some(vec![
            QosMapping { from: 1, to: 2 },
            QosMapping { from: 3, to: 4 },
        ]),
        ..Vlan::default()
    };
    check_sent(
        &link("vl5", Kind::Vlan(vlan), Some(3)),
        "00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        08 00 05 00  03 00 00 00 # IFLA_LINK
        08 00 03 00  76 6c 35 00 # IFLA_IFNAME
        40 00 12 00 # IFLA_LINKINFO
            08 00 01 00  76 6c 61 6e # IFLA_INFO_KIND
            34 00 02 00 # IFLA_INFO_DATA
                06 00 01 00  05 00 00 00 # IFLA_VLAN_ID
                1c 00 03 00 # IFLA_VLAN_EGRESS_QOS
                    0c 00 01 00  01 00 00 00 02 00 00 00 # 1 to 2
                    0c 00 01 00  03 00 00 00 04 00 00 00 # 3 to 4
                0c 00 02 00  02 00 00 00 02 00 00 00 # IFLA_VLAN_FLAGS gvrp, of gvrp",
    );
    let ipvlan = Ipvlan {
        mode: Some(IpvlanMode::L3),
        flags: Some(IpvlanFlags::PRIVATE),
    };
    check_sent(
        &link("iv0", Kind::Ipvlan(ipvlan), Some(3)),
        "00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        08 00 05 00  03 00 00 00 # IFLA_LINK
        08 00 03 00  69 76 30 00 # IFLA_IFNAME
        24 00 12 00 # IFLA_LINKINFO
            0a 00 01 00  69 70 76 6c 61 6e 00 00 # IFLA_INFO_KIND
            14 00 02 00 # IFLA_INFO_DATA
                06 00 01 00  01 00 00 00 # IFLA_IPVLAN_MODE l3
                06 00 02 00  01 00 00 00 # IFLA_IPVLAN_FLAGS private",
    );
    check_sent(
        &link("du0", Kind::Dummy, None),
        "00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        08 00 03 00  64 75 30 00 # IFLA_IFNAME
        10 00 12 00 # IFLA_LINKINFO
            09 00 01 00  64 75 6d 6d 79 00 00 00 # IFLA_INFO_KIND",
    );
}

#[test]
fn changes_are_sent_as_ip_does() {
    let port = BridgePort {
        isolated: Some(true),
        ..BridgePort::default()
    };
    let request = SetBridgePort {
        link: IfIndex(4),
        port: &port,
    };
    #[rustfmt::skip]
    assert_eq!(body(&request), hex("
        07 00 00 00  04 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg, AF_BRIDGE
        0c 00 0c 80 # IFLA_PROTINFO, nested
            05 00 21 00  01 00 00 00 # IFLA_BRPORT_ISOLATED
    "));
    let names = ["long-name-of-veth-number-0".parse().unwrap()];
    let request = ChangeAltNames {
        link: IfIndex(4).into(),
        names: &names,
        delete: false,
    };
    #[rustfmt::skip]
    assert_eq!(body(&request), hex("
        00 00 00 00  04 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        24 00 34 80 # IFLA_PROP_LIST, nested
            1f 00 35 00  6c 6f 6e 67 2d 6e 61 6d 65 2d 6f 66 2d 76 65 74 68 2d 6e 75 6d 62 65 72 2d 30 00 00 # IFLA_ALT_IFNAME
    "));
    let inet6 = Some(Inet6 {
        addr_gen_mode: Some(AddrGenMode::None),
        ..Inet6::default()
    });
    let change = LinkSpec {
        inet6,
        ..LinkSpec::default()
    };
    #[rustfmt::skip]
    assert_eq!(body(&SetLink::new(IfIndex(4), &change)), hex("
        00 00 00 00  04 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        10 00 1a 00 # IFLA_AF_SPEC
            0c 00 0a 00 # AF_INET6
                05 00 08 00  01 00 00 00 # IFLA_INET6_ADDR_GEN_MODE none
    "));
    let ipv4 = Some(Ipv4Conf {
        forwarding: Some(1),
        ..Ipv4Conf::default()
    });
    let change = LinkSpec {
        ipv4,
        up: Some(false),
        ..LinkSpec::default()
    };
    #[rustfmt::skip]
    assert_eq!(body(&SetLink::new("vt0".parse::<LinkRef>().unwrap(), &change)), hex("
        00 00 00 00  00 00 00 00  00 00 00 00  01 00 00 00 # struct ifinfomsg, IFF_UP meant and off
        08 00 03 00  76 74 30 00 # IFLA_IFNAME
        14 00 1a 00 # IFLA_AF_SPEC
            10 00 02 00 # AF_INET
                0c 00 01 00 # IFLA_INET_CONF
                    08 00 01 00  01 00 00 00 # IPV4_DEVCONF_FORWARDING
    "));
}

#[test]
fn a_port_is_read_as_ip_shows_it() {
    let bytes = hex(include_str!("tests/vt0.hex"));
    let found: Link = decode(rtm::NEWLINK, &bytes);
    let address = HwAddr::from(MacAddr([2, 0, 0, 0, 0, 2]));
    assert_eq!(
        (found.index, found.name),
        (IfIndex(4), "vt0".parse().unwrap())
    );
    assert_eq!(
        (found.address, found.mtu, found.link),
        (Some(address), Some(1500), Some(IfIndex(3)))
    );
    assert_eq!(
        (found.min_mtu, found.max_mtu, found.group),
        (Some(68), Some(65535), Some(7))
    );
    assert_eq!(
        (found.master, found.operstate, found.link_type),
        (Some(IfIndex(2)), OperState::Up, LinkType::Ether)
    );
    assert_eq!(
        (found.qdisc.as_deref(), found.txqlen),
        (Some("noqueue"), Some(1000))
    );
    assert_eq!(
        (found.promiscuity, found.allmulti, found.carrier),
        (Some(1), Some(1), Some(true))
    );
    assert_eq!(
        (found.gso_max_size, found.tso_max_size),
        (Some(65536), Some(524_280))
    );
    assert_eq!(
        found.flags.names().collect::<Vec<_>>(),
        ["BROADCAST", "MULTICAST", "UP", "LOWER_UP", "RUNNING"]
    );
    assert_eq!(found.alias.as_deref(), Some("vetch:blue:web:eth0"));
    assert_eq!(
        found.altnames,
        ["a-name-of-more-than-15-bytes".parse().unwrap()]
    );
    assert!(!found.has_xdp() && found.is_up() && found.is_running());
    let stats = found.stats.unwrap();
    assert_eq!(
        (
            stats.rx_packets,
            stats.tx_packets,
            stats.rx_bytes,
            stats.rx_otherhost_dropped
        ),
        (2, 2, 176, 0)
    );
    let Some(Slave::Bridge(port)) = found.slave else {
        panic!()
    };
    assert_eq!(
        (port.state, port.priority, port.cost),
        (Some(PortState::Forwarding), Some(32), Some(2))
    );
    assert_eq!(
        (port.isolated, port.id, port.number),
        (Some(true), Some(0x8001), Some(1))
    );
    assert_eq!(port.root_id.unwrap().to_string(), "8000.2:0:0:0:0:1");
    let (ipv4, inet6) = (found.ipv4.unwrap(), found.inet6.unwrap());
    assert_eq!(
        (
            ipv4.forwarding,
            ipv4.accept_redirects,
            ipv4.arp_evict_nocarrier
        ),
        (Some(0), Some(1), Some(1))
    );
    assert_eq!(
        (inet6.addr_gen_mode, inet6.token),
        (Some(AddrGenMode::Eui64), None)
    );
    let conf = inet6.conf.unwrap();
    assert_eq!(
        (conf.hop_limit, conf.disable_ipv6, conf.accept_dad),
        (Some(64), Some(0), Some(1))
    );
    check_cuts::<Link, 16>(rtm::NEWLINK, &bytes);
}

#[test]
fn a_bridge_is_read_as_ip_shows_it() {
    let bytes = hex(include_str!("tests/br0.hex"));
    let found: Link = decode(rtm::NEWLINK, &bytes);
    let Some(Kind::Bridge(bridge)) = found.kind else {
        panic!()
    };
    assert_eq!(
        (bridge.forward_delay, bridge.ageing_time, bridge.stp_state),
        (Some(400), Some(30_000), Some(0))
    );
    assert_eq!(
        (bridge.priority, bridge.mcast_hash_max, bridge.mcast_router),
        (Some(32768), Some(4096), Some(McastRouter::Learned))
    );
    assert_eq!(
        (bridge.mcast_query_interval, bridge.fdb_max_learned),
        (Some(12_500), Some(0))
    );
    assert_eq!(
        bridge.options.unwrap().flags,
        BridgeOptions::NO_LINKLOCAL_LEARN
    );
    assert_eq!(bridge.bridge_id, bridge.root_id);
    check_cuts::<Link, 16>(rtm::NEWLINK, &bytes);
}

#[test]
fn vxlan_and_macvlan_are_read_as_ip_shows_them() {
    let bytes = hex(include_str!("tests/vx0.hex"));
    let found: Link = decode(rtm::NEWLINK, &bytes);
    let Some(Kind::Vxlan(vxlan)) = found.kind else {
        panic!()
    };
    assert_eq!(
        (vxlan.id, vxlan.port),
        (Some(42.try_into().unwrap()), Some(Be(4789)))
    );
    assert_eq!(
        (vxlan.remote(), vxlan.local_address()),
        (Some([10, 0, 0, 2].into()), Some([10, 0, 0, 1].into()))
    );
    assert_eq!(
        vxlan.port_range,
        Some(PortRange {
            low: 1000,
            high: 2000
        })
    );
    assert_eq!(
        (vxlan.ttl, vxlan.ttl_inherit, vxlan.gbp),
        (Some(0), Some(TtlInherit(true)), Some(Present))
    );
    assert_eq!(
        (vxlan.df, vxlan.learning, vxlan.ageing),
        (Some(DontFragment::Set), Some(false), Some(300))
    );
    check_cuts::<Link, 16>(rtm::NEWLINK, &bytes);
    let bytes = hex(include_str!("tests/mv0.hex"));
    let found: Link = decode(rtm::NEWLINK, &bytes);
    let Some(Kind::Macvlan(macvlan)) = found.kind else {
        panic!()
    };
    assert_eq!(
        (macvlan.mode, macvlan.bc_queue_len),
        (Some(MacvlanMode::Bridge), Some(1000))
    );
    check_cuts::<Link, 16>(rtm::NEWLINK, &bytes);
}

#[test]
fn an_unknown_kind_is_kept_as_it_came() {
    #[rustfmt::skip]
    let bytes = hex("
        00 00 01 00  04 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        08 00 03 00  77 67 30 00 # IFLA_IFNAME
        20 00 12 00 # IFLA_LINKINFO
            0e 00 01 00  77 69 72 65 67 75 61 72 64 00 00 00 # IFLA_INFO_KIND
            0c 00 02 00 # IFLA_INFO_DATA
                08 00 01 00  07 00 00 00 # 1
    ");
    let found: Link = decode(rtm::NEWLINK, &bytes);
    let data = hex("08 00 01 00 07 00 00 00");
    let kind = Kind::Other {
        name: "wireguard".to_owned(),
        data,
    };
    assert_eq!(found.kind, Some(kind.clone()));
    let mut again = Vec::new();
    kind.encode(&mut Writer::new(&mut again));
    assert_eq!(sorted::<0>(&again)[2], "2: 0800010007000000");
}

#[test]
fn what_the_kernel_would_drop_or_misread_is_refused() {
    let refused = |spec: LinkSpec| AddLink(&spec).check().unwrap_err();
    let change_refused = |spec: LinkSpec| SetLink::new(IfIndex(4), &spec).check().unwrap_err();
    let peer = LinkSpec {
        up: Some(true),
        ..LinkSpec::default()
    };
    assert!(refused(link("a", Kind::veth(peer), None)).contains("only the first end"));
    let peer = LinkSpec {
        alias: Some("x".to_owned()),
        ..LinkSpec::default()
    };
    assert!(refused(link("a", Kind::veth(peer), None)).starts_with("peer: alias"));
    assert_eq!(refused(LinkSpec::default()), "no kind is given");
    assert!(refused(link("a", Kind::Vlan(Vlan::default()), Some(1))).contains("needs an id"));
    let vlan = Vlan {
        id: Some(4095),
        ..Vlan::default()
    };
    assert!(refused(link("a", Kind::Vlan(vlan), Some(1))).contains("4095"));
    assert!(refused(link("a", Kind::Macvlan(Macvlan::default()), None)).contains("built on"));
    assert!(refused(link("a", Kind::Vxlan(Vxlan::default()), None)).contains("needs an id"));
    let address = Some(MacAddr([1, 0, 0, 0, 0, 1]).into());
    assert!(
        change_refused(LinkSpec {
            address,
            ..LinkSpec::default()
        })
        .contains("names a group")
    );
    let alias = Some("x".repeat(256));
    assert!(
        change_refused(LinkSpec {
            alias,
            ..LinkSpec::default()
        })
        .contains("256 bytes")
    );
    assert!(
        change_refused(LinkSpec {
            tx_queues: Some(2),
            ..LinkSpec::default()
        })
        .contains("tx_queues")
    );
    let rename = LinkSpec {
        name: name("b"),
        ..LinkSpec::default()
    };
    assert!(
        SetLink::new("a".parse::<LinkRef>().unwrap(), &rename)
            .check()
            .is_err()
    );
    assert!(DeleteLink(IfIndex(0).into()).check().is_err());
    assert!(DeleteGroup(0).check().is_err());
    assert!("".parse::<AltName>().is_err() && "a/b".parse::<AltName>().is_err());
    assert!("x".repeat(128).parse::<LinkRef>().is_err());
}

#[test]
fn requests_say_what_they_are_about() {
    let what = |change: LinkSpec| SetLink::new("veth0".parse::<LinkRef>().unwrap(), &change).what();
    let up = LinkSpec {
        up: Some(true),
        ..LinkSpec::default()
    };
    assert_eq!(what(up), "set link `veth0` up");
    let mtu = LinkSpec {
        mtu: Some(1),
        master: Some(IfIndex(2)),
        ..LinkSpec::default()
    };
    assert_eq!(what(mtu), "set mtu, master of link `veth0`");
    let netns = LinkSpec {
        netns: Some(Netns::Pid(7)),
        ..LinkSpec::default()
    };
    assert_eq!(
        what(netns),
        "move link `veth0` to the namespace of process 7"
    );
    assert_eq!(
        AddLink(&link("br0", Kind::Ifb, None)).what(),
        "add link `br0`"
    );
}

/// A kernel that refuses message number `fails`, and what it was told.
fn add_against(fails: usize) -> (crate::Result<Option<Link>>, Vec<u16>) {
    let (tell, told) = std::sync::mpsc::channel();
    let mut count = 0;
    let mut conn = Conn::fake(move |sent| {
        tell.send(sent.kind).unwrap();
        count += 1;
        let link = vec![(rtm::NEWLINK, hex(include_str!("tests/vt0.hex")))];
        match sent.kind {
            _ if count == fails => Reply::Errno(95),
            rtm::GETLINK => Reply::Records(link),
            rtm::NEWLINK if count == 1 => Reply::Records(link),
            _ => Reply::Ack,
        }
    });
    let spec = LinkSpec {
        alias: Some("mine".to_owned()),
        altnames: vec!["another-name".parse().unwrap()],
        up: Some(true),
        ..link("vt0", Kind::Ifb, None)
    };
    let made = conn.add_link(&spec);
    drop(conn);
    (made, told.iter().collect())
}

#[test]
fn a_new_link_is_whole_or_gone() {
    let whole = [
        rtm::NEWLINK,
        rtm::NEWLINK,
        rtm::NEWLINKPROP,
        rtm::NEWLINK,
        rtm::GETLINK,
    ];
    let (made, told) = add_against(0);
    assert_eq!(
        (made.unwrap().unwrap().index, told),
        (IfIndex(4), whole.to_vec())
    );
    for fails in 1..=whole.len() {
        let (made, told) = add_against(fails);
        let mut want = whole[..fails].to_vec();
        want.extend((fails > 1).then_some(rtm::DELLINK));
        assert!(made.unwrap_err().is_unsupported());
        assert_eq!(told, want, "message {fails} fails");
    }
}

#[test]
fn a_kernel_that_does_not_echo_is_asked() {
    let mut conn = Conn::fake(|sent| match sent.kind {
        rtm::NEWLINK => Reply::Ack,
        _ => Reply::Records(vec![(rtm::NEWLINK, hex(include_str!("tests/br0.hex")))]),
    });
    let made = conn.add_link(&link("br0", Kind::Ifb, None)).unwrap();
    assert_eq!(made.unwrap().index, IfIndex(2));
    let nameless = LinkSpec {
        name: None,
        ..link("x", Kind::Ifb, None)
    };
    assert_eq!(conn.add_link(&nameless).unwrap(), None);
}

/// Attributes of any number with any bytes, as the data of every kind.
fn any_data() -> impl Strategy<Value = Vec<u8>> {
    let attrs = prop::collection::vec((0u16..60, prop::collection::vec(any::<u8>(), 0..24)), 0..20);
    attrs.prop_map(|attrs| {
        let mut bytes = Vec::new();
        let mut w = Writer::new(&mut bytes);
        for (kind, value) in attrs {
            w.bytes(kind, &value);
        }
        bytes
    })
}

fn written(kind: &Kind) -> Vec<u8> {
    let mut bytes = Vec::new();
    kind.encode(&mut Writer::new(&mut bytes));
    bytes
}

/// The data as one would read it back; nothing if it is empty.
fn data(bytes: &[u8]) -> Attrs<'_> {
    let found = Attrs::new(bytes).find(info::DATA).unwrap();
    found.map_or(Attrs::new(&[]), |data| data.nested())
}

const KINDS: [&str; 10] = [
    "veth", "bridge", "vlan", "macvlan", "macvtap", "ipvlan", "vxlan", "dummy", "ifb", "other",
];

proptest! {
    #[test]
    fn what_is_read_is_written_and_read_again(bytes in any_data()) {
        for name in KINDS {
            let Ok(kind) = Kind::read(name, Attrs::new(&bytes)) else { continue };
            let once = written(&kind);
            let again = Kind::read(name, data(&once)).unwrap();
            prop_assert_eq!(kind.name(), name);
            prop_assert_eq!(written(&again), once);
        }
        if let Ok(slave) = Slave::read("bridge", Attrs::new(&bytes)) {
            let mut once = Vec::new();
            slave.encode(&mut Writer::new(&mut once));
            let inside = Attrs::new(&once).find(info::SLAVE_DATA).unwrap();
            let again = Slave::read("bridge", inside.map_or(Attrs::new(&[]), |data| data.nested())).unwrap();
            prop_assert_eq!(again, slave);
        }
    }

    #[test]
    fn what_is_asked_is_what_would_be_found(mtu: u32, group: u32, mac: [u8; 6], txqlen: u32, master: u32, size: u32, mode in 0u8..4) {
        let spec = LinkSpec {
            mtu: Some(mtu), group: Some(group), txqlen: Some(txqlen), master: Some(IfIndex(master)), gso_max_size: Some(size),
            gro_ipv4_max_size: Some(size), address: Some(MacAddr(mac).into()), link_mode: Some(mode.into()),
            alias: Some(format!("{mtu}")), protodown: Some(mode == 0), ..link("x0", Kind::Dummy, Some(size))
        };
        let found: Link = decode(rtm::NEWLINK, &body(&AddLink(&spec)));
        prop_assert_eq!((found.mtu, found.group, found.txqlen, found.master), (spec.mtu, spec.group, spec.txqlen, spec.master));
        prop_assert_eq!((found.gso_max_size, found.gro_ipv4_max_size), (spec.gso_max_size, spec.gro_ipv4_max_size));
        prop_assert_eq!((found.address, found.link, found.kind), (spec.address, spec.link, spec.kind));
        prop_assert_eq!((found.alias, found.protodown, found.link_mode), (spec.alias, spec.protodown, spec.link_mode));
    }

    #[test]
    fn no_message_makes_the_reader_panic(at in 0usize..1400, byte: u8, tail in prop::collection::vec(any::<u8>(), 0..200)) {
        for text in [include_str!("tests/vt0.hex"), include_str!("tests/br0.hex"), include_str!("tests/vx0.hex")] {
            let mut bytes = hex(text);
            let place = at % bytes.len();
            bytes[place] = byte;
            let _ = <Link as crate::Record>::decode(rtm::NEWLINK, &bytes);
            bytes.truncate(place);
            bytes.extend_from_slice(&tail);
            let _ = <Link as crate::Record>::decode(rtm::NEWLINK, &bytes);
        }
    }
}
