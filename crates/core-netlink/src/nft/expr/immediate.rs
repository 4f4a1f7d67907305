//! `immediate`: sets a register, or decides (`NFTA_IMMEDIATE_*`).

use super::super::{Data, Verdict};
use super::{Expression, Fields, Reg, VERDICT, write_reg};
use crate::attr::{Malformed, Writer};

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_IMMEDIATE_" {
        DREG = 1 BigEndian,
        DATA = 2 Nest(&super::super::data::ATTRIBUTES),
    }
}

/// Bytes for a register, or a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Immediate {
    /// Where the packet goes.
    Verdict(Verdict),
    /// Bytes into a register.
    Value {
        /// Written here.
        to: Reg,
        /// The bytes.
        value: Vec<u8>,
    },
}

impl Expression for Immediate {
    const NAME: &'static str = "immediate";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Immediate::Verdict(verdict) => {
                w.be32(DREG, VERDICT);
                Data::Verdict(verdict.clone()).write(w, DATA);
            }
            Immediate::Value { to, value } => {
                write_reg(w, DREG, *to);
                Data::Value(value.clone()).write(w, DATA);
            }
        }
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        Ok(Some(match Data::read(fields.need(DATA)?)? {
            Data::Verdict(verdict) => Immediate::Verdict(verdict),
            Data::Value(value) => {
                let to = fields.reg(DREG)?;
                Immediate::Value { to, value }
            }
        }))
    }
}
