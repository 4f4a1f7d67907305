//! `type ipvlan`.

use super::unknown;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::row::Row;
use crate::session::Session;
use crate::value::quoted;
use core_netlink::link::{Ipvlan, IpvlanFlags, IpvlanMode, Kind, LinkSpec};

pub(super) fn read(_: &mut Session<'_>, args: &mut Args<'_>, _: &LinkSpec) -> Done<Kind> {
    let mut ipvlan = Ipvlan::default();
    while let Some(word) = args.next()? {
        match word {
            "mode" => ipvlan.mode = Some(mode(args.value("mode")?)?),
            "private" => ipvlan.flags = Some(IpvlanFlags::PRIVATE),
            "vepa" => ipvlan.flags = Some(IpvlanFlags::VEPA),
            "bridge" => ipvlan.flags = Some(IpvlanFlags::NONE),
            word => return Err(unknown("ipvlan", word)),
        }
    }
    Ok(Kind::Ipvlan(ipvlan))
}

fn mode(text: &str) -> Done<IpvlanMode> {
    let known = IpvlanMode::NAMED
        .iter()
        .find(|mode| mode.name() == Some(text));
    known.copied().ok_or_else(|| {
        let original = "Error: argument of \"mode\" must be either \"l2\", \"l3\" or \"l3s\"";
        Fault::new(
            1,
            original,
            format!("wrong mode `{}`", quoted(text)),
            "l2, l3 or l3s",
        )
    })
}

pub(super) fn describe(row: &mut Row, ipvlan: &Ipvlan) {
    if let Some(mode) = ipvlan.mode {
        row.field("mode", mode.to_string(), format_args!(" mode {mode} "));
    }
    if let Some(flags) = ipvlan.flags {
        row.flag(if flags.contains(IpvlanFlags::PRIVATE) {
            "private"
        } else if flags.contains(IpvlanFlags::VEPA) {
            "vepa"
        } else {
            "bridge"
        });
    }
}
