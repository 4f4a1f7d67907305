//! Notices of the real kernel as typed events.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "test code: a panic is how a test fails"
)]

use core_netlink::addr::AddressSpec;
use core_netlink::event::{Event, Events, Fate, Group};
use core_netlink::link::{Bridge, Kind, LinkRef, LinkSpec, NO_MASTER};
use core_netlink::neigh::NeighbourSpec;
use core_netlink::{Change, Conn, MacAddr, Protocol};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use vetch_tests::lab;

type Outcome = anyhow::Result<()>;
const SOON: Option<Duration> = Some(Duration::from_secs(5));

fn conn() -> Conn {
    Conn::open(Protocol::Route).unwrap()
}

fn named(name: &str, kind: Kind) -> LinkSpec {
    LinkSpec {
        name: Some(name.parse().unwrap()),
        kind: Some(kind),
        ..LinkSpec::default()
    }
}

/// Events until one is as wanted.
#[track_caller]
fn until(events: &mut Events, wanted: impl Fn(&Event) -> bool) -> Event {
    let mut seen = Vec::new();
    while let Some(event) = events.wait(SOON).unwrap() {
        if wanted(&event) {
            return event;
        }
        seen.push(event);
    }
    panic!("not among {seen:#?}");
}

#[test]
fn every_change_is_told() {
    lab(|_| -> Outcome {
        let mut events = Events::open(&Group::ROUTE)?;
        assert_eq!(events.try_next()?, None);
        let mut conn = conn();
        let br0 = conn
            .add_link(&named("br0", Kind::Bridge(Bridge::default())))?
            .unwrap()
            .index;
        let vt0 = conn
            .add_link(&named("vt0", Kind::veth(LinkSpec::default())))?
            .unwrap()
            .index;
        until(
            &mut events,
            |e| matches!(e, Event::Link(Fate::New, link) if link.index == br0),
        );
        conn.set_link(
            vt0,
            &LinkSpec {
                master: Some(br0),
                ..LinkSpec::default()
            },
        )?;
        until(
            &mut events,
            |e| matches!(e, Event::BridgePort(Fate::New, link) if link.index == vt0),
        );
        conn.set_link(
            br0,
            &LinkSpec {
                up: Some(true),
                ..LinkSpec::default()
            },
        )?;
        until(
            &mut events,
            |e| matches!(e, Event::Link(_, link) if link.index == br0 && link.is_up()),
        );
        let address = "10.0.0.1/24".parse()?;
        conn.add_address(&AddressSpec {
            link: br0,
            address,
            ..AddressSpec::default()
        })?;
        until(
            &mut events,
            |e| matches!(e, Event::Address(Fate::New, a) if a.address == address),
        );
        until(&mut events, |e| matches!(e, Event::Route(Fate::New, _)));
        conn.set_link(
            vt0,
            &LinkSpec {
                master: Some(NO_MASTER),
                ..LinkSpec::default()
            },
        )?;
        until(
            &mut events,
            |e| matches!(e, Event::BridgePort(Fate::Gone, link) if link.index == vt0),
        );
        conn.delete_link(br0)?;
        until(
            &mut events,
            |e| matches!(e, Event::Address(Fate::Gone, a) if a.address == address),
        );
        until(
            &mut events,
            |e| matches!(e, Event::Link(Fate::Gone, link) if link.index == br0),
        );
        conn.delete_link("vt0".parse::<LinkRef>()?)?;
        Ok(())
    });
}

#[test]
fn a_subscriber_who_is_too_slow_is_told_to_read_again() {
    lab(|_| -> Outcome {
        let mut events = Events::open(&[Group::Neighbour])?;
        let mut conn = conn();
        let br0 = conn
            .add_link(&named("br0", Kind::Bridge(Bridge::default())))?
            .unwrap()
            .index;
        conn.set_link(
            br0,
            &LinkSpec {
                up: Some(true),
                ..LinkSpec::default()
            },
        )?;
        let neighbours = (0..20_000_u32).map(|n| NeighbourSpec {
            link: br0,
            address: IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n)),
            lladdr: Some(MacAddr([2, 0, 0, 0, (n >> 8) as u8, n as u8]).into()),
            ..NeighbourSpec::default()
        });
        let failed = conn.batch(neighbours.map(Change::add))?;
        drop(failed); // the table may be full before
        until(&mut events, |e| *e == Event::Resync);
        while events.try_next()?.is_some() {}
        conn.delete_link(br0)?;
        until(&mut events, |e| {
            matches!(e, Event::Neighbour(Fate::Gone, _) | Event::Resync)
        });
        Ok(())
    });
}

#[test]
fn the_ruleset_tells_its_generation() {
    lab(|lab| -> Outcome {
        let mut events = Events::open(&[Group::Ruleset])?;
        lab.cmd("nft add table inet t").ok();
        let mut next = || match until(&mut events, |e| matches!(e, Event::Ruleset(_))) {
            Event::Ruleset(generation) => generation,
            other => panic!("{other:?}"),
        };
        let first = next();
        lab.cmd("nft delete table inet t").ok();
        let second = next();
        assert_eq!(second.id, first.id + 1);
        assert_eq!(second.process.as_deref(), Some("nft"));
        assert!(second.pid.is_some_and(|pid| pid > 0));
        assert_eq!(events.wait(Some(Duration::from_millis(20)))?, None);
        Ok(())
    });
}
