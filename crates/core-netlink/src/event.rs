//! Notices: what the kernel tells of changes, as typed events.
//!
//! ```no_run
//! use core_netlink::event::{Event, Events, Fate, Group};
//! # fn main() -> core_netlink::Result<()> {
//! let mut events = Events::open(&[Group::Link, Group::Ipv4Address])?;
//! while let Some(event) = events.wait(None)? {
//!     match event {
//!         Event::Link(Fate::Gone, link) => drop(link.name),
//!         Event::Resync => {} // read everything again
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use crate::addr::Address;
use crate::attr::Malformed;
use crate::conn::{Conn, Notice, Record};
use crate::error::{Cause, Error, Result};
use crate::fdb::FdbEntry;
use crate::link::Link;
use crate::neigh::Neighbour;
use crate::nft;
use crate::nsid::NsIdRecord;
use crate::object::Family;
use crate::route::Route;
use crate::rule::Rule;
use crate::socket::Protocol;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// What to be told of (`RTNLGRP_*` of linux/rtnetlink.h, `NFNLGRP_*` of linux/netfilter/nfnetlink.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Group {
    /// Links and the ports of bridges.
    Link,
    /// Neighbours, proxies and forwarding entries.
    Neighbour,
    /// IPv4 addresses.
    Ipv4Address,
    /// IPv6 addresses.
    Ipv6Address,
    /// IPv4 routes.
    Ipv4Route,
    /// IPv6 routes.
    Ipv6Route,
    /// IPv4 rules.
    Ipv4Rule,
    /// IPv6 rules.
    Ipv6Rule,
    /// Numbers of namespaces.
    NsId,
    /// Generations of the nf_tables ruleset. Not together with the others: another part of the kernel.
    Ruleset,
}

impl Group {
    /// All but [`Group::Ruleset`].
    pub const ROUTE: [Group; 9] = [
        Group::Link,
        Group::Neighbour,
        Group::Ipv4Address,
        Group::Ipv6Address,
        Group::Ipv4Route,
        Group::Ipv6Route,
        Group::Ipv4Rule,
        Group::Ipv6Rule,
        Group::NsId,
    ];

    fn number(self) -> u32 {
        match self {
            Group::Link => 1,
            Group::Neighbour => 3,
            Group::Ipv4Address => 5,
            Group::Ipv4Route => 7,
            Group::Ipv4Rule => 8,
            Group::Ipv6Address => 9,
            Group::Ipv6Route => 11,
            Group::Ipv6Rule => 19,
            Group::NsId => 28,
            Group::Ruleset => 7, // NFNLGRP_NFTABLES
        }
    }

    fn protocol(self) -> Protocol {
        match self {
            Group::Ruleset => Protocol::Netfilter,
            _ => Protocol::Route,
        }
    }
}

/// Whether the object is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Made or changed.
    New,
    /// Removed.
    Gone,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Of a link.
    Link(Fate, Box<Link>),
    /// Of a link as the port of a bridge; gone: it is no port any more. Few fields of the link are there.
    BridgePort(Fate, Box<Link>),
    /// Of an address.
    Address(Fate, Address),
    /// Of a route.
    Route(Fate, Box<Route>),
    /// Of a rule.
    Rule(Fate, Box<Rule>),
    /// Of a neighbour or a proxy.
    Neighbour(Fate, Neighbour),
    /// Of a forwarding entry.
    Fdb(Fate, FdbEntry),
    /// Of the number of a namespace.
    NsId(Fate, NsIdRecord),
    /// The nf_tables ruleset was changed.
    Ruleset(nft::Generation),
    /// Notices were lost: read everything again.
    Resync,
}

/// rtnetlink numbers its messages by fours: new, delete, get, set.
fn fate(kind: u16) -> Fate {
    if kind % 4 == 1 { Fate::Gone } else { Fate::New }
}

impl Record for Event {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let fate = fate(kind);
        let of_bridge = body.first() == Some(&Family::Bridge.number());
        if let Some(link) = Link::decode(kind, body)?.map(Box::new) {
            return Ok(Some(match of_bridge {
                true => Event::BridgePort(fate, link),
                false => Event::Link(fate, link),
            }));
        }
        if let Some(address) = Address::decode(kind, body)? {
            return Ok(Some(Event::Address(fate, address)));
        }
        if let Some(route) = Route::decode(kind, body)? {
            return Ok(Some(Event::Route(fate, Box::new(route))));
        }
        if let Some(rule) = Rule::decode(kind, body)? {
            return Ok(Some(Event::Rule(fate, Box::new(rule))));
        }
        if let Some(neighbour) = Neighbour::decode(kind, body)? {
            return Ok(Some(Event::Neighbour(fate, neighbour)));
        }
        if let Some(entry) = FdbEntry::decode(kind, body)? {
            return Ok(Some(Event::Fdb(fate, entry)));
        }
        if let Some(id) = NsIdRecord::decode(kind, body)? {
            return Ok(Some(Event::NsId(fate, id)));
        }
        let generation = nft::Generation::decode(kind, body)?;
        Ok(generation.map(Event::Ruleset))
    }
}

/// A subscription, in the namespace it was opened in.
#[derive(Debug)]
pub struct Events {
    conn: Conn,
    waiting: VecDeque<(Event, u32)>,
    sender: u32,
}

