//! `vetch exposed`: each of its claims is compared with a packet.

use crate::lab;
use serde_json::Value;
use std::collections::HashMap;
use std::thread;
use vetch_tests::{Lab, Node, Server};

const NETWORKS: [(&str, &str, &str); 3] = [
    ("blue", "10.9.0.0/24 --subnet fd09::/64", ""),
    (
        "red",
        "10.8.0.0/24 --subnet fd08::/64",
        " --reach blue --host-service udp:53 --deny 10.9.0.2:443/tcp --deny 192.0.2.0/24",
    ),
    ("grey", "10.7.0.0/24", " --internal"),
];

/// A host between `uplink` and `lan0`, with a network of each kind and a container `NETWORK1` in each.
struct World<'a> {
    lab: &'a Lab,
    nodes: HashMap<String, Node>,
    _servers: Vec<Server>,
}

impl<'a> World<'a> {
    fn new(lab: &'a Lab) -> World<'a> {
        lab.leaves_state();
        let mut nodes = outer(lab);
        let ports = [
            "-p 8080:80 -p 443:443 -p 5000-5002:5000-5002/udp -p 127.0.0.1:5353:53/udp",
            "-p 192.0.2.1:90:90 -p [2001:db8:2::1]:91:91",
            "",
        ];
        for ((name, subnets, options), ports) in NETWORKS.iter().zip(ports) {
            let node = lab.netns(name);
            lab.vetch(&format!(
                "network create {name} --subnet {subnets}{options}"
            ))
            .ok();
            lab.vetch(&format!("attach {name} {name} {ports}")).ok();
            if *name == "grey" {
                node.cmd("ip route add default via 10.7.0.1").ok(); // as root inside may
            }
            nodes.insert(format!("network {name}"), node);
        }
        let mut servers = vec![
            lab.tcp_server("[::]:2222"),
            lab.tcp_server("10.8.0.1:3000"),
            lab.tcp_server("127.0.0.1:631"),
            lab.udp_server("0.0.0.0:53"),
            lab.tcp_server("192.0.2.1:7000"),
        ];
        for node in nodes.values() {
            let tcp = [7, 80, 443, 90, 91];
            servers.extend(tcp.map(|port| node.tcp_server(&format!("[::]:{port}"))));
            let udp = [53, 5000, 5001, 5002];
            servers.extend(udp.map(|port| node.udp_server(&format!("[::]:{port}"))));
        }
        nodes.insert("host".to_owned(), (**lab).clone());
        World {
            lab,
            nodes,
            _servers: servers,
        }
    }

    fn exposed(&self) -> Value {
        self.lab.vetch("exposed --json").ok().json()
    }

    /// Compares every claim that says yes or no with a packet; how many of each there were.
    #[track_caller]
    fn check(&self, exposed: &Value) -> [usize; 2] {
        let claims: Vec<Claim> = list(&exposed["reachable"])
            .iter()
            .flat_map(claims_of)
            .collect();
        let nodes = &self.nodes;
        let told: Vec<(bool, &Claim)> = thread::scope(|scope| {
            let asked: Vec<_> = claims
                .iter()
                .map(|claim| scope.spawn(move || (answers(nodes, claim), claim)))
                .collect();
            asked
                .into_iter()
                .map(|asked| asked.join().unwrap())
                .collect()
        });
        let wrong: Vec<String> = told
            .iter()
            .filter(|(answered, claim)| *answered != claim.open)
            .map(|(_, claim)| format!("{claim:?}"))
            .collect();
        assert!(
            wrong.is_empty(),
            "{} wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        let open = claims.iter().filter(|claim| claim.open).count();
        [open, claims.len() - open]
    }
}

/// The machines beyond `uplink` and `lan0`, with a default route by this host.
fn outer(lab: &Lab) -> HashMap<String, Node> {
    let mut nodes = HashMap::new();
    nodes.insert("uplink".to_owned(), lab.outside("uplink", "uplink"));
    let lan = lab.anonymous("lan0");
    let [here, there] = ["198.51.100.1", "198.51.100.2"].map(|ip| format!("{ip}/24"));
    lab.veth(lab, "lan0", &here, &lan, "eth0", &there);
    nodes.insert("lan0".to_owned(), lan);
    for (name, number, gateway) in [("uplink", 1, "192.0.2.1"), ("lan0", 2, "198.51.100.1")] {
        let (node, net) = (&nodes[name], format!("2001:db8:{number}:"));
        lab.cmd(&format!("ip address add {net}:1/64 dev {name} nodad"))
            .ok();
        node.cmd(&format!("ip address add {net}:2/64 dev eth0 nodad"))
            .ok();
        for via in [gateway.to_owned(), format!("{net}:1")] {
            node.cmd(&format!("ip route add default via {via}")).ok();
        }
        assert!(node.reaches(gateway), "the cable is up");
    }
    nodes
}

#[derive(Debug)]
struct Claim {
    from: String,
    to: String,
    udp: bool,
    open: bool,
    #[allow(dead_code, reason = "printed where a claim is wrong")]
    by: String,
}

fn claims_of(row: &Value) -> Vec<Claim> {
    let mut all = Vec::new();
    for way in list(&row["from"]) {
        let access = way["access"].as_str().unwrap();
        let (kind, name) = (way["kind"].as_str().unwrap(), way["name"].as_str());
        let from = match kind {
            "network" => format!("network {}", name.unwrap()),
            _ => name.unwrap_or("host").to_owned(),
        };
        for to in targets(row, &way) {
            if access == "open" || access == "closed" {
                all.push(Claim {
                    from: from.clone(),
                    to,
                    udp: row["protocol"] == "udp",
                    open: access == "open",
                    by: way["by"].to_string(),
                });
            }
        }
    }
    all
}

fn answers(nodes: &HashMap<String, Node>, claim: &Claim) -> bool {
    let from = &nodes[&claim.from];
    let ask = || match claim.udp {
        true => from.udp(&claim.to).is_ok(),
        false => from.tcp(&claim.to).is_ok(),
    };
    ask() || (claim.open && (ask() || ask())) // all ask at once: a busy machine answers some too late
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

/// Addresses and ports to try a claim at: of a range the first and the last.
fn targets(row: &Value, way: &Value) -> Vec<String> {
    let v6 = row["family"] == "ip6";
    let at = |ip: &str, port: &Value| match ip.contains(':') {
        true => format!("[{ip}]:{port}"),
        false => format!("{ip}:{port}"),
    };
    match row["kind"].as_str().unwrap() {
        "containers" => {
            let subnet = row["subnet"].as_str().unwrap();
            let first = subnet.split(['/']).next().unwrap();
            let own = match v6 {
                true => format!("{first}2"),
                false => format!("{}.2", first.rsplit_once('.').unwrap().0),
            };
            vec![at(&own, &7.into())]
        }
        "beyond" => {
            let uplink = row["interface"] == "uplink";
            let node = match (uplink, v6) {
                (true, false) => "192.0.2.2",
                (true, true) => "2001:db8:1::2",
                (false, false) => "198.51.100.2",
                (false, true) => "2001:db8:2::2",
            };
            vec![at(node, &7.into())]
        }
        _ => {
            let Some(ip) = way["address"].as_str() else {
                return Vec::new();
            };
            let mut ports = list(&row["ports"]);
            ports.dedup();
            ports.iter().map(|port| at(ip, port)).collect()
        }
    }
}

fn rows<'a>(exposed: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = exposed["reachable"].as_array().unwrap().iter();
    all.filter(move |row| row["kind"] == kind)
}

/// The answer for connections from there.
fn from<'a>(row: &'a Value, name: &str) -> &'a Value {
    let mut all = row["from"].as_array().unwrap().iter();
    all.find(|way| way["name"] == name).unwrap()
}

