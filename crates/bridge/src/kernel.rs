//! The kernel as this crate sees it: two sockets here, one in a namespace, sysctls. A trait, so that tests can play it.

use crate::error::{Error, Result};
use core_netlink::link::Netns;
use core_netlink::nsid::{NsIdKey, NsRef};
use core_netlink::{Conn, NsId, Protocol};
use ns_mgmt::{Found, Kind, NetNs, SysctlKey, Target};
use std::os::fd::AsFd;

/// A sysctl to write: the path below `/proc/sys` and the value.
pub(crate) type Setting = (String, &'static str);

pub(crate) trait Kernel: Send {
    /// Links, addresses and routes of the namespace we work on.
    fn route(&mut self) -> Result<&mut Conn>;

    /// Its nftables and tracked connections.
    fn nft(&mut self) -> Result<&mut Conn>;

    /// Its sockets of other processes.
    fn diag(&mut self) -> Result<&mut Conn>;

    /// Gives both sockets away, so that somebody else waits for the kernel when they are closed.
    fn part(&mut self) -> (Option<Conn>, Option<Conn>);

    /// One more socket here.
    fn another(&mut self, protocol: Protocol) -> Result<Conn>;

    /// Links, addresses and routes of another namespace.
    fn inside(&mut self, namespace: &NetNs) -> Result<Conn>;

    /// Writes sysctls, here or in another namespace, up to the first that fails.
    fn set_sysctls(&mut self, namespace: Option<&NetNs>, settings: Vec<Setting>) -> Result<()>;

    /// Reads a sysctl here; `None` if there is none of this name.
    fn sysctl(&mut self, path: &str) -> Result<Option<String>>;

    /// What identifies a namespace until the next boot.
    fn cookie(&mut self, namespace: &NetNs) -> Result<u64>;

    /// The namespace that was attached with these words, if they still mean one.
    fn open(&mut self, words: &str) -> Option<NetNs>;

    /// The namespace that has this number here. Looks at every namespace of the machine.
    fn by_number(&mut self, number: NsId) -> Option<NetNs>;
}

/// The kernel itself.
pub(crate) struct Real {
    here: NetNs,
    route: Option<Conn>,
    nft: Option<Conn>,
    diag: Option<Conn>,
    /// Opened to identify a namespace, and kept for whoever talks to it next: its cookie.
    inside: Option<(u64, Conn)>,
}

impl Real {
    /// Opens the first socket at once, which tells where we are, too.
    pub(crate) fn new(here: NetNs) -> Result<Real> {
        Ok(Real {
            route: Some(connect(&here, Protocol::Route)?),
            here,
            nft: None,
            diag: None,
            inside: None,
        })
    }

    /// What identifies the namespace we work on.
    pub(crate) fn here(&self) -> Result<u64> {
        cookie(&self.here)
    }
}

impl Kernel for Real {
    fn route(&mut self) -> Result<&mut Conn> {
        open(&mut self.route, &self.here, Protocol::Route)
    }

    fn nft(&mut self) -> Result<&mut Conn> {
        open(&mut self.nft, &self.here, Protocol::Netfilter)
    }

    fn diag(&mut self) -> Result<&mut Conn> {
        open(&mut self.diag, &self.here, Protocol::SockDiag)
    }

    fn part(&mut self) -> (Option<Conn>, Option<Conn>) {
        (self.route.take(), self.nft.take())
    }

    fn another(&mut self, protocol: Protocol) -> Result<Conn> {
        connect(&self.here, protocol)
    }

    fn inside(&mut self, namespace: &NetNs) -> Result<Conn> {
        let cookie = cookie(namespace)?;
        match self.inside.take_if(|(kept, _)| *kept == cookie) {
            Some((_, conn)) => Ok(conn),
            None => connect(namespace, Protocol::Route),
        }
    }

    fn set_sysctls(&mut self, namespace: Option<&NetNs>, settings: Vec<Setting>) -> Result<()> {
        let namespace = namespace.unwrap_or(&self.here);
        let settings = settings
            .into_iter()
            .map(|(path, value)| Ok((key(&path)?, value.to_owned())))
            .collect::<Result<Vec<_>>>()?;
        let written = namespace.set_sysctls(settings);
        written
            .map_err(|err| Error::namespace(format!("set sysctls in namespace {namespace}"), err))
    }

    fn sysctl(&mut self, path: &str) -> Result<Option<String>> {
        match self.here.sysctl(&key(path)?) {
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(Error::namespace(format!("read {path}"), err)),
            Ok(value) => Ok(Some(value)),
        }
    }

    fn cookie(&mut self, namespace: &NetNs) -> Result<u64> {
        if namespace.known_cookie().is_none() {
            let conn = connect(namespace, Protocol::Route)?;
            self.inside = Some((cookie(namespace)?, conn));
        }
        cookie(namespace)
    }

    fn open(&mut self, words: &str) -> Option<NetNs> {
        NetNs::open(&words.parse::<Target>().ok()?).ok()
    }

    fn by_number(&mut self, number: NsId) -> Option<NetNs> {
        let listing = ns_mgmt::list(&[Kind::Net]).ok()?;
        let conn = self.route().ok()?;
        let mut has = |namespace: &NetNs| {
            let Ok(file) = Netns::of(namespace) else {
                return false;
            };
            let Netns::Fd(fd) = file else { return false };
            let of = NsRef::Fd(fd.as_fd());
            let found = conn.get(&NsIdKey { of, target: None });
            found.is_ok_and(|found| found.id == Some(number))
        };
        let mut all = listing.found.iter().filter_map(open_found);
        all.find(|namespace| has(namespace))
    }
}

/// A namespace that was found on the machine, by a name if it has one.
pub(crate) fn open_found(found: &Found) -> Option<NetNs> {
    let mut names = found.names.iter();
    let by_name = names.find_map(|name| NetNs::open_name(name).ok());
    let by_pid = || found.pids().find_map(|pid| NetNs::open_pid(pid).ok());
    let namespace = by_name.or_else(by_pid);
    namespace.filter(|namespace| namespace.inode() == found.inode)
}

fn open<'a>(slot: &'a mut Option<Conn>, here: &NetNs, protocol: Protocol) -> Result<&'a mut Conn> {
    match slot {
        Some(conn) => Ok(conn),
        None => Ok(slot.insert(connect(here, protocol)?)),
    }
}

fn connect(namespace: &NetNs, protocol: Protocol) -> Result<Conn> {
    let conn = namespace.conn(protocol);
    conn.map_err(|err| {
        Error::namespace(format!("talk to the kernel in namespace {namespace}"), err)
    })
}

fn cookie(namespace: &NetNs) -> Result<u64> {
    let cookie = namespace.cookie();
    cookie.map_err(|err| Error::namespace(format!("identify namespace {namespace}"), err))
}

fn key(path: &str) -> Result<SysctlKey> {
    path.parse()
        .map_err(|err| Error::namespace(format!("use sysctl {path}"), err))
}
