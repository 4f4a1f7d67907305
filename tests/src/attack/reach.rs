//! Whom somebody tries to reach: by TCP and UDP where a port is named, else by ICMP echo.

use std::thread;

use super::scene::Scene;
use crate::node::Node;

/// Destinations that must not answer, nor hear anything.
pub struct Reach {
    /// What is after.
    pub what: &'static str,
    /// The node that tries.
    pub from: &'static str,
    /// Where.
    pub to: &'static [&'static str],
    /// What opens it; nothing does if there is none.
    pub opens: Option<Opens>,
}

/// With this option, from there, these destinations answer.
pub type Opens = (&'static str, &'static str, &'static [&'static str]);

const PUBLISHED: &[&str] = &["192.0.2.1:8080", "[2001:db8:1::1]:8080"];
const NEIGHBOUR: &[&str] = &[
    "10.10.0.3:80",
    "[fd10::3]:80",
    "10.10.0.3",
    "192.0.2.1:8080",
];
const LOOPBACK: &[&str] = &[
    "127.0.0.1:2222",
    "127.0.0.1:2223",
    "127.0.0.1:9000",
    "127.0.0.1:8080",
];

/// Every row is tried in the same scene.
pub const REACH: &[Reach] = &[
    Reach {
        what: "an unpublished port, ping: by a direct route",
        from: "outside",
        to: &[
            "10.10.0.2:80",
            "10.10.0.2:81",
            "[fd10::2]:80",
            "10.10.0.2",
            "fd10::2",
            "192.0.2.1:80",
            "[2001:db8:1::1]:80",
        ],
        opens: Some(("attach -p, at the host's address", "outside", PUBLISHED)),
    },
    Reach {
        what: "the port behind a published one: by a direct route",
        from: "outside",
        to: &["10.10.0.3:80", "[fd10::3]:80", "10.10.0.3", "fd10::3"],
        opens: None,
    },
    Reach {
        what: "a port published on 127.0.0.1",
        from: "outside",
        to: &["192.0.2.1:9000", "10.10.0.1:9000"],
        opens: Some(("-p without the address", "outside", PUBLISHED)),
    },
    Reach {
        what: "a port published on another address",
        from: "lan",
        to: &["198.51.100.1:9100"],
        opens: Some(("-p without the address", "lan", &["198.51.100.1:8080"])),
    },
    Reach {
        what: "127.0.0.0/8 of the host",
        from: "outside",
        to: LOOPBACK,
        opens: None,
    },
    Reach {
        what: "a service of the host on a gateway address",
        from: "outside",
        to: &["10.10.0.1:53", "10.10.0.1:2222", "[fd10::1]:2222"],
        opens: Some((
            "its LAN address, not Vetch's",
            "outside",
            &["192.0.2.1:2222"],
        )),
    },
    Reach {
        what: "an internal network",
        from: "outside",
        to: &["10.30.0.2:80", "[fd30::2]:80", "10.30.0.2", "fd30::2"],
        opens: None,
    },
    Reach {
        what: "a subnet routed here (--no-masquerade)",
        from: "outside",
        to: &["10.80.0.2:80", "[fd80::2]:80", "10.80.0.2", "fd80::2"],
        opens: Some((
            "network create --reachable",
            "outside",
            &["10.81.0.2:80", "[fd81::2]:80", "10.81.0.2", "fd81::2"],
        )),
    },
    Reach {
        what: "another LAN, with the host as a router",
        from: "outside",
        to: &[
            "198.51.100.2:80",
            "[2001:db8:2::2]:80",
            "198.51.100.2",
            "2001:db8:2::2",
        ],
        opens: None, // the host's own switch, tried last: see `special`
    },
    Reach {
        what: "a port published on 127.0.0.1",
        from: "a",
        to: &["192.0.2.1:9000", "10.10.0.1:9000"],
        opens: Some(("-p without the address", "a", PUBLISHED)),
    },
    Reach {
        what: "127.0.0.0/8 of the host",
        from: "a",
        to: LOOPBACK,
        opens: None,
    },
    Reach {
        what: "127.0.0.0/8 of the host",
        from: "i",
        to: LOOPBACK,
        opens: None,
    },
    Reach {
        what: "services of the host",
        from: "a",
        to: &[
            "10.10.0.1:2222",
            "192.0.2.1:2222",
            "10.20.0.1:2222",
            "[fd10::1]:2222",
            "[2001:db8:1::1]:2222",
            "10.10.0.1:53",
        ],
        opens: Some((
            "network create --host-services",
            "o",
            &["10.40.0.1:2222", "[fd40::1]:2222"],
        )),
    },
    Reach {
        what: "a service on the gateway address of another network",
        from: "r",
        to: &["10.10.0.1:2222", "10.10.0.1:53", "[fd10::1]:2222"],
        opens: None,
    },
    Reach {
        what: "another service of the host than the one opened",
        from: "f",
        to: &["10.50.0.1:2224", "192.0.2.1:2224", "[fd50::1]:2224"],
        opens: Some((
            "network create --host-service",
            "f",
            &["10.50.0.1:2222", "[fd50::1]:2222"],
        )),
    },
    Reach {
        what: "another network",
        from: "a",
        to: &["10.20.0.2:80", "[fd20::2]:80", "10.20.0.2", "fd20::2"],
        opens: Some((
            "network create --reach",
            "f",
            &["10.10.0.2:80", "[fd10::2]:80", "10.10.0.2"],
        )),
    },
    Reach {
        what: "the network that reaches it, the other way",
        from: "g",
        to: &["10.10.0.2:80", "[fd10::2]:80", "10.10.0.2", "fd10::2"],
        opens: Some((
            "network create --reached-by",
            "a",
            &["10.90.0.2:80", "[fd90::2]:80", "10.90.0.2"],
        )),
    },
    Reach {
        what: "an internal network",
        from: "a",
        to: &["10.30.0.2:80", "[fd30::2]:80", "10.30.0.2", "fd30::2"],
        opens: None,
    },
    Reach {
        what: "anywhere, with a default route of its own",
        from: "i",
        to: &[
            "10.10.0.2:80",
            "[fd10::2]:80",
            "192.0.2.2:80",
            "[2001:db8:1::2]:80",
            "10.10.0.2",
            "fd10::2",
            "192.0.2.2",
            "2001:db8:1::2",
            "192.0.2.1:2222",
        ],
        opens: Some((
            "a network without --internal",
            "a",
            &["192.0.2.2:80", "[2001:db8:1::2]:80", "192.0.2.2"],
        )),
    },
    Reach {
        what: "a neighbour, with --isolate-ports",
        from: "x",
        to: &[
            "10.60.0.3:80",
            "[fd60::3]:80",
            "10.60.0.3",
            "fd60::3",
            "192.0.2.1:8181",
            "10.60.0.1:8181",
        ],
        opens: Some(("a network without it", "a", NEIGHBOUR)),
    },
    Reach {
        what: "what is not on the --allow list",
        from: "p",
        to: &[
            "198.51.100.2:80",
            "[2001:db8:2::2]:80",
            "198.51.100.2",
            "192.0.2.1:8181",
        ],
        opens: Some(("--allow", "p", &["192.0.2.2:80", "[2001:db8:1::2]:80"])),
    },
    Reach {
        what: "what is on the --deny list",
        from: "s",
        to: &[
            "198.51.100.2:80",
            "[2001:db8:2::2]:80",
            "198.51.100.2",
            "2001:db8:2::2",
        ],
        opens: Some((
            "a network without it",
            "a",
            &["198.51.100.2:80", "[2001:db8:2::2]:80"],
        )),
    },
];

