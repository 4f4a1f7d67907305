//! Of record, firewall and link any one may be lost.

use crate::*;

/// Where the claim of an attachment lies.
fn claim(attachment: &Attachment) -> String {
    let cookie = NetNs::current().unwrap().cookie().unwrap();
    format!("/run/vetch/{cookie}/blue/up/{}.json", attachment.host_end)
}

fn detach(host: &mut Host, name: &str) {
    let gone = host.detach(&blue(), &who(name), None).unwrap();
    assert_eq!(gone.attachments().len(), 1, "{name} is found");
    gone.settle().unwrap();
}

#[test]
fn a_lost_record_is_told_from_the_kernel() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24", "fd07::/64"]))
            .unwrap();
        let ports = [
            "8080:80",
            "192.0.2.1:53:53/udp",
            "5000-5200:5000-5200",
            "70-73:70-73",
        ];
        let one = attach(&mut host, &a, &ports);
        let same = |host: &mut Host| {
            let again = attach(host, &a, &ports);
            let told = |of: &Attachment| {
                (
                    of.key.clone(),
                    of.addresses.clone(),
                    of.mac,
                    of.cookie,
                    of.gateways.clone(),
                )
            };
            assert_eq!(told(&again), told(&one));
        };
        fs::remove_file(claim(&one)).unwrap();
        same(&mut host);
        fs::write(claim(&one), b"{\"format\":1,").unwrap();
        assert_eq!(
            host.attachments(None).unwrap().len(),
            1,
            "listed all the same"
        );
        same(&mut host);
        let cookie = NetNs::current().unwrap().cookie().unwrap();
        for part in ["addresses", "up", "claimed", "leaving", "loopback"] {
            fs::remove_dir_all(format!("/run/vetch/{cookie}/blue/{part}")).unwrap();
        }
        fs::remove_dir_all(format!("/run/vetch/{cookie}/.host")).unwrap();
        let other = host
            .attach(&spec(&b, &["8080:80"]), &netns(&b))
            .unwrap_err();
        assert!(format!("{other:?}").contains("cli:a"), "{other:?}");
        assert_eq!(address(&attach(&mut host, &b, &[])), "10.7.0.3");
        same(&mut host);
        let web = a.tcp_server("0.0.0.0:80");
        outside.tcp("192.0.2.1:8080").unwrap();
        assert_eq!(web.seen().len(), 1);
        away(host);
    });
}

#[test]
fn detach_needs_no_record() {
    lab(|lab| {
        let nodes = ["a", "b", "c"].map(|name| lab.netns(name));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let all: Vec<_> = nodes
            .iter()
            .zip(["81:80", "82:80", "83:80"])
            .map(|(node, port)| attach(&mut host, node, &[port]))
            .collect();
        fs::remove_file(claim(&all[0])).unwrap();
        fs::write(claim(&all[1]), b"").unwrap();
        fs::remove_file(claim(&all[2])).unwrap();
        lab.cmd(&format!("ip link delete {}", all[2].host_end)).ok();
        for name in ["a", "b", "c"] {
            detach(&mut host, name);
        }
        assert!(host.attachments(None).unwrap().is_empty());
        let ruleset = lab.cmd("nft list ruleset").ok().stdout;
        assert!(!ruleset.contains("vetch:blue/"), "{ruleset}");
        host.remove_network(&blue(), false)
            .unwrap()
            .settle()
            .unwrap();
    });
}

#[test]
fn a_network_is_removed_with_what_no_record_knows() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let one = attach(&mut host, &a, &["81:80"]);
        let two = attach(&mut host, &b, &[]);
        fs::remove_file(claim(&one)).unwrap();
        fs::write(claim(&two), b"{").unwrap();
        let held = host.remove_network(&blue(), false).unwrap_err();
        assert!(format!("{held:?}").contains("2 attached"), "{held:?}");
        away(host);
    });
}

/// Record and firewall are lost, and what they knew of a port with them: what is held for nobody is anybody's.
#[test]
fn a_port_that_is_held_for_nobody_is_free() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let forget = |of: &Attachment| {
            fs::remove_file(claim(of)).unwrap();
            lab.shell(&format!(
                "nft flush ruleset; ip link delete {}",
                of.host_end
            ))
            .ok();
        };
        forget(&attach(&mut host, &a, &["8080:80"]));
        let held = || {
            lab.shell("find /run/vetch -path '*tcp/8080*' -type l")
                .stdout
        };
        assert!(held().contains("8080"));
        lab.vetch("attach blue b -p 8080:80 --dry-run").ok();
        attach(&mut host, &b, &["8080:80"]);
        detach(&mut host, "b");
        forget(&attach(&mut host, &a, &["8080:80"]));
        host.gc().unwrap();
        assert_eq!(held(), "");
        away(host);
    });
}
