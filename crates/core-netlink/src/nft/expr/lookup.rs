//! `lookup`: asks a set or map (`NFTA_LOOKUP_*`).

use super::{Expression, Fields, Reg, VERDICT, write_reg};
use crate::attr::{Malformed, Writer};

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_LOOKUP_" {
        SET = 1 Text,
        SREG = 2 BigEndian,
        DREG = 3 BigEndian,
        SET_ID = 4 BigEndian,
        FLAGS = 5 BigEndian,
    }
}

const INVERTED: u32 = 1; // NFT_LOOKUP_F_INV

/// Goes on if the set has the key in the register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// The key.
    pub key: Reg,
    /// The set's name.
    pub set: String,
    /// The set's number, if the same transaction makes it; else 0.
    pub set_id: u32,
    /// In a map: where what the key stands for is written.
    pub to: Option<Reg>,
    /// In a verdict map: what the key stands for is decided.
    pub decides: bool,
    /// Goes on if the set does not have the key.
    pub inverted: bool,
}

impl Expression for Lookup {
    const NAME: &'static str = "lookup";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        write_reg(w, SREG, self.key);
        match self.to {
            _ if self.decides => w.be32(DREG, VERDICT),
            Some(to) => write_reg(w, DREG, to),
            None => {}
        }
        w.str(SET, &self.set);
        if self.set_id != 0 {
            w.be32(SET_ID, self.set_id);
        }
        if self.inverted {
            w.be32(FLAGS, INVERTED);
        }
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        let to = fields.find(DREG)?.map(|attr| attr.be32()).transpose()?;
        let decides = to == Some(VERDICT);
        Ok(Some(Lookup {
            key: fields.reg(SREG)?,
            set: fields.need(SET)?.text(),
            set_id: fields.number_or_zero(SET_ID)?,
            to: to.filter(|_| !decides).map(Reg::from_number).transpose()?,
            decides,
            inverted: fields.number_or_zero(FLAGS)? & INVERTED != 0,
        }))
    }
}
