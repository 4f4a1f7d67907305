//! An open namespace of a checked kind: opened by path, process or descriptor, compared by identity.

use crate::{Error, Kind, Result, Target, lent, names, procfs, sys};
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, fstat, fstatat};
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// An open namespace: a descriptor that keeps it alive, and its kind, checked.
///
/// ```no_run
/// use ns_mgmt::{Kind, Namespace};
/// # fn main() -> ns_mgmt::Result<()> {
/// let mine = Namespace::current(Kind::Uts)?;
/// let theirs = Namespace::open_pid(Kind::Uts, 1)?;
/// assert_eq!(mine == theirs, mine.inode() == theirs.inode());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Namespace {
    fd: OwnedFd,
    kind: Kind,
    device: u64,
    inode: u64,
}

impl Namespace {
    /// Opens what somebody typed. Names exist for network namespaces only.
    pub fn open(kind: Kind, target: &Target) -> Result<Namespace> {
        match target {
            Target::Path(path) => Namespace::open_path(kind, path),
            Target::Pid(pid) => Namespace::open_pid(kind, *pid),
            Target::Name(name) if kind == Kind::Net => names::open(name),
            Target::Name(name) => Err(Error::invalid(
                format!("open {} namespace `{name}`", kind.noun()),
                "only network namespaces have names",
            )
            .with_hint("write a path with `/` in it, or `pid:N`")),
        }
    }

    /// Opens a file that is a namespace of this kind: `/proc/PID/ns/KIND` or a bind mount of one.
    ///
    /// The file is examined before it is opened for real, so a fifo does not block and a device is not touched.
    pub fn open_path(kind: Kind, path: impl AsRef<Path>) -> Result<Namespace> {
        let path = path.as_ref();
        let op = format!("open {} namespace {}", kind.noun(), path.display());
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let file = open(path, flags, Mode::empty()).map_err(|errno| Error::system(&*op, errno))?;
        Namespace::reopen(kind, file, &op)
    }

    /// Opens the namespace a process is in.
    ///
    /// The process is held through a pidfd and is still alive after the open, so its number cannot have passed to another.
    pub fn open_pid(kind: Kind, pid: u32) -> Result<Namespace> {
        let op = format!("open {} namespace of process {pid}", kind.noun());
        let process = sys::pidfd_open(pid).map_err(|errno| no_process(&op, errno))?;
        let namespace = Namespace::of_process(kind, pid, &op)?;
        alive(&process, &op)?;
        Ok(namespace)
    }

    /// Opens those namespaces of a process that are not ours, in the order of [`Kind::ALL`].
    pub(crate) fn open_process(pid: u32) -> Result<[Option<Namespace>; 8]> {
        let op = format!("open the namespaces of process {pid}");
        let process = sys::pidfd_open(pid).map_err(|errno| no_process(&op, errno))?;
        let mut found = [const { None }; 8];
        for (kind, found) in Kind::ALL.into_iter().zip(&mut found) {
            let ours = match Namespace::current(kind) {
                Err(err) if err.is_not_found() => continue, // the kernel lacks the kind
                ours => ours?,
            };
            *found = Some(Namespace::of_process(kind, pid, &op)?).filter(|theirs| *theirs != ours);
        }
        alive(&process, &op)?;
        Ok(found)
    }

    fn of_process(kind: Kind, pid: u32, op: &str) -> Result<Namespace> {
        let proc = procfs::root(op)?;
        let path = format!("{pid}/ns/{kind}");
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let file =
            openat(&proc, &*path, flags, Mode::empty()).map_err(|errno| no_process(op, errno))?;
        Namespace::reopen(kind, file, op)
    }

    /// Opens the namespace the calling thread is in.
    pub fn current(kind: Kind) -> Result<Namespace> {
        if let Some(home) = lent::home().filter(|_| kind == Kind::Net) {
            return home.try_clone();
        }
        let proc = procfs::root(&format!("open the current {} namespace", kind.noun()))?;
        Namespace::current_at(&proc, kind)
    }

    /// The same, by a `/proc` that was checked.
    pub(crate) fn current_at(proc: &OwnedFd, kind: Kind) -> Result<Namespace> {
        let op = format!("open the current {} namespace", kind.noun());
        let path = format!("thread-self/ns/{kind}");
        // Opened at once: the kernel's own file cannot hang, and what may be mounted over it is not waited for.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = openat(proc, &*path, flags, Mode::empty())
            .map_err(|errno| Error::system(&*op, errno))?;
        Namespace::checked(kind, file, &op)
    }

