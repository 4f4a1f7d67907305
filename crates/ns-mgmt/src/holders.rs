//! Every namespace of the machine, named or not, and what holds it: processes, open descriptors, mounts, other namespaces.

mod scan;
mod sockets;

pub(crate) use scan::parse as parse_link;

use crate::{Error, Kind, Namespace, NsName, Result, names, sys};
use scan::{Scan, Seen, Sockets};
use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

/// What keeps a namespace alive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holder {
    /// A process is in it, or its children will be.
    Process {
        /// Its number.
        pid: u32,
        /// Its short name, `/proc/PID/comm`.
        name: String,
    },
    /// A thread is in it while its process is not.
    Thread {
        /// The number of the process.
        pid: u32,
        /// The number of the thread.
        tid: u32,
        /// Its short name.
        name: String,
    },
    /// A process has it open.
    Descriptor {
        /// The number of the process.
        pid: u32,
        /// The number of the descriptor.
        fd: u32,
        /// The short name of the process.
        name: String,
    },
    /// A process that is not in it has a socket that was opened in it.
    Socket {
        /// The number of the process.
        pid: u32,
        /// The number of the descriptor.
        fd: u32,
        /// The short name of the process.
        name: String,
    },
    /// It is mounted on a file.
    Mount {
        /// The file.
        path: PathBuf,
        /// A process that sees the mount, if that is not us.
        seen_by: Option<u32>,
    },
    /// Another namespace belongs to it.
    Namespace {
        /// The kind of the other one.
        kind: Kind,
        /// Its inode.
        inode: u64,
    },
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Process { pid, name } => write!(f, "pid {pid} {}", name.escape_debug()),
            Holder::Thread { pid, tid, name } => {
                write!(f, "thread {tid} {} of pid {pid}", name.escape_debug())
            }
            Holder::Descriptor { pid, fd, name } => {
                write!(f, "descriptor {fd} of pid {pid} {}", name.escape_debug())
            }
            Holder::Mount {
                path,
                seen_by: None,
            } => write!(f, "mount {}", path.display()),
            Holder::Mount {
                path,
                seen_by: Some(pid),
            } => {
                write!(f, "mount {} as seen by pid {pid}", path.display())
            }
            Holder::Socket { pid, fd, name } => {
                write!(f, "socket {fd} of pid {pid} {}", name.escape_debug())
            }
            Holder::Namespace { kind, inode } => write!(f, "namespace {kind}:[{inode}]"),
        }
    }
}

/// A namespace of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Its kind.
    pub kind: Kind,
    /// The number in `net:[4026531840]`.
    pub inode: u64,
    /// What keeps it alive, processes first.
    pub holders: Vec<Holder>,
    /// Its names under `/run/netns` (network namespaces only).
    pub names: Vec<NsName>,
    /// The user who made the user namespace that owns it, or made it, if it is one.
    pub owner: Option<u32>,
    /// The user namespace that owns it, if we may know.
    pub user: Option<u64>,
    /// The parent of a PID or user namespace, if we may know.
    pub parent: Option<u64>,
}

impl Found {
    /// The processes in it.
    pub fn pids(&self) -> impl Iterator<Item = u32> {
        self.holders.iter().filter_map(|holder| match holder {
            Holder::Process { pid, .. } => Some(*pid),
            _ => None,
        })
    }
}

/// The namespaces found, and how much could not be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// By kind, then inode.
    pub found: Vec<Found>,
    /// How many processes we may not look into (other users', without root).
    pub hidden: usize,
}

/// The answer to a delete: the name is gone; what remains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deleted {
    /// What keeps the namespace alive without the name. Empty: nothing that can be seen.
    pub lives_on: Vec<Holder>,
    /// How many processes we may not look into.
    pub hidden: usize,
}

