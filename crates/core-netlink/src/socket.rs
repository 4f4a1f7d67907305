//! The socket under a connection: opened by neli, read with `recvmsg` so that the sender and a cut are seen.

use crate::fake::FakeKernel;
use crate::sys;
use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;
use nix::libc;
use nix::sys::socket::{MsgFlags, NetlinkAddr, SockaddrLike, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeVal;
use nix::{setsockopt_impl, sockopt_impl};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

sockopt_impl!(
    /// Acknowledge without echoing the request.
    CapAck,
    SetOnly,
    libc::SOL_NETLINK,
    libc::NETLINK_CAP_ACK,
    bool
);

/// Which part of the kernel to talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// Links, addresses, routes, neighbours, rules (rtnetlink(7)).
    Route,
    /// nf_tables and connection tracking.
    Netfilter,
    /// Generic netlink families, found by name.
    Generic,
    /// Sockets of other processes (sock_diag(7)).
    SockDiag,
}

impl Protocol {
    fn family(self) -> NlFamily {
        match self {
            Protocol::Route => NlFamily::Route,
            Protocol::Netfilter => NlFamily::Netfilter,
            Protocol::Generic => NlFamily::Generic,
            Protocol::SockDiag => NlFamily::SockOrInetDiag,
        }
    }
}

/// The real socket, or the function that stands for the kernel in tests.
pub(crate) enum Socket {
    Real(Real),
    Fake(FakeKernel),
}

/// A socket, and how long a receive may wait, if the kernel has not been told.
pub(crate) struct Real {
    socket: NlSocket,
    limit: Option<Duration>,
}

impl Socket {
    pub(crate) fn open(protocol: Protocol) -> io::Result<Socket> {
        let socket = NlSocket::new(protocol.family())?;
        socket.enable_ext_ack(true)?;
        if protocol == Protocol::Route {
            socket.enable_strict_checking(true)?;
        }
        setsockopt(&sys::borrow(&socket), CapAck, &true)?;
        let limit = None;
        Ok(Socket::Real(Real { socket, limit }))
    }

    /// How long a receive may wait. The kernel is told when there is something to wait for: most answers are there before `send` returns.
    pub(crate) fn set_timeout(&mut self, limit: Duration) {
        if let Socket::Real(real) = self {
            real.limit = Some(limit);
        }
    }

    /// A larger receive buffer in bytes, beyond the system's limit where privilege allows.
    pub(crate) fn set_buffer(&self, bytes: usize) -> io::Result<()> {
        let Socket::Real(real) = self else {
            return Ok(());
        };
        let fd = sys::borrow(&real.socket);
        let forced = setsockopt(&fd, sockopt::RcvBufForce, &bytes);
        Ok(forced.or_else(|_| setsockopt(&fd, sockopt::RcvBuf, &bytes))?)
    }

    pub(crate) fn join(&self, group: u32) -> io::Result<()> {
        match self {
            Socket::Real(Real { socket, .. }) => {
                bind(socket)?;
                socket.add_mcast_membership(Groups::new_groups(&[group]))
            }
            Socket::Fake(_) => Ok(()),
        }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Real(real) => sys::borrow(&real.socket),
            Socket::Fake(kernel) => kernel.fd(),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Socket::Real(Real { socket, .. }) => match socket.send(bytes, Msg::empty()) {
                Err(err) if err.raw_os_error() == Some(libc::EMSGSIZE) => {
                    make_room(socket, bytes.len())?;
                    socket.send(bytes, Msg::empty()).map(drop)
                }
                sent => sent.map(drop),
            },
            Socket::Fake(kernel) => kernel.send(bytes),
        }
    }

    /// One datagram from the kernel; those of other senders are dropped, a cut one is an error.
    pub(crate) fn receive(&mut self, into: &mut [u8], wait: bool) -> io::Result<usize> {
        match self {
            Socket::Real(real) => real.receive(into, wait),
            Socket::Fake(kernel) => kernel.receive(into),
        }
    }
}

impl Real {
    fn receive(&mut self, into: &mut [u8], wait: bool) -> io::Result<usize> {
        match receive_real(&self.socket, into, wait && self.limit.is_none()) {
            Err(err) if wait && err.kind() == io::ErrorKind::WouldBlock => {
                self.tell_limit()?;
                receive_real(&self.socket, into, true)
            }
            got => got,
        }
    }

    fn tell_limit(&mut self) -> io::Result<()> {
        let Some(limit) = self.limit.take() else {
            return Err(io::ErrorKind::WouldBlock.into()); // it was told, and waited for
        };
        let limit = TimeVal::new(limit.as_secs() as i64, i64::from(limit.subsec_micros()));
        let fd = sys::borrow(&self.socket);
        Ok(setsockopt(&fd, sockopt::ReceiveTimeout, &limit)?)
    }
}

/// An unbound socket gets no notices; a second bind is refused, and not needed.
fn bind(socket: &NlSocket) -> io::Result<()> {
    match socket.bind(None, Groups::empty()) {
        Err(err) if err.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        other => other,
    }
}

/// A transaction is one message, however long: thousands of elements are more than the usual 208 KiB. Beyond the system's limit where
/// privilege allows.
fn make_room(socket: &NlSocket, bytes: usize) -> io::Result<()> {
    let fd = sys::borrow(socket);
    let enough = bytes + 1024; // the kernel keeps a little of it for itself
    let forced = setsockopt(&fd, sockopt::SndBufForce, &enough);
    Ok(forced.or_else(|_| setsockopt(&fd, sockopt::SndBuf, &enough))?)
}

fn receive_real(socket: &NlSocket, into: &mut [u8], wait: bool) -> io::Result<usize> {
    let flags = if wait {
        MsgFlags::empty()
    } else {
        MsgFlags::MSG_DONTWAIT
    };
    loop {
        let mut parts = [IoSliceMut::new(into)];
        let got = match recvmsg::<NetlinkAddr>(socket.as_raw_fd(), &mut parts, None, flags) {
            Err(nix::errno::Errno::EINTR) => continue,
            other => other?,
        };
        if got.flags.contains(MsgFlags::MSG_TRUNC) {
            return Err(io::Error::other("the answer is larger than the buffer"));
        }
        let sender = got
            .address
            .filter(|from| from.len() > 0)
            .map(|from| from.pid());
        if sender == Some(0) {
            return Ok(got.bytes);
        }
    }
}
