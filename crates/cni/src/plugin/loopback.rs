//! `loopback`: the interface that every namespace has, raised.

use super::{Input, Plugin, Target, compare, nothing_to_collect};
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::result::{AddResult, Interface, Ip};
use crate::session::{Session, open_netns};
use core_netlink::addr::AddressFilter;
use core_netlink::link::{Link, LinkSpec};
use core_netlink::{Conn, IfName, Protocol};
use ns_mgmt::NetNs;
use std::path::Path;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "loopback",
    about: "the loopback interface of the namespace, raised",
    add,
    del,
    check,
    gc: nothing_to_collect,
    status: |_, _| Ok(()),
};

const LO: &[u8] = b"lo";

fn add(_: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let mut inside = Inside::open(&target.netns)?;
    inside.raise(true)?;
    match &input.conf.previous {
        Some(previous) => Ok(previous.clone()),
        None => inside.result(&target.netns),
    }
}

/// A namespace that is gone has nothing left to do.
fn del(_: &mut Session, _: &Input<'_>, _: &AttachmentKey, netns: Option<&Path>) -> Result<()> {
    let gone = |path: &&Path| path.exists();
    match netns.filter(gone).map(Inside::open) {
        Some(Ok(mut inside)) => inside.raise(false),
        Some(Err(_)) | None => Ok(()),
    }
}

fn check(_: &mut Session, _: &Input<'_>, target: &Target, _: &AddResult) -> Result<()> {
    let lo = Inside::open(&target.netns)?.lo()?;
    let down = (!lo.is_up()).then(|| format!("`lo` in {} is down", target.netns.display()));
    compare::none(down.into_iter().collect())
}

/// The namespace's own loopback.
struct Inside {
    conn: Conn,
}

impl Inside {
    fn open(path: &Path) -> Result<Inside> {
        let netns: NetNs = open_netns(path)?;
        if netns.is_current().unwrap_or(false) {
            let why =
                "`CNI_NETNS`: it is the namespace that this plugin runs in, not a container's";
            return Err(Error::new(Code::InvalidEnvironment, why));
        }
        let conn = netns.conn(Protocol::Route);
        let conn = conn.map_err(|err| Error::new(Code::Failed, format!("{err:?}")))?;
        Ok(Inside { conn })
    }

    fn raise(&mut self, up: bool) -> Result<()> {
        let spec = LinkSpec {
            up: Some(up),
            ..LinkSpec::default()
        };
        let set = self.conn.set_link(IfName::from_kernel(LO), &spec);
        set.map_err(|err| kernel("raise `lo`", &err))
    }

    fn lo(&mut self) -> Result<Link> {
        let link = self.conn.get_link(IfName::from_kernel(LO));
        link.map_err(|err| kernel("look for `lo`", &err))
    }

    fn result(&mut self, sandbox: &Path) -> Result<AddResult> {
        let lo = self.lo()?;
        let filter = AddressFilter {
            link: Some(lo.index),
            ..AddressFilter::default()
        };
        let addresses = self.conn.addresses(&filter);
        let addresses = addresses.map_err(|err| kernel("look at the addresses of `lo`", &err))?;
        let ip = |address| Ip {
            address,
            gateway: None,
            interface: Some(0),
        };
        Ok(AddResult {
            interfaces: vec![Interface {
                name: "lo".to_owned(),
                mac: lo.address.map_or_else(String::new, |mac| mac.to_string()),
                sandbox: sandbox.display().to_string(),
                ..Interface::default()
            }],
            ips: addresses.iter().map(|found| ip(found.address)).collect(),
            ..AddResult::default()
        })
    }
}

fn kernel(op: &str, err: &core_netlink::Error) -> Error {
    Error::new(Code::Failed, format!("cannot {op}: {err:?}"))
}
