//! `matchall`: a filter that every packet of its protocol passes (tc-matchall(8), `TCA_MATCHALL_*` of linux/pkt_cls.h; Linux 4.8).

use super::{Handle, action};
use crate::attr::{Attr, Malformed, Writer};
use crate::trace::layout::attributes;

attributes! {
    pub(super) ATTRIBUTES = "" {
        TCA_MATCHALL_CLASSID = 1 Number,
        pub(super) TCA_MATCHALL_ACT = 2 Nest(&action::LIST),
        TCA_MATCHALL_FLAGS = 3 Number,
        TCA_MATCHALL_PCNT = 4 Bytes,
    }
}

/// Every packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matchall {
    /// The class that packets go to.
    pub class: Option<Handle>,
}

impl Matchall {
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        if let Some(class) = self.class {
            w.u32(TCA_MATCHALL_CLASSID, class.0);
        }
    }

    pub(super) fn read(&mut self, attr: &Attr<'_>) -> Result<(), Malformed> {
        if attr.kind == TCA_MATCHALL_CLASSID {
            self.class = Some(Handle(attr.u32()?));
        }
        Ok(())
    }
}
