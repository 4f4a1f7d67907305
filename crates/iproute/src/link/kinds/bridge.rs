//! `type bridge`.

use super::{alternate_hex, number, timer, unknown};
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::row::Row;
use crate::session::Session;
use crate::value::{fit, quoted};
use core_netlink::link::{
    Bridge, BridgeOptions, Chosen, Kind, LinkSpec, McastRouter, Present, VlanProtocol,
};

pub(super) fn read(_: &mut Session<'_>, args: &mut Args<'_>, _: &LinkSpec) -> Done<Kind> {
    let mut bridge = Bridge::default();
    while let Some(word) = args.next()? {
        if !take_time(&mut bridge, args, word)?
            && !take_switch(&mut bridge, args, word)?
            && !take_other(&mut bridge, args, word)?
        {
            return Err(unknown("bridge", word));
        }
    }
    Ok(Kind::Bridge(bridge))
}

/// Numbers of 32 and 64 bits.
fn take_time(bridge: &mut Bridge, args: &mut Args<'_>, word: &str) -> Done<bool> {
    let long = match word {
        "mcast_last_member_interval" => &mut bridge.mcast_last_member_interval,
        "mcast_membership_interval" => &mut bridge.mcast_membership_interval,
        "mcast_querier_interval" => &mut bridge.mcast_querier_interval,
        "mcast_query_interval" => &mut bridge.mcast_query_interval,
        "mcast_query_response_interval" => &mut bridge.mcast_query_response_interval,
        "mcast_startup_query_interval" => &mut bridge.mcast_startup_query_interval,
        _ => return take_number(bridge, args, word),
    };
    *long = Some(fit(word, args.value(word)?)?);
    Ok(true)
}

fn take_number(bridge: &mut Bridge, args: &mut Args<'_>, word: &str) -> Done<bool> {
    let place = match word {
        "forward_delay" => &mut bridge.forward_delay,
        "hello_time" => &mut bridge.hello_time,
        "max_age" => &mut bridge.max_age,
        "ageing_time" => &mut bridge.ageing_time,
        "stp_state" => &mut bridge.stp_state,
        "mcast_hash_elasticity" => &mut bridge.mcast_hash_elasticity,
        "mcast_hash_max" => &mut bridge.mcast_hash_max,
        "mcast_last_member_count" => &mut bridge.mcast_last_member_count,
        "mcast_startup_query_count" => &mut bridge.mcast_startup_query_count,
        "fdb_max_learned" => &mut bridge.fdb_max_learned,
        _ => return Ok(false),
    };
    *place = Some(fit(word, args.value(word)?)?);
    Ok(true)
}

fn take_switch(bridge: &mut Bridge, args: &mut Args<'_>, word: &str) -> Done<bool> {
    let place = match word {
        "vlan_filtering" => &mut bridge.vlan_filtering,
        "mcast_snooping" => &mut bridge.mcast_snooping,
        "mcast_query_use_ifaddr" => &mut bridge.mcast_query_use_ifaddr,
        "mcast_querier" => &mut bridge.mcast_querier,
        "nf_call_iptables" => &mut bridge.nf_call_iptables,
        "nf_call_ip6tables" => &mut bridge.nf_call_ip6tables,
        "nf_call_arptables" => &mut bridge.nf_call_arptables,
        "vlan_stats_enabled" => &mut bridge.vlan_stats_enabled,
        "vlan_stats_per_port" => &mut bridge.vlan_stats_per_port,
        "mcast_stats_enabled" => &mut bridge.mcast_stats_enabled,
        _ => return Ok(false),
    };
    *place = Some(fit::<u8>(word, args.value(word)?)? != 0);
    Ok(true)
}

