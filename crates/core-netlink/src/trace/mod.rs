//! Looking on: every datagram of a connection, as it is sent and received, in a form for people.
//!
//! Off unless somebody asks for it with [`observe`]; a connection then costs one branch more for each datagram.
//!
//! ```
//! use core_netlink::{Conn, IfIndex, fake::Reply, link::{DeleteLink, LinkRef}, trace};
//! use std::sync::mpsc;
//! let (tell, told) = mpsc::sync_channel(9);
//! trace::observe(move |traffic| tell.send(traffic.to_string()).unwrap());
//! let mut conn = Conn::fake(|_| Reply::Errno(19)).called(|| "web".to_owned());
//! conn.change(&DeleteLink(LinkRef::Index(IfIndex(7)))).unwrap_err();
//! assert_eq!(told.recv().unwrap(), "netlink route in web > #1 RTM_DELLINK ack: family unspec, index 7\n");
//! assert_eq!(told.recv().unwrap(), "netlink route in web < #1 error ENODEV (No such device)\n");
//! ```

pub(crate) mod layout;
mod print;
#[cfg(test)]
mod tests;

use crate::socket::Protocol;
use std::fmt;
use std::sync::{Arc, OnceLock};

type Observer = dyn Fn(&Traffic<'_>) + Send + Sync;

static OBSERVER: OnceLock<Arc<Observer>> = OnceLock::new();

/// Calls `observer` with everything that is sent and received by connections opened from now on. Once per process: false if it was said
/// before. The observer must not use such a connection itself.
pub fn observe(observer: impl Fn(&Traffic<'_>) + Send + Sync + 'static) -> bool {
    OBSERVER.set(Arc::new(observer)).is_ok()
}

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the kernel.
    Sent,
    /// From the kernel.
    Received,
}

/// One datagram. `{}` prints a line for each message of it: what it is, flags, and its header; `{:#}` also each attribute.
///
/// Attributes that have no name here are printed by number. Words that come from outside are escaped.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Traffic<'a> {
    /// Of which connection.
    pub protocol: Protocol,
    /// What the connection was called, such as the namespace it is in; empty if nothing.
    pub name: &'a str,
    /// Which way.
    pub direction: Direction,
    /// Its bytes.
    pub datagram: &'a [u8],
    /// The last datagram that was sent, to which this may answer.
    pub request: &'a [u8],
}

impl fmt::Display for Traffic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::datagram(f, self)
    }
}

/// The observer of one connection.
#[derive(Clone)]
pub(crate) struct Looker {
    observer: Arc<Observer>,
    name: String,
}

impl Looker {
    /// If anybody looks on.
    pub(crate) fn new() -> Option<Looker> {
        let observer = OBSERVER.get()?.clone();
        let name = String::new();
        Some(Looker { observer, name })
    }

    pub(crate) fn call(&mut self, name: String) {
        self.name = name;
    }

    pub(crate) fn sent(&self, protocol: Protocol, datagram: &[u8]) {
        self.tell(protocol, Direction::Sent, datagram, &[]);
    }

    pub(crate) fn received(&self, protocol: Protocol, datagram: &[u8], request: &[u8]) {
        self.tell(protocol, Direction::Received, datagram, request);
    }

    fn tell(&self, protocol: Protocol, direction: Direction, datagram: &[u8], request: &[u8]) {
        (self.observer)(&Traffic {
            protocol,
            name: &self.name,
            direction,
            datagram,
            request,
        });
    }
}
