//! Input that cannot be right: refused with field, value and what is right, exit code 2, and nothing left behind.

use crate::launch::is_real_root;
use crate::network::{clear, web};
use vetch_tests::{Lab, lab, skip};

/// Each line of words is refused, the complaint holds each text, and nothing has changed.
#[track_caller]
fn refuses(lab: &Lab, rows: &[(&[&str], &[&str])]) {
    for (words, texts) in rows {
        let before = lab.state();
        let said = lab.vetch_argv(words).go().exits(2);
        for text in *texts {
            assert!(
                said.stderr.contains(text),
                "`{text}` is not in the complaint; {said}"
            );
        }
        assert!(!said.stderr.contains('\u{1b}'), "{said}");
        let changed = before.difference(&lab.state());
        assert!(changed.is_empty(), "{said}\n{}", changed.join("\n"));
    }
}

#[test]
fn names_of_networks() {
    let long = "n".repeat(41);
    lab(move |lab| {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a\u{1b}[2J",
            "a b",
            "a\nb",
            "%d",
            "-a",
            &long,
        ] {
            refuses(lab, &[(&["network", "create", "--", name], &["name"])]);
        }
    });
}

#[test]
fn names_of_interfaces() {
    lab(|lab| {
        web(lab);
        for name in [
            "",
            "sixteen-bytes-xx",
            "a/b",
            ".",
            "..",
            "a\u{1b}b",
            "a b",
            "eth%d",
            "a:b",
        ] {
            refuses(
                lab,
                &[(
                    &["attach", "web", "c1", &format!("--ifname={name}")],
                    &["ifname"],
                )],
            );
            refuses(
                lab,
                &[(
                    &["network", "create", "other", &format!("--bridge={name}")],
                    &["bridge"],
                )],
            );
        }
        refuses(
            lab,
            &[(&["attach", "web", "c1", "--ifname", "lo"], &["lo"])],
        );
        clear(lab);
    });
}

#[test]
fn ids_and_namespaces() {
    lab(|lab| {
        web(lab);
        refuses(
            lab,
            &[
                (&["attach", "web", "c1", "--id", ""], &["id", "empty"]),
                (
                    &["attach", "web", "c1", "--id", &"i".repeat(97)],
                    &["id", "96"],
                ),
                (
                    &["attach", "web", "nosuch"],
                    &["nosuch", "vetch netns add nosuch"],
                ),
                (&["attach", "web", ""], &["empty"]),
                (&["attach", "web", "pid:0"], &["pid:0"]),
                (&["attach", "web", "pid:4194304"], &["4194304"]),
                (&["attach", "web", "/etc/passwd"], &["/etc/passwd"]),
                (
                    &["attach", "web", "/proc/self/ns/mnt"],
                    &["/proc/self/ns/mnt"],
                ),
                (
                    &["attach", "web", "/proc/self/ns/net"],
                    &["/proc/self/ns/net"],
                ),
                (&["attach", "nosuch", "c1"], &["nosuch"]),
                (&["detach", "nosuch/", "c1"], &["NETWORK"]),
                (&["detach", "web", ""], &["empty"]),
                (&["network", "inspect", "nosuch"], &["nosuch"]),
                (&["ls", "nosuch"], &["nosuch"]),
            ],
        );
        clear(lab);
    });
}

#[test]
fn prefixes() {
    lab(|lab| {
        for (prefix, why) in [
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("10.7.0.1/32", "/32"),
            ("10.7.0.0/33", "33"),
            ("10.7.0.1/24", "10.7.0.0/24"),
            ("10.7.0.0", "length"),
            ("banana", "length"),
            ("::ffff:10.7.0.0/120", "IPv4"),
            ("fd00::/129", "129"),
            ("127.0.0.0/8", "127.0.0.0/8"),
            ("224.0.0.0/24", "224.0.0.0/24"),
            ("169.254.0.0/16", "169.254.0.0/16"),
            ("fe80::/64", "fe80::/64"),
        ] {
            refuses(
                lab,
                &[(
                    &["network", "create", "web", "--subnet", prefix],
                    &["subnet", why],
                )],
            );
        }
    });
}

