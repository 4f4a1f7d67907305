//! One conversation with the kernel: change, get, dump, batch, transact, subscribe.
//!
//! Owns sequence numbers, acknowledgements, time limits and repeats; nobody above knows of them.
//! Every error that leaves this file is an [`Error`] that says what was tried.

use crate::attr::{Malformed, Writer};
use crate::error::{Cause, Error, Result};
use crate::fake::{FakeKernel, Reply, Sent};
use crate::socket::{Protocol, Socket};
use crate::wire::{self, Flags, Frame, Frames};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

const RECEIVE_BUFFER: usize = 64 << 10; // the kernel fills no more than 32 KiB of a dump
const TIME_LIMIT: Duration = Duration::from_secs(30); // a group delete of 1,000 links takes under one
const DUMP_ATTEMPTS: usize = 8;
const BATCH_REQUESTS: usize = 128; // as many errors fit any receive buffer
const BATCH_BYTES: usize = 48 << 10;

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

/// A request of a batch that failed, by its place in the batch.
#[derive(Debug)]
pub struct Failed {
    /// From 0.
    pub index: usize,
    /// Why.
    pub error: Error,
}

/// What a subscription delivers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice<R> {
    /// An object was made, changed or removed; the message type tells.
    Record {
        /// Such as `RTM_NEWLINK`.
        kind: u16,
        /// The object.
        record: R,
    },
    /// Notices were lost: dump again.
    Resync,
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
    into: Vec<u8>,
    warnings: Vec<String>,
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
        let opened = Socket::open(protocol).and_then(|socket| {
            socket.set_timeout(TIME_LIMIT)?;
            Ok(socket)
        });
        let socket = opened.map_err(|err| {
            Error::new(
                format!("open a {protocol:?} netlink socket"),
                Cause::Socket(err),
            )
        })?;
        Ok(Conn::over(socket))
    }

    /// A connection to a function that plays the kernel.
    pub fn fake(kernel: impl FnMut(&Sent<'_>) -> Reply + Send + 'static) -> Conn {
        Conn::over(Socket::Fake(FakeKernel::new(kernel)))
    }

    fn over(socket: Socket) -> Conn {
        Conn {
            socket,
            seq: 0,
            out: Vec::new(),
            into: vec![0; RECEIVE_BUFFER],
            warnings: Vec::new(),
        }
    }

    /// How long to wait for an answer; 30 seconds unless set.
    pub fn set_time_limit(&mut self, limit: Duration) -> Result<()> {
        let set = self.socket.set_timeout(limit);
        set.map_err(|err| Error::new("set the time limit of a netlink socket", Cause::Socket(err)))
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
        self.collect(request, &placed, true, |kind, body| {
            if let Some(record) = Q::Record::decode(kind, body)? {
                each(record);
            }
            Ok(())
        })
    }

    /// Many requests in few sends. Each is carried out whatever became of the others; those that failed are returned.
    ///
    /// Only the last request of a send asks for an acknowledgement: errors come by themselves, and acknowledgements would fill the
    /// receive buffer.
    pub fn batch<R: Request>(
        &mut self,
        requests: impl IntoIterator<Item = R>,
    ) -> Result<Vec<Failed>> {
        let mut failed = Vec::new();
        let mut requests = requests.into_iter().peekable();
        let mut first = 0;
        while requests.peek().is_some() {
            let chunk = self.fill(&mut requests)?;
            self.send_chunk(&chunk, first, &mut failed)?;
            first += chunk.len();
        }
        Ok(failed)
    }

    fn fill<R: Request>(
        &mut self,
        requests: &mut impl Iterator<Item = R>,
    ) -> Result<Vec<(R, Placed)>> {
        self.out.clear();
        let mut chunk = Vec::new();
        while chunk.len() < BATCH_REQUESTS && self.out.len() < BATCH_BYTES {
            let Some(request) = requests.next() else {
                break;
            };
            let placed = self.write(&request, Flags::NONE)?;
            chunk.push((request, placed));
        }
        Ok(chunk)
    }

    fn send_chunk<R: Request>(
        &mut self,
        chunk: &[(R, Placed)],
        first: usize,
        failed: &mut Vec<Failed>,
    ) -> Result<()> {
        let (Some((head, start)), Some((_, last))) = (chunk.first(), chunk.last()) else {
            return Ok(());
        };
        wire::mark(&mut self.out, last.start, Flags::ACK);
        self.send(head)?;
        self.each_frame(head, |frame, out, warnings| {
            let at = frame.seq.wrapping_sub(start.seq) as usize;
            let (Some((request, placed)), Some(verdict)) = (chunk.get(at), frame.verdict()) else {
                return Ok(false);
            };
            let verdict = verdict.map_err(Cause::Malformed)?;
            if verdict.errno == 0 {
                warnings.extend(verdict.text());
            } else {
                let cause = Cause::Kernel(verdict.error(&out[placed.start..]));
                let error = Error::new(request.what(), cause);
                failed.push(Failed {
                    index: first + at,
                    error,
                });
            }
            Ok(at + 1 == chunk.len())
        })
    }

    /// Requests between `begin` and `end` as one send, of which the kernel applies all or none. Returns those that failed; if
    /// the transaction as a whole was refused, that is the error.
    pub(crate) fn transact(
        &mut self,
        begin: &dyn Request,
        requests: &[&dyn Request],
        end: &dyn Request,
    ) -> Result<Vec<Failed>> {
        self.out.clear();
        let frame = self.write(begin, Flags::NONE)?;
        let placed = requests
            .iter()
            .map(|request| self.write(request, Flags::NONE));
        let placed = placed.collect::<Result<Vec<_>>>()?;
        let Some(last) = placed.last() else {
            return Ok(Vec::new());
        };
        wire::mark(&mut self.out, last.start, Flags::ACK);
        self.write(end, Flags::NONE)?;
        self.send(begin)?;
        let mut failed = Vec::new();
        self.each_frame(begin, |reply, out, _| {
            let Some(verdict) = reply.verdict() else {
                return Ok(false);
            };
            let verdict = verdict.map_err(Cause::Malformed)?;
            if reply.seq == frame.seq && verdict.errno != 0 {
                return Err(Cause::Kernel(verdict.error(out)));
            }
            let at = reply.seq.wrapping_sub(frame.seq).wrapping_sub(1) as usize;
            let (Some(request), Some(place)) = (requests.get(at), placed.get(at)) else {
                return Ok(false);
            };
            if verdict.errno != 0 {
                let cause = Cause::Kernel(verdict.error(&out[place.start..]));
                let error = Error::new(request.what(), cause);
                failed.push(Failed { index: at, error });
            }
            Ok(at + 1 == requests.len())
        })?;
        Ok(failed)
    }

    /// Joins a multicast group (`RTNLGRP_LINK` and the like); [`Conn::try_next`] then delivers its notices.
    pub(crate) fn join(&mut self, group: u32) -> Result<()> {
        let joined = self.socket.join(group);
        joined.map_err(|err| {
            Error::new(
                format!("subscribe to netlink group {group}"),
                Cause::Socket(err),
            )
        })
    }

    /// A receive buffer of this many bytes, for subscriptions that must survive bursts.
    pub fn set_receive_buffer(&mut self, bytes: usize) -> Result<()> {
        let set = self.socket.set_buffer(bytes);
        set.map_err(|err| {
            Error::new(
                "enlarge the receive buffer of a netlink socket",
                Cause::Socket(err),
            )
        })
    }

    /// The notices that wait, without blocking; empty when there are none. Poll the descriptor to wait for more.
    pub fn try_next<R: Record>(&mut self) -> Result<Vec<Notice<R>>> {
        let what = "read notices of the kernel";
        let len = match self.socket.receive(&mut self.into, false) {
            Ok(len) => len,
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(Vec::new()),
            Err(err) if is_overrun(&err) => return Ok(vec![Notice::Resync]),
            Err(err) => return Err(Error::new(what, Cause::Socket(err))),
        };
        let mut notices = Vec::new();
        for frame in Frames(&self.into[..len]) {
            let read = frame.and_then(|frame| Ok((frame.kind, R::decode(frame.kind, frame.body)?)));
            let (kind, record) = read.map_err(|err| Error::new(what, Cause::Malformed(err)))?;
            notices.extend(record.map(|record| Notice::Record { kind, record }));
        }
        Ok(notices)
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
        let sent = self.socket.send(&self.out);
        sent.map_err(|err| Error::new(request.what(), Cause::Socket(err)))
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
        let mut last = false;
        while !last {
            let got = self.socket.receive(&mut self.into, true);
            let len = got.map_err(|err| fail(receive_cause(err)))?;
            for frame in Frames(&self.into[..len]) {
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
