//! One pass over `/proc`: the namespaces of each process and thread, its open descriptors, and the mounts of each mount namespace.

use super::Holder;
use crate::{Error, Kind, Namespace, Result, mountinfo, procfs};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What was seen of one namespace.
pub(super) struct Seen {
    pub(super) holders: Vec<Holder>,
    pub(super) via: Via,
}

/// How to open it again.
pub(super) enum Via {
    Path(PathBuf),
    Open(Namespace),
}

impl Via {
    /// Opens it, unless the path has come to mean another.
    pub(super) fn open(self, kind: Kind, inode: u64) -> Option<Namespace> {
        match self {
            Via::Open(namespace) => Some(namespace),
            Via::Path(path) => Namespace::open_path(kind, path)
                .ok()
                .filter(|found| found.inode() == inode),
        }
    }
}

impl Seen {
    pub(super) fn pids(&self) -> Vec<u32> {
        let pid = |holder: &Holder| match holder {
            Holder::Process { pid, .. } | Holder::Thread { pid, .. } => Some(*pid),
            _ => None,
        };
        let unique: BTreeSet<u32> = self.holders.iter().filter_map(pid).collect();
        unique.into_iter().collect()
    }
}

/// The sockets of one network namespace, and the processes in it, whose sockets say nothing new.
pub(super) struct Sockets {
    pub(super) of: (Kind, u64),
    pub(super) inodes: BTreeSet<u64>,
    pub(super) inside: Vec<u32>,
}

impl Sockets {
    fn namespace(&self, pid: u32, target: &str) -> Option<(Kind, u64)> {
        let inode: u64 = target
            .strip_prefix("socket:[")?
            .strip_suffix(']')?
            .parse()
            .ok()?;
        (self.inodes.contains(&inode) && !self.inside.contains(&pid)).then_some(self.of)
    }
}

/// What was seen.
pub(super) struct Scan {
    pub(super) namespaces: BTreeMap<(Kind, u64), Seen>,
    pub(super) hidden: usize,
    kinds: Vec<Kind>,
    proc: Rc<OwnedFd>,
    /// The sockets to look for.
    pub(super) sockets: Option<Sockets>,
    /// Mount namespaces whose mounts were read.
    mount_tables: BTreeSet<u64>,
    /// Files that some mount table shows as a namespace: an open descriptor of one bears the file's name.
    mounted: BTreeMap<PathBuf, (Kind, u64)>,
}

impl Scan {
    /// Processes, threads, mounts and descriptors.
    pub(super) fn of_machine(kinds: &[Kind], op: &str) -> Result<Scan> {
        let mut scan = Scan::of_processes(kinds, op)?;
        scan.mounts_and_descriptors()?;
        Ok(scan)
    }

    /// What holds namespaces without being in them. Mounts come first: descriptors may bear their names.
    pub(super) fn mounts_and_descriptors(&mut self) -> Result<()> {
        self.mounts("thread-self", None);
        let pids = self
            .numbers(".")
            .map_err(|errno| Error::system("list processes", errno))?;
        for pid in &pids {
            for tid in self.numbers(&format!("{pid}/task")).unwrap_or_default() {
                self.mounts(&format!("{pid}/task/{tid}"), Some(*pid));
            }
        }
        for pid in pids {
            self.descriptors(pid);
        }
        Ok(())
    }

    /// One that has seen nothing yet.
    pub(super) fn new(kinds: &[Kind], op: &str) -> Result<Scan> {
        Ok(Scan {
            namespaces: BTreeMap::new(),
            hidden: 0,
            kinds: kinds.to_vec(),
            proc: procfs::root(op)?,
            sockets: None,
            mount_tables: BTreeSet::new(),
            mounted: BTreeMap::new(),
        })
    }

    /// Processes and threads only.
    pub(super) fn of_processes(kinds: &[Kind], op: &str) -> Result<Scan> {
        let mut scan = Scan::new(kinds, op)?;
        for pid in scan
            .numbers(".")
            .map_err(|errno| Error::system(op, errno))?
        {
            scan.process(pid);
        }
        Ok(scan)
    }

