//! `bridge link`: ports.

use super::CODE;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::link::kinds::{on_off, port_state};
use crate::link::print::flags;
use crate::row::Row;
use crate::session::Session;
use crate::value::{fit, quoted};
use core_netlink::IfIndex;
use core_netlink::link::{BridgePort, Link, McastRouter, PortState, Slave};

pub(super) const USAGE: &str = "dev LINK [cost N] [priority N] [state STATE] [hairpin|guard|root_block|fastleave|learning|flood|mcast_flood|bcast_flood|mcast_to_unicast|neigh_suppress|vlan_tunnel|isolated|locked on|off] \
[mcast_router N] [backup_port LINK | nobackup_port] [self] [master]";

pub(super) fn show(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let (mut dev, mut master) = (None, None);
    while let Some(word) = args.next()? {
        match word {
            "dev" => {
                dev = Some(
                    s.link_index(args.value("dev")?)
                        .map_err(|fault| fault.code(CODE))?,
                )
            }
            "master" => {
                master = Some(
                    s.link_index(args.value("master")?)
                        .map_err(|fault| fault.code(CODE))?,
                )
            }
            text if dev.is_none() => {
                dev = Some(s.link_index(text).map_err(|fault| fault.code(CODE))?)
            }
            text => return Err(Fault::garbage(text)),
        }
    }
    let ports = s.conn()?.bridge_ports()?;
    s.remember(&ports);
    let meant = |port: &&Link| {
        dev.is_none_or(|dev| port.index == dev)
            && master.is_none_or(|master| port.master == Some(master))
    };
    let rows = ports
        .iter()
        .filter(meant)
        .map(|port| describe(s, port))
        .collect();
    s.print(rows)
}

fn describe(s: &mut Session<'_>, link: &Link) -> Row {
    let mut row = s.row();
    row.field("ifindex", link.index.0, format_args!("{}: ", link.index));
    let other = match link.link {
        Some(other) if link.link_netnsid.is_some() => format!("if{other}"),
        Some(other) => s.link_name(other),
        None => String::new(),
    };
    if !other.is_empty() {
        row.json("link", other.as_str());
    }
    let at = if other.is_empty() { "" } else { "@" };
    row.field(
        "ifname",
        link.name.to_string(),
        format_args!("{}{at}{other}: ", link.name),
    );
    let flags = flags(s, link);
    row.values("flags", &flags, "<", ",", "> ");
    if let Some(mtu) = link.mtu {
        row.word("mtu", mtu);
    }
    if let Some(master) = link.master {
        row.word("master", s.link_name(master));
    }
    if let Some(Slave::Bridge(port)) = &link.slave {
        describe_port(s, &mut row, port);
    }
    row
}

fn describe_port(s: &mut Session<'_>, row: &mut Row, port: &BridgePort) {
    if let Some(state) = port.state {
        row.word("state", state.to_string());
    }
    if let Some(priority) = port.priority {
        row.word("priority", priority);
    }
    if let Some(cost) = port.cost {
        row.word("cost", cost);
    }
    if !s.opts.details {
        return;
    }
    row.text("\n    ");
    let switch = |row: &mut Row, name: &str, value: Option<bool>| {
        if let Some(value) = value {
            row.field(
                name,
                value,
                format_args!("{name} {} ", if value { "on" } else { "off" }),
            );
        }
    };
    for (name, value) in [
        ("hairpin", port.hairpin),
        ("guard", port.guard),
        ("root_block", port.root_block),
        ("fastleave", port.fast_leave),
        ("learning", port.learning),
        ("flood", port.flood),
        ("mcast_flood", port.mcast_flood),
        ("bcast_flood", port.bcast_flood),
    ] {
        switch(row, name, value);
    }
    if let Some(router) = port.mcast_router {
        row.word("mcast_router", router.number());
    }
    for (name, value) in [
        ("mcast_to_unicast", port.mcast_to_unicast),
        ("neigh_suppress", port.neigh_suppress),
        ("vlan_tunnel", port.vlan_tunnel),
    ] {
        switch(row, name, value);
    }
    if let Some(backup) = port.backup_port {
        row.word("backup_port", s.link_name(backup));
    }
    switch(row, "isolated", port.isolated);
    switch(row, "locked", port.locked);
}

pub(super) fn set(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let (mut dev, mut port) = (None, BridgePort::default());
    while let Some(word) = args.next()? {
        match word {
            "dev" => dev = Some(args.value("dev")?),
            "self" | "master" => {} // both are the port; other devices have no settings here
            "cost" => port.cost = Some(fit("cost", args.value("cost")?)?),
            "priority" => port.priority = Some(fit("priority", args.value("priority")?)?),
            "state" => port.state = Some(state(args.value("state")?)?),
            "mcast_router" => {
                port.mcast_router = Some(McastRouter::from(fit::<u8>(word, args.value(word)?)?))
            }
            "backup_port" => {
                port.backup_port = Some(s.link_value("backup_port", args.value(word)?)?)
            }
            "nobackup_port" => port.backup_port = Some(IfIndex(0)),
            _ => match on_off(&mut port, word) {
                Some(place) => *place = Some(switch(args, word)?),
                None => return Err(unknown(word)),
            },
        }
    }
    let dev = dev.ok_or_else(|| {
        Fault::missing(
            CODE,
            "Device is a required argument.",
            "no port is named",
            "`dev LINK` is needed",
        )
    })?;
    let link = s
        .link(dev)
        .map_err(|fault| fault.when_missing(|| no_port(dev)))?;
    let set = s.conn()?.set_bridge_port(link.index, &port);
    set.map_err(|err| {
        Session::named(err, &link)
            .code(CODE)
            .hint("the link must be the port of a bridge: `vetch link set LINK master BRIDGE`")
    })
}

fn state(text: &str) -> Done<PortState> {
    port_state(text).map_err(|fault| fault.code(CODE))
}

fn no_port(name: &str) -> Fault {
    Fault::no_device(name)
        .original(format!("Cannot find bridge device \"{}\"", quoted(name)))
        .code(CODE)
}

fn switch(args: &mut Args<'_>, word: &str) -> Done<bool> {
    match args.value(word)? {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(Fault::on_off(word, other)
            .original(format!(
                "Error: argument of \"{word}\" must be one of \"off\", \"on\", not \"{}\"",
                quoted(other)
            ))
            .code(234)),
    }
}

fn unknown(word: &str) -> Fault {
    let word = quoted(word);
    Fault::new(
        CODE,
        format!("Usage: bridge link set {USAGE}"),
        format!("`{word}` is no setting of a port"),
        "it is not known",
    )
    .hint(USAGE)
}
