//! The answer for people: tables that fit the terminal, what is open before what is closed.

use crate::command::health;
use crate::failure::Failure;
use crate::output::{Output, escape};
use crate::table;
use bridge::{
    Access, Effect, Exposed, Exposure, ForeignChain, NetworkExposure, Origin, Target, Way,
};
use std::net::IpAddr;

/// Origins with the same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    from: Vec<String>,
    access: Access,
    by: String,
}

pub(super) fn print(of: &Exposure, out: &mut Output) -> Result<(), Failure> {
    if !of.closed_by_default {
        let open = of.networks.iter().any(|network| !network.enforced);
        out.line(match open {
            true => "THE TABLES OF VETCH ARE MISSING OR NOT WHOLE: nothing is closed (vetch network repair)",
            false => "no network, and no table of vetch: nothing here is vetch's to open or to close",
        })?;
        out.line("")?;
    }
    published(of, out)?;
    services(of, out)?;
    containers(of, out)?;
    for network in &of.networks {
        facts(of, network, out)?;
    }
    routing(of, out)?;
    others(of, out)?;
    records(of, out)
}

fn section(
    title: &str,
    heading: &[&str],
    rows: Vec<Vec<String>>,
    out: &mut Output,
) -> Result<(), Failure> {
    out.line(title)?;
    match rows.is_empty() {
        true => out.line("none")?,
        false => table::print(out, heading, rows)?,
    }
    out.line("")
}

fn published(of: &Exposure, out: &mut Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for row in &of.rows {
        let Target::Published {
            network,
            id,
            to,
            recorded,
            ..
        } = &row.target
        else {
            continue;
        };
        let unknown = if *recorded {
            ""
        } else {
            " (NOT IN THE RECORDS)"
        };
        let what = [port(row), format!("{network} {id} {to}{unknown}")];
        rows.extend(lines(&what, family(row), &groups(&row.ways)));
    }
    let heading = ["PORT", "LEADS TO", "FAMILY", "FROM", "ACCESS", "BY"];
    section("PUBLISHED PORTS", &heading, rows, out)
}

fn services(of: &Exposure, out: &mut Output) -> Result<(), Failure> {
    let mut seen: Vec<([String; 2], Vec<&'static str>, Vec<Group>)> = Vec::new();
    let mut local = 0;
    for row in &of.rows {
        let Target::Service { process, uid } = &row.target else {
            continue;
        };
        if row.on.is_some_and(|on| on.is_loopback()) {
            local += 1;
            continue;
        }
        let process = match process {
            Some((name, pid)) => format!("{name} ({pid})"),
            None => format!("of user {uid}"),
        };
        let (what, groups) = ([port(row), process], groups(&row.ways));
        let twin = seen
            .iter_mut()
            .find(|(other, _, same)| *other == what && *same == groups);
        match twin {
            Some((_, families, _)) => families.push(family(row)),
            None => seen.push((what, vec![family(row)], groups)),
        }
    }
    let rows = seen
        .iter()
        .flat_map(|(what, families, groups)| lines(what, &families.join(" "), groups));
    let heading = ["PORT", "PROCESS", "FAMILY", "FROM", "ACCESS", "BY"];
    let title = match local {
        0 => "SERVICES OF THIS HOST".to_owned(),
        _ => format!(
            "SERVICES OF THIS HOST ({local} more on loopback addresses, for this host alone)"
        ),
    };
    section(&title, &heading, rows.collect(), out)
}

fn containers(of: &Exposure, out: &mut Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for row in &of.rows {
        if let Target::Containers { network, subnet } = &row.target {
            let what = [network.clone(), subnet.to_string()];
            rows.extend(lines(&what, family(row), &groups(&row.ways)));
        }
    }
    let heading = ["NETWORK", "ADDRESSES", "FAMILY", "FROM", "ACCESS", "BY"];
    section(
        "CONTAINERS AT THEIR OWN ADDRESSES, NOT BY A PUBLISHED PORT",
        &heading,
        rows,
        out,
    )
}

/// One row for each group; what it is about stands in the first.
fn lines(what: &[String; 2], family: &str, groups: &[Group]) -> Vec<Vec<String>> {
    let none = [Group {
        from: vec!["nowhere".to_owned()],
        access: Access::Closed,
        by: String::new(),
    }];
    let groups = if groups.is_empty() { &none } else { groups };
    let row = |(at, group): (usize, &Group)| {
        let (first, family) = match at {
            0 => (what.clone(), family.to_owned()),
            _ => ([" ".to_owned(), " ".to_owned()], " ".to_owned()),
        };
        let [a, b] = first;
        let access = group.access.to_string();
        vec![
            a,
            b,
            family,
            group.from.join(", "),
            access,
            group.by.clone(),
        ]
    };
    groups.iter().enumerate().map(row).collect()
}

/// Ways with the same answer together. What is open is open by the rule that says most.
fn groups(ways: &[Way]) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    for way in ways {
        let from = way.from.to_string();
        let same = |group: &&mut Group| {
            group.access == way.access && (way.access == Access::Open || group.by == way.by)
        };
        match all.iter_mut().find(same) {
            Some(group) => {
                if group.from == ["host"] || way.by.len() > group.by.len() {
                    group.by.clone_from(&way.by);
                }
                group.from.push(from);
            }
            None => all.push(Group {
                from: vec![from],
                access: way.access,
                by: way.by.clone(),
            }),
        }
    }
    all.sort_by_key(|group| group.access);
    all
}

