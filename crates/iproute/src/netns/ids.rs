//! The numbers by which one namespace knows others: `ip netns list-id` and `set`.

use super::name;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::{Session, open_netns};
use crate::value::quoted;
use core_netlink::NsId;
use core_netlink::nsid::NsRef;
use std::os::fd::AsFd;

/// The number that a named namespace has here; none if it has none or we may not ask.
pub(super) fn of(s: &mut Session<'_>, name: &str) -> Option<i32> {
    let known = s.nsids().ok()?;
    known
        .iter()
        .find(|(_, known)| known == name)
        .map(|(id, _)| id.get())
}

pub(super) fn list(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    if let Some(word) = args.peek()? {
        let original = format!("What is \"{}\"?", quoted(word));
        return Err(Fault::garbage(word).original(original));
    }
    let mut ids = s.conn()?.nsids()?;
    ids.sort();
    let mut rows = Vec::new();
    for id in ids {
        let mut row = s.row();
        row.field("nsid", id.get(), format_args!("nsid {id} "));
        if let Some(name) = s.netns_name(id) {
            row.field(
                "name",
                name.as_str(),
                format_args!("(iproute2 netns name: {name})"),
            );
        }
        rows.push(row);
    }
    s.print(rows)
}

/// "set NAME N|auto".
pub(super) fn set(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let name = name(args)?;
    let text = args.next()?.ok_or_else(|| {
        Fault::new(
            255,
            "No nsid specified",
            "no number is given",
            "a number or `auto` must follow",
        )
    })?;
    super::end(s, args)?;
    let id = match text {
        "auto" => None,
        text => Some(text.parse::<NsId>().map_err(|bad| {
            Fault::wrong("netnsid", text, "Invalid \"netnsid\" value").hint(bad.to_string())
        })?),
    };
    let netns = open_netns(name.as_str())?;
    Ok(s.conn()?.set_nsid(NsRef::Fd(netns.as_fd()), id)?)
}
