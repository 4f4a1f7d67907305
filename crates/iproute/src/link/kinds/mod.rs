//! What each kind of link adds: the words behind `type KIND`, and what `-d` prints of it. One more kind is one file and one row.

mod bridge;
mod bridge_port;
mod ipvlan;
mod macvlan;
mod tun;
mod veth;
mod vlan;
mod vrf;
mod vxlan;

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::row::Row;
use crate::session::Session;
use crate::value::quoted;
use core_netlink::link::{Kind, Link, LinkSpec, Slave};

pub(crate) use bridge_port::{on_off, port_state};

/// Reads the words behind `type KIND`. `spec` is what was said before.
type Read = fn(&mut Session<'_>, &mut Args<'_>, &LinkSpec) -> Done<Kind>;

const KINDS: [(&str, Read); 10] = [
    ("veth", veth::read),
    ("bridge", bridge::read),
    ("vlan", vlan::read),
    ("macvlan", |s, args, _| {
        macvlan::read(s, args).map(Kind::Macvlan)
    }),
    ("macvtap", |s, args, _| {
        macvlan::read(s, args).map(Kind::Macvtap)
    }),
    ("ipvlan", ipvlan::read),
    ("vxlan", vxlan::read),
    ("vrf", vrf::read),
    ("dummy", |_, args, _| {
        nothing(args, "dummy").map(|()| Kind::Dummy)
    }),
    ("ifb", |_, args, _| nothing(args, "ifb").map(|()| Kind::Ifb)),
];

/// "KIND OPTIONS": all that is left of the line. A kind we do not know is left to the kernel, without options.
pub(super) fn read(s: &mut Session<'_>, args: &mut Args<'_>, spec: &LinkSpec) -> Done<Kind> {
    let name = args.value("type")?;
    if let Some((_, read)) = KINDS.iter().find(|(kind, _)| *kind == name) {
        return read(s, args, spec);
    }
    nothing(args, name)?;
    Ok(Kind::Other {
        name: name.to_owned(),
        data: Vec::new(),
    })
}

/// The same of a link that is there, or of the port it is.
pub(super) fn change(s: &mut Session<'_>, args: &mut Args<'_>, spec: &mut LinkSpec) -> Done {
    if args.take("bridge_slave")? {
        spec.port = Some(bridge_port::read(s, args)?);
        return Ok(());
    }
    spec.kind = Some(read(s, args, spec)?);
    Ok(())
}

fn nothing(args: &mut Args<'_>, kind: &str) -> Done {
    match args.next()? {
        None => Ok(()),
        Some(word) => Err(unknown(kind, word)),
    }
}

/// A word that is no option of the kind.
fn unknown(kind: &str, word: &str) -> Fault {
    let (kind, word) = (quoted(kind), quoted(word));
    let noun = if matches!(kind.as_str(), "macvlan" | "ipvlan" | "vrf" | "bridge_slave") {
        "option"
    } else {
        "command"
    };
    let original = format!("{kind}: unknown {noun} \"{word}\"?");
    Fault::new(
        1,
        original,
        format!("`{word}` is no option of a {kind}"),
        "the kind does not know it",
    )
}

/// What `-d` prints of a link's kind and of what its master knows of it.
pub(super) fn describe(s: &mut Session<'_>, row: &mut Row, link: &Link) {
    if let Some(kind) = &link.kind {
        row.field(
            "info_kind",
            kind.name(),
            format_args!("\n    {} ", quoted(kind.name())),
        );
        row.nest_some("info_data", |row| describe_kind(s, row, kind));
    }
    if let Some(slave) = &link.slave {
        let name = quoted(slave.name());
        row.field(
            "info_slave_kind",
            name.as_str(),
            format_args!("\n    {name}_slave "),
        );
        match slave {
            Slave::Bridge(port) => {
                row.nest("info_slave_data", |row| bridge_port::describe(s, row, port));
            }
            Slave::Vrf(port) => row.nest("info_slave_data", |row| vrf::describe(row, port.table)),
            _ => {}
        }
    }
}

fn describe_kind(s: &mut Session<'_>, row: &mut Row, kind: &Kind) {
    match kind {
        Kind::Bridge(bridge) => bridge::describe(row, bridge),
        Kind::Vlan(vlan) => vlan::describe(row, vlan),
        Kind::Macvlan(macvlan) | Kind::Macvtap(macvlan) => macvlan::describe(row, macvlan),
        Kind::Ipvlan(ipvlan) => ipvlan::describe(row, ipvlan),
        Kind::Vxlan(vxlan) => vxlan::describe(s, row, vxlan),
        Kind::Vrf(vrf) => vrf::describe(row, vrf.table),
        Kind::Tun(tun) => tun::describe(row, tun),
        _ => {}
    }
}

/// "WORD N " and `"KEY": N`, if it is there.
fn number(row: &mut Row, word: &str, key: &str, value: Option<impl Into<u64>>) {
    if let Some(value) = value {
        row.pair(word, key, value.into());
    }
}

/// Hundredths of a second as "WORD    0.00 ".
fn timer(row: &mut Row, word: &str, value: Option<u64>) {
    if let Some(value) = value {
        let seconds = value as f64 / 100.0;
        row.field(word, seconds, format_args!("{word} {seconds:7.2} "));
    }
}

/// "0x10", and "0" without a prefix, as C's `%#x`.
fn alternate_hex(value: u16) -> String {
    if value == 0 {
        "0".into()
    } else {
        format!("{value:#x}")
    }
}
