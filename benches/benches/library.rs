//! What the library costs without the kernel: messages written and read, and whole conversations with a function that plays the
//! kernel. Run by `cargo bench -p vetch-benches`; no privilege needed.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use core_netlink::fake::Reply;
use core_netlink::link::{AddLink, GetLink, Kind, Link, LinkRef, LinkSpec};
use core_netlink::route::{Route, RouteFilter, RouteSpec};
use core_netlink::{Change, Conn, IfIndex, MacAddr, Prefix, Record, Request, Writer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::error::Error;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

const ROUTES: usize = 1_000;
const RTM_NEWLINK: u16 = 16;
const RTM_NEWROUTE: u16 = 24;

fn pair() -> Result<LinkSpec, Box<dyn Error>> {
    let peer = LinkSpec {
        name: Some("eth0".parse()?),
        ..LinkSpec::default()
    };
    let address = Some(MacAddr([2, 0x42, 10, 0, 0, 2]).into());
    let (kind, mtu) = (Some(Kind::veth(peer)), Some(1400));
    Ok(LinkSpec {
        name: Some("vt0".parse()?),
        alias: Some("vetch:net:id:eth0".into()),
        address,
        kind,
        mtu,
        ..LinkSpec::default()
    })
}

fn routes() -> Result<Vec<Change<RouteSpec>>, Box<dyn Error>> {
    let (gateway, link, metric) = (Some("10.0.0.1".parse()?), Some(IfIndex(2)), Some(100));
    let destination =
        |i: usize| Prefix::new(IpAddr::V4(Ipv4Addr::from(0x1400_0000 + i as u32)), 32);
    let route = |i| {
        Ok(Change::add(RouteSpec {
            destination: destination(i)?,
            gateway,
            link,
            metric,
            ..RouteSpec::default()
        }))
    };
    (0..ROUTES).map(route).collect()
}

/// A request's body is laid out as the kernel's answer is.
fn body(request: &impl Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut Writer::new(&mut bytes));
    bytes
}

fn messages(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let (pair, routes) = (pair()?, routes()?);
    let (link, route) = (body(&AddLink(&pair)), body(&routes[0]));
    let mut out = Vec::with_capacity(4096);
    c.bench_function("encode veth pair", |b| {
        b.iter(|| {
            out.clear();
            AddLink(black_box(&pair)).encode(&mut Writer::new(&mut out));
        });
    });
    c.bench_function("encode route", |b| {
        b.iter(|| {
            out.clear();
            black_box(&routes[0]).encode(&mut Writer::new(&mut out));
        });
    });
    c.bench_function("decode link", |b| {
        b.iter(|| Link::decode(RTM_NEWLINK, black_box(&link)))
    });
    c.bench_function("decode route", |b| {
        b.iter(|| Route::decode(RTM_NEWROUTE, black_box(&route)))
    });
    Ok(())
}

fn conversations(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let (link, routes) = (body(&AddLink(&pair()?)), routes()?);
    let mut conn = Conn::fake(move |_| Reply::Records(vec![(RTM_NEWLINK, link.clone())]));
    let get = GetLink("vt0".parse::<LinkRef>()?);
    c.bench_function("get link", |b| b.iter(|| conn.get(&get)));

    let mut group = c.benchmark_group("1,000 routes");
    group.throughput(Throughput::Elements(ROUTES as u64));
    let mut conn = Conn::fake(|_| Reply::Ack);
    group.bench_function("batch", |b| b.iter(|| conn.batch(&routes)));
    let bodies: Vec<_> = routes
        .iter()
        .map(|route| (RTM_NEWROUTE, body(route)))
        .collect();
    let mut conn = Conn::fake(move |_| Reply::Records(bodies.clone()));
    group.bench_function("dump", |b| {
        b.iter(|| conn.dump_each(&RouteFilter::default(), |route| drop(black_box(route))))
    });
    group.finish();
    Ok(())
}

fn all(c: &mut Criterion) {
    for result in [messages(c), conversations(c)] {
        if let Err(error) = result {
            unreachable!("the specifications are constant and valid: {error}");
        }
    }
}

criterion_group!(library, all);
criterion_main!(library);
