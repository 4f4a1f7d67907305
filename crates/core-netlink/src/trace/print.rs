//! Messages as text. Nothing here fails: what cannot be read is printed as bytes.

use super::layout::{Fixed, Messages, Row, Shape, Table};
use super::{Direction, Traffic};
use crate::attr::{Attr, Attrs, align};
use crate::socket::Protocol;
use crate::types::HwAddr;
use crate::wire::{self, Frame, Frames, Verdict};
use crate::{addr, conntrack, diag, generic, link, neigh, nft, nsid, route, rule, tc};
use neli::consts::nl::NlmF;
use nix::errno::Errno;
use std::fmt::{self, Formatter, Write};

const SHOWN: usize = 32; // bytes of a value that has no better form
const DEEPEST: usize = 16; // attributes within attributes; the kernel has about half of it

/// The messages of rtnetlink.
static ROUTE: [&Messages; 7] = [
    &link::rtm::MESSAGES,
    &addr::MESSAGES,
    &route::MESSAGES,
    &neigh::MESSAGES,
    &rule::MESSAGES,
    &nsid::MESSAGES,
    &tc::MESSAGES,
];

static CONNTRACK: [&Messages; 1] = [&conntrack::MESSAGES];
static GENERIC: [&Messages; 1] = [&generic::MESSAGES];
static SOCKETS: [&Messages; 1] = [&diag::MESSAGES];

/// How a type is laid out, and its name.
fn layout(protocol: Protocol, kind: u16) -> Option<(&'static Messages, &'static str)> {
    let groups: [&'static [&'static Messages]; 2] = match protocol {
        Protocol::Route => [&ROUTE, &[]],
        Protocol::Netfilter => [&nft::MESSAGES, &CONNTRACK],
        Protocol::Generic => [&GENERIC, &[]],
        Protocol::SockDiag => [&SOCKETS, &[]],
    };
    groups.into_iter().flatten().find_map(|messages| {
        let named = messages.names.iter().find(|(number, _)| *number == kind);
        named.map(|(_, name)| (*messages, *name))
    })
}

pub(super) fn datagram(f: &mut Formatter<'_>, traffic: &Traffic<'_>) -> fmt::Result {
    for frame in Frames(traffic.datagram) {
        start(f, traffic)?;
        match frame {
            Ok(frame) => message(f, traffic, &frame)?,
            Err(err) => writeln!(f, "{err}")?,
        }
    }
    Ok(())
}

/// `netlink route in web >`
fn start(f: &mut Formatter<'_>, traffic: &Traffic<'_>) -> fmt::Result {
    let protocol = match traffic.protocol {
        Protocol::Route => "route",
        Protocol::Netfilter => "netfilter",
        Protocol::Generic => "generic",
        Protocol::SockDiag => "sock_diag",
    };
    write!(f, "netlink {protocol} ")?;
    if !traffic.name.is_empty() {
        write!(f, "in {} ", traffic.name.escape_debug())?;
    }
    f.write_str(match traffic.direction {
        Direction::Sent => "> ",
        Direction::Received => "< ",
    })
}

fn message(f: &mut Formatter<'_>, traffic: &Traffic<'_>, frame: &Frame<'_>) -> fmt::Result {
    match frame.verdict() {
        Some(Ok(verdict)) => return answer(f, traffic, frame, &verdict),
        Some(Err(err)) => return writeln!(f, "#{} {err}", frame.seq),
        None => {}
    }
    let bytes = wire::HEADER + frame.body.len();
    let Some((messages, name)) = layout(traffic.protocol, frame.kind) else {
        return writeln!(
            f,
            "#{} message type {:#x}, {bytes} bytes",
            frame.seq, frame.kind
        );
    };
    write!(f, "#{} {}{name}", frame.seq, messages.prefix)?;
    flags(f, frame.flags, traffic.direction)?;
    let header = header_of(messages, frame.kind, traffic);
    fields(f, header, frame.body)?;
    writeln!(f)?;
    match f.alternate() {
        true => {
            let family = frame.body.first().copied().unwrap_or(0);
            let attrs = frame.body.get(align(header.size)..).unwrap_or_default();
            attributes(f, attrs, messages.attributes, family, 1)
        }
        false => Ok(()),
    }
}

/// A socket that is reported has another header than the question.
fn header_of(messages: &'static Messages, kind: u16, traffic: &Traffic<'_>) -> &'static Fixed {
    let reported =
        traffic.protocol == Protocol::SockDiag && traffic.direction == Direction::Received;
    match reported
        && diag::MESSAGES
            .names
            .iter()
            .any(|(number, _)| *number == kind)
    {
        true => &diag::ANSWER,
        false => messages.header,
    }
}

