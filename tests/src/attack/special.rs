//! Attacks that are neither one frame nor one connection.

use super::forged::{Cast, FORGED, Opening};
use super::frames::{
    BROADCAST, Wire, behind_options, fragments, router_advertisement, tagged, udp,
};
use super::scene::{Scene, mac_of};
use super::stage::Stage;
use super::table::Line;
use super::{gone_through, soon};

impl Opening {
    fn words(self) -> &'static str {
        match self {
            Opening::Unguarded => "attach --unguarded",
            Opening::Dhcp => "attach --dhcp",
            Opening::DhcpServers => "network create --dhcp-servers",
            Opening::Routers => "network create --routers",
        }
    }

    /// Who may do it, who looks on, and who is pretended to be.
    fn cast(self) -> [&'static str; 3] {
        match self {
            Opening::Unguarded => ["loose", "b", "a"],
            Opening::Dhcp => ["asking", "b", "a"],
            Opening::DhcpServers => ["server", "client", "client"],
            Opening::Routers => ["router", "listener", "listener"],
        }
    }
}

/// Who sends, who looks on beside the host, and who is pretended to be.
pub(super) fn stage(scene: &Scene<'_>, [me, victim, other]: [&str; 3]) -> Stage {
    let (gateway, bridge) = scene.gateway(me);
    let cast = Cast {
        me: scene.station(me),
        other: scene.station(other),
        victim: scene.station(victim),
        gateway,
    };
    let taps = [(scene.node(victim), "eth0"), (scene.host, bridge.as_str())];
    Stage::new(scene.node(me), &taps, cast)
}

/// Forged frames, one line each, in the order of [`FORGED`].
pub(super) fn forged() -> Vec<Line> {
    let line = |(opening, (name, _)): (Opening, &super::forged::Row)| {
        Line::new(*name, "container", Some(opening.words()))
    };
    let rows = FORGED
        .iter()
        .flat_map(|(opening, rows)| rows.iter().map(|row| (*opening, row)));
    rows.map(line).collect()
}

/// Sends them all by default, and those who may send do.
pub(super) fn send_forged(scene: &Scene<'_>, lines: &mut [Line]) {
    let closed = stage(scene, ["a", "b", "loose"]);
    let mut lines = lines.iter_mut();
    for (opening, rows) in FORGED {
        let open = stage(scene, opening.cast());
        for row in rows {
            let line = lines.next().expect("a line for each row");
            line.tries += closed.arrive(row.1)[0];
            line.through.extend(closed.wrong(row, false));
            line.stuck.extend(open.wrong(row, true));
        }
    }
    scene.forget_neighbours();
}

/// Which come through without a ruleset.
pub(super) fn send_flushed(scene: &Scene<'_>, lines: &mut [Line]) {
    let closed = stage(scene, ["a", "b", "loose"]);
    let rows = FORGED.iter().flat_map(|(_, rows)| *rows);
    for (line, row) in lines.iter_mut().zip(rows) {
        line.flushed = Some(closed.arrive(row.1)[1] > 0);
    }
}

/// The rest, one line each.
pub(super) fn special(scene: &Scene<'_>) -> Vec<Line> {
    vec![
        rogue_route(scene),
        rogue_route_of_the_host(scene),
        past_the_bridge(scene),
        theft(scene),
        forged_from_lan(scene),
        link_local(scene),
        overlap(
            scene,
            "127.0.0.1:8080:81",
            "a wildcard port, by a specific address",
        ),
        overlap(scene, "9100:81", "a port of one address, by a wildcard"),
        unpublishable(scene),
    ]
}

/// Advertisements in every disguise, until one is believed.
fn routed(scene: &Scene<'_>, evil: &str, victim: &str, all: bool) -> bool {
    let (me, node) = (scene.station(evil), scene.node(victim));
    let lines = "cd /proc/sys/net/ipv6/conf/eth0; echo 1 >accept_ra; echo 0 >suppress_frag_ndisc";
    node.shell(lines).ok();
    let frame = router_advertisement(me.mac, &me.link_local);
    let mut frames = vec![frame.clone(), behind_options(&frame)];
    if all {
        frames.push(tagged(&frame, 0));
        frames.extend(fragments(&frame));
    }
    let wire = Wire::open(scene.node(evil), "eth0");
    frames.iter().for_each(|frame| wire.send(frame));
    let via = || {
        let routes = node.cmd("ip -6 route show default").ok().stdout;
        routes.contains(&me.link_local)
    };
    soon(via)
}

fn rogue_route(scene: &Scene<'_>) -> Line {
    let by = Some(Opening::Routers.words());
    let mut line = Line::new(
        "a route of its own, at a neighbour that listens",
        "container",
        by,
    );
    line.tries = 5;
    gone_through(&mut line, routed(scene, "a", "b", true));
    if !routed(scene, "router", "listener", false) {
        line.stuck.push("the neighbour takes no route".to_owned());
    }
    line
}

