//! Where attacks take place: a host between two LANs, networks that `vetch` makes, and others' containers beside them.

use std::collections::HashMap;

use super::forged::Station;
use super::frames::{Wire, router_advertisement};
use crate::exec::Background;
use crate::lab::Lab;
use crate::node::Node;
use crate::wire::Server;

/// The networks: one as they are by default, and one for each option that opens or closes something.
const NETWORKS: &[(&str, u8, &str)] = &[
    ("blue", 10, ""),
    ("red", 20, ""),
    ("grey", 30, "--internal"),
    ("open", 40, "--host-services"),
    (
        "front",
        50,
        "--reach blue --host-service tcp:2222 --host-service udp:2222",
    ),
    ("cells", 60, "--isolate-ports"),
    (
        "picky",
        70,
        "--allow 192.0.2.2:80 --allow [2001:db8:1::2]:80",
    ),
    (
        "strict",
        71,
        "--deny 198.51.100.0/24 --deny 2001:db8:2::/64",
    ),
    ("routed", 80, "--no-masquerade"),
    ("flat", 81, "--no-masquerade --reachable"),
    ("back", 90, "--reached-by blue"),
    ("served", 91, "--dhcp-servers"),
    ("routers", 92, "--routers"),
];

/// A network that has no IPv6, and its container.
const WITHOUT_IPV6: [&str; 2] = ["network create four --subnet 10.44.0.0/24", "attach four v"];

/// The containers: network, name, last byte of the address, options. Each serves TCP and UDP at port 80.
const CONTAINERS: &[(&str, &str, u8, &str)] = &[
    ("blue", "a", 2, ""),
    (
        "blue",
        "b",
        3,
        "-p 8080:80 -p 8080:80/udp -p 127.0.0.1:9000:80 -p 127.0.0.1:9000:80/udp -p 192.0.2.1:9100:80 -p 192.0.2.1:9100:80/udp",
    ),
    ("blue", "loose", 4, "--unguarded"),
    ("blue", "asking", 5, "--dhcp"),
    ("red", "r", 2, ""),
    ("grey", "i", 2, ""),
    ("open", "o", 2, ""),
    ("front", "f", 2, ""),
    ("cells", "x", 2, ""),
    ("cells", "y", 3, "-p 8181:80 -p 8181:80/udp"),
    ("picky", "p", 2, ""),
    ("strict", "s", 2, ""),
    ("routed", "q", 2, ""),
    ("flat", "z", 2, ""),
    ("back", "g", 2, ""),
    ("served", "server", 2, ""),
    ("served", "client", 3, ""),
    ("routers", "router", 2, ""),
    ("routers", "listener", 3, ""),
];

/// Everything set up.
pub struct Scene<'a> {
    /// The host, on which `vetch` runs.
    pub host: &'a Lab,
    nodes: HashMap<&'static str, Node>,
    servers: Vec<(&'static str, Server)>,
    monitor: Background,
}

/// Two LANs beside the host: `uplink` to 192.0.2.2 and 2001:db8:1::2, `lan0` to 198.51.100.2 and 2001:db8:2::2. Both have routes to
/// 10.0.0.0/8 and fd00::/8 by the host.
pub fn lans(lab: &Lab) -> [Node; 2] {
    let outside = lab.outside("internet", "uplink");
    let lan = lab.anonymous("lan");
    let [here, there] = ["198.51.100.1/24", "198.51.100.2/24"];
    lab.veth(lab, "lan0", here, &lan, "eth0", there);
    let both = [("uplink", &outside, 1), ("lan0", &lan, 2)];
    for (dev, node, net) in both {
        let add =
            |end: u8, dev: &str| format!("ip address add 2001:db8:{net}::{end}/64 dev {dev} nodad");
        lab.cmd(&add(1, dev)).ok();
        node.cmd(&add(2, "eth0")).ok();
    }
    let lines = "ip route add 10.0.0.0/8 via 192.0.2.1; ip route add 198.51.100.0/24 via 192.0.2.1
                 ip route add fd00::/8 via 2001:db8:1::1; ip route add 2001:db8:2::/64 via 2001:db8:1::1";
    outside.shell(lines).ok();
    let lines = "ip route add default via 198.51.100.1; ip route add default via 2001:db8:2::1";
    lan.shell(lines).ok();
    for (_, node, net) in both {
        assert!(
            node.reaches(&format!("2001:db8:{net}::1")),
            "the cable is up"
        );
    }
    [outside, lan]
}

