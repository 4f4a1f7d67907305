//! `tap`: an interface whose other end is a program, such as a virtual machine's.

use super::{Input, Plugin};
use crate::device::{self, Addresses, Source, Tap, Wanted};
use crate::error::{Code, Error, Result};
use crate::json;
use core_netlink::{IfName, MacAddr};
use serde::Deserialize;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "tap",
    about: "an interface whose other end is a program",
    add: |session, input, target| device::add(session, input, target, &wanted(input)?),
    del: |session, input, key, netns| device::del(session, input, key, netns, Some(device::TAP)),
    check: |session, input, target, previous| {
        device::check(session, input, target, previous, &wanted(input)?)
    },
    gc: device::collect,
    status: |session, input| device::status(session, input, &wanted(input)?),
    ahead: super::nothing_ahead,
};

const MTU_MAX: u32 = 65535 - 14; // what the driver takes: the header of Ethernet counts
const NOBODY: u32 = u32::MAX; // stands for no user and no group

/// The keys of the plugin's documentation.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Keys {
    multi_queue: bool,
    mtu: i64,
    #[serde(deserialize_with = "json::optional_text")]
    mac: Option<MacAddr>,
    owner: Option<u32>,
    group: Option<u32>,
    selinux_context: String,
    #[serde(deserialize_with = "json::optional_text")]
    bridge: Option<IfName>,
}

pub(super) fn wanted(input: &Input<'_>) -> Result<Wanted> {
    input.args.check_known(&["MAC", "IP", "GATEWAY"])?;
    let keys: Keys = input.conf.keys()?;
    let mtu = device::mtu(keys.mtu)?;
    if let Some(mtu) = mtu.filter(|&mtu| mtu > MTU_MAX) {
        return Err(Error::invalid(
            "mtu",
            format!("{mtu} is more than the {MTU_MAX} of a tap"),
        ));
    }
    for (key, id) in [("owner", keys.owner), ("group", keys.group)] {
        if id == Some(NOBODY) {
            return Err(Error::invalid(key, format!("{NOBODY} stands for nobody")));
        }
    }
    if !keys.selinux_context.is_empty() {
        let why = "`selinuxContext`: a tap has the context of the program that makes it, and none is started here";
        return Err(Error::new(Code::UnsupportedField, why)
            .with_details("start the plugin in that context"));
    }
    let tap = Tap {
        owner: keys.owner,
        group: keys.group,
        multi_queue: keys.multi_queue,
        bridge: keys.bridge,
    };
    Ok(Wanted {
        source: Source::Tap(tap),
        mtu,
        mac: input.mac()?.or(keys.mac),
        addresses: Addresses::Managed,
    })
}
