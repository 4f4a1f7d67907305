//! `vetch port` on running attachments: while connections stand, killed anywhere, many times.

use crate::{clear, lab, outside, web};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;
use vetch_tests::skip::has_tool;
use vetch_tests::{Lab, Node, skip};

const LIMIT: Duration = Duration::from_millis(1300);

/// A connection that stands, to a server that repeats what it hears.
struct Line(TcpStream);

impl Line {
    fn open(server: &Node, at: &str, client: &Node, to: &str) -> Line {
        let listener = server.run(|| TcpListener::bind(at)).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let mut byte = [0];
            while stream.read(&mut byte)? == 1 {
                stream.write_all(&byte)?;
            }
            std::io::Result::Ok(())
        });
        let to = to.parse().unwrap();
        let stream = client
            .run(|| TcpStream::connect_timeout(&to, LIMIT))
            .unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Line(stream)
    }

    #[track_caller]
    fn stands(&mut self) {
        let mut byte = [0];
        self.0.write_all(b"x").unwrap();
        self.0.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }
}

/// One flow of UDP: the same socket all the time.
struct Flow(UdpSocket);

impl Flow {
    fn open(client: &Node, to: &str) -> Flow {
        let any = if to.starts_with('[') {
            "[::]:0"
        } else {
            "0.0.0.0:0"
        };
        let socket = client.run(|| UdpSocket::bind(any)).unwrap();
        socket.connect(to).unwrap();
        socket.set_read_timeout(Some(LIMIT / 4)).unwrap();
        Flow(socket)
    }

    /// Whether one of a few datagrams is answered.
    fn is_answered(&self) -> bool {
        (0..4).any(|_| {
            let mut answer = [0; 64];
            self.0
                .send(b"?")
                .and_then(|_| self.0.recv(&mut answer))
                .is_ok()
        })
    }
}

#[test]
fn ports_come_and_go_while_connections_stand() {
    lab(|lab| {
        let outside = outside(lab);
        let c1 = web(lab);
        lab.vetch("attach web c1 -p 8080:80").ok();
        let mut line = Line::open(&c1, "[::]:80", &outside, "192.0.2.1:8080");
        let mut line6 = Line::open(&c1, "[::]:82", &c1, "[fd77::2]:82");
        line.stands();
        let _web = c1.tcp_server("[::]:81");
        assert!(outside.tcp("192.0.2.1:8081").is_err());
        lab.vetch("port add web c1 -p 8081:81 -p [2001:db8:1::1]:9000:81")
            .ok();
        outside.tcp("192.0.2.1:8081").unwrap();
        outside.tcp("[2001:db8:1::1]:9000").unwrap();
        c1.tcp("192.0.2.1:8081").unwrap(); // hairpin
        line.stands();
        lab.vetch("port rm web c1 -p 8081:81").ok();
        assert!(outside.tcp("192.0.2.1:8081").is_err());
        outside.tcp("[2001:db8:1::1]:9000").unwrap();
        line.stands();
        // its own port: what stands goes on, nobody new comes in
        lab.vetch("port rm web c1 -p 8080:80").ok();
        line.stands();
        line6.stands();
        assert!(outside.tcp("192.0.2.1:8080").is_err());
        clear(lab);
    });
}

#[test]
fn a_flow_of_udp_is_cut_when_its_port_comes_or_goes() {
    lab(|lab| {
        let outside = outside(lab);
        let c1 = web(lab);
        lab.vetch("attach web c1").ok();
        let _dns = c1.udp_server("[::]:53");
        let many = " -p 54-80:53-79/udp -p 192.0.2.1:90-99:53-62/udp";
        for (ports, to) in [
            (" -p 53:53/udp", "192.0.2.1:53"),
            (" -p 53:53/udp", "[2001:db8:1::1]:53"),
            (" -p 192.0.2.1:5353:53/udp", "192.0.2.1:5353"),
            (many, "192.0.2.1:54"),
            (many, "192.0.2.1:90"),
        ] {
            let flow = Flow::open(&outside, to);
            assert!(!flow.is_answered(), "{to} is closed");
            lab.vetch(&format!("port add web c1{ports}")).ok();
            assert!(flow.is_answered(), "{to}: the same socket gets there now");
            lab.vetch(&format!("port rm web c1{ports}")).ok();
            assert!(!flow.is_answered(), "{to}: and not any more");
        }
        clear(lab);
    });
}

