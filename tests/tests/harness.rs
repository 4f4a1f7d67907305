//! The harness proves itself before others rely on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "test code: a panic is how a test fails"
)]

use std::fs;

use nix::unistd::geteuid;
use vetch_tests::{Lab, Twin, lab, skip};

fn pair(lab: &Lab) -> (vetch_tests::Node, vetch_tests::Node) {
    let (a, b) = (lab.netns("a"), lab.anonymous("b"));
    lab.veth(&a, "eth0", "10.9.0.1/24", &b, "eth0", "10.9.0.2/24");
    (a, b)
}

#[test]
fn packets_pass_between_two_namespaces() {
    lab(|lab| {
        let (a, b) = pair(lab);
        assert!(a.reaches("10.9.0.2"));
        assert!(!a.ping("10.9.0.3"));
        assert!(!lab.ping("10.9.0.2"), "the host has no way there");
        let web = b.tcp_server("0.0.0.0:80");
        assert_eq!(a.tcp("10.9.0.2:80").unwrap().ip().to_string(), "10.9.0.1");
        assert!(a.tcp("10.9.0.2:81").is_err());
        let dns = b.udp_server("0.0.0.0:53");
        assert_eq!(a.udp("10.9.0.2:53").unwrap().ip().to_string(), "10.9.0.1");
        assert_eq!((web.seen().len(), dns.seen().len()), (1, 1));
    });
}

#[test]
fn packets_pass_over_ipv6() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        lab.veth(&a, "eth0", "fd00::1/64", &b, "eth0", "fd00::2/64");
        assert!(a.reaches("fd00::2"));
        let server = b.tcp_server("[::]:80");
        assert_eq!(a.tcp("[fd00::2]:80").unwrap().ip().to_string(), "fd00::1");
        assert_eq!(server.seen().len(), 1);
    });
}

fn check_noticed(words: &str, line: &str) {
    let (words, line) = (words.to_owned(), line.to_owned());
    lab(move |lab| {
        lab.leaves_state();
        lab.cmd(&words).ok();
        let left = lab.difference();
        assert!(
            left.iter().any(|l| l.starts_with(&line)),
            "{line} is not in:\n{}",
            left.join("\n")
        );
    });
}

#[test]
fn what_is_left_is_noticed() {
    check_noticed("ip link add br0 type bridge", "+ link br0");
    check_noticed("ip link set lo mtu 1400", "- link lo");
    check_noticed(
        "ip address add 10.0.0.1/32 dev lo",
        "+ address lo 10.0.0.1/32",
    );
    check_noticed(
        "ip route add 10.0.0.0/8 dev lo",
        "+ route {\"dev\":\"lo\",\"dst\":\"10.0.0.0/8\"",
    );
    check_noticed("ip rule add from 10.0.0.1 table 7", "+ rule -4");
    check_noticed("nft add table inet left", "+ nft {\"table\"");
    check_noticed("ip netns add left", "+ file /run/netns/left");
    check_noticed("ip netns add left", "+ mount /run/netns/left");
    check_noticed("touch /var/lib/left", "+ file /var/lib/left");
    check_noticed(
        "sysctl -q -w net.ipv4.conf.lo.forwarding=1",
        "+ sysctl /proc/sys/net/ipv4/conf/lo/forwarding",
    );
}

#[test]
fn a_rule_twice_is_noticed() {
    lab(|lab| {
        lab.leaves_state();
        let rule = "nft add rule inet a b counter accept";
        lab.fixture(|| {
            lab.shell(&format!(
                "nft add table inet a; nft add chain inet a b; {rule}"
            ))
            .ok()
        });
        assert!(lab.difference().is_empty());
        lab.cmd(rule).ok();
        let left = lab.difference();
        assert!(
            left.len() == 1 && left[0].starts_with("+ nft {\"rule\"") && left[0].contains("(2)"),
            "{left:?}"
        );
    });
}

#[test]
fn a_process_left_behind_is_noticed() {
    lab(|lab| {
        let left = lab.argv(&["sleep", "60"]).background();
        assert!(
            lab.difference()
                .iter()
                .any(|l| l.starts_with("+ process") && l.contains("sleep 60"))
        );
        drop(left);
    });
}

#[test]
#[should_panic(expected = "the host is not as it was")]
fn a_test_that_leaves_something_fails() {
    lab(|lab| {
        lab.cmd("ip link add br0 type bridge").ok();
    });
}

