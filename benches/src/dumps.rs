//! Lists compared: dumps of links and routes, by the library and by whole commands.

use crate::case::Case;
use crate::cases::{DUMP, Size, conn, many_routes, on_bridge};
use crate::floor::{ACK, Floor};
use crate::timing::time;
use crate::world::{Prepared, run};
use anyhow::{Context, Result, ensure};
use core_netlink::link::{DumpLinks, LinkFilter};
use core_netlink::route::RouteFilter;
use core_netlink::{Family, Query};
use std::process::Command;
use std::time::Duration;

/// Counts the objects of a dump as they come.
fn by_dump<Q: Query>(query: &Q, at_least: usize) -> Result<Duration> {
    let (mut conn, mut seen) = (conn()?, 0);
    let took = time(|| {
        Ok(conn.dump_each(query, |record| {
            std::hint::black_box(&record);
            seen += 1;
        })?)
    })?;
    ensure!(seen >= at_least, "{seen} objects in place of {at_least}");
    Ok(took)
}

fn by_floor_dump(
    dump: impl Fn(&mut Floor) -> std::io::Result<usize>,
    at_least: usize,
) -> Result<Duration> {
    let (mut floor, mut seen) = (Floor::route()?, 0);
    let took = time(|| {
        seen = dump(&mut floor)?;
        Ok(())
    })?;
    ensure!(seen >= at_least, "{seen} objects in place of {at_least}");
    Ok(took)
}

/// A program that lists, its output thrown away.
fn by_program(program: &std::path::Path, words: &str) -> Result<Duration> {
    time(|| run(Command::new(program).args(words.split(' '))))
}

pub(crate) fn dump_links(size: &Size) -> Case<'_> {
    let place = std::rc::Rc::new(Prepared::default());
    let count = size.links;
    let go = move || {
        place.enter(|| {
            let mut floor = Floor::route()?;
            for i in 0..count / 2 {
                floor.add_veth(&format!("a{i}"), &format!("b{i}"), ACK);
                floor.flush()?;
            }
            Ok(())
        })
    };
    let (a, b, c, d) = (go.clone(), go.clone(), go.clone(), go);
    Case::new("dump of 1,000 links", 1, size.rounds)
        .at_most(DUMP)
        .with("floor", move |_| {
            a().and_then(|()| by_floor_dump(Floor::dump_links, count))
        })
        .with("vetch", move |_| {
            b().and_then(|()| by_dump(&DumpLinks(&LinkFilter::default()), count))
        })
        .with_if(size.ip, "ip link", move |_| {
            c().and_then(|()| by_program("ip".as_ref(), "link show"))
        })
        .with_if(lists(size), "vetch link", move |_| {
            d().and_then(|()| by_vetch(size, "link show"))
        })
}

pub(crate) fn dump_routes(size: &Size) -> Case<'_> {
    let place = std::rc::Rc::new(Prepared::default());
    let count = size.routes;
    let go = move || {
        place.enter(|| {
            let link = on_bridge()?; // the socket is to be opened in its namespace
            many_routes(&mut Floor::route()?, link, count)
        })
    };
    let (a, b, c, d) = (go.clone(), go.clone(), go.clone(), go);
    let filter = RouteFilter {
        family: Some(Family::V4),
        ..RouteFilter::default()
    };
    Case::new("dump of 100,000 routes", 1, size.rounds.min(11))
        .at_most(DUMP)
        .with("floor", move |_| {
            a().and_then(|()| by_floor_dump(Floor::dump_routes, count))
        })
        .with("vetch", move |_| b().and_then(|()| by_dump(&filter, count)))
        .with_if(size.ip, "ip route", move |_| {
            c().and_then(|()| by_program("ip".as_ref(), "route show"))
        })
        .with_if(lists(size), "vetch route", move |_| {
            d().and_then(|()| by_vetch(size, "route show"))
        })
}

/// Whether there is a program, and it lists as `ip` does.
fn lists(size: &Size) -> bool {
    by_vetch(size, "link show").is_ok()
}

fn by_vetch(size: &Size, words: &str) -> Result<Duration> {
    by_program(size.vetch.as_deref().context("no program")?, words)
}
