//! `ip link set` and `ip link property`.

use super::delete::no_device_given;
use super::kinds;
use super::words;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;
use crate::value::quoted;
use core_netlink::addr::{AddressFilter, Scope};
use core_netlink::link::{AltName, Link, LinkSpec, SetGroup, SetLink};

pub(super) const USAGE: &str = "[dev] LINK | group GROUP [up|down] [mtu N] [address MAC] [name NAME] [master BRIDGE | nomaster] [netns NS|PID] \
[alias TEXT] [group GROUP] [txqueuelen N] [promisc|arp|multicast|allmulticast on|off] [addrgenmode MODE] [type KIND OPTIONS]";

pub(super) fn set(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let (mut name, mut group) = (None, None);
    let mut spec = LinkSpec::default();
    let mut moved_to = None;
    while let Some(word) = args.next()? {
        if word == "netns" {
            moved_to = args.peek()?;
        }
        match word {
            "dev" => name = Some(args.value("dev")?),
            "group" if name.is_none() && group.is_none() => {
                group = Some(words::group(s, args.value("group")?)?)
            }
            "type" => {
                kinds::change(s, args, &mut spec)?;
                break;
            }
            _ if words::take(s, args, word, &mut spec)? => {}
            _ if name.is_some() || group.is_some() => return Err(Fault::garbage(word)),
            word => name = Some(word),
        }
    }
    match (name, group) {
        (Some(name), _) => set_one(s, name, &spec, moved_to),
        (None, Some(group)) => set_group(s, group, &spec),
        (None, None) => Err(no_device_given()),
    }
}

/// The request itself is sent even if nothing is to be changed: it tells whether the link is there.
fn set_one(s: &mut Session<'_>, name: &str, spec: &LinkSpec, moved_to: Option<&str>) -> Done {
    let link = s.link(name)?;
    check(s, &link, spec)?;
    let lost = match moved_to {
        Some(_) if s.explains() => addresses(s, &link)?,
        _ => Vec::new(),
    };
    let set = s.conn()?.change(&SetLink::new(link.index, spec));
    set.map_err(|err| Session::named(err, &link))?;
    if let Some(place) = moved_to {
        tell_moved(s, &link, spec, place, &lost);
    }
    Ok(())
}

/// Only of links that are there: the length of their address must stay.
fn check(_: &Session<'_>, link: &Link, spec: &LinkSpec) -> Done {
    let (Some(old), Some(new)) = (link.address, spec.address) else {
        return Ok(());
    };
    let (old, new) = (old.as_bytes().len(), new.as_bytes().len());
    if old == new {
        return Ok(());
    }
    let original = format!("Invalid address length {new} - must be {old} bytes");
    Err(Fault::new(
        1,
        original,
        format!("wrong address for link `{}`", link.name),
        format!("it has {new} bytes, {old} are right"),
    ))
}

fn set_group(s: &mut Session<'_>, group: u32, spec: &LinkSpec) -> Done {
    Ok(s.conn()?.change(&SetGroup {
        group,
        change: spec,
    })?)
}

fn addresses(s: &mut Session<'_>, link: &Link) -> Done<Vec<String>> {
    let filter = AddressFilter {
        link: Some(link.index),
        ..AddressFilter::default()
    };
    let found = s.conn()?.addresses(&filter)?;
    let kept = found.iter().filter(|address| address.scope != Scope::Link);
    Ok(kept.map(|address| address.address.to_string()).collect())
}

/// A moved link has lost what it had; the kernel says nothing of it.
fn tell_moved(s: &mut Session<'_>, link: &Link, spec: &LinkSpec, place: &str, lost: &[String]) {
    if !s.explains() || (lost.is_empty() && !link.is_up()) {
        return;
    }
    let name = spec.name.unwrap_or(link.name);
    let by_pid = place.parse::<u32>().is_ok();
    let place = if by_pid {
        format!("of process {place}")
    } else {
        quoted(place)
    };
    let down = if link.is_up() {
        ", and is down now"
    } else {
        ""
    };
    let without = if lost.is_empty() {
        String::new()
    } else {
        format!(" without its addresses {}", lost.join(", "))
    };
    s.note(format_args!(
        "note: link `{name}` moved to namespace {place}{without}{down}"
    ));
    if let Some(first) = lost.first().filter(|_| !by_pid) {
        s.note(format_args!("hint: `vetch -n {place} addr add {first} dev {name}` and `vetch -n {place} link set {name} up`"));
    }
}

/// "add|del dev LINK altname NAME...".
pub(super) fn property(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let verb = args.value("property")?;
    if !matches!(verb, "add" | "del" | "delete") {
        return Err(Fault::garbage(verb));
    }
    let (mut name, mut names) = (None, Vec::new());
    while let Some(word) = args.next()? {
        match word {
            "dev" => name = Some(args.value("dev")?),
            "altname" => names.push(alt_name(args.value("altname")?)?),
            text if !names.is_empty() => names.push(alt_name(text)?),
            text if name.is_none() => name = Some(text),
            text => return Err(Fault::garbage(text)),
        }
    }
    let link = s.link(name.ok_or_else(no_device_given)?)?;
    if names.is_empty() {
        return Err(Fault::incomplete("altname"));
    }
    let conn = s.conn()?;
    let done = if verb == "add" {
        conn.add_altnames(&link, &names)
    } else {
        conn.delete_altnames(&link, &names)
    };
    done.map_err(|err| Session::named(err, &link))
}

fn alt_name(text: &str) -> Done<AltName> {
    text.parse().map_err(|bad: core_netlink::Bad| {
        Fault::wrong("altname", text, "not a valid altname").hint(bad.to_string())
    })
}
