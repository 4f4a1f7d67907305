//! Several hosts over one /run, and several lives of one host.

use crate::*;
use bridge::Options;

#[test]
fn two_hosts_over_one_run_do_not_disturb_each_other() {
    lab(|lab| {
        let (other, a, b) = (lab.anonymous("other"), lab.netns("a"), lab.netns("b"));
        let words = ["network create blue --subnet 10.7.0.0/24", "attach blue"];
        for (host, name) in [(&**lab, "a"), (&other, "b")] {
            host.vetch(words[0]).ok();
            host.vetch(&format!("{} {name} -p 8080:80", words[1]))
                .ok()
                .prints("10.7.0.2/24");
        }
        assert!(a.reaches("10.7.0.1") && b.reaches("10.7.0.1"));
        let listed = |host: &Node| host.vetch("ls --json").ok().json()[0]["id"].clone();
        assert_eq!(
            (listed(lab), listed(&other)),
            ("cli:a".into(), "cli:b".into())
        );
        lab.vetch("gc").ok().prints("");
        lab.vetch("network rm --force --wait blue").ok();
        other.vetch("network check").ok().prints("");
        lab.vetch("purge").ok();
        assert!(b.reaches("10.7.0.1"));
        other.vetch("network rm --force --wait blue").ok();
        assert!(!std::path::Path::new("/run/vetch").exists());
    });
}

/// As after a boot: nothing of ours in the kernel, and another boot id.
fn reboot(lab: &Lab) {
    lab.cmd("nft flush ruleset").ok();
    lab.shell("for l in /proc/sys/net/ipv4/conf/v*; do ip link delete $(basename $l) 2>/dev/null; done; true").ok();
    lab.cmd("mount --bind /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id")
        .ok();
}

#[test]
fn networks_outlive_a_boot_and_attachments_do_not() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let open = || {
            Host::with(Options {
                run: Some("/run/vetch".into()),
                definitions: Some("/run/definitions".into()),
                ..Options::default()
            })
            .unwrap()
        };
        let mut host = open();
        let before = host
            .create_network(&network(&["10.7.0.0/24", "fd07::/64"]))
            .unwrap();
        attach(&mut host, &a, &["8080:80"]);
        reboot(lab);
        let mut host = open();
        assert_eq!(host.networks().unwrap(), [before]);
        let stale = host.attachments(None).unwrap();
        assert_eq!((stale.len(), stale[0].state), (1, State::Stale));
        let one = attach(&mut host, &b, &["8080:80"]); // neither address nor port is kept for the dead
        assert_eq!(address(&one), "10.7.0.2");
        assert!(b.reaches("10.7.0.1") && b.reaches("fd07::1"));
        assert_eq!(host.attachments(None).unwrap().len(), 1);
        host.detach(&blue(), &who("a"), None)
            .unwrap()
            .settle()
            .unwrap();
        away(host);
        lab.cmd("umount /proc/sys/kernel/random/boot_id").ok();
    });
}

/// The kernel takes namespaces down later, after those that ended before: the link is still there meanwhile.
#[test]
fn what_a_dying_namespace_had_is_given_back_at_once() {
    lab(|lab| {
        let all = |verb: &str| {
            let names = (0..8).map(|n| format!("c{n}")).chain(["web".to_owned()]);
            let lines: String = names.map(|name| format!("netns {verb} {name}\n")).collect();
            lab.argv(&["ip", "-batch", "-"]).stdin(lines).go().ok();
        };
        lab.vetch("network create blue --subnet 10.7.0.0/24").ok();
        all("add");
        lab.vetch("attach blue web -p 8080:80").ok();
        // The kernel lets go of what closed sockets held in the namespace only after a while, for which deleting a link waits.
        lab.shell("ip link add passing type veth; ip link delete passing")
            .ok();
        all("delete");
        lab.vetch("gc").ok().prints("cli:web");
        lab.vetch("network rm blue --wait").ok();
    });
}

/// As by a command that was killed after a boot: the bridge is there, and neither up nor guarded, and nothing forwards.
#[test]
fn a_bridge_that_was_made_half_is_finished() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        let there = host
            .create_network(&network(&["10.7.0.0/24", "fd07::/64"]))
            .unwrap();
        let half = || {
            lab.shell("nft flush ruleset; ip link delete vbr-blue; sysctl -qw net.ipv4.conf.up0.forwarding=0").ok();
            lab.cmd(&format!(
                "ip link add vbr-blue address {} type bridge",
                there.mac
            ))
            .ok();
        };
        half();
        attach(&mut host, &a, &[]);
        let works = |who: &Node| {
            assert!(who.reaches("10.7.0.1") && who.reaches("fd07::1"));
            assert!(who.reaches("192.0.2.2") && !outside.ping("10.7.0.2"));
            lab.vetch("network check").ok().prints("");
        };
        works(&a);
        host.detach(&blue(), &who("a"), None)
            .unwrap()
            .settle()
            .unwrap();
        half();
        host.create_network(&network(&[])).unwrap();
        attach(&mut host, &b, &[]);
        works(&b);
        away(host);
    });
}

/// A container in two networks keeps a way out when it leaves the one whose it was.
#[test]
fn another_networks_way_out_takes_over() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        let a = lab.netns("a");
        let _served = a.tcp_server("[::]:80");
        for (net, n) in [("blue", 7), ("red", 8), ("green", 9)] {
            let words = format!("--subnet 10.{n}.0.0/24 --subnet fd0{n}::/64");
            lab.vetch(&format!("network create {net} {words}")).ok();
            let words = format!("attach {net} a --ifname {net} -p 808{n}:80");
            lab.vetch(&words).ok();
        }
        let way = |to: &str| {
            let found = a.cmd(&format!("ip -j route get {to}")).ok().json();
            found[0]["dev"].as_str().unwrap().to_owned()
        };
        for (net, n) in [("blue", 7), ("red", 8), ("green", 9)] {
            for _ in 0..5 {
                outside.tcp(&format!("192.0.2.1:808{n}")).unwrap(); // the answers leave by it too
            }
            assert_eq!(
                (way("192.0.2.2"), way("2001:db8::1")),
                (net.into(), net.into())
            );
            assert!(a.reaches("192.0.2.2"), "by {net}");
            lab.vetch("network check").ok().prints("");
            lab.vetch(&format!("detach {net} a --wait")).ok();
        }
        lab.vetch("network rm --wait blue red green").ok();
    });
}

/// As `gc` and every other command on the network do.
#[test]
fn a_repair_undoes_what_is_half_made() {
    lab(|lab| {
        let a = lab.netns("a");
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        attach(&mut host, &a, &["8080:80"]);
        lab.shell("cd /run/vetch/*/blue && mv up/*.json claimed/")
            .ok();
        lab.vetch("network repair").ok();
        assert!(host.attachments(None).unwrap().is_empty());
        let left = lab
            .shell("ip -o link | grep vtp; find /run/vetch -name '*vtp*'")
            .stdout;
        assert_eq!(left, "");
        away(host);
    });
}