#[test]
fn fixtures_may_stay() {
    lab(|lab| {
        let outside = lab.outside("internet", "uplink");
        assert!(lab.reaches("192.0.2.2"));
        assert!(outside.reaches("192.0.2.1"));
        assert!(lab.difference().is_empty());
    });
}

#[test]
fn a_fixture_that_vanishes_is_noticed() {
    lab(|lab| {
        lab.leaves_state();
        lab.outside("internet", "uplink");
        lab.cmd("ip link delete uplink").ok();
        assert!(
            lab.difference()
                .iter()
                .any(|l| l.starts_with("- link uplink"))
        );
    });
}

#[test]
fn labs_do_not_see_each_other() {
    lab(|lab| {
        lab.fixture(|| lab.cmd("ip link add br0 type bridge").ok());
        lab.netns("here");
        lab.aside(|other| {
            assert!(!other.cmd("ip link").stdout.contains("br0"));
            assert!(!other.cmd("ip netns").stdout.contains("here"));
            assert!(!other.cmd("ls /sys/class/net").stdout.contains("br0"));
        });
        lab.cmd("ls /sys/class/net").ok().prints("br0");
    });
}

#[test]
fn a_machine_has_its_own_names() {
    lab(|lab| {
        let other = lab.machine("other");
        other.cmd("ip netns add there").ok();
        other.cmd("ip netns list").ok().prints("there");
        assert!(!lab.cmd("ip netns list").stdout.contains("there"));
    });
}

#[test]
fn the_machine_itself_cannot_be_changed() {
    lab(|_| {
        let name = "/proc/sys/kernel/panic_on_warn";
        let value = fs::read_to_string(name).unwrap();
        assert!(fs::write(name, value).is_err(), "{name} is writable");
    });
}

#[test]
fn a_copy_of_etc_may_be_written() {
    lab(|lab| {
        lab.writable_etc();
        fs::create_dir("/etc/netns").unwrap();
        assert!(fs::exists("/etc/passwd").unwrap());
    });
}

#[test]
fn output_is_bounded_in_time() {
    lab(|lab| {
        let slow = lab
            .argv(&["sleep", "60"])
            .limit(std::time::Duration::from_millis(50));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slow.go()));
        assert!(caught.is_err());
    });
}

#[test]
fn a_skip_is_recorded() {
    let end = lab as fn(fn(&Lab));
    end(|lab| {
        if !lab.has_kind("netdevsim-like-nothing-that-exists") {
            skip!(
                "kernel>=99.0: proves that skips are counted (uid {})",
                geteuid()
            );
        }
        panic!("a skip ends the test");
    });
}

#[test]
fn a_test_may_answer_with_an_error() {
    lab(|lab| {
        anyhow::ensure!(lab.cmd("true").code == 0);
        Ok(())
    });
}

/// Many steps by the reference tool on both machines: random names of the kernel must not count as differences.
#[test]
fn twins_are_alike_after_the_same_words() {
    lab(|lab| {
        let twin = Twin::new(lab);
        for words in [
            "ip netns add blue",
            "ip link add br0 type bridge",
            "ip link add veth0 type veth peer name veth1 netns blue",
            "ip link set veth0 master br0 up",
            "ip link set br0 up",
            "ip -n blue link set veth1 address 02:00:00:00:00:07 up",
            "ip -n blue address add fd00::2/64 dev veth1",
            "ip -n blue address add 10.0.0.2/24 dev veth1 valid_lft 100 preferred_lft 50",
            "ip -n blue route add default via 10.0.0.1",
            "ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev br0",
            "bridge fdb add 02:00:00:00:00:0a dev veth0 master",
            "nft add table inet t",
        ] {
            twin.setup(words);
        }
        twin.alike("the set-up");
    });
}

#[test]
fn twins_that_differ_are_noticed() {
    lab(|lab| {
        let twin = Twin::new(lab);
        twin.setup("ip link add veth0 address 02:00:00:00:00:01 type veth peer name veth1");
        twin.alike("the set-up");
        let mut before = twin.differences();
        for words in [
            "ip link set veth0 mtu 1400",
            "ip link set veth0 address 02:00:00:00:00:02",
            "ip netns add blue",
            "nft add table inet t",
        ] {
            twin.ours().cmd(words).ok();
            let now = twin.differences();
            assert_ne!(now, before, "`{words}` is not noticed");
            before = now;
        }
    });
}
