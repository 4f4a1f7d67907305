//! One conversation with the kernel: change, get, dump, batch, transact, subscribe.
//!
//! Owns sequence numbers, acknowledgements, time limits and repeats; nobody above knows of them.
//! Every error that leaves this file is an [`Error`] that says what was tried.

mod batch;
mod notice;
mod room;
mod several;
#[cfg(test)]
mod tests;

pub use batch::Failed;
pub use notice::Notice;

use crate::attr::{Malformed, Writer};
use crate::error::{Cause, Error, Result};
use crate::fake::{FakeKernel, Reply, Sent};
use crate::socket::{Protocol, Socket};
use crate::trace::Looker;
use crate::wire::{self, Flags, Frame, Frames};
use room::Room;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

const TIME_LIMIT: Duration = Duration::from_secs(30); // a group delete of 1,000 links takes under one
const DUMP_ATTEMPTS: usize = 8;

/// What can be sent: one object, one intent.
pub trait Request {
    /// The message type, such as `RTM_NEWLINK`.
    fn kind(&self) -> u16;

    /// Create, replace, echo and the like.
    fn flags(&self) -> Flags {
        Flags::NONE
    }

    /// Writes the fixed header and the attributes.
    fn encode(&self, w: &mut Writer<'_>);

    /// Completes "cannot ...": `add link `br0``. Called only for errors.
    fn what(&self) -> String;

    /// Why it must not be sent, such as fields that contradict each other. Asked before anything is written.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

impl<R: Request + ?Sized> Request for &R {
    fn kind(&self) -> u16 {
        (**self).kind()
    }

    fn flags(&self) -> Flags {
        (**self).flags()
    }

    fn encode(&self, w: &mut Writer<'_>) {
        (**self).encode(w);
    }

    fn what(&self) -> String {
        (**self).what()
    }

    fn check(&self) -> Result<(), String> {
        (**self).check()
    }
}

/// A request that is answered with objects.
pub trait Query: Request {
    /// The object.
    type Record: Record;
}

impl<Q: Query + ?Sized> Query for &Q {
    type Record = Q::Record;
}

/// An object as the kernel reports it.
pub trait Record: Sized {
    /// Reads the body of a message of type `kind`; `None` if that is another object's.
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed>;
}

/// A socket to the kernel, bound to the network namespace it was opened in.
///
/// ```no_run
/// use core_netlink::{Conn, Protocol};
/// let conn = Conn::open(Protocol::Route)?;
/// # Ok::<(), core_netlink::Error>(())
/// ```
pub struct Conn {
    socket: Socket,
    seq: u32,
    out: Vec<u8>,
    warnings: Vec<String>,
    /// A list whose end was not read: the kernel makes no other one meanwhile.
    unread: Option<u32>,
    protocol: Protocol,
    looker: Option<Looker>,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn")
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

/// Where a message ended up in the send buffer.
struct Placed {
    seq: u32,
    start: usize,
}

impl Conn {
    /// Opens a socket in the network namespace of the calling thread.
    pub fn open(protocol: Protocol) -> Result<Conn> {
        let mut socket = Socket::open(protocol).map_err(|err| {
            Error::new(
                format!("open a {protocol:?} netlink socket"),
                Cause::Socket(err),
            )
        })?;
        socket.set_timeout(TIME_LIMIT);
        Ok(Conn::over(protocol, socket))
    }

    /// A connection to a function that plays the kernel.
    pub fn fake(kernel: impl FnMut(&Sent<'_>) -> Reply + Send + 'static) -> Conn {
        Conn::over(Protocol::Route, Socket::Fake(FakeKernel::new(kernel)))
    }

    fn over(protocol: Protocol, socket: Socket) -> Conn {
        Conn {
            socket,
            seq: 0,
            out: Vec::new(),
            warnings: Vec::new(),
            unread: None,
            protocol,
            looker: Looker::new(),
        }
    }

    /// What to call this connection in a trace, such as the namespace it is in; asked only if somebody looks on.
    #[must_use]
    pub fn called(mut self, name: impl FnOnce() -> String) -> Conn {
        if let Some(looker) = &mut self.looker {
            looker.call(name());
        }
        self
    }

    /// How long to wait for an answer; 30 seconds unless set.
    pub fn set_time_limit(&mut self, limit: Duration) -> Result<()> {
        self.socket.set_timeout(limit);
        Ok(())
    }

    /// Words of the kernel that came with success since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// One request, one acknowledgement.
    pub fn change(&mut self, request: &(impl Request + ?Sized)) -> Result<()> {
        let placed = self.send_one(request, Flags::ACK)?;
        self.collect(request, &placed, true, |_, _| Ok(()))
    }

    /// One request with `NLM_F_ECHO`: the object as it became, or `None` from a kernel that does not echo.
    pub fn create<Q: Query + ?Sized>(&mut self, request: &Q) -> Result<Option<Q::Record>> {
        let placed = self.send_one(request, Flags::ACK | Flags::ECHO)?;
        let mut made = None;
        self.collect(request, &placed, true, |kind, body| {
            made = made.take().or(Q::Record::decode(kind, body)?);
            Ok(())
        })?;
        Ok(made)
    }

    /// One request, one object.
    pub fn get<Q: Query + ?Sized>(&mut self, request: &Q) -> Result<Q::Record> {
        let placed = self.send_one(request, Flags::NONE)?;
        let mut found = None;
        self.collect(request, &placed, false, |kind, body| {
            found = Q::Record::decode(kind, body)?;
            Ok(())
        })?;
        found.ok_or_else(|| Error::new(request.what(), Cause::NoAnswer))
    }

    /// Every object of a kind. Repeated when the list changed meanwhile, at most eight times.
    pub fn dump<Q: Query + ?Sized>(&mut self, request: &Q) -> Result<Vec<Q::Record>> {
        let mut attempt = 1;
        loop {
            let mut all = Vec::new();
            match self.dump_each(request, |record| all.push(record)) {
                Err(err) if err.is_interrupted() && attempt < DUMP_ATTEMPTS => attempt += 1,
                Err(err) => return Err(err),
                Ok(()) => return Ok(all),
            }
        }
    }

    /// Every object of a kind, one by one as they come. If the list changed meanwhile, the last word is an error for which
    /// [`Error::is_interrupted`] holds, after all objects were delivered.
    pub fn dump_each<Q: Query + ?Sized>(
        &mut self,
        request: &Q,
        mut each: impl FnMut(Q::Record),
    ) -> Result<()> {
        let placed = self.send_one(request, Flags::DUMP)?;
        let read = self.collect(request, &placed, true, |kind, body| {
            if let Some(record) = Q::Record::decode(kind, body)? {
                each(record);
            }
            Ok(())
        });
        let torn = read.as_ref().is_err_and(Error::is_of_receiving);
        self.unread = torn.then_some(placed.seq);
        read
    }

    fn write(&mut self, request: &(impl Request + ?Sized), extra: Flags) -> Result<Placed> {
        let checked = request.check();
        checked.map_err(|why| Error::invalid(request.what(), why))?;
        self.seq = self.seq.wrapping_add(1).max(1);
        let seq = self.seq;
        let start = wire::begin(&mut self.out, request.kind(), request.flags() | extra, seq);
        let mut w = Writer::new(&mut self.out);
        request.encode(&mut w);
        if w.is_too_long() {
            return Err(Error::invalid(
                request.what(),
                "an attribute is longer than 65,535 bytes",
            ));
        }
        wire::finish(&mut self.out, start);
        Ok(Placed { seq, start })
    }

    fn send_one(&mut self, request: &(impl Request + ?Sized), extra: Flags) -> Result<Placed> {
        self.out.clear();
        let placed = self.write(request, extra)?;
        self.send(request)?;
        Ok(placed)
    }

    fn send(&mut self, request: &(impl Request + ?Sized)) -> Result<()> {
        if let Some(looker) = &self.looker {
            looker.sent(self.protocol, &self.out);
        }
        if let Some(list) = self.unread.take() {
            self.read_out(list);
        }
        let sent = self.socket.send(&self.out);
        sent.map_err(|err| Error::new(request.what(), Cause::Socket(err)))
    }

    /// As far as can be.
    fn read_out(&mut self, list: u32) {
        let (mut last, mut room) = (false, Room::take());
        while !last {
            let Ok(got) = self.socket.receive(room.all(), true) else {
                return;
            };
            let mut frames = Frames(room.first(got)).map_while(Result::ok);
            last = frames.any(|frame| frame.seq == list && frame.verdict().is_some());
        }
    }

    /// Objects until the acknowledgement, the end of the list, or (`acked` false) the first object.
    fn collect(
        &mut self,
        request: &(impl Request + ?Sized),
        placed: &Placed,
        acked: bool,
        mut each: impl FnMut(u16, &[u8]) -> Result<(), Malformed>,
    ) -> Result<()> {
        let mut interrupted = false;
        self.each_frame(request, |frame, out, warnings| {
            if frame.seq != placed.seq || frame.is_noop() {
                return Ok(false); // an answer to an earlier request that ran out of time
            }
            interrupted |= frame.interrupted();
            let Some(verdict) = frame.verdict() else {
                each(frame.kind, frame.body).map_err(Cause::Malformed)?;
                return Ok(!acked);
            };
            let verdict = verdict.map_err(Cause::Malformed)?;
            if verdict.errno != 0 {
                return Err(Cause::Kernel(verdict.error(out)));
            }
            warnings.extend(verdict.text());
            Ok(true)
        })?;
        match interrupted {
            true => Err(Error::new(request.what(), Cause::Interrupted)),
            false => Ok(()),
        }
    }

    /// The one receiving loop: hands over every message until `each` says it was the last.
    fn each_frame(
        &mut self,
        request: &(impl Request + ?Sized),
        mut each: impl FnMut(Frame<'_>, &[u8], &mut Vec<String>) -> Result<bool, Cause>,
    ) -> Result<()> {
        let fail = |cause| Error::new(request.what(), cause);
        let (mut last, mut room) = (false, Room::take());
        while !last {
            let got = self.socket.receive(room.all(), true);
            let got = room.first(got.map_err(|err| fail(receive_cause(err)))?);
            if let Some(looker) = &self.looker {
                looker.received(self.protocol, got, &self.out);
            }
            for frame in Frames(got) {
                let frame = frame.map_err(|err| fail(Cause::Malformed(err)))?;
                last |= each(frame, &self.out, &mut self.warnings).map_err(fail)?;
            }
        }
        Ok(())
    }
}

fn is_overrun(err: &io::Error) -> bool {
    err.raw_os_error() == Some(nix::libc::ENOBUFS)
}

fn receive_cause(err: io::Error) -> Cause {
    match err.kind() {
        io::ErrorKind::WouldBlock => Cause::Timeout,
        _ if is_overrun(&err) => Cause::Lost,
        _ => Cause::Socket(err),
    }
}

/// The socket, to poll for notices. A fake kernel lends standard input.
impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.fd()
    }
}
