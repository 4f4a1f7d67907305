//! A program in a chosen set of namespaces: each kind new, joined, or the caller's own.
//!
//! `RunSpec` says what is wanted, `plan` makes steps of it, `child` carries them out after the fork, `Child` is the parent's end.

mod child;
mod command;
mod etc;
mod parent;
mod plan;
mod rootfs;
mod signals;
mod step;

pub(crate) use parent::step_error;
pub(crate) use plan::{proc_at, slave_mounts, sys_mounts};
pub(crate) use step::{Act, Flags, Mount, Step};

use crate::{Error, IdMaps, Namespace, NsName, Result};
use command::Command;
pub use parent::Child;
use plan::Plan;
pub use signals::HeldSignals;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// Where a program is, for one kind of namespace.
#[derive(Debug, Default)]
pub enum Choice {
    /// Where the caller is.
    #[default]
    Host,
    /// In a new one.
    New,
    /// In this one.
    Join(Namespace),
}

impl Choice {
    fn is_new(&self) -> bool {
        matches!(self, Choice::New)
    }

    fn is_host(&self) -> bool {
        matches!(self, Choice::Host)
    }
}

/// Where a program is, for each kind.
#[derive(Debug, Default)]
pub struct Choices {
    /// The cgroup namespace.
    pub cgroup: Choice,
    /// The IPC namespace.
    pub ipc: Choice,
    /// The mount namespace. A new one receives mounts from the host's and passes none back.
    pub mnt: Choice,
    /// The network namespace. In a new one `lo` is up.
    pub net: Choice,
    /// The PID namespace. A new one begins with a small init, which forwards signals and reaps.
    pub pid: Choice,
    /// The time namespace.
    pub time: Choice,
    /// The user namespace.
    pub user: Choice,
    /// The UTS namespace.
    pub uts: Choice,
}

impl Choices {
    /// All the namespaces of a process that are not the caller's, to run something beside it.
    ///
    /// ```no_run
    /// use ns_mgmt::{Choices, RunSpec};
    /// let mut child = RunSpec {
    ///     command: vec!["sh".into()],
    ///     namespaces: Choices::of_pid(4242)?,
    ///     ..Default::default()
    /// }
    /// .spawn()?;
    /// child.start()?;
    /// # Ok::<(), ns_mgmt::Error>(())
    /// ```
    pub fn of_pid(pid: u32) -> Result<Choices> {
        let open = Namespace::open_process(pid)?;
        let [cgroup, ipc, mnt, net, pid, time, user, uts] = open.map(|found| match found {
            Some(namespace) => Choice::Join(namespace),
            None => Choice::Host,
        });
        Ok(Choices {
            cgroup,
            ipc,
            mnt,
            net,
            pid,
            time,
            user,
            uts,
        })
    }
}

/// A program to run, and where.
///
/// A process that joins a mount, PID or user namespace can be looked into by nobody of the same user until it is the program, and lets go
/// of a controlling terminal that is not given to the program. What the calling program's file is must still not be reachable from there:
/// see [`run_from_sealed_copy`](crate::run_from_sealed_copy).
///
/// ```no_run
/// use ns_mgmt::{Choice, Choices, RunSpec};
/// # fn main() -> ns_mgmt::Result<()> {
/// let mut child = RunSpec {
///     command: vec!["sh".into(), "-c".into(), "ip addr".into()],
///     namespaces: Choices { net: Choice::New, mnt: Choice::New, ..Default::default() },
///     ..Default::default()
/// }
/// .spawn()?;
/// let netns = child.netns()?; // here its network is attached
/// child.start()?;
/// let code = child.wait()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct RunSpec {
    /// The program and its arguments. The program is looked for along the `PATH` it will see, in the root it will see.
    pub command: Vec<OsString>,
    /// Variables added to its environment, or replaced.
    pub env: Vec<(OsString, OsString)>,
    /// Whether it begins with an empty environment instead of the caller's.
    pub clear_env: bool,
    /// Its working directory, in the root it will see. Otherwise the caller's; `/` with another root or a joined mount namespace.
    pub cwd: Option<PathBuf>,
    /// Its namespaces.
    pub namespaces: Choices,
    /// Its host name: 1 to 64 bytes, in a new UTS namespace.
    pub hostname: Option<String>,
    /// The numbers of a new user namespace.
    pub ids: IdMaps,
    /// A directory to be its root, in a new mount namespace, with `/proc`, `/sys` and a small `/dev`: the directory must have
    /// these three as directories, in which nothing is written.
    pub rootfs: Option<PathBuf>,
    /// Binds the files of `/etc/netns/NAME` over those of `/etc`, in a new mount namespace, as `ip netns exec` does.
    pub etc: Option<NsName>,
    /// Its standard input, output and error; the caller's where not given.
    pub stdio: [Option<OwnedFd>; 3],
    /// Whether it is killed when the thread that spawned it ends.
    pub die_with_parent: bool,
}

impl RunSpec {
    /// Makes the namespaces and a process that waits in them for [`Child::start`].
    ///
    /// Forks. The child owns no descriptor of the caller's but 0, 1 and 2. Nothing is left if it fails.
    pub fn spawn(&self) -> Result<Child> {
        let plan = Plan::new(self, true)?;
        let maps = match self.namespaces.user.is_new() {
            true => Some(self.ids.text()?),
            false => None,
        };
        parent::spawn(&plan, maps.as_ref())
    }

    /// Becomes the program: the calling process enters the namespaces and executes it in place, without a fork. Returns only on failure,
    /// and then the calling thread may have moved: the caller reports the error and ends.
    ///
    /// A new user namespace, and a PID namespace not the caller's, need [`spawn`](Self::spawn).
    pub fn exec(&self) -> Error {
        match Plan::new(self, false) {
            Ok(plan) => child::in_place(&plan),
            Err(err) => err,
        }
    }

    fn command(&self) -> Result<Command> {
        let inherited = std::env::vars_os().filter(|_| !self.clear_env);
        let mut env: Vec<(OsString, OsString)> = inherited.collect();
        for (key, value) in &self.env {
            env.retain(|(other, _)| other != key);
            env.push((key.clone(), value.clone()));
        }
        Command::new(&self.command, env)
    }
}
