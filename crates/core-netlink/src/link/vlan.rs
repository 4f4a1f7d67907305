//! `vlan`: one VLAN of another link (`IFLA_VLAN_*`, IEEE 802.1Q).

use super::values::{Chosen, QosMapping, VlanProtocol, chosen};
use crate::table::{attrs, bits};

attrs! {
    /// A VLAN of the link named by [`LinkSpec::link`](super::LinkSpec::link).
    pub struct Vlan {
        /// 0 to 4094; 0 carries a priority only.
        id: u16 = 1,
        /// Switches.
        flags: Chosen<VlanFlags> = 2,
        /// From the priority of a packet to that of the header.
        egress_qos: Vec<QosMapping> = 3,
        /// From the priority of the header to that of a packet.
        ingress_qos: Vec<QosMapping> = 4,
        /// Which tag; 802.1Q unless given.
        protocol: VlanProtocol = 5,
    }
}

bits! {
    /// Switches of a VLAN (`VLAN_FLAG_*`).
    VlanFlags(u32) {
        /// Packets look as if there were no tag.
        REORDER_HDR = 0x1 "REORDER_HDR",
        /// Announce by GVRP.
        GVRP = 0x2 "GVRP",
        /// Up or down whatever the lower link is.
        LOOSE_BINDING = 0x4 "LOOSE_BINDING",
        /// Announce by MVRP.
        MVRP = 0x8 "MVRP",
        /// Carrier as that of the bridge's ports in this VLAN.
        BRIDGE_BINDING = 0x10 "BRIDGE_BINDING",
    }
}

chosen! { VlanFlags }

impl Vlan {
    pub(super) fn check(&self) -> Result<(), String> {
        match self.id {
            None => Err("a vlan needs an id".to_owned()),
            Some(id @ 4095..) => Err(format!("vlan id {id} is not from 0 to 4094")),
            Some(_) => Ok(()),
        }
    }
}
