//! Lists compared: dumps of links and routes, by the library and by whole commands.

use crate::bulk::many_routes;
use crate::case::Case;
use crate::cases::{Size, conn, on_bridge};
use crate::floor::{ACK, Floor};
use crate::timing::time;
use crate::world::{Prepared, run};
use anyhow::{Result, ensure};
use core_netlink::link::{DumpLinks, LinkFilter};
use core_netlink::route::RouteFilter;
use core_netlink::{Family, Query};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

const DUMP: f64 = 1.3;
/// One and a half times as fast as `ip`.
const SHOW: f64 = 1.0 / 1.5;

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
fn by_program(program: &Path, words: &str) -> Result<Duration> {
    time(|| run(Command::new(program).args(words.split(' '))))
}

fn many_links(count: usize) -> Result<()> {
    let mut floor = Floor::route()?;
    for i in 0..count / 2 {
        floor.add_veth(&format!("a{i}"), &format!("b{i}"), ACK);
        floor.flush()?;
    }
    Ok(())
}

/// Where the lists are long; each is made when it is first needed.
struct Places {
    links: Prepared,
    routes: Prepared,
    count: [usize; 2],
}

impl Places {
    fn links(&self) -> Result<()> {
        self.links.enter(|| many_links(self.count[0]))
    }

    fn routes(&self) -> Result<()> {
        self.routes.enter(|| {
            let link = on_bridge()?; // the socket is to be opened in its namespace
            many_routes(&mut Floor::route()?, link, self.count[1])
        })
    }
}

/// Dumps by the library, and whole commands that list.
pub(crate) fn all(size: &Size) -> Vec<Case<'_>> {
    let places = Rc::new(Places {
        links: Prepared::default(),
        routes: Prepared::default(),
        count: [size.links, size.routes],
    });
    let mut cases = vec![dump_links(size, &places), dump_routes(size, &places)];
    if let (true, Some(vetch)) = (size.ip, &size.vetch) {
        cases.extend(shows(size, vetch, &places));
    }
    cases
}

fn dump_links<'a>(size: &Size, places: &Rc<Places>) -> Case<'a> {
    let (count, a, b) = (size.links, Rc::clone(places), Rc::clone(places));
    Case::new("dump of 1,000 links", 1, size.rounds)
        .at_most(DUMP)
        .with("floor", move |_| {
            a.links()?;
            by_floor_dump(Floor::dump_links, count)
        })
        .with("vetch", move |_| {
            b.links()?;
            by_dump(&DumpLinks(&LinkFilter::default()), count)
        })
}

fn dump_routes<'a>(size: &Size, places: &Rc<Places>) -> Case<'a> {
    let (count, a, b) = (size.routes, Rc::clone(places), Rc::clone(places));
    let filter = RouteFilter {
        family: Some(Family::V4),
        ..RouteFilter::default()
    };
    Case::new("dump of 100,000 routes", 1, size.rounds.min(11))
        .at_most(DUMP)
        .with("floor", move |_| {
            a.routes()?;
            by_floor_dump(Floor::dump_routes, count)
        })
        .with("vetch", move |_| {
            b.routes()?;
            by_dump(&filter, count)
        })
}

/// The same words for both programs; `ip` is what they are compared with.
fn shows<'a>(size: &Size, vetch: &'a Path, places: &Rc<Places>) -> Vec<Case<'a>> {
    type Enter = fn(&Places) -> Result<()>;
    let rows: [(_, _, Enter); 4] = [
        ("link show, 1,000", "link show", Places::links),
        ("link show, 1,000, JSON", "-j link show", Places::links),
        ("route show, 100,000", "route show", Places::routes),
        ("route show, 100,000, JSON", "-j route show", Places::routes),
    ];
    let case = |(name, words, enter): (_, &'static str, Enter)| {
        let (a, b) = (Rc::clone(places), Rc::clone(places));
        Case::new(name, 1, size.rounds.min(11))
            .at_most(SHOW)
            .with("ip", move |_| {
                enter(&a)?;
                by_program("ip".as_ref(), words)
            })
            .with("vetch", move |_| {
                enter(&b)?;
                by_program(vetch, words)
            })
    };
    rows.into_iter().map(case).collect()
}
