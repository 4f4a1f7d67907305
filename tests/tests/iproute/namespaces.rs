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
fn all_means_every_named_namespace() {
    check(
        "
        $ ip netns add red
        $ ip netns add blue
        $ ip -n red link add only-red address 02:00:00:00:00:01 type bridge
        = ip -all netns exec ip -br link
        = ip -a netns exec true
        ! ip -all netns exec
        ip -all netns delete
        = ip netns list
        = ip -all netns exec true
    ",
    );
    // Under the original's name the exit code is 0 whatever came of it; ours is that of the first failure.
    lab(|lab| {
        lab.vetch("netns add red").ok();
        lab.vetch("netns add blue").ok();
        let script = "test $(ip netns identify) = red && exit 3; echo here; exit 4";
        let ran = lab
            .vetch_argv(&["-all", "netns", "exec", "sh", "-c", script])
            .go()
            .exits(4);
        assert_eq!(ran.stdout, "\nnetns: blue\nhere\n\nnetns: red\n");
        lab.vetch_as("ip -all netns exec false").ok();
        let missing = lab.vetch("-all netns exec nosuchprogram").exits(127);
        assert_eq!(
            missing
                .stderr
                .matches("cannot execute `nosuchprogram`")
                .count(),
            2
        );
        lab.vetch("-all netns delete").ok();
    });
}

#[test]
fn the_namespace_of_the_other_end_is_named_where_it_has_a_name() {
    check(
        "
        $ ip netns add red
        $ ip link add veth0 address 02:00:00:00:00:01 type veth peer name veth1 netns red
        $ ip -n red link set veth1 address 02:00:00:00:00:02
        = ip link show veth0
        = ip -j link show veth0
        = ip -j -d link show veth0
        = ip -n red link show veth1
        = ip -n red -j link show veth1
        = ip -n red -j addr show veth1
        ip netns set red 7
        = ip netns list-id
        = ip -j netns list
    ",
    );
}

#[test]
fn what_looks_like_an_option_names_no_namespace() {
    lab(|lab| {
        for words in ["netns add --", "netns add -- x", "netns add --json"] {
            drop(
                lab.vetch(words)
                    .exits(2)
                    .complains("hint: options come before the object"),
            );
        }
        for words in ["netns add a b", "netns list a", "netns delete a b"] {
            drop(lab.vetch(words).exits(2).complains("has no place here"));
        }
        // Scripts may rely on what the original makes of it.
        lab.vetch_as("ip netns add --").ok();
        assert_eq!(lab.vetch_as("ip netns list").ok().stdout, "--\n");
        lab.vetch_as("ip netns delete --").ok();
        drop(lab.vetch("link -j").exits(2).complains("`vetch -j link`"));
        assert_eq!(lab.vetch("netns list").ok().stdout, "");
        assert_eq!(
            lab.vetch("ip -o link show lo").ok().stdout,
            lab.vetch("-o link show lo").ok().stdout
        );
    });
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
