//! One link, as `ip link` and `ip addr` print it.

use super::kinds;
use super::stats;
use crate::options::Family;
use crate::row::Row;
use crate::session::Session;
use core_netlink::link::{Link, LinkFlags, LinkType};

const LINE: &str = "\n    ";

/// For which object: the two print almost the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Link,
    /// With the family that was asked for.
    Address(Option<Family>),
}

pub(crate) fn describe(s: &mut Session<'_>, row: &mut Row, link: &Link, part: Part) {
    let v6_only = part == Part::Address(Some(Family::Inet6));
    row.field("ifindex", link.index.0, format_args!("{}: ", link.index));
    name(s, row, link, ": ");
    let flags = flags(s, link);
    row.values("flags", &flags, "<", ",", "> ");
    state(s, row, link, part, v6_only);
    if matches!(part, Part::Link | Part::Address(None)) || s.opts.details {
        hardware(s, row, link);
    }
    if s.opts.details {
        details(s, row, link, part);
    }
    let alias = link
        .alias
        .as_deref()
        .filter(|_| part == Part::Link || s.opts.details);
    if let Some(alias) = alias.map(crate::value::quoted) {
        row.field(
            "ifalias",
            alias.as_str(),
            format_args!("{LINE}alias {alias}"),
        );
    }
    if part == Part::Link && s.opts.statistics > 0 {
        stats::describe(row, link, s.opts.statistics > 1);
    }
    altnames(row, link);
}

/// The counters where `ip addr` has them: behind the addresses.
pub(crate) fn counters(s: &Session<'_>, row: &mut Row, link: &Link) {
    if s.opts.statistics > 0 {
        stats::describe(row, link, s.opts.statistics > 1);
    }
}

/// "veth0@veth1", and the same as JSON.
fn name(s: &mut Session<'_>, row: &mut Row, link: &Link, end: &str) {
    let other = other_end(s, row, link);
    row.field(
        "ifname",
        link.name.to_string(),
        format_args!("{}{other}{end}", link.name),
    );
}

/// The link it is built on, or the other end of the pair.
fn other_end(s: &mut Session<'_>, row: &mut Row, link: &Link) -> String {
    let Some(other) = link.link else {
        return String::new();
    };
    if link.link_netnsid.is_some() {
        row.json("link_index", other.0);
        return format!("@if{other}");
    }
    if other.0 == 0 {
        row.json("link", serde_json::Value::Null);
        return "@NONE".into();
    }
    let name = s.link_name(other);
    row.json("link", name.as_str());
    format!("@{name}")
}

pub(crate) fn flags(s: &mut Session<'_>, link: &Link) -> Vec<String> {
    let mut names = Vec::new();
    if link.is_up() && !link.is_running() {
        names.push("NO-CARRIER".to_owned());
    }
    let shown = link.flags.without(LinkFlags::RUNNING);
    names.extend(shown.names().map(str::to_owned));
    let known = LinkFlags::NAMED
        .iter()
        .fold(0, |bits, (flag, _)| bits | flag.bits());
    if shown.bits() & !known != 0 {
        names.push(format!("{:x}", shown.bits() & !known));
    }
    let lower = link
        .link
        .filter(|other| other.0 != 0 && link.link_netnsid.is_none());
    if lower.is_some_and(|lower| s.is_down(lower)) {
        names.push("M-DOWN".to_owned());
    }
    names
}

fn state(s: &mut Session<'_>, row: &mut Row, link: &Link, part: Part, v6_only: bool) {
    if let Some(mtu) = link.mtu {
        row.word("mtu", mtu);
    }
    if link.has_xdp() {
        xdp(row, link);
    }
    if let Some(qdisc) = link.qdisc.as_deref().filter(|_| !v6_only) {
        row.word("qdisc", qdisc);
    }
    if let Some(master) = link.master.filter(|_| !v6_only) {
        row.word("master", s.link_name(master));
    }
    row.pair("state", "operstate", link.operstate.to_string());
    if let Some(mode) = link.link_mode.filter(|_| part == Part::Link) {
        row.pair("mode", "linkmode", mode.to_string());
    }
    if let Some(group) = link.group.filter(|_| !v6_only) {
        row.word("group", s.names.groups.name(group));
    }
    if let Some(length) = link.txqlen.filter(|length| *length > 0) {
        row.field("txqlen", length, format_args!("qlen {length}"));
    }
}

fn xdp(row: &mut Row, link: &Link) {
    let Some(xdp) = link.xdp else { return };
    let mode = match xdp.attached {
        2 => "xdpgeneric",
        3 => "xdpoffload",
        4 => "xdpmulti",
        _ => "xdp",
    };
    let id = xdp
        .program
        .map(|id| format!("/id:{id}"))
        .unwrap_or_default();
    row.nest("xdp", |row| {
        row.json("mode", xdp.attached);
        row.nest("prog", |row| row.json("id", xdp.program.unwrap_or(0)));
    });
    row.text(format_args!("{mode}{id} "));
}

