//! `masq`: sends out with the address of the outgoing interface (`NFTA_MASQ_*`).

use super::{Expression, Fields, Reg, write_optional_reg};
use crate::attr::{Malformed, Writer};

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_MASQ_" {
        FLAGS = 1 BigEndian,
        PROTO_MIN = 2 BigEndian,
        PROTO_MAX = 3 BigEndian,
    }
}

/// Sends out with the address of the outgoing interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masquerade {
    /// `NF_NAT_RANGE_*`; 0 for none.
    pub flags: u32,
    /// From this port.
    pub port: Option<Reg>,
    /// To this port.
    pub last_port: Option<Reg>,
}

impl Expression for Masquerade {
    const NAME: &'static str = "masq";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        if self.flags != 0 {
            w.be32(FLAGS, self.flags);
        }
        write_optional_reg(w, PROTO_MIN, self.port);
        write_optional_reg(w, PROTO_MAX, self.last_port);
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        Ok(Some(Masquerade {
            flags: fields.number_or_zero(FLAGS)?,
            port: fields.optional_reg(PROTO_MIN)?,
            last_port: fields.optional_reg(PROTO_MAX)?,
        }))
    }
}
