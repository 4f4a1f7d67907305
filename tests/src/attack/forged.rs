//! What a container may not put on the wire, frame by frame, and what it may: one list, for the firewall's own tests and for the campaign.

use super::frames::*;

/// Somebody on the network 10.10.0.0/24, fd10::/64.
#[derive(Clone, Debug)]
pub struct Station {
    /// Its Ethernet address.
    pub mac: Mac,
    /// Its IPv4 address.
    pub v4: String,
    /// Its IPv6 address.
    pub v6: String,
    /// Its link-local address.
    pub link_local: String,
}

/// Who sends, and about whom.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Who sends.
    pub me: Station,
    /// Who is pretended to be.
    pub other: Station,
    /// Who is told.
    pub victim: Station,
    /// The host on the bridge.
    pub gateway: Station,
}

/// What is sent; most rows are one frame.
pub type Frames = fn(&Cast) -> Vec<Vec<u8>>;

/// A row: what it is called, and its frames.
pub type Row = (&'static str, Frames);

const NOBODY: Mac = [2, 0, 0, 0, 0x66, 0x66];

impl Cast {
    fn udp4(&self, mac: Mac, source: &str) -> Vec<u8> {
        udp(
            mac,
            self.victim.mac,
            source,
            &self.victim.v4,
            [4000, 9],
            b"row",
        )
    }

    fn udp6(&self, mac: Mac, source: &str) -> Vec<u8> {
        udp(
            mac,
            self.victim.mac,
            source,
            &self.victim.v6,
            [4000, 9],
            b"row",
        )
    }

    fn advertisement(&self) -> Vec<u8> {
        router_advertisement(self.me.mac, &self.me.link_local)
    }
}

/// By which option a row opens. `attach --unguarded` opens every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// `attach --unguarded`, and nothing else.
    Unguarded,
    /// `attach --dhcp`.
    Dhcp,
    /// `network create --dhcp-servers`.
    DhcpServers,
    /// `network create --routers`.
    Routers,
}

/// What nobody may send, by what opens it.
pub const FORGED: [(Opening, &[Row]); 4] = [
    (Opening::Unguarded, UNGUARDED),
    (Opening::Dhcp, DHCP),
    (Opening::DhcpServers, DHCP_SERVERS),
    (Opening::Routers, ROUTERS),
];

