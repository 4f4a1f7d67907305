//! `type vlan`.

use super::unknown;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::row::Row;
use crate::session::Session;
use crate::value::number;
use core_netlink::link::{Kind, LinkSpec, QosMapping, Vlan, VlanFlags, VlanProtocol};

const FLAGS: [(&str, VlanFlags); 5] = [
    ("reorder_hdr", VlanFlags::REORDER_HDR),
    ("gvrp", VlanFlags::GVRP),
    ("mvrp", VlanFlags::MVRP),
    ("loose_binding", VlanFlags::LOOSE_BINDING),
    ("bridge_binding", VlanFlags::BRIDGE_BINDING),
];

pub(super) fn read(_: &mut Session<'_>, args: &mut Args<'_>, _: &LinkSpec) -> Done<Kind> {
    let mut vlan = Vlan::default();
    while let Some(word) = args.next()? {
        match word {
            "id" => vlan.id = Some(id(args.value("id")?)?),
            "protocol" => vlan.protocol = Some(protocol(args.value("protocol")?)?),
            "ingress-qos-map" => vlan.ingress_qos = Some(map(args, word)?),
            "egress-qos-map" => vlan.egress_qos = Some(map(args, word)?),
            _ => {
                let (name, flag) = FLAGS
                    .iter()
                    .find(|(name, _)| *name == word)
                    .ok_or_else(|| unknown("vlan", word))?;
                vlan.flags = Some(
                    vlan.flags
                        .unwrap_or_default()
                        .and(*flag, args.on_off(name)?),
                );
            }
        }
    }
    Ok(Kind::Vlan(vlan))
}

fn id(text: &str) -> Done<u16> {
    let id = number(text).filter(|id| *id <= 4094);
    id.map(|id| id as u16)
        .ok_or_else(|| Fault::wrong("id", text, "id is invalid").hint("a VLAN id is 0 to 4094"))
}

fn protocol(text: &str) -> Done<VlanProtocol> {
    match text.to_ascii_lowercase().as_str() {
        "802.1q" => Ok(VlanProtocol::Dot1q),
        "802.1ad" => Ok(VlanProtocol::Dot1ad),
        _ => Err(Fault::wrong("protocol", text, "protocol is invalid").hint("802.1Q or 802.1ad")),
    }
}

/// "FROM:TO FROM:TO ...".
fn map(args: &mut Args<'_>, key: &str) -> Done<Vec<QosMapping>> {
    let pair = |word: &str| {
        let (from, to) = word.split_once(':')?;
        Some(QosMapping {
            from: number(from)?,
            to: number(to)?,
        })
    };
    let first = args.value(key)?;
    let mut pairs = vec![pair(first).ok_or_else(|| {
        Fault::wrong(key, first, "invalid qos mapping").hint("FROM:TO, as in 1:2")
    })?];
    while let Some(next) = args.peek()?.and_then(pair) {
        pairs.push(next);
        args.skip();
    }
    Ok(pairs)
}

pub(super) fn describe(row: &mut Row, vlan: &Vlan) {
    if let Some(protocol) = vlan.protocol {
        row.word("protocol", protocol.to_string());
    }
    super::number(row, "id", "id", vlan.id);
    if let Some(flags) = vlan.flags {
        let names: Vec<String> = flags.flags.names().map(str::to_owned).collect();
        row.values("flags", &names, "<", ",", "> ");
    }
    for (key, title, map) in [
        ("ingress_qos", "ingress-qos-map", &vlan.ingress_qos),
        ("egress_qos", "egress-qos-map", &vlan.egress_qos),
    ] {
        if let Some(map) = map {
            row.text(format_args!("\n      {title} {{ "));
            row.list(key, map, |row, QosMapping { from, to }| {
                row.field("from", *from, format_args!("{from}"));
                row.field("to", *to, format_args!(":{to} "));
            });
            row.text("} ");
        }
    }
}
