//! What sets and maps hold: nft's data types by their numbers, values, and concatenations of them.

use crate::{Attr, IfName, MacAddr, Malformed, Writer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Family, Verdict};
use crate::trace::layout::attributes;

attributes! {
    pub(super) ATTRIBUTES = "NFTA_" {
        DATA_VALUE = 1 Bytes,
        DATA_VERDICT = 2 Nest(&super::verdict::ATTRIBUTES),
    }
}

const NAME_LEN: usize = 16; // IFNAMSIZ
const TYPE_BITS: u32 = 6; // of one type in the number of a concatenation

/// The type of a key or a value, as nft numbers them (`enum datatypes` of nftables). The kernel only keeps the number;
/// it decides how `nft list` prints the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// `nf_proto`: `ipv4` or `ipv6`.
    NfProto,
    /// A number of this many bytes, in network byte order.
    Integer(u8),
    /// `ipv4_addr`.
    Ipv4Addr,
    /// `ipv6_addr`.
    Ipv6Addr,
    /// `ether_addr`.
    EtherAddr,
    /// `ether_type`, in network byte order.
    EtherType,
    /// `arp_op`, in network byte order.
    ArpOp,
    /// `inet_proto`: the number of a transport protocol.
    InetProto,
    /// `inet_service`: a port.
    InetService,
    /// `icmpv6_type`.
    Icmp6Type,
    /// `ifname`.
    IfName,
    /// Another one, by its number.
    Other(u8),
}

impl DataType {
    /// nft's number.
    pub fn id(self) -> u32 {
        match self {
            DataType::NfProto => 2,
            DataType::Integer(_) => 4,
            DataType::Ipv4Addr => 7,
            DataType::Ipv6Addr => 8,
            DataType::EtherAddr => 9,
            DataType::EtherType => 10,
            DataType::ArpOp => 11,
            DataType::InetProto => 12,
            DataType::InetService => 13,
            DataType::Icmp6Type => 29,
            DataType::IfName => 41,
            DataType::Other(id) => id.into(),
        }
    }

    fn from_id(id: u32, len: u8) -> DataType {
        match id {
            2 => DataType::NfProto,
            4 => DataType::Integer(len),
            7 => DataType::Ipv4Addr,
            8 => DataType::Ipv6Addr,
            9 => DataType::EtherAddr,
            10 => DataType::EtherType,
            11 => DataType::ArpOp,
            12 => DataType::InetProto,
            13 => DataType::InetService,
            29 => DataType::Icmp6Type,
            41 => DataType::IfName,
            other => DataType::Other(other as u8),
        }
    }

    /// Its bytes, without padding; 0 where they are not known.
    pub fn len(self) -> usize {
        match self {
            DataType::NfProto | DataType::InetProto | DataType::Icmp6Type => 1,
            DataType::EtherType | DataType::ArpOp | DataType::InetService => 2,
            DataType::Ipv4Addr => 4,
            DataType::EtherAddr => 6,
            DataType::Ipv6Addr => 16,
            DataType::IfName => NAME_LEN,
            DataType::Integer(len) => len.into(),
            DataType::Other(_) => 0,
        }
    }

    /// Whether its length is unknown.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The byte order nft notes for a key of this type alone: 0 unknown, 1 host, 2 network.
    fn byte_order(self) -> u32 {
        match self {
            DataType::NfProto => 0,
            DataType::IfName => 1,
            _ => 2,
        }
    }
}

/// nft's number of a concatenation: six bits for each type.
pub(crate) fn concat_id(types: &[DataType]) -> u32 {
    types.iter().fold(0, |id, ty| id << TYPE_BITS | ty.id())
}

/// The types in a concatenation of `len` bytes; a number in it takes what the others leave.
pub(crate) fn split_id(id: u32, len: usize) -> Vec<DataType> {
    let fields = (0..u32::BITS.div_ceil(TYPE_BITS)).rev();
    let ids = fields.map(|field| id >> (field * TYPE_BITS) & 0x3f);
    let ids: Vec<u32> = ids.skip_while(|&id| id == 0).collect();
    let known = |id: u32| stride(DataType::from_id(id, 0).len(), ids.len());
    let rest = len.saturating_sub(ids.iter().map(|&id| known(id)).sum());
    let rest = u8::try_from(rest).unwrap_or(u8::MAX);
    ids.iter().map(|&id| DataType::from_id(id, rest)).collect()
}

pub(crate) fn byte_order(types: &[DataType]) -> u32 {
    match types {
        [one] => one.byte_order(),
        _ => 0,
    }
}

/// The bytes of a key or value: alone as it is, in a concatenation each field padded to four.
pub(crate) fn concat_len(types: &[DataType]) -> usize {
    types.iter().map(|ty| stride(ty.len(), types.len())).sum()
}

fn stride(len: usize, fields: usize) -> usize {
    if fields > 1 {
        len.next_multiple_of(4)
    } else {
        len
    }
}

