//! The slow end of a detach: the kernel takes 20 to 40 ms to delete what is already out of service. Nobody needs to wait for it.

use crate::failure::Failure;
use crate::sys;
use bridge::Detached;
use std::fs;
use std::os::fd::RawFd;

/// Leaves the deleting to a process of its own that holds nothing but its netlink sockets and the notes of what it deletes, or does it here (`--wait`).
///
/// The [`bridge::Host`] must be gone, so that its locks are free. Where no process can be had it is done here.
pub(crate) fn settle(detached: Detached, wait: bool) -> Result<(), Failure> {
    if wait || detached.is_settled() {
        return Ok(detached.settle()?);
    }
    let mut left = Some(detached);
    let orphan = sys::in_orphan(|| {
        let detached = left.take();
        close_all_but(
            &detached
                .as_ref()
                .map(Detached::descriptors)
                .unwrap_or_default(),
        );
        // Nobody is there to be told; the next command deletes what is left.
        let _ = detached.map(Detached::settle);
    });
    match (orphan, left) {
        (Ok(()), Some(detached)) => {
            // The child works on the same sockets: closing ours here waits for nothing while it holds them.
            detached.leave();
            Ok(())
        }
        (_, Some(detached)) => Ok(detached.settle()?),
        (_, None) => Ok(()),
    }
}

/// A descriptor kept by mistake keeps a lock, a namespace or the pipe of somebody who waits for our end.
fn close_all_but(needed: &[RawFd]) {
    let Ok(open) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers: Vec<RawFd> = open
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    for fd in numbers
        .into_iter()
        .filter(|fd| *fd > 2 && !needed.contains(fd))
    {
        let _ = nix::unistd::close(fd);
    }
}
