//! The calling program, run again from a copy in memory that nobody can write to.
//!
//! A process that enters a container's mount or PID namespace can be looked at from inside: `/proc/PID/exe` leads to the file it runs,
//! and a `#!/proc/self/exe` makes it run that file again among the container's libraries. If that is the host's own file, root inside
//! may overwrite it once nobody runs it (CVE-2019-5736). So it is a sealed copy instead.

use crate::{Error, Result, procfs};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, SealFlag, fcntl, openat};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::sendfile::sendfile;
use nix::sys::stat::{Mode, fstat};
use nix::unistd::execveat;
use std::ffi::{CString, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;

const OP: &str = "keep the program file out of the container's reach";

/// Runs the calling program again, with the same arguments and environment, from a sealed copy in memory; returns at once if it runs
/// from one already. To be called at the very start: nothing but what exec(2) keeps survives.
///
/// For programs that use [`RunSpec`](crate::RunSpec) to join the mount or PID namespace of something that is not trusted. It costs the
/// time to copy the program's file.
///
/// # Errors
///
/// There is no memory for the copy, or the system forbids to execute such files (`vm.memfd_noexec=2`).
///
/// ```no_run
/// ns_mgmt::run_from_sealed_copy()?;
/// # Ok::<(), ns_mgmt::Error>(())
/// ```
pub fn run_from_sealed_copy() -> Result<()> {
    let program = own_file()?;
    if is_sealed(&program) {
        // The kernel names a process after the file, which has no name.
        let _ = nix::sys::prctl::set_name(c"vetch");
        return Ok(());
    }
    let copy = copy(&program).map_err(explain)?;
    let args = std::env::args_os().map(text).collect::<Vec<_>>();
    let env = std::env::vars_os().map(variable).collect::<Vec<_>>();
    match execveat(&copy, c"", &args, &env, AtFlags::AT_EMPTY_PATH) {
        Err(errno) => Err(explain(errno)),
        Ok(never) => match never {},
    }
}

fn own_file() -> Result<OwnedFd> {
    let proc = procfs::root(OP)?;
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    openat(&proc, "self/exe", flags, Mode::empty()).map_err(|errno| Error::system(OP, errno))
}

/// A file on disk has no seals to ask for.
fn is_sealed(program: &OwnedFd) -> bool {
    let seals = fcntl(program, FcntlArg::F_GET_SEALS);
    seals.is_ok_and(|seals| SealFlag::from_bits_retain(seals).contains(SealFlag::F_SEAL_WRITE))
}

fn copy(program: &OwnedFd) -> nix::Result<OwnedFd> {
    let copy = executable_memory()?;
    let mut left = usize::try_from(fstat(program)?.st_size).unwrap_or(0);
    while left > 0 {
        match sendfile(&copy, program, None, left)? {
            0 => return Err(Errno::EIO), // it became shorter meanwhile
            sent => left -= sent.min(left),
        }
    }
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK;
    fcntl(&copy, FcntlArg::F_ADD_SEALS(seals | SealFlag::F_SEAL_SEAL))?;
    Ok(copy)
}

/// Kernels before 6.3 do not know the flag, and need none.
fn executable_memory() -> nix::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let executable = flags | MFdFlags::from_bits_retain(libc::MFD_EXEC);
    match memfd_create(c"vetch", executable) {
        Err(Errno::EINVAL) => memfd_create(c"vetch", flags),
        other => other,
    }
}

fn explain(errno: Errno) -> Error {
    let err = Error::system(OP, errno);
    match errno {
        Errno::EACCES | Errno::EPERM => {
            err.with_hint("the system forbids programs in memory: sysctl vm.memfd_noexec=1")
        }
        _ => err,
    }
}

/// What came from the kernel holds no zero byte.
fn text(word: OsString) -> CString {
    CString::new(word.into_vec()).unwrap_or_default()
}

fn variable((key, value): (OsString, OsString)) -> CString {
    let mut word = key;
    word.push("=");
    word.push(value);
    text(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_is_the_program_and_takes_no_writing() {
        let program = own_file().unwrap();
        assert!(!is_sealed(&program));
        let copy = copy(&program).unwrap();
        assert!(is_sealed(&copy));
        assert_eq!(
            fstat(&copy).unwrap().st_size,
            fstat(&program).unwrap().st_size
        );
        assert_eq!(nix::unistd::write(&copy, b"x"), Err(Errno::EPERM));
        assert_eq!(nix::unistd::ftruncate(&copy, 0), Err(Errno::EPERM));
    }
}