/// Also from where routers are allowed, and from who is unguarded.
fn rogue_route_of_the_host(scene: &Scene<'_>) -> Line {
    let mut line = Line::new("a route of its own, at the host", "container", None);
    for name in ["a", "router", "loose"] {
        let me = scene.station(name);
        let frame = router_advertisement(me.mac, &me.link_local);
        let wire = Wire::open(scene.node(name), "eth0");
        for frame in [frame.clone(), tagged(&frame, 0)]
            .iter()
            .chain(&past(&frame))
        {
            wire.send(frame);
            line.tries += 1;
        }
        let via = || {
            let routes = scene.host.cmd("ip -6 route show").ok().stdout;
            routes.contains(&format!("via {}", me.link_local))
        };
        gone_through(&mut line, soon(via));
    }
    line
}

/// To the addresses 01:80:c2:00:00:0X, which go past the bridge and its hooks.
fn past(frame: &[u8]) -> [Vec<u8>; 3] {
    [0x00, 0x03, 0x0e].map(|last| [&[0x01, 0x80, 0xc2, 0, 0, last][..], &frame[6..]].concat())
}

fn past_the_bridge(scene: &Scene<'_>) -> Line {
    let mut line = Line::new(
        "forged sources past the bridge, to the host",
        "container",
        None,
    );
    let (me, before) = (scene.station("o"), scene.heard());
    let wire = Wire::open(scene.node("o"), "eth0");
    for source in ["10.40.0.66", "192.0.2.2"] {
        let frame = udp(
            me.mac,
            BROADCAST,
            source,
            "192.0.2.1",
            [4000, 2222],
            b"past",
        );
        past(&frame).iter().for_each(|frame| wire.send(frame));
        line.tries += 3;
    }
    gone_through(&mut line, soon(|| scene.heard() > before));
    line
}

/// Not even by who is unguarded: an entry of the bridge that could be moved would be.
fn theft(scene: &Scene<'_>) -> Line {
    let mut line = Line::new("a neighbour's place on the bridge", "container", None);
    let (me, victim) = (scene.station("loose"), scene.station("b"));
    let frame = udp(
        victim.mac,
        BROADCAST,
        &me.v4,
        "10.10.0.255",
        [4000, 9],
        b"mine",
    );
    let wire = Wire::open(scene.node("loose"), "eth0");
    for frame in std::iter::once(&frame).chain(&past(&frame)) {
        wire.send(frame);
        line.tries += 1;
    }
    gone_through(&mut line, !scene.node("a").reaches("10.10.0.3"));
    line
}

/// The address of a container, of the gateway or of loopback, put on the wire of the LAN.
fn forged_from_lan(scene: &Scene<'_>) -> Line {
    let mut line = Line::new("a neighbour's, gateway's, loopback source", "LAN", None);
    let (host, before) = (mac_of(scene.host, "uplink"), scene.heard());
    let outside = scene.node("outside");
    let (from, wire) = (mac_of(outside, "eth0"), Wire::open(outside, "eth0"));
    for source in [
        "10.10.0.3",
        "10.10.0.1",
        "127.0.0.1",
        "fd10::3",
        "fd10::1",
        "::1",
    ] {
        let to = if source.contains(':') {
            "fd10::2"
        } else {
            "10.10.0.2"
        };
        wire.send(&udp(from, host, source, to, [4000, 80], b"forged"));
        line.tries += 1;
    }
    gone_through(&mut line, soon(|| scene.heard() > before));
    line
}

fn link_local(scene: &Scene<'_>) -> Line {
    let by = Some("network create --host-services");
    let mut line = Line::new(
        "services of the host, by its link-local address",
        "container",
        by,
    );
    let to = |name: &str| {
        let link = &scene.node(name).cmd("ip -j link show eth0").ok().json()[0];
        format!(
            "[{}%{}]:2222",
            scene.gateway(name).0.link_local,
            link["ifindex"]
        )
    };
    line.tries = 1;
    gone_through(&mut line, scene.node("a").tcp(&to("a")).is_ok());
    if scene.node("o").tcp(&to("o")).is_err() {
        line.stuck.push("no answer".to_owned());
    }
    line
}

/// The same port of the host, written another way.
fn overlap(scene: &Scene<'_>, port: &str, what: &'static str) -> Line {
    let mut line = Line::new(what, "vetch", Some("port rm of the other"));
    let words = format!("port add blue a -p {port}");
    let said = scene.host.vetch(&words);
    line.tries = 1;
    gone_through(&mut line, said.code != 2 || !said.stderr.contains("cli:b"));
    let other = if port.starts_with("127") {
        "8080:80"
    } else {
        "192.0.2.1:9100:80"
    };
    scene.host.vetch(&format!("port rm blue b -p {other}")).ok();
    let now = scene.host.vetch(&words);
    if now.code == 0 {
        scene.host.vetch(&format!("port rm blue a -p {port}")).ok();
    } else {
        line.stuck.push(now.stderr);
    }
    scene
        .host
        .vetch(&format!("port add blue b -p {other}"))
        .ok();
    line
}

/// It is said why, and what to do.
fn unpublishable(scene: &Scene<'_>) -> Line {
    let mut line = Line::new("a port published on ::1, which cannot work", "vetch", None);
    let said = scene.host.vetch("port add blue a -p [::1]:7000:80");
    line.tries = 1;
    gone_through(
        &mut line,
        said.code != 2 || !said.stderr.contains("127.0.0.1"),
    );
    line
}
