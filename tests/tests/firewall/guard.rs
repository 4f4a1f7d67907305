//! The guard, frame by frame: what one container puts on the wire and what of it comes by at a neighbour or at the host.
//!
//! Every frame that the guard closes is sent by an unguarded container too: from there it must arrive.

use crate::frames::*;
use crate::world::{Container, World, worlds};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Somebody on the network.
#[derive(Clone)]
struct Station {
    mac: Mac,
    v4: String,
    v6: String,
    link_local: String,
}

impl Station {
    /// The container `host` of 10.10.0.0/24.
    fn of(host: u8) -> Station {
        Station {
            mac: [2, 0, 0, 10, 1, host],
            v4: format!("10.10.0.{host}"),
            v6: format!("fd10::{host}"),
            link_local: format!("fe80::ff:fe0a:1{host:02}"),
        }
    }
}

/// Who sends, and about whom.
struct Cast {
    me: Station,
    other: Station,
    victim: Station,
    gateway: Station,
}

type Frames = fn(&Cast) -> Vec<Vec<u8>>;

const NOBODY: Mac = [2, 0, 0, 0, 0x66, 0x66];

impl Cast {
    fn udp4(&self, mac: Mac, source: &str) -> Vec<u8> {
        udp(
            mac,
            self.victim.mac,
            source,
            &self.victim.v4,
            [4000, 9],
            b"row",
        )
    }

    fn udp6(&self, mac: Mac, source: &str) -> Vec<u8> {
        udp(
            mac,
            self.victim.mac,
            source,
            &self.victim.v6,
            [4000, 9],
            b"row",
        )
    }

    fn advertisement(&self) -> Vec<u8> {
        router_advertisement(self.me.mac, &self.me.link_local)
    }
}

