//! What is compared: each case in a fresh namespace, prepared by the floor, so that only the operation is measured.

use crate::bulk;
use crate::case::Case;
use crate::floor::{ACK, Floor, enter, make_namespace};
use crate::timing::time;
use crate::world::{batch, fresh, here, nowhere, unname, with_bridge};
use crate::{dumps, many, ports};
use anyhow::{Context, Result};
use core_netlink::addr::AddressSpec;
use core_netlink::fdb::{FdbLife, FdbSpec};
use core_netlink::link::{Bridge, Kind, LinkRef, LinkSpec};
use core_netlink::neigh::{NeighbourFlags, NeighbourSpec};
use core_netlink::route::RouteSpec;
use core_netlink::{Change, Conn, IfIndex, IfName, MacAddr, Prefix, Protocol, Request};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

/// How large the cases are, and who is there.
#[derive(Clone, Debug)]
pub struct Size {
    /// Runs of each contender.
    pub rounds: usize,
    /// Cheap requests per run.
    pub requests: usize,
    /// Objects created per run.
    pub objects: usize,
    /// Requests in a batch.
    pub batch: usize,
    /// Links in the dump.
    pub links: usize,
    /// Routes in the dump.
    pub routes: usize,
    /// Containers that are attached already where it says many.
    pub attached: usize,
    /// Containers attached in one go.
    pub containers: usize,
    /// Bytes of a stream.
    pub bytes: usize,
    /// Whether `ip` is there to compare with.
    pub ip: bool,
    /// The program, if whole processes are to be compared.
    pub vetch: Option<PathBuf>,
}

impl Size {
    /// For a figure to be quoted.
    pub fn full() -> Size {
        Size {
            rounds: 21,
            requests: 500,
            objects: 20,
            batch: 100_000,
            links: 1_000,
            routes: 100_000,
            attached: 500,
            containers: 1_000,
            bytes: 2 << 30,
            ip: false,
            vetch: None,
        }
    }

    /// For a glance.
    pub fn quick() -> Size {
        Size {
            rounds: 5,
            requests: 200,
            objects: 10,
            batch: 20_000,
            containers: 200,
            bytes: 512 << 20,
            ..Size::full()
        }
    }
}

/// Every case of the library.
pub fn all(size: &Size) -> Vec<Case<'_>> {
    let mut cases = vec![
        get_link(size),
        address(size),
        route(size),
        neighbour(size),
        forwarding_entry(size),
        link_up(size),
        bulk::routes(size),
        bulk::neighbours(size),
        bulk::forwarding_entries(size),
        veth(size),
        bridge(size),
        namespace(size),
    ];
    cases.extend(dumps::all(size));
    cases.extend(ports::all(size));
    cases.extend(many::all(size));
    cases
}

/// A request's target: one by one, each answered before the next.
const CHEAP: f64 = 1.2;
/// The target of what the kernel itself takes long for.
const MAKE: f64 = 1.1;

pub(crate) fn nth(i: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x1400_0000 + i as u32)
}

fn host(i: usize) -> Result<Prefix> {
    Ok(Prefix::new(IpAddr::V4(nth(i)), 32)?)
}

pub(crate) fn mac(i: usize) -> [u8; 6] {
    let [a, b, c, d] = (i as u32).to_be_bytes();
    [2, 0x42, a, b, c, d]
}

fn name(prefix: &str, i: usize) -> Result<IfName> {
    Ok(format!("{prefix}{i}").parse()?)
}

pub(crate) fn conn() -> Result<Conn> {
    Ok(Conn::open(Protocol::Route)?)
}

/// The floor's way: `operation` once per number, each acknowledged before the next.
fn by_floor(
    count: usize,
    prepare: impl Fn() -> Result<u32>,
    operation: impl Fn(&mut Floor, u32, usize),
) -> Result<Duration> {
    let index = prepare()?;
    let mut floor = Floor::route()?;
    time(|| {
        for i in 0..count {
            operation(&mut floor, index, i);
            floor.flush()?;
        }
        Ok(())
    })
}

/// The same by the library: one `change` per number.
fn by_library<R: Request>(
    count: usize,
    prepare: impl Fn() -> Result<u32>,
    request: impl Fn(IfIndex, usize) -> Result<R>,
) -> Result<Duration> {
    let index = IfIndex(prepare()?);
    let mut conn = conn()?;
    time(|| (0..count).try_for_each(|i| Ok(conn.change(&request(index, i)?)?)))
}

/// The same by `ip -batch` (or `bridge -batch`), the program's start included.
pub(crate) fn by_ip(
    program: &str,
    count: usize,
    prepare: impl Fn() -> Result<u32>,
    line: impl Fn(usize) -> String,
) -> Result<Duration> {
    prepare()?;
    let lines: String = (0..count).map(|i| line(i) + "\n").collect();
    time(|| batch(program, &lines))
}

