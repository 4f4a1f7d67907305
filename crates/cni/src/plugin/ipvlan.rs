//! `ipvlan`: a link with its own IP addresses on a link of the host, whose MAC address it shares.

use super::{Input, Plugin};
use crate::device::{self, Addresses, Lower, Source, Wanted};
use crate::error::{Error, Result};
use crate::json;
use crate::result::AddResult;
use core_netlink::IfName;
use core_netlink::link::{Ipvlan, IpvlanMode, Kind};
use serde::Deserialize;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "ipvlan",
    about: "a link with its own IP addresses on a link of the host",
    add: |session, input, target| {
        let mut wanted = wanted(input)?;
        if let (Source::On(_, lower), Some(before)) = (&mut wanted.source, &input.conf.previous) {
            lower.name = lower
                .name
                .map_or_else(|| behind(before), |name| Ok(Some(name)))?;
        }
        device::add(session, input, target, &wanted)
    },
    del: |session, input, key, netns| device::del(session, input, key, netns, Some("ipvlan")),
    check: |session, input, target, previous| {
        device::check(session, input, target, previous, &wanted(input)?)
    },
    gc: device::collect,
    status: |session, input| {
        let mut wanted = wanted(input)?;
        if let (Source::On(_, lower), None) = (&mut wanted.source, &input.conf.ipam) {
            wanted.addresses = Addresses::Managed; // behind another plugin, whose result is not there yet
            lower.inside |= lower.name.is_none();
        }
        device::status(session, input, &wanted)
    },
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
    link_in_container: bool,
}

/// Behind another plugin that gave addresses none are asked for.
pub(super) fn wanted(input: &Input<'_>) -> Result<Wanted> {
    input.args.check_known(&["MAC", "IP", "GATEWAY"])?;
    let keys: Keys = input.conf.keys()?;
    if let Some(mac) = input.mac()? {
        let why = format!("{mac} is wished for, but an ipvlan has the address of its master");
        return Err(Error::invalid("mac", why));
    }
    let kind = Kind::Ipvlan(Ipvlan {
        mode: Some(mode(&keys.mode)?),
        ..Ipvlan::default()
    });
    let before = input.conf.previous.as_ref();
    let before = before.filter(|before| input.conf.ipam.is_none() && !before.ips.is_empty());
    Ok(Wanted {
        source: Source::On(
            kind,
            Lower {
                name: keys.master,
                inside: keys.link_in_container,
            },
        ),
        mtu: device::mtu(keys.mtu)?,
        mac: None,
        addresses: match before {
            Some(before) => Addresses::Given(Box::new(before.clone())),
            None => Addresses::Needed,
        },
    })
}

/// The only interface that the plugin before made.
fn behind(before: &AddResult) -> Result<Option<IfName>> {
    let why = |why: &str| Error::invalid("master", format!("it is missing, and {why}"));
    match before.interfaces.as_slice() {
        [one] => {
            let name = one.name.parse();
            let name = name.map_err(|err| why(&format!("`prevResult.interfaces`: {err}")))?;
            Ok(Some(name))
        }
        others => {
            let count = others.len();
            Err(why(&format!(
                "`prevResult` has {count} interfaces, not one that could be meant"
            )))
        }
    }
}

fn mode(word: &str) -> Result<IpvlanMode> {
    match word {
        "" | "l2" => Ok(IpvlanMode::L2),
        "l3" => Ok(IpvlanMode::L3),
        "l3s" => Ok(IpvlanMode::L3s),
        other => Err(Error::invalid(
            "mode",
            format!("{other:?} is not l2, l3 or l3s"),
        )),
    }
}
