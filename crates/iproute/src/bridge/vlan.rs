//! `bridge vlan`: VLANs of ports.

use super::CODE;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::row::Row;
use crate::session::Session;
use crate::value::{number, quoted};
use core_netlink::vlan::{PortVlans, VlanFilter, VlanFlags, VlanRange, VlanSpec};
use core_netlink::{Change, VlanId};

pub(super) const USAGE: &str = "dev LINK vid N[-N] [pvid] [untagged] [self] [master]";

pub(super) fn add(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let (spec, name) = read(s, args)?;
    let asked = s.conn()?.change(&Change::add(&spec));
    asked.map_err(|err| Session::renumbered(err, spec.link, &name).code(CODE))
}

pub(super) fn delete(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let (spec, name) = read(s, args)?;
    let asked = s.conn()?.change(&Change::delete(&spec));
    asked.map_err(|err| Session::renumbered(err, spec.link, &name).code(CODE))
}

fn read(s: &mut Session<'_>, args: &mut Args<'_>) -> Done<(VlanSpec, String)> {
    let (mut dev, mut range, mut flags, mut on_bridge) = (None, None, VlanFlags::NONE, false);
    while let Some(word) = args.next()? {
        match word {
            "dev" => dev = Some(args.value("dev")?),
            "vid" => range = Some(vids(args.value("vid")?)?),
            "pvid" => flags |= VlanFlags::PVID,
            "untagged" => flags |= VlanFlags::UNTAGGED,
            "self" => on_bridge = true,
            "master" => on_bridge = false,
            other => return Err(Fault::garbage(other).code(CODE)),
        }
    }
    let incomplete = || {
        Fault::missing(
            CODE,
            "Device and VLAN ID are required arguments.",
            "the command is not complete",
            "`dev LINK` and `vid N` are needed",
        )
    };
    let (dev, (first, last)) = dev.zip(range).ok_or_else(incomplete)?;
    let link = s.link(dev).map_err(|fault| {
        fault
            .original(format!("Cannot find bridge device \"{}\"", quoted(dev)))
            .code(CODE)
    })?;
    let spec = VlanSpec {
        last,
        flags,
        on_bridge,
        ..VlanSpec::new(link.index, first)
    };
    Ok((spec, link.name.to_string()))
}

/// "N" or "N-N".
fn vids(text: &str) -> Done<(VlanId, Option<VlanId>)> {
    let one = |part: &str| {
        let id = number(part)
            .and_then(|id| u16::try_from(id).ok())
            .and_then(|id| VlanId::try_from(id).ok());
        id.ok_or_else(|| {
            Fault::new(
                CODE,
                format!("Invalid VLAN ID \"{}\"", quoted(part)),
                format!("wrong vid `{}`", quoted(part)),
                "a VLAN is 1 to 4094",
            )
        })
    };
    let Some((first, last)) = text.split_once('-') else {
        return Ok((one(text)?, None));
    };
    let (first, last) = (one(first)?, one(last)?);
    if first >= last {
        let original = format!("Invalid VLAN range \"{first}-{last}\"");
        return Err(Fault::new(
            CODE,
            original,
            format!("wrong vid `{}`", quoted(text)),
            "a range goes from low to high",
        ));
    }
    Ok((first, Some(last)))
}

pub(super) fn show(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let (mut dev, mut vid) = (None, None);
    while let Some(word) = args.next()? {
        match word {
            "dev" => {
                let name = args.value("dev")?;
                dev = Some(s.link_index(name).map_err(|fault| fault.code(CODE))?);
            }
            "vid" => vid = Some(vids(args.value("vid")?)?.0.get()),
            other => return Err(Fault::garbage(other).code(CODE)),
        }
    }
    let expanded = !s.opts.compress && !s.opts.json;
    let mut ports = s.conn()?.vlans(&VlanFilter { expanded })?;
    ports.retain(|port| dev.is_none_or(|dev| port.link == dev) && !port.vlans.is_empty());
    for port in &mut ports {
        port.vlans
            .retain(|range| vid.is_none_or(|vid| (range.first..=range.last).contains(&vid)));
    }
    ports.retain(|port| !port.vlans.is_empty());
    print(s, &ports)
}

fn print(s: &mut Session<'_>, ports: &[PortVlans]) -> Done {
    if !s.opts.json {
        s.say("port              vlan-id  \n")?;
    }
    let rows = ports.iter().map(|port| describe(s, port)).collect();
    s.print(rows)
}

/// The name in a column of its own, then one VLAN to a line.
fn describe(s: &mut Session<'_>, port: &PortVlans) -> Row {
    let mut row = s.row();
    let name = s.link_name(port.link);
    row.field("ifname", name.as_str(), format_args!("{name:<17} "));
    let mut first = true;
    row.list("vlans", &port.vlans, |row, range| {
        row.text(if first {
            String::new()
        } else {
            format!("\n{:18}", "")
        });
        first = false;
        describe_range(row, range);
    });
    row
}

fn describe_range(row: &mut Row, range: &VlanRange) {
    let VlanRange {
        first, last, flags, ..
    } = range;
    row.field("vlan", *first, format_args!("{first}"));
    if last != first {
        row.field("vlanEnd", *last, format_args!("-{last}"));
    }
    let mut names = Vec::new();
    for (flag, name) in [
        (VlanFlags::PVID, "PVID"),
        (VlanFlags::UNTAGGED, "Egress Untagged"),
    ] {
        if flags.contains(flag) {
            names.push(name.to_owned());
        }
    }
    if !names.is_empty() {
        row.values("flags", &names, " ", " ", "");
    }
}
