//! The system calls that `nix` does not wrap safely. All the unsafe code of this crate.

use nix::libc;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What the kernel said of this process when it started, getauxval(3).
pub(crate) struct Started {
    /// `AT_SECURE`: the program file or a security module changed the privileges.
    pub(crate) secure: bool,
    /// Real and effective user.
    pub(crate) uid: (u64, u64),
    /// Real and effective group.
    pub(crate) gid: (u64, u64),
}

/// Reads the auxiliary vector: no file, no variable.
pub(crate) fn started() -> Started {
    // SAFETY: getauxval takes a number and reads memory that the kernel laid out for this process.
    let entry = |key| unsafe { libc::getauxval(key) };
    Started {
        secure: entry(libc::AT_SECURE) != 0,
        uid: (entry(libc::AT_UID), entry(libc::AT_EUID)),
        gid: (entry(libc::AT_GID), entry(libc::AT_EGID)),
    }
}

const CAPABILITY_VERSION_3: u32 = 0x2008_0522; // linux/capability.h

/// Effective, permitted and inheritable capabilities, first 0 to 31, then 32 to 63.
type Capabilities = [[u32; 3]; 2];

/// Those of the calling thread, capget(2).
fn capabilities() -> io::Result<Capabilities> {
    let mut header = [CAPABILITY_VERSION_3, 0];
    let mut data = Capabilities::default();
    // SAFETY: version 3 reads 8 bytes of header and writes 24 bytes of data; both arrays are that long and live here.
    let answer = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), data.as_mut_ptr()) };
    match answer {
        0 => Ok(data),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether the process has any permitted capability. An unreadable answer counts as yes.
pub(crate) fn has_capabilities() -> bool {
    capabilities().map_or(true, |[low, high]| low[1] != 0 || high[1] != 0)
}

/// Lets the calling thread, and those it starts, go of every capability but these, capset(2).
pub(crate) fn keep_capabilities(kept: &[u32]) -> io::Result<()> {
    let mut data = capabilities()?;
    for (at, sets) in data.iter_mut().enumerate() {
        let of_word = kept.iter().filter(|number| **number as usize / 32 == at);
        let mask = of_word.fold(0, |mask, number| mask | 1 << (number % 32));
        sets.iter_mut().for_each(|set| *set &= mask);
    }
    let mut header = [CAPABILITY_VERSION_3, 0];
    // SAFETY: version 3 reads 8 bytes of header and 24 bytes of data; both arrays are that long and live here.
    let answer = unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), data.as_ptr()) };
    match answer {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The columns of the terminal behind a descriptor, ioctl_tty(2).
pub(crate) fn terminal_width(fd: BorrowedFd<'_>) -> Option<u16> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCGWINSZ writes one winsize to the address given, which is a live one.
    let answer = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (answer == 0 && size.ws_col > 0).then_some(size.ws_col)
}

/// Runs `work` in a child that nobody waits for, in its own session, with 0, 1 and 2 on `/dev/null`.
///
/// For a program that ends soon: the child is nobody's then, and whoever adopts it reaps it. Every descriptor stays open in the child
/// but those that `work` closes.
///
/// # Errors
///
/// The process limit is reached, or `/dev/null` cannot be opened.
pub(crate) fn in_orphan(work: impl FnOnce()) -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    // SAFETY: besides this thread there is at most an idle one of `ns_mgmt`, waiting for work in a namespace. It holds no lock that `work`
    // needs; the allocator is made ready in the child by the C library.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { .. } => Ok(()),
        nix::unistd::ForkResult::Child => orphan(&null, work),
    }
}

fn orphan(null: &File, work: impl FnOnce()) -> ! {
    // A failed setsid only leaves the child in the caller's session.
    let _ = nix::unistd::setsid();
    // A working directory keeps a mount.
    let _ = nix::unistd::chdir("/");
    for standard in 0..3 {
        // SAFETY: dup2 only replaces a descriptor number; no Rust value owns 0, 1 or 2.
        unsafe { libc::dup2(null.as_raw_fd(), standard) };
    }
    work();
    // SAFETY: _exit ends the process without running the parent's destructors and exit handlers a second time.
    unsafe { libc::_exit(0) }
}
