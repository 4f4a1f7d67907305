//! Table `inet vetch`: masquerade, published ports, and who may talk to whom.

use crate::Set;
use crate::tables::{Anonymous, ChainPlan, TablePlan, base, chain};
use crate::words::Field::*;
use crate::words::{Field, Rule, rule};
use core_netlink::nft::expr::{Ct, Fib};
use core_netlink::nft::{ChainType, DataType, Family, Hook, Value};

const ICMP_AND_IGMP: u32 = 101;
const WITH_PORTS4: u32 = 102; // each rule has an anonymous set of its own
const WITH_PORTS6: u32 = 103;
const LOOPBACK: u8 = 127;
const ICMP6: u8 = 58;
const ROUTER_ADVERTISEMENT: u8 = 134;
const REDIRECT: u8 = 137;
const TO_PORT4: &[Field] = &[Destination4, L4Proto, DestinationPort];
const TO_PORT6: &[Field] = &[Destination6, L4Proto, DestinationPort];
const BETWEEN4: &[Field] = &[Destination4, Source4, L4Proto, DestinationPort];
const BETWEEN6: &[Field] = &[Destination6, Source6, L4Proto, DestinationPort];
const EGRESS4: &[Field] = &[IifName, Destination4];
const EGRESS6: &[Field] = &[IifName, Destination6];
const EGRESS_PORT4: &[Field] = &[IifName, Destination4, L4Proto, DestinationPort];
const EGRESS_PORT6: &[Field] = &[IifName, Destination6, L4Proto, DestinationPort];
const TO_ANY: &[Field] = &[L4Proto, DestinationPort];

pub(crate) fn plan() -> TablePlan {
    let protocols = |id, numbers: [u8; 3]| Anonymous {
        id,
        key: DataType::InetProto,
        elements: numbers
            .map(|number| (Value::Protocol(number), None))
            .to_vec(),
    };
    TablePlan {
        family: Family::Inet,
        sets: Set::ALL
            .into_iter()
            .filter(|set| set.family() == Family::Inet)
            .collect(),
        anonymous: vec![
            protocols(ICMP_AND_IGMP, [1, 58, 2]),
            protocols(WITH_PORTS4, [6, 17, 132]),
            protocols(WITH_PORTS6, [6, 17, 132]),
        ],
        chains: vec![
            early(),
            from_routed(),
            nat_in(),
            nat_out(),
            publish(),
            input(),
            from_container(),
            denied(),
            allowed(),
            forward(),
            nat_post(),
            into(),
        ],
    }
}

fn hooked(kind: ChainType, hook: Hook, priority: i32, chain: ChainPlan) -> ChainPlan {
    ChainPlan {
        base: Some(base(kind, hook, priority)),
        ..chain
    }
}

/// Before connection tracking: replies to 127.0.0.1 get their address back later and must pass here.
/// Frames to 01:80:c2:00:00:0X come from the port itself, past the bridge and its hooks.
fn early() -> ChainPlan {
    let rules = vec![
        rule()
            .ipv4()
            .is(Destination4Net8, [LOOPBACK])
            .within(&[IifName], Set::Nets)
            .drop(),
        rule()
            .ipv4()
            .is(Source4Net8, [LOOPBACK])
            .within(&[IifName], Set::Nets)
            .drop(),
        rule().within(&[IifName], Set::Routed).goto("from_routed"),
        rule().is(IifName, *b"vtp").drop(),
    ];
    hooked(
        ChainType::Filter,
        Hook::Prerouting,
        -310,
        chain("early", rules),
    )
}

/// No bridge guards these links: only their own addresses come in by them.
fn from_routed() -> ChainPlan {
    let icmp6 = || rule().ipv6().is(L4Proto, [ICMP6]);
    let rules = vec![
        rule().ipv4().within(&[IifName, Source4], Set::Own4).leave(),
        icmp6().is(Icmp6Type, [ROUTER_ADVERTISEMENT]).drop(),
        icmp6().is(Icmp6Type, [REDIRECT]).drop(),
        rule().ipv6().within(&[IifName, Source6], Set::Own6).leave(),
        rule()
            .ipv6()
            .is(Source6, [0; 16])
            .is(L4Proto, [ICMP6])
            .leave(), // looking for duplicates
        rule().drop(),
    ];
    chain("from_routed", rules)
}