fn take_other(bridge: &mut Bridge, args: &mut Args<'_>, word: &str) -> Done<bool> {
    let option = |bridge: &mut Bridge, args: &mut Args<'_>, flag| {
        let on = fit::<u8>(word, args.value(word)?)? != 0;
        bridge.options = Some(bridge.options.unwrap_or_default().and(flag, on));
        Ok::<_, Fault>(())
    };
    match word {
        "priority" => bridge.priority = Some(fit(word, args.value(word)?)?),
        "group_fwd_mask" => bridge.group_fwd_mask = Some(fit(word, args.value(word)?)?),
        "vlan_default_pvid" => bridge.vlan_default_pvid = Some(fit(word, args.value(word)?)?),
        "mcast_igmp_version" => bridge.mcast_igmp_version = Some(fit(word, args.value(word)?)?),
        "mcast_mld_version" => bridge.mcast_mld_version = Some(fit(word, args.value(word)?)?),
        "mcast_router" => {
            bridge.mcast_router = Some(McastRouter::from(fit::<u8>(word, args.value(word)?)?))
        }
        "group_address" => bridge.group_address = Some(group_address(args.value(word)?)?),
        "fdb_flush" => bridge.fdb_flush = Some(Present),
        "vlan_protocol" => bridge.vlan_protocol = Some(vlan_protocol(args.value(word)?)?),
        "no_linklocal_learn" => option(bridge, args, BridgeOptions::NO_LINKLOCAL_LEARN)?,
        "mcast_vlan_snooping" => option(bridge, args, BridgeOptions::MCAST_VLAN_SNOOPING)?,
        "mst_enabled" => option(bridge, args, BridgeOptions::MST_ENABLED)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn group_address(text: &str) -> Done<core_netlink::MacAddr> {
    text.parse().map_err(|bad: core_netlink::Bad| {
        Fault::new(
            1,
            format!("\"{}\" is invalid lladdr.", quoted(text)),
            format!("wrong group_address `{}`", quoted(text)),
            bad.to_string(),
        )
    })
}

fn vlan_protocol(text: &str) -> Done<VlanProtocol> {
    match text.to_ascii_lowercase().as_str() {
        "802.1q" => Ok(VlanProtocol::Dot1q),
        "802.1ad" => Ok(VlanProtocol::Dot1ad),
        _ => {
            Err(Fault::wrong("vlan_protocol", text, "invalid vlan_protocol")
                .hint("802.1Q or 802.1ad"))
        }
    }
}

pub(super) fn describe(row: &mut Row, b: &Bridge) {
    let bit = |value: Option<bool>| value.map(u8::from);
    number(row, "forward_delay", "forward_delay", b.forward_delay);
    number(row, "hello_time", "hello_time", b.hello_time);
    number(row, "max_age", "max_age", b.max_age);
    number(row, "ageing_time", "ageing_time", b.ageing_time);
    number(row, "stp_state", "stp_state", b.stp_state);
    number(row, "priority", "priority", b.priority);
    number(
        row,
        "vlan_filtering",
        "vlan_filtering",
        bit(b.vlan_filtering),
    );
    if let Some(protocol) = b.vlan_protocol {
        row.word("vlan_protocol", protocol.to_string());
    }
    if let Some(id) = b.bridge_id {
        row.word("bridge_id", id.to_string());
    }
    if let Some(id) = b.root_id {
        row.pair("designated_root", "root_id", id.to_string());
    }
    number(row, "root_port", "root_port", b.root_port);
    number(row, "root_path_cost", "root_path_cost", b.root_path_cost);
    number(row, "topology_change", "topology_change", b.topology_change);
    number(
        row,
        "topology_change_detected",
        "topology_change_detected",
        b.topology_change_detected,
    );
    timer(row, "hello_timer", b.hello_timer);
    timer(row, "tcn_timer", b.tcn_timer);
    timer(row, "topology_change_timer", b.topology_change_timer);
    timer(row, "gc_timer", b.gc_timer);
    describe_filter(row, b);
    describe_multicast(row, b);
    number(
        row,
        "nf_call_iptables",
        "nf_call_iptables",
        bit(b.nf_call_iptables),
    );
    number(
        row,
        "nf_call_ip6tables",
        "nf_call_ip6tables",
        bit(b.nf_call_ip6tables),
    );
    number(
        row,
        "nf_call_arptables",
        "nf_call_arptables",
        bit(b.nf_call_arptables),
    );
}

fn describe_filter(row: &mut Row, b: &Bridge) {
    let bit = |value: Option<bool>| value.map(u8::from);
    number(
        row,
        "vlan_default_pvid",
        "vlan_default_pvid",
        b.vlan_default_pvid,
    );
    number(
        row,
        "vlan_stats_enabled",
        "vlan_stats_enabled",
        bit(b.vlan_stats_enabled),
    );
    number(
        row,
        "vlan_stats_per_port",
        "vlan_stats_per_port",
        bit(b.vlan_stats_per_port),
    );
    if let Some(mask) = b.group_fwd_mask {
        row.word("group_fwd_mask", alternate_hex(mask));
    }
    if let Some(address) = b.group_address {
        row.pair("group_address", "group_addr", address.to_string());
    }
}

/// Words, JSON keys and values of what the bridge does about multicast.
fn describe_multicast(row: &mut Row, b: &Bridge) {
    let bit = |value: Option<bool>| value.map(u64::from);
    let word = |value: Option<u32>| value.map(u64::from);
    let byte = |value: Option<u8>| value.map(u64::from);
    number(
        row,
        "mcast_snooping",
        "mcast_snooping",
        bit(b.mcast_snooping),
    );
    describe_options(row, b);
    #[rustfmt::skip]
    let rows = [
        ("mcast_router", "mcast_router", byte(b.mcast_router.map(McastRouter::number))),
        ("mcast_query_use_ifaddr", "mcast_query_use_ifaddr", bit(b.mcast_query_use_ifaddr)),
        ("mcast_querier", "mcast_querier", bit(b.mcast_querier)),
        ("mcast_hash_elasticity", "mcast_hash_elasticity", word(b.mcast_hash_elasticity)),
        ("mcast_hash_max", "mcast_hash_max", word(b.mcast_hash_max)),
        ("mcast_last_member_count", "mcast_last_member_cnt", word(b.mcast_last_member_count)),
        ("mcast_startup_query_count", "mcast_startup_query_cnt", word(b.mcast_startup_query_count)),
        ("mcast_last_member_interval", "mcast_last_member_intvl", b.mcast_last_member_interval),
        ("mcast_membership_interval", "mcast_membership_intvl", b.mcast_membership_interval),
        ("mcast_querier_interval", "mcast_querier_intvl", b.mcast_querier_interval),
        ("mcast_query_interval", "mcast_query_intvl", b.mcast_query_interval),
        ("mcast_query_response_interval", "mcast_query_response_intvl", b.mcast_query_response_interval),
        ("mcast_startup_query_interval", "mcast_startup_query_intvl", b.mcast_startup_query_interval),
        ("mcast_stats_enabled", "mcast_stats_enabled", bit(b.mcast_stats_enabled)),
        ("mcast_igmp_version", "mcast_igmp_version", byte(b.mcast_igmp_version)),
        ("mcast_mld_version", "mcast_mld_version", byte(b.mcast_mld_version)),
    ];
    for (word, key, value) in rows {
        number(row, word, key, value);
    }
}

fn describe_options(row: &mut Row, b: &Bridge) {
    let Some(Chosen { flags, mask }) = b.options else {
        return;
    };
    for (flag, name) in [
        (BridgeOptions::NO_LINKLOCAL_LEARN, "no_linklocal_learn"),
        (BridgeOptions::MCAST_VLAN_SNOOPING, "mcast_vlan_snooping"),
    ] {
        if mask.contains(flag) {
            row.word(name, u8::from(flags.contains(flag)));
        }
    }
}
