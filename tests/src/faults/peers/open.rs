//! Doors that are easy to try: from a host on the LAN, and from a container that is root in its namespace. Nothing is configured beyond a
//! container with a published port.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::attacked::row;
use super::place::Place;
use crate::attack::frames::{Mac, arp_reply, router_advertisement, send};
use crate::faults::table::{Kind, Row};
use crate::lab::Lab;
use crate::node::Node;
use crate::peers::{Container, Tool, Verb};
use crate::wire::Server;

pub(super) const HOW: &str = "by default";
/// The router that a container pretends to be.
const ROUTER: &str = "fe80::ff:fe0a:103";

/// A second LAN of the host, and what can be attacked.
struct Target<'a, 'b> {
    place: &'a Place<'b>,
    lan: Node,
    _servers: Vec<Server>,
}

/// Whether it got through.
type Attack = fn(&Target<'_, '_>) -> bool;

/// In an order in which none stands in the next one's way.
const ATTACKS: [(&str, Attack); 10] = [
    (
        "host on the LAN: a port that is not published, by a route",
        unpublished,
    ),
    (
        "host on the LAN: a port published on 127.0.0.1, by a route",
        loopback_by_route,
    ),
    (
        "host on the LAN: another LAN of the host, by a route",
        router,
    ),
    (
        "container: packets from an address that is not its own",
        spoof,
    ),
    ("container: takes a neighbour's address by ARP", arp),
    (
        "container: takes the host's default route by a router advertisement",
        host_route,
    ),
    (
        "container: takes a neighbour's default route by a router advertisement",
        neighbour_route,
    ),
    (
        "container: what listens on 127.0.0.1 of the host",
        loopback_of_host,
    ),
    (
        "host on the LAN: what listens on 127.0.0.1, put on the wire",
        loopback_from_lan,
    ),
    (
        "host on the LAN: a port published on 127.0.0.1, put on the wire",
        loopback_port,
    ),
];

/// All of them, one row each.
pub(super) fn open(lab: &Lab, tool: Box<dyn Tool>, _: usize) -> Vec<Row> {
    let place = Place::new(lab, tool.as_ref());
    let target = Target::new(&place);
    let rows = ATTACKS.map(|(what, attack)| {
        let start = Instant::now();
        let mut row = row(&place, Verb::Add, HOW);
        what.clone_into(&mut row.what);
        (row.points, row.trials) = (1, 1);
        if attack(&target) {
            row.lose(Kind::Open, what);
        }
        row.took = start.elapsed();
        row
    });
    rows.into()
}

impl<'a, 'b> Target<'a, 'b> {
    #[track_caller]
    fn new(place: &'a Place<'b>) -> Target<'a, 'b> {
        let lab = place.lab;
        let lan = lab.anonymous("lan");
        lab.veth(
            lab,
            "lan0",
            "198.51.100.1/24",
            &lan,
            "eth0",
            "198.51.100.2/24",
        );
        lan.cmd("ip route add default via 198.51.100.1").ok();
        for net in ["10.66.0.0/24", "198.51.100.0/24"] {
            let words = format!("ip route add {net} via 192.0.2.1");
            place.outside.cmd(&words).ok();
        }
        let local = lab.netns("local");
        let only_here = Container {
            host_ip: "127.0.0.1",
            ..Container::new("local", 5, 8082)
        };
        place.runtime.go(Verb::Add, &only_here).ok();
        place.go(Verb::Add).ok();
        let servers = vec![
            local.tcp_server("0.0.0.0:80"),
            place.neighbour.tcp_server("0.0.0.0:7777"),
            lan.tcp_server("0.0.0.0:80"),
            lab.tcp_server("127.0.0.1:2222"),
        ];
        assert!(
            lab.tcp("127.0.0.1:8082").is_ok(),
            "the port on 127.0.0.1 does not work"
        );
        assert!(
            lab.tcp("10.66.0.2:7777").is_ok(),
            "the neighbour does not listen"
        );
        Target {
            place,
            lan,
            _servers: servers,
        }
    }
}

