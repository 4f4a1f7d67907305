//! What addresses, routes, rules and neighbours have in common: a family, a pair of message types, and verbs.
//!
//! One [`Change`] serves them all, so that a batch can be made of any of them.

use crate::attr::{Malformed, Writer};
use crate::conn::{Query, Record, Request};
use crate::table::numbered;
use crate::wire::Flags;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use nix::libc;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

numbered! {
    /// An address family (`AF_*` of sys/socket.h).
    Family(u8), "address family" {
        /// Any.
        Unspec = 0 "unspec",
        /// IPv4.
        V4 = 2 "inet",
        /// Ethernet bridges.
        Bridge = 7 "bridge",
        /// IPv6.
        V6 = 10 "inet6",
        /// Labels (RFC 3032).
        Mpls = 28 "mpls",
    }
}

const _: () = assert!(libc::AF_INET6 == 10 && libc::AF_BRIDGE == 7 && libc::AF_MPLS == 28);

impl Family {
    /// That of an address.
    pub const fn of(ip: IpAddr) -> Family {
        match ip {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// The name of a number, if it has one.
    pub(crate) fn name_of(number: u32) -> Option<&'static str> {
        Family::from(u8::try_from(number).ok()?).name()
    }

    /// The destination of a default route for the family of an address: `0.0.0.0/0` or `::/0`.
    pub fn everywhere(like: IpAddr) -> IpNet {
        match like {
            IpAddr::V4(_) => Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0).into(),
            IpAddr::V6(_) => Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0).into(),
        }
    }

    /// The address of zeros, for IPv4 and IPv6.
    pub const fn unspecified(self) -> Option<IpAddr> {
        match self {
            Family::V4 => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            Family::V6 => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
            _ => None,
        }
    }
}

/// What to do with an object; the words and meaning of `ip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// Make it; an error if it is there.
    Add,
    /// Make it, in place of the one that is there.
    Replace,
    /// In place of the one that is there; an error if there is none.
    Change,
    /// Make it, behind others of the same key.
    Append,
    /// Make it, before others of the same key.
    Prepend,
    /// Remove it.
    Delete,
}

impl Verb {
    fn flags(self) -> Flags {
        match self {
            Verb::Add => Flags::CREATE | Flags::EXCL,
            Verb::Replace => Flags::CREATE | Flags::REPLACE,
            Verb::Change => Flags::REPLACE,
            Verb::Append => Flags::CREATE | Flags::APPEND,
            Verb::Prepend => Flags::CREATE,
            Verb::Delete => Flags::NONE,
        }
    }

    /// As in "cannot add".
    pub const fn word(self) -> &'static str {
        match self {
            Verb::Add => "add",
            Verb::Replace => "replace",
            Verb::Change => "change",
            Verb::Append => "append",
            Verb::Prepend => "prepend",
            Verb::Delete => "delete",
        }
    }

    pub(crate) const fn preposition(self) -> &'static str {
        match self {
            Verb::Delete => "from",
            Verb::Change | Verb::Replace => "on",
            _ => "to",
        }
    }
}

/// The description of an object that a pair of messages makes and removes.
pub trait Object {
    /// What the kernel reports of it.
    type Record: Record;
    /// `RTM_NEW*`.
    const NEW: u16;
    /// `RTM_DEL*`.
    const DELETE: u16;

    /// Writes header and attributes; what is not said gets the value that fits the verb.
    fn encode(&self, verb: Verb, w: &mut Writer<'_>);

    /// Completes "cannot ...".
    fn what(&self, verb: Verb) -> String;

    /// Why it must not be sent: fields that contradict each other, which the kernel would misread.
    fn check(&self, _: Verb) -> Result<(), String> {
        Ok(())
    }
}

impl<O: Object + ?Sized> Object for &O {
    type Record = O::Record;
    const NEW: u16 = O::NEW;
    const DELETE: u16 = O::DELETE;

    fn encode(&self, verb: Verb, w: &mut Writer<'_>) {
        (**self).encode(verb, w);
    }

    fn what(&self, verb: Verb) -> String {
        (**self).what(verb)
    }

    fn check(&self, verb: Verb) -> Result<(), String> {
        (**self).check(verb)
    }
}

/// A request about one object: a verb and its description, owned or borrowed.
///
/// ```no_run
/// use core_netlink::{Conn, Protocol, Change, route::RouteSpec};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// let via = Some("10.1.1.1".parse()?);
/// let routes = [
///     RouteSpec { destination: "10.2.0.0/16".parse()?, gateway: via, ..RouteSpec::default() },
///     RouteSpec { destination: "10.3.0.0/16".parse()?, gateway: via, ..RouteSpec::default() },
/// ];
/// let failed = conn.batch(routes.iter().map(Change::add))?;
/// assert!(failed.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<O> {
    verb: Verb,
    object: O,
}

impl<O: Object> Change<O> {
    /// Do `verb` to `object`.
    pub const fn new(verb: Verb, object: O) -> Self {
        Change { verb, object }
    }

    /// Make it; an error if it is there.
    pub const fn add(object: O) -> Self {
        Change::new(Verb::Add, object)
    }

    /// Make it, in place of the one that is there.
    pub const fn replace(object: O) -> Self {
        Change::new(Verb::Replace, object)
    }

    /// Make it, behind others of the same key.
    pub const fn append(object: O) -> Self {
        Change::new(Verb::Append, object)
    }

    /// Remove it.
    pub const fn delete(object: O) -> Self {
        Change::new(Verb::Delete, object)
    }
}

impl<O: Object> Request for Change<O> {
    fn kind(&self) -> u16 {
        match self.verb {
            Verb::Delete => O::DELETE,
            _ => O::NEW,
        }
    }

    fn flags(&self) -> Flags {
        self.verb.flags()
    }

    fn encode(&self, w: &mut Writer<'_>) {
        self.object.encode(self.verb, w);
    }

    fn what(&self) -> String {
        self.object.what(self.verb)
    }

    fn check(&self) -> Result<(), String> {
        self.object.check(self.verb)
    }
}

impl<O: Object> Query for Change<O> {
    type Record = O::Record;
}

/// An address and its length as a prefix of its family, as headers have them.
pub(crate) fn prefix(ip: IpAddr, len: u8) -> Result<crate::Prefix, Malformed> {
    let most = if ip.is_ipv4() { 32 } else { 128 };
    crate::Prefix::new(ip, len)
        .map_err(|_| Malformed::new("prefix length in bits", most, len.into()))
}