impl fmt::Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        if self.lives_on.is_empty() {
            return f.write_str("deleted");
        }
        f.write_str("name removed; the namespace lives on: ")?;
        for (at, holder) in self.lives_on.iter().take(SHOWN).enumerate() {
            write!(f, "{}{holder}", if at > 0 { ", " } else { "" })?;
        }
        match self.lives_on.len().checked_sub(SHOWN) {
            Some(more @ 1..) => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

/// Lists the namespaces of these kinds, of containers of other runtimes too.
///
/// ```no_run
/// for found in ns_mgmt::list(&[ns_mgmt::Kind::Net])?.found {
///     println!("{}:[{}] {:?}", found.kind, found.inode, found.holders);
/// }
/// # Ok::<(), ns_mgmt::Error>(())
/// ```
pub fn list(kinds: &[Kind]) -> Result<Listing> {
    let mut scan = Scan::of_machine(kinds, "list namespaces")?;
    let mut found = Vec::new();
    while let Some(((kind, inode), seen)) = scan.namespaces.pop_first() {
        found.push(describe(kind, inode, seen, kinds, &mut scan));
    }
    found.sort_by_key(|found| (found.kind, found.inode));
    merge(&mut found);
    name_them(&mut found)?;
    Ok(Listing {
        found,
        hidden: scan.hidden,
    })
}

/// What holds this namespace, our own descriptor of it aside.
pub fn holders(namespace: &Namespace) -> Result<Vec<Holder>> {
    Ok(of(namespace)?.lives_on)
}

/// The processes in this namespace, as `ip netns pids` lists them.
pub fn pids(namespace: &Namespace) -> Result<Vec<u32>> {
    let op = format!("list the processes in {namespace}");
    Scan::of_processes(&[namespace.kind()], &op).map(|mut scan| {
        let seen = scan
            .namespaces
            .remove(&(namespace.kind(), namespace.inode()));
        seen.map(|seen| seen.pids()).unwrap_or_default()
    })
}

/// The processes that have sockets open, by the inode that the kernel names each with (`/proc/PID/fd/N -> socket:[inode]`); none that
/// we may not look into. Looks at every process of the machine.
///
/// ```no_run
/// for (inode, holders) in ns_mgmt::socket_holders(&[4711, 4712])? {
///     println!("{inode}: {holders:?}");
/// }
/// # Ok::<(), ns_mgmt::Error>(())
/// ```
pub fn socket_holders(inodes: &[u32]) -> Result<BTreeMap<u32, Vec<Holder>>> {
    const OP: &str = "find the processes that have a socket open";
    let found = Scan::new(&[], OP)?.holders_of(inodes);
    found.map_err(|errno| Error::system(OP, errno))
}

pub(crate) fn after_delete(namespace: Namespace) -> Result<Deleted> {
    of(&namespace)
}

/// The namespace is held open meanwhile, so that its inode cannot come to mean another.
///
/// Sockets are looked for only here: a namespace that they alone hold cannot be opened, hence not listed.
fn of(namespace: &Namespace) -> Result<Deleted> {
    let id = (namespace.kind(), namespace.inode());
    let mut scan =
        Scan::of_processes(&[namespace.kind()], &format!("find what holds {namespace}"))?;
    if namespace.kind() == Kind::Net {
        let inside = scan.namespaces.get(&id).map(Seen::pids).unwrap_or_default();
        scan.sockets = sockets::of(namespace)
            .map(|inodes| Sockets {
                of: id,
                inodes,
                inside,
            })
            .ok();
    }
    scan.mounts_and_descriptors()?;
    let ours = (
        std::process::id(),
        namespace.as_fd().as_raw_fd().unsigned_abs(),
    );
    let mut lives_on = scan
        .namespaces
        .remove(&id)
        .map(|seen| seen.holders)
        .unwrap_or_default();
    lives_on.retain(
        |holder| !matches!(holder, Holder::Descriptor { pid, fd, .. } if (*pid, *fd) == ours),
    );
    Ok(Deleted {
        lives_on,
        hidden: scan.hidden,
    })
}

/// Asks the kernel whose it is. Owners and parents that nothing else holds come to light here.
fn describe(kind: Kind, inode: u64, seen: Seen, kinds: &[Kind], scan: &mut Scan) -> Found {
    let mut found = Found {
        kind,
        inode,
        holders: seen.holders,
        names: Vec::new(),
        owner: None,
        user: None,
        parent: None,
    };
    let Some(open) = seen.via.open(kind, inode) else {
        return found;
    };
    let holder = || Holder::Namespace { kind, inode };
    if kind == Kind::User {
        found.owner = sys::ns_owner_uid(open.as_fd()).ok();
    }
    if let Ok(owner) = sys::ns_owner(open.as_fd()) {
        found.owner = found
            .owner
            .or_else(|| sys::ns_owner_uid(owner.as_fd()).ok());
        found.user = relative(Kind::User, owner, holder(), kinds, scan);
    }
    if let (Kind::Pid | Kind::User, Ok(parent)) = (kind, sys::ns_parent(open.as_fd())) {
        // The parent of a user namespace is its owner too: one holder is enough.
        found.parent = match kind {
            Kind::User => found.user,
            _ => relative(kind, parent, holder(), kinds, scan),
        };
    }
    found
}

fn relative(
    kind: Kind,
    fd: OwnedFd,
    holder: Holder,
    kinds: &[Kind],
    scan: &mut Scan,
) -> Option<u64> {
    let namespace = Namespace::from_fd(kind, fd).ok()?;
    let inode = namespace.inode();
    if kinds.contains(&kind) {
        scan.add_relative(namespace, holder);
    }
    Some(inode)
}

/// A relative met after its own turn was described twice: its holders come together.
fn merge(found: &mut Vec<Found>) {
    found.dedup_by(|later, first| {
        let same = (later.kind, later.inode) == (first.kind, first.inode);
        if same {
            let news = later
                .holders
                .drain(..)
                .filter(|holder| !first.holders.contains(holder));
            first.holders.extend(news.collect::<Vec<_>>());
        }
        same
    });
}

fn name_them(found: &mut [Found]) -> Result<()> {
    if !found.iter().any(|found| found.kind == Kind::Net) {
        return Ok(());
    }
    for named in names::list()? {
        let of = |found: &&mut Found| found.kind == Kind::Net && Some(found.inode) == named.inode;
        if let Some(found) = found.iter_mut().find(of) {
            found.names.push(named.name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_with_its_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let inode = nix::sys::stat::fstat(&listener).unwrap().st_ino;
        let again = listener.try_clone().unwrap();
        let found = socket_holders(&[1, inode as u32]).unwrap();
        let us = std::process::id();
        assert!(
            matches!(&found[&(inode as u32)][..], [Holder::Socket { pid, .. }] if *pid == us),
            "{found:?}"
        );
        drop((listener, again));
        assert!(socket_holders(&[inode as u32]).unwrap().is_empty());
    }

    #[test]
    fn the_answer_to_a_delete_reads_as_a_sentence() {
        let holder = |pid| Holder::Process {
            pid,
            name: "nginx\u{1b}".into(),
        };
        let mut deleted = Deleted::default();
        assert_eq!(deleted.to_string(), "deleted");
        deleted.lives_on = vec![holder(1)];
        assert_eq!(
            deleted.to_string(),
            "name removed; the namespace lives on: pid 1 nginx\\u{1b}"
        );
        deleted.lives_on = (1..=7).map(holder).collect();
        assert!(
            deleted
                .to_string()
                .ends_with(", pid 5 nginx\\u{1b} and 2 more")
        );
    }
}
