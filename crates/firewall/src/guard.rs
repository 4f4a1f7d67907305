//! Table `bridge vetch`: what a container may put on the wire. Runs before br_netfilter and connection tracking.

use crate::Set;
use crate::tables::{Anonymous, ChainPlan, TablePlan, base, chain};
use crate::words::Field::*;
use crate::words::{Field, Rule, rule};
use core_netlink::nft::{ChainType, DataType, Family, Hook, Value, Verdict};

const BY_ETHER_TYPE: u32 = 101;
const ARP_OPERATIONS: u32 = 102;
const BY_ICMP6_TYPE: u32 = 103;
const MLD_REPORTS: u32 = 104;

const IPV4: [u8; 2] = [0x08, 0x00];
const ARP: [u8; 2] = [0x08, 0x06];
const IPV6: [u8; 2] = [0x86, 0xdd];
const TAGGED: [u8; 2] = [0x81, 0x00]; // IEEE 802.1Q
const UDP: [u8; 1] = [17];
const ICMP6: [u8; 1] = [58];

const OWN4: &[Field] = &[IifName, EtherSource, Source4];
const OWN6: &[Field] = &[IifName, EtherSource, Source6];
const OWN_ND: &[Field] = &[IifName, EtherSource, NdTarget];

pub(crate) fn plan() -> TablePlan {
    TablePlan {
        family: Family::Bridge,
        sets: Set::ALL
            .into_iter()
            .filter(|set| set.family() == Family::Bridge)
            .collect(),
        anonymous: anonymous(),
        chains: vec![
            hook(),
            port(),
            port4(),
            dhcp4(),
            arps(),
            arp4(),
            port6(),
            dhcp6(),
            icmp6(),
            ra6(),
            rs6(),
            ns6(),
            na6(),
            chain(
                "rest",
                vec![
                    rule().within(&[IifName], Set::Open).accept(),
                    rule().within(&[IifName, EtherSource], Set::Mac).accept(),
                    rule().drop(),
                ],
            ),
        ],
    }
}

fn anonymous() -> Vec<Anonymous> {
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    let goto = |key: &[u8], chain: &str| (bytes(key), Some(Verdict::Goto(chain.into())));
    let key = |key: &[u8]| (bytes(key), None);
    vec![
        Anonymous {
            id: BY_ETHER_TYPE,
            key: DataType::EtherType,
            elements: vec![
                goto(&IPV4, "port4"),
                goto(&IPV6, "port6"),
                goto(&ARP, "arps"),
            ],
        },
        Anonymous {
            id: ARP_OPERATIONS,
            key: DataType::ArpOp,
            elements: vec![key(&[0, 1]), key(&[0, 2])], // request, reply
        },
        Anonymous {
            id: BY_ICMP6_TYPE,
            key: DataType::Icmp6Type,
            // router advertisement, redirect, listener query; router and neighbour solicitation, neighbour advertisement
            elements: vec![
                goto(&[134], "ra6"),
                goto(&[137], "rest"),
                goto(&[130], "rest"),
                goto(&[133], "rs6"),
                goto(&[135], "ns6"),
                goto(&[136], "na6"),
            ],
        },
        Anonymous {
            id: MLD_REPORTS,
            key: DataType::Icmp6Type,
            elements: vec![key(&[143]), key(&[131]), key(&[132])],
        },
    ]
}

fn hook() -> ChainPlan {
    let all = base(ChainType::Filter, Hook::Prerouting, -300);
    ChainPlan {
        base: Some(all),
        ..chain("guard", vec![rule().is(IifName, *b"vtp").goto("port")])
    }
}

/// By the EtherType on the wire: a VLAN tag shows as 0x8100. What is behind one is not looked at; but in the VLAN of frames without a
/// tag (with its number in the tag, or 0) the guard would be passed by.
fn port() -> ChainPlan {
    let own = rule().is(EtherType, TAGGED);
    let own = own
        .within(&[IifName, EtherSource, VlanId], Set::Tagged)
        .accept();
    let by_type = rule().vmap(EtherType, BY_ETHER_TYPE);
    chain("port", vec![by_type, own, rule().goto("rest")])
}

fn port4() -> ChainPlan {
    let dhcp_server = rule()
        .is(L4Proto, UDP)
        .is(Ports, [0, 67, 0, 68])
        .goto("dhcp4");
    let own = ipv4().within(OWN4, Set::Src4).accept();
    let dhcp_client = ipv4()
        .is(Source4, [0; 4])
        .is(L4Proto, UDP)
        .is(Ports, [0, 68, 0, 67]);
    let dhcp_client = dhcp_client.within(&[IifName], Set::Dhcp).accept();
    chain(
        "port4",
        vec![dhcp_server, own, dhcp_client, rule().goto("rest")],
    )
}

/// Servers answer from their own addresses.
fn dhcp4() -> ChainPlan {
    let own = ipv4().within(&[IifName], Set::DhcpServer);
    let own = own.within(OWN4, Set::Src4).accept();
    chain("dhcp4", vec![own, rule().goto("rest")])
}

