//! What Linux 6.18 reports is read as `ip` shows it.

use super::*;
use crate::attr::Writer;
use crate::testing::{check_cuts, decode, hex, sorted};
use crate::{Be, HwAddr, MacAddr};

#[test]
fn a_port_is_read_as_ip_shows_it() {
    let bytes = hex(include_str!("vt0.hex"));
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
    check_cuts::<Link, 16>(rtm::NEWLINK, &bytes);
}

#[test]
fn counters_port_and_sysctls_are_read_as_ip_shows_them() {
    let found: Link = decode(rtm::NEWLINK, &hex(include_str!("vt0.hex")));
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
}

#[test]
fn a_bridge_is_read_as_ip_shows_it() {
    let bytes = hex(include_str!("br0.hex"));
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
    let bytes = hex(include_str!("vx0.hex"));
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
    let bytes = hex(include_str!("mv0.hex"));
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

/// `ip tuntap add dev tap9 mode tap user 1000 group 7 multi_queue vnet_hdr`, of all attributes only those of the kind.
#[test]
fn a_tap_is_read_as_ip_shows_it() {
    #[rustfmt::skip]
    let bytes = hex("
        00 00 01 00  02 00 00 00  02 10 00 00  00 00 00 00 # struct ifinfomsg
        09 00 03 00  74 61 70 39 00 00 00 00 # IFLA_IFNAME
        58 00 12 00 # IFLA_LINKINFO
            08 00 01 00  74 75 6e 00 # IFLA_INFO_KIND
            4c 00 02 00 # IFLA_INFO_DATA
                05 00 03 00  02 00 00 00 # IFLA_TUN_TYPE
                08 00 01 00  e8 03 00 00 # IFLA_TUN_OWNER 1000
                08 00 02 00  07 00 00 00 # IFLA_TUN_GROUP 7
                05 00 04 00  00 00 00 00 # IFLA_TUN_PI
                05 00 05 00  01 00 00 00 # IFLA_TUN_VNET_HDR
                05 00 06 00  01 00 00 00 # IFLA_TUN_PERSIST
                05 00 07 00  01 00 00 00 # IFLA_TUN_MULTI_QUEUE
                08 00 08 00  00 00 00 00 # IFLA_TUN_NUM_QUEUES
                08 00 09 00  00 00 00 00 # IFLA_TUN_NUM_DISABLED_QUEUES
    ");
    let found: Link = decode(rtm::NEWLINK, &bytes);
    let tap = Tun {
        owner: Some(1000),
        group: Some(7),
        mode: Some(TunMode::Tap),
        pi: Some(false),
        vnet_hdr: Some(true),
        persist: Some(true),
        multi_queue: Some(true),
        queues: Some(0),
        disabled_queues: Some(0),
    };
    assert_eq!(found.kind, Some(Kind::Tun(tap)));
    check_cuts::<Link, 16>(rtm::NEWLINK, &bytes);
}

/// Written by linux/if_link.h: this kernel has no vrf.
#[test]
fn a_vrf_and_its_port_are_read() {
    #[rustfmt::skip]
    let bytes = hex("
        00 00 01 00  05 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
        2c 00 12 00 # IFLA_LINKINFO
            08 00 01 00  76 72 66 00 # IFLA_INFO_KIND
            0c 00 02 00  08 00 01 00  64 00 00 00 # IFLA_INFO_DATA: IFLA_VRF_TABLE 100
            08 00 04 00  76 72 66 00 # IFLA_INFO_SLAVE_KIND
            0c 00 05 00  08 00 01 00  65 00 00 00 # IFLA_INFO_SLAVE_DATA: IFLA_VRF_PORT_TABLE 101
    ");
    let found: Link = decode(rtm::NEWLINK, &bytes);
    let table = |number| Some(crate::route::Table(number));
    assert_eq!(found.kind, Some(Kind::Vrf(Vrf { table: table(100) })));
    let port = VrfPort { table: table(101) };
    assert_eq!(found.slave, Some(Slave::Vrf(port)));
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
