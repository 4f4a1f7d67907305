//! `bridge`, `brctl`, `ifconfig`.

use crate::check;
use vetch_tests::lab;

#[test]
fn bridges_ports_and_forwarding_entries() {
    check("
        $ ip link add veth0 address 02:00:00:00:00:10 type veth peer name veth1 address 02:00:00:00:00:11
        $ ip link add br0 address 02:00:00:00:00:20 type bridge
        $ ip link set veth0 addrgenmode none master br0 up
        $ ip link set veth1 addrgenmode none up
        $ ip link set br0 addrgenmode none up
        $ ip link add vx0 address 02:00:00:00:00:40 type vxlan id 5 dstport 4789 local 10.0.0.1
        = bridge link
        = bridge -d link
        = bridge -j link
        = bridge -j -d link show dev veth0
        bridge link set dev veth0 cost 5 priority 3 hairpin on learning off flood off isolated on guard on
        bridge link set dev veth0 mcast_flood off bcast_flood off neigh_suppress on
        bridge link set dev veth0 state blocking
        = bridge -d link
        bridge fdb add 02:00:00:00:00:01 dev veth0 master static
        bridge fdb add 02:00:00:00:00:02 dev veth0 master
        bridge fdb add 02:00:00:00:00:03 dev veth0
        bridge fdb add 02:00:00:00:00:06 dev veth0 master dynamic
        bridge fdb add 02:00:00:00:00:07 dev veth0 master extern_learn
        bridge fdb add 02:00:00:00:00:05 dev vx0 dst 10.0.0.9
        bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.10
        bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.11 port 8472 vni 7
        bridge fdb append to 00:00:00:00:00:00 dev vx0 dst 10.0.0.12 via br0
        bridge fdb replace 02:00:00:00:00:05 dev vx0 dst 10.0.0.99
        = bridge fdb show dev vx0
        = bridge -j fdb show dev vx0
        = bridge fdb show br br0 state permanent dev veth0
        = bridge fdb get 02:00:00:00:00:01 dev veth0 master
        = bridge -j fdb get 02:00:00:00:00:01 br br0
        = bridge vlan
        = bridge -j vlan show
        ! bridge fdb add 02:00:00:00:00:01 dev veth0 master static
        ! bridge fdb add zz dev veth0
        ! bridge fdb add 02:00:00:00:00:01
        ! bridge fdb add 02:00:00:00:00:01 dev nosuch
        ! bridge fdb show br nosuch
        ! bridge fdb nonsense
        ! bridge link set dev nosuch cost 4
        ! bridge link set cost 4
        ! bridge link set dev veth0 hairpin maybe
        ! bridge link set dev veth0 state nonsense
        ! bridge link set dev veth1 cost 5
        ! bridge link show dev nosuch
        ! bridge vlan add vid 5000 dev veth0
        ! bridge vlan add vid 5
        ! bridge nonsense
        bridge fdb del 02:00:00:00:00:01 dev veth0 master
        bridge fdb del 02:00:00:00:00:05 dev vx0
        ! bridge fdb del 02:00:00:00:00:01 dev veth0 master
    ");
}

#[test]
fn brctl_as_bridge_utils_has_it() {
    check("
        $ ip link add veth0 address 02:00:00:00:00:10 type veth peer name veth1 address 02:00:00:00:00:11
        brctl addbr br0
        = brctl show
        brctl addif br0 veth0
        brctl addif br0 veth1
        = brctl show
        = brctl show br0
        ! brctl addbr br0
        ! brctl addif br0 veth0
        ! brctl addif nosuch veth0
        ! brctl addif br0 nosuch
        ! brctl addif br0
        ! brctl show nosuch
        ! brctl delbr nosuch
        ! brctl delbr veth0
        ! brctl nonsense
        ! brctl stp br0 maybe
        brctl delif br0 veth1
        ! brctl delif br0 veth1
        brctl delbr br0
    ");
}

/// `brctl` sets these through /sys, which tells of the namespace of the mount: here only ours can be tried.
#[test]
fn brctl_sets_what_a_bridge_has() {
    lab(|lab| {
        for words in [
            "addbr br0",
            "stp br0 on",
            "setfd br0 5",
            "setageing br0 100",
            "sethello br0 3",
            "setmaxage br0 10",
            "setbridgeprio br0 7",
        ] {
            lab.vetch(&format!("brctl {words}")).ok();
        }
        let bridge = &lab.cmd("ip -j -d link show br0").ok().json()[0]["linkinfo"]["info_data"];
        for (key, want) in [
            ("stp_state", 1),
            ("forward_delay", 500),
            ("ageing_time", 10000),
            ("hello_time", 300),
            ("max_age", 1000),
            ("priority", 7),
        ] {
            assert_eq!(bridge[key], want, "{key}");
        }
        lab.vetch("brctl showmacs br0")
            .ok()
            .prints("port no\tmac addr");
        lab.cmd("ip link del br0").ok();
    });
}

#[test]
fn ifconfig_as_net_tools_has_it() {
    check("
        $ ip link add veth0 address 02:00:00:00:00:10 type veth peer name veth1 address 02:00:00:00:00:11
        $ ip link set veth0 addrgenmode none
        $ ip link set veth1 addrgenmode none
        = ifconfig -a
        = ifconfig veth0
        ifconfig veth1 up
        ifconfig veth0 10.20.30.40/24
        ifconfig veth0 10.20.31.41/25
        ifconfig veth0 netmask 255.255.0.0
        ifconfig veth0 broadcast 10.20.31.99
        ifconfig veth0:1 192.168.2.1
        = ifconfig veth0
        = ifconfig veth0:1
        = ifconfig
        = ifconfig -s
        ifconfig veth0:1 down
        ifconfig veth0 192.168.1.1 netmask 255.255.255.0 broadcast 192.168.1.255 up
        ifconfig veth0 mtu 1400
        ifconfig veth0 hw ether 02:00:00:00:00:99
        ifconfig veth0 promisc -arp allmulti
        = ifconfig veth0
        ifconfig veth0 -promisc arp -allmulti
        ifconfig veth0 10.0.0.8 pointopoint 10.0.0.9
        ifconfig veth0 1.2.3.4/8 mtu 1300 up
        ifconfig veth0 1.2.3.4
        ifconfig veth0 1.2.3.4 down
        ifconfig veth0:2 192.168.3.1/24
        ! ifconfig veth0:7 up
        ifconfig veth0 down hw ether 02:00:00:00:00:98 up
        ifconfig veth0 up down
        ifconfig veth0 name eth7
        ! ifconfig eth7 name lo
        ifconfig eth7 name veth0
        ifconfig veth0 0.0.0.0
        ifconfig veth0 down
        ! ifconfig nosuch
        ! ifconfig nosuch up
        ! ifconfig veth0 mtu
        ! ifconfig veth0 mtu abc
        ! ifconfig veth0 mtu 10
        ! ifconfig veth0 hw ether zz
        ! ifconfig veth0 hw ether 03:00:00:00:00:01
        ! ifconfig veth0 300.1.1.1
        ! ifconfig veth0 netmask 255.0.255.0
        ! ifconfig veth0 pointopoint 10.0.0.9
    ");
}
