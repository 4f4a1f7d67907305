//! The system calls that nix lacks or marks unsafe; the only unsafe code of the crate.
//!
//! # Safety
//!
//! Every block passes plain numbers, or pointers that outlive the call, and turns a returned descriptor into an owned one once.

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket, sockopt};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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
    Ok(nix::sys::socket::getsockopt(&socket, NetnsCookie)?)
}
