//! What isolation must not break.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use super::forged::OWN;
use super::scene::Scene;
use super::special::stage;
use crate::node::Node;

/// What goes on working, from where, and what of it does not.
pub type Kept = (&'static str, &'static str, Vec<String>);

/// All of it.
pub(super) fn kept(scene: &Scene<'_>) -> Vec<Kept> {
    vec![
        ("way out of another tool's container", "other", other(scene)),
        (
            "IPv6 default route from advertisements",
            "host",
            route(scene),
        ),
        (
            "client's address at a published port",
            "LAN",
            sources(scene),
        ),
        (
            "its own, a neighbour's published port (hairpin)",
            "container",
            hairpin(scene),
        ),
        ("a port published on 127.0.0.1", "host", local(scene)),
        (
            "UDP flow that began before, or goes on after, a port",
            "LAN",
            stale(scene),
        ),
        (
            "own frames: ARP, ND, DAD, RS, MLD, IGMP",
            "container",
            own(scene),
        ),
    ]
}

/// What is not answered.
fn lost(from: &Node, to: &[&str]) -> Vec<String> {
    let tries = to
        .iter()
        .flat_map(|to| [(*to, from.tcp(to)), (*to, from.udp(to))]);
    let lost = tries.filter_map(|(to, answer)| Some(format!("{to}: {}", answer.err()?)));
    lost.collect()
}

fn other(scene: &Scene<'_>) -> Vec<String> {
    lost(scene.node("other"), &["198.51.100.2:80"])
}

fn route(scene: &Scene<'_>) -> Vec<String> {
    let before = scene.has_advertised_route();
    let routes = scene.host.cmd("ip -6 route show default").ok().stdout;
    scene
        .host
        .cmd("ip -6 route flush default dev uplink proto ra")
        .ok();
    scene.advertise(); // and the next one is taken too
    let after = scene.has_advertised_route();
    let mut lost = Vec::new();
    lost.extend((!before).then(|| format!("it is gone: {routes}")));
    lost.extend((!after).then(|| "the next advertisement is not taken".to_owned()));
    lost
}

fn sources(scene: &Scene<'_>) -> Vec<String> {
    let tries = [
        ("outside", "192.0.2.1:8080", "192.0.2.2"),
        ("outside", "[2001:db8:1::1]:8080", "2001:db8:1::2"),
        ("lan", "198.51.100.1:8080", "198.51.100.2"),
    ];
    let wrong = tries.into_iter().filter_map(|(from, to, wanted)| {
        let wanted: IpAddr = wanted.parse().expect("an address");
        match scene.node(from).tcp(to) {
            Ok(seen) if seen.ip().to_canonical() == wanted => None,
            other => Some(format!("{from} to {to}: {other:?}")),
        }
    });
    wrong.collect()
}

fn hairpin(scene: &Scene<'_>) -> Vec<String> {
    let to = ["192.0.2.1:8080", "10.10.0.1:8080", "[fd10::1]:8080"];
    let both = ["a", "b"].map(|name| lost(scene.node(name), &to));
    both.concat()
}

fn local(scene: &Scene<'_>) -> Vec<String> {
    lost(scene.host, &["127.0.0.1:9000", "127.0.0.1:8080"])
}

/// The same socket is answered by the container once the port is published, and not after it is withdrawn.
fn stale(scene: &Scene<'_>) -> Vec<String> {
    let socket = scene.node("outside").run(|| {
        let socket = UdpSocket::bind("192.0.2.2:0").expect("a socket");
        socket.connect("192.0.2.1:2226").expect("a way to the host");
        let limit = Some(Duration::from_millis(300));
        socket.set_read_timeout(limit).expect("a limit");
        socket
    });
    let answered = || {
        let _ = socket.send(b"?"); // may say that the last one was refused
        let _ = socket.recv(&mut [0; 64]);
        let heard = scene.heard_by("b");
        let _ = socket.send(b"?");
        let _ = socket.recv(&mut [0; 64]);
        scene.heard_by("b") > heard
    };
    let mut seen = vec![answered()];
    for verb in ["add", "rm"] {
        let words = format!("port {verb} blue b -p 2226:80/udp");
        scene.host.vetch(&words).ok();
        seen.push(answered());
    }
    match seen == [false, true, false] {
        true => Vec::new(),
        false => vec![format!("before, while and after it is published: {seen:?}")],
    }
}

fn own(scene: &Scene<'_>) -> Vec<String> {
    let stage = stage(scene, ["a", "b", "loose"]);
    OWN.iter()
        .filter_map(|row| stage.wrong(row, true))
        .collect()
}
