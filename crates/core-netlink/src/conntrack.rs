//! Connection tracking (linux/netfilter/nfnetlink_conntrack.h): find and forget connections.
//!
//! Forgetting is by filter (`CTA_FILTER`), which the kernel applies to the whole table of the namespace, or one by one. Lists may be
//! filtered since Linux 5.9; kernels that do not delete by filter, 6.1 among them, refuse it, and are asked for a list instead.

use crate::attr::{Attrs, Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::object::Family;
use crate::trace::layout::{Field, Fixed, Shape, attributes, messages};
use nix::libc;
use std::net::IpAddr;

const SUBSYSTEM: u16 = 1 << 8; // NFNL_SUBSYS_CTNETLINK
messages! {
    pub(crate) MESSAGES = "", HEADER, ATTRIBUTES {
        IPCTNL_MSG_CT_NEW = SUBSYSTEM,
        IPCTNL_MSG_CT_GET = SUBSYSTEM | 1,
        IPCTNL_MSG_CT_DELETE = SUBSYSTEM | 2,
    }
}

attributes! {
    ATTRIBUTES = "" {
        CTA_TUPLE_ORIG = 1 Nest(&TUPLE),
        CTA_TUPLE_REPLY = 2 Nest(&TUPLE),
        CTA_FILTER = 25 Nest(&FILTER),
    }
}

attributes! {
    FILTER = "" {
        CTA_FILTER_ORIG_FLAGS = 1 Number,
        CTA_FILTER_REPLY_FLAGS = 2 Number,
    }
}

attributes! {
    TUPLE = "" {
        CTA_TUPLE_IP = 1 Nest(&ADDRESSES),
        CTA_TUPLE_PROTO = 2 Nest(&PROTOCOL),
    }
}

attributes! {
    ADDRESSES = "" {
        CTA_IP_V4_SRC = 1 Ip,
        CTA_IP_V4_DST = 2 Ip,
        CTA_IP_V6_SRC = 3 Ip,
        CTA_IP_V6_DST = 4 Ip,
    }
}

attributes! {
    PROTOCOL = "" {
        CTA_PROTO_NUM = 1 Number,
        CTA_PROTO_SRC_PORT = 2 BigEndian,
        CTA_PROTO_DST_PORT = 3 BigEndian,
        CTA_PROTO_ICMP_ID = 4 BigEndian,
        CTA_PROTO_ICMP_TYPE = 5 Number,
        CTA_PROTO_ICMP_CODE = 6 Number,
        CTA_PROTO_ICMPV6_ID = 7 BigEndian,
        CTA_PROTO_ICMPV6_TYPE = 8 Number,
        CTA_PROTO_ICMPV6_CODE = 9 Number,
    }
}

/// `struct nfgenmsg`.
static HEADER: Fixed = Fixed {
    size: 4,
    fields: &[Field("family", 0, 1, Shape::Named(Family::name_of))],
};

const ICMPV6: u8 = 58;

// Bits of the filter's flags: which parts of a tuple count.
const BY_SOURCE: u32 = 1 << 0;
const BY_DESTINATION: u32 = 1 << 1;
const BY_PROTOCOL: u32 = 1 << 3;
const BY_SOURCE_PORT: u32 = 1 << 4;
const BY_DESTINATION_PORT: u32 = 1 << 5;

/// One direction of a connection, or what is asked of it: only what is given counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Where packets come from.
    pub source: Option<IpAddr>,
    /// Where they go.
    pub destination: Option<IpAddr>,
    /// The transport protocol, such as 17 for UDP. Ports need it.
    pub protocol: Option<u8>,
    /// The port they come from.
    pub source_port: Option<u16>,
    /// The port they go to.
    pub destination_port: Option<u16>,
    /// What ICMP and ICMPv6 have instead of ports. Of no meaning to a filter.
    pub icmp: Option<Icmp>,
}

/// What tells connections of ICMP apart, such as an echo and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Icmp {
    /// The identifier of the echo.
    pub id: u16,
    /// The type of the message: 8, or 128 of ICMPv6, for an echo request.
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

impl Tuple {
    fn is_empty(&self) -> bool {
        *self == Tuple::default()
    }

