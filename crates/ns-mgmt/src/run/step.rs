//! What a child does to itself before it becomes the program: prepared before the fork, carried out without allocating after it.

use crate::{Kind, Namespace, sys};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{
    Gid, Uid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, mkdir, pivot_root, setgroups,
    sethostname, setresgid, setresuid, symlinkat,
};
use std::ffi::{CStr, CString};
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};

/// One act.
pub(crate) enum Act {
    /// A descriptor becomes standard input (0), output (1) or error (2).
    Stdio {
        fd: OwnedFd,
        at: usize,
    },
    /// Nobody of the same user looks into the process, or at the file it runs, until it is the program; prctl(2), PR_SET_DUMPABLE.
    Hide,
    /// Lets go of a controlling terminal that the program is not given as 0, 1 or 2.
    LeaveTerminal,
    Join(Namespace),
    Unshare(CloneFlags),
    /// Sets `lo` up, which is down in a new network namespace.
    LoopbackUp,
    /// Becomes root of the user namespace.
    BecomeRoot,
    Mount(Mount),
    MakeDir(CString),
    MakeFile(CString),
    Link {
        to: &'static CStr,
        at: CString,
    },
    /// Makes the working directory the root and lets go of the old one.
    PivotRoot,
    ChangeDir(CString),
    HostName(String),
}

/// mount(2).
#[derive(Default)]
pub(crate) struct Mount {
    pub(crate) source: Option<CString>,
    pub(crate) target: CString,
    pub(crate) kind: Option<&'static CStr>,
    pub(crate) flags: Flags,
    pub(crate) data: Option<&'static CStr>,
}

/// `MsFlags` with a default.
pub(crate) struct Flags(pub(crate) MsFlags);

impl Default for Flags {
    fn default() -> Flags {
        Flags(MsFlags::empty())
    }
}

/// An act, and whether the program can do without it.
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) optional: bool,
}

impl Step {
    pub(crate) fn must(act: Act) -> Step {
        Step {
            act,
            optional: false,
        }
    }

    pub(crate) fn may(act: Act) -> Step {
        Step {
            act,
            optional: true,
        }
    }

    /// Allocates nothing, so that it may follow a fork.
    pub(crate) fn run(&self) -> nix::Result<()> {
        match self.act.run() {
            Err(_) if self.optional => Ok(()),
            other => other,
        }
    }
}

impl Act {
    fn run(&self) -> nix::Result<()> {
        match self {
            Act::Hide => nix::sys::prctl::set_dumpable(false),
            Act::LeaveTerminal => leave_terminal(),
            Act::Join(namespace) => setns(namespace, namespace.kind().flag()),
            Act::Stdio { fd, at: 0 } => dup2_stdin(fd),
            Act::Stdio { fd, at: 1 } => dup2_stdout(fd),
            Act::Stdio { fd, .. } => dup2_stderr(fd),
            Act::Unshare(kinds) => unshare(*kinds),
            Act::LoopbackUp => sys::loopback_up(),
            Act::BecomeRoot => become_root(),
            Act::Mount(Mount {
                source,
                target,
                kind,
                flags,
                data,
            }) => mount(source.as_deref(), target.as_c_str(), *kind, flags.0, *data),
            Act::MakeDir(path) => made(mkdir(path.as_c_str(), Mode::from_bits_truncate(0o755))),
            Act::MakeFile(path) => {
                let flags =
                    OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
                open(path.as_c_str(), flags, Mode::from_bits_truncate(0o666)).map(drop)
            }
            Act::Link { to, at } => made(symlinkat(*to, nix::fcntl::AT_FDCWD, at.as_c_str())),
            Act::PivotRoot => {
                pivot_root(c".", c".")?;
                umount2(c".", MntFlags::MNT_DETACH)?; // the old root lies on top of the new one
                chdir(c"/")
            }
            Act::ChangeDir(path) => chdir(path.as_c_str()),
            Act::HostName(name) => sethostname(name),
        }
    }
}