fn to_this_host() -> Rule {
    rule().is(DestinationType, Fib::LOCAL.to_ne_bytes())
}

/// To 127.0.0.0/8 from outside: not translated, so that the kernel's own check for such packets sees them.
fn nat_in() -> ChainPlan {
    let rules = vec![
        rule().ipv4().is(Destination4Net8, [LOOPBACK]).leave(),
        to_this_host().goto("publish"),
    ];
    hooked(
        ChainType::Nat,
        Hook::Prerouting,
        -105,
        chain("nat_in", rules),
    )
}

/// ::1 cannot work everywhere; refused at once beats a time-out.
fn nat_out() -> ChainPlan {
    let localhost = std::net::Ipv6Addr::LOCALHOST.octets();
    let rules = vec![
        rule().ipv6().is(Destination6, localhost).leave(),
        to_this_host().goto("publish"),
    ];
    hooked(ChainType::Nat, Hook::Output, -105, chain("nat_out", rules))
}

/// The most particular first. The family is written out where the key does not imply it, and the protocols where nft, which must read
/// what it lists, would miss them.
fn publish() -> ChainPlan {
    let (v4, v6) = (|| rule().ipv4(), || rule().ipv6());
    let with_ports = |set| rule().one_of(L4Proto, set);
    let rules = vec![
        with_ports(WITH_PORTS4)
            .ipv4()
            .dnat(Family::Ip, BETWEEN4, Set::When4, Some(4)),
        v4().dnat(Family::Ip, TO_PORT4, Set::Addr4, Some(4)),
        v4().dnat(Family::Ip, TO_ANY, Set::Any4, Some(4)),
        v4().dnat(Family::Ip, TO_PORT4, Set::Range4, None),
        with_ports(WITH_PORTS6)
            .ipv6()
            .dnat(Family::Ip6, BETWEEN6, Set::When6, Some(16)),
        v6().dnat(Family::Ip6, TO_PORT6, Set::Addr6, Some(16)),
        v6().dnat(Family::Ip6, TO_ANY, Set::Any6, Some(16)),
        v6().dnat(Family::Ip6, TO_PORT6, Set::Range6, None),
    ];
    chain("publish", rules)
}

/// Services bound to a gateway address are not for the LAN.
fn input() -> ChainPlan {
    let loopback = 1u32.to_ne_bytes(); // its index in every namespace
    let rules = vec![
        rule().within(&[IifName], Set::Nets).goto("from_container"),
        rule().is(Iif, loopback).accept(),
        rule()
            .ipv4()
            .within(&[Destination4], Set::Gate4)
            .ct_state(Ct::NEW)
            .drop(),
        rule()
            .ipv6()
            .within(&[Destination6], Set::Gate6)
            .ct_state(Ct::NEW)
            .drop(),
    ];
    hooked(ChainType::Filter, Hook::Input, -10, chain("input", rules))
}

fn from_container() -> ChainPlan {
    let rules = vec![
        rule().ct_state(Ct::ESTABLISHED | Ct::RELATED).accept(),
        rule().one_of(L4Proto, ICMP_AND_IGMP).accept(),
        rule().within(&[IifName], Set::Listed).jump("denied"),
        rule()
            .within(&[IifName, L4Proto, DestinationPort], Set::Service)
            .accept(),
        rule().within(&[IifName], Set::Listed).jump("allowed"), // a service of the host is no way around
        rule().within(&[IifName], Set::Host).accept(),
        rule().drop(),
    ];
    chain("from_container", rules)
}

/// Ports have sets of their own: a packet without ports would pass by a rule that asks for one.
fn denied() -> ChainPlan {
    let rules = vec![
        rule().ipv4().within(EGRESS4, Set::Deny4).drop(),
        rule().ipv4().within(EGRESS_PORT4, Set::DenyPort4).drop(),
        rule().ipv6().within(EGRESS6, Set::Deny6).drop(),
        rule().ipv6().within(EGRESS_PORT6, Set::DenyPort6).drop(),
    ];
    chain("denied", rules)
}

