//! `host-local` and `static` as plugins by themselves, for main plugins of others.

use super::{Input, Plugin, Target};
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::ipam::Ipam;
use crate::result::AddResult;
use crate::session::Session;
use std::path::Path;

pub(super) const HOST_LOCAL: Plugin = Plugin {
    name: "host-local",
    about: "addresses from ranges, held on this host's disk",
    add,
    del,
    check,
    gc,
    status,
    ahead: super::nothing_ahead,
};

pub(super) const STATIC: Plugin = Plugin {
    name: "static",
    about: "addresses as they are written down",
    ..HOST_LOCAL
};

/// Without a type nothing would be given.
fn managed(input: &Input<'_>) -> Result<Ipam> {
    match input.ipam()? {
        Ipam::None => Err(Error::new(Code::InvalidConfig, "`ipam.type` is missing")),
        ipam => Ok(ipam),
    }
}

fn add(_: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let given = managed(input)?.add(&target.key.lease())?;
    Ok(AddResult {
        ips: given.ips,
        routes: given.routes,
        dns: given.dns,
        ..AddResult::default()
    })
}

fn del(_: &mut Session, input: &Input<'_>, key: &AttachmentKey, _: Option<&Path>) -> Result<()> {
    input.ipam_for_removal()?.del(&key.lease())
}

fn check(_: &mut Session, input: &Input<'_>, target: &Target, previous: &AddResult) -> Result<()> {
    managed(input)?.check(&target.key.lease(), &previous.ips)
}

fn gc(_: &mut Session, input: &Input<'_>, valid: &[AttachmentKey]) -> Result<()> {
    let leases: Vec<_> = valid.iter().map(AttachmentKey::lease).collect();
    input.ipam_for_removal()?.gc(&leases)
}

fn status(_: &mut Session, input: &Input<'_>) -> Result<()> {
    managed(input)?.status()
}
