//! `vlan`: one VLAN of a link of the host.

use super::{Input, Plugin};
use crate::device::{self, Addresses, Lower, Source, Wanted};
use crate::error::{Code, Error, Result};
use crate::json;
use core_netlink::IfName;
use core_netlink::link::{Kind, Vlan};
use serde::Deserialize;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "vlan",
    about: "one VLAN of a link of the host",
    add: |session, input, target| device::add(session, input, target, &wanted(input)?),
    del: |session, input, key, netns| device::del(session, input, key, netns, Some("vlan")),
    check: |session, input, target, previous| {
        device::check(session, input, target, previous, &wanted(input)?)
    },
    gc: device::collect,
    status: |session, input| device::status(session, input, &wanted(input)?),
    ahead: super::nothing_ahead,
};

const HIGHEST: u16 = 4094; // 4095 is reserved (IEEE 802.1Q)

/// The keys of the plugin's documentation.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Keys {
    #[serde(deserialize_with = "json::optional_text")]
    master: Option<IfName>,
    vlan_id: Option<i64>,
    mtu: i64,
    link_in_container: bool,
}

pub(super) fn wanted(input: &Input<'_>) -> Result<Wanted> {
    input.args.check_known(&["MAC", "IP", "GATEWAY"])?;
    let keys: Keys = input.conf.keys()?;
    let missing = |key: &str| Error::new(Code::InvalidConfig, format!("`{key}` is missing"));
    let id = keys.vlan_id.ok_or_else(|| missing("vlanId"))?;
    let kind = Kind::Vlan(Vlan {
        id: Some(vlan_id(id)?),
        ..Vlan::default()
    });
    let lower = Lower {
        name: Some(keys.master.ok_or_else(|| missing("master"))?),
        inside: keys.link_in_container,
    };
    Ok(Wanted {
        source: Source::On(kind, lower),
        mtu: device::mtu(keys.mtu)?,
        mac: input.mac()?,
        addresses: Addresses::Needed,
    })
}

/// 0 carries a priority only.
fn vlan_id(written: i64) -> Result<u16> {
    let id = u16::try_from(written).ok().filter(|&id| id <= HIGHEST);
    id.ok_or_else(|| Error::invalid("vlanId", format!("{written} is not 0 to {HIGHEST}")))
}