const UNGUARDED: &[Row] = &[
    ("IPv4 of a neighbour", |c| {
        vec![c.udp4(c.me.mac, &c.other.v4)]
    }),
    ("IPv4 of nobody", |c| vec![c.udp4(c.me.mac, "10.10.0.66")]),
    ("IPv4 of the outside", |c| {
        vec![c.udp4(c.me.mac, "192.0.2.2")]
    }),
    ("IPv6 of a neighbour", |c| {
        vec![c.udp6(c.me.mac, &c.other.v6)]
    }),
    ("IPv6 of nobody", |c| vec![c.udp6(c.me.mac, "fd10::66")]),
    ("MAC of nobody", |c| vec![c.udp4(NOBODY, &c.me.v4)]),
    ("MAC and IP of a neighbour", |c| {
        vec![
            c.udp4(c.other.mac, &c.other.v4),
            c.udp6(c.other.mac, &c.other.v6),
        ]
    }),
    ("VLAN 0", |c| {
        vec![
            tagged(&c.udp4(c.me.mac, &c.me.v4), 0),
            tagged(&c.udp6(c.me.mac, &c.me.v6), 0),
        ]
    }),
    ("VLAN 5", |c| vec![tagged(&c.udp4(c.me.mac, &c.me.v4), 5)]),
    ("two tags", |c| {
        vec![tagged(&tagged(&c.udp4(c.me.mac, &c.me.v4), 0), 5)]
    }),
    ("another EtherType", |c| {
        vec![ethernet(
            c.victim.mac,
            c.me.mac,
            0x88b5,
            b"a frame of our own making",
        )]
    }),
    ("ARP answer for a neighbour", |c| {
        vec![arp(c.me.mac, 2, c.me.mac, &c.other.v4, &c.victim.v4)]
    }),
    ("ARP answer for the gateway", |c| {
        vec![arp(c.me.mac, 2, c.me.mac, &c.gateway.v4, &c.victim.v4)]
    }),
    ("ARP request of a neighbour", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, &c.other.v4, &c.victim.v4)]
    }),
    ("gratuitous ARP of a neighbour", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, &c.other.v4, &c.other.v4)]
    }),
    ("ARP that names another MAC", |c| {
        vec![arp(c.me.mac, 2, NOBODY, &c.me.v4, &c.victim.v4)]
    }),
    ("ARP in VLAN 0", |c| {
        vec![tagged(
            &arp(c.me.mac, 2, c.me.mac, &c.me.v4, &c.victim.v4),
            0,
        )]
    }),
    ("ICMP redirect of the gateway", |c| {
        let inner = [
            &[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0][..],
            &[10, 10, 0, 3, 192, 0, 2, 2],
            &[0; 8],
        ]
        .concat();
        let body = [&[5, 1, 0, 0, 10, 10, 0, 2][..], &inner].concat();
        vec![ipv4(
            c.me.mac,
            c.gateway.mac,
            &c.gateway.v4,
            &c.victim.v4,
            1,
            &body,
        )]
    }),
    ("ICMPv6 redirect", |c| {
        vec![icmp6(
            c.me.mac,
            c.gateway.mac,
            &c.me.link_local,
            &c.victim.v6,
            &[&[137, 0, 0, 0, 0, 0, 0, 0][..], &[0xfd; 32]].concat(),
        )]
    }),
    ("RA in VLAN 0", |c| vec![tagged(&c.advertisement(), 0)]),
    ("DHCP server with another's address", |c| {
        vec![udp(
            c.me.mac,
            c.victim.mac,
            &c.other.v4,
            &c.victim.v4,
            [67, 68],
            b"row",
        )]
    }),
    ("DHCPv6 server with another's address", |c| {
        vec![udp(
            c.me.mac,
            c.victim.mac,
            &c.other.link_local,
            &c.victim.link_local,
            [547, 546],
            b"row",
        )]
    }),
    ("RA of the gateway", |c| {
        vec![router_advertisement(c.me.mac, &c.gateway.link_local)]
    }),
    ("RS that names another MAC", |c| {
        vec![router_solicitation(c.me.mac, &c.me.link_local, NOBODY)]
    }),
    ("NA for a neighbour", |c| {
        vec![neighbour_advertisement(
            c.me.mac,
            &c.me.v6,
            &c.other.v6,
            c.me.mac,
        )]
    }),
    ("NA of a neighbour", |c| {
        vec![neighbour_advertisement(
            c.me.mac,
            &c.other.v6,
            &c.other.v6,
            c.me.mac,
        )]
    }),
    ("NA behind options", |c| {
        vec![behind_options(&neighbour_advertisement(
            c.me.mac,
            &c.me.v6,
            &c.other.v6,
            c.me.mac,
        ))]
    }),
    ("NA that names another MAC", |c| {
        vec![neighbour_advertisement(
            c.me.mac, &c.me.v6, &c.me.v6, NOBODY,
        )]
    }),
    ("NS of a neighbour", |c| {
        vec![neighbour_solicitation(
            c.me.mac,
            &c.other.v6,
            &c.victim.v6,
            Some(c.me.mac),
        )]
    }),
    ("NS that names another MAC", |c| {
        vec![neighbour_solicitation(
            c.me.mac,
            &c.me.v6,
            &c.victim.v6,
            Some(NOBODY),
        )]
    }),
    ("NS behind options", |c| {
        vec![behind_options(&neighbour_solicitation(
            c.me.mac,
            &c.me.v6,
            &c.victim.v6,
            Some(NOBODY),
        ))]
    }),
    ("DAD for a neighbour's address", |c| {
        vec![neighbour_solicitation(c.me.mac, "::", &c.other.v6, None)]
    }),
    ("MLD query", |c| {
        vec![icmp6(
            c.me.mac,
            ALL_NODES,
            &c.me.link_local,
            "ff02::1",
            &[&[130, 0, 0, 0, 0, 0, 0, 0][..], &[0; 16]].concat(),
        )]
    }),
    ("IGMP of a neighbour", |c| {
        vec![ipv4(
            c.me.mac,
            [1, 0, 0x5e, 0, 0, 0x16],
            &c.other.v4,
            "224.0.0.22",
            2,
            &[0x22, 0, 0, 0, 0, 0, 0, 0],
        )]
    }),
];