/// What nobody may send.
const CLOSED: &[(&str, Frames)] = &[
    ("IPv4 of a neighbour", |c| {
        vec![c.udp4(c.me.mac, &c.other.v4)]
    }),
    ("IPv4 of nobody", |c| vec![c.udp4(c.me.mac, "10.10.0.66")]),
    ("IPv4 of the outside", |c| {
        vec![c.udp4(c.me.mac, "192.0.2.2")]
    }),
    ("IPv6 of a neighbour", |c| {
        vec![c.udp6(c.me.mac, &c.other.v6)]
    }),
    ("IPv6 of nobody", |c| vec![c.udp6(c.me.mac, "fd10::66")]),
    ("MAC of nobody", |c| vec![c.udp4(NOBODY, &c.me.v4)]),
    ("MAC and IP of a neighbour", |c| {
        vec![
            c.udp4(c.other.mac, &c.other.v4),
            c.udp6(c.other.mac, &c.other.v6),
        ]
    }),
    ("VLAN 0", |c| {
        vec![
            tagged(&c.udp4(c.me.mac, &c.me.v4), 0),
            tagged(&c.udp6(c.me.mac, &c.me.v6), 0),
        ]
    }),
    ("VLAN 5", |c| vec![tagged(&c.udp4(c.me.mac, &c.me.v4), 5)]),
    ("two tags", |c| {
        vec![tagged(&tagged(&c.udp4(c.me.mac, &c.me.v4), 0), 5)]
    }),
    ("another EtherType", |c| {
        vec![ethernet(
            c.victim.mac,
            c.me.mac,
            0x88b5,
            b"a frame of our own making",
        )]
    }),
    ("ARP answer for a neighbour", |c| {
        vec![arp(c.me.mac, 2, c.me.mac, &c.other.v4, &c.victim.v4)]
    }),
    ("ARP answer for the gateway", |c| {
        vec![arp(c.me.mac, 2, c.me.mac, &c.gateway.v4, &c.victim.v4)]
    }),
    ("ARP request of a neighbour", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, &c.other.v4, &c.victim.v4)]
    }),
    ("gratuitous ARP of a neighbour", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, &c.other.v4, &c.other.v4)]
    }),
    ("ARP probe of a neighbour's address", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, "0.0.0.0", &c.other.v4)]
    }),
    ("ARP that names another MAC", |c| {
        vec![arp(c.me.mac, 2, NOBODY, &c.me.v4, &c.victim.v4)]
    }),
    ("ARP in VLAN 0", |c| {
        vec![tagged(
            &arp(c.me.mac, 2, c.me.mac, &c.me.v4, &c.victim.v4),
            0,
        )]
    }),
    ("DHCP request without leave", |c| {
        vec![udp(
            c.me.mac,
            BROADCAST,
            "0.0.0.0",
            "255.255.255.255",
            [68, 67],
            b"row",
        )]
    }),
    ("DHCP server", |c| {
        vec![udp(
            c.me.mac,
            c.victim.mac,
            &c.me.v4,
            &c.victim.v4,
            [67, 68],
            b"row",
        )]
    }),
    ("DHCPv6 server", |c| {
        vec![udp(
            c.me.mac,
            c.victim.mac,
            &c.me.link_local,
            &c.victim.link_local,
            [547, 546],
            b"row",
        )]
    }),
    ("ICMP redirect of the gateway", |c| {
        let inner = [
            &[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0][..],
            &[10, 10, 0, 3, 192, 0, 2, 2],
            &[0; 8],
        ]
        .concat();
        let body = [&[5, 1, 0, 0, 10, 10, 0, 2][..], &inner].concat();
        vec![ipv4(
            c.me.mac,
            c.gateway.mac,
            &c.gateway.v4,
            &c.victim.v4,
            1,
            &body,
        )]
    }),
    ("ICMPv6 redirect", |c| {
        vec![icmp6(
            c.me.mac,
            c.gateway.mac,
            &c.me.link_local,
            &c.victim.v6,
            &[&[137, 0, 0, 0, 0, 0, 0, 0][..], &[0xfd; 32]].concat(),
        )]
    }),
    ("RA", |c| vec![c.advertisement()]),
    ("RA in VLAN 0", |c| vec![tagged(&c.advertisement(), 0)]),
    ("RA behind options", |c| {
        vec![behind_options(&c.advertisement())]
    }),
    ("RA of the gateway", |c| {
        vec![router_advertisement(c.me.mac, &c.gateway.link_local)]
    }),
    ("RS that names another MAC", |c| {
        vec![router_solicitation(c.me.mac, &c.me.link_local, NOBODY)]
    }),
    ("NA for a neighbour", |c| {
        vec![neighbour_advertisement(
            c.me.mac,
            &c.me.v6,
            &c.other.v6,
            c.me.mac,
        )]
    }),
    ("NA of a neighbour", |c| {
        vec![neighbour_advertisement(
            c.me.mac,
            &c.other.v6,
            &c.other.v6,
            c.me.mac,
        )]
    }),
    ("NA behind options", |c| {
        vec![behind_options(&neighbour_advertisement(
            c.me.mac,
            &c.me.v6,
            &c.other.v6,
            c.me.mac,
        ))]
    }),
    ("NA that names another MAC", |c| {
        vec![neighbour_advertisement(
            c.me.mac, &c.me.v6, &c.me.v6, NOBODY,
        )]
    }),
    ("NS of a neighbour", |c| {
        vec![neighbour_solicitation(
            c.me.mac,
            &c.other.v6,
            &c.victim.v6,
            Some(c.me.mac),
        )]
    }),
    ("NS that names another MAC", |c| {
        vec![neighbour_solicitation(
            c.me.mac,
            &c.me.v6,
            &c.victim.v6,
            Some(NOBODY),
        )]
    }),
    ("NS behind options", |c| {
        vec![behind_options(&neighbour_solicitation(
            c.me.mac,
            &c.me.v6,
            &c.victim.v6,
            Some(NOBODY),
        ))]
    }),
    ("DAD for a neighbour's address", |c| {
        vec![neighbour_solicitation(c.me.mac, "::", &c.other.v6, None)]
    }),
    ("MLD query", |c| {
        vec![icmp6(
            c.me.mac,
            ALL_NODES,
            &c.me.link_local,
            "ff02::1",
            &[&[130, 0, 0, 0, 0, 0, 0, 0][..], &[0; 16]].concat(),
        )]
    }),
    ("IGMP of a neighbour", |c| {
        vec![ipv4(
            c.me.mac,
            [1, 0, 0x5e, 0, 0, 0x16],
            &c.other.v4,
            "224.0.0.22",
            2,
            &[0x22, 0, 0, 0, 0, 0, 0, 0],
        )]
    }),
];

