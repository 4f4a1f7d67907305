//! `payload`: bytes of the packet (`NFTA_PAYLOAD_*`), loading only.

use super::{Expression, Fields, Reg, write_reg};
use crate::attr::{Malformed, Writer};
use crate::table::numbered;

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_PAYLOAD_" {
        DREG = 1 BigEndian,
        BASE = 2 BigEndian,
        OFFSET = 3 BigEndian,
        LEN = 4 BigEndian,
        SREG = 5 BigEndian,
    }
}

numbered! {
    /// Where to count from.
    Base(u32), "payload base" {
        /// The Ethernet header.
        Link = 0 "ll",
        /// The IP or ARP header.
        Network = 1 "nh",
        /// The TCP, UDP or ICMP header.
        Transport = 2 "th",
        /// What the transport carries.
        Inner = 3 "ih",
    }
}

/// Loads bytes of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Where to count from.
    pub base: Base,
    /// In bytes.
    pub offset: u32,
    /// In bytes.
    pub len: u32,
    /// Written here.
    pub to: Reg,
}

impl Expression for Payload {
    const NAME: &'static str = "payload";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        write_reg(w, DREG, self.to);
        w.be32(BASE, self.base.number());
        w.be32(OFFSET, self.offset);
        w.be32(LEN, self.len);
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        if fields.has(SREG)? {
            return Ok(None);
        }
        Ok(Some(Payload {
            base: fields.number(BASE)?.into(),
            offset: fields.number(OFFSET)?,
            len: fields.number(LEN)?,
            to: fields.reg(DREG)?,
        }))
    }
}
