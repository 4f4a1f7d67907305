//! Making a tap that stays: not by netlink but through a device node (linux/if_tun.h, Documentation/networking/tuntap.rst).

use crate::error::{Cause, Error, Result};
use crate::sys;
use crate::types::IfName;
use nix::libc::{EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENOTTY, ENXIO, EPERM};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;

const NODE: &str = "/dev/net/tun";
const NOBODY: u32 = u32::MAX; // stands for no user and no group

/// A tap as asked for: an Ethernet link whose other end is a program, such as a virtual machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapSpec {
    /// Its name; the kernel makes one up unless given (`tap0`).
    pub name: Option<IfName>,
    /// The user, by number, who may open it beside those with CAP_NET_ADMIN. If neither user nor group is given, anybody may who can open
    /// the device node.
    pub owner: Option<u32>,
    /// The group, by number, whose members may open it.
    pub group: Option<u32>,
    /// It may be opened more than once at a time, each time for one queue.
    pub multi_queue: bool,
    /// A header of virtio stands before each frame (`IFF_VNET_HDR`); whoever opens it must say so, too.
    pub vnet_hdr: bool,
}

impl TapSpec {
    fn what(&self) -> String {
        match self.name {
            Some(name) => format!("add tap link `{name}`"),
            None => "add a tap link".to_owned(),
        }
    }

    fn check(&self) -> Result<()> {
        for (field, id) in [("owner", self.owner), ("group", self.group)] {
            if id == Some(NOBODY) {
                let why = format!("{field} {NOBODY} stands for nobody");
                return Err(Error::invalid(self.what(), why));
            }
        }
        Ok(())
    }

    /// Frames without the header of old, and never one that is there already.
    fn flags(&self) -> u16 {
        let chosen = [
            (self.multi_queue, sys::IFF_MULTI_QUEUE),
            (self.vnet_hdr, sys::IFF_VNET_HDR),
        ];
        let chosen = chosen.iter().filter(|(chosen, _)| *chosen);
        let fixed = sys::IFF_TAP | sys::IFF_NO_PI | sys::IFF_TUN_EXCL;
        chosen.fold(fixed, |all, (_, flag)| all | flag)
    }
}

/// Makes a tap in the network namespace of the calling thread, down, and answers with its name. It stays until somebody deletes it
/// ([`Conn::delete_link`](crate::Conn::delete_link)), whoever opens and closes it.
///
/// If a part of it fails, nothing is left. An error for which [`Error::is_busy`] holds says that a link of that name is there. Needs
/// /dev/net/tun and CAP_NET_ADMIN.
///
/// ```no_run
/// use core_netlink::{Conn, Protocol, link::{LinkRef, TapSpec, add_tap}};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let name = add_tap(&TapSpec { name: Some("tap0".parse()?), owner: Some(1000), ..TapSpec::default() })?;
/// let link = Conn::open(Protocol::Route)?.get_link(LinkRef::from(name))?;
/// # drop(link);
/// # Ok(())
/// # }
/// ```
pub fn add_tap(spec: &TapSpec) -> Result<IfName> {
    spec.check()?;
    add_through(NODE, spec)
}

/// It goes with the descriptor until it is told to stay, which comes last.
fn add_through(node: &str, spec: &TapSpec) -> Result<IfName> {
    let failed = |step: String, err: io::Error| {
        let hint = hint(node, &step, err.raw_os_error());
        let error = Error::new(spec.what(), Cause::Step(step, err));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    };
    let at = |request: &'static str| move |err| failed(format!("{request} on {node}"), err);
    let device = open(node).map_err(|err| failed(format!("open {node}"), err))?;
    let fd = device.as_fd();
    let name = sys::tun_set_iff(fd, spec.name, spec.flags()).map_err(at("TUNSETIFF"))?;
    if let Some(owner) = spec.owner {
        sys::tun_set_owner(fd, owner).map_err(at("TUNSETOWNER"))?;
    }
    if let Some(group) = spec.group {
        sys::tun_set_group(fd, group).map_err(at("TUNSETGROUP"))?;
    }
    sys::tun_set_persist(fd).map_err(at("TUNSETPERSIST"))?;
    Ok(name)
}