/// The question of a neighbour to a name server outside is under way while port 53 is published here.
#[test]
fn flows_that_only_pass_are_left_alone() {
    lab(|lab| {
        let outside = outside(lab);
        let c2 = lab.netns("c2");
        web(lab);
        lab.vetch("attach web c1").ok();
        lab.vetch("attach web c2").ok();
        let far = outside.run(|| UdpSocket::bind("192.0.2.2:53")).unwrap();
        far.set_read_timeout(Some(LIMIT)).unwrap();
        for ports in ["-p 53:53/udp", "-p 50-60:50-60/udp"] {
            let asked = Flow::open(&c2, "192.0.2.2:53");
            asked.0.send(b"?").unwrap();
            let (_, from) = far.recv_from(&mut [0; 8]).unwrap();
            lab.vetch(&format!("port add web c1 {ports}")).ok();
            far.send_to(b"!", from).unwrap();
            asked.0.recv(&mut [0; 8]).unwrap();
            lab.vetch("port rm web c1 --all").ok();
        }
        clear(lab);
    });
}

#[test]
fn the_first_and_the_last_port_switch_what_only_ports_need() {
    lab(|lab| {
        lab.netns("c2");
        web(lab);
        lab.vetch("attach web c1").ok();
        lab.vetch("attach web c2").ok();
        let localnet = || {
            let path = "/proc/sys/net/ipv4/conf/vbr-web/route_localnet";
            lab.run(|| std::fs::read_to_string(path)).unwrap().trim() == "1"
        };
        let hairpins = || {
            let ports = lab.cmd("bridge -d link show").ok().stdout;
            ports.matches("hairpin on").count()
        };
        let has = |ports: usize, loopback: bool| {
            assert_eq!((hairpins(), localnet()), (ports, loopback));
        };
        has(0, false);
        lab.vetch("port add web c1 -p 10.77.0.1:80:80").ok();
        has(1, false);
        lab.vetch("port add web c1 -p 127.0.0.1:81:80").ok();
        lab.vetch("port add web c2 -p 8080:80").ok();
        has(2, true);
        lab.vetch("port rm web c1 --all").ok();
        has(1, true);
        lab.vetch("detach web c2 --wait").ok();
        has(0, false);
        clear(lab);
    });
}

/// Words, and what the refusal says.
const REFUSED: [(&str, &[&str]); 12] = [
    (
        "port add web c2 -p 8080:80",
        &["`cli:c1` (eth0)", "8080:80/tcp"],
    ),
    (
        "port add web c1 -p 8080:81",
        &["itself", "vetch port rm web cli:c1"],
    ),
    ("port add web c2 -p 99:99", &["127.0.0.1:99", "pid"]),
    (
        "port add web c2 -p 192.0.2.7:1:1",
        &["192.0.2.7", "--nonlocal"],
    ),
    ("port add web c2 -p [::1]:1:1", &["127.0.0.1"]),
    ("port add web c2 -p 0:1", &["1 to 65535"]),
    ("port add web c2 -p 1:1 -p 127.0.0.1:1:2", &["same port"]),
    ("port add web nosuch -p 1:1", &["nosuch", "vetch ls web"]),
    ("port add nosuch c2 -p 1:1", &["nosuch", "web"]),
    (
        "port rm web c1 -p 8080:81",
        &["what is published is 8080:80/tcp"],
    ),
    ("port rm web c1 -p 5000:5000", &["5000-5009:5000-5009/tcp"]),
    ("port add web c2", &["-p"]),
];

