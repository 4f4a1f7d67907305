//! `nat`: translates addresses and ports (`NFTA_NAT_*`).

use super::super::Family;
use super::{Expression, Fields, Reg, write_optional_reg};
use crate::attr::{Malformed, Writer};
use crate::table::numbered;

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_NAT_" {
        TYPE = 1 BigEndian,
        FAMILY = 2 BigEndian,
        ADDR_MIN = 3 BigEndian,
        ADDR_MAX = 4 BigEndian,
        PROTO_MIN = 5 BigEndian,
        PROTO_MAX = 6 BigEndian,
        FLAGS = 7 BigEndian,
    }
}

numbered! {
    /// Which end is translated.
    NatType(u32), "nat type" {
        /// The source.
        Snat = 0 "snat",
        /// The destination.
        Dnat = 1 "dnat",
    }
}

/// Translates to what the registers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nat {
    /// Which end.
    pub kind: NatType,
    /// `Ip` or `Ip6`.
    pub family: Family,
    /// To this address.
    pub addr: Option<Reg>,
    /// Or any up to this one.
    pub last_addr: Option<Reg>,
    /// To this port.
    pub port: Option<Reg>,
    /// Or any up to this one.
    pub last_port: Option<Reg>,
    /// `NF_NAT_RANGE_*` besides "addresses given" (1) and "ports given" (2), which follow from the registers.
    pub flags: u32,
}

impl Nat {
    /// To one address, and one port if given.
    pub fn to(kind: NatType, family: Family, addr: Reg, port: Option<Reg>) -> Nat {
        Nat {
            kind,
            family,
            addr: Some(addr),
            last_addr: None,
            port,
            last_port: None,
            flags: 0,
        }
    }

    /// "Addresses given" and "ports given", which the kernel adds itself.
    fn implied(&self) -> u32 {
        u32::from(self.addr.is_some()) | u32::from(self.port.is_some()) << 1
    }
}

impl Expression for Nat {
    const NAME: &'static str = "nat";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        w.be32(TYPE, self.kind.number());
        w.be32(FAMILY, self.family.number().into());
        write_optional_reg(w, ADDR_MIN, self.addr);
        write_optional_reg(w, ADDR_MAX, self.last_addr);
        write_optional_reg(w, PROTO_MIN, self.port);
        write_optional_reg(w, PROTO_MAX, self.last_port);
        if self.flags != 0 {
            w.be32(FLAGS, self.flags);
        }
    }

    /// The kernel reports a single address as a range that ends where it begins.
    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        let range = |min, max| -> Result<_, Malformed> {
            let min = fields.optional_reg(min)?;
            let max = fields.optional_reg(max)?.filter(|max| Some(*max) != min);
            Ok((min, max))
        };
        let (addr, last_addr) = range(ADDR_MIN, ADDR_MAX)?;
        let (port, last_port) = range(PROTO_MIN, PROTO_MAX)?;
        let mut nat = Nat {
            kind: fields.number(TYPE)?.into(),
            family: (fields.number(FAMILY)? as u8).into(),
            addr,
            last_addr,
            port,
            last_port,
            flags: 0,
        };
        nat.flags = fields.number_or_zero(FLAGS)? & !nat.implied();
        Ok(Some(nat))
    }
}
