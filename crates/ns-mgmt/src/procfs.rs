//! `/proc`, checked to be the kernel's before anything in it is believed.

use crate::{Error, Result, lent};
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::read;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

/// Opens `/proc` and checks that it is procfs; a thread that was lent has done so already.
pub(crate) fn root(op: &str) -> Result<Rc<OwnedFd>> {
    if let Some(proc) = lent::proc() {
        return Ok(proc);
    }
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let dir = open("/proc", flags, Mode::empty())
        .map_err(|errno| Error::system(op, errno).with_hint(HINT))?;
    check(&dir, op)?;
    Ok(Rc::new(dir))
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

/// What a file of one value holds, without the line end. A read that does not fill the buffer was the last.
pub(crate) fn read_value(file: impl AsFd, op: &str) -> Result<String> {
    let (mut bytes, mut len) = (vec![0; 1024], 0);
    while len == bytes.len() || len == 0 {
        bytes.resize(2 * bytes.len(), 0);
        match read(&file, &mut bytes[len..]).map_err(|errno| Error::system(op, errno))? {
            0 => break,
            more => len += more,
        }
    }
    let text = String::from_utf8_lossy(&bytes[..len]);
    Ok(text.trim_end_matches('\n').to_owned())
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
    read_value(&file, OP)
}

const HINT: &str = "mount -t proc proc /proc";
