//! `fib`: asks the routing table (`NFTA_FIB_*`).

use super::{Expression, Fields, Reg, write_reg};
use crate::attr::{Malformed, Writer};
use crate::table::numbered;

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_FIB_" {
        DREG = 1 BigEndian,
        RESULT = 2 BigEndian,
        FLAGS = 3 BigEndian,
    }
}

numbered! {
    /// What to ask (`NFT_FIB_RESULT_*`).
    FibResult(u32), "fib result" {
        /// The outgoing interface's number.
        Oif = 1 "oif",
        /// The outgoing interface's name.
        OifName = 2 "oifname",
        /// The address's type (`RTN_*`): unicast 1, local 2.
        AddrType = 3 "type",
    }
}

/// Loads what the routing table says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fib {
    /// Of what: `NFTA_FIB_F_*`, see the constants.
    pub flags: u32,
    /// What.
    pub result: FibResult,
    /// Written here.
    pub to: Reg,
}

impl Fib {
    /// Of the source address.
    pub const SADDR: u32 = 1;
    /// Of the destination address.
    pub const DADDR: u32 = 2;
    /// For the address's type: it is one of this host (`RTN_LOCAL`).
    pub const LOCAL: u32 = 2;
}

impl Expression for Fib {
    const NAME: &'static str = "fib";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        w.be32(FLAGS, self.flags);
        w.be32(RESULT, self.result.number());
        write_reg(w, DREG, self.to);
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        Ok(Some(Fib {
            flags: fields.number(FLAGS)?,
            result: fields.number(RESULT)?.into(),
            to: fields.reg(DREG)?,
        }))
    }
}
