//! `reject`: refuses, and says so (`NFTA_REJECT_*`).

use super::{Expression, Fields};
use crate::attr::{Malformed, Writer};
use crate::table::numbered;

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_REJECT_" {
        TYPE = 1 BigEndian,
        CODE = 2 Number,
    }
}

numbered! {
    /// How to say it.
    RejectType(u32), "reject type" {
        /// By an ICMP error of the packet's family.
        IcmpUnreachable = 0 "icmp",
        /// By a TCP reset.
        TcpReset = 1 "tcp reset",
        /// By an ICMP error, named the same for both families.
        IcmpxUnreachable = 2 "icmpx",
    }
}

/// Refuses, and says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// How.
    pub kind: RejectType,
    /// The code of the ICMP error.
    pub code: u8,
}

impl Expression for Reject {
    const NAME: &'static str = "reject";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        w.be32(TYPE, self.kind.number());
        if self.kind != RejectType::TcpReset {
            w.u8(CODE, self.code);
        }
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        Ok(Some(Reject {
            kind: fields.number(TYPE)?.into(),
            code: fields.find(CODE)?.map_or(Ok(0), |attr| attr.u8())?,
        }))
    }
}
