//! Addresses of links (`RTM_*ADDR`, linux/if_addr.h).

#[cfg(test)]
mod tests;

use crate::attr::{Attr, Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::object::{Change, Family, Object, Verb, prefix};
use crate::table::{bits, numbered};
use crate::trace::layout::{Field, Fixed, Shape, attributes, messages};
use crate::types::{IfIndex, IfName, Prefix};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

messages! {
    pub(crate) MESSAGES = "", HEADER, ATTRIBUTES {
        RTM_NEWADDR = 20,
        RTM_DELADDR = 21,
        RTM_GETADDR = 22,
    }
}

attributes! {
    ATTRIBUTES = "" {
        IFA_ADDRESS = 1 Ip,
        IFA_LOCAL = 2 Ip,
        IFA_LABEL = 3 Text,
        IFA_BROADCAST = 4 Ip,
        IFA_CACHEINFO = 6 Bytes,
        IFA_FLAGS = 8 Bits(|bits| AddressFlags::from_bits(bits).names().collect()),
        IFA_RT_PRIORITY = 9 Number,
        IFA_PROTO = 11 Named(|n| AddressProtocol::from(n as u8).name()),
    }
}

/// `struct ifaddrmsg`.
static HEADER: Fixed = Fixed {
    size: 8,
    fields: &[
        Field("family", 0, 1, Shape::Named(Family::name_of)),
        Field("prefixlen", 1, 1, Shape::Number),
        Field("scope", 3, 1, Shape::Named(|n| Scope::from(n as u8).name())),
        Field("index", 4, 4, Shape::Number),
    ],
};

numbered! {
    /// How far an address or a route reaches (`RT_SCOPE_*`).
    Scope(u8), "scope" {
        /// Everywhere.
        Global = 0 "global",
        /// This site (IPv6, historical).
        Site = 200 "site",
        /// This link.
        Link = 253 "link",
        /// This host.
        Host = 254 "host",
        /// Nowhere: a destination that does not exist.
        Nowhere = 255 "nowhere",
    }
}

numbered! {
    /// Who set an address (`IFAPROT_*`; Linux 5.18).
    AddressProtocol(u8), "address protocol" {
        /// Not said.
        Unspec = 0 "unspec",
        /// The kernel, on loopback.
        KernelLo = 1 "kernel_lo",
        /// The kernel, from a router's announcement.
        KernelRa = 2 "kernel_ra",
        /// The kernel, link-local.
        KernelLl = 3 "kernel_ll",
    }
}

bits! {
    /// What an address is and how it is treated (`IFA_F_*`).
    AddressFlags(u32) {
        /// IPv4: of a subnet that another address was given first; IPv6: temporary (RFC 8981).
        SECONDARY = 0x01 "secondary",
        /// Usable at once, without duplicate address detection.
        NODAD = 0x02 "nodad",
        /// Usable while duplicate address detection runs.
        OPTIMISTIC = 0x04 "optimistic",
        /// Somebody else has it.
        DADFAILED = 0x08 "dadfailed",
        /// A home address (RFC 6275).
        HOME = 0x10 "home",
        /// Not for new connections: its preferred lifetime is over.
        DEPRECATED = 0x20 "deprecated",
        /// Duplicate address detection runs.
        TENTATIVE = 0x40 "tentative",
        /// Without an end to its lifetime.
        PERMANENT = 0x80 "permanent",
        /// The kernel makes temporary addresses from it.
        MANAGETEMPADDR = 0x100 "mngtmpaddr",
        /// Without a route to its subnet.
        NOPREFIXROUTE = 0x200 "noprefixroute",
        /// Joins the multicast group that it is.
        AUTOJOIN = 0x400 "autojoin",
        /// Made from a secret (RFC 7217).
        STABLE_PRIVACY = 0x800 "stable-privacy",
    }
}

/// Remaining lifetimes in seconds; [`Lifetimes::FOREVER`] has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Until it is removed.
    pub valid: u32,
    /// Until it is no longer used for new connections; at most `valid`.
    pub preferred: u32,
}

impl Lifetimes {
    /// Never ends.
    pub const FOREVER: u32 = u32::MAX;
}

/// Which broadcast address an IPv4 address gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Broadcast {
    /// None; what `ip` does unless told.
    #[default]
    None,
    /// The last address of the subnet, if that has room for one (up to /30); what `ifconfig` does.
    Computed,
    /// This one.
    Address(Ipv4Addr),
}

/// An address as asked for.
///
/// ```no_run
/// use core_netlink::{Conn, IfIndex, Protocol, addr::AddressSpec};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// let address = "10.0.0.1/24".parse()?;
/// conn.add_address(&AddressSpec { link: IfIndex(3), address, ..AddressSpec::default() })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSpec {
    /// On which link.
    pub link: IfIndex,
    /// The address and the length of its subnet (with `peer`: the length of the peer's).
    pub address: Prefix,
    /// The address at the other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// IPv4 only.
    pub broadcast: Broadcast,
    /// IPv4 only: an alias such as `eth0:1`; begins with the link's name.
    pub label: Option<IfName>,
    /// Host for loopback addresses and global for others unless given.
    pub scope: Option<Scope>,
    /// Such as [`AddressFlags::NODAD`].
    pub flags: AddressFlags,
    /// Without end unless given.
    pub lifetimes: Option<Lifetimes>,
    /// The metric of the subnet's route.
    pub metric: Option<u32>,
    /// Who sets it.
    pub protocol: Option<AddressProtocol>,
}

