//! A control group of this run's own, which the clients take for the whole tree. What is left in it is left by them.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

/// How long processes that were killed may take to be gone.
const LIMIT: Duration = Duration::from_secs(2);
/// One run at a time; a run that was killed leaves it.
const GROUP: &str = "vetch-clients";
const MOUNTED: &str = "/sys/fs/cgroup";
/// Where this process is, so that the root can be divided.
const HOST: &str = "host";

/// The group, until it is dropped by the thread that made it.
pub struct Tree {
    /// The whole hierarchy, mounted nowhere any more.
    outside: File,
    namespace: File,
    before: String,
}

impl Tree {
    /// Moves this process into a new group and makes that the root of /sys/fs/cgroup. Must run while there is one thread, in a mount
    /// namespace of one's own. Version 2 in any case, on which all runtimes agree.
    pub fn enter() -> Result<Tree> {
        mount_tree()?;
        let outside = File::open(MOUNTED).context("open the control groups")?;
        let namespace = File::open("/proc/thread-self/ns/cgroup").context("open a namespace")?;
        let own = fs::read_to_string("/proc/self/cgroup").context("read the own control group")?;
        let before = own.lines().find_map(|line| line.strip_prefix("0::/"));
        let tree = Tree {
            outside,
            namespace,
            before: before.unwrap_or_default().to_owned(),
        };
        tree.begin().map(|()| tree)
    }

    fn begin(&self) -> Result<()> {
        let group = self.path(GROUP);
        if group.exists() {
            remove(&group).context("take away what an earlier run left (or is there another?)")?;
        }
        fs::create_dir(&group).with_context(|| format!("make control group {GROUP}"))?;
        join(&group)?;
        unshare(CloneFlags::CLONE_NEWCGROUP).context("make a control group namespace")?;
        fs::create_dir(group.join(HOST)).context("make control group host")?;
        join(&group.join(HOST))?;
        // The same file system is not mounted twice in one place.
        umount2(MOUNTED, MntFlags::MNT_DETACH).context("unmount the control groups")?;
        mount_tree()
    }

    fn path(&self, group: &str) -> PathBuf {
        format!("/proc/self/fd/{}/{group}", self.outside.as_raw_fd()).into()
    }

    fn leave(&self) -> Result<()> {
        setns(self.namespace.as_fd(), CloneFlags::CLONE_NEWCGROUP).context("return")?;
        join(&self.path(&self.before))?;
        let group = self.path(GROUP);
        fs::write(group.join("cgroup.kill"), "1").context("end what is left")?;
        let end = Instant::now() + LIMIT;
        loop {
            match remove(&group) {
                Err(_) if Instant::now() < end => thread::sleep(LIMIT / 100),
                removed => return removed,
            }
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            eprintln!("control group {GROUP} is left: {error:#}");
        }
    }
}

fn mount_tree() -> Result<()> {
    let none = None::<&str>;
    mount(none, MOUNTED, Some("cgroup2"), MsFlags::empty(), none)
        .context("mount the control groups (CONFIG_CGROUPS)")
}

fn join(group: &Path) -> Result<()> {
    let path = group.join("cgroup.procs");
    fs::write(&path, "0").with_context(|| format!("move this process to {}", group.display()))
}

/// With all that is below.
fn remove(group: &Path) -> Result<()> {
    for below in directories(group) {
        remove(&below)?;
    }
    fs::remove_dir(group).with_context(|| format!("remove {}", group.display()))
}

fn directories(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}

/// The groups there are, and which processes are in them, wherever these are.
pub(super) fn contents() -> Vec<String> {
    let mut lines = Vec::new();
    list(Path::new(MOUNTED), &mut lines);
    lines.sort();
    lines
}

fn list(group: &Path, lines: &mut Vec<String>) {
    lines.push(format!("control group {}", group.display()));
    let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines() {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        lines.push(format!("process {pid} {words}"));
    }
    for below in directories(group) {
        list(&below, lines);
    }
}
