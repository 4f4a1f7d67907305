//! Words that cannot be right, of every command: refused with field and value before anything is touched.

use crate::network::{clear, web};
use vetch_tests::{Lab, lab};

/// Each line is refused with this exit code, the complaint holds each text, and nothing has changed.
#[track_caller]
fn refuses(lab: &Lab, code: i32, rows: &[(&str, &[&str])]) {
    let before = lab.state();
    for (words, texts) in rows {
        let said = lab.vetch(words).exits(code);
        for text in *texts {
            assert!(said.stderr.contains(text), "`{text}` is missing; {said}");
        }
    }
    let changed = before.difference(&lab.state());
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[test]
fn of_networks_and_attachments() {
    lab(|lab| {
        web(lab);
        let rows: &[(&str, &[&str])] = &[
            ("network rm a/b", &["NETWORK", "a/b"]),
            ("network rm", &["NETWORK"]),
            ("network inspect a:b", &["NETWORK", "a:b"]),
            ("network check a/b", &["NETWORK", "a/b"]),
            ("network check none", &["`none`", "`web`"]),
            ("network repair none", &["`none`", "`web`"]),
            ("network create", &["NAME"]),
            ("network create two three", &["three"]),
            ("network create two --subnet", &["--subnet"]),
            ("network create two --nonsense", &["--nonsense"]),
            ("network nonsense", &["nonsense"]),
            ("net create two --mtu 1e3", &["--mtu", "1e3"]),
            (
                "net create two --mtu 99999999999",
                &["--mtu", "99999999999"],
            ),
            ("net create two --queues 1.5", &["--queues", "1.5"]),
            ("net create two --queues 65", &["65", "1 to 64"]),
            ("net create two --ipv6 --mtu 1279", &["1279", "1280"]),
            ("net create two --bridge vtpx", &["vtpx"]),
            ("net create two --bridge lo", &["lo"]),
            ("detach web", &["ID|NETNS"]),
            ("detach web c1 --ifname a/b", &["--ifname", "a/b"]),
            ("detach web c1 c2", &["c2"]),
            ("attach web", &["NETNS"]),
            ("attach web c1 c2", &["c2"]),
            ("attach web c1 --ip", &["--ip"]),
            ("attach web c1 -p", &["--publish"]),
            ("attach web c1 -p 80:80/", &["tcp, udp or sctp"]),
            ("attach web c1 -p 80-70:80-70", &["80-70"]),
            ("attach web c1 -p 80-90:80", &["11 ports"]),
            ("attach web c1 -p 65530-65540:1-11", &["65540"]),
            ("attach web c1 -p fd00::1:80:80", &["[fd00::1]"]),
            ("attach web c1 -p 224.0.0.1:80:80", &["multicast"]),
            ("attach web c1 -p [fe80::1]:80:80", &["link-local"]),
            ("attach web c1 -p [::ffff:1.2.3.4]:80:80", &["IPv4"]),
            ("attach web pid:banana", &["pid:banana"]),
            ("attach web pid:-1", &["pid:-1"]),
            ("attach web /dev/null", &["/dev/null"]),
            ("attach web /nonexistent", &["/nonexistent"]),
            ("attach web ../c1", &["../c1"]),
        ];
        refuses(lab, 2, rows);
        clear(lab);
    });
}

#[test]
fn of_ports_and_everything_else() {
    lab(|lab| {
        web(lab);
        lab.vetch("attach web c1 -p 8080:80").ok();
        let rows: &[(&str, &[&str])] = &[
            ("port add web c1", &["no port", "-p"]),
            ("port add web none -p 90:90", &["none"]),
            ("port add none c1 -p 90:90", &["none"]),
            ("port add web c1 -p 0:90", &["1 to 65535"]),
            ("port add web c1 -p 8080:81", &["8080"]),
            ("port add web c1 -p 127.0.0.1:8080:81", &["8080"]),
            ("port add web c1 -p 203.0.113.9:90:90", &["203.0.113.9"]),
            ("port add web c1 --ifname eth7 -p 90:90", &["c1", "web"]),
            ("port rm web c1 -p 8080:81/tcp/x", &["8080:81/tcp/x"]),
            ("port ls none", &["none"]),
            ("port nonsense", &["nonsense"]),
            ("ls a/b", &["NETWORK", "a/b"]),
            ("lsns --type banana", &["--type", "banana"]),
            ("gc now", &["now"]),
            ("purge web", &["web"]),
            ("watch --every x", &["--every", "x"]),
            ("ls --lock-timeout -1", &["-1"]),
            ("ls --lock-timeout 3601", &["3601", "3600"]),
            ("frobnicate", &["frobnicate"]),
            ("--frobnicate", &["--frobnicate"]),
        ];
        refuses(lab, 2, rows);
        let launchers: &[(&str, &[&str])] = &[
            ("run", &["CMD"]),
            ("run --net a/b -- true", &["--net", "a/b"]),
            ("run --net ns:none -- true", &["none"]),
            ("run --net pid:banana -- true", &["banana"]),
            ("run --name a/b -- true", &["--name", "a/b"]),
            ("run --pid pid:0 -- true", &["pid:0"]),
            ("run --uts banana -- true", &["--uts", "banana"]),
            ("run --rootfs /nonexistent -- true", &["/nonexistent"]),
            ("run --rootfs /etc/passwd -- true", &["/etc/passwd"]),
            ("run --net none -p 80:80 -- true", &["-p", "--net NETWORK"]),
            ("run -p 8080:80 --net web -- true", &["8080"]),
            ("run -net=host -- true", &["--net host"]),
            ("exec", &["CMD"]),
            ("exec none -- true", &["none"]),
            ("exec pid:0 -- true", &["pid:0"]),
            ("exec ns:none -- true", &["none"]),
            ("sandbox --nonsense", &["--nonsense"]),
        ];
        refuses(lab, 125, launchers);
        refuses(lab, 127, &[("run -- nonexistent", &["nonexistent"])]);
        refuses(lab, 126, &[("run -- /etc/passwd", &["/etc/passwd"])]);
        clear(lab);
    });
}
