//! Two hosts alike, one for the reference's plugins and one for ours, each with an outside and two containers.

use crate::call::{Container, LIMIT, List, Runtime, Whose, cmd, reaches, shell};
use crate::reference::cases::Case;
use crate::reference::view;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{panic, thread};
use vetch_tests::{Node, Server};

/// How many cases are played at the same time.
const AT_ONCE: usize = 3;
const PATIENCE: Duration = Duration::from_secs(4);

/// What was asked for, for whom, and the answer.
type Added<'a> = (&'a List, &'a Container, Value);

/// A host with the interface `up0`: 192.0.2.1 and 2001:db8::1, outside are 192.0.2.2 and 2001:db8::2, which know a way back.
pub(super) struct World {
    pub(super) whose: Whose,
    pub(super) host: Node,
    pub(super) outside: Node,
    pub(super) containers: [Container; 2],
}

impl World {
    pub(super) fn new(whose: Whose) -> World {
        let (host, outside) = (Node::machine("host"), Node::anonymous("outside"));
        // Without duplicate detection of link-local addresses neighbours are asked for from the first packet on.
        let begin =
            "set -e; ip link set lo up; cd /proc/sys/net/ipv6/conf/default; echo 0 >accept_dad";
        shell(&outside, begin).ok();
        shell(
            &host,
            &format!(
                "{begin}; ip link add up0 type veth peer name eth0 netns {}; echo 1 >accept_dad",
                outside.path()
            ),
        )
        .ok();
        for (node, words) in [
            (
                &host,
                "ip address add 192.0.2.1/24 dev up0; ip address add 2001:db8::1/64 dev up0; ip link set up0 up",
            ),
            (
                &outside,
                "ip address add 192.0.2.2/24 dev eth0; ip address add 2001:db8::2/64 dev eth0; ip link set eth0 up",
            ),
            (
                &host,
                "ip route add default via 192.0.2.2; ip route add default via 2001:db8::2",
            ),
            (
                &outside,
                "ip route add 10.0.0.0/8 via 192.0.2.1; ip route add fd00::/8 via 2001:db8::1",
            ),
        ] {
            shell(node, &format!("set -e; {words}")).ok();
        }
        let containers = ["one", "two"].map(Container::new);
        for of in &containers {
            cmd(&of.node, "ip link set lo up").ok();
        }
        World {
            whose,
            host,
            outside,
            containers,
        }
    }

    /// Everything as it was when the world was new; but the reference has switched forwarding on for good.
    pub(super) fn sweep(&self) {
        if self.whose == Whose::Ours {
            self.host
                .vetch_argv(&["network", "rm", "--force", "--wait", "blue"])
                .limit(LIMIT)
                .go();
        }
        let links = "for link in $(ip -o link show | sed 's/^[0-9]*: //; s/[:@].*//' | grep -vx 'lo\\|up0'); do ip link del $link 2>/dev/null; done";
        let rules = "nft flush ruleset; rm -rf /run/vetch /run/leases /var/lib/vetch /var/lib/cni";
        shell(&self.host, &format!("{links}; {rules}")).ok();
    }

