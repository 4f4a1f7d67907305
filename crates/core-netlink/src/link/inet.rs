//! What IPv4 and IPv6 know of a link (`IFLA_AF_SPEC`), per-device IPv4 sysctls included.

use super::ifla;
use super::values::value_of;
use crate::attr::{Attr, Malformed, Writer};
use crate::object::Family;
use crate::table::{attrs, numbered};
use crate::trace::layout::attributes;
use std::net::Ipv6Addr;

attributes! {
    V4 = "" {
        IFLA_INET_CONF = 1 Settings(&Ipv4Conf::ATTRIBUTES, 1),
    }
}

attributes! {
    V6 = "" {
        IFLA_INET6_FLAGS = 1 Number,
        IFLA_INET6_CONF = 2 Settings(&Ipv6Conf::ATTRIBUTES, 0),
        IFLA_INET6_STATS = 3 Bytes,
        IFLA_INET6_CACHEINFO = 5 Bytes,
        IFLA_INET6_ICMP6STATS = 6 Bytes,
        IFLA_INET6_TOKEN = 7 Ip,
        IFLA_INET6_ADDR_GEN_MODE = 8 Named(|n| AddrGenMode::from(n as u8).name()),
    }
}

attributes! {
    /// What is inside `IFLA_AF_SPEC`.
    pub(super) FAMILIES = "" {
        AF_INET = 2 Nest(&V4),
        AF_INET6 = 10 Nest(&V6),
    }
}

attrs! {
    /// IPv4 sysctls of one link, `net.ipv4.conf.LINK.*` (ip-sysctl): set by netlink, so that a read-only /proc does not matter.
    pub struct Ipv4Conf {
        /// Packets that come in here are routed on.
        forwarding: i32 = 1,
        /// Multicast is routed (read only).
        mc_forwarding: i32 = 2,
        /// Answer ARP for what is reachable elsewhere.
        proxy_arp: i32 = 3,
        /// Believe ICMP redirects.
        accept_redirects: i32 = 4,
        /// Believe them from gateways only.
        secure_redirects: i32 = 5,
        /// Send ICMP redirects.
        send_redirects: i32 = 6,
        /// Several subnets share the medium.
        shared_media: i32 = 7,
        /// Drop what comes from where we would not send: 0 off, 1 strict, 2 loose.
        rp_filter: i32 = 8,
        /// Take packets with a source route.
        accept_source_route: i32 = 9,
        /// Log impossible addresses.
        log_martians: i32 = 11,
        /// Answer ARP only where the route goes.
        arp_filter: i32 = 13,
        /// Do not encrypt.
        disable_xfrm: i32 = 15,
        /// Without IPsec policy.
        disable_policy: i32 = 16,
        /// 0: as heard.
        force_igmp_version: i32 = 17,
        /// Which source address ARP shows, 0 to 2.
        arp_announce: i32 = 18,
        /// When not to answer ARP, 0 to 8.
        arp_ignore: i32 = 19,
        /// A secondary address takes the place of a removed primary one.
        promote_secondaries: i32 = 20,
        /// Learn from gratuitous ARP.
        arp_accept: i32 = 21,
        /// Send gratuitous ARP when up or changed.
        arp_notify: i32 = 22,
        /// Take packets from our own addresses.
        accept_local: i32 = 23,
        /// Look up the way back with the mark.
        src_valid_mark: i32 = 24,
        /// Answer ARP out of the port it came in by.
        proxy_arp_pvlan: i32 = 25,
        /// 127.0.0.0/8 may be routed.
        route_localnet: i32 = 26,
        /// Leave out routes over links without carrier.
        ignore_routes_with_linkdown: i32 = 29,
        /// Drop IPv4 unicast in layer-2 multicast.
        drop_unicast_in_l2_multicast: i32 = 30,
        /// Drop gratuitous ARP.
        drop_gratuitous_arp: i32 = 31,
        /// Route directed broadcasts.
        bc_forwarding: i32 = 32,
        /// Forget neighbours when the carrier goes.
        arp_evict_nocarrier: i32 = 33,
    }
}

attrs! {
    /// IPv6 sysctls of one link that matter here, `net.ipv6.conf.LINK.*`; only reported, not set by netlink.
    pub struct Ipv6Conf {
        /// Packets that come in here are routed on.
        forwarding: i32 = 0,
        /// Hop limit.
        hop_limit: i32 = 1,
        /// MTU.
        mtu: i32 = 2,
        /// Believe router advertisements: 0 no, 1 unless routing, 2 always.
        accept_ra: i32 = 3,
        /// Believe redirects.
        accept_redirects: i32 = 4,
        /// Make addresses from advertised prefixes.
        autoconf: i32 = 5,
        /// How often to ask whether an address is taken.
        dad_transmits: i32 = 6,
        /// Answer solicitations for others.
        proxy_ndp: i32 = 22,
        /// No IPv6 here.
        disable_ipv6: i32 = 26,
        /// Duplicate address detection: 0 off, 1 on, 2 on and strict.
        accept_dad: i32 = 27,
    }
}