pub(crate) fn on_bridge() -> Result<u32> {
    with_bridge().map(|(bridge, _)| bridge)
}

pub(crate) fn on_port() -> Result<u32> {
    with_bridge().map(|(_, port)| port)
}

fn get_link(size: &Size) -> Case<'_> {
    let count = size.requests;
    Case::new("get link by name", count, size.rounds)
        .at_most(CHEAP)
        .with("floor", move |_| {
            on_bridge()?;
            let mut floor = Floor::route()?;
            time(|| (0..count).try_for_each(|_| Ok(floor.get_link("a0").map(drop)?)))
        })
        .with("vetch", move |_| {
            on_bridge()?;
            let (mut conn, link) = (conn()?, "a0".parse::<LinkRef>()?);
            time(|| (0..count).try_for_each(|_| Ok(conn.get_link(link.clone()).map(drop)?)))
        })
        .with_if(size.ip, "ip -batch", move |_| {
            by_ip("ip", count, on_bridge, |_| "link show a0".into())
        })
}

fn address(size: &Size) -> Case<'_> {
    let count = size.requests;
    let spec = |link, i| {
        Ok(Change::add(AddressSpec {
            link,
            address: host(i)?,
            ..AddressSpec::default()
        }))
    };
    Case::new("address add", count, size.rounds)
        .at_most(CHEAP)
        .with("floor", move |_| {
            by_floor(count, on_bridge, |floor, link, i| {
                floor.add_address(link, nth(i), 32, ACK)
            })
        })
        .with("vetch", move |_| by_library(count, on_bridge, spec))
        .with_if(size.ip, "ip -batch", move |_| {
            by_ip("ip", count, on_bridge, |i| {
                format!("address add {}/32 dev br0", nth(i))
            })
        })
}

pub(crate) fn route_spec(link: IfIndex, i: usize) -> Result<Change<RouteSpec>> {
    Ok(Change::add(RouteSpec {
        destination: host(i)?,
        link: Some(link),
        ..RouteSpec::default()
    }))
}

pub(crate) fn route_line(i: usize) -> String {
    format!("route add {} dev br0", nth(i))
}

fn route(size: &Size) -> Case<'_> {
    let count = size.requests;
    Case::new("route add", count, size.rounds)
        .at_most(CHEAP)
        .with("floor", move |_| {
            by_floor(count, on_bridge, |floor, link, i| {
                floor.add_route((nth(i), 32), link, None, ACK)
            })
        })
        .with("vetch", move |_| by_library(count, on_bridge, route_spec))
        .with_if(size.ip, "ip -batch", move |_| {
            by_ip("ip", count, on_bridge, route_line)
        })
}

pub(crate) fn neighbour_spec(link: IfIndex, i: usize) -> Result<Change<NeighbourSpec>> {
    let (address, lladdr) = (nth(i).into(), Some(MacAddr(mac(i)).into()));
    Ok(Change::add(NeighbourSpec {
        link,
        address,
        lladdr,
        ..NeighbourSpec::default()
    }))
}

pub(crate) fn neighbour_line(i: usize) -> String {
    let (address, lladdr) = (nth(i), MacAddr(mac(i)));
    format!("neighbour add {address} lladdr {lladdr} dev br0 nud permanent")
}

fn neighbour(size: &Size) -> Case<'_> {
    let count = size.requests;
    Case::new("neighbour add", count, size.rounds)
        .at_most(CHEAP)
        .with("floor", move |_| {
            by_floor(count, on_bridge, |floor, link, i| {
                floor.add_neighbour(link, nth(i), mac(i), ACK)
            })
        })
        .with("vetch", move |_| {
            by_library(count, on_bridge, neighbour_spec)
        })
        .with_if(size.ip, "ip -batch", move |_| {
            by_ip("ip", count, on_bridge, neighbour_line)
        })
}

pub(crate) fn fdb_spec(link: IfIndex, i: usize) -> Result<Change<FdbSpec>> {
    let (lladdr, flags, life) = (MacAddr(mac(i)), NeighbourFlags::MASTER, FdbLife::Static);
    Ok(Change::add(FdbSpec {
        link,
        lladdr,
        flags,
        life,
        ..FdbSpec::default()
    }))
}

pub(crate) fn fdb_line(i: usize) -> String {
    format!("fdb add {} dev a0 master static", MacAddr(mac(i)))
}

fn forwarding_entry(size: &Size) -> Case<'_> {
    let count = size.requests;
    Case::new("FDB entry add", count, size.rounds)
        .at_most(CHEAP)
        .with("floor", move |_| {
            by_floor(count, on_port, |floor, link, i| {
                floor.add_fdb(link, mac(i), ACK)
            })
        })
        .with("vetch", move |_| by_library(count, on_port, fdb_spec))
        .with_if(size.ip, "bridge -batch", move |_| {
            by_ip("bridge", count, on_port, fdb_line)
        })
}

