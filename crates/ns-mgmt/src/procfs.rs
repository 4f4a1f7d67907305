//! `/proc`, checked to be the kernel's before anything in it is believed.

use crate::{Error, Result};
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

/// Opens `/proc` and checks that it is procfs.
pub(crate) fn root(op: &str) -> Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let dir = open("/proc", flags, Mode::empty())
        .map_err(|errno| Error::system(op, errno).with_hint(HINT))?;
    check(&dir, op)?;
    Ok(dir)
}

/// Checks that an open file lies on procfs.
pub(crate) fn check(file: impl AsFd, op: &str) -> Result<()> {
    let stat = fstatfs(file).map_err(|errno| Error::system(op, errno))?;
    match stat.filesystem_type() == PROC_SUPER_MAGIC {
        true => Ok(()),
        false => {
            // Not "missing": what is not there may be passed over, what is false may not.
            Err(Error::invalid(
                op,
                "/proc is not the kernel's proc file system, or a part of it is covered",
            )
            .with_hint(HINT))
        }
    }
}

/// Names this run of the machine: with it a network namespace's cookie is unique for ever.
///
/// ```
/// assert_eq!(ns_mgmt::boot_id()?.len(), 36);
/// # Ok::<(), ns_mgmt::Error>(())
/// ```
pub fn boot_id() -> Result<String> {
    const OP: &str = "read the boot id";
    let proc = root(OP)?;
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let file = openat(&proc, "sys/kernel/random/boot_id", flags, Mode::empty())
        .map_err(|errno| Error::system(OP, errno))?;
    let mut text = String::new();
    let read = File::from(file).read_to_string(&mut text);
    read.map_err(|err| Error::system(OP, err))?;
    Ok(text.trim_end().to_owned())
}

const HINT: &str = "mount -t proc proc /proc";
