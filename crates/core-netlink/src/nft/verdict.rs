//! Where a packet goes: `enum nft_verdicts` and the verdicts of netfilter (linux/netfilter/nf_tables.h, linux/netfilter.h).

use crate::trace::layout::attributes;
use crate::{Attrs, Malformed, Writer};
use std::fmt;

attributes! {
    pub(super) ATTRIBUTES = "NFTA_VERDICT_" {
        CODE = 1 BigEndian,
        CHAIN = 2 Text,
    }
}

/// Where a packet goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Out of this table and on.
    Accept,
    /// Away.
    Drop,
    /// To the next rule.
    Continue,
    /// Out of this chain, without looking at the rest of it.
    Return,
    /// Into a chain and back.
    Jump(String),
    /// Into a chain, not back.
    Goto(String),
    /// Another one by its number.
    Other(i32),
}

impl Verdict {
    fn code(&self) -> i32 {
        match self {
            Verdict::Drop => 0,
            Verdict::Accept => 1,
            Verdict::Continue => -1,
            Verdict::Jump(_) => -3,
            Verdict::Goto(_) => -4,
            Verdict::Return => -5,
            Verdict::Other(code) => *code,
        }
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.bytes(CODE, &self.code().to_be_bytes());
        if let Verdict::Jump(chain) | Verdict::Goto(chain) = self {
            w.str(CHAIN, chain);
        }
    }

    pub(crate) fn read(attrs: Attrs<'_>) -> Result<Verdict, Malformed> {
        let missing = Malformed::new("verdict", 8, 0);
        let code = attrs.find(CODE)?.ok_or(missing)?.array()?;
        let chain =
            |missing| -> Result<_, Malformed> { Ok(attrs.find(CHAIN)?.ok_or(missing)?.text()) };
        Ok(match i32::from_be_bytes(code) {
            0 => Verdict::Drop,
            1 => Verdict::Accept,
            -1 => Verdict::Continue,
            -3 => Verdict::Jump(chain(missing)?),
            -4 => Verdict::Goto(chain(missing)?),
            -5 => Verdict::Return,
            other => Verdict::Other(other),
        })
    }
}

/// As nft writes it.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Accept => f.write_str("accept"),
            Verdict::Drop => f.write_str("drop"),
            Verdict::Continue => f.write_str("continue"),
            Verdict::Return => f.write_str("return"),
            Verdict::Jump(chain) => write!(f, "jump {chain}"),
            Verdict::Goto(chain) => write!(f, "goto {chain}"),
            Verdict::Other(code) => write!(f, "verdict {code}"),
        }
    }
}