numbered! {
    /// How link-local addresses are made (`IN6_ADDR_GEN_MODE_*`).
    AddrGenMode(u8), "way to make addresses" {
        /// From the MAC address.
        Eui64 = 0 "eui64",
        /// Not at all.
        None = 1 "none",
        /// From a secret (RFC 7217).
        StablePrivacy = 2 "stable_secret",
        /// From a secret that the kernel draws.
        Random = 3 "random",
    }
}

value_of! { AddrGenMode: u8; }

/// What IPv6 knows of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inet6 {
    /// How link-local addresses are made. Set it before the link goes up.
    pub addr_gen_mode: Option<AddrGenMode>,
    /// The lower 64 bits of addresses from advertised prefixes.
    pub token: Option<Ipv6Addr>,
    /// `IF_*` flags of the interface (read only).
    pub flags: Option<u32>,
    /// Sysctls (read only).
    pub conf: Option<Ipv6Conf>,
}

impl Inet6 {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let mut found = Inet6::default();
        for attr in attr.nested() {
            let attr = attr?;
            match attr.kind {
                IFLA_INET6_FLAGS => found.flags = Some(attr.u32()?),
                IFLA_INET6_CONF => found.conf = Some(array(&attr, 0, Ipv6Conf::read)?),
                IFLA_INET6_TOKEN => found.token = token(&attr)?,
                IFLA_INET6_ADDR_GEN_MODE => found.addr_gen_mode = Some(attr.u8()?.into()),
                _ => {}
            }
        }
        Ok(found)
    }

    fn write(&self, w: &mut Writer<'_>) {
        if let Some(mode) = self.addr_gen_mode {
            w.u8(IFLA_INET6_ADDR_GEN_MODE, mode.number());
        }
        if let Some(token) = self.token {
            w.bytes(IFLA_INET6_TOKEN, &token.octets());
        }
    }
}

/// The kernel reports zeros for none.
fn token(attr: &Attr<'_>) -> Result<Option<Ipv6Addr>, Malformed> {
    let token = Ipv6Addr::from(attr.array::<16>()?);
    Ok(Some(token).filter(|token| !token.is_unspecified()))
}

/// Both families.
#[derive(Default)]
pub(super) struct Families {
    pub(super) ipv4: Option<Ipv4Conf>,
    pub(super) inet6: Option<Inet6>,
}

/// Writes `IFLA_AF_SPEC`, unless nothing is asked for.
pub(super) fn encode(ipv4: Option<&Ipv4Conf>, inet6: Option<&Inet6>, w: &mut Writer<'_>) {
    if ipv4.is_none() && inet6.is_none() {
        return;
    }
    w.nest_unmarked(ifla::AF_SPEC, |w| {
        if let Some(conf) = ipv4 {
            w.nest_unmarked(Family::V4.number().into(), |w| {
                w.nest_unmarked(IFLA_INET_CONF, |w| conf.encode(w));
            });
        }
        if let Some(inet6) = inet6 {
            w.nest_unmarked(Family::V6.number().into(), |w| inet6.write(w));
        }
    });
}

/// Reads `IFLA_AF_SPEC`.
pub(super) fn decode(spec: &Attr<'_>) -> Result<Families, Malformed> {
    let mut found = Families::default();
    for family in spec.nested() {
        let family = family?;
        match u8::try_from(family.kind).map(Family::from) {
            Ok(Family::V4) => {
                let conf = family.nested().find(IFLA_INET_CONF)?;
                let conf = conf.map(|conf| array(&conf, 1, Ipv4Conf::read));
                found.ipv4 = conf.transpose()?;
            }
            Ok(Family::V6) => found.inet6 = Some(Inet6::read(&family)?),
            _ => {}
        }
    }
    Ok(found)
}

/// The kernel is told attributes and reports an array, whose first element is attribute `first`.
fn array<T: Default>(
    attr: &Attr<'_>,
    first: u16,
    read: impl Fn(&mut T, &Attr<'_>) -> Result<bool, Malformed>,
) -> Result<T, Malformed> {
    let mut found = T::default();
    for (kind, value) in (first..).zip(attr.value.chunks_exact(4)) {
        read(&mut found, &Attr { kind, value })?;
    }
    Ok(found)
}
