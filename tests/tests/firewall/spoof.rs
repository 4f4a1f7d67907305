//! Containers that pretend to be somebody else. Each case is tried unguarded too: there it must succeed, so that it proves something.

use crate::world::{Container, World, worlds};
use std::thread::sleep;
use std::time::Duration;
use vetch_tests::Node;
use vetch_tests::attack::frames::*;

/// Evil at .2, its neighbour at .3.
fn pair(w: &mut World<'_>, unguarded: bool) -> (Container, Container) {
    let blue = w.network("blue", 10, |_| {});
    let evil = w.container(&blue, "evil", 2, |at| at.unguarded = unguarded);
    let victim = w.container(&blue, "victim", 3, |_| {});
    assert!(evil.reaches("10.10.0.3") && victim.reaches("10.10.0.1") && victim.reaches("fd10::1"));
    (evil, victim)
}

pub(crate) fn guarded_and_not(
    case: impl Fn(&Container, &Container, &World<'_>) -> bool + Clone + Send + 'static,
) {
    for unguarded in [true, false] {
        let case = case.clone();
        worlds(move |w| {
            let (evil, victim) = pair(w, unguarded);
            assert_eq!(case(&evil, &victim, w), unguarded, "unguarded {unguarded}");
        });
    }
}

pub(crate) fn mac(container: &Container) -> Mac {
    container.attachment.mac.0
}

/// Whether the node takes `ip` to be at evil's MAC, told so again and again for a while.
fn believes(node: &Node, ip: &str, evil: &Container, frame: &[u8]) -> bool {
    let mac = evil.attachment.mac.to_string();
    (0..12).any(|_| {
        send(evil, frame);
        sleep(Duration::from_millis(20));
        node.cmd(&format!("ip neigh show {ip}"))
            .ok()
            .stdout
            .contains(&mac)
    })
}

#[test]
fn a_guard_of_the_mac_address_alone_lets_any_ip_address_pass() {
    worlds(|w| {
        let blue = w.network("blue", 10, |_| {});
        let evil = w.container(&blue, "evil", 2, |at| {
            at.addresses.clear();
            at.mac_only = true;
        });
        let _victim = w.container(&blue, "victim", 3, |_| {});
        evil.cmd("ip address add 10.10.0.66/24 dev eth0").ok();
        assert!(evil.ping("-I 10.10.0.66 10.10.0.3"));
        evil.cmd("ip link set eth0 address 02:00:00:00:66:66").ok();
        assert!(!evil.ping("-I 10.10.0.66 10.10.0.3"));
    });
}

#[test]
fn an_address_of_ones_own_choice_is_mute() {
    guarded_and_not(|evil, _, _| {
        evil.cmd("ip address add 10.10.0.66/24 dev eth0").ok();
        evil.cmd("ip address add fd10::66/64 dev eth0 nodad").ok();
        let v4 = evil.ping("-I 10.10.0.66 10.10.0.3");
        let v6 = evil.ping("-I fd10::66 fd10::3");
        assert_eq!(v4, v6);
        assert!(evil.ping("10.10.0.3"), "its own still speaks");
        v4
    });
}

#[test]
fn a_mac_of_ones_own_choice_is_mute() {
    guarded_and_not(|evil, _, _| {
        evil.cmd("ip link set eth0 address 02:00:00:00:66:66").ok();
        let to = ["10.10.0.3", "10.10.0.1"];
        let spoke = to.map(|to| evil.ping(to));
        assert_eq!(spoke[0], spoke[1]);
        evil.cmd("ip link set eth0 address 02:00:00:0a:01:02").ok();
        assert!(evil.reaches("10.10.0.3"), "with its own it speaks again");
        spoke[0]
    });
}

#[test]
fn arp_cannot_speak_for_others() {
    guarded_and_not(|evil, victim, w| {
        let believe_at_once =
            |dev: &str| format!("echo 0 > /proc/sys/net/ipv4/neigh/{dev}/locktime");
        victim.shell(&believe_at_once("eth0")).ok();
        w.lab.shell(&believe_at_once("v-blue")).ok();
        let frame = arp_reply(mac(evil), mac(evil), "10.10.0.1", "10.10.0.3");
        let plain = believes(victim, "10.10.0.1", evil, &frame);
        victim.cmd("ip neigh flush dev eth0").ok();
        assert!(victim.reaches("10.10.0.1"));
        let tagged = believes(victim, "10.10.0.1", evil, &tagged(&frame, 0));
        w.lab.cmd("ping -c1 -W1 -q 10.10.0.3");
        let frame = arp_reply(mac(evil), mac(evil), "10.10.0.3", "10.10.0.1");
        let host = believes(w.lab, "10.10.0.3", evil, &frame);
        assert_eq!((plain, host), (tagged, tagged));
        plain
    });
}

#[test]
fn neighbour_discovery_cannot_speak_for_others() {
    guarded_and_not(|evil, victim, _| {
        let as_gateway = neighbour_advertisement(mac(evil), "fd10::1", "fd10::1", mac(evil));
        let forged = believes(victim, "fd10::1", evil, &as_gateway);
        victim.cmd("ip neigh flush dev eth0").ok();
        assert!(victim.reaches("fd10::1"));
        let as_itself = neighbour_advertisement(mac(evil), "fd10::2", "fd10::1", mac(evil));
        let own_source = believes(victim, "fd10::1", evil, &as_itself);
        assert_eq!(forged, own_source);
        forged
    });
}

#[test]
fn a_container_is_no_router() {
    guarded_and_not(|evil, victim, w| {
        victim
            .shell(
                "cd /proc/sys/net/ipv6/conf/eth0; echo 1 > accept_ra; echo 0 > suppress_frag_ndisc
                 ip -6 route del default",
            )
            .ok();
        let frame = router_advertisement(mac(evil), "fe80::ff:fe0a:102");
        let router = || {
            let routes = victim.cmd("ip -6 route show default").ok().stdout;
            routes.contains("fe80::ff:fe0a:102")
        };
        let mut taken = Vec::new();
        for frames in [
            vec![frame.clone()],
            vec![tagged(&frame, 0)],
            vec![behind_options(&frame)],
            fragments(&frame).to_vec(),
        ] {
            frames.iter().for_each(|frame| send(evil, frame));
            taken.push((0..10).any(|_| {
                sleep(Duration::from_millis(20));
                router()
            }));
            victim.shell("ip -6 route flush default").ok();
        }
        let host = w.lab.cmd("ip -6 route show default").ok().stdout;
        assert!(
            !host.contains("v-blue") && !host.contains("vtpevil"),
            "the host: {host}"
        );
        assert!(taken.iter().all(|one| *one == taken[0]), "{taken:?}");
        taken[0]
    });
}
