//! One route, as `ip route` prints it.

use super::filter::Filter;
use crate::row::Row;
use crate::session::Session;
use core_netlink::addr::Scope;
use core_netlink::route::{
    MetricLocks, Metrics, NextHop, Route, RouteCache, RouteFlags, RouteProtocol, RouteType, Table,
};
use core_netlink::{Family, Prefix};
use std::net::IpAddr;

const HZ: i32 = 100; // USER_HZ
const LINE: &str = "\n    ";

pub(super) fn describe(s: &mut Session<'_>, route: &Route, filter: &Filter) -> Row {
    let mut row = s.row();
    let cloned = route.flags.contains(RouteFlags::CLONED);
    destination(s, &mut row, route, filter);
    hop(s, &mut row, route, filter);
    if !cloned {
        origin(s, &mut row, route, filter);
    }
    choice(s, &mut row, route, filter);
    flags(&mut row, route.flags.bits());
    packet(s, &mut row, route);
    if cloned && route.family == Family::V4 {
        cache(s, &mut row, route);
    } else if let Some(info) = &route.cache {
        lifetime(&mut row, info, route);
    }
    if let Some(metrics) = &route.metrics {
        row.list("metrics", [metrics], |row, metrics| {
            describe_metrics(row, metrics)
        });
    }
    if let Some(iif) = route.iif.filter(|_| filter.iif.is_none()) {
        row.word("iif", s.link_name(iif));
    }
    if let Some(preference) = route.preference {
        row.field(
            "pref",
            preference.to_string(),
            format_args!("pref {preference}"),
        );
    }
    if !route.multipath.is_empty() {
        let v4 = route.family == Family::V4;
        row.list("nexthops", &route.multipath, |row, hop| {
            describe_hop(s, row, hop, v4)
        });
    }
    row
}

/// A host without its length; 0 as `default`.
fn prefix_text(prefix: Prefix) -> String {
    match prefix.prefix_len() {
        0 => "default".into(),
        len if len == prefix.max_prefix_len() => prefix.addr().to_string(),
        _ => prefix.to_string(),
    }
}

fn destination(s: &mut Session<'_>, row: &mut Row, route: &Route, filter: &Filter) {
    if route.kind != RouteType::Unicast || (s.opts.details && filter.kind.is_none()) {
        let kind = route.kind.to_string();
        row.field("type", kind.as_str(), format_args!("{kind} "));
    }
    let to = route.destination.map(prefix_text).unwrap_or_default();
    row.field("dst", to.as_str(), format_args!("{to} "));
    if let Some(from) = route.source {
        let from = if from.prefix_len() == from.max_prefix_len() {
            from.addr().to_string()
        } else {
            from.to_string()
        };
        row.pair("from", "from", from);
    }
    if route.tos != 0 && filter.tos.is_none() {
        row.word(
            "tos",
            s.names
                .tos
                .find(route.tos.into())
                .unwrap_or_else(|| format!("0x{:02x}", route.tos)),
        );
    }
}

fn gateway(row: &mut Row, gateway: IpAddr, v4: bool) {
    if gateway.is_ipv4() == v4 {
        row.pair("via", "gateway", gateway.to_string());
        return;
    }
    let family = if gateway.is_ipv4() { "inet" } else { "inet6" };
    row.nest("via", |row| {
        row.field("family", family, format_args!("via {family} "));
        row.field("host", gateway.to_string(), format_args!("{gateway} "));
    });
}

fn hop(s: &mut Session<'_>, row: &mut Row, route: &Route, filter: &Filter) {
    if let Some(id) = route.nexthop_id {
        row.word("nhid", id);
    }
    if let Some(ip) = route.gateway.filter(|_| {
        filter
            .via
            .is_none_or(|via| via.prefix_len() != via.max_prefix_len())
    }) {
        gateway(row, ip, route.family == Family::V4);
    }
    if let Some(link) = route.link.filter(|_| filter.oif.is_none()) {
        row.word("dev", s.link_name(link));
    }
    if (route.table != Table::MAIN || s.opts.details) && filter.table.is_none() {
        row.word("table", s.names.tables.name(route.table.0));
    }
}

fn origin(s: &mut Session<'_>, row: &mut Row, route: &Route, filter: &Filter) {
    let details = s.opts.details;
    if (route.protocol != RouteProtocol::Boot || details) && filter.protocol.is_none() {
        row.pair(
            "proto",
            "protocol",
            s.names.protocols.name(route.protocol.number().into()),
        );
    }
    if (route.scope != Scope::Global || details) && filter.scope.is_none() {
        row.word("scope", s.names.scopes.name(route.scope.number().into()));
    }
}

fn choice(_: &mut Session<'_>, row: &mut Row, route: &Route, filter: &Filter) {
    let whole = |prefix: Prefix| prefix.prefix_len() == prefix.max_prefix_len();
    if let Some(source) = route.prefsrc.filter(|_| !filter.prefsrc.is_some_and(whole)) {
        row.pair("src", "prefsrc", source.to_string());
    }
    if let Some(metric) = route.metric.filter(|_| filter.metric.is_none()) {
        row.word("metric", metric);
    }
}

/// The flags in the order in which they are printed.
const FLAGS: [(u32, &str); 11] = [
    (RouteFlags::DEAD.bits(), "dead"),
    (RouteFlags::ONLINK.bits(), "onlink"),
    (RouteFlags::PERVASIVE.bits(), "pervasive"),
    (RouteFlags::OFFLOAD.bits(), "offload"),
    (RouteFlags::TRAP.bits(), "trap"),
    (RouteFlags::NOTIFY.bits(), "notify"),
    (RouteFlags::LINKDOWN.bits(), "linkdown"),
    (RouteFlags::UNRESOLVED.bits(), "unresolved"),
    (RouteFlags::RT_OFFLOAD.bits(), "rt_offload"),
    (RouteFlags::RT_TRAP.bits(), "rt_trap"),
    (RouteFlags::RT_OFFLOAD_FAILED.bits(), "rt_offload_failed"),
];