/// `*:8080/tcp`, `127.0.0.1:5000-5009/udp`
fn port(row: &Exposed) -> String {
    let host = match row.on {
        None => "*".to_owned(),
        Some(IpAddr::V4(ip)) => ip.to_string(),
        Some(IpAddr::V6(ip)) => format!("[{ip}]"),
    };
    let ports = match row.ports {
        None => "*".to_owned(),
        Some((first, last)) if first == last => first.to_string(),
        Some((first, last)) => format!("{first}-{last}"),
    };
    let transport = row
        .transport
        .map_or_else(String::new, |transport| format!("/{transport}"));
    format!("{host}:{ports}{transport}")
}

fn family(row: &Exposed) -> &'static str {
    if row.ipv4 { "ip" } else { "ip6" }
}

/// What a network opens, and what stays closed.
fn facts(of: &Exposure, network: &NetworkExposure, out: &mut Output) -> Result<(), Failure> {
    let known = match (network.enforced, network.recorded) {
        (true, true) => "",
        (false, _) => " (NOT IN THE FIREWALL: NOTHING OF IT IS CLOSED)",
        (true, false) => " (NOT IN THE RECORDS)",
    };
    let kind = if network.internal { ", internal" } else { "" };
    let heading = [
        format!("NETWORK {}", escape(&network.name)),
        format!("on {}{kind}{known}", network.bridge),
    ];
    let mut facts = vec![
        ("reaches", reaches(of, network)),
        ("services of this host", host_services(network)),
    ];
    let named = |list: &[String]| match list.is_empty() {
        true => "none".to_owned(),
        false => escape(&list.join(", ")),
    };
    facts.push(("unguarded", named(&network.unguarded)));
    let may = [
        ("may ask for DHCP", &network.dhcp),
        ("may serve DHCP", &network.dhcp_servers),
        ("may advertise routers", &network.routers),
    ];
    let may = may.into_iter().filter(|(_, who)| !who.is_empty());
    facts.extend(may.map(|(what, who)| (what, named(who))));
    if network.enforced {
        facts.push(("closed", closed(network)));
    }
    let rows = facts
        .into_iter()
        .map(|(label, text)| vec![label.to_owned(), text]);
    table::print(out, &heading.each_ref().map(String::as_str), rows.collect())?;
    out.line("")
}