fn allowed() -> ChainPlan {
    let rules = vec![
        rule().ipv4().within(EGRESS4, Set::Allow4).leave(),
        rule().ipv4().within(EGRESS_PORT4, Set::AllowPort4).leave(),
        rule().ipv6().within(EGRESS6, Set::Allow6).leave(),
        rule().ipv6().within(EGRESS_PORT6, Set::AllowPort6).leave(),
        rule().drop(),
    ];
    chain("allowed", rules)
}

/// "Accept" ends only this chain, never another table's.
fn forward() -> ChainPlan {
    let opened: &[Field] = &[IifName, NfProto];
    let rules = vec![
        rule().ct_state(Ct::ESTABLISHED | Ct::RELATED).accept(),
        rule()
            .within(&[IifName], Set::Nets)
            .ct_state(Ct::INVALID)
            .drop(),
        rule().within(&[IifName, OifName], Set::Pairs).accept(),
        rule().within(&[IifName, OifName], Set::Apart).drop(),
        among_routed()
            .ipv4()
            .within(&[Source4, Destination4], Set::Same4)
            .accept(),
        among_routed()
            .ipv6()
            .within(&[Source6, Destination6], Set::Same6)
            .accept(),
        rule().within(&[IifName], Set::Listed).jump("denied"),
        rule().within(&[IifName], Set::Listed).jump("allowed"),
        rule().within(&[IifName, OifName], Set::Reach).accept(),
        rule().within(&[IifName], Set::Internal).drop(),
        rule().within(&[OifName], Set::Internal).drop(),
        rule().within(&[OifName], Set::Nets).ct_dnat().accept(),
        rule().within(&[OifName], Set::Reachable).accept(),
        rule().within(&[OifName], Set::Nets).drop(),
        rule().within(&[IifName], Set::Nets).accept(),
        rule().within(opened, Set::Opened).ct_dnat().accept(), // another tool's published port
        rule().within(opened, Set::Opened).drop(),
        rule().within(&[NfProto], Set::Closed).drop(),
    ];
    hooked(
        ChainType::Filter,
        Hook::Forward,
        -10,
        chain("forward", rules),
    )
}

fn among_routed() -> Rule {
    let rule = rule().within(&[IifName], Set::Routed);
    rule.within(&[OifName], Set::Routed)
}

fn nat_post() -> ChainPlan {
    let rules = vec![
        rule().within(&[OifName], Set::Nets).goto("into"),
        rule().within(&[IifName, NfProto], Set::Masq).masquerade(),
        rule().ct_dnat().jump("into"), // behind links that are not ours alone
        rule()
            .ipv4()
            .within(&[IifName, Source4], Set::MasqFrom4)
            .masquerade(),
        rule()
            .ipv6()
            .within(&[IifName, Source6], Set::MasqFrom6)
            .masquerade(),
    ];
    hooked(
        ChainType::Nat,
        Hook::Postrouting,
        95,
        chain("nat_post", rules),
    )
}

/// Connections that turn back, by subnet and not by interface: with br_netfilter no incoming device is known here. Before them, whose
/// published ports want it otherwise: "accept" leaves the source as it is.
fn into() -> ChainPlan {
    let rules = vec![
        rule().ipv4().is(Source4Net8, [LOOPBACK]).masquerade(),
        translated4(&[Destination4], Set::Hide4).masquerade(),
        translated6(&[Destination6], Set::Hide6).masquerade(),
        translated4(&[Destination4], Set::Keep4).accept(),
        translated6(&[Destination6], Set::Keep6).accept(),
        translated4(&[OifName, Source4], Set::Local4).masquerade(),
        translated6(&[OifName, Source6], Set::Local6).masquerade(),
        translated4(&[Source4, Destination4], Set::Turn4).masquerade(),
        translated6(&[Source6, Destination6], Set::Turn6).masquerade(),
    ];
    chain("into", rules)
}

fn translated4(fields: &[Field], set: Set) -> Rule {
    rule().ipv4().ct_dnat().within(fields, set)
}

fn translated6(fields: &[Field], set: Set) -> Rule {
    rule().ipv6().ct_dnat().within(fields, set)
}
