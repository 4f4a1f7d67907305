//! `range`: inside or outside two bounds (`NFTA_RANGE_*`).

use super::{Expression, Fields, Reg, write_reg, write_value};
use crate::attr::{Malformed, Writer};

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_RANGE_" {
        SREG = 1 BigEndian,
        OP = 2 BigEndian,
        FROM = 3 Nest(&super::super::data::ATTRIBUTES),
        TO = 4 Nest(&super::super::data::ATTRIBUTES),
    }
}

/// Goes on if the register is from `from` to `to`, both included; or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The register.
    pub reg: Reg,
    /// Goes on outside instead.
    pub inverted: bool,
    /// The lower bound.
    pub from: Vec<u8>,
    /// The upper bound, as long as the lower.
    pub to: Vec<u8>,
}

impl Expression for Range {
    const NAME: &'static str = "range";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        write_reg(w, SREG, self.reg);
        w.be32(OP, self.inverted.into());
        write_value(w, FROM, &self.from);
        write_value(w, TO, &self.to);
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        Ok(Some(Range {
            reg: fields.reg(SREG)?,
            inverted: fields.number(OP)? != 0,
            from: fields.value(FROM)?,
            to: fields.value(TO)?,
        }))
    }
}