#[test]
fn networks_that_meet() {
    lab(|lab| {
        lab.outside("internet", "uplink");
        web(lab);
        refuses(
            lab,
            &[
                (
                    &["network", "create", "two", "--subnet", "10.77.0.0/25"],
                    &["10.77.0.0/25", "web"],
                ),
                (
                    &["network", "create", "two", "--subnet", "10.0.0.0/8"],
                    &["10.0.0.0/8", "web"],
                ),
                (
                    &["network", "create", "two", "--subnet", "192.0.2.0/25"],
                    &["192.0.2.0/25", "uplink"],
                ),
                (
                    &[
                        "network",
                        "create",
                        "two",
                        "--subnet",
                        "10.8.0.0/24",
                        "--subnet",
                        "10.9.0.0/24",
                    ],
                    &["10.9.0.0/24"],
                ),
                (&["network", "create", "web", "--internal"], &["web"]),
                (
                    &["network", "create", "two", "--bridge", "vbr-web"],
                    &["vbr-web"],
                ),
                (
                    &["network", "create", "two", "--bridge", "uplink"],
                    &["uplink"],
                ),
            ],
        );
        clear(lab);
    });
}

#[test]
fn policies() {
    lab(|lab| {
        web(lab);
        lab.vetch("network create grey --internal").ok();
        let create = |words: &str, why: &[&str]| {
            let words: Vec<_> = ["network", "create", "two"]
                .into_iter()
                .chain(words.split(' '))
                .collect();
            refuses(lab, &[(&words, why)]);
        };
        create(
            "--allow banana",
            &["--allow", "banana", "PREFIX[:PORT[/PROTO]]"],
        );
        create("--allow 10.0.0.1/8", &["10.0.0.1/8", "10.0.0.0/8"]);
        create("--deny 10.0.0.0/8:0", &["--deny", "1 to 65535"]);
        create("--deny 10.0.0.0/8:80/icmp", &["icmp", "tcp, udp or sctp"]);
        create("--deny [fd00::/8", &["fd00::/8", "bracket"]);
        create("--deny ::ffff:10.0.0.0/104", &["IPv4-mapped"]);
        create("--host-service 53", &["--host-service", "tcp:53"]);
        create("--host-service icmp:53", &["icmp", "tcp, udp or sctp"]);
        create("--host-service tcp:1-100", &["tcp:1-100", "64"]);
        create("--reach none", &["`none`", "vetch network create none"]);
        create("--reach two", &["`two`", "itself"]);
        create("--reach grey", &["`grey`", "internal"]);
        create("--reached-by grey", &["`grey`", "internal"]);
        create("--reach web --internal", &["`two` is internal"]);
        create("--reach web --subnet fd00:2::/64", &["`web`", "only IPv6"]);
        create(
            "--no-masquerade --internal",
            &["--no-masquerade", "--internal"],
        );
        lab.vetch("network rm --wait grey").ok();
        clear(lab);
    });
}

#[test]
fn gateways_and_sizes() {
    lab(|lab| {
        let create = |option: &str, value: &str, why: &str| {
            let words = [
                "network",
                "create",
                "web",
                "--subnet",
                "10.77.0.0/24",
                option,
                value,
            ];
            refuses(lab, &[(&words, &[why])]);
        };
        create("--gateway", "10.78.0.1", "10.78.0.1");
        create("--gateway", "10.77.0.0", "10.77.0.0");
        create("--gateway", "10.77.0.255", "10.77.0.255");
        create("--gateway", "banana", "gateway");
        create("--gateway", "fd00::1", "fd00::1");
        create("--mtu", "0", "mtu");
        create("--mtu", "67", "67");
        create("--mtu", "65536", "65536");
        create("--mtu", "-5", "mtu");
        create("--queues", "0", "queues");
        create("--queues", "100000", "100000");
    });
}

