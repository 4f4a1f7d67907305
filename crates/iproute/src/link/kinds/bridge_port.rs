//! `type bridge_slave`: the port of a bridge, and what `bridge link set` shares with it.

use super::{alternate_hex, number, timer, unknown};
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::row::Row;
use crate::session::Session;
use crate::value::fit;
use core_netlink::link::{BridgePort, McastRouter, PortState, Present};

pub(super) fn read(s: &mut Session<'_>, args: &mut Args<'_>) -> Done<BridgePort> {
    let mut port = BridgePort::default();
    while let Some(word) = args.next()? {
        let known = match on_off(&mut port, word) {
            Some(place) => {
                *place = Some(args.on_off(word)?);
                true
            }
            None => take(s, args, word, &mut port)?,
        };
        if !known {
            return Err(unknown("bridge_slave", word));
        }
    }
    Ok(port)
}

/// The switches of a port, by word.
pub(crate) fn on_off<'p>(port: &'p mut BridgePort, word: &str) -> Option<&'p mut Option<bool>> {
    Some(match word {
        "hairpin" => &mut port.hairpin,
        "guard" => &mut port.guard,
        "root_block" => &mut port.root_block,
        "fastleave" | "mcast_fast_leave" => &mut port.fast_leave,
        "learning" => &mut port.learning,
        "learning_sync" => &mut port.learning_sync,
        "flood" => &mut port.flood,
        "mcast_flood" => &mut port.mcast_flood,
        "bcast_flood" => &mut port.bcast_flood,
        "mcast_to_unicast" => &mut port.mcast_to_unicast,
        "proxy_arp" => &mut port.proxy_arp,
        "proxy_arp_wifi" => &mut port.proxy_arp_wifi,
        "neigh_suppress" => &mut port.neigh_suppress,
        "vlan_tunnel" => &mut port.vlan_tunnel,
        "isolated" => &mut port.isolated,
        "locked" => &mut port.locked,
        "mab" => &mut port.mab,
        _ => return None,
    })
}

fn take(s: &mut Session<'_>, args: &mut Args<'_>, word: &str, port: &mut BridgePort) -> Done<bool> {
    match word {
        "state" => port.state = Some(fit::<u8>(word, args.value(word)?)?.into()),
        "priority" => port.priority = Some(fit(word, args.value(word)?)?),
        "cost" => port.cost = Some(fit(word, args.value(word)?)?),
        "group_fwd_mask" => port.group_fwd_mask = Some(fit(word, args.value(word)?)?),
        "mcast_router" => {
            port.mcast_router = Some(McastRouter::from(fit::<u8>(word, args.value(word)?)?))
        }
        "fdb_flush" => port.fdb_flush = Some(Present),
        "backup_port" => port.backup_port = Some(s.link_value("backup_port", args.value(word)?)?),
        "nobackup_port" => port.backup_port = Some(core_netlink::IfIndex(0)),
        _ => return Ok(false),
    }
    Ok(true)
}

/// A state by name or number.
pub(crate) fn port_state(text: &str) -> Done<PortState> {
    let number = || {
        crate::value::number(text)
            .filter(|number| *number <= 4)
            .map(|number| PortState::from(number as u8))
    };
    let named = PortState::NAMED
        .iter()
        .find(|state| state.name() == Some(text))
        .copied();
    named.or_else(number).ok_or_else(|| {
        Fault::wrong("state", text, "invalid")
            .original("Error: invalid STP port state")
            .hint("disabled, listening, learning, forwarding or blocking, or 0 to 4")
    })
}

/// "WORD on " and `"KEY": true`.
fn switch(row: &mut Row, word: &str, key: &str, value: Option<bool>) {
    if let Some(value) = value {
        let text = if value { "on" } else { "off" };
        row.field(key, value, format_args!("{word} {text} "));
    }
}

fn plain(row: &mut Row, key: &str, value: Option<bool>) {
    switch(row, key, key, value);
}

pub(super) fn describe(s: &mut Session<'_>, row: &mut Row, p: &BridgePort) {
    if let Some(state) = p.state {
        row.word("state", state.to_string());
    }
    number(row, "priority", "priority", p.priority);
    number(row, "cost", "cost", p.cost);
    plain(row, "hairpin", p.hairpin);
    plain(row, "guard", p.guard);
    plain(row, "root_block", p.root_block);
    plain(row, "fastleave", p.fast_leave);
    plain(row, "learning", p.learning);
    plain(row, "flood", p.flood);
    if let Some(id) = p.id {
        row.pair("port_id", "id", format!("{id:#x}"));
    }
    if let Some(number) = p.number {
        row.pair("port_no", "no", format!("{number:#x}"));
    }
    describe_tree(row, p);
    plain(row, "proxy_arp", p.proxy_arp);
    plain(row, "proxy_arp_wifi", p.proxy_arp_wifi);
    number(
        row,
        "mcast_router",
        "multicast_router",
        p.mcast_router.map(McastRouter::number),
    );
    if let Some(leave) = p.fast_leave {
        row.text(format_args!(
            "mcast_fast_leave {} ",
            if leave { "on" } else { "off" }
        ));
    }
    plain(row, "mcast_flood", p.mcast_flood);
    plain(row, "bcast_flood", p.bcast_flood);
    plain(row, "mcast_to_unicast", p.mcast_to_unicast);
    plain(row, "neigh_suppress", p.neigh_suppress);
    if let Some(mask) = p.group_fwd_mask {
        row.word("group_fwd_mask", alternate_hex(mask));
        row.word("group_fwd_mask_str", group_names(mask));
    }
    plain(row, "vlan_tunnel", p.vlan_tunnel);
    plain(row, "isolated", p.isolated);
    plain(row, "locked", p.locked);
    if let Some(backup) = p.backup_port {
        row.word("backup_port", s.link_name(backup));
    }
}

fn describe_tree(row: &mut Row, p: &BridgePort) {
    number(row, "designated_port", "designated_port", p.designated_port);
    number(row, "designated_cost", "designated_cost", p.designated_cost);
    if let Some(id) = p.bridge_id {
        row.pair("designated_bridge", "bridge_id", id.to_string());
    }
    if let Some(id) = p.root_id {
        row.pair("designated_root", "root_id", id.to_string());
    }
    timer(row, "hold_timer", p.hold_timer);
    timer(row, "message_age_timer", p.message_age_timer);
    timer(row, "forward_delay_timer", p.forward_delay_timer);
    number(
        row,
        "topology_change_ack",
        "topology_change_ack",
        p.topology_change_ack,
    );
    number(row, "config_pending", "config_pending", p.config_pending);
}

/// The link-local groups of a mask: LACP, LLDP and the rest in hex.
fn group_names(mask: u16) -> String {
    const NAMED: [(u16, &str); 2] = [(0x4, "LACP"), (0x4000, "LLDP")];
    let mut names: Vec<String> = NAMED
        .iter()
        .filter(|(bit, _)| mask & bit != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let rest = NAMED.iter().fold(mask, |rest, (bit, _)| rest & !bit);
    if rest != 0 || names.is_empty() {
        names.insert(0, format!("{rest:#x}"));
    }
    names.join(",")
}
