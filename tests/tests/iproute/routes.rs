//! `ip route`, `ip rule`, `ip neigh`.

use crate::check;

const PAIR: &str = "ip link add veth0 address 02:00:00:00:00:10 type veth peer name veth1 address 02:00:00:00:00:11";

/// A machine with a way out: veth0 is up, 10.0.0.1/24 and fd00::1/64.
fn routes(script: &'static str) {
    let up = "
        $ ip link set veth0 addrgenmode none up
        $ ip link set veth1 addrgenmode none up
        $ ip addr add 10.0.0.1/24 dev veth0
        $ ip addr add fd00::1/64 dev veth0 nodad
    ";
    let script = format!("$ {PAIR}\n{up}\n{script}");
    check(script.leak());
}

#[test]
fn routes_are_made_changed_and_removed() {
    routes("
        ip route add default via 10.0.0.254
        ip route add 10.1.0.0/16 via 10.0.0.2 dev veth0 src 10.0.0.1 metric 100 proto static mtu 1400
        ip route add 10.2.0.0/16 nexthop via 10.0.0.2 weight 1 nexthop via 10.0.0.3 dev veth0 weight 5
        ip route add blackhole 10.3.0.0/16
        ip route add unreachable 10.4.0.0/16 metric 7 table 100
        ip route add prohibit 10.4.0.0/17
        ip route add throw 10.4.128.0/17 table 1000
        ip route add 10.5.0.0/16 via 10.99.0.1 dev veth0 onlink
        ip route add 192.0.2.1 dev veth0 scope link
        ip route add 10.6.0.0/16 via inet6 fd00::9 dev veth0
        ip route add local 10.7.0.1 dev lo
        ip route add 10.8.0.0/16 dev veth0 advmss 1200 window 10000 rtt 100ms initcwnd 10 hoplimit 9 congctl reno quickack 1
        ip route add fd01::/64 via fd00::2 metric 5
        ip route add fd02::/64 via fd00::2 dev veth0 mtu lock 1300 pref high
        ip -6 route add unreachable fd03::/64
        ip -6 route add default nexthop via fd00::2 nexthop via fd00::3 weight 3
        ip route replace 10.1.0.0/16 via 10.0.0.3
        ip route change 10.1.0.0/16 via 10.0.0.4
        ip route append 10.1.0.0/16 via 10.0.0.5
        ip route prepend 10.1.0.0/16 via 10.0.0.6
        ip route replace default via 10.0.0.253 metric 50
        ip route del 10.2.0.0/16
        ip route del blackhole 10.3.0.0/16
        ip route delete default via 10.0.0.254
        ip route del 10.1.0.0/16 via 10.0.0.5
        ip -6 route del default
        ip route flush 10.1.0.0/16
        ip route flush table 100
        ip route flush proto static
        ip route flush cache
        ip -6 route flush dev veth0
        ! ip route add default via 10.0.0.253 metric 50
        ! ip route add
        ! ip route add dev veth0
        ! ip route del
        ! ip route add 10.10.0.1/16 dev veth0
        ! ip route add 10.10.0.0/16 via 172.16.0.1
        ! ip route add 10.10.0.0/33 dev veth0
        ! ip route add 10.10.0.0/16 dev nosuch
        ! ip route add 10.10.0.0/16 via banana
        ! ip route add 10.10.0.0/16 via 10.0.0.2 table nosuch
        ! ip route add 10.10.0.0/16 via 10.0.0.2 proto nosuch
        ! ip route add 10.10.0.0/16 via 10.0.0.2 mtu abc
        ! ip route del 10.55.0.0/16
        ! ip route change 10.77.0.0/16 via 10.0.0.2
        ! ip route flush table 101
        ! ip route flush
        ! ip route get 203.0.113.1 oif lo from 10.0.0.9
        ! ip route show table 101
        ! ip route nonsense
    ");
}

#[test]
fn routes_are_printed_alike() {
    routes("
        $ ip route add default via 10.0.0.254
        $ ip route add 10.1.0.0/16 via 10.0.0.2 dev veth0 src 10.0.0.1 metric 100 proto static mtu lock 1400 rtt 2s
        $ ip route add 10.2.0.0/16 nexthop via 10.0.0.2 weight 1 nexthop via 10.0.0.3 dev veth0 weight 5
        $ ip route add blackhole 10.3.0.0/16
        $ ip route add unreachable 10.4.0.0/16 metric 7 table 100
        $ ip route add 10.5.0.0/16 via 10.99.0.1 dev veth0 onlink tos 0x10
        $ ip route add 10.6.0.0/16 via inet6 fd00::9 dev veth0
        $ ip route add fd01::/64 via fd00::2 metric 5 expires 1000
        $ ip route add fd02::/64 via fd00::2 dev veth0 mtu lock 1300
        $ ip -6 route add default nexthop via fd00::2 nexthop via fd00::3 weight 3
        = ip route
        ~ ip r show
        = ip -o route
        = ip -d route
        = ip -6 route
        = ip -6 -d route
        = ip -j route
        = ip -j -p route
        = ip -j -6 route
        = ip -j -d route show table all
        = ip route show table all
        = ip route show table 100
        = ip route show table local
        = ip -4 route show table all
        = ip route show dev veth0
        = ip route show proto static
        = ip route show via 10.0.0.2
        = ip route show default
        = ip route show 10.1.0.0/16
        = ip route show root 10.0.0.0/8
        = ip route show match 10.1.1.1
        = ip route show exact 10.1.0.0/16
        = ip route show type blackhole
        = ip route show scope link
        = ip route show metric 100
        = ip route show src 10.0.0.1
        = ip route get 10.1.1.1
        = ip route get 10.0.0.1
        = ip route get 10.0.0.77 mark 3
        = ip route get 203.0.113.1 from 10.0.0.1
        = ip route get fd01::1
        = ip -d route get 10.1.1.1
        = ip -j route get 10.1.1.1
        = ip -j -6 route get fd01::1
    ");
}

#[test]
fn rules_are_made_printed_and_removed() {
    check("
        $ ip link add br0 address 02:00:00:00:00:10 type bridge
        ip rule add from 10.0.0.0/24 table 100
        ip rule add fwmark 0x10/0xff lookup main priority 500
        ip rule add to 10.1.0.0/16 iif br0 unreachable
        ip rule add not from 10.3.0.0/16 oif eth9 ipproto tcp dport 80-90 sport 5 table 7 suppress_prefixlength 0
        ip rule add uidrange 0-100 blackhole tos 0x10
        ip rule add goto 32766 pref 10
        ip rule add goto 40000 pref 11
        ip rule add from 10.9.0.1 prohibit pref 12 proto static
        ip -6 rule add from fd00::/64 lookup 5 pref 20
        = ip rule
        = ip rule list
        = ip -d rule
        = ip -j rule
        = ip -j -p -d rule
        = ip -6 rule
        = ip -6 -j rule
        = ip rule show table 100
        = ip rule show pref 500
        ip rule del pref 500
        ip rule del from 10.0.0.0/24
        ! ip rule del pref 500
        ! ip rule del
        ! ip rule add nonsense
        ! ip rule add fwmark zz
        ! ip rule add from 10.0.0.0/33
        ! ip rule add table nosuch
        ip rule flush
        ip -6 rule flush
    ");
}

#[test]
fn neighbours_are_made_printed_and_removed() {
    routes(
        "
        ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev veth0
        ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:03 nud reachable dev veth0
        ip neigh replace 10.0.0.3 lladdr 02:00:00:00:00:04 nud stale dev veth0
        ip neigh add proxy 10.0.0.9 dev veth0
        ip neigh add fd00::2 lladdr 02:00:00:00:00:02 dev veth0 router nud noarp
        ip neighbour add fd00::3 dev veth0 lladdr 02:00:00:00:00:05 extern_learn
        ip neigh change 10.0.0.2 lladdr 02:00:00:00:00:06 dev veth0 nud permanent proto static
        = ip neigh show 10.0.0.2
        = ip -4 neigh show dev veth0 nud permanent
        = ip -j neigh show 10.0.0.2
        = ip neigh show proxy
        = ip -j neigh show proxy
        = ip neigh show nud stale to 10.0.0.0/24
        = ip neigh get 10.0.0.2 dev veth0
        = ip -6 neigh show nud noarp to fd00::2
        = ip -br neigh show 10.0.0.2
        = ip -br neigh show dev veth0 nud permanent
        = ip -j -br neigh show 10.0.0.2
        = ip -br neigh show proxy
        = ip -br neigh get 10.0.0.2 dev veth0
        ! ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev veth0
        ! ip neigh change 10.0.0.44 lladdr 02:00:00:00:00:04 dev veth0
        ! ip neigh add 10.0.0.6 dev veth0 lladdr zz
        ! ip neigh add 10.0.0.6 lladdr 02:00:00:00:00:04
        ! ip neigh add 10.0.0.6 lladdr 02:00:00:00:00:04 dev nosuch
        ! ip neigh add banana lladdr 02:00:00:00:00:04 dev veth0
        ! ip neigh add 10.0.0.6 lladdr 02:00:00:00:00:04 dev veth0 nud nonsense
        ! ip neigh del 10.0.0.99 dev veth0
        ! ip neigh show dev nosuch
        ! ip neigh flush
        ip neigh del proxy 10.0.0.9 dev veth0
        ip neigh del 10.0.0.2 dev veth0
        ip neigh flush dev veth0
        ip neigh flush nud permanent
    ",
    );
}