impl AddressSpec {
    fn scope(&self) -> Scope {
        let loopback = self.address.addr().is_loopback();
        let default = if loopback { Scope::Host } else { Scope::Global };
        self.scope.unwrap_or(default)
    }

    fn broadcast(&self) -> Option<IpAddr> {
        match self.broadcast {
            Broadcast::None => None,
            Broadcast::Computed
                if self.address.addr().is_ipv4() && self.address.prefix_len() <= 30 =>
            {
                Some(self.address.broadcast())
            }
            Broadcast::Computed => None,
            Broadcast::Address(address) => Some(address.into()),
        }
    }
}

impl Object for AddressSpec {
    type Record = Address;
    const NEW: u16 = RTM_NEWADDR;
    const DELETE: u16 = RTM_DELADDR;

    fn encode(&self, _: Verb, w: &mut Writer<'_>) {
        let local = self.address.addr();
        header(
            w,
            Family::of(local),
            self.address.prefix_len(),
            self.scope(),
            self.link,
        );
        w.ip(IFA_LOCAL, local);
        w.ip(IFA_ADDRESS, self.peer.unwrap_or(local));
        if let Some(broadcast) = self.broadcast() {
            w.ip(IFA_BROADCAST, broadcast);
        }
        if let Some(label) = &self.label {
            w.str(IFA_LABEL, label);
        }
        if !self.flags.is_empty() {
            w.u32(IFA_FLAGS, self.flags.bits());
        }
        if let Some(lifetimes) = self.lifetimes {
            w.bytes(IFA_CACHEINFO, &cache_info(lifetimes));
        }
        if let Some(metric) = self.metric {
            w.u32(IFA_RT_PRIORITY, metric);
        }
        if let Some(protocol) = self.protocol {
            w.u8(IFA_PROTO, protocol.number());
        }
    }

    fn what(&self, verb: Verb) -> String {
        let (word, preposition) = (verb.word(), verb.preposition());
        format!(
            "{word} address {} {preposition} link {}",
            self.address, self.link
        )
    }

    fn check(&self, _: Verb) -> Result<(), String> {
        let v4 = self.address.addr().is_ipv4();
        if let Some(peer) = self.peer.filter(|peer| peer.is_ipv4() != v4) {
            return Err(format!("peer {peer} is of another address family"));
        }
        if !v4 && (self.label.is_some() || matches!(self.broadcast, Broadcast::Address(_))) {
            return Err("an IPv6 address has no label and no broadcast address".into());
        }
        match self.lifetimes {
            Some(Lifetimes { valid: 0, .. }) => Err("a valid lifetime of 0 seconds".into()),
            Some(Lifetimes { valid, preferred }) if preferred > valid => Err(format!(
                "preferred lifetime {preferred} is longer than valid lifetime {valid}"
            )),
            _ => Ok(()),
        }
    }
}

/// `struct ifaddrmsg`.
fn header(w: &mut Writer<'_>, family: Family, len: u8, scope: Scope, link: IfIndex) {
    let [a, b, c, d] = link.0.to_ne_bytes();
    w.raw(&[family.number(), len, 0, scope.number(), a, b, c, d]);
}

/// `struct ifa_cacheinfo`, of which the kernel reads the first half.
fn cache_info(lifetimes: Lifetimes) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&lifetimes.preferred.to_ne_bytes());
    bytes[4..8].copy_from_slice(&lifetimes.valid.to_ne_bytes());
    bytes
}

/// An address as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Address {
    /// On which link.
    pub link: IfIndex,
    /// The address and the length of its subnet (with `peer`: the length of the peer's).
    pub address: Prefix,
    /// The address at the other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// IPv4 only.
    pub broadcast: Option<Ipv4Addr>,
    /// IPv4 only: the link's name, or an alias such as `eth0:1`.
    pub label: Option<IfName>,
    /// How far it reaches.
    pub scope: Scope,
    /// What it is and how it is treated.
    pub flags: AddressFlags,
    /// What remains of its lifetimes.
    pub lifetimes: Option<Lifetimes>,
    /// When it was made, in hundredths of a second after boot.
    pub created: Option<u32>,
    /// When it was last changed, in hundredths of a second after boot.
    pub updated: Option<u32>,
    /// The metric of the subnet's route.
    pub metric: Option<u32>,
    /// Who set it.
    pub protocol: Option<AddressProtocol>,
}

impl Address {
    /// Its family.
    pub fn family(&self) -> Family {
        Family::of(self.address.addr())
    }

