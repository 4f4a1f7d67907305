//! One address, as `ip address` prints it.

use crate::row::Row;
use crate::session::Session;
use core_netlink::addr::{Address, AddressFlags, Lifetimes};

pub(super) fn describe(s: &Session<'_>, row: &mut Row, address: &Address) {
    let family = address.family().to_string();
    row.field("family", family.as_str(), format_args!("    {family} "));
    prefix(row, address);
    if let Some(broadcast) = address.broadcast {
        row.pair("brd", "broadcast", broadcast.to_string());
    }
    row.word("scope", s.names.scopes.name(address.scope.number().into()));
    flags(row, address);
    if let Some(label) = address.label {
        row.field("label", label.to_string(), label);
    }
    if let Some(Lifetimes { valid, preferred }) = address.lifetimes {
        row.text("\n       ");
        row.field(
            "valid_life_time",
            valid,
            format_args!("valid_lft {} ", seconds(valid)),
        );
        row.field(
            "preferred_life_time",
            preferred,
            format_args!("preferred_lft {}", seconds(preferred)),
        );
    }
}

/// The brief form: no more than the address.
pub(super) fn prefix(row: &mut Row, address: &Address) {
    let (local, len) = (address.address.addr(), address.address.prefix_len());
    row.field("local", local.to_string(), local);
    if let Some(peer) = address.peer {
        row.field("address", peer.to_string(), format_args!(" peer {peer}"));
    }
    row.field("prefixlen", len, format_args!("/{len} "));
    if let Some(metric) = address.metric.filter(|metric| *metric > 0) {
        row.word("metric", metric);
    }
}

fn flags(row: &mut Row, address: &Address) {
    let v6 = address.address.addr().is_ipv6();
    for (flag, name) in AddressFlags::NAMED {
        let set = address.flags.contains(*flag);
        match *flag {
            AddressFlags::PERMANENT if !set => row.flag("dynamic"),
            AddressFlags::PERMANENT => {}
            AddressFlags::SECONDARY if set && v6 => row.flag("temporary"),
            _ if set => row.flag(name),
            _ => {}
        }
    }
    let known = AddressFlags::NAMED
        .iter()
        .fold(0, |bits, (flag, _)| bits | flag.bits());
    let unknown = address.flags.bits() & !known;
    if unknown != 0 {
        row.field(
            "ifa_flags",
            format!("{unknown:02x}"),
            format_args!("flags {unknown:02x} "),
        );
    }
}

fn seconds(value: u32) -> String {
    if value == Lifetimes::FOREVER {
        "forever".into()
    } else {
        format!("{value}sec")
    }
}
