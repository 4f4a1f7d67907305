//! The system calls that nix lacks or marks unsafe; the only unsafe code of the crate.
//!
//! # Safety
//!
//! Every block passes plain numbers, or pointers that outlive the call, and turns a returned descriptor into an owned one once.

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigHandler, Signal};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket, sockopt};
use nix::unistd::{ForkResult, Pid};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// `NS_GET_*`, linux/nsfs.h.
const NS_GET_USERNS: libc::c_ulong = 0xb701;
const NS_GET_PARENT: libc::c_ulong = 0xb702;
const NS_GET_NSTYPE: libc::c_ulong = 0xb703;
const NS_GET_OWNER_UID: libc::c_ulong = 0xb704;

/// The `CLONE_NEW*` flag of a namespace's kind, ioctl_nsfs(2).
pub(crate) fn ns_type(ns: BorrowedFd<'_>) -> nix::Result<i32> {
    // SAFETY: the request takes no argument.
    Errno::result(unsafe { libc::ioctl(ns.as_raw_fd(), NS_GET_NSTYPE as _) })
}

/// The user namespace that owns a namespace.
pub(crate) fn ns_owner(ns: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    ns_relative(ns, NS_GET_USERNS)
}

/// The parent of a PID or user namespace.
pub(crate) fn ns_parent(ns: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    ns_relative(ns, NS_GET_PARENT)
}

fn ns_relative(ns: BorrowedFd<'_>, request: libc::c_ulong) -> nix::Result<OwnedFd> {
    // SAFETY: the request takes no argument; the kernel returns a new descriptor, owned from here on.
    unsafe {
        Errno::result(libc::ioctl(ns.as_raw_fd(), request as _)).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// Who made a user namespace.
pub(crate) fn ns_owner_uid(ns: BorrowedFd<'_>) -> nix::Result<u32> {
    let mut uid: libc::uid_t = 0;
    // SAFETY: the kernel writes one uid_t to the address, which is valid during the call.
    Errno::result(unsafe { libc::ioctl(ns.as_raw_fd(), NS_GET_OWNER_UID as _, &mut uid) })?;
    Ok(uid)
}

/// A descriptor of a process, pidfd_open(2).
pub(crate) fn pidfd_open(pid: u32) -> nix::Result<OwnedFd> {
    // SAFETY: two numbers in; a new descriptor out, owned from here on.
    unsafe {
        let fd = Errno::result(libc::syscall(
            libc::SYS_pidfd_open,
            libc::c_long::from(pid),
            0 as libc::c_long,
        ))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

const FSOPEN_CLOEXEC: libc::c_long = 1; // linux/mount.h, as the next three
const FSMOUNT_CLOEXEC: libc::c_long = 1;
const FSCONFIG_CMD_CREATE: libc::c_long = 6;
const MOUNT_ATTR_NOSUID_NODEV_NOEXEC: libc::c_long = 2 | 4 | 8;

/// A procfs that is mounted nowhere, for the PID namespace of this process: `fsopen`, `fsconfig`, `fsmount` (Linux 5.2).
pub(crate) fn detached_proc() -> nix::Result<OwnedFd> {
    // SAFETY: a string that outlives the call, and a number; a new descriptor out, owned from here on.
    let context = unsafe {
        let name = c"proc".as_ptr();
        let fd = Errno::result(libc::syscall(libc::SYS_fsopen, name, FSOPEN_CLOEXEC))?;
        OwnedFd::from_raw_fd(fd as RawFd)
    };
    let (number, none) = (
        libc::c_long::from(context.as_raw_fd()),
        std::ptr::null::<libc::c_char>(),
    );
    // SAFETY: this command takes neither key nor value.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_fsconfig,
            number,
            FSCONFIG_CMD_CREATE,
            none,
            none,
            0 as libc::c_long,
        )
    })?;
    // SAFETY: three numbers in; a new descriptor out, owned from here on.
    unsafe {
        let fd = Errno::result(libc::syscall(
            libc::SYS_fsmount,
            number,
            FSMOUNT_CLOEXEC,
            MOUNT_ATTR_NOSUID_NODEV_NOEXEC,
        ))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

nix::getsockopt_impl!(
    NetnsCookie,
    libc::SOL_SOCKET,
    libc::SO_NETNS_COOKIE,
    u64,
    sockopt::GetStruct<u64>
);

#[derive(Clone, Copy)]
struct NetnsCookie;

/// The cookie of the calling thread's network namespace, `SO_NETNS_COOKIE` (Linux 5.14).
pub(crate) fn netns_cookie() -> io::Result<u64> {
    let family = AddressFamily::Netlink; // always built in, needs no address
    let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    netns_cookie_of(&socket)
}

/// The cookie of the network namespace that a socket was opened in.
pub(crate) fn netns_cookie_of(socket: &impl AsFd) -> io::Result<u64> {
    Ok(nix::sys::socket::getsockopt(socket, NetnsCookie)?)
}

/// Sends a signal to the process behind a pidfd, pidfd_send_signal(2).
pub(crate) fn pidfd_send_signal(process: BorrowedFd<'_>, signal: i32) -> nix::Result<()> {
    // SAFETY: numbers and a null pointer, which stands for no further information.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0 as libc::c_uint,
        )
    };
    Errno::result(sent).map(drop)
}

/// Forks. The child runs the closure and ends with its value; it never returns into the caller's frames.
///
/// The closure must not allocate, take locks or read the environment: other threads may have held them at this moment.
pub(crate) fn fork(child: impl FnOnce() -> i32) -> nix::Result<Pid> {
    // SAFETY: the child only calls the closure, under the rule above, and ends itself.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => end(child),
    }
}

