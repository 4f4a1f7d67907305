//! The eight kinds of namespace and the names the kernel gives them.

use crate::{Error, Result};
use nix::sched::CloneFlags;
use std::{fmt, str::FromStr};

/// A kind of namespace, namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The root of the cgroup tree that is seen.
    Cgroup,
    /// System V and POSIX message queues, shared memory.
    Ipc,
    /// Mounts.
    Mnt,
    /// Links, addresses, routes, sockets.
    Net,
    /// Process numbers.
    Pid,
    /// Monotonic and boot time.
    Time,
    /// User and group numbers, capabilities.
    User,
    /// Host name and domain name.
    Uts,
}

/// `CLONE_NEWTIME`, linux/sched.h; nix does not name it.
const NEWTIME: CloneFlags = CloneFlags::from_bits_retain(0x80);

impl Kind {
    /// Every kind, in the order of `/proc/PID/ns`.
    pub const ALL: [Kind; 8] = [
        Kind::Cgroup,
        Kind::Ipc,
        Kind::Mnt,
        Kind::Net,
        Kind::Pid,
        Kind::Time,
        Kind::User,
        Kind::Uts,
    ];

    /// The name under `/proc/PID/ns`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Cgroup => "cgroup",
            Kind::Ipc => "ipc",
            Kind::Mnt => "mnt",
            Kind::Net => "net",
            Kind::Pid => "pid",
            Kind::Time => "time",
            Kind::User => "user",
            Kind::Uts => "uts",
        }
    }

    /// The name in a sentence: "network namespace".
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Mnt => "mount",
            Kind::Net => "network",
            Kind::Ipc => "IPC",
            Kind::Pid => "PID",
            Kind::Uts => "UTS",
            other => other.name(),
        }
    }

    pub(crate) fn flag(self) -> CloneFlags {
        match self {
            Kind::Cgroup => CloneFlags::CLONE_NEWCGROUP,
            Kind::Ipc => CloneFlags::CLONE_NEWIPC,
            Kind::Mnt => CloneFlags::CLONE_NEWNS,
            Kind::Net => CloneFlags::CLONE_NEWNET,
            Kind::Pid => CloneFlags::CLONE_NEWPID,
            Kind::Time => NEWTIME,
            Kind::User => CloneFlags::CLONE_NEWUSER,
            Kind::Uts => CloneFlags::CLONE_NEWUTS,
        }
    }

    pub(crate) fn from_flag(flag: i32) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.flag().bits() == flag)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = Error;

    /// Accepts the kernel's name, and `mount` and `network` as people also say.
    fn from_str(text: &str) -> Result<Kind> {
        let name = match text {
            "mount" => "mnt",
            "network" => "net",
            other => other,
        };
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| {
                Error::invalid(
                    format!("use {text:?} as a kind of namespace"),
                    "the kinds are cgroup, ipc, mnt, net, pid, time, user, uts",
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_its_name_and_its_flag() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse::<Kind>().unwrap(), kind);
            assert_eq!(Kind::from_flag(kind.flag().bits()), Some(kind));
        }
        assert_eq!("network".parse::<Kind>().unwrap(), Kind::Net);
        assert!("nets".parse::<Kind>().unwrap_err().is_invalid());
        assert_eq!(Kind::from_flag(0), None);
    }
}
