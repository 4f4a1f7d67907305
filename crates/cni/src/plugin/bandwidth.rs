//! `bandwidth`: the rates at which a container sends and receives.
//!
//! What it receives the host's end sends at a rate (`tbf`); what it sends goes through an `ifb` that does.

mod hook;
mod ifb;
mod keys;
#[cfg(test)]
mod tests;

use super::done::{Done, all};
use super::{Input, Plugin, Target, compare, previous};
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::inside::{Inside, kernel};
use crate::result::{AddResult, Interface};
use crate::session::{Session, attachment_id, network_name};
use ::bridge::Key;
use core_netlink::link::{Kind, Link};
use core_netlink::tc::{Handle, Qdisc, QdiscFilter, QdiscKind, QdiscSpec, Tbf};
use core_netlink::{Conn, IfIndex, IfName, Protocol};
use ifb::Way;
use keys::{Limits, Which};
use std::path::Path;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "bandwidth",
    about: "the rates at which the container sends and receives",
    add,
    del,
    check,
    gc,
    status,
    ahead: |input, _| Limits::read(input).map(drop),
};

/// The prefix of the reference's devices; its DEL may be ours.
const THEIRS: &str = "bwp";

fn whose(input: &Input<'_>, key: &AttachmentKey) -> Result<Key> {
    Ok(Key {
        network: network_name(&input.conf.name)?,
        id: attachment_id(key.container_id.as_str())?,
        ifname: key.ifname,
    })
}

fn open() -> Result<Conn> {
    Conn::open(Protocol::Route).map_err(|err| kernel("look at the host's links", &err))
}

fn add(_: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let (limits, mut result) = (Limits::read(input)?, previous(input)?.clone());
    let parts = parts(&limits);
    if parts.is_empty() {
        return Ok(result);
    }
    let (key, mut conn) = (whose(input, &target.key)?, open()?);
    let end = host_end(&mut conn, target, &result, &key)?;
    limits.check(&end)?;
    let mut done = Done::nothing();
    let made = parts.iter().try_for_each(|part| {
        let device = make(&mut conn, part, &limits.which, &key, &end, &mut done)?;
        result.interfaces.extend(device.map(|link| told(&link)));
        Ok(())
    });
    done.or_undo(&mut conn, made)?;
    Ok(result)
}

/// One direction, and how it is limited.
#[derive(Clone, Copy)]
struct Part {
    way: Way,
    tbf: Tbf,
    /// Through a device of its own; else the host's end itself sends at the rate.
    led: bool,
}

fn parts(limits: &Limits) -> Vec<Part> {
    let some = limits.which != Which::All;
    let ingress = limits
        .ingress
        .map(|limit| (Way::Ingress, limit.tbf(), some));
    let egress = limits.egress.map(|limit| (Way::Egress, limit.tbf(), true));
    let parts = ingress.into_iter().chain(egress);
    parts
        .map(|(way, tbf, led)| Part { way, tbf, led })
        .collect()
}

/// Whatever is there as it should be stays.
fn make(
    conn: &mut Conn,
    part: &Part,
    which: &Which,
    key: &Key,
    end: &Link,
    done: &mut Done<Conn>,
) -> Result<Option<Link>> {
    if !part.led {
        limit(conn, end, part.tbf, done)?;
        return Ok(None);
    }
    let device = ifb::make(conn, key, part.way, end, done)?;
    limit(conn, &device, part.tbf, done)?;
    let wanted = hook::wanted(end.index, part.way, which, device.index);
    hook::make(conn, end, part.way, &wanted, done)?;
    Ok(Some(device))
}

fn told(link: &Link) -> Interface {
    Interface {
        name: link.name.to_string(),
        mac: link.address.map_or_else(String::new, |mac| mac.to_string()),
        ..Interface::default()
    }
}

/// The other end of the pair that the container's interface is, which the result has to name: the number alone could be another's.
fn host_end(conn: &mut Conn, target: &Target, result: &AddResult, key: &Key) -> Result<Link> {
    let ifname = target.key.ifname;
    let inner = Inside::open(&target.netns)?.link(ifname)?;
    let wrong = |why: String| {
        let hint = "it comes behind a plugin that makes a pair of links, such as bridge or ptp";
        Err(Error::new(Code::InvalidConfig, why).with_details(hint))
    };
    let (Some(Kind::Veth(_)), Some(index)) = (&inner.kind, inner.link) else {
        let kind = inner.kind_name().unwrap_or("device");
        return wrong(format!("`{ifname}` is a {kind}, not one end of a pair"));
    };
    let found = conn.find_link(index);
    let found = found.map_err(|err| kernel(&format!("look for link {index}"), &err))?;
    let named = |link: &Link| {
        let name = link.name.to_string();
        let said = |of: &&Interface| of.sandbox.is_empty() && of.name == name;
        link.name == key.host_end() || result.interfaces.iter().any(|of| said(&of))
    };
    match found.filter(|link| link.link == Some(inner.index) && named(link)) {
        Some(end) => Ok(end),
        None => wrong(format!(
            "the other end of `{ifname}`, link {index}, is not here or not in `prevResult.interfaces`"
        )),
    }
}

