//! `macvlan`: a link with its own MAC address on a link of the host.

use super::{Input, Plugin};
use crate::device::{self, Addresses, Lower, Source, Wanted};
use crate::error::{Error, Result};
use crate::json;
use core_netlink::link::{Kind, Macvlan, MacvlanMode};
use core_netlink::{IfName, MacAddr};
use serde::Deserialize;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "macvlan",
    about: "a link with its own MAC address on a link of the host",
    add: |session, input, target| device::add(session, input, target, &wanted(input)?),
    del: |session, input, key, netns| device::del(session, input, key, netns, Some("macvlan")),
    check: |session, input, target, previous| {
        device::check(session, input, target, previous, &wanted(input)?)
    },
    gc: device::collect,
    status: |session, input| device::status(session, input, &wanted(input)?),
    ahead: super::nothing_ahead,
};

/// The keys of the plugin's documentation.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Keys {
    #[serde(deserialize_with = "json::optional_text")]
    master: Option<IfName>,
    mode: String,
    mtu: i64,
    #[serde(deserialize_with = "json::optional_text")]
    mac: Option<MacAddr>,
    link_in_container: bool,
    #[serde(rename = "bcqueuelen")]
    bc_queue_len: u32,
}

pub(super) fn wanted(input: &Input<'_>) -> Result<Wanted> {
    input.args.check_known(&["MAC", "IP", "GATEWAY"])?;
    let keys: Keys = input.conf.keys()?;
    let kind = Kind::Macvlan(Macvlan {
        mode: Some(mode(&keys.mode)?),
        bc_queue_len: Some(keys.bc_queue_len).filter(|&length| length != 0),
        ..Macvlan::default()
    });
    let lower = Lower {
        name: keys.master,
        inside: keys.link_in_container,
    };
    Ok(Wanted {
        source: Source::On(kind, lower),
        mtu: device::mtu(keys.mtu)?,
        mac: input.mac()?.or(keys.mac),
        addresses: Addresses::Managed,
    })
}

fn mode(word: &str) -> Result<MacvlanMode> {
    match word {
        "" | "bridge" => Ok(MacvlanMode::Bridge),
        "private" => Ok(MacvlanMode::Private),
        "vepa" => Ok(MacvlanMode::Vepa),
        "passthru" => Ok(MacvlanMode::Passthru),
        other => {
            let why = format!("{other:?} is not bridge, private, vepa or passthru");
            Err(Error::invalid("mode", why))
        }
    }
}
