//! `sbr`: packets from an address leave by the interface that has it.
//!
//! A rule for each address leads to a table of its own, into which the routes of the interface are moved. What we add carries our
//! protocol number, so that removal tells it from what was moved.

mod keys;
#[cfg(test)]
mod tests;

use super::done::{Done, all};
use super::{Input, Plugin, Target, compare, nothing_to_collect, previous, tables};
use crate::attachment::AttachmentKey;
use crate::error::Result;
use crate::inside::{Inside, kernel};
use crate::result::AddResult;
use crate::session::Session;
use core_netlink::addr::Scope;
use core_netlink::link::Link;
use core_netlink::route::{Route, RouteFilter, RouteProtocol, RouteSpec, Table};
use core_netlink::rule::{Rule, RuleAction, RuleSpec, RuleTerms};
use core_netlink::{Conn, Family, IfIndex, IfName};
use keys::{Keys, Source};
use std::net::IpAddr;
use std::path::Path;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "sbr",
    about: "packets from an address leave by the interface that has it",
    add,
    del,
    check,
    gc: nothing_to_collect,
    status: |_, input| Keys::read(input).map(drop),
    ahead: |input, _| Keys::read(input).map(drop),
};

const FIRST: u32 = 100; // as the reference
const OURS: RouteProtocol = RouteProtocol::Other(157);

fn add(_: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let (keys, result) = (Keys::read(input)?, previous(input)?.clone());
    let sources = keys.sources(input, &target.key.ifname.to_string())?;
    let mut inside = Inside::open(&target.netns)?;
    let link = inside.link(target.key.ifname)?;
    let (conn, mut done) = (&mut inside.conn, Done::nothing());
    let made = match keys.table {
        Some(table) => lead(conn, &sources, table, &mut done),
        None => move_all(conn, &keys, &sources, &link, &mut done),
    };
    done.or_undo(conn, made)?;
    Ok(result)
}

/// Rules alone.
fn lead(conn: &mut Conn, sources: &[Source], table: Table, done: &mut Done<Conn>) -> Result<()> {
    let there = tables::rules(conn)?;
    let is_there = |of: &Source| there.iter().any(|rule| leads(rule, of) == Some(table));
    let mut missing = sources.iter().filter(|of| !is_there(of));
    missing.try_for_each(|of| add_rule(conn, of, table, None, done))
}

/// A table for each address, with all routes of the interface that it can use.
fn move_all(
    conn: &mut Conn,
    keys: &Keys,
    sources: &[Source],
    link: &Link,
    done: &mut Done<Conn>,
) -> Result<()> {
    let (rules, all) = (
        tables::rules(conn)?,
        tables::routes(conn, &RouteFilter::default())?,
    );
    let mut used = tables::used(&rules, &all, &[]);
    let of_main = |route: &&Route| route.table == Table::MAIN && route.link == Some(link.index);
    let main: Vec<&Route> = all.iter().filter(of_main).collect();
    for of in sources {
        let known = rules
            .iter()
            .find(|rule| is_ours(rule) && leads(rule, of).is_some());
        let table = match known.and_then(|rule| leads(rule, of)) {
            Some(table) => table,
            None => tables::free(FIRST, &used)?,
        };
        used.insert(table);
        for spec in table_of(of, &main, link.index, table, keys.overrides(of)) {
            put_route(conn, &spec, &all, done)?;
        }
        if known.is_none() {
            add_rule(conn, of, table, Some(OURS), done)?;
        }
    }
    let hints: Vec<RouteSpec> = match keys.hints {
        true => sources
            .iter()
            .filter_map(|of| hint(of, link.index))
            .collect(),
        false => Vec::new(),
    };
    for spec in main
        .iter()
        .filter(|route| leaves(route))
        .filter_map(|route| route.to_spec())
    {
        take_route(conn, spec, done)?;
    }
    hints
        .iter()
        .try_for_each(|spec| put_route(conn, spec, &[], done))
}