#[test]
fn what_it_says_is_what_packets_find() {
    lab(|lab| {
        let world = World::new(lab);
        let exposed = world.exposed();
        assert_eq!(exposed["closed_by_default"], true);
        assert_eq!(exposed["differences"], serde_json::json!([]), "{exposed:#}");
        let [open, closed] = world.check(&exposed);
        assert!(open > 50 && closed > 50, "{open} open, {closed} closed");
        // the lists decide for single destinations, and are named for many
        let web = |port: u16| {
            let mut all = rows(&exposed, "published");
            all.find(|row| row["ports"][0] == port && row["family"] == "ip")
                .unwrap()
        };
        assert_eq!(from(web(443), "red")["access"], "closed");
        assert!(
            from(web(443), "red")["by"]
                .as_str()
                .unwrap()
                .contains("@denyport4")
        );
        assert_eq!(from(web(8080), "red")["access"], "open");
        let blue = rows(&exposed, "containers").next().unwrap();
        assert_eq!(from(blue, "red")["access"], "partly");
        let text = lab.vetch("exposed").ok().stdout;
        for words in [
            "PUBLISHED PORTS",
            "*:8080/tcp",
            "cli:blue",
            "udp:53 and ping",
            "agree",
        ] {
            assert!(text.contains(words), "`{words}` is missing\n{text}");
        }
    });
}

