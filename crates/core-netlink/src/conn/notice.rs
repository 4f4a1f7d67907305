//! Subscriptions: what the kernel tells unasked.

use super::room::Room;
use super::{Conn, Record, is_overrun};
use crate::error::{Cause, Error, Result};
use crate::wire::Frames;
use std::io;

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
        /// The socket whose request caused it (`nlmsg_pid`); 0 where the kernel does not tell.
        sender: u32,
    },
    /// Notices were lost: dump again.
    Resync,
}

impl Conn {
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

    /// The notices of the next datagram that waits, without blocking; `None` when there is none. Notices of other objects are left
    /// out. Poll the descriptor to wait for more.
    pub fn try_next<R: Record>(&mut self) -> Result<Option<Vec<Notice<R>>>> {
        let what = "read notices of the kernel";
        let mut room = Room::take();
        let got = match self.socket.receive(room.all(), false) {
            Ok(len) => room.first(len),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(err) if is_overrun(&err) => return Ok(Some(vec![Notice::Resync])),
            Err(err) => return Err(Error::new(what, Cause::Socket(err))),
        };
        if let Some(looker) = &self.looker {
            looker.received(self.protocol, got, &[]);
        }
        let mut notices = Vec::new();
        for frame in Frames(got) {
            let read = frame.and_then(|frame| Ok((R::decode(frame.kind, frame.body)?, frame)));
            let (record, frame) = read.map_err(|err| Error::new(what, Cause::Malformed(err)))?;
            notices.extend(record.map(|record| Notice::Record {
                kind: frame.kind,
                record,
                sender: frame.port,
            }));
        }
        Ok(Some(notices))
    }
}