/// What belongs into the table of an address: those routes of the interface that have it as source, or a router of its subnet, or
/// neither; and a way out. Routes without a router come first, as the others need them.
fn table_of(
    of: &Source,
    main: &[&Route],
    link: IfIndex,
    table: Table,
    overrides: bool,
) -> Vec<RouteSpec> {
    let meant = |ip: Option<IpAddr>| ip.is_none_or(|ip| of.address.contains(&ip));
    let is_its = |route: &&&Route| {
        let to = route.destination.map(|to| to.addr().is_ipv4());
        let same_family = to == Some(of.address.addr().is_ipv4());
        same_family && meant(route.prefsrc) && meant(route.gateway)
    };
    let stays = |route: &&&Route| !(overrides && route.is_default());
    let its = main.iter().filter(is_its).filter(stays);
    let mut specs: Vec<RouteSpec> = its.filter_map(|route| route.to_spec()).collect();
    for spec in &mut specs {
        spec.table = Some(table);
    }
    let has_way_out = specs.iter().any(|spec| spec.destination.prefix_len() == 0);
    if let Some(gateway) = of.gateway.filter(|_| !has_way_out) {
        specs.push(RouteSpec {
            destination: Family::everywhere(gateway),
            gateway: Some(gateway),
            link: Some(link),
            table: Some(table),
            protocol: Some(OURS),
            ..RouteSpec::default()
        });
    }
    specs.sort_by_key(|spec| spec.gateway.is_some());
    specs
}

