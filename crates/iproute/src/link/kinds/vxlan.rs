//! `type vxlan`.

use super::{number, unknown};
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::options::Family;
use crate::row::Row;
use crate::session::Session;
use crate::value::{address, fit};
use core_netlink::link::{DontFragment, Kind, LinkSpec, PortRange, Present, TtlInherit, Vxlan};
use core_netlink::{Be, Vni};
use std::net::IpAddr;

pub(super) fn read(s: &mut Session<'_>, args: &mut Args<'_>, _: &LinkSpec) -> Done<Kind> {
    let mut vxlan = Vxlan::default();
    while let Some(word) = args.next()? {
        if !take_switch(&mut vxlan, word) && !take_value(s, &mut vxlan, args, word)? {
            return Err(unknown("vxlan", word));
        }
    }
    Ok(Kind::Vxlan(vxlan))
}

/// "WORD" and "noWORD".
fn take_switch(vxlan: &mut Vxlan, word: &str) -> bool {
    let place = match word.strip_prefix("no").unwrap_or(word) {
        "learning" => &mut vxlan.learning,
        "proxy" => &mut vxlan.proxy,
        "rsc" => &mut vxlan.rsc,
        "l2miss" => &mut vxlan.l2miss,
        "l3miss" => &mut vxlan.l3miss,
        "udpcsum" => &mut vxlan.udp_csum,
        "udp6zerocsumtx" => &mut vxlan.udp_zero_csum6_tx,
        "udp6zerocsumrx" => &mut vxlan.udp_zero_csum6_rx,
        "remcsumtx" => &mut vxlan.remcsum_tx,
        "remcsumrx" => &mut vxlan.remcsum_rx,
        "external" => &mut vxlan.external,
        "vnifilter" => &mut vxlan.vnifilter,
        "localbypass" => &mut vxlan.localbypass,
        "gbp" => {
            vxlan.gbp = Some(Present);
            return true;
        }
        "gpe" => {
            vxlan.gpe = Some(Present);
            return true;
        }
        _ => return false,
    };
    *place = Some(!word.starts_with("no"));
    true
}