    /// The numeric entries of a directory below `/proc`.
    fn numbers(&self, path: &str) -> nix::Result<Vec<u32>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut dir = Dir::openat(&self.proc, path, flags, Mode::empty())?;
        let number = |entry: nix::Result<nix::dir::Entry>| {
            entry.ok()?.file_name().to_str().ok()?.parse().ok()
        };
        Ok(dir.iter().filter_map(number).collect())
    }

    fn process(&mut self, pid: u32) {
        let mut of_leader = Vec::new();
        for kind in self.kinds.clone() {
            match self.link(&format!("{pid}/ns/{kind}")) {
                Ok(id) => {
                    of_leader.push(id);
                    self.add_process(pid, id, &format!("{pid}/ns/{kind}"));
                }
                Err(Errno::EACCES | Errno::EPERM) => {
                    self.hidden += 1;
                    return;
                }
                Err(_) => continue, // it has ended, or the kernel lacks the kind
            }
        }
        self.for_children(pid, &mut of_leader);
        self.threads(pid, &of_leader);
    }

    /// A PID or time namespace that a process has made for its children holds on to it before the first child.
    fn for_children(&mut self, pid: u32, of_leader: &mut Vec<(Kind, u64)>) {
        for kind in [Kind::Pid, Kind::Time] {
            let path = format!("{pid}/ns/{kind}_for_children");
            match self.link(&path) {
                Ok(id) if self.kinds.contains(&kind) && !of_leader.contains(&id) => {
                    of_leader.push(id);
                    self.add_process(pid, id, &path);
                }
                _ => {}
            }
        }
    }

    fn threads(&mut self, pid: u32, of_leader: &[(Kind, u64)]) {
        for tid in self.numbers(&format!("{pid}/task")).unwrap_or_default() {
            if tid == pid {
                continue;
            }
            for kind in self.kinds.clone() {
                let path = format!("{pid}/task/{tid}/ns/{kind}");
                if let Some(id) = self.link(&path).ok().filter(|id| !of_leader.contains(id)) {
                    let name = self.comm(&format!("{pid}/task/{tid}"));
                    self.add(id, Holder::Thread { pid, tid, name }, &path);
                }
            }
        }
    }

    /// Reads the mount table of each mount namespace once; ours first.
    fn mounts(&mut self, task: &str, seen_by: Option<u32>) {
        let Ok((_, table)) = self.link(&format!("{task}/ns/mnt")) else {
            return;
        };
        if !self.mount_tables.insert(table) {
            return;
        }
        let root = seen_by.map_or(String::new(), |_| format!("/proc/{task}/root"));
        for (path, id) in self
            .read(&format!("{task}/mountinfo"))
            .lines()
            .filter_map(mountinfo::namespace)
        {
            self.mounted.insert(path.clone(), id);
            if self.kinds.contains(&id.0) {
                let via = PathBuf::from(format!("{root}{}", path.display()));
                self.add_via(id, Holder::Mount { path, seen_by }, via);
            }
        }
    }

    fn descriptors(&mut self, pid: u32) {
        let Ok(fds) = self.numbers(&format!("{pid}/fd")) else {
            return;
        };
        for fd in fds {
            let path = format!("{pid}/fd/{fd}");
            let Some(target) = readlinkat(&self.proc, &*path)
                .ok()
                .and_then(|target| target.into_string().ok())
            else {
                continue;
            };
            if let Some(id) = self
                .descriptor(&path, &target)
                .filter(|(kind, _)| self.kinds.contains(kind))
            {
                let name = self.comm(&pid.to_string());
                self.add(id, Holder::Descriptor { pid, fd, name }, &path);
            } else if let Some(id) = self
                .sockets
                .as_ref()
                .and_then(|sockets| sockets.namespace(pid, &target))
            {
                let name = self.comm(&pid.to_string());
                self.add(id, Holder::Socket { pid, fd, name }, &path);
            }
        }
    }

    /// A descriptor opened through a mount bears the name of the file, any other `net:[4026531840]`.
    fn descriptor(&self, path: &str, target: &str) -> Option<(Kind, u64)> {
        parse(target).or_else(|| {
            let (kind, _) = *self.mounted.get(Path::new(target))?;
            let inode = Namespace::open_path(kind, format!("/proc/{path}"))
                .ok()?
                .inode();
            Some((kind, inode))
        })
    }

    /// The processes that have these sockets open, each once for a socket.
    pub(super) fn holders_of(&self, inodes: &[u32]) -> nix::Result<BTreeMap<u32, Vec<Holder>>> {
        let mut found: BTreeMap<u32, Vec<Holder>> = BTreeMap::new();
        for pid in self.numbers(".")? {
            let mut seen = BTreeSet::new();
            for fd in self.numbers(&format!("{pid}/fd")).unwrap_or_default() {
                let inode = self.socket(&format!("{pid}/fd/{fd}"));
                let Some(inode) = inode.filter(|inode| inodes.contains(inode)) else {
                    continue;
                };
                if seen.insert(inode) {
                    let name = self.comm(&pid.to_string());
                    let holder = Holder::Socket { pid, fd, name };
                    found.entry(inode).or_default().push(holder);
                }
            }
        }
        Ok(found)
    }

    /// The inode of the socket that a descriptor is, if it is one.
    fn socket(&self, path: &str) -> Option<u32> {
        let target = readlinkat(&self.proc, path).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?;
        inode.strip_suffix(']')?.parse().ok()
    }

    fn link(&self, path: &str) -> nix::Result<(Kind, u64)> {
        let target = readlinkat(&self.proc, path)?;
        target.to_str().and_then(parse).ok_or(Errno::EINVAL)
    }

    fn read(&self, path: &str) -> String {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let mut text = Vec::new();
        if let Ok(fd) = openat(&self.proc, path, flags, Mode::empty()) {
            let _ = std::fs::File::from(fd).read_to_end(&mut text); // it may have ended
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    fn comm(&self, task: &str) -> String {
        self.read(&format!("{task}/comm")).trim_end().to_owned()
    }

    fn add_process(&mut self, pid: u32, id: (Kind, u64), path: &str) {
        let name = self.comm(&pid.to_string());
        self.add(id, Holder::Process { pid, name }, path);
    }

    fn add(&mut self, id: (Kind, u64), holder: Holder, path: &str) {
        self.add_via(id, holder, PathBuf::from(format!("/proc/{path}")));
    }

    fn add_via(&mut self, id: (Kind, u64), holder: Holder, via: PathBuf) {
        let fresh = || Seen {
            holders: Vec::new(),
            via: Via::Path(via),
        };
        self.namespaces
            .entry(id)
            .or_insert_with(fresh)
            .holders
            .push(holder);
    }

    /// Adds the owner or parent of a namespace, to be described in its turn.
    pub(super) fn add_relative(&mut self, namespace: Namespace, holder: Holder) {
        let id = (namespace.kind(), namespace.inode());
        let fresh = || Seen {
            holders: Vec::new(),
            via: Via::Open(namespace),
        };
        self.namespaces
            .entry(id)
            .or_insert_with(fresh)
            .holders
            .push(holder);
    }
}

/// `net:[4026531840]`
pub(crate) fn parse(link: &str) -> Option<(Kind, u64)> {
    let (kind, inode) = link.strip_suffix(']')?.split_once(":[")?;
    Some((kind.parse().ok()?, inode.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_and_other_links_are_not() {
        assert_eq!(parse("net:[4026531840]"), Some((Kind::Net, 4026531840)));
        assert_eq!(parse("mnt:[1]"), Some((Kind::Mnt, 1)));
        for other in [
            "socket:[1]",
            "pipe:[1]",
            "net:[]",
            "net:[-1]",
            "net:[1",
            "/run/netns/net",
            "",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn this_process_is_seen_in_its_own_namespaces() {
        let scan = Scan::of_machine(&Kind::ALL, "test").unwrap();
        for kind in Kind::ALL {
            let mine = Namespace::current(kind).unwrap();
            let seen = &scan.namespaces[&(kind, mine.inode())];
            assert!(seen.pids().contains(&std::process::id()), "{kind}");
            assert!(scan.namespaces.len() >= Kind::ALL.len());
        }
    }
}
