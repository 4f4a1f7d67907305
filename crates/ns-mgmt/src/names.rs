//! `/run/netns`: names of network namespaces, shared with iproute2.
//!
//! A name is an empty file with the namespace mounted on it. A file without the mount is what a crash left behind; it never
//! counts as a namespace. Changes are made under the lock that iproute2 takes too: flock(2) on the directory.

use crate::namespace::is_nsfs;
use crate::{Deleted, Error, Kind, Namespace, NsName, Result, holders};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{mkdir, unlink};
use std::fs::{self, File, TryLockError};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where names of network namespaces lie, iproute2's too.
pub const NETNS_DIR: &str = "/run/netns";
const DIR: &str = NETNS_DIR;
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How long another program may take between making the file and mounting the namespace on it.
const BIRTH: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(2);

/// A name under `/run/netns`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Named {
    /// The name.
    pub name: NsName,
    /// The inode of the namespace; none if the file is what a crash left behind.
    pub inode: Option<u64>,
}

fn path(name: &NsName) -> PathBuf {
    PathBuf::from(DIR).join(name.as_str())
}

pub(crate) fn open_name(name: &NsName, op: &str) -> Result<Namespace> {
    Namespace::open_path(Kind::Net, path(name)).map_err(|err| match err.errno() {
        Some(libc::ENOENT) => Error::missing(op, format!("there is no {DIR}/{name}"))
            .with_hint(format!("vetch netns add {name}")),
        None if is_stale(name) => Error::missing(
            op,
            format!("{DIR}/{name} is a plain file that a crash left behind"),
        )
        .with_hint(format!("vetch netns delete {name}")),
        _ => err,
    })
}

pub(crate) fn open(name: &NsName) -> Result<Namespace> {
    open_name(name, &format!("open network namespace `{name}`"))
}

fn is_stale(name: &NsName) -> bool {
    matches!(look(name), Ok(Look::Plain { .. }))
}

/// What lies at a name.
enum Look {
    Namespace(u64),
    Plain { age: Duration, empty_file: bool },
}

fn look(name: &NsName) -> nix::Result<Look> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = nix::fcntl::open(&path(name), flags, Mode::empty())?;
    let stat = fstat(&file)?;
    if is_nsfs(&file)? {
        return Ok(Look::Namespace(stat.st_ino));
    }
    let born = UNIX_EPOCH + Duration::from_secs(stat.st_ctime.unsigned_abs());
    let age = SystemTime::now()
        .duration_since(born)
        .unwrap_or(Duration::ZERO);
    let empty_file =
        stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits() && stat.st_size == 0;
    Ok(Look::Plain { age, empty_file })
}

pub(crate) fn list() -> Result<Vec<Named>> {
    let op = format!("list {DIR}");
    let entries = match fs::read_dir(DIR) {
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|err| Error::system(&*op, err))?,
    };
    let names = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(|name: NsName| Named {
            inode: match look(&name) {
                Ok(Look::Namespace(inode)) => Some(inode),
                _ => None,
            },
            name,
        });
    let mut names: Vec<Named> = names.collect();
    names.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(names)
}

pub(crate) fn of(namespace: &Namespace) -> Result<Vec<NsName>> {
    let wanted = Some(namespace.inode());
    Ok(list()?
        .into_iter()
        .filter(|named| named.inode == wanted)
        .map(|named| named.name)
        .collect())
}

/// Takes the name, makes the namespace, mounts it on the name; takes the name back if that fails.
pub(crate) fn bind(
    name: &NsName,
    op: &str,
    make: impl FnOnce() -> Result<Namespace>,
) -> Result<Namespace> {
    let _lock = prepare(op)?;
    claim(name, op)?;
    let mounted = make().and_then(|made| {
        let source = format!("/proc/thread-self/fd/{}", made.as_fd().as_raw_fd());
        mount(
            Some(&*source),
            &path(name),
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )
        .map_err(|errno| refused(op, errno))?;
        Ok(made)
    });
    if mounted.is_err() {
        let _ = unlink(&path(name)); // ours, empty, nothing mounted on it
    }
    mounted
}

