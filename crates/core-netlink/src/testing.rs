//! For tests of the objects: bytes written as commented hex, messages compared by their attributes, every cut tried.

use crate::attr::{Attrs, Malformed, Writer, align};
use crate::conn::{Record, Request};

/// Bytes from hex; blanks and whatever follows a `#` do not count.
#[track_caller]
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let code = text.lines().map(|line| line.split('#').next().unwrap());
    let digits: String = code.flat_map(str::split_whitespace).collect();
    let pairs = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// The body of a request.
pub(crate) fn body(request: &impl Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut Writer::new(&mut bytes));
    bytes
}

/// Header and attributes, sorted by type, as hex: what two programs say in different order is the same.
pub(crate) fn sorted<const HEADER: usize>(bytes: &[u8]) -> Vec<String> {
    let show = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let (header, attrs) = bytes.split_at(HEADER);
    let mut rows: Vec<_> = Attrs::new(attrs).map(|attr| attr.unwrap()).collect();
    rows.sort_by_key(|attr| attr.kind);
    let rows = rows
        .iter()
        .map(|attr| format!("{}: {}", attr.kind, show(attr.value)));
    [show(header)].into_iter().chain(rows).collect()
}

/// The object in a message that must be one.
#[track_caller]
pub(crate) fn decode<R: Record>(kind: u16, bytes: &[u8]) -> R {
    R::decode(kind, bytes)
        .unwrap()
        .expect("an object of this kind")
}

/// Every message that is cut inside its header or an attribute is an error; cut between two it is a shorter message.
#[track_caller]
pub(crate) fn check_cuts<R: Record, const HEADER: usize>(kind: u16, bytes: &[u8]) {
    let mut whole = vec![];
    let mut at = HEADER;
    while at < bytes.len() {
        let len = usize::from(u16::from_ne_bytes([bytes[at], bytes[at + 1]]));
        whole.push(at);
        whole.extend(at + len..at + align(len));
        at += align(len);
    }
    for cut in 0..bytes.len() {
        let read: Result<Option<R>, Malformed> = R::decode(kind, &bytes[..cut]);
        assert!(
            read.is_err() || whole.contains(&cut),
            "cut at {cut} of {} goes unnoticed",
            bytes.len()
        );
    }
}