/// As [`fork`], from a process that has one thread. The child is a child of our parent's if `sibling`.
pub(crate) fn fork_again(sibling: bool, child: impl FnOnce() -> i32) -> nix::Result<Pid> {
    let parent = if sibling { libc::CLONE_PARENT } else { 0 };
    let flags = libc::c_long::from(parent | libc::SIGCHLD);
    let zero: libc::c_long = 0;
    // SAFETY: without CLONE_VM and a stack this is fork(2) without the bookkeeping of libc, which a process of one thread
    // that goes on to exec can do without. All arguments but the flags are zero, so their order, which differs, is no matter.
    match Errno::result(unsafe { libc::syscall(libc::SYS_clone, flags, zero, zero, zero, zero) })? {
        0 => end(child),
        pid => Ok(Pid::from_raw(pid as libc::pid_t)),
    }
}

fn end(child: impl FnOnce() -> i32) -> ! {
    crate::lent::forget();
    let code = catch_unwind(AssertUnwindSafe(child)).unwrap_or(125);
    // SAFETY: ends the process without running what was registered for the parent's end.
    unsafe { libc::_exit(code) }
}

/// A list of strings in the form execve(2) takes.
pub(crate) struct Strings {
    /// Owns what the pointers point to; the heap buffers do not move with the list.
    owned: Vec<CString>,
    pointers: Vec<*const libc::c_char>,
}

impl Strings {
    pub(crate) fn new(owned: Vec<CString>) -> Strings {
        let end = std::iter::once(std::ptr::null());
        let pointers = owned.iter().map(|text| text.as_ptr()).chain(end).collect();
        Strings { owned, pointers }
    }

    pub(crate) fn get(&self) -> &[CString] {
        &self.owned
    }
}

/// Becomes another program, without allocating; returns only if that failed.
pub(crate) fn execve(path: &CStr, args: &Strings, env: &Strings) -> Errno {
    // SAFETY: a terminated string and two lists of such, each ending with a null pointer, all alive during the call.
    unsafe { libc::execve(path.as_ptr(), args.pointers.as_ptr(), env.pointers.as_ptr()) };
    Errno::last()
}

/// Closes all descriptors from 3 on but these, which must be sorted.
pub(crate) fn close_all_but(keep: &[RawFd]) -> nix::Result<()> {
    let mut first: libc::c_uint = 3;
    for fd in keep
        .iter()
        .map(|fd| fd.unsigned_abs())
        .filter(|fd| *fd >= 3)
    {
        if fd > first {
            close_range(first, fd - 1, 0)?;
        }
        first = fd + 1;
    }
    close_range(first, libc::c_uint::MAX, 0)
}

/// Marks all descriptors from 3 on to be closed when another program takes over.
pub(crate) fn close_on_exec() -> nix::Result<()> {
    close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
}

fn close_range(first: libc::c_uint, last: libc::c_uint, flags: libc::c_uint) -> nix::Result<()> {
    // SAFETY: three numbers. Only a child of ours that owns nothing but what it keeps closes; the other use only marks.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) }).map(drop)
}

/// Puts these signals back to what the kernel does by default.
pub(crate) fn default_signals(signals: &[Signal]) -> nix::Result<()> {
    for signal in signals {
        // SAFETY: no handler is installed.
        unsafe { nix::sys::signal::signal(*signal, SigHandler::SigDfl) }?;
    }
    Ok(())
}

/// Whether a descriptor, open or not, is a terminal. Allocates nothing.
pub(crate) fn is_terminal(fd: RawFd) -> bool {
    // SAFETY: a number in, a number out.
    unsafe { libc::isatty(fd) == 1 }
}

/// Gives the calling process's controlling terminal up, ioctl_tty(2). A leader of a session keeps it: with it the whole session would
/// lose it.
pub(crate) fn leave_terminal(terminal: BorrowedFd<'_>) -> nix::Result<()> {
    if nix::unistd::getsid(None)? == nix::unistd::getpid() {
        return Ok(());
    }
    // SAFETY: the request takes no argument.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCNOTTY as _) }).map(drop)
}

/// Sets `lo` up in the calling thread's network namespace. Allocates nothing, so that a forked child may call it; netdevice(7).
pub(crate) fn loopback_up() -> nix::Result<()> {
    let socket = socket(
        AddressFamily::Unix,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let flags = (libc::IFF_UP | libc::IFF_RUNNING | libc::IFF_LOOPBACK) as libc::c_short;
    // SAFETY: all bytes zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = flags;
    // SAFETY: the request is an ifreq, alive and ours during the call.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &mut request) })
        .map(drop)
}
