//! # Safety
//!
//! neli's socket does not lend its descriptor as a checked type; this is the one place that does.

use neli::socket::NlSocket;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The descriptor of an open socket, for as long as the socket is borrowed.
pub(crate) fn borrow(socket: &NlSocket) -> BorrowedFd<'_> {
    // SAFETY: the socket owns an open descriptor until it is dropped, and the result's lifetime is that of the borrow.
    unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
}
