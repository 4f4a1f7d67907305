//! Network sysctls of a namespace, through a procfs that was checked to be one.

use crate::{Error, NetNs, Result, procfs, sys};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::{fmt, str::FromStr};

/// The key of a network sysctl: a path below `/proc/sys/net`, checked to stay there.
///
/// Typed as sysctl(8) takes it: the first separator, `.` or `/`, separates; the other one is part of a name. So the interface
/// `eth0.100` is `net/ipv4/conf/eth0.100/forwarding` or `net.ipv4.conf.eth0/100.forwarding`.
///
/// ```
/// use ns_mgmt::SysctlKey;
/// let dots: SysctlKey = "net.ipv4.conf.eth0/100.forwarding".parse()?;
/// assert_eq!(dots, "net/ipv4/conf/eth0.100/forwarding".parse()?);
/// assert!("net/../kernel/core_pattern".parse::<SysctlKey>().is_err());
/// # Ok::<(), ns_mgmt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SysctlKey(String);

impl FromStr for SysctlKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<SysctlKey> {
        let path = match text.find(['.', '/']).map(|at| text.as_bytes()[at]) {
            Some(b'.') => text.chars().map(swap_separators).collect(),
            _ => text.to_owned(),
        };
        let mut parts = path.split('/');
        let bad = |part: &str| {
            part.is_empty() || part == "." || part == ".." || part.contains(char::is_control)
        };
        let why = match parts.next() {
            Some("net") if parts.clone().next().is_none() => "a name must follow `net`",
            Some("net") if parts.any(bad) => {
                "a part of it is empty, `.`, `..` or holds control characters"
            }
            Some("net") => return Ok(SysctlKey(path)),
            _ => "it is not a network sysctl: those begin with `net`",
        };
        Err(Error::invalid(format!("use {text:?} as a sysctl"), why)
            .with_hint("right is a key such as net.ipv4.ip_forward"))
    }
}

fn swap_separators(c: char) -> char {
    match c {
        '.' => '/',
        '/' => '.',
        other => other,
    }
}

impl SysctlKey {
    /// The path below `/proc/sys`.
    pub fn as_path(&self) -> &str {
        &self.0
    }

    fn is_ipv6(&self) -> bool {
        self.0.starts_with("net/ipv6/")
    }
}

/// With dots, as sysctl(8) prints it.
impl fmt::Display for SysctlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.chars().map(swap_separators).collect::<String>())
    }
}

impl NetNs {
    /// Reads a sysctl of this namespace, without the newline at its end.
    ///
    /// ```no_run
    /// let blue = ns_mgmt::NetNs::open(&"blue".parse()?)?;
    /// assert_eq!(blue.sysctl(&"net.ipv4.ip_forward".parse()?)?, "0");
    /// # Ok::<(), ns_mgmt::Error>(())
    /// ```
    pub fn sysctl(&self, key: &SysctlKey) -> Result<String> {
        let op = format!("read sysctl {key} in network namespace {self}");
        let key = key.clone();
        self.within(move || {
            let file = open(&key, OFlag::O_RDONLY, &op)?;
            procfs::read_value(&file, &op)
        })?
    }

    /// Writes a sysctl of this namespace.
    pub fn set_sysctl(&self, key: &SysctlKey, value: &str) -> Result<()> {
        let (key, value) = (key.clone(), value.to_owned());
        let label = self.to_string();
        self.within(move || write(&label, &key, &value))?
    }

    /// Writes sysctls of this namespace in this order, up to the first that fails; all of them in one look inside.
    ///
    /// A kernel without IPv6 has no switches for it and needs none: those are passed over there.
    pub fn set_sysctls(&self, settings: Vec<(SysctlKey, String)>) -> Result<()> {
        let label = self.to_string();
        self.within(move || {
            for (key, value) in &settings {
                match write(&label, key, value) {
                    Err(err) if err.is_not_found() && key.is_ipv6() && !has_ipv6() => {}
                    written => written?,
                }
            }
            Ok(())
        })?
    }
}

fn write(namespace: &str, key: &SysctlKey, value: &str) -> Result<()> {
    let op = format!("set sysctl {key} to {value:?} in network namespace {namespace}");
    let written = open(key, OFlag::O_WRONLY, &op)?.write_all(value.as_bytes());
    written.map_err(|err| explain(&op, err))
}

fn has_ipv6() -> bool {
    let key = SysctlKey("net/ipv6/conf/all/disable_ipv6".to_owned());
    open(&key, OFlag::O_RDONLY, "look for IPv6").is_ok()
}

/// The calling thread must be in the namespace: `/proc/sys/net` shows the one it is looked at from.
///
/// Where `/proc/sys` is mounted read-only, as in most containers, a procfs that is mounted nowhere takes what is written: for whoever
/// may mount one.
fn open(key: &SysctlKey, access: OFlag, op: &str) -> Result<File> {
    let opened = open_in(&*procfs::root(op)?, key, access).or_else(|errno| match errno {
        Errno::EROFS => sys::detached_proc()
            .and_then(|proc| open_in(proc, key, access))
            .map_err(|_| errno),
        _ => Err(errno),
    });
    let file = opened.map_err(|errno| explain(op, errno.into()))?;
    procfs::check(&file, op)?;
    Ok(File::from(file))
}

fn open_in(proc: impl AsFd, key: &SysctlKey, access: OFlag) -> nix::Result<OwnedFd> {
    let flags = access | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let path = format!("sys/{}", key.0);
    openat(proc, &*path, flags, Mode::empty())
}

fn explain(op: &str, err: std::io::Error) -> Error {
    use nix::libc::{EACCES, EINVAL, ENOENT, EPERM, EROFS};
    let errno = err.raw_os_error();
    let err = Error::system(op, err);
    match errno {
        Some(EROFS) => err.with_hint(
            "/proc/sys is read-only here, as in most containers: mount -o remount,rw /proc/sys",
        ),
        Some(EACCES | EPERM) => {
            err.with_hint("this needs root in the user namespace that owns the network namespace")
        }
        Some(ENOENT) => {
            err.with_hint("the kernel has no such key, or the interface in it does not exist")
        }
        Some(EINVAL) => err.with_hint("the kernel does not take this value"),
        _ => err,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_cannot_leave_the_network_directory() {
        for bad in [
            "",
            "net",
            "net.",
            "net/",
            "/net/ipv4/ip_forward",
            "net//x",
            "net/../kernel/x",
            "net/./x",
            "net...x",
            "kernel.core_pattern",
            "network/x",
            "net/a\nb",
            "net/a\0b",
            "net.//.x",
        ] {
            assert!(
                bad.parse::<SysctlKey>().unwrap_err().is_invalid(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_read_in_the_current_namespace_needs_no_thread() {
        let here = NetNs::current().unwrap();
        let value = here
            .sysctl(&"net.ipv4.ip_forward".parse().unwrap())
            .unwrap();
        assert!(value == "0" || value == "1", "{value:?}");
        let err = here
            .sysctl(&"net.ipv4.no_such_key".parse().unwrap())
            .unwrap_err();
        assert!(err.is_not_found());
        assert!(err.hint().is_some());
    }

    proptest! {
        #[test]
        fn a_key_survives_being_printed(text in "net[./][a-z0-9./_]{0,30}") {
            if let Ok(key) = text.parse::<SysctlKey>() {
                prop_assert!(!key.as_path().split('/').any(|part| part.is_empty() || part == ".."));
                prop_assert_eq!(key.to_string().parse::<SysctlKey>().unwrap(), key);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<SysctlKey>();
        }
    }
}