    fn flags(&self) -> u32 {
        let given = [
            (self.source.is_some(), BY_SOURCE),
            (self.destination.is_some(), BY_DESTINATION),
            (self.protocol.is_some(), BY_PROTOCOL),
            (self.source_port.is_some(), BY_SOURCE_PORT),
            (self.destination_port.is_some(), BY_DESTINATION_PORT),
        ];
        given
            .iter()
            .filter(|(given, _)| *given)
            .map(|(_, flag)| flag)
            .sum()
    }

    fn write(&self, w: &mut Writer<'_>, kind: u16) {
        if self.is_empty() {
            return;
        }
        w.nest(kind, |w| {
            w.nest(CTA_TUPLE_IP, |w| self.write_addresses(w));
            w.nest(CTA_TUPLE_PROTO, |w| self.write_ports(w));
        });
    }

    fn write_addresses(&self, w: &mut Writer<'_>) {
        let ends = [
            (self.source, CTA_IP_V4_SRC, CTA_IP_V6_SRC),
            (self.destination, CTA_IP_V4_DST, CTA_IP_V6_DST),
        ];
        for (address, v4, v6) in ends {
            if let Some(ip) = address {
                w.ip(if ip.is_ipv4() { v4 } else { v6 }, ip);
            }
        }
    }

    fn write_ports(&self, w: &mut Writer<'_>) {
        if let Some(protocol) = self.protocol {
            w.u8(CTA_PROTO_NUM, protocol);
        }
        if let Some(port) = self.source_port {
            w.be16(CTA_PROTO_SRC_PORT, port);
        }
        if let Some(port) = self.destination_port {
            w.be16(CTA_PROTO_DST_PORT, port);
        }
        if let Some(icmp) = self.icmp {
            let [id, kind, code] = match self.protocol {
                Some(ICMPV6) => [
                    CTA_PROTO_ICMPV6_ID,
                    CTA_PROTO_ICMPV6_TYPE,
                    CTA_PROTO_ICMPV6_CODE,
                ],
                _ => [CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMP_CODE],
            };
            w.be16(id, icmp.id);
            w.u8(kind, icmp.kind);
            w.u8(code, icmp.code);
        }
    }

    fn read(attrs: Attrs<'_>) -> Result<Tuple, Malformed> {
        let mut tuple = Tuple::default();
        for part in attrs {
            let part = part?;
            for attr in part.nested() {
                let attr = attr?;
                let icmp = || tuple.icmp.unwrap_or_default();
                match (part.kind, attr.kind) {
                    (CTA_TUPLE_IP, CTA_IP_V4_SRC | CTA_IP_V6_SRC) => {
                        tuple.source = Some(attr.ip()?)
                    }
                    (CTA_TUPLE_IP, CTA_IP_V4_DST | CTA_IP_V6_DST) => {
                        tuple.destination = Some(attr.ip()?);
                    }
                    (CTA_TUPLE_PROTO, CTA_PROTO_NUM) => tuple.protocol = Some(attr.u8()?),
                    (CTA_TUPLE_PROTO, CTA_PROTO_SRC_PORT) => tuple.source_port = Some(attr.be16()?),
                    (CTA_TUPLE_PROTO, CTA_PROTO_DST_PORT) => {
                        tuple.destination_port = Some(attr.be16()?);
                    }
                    (CTA_TUPLE_PROTO, CTA_PROTO_ICMP_ID | CTA_PROTO_ICMPV6_ID) => {
                        let id = attr.be16()?;
                        tuple.icmp = Some(Icmp { id, ..icmp() });
                    }
                    (CTA_TUPLE_PROTO, CTA_PROTO_ICMP_TYPE | CTA_PROTO_ICMPV6_TYPE) => {
                        let kind = attr.u8()?;
                        tuple.icmp = Some(Icmp { kind, ..icmp() });
                    }
                    (CTA_TUPLE_PROTO, CTA_PROTO_ICMP_CODE | CTA_PROTO_ICMPV6_CODE) => {
                        let code = attr.u8()?;
                        tuple.icmp = Some(Icmp { code, ..icmp() });
                    }
                    _ => {}
                }
            }
        }
        Ok(tuple)
    }
}

