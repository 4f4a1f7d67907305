//! Network namespaces: create, open, identify, and talk to the kernel inside one without moving the caller.

use crate::{
    Deleted, Error, Kind, Named, Namespace, NsName, Result, Target, lent, names, sys, worker,
};
use core_netlink::{Conn, Protocol};
use nix::sched::{setns, unshare};
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;

/// An open network namespace and the words by which it was found.
///
/// ```no_run
/// use ns_mgmt::NetNs;
/// # fn main() -> ns_mgmt::Result<()> {
/// let blue = NetNs::open(&"blue".parse()?)?;
/// let conn = blue.conn(core_netlink::Protocol::Route)?; // speaks inside `blue`; this thread has not moved
/// let listener = blue.run(|| std::net::TcpListener::bind("127.0.0.1:80"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct NetNs {
    namespace: Namespace,
    label: String,
    cookie: OnceLock<u64>,
}

impl NetNs {
    fn new(namespace: Namespace, label: impl Into<String>) -> NetNs {
        NetNs {
            namespace,
            label: label.into(),
            cookie: OnceLock::new(),
        }
    }

    /// Opens what somebody typed: a name, a path, `pid:N`.
    pub fn open(target: &Target) -> Result<NetNs> {
        let label = match target {
            Target::Name(name) => name.to_string(),
            other => other.to_string(),
        };
        Ok(NetNs::new(Namespace::open(Kind::Net, target)?, label))
    }

    /// Opens `/run/netns/NAME`.
    pub fn open_name(name: &NsName) -> Result<NetNs> {
        NetNs::open(&Target::Name(name.clone()))
    }

    /// Opens a file that is a network namespace.
    pub fn open_path(path: impl AsRef<Path>) -> Result<NetNs> {
        NetNs::open(&Target::Path(path.as_ref().to_owned()))
    }

    /// Opens the network namespace of a process.
    pub fn open_pid(pid: u32) -> Result<NetNs> {
        NetNs::open(&Target::Pid(pid))
    }

    /// The network namespace of the calling thread.
    pub fn current() -> Result<NetNs> {
        let namespace = Namespace::current(Kind::Net)?;
        let label = namespace.to_string();
        Ok(NetNs::new(namespace, label))
    }

    /// Creates a network namespace without a name. It lives as long as this value, a process in it or an interest of the kernel.
    pub fn create() -> Result<NetNs> {
        let made = worker::run(|| match unshare(Kind::Net.flag()) {
            Ok(()) => Namespace::current(Kind::Net),
            Err(errno) => Err(no_privilege("create a network namespace", errno)),
        })??;
        let label = made.to_string();
        Ok(NetNs::new(made, label))
    }

    /// Creates a network namespace under `/run/netns`, where iproute2 finds it too. It is there whole or not at all.
    pub fn create_named(name: &NsName) -> Result<NetNs> {
        let op = format!("create network namespace `{name}`");
        let made = names::bind(name, &op, || Ok(NetNs::create()?.namespace))?;
        Ok(NetNs::new(made, name.as_str()))
    }

    /// Gives a namespace a name under `/run/netns`, as `ip netns attach` does. It may have several.
    pub fn bind_name(&self, name: &NsName) -> Result<()> {
        let op = format!("name {self} `{name}`");
        names::bind(name, &op, || self.namespace.try_clone()).map(drop)
    }

    /// Takes a name away. The kernel keeps the namespace while anything uses it; the answer says what does.
    pub fn delete(name: &NsName) -> Result<Deleted> {
        names::delete(name)
    }

    /// The names under `/run/netns`, sorted; none if the directory is not there.
    pub fn list() -> Result<Vec<Named>> {
        names::list()
    }

    /// The names this namespace has under `/run/netns`.
    pub fn names(&self) -> Result<Vec<NsName>> {
        names::of(&self.namespace)
    }

    /// `SO_NETNS_COOKIE`: names this namespace for as long as the machine is up, and is never given to another.
    pub fn cookie(&self) -> Result<u64> {
        if let Some(cookie) = self.cookie.get() {
            return Ok(*cookie);
        }
        let op = format!("read the cookie of network namespace {self}");
        let cookie = self
            .within(sys::netns_cookie)?
            .map_err(|err| Error::system(op, err))?;
        Ok(*self.cookie.get_or_init(|| cookie))
    }

