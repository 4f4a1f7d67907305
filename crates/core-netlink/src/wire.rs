//! Message headers and acknowledgements (linux/netlink.h), read and written.

use crate::attr::{Attrs, Malformed, align};
use crate::error::KernelError;
use neli::consts::nl::{NlmF, Nlmsg, NlmsgerrAttr};

pub(crate) const HEADER: usize = 16;
const ATTR_MISS_TYPE: u16 = 5; // NLMSGERR_ATTR_MISS_TYPE, newer than neli's table

/// Flags of a request beyond `NLM_F_REQUEST` and `NLM_F_ACK`, which the connection sets itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// Make the object.
    pub const CREATE: Flags = Flags(NlmF::CREATE.bits());
    /// Only if it is not there.
    pub const EXCL: Flags = Flags(NlmF::EXCL.bits());
    /// In place of the one that is there.
    pub const REPLACE: Flags = Flags(NlmF::REPLACE.bits());
    /// Behind those that are there.
    pub const APPEND: Flags = Flags(NlmF::APPEND.bits());
    /// Make the object behind those that are there.
    pub(crate) const CREATE_APPEND: Flags = Flags(NlmF::CREATE.bits() | NlmF::APPEND.bits());
    /// Answer with the object as it became.
    pub const ECHO: Flags = Flags(NlmF::ECHO.bits());
    /// List every object.
    pub const DUMP: Flags = Flags(NlmF::DUMP.bits());
    pub(crate) const ACK: Flags = Flags(NlmF::ACK.bits());

    pub(crate) fn from_wire(bits: u16) -> Flags {
        Flags(bits)
    }

    /// Whether all of `other` are set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// Begins a message; [`finish`] patches its length. Returns where it starts.
pub(crate) fn begin(out: &mut Vec<u8>, kind: u16, flags: Flags, seq: u32) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&(flags.0 | NlmF::REQUEST.bits()).to_ne_bytes());
    out.extend_from_slice(&seq.to_ne_bytes());
    out.extend_from_slice(&[0; 4]);
    start
}

pub(crate) fn finish(out: &mut [u8], start: usize) {
    let len = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&len.to_ne_bytes());
}

/// Adds flags to a message already written.
pub(crate) fn mark(out: &mut [u8], start: usize, flags: Flags) {
    let bits = u16_at(out, start + 6) | flags.0;
    out[start + 6..start + 8].copy_from_slice(&bits.to_ne_bytes());
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let two = bytes.get(at..at + 2).and_then(<[u8]>::first_chunk);
    two.copied().map_or(0, u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(<[u8]>::first_chunk);
    four.copied().map_or(0, u32::from_ne_bytes)
}

/// One message as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) seq: u32,
    /// The socket it is for, or in a notice the one that caused it.
    pub(crate) port: u32,
    pub(crate) body: &'a [u8],
}

impl Frame<'_> {
    pub(crate) fn interrupted(&self) -> bool {
        self.flags & NlmF::DUMP_INTR.bits() != 0
    }

    pub(crate) fn is_done(&self) -> bool {
        self.kind == u16::from(Nlmsg::Done)
    }

    pub(crate) fn is_noop(&self) -> bool {
        self.kind == u16::from(Nlmsg::Noop)
    }

    /// The verdict in an error, acknowledgement or end-of-dump message.
    pub(crate) fn verdict(&self) -> Option<Result<Verdict<'_>, Malformed>> {
        let error = self.kind == u16::from(Nlmsg::Error);
        (error || self.is_done()).then(|| self.read_verdict(error))
    }

    fn read_verdict(&self, error: bool) -> Result<Verdict<'_>, Malformed> {
        let short = Malformed::new("acknowledgement", 4, self.body.len());
        let errno = self.body.first_chunk().copied().ok_or(short)?;
        let errno = i32::from_ne_bytes(errno).wrapping_neg();
        let words = self.words_at(error);
        Ok(Verdict { errno, words })
    }

    /// Where the attributes with the kernel's words begin: behind the request's header, which is echoed, and its body, unless capped.
    fn words_at(&self, error: bool) -> Attrs<'_> {
        if !self.has_bits(NlmF::ACK_TLVS.bits()) {
            return Attrs::new(&[]);
        }
        let start = match error {
            false => 4,
            true if self.has_bits(NlmF::CAPPED.bits()) => 4 + HEADER,
            true => 4 + align(u32_at(self.body, 4) as usize).max(HEADER),
        };
        Attrs::new(self.body.get(start..).unwrap_or_default())
    }

    fn has_bits(&self, bits: u16) -> bool {
        self.flags & bits != 0
    }
}

