//! `vrf`: an interface whose routes are in a table of its own.

#[cfg(test)]
mod tests;

use super::done::{Done, all};
use super::{Input, Plugin, Target, compare, nothing_to_collect, previous, tables};
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::inside::{Inside, kernel};
use crate::json;
use crate::result::AddResult;
use crate::session::Session;
use core_netlink::addr::{Address, AddressFilter, AddressFlags, AddressSpec};
use core_netlink::link::{Kind, Link, LinkFilter, LinkSpec, NO_MASTER, Vrf};
use core_netlink::route::{RouteFilter, RouteProtocol, RouteSpec, Table};
use core_netlink::{Conn, IfIndex, IfName};
use serde::Deserialize;
use std::path::Path;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "vrf",
    about: "the interface's routes in a table of its own (VRF)",
    add,
    del,
    check,
    gc: nothing_to_collect,
    status: |_, input| Keys::read(input, None).map(drop),
    ahead: |input, _| Keys::read(input, None).map(drop),
};

const FIRST: u32 = 1; // as the reference

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Keys {
    name: IfName,
    table: Option<Table>,
}

impl Keys {
    fn read(input: &Input<'_>, ifname: Option<IfName>) -> Result<Keys> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Written {
            #[serde(deserialize_with = "json::optional_text")]
            vrfname: Option<IfName>,
            table: i64,
        }
        let written: Written = input.conf.keys()?;
        let Some(name) = written.vrfname else {
            return Err(Error::new(Code::InvalidConfig, "`vrfname` is missing"));
        };
        if ifname == Some(name) || name.as_bytes() == b"lo" {
            let why = format!("\"{name}\" is the name of an interface of the container");
            return Err(Error::invalid("vrfname", why));
        }
        let table = Some(written.table).filter(|&number| number != 0);
        Ok(Keys {
            name,
            table: table.map(tables::check).transpose()?,
        })
    }
}

fn add(_: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let ifname = target.key.ifname;
    let (keys, result) = (Keys::read(input, Some(ifname))?, previous(input)?.clone());
    let mut inside = Inside::open(&target.netns)?;
    let link = inside.link(ifname)?;
    let there = inside.find(keys.name)?;
    let there = there.map(|vrf| fitting(vrf, &keys)).transpose()?;
    let master = there.as_ref().map(|(vrf, _)| vrf.index);
    if let Some(other) = link.master.filter(|other| Some(*other) != master) {
        let why = format!("`{ifname}` is a port of link {other} already");
        return Err(Error::new(Code::Failed, why));
    }
    let (conn, mut done) = (&mut inside.conn, Done::nothing());
    let made = made(conn, there, &keys, &mut done).and_then(|(master, table)| match link.master {
        Some(_) => Ok(()),
        None => enslave(conn, &link, master, table, &mut done),
    });
    done.or_undo(conn, made)?;
    Ok(result)
}

/// One that is there, if it is what is asked for.
fn fitting(link: Link, keys: &Keys) -> Result<(Link, Table)> {
    let name = link.name;
    let Some(Kind::Vrf(Vrf {
        table: Some(table), ..
    })) = link.kind
    else {
        let kind = link.kind_name().unwrap_or("device");
        let why = format!("`{name}` is a {kind}, not a vrf");
        return Err(Error::invalid("vrfname", why));
    };
    match keys.table.filter(|wanted| *wanted != table) {
        None => Ok((link, table)),
        Some(wanted) => {
            let why = format!(
                "vrf `{name}` is there with table {}, not {}",
                table.0, wanted.0
            );
            Err(Error::invalid("table", why))
        }
    }
}