/// What the kernel thinks of a request.
fn answer(
    f: &mut Formatter<'_>,
    traffic: &Traffic<'_>,
    frame: &Frame<'_>,
    verdict: &Verdict<'_>,
) -> fmt::Result {
    let request = request(traffic.request, frame.seq);
    let error = verdict.error(request.map_or(&[], |(bytes, _)| bytes));
    match (error.errno, frame.is_done()) {
        (0, true) => write!(f, "#{} end of the list", frame.seq)?,
        (0, false) => write!(f, "#{} done", frame.seq)?,
        (number, _) => {
            let errno = Errno::from_raw(number);
            write!(f, "#{} error {errno:?} ({})", frame.seq, errno.desc())?;
        }
    }
    if let Some(text) = &error.text {
        write!(f, ": {text:?}")?;
    }
    let layout =
        request.and_then(|(_, frame)| Some((layout(traffic.protocol, frame.kind)?.0, frame)));
    if let (Some((messages, asked)), Some(at)) = (layout, verdict.offset()) {
        let family = asked.body.first().copied().unwrap_or(0);
        let first = wire::HEADER + align(messages.header.size);
        let attrs = asked.body.get(first - wire::HEADER..).unwrap_or_default();
        if let Some(name) = name_at(
            attrs,
            messages.attributes,
            family,
            (at as usize).wrapping_sub(first),
        ) {
            write!(f, " at {name}")?;
        }
    }
    writeln!(f)
}

/// The message of a datagram that has this number, its header included.
fn request(datagram: &[u8], seq: u32) -> Option<(&[u8], Frame<'_>)> {
    let mut at = 0;
    for frame in Frames(datagram) {
        let frame = frame.ok()?;
        let length = wire::HEADER + frame.body.len();
        if frame.seq == seq {
            return Some((datagram.get(at..at + length)?, frame));
        }
        at += align(length);
    }
    None
}

/// ` request|ack|create`; what every request is, is not said.
fn flags(f: &mut Formatter<'_>, bits: u16, direction: Direction) -> fmt::Result {
    let dump = bits & NlmF::DUMP.bits() == NlmF::DUMP.bits();
    let sent = direction == Direction::Sent;
    let names = [
        (bits & NlmF::ACK.bits() != 0, "ack"),
        (bits & NlmF::ECHO.bits() != 0, "echo"),
        (sent && dump, "dump"),
        (sent && !dump && bits & NlmF::REPLACE.bits() != 0, "replace"),
        (sent && !dump && bits & NlmF::EXCL.bits() != 0, "excl"),
        (sent && bits & NlmF::CREATE.bits() != 0, "create"),
        (sent && bits & NlmF::APPEND.bits() != 0, "append"),
        (!sent && bits & NlmF::MULTI.bits() != 0, "multi"),
        (!sent && bits & NlmF::DUMP_INTR.bits() != 0, "interrupted"),
    ];
    let set = names.iter().filter(|(set, _)| *set);
    let set: Vec<_> = set.map(|(_, name)| *name).collect();
    match set.is_empty() {
        true => Ok(()),
        false => write!(f, " {}", set.join("|")),
    }
}

/// `: family inet, index 3`; zeros say nothing.
fn fields(f: &mut Formatter<'_>, header: &Fixed, body: &[u8]) -> fmt::Result {
    let mut between = ":";
    for field in header.fields {
        let Some(bytes) = body.get(field.1..field.1 + field.2) else {
            continue;
        };
        if field.1 == 0 || bytes.iter().any(|byte| *byte != 0) {
            write!(f, "{between} {} ", field.0)?;
            scalar(f, bytes, &field.3)?;
            between = ",";
        }
    }
    Ok(())
}

fn attributes(
    f: &mut Formatter<'_>,
    bytes: &[u8],
    table: &Table,
    family: u8,
    depth: usize,
) -> fmt::Result {
    let mut before = String::new();
    for attr in Attrs::new(bytes) {
        write!(f, "{:1$}", "", 4 * depth)?;
        let Ok(attr) = attr else {
            return writeln!(f, "{} bytes that are no attribute", bytes.len());
        };
        match table.row(attr.kind) {
            Some((prefix, row)) => {
                write!(f, "{prefix}{}", row.name)?;
                value(f, &attr, &row.shape, family, depth, &before)?;
                remember(&mut before, row, &attr);
            }
            None => {
                write!(f, "attribute {}", attr.kind)?;
                value(f, &attr, &Shape::Bytes, family, depth, &before)?;
            }
        }
    }
    Ok(())
}

/// The last text is what a choice among attributes is made by; in traffic control numbers may stand between.
fn remember(before: &mut String, row: &Row, attr: &Attr<'_>) {
    if matches!(row.shape, Shape::Text) {
        *before = attr.text();
    }
}

/// The rest of an attribute's line, and the lines below it.
fn value(
    f: &mut Formatter<'_>,
    attr: &Attr<'_>,
    shape: &Shape,
    family: u8,
    depth: usize,
    before: &str,
) -> fmt::Result {
    if let Shape::ByFamily(shape) = shape {
        return value(f, attr, shape(family), family, depth, before);
    }
    if let Shape::Settings(table, first) = shape
        && Attrs::new(attr.value).any(|attr| attr.is_err())
    {
        return settings(f, attr.value, table, *first);
    }
    if let Some((header, table)) = inside(shape, before).filter(|_| depth < DEEPEST) {
        let size = header.map_or(0, |header| align(header.size));
        if let Some(header) = header {
            fields(f, header, attr.value)?;
        }
        writeln!(f)?;
        let attrs = attr.value.get(size..).unwrap_or_default();
        return attributes(f, attrs, table, family, depth + 1);
    }
    f.write_char(' ')?;
    scalar(f, attr.value, shape)?;
    writeln!(f)
}