fn dhcp6() -> ChainPlan {
    let own = ipv6().within(&[IifName], Set::DhcpServer);
    let own = own.within(OWN6, Set::Src6).accept();
    chain("dhcp6", vec![own, rule().goto("rest")])
}

/// So do routers. What an advertisement says is not looked at: who is a router is trusted with it.
fn ra6() -> ChainPlan {
    let own = ipv6().within(&[IifName], Set::Router);
    let own = own.within(OWN6, Set::Src6).accept();
    chain("ra6", vec![own, rule().goto("rest")])
}

fn ipv4() -> Rule {
    rule().is(Protocol, IPV4)
}

fn ipv6() -> Rule {
    rule().is(Protocol, IPV6)
}

fn arp() -> Rule {
    rule().is(EtherType, ARP)
}

/// Ethernet and IPv4 with their lengths: makes the fixed offsets of `arp4` true.
fn arps() -> ChainPlan {
    let types = arp().is(ArpTypes, [0, 1, 8, 0]).is(ArpLengths, [6, 4]);
    chain(
        "arps",
        vec![
            types.one_of(ArpOperation, ARP_OPERATIONS).goto("arp4"),
            rule().goto("rest"),
        ],
    )
}

/// Sender MAC in the ARP body and on the frame both ours; probes only for our own address.
fn arp4() -> ChainPlan {
    let body = arp().within(&[IifName, ArpSenderMac, ArpSenderIp], Set::Src4);
    let own = body
        .within(&[IifName, EtherSource, ArpSenderIp], Set::Src4)
        .accept();
    let probe = arp().is(ArpOperation, [0, 1]).is(ArpSenderIp, [0; 4]);
    let own_probe = probe
        .clone()
        .within(&[IifName, EtherSource, ArpTargetIp], Set::Src4)
        .accept();
    let dhcp_probe = probe.within(&[IifName], Set::Dhcp).accept();
    chain(
        "arp4",
        vec![own, own_probe, dhcp_probe, rule().goto("rest")],
    )
}

fn port6() -> ChainPlan {
    let icmp = rule().is(L4Proto, ICMP6).goto("icmp6"); // walks extension headers
    let dhcp_server = rule()
        .is(L4Proto, UDP)
        .is(Ports, [0x02, 0x23, 0x02, 0x22])
        .goto("dhcp6"); // 547 to 546
    let own = ipv6().within(OWN6, Set::Src6).accept();
    chain("port6", vec![icmp, dhcp_server, own, rule().goto("rest")])
}

fn icmp6() -> ChainPlan {
    let by_type = rule()
        .is(EtherType, IPV6)
        .is(L4Proto, ICMP6)
        .vmap(Icmp6Type, BY_ICMP6_TYPE);
    let own = ipv6().within(OWN6, Set::Src6).accept();
    let unspecified = ipv6().is(Source6, [0; 16]).is(L4Proto, ICMP6);
    let reports = unspecified.one_of(Icmp6Type, MLD_REPORTS).accept();
    chain("icmp6", vec![by_type, own, reports, rule().goto("rest")])
}

/// Nothing but ICMPv6 of this length: no extension headers, and no options beyond those looked at.
fn whole(length: u8) -> Rule {
    ipv6().is(Length6, [0, length]).is(NextHeader6, ICMP6)
}

const SOURCE_LLADDR: [u8; 2] = [1, 1]; // type, and length in units of 8 bytes
const TARGET_LLADDR: [u8; 2] = [2, 1];

/// A router is asked by our own address; the link-layer address in it is ours, or there is none.
fn rs6() -> ChainPlan {
    let bare = whole(8).within(OWN6, Set::Src6).accept();
    let named = whole(16)
        .is(RsOption, SOURCE_LLADDR)
        .within(&[IifName, RsLladdr], Set::Lladdr);
    let named = named.within(OWN6, Set::Src6).accept();
    chain("rs6", vec![bare, named, rule().goto("rest")])
}

/// So is a neighbour; duplicates are looked for only of our own addresses.
fn ns6() -> ChainPlan {
    let detection = ipv6()
        .is(Source6, [0; 16])
        .within(OWN_ND, Set::Nd6)
        .accept();
    let bare = whole(24).within(OWN6, Set::Src6).accept();
    let named = whole(32)
        .is(NdOption, SOURCE_LLADDR)
        .within(&[IifName, NdLladdr], Set::Lladdr);
    let named = named.within(OWN6, Set::Src6).accept();
    chain("ns6", vec![named, bare, detection, rule().goto("rest")])
}

/// An advertisement may speak only for our own addresses, and name only our own link-layer address.
fn na6() -> ChainPlan {
    let own = |rule: Rule| {
        rule.within(OWN6, Set::Src6)
            .within(OWN_ND, Set::Nd6)
            .accept()
    };
    let named = whole(32)
        .is(NdOption, TARGET_LLADDR)
        .within(&[IifName, NdLladdr], Set::Lladdr);
    chain("na6", vec![own(named), own(whole(24)), rule().goto("rest")])
}