/// The VRF, up. The rules that the kernel makes with the first one stay when it goes: the kernel would not make them again.
fn made(
    conn: &mut Conn,
    there: Option<(Link, Table)>,
    keys: &Keys,
    done: &mut Done<Conn>,
) -> Result<(IfIndex, Table)> {
    let name = keys.name;
    let (index, table) = match there {
        Some((vrf, table)) if vrf.is_up() => return Ok((vrf.index, table)),
        Some((vrf, table)) => (vrf.index, table),
        None => {
            let table = keys.table.map_or_else(|| free(conn), Ok)?;
            let spec = LinkSpec {
                name: Some(name),
                kind: Some(Kind::Vrf(Vrf { table: Some(table) })),
                ..LinkSpec::default()
            };
            let made = conn.add_link(&spec);
            let made = made.map_err(|err| kernel(&format!("make vrf `{name}`"), &err))?;
            done.undone_by(move |conn| remove(conn, name));
            let made = made.map(|link| link.index);
            let lost = || Error::new(Code::Failed, format!("`{name}` has vanished"));
            (made.ok_or_else(lost)?, table)
        }
    };
    let up = LinkSpec {
        up: Some(true),
        ..LinkSpec::default()
    };
    let raised = conn.set_link(index, &up);
    raised.map_err(|err| kernel(&format!("set vrf `{name}` up"), &err))?;
    Ok((index, table))
}

fn free(conn: &mut Conn) -> Result<Table> {
    let (rules, routes) = (
        tables::rules(conn)?,
        tables::routes(conn, &RouteFilter::default())?,
    );
    let links = links(conn)?;
    tables::free(FIRST, &tables::used(&rules, &routes, &links))
}

fn links(conn: &mut Conn) -> Result<Vec<Link>> {
    let links = conn.links(&LinkFilter::default());
    links.map_err(|err| kernel("look at the container's links", &err))
}

/// One that is not there counts as removed.
fn remove(conn: &mut Conn, name: IfName) -> Result<()> {
    match conn.delete_link(name) {
        Err(err) if !err.is_not_found() => Err(kernel(&format!("delete `{name}`"), &err)),
        _ => Ok(()),
    }
}

fn enslave(
    conn: &mut Conn,
    link: &Link,
    master: IfIndex,
    table: Table,
    done: &mut Done<Conn>,
) -> Result<()> {
    let had = Had::of(conn, link, Table::MAIN)?;
    let put_back = had.clone();
    // Undone even if it fails halfway: the kernel may have taken the interface down by then.
    done.undone_by(move |conn| put_back.under(conn, NO_MASTER, Table::MAIN));
    had.under(conn, master, table)
}

/// What an interface has and loses when it gets a master or loses one: the kernel takes it down and up again. IPv4 addresses and the
/// routes that come with addresses it keeps itself.
#[derive(Clone)]
struct Had {
    link: IfIndex,
    name: IfName,
    addresses: Vec<AddressSpec>,
    routes: Vec<RouteSpec>,
}

impl Had {
    fn of(conn: &mut Conn, link: &Link, table: Table) -> Result<Had> {
        let filter = RouteFilter {
            link: Some(link.index),
            ..RouteFilter::default()
        };
        let all = tables::routes(conn, &filter)?.into_iter();
        let own =
            all.filter(|route| route.table == table && route.protocol != RouteProtocol::Kernel);
        let mut routes: Vec<RouteSpec> = own.filter_map(|route| route.to_spec()).collect();
        routes.sort_by_key(|spec| spec.gateway.is_some());
        Ok(Had {
            link: link.index,
            name: link.name,
            addresses: addresses(conn, link.index)?
                .iter()
                .map(Address::to_spec)
                .collect(),
            routes,
        })
    }

    /// The same under another master, with the routes in its table.
    fn under(&self, conn: &mut Conn, master: IfIndex, table: Table) -> Result<()> {
        let spec = LinkSpec {
            master: Some(master),
            ..LinkSpec::default()
        };
        let set = conn.set_link(self.link, &spec);
        set.map_err(|err| kernel(&format!("set the master of `{}`", self.name), &err))?;
        let there = addresses(conn, self.link)?;
        let is_there = |spec: &&AddressSpec| there.iter().any(|of| of.address == spec.address);
        for spec in self.addresses.iter().filter(|spec| !is_there(spec)) {
            let known = AddressSpec {
                flags: spec.flags | AddressFlags::NODAD, // it was nobody else's a moment ago
                ..spec.clone()
            };
            unless_there(conn.replace_address(&known), || {
                format!("give `{}` its address {} back", self.name, spec.address)
            })?;
        }
        for route in &self.routes {
            let route = RouteSpec {
                table: Some(table),
                ..route.clone()
            };
            unless_there(conn.add_route(&route), || {
                format!("put the route to {} into table {table}", route.destination)
            })?;
        }
        Ok(())
    }
}