fn flags(row: &mut Row, bits: u32) {
    let set: Vec<String> = FLAGS
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let end = if set.is_empty() { "" } else { " " };
    row.values("flags", &set, "", " ", end);
}

/// What the answer to a query says of the packet.
fn packet(s: &Session<'_>, row: &mut Row, route: &Route) {
    if let Some(mark) = route.mark.filter(|mark| *mark != 0) {
        let text = if mark >= 16 {
            format!("0x{mark:x}")
        } else {
            mark.to_string()
        };
        row.field("mark", mark, format_args!("mark {text} "));
    }
    if let Some(uid) = route.uid {
        row.word("uid", uid);
    }
    if let Some(flow) = route.flow {
        let (from, to) = (flow >> 16, flow & 0xffff);
        let realm = |number| s.names.realms.name(number);
        let text = if from == 0 {
            realm(to)
        } else {
            format!("{}/{}", realm(from), realm(to))
        };
        row.word("realms", text);
    }
}

/// `RTCF_*` of linux/in_route.h.
const CACHE: [(u32, &str); 6] = [
    (0x8000_0000, "local"),
    (0x4000_0000, "reject"),
    (0x2000_0000, "mc"),
    (0x1000_0000, "brd"),
    (0x0004_0000, "redirected"),
    (0x0001_0000, "notify"),
];

fn cache(_: &Session<'_>, row: &mut Row, route: &Route) {
    let set = CACHE
        .iter()
        .filter(|(bit, _)| route.flags.bits() & bit != 0);
    let set: Vec<String> = set.map(|(_, name)| (*name).to_owned()).collect();
    row.text(format_args!("{LINE}cache "));
    let (before, after) = if set.is_empty() {
        ("", "")
    } else {
        ("<", "> ")
    };
    row.values("cache", &set, before, ",", after);
    if let Some(info) = &route.cache {
        lifetime(row, info, route);
    }
}

fn lifetime(row: &mut Row, info: &RouteCache, route: &Route) {
    let seconds = match info.expires {
        0 => route.expires.map(i64::from),
        expires => Some(i64::from(expires / HZ)),
    };
    if let Some(seconds) = seconds {
        row.field("expires", seconds, format_args!("expires {seconds}sec "));
    }
    if info.error != 0 && route.kind == RouteType::Unicast {
        row.field("error", info.error, format_args!("error {} ", info.error));
    }
}

fn describe_metrics(row: &mut Row, metrics: &Metrics) {
    let locks = metrics.lock.unwrap_or_default();
    let time = |value: u32, parts: u32| match value.is_multiple_of(1000 * parts) {
        true => format!("{}s", value / (1000 * parts)),
        false => format!("{}ms", value / parts),
    };
    let plain = |value: u32| value.to_string();
    let numbers: [(&str, Option<u32>, MetricLocks, u32); 13] = [
        ("mtu", metrics.mtu, MetricLocks::MTU, 0),
        ("window", metrics.window, MetricLocks::WINDOW, 0),
        ("rtt", metrics.rtt, MetricLocks::RTT, 8),
        ("rttvar", metrics.rttvar, MetricLocks::RTTVAR, 4),
        ("ssthresh", metrics.ssthresh, MetricLocks::SSTHRESH, 0),
        ("cwnd", metrics.cwnd, MetricLocks::CWND, 0),
        ("advmss", metrics.advmss, MetricLocks::ADVMSS, 0),
        ("reordering", metrics.reordering, MetricLocks::REORDERING, 0),
        ("hoplimit", metrics.hoplimit, MetricLocks::HOPLIMIT, 0),
        ("initcwnd", metrics.initcwnd, MetricLocks::INITCWND, 0),
        ("rto_min", metrics.rto_min, MetricLocks::RTO_MIN, 1),
        ("initrwnd", metrics.initrwnd, MetricLocks::INITRWND, 0),
        ("quickack", metrics.quickack, MetricLocks::QUICKACK, 0),
    ];
    for (name, value, lock, parts) in numbers {
        let Some(value) = value else { continue };
        let text = if parts == 0 {
            plain(value)
        } else {
            time(value, parts)
        };
        let json = value.checked_div(parts).unwrap_or(value);
        let locked = if locks.contains(lock) { "lock " } else { "" };
        row.field(name, json, format_args!("{name} {locked}{text} "));
    }
    if let Some(features) = metrics.features {
        let text = if features.bits() & 1 != 0 {
            "ecn ".to_owned()
        } else {
            String::new()
        };
        row.field("features", features.bits(), format_args!("features {text}"));
    }
    if let Some(name) = &metrics.congestion {
        let locked = if locks.contains(MetricLocks::CONGESTION) {
            "lock "
        } else {
            ""
        };
        row.field(
            "congestion",
            name.as_str(),
            format_args!("congestion {locked}{name} "),
        );
    }
    if let Some(value) = metrics.fastopen_no_cookie {
        row.word("fastopen_no_cookie", value);
    }
}

fn describe_hop(s: &mut Session<'_>, row: &mut Row, hop: &NextHop, v4: bool) {
    row.text("\n\tnexthop ");
    if let Some(ip) = hop.gateway {
        gateway(row, ip, v4);
    }
    if let Some(link) = hop.link {
        row.word("dev", s.link_name(link));
    }
    row.word("weight", hop.weight.max(1));
    flags(row, hop.flags.bits().into());
}