/// Whether it leaves the main table. Link-local addresses are of each link: nothing else leads to them.
fn leaves(route: &Route) -> bool {
    !route.destination.is_some_and(|to| is_link_local(to.addr()))
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// The subnet's route in the main table, with the address as source.
fn hint(of: &Source, link: IfIndex) -> Option<RouteSpec> {
    let subnet = of.address.trunc();
    (subnet.prefix_len() < subnet.max_prefix_len()).then(|| RouteSpec {
        destination: subnet,
        link: Some(link),
        prefsrc: Some(of.address.addr()),
        scope: Some(if subnet.addr().is_ipv4() {
            Scope::Link
        } else {
            Scope::Global
        }),
        protocol: Some(OURS),
        ..RouteSpec::default()
    })
}

fn of_link(conn: &mut Conn, link: IfIndex) -> Result<Vec<Route>> {
    let link = Some(link);
    tables::routes(
        conn,
        &RouteFilter {
            link,
            ..RouteFilter::default()
        },
    )
}

/// The table to which a rule sends the packets from an address.
fn leads(rule: &Rule, of: &Source) -> Option<Table> {
    match rule.action {
        RuleAction::Lookup(table) if rule.from == Some(of.alone()) && rule.to.is_none() => {
            Some(table)
        }
        _ => None,
    }
}

fn is_ours(rule: &Rule) -> bool {
    rule.terms.protocol == Some(OURS)
}

fn add_rule(
    conn: &mut Conn,
    of: &Source,
    table: Table,
    protocol: Option<RouteProtocol>,
    done: &mut Done<Conn>,
) -> Result<()> {
    let spec = RuleSpec {
        from: Some(of.alone()),
        action: Some(RuleAction::Lookup(table)),
        terms: RuleTerms {
            protocol,
            ..RuleTerms::default()
        },
        ..RuleSpec::default()
    };
    let added = conn.add_rule(&spec);
    added.map_err(|err| kernel(&format!("add a rule for {}", of.alone()), &err))?;
    done.undone_by(move |conn| remove_rule(conn, &spec));
    Ok(())
}

/// One that is not there counts as removed.
fn remove_rule(conn: &mut Conn, spec: &RuleSpec) -> Result<()> {
    match conn.delete_rule(spec) {
        Err(err) if !err.is_not_found() => Err(kernel("remove a rule", &err)),
        _ => Ok(()),
    }
}

/// One that is there already stays.
fn put_route(
    conn: &mut Conn,
    spec: &RouteSpec,
    there: &[Route],
    done: &mut Done<Conn>,
) -> Result<()> {
    let same = |route: &Route| {
        let to = (Some(spec.destination), spec.table, spec.gateway, spec.link);
        (
            route.destination,
            Some(route.table),
            route.gateway,
            route.link,
        ) == to
    };
    if there.iter().any(same) {
        return Ok(());
    }
    add_route(conn, spec)?;
    let spec = spec.clone();
    done.undone_by(move |conn| remove_route(conn, &spec));
    Ok(())
}

fn take_route(conn: &mut Conn, spec: RouteSpec, done: &mut Done<Conn>) -> Result<()> {
    remove_route(conn, &spec)?;
    done.undone_by(move |conn| add_route(conn, &spec));
    Ok(())
}

fn add_route(conn: &mut Conn, spec: &RouteSpec) -> Result<()> {
    match conn.add_route(spec) {
        Err(err) if err.is_exists() => Ok(()),
        added => added.map_err(|err| kernel(&said("add", spec), &err)),
    }
}

/// One that is not there counts as removed.
fn remove_route(conn: &mut Conn, spec: &RouteSpec) -> Result<()> {
    match conn.delete_route(spec) {
        Err(err) if !err.is_not_found() => Err(kernel(&said("remove", spec), &err)),
        _ => Ok(()),
    }
}

fn said(verb: &str, spec: &RouteSpec) -> String {
    let table = spec.table.unwrap_or(Table::MAIN);
    format!("{verb} the route to {} in table {table}", spec.destination)
}

/// By address, as the reference; routes that were moved go back. A namespace that is gone took everything with it.
fn del(
    _: &mut Session,
    input: &Input<'_>,
    key: &AttachmentKey,
    netns: Option<&Path>,
) -> Result<()> {
    let Some(mut inside) = Inside::if_there(netns) else {
        return Ok(());
    };
    let link = inside.find(key.ifname)?;
    let sources = sources(&mut inside, input, key.ifname, link.as_ref())?;
    let conn = &mut inside.conn;
    let mut outcomes = Vec::new();
    for rule in tables::rules(conn)? {
        let Some(table) = sources.iter().find_map(|of| leads(&rule, of)) else {
            continue;
        };
        if let Some(link) = link.as_ref().filter(|_| is_ours(&rule)) {
            outcomes.push(move_back(conn, link.index, table));
        }
        outcomes.push(remove_rule(conn, &rule.to_spec()));
    }
    all(outcomes)
}

/// Those that the interface has, and those that the result gives it.
fn sources(
    inside: &mut Inside,
    input: &Input<'_>,
    ifname: IfName,
    link: Option<&Link>,
) -> Result<Vec<Source>> {
    let mut sources = keys::of_result(input, &ifname.to_string());
    if let Some(link) = link {
        let addresses = inside.addresses(link)?.into_iter();
        sources.extend(addresses.map(|address| Source {
            address,
            gateway: None,
        }));
    }
    Ok(sources)
}

/// What we added goes, here and in the main table; what was moved returns.
fn move_back(conn: &mut Conn, link: IfIndex, table: Table) -> Result<()> {
    let there = of_link(conn, link)?;
    let mut specs: Vec<RouteSpec> = there.iter().filter_map(Route::to_spec).collect();
    specs.sort_by_key(|spec| spec.gateway.is_some());
    for hint in specs
        .iter()
        .filter(|spec| spec.table == Some(Table::MAIN) && is_added(spec))
    {
        remove_route(conn, hint)?;
    }
    for spec in specs.iter().filter(|spec| spec.table == Some(table)) {
        if !is_added(spec) {
            let back = RouteSpec {
                table: Some(Table::MAIN),
                ..spec.clone()
            };
            add_route(conn, &back)?;
        }
        remove_route(conn, spec)?;
    }
    Ok(())
}

fn is_added(spec: &RouteSpec) -> bool {
    spec.protocol == Some(OURS)
}

fn check(_: &mut Session, input: &Input<'_>, target: &Target, _: &AddResult) -> Result<()> {
    let keys = Keys::read(input)?;
    let sources = keys.sources(input, &target.key.ifname.to_string())?;
    let mut inside = Inside::open(&target.netns)?;
    let link = inside.link(target.key.ifname)?;
    let (rules, routes) = (
        tables::rules(&mut inside.conn)?,
        of_link(&mut inside.conn, link.index)?,
    );
    let mut differences = Vec::new();
    for of in &sources {
        differences.extend(differs(of, keys.table, &rules, &routes));
    }
    if keys.table.is_none() {
        let stays =
            |route: &&Route| route.table == Table::MAIN && leaves(route) && route.protocol != OURS;
        let left = routes
            .iter()
            .filter(stays)
            .filter_map(|route| route.destination);
        let name = link.name;
        differences
            .extend(left.map(|to| format!("the route to {to} by `{name}` is in table main")));
    }
    compare::none(differences)
}

fn differs(of: &Source, wanted: Option<Table>, rules: &[Rule], routes: &[Route]) -> Vec<String> {
    let address = of.address.addr();
    let mut tables = rules.iter().filter_map(|rule| leads(rule, of));
    let Some(table) = tables.find(|table| wanted.is_none_or(|wanted| wanted == *table)) else {
        let to = wanted.map_or_else(String::new, |table| format!(" to table {table}"));
        return vec![format!("no rule leads packets from {address}{to}")];
    };
    let goes =
        |route: &Route| route.table == table && route.is_default() && route.gateway == of.gateway;
    match of.gateway {
        Some(gateway) if wanted.is_none() && !routes.iter().any(goes) => {
            vec![format!(
                "table {table} has no default route via {gateway} for {address}"
            )]
        }
        _ => Vec::new(),
    }
}