/// Signals of the terminal still arrive: the process stays in its group.
fn leave_terminal() -> nix::Result<()> {
    if (0..3).any(sys::is_terminal) {
        return Ok(());
    }
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    match open(c"/dev/tty", flags, Mode::empty()) {
        Ok(terminal) => sys::leave_terminal(terminal.as_fd()),
        Err(_) => Ok(()), // it has none
    }
}

fn made(result: nix::Result<()>) -> nix::Result<()> {
    match result {
        Err(Errno::EEXIST) => Ok(()),
        other => other,
    }
}

/// Supplementary groups go where the namespace lets them; an unprivileged map forbids it.
fn become_root() -> nix::Result<()> {
    let _ = setgroups(&[]);
    let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}

/// After "cannot".
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Join(namespace) => {
                write!(f, "join {} namespace {namespace}", namespace.kind().noun())
            }
            Act::Hide => f.write_str("keep others from looking into the process"),
            Act::LeaveTerminal => f.write_str("let go of the terminal"),
            Act::Unshare(kinds) => {
                let mut nouns = Kind::ALL
                    .into_iter()
                    .filter(|kind| kinds.contains(kind.flag()))
                    .map(Kind::noun);
                write!(f, "make a new {}", nouns.next().unwrap_or("set of"))?;
                nouns.try_for_each(|noun| write!(f, ", {noun}"))?;
                f.write_str(" namespace")
            }
            Act::Stdio { at, .. } => write!(f, "use a descriptor as number {at}"),
            Act::LoopbackUp => f.write_str("set `lo` up"),
            Act::BecomeRoot => f.write_str("become root of the user namespace"),
            Act::Mount(mount) => mount.fmt(f),
            Act::MakeDir(path) => write!(f, "make the directory {}", path.to_string_lossy()),
            Act::MakeFile(path) => write!(f, "make the file {}", path.to_string_lossy()),
            Act::Link { to, at } => write!(
                f,
                "link {} to {}",
                at.to_string_lossy(),
                to.to_string_lossy()
            ),
            Act::PivotRoot => f.write_str("make it the root directory"),
            Act::ChangeDir(path) => write!(f, "change to the directory {}", path.to_string_lossy()),
            Act::HostName(name) => write!(f, "set the host name to {name:?}"),
        }
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.to_string_lossy();
        match (self.kind, &self.source) {
            (Some(kind), _) => write!(f, "mount {} on {target}", kind.to_string_lossy()),
            (None, Some(source)) => write!(f, "bind {} to {target}", source.to_string_lossy()),
            (None, None) => write!(f, "change how {target} is mounted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Choice, Choices, RunSpec, plan::Plan};
    use nix::sys::prctl::get_dumpable;
    use nix::sys::wait::{WaitStatus, waitpid};

    #[test]
    fn who_comes_among_others_hides_before_joining() {
        for kind in [Kind::Mnt, Kind::Pid, Kind::User] {
            let own = || Choice::Join(Namespace::current(kind).unwrap());
            let mut namespaces = Choices::default();
            match kind {
                Kind::Mnt => namespaces.mnt = own(),
                Kind::Pid => namespaces.pid = own(),
                _ => namespaces.user = own(),
            }
            let spec = RunSpec {
                command: vec!["true".into()],
                namespaces,
                ..RunSpec::default()
            };
            let steps = Plan::new(&spec, true).unwrap().enter;
            let first = |meant: fn(&Act) -> bool| steps.iter().position(|step| meant(&step.act));
            let hidden = first(|act| matches!(act, Act::Hide)).unwrap();
            assert!(
                hidden < first(|act| matches!(act, Act::Join(_))).unwrap(),
                "{kind}"
            );
            assert!(!steps[hidden].optional);
        }
    }

    #[test]
    fn a_hidden_process_is_not_dumpable() {
        let child = sys::fork(|| match (get_dumpable(), Act::Hide.run(), get_dumpable()) {
            (Ok(true), Ok(()), Ok(false)) => 0,
            _ => 1,
        });
        let child = child.unwrap();
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
    }
}