fn take_value(
    s: &mut Session<'_>,
    vxlan: &mut Vxlan,
    args: &mut Args<'_>,
    word: &str,
) -> Done<bool> {
    match word {
        "id" | "vni" => vxlan.id = Some(vni(args.value("id")?)?),
        "group" => set_remote(vxlan, group(args.value("group")?)?),
        "remote" => set_remote(vxlan, remote(args.value("remote")?)?),
        "local" => set_local(vxlan, local(args.value("local")?)?),
        "dev" => vxlan.link = Some(s.link_index(args.value("dev")?)?),
        "ttl" | "hoplimit" => match args.value("ttl")? {
            "inherit" => vxlan.ttl_inherit = Some(TtlInherit(true)),
            "auto" => vxlan.ttl = Some(0),
            text => vxlan.ttl = Some(fit("ttl", text)?),
        },
        "tos" | "dsfield" => match args.value("tos")? {
            "inherit" => vxlan.tos = Some(1),
            text => vxlan.tos = Some(fit("tos", text)?),
        },
        "df" => vxlan.df = Some(df(args.value("df")?)?),
        "flowlabel" => vxlan.label = Some(Be(flow_label(args.value("flowlabel")?)?)),
        "ageing" => vxlan.ageing = Some(seconds("ageing", args.value("ageing")?)?),
        "maxaddress" => vxlan.limit = Some(seconds("maxaddress", args.value("maxaddress")?)?),
        "dstport" => vxlan.port = Some(Be(fit("dstport", args.value("dstport")?)?)),
        "port" | "srcport" => {
            let low = fit("srcport", args.value("srcport")?)?;
            vxlan.port_range = Some(PortRange {
                low,
                high: fit("srcport", args.value("srcport")?)?,
            });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn vni(text: &str) -> Done<Vni> {
    let vni = crate::value::number(text).and_then(|number| Vni::try_from(number).ok());
    vni.ok_or_else(|| {
        Fault::wrong("id", text, "invalid id").hint("a VXLAN network identifier is 0 to 16777215")
    })
}

/// "none" or "unlimited" for 0.
fn seconds(field: &str, text: &str) -> Done<u32> {
    match text {
        "none" | "unlimited" => Ok(0),
        text => fit(field, text),
    }
}

fn flow_label(text: &str) -> Done<u32> {
    let label = crate::value::number(text).filter(|label| *label <= 0xfffff);
    label.ok_or_else(|| {
        Fault::wrong("flowlabel", text, "invalid flowlabel").hint("20 bits: 0 to 0xfffff")
    })
}

fn df(text: &str) -> Done<DontFragment> {
    let known = DontFragment::NAMED
        .iter()
        .find(|df| df.name() == Some(text));
    known
        .copied()
        .ok_or_else(|| Fault::wrong("df", text, "DF must be 'unset', 'set' or 'inherit'"))
}

fn group(text: &str) -> Done<IpAddr> {
    let address = address("group", text, None::<Family>)?;
    match address.is_multicast() {
        true => Ok(address),
        false => Err(Fault::wrong("group", text, "invalid group address")
            .hint("a multicast address; for one host say `remote`")),
    }
}

fn remote(text: &str) -> Done<IpAddr> {
    let address = address("remote", text, None)?;
    match address.is_multicast() {
        false => Ok(address),
        true => Err(Fault::wrong("remote", text, "invalid remote address")
            .hint("the address of one host; for a multicast address say `group`")),
    }
}

fn local(text: &str) -> Done<IpAddr> {
    let address = address("local", text, None)?;
    match address.is_multicast() {
        false => Ok(address),
        true => {
            Err(Fault::wrong("local", text, "invalid local address")
                .hint("an address of this host"))
        }
    }
}

fn set_remote(vxlan: &mut Vxlan, remote: IpAddr) {
    match remote {
        IpAddr::V4(v4) => vxlan.group = Some(v4),
        IpAddr::V6(v6) => vxlan.group6 = Some(v6),
    }
}

fn set_local(vxlan: &mut Vxlan, local: IpAddr) {
    match local {
        IpAddr::V4(v4) => vxlan.local = Some(v4),
        IpAddr::V6(v6) => vxlan.local6 = Some(v6),
    }
}

pub(super) fn describe(s: &mut Session<'_>, row: &mut Row, v: &Vxlan) {
    if v.external == Some(true) {
        row.flag("external");
    }
    if v.vnifilter == Some(true) {
        row.flag("vnifilter");
    }
    number(row, "id", "id", v.id.map(Vni::get));
    describe_ends(s, row, v);
    if let Some(PortRange { low, high }) = v.port_range {
        row.nest("port_range", |row| {
            row.field("low", low, format_args!("srcport {low} "));
            row.field("high", high, format_args!("{high} "));
        });
    }
    number(row, "dstport", "port", v.port.map(|port| port.0));
    if let Some(learning) = v.learning {
        row.field(
            "learning",
            learning,
            if learning { "" } else { "nolearning " },
        );
    }
    for (key, value) in [
        ("proxy", v.proxy),
        ("rsc", v.rsc),
        ("l2miss", v.l2miss),
        ("l3miss", v.l3miss),
    ] {
        if value == Some(true) {
            row.flag(key);
        }
    }
    describe_outer(row, v);
    describe_sums(row, v);
}

fn describe_ends(s: &mut Session<'_>, row: &mut Row, v: &Vxlan) {
    if let Some(remote) = v.remote() {
        let (word, key) = match (remote.is_multicast(), remote.is_ipv4()) {
            (true, true) => ("group", "group"),
            (true, false) => ("group", "group6"),
            (false, true) => ("remote", "remote"),
            (false, false) => ("remote", "remote6"),
        };
        row.pair(word, key, remote.to_string());
    }
    if let Some(local) = v.local_address() {
        row.pair(
            "local",
            if local.is_ipv4() { "local" } else { "local6" },
            local.to_string(),
        );
    }
    if let Some(link) = v.link.filter(|link| link.0 != 0) {
        row.pair("dev", "link", s.link_name(link));
    }
}

fn describe_outer(row: &mut Row, v: &Vxlan) {
    match v.tos.filter(|tos| *tos != 0) {
        Some(1) => row.field("tos", "inherit", "tos inherit "),
        Some(tos) => row.field("tos", format!("{tos:#x}"), format_args!("tos {tos:#x} ")),
        None => {}
    }
    match (v.ttl_inherit, v.ttl) {
        (Some(TtlInherit(true)), _) => row.field("ttl", "inherit", "ttl inherit "),
        (_, Some(0)) => row.field("ttl", 0, "ttl auto "),
        (_, Some(ttl)) => row.field("ttl", ttl, format_args!("ttl {ttl} ")),
        (_, None) => {}
    }
    if let Some(df) = v.df {
        let text = if df == DontFragment::Unset {
            String::new()
        } else {
            format!("df {df} ")
        };
        row.field("df", df.to_string(), text);
    }
    if let Some(Be(label)) = v.label.filter(|label| label.0 != 0) {
        row.field(
            "label",
            format!("{label:#x}"),
            format_args!("flowlabel {label:#x} "),
        );
    }
    match v.ageing {
        Some(0) => row.field("ageing", 0, "ageing none "),
        Some(ageing) => row.word("ageing", ageing),
        None => {}
    }
    number(row, "maxaddr", "limit", v.limit.filter(|limit| *limit != 0));
}

fn describe_sums(row: &mut Row, v: &Vxlan) {
    let sums = [
        ("udpcsum", "udp_csum", v.udp_csum),
        ("udp6zerocsumtx", "udp_zero_csum6_tx", v.udp_zero_csum6_tx),
        ("udp6zerocsumrx", "udp_zero_csum6_rx", v.udp_zero_csum6_rx),
    ];
    for (word, key, value) in sums {
        if let Some(value) = value {
            let no = if value { "" } else { "no" };
            row.field(key, value, format_args!("{no}{word} "));
        }
    }
    for (word, key, value) in [
        ("remcsumtx", "remcsum_tx", v.remcsum_tx),
        ("remcsumrx", "remcsum_rx", v.remcsum_rx),
    ] {
        if value == Some(true) {
            row.field(key, true, format_args!("{word} "));
        }
    }
    for (key, value) in [("gbp", v.gbp), ("gpe", v.gpe)] {
        if value.is_some() {
            row.flag(key);
        }
    }
}