/// What everybody sends.
const OPEN: &[(&str, Frames)] = &[
    ("IPv4 and IPv6", |c| {
        vec![
            c.udp4(c.me.mac, &c.me.v4),
            c.udp6(c.me.mac, &c.me.v6),
            c.udp6(c.me.mac, &c.me.link_local),
        ]
    }),
    ("ARP request, answer, gratuitous", |c| {
        vec![
            arp(c.me.mac, 1, c.me.mac, &c.me.v4, &c.victim.v4),
            arp(c.me.mac, 2, c.me.mac, &c.me.v4, &c.victim.v4),
            arp(c.me.mac, 1, c.me.mac, &c.me.v4, &c.me.v4),
        ]
    }),
    ("ARP probe", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, "0.0.0.0", &c.me.v4)]
    }),
    ("DAD", |c| {
        vec![
            neighbour_solicitation(c.me.mac, "::", &c.me.v6, None),
            neighbour_solicitation(c.me.mac, "::", &c.me.link_local, None),
        ]
    }),
    ("NS", |c| {
        vec![
            neighbour_solicitation(c.me.mac, &c.me.v6, &c.victim.v6, Some(c.me.mac)),
            neighbour_solicitation(c.me.mac, &c.me.link_local, &c.victim.v6, None),
        ]
    }),
    ("NA", |c| {
        vec![
            neighbour_advertisement(c.me.mac, &c.me.v6, &c.me.v6, c.me.mac),
            neighbour_advertisement(c.me.mac, &c.me.link_local, &c.me.v6, c.me.mac),
        ]
    }),
    ("RS", |c| {
        vec![router_solicitation(c.me.mac, &c.me.link_local, c.me.mac)]
    }),
    ("MLD report", |c| {
        let body = [143, 0, 0, 0, 0, 0, 0, 0];
        ["::", c.me.link_local.as_str()]
            .map(|source| icmp6(c.me.mac, ALL_NODES, source, "ff02::16", &body))
            .to_vec()
    }),
    ("IGMP report", |c| {
        vec![ipv4(
            c.me.mac,
            [1, 0, 0x5e, 0, 0, 0x16],
            &c.me.v4,
            "224.0.0.22",
            2,
            &[0x22, 0, 0, 0, 0, 0, 0, 0],
        )]
    }),
];

/// What is open to whoever may ask for an address.
const DHCP: &[(&str, Frames)] = &[
    ("DHCP request", |c| {
        vec![udp(
            c.me.mac,
            BROADCAST,
            "0.0.0.0",
            "255.255.255.255",
            [68, 67],
            b"row",
        )]
    }),
    ("ARP probe of an offered address", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, "0.0.0.0", "10.10.0.99")]
    }),
];

/// Two that look, and one that sends.
struct Stage {
    taps: [Wire; 2],
    wire: Wire,
    cast: Cast,
}