    /// What makes the same address again; labels and broadcast addresses included.
    pub fn to_spec(&self) -> AddressSpec {
        let temporary = AddressFlags::SECONDARY | AddressFlags::TENTATIVE | AddressFlags::DADFAILED;
        let computed = temporary | AddressFlags::PERMANENT | AddressFlags::DEPRECATED;
        AddressSpec {
            link: self.link,
            address: self.address,
            peer: self.peer,
            broadcast: self.broadcast.map_or(Broadcast::None, Broadcast::Address),
            label: self.label,
            scope: Some(self.scope),
            flags: self.flags.without(computed),
            lifetimes: self.lifetimes.map(|lifetimes| self.as_asked(lifetimes)),
            metric: self.metric,
            protocol: self.protocol,
        }
    }

    /// Of a permanent address the kernel says that it is preferred forever, though it be deprecated.
    fn as_asked(&self, lifetimes: Lifetimes) -> Lifetimes {
        match self.flags.contains(AddressFlags::DEPRECATED) {
            true => Lifetimes {
                preferred: 0,
                ..lifetimes
            },
            false => lifetimes,
        }
    }

    fn read(&mut self, attr: Attr<'_>, seen: &mut Seen) -> Result<(), Malformed> {
        match attr.kind {
            IFA_LOCAL => seen.local = Some(attr.ip()?),
            IFA_ADDRESS => seen.address = Some(attr.ip()?),
            IFA_BROADCAST => self.broadcast = Some(attr.array::<4>()?.into()),
            IFA_LABEL => self.label = Some(IfName::from_kernel(attr.until_zero())),
            IFA_FLAGS => self.flags = AddressFlags::from_bits(attr.u32()?),
            IFA_CACHEINFO => self.read_cache_info(attr.array()?),
            IFA_RT_PRIORITY => self.metric = Some(attr.u32()?),
            IFA_PROTO => self.protocol = Some(attr.u8()?.into()),
            _ => {}
        }
        Ok(())
    }

    fn read_cache_info(&mut self, bytes: [u8; 16]) {
        let word = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let (preferred, valid) = (word(0), word(4));
        self.lifetimes = Some(Lifetimes { valid, preferred });
        (self.created, self.updated) = (Some(word(8)), Some(word(12)));
    }
}

/// The two addresses of a message; which is whose depends on whether there is a peer.
#[derive(Default)]
struct Seen {
    local: Option<IpAddr>,
    address: Option<IpAddr>,
}

impl Record for Address {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, RTM_NEWADDR | RTM_DELADDR) {
            return Ok(None);
        }
        let ([family, len, flags, scope, index @ ..], attrs) = split_header::<8>(body, "address")?;
        let Some(zeros) = Family::from(family).unspecified() else {
            return Ok(None);
        };
        let mut found = Address {
            link: IfIndex(u32::from_ne_bytes(index)),
            address: prefix(zeros, 0)?,
            peer: None,
            broadcast: None,
            label: None,
            scope: scope.into(),
            flags: AddressFlags::from_bits(flags.into()),
            lifetimes: None,
            created: None,
            updated: None,
            metric: None,
            protocol: None,
        };
        let mut seen = Seen::default();
        for attr in attrs {
            found.read(attr?, &mut seen)?;
        }
        let missing = Malformed::new("address without IFA_LOCAL and IFA_ADDRESS", 4, 0);
        let local = seen.local.or(seen.address).ok_or(missing)?;
        found.address = prefix(local, len)?;
        found.peer = seen.address.filter(|&peer| peer != local);
        Ok(Some(found))
    }
}

/// Which addresses to list; all unless restricted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressFilter {
    /// Of one family.
    pub family: Option<Family>,
    /// Of one link. The kernel answers ENODEV for a link that is not there.
    pub link: Option<IfIndex>,
}

impl Request for AddressFilter {
    fn kind(&self) -> u16 {
        RTM_GETADDR
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let family = self.family.unwrap_or(Family::Unspec);
        header(w, family, 0, Scope::Global, self.link.unwrap_or_default());
    }

    fn what(&self) -> String {
        format!("list addresses{self}")
    }
}

impl fmt::Display for AddressFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.link {
            Some(link) => write!(f, " of link {link}"),
            None => Ok(()),
        }
    }
}

impl Query for AddressFilter {
    type Record = Address;
}

impl Conn {
    /// Gives a link an address; an error for which `is_exists` holds if it has it.
    pub fn add_address(&mut self, spec: &AddressSpec) -> Result<()> {
        self.change(&Change::add(spec))
    }

    /// Gives a link an address, or changes flags, lifetimes and metric of the one it has.
    pub fn replace_address(&mut self, spec: &AddressSpec) -> Result<()> {
        self.change(&Change::replace(spec))
    }

    /// Takes an address away; found by link, address, length, peer and, if given, label.
    pub fn delete_address(&mut self, spec: &AddressSpec) -> Result<()> {
        self.change(&Change::delete(spec))
    }

    /// Every address that passes the filter.
    pub fn addresses(&mut self, filter: &AddressFilter) -> Result<Vec<Address>> {
        self.dump(filter)
    }
}