fn unless_there(done: core_netlink::Result<()>, op: impl FnOnce() -> String) -> Result<()> {
    match done {
        Err(err) if err.is_exists() => Ok(()),
        done => done.map_err(|err| kernel(&op(), &err)),
    }
}

fn addresses(conn: &mut Conn, link: IfIndex) -> Result<Vec<Address>> {
    let filter = AddressFilter {
        link: Some(link),
        ..AddressFilter::default()
    };
    let found = conn.addresses(&filter);
    found.map_err(|err| kernel(&format!("look at the addresses of link {link}"), &err))
}

/// The VRF that the interface is in, whatever the configuration says by now, and the one that it names: both go if nobody else is in them.
fn del(
    _: &mut Session,
    input: &Input<'_>,
    key: &AttachmentKey,
    netns: Option<&Path>,
) -> Result<()> {
    let Some(mut inside) = Inside::if_there(netns) else {
        return Ok(());
    };
    let conn = &mut inside.conn;
    let before = links(conn)?;
    let own = before.iter().find(|link| link.name == key.ifname);
    let is_vrf = |link: &&Link| matches!(link.kind, Some(Kind::Vrf(_)));
    let named = Keys::read(input, None).ok().map(|keys| keys.name);
    let mut outcomes = Vec::new();
    let mut vrfs: Vec<&Link> = before.iter().filter(is_vrf).collect();
    vrfs.retain(|vrf| Some(vrf.name) == named || own.and_then(|own| own.master) == Some(vrf.index));
    for vrf in vrfs {
        if let Some(own) = own.filter(|own| own.master == Some(vrf.index)) {
            outcomes.push(release(conn, own, vrf));
        }
        let others = |link: &Link| link.master == Some(vrf.index) && link.name != key.ifname;
        if !before.iter().any(others) {
            outcomes.push(remove(conn, vrf.name));
        }
    }
    all(outcomes)
}

fn release(conn: &mut Conn, own: &Link, vrf: &Link) -> Result<()> {
    let table = match &vrf.kind {
        Some(Kind::Vrf(vrf)) => vrf.table.unwrap_or(Table::UNSPEC),
        _ => Table::UNSPEC,
    };
    Had::of(conn, own, table)?.under(conn, NO_MASTER, Table::MAIN)
}

fn check(_: &mut Session, input: &Input<'_>, target: &Target, previous: &AddResult) -> Result<()> {
    let ifname = target.key.ifname;
    let keys = Keys::read(input, Some(ifname))?;
    let mut inside = Inside::open(&target.netns)?;
    let vrf = inside.find(keys.name)?;
    let mut differences = Vec::new();
    let vrf = match vrf.map(|vrf| fitting(vrf, &keys)) {
        None => {
            differences.push(format!("there is no vrf `{}`", keys.name));
            None
        }
        Some(Err(other)) => {
            differences.push(other.msg);
            None
        }
        Some(Ok((vrf, _))) => Some(vrf),
    };
    if vrf.as_ref().is_some_and(|vrf| !vrf.is_up()) {
        differences.push(format!("vrf `{}` is down", keys.name));
    }
    match inside.find(ifname)? {
        None => differences.push(format!("there is no `{ifname}`")),
        Some(link) => {
            if vrf.is_some_and(|vrf| link.master != Some(vrf.index)) {
                differences.push(format!("`{ifname}` is not in vrf `{}`", keys.name));
            }
            let there = inside.addresses(&link)?;
            let own = own_addresses(previous, ifname);
            let missing = own.filter(|address| !there.contains(address));
            differences.extend(missing.map(|address| format!("`{ifname}` has no {address}")));
        }
    }
    compare::none(differences)
}

fn own_addresses(result: &AddResult, ifname: IfName) -> impl Iterator<Item = ipnet::IpNet> + '_ {
    let own = ifname.to_string();
    let is_own = move |at: usize| result.interfaces.get(at).is_some_and(|of| of.name == own);
    let ips = result.ips.iter();
    ips.filter(move |ip| ip.interface.is_some_and(&is_own))
        .map(|ip| ip.address)
}
