//! The textbook's words through the reference tools and through Vetch on twin machines: the same outcome, the same state, the
//! same text and JSON.
//!
//! One operation on each line. `=` prints, and both print the same; `!` must fail on both; `$` is set-up by the reference tool on both;
//! `~` prints, and is tried only under the names of the originals.

use vetch_tests::{Lab, Twin, lab};

/// Runs a script by both names that Vetch answers to. The test fails at the first line that makes a difference.
#[track_caller]
fn check(script: &'static str) {
    lab(move |lab| run(&Twin::new(lab), script, false));
    lab(move |lab: &Lab| run(&Twin::by_name(lab), script, true));
}

fn run(twin: &Twin, script: &str, by_name: bool) {
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        match line.split_once(' ') {
            Some(("=", words)) => twin.same_output(words),
            Some(("~", words)) if by_name => twin.same_output(words),
            Some(("~", _)) => {}
            Some(("$", words)) => twin.setup(words),
            Some(("!", words)) => check_refusal(twin, words, by_name),
            _ => drop(twin.same(line)),
        }
    }
}

/// Both fail, say why, and under the name of the original exit alike.
fn check_refusal(twin: &Twin, words: &str, by_name: bool) {
    let (reference, ours) = twin.same(words);
    let silent = words.ends_with(" false");
    assert!(
        ours.code != 0 && (silent || !ours.stderr.is_empty()),
        "`{words}` did not fail\n{reference}\n{ours}"
    );
    if by_name {
        assert_eq!(reference.code, ours.code, "`{words}`\n{reference}\n{ours}");
    }
}

const PAIR: &str = "ip link add veth0 address 02:00:00:00:00:10 type veth peer name veth1 address 02:00:00:00:00:11";

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
    ");
}

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

#[test]
fn namespaces_are_made_listed_and_deleted() {
    check(
        "
        ip netns add red
        ip netns add blue
        ip link add veth0 type veth peer name veth1 netns red
        ip link add veth2 netns blue type veth peer name veth3
        ip -n red link set veth1 up
        ip -n red addr add 10.0.0.1/24 dev veth1
        ip link set veth3 netns red
        ip -n red link set veth3 name inside
        = ip -n red link
        = ip -n red -j link
        = ip -n red -br addr
        = ip -n blue link
        = ip link show type veth
        = ip netns exec red true
        = ip netns exec red cat /sys/class/net/veth1/mtu
        = ip netns identify
        = ip netns pids red
        ! ip netns add red
        ! ip netns add a/b
        ! ip netns add
        ! ip netns del nosuch
        ! ip netns del
        ! ip netns exec nosuch true
        ! ip netns exec red nosuchprogram
        ! ip netns exec red false
        ! ip netns exec red
        ! ip netns pids nosuch
        ! ip netns identify 99999999
        ! ip netns nonsense
        ! ip -n nosuch addr
        ! ip link set veth0 netns nosuch
        ip netns delete blue
        ip netns del red
        = ip netns list
    ",
    );
}

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
        ifconfig veth0 promisc -arp allmulti txqueuelen 50
        = ifconfig veth0
        ifconfig veth0 -promisc arp -allmulti
        ifconfig veth0 10.0.0.8 pointopoint 10.0.0.9
        ifconfig veth0 1.2.3.4/8 mtu 1300 up
        ifconfig veth0 0.0.0.0
        ifconfig veth0 down
        ! ifconfig nosuch
        ! ifconfig nosuch up
        ! ifconfig veth0 mtu abc
        ! ifconfig veth0 mtu 10
        ! ifconfig veth0 hw ether zz
        ! ifconfig veth0 hw ether 03:00:00:00:00:01
        ! ifconfig veth0 300.1.1.1
        ! ifconfig veth0 netmask 255.0.255.0
        ! ifconfig veth0 pointopoint 10.0.0.9
    ");
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
        = ip -d link show type dummy
        = ip -d link show type vlan
        = ip -d link show type ipvlan
    ");
}

#[test]
fn a_move_that_drops_addresses_says_so() {
    lab(|lab| {
        lab.vetch("netns add red").ok();
        lab.vetch("link add veth0 type veth peer name veth1").ok();
        lab.vetch("addr add 10.0.0.1/24 dev veth1").ok();
        lab.vetch("link set veth1 up").ok();
        lab.vetch("link set veth1 netns red")
            .ok()
            .complains("moved to namespace red without its addresses 10.0.0.1/24, and is down now");
        lab.vetch("netns del red").ok();
    });
}

#[test]
fn an_error_names_object_namespace_and_way_out() {
    lab(|lab| {
        let (a, _b) = (lab.netns("a"), lab.netns("b"));
        lab.vetch("-n a link add br0 type bridge").ok();
        let twice = lab.vetch("-n a link add br0 type bridge").exits(2);
        let twice = twice.complains("error: cannot add link `br0` in namespace a: File exists");
        drop(twice.complains("hint: a link of that name is there already"));
        drop(
            a.vetch("addr add 10.0.0.1/24 dev nosuch")
                .exits(2)
                .complains("no link `nosuch` in namespace a"),
        );
        let no_ip = lab
            .vetch_argv(&["netns", "exec", "a", "ip", "link"])
            .env("PATH", "/nowhere")
            .go();
        drop(
            no_ip
                .exits(127)
                .complains("hint: this host has no iproute2; `vetch -n a ...` says the same"),
        );
        lab.vetch("-n a link del br0").ok();
    });
}