/// Which connections are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowFilter {
    /// `V4` or `V6`.
    pub family: Family,
    /// Of the first packet.
    pub original: Tuple,
    /// Of the answer, which shows what addresses were translated to.
    pub reply: Tuple,
}

impl FlowFilter {
    /// Every connection of a family.
    pub fn all(family: Family) -> Self {
        FlowFilter {
            family,
            original: Tuple::default(),
            reply: Tuple::default(),
        }
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.raw(&[self.family.number(), 0, 0, 0]);
        self.original.write(w, CTA_TUPLE_ORIG);
        self.reply.write(w, CTA_TUPLE_REPLY);
        w.nest(CTA_FILTER, |w| {
            w.u32(CTA_FILTER_ORIG_FLAGS, self.original.flags());
            w.u32(CTA_FILTER_REPLY_FLAGS, self.reply.flags());
        });
    }
}

/// A tracked connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Flow {
    /// `V4` or `V6`.
    pub family: Family,
    /// Its first packet.
    pub original: Tuple,
    /// The answer.
    pub reply: Tuple,
}

impl Record for Flow {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if kind != IPCTNL_MSG_CT_NEW {
            return Ok(None);
        }
        let ([family, ..], attrs) = split_header::<4>(body, "connection")?;
        let tuple = |kind| match attrs.find(kind)? {
            Some(attr) => Tuple::read(attr.nested()),
            None => Ok(Tuple::default()),
        };
        Ok(Some(Flow {
            family: family.into(),
            original: tuple(CTA_TUPLE_ORIG)?,
            reply: tuple(CTA_TUPLE_REPLY)?,
        }))
    }
}

struct List<'a>(&'a FlowFilter);

impl Request for List<'_> {
    fn kind(&self) -> u16 {
        IPCTNL_MSG_CT_GET
    }

    fn encode(&self, w: &mut Writer<'_>) {
        self.0.write(w);
    }

    fn what(&self) -> String {
        "list tracked connections".into()
    }
}

impl Query for List<'_> {
    type Record = Flow;
}

struct DeleteAll<'a>(&'a FlowFilter);

impl Request for DeleteAll<'_> {
    fn kind(&self) -> u16 {
        IPCTNL_MSG_CT_DELETE
    }

    fn encode(&self, w: &mut Writer<'_>) {
        self.0.write(w);
    }

    fn what(&self) -> String {
        "forget tracked connections".into()
    }
}

struct DeleteOne<'a>(&'a Flow);

impl Request for DeleteOne<'_> {
    fn kind(&self) -> u16 {
        IPCTNL_MSG_CT_DELETE
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.raw(&[self.0.family.number(), 0, 0, 0]);
        self.0.original.write(w, CTA_TUPLE_ORIG);
    }

    fn what(&self) -> String {
        "forget a tracked connection".into()
    }
}

impl Conn {
    /// The connections that a filter means, on a socket of [`Protocol::Netfilter`](crate::Protocol::Netfilter).
    pub fn flows(&mut self, filter: &FlowFilter) -> Result<Vec<Flow>> {
        self.dump(&List(filter))
    }

    /// Forgets every connection that one of the filters means, in one send; none is success.
    pub fn delete_flows(&mut self, filters: &[FlowFilter]) -> Result<()> {
        let all: Vec<DeleteAll<'_>> = filters.iter().map(DeleteAll).collect();
        let done = self.change_all(&all)?;
        for (filter, done) in filters.iter().zip(done) {
            match done {
                Err(err) if err.errno() == Some(libc::EINVAL) => {
                    let listed = self.flows(filter)?;
                    listed.iter().try_for_each(|flow| self.delete_flow(flow))?;
                }
                done => absent_is_fine(done)?,
            }
        }
        Ok(())
    }

    /// Forgets one connection; gone already is success.
    pub fn delete_flow(&mut self, flow: &Flow) -> Result<()> {
        absent_is_fine(self.change(&DeleteOne(flow)))
    }
}