fn hardware(s: &mut Session<'_>, row: &mut Row, link: &Link) {
    let kind = match link.link_type {
        LinkType::Other(number) => format!("[{number}]"),
        named => named.to_string(),
    };
    row.field(
        "link_type",
        kind.as_str(),
        format_args!("{LINE}link/{kind} "),
    );
    if let Some(address) = link.address {
        row.field("address", address.to_string(), address);
    }
    if let Some(broadcast) = link.broadcast {
        let point = link.flags.contains(LinkFlags::POINTOPOINT);
        if point {
            row.json("link_pointtopoint", true);
        }
        let word = if point { " peer " } else { " brd " };
        row.field(
            "broadcast",
            broadcast.to_string(),
            format_args!("{word}{broadcast}"),
        );
    }
    if let Some(address) = link
        .perm_address
        .filter(|address| Some(*address) != link.address)
    {
        row.field(
            "permaddr",
            address.to_string(),
            format_args!(" permaddr {address}"),
        );
    }
    if let Some(id) = link.link_netnsid {
        let named = s.netns_name(id).map(|name| format!(" link-netns {name}"));
        let text = named.unwrap_or_else(|| format!(" link-netnsid {id}"));
        row.field("link_netnsid", id.get(), text);
    }
    if link.protodown == Some(true) {
        row.field("proto_down", true, " protodown on ");
    }
}

fn details(s: &mut Session<'_>, row: &mut Row, link: &Link, part: Part) {
    let number = |row: &mut Row, key: &str, value: Option<u32>, before: &str, word: &str| {
        if let Some(value) = value {
            row.field(key, value, format_args!("{before}{word} {value} "));
        }
    };
    number(row, "promiscuity", link.promiscuity, " ", "promiscuity");
    number(row, "allmulti", link.allmulti, " ", "allmulti");
    number(row, "min_mtu", link.min_mtu, "", "minmtu");
    number(row, "max_mtu", link.max_mtu, "", "maxmtu");
    if link.kind.is_some() || link.slave.is_some() {
        row.nest("linkinfo", |row| kinds::describe(s, row, link));
    }
    let mode = link.inet6.as_ref().and_then(|inet6| inet6.addr_gen_mode);
    if let Some(mode) = mode.filter(|_| part == Part::Link) {
        row.pair("addrgenmode", "inet6_addr_gen_mode", mode.to_string());
    }
    number(row, "num_tx_queues", link.tx_queues, "", "numtxqueues");
    number(row, "num_rx_queues", link.rx_queues, "", "numrxqueues");
    number(row, "gso_max_size", link.gso_max_size, "", "gso_max_size");
    number(row, "gso_max_segs", link.gso_max_segs, "", "gso_max_segs");
    number(row, "tso_max_size", link.tso_max_size, "", "tso_max_size");
    number(row, "tso_max_segs", link.tso_max_segs, "", "tso_max_segs");
    number(row, "gro_max_size", link.gro_max_size, "", "gro_max_size");
    let texts = [
        ("phys_port_name", "portname", link.phys_port_name.clone()),
        (
            "phys_port_id",
            "portid",
            link.phys_port_id.map(|id| id.to_string().replace(':', "")),
        ),
        (
            "phys_switch_id",
            "switchid",
            link.phys_switch_id
                .map(|id| id.to_string().replace(':', "")),
        ),
        ("parentbus", "parentbus", link.parent_bus.clone()),
        ("parentdev", "parentdev", link.parent_dev.clone()),
    ];
    for (key, word, value) in texts {
        if let Some(value) = value {
            row.pair(word, key, crate::value::quoted(&value));
        }
    }
}

fn altnames(row: &mut Row, link: &Link) {
    if link.altnames.is_empty() {
        return;
    }
    let names: Vec<String> = link.altnames.iter().map(ToString::to_string).collect();
    row.values("altnames", &names, "\n    altname ", "\n    altname ", "");
}

/// One line: name, state, and with `hardware` address and flags.
pub(crate) fn brief(s: &mut Session<'_>, row: &mut Row, link: &Link, hardware: bool) {
    let other = other_end(s, row, link);
    row.field(
        "ifname",
        link.name.to_string(),
        format_args!("{:<16} ", format!("{}{other}", link.name)),
    );
    row.field(
        "operstate",
        link.operstate.to_string(),
        format_args!("{:<14} ", link.operstate.to_string()),
    );
    if !hardware {
        return;
    }
    if let Some(address) = link.address {
        row.field("address", address.to_string(), format_args!("{address} "));
    }
    let flags = flags(s, link);
    row.values("flags", &flags, "<", ",", "> ");
}
