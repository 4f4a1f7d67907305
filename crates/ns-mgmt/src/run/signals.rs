//! Signals on their way from us to the program, and the end of the program on its way back.
//!
//! What the terminal sends (ctrl-C, ctrl-\, ctrl-Z, a new window size) reaches the program by itself, as it stays in our process group;
//! only what another process sent to us is passed on.

use crate::{Error, Result};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::fd::{AsFd, BorrowedFd};

/// What is passed on.
const FORWARDED: [Signal; 9] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGWINCH,
];

/// Holds back, in the calling thread, the signals that [`Child::wait`](super::Child::wait) passes on, until it is dropped.
///
/// For a program that must undo something: taken before the first thing to undo, so that ctrl-C cannot end it half-way.
///
/// ```no_run
/// let held = ns_mgmt::HeldSignals::new()?;
/// # Ok::<(), ns_mgmt::Error>(())
/// ```
#[derive(Debug)]
pub struct HeldSignals {
    before: SigSet,
}

impl HeldSignals {
    /// Holds the signals back from now on.
    pub fn new() -> Result<HeldSignals> {
        let swapped = forwarded().thread_swap_mask(SigmaskHow::SIG_BLOCK);
        let before = swapped.map_err(|errno| Error::system("hold signals back", errno))?;
        Ok(HeldSignals { before })
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        let _ = self.before.thread_set_mask();
    }
}

fn forwarded() -> SigSet {
    FORWARDED.into_iter().collect()
}

/// Where signals arrive that would otherwise interrupt.
pub(super) struct Inbox(SignalFd);

impl Inbox {
    /// Blocks these signals in the calling thread and takes them in.
    pub(super) fn open(signals: &SigSet) -> nix::Result<Inbox> {
        signals.thread_block()?;
        SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC).map(Inbox)
    }

    /// Takes in what [`HeldSignals`] holds back, without waiting for it.
    pub(super) fn of_held() -> nix::Result<Inbox> {
        SignalFd::with_flags(&forwarded(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .map(Inbox)
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Takes one signal and passes it on, if it did not come from the terminal.
    pub(super) fn forward(&self, to: impl FnOnce(Signal)) {
        let Ok(Some(info)) = self.0.read_signal() else {
            return;
        };
        let Ok(signal) = Signal::try_from(info.ssi_signo.cast_signed()) else {
            return;
        };
        match info.ssi_code == libc::SI_KERNEL {
            false if signal != Signal::SIGCHLD => to(signal),
            _ => {}
        }
    }

    /// As [`forward`](Self::forward); stops with the program when the terminal's ctrl-Z stops it.
    pub(super) fn forward_or_stop(&self, to: impl FnOnce(Signal)) {
        let Ok(Some(info)) = self.0.read_signal() else {
            return;
        };
        let signal = Signal::try_from(info.ssi_signo.cast_signed());
        match (signal, info.ssi_code == libc::SI_KERNEL) {
            (Ok(Signal::SIGTSTP), true) => {
                let _ = raise(Signal::SIGSTOP);
            }
            (Ok(signal), false) => to(signal),
            _ => {}
        }
    }
}

/// Reaps every child that has ended; the exit code of the program if it is among them. Allocates nothing.
pub(super) fn reap(program: Pid) -> Option<i32> {
    let mut code = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return code,
            Ok(status) if status.pid() == Some(program) => code = exit_code(status),
            Err(Errno::ECHILD) => return code.or(Some(125)), // it cannot be missed, as nobody else reaps
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return code,
        }
    }
}

/// As shells have it: 128 + n if a signal ended it.
pub(super) fn exit_code(status: WaitStatus) -> Option<i32> {
    match status {
        WaitStatus::Exited(_, code) => Some(code),
        WaitStatus::Signaled(_, signal, _) => Some(128 + signal as i32),
        _ => None,
    }
}
