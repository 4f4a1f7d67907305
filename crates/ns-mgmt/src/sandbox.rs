//! A private world for the calling process: networks and mounts of its own, in which nothing it does reaches the machine.

use crate::run::{Act, Flags, Mount, Step, proc_at, slave_mounts, step_error, sys_mounts};
use crate::{Error, IdMaps, Kind, Result, idmap, privilege, userns};
use nix::mount::MsFlags;
use nix::sched::unshare;
use std::ffi::CStr;
use std::path::Path;

const OP: &str = "enter a private sandbox";

/// Moves the calling process, which must have one thread, into network and mount namespaces of its own; without privilege into a
/// user namespace first, in which it is root.
///
/// `/run` is empty, `/sys` shows the new network namespace, `lo` is up; sysctls other than those of the network are read-only.
/// Where user namespaces are refused the error says which of the causes it is, and the command that changes it.
///
/// ```no_run
/// ns_mgmt::sandbox()?;
/// let blue = ns_mgmt::NetNs::create_named(&"blue".parse()?)?; // in our own /run/netns
/// # Ok::<(), ns_mgmt::Error>(())
/// ```
pub fn sandbox() -> Result<()> {
    let threads = userns::threads();
    if threads > 1 {
        return Err(Error::invalid(
            OP,
            format!("the process has {threads} threads; only the calling one would move"),
        ));
    }
    leave()?;
    for step in mounts() {
        step.run()
            .map_err(|errno| step_error(OP, &step.act, errno))?;
    }
    Ok(())
}

fn leave() -> Result<()> {
    let fresh = Kind::Mnt.flag() | Kind::Net.flag();
    if privilege::has(privilege::CAP_SYS_ADMIN) {
        return unshare(fresh).map_err(|errno| Error::system(OP, errno));
    }
    let maps = IdMaps::default().text()?; // our numbers, as they are before we are nobody
    unshare(fresh | Kind::User.flag()).map_err(|errno| userns::unshare_error(OP, errno))?;
    idmap::write("self", &maps).map_err(|(file, errno)| userns::map_error(OP, &file, errno))
}

fn mounts() -> Vec<Step> {
    let mut steps = vec![Step::must(Act::LoopbackUp), slave_mounts(), tmpfs(c"/run")];
    if Path::new("/var/lib/vetch").is_dir() {
        steps.push(tmpfs(c"/var/lib/vetch"));
    }
    steps.extend(sys_mounts());
    steps.extend(guard_sysctls());
    steps
}

fn tmpfs(target: &CStr) -> Step {
    Step::must(Act::Mount(Mount {
        source: Some(c"tmpfs".into()),
        target: target.into(),
        kind: Some(c"tmpfs"),
        flags: Flags(MsFlags::MS_NOSUID | MsFlags::MS_NODEV),
        data: Some(c"mode=755"),
    }))
}

/// Root could change the machine's own sysctls through `/proc/sys`, and must not by mistake; an ordinary user cannot anyway.
///
/// A user namespace made inside may mount its own `/proc` only if one is in sight that nothing covers: hence the second one.
fn guard_sysctls() -> Vec<Step> {
    if !privilege::knows_ids(0, u32::MAX) {
        return Vec::new();
    }
    let bind = |path: &CStr, flags: MsFlags| {
        Step::must(Act::Mount(Mount {
            source: Some(path.into()),
            target: path.into(),
            flags: Flags(MsFlags::MS_BIND | flags),
            ..Default::default()
        }))
    };
    let sealed = MsFlags::MS_REMOUNT
        | MsFlags::MS_RDONLY
        | MsFlags::MS_NOSUID
        | MsFlags::MS_NODEV
        | MsFlags::MS_NOEXEC;
    vec![
        Step::must(Act::MakeDir(c"/run/.proc".into())),
        Step::must(Act::Mount(proc_at(c"/run/.proc".into()))),
        bind(c"/proc/sys", MsFlags::MS_REC),
        bind(c"/proc/sys/net", MsFlags::empty()),
        bind(c"/proc/sys", sealed),
    ]
}