#[test]
fn what_was_changed_by_hand_is_seen_in_the_kernel() {
    lab(|lab| {
        let world = World::new(lab);
        lab.shell("nft delete element inet vetch any4 '{ tcp . 8080 }'")
            .ok();
        let forged = "comment \"vetch:blue/cli:blue/eth0\"";
        lab.shell(&format!(
            "nft add element inet vetch any4 '{{ tcp . 8081 {forged} : 10.9.0.2 . 80 }}'"
        ))
        .ok();
        lab.cmd("ip link set dev lan0 down").ok();
        lab.cmd("ip link set dev lan0 up").ok();
        lab.run(|| std::fs::write("/proc/sys/net/ipv4/conf/lan0/forwarding", "0"))
            .unwrap();
        let exposed = world.exposed();
        let ports: Vec<_> = rows(&exposed, "published")
            .filter(|row| row["family"] == "ip")
            .map(|row| {
                (
                    row["ports"][0].as_u64().unwrap(),
                    row["recorded"].as_bool().unwrap(),
                )
            })
            .collect();
        assert!(
            ports.contains(&(8081, false)) && ports.contains(&(443, true)),
            "{ports:?}"
        );
        assert!(!ports.iter().any(|(port, _)| *port == 8080), "{ports:?}");
        assert_ne!(exposed["differences"], serde_json::json!([]));
        let https = rows(&exposed, "published")
            .find(|row| row["ports"][0] == 443)
            .unwrap();
        let by = from(https, "lan0")["by"].as_str().unwrap();
        assert!(by.contains("net.ipv4.conf.lan0.forwarding is 0"), "{by}");
        world.check(&exposed);
        let end = lab.vetch("ls --json").ok().json()[0]["host_interface"]
            .as_str()
            .unwrap()
            .to_owned();
        lab.cmd(&format!("ip link set {end} down")).ok();
        let exposed = world.exposed();
        let dead = rows(&exposed, "published").next().unwrap();
        assert!(
            from(dead, "uplink")["by"]
                .as_str()
                .unwrap()
                .contains("is down"),
            "{dead}"
        );
        lab.vetch("exposed")
            .ok()
            .prints("NOT IN THE RECORDS")
            .prints("is down");
    });
}

#[test]
fn a_flushed_ruleset_and_other_firewalls_are_told() {
    lab(|lab| {
        let world = World::new(lab);
        let drop = "nft add table inet other;
            nft 'add chain inet other fw { type filter hook forward priority 0; policy drop; }';
            nft 'add chain inet other in { type filter hook input priority 0; policy drop; }';
            nft 'add chain inet other nat { type nat hook prerouting priority -100; }';
            nft 'add rule inet other nat tcp dport 1 redirect to 2'";
        lab.shell(drop).ok();
        let exposed = world.exposed();
        let effects: Vec<_> = list(&exposed["other_firewalls"])
            .iter()
            .map(|chain| chain["effect"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(effects, ["drops", "drops", "translates"]);
        let published = rows(&exposed, "published").next().unwrap();
        assert_eq!(from(published, "uplink")["access"], "perhaps");
        let open: Vec<_> = rows(&exposed, "service")
            .flat_map(|row| list(&row["from"]))
            .filter(|way| way["access"] == "open" && way["kind"] != "host")
            .collect();
        assert!(open.is_empty(), "{open:?}");
        lab.cmd("nft flush ruleset").ok();
        let exposed = world.exposed();
        assert_eq!(exposed["closed_by_default"], false);
        assert_eq!(rows(&exposed, "published").count(), 0);
        let [open, _] = world.check(&exposed);
        assert!(open > 30, "{open}: nothing is closed");
        let blue = rows(&exposed, "containers").next().unwrap();
        assert_eq!(from(blue, "uplink")["access"], "open");
        lab.vetch("exposed")
            .ok()
            .prints("MISSING OR NOT WHOLE")
            .prints("vetch network repair");
    });
}
