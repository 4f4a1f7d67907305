//! What others have set up that stops our packets: `network check` names it with the word that opens it, which is the user's to type.

use crate::*;
use vetch_tests::skip;

/// The one obstacle that is named, and its remedy.
fn named(lab: &Lab) -> (String, String) {
    let found = lab.vetch("network check --json").exits(1).json();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    let word = |of: &serde_json::Value| of.as_str().unwrap().to_owned();
    (word(&found[0]["how"][0]), word(&found[0]["advice"]))
}

#[test]
fn another_firewall_between_bridged_containers() {
    lab(|lab| {
        if !lab.sysctl("net/bridge/bridge-nf-call-iptables", "1") {
            skip!("bridge-nf-call-iptables: br_netfilter");
        }
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        lab.vetch("network create blue --subnet 10.7.0.0/24 --internal")
            .ok();
        lab.vetch("attach blue a").ok();
        lab.vetch("attach blue b").ok();
        lab.vetch("network check").ok();
        assert!(a.ping("10.7.0.3") && b.ping("10.7.0.2"));
        lab.fixture(|| {
            lab.shell("nft add table ip filter; nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'")
                .ok()
        });
        assert!(!a.ping("10.7.0.3"));
        let (what, remedy) = named(lab);
        assert!(
            what.contains("chain FORWARD") && what.contains("bridge-nf-call-iptables"),
            "{what}"
        );
        lab.fixture(|| lab.shell(&remedy).ok());
        assert!(a.ping("10.7.0.3"));
        lab.vetch("network check").ok();
        lab.vetch("network rm --force --wait blue").ok();
    });
}

#[test]
fn a_strict_reverse_path_filter_on_a_second_uplink() {
    lab(|lab| {
        let afar = lab.outside("afar", "up0");
        lab.veth(
            lab,
            "up1",
            "198.51.100.1/24",
            &afar,
            "eth1",
            "198.51.100.2/24",
        );
        afar.shell("ip address add 203.0.113.9/32 dev lo; ip route add 198.51.100.1 dev eth1 src 203.0.113.9").ok();
        lab.fixture(|| {
            lab.cmd("ip route add default via 198.51.100.2 metric 500")
                .ok();
        });
        assert!(lab.sysctl("net/ipv4/conf/up1/rp_filter", "1"));
        let a = lab.netns("a");
        lab.vetch("network create blue --subnet 10.7.0.0/24").ok();
        lab.vetch("attach blue a -p 8080:80").ok();
        let _web = a.tcp_server("0.0.0.0:80");
        assert!(afar.tcp("198.51.100.1:8080").is_err());
        let (what, remedy) = named(lab);
        assert!(
            what.contains("`up1`") && what.contains("rp_filter"),
            "{what}"
        );
        lab.fixture(|| lab.cmd(&remedy).ok());
        let seen = afar.tcp("198.51.100.1:8080").unwrap();
        assert_eq!(seen.ip().to_string(), "203.0.113.9");
        lab.vetch("network check").ok();
        lab.vetch("network rm --force --wait blue").ok();
    });
}
