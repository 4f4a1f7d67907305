//! Many requests in one send: independent of each other, or all or none.

use super::{Conn, Placed, Request};
use crate::error::{Cause, Error, Result};
use crate::wire::{self, Flags};

const BATCH_REQUESTS: usize = 128; // as many errors fit any receive buffer
const BATCH_BYTES: usize = 48 << 10;

/// A request of a batch that failed, by its place in the batch.
#[derive(Debug)]
pub struct Failed {
    /// From 0.
    pub index: usize,
    /// Why.
    pub error: Error,
}

impl Conn {
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
}