const DHCP: &[Row] = &[
    ("DHCP request without leave", |c| {
        vec![udp(
            c.me.mac,
            BROADCAST,
            "0.0.0.0",
            "255.255.255.255",
            [68, 67],
            b"row",
        )]
    }),
    ("ARP probe of a neighbour's address", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, "0.0.0.0", &c.other.v4)]
    }),
    ("ARP probe of an offered address", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, "0.0.0.0", "10.10.0.99")]
    }),
];

const DHCP_SERVERS: &[Row] = &[
    ("DHCP server", |c| {
        vec![udp(
            c.me.mac,
            c.victim.mac,
            &c.me.v4,
            &c.victim.v4,
            [67, 68],
            b"row",
        )]
    }),
    ("DHCPv6 server", |c| {
        vec![udp(
            c.me.mac,
            c.victim.mac,
            &c.me.link_local,
            &c.victim.link_local,
            [547, 546],
            b"row",
        )]
    }),
];

const ROUTERS: &[Row] = &[
    ("RA", |c| vec![c.advertisement()]),
    ("RA behind options", |c| {
        vec![behind_options(&c.advertisement())]
    }),
];

/// What everybody sends.
pub const OWN: &[Row] = &[
    ("IPv4 and IPv6", |c| {
        vec![
            c.udp4(c.me.mac, &c.me.v4),
            c.udp6(c.me.mac, &c.me.v6),
            c.udp6(c.me.mac, &c.me.link_local),
        ]
    }),
    ("ARP request, answer, gratuitous", |c| {
        vec![
            arp(c.me.mac, 1, c.me.mac, &c.me.v4, &c.victim.v4),
            arp(c.me.mac, 2, c.me.mac, &c.me.v4, &c.victim.v4),
            arp(c.me.mac, 1, c.me.mac, &c.me.v4, &c.me.v4),
        ]
    }),
    ("ARP probe", |c| {
        vec![arp(c.me.mac, 1, c.me.mac, "0.0.0.0", &c.me.v4)]
    }),
    ("DAD", |c| {
        vec![
            neighbour_solicitation(c.me.mac, "::", &c.me.v6, None),
            neighbour_solicitation(c.me.mac, "::", &c.me.link_local, None),
        ]
    }),
    ("NS", |c| {
        vec![
            neighbour_solicitation(c.me.mac, &c.me.v6, &c.victim.v6, Some(c.me.mac)),
            neighbour_solicitation(c.me.mac, &c.me.link_local, &c.victim.v6, None),
        ]
    }),
    ("NA", |c| {
        vec![
            neighbour_advertisement(c.me.mac, &c.me.v6, &c.me.v6, c.me.mac),
            neighbour_advertisement(c.me.mac, &c.me.link_local, &c.me.v6, c.me.mac),
        ]
    }),
    ("RS", |c| {
        vec![router_solicitation(c.me.mac, &c.me.link_local, c.me.mac)]
    }),
    ("MLD report", |c| {
        let body = [143, 0, 0, 0, 0, 0, 0, 0];
        ["::", c.me.link_local.as_str()]
            .map(|source| icmp6(c.me.mac, ALL_NODES, source, "ff02::16", &body))
            .to_vec()
    }),
    ("IGMP report", |c| {
        vec![ipv4(
            c.me.mac,
            [1, 0, 0x5e, 0, 0, 0x16],
            &c.me.v4,
            "224.0.0.22",
            2,
            &[0x22, 0, 0, 0, 0, 0, 0, 0],
        )]
    }),
];
