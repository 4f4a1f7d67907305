//! `ct`: what connection tracking knows (`NFTA_CT_*`), loading only.

use super::{Expression, Fields, Reg, write_reg};
use crate::attr::{Malformed, Writer};
use crate::table::numbered;

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_CT_" {
        DREG = 1 BigEndian,
        KEY = 2 BigEndian,
        DIRECTION = 3 Number,
        SREG = 4 BigEndian,
    }
}

numbered! {
    /// What to load (`NFT_CT_*`).
    CtKey(u32), "conntrack key" {
        /// Bits: invalid 1, established 2, related 4, new 8, untracked 64.
        State = 0 "state",
        /// 0 original, 1 reply.
        Direction = 1 "direction",
        /// Bits (`IPS_*`): source translated 16, destination translated 32.
        Status = 2 "status",
        /// The mark of the connection.
        Mark = 3 "mark",
    }
}

impl Ct {
    /// A packet that belongs to no connection and cannot begin one.
    pub const INVALID: u32 = 1;
    /// A packet of a connection that has been answered.
    pub const ESTABLISHED: u32 = 2;
    /// A packet about another connection.
    pub const RELATED: u32 = 4;
    /// The first packet of a connection.
    pub const NEW: u32 = 8;
    /// `IPS_DST_NAT`: the destination was translated.
    pub const DST_NAT: u32 = 32;
}

/// Loads what connection tracking knows of the packet, in the byte order of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ct {
    /// What.
    pub key: CtKey,
    /// Written here.
    pub to: Reg,
}

impl Expression for Ct {
    const NAME: &'static str = "ct";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        w.be32(KEY, self.key.number());
        write_reg(w, DREG, self.to);
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        if fields.has(DIRECTION)? || fields.has(SREG)? {
            return Ok(None);
        }
        Ok(Some(Ct {
            key: fields.number(KEY)?.into(),
            to: fields.reg(DREG)?,
        }))
    }
}
