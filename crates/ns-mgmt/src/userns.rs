//! Why a user namespace was refused, and the one command that changes it.

use crate::Error;
use nix::errno::Errno;
use std::fs;

/// What the machine says of user namespaces.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    /// `user.max_user_namespaces`
    limit: Option<u64>,
    /// `kernel.unprivileged_userns_clone`, of Debian and Arch kernels.
    clone: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, of Ubuntu kernels.
    apparmor: Option<u64>,
    /// A seccomp filter is at work on us.
    seccomp: bool,
    threads: usize,
    /// The kernel knows user namespaces.
    supported: bool,
}

/// Which of the causes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Unsupported,
    Threads,
    Limit,
    Full,
    Disabled,
    AppArmor,
    Seccomp,
    ReadOnlyProc,
    Unknown,
}

/// unshare(2) failed.
pub(crate) fn unshare_error(op: &str, errno: Errno) -> Error {
    error(op, errno, cause(errno, &Facts::gather()))
}

/// The maps could not be written, or the first mount in it failed: the namespace was made without its privileges.
pub(crate) fn map_error(op: &str, file: &str, errno: Errno) -> Error {
    let cause = match (errno, cause(errno, &Facts::gather())) {
        (Errno::EROFS, _) => Cause::ReadOnlyProc,
        (_, Cause::AppArmor) => Cause::AppArmor,
        _ => Cause::Unknown,
    };
    error(&format!("{op}: write {file}"), errno, cause)
}

fn error(op: &str, errno: Errno, cause: Cause) -> Error {
    let err = Error::system(op, errno);
    match cause.hint() {
        Some(hint) => err.with_hint(hint),
        None => err,
    }
}

fn cause(errno: Errno, facts: &Facts) -> Cause {
    let denied = matches!(errno, Errno::EPERM | Errno::EACCES);
    match errno {
        _ if !facts.supported => Cause::Unsupported,
        Errno::EINVAL if facts.threads > 1 => Cause::Threads,
        Errno::EROFS => Cause::ReadOnlyProc,
        _ if facts.limit == Some(0) => Cause::Limit,
        Errno::ENOSPC | Errno::EUSERS => Cause::Full,
        _ if denied && facts.clone == Some(0) => Cause::Disabled,
        _ if denied && facts.apparmor == Some(1) => Cause::AppArmor,
        _ if denied && facts.seccomp => Cause::Seccomp,
        _ => Cause::Unknown,
    }
}

impl Cause {
    fn hint(self) -> Option<&'static str> {
        Some(match self {
            Cause::Unsupported => {
                "this kernel has no user namespaces (CONFIG_USER_NS): run as root"
            }
            Cause::Threads => {
                "a process with several threads cannot do this: do it before the second thread starts"
            }
            Cause::Limit => {
                "user namespaces are switched off: sudo sysctl -w user.max_user_namespaces=15000"
            }
            Cause::Full => {
                "the limit of user namespaces is reached: sudo sysctl -w user.max_user_namespaces=63000"
            }
            Cause::Disabled => {
                "user namespaces are switched off for ordinary users: sudo sysctl -w kernel.unprivileged_userns_clone=1"
            }
            Cause::AppArmor => {
                "AppArmor keeps ordinary users from user namespaces: \
                 sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
            }
            Cause::Seccomp => {
                "a seccomp filter, as of a container runtime, forbids it: docker run --security-opt seccomp=unconfined ..."
            }
            Cause::ReadOnlyProc => "/proc is mounted read-only: sudo mount -o remount,rw /proc",
            Cause::Unknown => return None,
        })
    }
}

impl Facts {
    fn gather() -> Facts {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        Facts {
            limit: number("user/max_user_namespaces"),
            clone: number("kernel/unprivileged_userns_clone"),
            apparmor: number("kernel/apparmor_restrict_unprivileged_userns"),
            seccomp: field(&status, "Seccomp:") == Some(2),
            threads: threads(),
            supported: fs::symlink_metadata("/proc/thread-self/ns/user").is_ok(),
        }
    }
}

fn number(sysctl: &str) -> Option<u64> {
    fs::read_to_string(format!("/proc/sys/{sysctl}"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

fn field(status: &str, name: &str) -> Option<u64> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))?
        .trim()
        .parse()
        .ok()
}

/// How many threads this process has.
pub(crate) fn threads() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field(&status, "Threads:")
        .and_then(|count| count.try_into().ok())
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine without obstacles, but for these: "clone=0 threads=2".
    fn facts(words: &str) -> Facts {
        let mut facts = Facts {
            limit: Some(15000),
            threads: 1,
            supported: true,
            ..Default::default()
        };
        for (name, value) in words
            .split_whitespace()
            .map(|word| word.split_once('=').unwrap())
        {
            let value = value.parse().unwrap();
            match name {
                "limit" => facts.limit = Some(value),
                "clone" => facts.clone = Some(value),
                "apparmor" => facts.apparmor = Some(value),
                "seccomp" => facts.seccomp = value == 1,
                "threads" => facts.threads = value as usize,
                _ => facts.supported = value == 1,
            }
        }
        facts
    }

    #[track_caller]
    fn check(errno: Errno, words: &str, want: Cause) {
        assert_eq!(cause(errno, &facts(words)), want);
    }

    #[test]
    fn each_cause_is_told_from_the_others() {
        check(Errno::EPERM, "", Cause::Unknown);
        check(Errno::EPERM, "clone=0", Cause::Disabled);
        check(Errno::EPERM, "clone=1", Cause::Unknown);
        check(Errno::ENOSPC, "limit=0", Cause::Limit);
        check(Errno::ENOSPC, "", Cause::Full);
        check(Errno::EACCES, "apparmor=1", Cause::AppArmor);
        check(Errno::EPERM, "apparmor=1", Cause::AppArmor);
        check(Errno::EPERM, "apparmor=0", Cause::Unknown);
        check(Errno::EPERM, "seccomp=1", Cause::Seccomp);
        check(Errno::EROFS, "", Cause::ReadOnlyProc);
        check(Errno::EINVAL, "threads=2", Cause::Threads);
        check(Errno::EINVAL, "supported=0", Cause::Unsupported);
    }

    #[test]
    fn every_known_cause_comes_with_a_way_out() {
        let err = error("make a user namespace", Errno::EPERM, Cause::Disabled);
        assert!(err.is_permission());
        assert!(
            err.hint()
                .unwrap()
                .contains("sysctl -w kernel.unprivileged_userns_clone=1")
        );
        assert!(error("x", Errno::EPERM, Cause::Unknown).hint().is_none());
    }
}