/// A link raised and taken down in turn.
fn link_up(size: &Size) -> Case<'_> {
    let count = size.requests;
    let change = |i: usize| LinkSpec {
        up: Some(i.is_multiple_of(2)),
        ..LinkSpec::default()
    };
    let line = |i: usize| {
        format!(
            "link set b0 {}",
            if i.is_multiple_of(2) { "up" } else { "down" }
        )
    };
    let peer = || {
        on_bridge()?;
        Ok(Floor::route()?.get_link("b0")?)
    };
    Case::new("link up, down", count, size.rounds)
        .at_most(CHEAP)
        .with("floor", move |_| {
            by_floor(count, peer, |floor, link, i| {
                floor.set_up(link, i.is_multiple_of(2), ACK)
            })
        })
        .with("vetch", move |_| {
            let (link, mut conn) = (IfIndex(peer()?), conn()?);
            time(|| (0..count).try_for_each(|i| Ok(conn.set_link(link, &change(i))?)))
        })
        .with_if(size.ip, "ip -batch", move |_| {
            by_ip("ip", count, peer, line)
        })
}

fn pair(i: usize) -> Result<LinkSpec> {
    let queues = LinkSpec {
        tx_queues: Some(1),
        rx_queues: Some(1),
        ..LinkSpec::default()
    };
    let peer = LinkSpec {
        name: Some(name("b", i)?),
        ..queues.clone()
    };
    Ok(LinkSpec {
        name: Some(name("a", i)?),
        kind: Some(Kind::veth(peer)),
        ..queues
    })
}

/// Makes links by the library, which answers with each link as it became.
fn by_links(count: usize, link: impl Fn(usize) -> Result<LinkSpec>) -> Result<Duration> {
    fresh()?;
    let mut conn = conn()?;
    time(|| {
        for i in 0..count {
            conn.add_link(&link(i)?)?
                .context("the kernel says nothing of the new link")?;
        }
        Ok(())
    })
}

fn veth(size: &Size) -> Case<'_> {
    let count = size.objects;
    let queues = "numtxqueues 1 numrxqueues 1";
    let line = move |i| format!("link add a{i} {queues} type veth peer name b{i} {queues}");
    let by_hand = |floor: &mut Floor, _, i| floor.add_veth(&format!("a{i}"), &format!("b{i}"), ACK);
    Case::new("veth pair create", count, size.rounds)
        .at_most(MAKE)
        .with("floor", move |_| by_floor(count, nowhere, by_hand))
        .with("vetch", move |_| by_links(count, pair))
        .with_if(size.ip, "ip -batch", move |_| {
            by_ip("ip", count, nowhere, line)
        })
}

fn bridge(size: &Size) -> Case<'_> {
    let count = size.objects;
    let spec = |i| {
        let kind = Some(Kind::Bridge(Bridge::default()));
        Ok(LinkSpec {
            name: Some(name("r", i)?),
            kind,
            ..LinkSpec::default()
        })
    };
    Case::new("bridge create", count, size.rounds)
        .at_most(MAKE)
        .with("floor", move |_| {
            by_floor(count, nowhere, |floor, _, i| {
                floor.add_link(&format!("r{i}"), "bridge", ACK)
            })
        })
        .with("vetch", move |_| by_links(count, spec))
        .with_if(size.ip, "ip -batch", move |_| {
            by_ip("ip", count, nowhere, |i| {
                format!("link add r{i} type bridge")
            })
        })
}

/// Makes named namespaces and forgets them again, which is not measured.
fn named(count: usize, make: impl Fn(&str) -> Result<()>) -> Result<Duration> {
    let names: Vec<_> = (0..count).map(|i| format!("n{i}")).collect();
    let took = time(|| names.iter().try_for_each(|name| make(name)))?;
    names.iter().try_for_each(|name| unname(name))?;
    std::thread::sleep(Duration::from_millis(20));
    Ok(took)
}

fn namespace(size: &Size) -> Case<'_> {
    let count = size.objects;
    Case::new("namespace create, named", count, size.rounds)
        .at_most(MAKE)
        .with("floor", move |_| {
            let home = here()?;
            let took = named(count, |name| Ok(make_namespace(name).map(drop)?));
            enter(&home)?;
            took
        })
        .with("vetch", move |_| {
            let _lent = ns_mgmt::lend_thread();
            named(count, |name| {
                Ok(ns_mgmt::NetNs::create_named(&name.parse()?).map(drop)?)
            })
        })
        .with_if(size.ip, "ip -batch", move |_| {
            let lines: String = (0..count).map(|i| format!("netns add n{i}\n")).collect();
            let took = time(|| batch("ip", &lines))?;
            (0..count).try_for_each(|i| unname(&format!("n{i}")))?;
            std::thread::sleep(Duration::from_millis(20));
            Ok(took)
        })
}