/// Makes the empty file. A file that a crash left behind is used again, once it is too old to be another program's beginning.
fn claim(name: &NsName, op: &str) -> Result<()> {
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let start = Instant::now();
    loop {
        match nix::fcntl::open(&path(name), flags, Mode::empty()) {
            Ok(_) => return Ok(()),
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(refused(op, errno)),
        }
        match look(name) {
            Ok(Look::Namespace(_)) => {
                return Err(Error::exists(
                    op,
                    format!("there is a network namespace of that name in {DIR}"),
                )
                .with_hint(format!("vetch netns delete {name}")));
            }
            Ok(Look::Plain {
                empty_file: false, ..
            }) => {
                return Err(Error::exists(
                    op,
                    format!("{DIR}/{name} is something else, and not ours to remove"),
                ));
            }
            Ok(Look::Plain { age, .. }) if age > BIRTH || start.elapsed() > 2 * BIRTH => {
                remove_file(name, op)?
            }
            Ok(Look::Plain { .. }) => sleep(TICK),
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(refused(op, errno)),
        }
    }
}

fn remove_file(name: &NsName, op: &str) -> Result<()> {
    match unlink(&path(name)) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno @ (Errno::EISDIR | Errno::EPERM)) => {
            Err(Error::system(op, errno).with_hint(format!("look at {DIR}/{name}")))
        }
        Err(errno) => Err(refused(op, errno)),
    }
}

pub(crate) fn delete(name: &NsName) -> Result<Deleted> {
    let op = format!("delete network namespace `{name}`");
    let found = look(name).map_err(|errno| match errno {
        Errno::ENOENT => Error::missing(&*op, format!("there is no {DIR}/{name}")),
        other => refused(&op, other),
    })?;
    let alive = match found {
        Look::Namespace(_) => Some(open_name(name, &op)?),
        Look::Plain { .. } => None,
    };
    remove(name, &op)?;
    match alive {
        Some(namespace) => holders::after_delete(namespace),
        None => Ok(Deleted::default()),
    }
}

/// Unmounts all that is stacked on the name, then removes it.
fn remove(name: &NsName, op: &str) -> Result<()> {
    let _lock = lock(op)?;
    loop {
        match umount2(
            &path(name),
            MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW,
        ) {
            Ok(()) => {}
            Err(Errno::EINVAL | Errno::ENOENT) => return remove_file(name, op),
            Err(errno) => return Err(refused(op, errno)),
        }
    }
}

/// Makes the directory, and makes it a shared mount so that a delete reaches every mount namespace: as iproute2 does, once.
fn prepare(op: &str) -> Result<Lock> {
    for dir in ["/run", DIR] {
        match mkdir(dir, Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(refused(op, errno)),
        }
    }
    let lock = lock(op)?;
    let share = || {
        mount(
            None::<&str>,
            DIR,
            None::<&str>,
            MsFlags::MS_SHARED | MsFlags::MS_REC,
            None::<&str>,
        )
    };
    if share() == Err(Errno::EINVAL) {
        let bind = MsFlags::MS_BIND | MsFlags::MS_REC; // not a mount point yet
        mount(Some(DIR), DIR, None::<&str>, bind, None::<&str>)
            .map_err(|errno| refused(op, errno))?;
        share().map_err(|errno| refused(op, errno))?;
    }
    Ok(lock)
}

/// Held until dropped, in the children that were made meanwhile too.
struct Lock(File);

impl Drop for Lock {
    /// Where unlocking is refused, closing unlocks.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

fn errno(err: TryLockError) -> Errno {
    match err {
        TryLockError::WouldBlock => Errno::EAGAIN,
        TryLockError::Error(err) => Errno::from_raw(err.raw_os_error().unwrap_or(libc::EIO)),
    }
}

fn lock(op: &str) -> Result<Lock> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let dir = nix::fcntl::open(DIR, flags, Mode::empty()).map_err(|errno| refused(op, errno))?;
    let dir = File::from(dir);
    let start = Instant::now();
    loop {
        match dir.try_lock().map_err(errno) {
            Ok(()) => return Ok(Lock(dir)),
            Err(Errno::EAGAIN | Errno::EINTR) if start.elapsed() < LOCK_WAIT => {}
            Err(Errno::EAGAIN) => {
                return Err(Error::system(op, Errno::EAGAIN).with_hint(format!(
                    "another program holds the lock on {DIR}: fuser -v {DIR}"
                )));
            }
            Err(errno) => return Err(refused(op, errno)),
        }
        sleep(TICK);
    }
}

fn refused(op: &str, errno: Errno) -> Error {
    let err = Error::system(op, errno);
    match errno {
        Errno::EPERM | Errno::EACCES => {
            err.with_hint("this needs root (CAP_SYS_ADMIN), or `vetch sandbox -- CMD`")
        }
        Errno::EROFS => err.with_hint("/run is read-only here: mount a tmpfs on it"),
        _ => err,
    }
}