fn unpublished(target: &Target<'_, '_>) -> bool {
    target.place.outside.tcp("10.66.0.2:7777").is_ok()
}

fn loopback_by_route(target: &Target<'_, '_>) -> bool {
    target.place.outside.tcp("10.66.0.5:80").is_ok()
}

fn router(target: &Target<'_, '_>) -> bool {
    assert!(target.lan.ping("198.51.100.1"), "the other LAN is there");
    target.place.outside.tcp("198.51.100.2:80").is_ok()
}

fn spoof(target: &Target<'_, '_>) -> bool {
    let web = &target.place.web;
    assert!(
        web.reaches("10.66.0.2"),
        "`web` reaches the neighbour by its own address"
    );
    web.cmd("ip address add 10.66.0.77/32 dev eth0").ok();
    let answered = web.cmd("ping -n -q -c 2 -W 1 -I 10.66.0.77 10.66.0.2").code == 0;
    web.cmd("ip address del 10.66.0.77/32 dev eth0").ok();
    answered
}

/// The host believes that the neighbour's address is at the MAC address of `web`.
fn arp(target: &Target<'_, '_>) -> bool {
    let (lab, web) = (target.place.lab, &target.place.web);
    let (text, mac) = mac(web);
    assert!(lab.ping("10.66.0.2"), "the host knows the neighbour");
    let believed = (0..4).any(|_| {
        send(web, &arp_reply(mac, mac, "10.66.0.2", "10.66.0.1"));
        sleep(Duration::from_millis(600)); // an entry stays as it is for a second
        let words = lab.cmd("ip neigh show 10.66.0.2").ok().stdout;
        words.contains(&text)
    });
    lab.cmd("ip neigh flush to 10.66.0.2");
    believed
}

/// The MAC address of `eth0`, as text too.
fn mac(node: &Node) -> (String, Mac) {
    let links = node.cmd("ip -j link show eth0").ok().json();
    let text = links[0]["address"]
        .as_str()
        .expect("a MAC address")
        .to_owned();
    let bytes = text.split(':').map(|byte| u8::from_str_radix(byte, 16));
    let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().expect("a MAC address");
    (text, bytes.try_into().expect("six bytes"))
}

fn host_route(target: &Target<'_, '_>) -> bool {
    takes_route(target, target.place.lab)
}

fn neighbour_route(target: &Target<'_, '_>) -> bool {
    takes_route(target, &target.place.neighbour)
}

/// Sent for three seconds: a link-local address takes two until it is there.
fn takes_route(target: &Target<'_, '_>, victim: &Node) -> bool {
    let web = &target.place.web;
    let (_, mac) = mac(web);
    let taken = (0..15).any(|_| {
        send(web, &router_advertisement(mac, ROUTER));
        sleep(Duration::from_millis(200));
        let routes = victim.cmd("ip -6 route show default").ok().stdout;
        routes.contains(ROUTER)
    });
    victim.shell("ip -6 route flush default; true").ok();
    taken
}

fn loopback_of_host(target: &Target<'_, '_>) -> bool {
    on_the_wire(&target.place.web, "10.66.0.1");
    target.place.web.tcp("127.0.0.1:2222").is_ok()
}

fn loopback_from_lan(target: &Target<'_, '_>) -> bool {
    on_the_wire(&target.place.outside, "192.0.2.1");
    target.place.outside.tcp("127.0.0.1:2222").is_ok()
}

fn loopback_port(target: &Target<'_, '_>) -> bool {
    target.place.outside.tcp("127.0.0.1:8082").is_ok()
}

/// Sends packets for 127.0.0.1 to somebody else.
#[track_caller]
fn on_the_wire(node: &Node, via: &str) {
    let lines = format!(
        "ip address del 127.0.0.1/8 dev lo
         echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
         ip route add 127.0.0.1 via {via} dev eth0"
    );
    node.shell(&lines).ok();
    node.cmd("ip route get 127.0.0.1").ok().prints(via);
}
