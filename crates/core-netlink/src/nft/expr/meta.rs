//! `meta`: what is known about a packet besides its bytes (`NFTA_META_*`), loading only.

use super::{Expression, Fields, Reg, write_reg};
use crate::attr::{Malformed, Writer};
use crate::table::numbered;

use crate::trace::layout::{Table, attributes};

attributes! {
    ATTRIBUTES = "NFTA_META_" {
        DREG = 1 BigEndian,
        KEY = 2 BigEndian,
        SREG = 3 BigEndian,
    }
}

numbered! {
    /// What to load (`NFT_META_*`).
    MetaKey(u32), "meta key" {
        /// The length of the packet.
        Length = 0 "length",
        /// The EtherType, of what is inside a VLAN tag.
        Protocol = 1 "protocol",
        /// The mark of the packet.
        Mark = 3 "mark",
        /// The incoming interface's number.
        Iif = 4 "iif",
        /// The outgoing interface's number.
        Oif = 5 "oif",
        /// The incoming interface's name, 16 bytes.
        IifName = 6 "iifname",
        /// The outgoing interface's name, 16 bytes.
        OifName = 7 "oifname",
        /// IPv4 or IPv6 (`NFPROTO_*`), one byte.
        NfProto = 15 "nfproto",
        /// The transport protocol, one byte; extension headers are walked.
        L4Proto = 16 "l4proto",
        /// The bridge of the incoming port.
        BridgeIifName = 17 "ibrname",
        /// The bridge of the outgoing port.
        BridgeOifName = 18 "obrname",
        /// To this host, to all, to a group, or to another.
        PacketType = 19 "pkttype",
    }
}

/// Loads what is known about the packet besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What.
    pub key: MetaKey,
    /// Written here.
    pub to: Reg,
}

impl Expression for Meta {
    const NAME: &'static str = "meta";
    const ATTRIBUTES: &'static Table = &ATTRIBUTES;

    fn write(&self, w: &mut Writer<'_>) {
        w.be32(KEY, self.key.number());
        write_reg(w, DREG, self.to);
    }

    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed> {
        if fields.has(SREG)? {
            return Ok(None);
        }
        Ok(Some(Meta {
            key: fields.number(KEY)?.into(),
            to: fields.reg(DREG)?,
        }))
    }
}