/// The qdisc by which a link sends, if somebody made one.
fn root(conn: &mut Conn, link: IfIndex) -> Result<Option<Qdisc>> {
    let found = conn.qdiscs(&QdiscFilter { link: Some(link) });
    let found = found.map_err(|err| kernel(&format!("look at the qdiscs of link {link}"), &err))?;
    let is_root = |of: &Qdisc| of.parent == Handle::ROOT && of.handle != Handle::NONE;
    Ok(found.into_iter().find(is_root))
}

fn bucket(link: IfIndex, tbf: Tbf) -> QdiscSpec {
    QdiscSpec {
        link,
        handle: Some(Handle::new(1, 0)),
        kind: Some(QdiscKind::Tbf(tbf)),
        ..QdiscSpec::default()
    }
}

/// The link sends at the rate.
fn limit(conn: &mut Conn, link: &Link, tbf: Tbf, done: &mut Done<Conn>) -> Result<()> {
    let index = link.index;
    let undo: Option<QdiscSpec> = match root(conn, index)? {
        Some(there) => match &there.kind {
            QdiscKind::Tbf(is) if same(is, &tbf) => return Ok(()),
            QdiscKind::Tbf(_) => Some(there.to_spec()),
            other => {
                let why = format!(
                    "`{}` has a {} qdisc of somebody else",
                    link.name,
                    other.name()
                );
                let hint = format!("tc qdisc delete dev {} root", link.name);
                return Err(Error::new(Code::Failed, why).with_details(hint));
            }
        },
        None => None,
    };
    let set = conn.replace_qdisc(&bucket(index, tbf));
    set.map_err(|err| kernel(&format!("limit the rate of `{}`", link.name), &err))?;
    done.undone_by(move |conn| match undo {
        Some(spec) => {
            let set = conn.replace_qdisc(&spec);
            set.map_err(|err| kernel(&format!("limit the rate of link {index}"), &err))
        }
        None => unlimit(conn, index),
    });
    Ok(())
}

/// One that is not there, or another's, stays away from.
fn unlimit(conn: &mut Conn, link: IfIndex) -> Result<()> {
    let ours = root(conn, link)?.filter(|of| matches!(of.kind, QdiscKind::Tbf(_)));
    match ours.map(|of| conn.delete_qdisc(&of.to_spec())) {
        Some(Err(err)) if !err.is_not_found() => {
            Err(kernel(&format!("lift the limit of link {link}"), &err))
        }
        _ => Ok(()),
    }
}

/// The kernel keeps a burst as time, in steps of 64 ns.
fn same(is: &Tbf, wanted: &Tbf) -> bool {
    let lost = u64::from(wanted.burst.abs_diff(is.burst));
    let step = wanted.rate / 15_625_000 + 1;
    let burst = is.burst <= wanted.burst && lost <= step;
    (is.rate, is.limit, is.peak) == (wanted.rate, wanted.limit, wanted.peak) && burst
}

/// The host's end may be gone with its namespace; the devices are not.
fn del(
    _: &mut Session,
    input: &Input<'_>,
    key: &AttachmentKey,
    netns: Option<&Path>,
) -> Result<()> {
    let (key, mut conn) = (whose(input, key)?, open()?);
    let mut outcomes = Vec::new();
    for end in ends(&mut conn, input, &key, netns)? {
        outcomes.push(unlimit(&mut conn, end));
        outcomes.push(hook::remove(&mut conn, end));
    }
    for way in Way::BOTH {
        let name = ifb::name(&key, way);
        if ifb::find(&mut conn, name)?.is_some_and(|link| ifb::is_ours(&link, &key)) {
            outcomes.push(ifb::remove(&mut conn, name));
        }
    }
    outcomes.extend(theirs(&mut conn, input)?.map(|name| ifb::remove(&mut conn, name)));
    all(outcomes)
}

