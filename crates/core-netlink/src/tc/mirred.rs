//! `mirred`: packets go to another link, they or copies of them (tc-mirred(8), linux/tc_act/tc_mirred.h).

use super::Control;
use super::action::Generic;
use crate::attr::{Attrs, Malformed, Writer};
use crate::table::numbered;
use crate::trace::layout::attributes;
use crate::types::IfIndex;

attributes! {
    pub(super) ATTRIBUTES = "" {
        TCA_MIRRED_TM = 1 Bytes,
        TCA_MIRRED_PARMS = 2 Bytes,
        TCA_MIRRED_BLOCKID = 4 Number,
    }
}

const PARMS: usize = 28; // struct tc_mirred: what all actions have, eaction, ifindex

numbered! {
    /// What happens to a packet, and which way it goes (`TCA_EGRESS_*`, `TCA_INGRESS_*`).
    MirredMode(u32), "mirred mode" {
        /// It leaves by the link.
        EgressRedirect = 1 "egress redirect",
        /// A copy of it leaves by the link.
        EgressMirror = 2 "egress mirror",
        /// It is received by the link.
        IngressRedirect = 3 "ingress redirect",
        /// A copy of it is received by the link.
        IngressMirror = 4 "ingress mirror",
    }
}

/// Packets go to another link.
///
/// ```
/// use core_netlink::{IfIndex, tc::{Mirred, MirredMode}};
/// let to_ifb = Mirred { link: IfIndex(4), mode: MirredMode::EgressRedirect, control: None };
/// # let _ = to_ifb;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mirred {
    /// Which link.
    pub link: IfIndex,
    /// The packet itself or a copy, out or in.
    pub mode: MirredMode,
    /// What then: [`Control::Stolen`] if the packet itself goes, [`Control::Pipe`] if a copy, unless given.
    pub control: Option<Control>,
}

impl Default for Mirred {
    fn default() -> Self {
        Mirred {
            link: IfIndex(0),
            mode: MirredMode::EgressRedirect,
            control: None,
        }
    }
}

impl Mirred {
    fn control(&self) -> Control {
        let usual = match self.mode {
            MirredMode::EgressMirror | MirredMode::IngressMirror => Control::Pipe,
            _ => Control::Stolen,
        };
        self.control.unwrap_or(usual)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match (self.link, self.mode) {
            (IfIndex(0), _) => Err("mirred: link is 0: say where packets go".to_owned()),
            (_, MirredMode::Other(mode)) => Err(format!("mirred: mode {mode} is not from 1 to 4")),
            _ => Ok(()),
        }
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        let mut parms = Generic::bytes(self.control()).to_vec();
        parms.extend_from_slice(&self.mode.number().to_ne_bytes());
        parms.extend_from_slice(&self.link.0.to_ne_bytes());
        w.bytes(TCA_MIRRED_PARMS, &parms);
    }

    pub(super) fn decode(attrs: Attrs<'_>) -> Result<(Self, Generic), Malformed> {
        let missing = Malformed::new("mirred without TCA_MIRRED_PARMS", PARMS, 0);
        let mut parms = None;
        for attr in attrs {
            let attr = attr?;
            if attr.kind == TCA_MIRRED_PARMS {
                parms = Some(attr.array::<PARMS>()?);
            }
        }
        let parms = parms.ok_or(missing)?;
        let word = |at: usize| {
            u32::from_ne_bytes([parms[at], parms[at + 1], parms[at + 2], parms[at + 3]])
        };
        let generic = Generic::decode(word(0), word(8));
        let mirred = Mirred {
            link: IfIndex(word(24)),
            mode: word(20).into(),
            control: Some(generic.control),
        };
        Ok((mirred, generic))
    }
}
