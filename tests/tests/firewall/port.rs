//! What the port of the bridge holds by itself, and the ways past the bridge.

use crate::spoof::{guarded_and_not, mac};
use crate::world::{Container, World, worlds};
use std::thread::sleep;
use std::time::Duration;
use vetch_tests::Node;
use vetch_tests::attack::frames::*;

const PAST_THE_BRIDGE: [u8; 3] = [0x00, 0x03, 0x0e]; // 01:80:c2:00:00:0X

fn past(frame: &[u8], last: u8) -> Vec<u8> {
    [&[0x01, 0x80, 0xc2, 0, 0, last][..], &frame[6..]].concat()
}

/// Whether what is sent comes in soon.
fn comes(server: &vetch_tests::Server, send: impl Fn()) -> bool {
    let before = server.seen().len();
    send();
    (0..10).any(|_| {
        sleep(Duration::from_millis(10));
        server.seen().len() > before
    })
}

/// Not even by who is unguarded: an entry of the bridge that could be moved would be.
#[test]
fn the_mac_of_a_neighbour_cannot_be_taken() {
    guarded_and_not(|evil, victim, w| {
        let entry = format!("{} dev vtpvictim master", victim.attachment.mac);
        assert!(!steals(evil, victim, w) && w.lab.ping("10.10.0.3"));
        w.lab.cmd(&format!("bridge fdb del {entry}")).ok();
        w.lab.cmd(&format!("bridge fdb add {entry} static")).ok();
        let taken = steals(evil, victim, w);
        assert_eq!(w.lab.ping("10.10.0.3"), !taken, "the victim is reached");
        taken
    });
}

/// Whether evil's frames in the victim's name move the victim's entry.
fn steals(evil: &Container, victim: &Container, w: &World<'_>) -> bool {
    let (from, to) = ("10.10.0.2", "10.10.0.255");
    let theft = udp(mac(victim), BROADCAST, from, to, [4000, 9], b"mine");
    send(evil, &theft);
    send(evil, &past(&theft, 0x0e));
    let table = w.lab.cmd("bridge fdb show br v-blue").ok().stdout;
    table.contains(&format!("{} dev vtpevil", victim.attachment.mac))
}

#[test]
fn what_is_for_others_is_not_seen() {
    guarded_and_not(|evil, victim, w| {
        let wire = Wire::open(evil, "eth0");
        assert!(w.lab.ping("10.10.0.3"));
        let is_for = |frame: &Vec<u8>, to: Mac| frame[..6] == to;
        assert!(!wire.seen().iter().any(|frame| is_for(frame, mac(victim))));
        let nobody = [2, 0, 0, 0, 0x66, 0x66];
        w.lab
            .cmd("ip neigh replace 10.10.0.99 lladdr 02:00:00:00:66:66 dev v-blue")
            .ok();
        assert!(!w.lab.ping("10.10.0.99"));
        wire.seen().iter().any(|frame| is_for(frame, nobody))
    });
}

#[test]
fn a_macvlan_inside_is_mute() {
    guarded_and_not(|evil, _, _| {
        let lines = "ip link add mv0 link eth0 type macvlan mode bridge
                     ip address add 10.10.0.77/24 dev mv0; ip link set mv0 up";
        evil.shell(lines).ok();
        let speaks = evil.ping("-I mv0 10.10.0.1");
        assert!(evil.ping("-I eth0 10.10.0.3"), "its own still speaks");
        speaks
    });
}

/// Nothing opens these; without the rule and the sysctl they would be.
#[test]
fn frames_past_the_bridge_do_not_reach_the_host() {
    worlds(|w| {
        let blue = w.network("blue", 10, |n| n.host_services = true);
        let evil = w.container(&blue, "evil", 2, |_| {});
        let host = w.lab.udp_server("0.0.0.0:9");
        let reach = |source: &str| {
            let frame = udp(
                mac(&evil),
                BROADCAST,
                source,
                "192.0.2.1",
                [4000, 9],
                b"past",
            );
            comes(&host, || {
                let frames = PAST_THE_BRIDGE.map(|last| past(&frame, last));
                frames.iter().for_each(|frame| send(&evil, frame));
            })
        };
        assert!(!reach("10.10.0.66") && !reach("192.0.2.2"));
        w.lab.shell("nft flush chain inet vetch early").ok();
        assert!(!reach("10.10.0.66"), "rp_filter closes them too");
        let open =
            "for dev in all vtpevil; do echo 0 > /proc/sys/net/ipv4/conf/$dev/rp_filter; done";
        w.lab.shell(open).ok();
        assert!(reach("10.10.0.66"), "the frames are such that they would");
    });
}

#[test]
fn frames_past_the_bridge_make_no_router() {
    worlds(|w| {
        let blue = w.network("blue", 10, |_| {});
        let evil = w.container(&blue, "evil", 2, |_| {});
        let frame = router_advertisement(mac(&evil), "fe80::ff:fe0a:102");
        w.lab
            .shell("echo 2 > /proc/sys/net/ipv6/conf/all/accept_ra")
            .ok();
        let router = || {
            PAST_THE_BRIDGE
                .iter()
                .for_each(|last| send(&evil, &past(&frame, *last)));
            sleep(Duration::from_millis(50));
            w.lab
                .cmd("ip -6 route show default")
                .ok()
                .stdout
                .contains("vtp")
        };
        assert!(!router());
        w.lab.shell("nft flush chain inet vetch early").ok();
        assert!(!router(), "the port has no IPv6");
        let open = "cd /proc/sys/net/ipv6/conf/vtpevil; echo 0 > disable_ipv6; echo 2 > accept_ra";
        w.lab.shell(open).ok();
        sleep(Duration::from_millis(50));
        assert!(router(), "the frames are such that it would");
    });
}

/// The address of a container, put on the wire of the LAN.
#[test]
fn the_lan_cannot_pretend_to_be_a_container() {
    worlds(|w| {
        let blue = w.network("blue", 10, |_| {});
        let a = w.container(&blue, "a", 2, |_| {});
        let _neighbour = w.container(&blue, "b", 3, |_| {});
        let server = a.udp_server("0.0.0.0:80");
        w.publish(None, "8080", &a, 80);
        let host = link_of(w.lab, "uplink");
        let from = link_of(&w.outside, "eth0");
        let sent = |source: &str, to: &str, port: u16| {
            let frame = udp(from, host, source, to, [4000, port], b"forged");
            comes(&server, || send(&w.outside, &frame))
        };
        assert!(!sent("10.10.0.3", "10.10.0.2", 80), "as a neighbour");
        assert!(!sent("10.10.0.1", "10.10.0.2", 80), "as the gateway");
        assert!(!sent("127.0.0.1", "10.10.0.2", 80), "as the host itself");
        assert!(
            sent("192.0.2.2", "192.0.2.1", 8080),
            "as itself, where it is published"
        );
    });
}

fn link_of(node: &Node, dev: &str) -> Mac {
    let link = &node.cmd(&format!("ip -j link show {dev}")).ok().json()[0];
    let address: core_netlink::MacAddr = link["address"].as_str().unwrap().parse().unwrap();
    address.0
}