/// What may be the host's end: by the name that ours has, by the result, by what is in the namespace.
fn ends(
    conn: &mut Conn,
    input: &Input<'_>,
    key: &Key,
    netns: Option<&Path>,
) -> Result<Vec<IfIndex>> {
    let mut ends = Vec::new();
    let outside = input
        .conf
        .previous
        .iter()
        .flat_map(|result| &result.interfaces);
    let said = outside
        .filter(|of| of.sandbox.is_empty())
        .filter_map(|of| of.name.parse().ok());
    for name in said.chain([key.host_end()]) {
        ends.extend(ifb::find(conn, name)?);
    }
    if let Some(mut inside) = Inside::if_there(netns)
        && let Some(inner) = inside.find(key.ifname)?
        && let Some(index) = inner.link
    {
        let found = conn.find_link(index);
        let found = found.map_err(|err| kernel(&format!("look for link {index}"), &err))?;
        ends.extend(found.filter(|end| end.link == Some(inner.index)));
    }
    ends.retain(|link| matches!(link.kind, Some(Kind::Veth(_))));
    let mut ends: Vec<IfIndex> = ends.iter().map(|link| link.index).collect();
    ends.sort();
    ends.dedup();
    Ok(ends)
}

/// The device that the reference made for it, if the result names one.
fn theirs(conn: &mut Conn, input: &Input<'_>) -> Result<Option<IfName>> {
    let outside = input
        .conf
        .previous
        .iter()
        .flat_map(|result| &result.interfaces);
    let mut named = outside.filter(|of| of.sandbox.is_empty() && of.name.starts_with(THEIRS));
    let Some(name) = named.find_map(|of| of.name.parse().ok()) else {
        return Ok(None);
    };
    let found = ifb::find(conn, name)?;
    Ok(found
        .filter(|link| matches!(link.kind, Some(Kind::Ifb)))
        .map(|link| link.name))
}

fn check(_: &mut Session, input: &Input<'_>, target: &Target, previous: &AddResult) -> Result<()> {
    let limits = Limits::read(input)?;
    let (key, mut conn) = (whose(input, &target.key)?, open()?);
    let parts = parts(&limits);
    if parts.is_empty() {
        return Ok(());
    }
    let end = host_end(&mut conn, target, previous, &key)?;
    let mut differences = Vec::new();
    for part in parts {
        differences.extend(differs(&mut conn, &part, &limits.which, &key, &end)?);
    }
    compare::none(differences)
}

fn differs(
    conn: &mut Conn,
    part: &Part,
    which: &Which,
    key: &Key,
    end: &Link,
) -> Result<Vec<String>> {
    if !part.led {
        return rate_differs(conn, end, &part.tbf);
    }
    let name = ifb::name(key, part.way);
    let Some(device) = ifb::find(conn, name)?.filter(|link| ifb::is_ours(link, key)) else {
        return Ok(vec![format!("there is no ifb `{name}` for {key}")]);
    };
    let mut differences = rate_differs(conn, &device, &part.tbf)?;
    if !device.is_up() {
        differences.push(format!("`{name}` is down"));
    }
    let wanted = hook::wanted(end.index, part.way, which, device.index);
    if !hook::same(&hook::found(conn, end.index, part.way)?, &wanted) {
        differences.push(format!(
            "the filters of `{}` do not lead to `{name}`",
            end.name
        ));
    }
    Ok(differences)
}

fn rate_differs(conn: &mut Conn, link: &Link, wanted: &Tbf) -> Result<Vec<String>> {
    let name = link.name;
    let says = |tbf: &Tbf| format!("{} bytes per second, burst {}", tbf.rate, tbf.burst);
    Ok(match root(conn, link.index)?.map(|of| of.kind) {
        Some(QdiscKind::Tbf(is)) if same(&is, wanted) => vec![],
        Some(QdiscKind::Tbf(is)) => {
            vec![format!(
                "`{name}` sends {}, not {}",
                says(&is),
                says(wanted)
            )]
        }
        _ => vec![format!(
            "`{name}` sends without a limit, not {}",
            says(wanted)
        )],
    })
}

/// The devices of attachments that are gone, by their alias: their pairs went with the namespace.
fn gc(_: &mut Session, input: &Input<'_>, valid: &[AttachmentKey]) -> Result<()> {
    let network = network_name(&input.conf.name)?;
    let mut conn = open()?;
    let is_valid = |of: &Key| {
        let mut valid = valid.iter();
        valid.any(|key| key.ifname == of.ifname && key.container_id.as_str() == of.id.name())
    };
    let stale = |of: &Key| of.network == network && of.id.front() == "cni" && !is_valid(of);
    let found = ifb::list(&mut conn)?.into_iter();
    let stale: Vec<_> = found.filter(|(key, _)| stale(key)).collect();
    all(stale
        .into_iter()
        .map(|(_, name)| ifb::remove(&mut conn, name)))
}

fn status(_: &mut Session, input: &Input<'_>) -> Result<()> {
    Limits::read(input)?;
    open().map(drop).map_err(|err| Error {
        code: Code::Unavailable,
        ..err
    })
}
