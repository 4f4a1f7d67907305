//! One rule, as `ip rule` prints it.

use super::words::PROTOCOLS;
use crate::row::Row;
use crate::session::Session;
use core_netlink::Prefix;
use core_netlink::route::RouteProtocol;
use core_netlink::rule::{Rule, RuleAction, RuleFlags};
use std::ops::RangeInclusive;

pub(super) fn describe(s: &Session<'_>, rule: &Rule) -> Row {
    let mut row = s.row();
    let priority = rule.priority();
    row.field("priority", priority, format_args!("{priority}:\t"));
    if rule.flags.contains(RuleFlags::INVERT) {
        row.mark("not");
    }
    network(&mut row, "from", ("src", "srclen"), rule.from, true);
    network(&mut row, "to", ("dst", "dstlen"), rule.to, false);
    if rule.tos != 0 {
        let tos = s
            .names
            .tos
            .find(rule.tos.into())
            .unwrap_or_else(|| format!("0x{:02x}", rule.tos));
        row.word("tos", tos);
    }
    packet(&mut row, rule);
    action(s, &mut row, rule);
    let quiet = [RouteProtocol::Unspec, RouteProtocol::Kernel];
    let told = |protocol: &RouteProtocol| s.opts.details || !quiet.contains(protocol);
    if let Some(protocol) = rule.terms.protocol.filter(told) {
        row.pair(
            "proto",
            "protocol",
            s.names.protocols.name(protocol.number().into()),
        );
    }
    row.trim_end();
    row
}

fn network(
    row: &mut Row,
    word: &str,
    (key, length): (&str, &str),
    prefix: Option<Prefix>,
    always: bool,
) {
    let Some(prefix) = prefix else {
        if always {
            row.pair(word, key, "all");
        }
        return;
    };
    let whole = prefix.prefix_len() == prefix.max_prefix_len();
    let text = if whole {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    };
    row.field(
        key,
        prefix.addr().to_string(),
        format_args!("{word} {text} "),
    );
    if !whole {
        row.json(length, prefix.prefix_len());
    }
}

fn packet(row: &mut Row, rule: &Rule) {
    let terms = &rule.terms;
    if terms.fwmark.is_some()
        || terms
            .fwmask
            .is_some_and(|mask| mask != 0 && mask != u32::MAX)
    {
        let (mark, mask) = (terms.fwmark.unwrap_or(0), terms.fwmask.unwrap_or(u32::MAX));
        let text = if mask == u32::MAX {
            format!("{mark:#x}")
        } else {
            format!("{mark:#x}/{mask:#x}")
        };
        row.field(
            "fwmark",
            format!("{mark:#x}"),
            format_args!("fwmark {text} "),
        );
        if mask != u32::MAX {
            row.json("fwmask", format!("{mask:#x}"));
        }
    }
    for (word, name, gone, mark) in [
        ("iif", terms.iif, RuleFlags::IIF_DETACHED, "iif_detached"),
        ("oif", terms.oif, RuleFlags::OIF_DETACHED, "oif_detached"),
    ] {
        if let Some(name) = name {
            row.word(word, name.to_string());
            if rule.flags.contains(gone) {
                row.field(mark, serde_json::Value::Null, "[detached] ");
            }
        }
    }
    if terms.l3mdev == Some(true) {
        row.field("l3mdev", serde_json::Value::Null, "lookup [l3mdev-table] ");
    }
    if let Some(uids) = &terms.uid_range {
        let (low, high) = (uids.start(), uids.end());
        row.field("uid_start", *low, format_args!("uidrange {low}-{high} "));
        row.json("uid_end", *high);
    }
    if let Some(number) = terms.ip_proto {
        let named = PROTOCOLS
            .iter()
            .find(|(known, _)| *known == number)
            .map(|(_, name)| (*name).to_owned());
        row.word(
            "ipproto",
            named.unwrap_or_else(|| format!("ipproto-{number}")),
        );
    }
    ports(row, "sport", terms.sport.as_ref());
    ports(row, "dport", terms.dport.as_ref());
    if let Some(tunnel) = &terms.tunnel {
        row.word("tun_id", tunnel.0);
    }
}

fn ports(row: &mut Row, word: &str, ports: Option<&RangeInclusive<u16>>) {
    let Some(ports) = ports else { return };
    let (low, high) = (*ports.start(), *ports.end());
    if low == high {
        row.word(word, low);
        return;
    }
    row.field(
        &format!("{word}_start"),
        low,
        format_args!("{word} {low}-{high} "),
    );
    row.json(&format!("{word}_end"), high);
}

fn action(s: &Session<'_>, row: &mut Row, rule: &Rule) {
    let terms = &rule.terms;
    if let RuleAction::Lookup(table) = rule.action {
        if terms.l3mdev != Some(true) {
            row.pair("lookup", "table", s.names.tables.name(table.0));
        }
        if let Some(length) = terms.suppress_prefixlength {
            row.pair("suppress_prefixlength", "suppress_prefixlen", length);
        }
        if let Some(group) = terms.suppress_ifgroup {
            row.word("suppress_ifgroup", s.names.groups.name(group as u32));
        }
    }
    if let Some(flow) = terms.flow {
        let realm = |number| s.names.realms.name(number);
        let (from, to) = (flow >> 16, flow & 0xffff);
        let text = if from == 0 {
            realm(to)
        } else {
            format!("{}/{}", realm(from), realm(to))
        };
        row.field("flow_to", realm(to), format_args!("realms {text} "));
    }
    match rule.action {
        RuleAction::Lookup(_) => {}
        RuleAction::Goto(to) => {
            row.word("goto", to);
            if rule.flags.contains(RuleFlags::UNRESOLVED) {
                row.field("unresolved", serde_json::Value::Null, "[unresolved] ");
            }
        }
        RuleAction::Nop => row.mark("nop"),
        other => row.field("action", other.to_string(), format_args!("{other} ")),
    }
}
