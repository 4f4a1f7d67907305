//! `ip netns`, `-n`, and what Vetch says beyond the originals.

use crate::check;
use vetch_tests::lab;

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