/// ` forwarding 1, accept_ra 2`: those that are not zero.
fn settings(f: &mut Formatter<'_>, bytes: &[u8], table: &Table, first: u16) -> fmt::Result {
    let mut between = " ";
    for (number, word) in (first..).zip(bytes.chunks_exact(4)) {
        if word == [0; 4] {
            continue;
        }
        match table.row(number) {
            Some((prefix, row)) => write!(f, "{between}{prefix}{} ", row.name)?,
            None => write!(f, "{between}{number}: ")?,
        }
        scalar(f, word, &Shape::Signed)?;
        between = ", ";
    }
    writeln!(f)
}

/// The attributes within, and the header before them.
fn inside(shape: &Shape, before: &str) -> Option<(Option<&'static Fixed>, &'static Table)> {
    match shape {
        Shape::Nest(table) | Shape::Settings(table, _) => Some((None, table)),
        Shape::Headed(header, table) => Some((Some(header), table)),
        Shape::Chosen(choose) => choose(before).map(|table| (None, table)),
        _ => None,
    }
}

fn scalar(f: &mut Formatter<'_>, bytes: &[u8], shape: &Shape) -> fmt::Result {
    let attr = Attr {
        kind: 0,
        value: bytes,
    };
    match (shape, number(bytes)) {
        (Shape::Text, _) => write!(f, "{:?}", attr.text()),
        (Shape::Ip, _) if attr.ip().is_ok() => write!(f, "{}", attr.ip().unwrap_or([0; 4].into())),
        (Shape::Mac, _) if (1..=SHOWN).contains(&bytes.len()) => {
            write!(f, "{}", HwAddr::new(bytes))
        }
        (Shape::Number, Some(number)) => write!(f, "{number}"),
        (Shape::Signed, Some(number)) => write!(f, "{}", signed(number, bytes.len())),
        (Shape::BigEndian, Some(_)) => write!(f, "{}", number(&reversed(bytes)).unwrap_or(0)),
        (Shape::Named(name), Some(number)) => match u32::try_from(number).ok().and_then(name) {
            Some(name) => f.write_str(name),
            None => write!(f, "{number}"),
        },
        (Shape::Bits(names), Some(bits)) => {
            let all = bytes.iter().all(|byte| *byte == 0xff);
            let names = u32::try_from(bits).map_or_else(|_| Vec::new(), names);
            match names.is_empty() || all {
                true => write!(f, "{bits:#x}"),
                false => write!(f, "{bits:#x} ({})", names.join("|")),
            }
        }
        _ => raw(f, bytes),
    }
}

/// `0x0a4d0001`, or how many there are.
fn raw(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    match bytes.len() {
        0 => f.write_str("(empty)"),
        1..=SHOWN => {
            f.write_str("0x")?;
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
        many => write!(f, "({many} bytes)"),
    }
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    match cfg!(target_endian = "little") {
        true => bytes.iter().rev().copied().collect(),
        false => bytes.to_vec(),
    }
}

/// In the byte order of the host.
fn number(bytes: &[u8]) -> Option<u64> {
    let attr = Attr {
        kind: 0,
        value: bytes,
    };
    match bytes.len() {
        1 => attr.u8().ok().map(u64::from),
        2 => attr.u16().ok().map(u64::from),
        4 => attr.u32().ok().map(u64::from),
        8 => attr.u64().ok(),
        _ => None,
    }
}

fn signed(number: u64, bytes: usize) -> i64 {
    let unused = 64 - 8 * u32::try_from(bytes.clamp(1, 8)).unwrap_or(8);
    (number << unused).cast_signed() >> unused
}

/// The name of the attribute that begins at an offset, behind those it is in.
fn name_at(bytes: &[u8], table: &Table, family: u8, at: usize) -> Option<String> {
    let (mut start, mut before) = (0, String::new());
    for attr in Attrs::new(bytes) {
        let attr = attr.ok()?;
        let end = start + 4 + attr.value.len();
        let row = table.row(attr.kind);
        let name = || {
            row.map_or_else(
                || format!("attribute {}", attr.kind),
                |(prefix, row)| format!("{prefix}{}", row.name),
            )
        };
        if at == start {
            return Some(name());
        }
        if at < end {
            let shape = match &row?.1.shape {
                Shape::ByFamily(shape) => shape(family),
                shape => shape,
            };
            let (header, within) = inside(shape, &before)?;
            let size = header.map_or(0, |header| align(header.size));
            let rest = attr.value.get(size..)?;
            let deeper = name_at(rest, within, family, at.checked_sub(start + 4 + size)?)?;
            return Some(format!("{} {deeper}", name()));
        }
        if let Some((_, row)) = row {
            remember(&mut before, row, &attr);
        }
        start = align(end);
    }
    None
}