/// The tries that are answered, for each row.
pub fn answered(scene: &Scene<'_>) -> Vec<Vec<String>> {
    thread::scope(|scope| {
        let ask = |row: &'static Reach| {
            let from = scene.node(row.from);
            let tries = row
                .to
                .iter()
                .flat_map(|to| ways(to).map(move |way| (way, *to)));
            let tries = tries.map(|(way, to)| scope.spawn(move || once(from, way, to)));
            tries.collect::<Vec<_>>()
        };
        let asked: Vec<_> = REACH.iter().map(ask).collect();
        let answers = asked.into_iter().map(|tries| {
            let answers = tries.into_iter().map(|one| one.join().expect("a try ends"));
            answers.flatten().collect()
        });
        answers.collect()
    })
}

/// The destinations of what opens a row that do not answer.
pub fn unanswered(scene: &Scene<'_>, opens: &Opens) -> Vec<String> {
    let (_, from, to) = opens;
    let from = scene.node(from);
    let tries = to.iter().flat_map(|to| ways(to).map(move |way| (way, *to)));
    let deaf = |(way, to): &(&str, &str)| !(0..3).any(|_| once(from, way, to).is_some());
    let deaf = tries.filter(deaf);
    deaf.map(|(way, to)| format!("[{}] {way} {to} is not answered", from.name()))
        .collect()
}

/// How many tries a row has.
pub fn tries(row: &Reach) -> usize {
    row.to.iter().map(|to| ways(to).count()).sum()
}

fn ways(to: &str) -> impl Iterator<Item = &'static str> {
    let has_port = to.parse::<std::net::SocketAddr>().is_ok();
    let ways: &[&str] = if has_port { &["tcp", "udp"] } else { &["ping"] };
    ways.iter().copied()
}

fn once(from: &Node, way: &str, to: &str) -> Option<String> {
    let answered = match way {
        "tcp" => from.tcp(to).is_ok(),
        "udp" => from.udp(to).is_ok(),
        _ => from.ping(to),
    };
    answered.then(|| format!("[{}] {way} {to} is answered", from.name()))
}