const BUFFER: usize = 1 << 20; // some thousand notices

impl Events {
    /// Subscribes, in the network namespace of the calling thread.
    pub fn open(groups: &[Group]) -> Result<Events> {
        let protocol = groups
            .first()
            .map_or(Protocol::Route, |group| group.protocol());
        Events::on(Conn::open(protocol)?, groups)
    }

    /// Subscribes on a connection that serves nothing else, opened in whichever namespace.
    pub fn on(mut conn: Conn, groups: &[Group]) -> Result<Events> {
        let ruleset = groups.contains(&Group::Ruleset);
        if ruleset && groups.iter().any(|group| *group != Group::Ruleset) {
            let why = "notices of the ruleset come over a connection of their own";
            return Err(Error::invalid("subscribe to notices", why));
        }
        conn.set_receive_buffer(BUFFER)?;
        for group in groups {
            conn.join(group.number())?;
        }
        Ok(Events {
            conn,
            waiting: VecDeque::new(),
            sender: 0,
        })
    }

    /// The next event, if one is there.
    pub fn try_next(&mut self) -> Result<Option<Event>> {
        while self.waiting.is_empty() {
            let Some(notices) = self.conn.try_next()? else {
                return Ok(None);
            };
            let events = notices.into_iter().map(|notice| match notice {
                Notice::Record { record, sender, .. } => (record, sender),
                Notice::Resync => (Event::Resync, 0),
            });
            self.waiting.extend(events);
        }
        let next = self.waiting.pop_front();
        self.sender = next.as_ref().map_or(0, |(_, sender)| *sender);
        Ok(next.map(|(event, _)| event))
    }

    /// The socket whose request caused the last event, where the kernel tells (of addresses it does, of links it does not): the number
    /// of its process, unless that has several sockets.
    pub fn sender(&self) -> Option<u32> {
        Some(self.sender).filter(|sender| *sender != 0)
    }

    /// The next event; `None` when the time is over. Without a limit it waits for ever.
    pub fn wait(&mut self, limit: Option<Duration>) -> Result<Option<Event>> {
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            if let Some(event) = self.try_next()? {
                return Ok(Some(event));
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            self.poll(left)?;
        }
    }

    /// Rounded up to milliseconds, so that a short rest is not spent spinning.
    fn poll(&self, left: Option<Duration>) -> Result<()> {
        let millis = left.map(|left| left.as_micros().div_ceil(1000));
        let limit = millis.map_or(PollTimeout::NONE, |millis| {
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        });
        let mut fds = [PollFd::new(self.conn.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, limit) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(err) => Err(Error::new(
                "wait for notices of the kernel",
                Cause::Socket(err.into()),
            )),
        }
    }
}

/// To poll together with others; readable when [`Events::try_next`] may have something.
impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.conn.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    /// A link of family `family`, number 4, name `vt0`.
    fn link(family: u8) -> Vec<u8> {
        hex(&format!(
            "{family:02x} 00 01 00  04 00 00 00  00 00 00 00  00 00 00 00 # struct ifinfomsg
             08 00 03 00  76 74 30 00 # IFLA_IFNAME"
        ))
    }

    #[test]
    fn a_port_that_leaves_its_bridge_is_no_link_that_is_gone() {
        let read = |kind, family| Event::decode(kind, &link(family)).unwrap().unwrap();
        assert!(matches!(read(16, 0), Event::Link(Fate::New, _)));
        assert!(matches!(read(17, 0), Event::Link(Fate::Gone, _)));
        assert!(matches!(read(17, 7), Event::BridgePort(Fate::Gone, _)));
    }

    #[test]
    fn each_object_becomes_its_event() {
        let address = hex("02 18 80 00  04 00 00 00 # struct ifaddrmsg
             08 00 02 00  0a 00 00 01 # IFA_LOCAL
             08 00 01 00  0a 00 00 01 # IFA_ADDRESS");
        let event = Event::decode(21, &address).unwrap();
        assert!(matches!(event, Some(Event::Address(Fate::Gone, _))));
        let generation = hex("00 00 00 00 # struct nfgenmsg
             08 00 01 00  00 00 00 07 # NFTA_GEN_ID, big-endian
             08 00 02 00  00 00 12 67 # NFTA_GEN_PROC_PID, big-endian
             08 00 03 00  6e 66 74 00 # NFTA_GEN_PROC_NAME");
        let event = Event::decode(0x0a0f, &generation).unwrap();
        let Some(Event::Ruleset(found)) = event else {
            panic!("{event:?}");
        };
        let who = (found.pid, found.process.as_deref());
        assert_eq!((found.id, who), (7, (Some(4711), Some("nft"))));
        assert_eq!(Event::decode(0x7777, &address).unwrap(), None);
    }

    #[test]
    fn the_ruleset_needs_a_connection_of_its_own() {
        let err = Events::open(&[Group::Ruleset, Group::Link]).unwrap_err();
        assert!(err.is_invalid(), "{err}");
    }

    #[test]
    fn nothing_comes_from_a_silent_kernel() {
        let silent = Conn::fake(|_| crate::fake::Reply::Silence);
        let mut events = Events::on(silent, &Group::ROUTE).unwrap();
        assert_eq!(events.wait(Some(Duration::ZERO)).unwrap(), None);
    }
}
