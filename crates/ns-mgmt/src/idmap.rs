//! User and group numbers of a user namespace, user_namespaces(7).

use crate::{Error, Result, privilege, procfs};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{getegid, geteuid};
use std::fmt::Write as _;
use std::os::fd::OwnedFd;

/// A range of numbers inside a user namespace, and what they are outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdMap {
    /// The first number inside.
    pub inside: u32,
    /// The first number outside.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// What root maps if not told: 65536 numbers that no user, no systemd range and no usual /etc/subuid holds.
const ROOT_RANGE: IdMap = IdMap {
    inside: 0,
    outside: 0x7000_0000,
    count: 65536,
};

/// The numbers of a new user namespace.
///
/// Empty lists stand for: root gets 65536 numbers from 1879048192 on, so that nobody inside is anybody outside; an ordinary user,
/// and root where these numbers do not exist, is root inside and himself outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdMaps {
    /// Users.
    pub users: Vec<IdMap>,
    /// Groups.
    pub groups: Vec<IdMap>,
}

/// The texts to be written to `/proc/PID`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MapText {
    users: String,
    groups: String,
    /// Without privilege the kernel takes a group map only from who gives up setgroups(2).
    deny_setgroups: bool,
}

impl IdMaps {
    pub(crate) fn text(&self) -> Result<MapText> {
        let privileged = privilege::has(privilege::CAP_SETUID);
        let ranged = privileged && privilege::knows_ids(ROOT_RANGE.outside, ROOT_RANGE.count);
        let own = |id: u32| match ranged {
            true => ROOT_RANGE,
            false => IdMap {
                inside: 0,
                outside: id,
                count: 1,
            },
        };
        Ok(MapText {
            users: lines("user", &self.users, own(geteuid().as_raw()))?,
            groups: lines("group", &self.groups, own(getegid().as_raw()))?,
            deny_setgroups: !privileged,
        })
    }
}

fn lines(what: &str, maps: &[IdMap], default: IdMap) -> Result<String> {
    let maps = if maps.is_empty() {
        &[default][..]
    } else {
        maps
    };
    let mut text = String::new();
    for (at, map) in maps.iter().enumerate() {
        let bad = |why: &str| Error::invalid(format!("map {what} numbers {map}"), why);
        let fits = |first: u32| first.checked_add(map.count).is_some();
        match map.count {
            0 => return Err(bad("it maps no number")),
            _ if !fits(map.inside) || !fits(map.outside) => {
                return Err(bad("it goes beyond 4294967295"));
            }
            _ if maps[..at].iter().any(|other| overlap(map, other)) => {
                return Err(bad("it overlaps another range"));
            }
            _ => {}
        }
        let _ = writeln!(text, "{} {} {}", map.inside, map.outside, map.count);
    }
    Ok(text)
}

fn overlap(a: &IdMap, b: &IdMap) -> bool {
    let meet =
        |a1: u32, a2: u32| a1 < a2.saturating_add(b.count) && a2 < a1.saturating_add(a.count);
    meet(a.inside, b.inside) || meet(a.outside, b.outside)
}

impl std::fmt::Display for IdMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.inside, self.outside, self.count)
    }
}

/// Writes the maps of a process, of the calling one by `self`.
pub(crate) fn write(process: &str, maps: &MapText) -> std::result::Result<(), (String, Errno)> {
    let proc =
        procfs::root("write the user map").map_err(|_| ("/proc".to_owned(), Errno::ENOENT))?;
    if maps.deny_setgroups {
        write_file(&proc, &format!("{process}/setgroups"), "deny")?;
    }
    write_file(&proc, &format!("{process}/gid_map"), &maps.groups)?;
    write_file(&proc, &format!("{process}/uid_map"), &maps.users)
}

/// The kernel takes a map in one write.
fn write_file(proc: &OwnedFd, path: &str, text: &str) -> std::result::Result<(), (String, Errno)> {
    let fail = |errno| (format!("/proc/{path}"), errno);
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let file = openat(proc, path, flags, Mode::empty()).map_err(fail)?;
    procfs::check(&file, "write the user map").map_err(|_| fail(Errno::ENOENT))?;
    nix::unistd::write(&file, text.as_bytes())
        .map_err(fail)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(inside: u32, outside: u32, count: u32) -> IdMap {
        IdMap {
            inside,
            outside,
            count,
        }
    }

    #[test]
    fn ranges_are_written_as_the_kernel_reads_them() {
        let text = lines(
            "user",
            &[map(0, 1000, 1), map(1, 100000, 65536)],
            ROOT_RANGE,
        )
        .unwrap();
        assert_eq!(text, "0 1000 1\n1 100000 65536\n");
        assert_eq!(
            lines("user", &[], ROOT_RANGE).unwrap(),
            "0 1879048192 65536\n"
        );
    }

    #[test]
    fn ranges_the_kernel_would_refuse_are_refused_first() {
        for bad in [
            vec![map(0, 0, 0)],
            vec![map(u32::MAX, 0, 1)],
            vec![map(0, u32::MAX, 2)],
            vec![map(0, 0, 10), map(9, 100, 1)],
            vec![map(0, 0, 10), map(10, 5, 1)],
        ] {
            assert!(
                lines("user", &bad, ROOT_RANGE).unwrap_err().is_invalid(),
                "{bad:?}"
            );
        }
    }
}
