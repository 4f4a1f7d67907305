//! A container's namespace, looked into from outside.

use crate::error::{Code, Error, Result};
use crate::session::open_netns;
use core_netlink::addr::AddressFilter;
use core_netlink::link::{Link, LinkSpec};
use core_netlink::{Conn, IfName, Protocol};
use ipnet::IpNet;
use ns_mgmt::NetNs;
use std::path::Path;

/// The namespace of a call.
pub(crate) struct Inside {
    pub(crate) netns: NetNs,
    pub(crate) conn: Conn,
}

impl Inside {
    /// Code 4 for a path that is no network namespace, or the host's own.
    pub(crate) fn open(path: &Path) -> Result<Inside> {
        let netns = open_netns(path)?;
        let conn = netns.conn(Protocol::Route);
        let conn = conn.map_err(|err| Error::new(Code::Failed, format!("{err:?}")))?;
        Ok(Inside { netns, conn })
    }

    /// For taking away: a namespace that is gone, or that cannot be looked into, took everything with it.
    pub(crate) fn if_there(path: Option<&Path>) -> Option<Inside> {
        let path = path.filter(|path| path.exists())?;
        Inside::open(path).ok()
    }

    pub(crate) fn link(&mut self, name: IfName) -> Result<Link> {
        let link = self.conn.get_link(name);
        link.map_err(|err| kernel(&format!("look for `{name}`"), &err))
    }

    /// `None` if there is no such link.
    pub(crate) fn find(&mut self, name: IfName) -> Result<Option<Link>> {
        let link = self.conn.find_link(name);
        link.map_err(|err| kernel(&format!("look for `{name}`"), &err))
    }

    pub(crate) fn raise(&mut self, name: IfName, up: bool) -> Result<()> {
        let spec = LinkSpec {
            up: Some(up),
            ..LinkSpec::default()
        };
        let set = self.conn.set_link(name, &spec);
        set.map_err(|err| kernel(&format!("set `{name}` up or down"), &err))
    }

    pub(crate) fn addresses(&mut self, link: &Link) -> Result<Vec<IpNet>> {
        let filter = AddressFilter {
            link: Some(link.index),
            ..AddressFilter::default()
        };
        let found = self.conn.addresses(&filter);
        let found = found
            .map_err(|err| kernel(&format!("look at the addresses of `{}`", link.name), &err))?;
        Ok(found.iter().map(|found| found.address).collect())
    }
}

/// What the kernel said, and what to do next where that is known.
pub(crate) fn kernel(op: &str, err: &core_netlink::Error) -> Error {
    let hint = err.hint().unwrap_or_default();
    Error::new(Code::Failed, format!("cannot {op}: {err:?}")).with_details(hint)
}

/// What was tried in a namespace, and what to do next where that is known.
pub(crate) fn namespace(err: &ns_mgmt::Error) -> Error {
    let hint = err.hint().unwrap_or_default();
    Error::new(Code::Failed, format!("{err:?}")).with_details(hint)
}
