//! Netlink attributes: a streaming writer and a borrowed reader.
//!
//! Alignment and nesting live here and nowhere else. Layout: `struct nlattr` of linux/netlink.h, a 16-bit length and a
//! 16-bit type in native byte order, padded to four bytes. No accessor panics on any input.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HEADER: usize = 4;
const NESTED: u16 = 1 << 15;
const TYPE_MASK: u16 = 0x3fff;

pub(crate) const fn align(len: usize) -> usize {
    (len + 3) & !3
}

/// Appends a message body: first its fixed header, then attributes.
///
/// ```
/// use core_netlink::Writer;
/// let mut bytes = Vec::new();
/// let mut w = Writer::new(&mut bytes);
/// w.nest(18, |w| w.str(1, "veth"));
/// assert_eq!(bytes.len(), 4 + 4 + 8);
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    too_long: bool,
}

impl<'a> Writer<'a> {
    /// A writer that appends to `bytes`.
    pub fn new(bytes: &'a mut Vec<u8>) -> Self {
        Writer {
            bytes,
            too_long: false,
        }
    }

    /// Whether an attribute exceeded the 65,535 bytes its length field can say.
    pub fn is_too_long(&self) -> bool {
        self.too_long
    }

    /// Bytes as they are, padded to four: a fixed header such as `struct ifinfomsg`.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.pad();
    }

    /// An attribute with these bytes.
    pub fn bytes(&mut self, kind: u16, value: &[u8]) {
        let len = u16::try_from(HEADER + value.len()).unwrap_or_else(|_| {
            self.too_long = true;
            u16::MAX
        });
        self.bytes.extend_from_slice(&len.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.raw(value);
    }

    /// An attribute without a value, whose presence says yes.
    pub fn flag(&mut self, kind: u16) {
        self.bytes(kind, &[]);
    }

    /// One byte.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, &[value]);
    }

    /// Native byte order.
    pub fn u16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// Native byte order.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// Native byte order.
    pub fn i32(&mut self, kind: u16, value: i32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// Native byte order.
    pub fn u64(&mut self, kind: u16, value: u64) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// Network byte order.
    pub fn be16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Network byte order.
    pub fn be32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Network byte order.
    pub fn be64(&mut self, kind: u16, value: u64) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Text, terminated by a zero byte.
    pub fn str(&mut self, kind: u16, value: impl AsRef<[u8]>) {
        let start = self.begin(kind);
        self.bytes.extend_from_slice(value.as_ref());
        self.bytes.push(0);
        self.end(start);
    }

    /// 4 or 16 bytes.
    pub fn ip(&mut self, kind: u16, value: IpAddr) {
        match value {
            IpAddr::V4(v4) => self.bytes(kind, &v4.octets()),
            IpAddr::V6(v6) => self.bytes(kind, &v6.octets()),
        }
    }

    /// An attribute that holds attributes, marked `NLA_F_NESTED`.
    pub fn nest(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) {
        self.nest_unmarked(kind | NESTED, inner);
    }

    /// The same without the mark, or around a fixed header: what older parts of the kernel expect.
    pub fn nest_unmarked(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) {
        let start = self.begin(kind);
        inner(self);
        self.end(start);
    }

    /// Gives access to the bytes written so far, to patch a length that is known only afterwards.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.bytes
    }

    fn begin(&mut self, kind: u16) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        start
    }

    fn end(&mut self, start: usize) {
        match u16::try_from(self.bytes.len() - start) {
            Ok(len) => self.bytes[start..start + 2].copy_from_slice(&len.to_ne_bytes()),
            Err(_) => self.too_long = true,
        }
        self.pad();
    }

    fn pad(&mut self) {
        let len = align(self.bytes.len());
        self.bytes.resize(len, 0);
    }
}

/// Bytes that do not have the shape their type promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    what: &'static str,
    need: usize,
    have: usize,
}

impl Malformed {
    /// Fewer (or other) bytes than `what` needs.
    pub fn new(what: &'static str, need: usize, have: usize) -> Self {
        Malformed { what, need, have }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Malformed { what, need, have } = self;
        write!(f, "malformed {what}: {need} bytes needed, {have} there")
    }
}

impl std::error::Error for Malformed {}

/// Splits a fixed header of `N` bytes (padded to four) from the attributes behind it.
pub fn split_header<'a, const N: usize>(
    body: &'a [u8],
    what: &'static str,
) -> Result<([u8; N], Attrs<'a>), Malformed> {
    let short = Malformed::new(what, N, body.len());
    let header = body.first_chunk::<N>().ok_or(short)?;
    let rest = body.get(align(N)..).unwrap_or_default();
    Ok((*header, Attrs::new(rest)))
}

/// The attributes in a run of bytes.
#[derive(Clone, Debug)]
pub struct Attrs<'a>(&'a [u8]);

