//! The same again, killed half way, gone by itself, many at once: whole or absent.

use crate::*;
use std::path::Path;
use std::time::Duration;

#[test]
fn the_same_again_is_the_same_and_other_wishes_are_refused() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        let net = host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        assert_eq!(host.create_network(&network(&[])).unwrap(), net);
        let other = host.create_network(&network(&["10.8.0.0/24"])).unwrap_err();
        assert!(
            other.is_exists() && format!("{other:?}").contains("10.8.0.0/24"),
            "{other:?}"
        );

        let one = attach(&mut host, &a, &["8080:80"]);
        let before = lab.state();
        assert_eq!(attach(&mut host, &a, &["8080:80"]), one);
        assert!(before.difference(&lab.state()).is_empty());
        for ports in [&["8081:80"][..], &[]] {
            let err = host.attach(&spec(&a, ports), &netns(&a)).unwrap_err();
            assert!(
                err.is_exists() && format!("{err:?}").contains("8080:80"),
                "{err:?}"
            );
        }
        let stolen = host
            .attach(
                &AttachmentSpec {
                    id: id("a"),
                    ..spec(&a, &["8080:80"])
                },
                &netns(&b),
            )
            .unwrap_err();
        assert!(
            format!("{stolen:?}").contains("another namespace"),
            "{stolen:?}"
        );
        let port = host
            .attach(&spec(&b, &["127.0.0.1:8080:80"]), &netns(&b))
            .unwrap_err();
        assert!(format!("{port:?}").contains("cli:a"), "{port:?}");

        for _ in 0..3 {
            host.detach(&blue(), &who("a"), None)
                .unwrap()
                .settle()
                .unwrap();
        }
        assert!(host.attachments(None).unwrap().is_empty());
        away(host);
        let mut host = Host::open().unwrap();
        host.remove_network(&blue(), false)
            .unwrap()
            .settle()
            .unwrap();
        host.detach(&blue(), &who("a"), None)
            .unwrap()
            .settle()
            .unwrap();
    });
}

#[test]
fn detach_needs_nothing_of_what_it_removes() {
    lab(|lab| {
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let gone = NetNs::create().unwrap();
        host.attach(&AttachmentSpec::new(blue(), id("gone")), &gone)
            .unwrap();
        drop(gone);
        let (a, b, c) = (lab.netns("a"), lab.netns("b"), lab.netns("c"));
        attach(&mut host, &a, &["81:80"]);
        a.cmd("ip link delete eth0").ok();
        attach(&mut host, &b, &["82:80"]);
        lab.cmd("nft flush ruleset").ok();
        attach(&mut host, &c, &["83:80"]);
        lab.cmd("ip link delete vbr-blue").ok();
        for name in ["gone", "a", "b", "c"] {
            host.detach(&blue(), &who(name), None)
                .unwrap()
                .settle()
                .unwrap();
        }
        away(host);
    });
}

#[test]
fn what_a_vanished_namespace_held_is_free() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/29"])).unwrap();
        let vanished = |host: &mut Host, name: &str, ports: &[&str]| {
            let gone = NetNs::create().unwrap();
            let spec = AttachmentSpec {
                ports: ports.iter().map(|port| port.parse().unwrap()).collect(),
                ..AttachmentSpec::new(blue(), id(name))
            };
            let attachment = host.attach(&spec, &gone).unwrap();
            drop(gone);
            let link = format!("/proc/sys/net/ipv4/conf/{}", attachment.host_end);
            let deleted = (0..200).any(|_| {
                std::thread::sleep(Duration::from_millis(10));
                !Path::new(&link).exists()
            });
            assert!(deleted, "the kernel deletes the pair with the namespace");
            attachment
        };
        let one = vanished(&mut host, "one", &["8080:80"]);
        assert_eq!(host.attachments(None).unwrap()[0].state, State::Gone);
        let wish = AttachmentSpec {
            addresses: vec![one.addresses[0].addr()],
            ..spec(&a, &["8080:80"])
        };
        host.attach(&wish, &netns(&a)).unwrap();
        for name in ["two", "three", "four", "five"] {
            vanished(&mut host, name, &[]);
        }
        attach(&mut host, &b, &[]); // the subnet has five addresses
        assert!(b.reaches("10.7.0.2"));
        for name in ["a", "b"] {
            host.detach(&blue(), &who(name), None)
                .unwrap()
                .settle()
                .unwrap();
        }
        vanished(&mut host, "six", &[]);
        host.remove_network(&blue(), false)
            .unwrap()
            .settle()
            .unwrap();
    });
}

