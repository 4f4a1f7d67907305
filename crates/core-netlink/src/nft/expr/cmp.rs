//! `cmp`: compares a register with bytes (`NFTA_CMP_*`).

use super::{Expression, Fields, Reg, write_reg, write_value};
use crate::attr::{Malformed, Writer};
use crate::table::numbered;

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_CMP_" {
        SREG = 1 BigEndian,
        OP = 2 BigEndian,
        DATA = 3 Nest(&super::super::data::ATTRIBUTES),
    }
}

numbered! {
    /// How to compare.
    CmpOp(u32), "comparison" {
        /// Equal.
        Eq = 0 "==",
        /// Not equal.
        Neq = 1 "!=",
        /// Less.
        Lt = 2 "<",
        /// Less or equal.
        Lte = 3 "<=",
        /// Greater.
        Gt = 4 ">",
        /// Greater or equal.
        Gte = 5 ">=",
    }
}

/// Goes on if the register compares so with `value`, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cmp {
    /// The register.
    pub reg: Reg,
    /// How to compare.
    pub op: CmpOp,
    /// With what; only so many bytes are looked at.
    pub value: Vec<u8>,
}

impl Cmp {
    /// Whether it is equal.
    pub fn eq(reg: Reg, value: impl Into<Vec<u8>>) -> Cmp {
        let (op, value) = (CmpOp::Eq, value.into());
        Cmp { reg, op, value }
    }

    /// Whether it is not equal.
    pub fn neq(reg: Reg, value: impl Into<Vec<u8>>) -> Cmp {
        let (op, value) = (CmpOp::Neq, value.into());
        Cmp { reg, op, value }
    }
}

impl Expression for Cmp {
    const NAME: &'static str = "cmp";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        write_reg(w, SREG, self.reg);
        w.be32(OP, self.op.number());
        write_value(w, DATA, &self.value);
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        Ok(Some(Cmp {
            reg: fields.reg(SREG)?,
            op: fields.number(OP)?.into(),
            value: fields.value(DATA)?,
        }))
    }
}
