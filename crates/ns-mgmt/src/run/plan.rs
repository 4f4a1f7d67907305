//! From what is wanted to the steps that bring it about, in the one order that works.

use super::command::{Command, text};
use super::{Act, Choice, Choices, Flags, Mount, RunSpec, Step, etc, rootfs};
use crate::{Error, Kind, Result, privilege};
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// All that a child needs, prepared before the fork.
pub(crate) struct Plan {
    /// In the first process: joining, and making all but what belongs to the second.
    pub(crate) enter: Vec<Step>,
    /// In the process that is inside for good.
    pub(crate) inside: Vec<Step>,
    /// A new user namespace: the parent writes its maps after `enter`.
    pub(crate) maps: bool,
    /// A PID or time namespace takes in children only: a second process is needed.
    pub(crate) second: bool,
    /// The second process is number 1 of its PID namespace, and the program its child.
    pub(crate) init: bool,
    pub(crate) die_with_parent: bool,
    pub(crate) command: Command,
    /// "run `nginx`", for errors.
    pub(crate) op: String,
}

impl Plan {
    pub(crate) fn new(spec: &RunSpec, forks: bool) -> Result<Plan> {
        let name = spec
            .command
            .first()
            .map(|word| word.to_string_lossy().escape_debug().to_string());
        let op = format!("run `{}`", name.unwrap_or_default());
        let kinds = &spec.namespaces;
        check(spec, &op, forks)?;
        Ok(Plan {
            enter: enter(spec, &op)?,
            inside: inside(spec, &op)?,
            maps: kinds.user.is_new(),
            second: forks && (!kinds.pid.is_host() || kinds.time.is_new()),
            init: kinds.pid.is_new(),
            die_with_parent: spec.die_with_parent,
            command: spec.command()?,
            op,
        })
    }

    pub(crate) fn step(&self, at: usize) -> Option<&Step> {
        self.enter.iter().chain(&self.inside).nth(at)
    }

    /// The descriptors a child keeps, besides 0, 1 and 2.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.enter.iter().filter_map(|step| match &step.act {
            Act::Join(namespace) => Some(namespace.as_fd()),
            Act::Stdio { fd, .. } => Some(fd.as_fd()),
            _ => None,
        })
    }
}

impl Choices {
    pub(crate) fn each(&self) -> [(Kind, &Choice); 8] {
        [
            (Kind::Cgroup, &self.cgroup),
            (Kind::Ipc, &self.ipc),
            (Kind::Mnt, &self.mnt),
            (Kind::Net, &self.net),
            (Kind::Pid, &self.pid),
            (Kind::Time, &self.time),
            (Kind::User, &self.user),
            (Kind::Uts, &self.uts),
        ]
    }
}

/// What contradicts itself is refused before anything happens.
fn check(spec: &RunSpec, op: &str, forks: bool) -> Result<()> {
    let kinds = &spec.namespaces;
    let refuse = |why: String| Err(Error::invalid(op, why));
    for (kind, choice) in kinds.each() {
        if let Choice::Join(namespace) = choice
            && namespace.kind() != kind
        {
            return refuse(format!("{namespace} is no {} namespace", kind.noun()));
        }
    }
    let needs =
        |what: &str, kind: Kind| refuse(format!("{what} needs a new {} namespace", kind.noun()));
    match &spec.hostname {
        Some(_) if !kinds.uts.is_new() => return needs("a host name", Kind::Uts),
        Some(name) if !(1..=64).contains(&name.len()) || name.contains(char::is_control) => {
            return refuse(format!(
                "host name {name:?}: right are 1 to 64 bytes without control characters"
            ));
        }
        _ => {}
    }
    if spec.rootfs.is_some() && !kinds.mnt.is_new() {
        return needs("another root directory", Kind::Mnt);
    }
    if !forks && (kinds.user.is_new() || kinds.time.is_new() || !kinds.pid.is_host()) {
        return refuse(
            "a new user or time namespace, or another PID namespace, takes a new process".into(),
        );
    }
    Ok(())
}

/// Joining comes before making, as a new user namespace takes the right to join away. A joined user namespace comes first if it
/// gives that right, last if it takes it away.
fn enter(spec: &RunSpec, op: &str) -> Result<Vec<Step>> {
    let kinds = &spec.namespaces;
    let privileged = privilege::has(privilege::CAP_SYS_ADMIN);
    let mut joins = Vec::new();
    let mut fresh = CloneFlags::empty();
    for (kind, choice) in kinds.each() {
        match choice {
            Choice::Host => {}
            Choice::New => fresh |= kind.flag(),
            Choice::Join(namespace) => joins.push(namespace.try_clone()?),
        }
    }
    joins.sort_by_key(|namespace| match namespace.kind() {
        Kind::User if privileged => 3,
        Kind::User => 0,
        Kind::Mnt => 2,
        _ => 1,
    });
    let join = |namespace| Step::must(Act::Join(namespace));
    let mut steps = stdio(spec, op)?;
    if meets_others(kinds) {
        steps.extend([Step::must(Act::Hide), Step::must(Act::LeaveTerminal)]);
    }
    steps.extend(joins.into_iter().map(join));
    if matches!(kinds.user, Choice::Join(_)) {
        steps.push(Step::may(Act::BecomeRoot)); // if it has a root
    }
    if !fresh.is_empty() {
        steps.push(Step::must(Act::Unshare(fresh)));
    }
    Ok(steps)
}

