//! `loopback`: the interface that every namespace has, raised.

use super::{Input, Plugin, Target, compare, nothing_to_collect};
use crate::attachment::AttachmentKey;
use crate::error::Result;
use crate::inside::Inside;
use crate::result::{AddResult, Interface, Ip};
use crate::session::Session;
use core_netlink::IfName;
use std::path::Path;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "loopback",
    about: "the loopback interface of the namespace, raised",
    add,
    del,
    check,
    gc: nothing_to_collect,
    status: |_, _| Ok(()),
    ahead: super::nothing_ahead,
};

fn lo() -> IfName {
    IfName::from_kernel(b"lo")
}

fn add(_: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let mut inside = Inside::open(&target.netns)?;
    inside.raise(lo(), true)?;
    match &input.conf.previous {
        Some(previous) => Ok(previous.clone()),
        None => result(&mut inside, &target.netns),
    }
}

fn del(_: &mut Session, _: &Input<'_>, _: &AttachmentKey, netns: Option<&Path>) -> Result<()> {
    match Inside::if_there(netns) {
        Some(mut inside) => inside.raise(lo(), false),
        None => Ok(()),
    }
}

fn check(_: &mut Session, _: &Input<'_>, target: &Target, _: &AddResult) -> Result<()> {
    let lo = Inside::open(&target.netns)?.link(lo())?;
    let down = (!lo.is_up()).then(|| format!("`lo` in {} is down", target.netns.display()));
    compare::none(down.into_iter().collect())
}

fn result(inside: &mut Inside, sandbox: &Path) -> Result<AddResult> {
    let lo = inside.link(lo())?;
    let ip = |address| Ip {
        address,
        gateway: None,
        interface: Some(0),
    };
    Ok(AddResult {
        ips: inside.addresses(&lo)?.into_iter().map(ip).collect(),
        interfaces: vec![Interface {
            name: "lo".to_owned(),
            mac: lo.address.map_or_else(String::new, |mac| mac.to_string()),
            sandbox: sandbox.display().to_string(),
            ..Interface::default()
        }],
        ..AddResult::default()
    })
}