#[test]
fn addresses() {
    lab(|lab| {
        web(lab);
        lab.netns("c2");
        lab.vetch("attach web c2").ok();
        for (address, why) in [
            ("10.77.0.0", "10.77.0.0"),
            ("10.77.0.255", "10.77.0.255"),
            ("10.77.0.1", "gateway"),
            ("10.77.0.2", "cli:c2"),
            ("10.78.0.2", "10.78.0.2"),
            ("fd00::2", "fd00::2"),
            ("0.0.0.0", "0.0.0.0"),
            ("banana", "banana"),
            ("10.77.0.9/24", "10.77.0.9/24"),
            ("::ffff:10.77.0.9", "::ffff:10.77.0.9"),
        ] {
            refuses(lab, &[(&["attach", "web", "c1", "--ip", address], &[why])]);
        }
        refuses(
            lab,
            &[(
                &[
                    "attach",
                    "web",
                    "c1",
                    "--ip",
                    "10.77.0.8",
                    "--ip",
                    "10.77.0.9",
                ],
                &["10.77.0.9"],
            )],
        );
        for (mac, why) in [
            ("01:00:5e:00:00:01", "multicast"),
            ("ff:ff:ff:ff:ff:ff", "multicast"),
            ("00:00:00:00:00:00", "00:00:00:00:00:00"),
            ("02:00:00:00:00", "mac"),
            ("banana", "mac"),
        ] {
            refuses(lab, &[(&["attach", "web", "c1", "--mac", mac], &[why])]);
        }
        clear(lab);
    });
}

#[test]
fn ports() {
    lab(|lab| {
        web(lab);
        lab.netns("c2");
        lab.vetch("attach web c2 -p 8080:80").ok();
        for (port, why) in [
            ("0:80", "1 to 65535"),
            ("80:0", "1 to 65535"),
            ("65536:80", "1 to 65535"),
            ("80", "port on the host is missing"),
            ("-1:80", "1 to 65535"),
            ("80:80/icmp", "tcp, udp or sctp"),
            ("banana:80:80", "banana"),
            ("[::1]:80:80", "127.0.0.1"),
            ("8080:80", "8080"),
            ("127.0.0.1:8080:80", "8080"),
            ("8000-8100:8000-8100", "8080"),
        ] {
            refuses(
                lab,
                &[(
                    &["attach", "web", "c1", &format!("--publish={port}")],
                    &[why],
                )],
            );
        }
        refuses(
            lab,
            &[(
                &["attach", "web", "c1", "-p", "90:80", "-p", "90:81"],
                &["90"],
            )],
        );
        clear(lab);
    });
}

#[test]
fn the_wrong_way_around_and_already_there() {
    lab(|lab| {
        let c1 = web(lab);
        c1.cmd("ip link add eth0 type veth peer name other").ok();
        refuses(lab, &[(&["attach", "web", "c1"], &["eth0", "c1"])]);
        c1.cmd("ip link delete eth0").ok();
        lab.vetch("attach web c1 --id one").ok();
        refuses(lab, &[(&["attach", "web", "c1", "--id", "two"], &["eth0"])]);
        clear(lab);
    });
}

#[test]
fn without_the_privilege() {
    lab(|lab| {
        let vetch = std::env::var("VETCH_BIN").unwrap_or_default();
        let c1 = web(lab);
        let unprivileged = |words: &str| {
            let drop = "--bounding-set=-net_admin,-sys_admin,-sys_ptrace";
            let before = lab.state();
            let argv = ["setpriv", drop, &vetch]
                .into_iter()
                .chain(words.split(' '))
                .collect::<Vec<_>>();
            let said = lab.argv(&argv).go();
            assert_eq!(
                before.difference(&lab.state()),
                Vec::<String>::new(),
                "{said}"
            );
            said
        };
        unprivileged("network create two")
            .exits(2)
            .complains("hint:")
            .complains("vetch sandbox");
        unprivileged("attach web c1").exits(2).complains("hint:");
        unprivileged("run -- true").exits(125).complains("hint:");
        assert!(c1.cmd("ip link show eth0").code != 0);
        clear(lab);
    });
}

#[test]
fn an_ordinary_user_is_told_of_the_sandbox() {
    lab(|lab| {
        if !is_real_root() {
            skip!("root: becoming another user takes all user numbers");
        }
        let vetch = std::env::var("VETCH_BIN").unwrap_or_default();
        let nobody = [
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
        ];
        lab.fixture(|| {
            lab.shell("mkdir -m 700 /run/own; chown 65534 /run/own")
                .ok()
        });
        for words in ["network create two", "run -- true"] {
            let argv: Vec<_> = nobody
                .into_iter()
                .chain([&*vetch])
                .chain(words.split(' '))
                .collect();
            lab.argv(&argv).go().fails().complains("vetch sandbox");
            let own = lab.argv(&argv).env("XDG_RUNTIME_DIR", "/run/own").go();
            own.fails().complains("vetch sandbox");
        }
    });
}