/// Whether it comes among processes that are not ours.
fn meets_others(kinds: &Choices) -> bool {
    let joins = |choice: &Choice| matches!(choice, Choice::Join(_));
    joins(&kinds.mnt) || joins(&kinds.pid) || joins(&kinds.user)
}

fn stdio(spec: &RunSpec, op: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (at, fd) in spec.stdio.iter().enumerate() {
        if let Some(fd) = fd {
            let fd = fd.try_clone().map_err(|err| Error::system(op, err))?;
            steps.push(Step::must(Act::Stdio { fd, at }));
        }
    }
    Ok(steps)
}

fn inside(spec: &RunSpec, op: &str) -> Result<Vec<Step>> {
    let kinds = &spec.namespaces;
    let mut steps = Vec::new();
    if kinds.user.is_new() {
        steps.push(Step::must(Act::BecomeRoot));
    }
    if kinds.net.is_new() {
        steps.push(Step::must(Act::LoopbackUp));
    }
    if let Some(name) = &spec.hostname {
        steps.push(Step::must(Act::HostName(name.clone())));
    }
    if kinds.mnt.is_new() {
        steps.push(slave_mounts());
        match &spec.rootfs {
            Some(root) => steps.extend(rootfs::steps(root, kinds, op)?),
            None => steps.extend(namespace_mounts(kinds)),
        }
        if let Some(name) = &spec.etc {
            steps.extend(etc::steps(name)?);
        }
    }
    if let Some(cwd) = &spec.cwd {
        steps.push(Step::must(Act::ChangeDir(text(cwd.as_os_str())?)));
    }
    Ok(steps)
}

/// Mounts come in from the host, none go back: unmounting on the host is not held up by us.
pub(crate) fn slave_mounts() -> Step {
    Step::must(Act::Mount(Mount {
        target: c"/".into(),
        flags: Flags(MsFlags::MS_SLAVE | MsFlags::MS_REC),
        ..Default::default()
    }))
}

/// The file systems that show a namespace, mounted anew over the host's.
pub(crate) fn namespace_mounts(kinds: &Choices) -> Vec<Step> {
    let mut steps = Vec::new();
    if kinds.pid.is_new() {
        steps.push(Step::must(Act::Mount(proc_at(c"/proc".into()))));
    }
    if !kinds.net.is_host() {
        steps.extend(sys_mounts());
    } else if kinds.cgroup.is_new() {
        steps.extend(cgroup_mount("/sys/fs/cgroup"));
    }
    if kinds.ipc.is_new() && Path::new("/dev/mqueue").is_dir() {
        steps.push(Step::may(Act::Mount(Mount {
            target: c"/dev/mqueue".into(),
            kind: Some(c"mqueue"),
            flags: Flags(MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC),
            ..Default::default()
        })));
    }
    steps
}

/// `/sys` shows the network namespace it was mounted from. Where a user namespace may not mount it, the old one stays.
pub(crate) fn sys_mounts() -> Vec<Step> {
    let mut steps = vec![Step::may(Act::Mount(sys_at(c"/sys".into())))];
    steps.extend(cgroup_mount("/sys/fs/cgroup"));
    steps
}

/// The cgroup tree lay below the `/sys` that is now covered.
fn cgroup_mount(path: &str) -> Option<Step> {
    let there = statfs(path).is_ok_and(|stat| stat.filesystem_type() == CGROUP2_SUPER_MAGIC);
    let target = CString::new(path).ok().filter(|_| there)?;
    Some(Step::may(Act::Mount(Mount {
        target,
        kind: Some(c"cgroup2"),
        flags: Flags(MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC),
        ..Default::default()
    })))
}

pub(crate) fn proc_at(target: CString) -> Mount {
    Mount {
        source: Some(c"proc".into()),
        target,
        kind: Some(c"proc"),
        flags: Flags(MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC),
        ..Default::default()
    }
}

/// Read-only if the one it covers is.
pub(super) fn sys_at(target: CString) -> Mount {
    let read_only = nix::sys::statvfs::statvfs("/sys")
        .is_ok_and(|stat| stat.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY));
    let access = if read_only {
        MsFlags::MS_RDONLY
    } else {
        MsFlags::empty()
    };
    Mount {
        source: Some(c"sysfs".into()),
        target,
        kind: Some(c"sysfs"),
        flags: Flags(access | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC),
        ..Default::default()
    }
}
