//! A device of the host that is a container's for a while: moved in, and back under the name it had.

use super::mark::{Mark, Was};
use super::not_undone;
use super::place::{Place, Ready, addresses};
use crate::error::{Code, Error, Result};
use crate::inside::{Inside, kernel};
use crate::result::AddResult;
use core_netlink::link::{Link, LinkFilter, LinkSpec, Netns};
use core_netlink::{Conn, HwAddr, IfName, MacAddr};
use ns_mgmt::NetNs;
use std::fs;
use std::path::{Path, PathBuf};

/// How a device is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// By its name.
    Name(IfName),
    /// By its link-layer address.
    Mac(MacAddr),
    /// By the directories of which one holds it, each with the name of its interface as that of a file; the key that says so.
    Directories(&'static str, Vec<PathBuf>),
}

impl Device {
    /// The device, which has to be on the host.
    pub(super) fn find(&self, conn: &mut Conn) -> Result<Link> {
        match self {
            Device::Name(name) => by_name(conn, "device", *name),
            Device::Mac(mac) => {
                let wanted = Some(HwAddr::from(*mac));
                let links = conn.links(&LinkFilter::default());
                let links = links.map_err(|err| kernel("list the host's links", &err))?;
                let mut found = links.into_iter().filter(|link| link.address == wanted);
                match (found.next(), found.next()) {
                    (Some(link), None) => Ok(link),
                    (None, _) => Err(Error::invalid(
                        "hwaddr",
                        format!("no link of the host has {mac}"),
                    )),
                    (Some(one), Some(other)) => {
                        let why = format!(
                            "`{}` and `{}` have {mac}: say `device`",
                            one.name, other.name
                        );
                        Err(Error::invalid("hwaddr", why))
                    }
                }
            }
            Device::Directories(key, places) => by_name(conn, key, in_directories(key, places)?),
        }
    }
}

fn by_name(conn: &mut Conn, key: &str, name: IfName) -> Result<Link> {
    let found = conn.find_link(name);
    let found = found.map_err(|err| kernel(&format!("look for `{name}`"), &err))?;
    found.ok_or_else(|| Error::invalid(key, format!("the host has no link `{name}`")))
}

/// The first by name where a device has several.
fn in_directories(key: &str, places: &[PathBuf]) -> Result<IfName> {
    for place in places {
        let Ok(entries) = fs::read_dir(place) else {
            continue;
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        if let Some(name) = names.filter_map(|name| name.parse().ok()).min() {
            return Ok(name);
        }
    }
    let first = places.first().map_or(Path::new("/sys"), PathBuf::as_path);
    let why = format!("no interface of this namespace is in {}", first.display());
    Err(Error::invalid(key, why))
}

/// Refused before it is touched.
pub(super) fn check(device: &Link) -> Result<()> {
    let name = device.name;
    if device.is_loopback() {
        return Err(Error::invalid(
            "device",
            format!("`{name}` is the host's loopback"),
        ));
    }
    match device
        .alias
        .as_deref()
        .filter(|alias| alias.starts_with(bridge::MARK))
    {
        None => Ok(()),
        Some(alias) => {
            let alias = alias.escape_debug();
            Err(Error::invalid(
                "device",
                format!("`{name}` belongs to {alias}"),
            ))
        }
    }
}

impl Place {
    /// One message: the namespace, the name and the mark.
    pub(super) fn move_in(&mut self, ready: &Ready, result: &AddResult) -> Result<()> {
        let Some(device) = &ready.device else {
            return Err(Error::new(Code::Failed, "there is no device to move"));
        };
        let (key, was) = (self.key.clone(), self.was());
        let change = LinkSpec {
            netns: Some(hold(&self.inside.netns)?),
            name: Some(self.key.ifname),
            alias: Some(Mark { key, was }.write(&addresses(result))),
            ..LinkSpec::default()
        };
        let Err(err) = self.here.set_link(device.index, &change) else {
            return Ok(());
        };
        let err = kernel(&format!("move `{}` into the container", device.name), &err);
        match self.half_way(device) {
            Ok(()) => Err(err),
            Err(left) => Err(not_undone(err, &left)),
        }
    }

    /// The kernel moves first and renames then: what it refused to rename is inside under the name it had.
    fn half_way(&mut self, device: &Link) -> Result<()> {
        let moved = self.inside.conn.find_link(device.name);
        let moved = moved.map_err(|err| kernel("look for the device", &err))?;
        match moved.filter(|link| link.address == device.address && link.index == device.index) {
            Some(link) => move_out(&mut self.inside, &link, &Was::of(device)),
            None => Ok(()),
        }
    }
}

/// Back to the namespace we are in: name, alias and state as they were. Refused where the name is taken, as the kernel moves first and
/// renames then; where somebody takes it in between, the mark is still on it here, and the next DEL finds it.
pub(super) fn move_out(inside: &mut Inside, link: &Link, was: &Was) -> Result<()> {
    let here = NetNs::current().map_err(|err| Error::new(Code::Failed, format!("{err:?}")))?;
    if let (Some(name), mut conn) = (was.name(), super::lower::open()?) {
        let taken = conn
            .find_link(name)
            .map_err(|err| kernel("look at the host's links", &err))?;
        if taken.is_some() {
            let why = format!(
                "cannot give `{name}` back to the host: it has another link of this name by now"
            );
            let hint = format!("rename that one, then DEL again: vetch link set {name} name OTHER");
            return Err(Error::new(Code::Failed, why).with_details(hint));
        }
    }
    let change = LinkSpec {
        netns: Some(hold(&here)?),
        ..back(link, was)
    };
    let moved = inside.conn.set_link(link.index, &change);
    moved.map_err(|err| kernel(&format!("give `{}` back to the host", was.name), &err))
}

/// The same for one that is here already.
pub(super) fn restore(here: &mut Conn, link: &Link, was: &Was) -> Result<()> {
    let set = here.set_link(link.index, &back(link, was));
    set.map_err(|err| {
        kernel(
            &format!("name `{}` as it was, `{}`", link.name, was.name),
            &err,
        )
    })
}

/// Whoever was inside may have given it another MAC address or MTU. What is as it was is not set: not every driver takes it.
fn back(link: &Link, was: &Was) -> LinkSpec {
    let mac = was
        .mac
        .as_deref()
        .and_then(|mac| mac.parse::<MacAddr>().ok());
    let mac = mac
        .map(HwAddr::from)
        .filter(|mac| link.address != Some(*mac));
    LinkSpec {
        name: was.name(),
        address: mac,
        mtu: was.mtu.filter(|_| was.mtu != link.mtu),
        alias: Some(was.alias.clone()),
        up: Some(was.up),
        ..LinkSpec::default()
    }
}

fn hold(netns: &NetNs) -> Result<Netns> {
    Netns::of(netns).map_err(|err| Error::new(Code::Io, format!("hold the namespace: {err}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_found_in_the_first_directory_that_has_one() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a", "b/eth8", "b/eth7", "c/eth1"] {
            fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        let places = |names: &[&str]| {
            names
                .iter()
                .map(|name| dir.path().join(name))
                .collect::<Vec<_>>()
        };
        let found = in_directories("pciBusID", &places(&["nowhere", "a", "b", "c"]));
        assert_eq!(found.unwrap(), "eth7".parse().unwrap());
        let err = in_directories("pciBusID", &places(&["nowhere", "a"])).unwrap_err();
        assert_eq!(err.code, Code::InvalidConfig);
        assert!(
            err.msg
                .starts_with("`pciBusID`: no interface of this namespace is in "),
            "{err}"
        );
    }
}
