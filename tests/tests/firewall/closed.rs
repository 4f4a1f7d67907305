//! What must not work, where it takes a world of its own; the rest is in `vetch_tests::attack`.

use crate::wanted::serve;
use crate::world::{World, all_silent, seen, worlds};
use firewall::{Forwarding, Set};

#[test]
fn the_host_does_not_become_a_router() {
    worlds(|w| {
        let blue = w.network("blue", 10, |_| {});
        let a = w.container(&blue, "a", 2, |_| {});
        let _web = serve(&w.lan, 80);
        assert!(a.reaches("198.51.100.2"), "the container gets there");
        all_silent(
            &w.outside,
            &[
                "198.51.100.2:80",
                "[2001:db8:2::2]:80",
                "198.51.100.2",
                "2001:db8:2::2",
            ],
        );
        let back = w.forwarding(blue.bridge).noted;
        assert!(
            back.iter().filter(|e| e.set == Set::Opened).count() == 4,
            "two uplinks, two families"
        );
        let off = Forwarding::off(&back);
        w.set(&off);
        w.apply(&off.change);
        assert_eq!(firewall::elements_of(&mut w.conn, Set::Opened).unwrap(), []);
        let plan = Forwarding::on(&w.forwarding(blue.bridge));
        assert_eq!(
            plan.settings.len(),
            4,
            "the uplinks are off again: {:?}",
            plan.settings
        );
    });
}

#[test]
fn a_host_that_routed_before_still_does() {
    worlds(|w| {
        for key in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/net/{key}"), "1").unwrap();
        }
        let blue = w.network("blue", 10, |_| {});
        let a = w.container(&blue, "a", 2, |_| {});
        let _servers = (serve(&w.lan, 80), serve(&a, 80));
        assert_eq!(seen(&w.outside, "198.51.100.2:80"), "::ffff:192.0.2.2");
        assert_eq!(seen(&w.outside, "[2001:db8:2::2]:80"), "2001:db8:1::2");
        all_silent(&w.outside, &["10.10.0.2:80", "[fd10::2]:80"]);
        assert_eq!(firewall::elements_of(&mut w.conn, Set::Opened).unwrap(), []);
    });
}

/// Kernels without a switch per interface for IPv6.
#[test]
fn forwarding_everywhere_is_closed_to_others() {
    worlds(|w| {
        let blue = w.network("blue", 10, |n| n.internal = true); // forwards nothing yet
        w.apply(&firewall::network(&blue).unwrap().inverse());
        let blue = firewall::Network {
            internal: false,
            ..blue
        };
        w.apply(&firewall::network(&blue).unwrap());
        let host = firewall::HostForwarding {
            ipv6_per_interface: false,
            ..w.forwarding(blue.bridge)
        };
        let plan = Forwarding::on(&host);
        w.apply(&plan.change);
        w.set(&plan);
        let a = w.container(&blue, "a", 2, |_| {});
        let _servers = (serve(&w.lan, 80), serve(&a, 80), serve(&w.outside, 80));
        assert_eq!(seen(&a, "[2001:db8:1::2]:80"), "2001:db8:1::1");
        all_silent(&w.outside, &["[2001:db8:2::2]:80", "198.51.100.2:80"]);
        w.publish(None, "8080", &a, 80);
        seen(&w.outside, "[2001:db8:1::1]:8080");
        let again = firewall::HostForwarding {
            ipv6_per_interface: false,
            ..w.forwarding(blue.bridge)
        };
        assert_eq!(
            firewall::elements_of(&mut w.conn, Set::Closed)
                .unwrap()
                .len(),
            1
        );
        assert!(again.ipv6_everywhere && Forwarding::on(&again).is_empty());
    });
}

#[test]
fn an_empty_table_silences_every_port() {
    worlds(|w| {
        let (a, b) = pair(w);
        assert!(a.reaches("10.10.0.3"));
        w.lab.cmd("nft flush ruleset").ok();
        let restored = firewall::install(&mut w.conn, || Ok(firewall::Change::default())).unwrap();
        assert_eq!(restored, firewall::Installed::Made);
        assert!(!a.ping("10.10.0.3") && !a.ping("fd10::3"));
        drop(b);
    });
}

fn pair(w: &mut World<'_>) -> (crate::world::Container, crate::world::Container) {
    let blue = w.network("blue", 10, |_| {});
    (
        w.container(&blue, "a", 2, |_| {}),
        w.container(&blue, "b", 3, |_| {}),
    )
}