/// The kernel's verdict on one request; error number 0 is success.
#[derive(Debug)]
pub(crate) struct Verdict<'a> {
    pub(crate) errno: i32,
    words: Attrs<'a>,
}

impl Verdict<'_> {
    /// The words of a warning or an error.
    pub(crate) fn text(&self) -> Option<String> {
        self.word(NlmsgerrAttr::Msg.into()).map(|attr| attr.text())
    }

    /// The whole error; `request` is the message it answers, to name the attribute by its offset.
    pub(crate) fn error(&self, request: &[u8]) -> KernelError {
        let known = self
            .offset()
            .filter(|&at| at as usize >= HEADER && (at as usize) + 4 <= request.len());
        KernelError {
            errno: self.errno,
            text: self.text(),
            attribute: known.map(|at| u16_at(request, at as usize + 2) & 0x3fff),
            missing: self
                .word(ATTR_MISS_TYPE)
                .and_then(|attr| attr.u32().ok())
                .map(|kind| kind as u16),
        }
    }

    /// Where in the request the attribute begins that the kernel objects to.
    pub(crate) fn offset(&self) -> Option<u32> {
        self.word(NlmsgerrAttr::Offset.into())?.u32().ok()
    }

    fn word(&self, kind: u16) -> Option<crate::Attr<'_>> {
        self.words.find(kind).ok().flatten()
    }
}

/// Splits a datagram into messages.
pub(crate) struct Frames<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let len = u32_at(self.0, 0) as usize;
        let Some(body) = self.0.get(HEADER..len) else {
            let torn = Malformed::new("message", len.max(HEADER), self.0.len());
            self.0 = &[];
            return Some(Err(torn));
        };
        let frame = Frame {
            kind: u16_at(self.0, 4),
            flags: u16_at(self.0, 6),
            seq: u32_at(self.0, 8),
            port: u32_at(self.0, 12),
            body,
        };
        self.0 = self.0.get(align(len)..).unwrap_or_default();
        Some(Ok(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_warning_on_success_keeps_the_step() {
        #[rustfmt::skip]
        let bytes = [
            36, 0, 0, 0, 2, 0, 0x00, 0x03, 7, 0, 0, 0, 0, 0, 0, 0, // NLMSG_ERROR, CAPPED | ACK_TLVS, seq 7
            0, 0, 0, 0,                                            // error 0
            32, 0, 0, 0, 16, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0,      // the request's header
        ];
        let mut bytes = bytes.to_vec();
        bytes.extend_from_slice(&[8, 0, 1, 0, b'o', b'l', b'd', 0]); // NLMSGERR_ATTR_MSG
        bytes[0] = bytes.len() as u8;
        bytes.extend_from_slice(&[20, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let frames: Vec<_> = Frames(&bytes).map(|f| f.unwrap()).collect();
        assert_eq!((frames[0].seq, frames[1].seq), (7, 8));
        let verdict = frames[0].verdict().unwrap().unwrap();
        assert_eq!((verdict.errno, verdict.text().as_deref()), (0, Some("old")));
        assert!(frames[1].is_done());
    }

    proptest! {
        #[test]
        fn no_datagram_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for frame in Frames(&bytes).flatten() {
                if let Some(Ok(verdict)) = frame.verdict() {
                    let _ = verdict.error(&bytes);
                }
            }
        }
    }
}