fn open(node: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(node)
}

/// What to do next, by what was done and the answer.
fn hint(node: &str, step: &str, errno: Option<i32>) -> Option<String> {
    let opening = step.starts_with("open");
    Some(match errno? {
        ENOENT if opening => format!(
            "the device node is not here: `mkdir -p /dev/net && mknod {node} c 10 200`, or pass it into the container"
        ),
        ENODEV | ENXIO if opening => {
            "this kernel has no tun: `modprobe tun` loads it if it was built, else it needs CONFIG_TUN".to_owned()
        }
        EACCES | EPERM if opening => format!(
            "{node} must be readable and writable for this user, and allowed by the device rules of the cgroup"
        ),
        ENOTTY => format!("{node} is another device, or none: it is c 10 200"),
        EPERM => "it needs CAP_NET_ADMIN in the namespace: run as root".to_owned(),
        EBUSY => "a link of that name is there already".to_owned(),
        EINVAL if step.contains("OWNER") || step.contains("GROUP") => {
            "this user namespace has no such number".to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> TapSpec {
        TapSpec {
            name: Some("tap0".parse().unwrap()),
            ..TapSpec::default()
        }
    }

    #[test]
    fn a_node_that_is_missing_is_named_with_the_way_to_make_it() {
        let err = add_through("/nowhere/tun", &spec()).unwrap_err();
        assert_eq!(err.to_string(), "cannot add tap link `tap0`");
        let why = std::error::Error::source(&err).unwrap().to_string();
        assert_eq!(why, "open /nowhere/tun: No such file or directory");
        assert!(err.is_not_found() && err.hint().unwrap().contains("mknod /nowhere/tun c 10 200"));
    }

    #[test]
    fn what_is_no_tun_device_is_named() {
        let err = add_through("/dev/null", &spec()).unwrap_err();
        let why = std::error::Error::source(&err).unwrap().to_string();
        assert!(why.starts_with("TUNSETIFF on /dev/null: "), "{why}");
        assert_eq!(
            err.hint(),
            Some("/dev/null is another device, or none: it is c 10 200")
        );
        let err = add_through("/", &spec()).unwrap_err();
        let why = std::error::Error::source(&err).unwrap().to_string();
        assert_eq!(why, "open /: Is a directory");
    }

    #[test]
    fn each_answer_has_its_way_out() {
        let hint = |step: &str, errno| hint(NODE, step, Some(errno)).unwrap_or_default();
        assert!(hint("open", EACCES).starts_with("/dev/net/tun must be readable"));
        assert!(hint("open", ENODEV).ends_with("CONFIG_TUN"));
        assert!(hint("TUNSETIFF", EPERM).contains("CAP_NET_ADMIN"));
        assert!(hint("TUNSETIFF", EBUSY).contains("there already"));
        assert!(hint("TUNSETOWNER", EINVAL).contains("user namespace"));
        assert_eq!(hint("TUNSETIFF", EINVAL), "");
    }

    #[test]
    fn nobody_owns_nothing() {
        let owner = Some(u32::MAX);
        let err = add_tap(&TapSpec { owner, ..spec() }).unwrap_err();
        assert!(err.is_invalid(), "{err:?}");
        assert_eq!(
            format!("{err:?}"),
            "cannot add tap link `tap0`: owner 4294967295 stands for nobody"
        );
    }

    #[test]
    fn flags_are_those_of_the_header() {
        assert_eq!(spec().flags(), 0x9002); // IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL
        let all = TapSpec {
            multi_queue: true,
            vnet_hdr: true,
            ..spec()
        };
        assert_eq!(all.flags(), 0xd102);
    }
}
