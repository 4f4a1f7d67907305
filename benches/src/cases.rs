//! What is compared: each case in a fresh namespace, prepared by the floor, so that only the operation is measured.

use crate::case::Case;
use crate::floor::{ACK, Floor, make_namespace};
use crate::timing::time;
use crate::world::{batch, fresh, with_bridge};
use anyhow::{Context, Result, ensure};
use core_netlink::addr::AddressSpec;
use core_netlink::fdb::{FdbLife, FdbSpec};
use core_netlink::link::{Kind, LinkSpec, Veth};
use core_netlink::neigh::{NeighbourFlags, NeighbourSpec};
use core_netlink::route::{RouteFilter, RouteSpec};
use core_netlink::{Conn, IfIndex, MacAddr, Protocol, Request};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// How large the cases are.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Cheap requests per run.
    pub requests: usize,
    /// Objects created per run.
    pub objects: usize,
    /// Links in the dump.
    pub links: usize,
    /// Routes in the dump and in the batch.
    pub routes: usize,
    /// Whether `ip` is there to compare with.
    pub ip: bool,
}

fn nth(i: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x1400_0000 + i as u32)
}

fn mac(i: usize) -> [u8; 6] {
    let [a, b, c, d] = (i as u32).to_be_bytes();
    [2, 0x42, a, b, c, d]
}

fn conn() -> Result<Conn> {
    Ok(Conn::open(Protocol::Route)?)
}

/// Every case of the library.
pub fn all(size: Size) -> Vec<Case<'static>> {
    vec![
        get_link(size.requests),
        address(size),
        route(size),
        neighbour(size),
        fdb(size),
        route_batch(size),
        veth(size),
        bridge(size),
        namespace(size.objects),
        dump_links(size),
        dump_routes(size),
    ]
}

/// A floor that writes `operation` once per number, each acknowledged before the next.
fn by_floor(count: usize, prepare: impl Fn() -> Result<u32>, operation: impl Fn(&mut Floor, u32, usize)) -> Result<Duration> {
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
fn by_library<R: Request>(count: usize, prepare: impl Fn() -> Result<u32>, request: impl Fn(IfIndex, usize) -> R) -> Result<Duration> {
    let index = IfIndex(prepare()?);
    let mut conn = conn()?;
    time(|| (0..count).try_for_each(|i| Ok(conn.change(&request(index, i))?)))
}

/// The same by `ip -batch`, the program's start included.
fn by_ip(program: &str, count: usize, prepare: impl Fn() -> Result<u32>, line: impl Fn(usize) -> String) -> Result<Duration> {
    prepare()?;
    let lines: String = (0..count).map(|i| line(i) + "\n").collect();
    time(|| batch(program, &lines))
}

fn on_bridge() -> Result<u32> {
    with_bridge().map(|(bridge, _)| bridge)
}

fn on_port() -> Result<u32> {
    with_bridge().map(|(_, port)| port)
}

fn nowhere() -> Result<u32> {
    fresh().map(|()| 0)
}

fn get_link(count: usize) -> Case<'static> {
    Case::new("get link by name", count)
        .with("floor", move |_| {
            on_bridge()?;
            let mut floor = Floor::route()?;
            time(|| (0..count).try_for_each(|_| Ok(floor.get_link("a0").map(drop)?)))
        })
        .with("vetch", move |_| {
            on_bridge()?;
            let (mut conn, name) = (conn()?, "a0".parse()?);
            time(|| (0..count).try_for_each(|_| Ok(conn.link_by_name(&name).map(drop)?)))
        })
}

fn address(size: Size) -> Case<'static> {
    let count = size.requests;
    let case = Case::new("address add", count)
        .with("floor", move |_| by_floor(count, on_bridge, |floor, link, i| floor.add_address(link, nth(i), 32, ACK)))
        .with("vetch", move |_| by_library(count, on_bridge, |link, i| address_spec(link, i).add()));
    match size.ip {
        true => case.with("ip -batch", move |_| by_ip("ip", count, on_bridge, |i| format!("address add {}/32 dev br0", nth(i)))),
        false => case,
    }
}

fn route(size: Size) -> Case<'static> {
    let count = size.requests;
    let case = Case::new("route add", count)
        .with("floor", move |_| by_floor(count, on_bridge, |floor, link, i| floor.add_route((nth(i), 32), link, None, ACK)))
        .with("vetch", move |_| by_library(count, on_bridge, |link, i| route_spec(link, i).add()));
    match size.ip {
        true => case.with("ip -batch", move |_| by_ip("ip", count, on_bridge, |i| format!("route add {} dev br0", nth(i)))),
        false => case,
    }
}