fn absent_is_fine(done: Result<()>) -> Result<()> {
    match done {
        Err(err) if err.is_not_found() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_by_protocol_and_port() {
        let mut bytes = Vec::new();
        let original = Tuple {
            protocol: Some(17),
            destination_port: Some(53),
            ..Tuple::default()
        };
        let filter = FlowFilter {
            original,
            ..FlowFilter::all(Family::V4)
        };
        DeleteAll(&filter).encode(&mut Writer::new(&mut bytes));
        #[rustfmt::skip]
        assert_eq!(bytes, [
            2, 0, 0, 0,                 // nfgenmsg: AF_INET
            28, 0, 1, 0x80,             // CTA_TUPLE_ORIG
              4, 0, 1, 0x80,            // CTA_TUPLE_IP, empty
              20, 0, 2, 0x80,           // CTA_TUPLE_PROTO
                5, 0, 1, 0, 17, 0, 0, 0, // CTA_PROTO_NUM: UDP
                6, 0, 3, 0, 0, 53, 0, 0, // CTA_PROTO_DST_PORT, network order
            20, 0, 25, 0x80,            // CTA_FILTER
              8, 0, 1, 0, 0x28, 0, 0, 0, // of the original: protocol and destination port
              8, 0, 2, 0, 0, 0, 0, 0,    // of the reply: nothing
        ]);
    }

    #[test]
    fn a_flow_reads_back_and_no_cut_panics() {
        let mut body = Vec::new();
        let mut w = Writer::new(&mut body);
        let original = Tuple {
            source: Some("10.0.0.1".parse().unwrap()),
            destination: Some("10.0.0.2".parse().unwrap()),
            protocol: Some(17),
            source_port: Some(4000),
            destination_port: Some(53),
            icmp: None,
        };
        w.raw(&[2, 0, 0, 0]);
        original.write(&mut w, CTA_TUPLE_ORIG);
        let flow = Flow::decode(IPCTNL_MSG_CT_NEW, &body).unwrap().unwrap();
        assert_eq!((flow.family, flow.original), (Family::V4, original));
        let errors =
            (0..body.len()).filter(|&cut| Flow::decode(IPCTNL_MSG_CT_NEW, &body[..cut]).is_err());
        assert_eq!(
            errors.count(),
            body.len() - 1,
            "only the cut behind the header is whole"
        );
    }

    #[test]
    fn an_echo_is_told_from_others_by_its_identifier() {
        for protocol in [1, 58] {
            let original = Tuple {
                protocol: Some(protocol),
                icmp: Some(Icmp {
                    id: 77,
                    kind: 8,
                    code: 0,
                }),
                ..Tuple::default()
            };
            let mut body = vec![2, 0, 0, 0];
            original.write(&mut Writer::new(&mut body), CTA_TUPLE_ORIG);
            let flow = Flow::decode(IPCTNL_MSG_CT_NEW, &body).unwrap().unwrap();
            assert_eq!(flow.original, original);
        }
    }

    #[test]
    fn a_kernel_that_does_not_delete_by_filter_is_asked_for_a_list() {
        use crate::fake::Reply;
        let mut body = vec![2, 0, 0, 0];
        let original = Tuple {
            source: Some("10.0.0.2".parse().unwrap()),
            protocol: Some(17),
            source_port: Some(4000),
            destination_port: Some(53),
            ..Tuple::default()
        };
        original.write(&mut Writer::new(&mut body), CTA_TUPLE_ORIG);
        let (log, seen) = std::sync::mpsc::channel();
        let mut conn = Conn::fake(move |sent| {
            let by_filter = Attrs::new(&sent.body[4..])
                .find(CTA_FILTER)
                .unwrap()
                .is_some();
            log.send((sent.kind & 0xff, by_filter)).unwrap();
            match (sent.kind & 0xff, by_filter) {
                (1, _) => Reply::Records(vec![(IPCTNL_MSG_CT_NEW, body.clone())]),
                (_, true) => Reply::Errno(libc::EINVAL),
                (_, false) => Reply::Ack,
            }
        });
        let from = Tuple {
            source: original.source,
            ..Tuple::default()
        };
        let filter = FlowFilter {
            original: from,
            ..FlowFilter::all(Family::V4)
        };
        conn.delete_flows(&[filter]).unwrap();
        drop(conn);
        let asked: Vec<_> = seen.iter().collect();
        assert_eq!(asked, [(2, true), (1, true), (2, false)]);
    }
}