    pub(super) fn runtime(&self) -> Runtime<'_> {
        let (whose, host) = (self.whose, &self.host);
        Runtime { whose, host }
    }

    /// Both containers are added, looked at, and taken away twice.
    pub(super) fn play(&self, case: &Case) -> Value {
        for words in case.before {
            shell(&self.host, words).ok();
        }
        let lists = case.lists();
        let (mut seen, mut added) = (Map::new(), Vec::new());
        for (list, of) in lists.iter().zip(&self.containers) {
            match self.runtime().try_add(list, of) {
                Ok(result) => {
                    self.check(list, of, &result);
                    let seen_result = view::result(&result, of, case.asks_mac && added.is_empty());
                    let value = json!({"result": seen_result, "inside": view::inside(of)});
                    seen.insert(of.id.to_owned(), value);
                    added.push((list, of, result));
                }
                Err(_) => return json!({"refused": of.id}),
            }
        }
        seen.insert("bridge".into(), view::bridge(&self.host, case.bridge()));
        seen.insert("packets".into(), self.packets(&added, case));
        let mut gone = Vec::new();
        for _ in 0..2 {
            for (list, of, result) in &added {
                let outputs = self.runtime().del(list, of, Some(result));
                gone.extend(outputs.iter().map(|output| output.code));
            }
        }
        seen.insert("del".into(), json!(gone));
        seen.insert("left".into(), json!(self.left(case.bridge())));
        Value::Object(seen)
    }

    /// The first container comes and goes, and only the answer is looked at.
    pub(super) fn answer(&self, case: &Case) -> Value {
        for words in case.before {
            shell(&self.host, words).ok();
        }
        let ([list, _], [of, _]) = (case.lists(), &self.containers);
        let Ok(result) = self.runtime().try_add(&list, of) else {
            return json!({"refused": of.id});
        };
        self.check(&list, of, &result);
        let gone = self.runtime().del(&list, of, Some(&result));
        let gone: Vec<i32> = gone.iter().map(|output| output.code).collect();
        json!({"one": {"result": view::result(&result, of, case.asks_mac)}, "del": gone})
    }

    /// What we made, we find as it was made. (The reference does not always.)
    fn check(&self, list: &List, of: &Container, result: &Value) {
        if self.whose == Whose::Ours && list.version != "0.3.1" {
            for output in self.runtime().check(list, of, result) {
                output.ok();
            }
        }
    }

    /// Addresses that are still held, and interfaces that are still there when tombstones are gone.
    pub(super) fn left(&self, bridge: &str) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let links = cmd(&self.host, "ip -j link show").ok().json();
            let links = links.as_array().unwrap().iter();
            let names = links.map(|link| link["ifname"].as_str().unwrap().to_owned());
            let is_new = |name: &String| !["lo", "up0", bridge].contains(&name.as_str());
            let mut left: Vec<String> = names.filter(is_new).collect();
            let leases = cmd(
                &self.host,
                "find /var/lib/cni/networks/blue /run/leases -type f -name *[.:]*[0-9a-f]",
            );
            let names = leases
                .stdout
                .lines()
                .filter(|path| !path.contains("/last_reserved_ip.") && !path.contains("/.vetch"));
            left.extend(names.map(str::to_owned));
            if left.is_empty() || Instant::now() > end {
                return left;
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// Which packets pass, and what they look like outside.
    fn packets(&self, added: &[Added<'_>], case: &Case) -> Value {
        let mut seen = Map::new();
        let [one, two] = added else {
            return json!({});
        };
        for gateway in gateways(&one.2) {
            let reached = reaches(&one.1.node, gateway);
            seen.insert(format!("one to {gateway}"), json!(reached));
        }
        let at = |(_, _, result): &Added<'_>| addresses(result);
        for (mine, other) in at(one).into_iter().zip(at(two)) {
            let family = if mine.is_ipv4() { "4" } else { "6" };
            let mut note =
                |what: &str, value: Value| seen.insert(format!("{what} ({family})"), value);
            note("one to two", json!(reaches(&one.1.node, other)));
            let server = self.outside.tcp_server(if mine.is_ipv4() {
                "192.0.2.2:7"
            } else {
                "[2001:db8::2]:7"
            });
            note("one to outside", json!(seen_as(&one.1.node, &server, mine)));
            let server = one.1.node.tcp_server(&socket(mine, 7));
            for (who, node) in [("host", &self.host), ("outside", &self.outside)] {
                note(
                    &format!("{who} to one"),
                    json!(seen_as(node, &server, mine)),
                );
            }
        }
        seen.extend(self.ports(added, case));
        Value::Object(seen)
    }

    /// The published ports, from everywhere.
    fn ports(&self, added: &[Added<'_>], case: &Case) -> Map<String, Value> {
        let mut seen = Map::new();
        let [one, two] = added else {
            return seen;
        };
        let mut servers = BTreeMap::new();
        for (transport, to, port) in case.published {
            let is_ipv4 = !to.starts_with('[');
            let mut all = addresses(&one.2).into_iter();
            let at = socket(all.find(|at| at.is_ipv4() == is_ipv4).unwrap(), *port);
            servers
                .entry((*transport, at.clone()))
                .or_insert_with(|| match *transport {
                    "tcp" => one.1.node.tcp_server(&at),
                    _ => one.1.node.udp_server(&at),
                });
            for (who, node) in [
                ("host", &self.host),
                ("outside", &self.outside),
                ("two", &two.1.node),
                ("one", &one.1.node),
            ] {
                let answer = match *transport {
                    "tcp" => node.tcp(to),
                    _ => node.udp(to),
                };
                let source = answer.map(|from| from.ip().to_string());
                seen.insert(
                    format!("{who} to {transport} {to}"),
                    json!(source.unwrap_or_else(|_| "nobody".to_owned())),
                );
            }
        }
        seen
    }
}

/// As whom a server sees a client.
fn seen_as(client: &Node, server: &Server, of: IpAddr) -> String {
    match client.tcp(&server.address().to_string()) {
        Ok(from) if from.ip() == of => "itself".to_owned(),
        Ok(from) => from.ip().to_string(),
        Err(_) => "nobody".to_owned(),
    }
}

fn socket(address: IpAddr, port: u16) -> String {
    SocketAddr::new(address, port).to_string()
}

/// The addresses of a result.
pub(super) fn addresses(result: &Value) -> Vec<IpAddr> {
    let ips = result["ips"].as_array().into_iter().flatten();
    ips.map(|ip| {
        let text = ip["address"].as_str().unwrap();
        text.split('/').next().unwrap().parse().unwrap()
    })
    .collect()
}

fn gateways(result: &Value) -> Vec<IpAddr> {
    let ips = result["ips"].as_array().into_iter().flatten();
    ips.filter_map(|ip| ip["gateway"].as_str()?.parse().ok())
        .collect()
}

/// Both hosts.
pub(super) fn worlds() -> [World; 2] {
    [Whose::Theirs, Whose::Ours].map(World::new)
}

/// The same on both hosts.
pub(super) fn at_the_same_time<R: Send>(
    worlds: &[World; 2],
    work: impl Fn(&World) -> R + Sync,
) -> [R; 2] {
    let [first, second] = worlds;
    thread::scope(|scope| {
        let ours = scope.spawn(|| work(second));
        let theirs = work(first);
        [
            theirs,
            ours.join()
                .unwrap_or_else(|cause| panic::resume_unwind(cause)),
        ]
    })
}

/// What comes of each, in their order, some at a time, as most of it is waiting. Each worker goes on in what it has made at first: namespaces
/// by the hundred would keep the kernel busy with their end.
pub(super) fn some_at_once<T: Sync, W, R: Send>(
    all: &[T],
    begin: fn() -> W,
    work: impl Fn(&W, &T) -> R + Sync,
) -> Vec<R> {
    let todo = Mutex::new(all.iter().enumerate());
    let done = Mutex::new(BTreeMap::new());
    let worker = || {
        let world = begin();
        while let Some((at, one)) = next(&todo) {
            let result = work(&world, one);
            done.lock().unwrap().insert(at, result);
        }
    };
    thread::scope(|scope| {
        let workers = [(); AT_ONCE].map(|()| scope.spawn(worker));
        for worker in workers {
            worker
                .join()
                .unwrap_or_else(|cause| panic::resume_unwind(cause));
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

/// Apart, so that the lock is not held while something is done.
fn next<T>(todo: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    todo.lock().unwrap().next()
}