fn reaches(of: &Exposure, network: &NetworkExposure) -> String {
    let mut all = Vec::new();
    if !network.isolated {
        all.push("each other".to_owned());
    }
    all.extend(
        network
            .reaches
            .iter()
            .map(|name| format!("network {}", escape(name))),
    );
    for row in &of.rows {
        let Target::Beyond { interface } = &row.target else {
            continue;
        };
        let from_here = |way: &&Way| way.from == Origin::Network(network.name.clone());
        let way = row.ways.iter().find(from_here);
        if let Some(way) = way.filter(|way| way.access != Access::Closed) {
            let masquerade = network.masquerade[usize::from(!row.ipv4)];
            let how = match (way.access, masquerade) {
                (Access::Partly, _) => "where its lists say so".to_owned(),
                (Access::Perhaps, _) => format!("perhaps: {}", way.by),
                (_, true) => "as this host".to_owned(),
                (_, false) => "with their own addresses".to_owned(),
            };
            all.push(format!("{} beyond {interface} ({how})", family(row)));
        }
    }
    match all.is_empty() {
        true => "nobody".to_owned(),
        false => all.join(", "),
    }
}

fn host_services(network: &NetworkExposure) -> String {
    match (network.host_services, network.services.is_empty()) {
        (true, _) => "all".to_owned(),
        (false, true) => "none but ping".to_owned(),
        (false, false) => format!("{} and ping", network.services.join(", ")),
    }
}

fn closed(network: &NetworkExposure) -> String {
    let sent = [
        ("forged addresses", true),
        ("router advertisements", network.routers.is_empty()),
        ("DHCP servers", network.dhcp_servers.is_empty()),
        ("but of the unguarded", !network.unguarded.is_empty()),
    ];
    let sent = sent.into_iter().filter_map(|(what, is)| is.then_some(what));
    let mut all = vec![
        "all but the above".to_owned(),
        "127.0.0.0/8 of this host".to_owned(),
        "connections from outside but by published ports".to_owned(),
        sent.collect::<Vec<_>>().join(", "),
    ];
    if network.isolated {
        all.push("its containers to each other".to_owned());
    }
    all.join("; ")
}

fn routing(of: &Exposure, out: &mut Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for row in &of.rows {
        let Target::Beyond { interface } = &row.target else {
            continue;
        };
        let others = row
            .ways
            .iter()
            .filter(|way| matches!(way.from, Origin::Interface(_)));
        let ways: Vec<Way> = others.cloned().collect();
        if !ways.is_empty() {
            let what = [interface.to_string(), " ".to_owned()];
            for mut line in lines(&what, family(row), &groups(&ways)) {
                line.remove(1);
                rows.push(line);
            }
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let heading = ["TO", "FAMILY", "FROM", "ACCESS", "BY"];
    section("THIS HOST AS A ROUTER BETWEEN OTHERS", &heading, rows, out)
}

fn others(of: &Exposure, out: &mut Output) -> Result<(), Failure> {
    out.line("OTHER FIREWALLS")?;
    if of.foreign.is_empty() {
        out.line("none in nftables")?;
    }
    for chain in &of.foreign {
        out.line(format!("{}: {}", escape(&chain.to_string()), effect(chain)))?;
    }
    out.line("")
}

fn effect(chain: &ForeignChain) -> &'static str {
    match chain.effect {
        Effect::Drops => "drops what no rule of its own lets pass",
        Effect::Translates => "may lead connections elsewhere",
        _ => "its rules may drop",
    }
}

fn records(of: &Exposure, out: &mut Output) -> Result<(), Failure> {
    out.line("RECORDS AND KERNEL")?;
    if of.differences.is_empty() {
        return out.line("agree");
    }
    let mut differences = of.differences.iter();
    differences.try_for_each(|of| out.line(health::sentence(of)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(from: Origin, access: Access, by: &str) -> Group {
        Group {
            from: vec![from.to_string()],
            access,
            by: by.to_owned(),
        }
    }

    #[test]
    fn what_it_is_about_stands_in_the_first_line() {
        let what = ["*:80/tcp".to_owned(), "sshd (1)".to_owned()];
        let open = way(Origin::Host, Access::Open, "a");
        let shut = way(Origin::Network("web".into()), Access::Closed, "b");
        let rows = lines(&what, "ip", &[open, shut]);
        assert_eq!(rows[0][..3], ["*:80/tcp", "sshd (1)", "ip"]);
        assert_eq!(rows[1][..5], [" ", " ", " ", "network web", "closed"]);
        assert_eq!(lines(&what, "ip", &[])[0][3], "nowhere");
    }
}
