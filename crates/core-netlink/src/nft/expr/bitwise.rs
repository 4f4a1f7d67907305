//! `bitwise`: masks bits (`NFTA_BITWISE_*`), the boolean form only.

use super::{Expression, Fields, Reg, write_reg, write_value};
use crate::attr::{Malformed, Writer};

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_BITWISE_" {
        SREG = 1 BigEndian,
        DREG = 2 BigEndian,
        LEN = 3 BigEndian,
        MASK = 4 Nest(&super::super::data::ATTRIBUTES),
        XOR = 5 Nest(&super::super::data::ATTRIBUTES),
        OP = 6 BigEndian,
        DATA = 7 Nest(&super::super::data::ATTRIBUTES),
    }
}

/// `to = (from & mask) ^ xor`; mask and xor are equally long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitwise {
    /// Read from here.
    pub from: Reg,
    /// Written here.
    pub to: Reg,
    /// What stays.
    pub mask: Vec<u8>,
    /// What is turned over then.
    pub xor: Vec<u8>,
}

impl Expression for Bitwise {
    const NAME: &'static str = "bitwise";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        write_reg(w, SREG, self.from);
        write_reg(w, DREG, self.to);
        w.be32(LEN, self.mask.len() as u32);
        write_value(w, MASK, &self.mask);
        write_value(w, XOR, &self.xor);
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        if fields.number_or_zero(OP)? != 0 || fields.has(DATA)? {
            return Ok(None);
        }
        Ok(Some(Bitwise {
            from: fields.reg(SREG)?,
            to: fields.reg(DREG)?,
            mask: fields.value(MASK)?,
            xor: fields.value(XOR)?,
        }))
    }
}