impl<'a> Scene<'a> {
    /// Makes it; what the host has beside Vetch comes first.
    #[track_caller]
    pub fn new(host: &'a Lab) -> Scene<'a> {
        host.leaves_state(); // switches of the host's own, too
        let [outside, lan] = lans(host);
        let nodes = HashMap::from([("outside", outside), ("lan", lan)]);
        let monitor = host
            .argv(&["ip", "-6", "-o", "monitor", "address"])
            .background();
        let mut scene = Scene {
            host,
            nodes,
            servers: Vec::new(),
            monitor,
        };
        scene.anothers_container();
        scene.advertised_route();
        for (name, n, options) in NETWORKS {
            let subnets = format!("--subnet 10.{n}.0.0/24 --subnet fd{n}::/64");
            host.vetch(&format!("network create {name} {subnets} {options}"))
                .ok();
        }
        for (network, name, last, options) in CONTAINERS {
            let n = NETWORKS
                .iter()
                .find(|(of, ..)| of == network)
                .map_or(0, |(_, n, _)| *n);
            let node = Node::named(name);
            let ip = format!("--ip 10.{n}.0.{last} --ip fd{n}::{last}");
            host.vetch(&format!("attach {network} {name} {ip} {options}"))
                .ok();
            scene.nodes.insert(*name, node);
        }
        scene.nodes.insert("v", Node::named("v"));
        WITHOUT_IPV6
            .iter()
            .for_each(|words| drop(host.vetch(words).ok()));
        scene.serve();
        scene.loopback_on_the_wire();
        scene
    }

    /// Somebody in the scene.
    pub fn node(&self, name: &str) -> &Node {
        if name == "host" {
            self.host
        } else {
            &self.nodes[name]
        }
    }

    /// How often all servers together were asked.
    pub fn heard(&self) -> usize {
        self.servers
            .iter()
            .map(|(_, server)| server.seen().len())
            .sum()
    }

    /// How often somebody was.
    pub fn heard_by(&self, name: &str) -> usize {
        let own = self.servers.iter().filter(|(of, _)| *of == name);
        own.map(|(_, server)| server.seen().len()).sum()
    }

    fn serve(&mut self) {
        let containers = CONTAINERS.iter().map(|(_, name, ..)| *name);
        for name in containers.chain(["outside", "lan"]) {
            let node = &self.nodes[name];
            let pair = [node.tcp_server("[::]:80"), node.udp_server("[::]:80")];
            self.servers.extend(pair.map(|server| (name, server)));
        }
        for at in ["[::]:2222", "[::]:2224", "127.0.0.1:2223", "10.10.0.1:53"] {
            let pair = [self.host.tcp_server(at), self.host.udp_server(at)];
            self.servers.extend(pair.map(|server| ("host", server)));
        }
    }

    /// Who wants the host's 127.0.0.1 sends for it by the wire; the internal one makes itself a way out besides.
    fn loopback_on_the_wire(&self) {
        let ways = [
            ("outside", "192.0.2.1"),
            ("a", "10.10.0.1"),
            ("i", "10.30.0.1"),
        ];
        for (name, via) in ways {
            let lines = format!(
                "ip address del 127.0.0.1/8 dev lo; echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
                 ip route add 127.0.0.1 via {via} dev eth0; ip route get 127.0.0.1"
            );
            self.nodes[name].shell(&lines).ok().prints(via);
        }
        let lines = "ip route add default via 10.30.0.1; ip route add default via fd30::1";
        self.nodes["i"].shell(lines).ok();
    }

    /// Another tool's container, which goes out by `lan0`: the tool forwards there, and masquerades.
    fn anothers_container(&mut self) {
        let other = self.host.anonymous("other");
        let cable = format!(
            "ip link add tool0 type veth peer name eth0 netns {}; ip address add 172.30.0.1/24 dev tool0; ip link set tool0 up",
            other.path()
        );
        self.host.shell(&cable).ok();
        other
            .shell("ip address add 172.30.0.2/24 dev eth0; ip link set eth0 up")
            .ok();
        other.cmd("ip route add default via 172.30.0.1").ok();
        let lines = "for dev in tool0 lan0; do echo 1 > /proc/sys/net/ipv4/conf/$dev/forwarding; done
                     nft 'table ip tool { chain post { type nat hook postrouting priority 100; iifname tool0 masquerade; }; }'";
        self.host.shell(lines).ok();
        self.nodes.insert("other", other);
    }

    /// The host's IPv6 default route comes from an advertisement.
    fn advertised_route(&self) {
        // One that does not forward is no router to those that ask for its address, and its route goes.
        let router = "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";
        self.nodes["outside"].shell(router).ok();
        self.advertise();
        assert!(self.has_advertised_route(), "the host listens to routers");
    }

    /// What was believed of who came through is forgotten.
    pub fn forget_neighbours(&self) {
        let lines = "ip neigh flush all; ip route flush cache; ip -6 route flush cache";
        let containers = CONTAINERS.iter().map(|(_, name, ..)| &self.nodes[name]);
        containers
            .chain([&**self.host])
            .for_each(|node| drop(node.shell(lines)));
    }

    /// The router of the uplink says that it is there.
    pub fn advertise(&self) {
        let outside = &self.nodes["outside"];
        let mac = mac_of(outside, "eth0");
        let frame = router_advertisement(mac, &link_local(mac));
        Wire::open(outside, "eth0").send(&frame);
    }

    /// Whether the host has that route.
    pub fn has_advertised_route(&self) -> bool {
        super::soon(|| {
            let routes = self.host.cmd("ip -6 route show default dev uplink").ok();
            routes.stdout.contains("proto ra")
        })
    }

    /// A container as frames have it.
    pub fn station(&self, name: &str) -> Station {
        let of = CONTAINERS.iter().find(|(_, of, ..)| *of == name);
        let (network, _, last, _) = of.expect("a container of the scene");
        let n = NETWORKS
            .iter()
            .find(|(of, ..)| of == network)
            .map_or(0, |(_, n, _)| *n);
        station(mac_of(&self.nodes[name], "eth0"), n, *last)
    }

    /// The host on the bridge of a container's network, and that bridge.
    pub fn gateway(&self, name: &str) -> (Station, String) {
        let of = CONTAINERS.iter().find(|(_, of, ..)| *of == name);
        let network = of.expect("a container of the scene").0;
        let bridge = format!("vbr-{network}");
        let n = NETWORKS
            .iter()
            .find(|(of, ..)| *of == network)
            .map_or(0, |(_, n, _)| *n);
        (station(mac_of(self.host, &bridge), n, 1), bridge)
    }

    /// Takes everything of Vetch away; the IPv6 addresses that links of the host had since the beginning.
    #[track_caller]
    pub fn end(self) -> String {
        self.host.vetch("purge").ok();
        self.monitor.signal(nix::sys::signal::Signal::SIGTERM);
        self.monitor.wait().stdout
    }
}

fn station(mac: [u8; 6], n: u8, last: u8) -> Station {
    Station {
        mac,
        v4: format!("10.{n}.0.{last}"),
        v6: format!("fd{n}::{last}"),
        link_local: link_local(mac),
    }
}

/// The Ethernet address of a link.
#[track_caller]
pub fn mac_of(node: &Node, dev: &str) -> [u8; 6] {
    let link = &node.cmd(&format!("ip -j link show {dev}")).ok().json()[0];
    let text = link["address"].as_str().expect("a link has an address");
    let mac: core_netlink::MacAddr = text.parse().expect("an Ethernet address");
    mac.0
}

/// RFC 4291, appendix A.
fn link_local([a, b, c, d, e, f]: [u8; 6]) -> String {
    let pair = |high: u8, low: u8| u16::from(high) << 8 | u16::from(low);
    let groups = [pair(a ^ 2, b), pair(c, 0xff), pair(0xfe, d), pair(e, f)];
    let [a, b, c, d] = groups;
    std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, a, b, c, d).to_string()
}
