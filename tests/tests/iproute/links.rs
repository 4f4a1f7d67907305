//! `ip link`: made, changed, refused, printed.

use crate::check;
use vetch_tests::skip;
use vetch_tests::skip::opens_tun;

#[test]
fn links_are_made_changed_and_deleted() {
    check("
        ip link add veth0 address 02:00:00:00:00:10 type veth peer name veth1 address 02:00:00:00:00:11
        ip link add br0 type bridge
        ip link add name br1 mtu 1400 address 02:00:00:00:00:20 type bridge stp_state 1 forward_delay 400 ageing_time 100 priority 7
        ip link add link veth1 name mv0 address 02:00:00:00:00:30 type macvlan mode bridge
        ip link add vx0 address 02:00:00:00:00:40 type vxlan id 42 dstport 4789 local 10.0.0.1 remote 10.0.0.2 ttl 5 nolearning
        ip link add ifb7 type ifb
        ip link add p0 numtxqueues 3 numrxqueues 2 txqueuelen 77 type veth peer p1
        ip link set veth0 master br0
        ip link set dev veth0 up
        ip link set veth1 up mtu 1400 promisc on
        ip link set veth1 promisc off multicast off allmulticast on arp off
        ip link set veth0 alias hello
        ip link set veth0 group 5
        ip link set veth0 txqueuelen 99
        ip link set veth0 addrgenmode none
        ip link set veth1 name renamed
        ip link set renamed address 02:00:00:00:00:99
        ip link set br1 type bridge stp_state 0 max_age 1000 mcast_snooping 0
        ip link set veth0 type bridge_slave cost 7 hairpin on
        ip link set veth0 nomaster
        ip link set group 5 mtu 1300
        ip link property add dev br0 altname the-long-name-of-a-bridge
        ip link set the-long-name-of-a-bridge up
        ip link property del dev br0 altname the-long-name-of-a-bridge
        ip link set renamed down
        ip link del mv0
        ip link delete dev br1 type bridge
        ip link del group 5
    ");
}

#[test]
fn links_that_cannot_be_are_refused_alike() {
    check(
        "
        $ ip link add br0 address 02:00:00:00:00:10 type bridge
        ! ip link add br0 type bridge
        ! ip link add a/b type bridge
        ! ip link add 0123456789abcdef type bridge
        ! ip link add x
        ! ip link add x type nosuchkind
        ! ip link add x type vxlan
        ! ip link add x type vrf
        ! ip link add x type vrf nonsense
        ! ip link add x type vrf table zz
        ! ip link add x type tun
        ! ip link add x type vxlan id 99999999
        ! ip link add x link nosuch type macvlan
        ! ip link add x0 type veth peer name x1 netns nosuch
        ! ip link add x0 type veth peer name x0
        ! ip link set nosuch up
        ! ip link set
        ! ip link set br0 nonsense
        ! ip link set br0 mtu
        ! ip link set br0 mtu abc
        ! ip link set br0 mtu 10
        ! ip link set br0 address zz
        ! ip link set br0 address 01:00:00:00:00:01
        ! ip link set br0 address 02:00:00:00:00:00:01
        ! ip link set br0 master nosuch
        ! ip link set br0 master br0
        ! ip link set br0 netns nosuch
        ! ip link set br0 netns 999999
        ! ip link set br0 promisc maybe
        ! ip link set br0 group nosuch
        ! ip link set br0 name lo
        ! ip link set br0 type bridge nonsense 1
        ! ip link del nosuch
        ! ip link del lo
        ! ip link del
        ! ip link show nosuch
        ! ip link nonsense
        ! ip -n nosuch link
    ",
    );
}

#[test]
fn links_are_printed_alike() {
    check("
        $ ip link add veth0 address 02:00:00:00:00:10 type veth peer name veth1 address 02:00:00:00:00:11
        $ ip link add br0 address 02:00:00:00:00:20 type bridge
        $ ip link add mv0 link veth1 address 02:00:00:00:00:30 type macvlan mode private
        $ ip link add vx0 address 02:00:00:00:00:40 type vxlan id 42 dstport 4789 group 239.1.1.1 dev br0 ttl auto
        $ ip link add vx6 address 02:00:00:00:00:41 type vxlan external
        $ ip link add ifb0 address 02:00:00:00:00:50 type ifb
        $ ip link set veth0 master br0 alias hello group 7
        $ ip link property add dev br0 altname another-name
        $ ip link set br0 up
        = ip link
        = ip link show
        = ip link list veth0
        = ip -o link show
        = ip -br link
        = ip -s link show vx0
        = ip -s -s link show vx0
        = ip -d link show ifb0
        = ip -d link show mv0
        = ip -d link show vx0
        = ip -d link show vx6
        = ip -d -o link show veth1
        = ip -j link
        = ip -j -d link
        = ip -j -p -d link show veth0
        = ip -j -s -s link show vx0
        = ip -j -br link
        = ip link show type bridge
        = ip link show master br0
        = ip link show group 7
        = ip link show up
        = ip link show type veth
    ");
}

#[test]
fn tuns_and_taps_are_printed_alike() {
    if !opens_tun() {
        skip!("root: /dev/net/tun cannot be opened");
    }
    check(
        "
        $ ip tuntap add dev tap0 mode tap user 0 group 0 multi_queue
        $ ip tuntap add dev tun0 mode tun pi vnet_hdr
        $ ip link set tap0 address 02:00:00:00:00:60
        = ip -d link show tap0
        = ip -d link show tun0
        = ip -j -d link show tap0
        = ip -j -d link show tun0
    ",
    );
}

#[test]
fn kinds_this_kernel_lacks_are_refused_alike_or_made_alike() {
    check("
        $ ip link add br0 address 02:00:00:00:00:20 type bridge
        ip link add dm0 address 02:00:00:00:00:30 type dummy
        ip link add link br0 name br0.5 type vlan id 5
        ip link add link br0 name br0.6 type vlan protocol 802.1ad id 6 gvrp on ingress-qos-map 1:2 3:4
        ip link add link br0 name ipv0 type ipvlan mode l3
        ip link add br1 type bridge vlan_filtering 1
        ip link add red type vrf table 100
        = ip -d link show type dummy
        = ip -d link show type vrf
        = ip -d link show type vlan
        = ip -d link show type ipvlan
    ");
}