    /// The cookie, if it was asked for already or learned with a socket.
    pub fn known_cookie(&self) -> Option<u64> {
        self.cookie.get().copied()
    }

    /// Opens a netlink socket inside. The socket stays there; the calling thread does not move.
    pub fn conn(&self, protocol: Protocol) -> Result<Conn> {
        let conn = self.within(move || Conn::open(protocol))?;
        let conn = conn.map_err(|err| {
            let op = format!("open a netlink socket in network namespace {self}");
            Error::netlink(op, err)
        })?;
        if self.cookie.get().is_none()
            && let Ok(cookie) = sys::netns_cookie_of(&conn)
        {
            let _ = self.cookie.set(cookie); // a later question needs no look inside
        }
        Ok(conn.called(|| match self.is_current() {
            Ok(true) => String::new(),
            _ => self.label.clone(),
        }))
    }

    /// Runs a closure inside, on a thread kept for such work, and waits for it; on this one if it was lent
    /// ([`lend_thread`](crate::lend_thread)). A panic in it continues in the caller.
    ///
    /// Only the network namespace is another: files are those of the caller.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let enter = |inside: &Namespace| setns(inside, Kind::Net.flag());
        let moved = match lent::may_move() {
            true => lent::run(|| enter(&self.namespace).map(|()| work()))?,
            false => {
                let inside = self.namespace.try_clone()?;
                worker::run(move || enter(&inside).map(|()| work()))?
            }
        };
        moved.map_err(|errno| no_privilege(&format!("enter network namespace {self}"), errno))
    }

    /// As [`run`](Self::run), without a thread if the caller is there already.
    pub(crate) fn within<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        match self.is_current()? {
            true => Ok(work()),
            false => self.run(work),
        }
    }

    /// Whether the calling thread is in it.
    pub fn is_current(&self) -> Result<bool> {
        self.namespace.is_current()
    }

    /// The number in `net:[4026531840]`.
    pub fn inode(&self) -> u64 {
        self.namespace.inode()
    }

    /// The same namespace under other words, where those it was found by say less.
    #[must_use]
    pub fn called(mut self, words: impl Into<String>) -> NetNs {
        self.label = words.into();
        self
    }

    /// The words by which it was found: a name, a path, `pid:N`, or `net:[INODE]`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The namespace without its words.
    pub fn as_namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// A second descriptor of the same namespace.
    pub fn try_clone(&self) -> Result<NetNs> {
        Ok(NetNs {
            namespace: self.namespace.try_clone()?,
            label: self.label.clone(),
            cookie: self.cookie.clone(),
        })
    }
}

/// Two values are equal if they mean the same namespace.
impl PartialEq for NetNs {
    fn eq(&self, other: &NetNs) -> bool {
        self.namespace == other.namespace
    }
}

impl Eq for NetNs {}

impl fmt::Display for NetNs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.label)
    }
}

impl AsFd for NetNs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }
}

impl From<NetNs> for Namespace {
    fn from(netns: NetNs) -> Namespace {
        netns.namespace
    }
}

impl From<NetNs> for OwnedFd {
    fn from(netns: NetNs) -> OwnedFd {
        netns.namespace.into()
    }
}

impl TryFrom<Namespace> for NetNs {
    type Error = Error;

    fn try_from(namespace: Namespace) -> Result<NetNs> {
        let label = namespace.to_string();
        match namespace.kind() {
            Kind::Net => Ok(NetNs::new(namespace, label)),
            kind => Err(Error::invalid(
                format!("use {label} as a network namespace"),
                format!("it is a {} namespace", kind.noun()),
            )),
        }
    }
}

fn no_privilege(op: &str, errno: nix::errno::Errno) -> Error {
    let err = Error::system(op, errno);
    match errno {
        nix::errno::Errno::EPERM => {
            err.with_hint("this needs root (CAP_SYS_ADMIN), or `vetch sandbox -- CMD`")
        }
        nix::errno::Errno::ENOSPC => {
            err.with_hint("the limit is reached: sysctl -w user.max_net_namespaces=65536")
        }
        _ => err,
    }
}
