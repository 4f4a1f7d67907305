//! Very many objects added in batches: sends of a thousand messages by the floor, an iterator of requests by the library.

use crate::case::Case;
use crate::cases::{self, Size, conn, mac, nth, on_bridge, on_port};
use crate::floor::{ACK, Floor};
use crate::timing::time;
use anyhow::{Result, ensure};
use core_netlink::{IfIndex, Request};
use std::time::Duration;

const BULK: f64 = 1.3;
/// Messages of one send; the last one is acknowledged.
const SEND: usize = 1000;

type Add = fn(&mut Floor, u32, usize, u16);

/// Writes so many messages.
fn many(floor: &mut Floor, link: u32, count: usize, add: Add) -> Result<()> {
    for i in 0..count {
        let last = i % SEND == SEND - 1 || i + 1 == count;
        add(floor, link, i, if last { ACK } else { 0 });
        if last {
            floor.flush()?;
        }
    }
    Ok(())
}

/// IPv4 routes out of a link.
pub(crate) fn many_routes(floor: &mut Floor, link: u32, count: usize) -> Result<()> {
    many(floor, link, count, |floor, link, i, flags| {
        floor.add_route((nth(i), 32), link, None, flags);
    })
}

fn by_floor(count: usize, prepare: fn() -> Result<u32>, add: Add) -> Result<Duration> {
    let (link, mut floor) = (prepare()?, Floor::route()?);
    time(|| many(&mut floor, link, count, add))
}

fn by_library<R: Request>(
    count: usize,
    prepare: fn() -> Result<u32>,
    request: fn(IfIndex, usize) -> Result<R>,
) -> Result<Duration> {
    let (link, mut conn) = (IfIndex(prepare()?), conn()?);
    let requests = (0..count)
        .map(|i| request(link, i))
        .collect::<Result<Vec<_>>>()?;
    time(|| {
        let failed = conn.batch(&requests)?;
        ensure!(failed.is_empty(), "{} requests failed", failed.len());
        Ok(())
    })
}

pub(crate) fn routes(size: &Size) -> Case<'_> {
    let count = size.batch;
    rounds("route add, in batches", size)
        .with("floor", move |_| {
            by_floor(count, on_bridge, |floor, link, i, flags| {
                floor.add_route((nth(i), 32), link, None, flags);
            })
        })
        .with("vetch", move |_| {
            by_library(count, on_bridge, cases::route_spec)
        })
        .with_if(size.ip, "ip -batch", move |_| {
            cases::by_ip("ip", count, on_bridge, cases::route_line)
        })
}

pub(crate) fn neighbours(size: &Size) -> Case<'_> {
    let count = size.batch;
    rounds("neighbour add, in batches", size)
        .with("floor", move |_| {
            by_floor(count, on_bridge, |floor, link, i, flags| {
                floor.add_neighbour(link, nth(i), mac(i), flags);
            })
        })
        .with("vetch", move |_| {
            by_library(count, on_bridge, cases::neighbour_spec)
        })
        .with_if(size.ip, "ip -batch", move |_| {
            cases::by_ip("ip", count, on_bridge, cases::neighbour_line)
        })
}

pub(crate) fn forwarding_entries(size: &Size) -> Case<'_> {
    let count = size.batch;
    rounds("FDB entry add, in batches", size)
        .with("floor", move |_| {
            by_floor(count, on_port, |floor, link, i, flags| {
                floor.add_fdb(link, mac(i), flags)
            })
        })
        .with("vetch", move |_| {
            by_library(count, on_port, cases::fdb_spec)
        })
        .with_if(size.ip, "bridge -batch", move |_| {
            cases::by_ip("bridge", count, on_port, cases::fdb_line)
        })
}

fn rounds<'a>(name: &'static str, size: &Size) -> Case<'a> {
    Case::new(name, size.batch, size.rounds.min(7)).at_most(BULK)
}
