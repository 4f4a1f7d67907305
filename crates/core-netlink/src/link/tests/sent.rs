//! What is sent is what `ip` 6.1.0 sends.

use super::*;
use crate::attr::Attrs;
use crate::testing::{body, hex, sorted};
use crate::{Be, Request};
use std::net::Ipv4Addr;

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
fn kinds_with_little_to_say_are_asked_for_as_ip_does() {
    let table = Some(crate::route::Table(100));
    check_sent(
        &link("red", Kind::Vrf(Vrf { table }), None),
        "00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        08 00 03 00  72 65 64 00 # IFLA_IFNAME
        18 00 12 00 # IFLA_LINKINFO
            07 00 01 00  76 72 66 00 # IFLA_INFO_KIND
            0c 00 02 00 # IFLA_INFO_DATA
                08 00 01 00  64 00 00 00 # IFLA_VRF_TABLE 100",
    );
    check_sent(
        &link("ifb7", Kind::Ifb, None),
        "00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        09 00 03 00  69 66 62 37 00 00 00 00 # IFLA_IFNAME
        0c 00 12 00 # IFLA_LINKINFO
            07 00 01 00  69 66 62 00 # IFLA_INFO_KIND",
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
