//! Published ports: one more beside few and many, many of one container, and connections through the first and the last.

use crate::case::Case;
use crate::cases::Size;
use crate::floor::{Floor, enter, make_namespace};
use crate::nft;
use crate::timing::time;
use crate::world::{nowhere, run, with_network, words};
use anyhow::{Context, Result};
use core_netlink::{Conn, Protocol};
use firewall::{Owner, Ports, Publish, Transport};
use std::cell::OnceCell;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// So many are published already where it says many.
const MANY: u16 = 5_000;
/// The first host port of those that are there already.
const FIRST: u16 = 10_000;
/// The first host port of those that are measured.
const MORE: u16 = 20_000;
const TARGET: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 77, 0, 2), 80);

pub(crate) fn all<'a>(size: &'a Size) -> Vec<Case<'a>> {
    let mut cases = vec![
        one_more("port, 1 there", 1, size),
        one_more("port, 5,000 there", MANY, size),
        flat(size),
    ];
    if let Some(vetch) = &size.vetch {
        cases.push(of_one(size, vetch));
        cases.push(connect(size, vetch));
    }
    cases
}

/// The tables that Vetch has.
fn install() -> Result<Conn> {
    let mut conn = Conn::open(Protocol::Netfilter)?;
    firewall::install(&mut conn, || Ok(firewall::Change::default()))?;
    Ok(conn)
}

/// The same message into the same map.
fn by_floor(there: u16, more: u16) -> Result<Duration> {
    nowhere()?;
    install()?;
    added(Floor::netfilter()?, nft::INSTALLED, there, more)
}

/// Into a map of a table where nothing else is: what the other chains of a ruleset cost each transaction.
fn by_map_alone(there: u16, more: u16) -> Result<Duration> {
    nowhere()?;
    let mut floor = Floor::netfilter()?;
    nft::make_map(&mut floor);
    floor.flush()?;
    added(floor, nft::ALONE, there, more)
}

fn added(mut floor: Floor, map: nft::Map, there: u16, more: u16) -> Result<Duration> {
    let mut add = |port| {
        nft::port(&mut floor, map, true, port, TARGET);
        floor.flush()
    };
    (FIRST..FIRST + there).try_for_each(&mut add)?;
    time(|| Ok((MORE..MORE + more).try_for_each(&mut add)?))
}

fn by_library(there: u16, more: u16) -> Result<Duration> {
    nowhere()?;
    let mut conn = install()?;
    let owner = Owner::attachment("bench", "cli:c1", "eth0");
    let change = |first, last| {
        let publish = Publish {
            on: None,
            ports: Ports::new(first, last)?,
            transport: Transport::Tcp,
            to: TARGET.into(),
            only: Vec::new(),
        };
        firewall::publish(&owner, &publish)
    };
    for port in FIRST..FIRST + there {
        firewall::apply(&mut conn, &change(port, port)?)?;
    }
    time(|| {
        (MORE..MORE + more)
            .try_for_each(|port| Ok(firewall::apply(&mut conn, &change(port, port)?)?))
    })
}

/// Each in a transaction of its own.
pub(crate) fn one_more<'a>(name: &'static str, there: u16, size: &Size) -> Case<'a> {
    let more = size.requests as u16;
    Case::new(name, more.into(), size.rounds.min(9))
        .at_most(1.3)
        .with("floor", move |_| by_floor(there, more))
        .with("map alone", move |_| by_map_alone(there, more))
        .with("vetch", move |_| by_library(there, more))
}

/// What another one costs beside many, in times of what it costs beside one.
fn flat<'a>(size: &Size) -> Case<'a> {
    let more = size.requests as u16;
    Case::new("port, 5,000 beside 1", more.into(), size.rounds.min(9))
        .at_most(1.1)
        .with("1", move |_| by_library(1, more))
        .with("vetch", move |_| by_library(MANY, more))
}

/// A host with a container on which ports are published, and somebody outside.
struct Published {
    host: File,
    outside: File,
    _servers: [TcpListener; 2],
}

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

impl Published {
    fn new(vetch: &Path) -> Result<Published> {
        let (host, outside) = crate::world::with_outside(HOST)?;
        enter(&host)?;
        run(&mut words(
            vetch,
            "network create bench --subnet 10.77.0.0/16",
        ))?;
        let inner = make_namespace("ports")?;
        enter(&host)?;
        let last = FIRST + MANY - 1;
        run(&mut words(
            vetch,
            &format!("attach bench ports -p {FIRST}-{last}:{FIRST}-{last}"),
        ))?;
        enter(&inner)?;
        let listen = |port| {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).context("listen in the container")
        };
        let servers = [listen(FIRST)?, listen(last)?];
        for server in &servers {
            let server = server.try_clone()?;
            thread::spawn(move || server.incoming().for_each(drop));
        }
        Ok(Published {
            host,
            outside,
            _servers: servers,
        })
    }

    /// Connects so often.
    fn connect(&self, port: u16, times: usize) -> Result<Duration> {
        enter(&self.outside)?;
        let to = SocketAddr::from((HOST, port));
        let took = time(|| (0..times).try_for_each(|_| Ok(TcpStream::connect(to).map(drop)?)));
        enter(&self.host)?;
        took
    }
}

/// Through the first of the mappings, and through the last.
fn connect<'a>(size: &Size, vetch: &'a Path) -> Case<'a> {
    let (there, times) = (Rc::new(OnceCell::new()), size.requests);
    let go = move |port| {
        let there = Rc::clone(&there);
        move |_| {
            if there.get().is_none() {
                let _ = there.set(Published::new(vetch)?);
            }
            there.get().context("no host")?.connect(port, times)
        }
    };
    Case::new("connect, last of 5,000", times, size.rounds)
        .at_most(1.1)
        .with("first", go.clone()(FIRST))
        .with("vetch", go(FIRST + MANY - 1))
}

/// Attaches and detaches one container with so many ports.
fn attach(vetch: &Path, host: &File, ports: u16) -> Result<Duration> {
    enter(host)?;
    let last = FIRST + ports - 1;
    let attach = format!("attach bench many -p {FIRST}-{last}:{FIRST}-{last}");
    let took = time(|| run(&mut words(vetch, &attach)));
    run(&mut words(vetch, "detach bench many --wait"))?;
    took
}

/// Many ports of one container beside one.
fn of_one<'a>(size: &Size, vetch: &'a Path) -> Case<'a> {
    let place = Rc::new(OnceCell::new());
    let go = move |ports| {
        let place = Rc::clone(&place);
        move |_| {
            if place.get().is_none() {
                let _ = place.set(with_network(vetch, "many")?);
            }
            attach(vetch, place.get().context("no host")?, ports)
        }
    };
    Case::new("attach, 32 ports beside 1", 1, size.rounds)
        .at_most(2.0)
        .with("1 port", go.clone()(1))
        .with("vetch", go(32))
}
