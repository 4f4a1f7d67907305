//! # Safety
//!
//! neli's socket does not lend its descriptor as a checked type, and the requests that make a tap are known to no library as checked
//! functions; this is the one place that has both.

use crate::types::IfName;
use neli::socket::NlSocket;
use nix::libc::{self, c_char, c_int, c_short, c_ulong};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The descriptor of an open socket, for as long as the socket is borrowed.
pub(crate) fn borrow(socket: &NlSocket) -> BorrowedFd<'_> {
    // SAFETY: the socket owns an open descriptor until it is dropped, and the result's lifetime is that of the borrow.
    unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
}

/// Ethernet frames (linux/if_tun.h).
pub(crate) const IFF_TAP: u16 = 0x0002;
/// May be opened more than once.
pub(crate) const IFF_MULTI_QUEUE: u16 = 0x0100;
/// Without `struct tun_pi` before each frame.
pub(crate) const IFF_NO_PI: u16 = 0x1000;
/// With a header of virtio before each frame.
pub(crate) const IFF_VNET_HDR: u16 = 0x4000;
/// Only if it is not there.
pub(crate) const IFF_TUN_EXCL: u16 = 0x8000;

/// `TUNSET*` of linux/if_tun.h.
mod tun {
    use super::{c_int, libc};

    nix::ioctl_readwrite_bad!(
        set_iff,
        nix::request_code_write!(b'T', 202, size_of::<c_int>()),
        libc::ifreq
    );
    nix::ioctl_write_int!(set_persist, b'T', 203);
    nix::ioctl_write_int!(set_owner, b'T', 204);
    nix::ioctl_write_int!(set_group, b'T', 206);
}

/// Makes a tun or tap and ties it to the descriptor; answers with its name. The kernel chooses one if none is given.
pub(crate) fn tun_set_iff(
    device: BorrowedFd<'_>,
    name: Option<IfName>,
    flags: u16,
) -> io::Result<IfName> {
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_flags: flags.cast_signed() as c_short,
        },
    };
    let wished = name.as_ref().map_or(&[][..], IfName::as_bytes);
    for (to, from) in request.ifr_name.iter_mut().zip(wished) {
        *to = *from as c_char;
    }
    // SAFETY: the request reads and writes one `struct ifreq`, which `request` is, and keeps no pointer to it. On a descriptor of another
    // device it is refused.
    unsafe { tun::set_iff(device.as_raw_fd(), &raw mut request) }?;
    let made = request.ifr_name.map(|byte| byte as u8);
    let end = made
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(made.len());
    Ok(IfName::from_kernel(made.get(..end).unwrap_or_default()))
}

/// What was made stays when the descriptor is closed.
pub(crate) fn tun_set_persist(device: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the argument is a number, no pointer.
    unsafe { tun::set_persist(device.as_raw_fd(), 1) }?;
    Ok(())
}

/// The user who may open it.
pub(crate) fn tun_set_owner(device: BorrowedFd<'_>, owner: u32) -> io::Result<()> {
    // SAFETY: the argument is a number, no pointer.
    unsafe { tun::set_owner(device.as_raw_fd(), c_ulong::from(owner)) }?;
    Ok(())
}

/// The group whose members may open it.
pub(crate) fn tun_set_group(device: BorrowedFd<'_>, group: u32) -> io::Result<()> {
    // SAFETY: the argument is a number, no pointer.
    unsafe { tun::set_group(device.as_raw_fd(), c_ulong::from(group)) }?;
    Ok(())
}