impl<'a> Attrs<'a> {
    /// Reads `bytes` as attributes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Attrs(bytes)
    }

    /// The first attribute of this type.
    pub fn find(&self, kind: u16) -> Result<Option<Attr<'a>>, Malformed> {
        for attr in self.clone() {
            let attr = attr?;
            if attr.kind == kind {
                return Ok(Some(attr));
            }
        }
        Ok(None)
    }

    fn split(&mut self) -> Result<Attr<'a>, Malformed> {
        let short = Malformed::new("attribute header", HEADER, self.0.len());
        let (head, _) = self.0.split_first_chunk::<HEADER>().ok_or(short)?;
        let len = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let torn = Malformed::new("attribute", len.max(HEADER), self.0.len());
        let value = self.0.get(HEADER..len).ok_or(torn)?;
        self.0 = self.0.get(align(len)..).unwrap_or_default();
        let kind = u16::from_ne_bytes([head[2], head[3]]) & TYPE_MASK;
        Ok(Attr { kind, value })
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = Result<Attr<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let item = self.split();
        if item.is_err() {
            self.0 = &[];
        }
        Some(item)
    }
}

/// One attribute, borrowed from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr<'a> {
    /// Its type, without the nesting and byte order marks.
    pub kind: u16,
    /// Its bytes, without padding.
    pub value: &'a [u8],
}

impl<'a> Attr<'a> {
    /// The first `N` bytes; an attribute may be longer where the kernel has extended it.
    pub fn array<const N: usize>(&self) -> Result<[u8; N], Malformed> {
        let short = Malformed::new("attribute value", N, self.value.len());
        self.value.first_chunk::<N>().copied().ok_or(short)
    }

    /// One byte.
    pub fn u8(&self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Native byte order.
    pub fn u16(&self) -> Result<u16, Malformed> {
        self.array().map(u16::from_ne_bytes)
    }

    /// Native byte order.
    pub fn u32(&self) -> Result<u32, Malformed> {
        self.array().map(u32::from_ne_bytes)
    }

    /// Native byte order.
    pub fn i32(&self) -> Result<i32, Malformed> {
        self.array().map(i32::from_ne_bytes)
    }

    /// Native byte order.
    pub fn u64(&self) -> Result<u64, Malformed> {
        self.array().map(u64::from_ne_bytes)
    }

    /// Network byte order.
    pub fn be16(&self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// Network byte order.
    pub fn be32(&self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Network byte order.
    pub fn be64(&self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// Text up to its first zero byte; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.until_zero()).into_owned()
    }

    /// The bytes up to the first zero byte.
    pub fn until_zero(&self) -> &'a [u8] {
        let end = self.value.iter().position(|&byte| byte == 0);
        &self.value[..end.unwrap_or(self.value.len())]
    }

    /// An address by its length: 4 bytes are IPv4, 16 are IPv6.
    pub fn ip(&self) -> Result<IpAddr, Malformed> {
        match self.value.len() {
            4 => Ok(Ipv4Addr::from(self.array::<4>()?).into()),
            16 => Ok(Ipv6Addr::from(self.array::<16>()?).into()),
            other => Err(Malformed::new("address of 4 or 16 bytes", 4, other)),
        }
    }

    /// The attributes inside.
    pub fn nested(&self) -> Attrs<'a> {
        Attrs::new(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nesting_patches_lengths_and_pads() {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes).nest(18, |w| {
            w.str(1, "veth");
            w.u8(2, 7);
        });
        #[rustfmt::skip]
        assert_eq!(bytes, [
            24, 0, 18, 0x80,                         // nested, 24 bytes
            9, 0, 1, 0, b'v', b'e', b't', b'h', 0, 0, 0, 0, // text and its zero, padded
            5, 0, 2, 0, 7, 0, 0, 0,                  // one byte, padded
        ]);
    }

    #[test]
    fn an_attribute_that_cannot_say_its_length_is_reported() {
        let mut bytes = Vec::new();
        let mut w = Writer::new(&mut bytes);
        w.bytes(1, &[0; 65_536]);
        assert!(w.is_too_long());
    }

    proptest! {
        #[test]
        fn values_survive_and_every_cut_is_an_error(values in prop::collection::vec((0u16..0x3fff, prop::collection::vec(any::<u8>(), 0..40)), 1..8)) {
            let mut bytes = Vec::new();
            let mut w = Writer::new(&mut bytes);
            for (kind, value) in &values {
                w.bytes(*kind, value);
            }
            let read: Vec<_> = Attrs::new(&bytes).map(|a| a.map(|a| (a.kind, a.value.to_vec()))).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(&read, &values);
            let last = 4 + values.last().unwrap().1.len();
            let start = bytes.len() - align(last);
            for cut in start + 1..start + last {
                prop_assert!(Attrs::new(&bytes[..cut]).any(|a| a.is_err()));
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for attr in Attrs::new(&bytes).flatten() {
                let _ = (attr.u8(), attr.u16(), attr.u32(), attr.u64(), attr.ip(), attr.text(), attr.nested().count());
            }
        }
    }
}
