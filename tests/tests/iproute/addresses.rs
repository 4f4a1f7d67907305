//! `ip address`: given, changed, taken, printed.

use crate::check;

#[test]
fn addresses_are_given_changed_and_taken() {
    check("
        $ ip link add veth0 address 02:00:00:00:00:10 type veth peer name veth1 address 02:00:00:00:00:11
        $ ip link set veth0 up
        ip addr add 10.0.0.1/24 dev veth0
        ip addr add 10.0.0.2/24 dev veth0
        ip address add 10.1.0.1/24 brd + dev veth0 label veth0:1
        ip addr add 10.2.0.1/24 brd - dev veth0
        ip addr add 10.3.0.1/24 broadcast 10.3.0.99 dev veth0 scope link
        ip addr add local 10.4.0.1 peer 10.4.0.2 dev veth0
        ip addr add 10.5.0.1/24 peer 10.5.1.0/28 dev veth0
        ip addr add 10.6.0.1/24 dev veth0 valid_lft 1000 preferred_lft 500
        ip addr add 10.7.0.1/24 dev veth0 noprefixroute metric 77
        ip addr add 10/8 dev veth1
        ip addr add 127.0.0.5/8 dev lo
        ip addr add fd00::1/64 dev veth0 nodad
        ip addr add fd00:1::1/64 dev veth0 nodad noprefixroute home
        ip -6 addr add fd00:2::1 dev veth0 nodad preferred_lft 0
        ip addr change 10.0.0.1/24 dev veth0 valid_lft 3000 preferred_lft 2000
        ip addr replace 10.8.0.1/24 dev veth0
        ip addr replace 10.8.0.1/24 dev veth0 metric 5
        ip addr del 10.0.0.2/24 dev veth0
        ip addr del 10.4.0.1 peer 10.4.0.2 dev veth0
        ip addr del 10.1.0.1 dev veth0
        ip addr del fd00::1/64 dev veth0
        ip addr flush dev veth0 scope link
        ip addr flush to 10.5.0.0/16
        ip -6 addr flush dev veth0
        ip addr flush dev veth0
        ! ip addr add 10.0.0.1/33 dev veth0
        ! ip addr add 300.0.0.1 dev veth0
        ! ip addr add banana dev veth0
        ! ip addr add 10.0.0.1/24
        ! ip addr add dev veth0
        ! ip addr add 10.0.0.1/24 dev nosuch
        ! ip addr add 10.0.0.1/24 dev veth0 nonsense
        ! ip addr add 10.0.0.1/24 dev veth0 scope nonsense
        ! ip addr add 10.0.0.1/24 dev veth0 valid_lft 0
        ! ip addr add 10.0.0.1/24 dev veth0 valid_lft 10 preferred_lft 20
        ! ip addr add fd00::1/64 brd + dev veth0
        ! ip -4 addr add fd00::1/64 dev veth0
        ! ip addr add 127.0.0.5/8 dev lo
        ! ip addr del 10.99.0.1/24 dev veth0
        ! ip addr add
        ! ip addr del
        ! ip addr flush
        ! ip addr flush dev nosuch
        ! ip addr show dev nosuch
    ");
}

#[test]
fn addresses_are_printed_alike() {
    check("
        $ ip link add veth0 address 02:00:00:00:00:10 type veth peer name veth1 address 02:00:00:00:00:11
        $ ip link set veth0 addrgenmode none up
        $ ip link set veth1 addrgenmode none up
        $ ip addr add 10.0.0.1/24 dev veth0
        $ ip addr add 10.0.0.2/24 dev veth0
        $ ip addr add 10.1.0.1/24 brd + dev veth0 label veth0:1
        $ ip addr add 10.4.0.1 peer 10.4.0.2/32 dev veth0
        $ ip addr add 10.6.0.1/24 dev veth0 valid_lft 1000 preferred_lft 500
        $ ip addr add fd00::1/64 dev veth0 nodad noprefixroute metric 9
        $ ip addr add fd00::2/64 dev veth0 nodad preferred_lft 0
        = ip addr
        ~ ip a
        = ip addr show veth0
        = ip -4 addr
        = ip -6 addr show
        = ip -o addr
        = ip -br addr
        = ip -br -4 addr
        = ip -j addr
        = ip -j -p addr show veth0
        = ip -j -br addr
        = ip -j -4 addr show veth1
        = ip -d addr show veth1
        = ip -s -s addr show dev lo
        = ip addr show up
        = ip addr show to 10.0.0.0/24
        = ip addr show secondary
        = ip addr show dynamic
        = ip addr show permanent
        = ip addr show deprecated
        = ip -o addr show scope global
        = ip -o addr show primary dev veth0
        = ip -o addr show label veth0:1
        = ip addr show label nosuch
    ");
}