/// One field of a key or of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Value {
    /// An interface.
    Name(IfName),
    /// An Ethernet address.
    Mac(MacAddr),
    /// An address; its kind is the type.
    Ip(IpAddr),
    /// IPv4 or IPv6.
    Family(Family),
    /// A transport protocol by its number.
    Protocol(u8),
    /// A port.
    Port(u16),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Name(name) => {
                out.extend_from_slice(name.as_bytes());
                out.resize(out.len() + NAME_LEN - name.as_bytes().len(), 0);
            }
            Value::Mac(mac) => out.extend_from_slice(&mac.0),
            Value::Ip(IpAddr::V4(v4)) => out.extend_from_slice(&v4.octets()),
            Value::Ip(IpAddr::V6(v6)) => out.extend_from_slice(&v6.octets()),
            Value::Family(family) => out.push(family.number()),
            Value::Protocol(number) => out.push(*number),
            Value::Port(port) => out.extend_from_slice(&port.to_be_bytes()),
            Value::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// Reads one field of the given type.
    fn read(ty: DataType, bytes: &[u8]) -> Value {
        Value::read_known(ty, bytes).unwrap_or_else(|| Value::Bytes(bytes.to_vec()))
    }

    fn read_known(ty: DataType, bytes: &[u8]) -> Option<Value> {
        let value = match ty {
            DataType::IfName => {
                let end = bytes.iter().position(|&byte| byte == 0);
                Value::Name(IfName::from_kernel(&bytes[..end.unwrap_or(bytes.len())]))
            }
            DataType::EtherAddr => Value::Mac(MacAddr(bytes.try_into().ok()?)),
            DataType::Ipv4Addr => {
                Value::Ip(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into())
            }
            DataType::Ipv6Addr => {
                Value::Ip(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into())
            }
            DataType::NfProto => Value::Family(Family::from(*bytes.first()?)),
            DataType::InetProto => Value::Protocol(*bytes.first()?),
            DataType::InetService => Value::Port(u16::from_be_bytes(bytes.try_into().ok()?)),
            _ => return None,
        };
        Some(value)
    }
}

/// As nft writes it in an element.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Name(name) => write!(f, "\"{name}\""),
            Value::Mac(mac) => mac.fmt(f),
            Value::Ip(ip) => ip.fmt(f),
            Value::Family(Family::Ip) => f.write_str("ipv4"),
            Value::Family(Family::Ip6) => f.write_str("ipv6"),
            Value::Family(other) => other.number().fmt(f),
            Value::Protocol(number) => f.write_str(&protocol_name(*number)),
            Value::Port(port) => port.fmt(f),
            Value::Bytes(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

fn protocol_name(number: u8) -> String {
    match number {
        1 => "icmp".into(),
        6 => "tcp".into(),
        17 => "udp".into(),
        58 => "ipv6-icmp".into(),
        132 => "sctp".into(),
        other => other.to_string(),
    }
}

/// The bytes of a key or value of these fields.
pub(crate) fn concat(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(40);
    for value in values {
        let start = out.len();
        value.write(&mut out);
        let len = stride(out.len() - start, values.len());
        out.resize(start + len, 0);
    }
    out
}

/// The fields in the bytes of a key or value.
pub(crate) fn split(types: &[DataType], bytes: &[u8]) -> Result<Vec<Value>, Malformed> {
    let mut at = 0;
    let field = |&ty: &DataType| {
        let short = || Malformed::new("set element", at + ty.len(), bytes.len());
        let field = bytes.get(at..at + ty.len()).ok_or_else(short)?;
        at += stride(ty.len(), types.len());
        Ok(Value::read(ty, field))
    };
    types.iter().map(field).collect()
}

/// What an element of a map stands for, or what a register is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Data {
    /// Where the packet goes.
    Verdict(Verdict),
    /// Plain bytes: an address, a port, a concatenation.
    Value(Vec<u8>),
}

impl Data {
    /// A value of one field, or a concatenation.
    pub fn of(values: &[Value]) -> Data {
        Data::Value(concat(values))
    }

    /// `struct nlattr` nest of type `kind` (linux/netfilter/nf_tables.h, `enum nft_data_attributes`).
    pub(crate) fn write(&self, w: &mut Writer<'_>, kind: u16) {
        w.nest(kind, |w| match self {
            Data::Verdict(verdict) => w.nest(DATA_VERDICT, |w| verdict.write(w)),
            Data::Value(bytes) => w.bytes(DATA_VALUE, bytes),
        });
    }

    pub(crate) fn read(attr: Attr<'_>) -> Result<Data, Malformed> {
        for inner in attr.nested() {
            let inner = inner?;
            match inner.kind {
                DATA_VALUE => return Ok(Data::Value(inner.value.to_vec())),
                DATA_VERDICT => return Ok(Data::Verdict(Verdict::read(inner.nested())?)),
                _ => {}
            }
        }
        Err(Malformed::new("nf_tables data", 4, attr.value.len()))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Data::Value(bytes) => bytes,
            Data::Verdict(_) => Vec::new(),
        }
    }
}
