//! Removal in any state of the world, and of everything.

use crate::*;
use bridge::Options;

fn records() -> String {
    let cookie = NetNs::current().unwrap().cookie().unwrap();
    format!("/run/vetch/{cookie}")
}

fn two_networks(lab: &Lab) -> Host {
    let (a, b) = (lab.netns("a"), lab.netns("b"));
    let mut host = Host::open().unwrap();
    host.create_network(&network(&["10.7.0.0/24"])).unwrap();
    let red = NetworkSpec {
        subnets: vec!["10.8.0.0/24".parse().unwrap()],
        ..NetworkSpec::new("red".parse().unwrap())
    };
    host.create_network(&red).unwrap();
    attach(&mut host, &a, &["8080:80", "53:53/udp"]);
    let other = AttachmentSpec::new("red".parse().unwrap(), id("b"));
    host.attach(&other, &netns(&b)).unwrap();
    host
}

#[test]
fn purge_takes_everything_of_ours_whatever_is_left() {
    let harms = [
        "true",
        "rm -r /run/vetch",
        "for f in $(find /run/vetch -name '*.json'); do echo '{' > $f; done",
        "nft flush ruleset",
        "ip link delete vbr-blue; rm -r /run/vetch/*/red",
        "nft flush ruleset; rm -r /run/vetch; ip netns delete b",
    ];
    for harm in harms {
        lab(move |lab| {
            lab.outside("outside", "up0");
            lab.fixture(|| {
                lab.cmd("ip link add mine type bridge").ok();
                lab.cmd("ip link set mine alias vetching").ok();
            });
            let host = two_networks(lab);
            if harm.contains("netns delete") {
                lab.leaves_state(); // the namespace was part of the set-up
            }
            lab.shell(harm).ok();
            drop(host);
            if !harm.contains("flush") {
                lab.vetch("purge --dry-run")
                    .ok()
                    .prints("nft delete table inet vetch");
            }
            lab.vetch("purge").ok();
            let links = lab.cmd("ip -o link").ok().stdout;
            assert!(
                links.contains("mine") && !links.contains("vtp") && !links.contains("vbr-"),
                "{links}"
            );
            let forwarding = fs::read_to_string("/proc/sys/net/ipv4/conf/up0/forwarding").unwrap();
            let lost = harm.contains("flush") && harm.contains("rm"); // both places where it was noted
            assert_eq!(forwarding.trim() == "1", lost, "after {harm}");
            if lost {
                fs::write("/proc/sys/net/ipv4/conf/up0/forwarding", "0").unwrap();
            }
            lab.vetch("purge").ok().prints("");
        });
    }
}

#[test]
fn a_network_goes_whatever_its_definition_says() {
    for harm in ["rm", "echo '{' >", "chmod 0600"] {
        lab(move |lab| {
            let host = two_networks(lab);
            let file = format!("{}/blue/definition.json", records());
            lab.shell(&format!("{harm} {file}")).ok();
            drop(host);
            assert_eq!(
                lab.vetch("network ls --json").ok().json()[0]["name"] == "red",
                harm != "chmod 0600"
            );
            lab.vetch("network rm blue").fails().complains("attached");
            lab.vetch("network rm --force --wait blue").ok();
            lab.vetch("network rm blue")
                .ok()
                .complains("there is no network");
            let left = lab.cmd("nft list ruleset").ok().stdout;
            assert!(
                !left.contains("vetch:blue") && left.contains("vetch:red"),
                "{left}"
            );
            lab.vetch("detach red b").ok();
            lab.vetch("network rm red --wait").ok();
        });
    }
}

#[test]
fn forwarding_that_somebody_switched_on_for_all_stays() {
    lab(|lab| {
        lab.outside("outside", "up0");
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let switch = |to| fs::write("/proc/sys/net/ipv4/ip_forward", to).unwrap();
        switch("1");
        host.remove_network(&blue(), false)
            .unwrap()
            .settle()
            .unwrap();
        let forwards = fs::read_to_string("/proc/sys/net/ipv4/conf/up0/forwarding").unwrap();
        assert_eq!(forwards.trim(), "1");
        switch("0");
    });
}

/// As by a command that was killed while it wrote a definition.
#[test]
fn purge_takes_drafts_of_definitions() {
    lab(|lab| {
        let options = Options {
            run: Some("/run/vetch".into()),
            definitions: Some("/run/definitions".into()),
            ..Options::default()
        };
        let mut host = Host::with(options).unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        fs::write("/run/definitions/.red.json.draft", "").unwrap();
        host.purge().unwrap();
        assert!(!fs::exists("/run/definitions").unwrap());
        lab.vetch("purge").ok().prints("");
    });
}

/// Its link may still be deleted when the network is gone already.
#[test]
fn whoever_settles_last_takes_the_records() {
    lab(|lab| {
        let a = lab.netns("a");
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        attach(&mut host, &a, &[]);
        let slow = host.detach(&blue(), &who("a"), None).unwrap();
        let quick = host.remove_network(&blue(), false).unwrap();
        quick.settle().unwrap();
        slow.settle().unwrap();
        assert!(!fs::exists("/run/vetch").unwrap());
    });
}