    /// Takes over a descriptor after checking that it is a namespace of this kind.
    pub fn from_fd(kind: Kind, fd: OwnedFd) -> Result<Namespace> {
        let op = format!(
            "use descriptor {} as {} namespace",
            fd.as_raw_fd(),
            kind.noun()
        );
        Namespace::checked(kind, fd, &op)
    }

    /// From an `O_PATH` descriptor, which cannot be used for anything but looking, to a real one.
    fn reopen(kind: Kind, file: OwnedFd, op: &str) -> Result<Namespace> {
        check_nsfs(&file, op)?;
        let proc = procfs::root(op)?;
        let path = format!("thread-self/fd/{}", file.as_raw_fd());
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let fd = openat(&proc, &*path, flags, Mode::empty())
            .map_err(|errno| Error::system(op, errno))?;
        Namespace::of_kind(kind, fd, op) // the same file, so on the same file system
    }

    fn checked(kind: Kind, fd: OwnedFd, op: &str) -> Result<Namespace> {
        check_nsfs(&fd, op)?;
        Namespace::of_kind(kind, fd, op)
    }

    fn of_kind(kind: Kind, fd: OwnedFd, op: &str) -> Result<Namespace> {
        let found = sys::ns_type(fd.as_fd()).map_err(|errno| Error::system(op, errno))?;
        if found != kind.flag().bits() {
            let noun = Kind::from_flag(found).map_or("an unknown kind of", Kind::noun);
            return Err(Error::invalid(
                op,
                format!("it is a namespace of another kind: {noun}"),
            ));
        }
        let stat = fstat(&fd).map_err(|errno| Error::system(op, errno))?;
        Ok(Namespace {
            fd,
            kind,
            device: stat.st_dev,
            inode: stat.st_ino,
        })
    }

    /// Of which kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number in `net:[4026531840]`. Unique among the living; the kernel reuses it afterwards.
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// Whether the calling thread is in it.
    pub fn is_current(&self) -> Result<bool> {
        if let Some(home) = lent::home().filter(|home| home.kind == self.kind) {
            return Ok(*home == *self);
        }
        let op = format!("look at the current {} namespace", self.kind.noun());
        let proc = procfs::root(&op)?;
        let path = format!("thread-self/ns/{}", self.kind);
        // By number, without opening it: this is asked often.
        let stat =
            fstatat(&proc, &*path, AtFlags::empty()).map_err(|errno| Error::system(op, errno))?;
        Ok((self.device, self.inode) == (stat.st_dev, stat.st_ino))
    }

    /// A second descriptor of the same namespace.
    pub fn try_clone(&self) -> Result<Namespace> {
        let fd = self
            .fd
            .try_clone()
            .map_err(|err| Error::system(format!("duplicate the descriptor of {self}"), err))?;
        Ok(Namespace { fd, ..*self })
    }
}

/// Two descriptors are equal if they mean the same namespace.
impl PartialEq for Namespace {
    fn eq(&self, other: &Namespace) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl Eq for Namespace {}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Namespace> for OwnedFd {
    fn from(namespace: Namespace) -> OwnedFd {
        namespace.fd
    }
}

/// As the kernel writes it: `net:[4026531840]`.
impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:[{}]", self.kind, self.inode)
    }
}

/// Whether a file lies on the kernel's namespace file system.
pub(crate) fn is_nsfs(file: impl AsFd) -> nix::Result<bool> {
    Ok(fstatfs(file)?.filesystem_type() == NSFS_MAGIC)
}

fn check_nsfs(file: impl AsFd, op: &str) -> Result<()> {
    match is_nsfs(file) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::invalid(op, "it is not a namespace").with_hint(
            "right is `/proc/PID/ns/KIND` or a bind mount of it, such as `/run/netns/NAME`",
        )),
        Err(errno) => Err(Error::system(op, errno)),
    }
}

fn no_process(op: &str, errno: nix::errno::Errno) -> Error {
    use nix::errno::Errno;
    match errno {
        Errno::ESRCH | Errno::ENOENT | Errno::EINVAL => {
            Error::missing(op, "there is no such process")
        }
        Errno::EACCES | Errno::EPERM => {
            Error::system(op, errno).with_hint(
                "it belongs to another user, or has capabilities that we lack: this needs root (CAP_SYS_PTRACE)",
            )
        }
        other => Error::system(op, other),
    }
}

/// A pidfd becomes readable when its process ends.
fn alive(process: &OwnedFd, op: &str) -> Result<()> {
    let mut fds = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, PollTimeout::ZERO) {
        Ok(0) => Ok(()),
        _ => Err(Error::missing(op, "the process has ended")),
    }
}
