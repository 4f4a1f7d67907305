//! What `brctl` shows.

use super::bridge;
use crate::Done;
use crate::session::Session;
use core_netlink::fdb::FdbFilter;
use core_netlink::link::{BridgeId, Kind, Link, LinkFilter, Slave};
use core_netlink::neigh::{NeighbourFlags, NeighbourState};

pub(super) fn show(s: &mut Session<'_>, words: &[&str]) -> Done {
    let mut named = Vec::new();
    for name in words {
        named.push(bridge(s, name)?);
    }
    let links = s.conn()?.links(&LinkFilter::default())?;
    let is_bridge = |link: &&Link| matches!(link.kind, Some(Kind::Bridge(_)));
    let mut bridges: Vec<&Link> = match named.is_empty() {
        true => links.iter().filter(is_bridge).collect(),
        false => named.iter().collect(),
    };
    bridges.sort_by_key(|link| link.name.to_string());
    if s.opts.json {
        return json(s, &bridges, &links);
    }
    s.say("bridge name\tbridge id\t\tSTP enabled\tinterfaces\n")?;
    bridges
        .iter()
        .try_for_each(|bridge| s.say(describe(bridge, &links)))
}

fn ports<'l>(bridge: &Link, links: &'l [Link]) -> Vec<&'l Link> {
    let mut ports: Vec<_> = links
        .iter()
        .filter(|link| link.master == Some(bridge.index))
        .collect();
    ports.sort_by_key(|link| link.name.to_string());
    ports
}

fn describe(link: &Link, links: &[Link]) -> String {
    let ports: Vec<String> = ports(link, links)
        .iter()
        .map(|port| port.name.to_string())
        .collect();
    format!(
        "{}\t\t{}\t{}\t\t{}\n",
        link.name,
        id(link),
        if has_stp(link) { "yes" } else { "no" },
        ports.join("\n\t\t\t\t\t\t\t")
    )
}

fn has_stp(link: &Link) -> bool {
    matches!(&link.kind, Some(Kind::Bridge(bridge)) if bridge.stp_state.is_some_and(|state| state != 0))
}

/// "8000.020000000009": without colons.
fn id(link: &Link) -> String {
    let Some(Kind::Bridge(bridge)) = &link.kind else {
        return String::new();
    };
    let BridgeId { priority, address } = bridge.bridge_id.unwrap_or_default();
    format!("{priority:04x}.{}", address.to_string().replace(':', ""))
}

fn json(s: &mut Session<'_>, bridges: &[&Link], links: &[Link]) -> Done {
    let rows = bridges.iter().map(|bridge| {
        let mut row = s.row();
        row.json("name", bridge.name.to_string());
        row.json("id", id(bridge));
        row.json("stp", has_stp(bridge));
        let names: Vec<String> = ports(bridge, links)
            .iter()
            .map(|port| port.name.to_string())
            .collect();
        row.json("interfaces", names);
        row
    });
    let rows = rows.collect();
    s.print(rows)
}

/// The learned addresses and those of the ports, by address.
pub(super) fn macs(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [name] = words else { return Ok(()) };
    let master = bridge(s, name)?;
    let links = s.conn()?.links(&LinkFilter {
        master: Some(master.index),
        ..LinkFilter::default()
    })?;
    let mut entries = s.conn()?.fdb(&FdbFilter {
        bridge: Some(master.index),
        ..FdbFilter::default()
    })?;
    entries.retain(|entry| {
        entry.master == Some(master.index)
            && !entry.flags.contains(NeighbourFlags::SELF)
            && entry.link != master.index
    });
    entries.sort_by_key(|entry| entry.lladdr.as_bytes().to_vec());
    s.say("port no\tmac addr\t\tis local?\tageing timer\n")?;
    for entry in entries {
        let port = links
            .iter()
            .find(|link| link.index == entry.link)
            .and_then(port_number)
            .unwrap_or(0);
        let local = entry.state == NeighbourState::Permanent;
        let age = entry
            .cache
            .filter(|_| !local)
            .map_or(0, |cache| cache.updated);
        s.say(format_args!(
            "{port:3}\t{}\t{}\t\t{:4}.{:02}\n",
            entry.lladdr,
            if local { "yes" } else { "no" },
            age / 100,
            age % 100
        ))?;
    }
    Ok(())
}

fn port_number(link: &Link) -> Option<u16> {
    match &link.slave {
        Some(Slave::Bridge(port)) => port.number,
        _ => None,
    }
}
