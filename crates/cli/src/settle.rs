//! The slow end of a detach: the kernel takes 20 to 40 ms to delete what is already out of service. Nobody needs to wait for it.

use crate::failure::Failure;
use crate::sys;
use bridge::Detached;
use nix::sys::socket::{AddressFamily, SockaddrLike, SockaddrStorage, getsockname};
use std::fs;
use std::os::fd::RawFd;

/// Leaves the deleting to a process of its own that holds nothing but its netlink sockets, or does it here (`--wait`).
///
/// The [`bridge::Host`] must be gone, so that its locks are free. Where no process can be had it is done here.
pub(crate) fn settle(detached: Detached, wait: bool) -> Result<(), Failure> {
    if wait || detached.is_settled() {
        return Ok(detached.settle()?);
    }
    let mut left = Some(detached);
    let orphan = sys::in_orphan(|| {
        close_all_but_netlink();
        // Nobody is there to be told; the next command deletes what is left.
        let _ = left.take().map(Detached::settle);
    });
    match (orphan, left) {
        (Ok(()), Some(detached)) => {
            // The child works on the same sockets: closing ours here waits for nothing while it holds them.
            drop(detached);
            Ok(())
        }
        (_, Some(detached)) => Ok(detached.settle()?),
        (_, None) => Ok(()),
    }
}

/// A descriptor kept by mistake keeps a lock, a namespace or the pipe of somebody who waits for our end.
fn close_all_but_netlink() {
    let Ok(open) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers: Vec<RawFd> = open
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    for fd in numbers.into_iter().filter(|fd| *fd > 2 && !is_netlink(*fd)) {
        let _ = nix::unistd::close(fd);
    }
}

fn is_netlink(fd: RawFd) -> bool {
    getsockname::<SockaddrStorage>(fd)
        .is_ok_and(|address| address.family() == Some(AddressFamily::Netlink))
}