impl Stage {
    fn new(w: &World<'_>, from: &Container, victim: &Container, me: u8, other: u8) -> Stage {
        let index = |node: &vetch_tests::Node, dev| Wire::open(node, dev);
        let gateway = Station {
            mac: [2, 0, 0, 10, 0, 1],
            link_local: "fe80::ff:fe0a:1".into(),
            ..Station::of(1)
        };
        Stage {
            taps: [index(victim, "eth0"), index(w.lab, "v-blue")],
            wire: index(from, "eth0"),
            cast: Cast {
                me: Station::of(me),
                other: Station::of(other),
                victim: Station::of(3),
                gateway,
            },
        }
    }

    /// How many of a row's frames come by. A frame that may always be sent follows, and ends the wait.
    fn arrive(&self, number: usize, frames: Frames) -> usize {
        let sent = frames(&self.cast);
        self.taps.iter().for_each(|tap| drop(tap.seen()));
        sent.iter().for_each(|frame| self.wire.send(frame));
        let me = &self.cast.me;
        let mark = format!("the end of row {number}");
        let mark = udp(
            me.mac,
            BROADCAST,
            &me.v4,
            "10.10.0.255",
            [4000, 9],
            mark.as_bytes(),
        );
        let end = Instant::now() + Duration::from_secs(2);
        let (mut seen, mut marked) = (Vec::new(), [false; 2]);
        while marked != [true; 2] {
            assert!(
                Instant::now() < end,
                "the mark of row {number} does not arrive"
            );
            self.wire.send(&mark);
            sleep(Duration::from_millis(2));
            for (tap, marked) in self.taps.iter().zip(&mut marked) {
                let new = tap.seen();
                *marked |= new.iter().any(|frame| inside(frame) == inside(&mark));
                seen.extend(new);
            }
        }
        let came = |frame: &&Vec<u8>| seen.iter().any(|other| inside(other) == inside(frame));
        sent.iter().filter(came).count()
    }

    /// The rows of which not all frames come by (`true`), or any (`false`).
    #[track_caller]
    fn check(&self, who: &str, rows: &[(&str, Frames)], wanted: bool) {
        let wrong = rows
            .iter()
            .enumerate()
            .filter_map(|(number, (name, frames))| {
                let (sent, came) = (frames(&self.cast).len(), self.arrive(number, *frames));
                let right = if wanted { came == sent } else { came == 0 };
                (!right).then(|| format!("{name} ({came} of {sent} came by)"))
            });
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "{who}: {}", wrong.join(", "));
    }
}

#[test]
fn row_by_row() {
    worlds(|w| {
        let blue = w.network("blue", 10, |n| n.services = vec!["udp:67".parse().unwrap()]);
        let dhcp_server = w.lab.udp_server("0.0.0.0:67");
        let guarded = w.container(&blue, "guarded", 2, |_| {});
        let victim = w.container(&blue, "victim", 3, |_| {});
        let loose = w.container(&blue, "loose", 4, |at| at.unguarded = true);
        let asking = w.container(&blue, "asking", 5, |at| at.dhcp = true);
        let stage = |from: &Container, me, other| Stage::new(w, from, &victim, me, other);
        let one = stage(&guarded, 2, 4);
        one.check("guarded", CLOSED, false);
        one.check("guarded", OPEN, true);
        assert_eq!(dhcp_server.seen(), Vec::<std::net::IpAddr>::new());
        let other = stage(&asking, 5, 2);
        other.check("may ask for an address", DHCP, true);
        other.check("may ask for an address", &CLOSED[..11], false);
        assert_eq!(dhcp_server.seen().len(), 1, "the host is asked");
        let last = stage(&loose, 4, 2);
        last.check("unguarded", CLOSED, true);
        last.check("unguarded", OPEN, true);
        w.lab.cmd("nft flush ruleset").ok();
        let (held, open): (Vec<_>, Vec<_>) = CLOSED
            .iter()
            .partition(|(name, _)| name.starts_with("MAC "));
        assert_eq!(held.len(), 2);
        one.check("held by the port alone", &held, false);
        one.check("without a ruleset", &open, true);
    });
}