#[test]
fn a_flushed_ruleset_is_restored_with_the_neighbours() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        attach(&mut host, &a, &["8080:80"]);
        lab.cmd("nft flush ruleset").ok();
        attach(&mut host, &b, &[]);
        let web = a.tcp_server("0.0.0.0:80");
        outside.tcp("192.0.2.1:8080").unwrap();
        assert!(a.reaches("10.7.0.3"));
        assert_eq!(web.seen().len(), 1);
        away(host);
    });
}

#[test]
fn attach_right_after_detach_again_and_again() {
    lab(|lab| {
        let a = lab.netns("a");
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/28"])).unwrap();
        let mut later = Vec::new();
        for round in 0..30 {
            attach(&mut host, &a, &["8080:80"]);
            let detached = host.detach(&blue(), &who("a"), None).unwrap();
            match round % 3 {
                0 => later.push(detached),
                1 => drop(detached), // a killed child: nobody settles
                _ => detached.settle().unwrap(),
            }
        }
        for detached in later {
            detached.settle().unwrap();
        }
        let found = host.gc().unwrap();
        assert!(found.attachments.is_empty());
        assert!(!lab.cmd("ip -o link").ok().stdout.contains("vx"));
        away(host);
    });
}

#[test]
fn what_a_killed_attach_left_is_undone_by_the_next() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let one = attach(&mut host, &a, &["8080:80"]);
        let cookie = NetNs::current().unwrap().cookie().unwrap();
        let dir = format!("/run/vetch/{cookie}/blue");
        let name = format!("{}.json", one.host_end);
        fs::rename(format!("{dir}/up/{name}"), format!("{dir}/claimed/{name}")).unwrap();
        let two = attach(&mut host, &b, &["8080:80"]);
        assert!(a.cmd("ip link show eth0").code != 0, "undone");
        assert_eq!(host.attachments(None).unwrap(), [two]);
        away(host);
    });
}

#[test]
fn a_pair_that_has_no_alias_yet_is_taken_away_too() {
    lab(|lab| {
        let (a, b) = (lab.netns("a"), lab.netns("b"));
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let one = attach(&mut host, &a, &[]);
        let cookie = NetNs::current().unwrap().cookie().unwrap();
        let dir = format!("/run/vetch/{cookie}/blue");
        let name = format!("{}.json", one.host_end);
        fs::rename(format!("{dir}/up/{name}"), format!("{dir}/claimed/{name}")).unwrap();
        lab.argv(&["ip", "link", "set", &one.host_end.to_string(), "alias", ""])
            .go()
            .ok();
        attach(&mut host, &b, &[]);
        let links = lab.cmd("ip -o link").ok().stdout;
        assert!(!links.contains("vx"), "{links}");
        away(host);
    });
}

#[test]
fn what_nobody_settles_is_deleted_by_the_next_command() {
    lab(|lab| {
        let a = lab.netns("a");
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        attach(&mut host, &a, &[]);
        let links = || lab.cmd("ip -o link").ok().stdout;
        let detached = host.detach(&blue(), &who("a"), None).unwrap();
        let second = host.detach(&blue(), &who("a"), None).unwrap();
        second.settle().unwrap();
        assert!(links().contains("vx"), "somebody is at it");
        drop(detached);
        let third = host.detach(&blue(), &who("a"), None).unwrap();
        third.settle().unwrap();
        assert!(!links().contains("vx"), "{}", links());
        away(host);
    });
}

#[test]
fn many_that_nobody_settles_are_deleted_together() {
    lab(|lab| {
        let a = lab.netns("a");
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let mut later = Vec::new();
        for _ in 0..5 {
            attach(&mut host, &a, &["8080:80/udp"]);
            later.push(host.detach(&blue(), &who("a"), None).unwrap());
        }
        drop(later);
        let last = host.detach(&blue(), &who("a"), None).unwrap();
        last.settle().unwrap();
        let links = lab.cmd("ip -o link").ok().stdout;
        let notes = lab.shell("find /run/vetch -path '*dying/*'").ok().stdout;
        assert!(!links.contains("vx") && notes.is_empty(), "{links}{notes}");
        away(host);
    });
}

