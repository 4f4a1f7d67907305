//! VLANs, as they are written.

use super::Text;
use crate::vlans::{Before, PortVlans, Vlans};
use core_netlink::VlanId;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct VlansFile {
    gateway: Option<Text<VlanId>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct BeforeFile {
    filtering: bool,
    member: bool,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PortVlansFile {
    untagged: Option<Text<VlanId>>,
    tagged: Vec<[Text<VlanId>; 2]>,
    keep_default: bool,
}

impl From<Vlans> for VlansFile {
    fn from(vlans: Vlans) -> VlansFile {
        let gateway = vlans.gateway.map(Text);
        VlansFile { gateway }
    }
}

impl From<VlansFile> for Vlans {
    fn from(file: VlansFile) -> Vlans {
        let gateway = file.gateway.map(|vlan| vlan.0);
        Vlans { gateway }
    }
}

impl From<Before> for BeforeFile {
    fn from(Before { filtering, member }: Before) -> BeforeFile {
        BeforeFile { filtering, member }
    }
}

impl From<BeforeFile> for Before {
    fn from(BeforeFile { filtering, member }: BeforeFile) -> Before {
        Before { filtering, member }
    }
}

impl From<&PortVlans> for PortVlansFile {
    fn from(vlans: &PortVlans) -> PortVlansFile {
        let tagged = vlans.tagged().iter();
        PortVlansFile {
            untagged: vlans.untagged().map(Text),
            tagged: tagged
                .map(|(first, last)| [*first, *last].map(Text))
                .collect(),
            keep_default: vlans.keeps_default(),
        }
    }
}

impl From<PortVlansFile> for PortVlans {
    fn from(file: PortVlansFile) -> PortVlans {
        let tagged = file
            .tagged
            .into_iter()
            .map(|[first, last]| (first.0, last.0));
        let own = file.untagged.map(|vlan| vlan.0);
        PortVlans::new(own, tagged).keeping_default(file.keep_default)
    }
}