#[test]
fn what_is_typed_wrong_is_refused_and_the_same_again_is_not() {
    lab(|lab| {
        lab.netns("c2");
        let c1 = web(lab);
        lab.vetch("attach web c1 -p 8080:80 -p 5000-5009:5000-5009")
            .ok();
        lab.vetch("attach web c2").ok();
        let _listener = lab.tcp_server("127.0.0.1:99");
        let before = lab.state();
        for (words, texts) in REFUSED {
            let said = lab.vetch(words).exits(2);
            for text in texts {
                assert!(said.stderr.contains(text), "`{text}` is missing; {said}");
            }
        }
        for words in [
            "port add web c1 -p 8080:80",
            "port rm web c1 -p 8081:80",
            "port rm web c2 --all",
            "port add web c2 -p 82:82 --dry-run",
            "port rm web c1 --all --dry-run",
            "port ls",
        ] {
            lab.vetch(words).ok();
        }
        let changed = before.difference(&lab.state());
        assert!(changed.is_empty(), "{}", changed.join("\n"));
        let found = lab.vetch("port ls web c1 --json").ok().json();
        assert_eq!(
            (&found[0]["host_port"], &found[1]["count"]),
            (&8080.into(), &10.into())
        );
        c1.cmd("ip link delete eth0").ok();
        lab.vetch("port add web c1 -p 82:82")
            .exits(2)
            .complains("is not up");
        clear(lab);
    });
}

/// The calls by which records and the kernel are changed.
const CALLS: [&str; 5] = ["sendto", "rename", "symlink", "unlink", "mkdir"];

/// Ends `vetch WORDS` at its N-th call of this kind, before it is carried out; whether it came so far.
fn killed(lab: &Lab, words: &str, call: &str, at: usize) -> bool {
    let vetch = std::env::var("VETCH_BIN").unwrap();
    let (calls, kill) = (
        format!("trace={call}"),
        format!("inject={call}:signal=SIGKILL:when={at}"),
    );
    let options = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &calls,
        "-e",
        &kill,
        &vetch,
    ];
    let argv: Vec<&str> = options.into_iter().chain(words.split(' ')).collect();
    lab.argv(&argv).go().code == 137
}

/// The published ports as the kernel has them, as the records have them, and as other processes may take them.
fn published(lab: &Lab) -> [usize; 3] {
    let kernel = lab.cmd("nft list map inet vetch any4").ok().stdout;
    let records = lab.vetch("--json port ls").ok().json();
    let taken = lab
        .shell("find /run/vetch -path '*ports*' -type l")
        .ok()
        .stdout;
    [
        kernel.matches("10.77.0.2 .").count(),
        records.as_array().unwrap().len(),
        taken.lines().count(),
    ]
}

#[test]
fn killed_at_any_change_the_next_command_finishes_or_undoes_it() {
    lab(|lab| {
        if !has_tool("strace") || lab.cmd("strace -f -qq -o /dev/null true").code != 0 {
            skip!("tool:strace: cannot kill at a system call");
        }
        lab.netns("c1");
        lab.netns("c2");
        lab.vetch("network create web --subnet 10.77.0.0/24").ok();
        lab.vetch("attach web c1 -p 8080:80").ok();
        for (words, back, all) in [
            (
                "port add web c1 -p 81:81 -p 82:82/udp",
                "port rm web c1 -p 81:81 -p 82:82/udp",
                3,
            ),
            (
                "port rm web c1 -p 81:81 -p 82:82/udp",
                "port add web c1 -p 81:81 -p 82:82/udp",
                1,
            ),
        ] {
            let (before, all) = (published(lab), [all; 3]);
            let mut kills = 0;
            for call in CALLS {
                for at in 1..40 {
                    if !killed(lab, words, call, at) {
                        break;
                    }
                    kills += 1;
                    lab.vetch("gc").ok();
                    let now = published(lab);
                    assert!(now == before || now == all, "{words}, {call} {at}: {now:?}");
                    lab.vetch(back).ok();
                }
                lab.vetch(back).ok();
            }
            assert!(kills >= 10, "{kills} calls: strace saw too few");
            lab.vetch(words).ok();
            assert_eq!(published(lab), all);
        }
        // a neighbour may take what was given back, and detach finishes what was cut short
        assert!(killed(lab, "port add web c1 -p 81:81", "rename", 2));
        lab.vetch("detach web c1 --wait").ok();
        assert_eq!(published(lab), [0, 0, 0]);
        lab.vetch("attach web c2 -p 81:81 -p 8080:80").ok();
        clear(lab);
    });
}