#[test]
fn a_namespace_that_came_back_under_its_name_is_another() {
    lab(|lab| {
        lab.leaves_state();
        lab.cmd("ip netns add web").ok();
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let open = || NetNs::open_path("/run/netns/web").unwrap();
        let spec = AttachmentSpec::new(blue(), id("web"));
        let first = host.attach(&spec, &open()).unwrap();
        lab.cmd("ip netns delete web").ok();
        lab.cmd("ip netns add web").ok();
        let second = host.attach(&spec, &open()).unwrap();
        assert_ne!(first.cookie, second.cookie);
        assert_eq!(host.attachments(None).unwrap(), [second]);
        away(host);
    });
}

#[test]
fn many_at_once_get_each_an_address() {
    lab(|lab| {
        let mut host = Host::open().unwrap();
        host.create_network(&network(&["10.7.0.0/24"])).unwrap();
        let nodes: Vec<Node> = (0..12).map(|i| lab.netns(&format!("n{i}"))).collect();
        let mut addresses: Vec<String> = std::thread::scope(|scope| {
            let one = |node: &Node| {
                let (path, name) = (node.path().to_owned(), node.name().to_owned());
                scope.spawn(move || {
                    let namespace = NetNs::open_path(path).unwrap();
                    let spec = AttachmentSpec::new(blue(), id(&name));
                    address(&Host::open().unwrap().attach(&spec, &namespace).unwrap())
                })
            };
            let threads: Vec<_> = nodes.iter().map(one).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 12);
        assert!(nodes[3].reaches(&addresses[0]));
        away(host);
    });
}

/// A process that is killed while it writes a record leaves a draft of it, and nothing else may be left to find it by.
#[test]
fn drafts_of_killed_commands_go_with_the_next_one() {
    lab(|lab| {
        lab.vetch("network create blue --subnet 10.7.0.0/24").ok();
        let drafts = || lab.shell("find /run/vetch -name '.*.draft'").ok().stdout;
        for (draft, next) in [
            (
                "blue/claimed/.vtpaaaaaaaaaaaa.json.draft",
                "detach blue nobody",
            ),
            (".host/.opened.json.draft", "network rm red"),
            ("blue/.definition.json.draft", "network create blue"),
        ] {
            lab.shell(&format!("cd /run/vetch/*; umask 077; echo '{{' > {draft}"))
                .ok();
            assert_ne!(drafts(), "");
            lab.vetch(next).ok();
            assert_eq!(drafts(), "", "after {next}");
        }
        lab.vetch("network rm --wait blue").ok();
    });
}

/// More than a few are taken away together; who is in another network stays in it.
#[test]
fn a_network_with_many_goes_at_once() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        lab.vetch("network create blue --subnet 10.7.0.0/24 --subnet fd07::/64")
            .ok();
        lab.vetch("network create red --subnet 10.8.0.0/24").ok();
        let names: Vec<String> = (0..12).map(|n| format!("c{n}")).collect();
        let nodes: Vec<Node> = names.iter().map(|name| lab.netns(name)).collect();
        for (n, name) in names.iter().enumerate() {
            let ports = format!("-p {}:80 -p 127.0.0.1:{}:80", 8000 + n, 9000 + n);
            lab.vetch(&format!("attach blue {name} {ports}")).ok();
        }
        lab.vetch("attach red c0 --ifname eth1 -p 7000:80").ok();
        assert!(nodes[1].reaches("10.7.0.2") && nodes[2].reaches("192.0.2.2"));
        lab.vetch("network rm --force blue").ok();
        let left = lab.shell("ip -o link | grep -c 'vtp\\|vx'; nft list ruleset | grep vetch:blue; find /run/vetch | grep blue; conntrack -L 2>/dev/null | grep '=10.7.0'").stdout;
        assert_eq!(left.trim(), "1", "the end of red's is all");
        for node in &nodes {
            assert!(!node.shell("ip link").stdout.contains("eth0"));
        }
        let _served = nodes[0].tcp_server("0.0.0.0:80");
        outside.tcp("192.0.2.1:7000").unwrap();
        lab.vetch("network check").ok();
        lab.vetch("network rm --force --wait red").ok();
    });
}
