//! The kernel as a function: request in, replies out. For tests of everything above the bytes.
//!
//! ```
//! use core_netlink::{Conn, fake::Reply};
//! let conn = Conn::fake(|request| {
//!     assert!(request.flags.contains(core_netlink::Flags::NONE));
//!     Reply::Errno(17)
//! });
//! # drop(conn);
//! ```

use crate::wire::{self, Flags, Frames};
use neli::consts::nl::{NlmF, Nlmsg};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::{fmt, io};

/// A request as the kernel would see it.
#[derive(Debug)]
pub struct Sent<'a> {
    /// The message type, such as 16 for `RTM_NEWLINK`.
    pub kind: u16,
    /// Its flags.
    pub flags: Flags,
    /// Header and attributes behind the message header.
    pub body: &'a [u8],
}

/// What the kernel answers to one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Done; acknowledged if that was asked for.
    Ack,
    /// Done, with the words of a warning.
    Warning(String),
    /// Refused with this error number.
    Errno(i32),
    /// Refused with this error number and these words.
    Words(i32, String),
    /// These objects (type and body each), then an acknowledgement or the end of the list.
    Records(Vec<(u16, Vec<u8>)>),
    /// The same, marked as interrupted.
    Interrupted(Vec<(u16, Vec<u8>)>),
    /// The same, and receiving it fails the first time; meanwhile no other list is made.
    Torn(Vec<(u16, Vec<u8>)>),
    /// No answer at all.
    Silence,
}

/// The kernel fills datagrams of this size when it lists (`NLMSG_GOODSIZE`).
const ENOUGH: usize = 8192;

type Function = Box<dyn FnMut(&Sent<'_>) -> Reply + Send>;

/// A function that plays the kernel, with its answers waiting to be received.
pub(crate) struct FakeKernel {
    function: Function,
    waiting: VecDeque<Vec<u8>>,
    /// The next receiving fails.
    torn: bool,
    /// A list is being read that was torn.
    unread: bool,
    nothing: io::Stdin, // lends a descriptor where one must be lent
}

impl fmt::Debug for FakeKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeKernel({} waiting)", self.waiting.len())
    }
}

impl FakeKernel {
    pub(crate) fn new(function: impl FnMut(&Sent<'_>) -> Reply + Send + 'static) -> Self {
        FakeKernel {
            function: Box::new(function),
            waiting: VecDeque::new(),
            torn: false,
            unread: false,
            nothing: io::stdin(),
        }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.nothing.as_fd()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for frame in Frames(bytes) {
            let frame = frame.map_err(io::Error::other)?;
            let flags = Flags::from_wire(frame.flags);
            let (kind, body) = (frame.kind, frame.body);
            self.unread &= !self.waiting.is_empty();
            let reply = match flags.contains(Flags::DUMP) && self.unread {
                true => Reply::Errno(nix::libc::EBUSY),
                false => (self.function)(&Sent { kind, flags, body }),
            };
            self.answer(reply, flags, frame.seq);
        }
        Ok(())
    }

    fn answer(&mut self, reply: Reply, flags: Flags, seq: u32) {
        let mut out = Vec::new();
        match reply {
            Reply::Ack => ack_if_asked(&mut out, flags, seq),
            Reply::Warning(text) => verdict(&mut out, seq, 0, Some(&text)),
            Reply::Errno(errno) => verdict(&mut out, seq, errno, None),
            Reply::Words(errno, text) => verdict(&mut out, seq, errno, Some(&text)),
            Reply::Records(records) => list(&mut out, &records, flags, seq, 0),
            Reply::Interrupted(records) => {
                list(&mut out, &records, flags, seq, NlmF::DUMP_INTR.bits());
            }
            Reply::Torn(records) => {
                list(&mut out, &records, flags, seq, 0);
                (self.torn, self.unread) = (true, true);
            }
            Reply::Silence => {}
        }
        while !out.is_empty() {
            let rest = out.split_off(datagram(&out));
            self.waiting.push_back(std::mem::replace(&mut out, rest));
        }
    }

    pub(crate) fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.torn) {
            return Err(io::Error::from_raw_os_error(nix::libc::ENOMEM));
        }
        let next = self.waiting.pop_front();
        let next = next.ok_or(io::ErrorKind::WouldBlock)?;
        let room = into.get_mut(..next.len());
        room.ok_or(io::ErrorKind::InvalidInput)?
            .copy_from_slice(&next);
        Ok(next.len())
    }
}

/// How many bytes of these messages go into one datagram: as the kernel does it, whole ones, until there are enough.
fn datagram(bytes: &[u8]) -> usize {
    let mut end = 0;
    for frame in Frames(bytes).map_while(Result::ok) {
        end += crate::attr::align(wire::HEADER + frame.body.len());
        if end >= ENOUGH {
            break;
        }
    }
    end.clamp(1, bytes.len())
}

fn ack_if_asked(out: &mut Vec<u8>, flags: Flags, seq: u32) {
    if flags.contains(Flags::ACK) {
        verdict(out, seq, 0, None);
    }
}

fn list(out: &mut Vec<u8>, records: &[(u16, Vec<u8>)], flags: Flags, seq: u32, mark: u16) {
    for (kind, body) in records {
        message(out, *kind, mark, seq, body);
    }
    if flags.contains(Flags::DUMP) {
        message(out, Nlmsg::Done.into(), mark, seq, &[0; 4]);
    } else {
        ack_if_asked(out, flags, seq);
    }
}

fn verdict(out: &mut Vec<u8>, seq: u32, errno: i32, text: Option<&str>) {
    let mut body = errno.wrapping_neg().to_ne_bytes().to_vec();
    body.extend_from_slice(&[0; wire::HEADER]);
    let mut flags = NlmF::CAPPED.bits();
    if let Some(text) = text {
        flags |= NlmF::ACK_TLVS.bits();
        crate::Writer::new(&mut body).str(1, text);
    }
    message(out, Nlmsg::Error.into(), flags, seq, &body);
}

fn message(out: &mut Vec<u8>, kind: u16, flags: u16, seq: u32, body: &[u8]) {
    let start = wire::begin(out, kind, Flags::NONE, seq);
    out[start + 6..start + 8].copy_from_slice(&flags.to_ne_bytes());
    out.extend_from_slice(body);
    wire::finish(out, start);
    out.resize(crate::attr::align(out.len()), 0);
}
