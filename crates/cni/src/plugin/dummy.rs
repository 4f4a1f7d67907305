//! `dummy`: an interface that leads nowhere, for addresses that stay.

use super::{Input, Plugin};
use crate::device::{self, Addresses, Source, Wanted};
use crate::error::Result;
use core_netlink::link::Kind;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "dummy",
    about: "an interface that leads nowhere, for addresses that stay",
    add: |session, input, target| device::add(session, input, target, &wanted(input)?),
    del: |session, input, key, netns| device::del(session, input, key, netns, Some("dummy")),
    check: |session, input, target, previous| {
        device::check(session, input, target, previous, &wanted(input)?)
    },
    gc: device::collect,
    status: |session, input| device::status(session, input, &wanted(input)?),
    ahead: super::nothing_ahead,
};

/// It has no keys of its own.
pub(super) fn wanted(input: &Input<'_>) -> Result<Wanted> {
    input.args.check_known(&["MAC", "IP", "GATEWAY"])?;
    Ok(Wanted {
        source: Source::Alone(Kind::Dummy),
        mtu: None,
        mac: input.mac()?,
        addresses: Addresses::Needed,
    })
}
