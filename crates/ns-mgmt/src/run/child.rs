//! After the fork: what the child does until it is the program. Nothing here allocates or takes a lock.
//!
//! Over the channel it tells: its maps are wanted, its successor's number, that it is ready, or which step failed; it is told to go on.
//! When it has become the program the channel closes by itself.

use super::plan::Plan;
use super::signals;
use super::step::Step;
use crate::{Error, sys};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{MsgFlags, recv, send};
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// What a child says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The user namespace is made: write the maps, then say go.
    WantMaps,
    /// This process continues the work; it is a child of yours. Say go.
    Successor(i32),
    /// All is made: say go.
    Ready,
    /// A step failed.
    Failed { step: u32, errno: i32 },
    /// The program could not be executed.
    NotExecuted { errno: i32 },
    /// A system call outside the steps failed.
    Broken { errno: i32 },
}

impl Word {
    fn bytes(self) -> [u8; 12] {
        let (tag, a, b) = match self {
            Word::WantMaps => (0, 0, 0),
            Word::Successor(pid) => (1, pid.cast_unsigned(), 0),
            Word::Ready => (2, 0, 0),
            Word::Failed { step, errno } => (3, step, errno),
            Word::NotExecuted { errno } => (4, 0, errno),
            Word::Broken { errno } => (5, 0, errno),
        };
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&u32::to_ne_bytes(tag));
        bytes[4..8].copy_from_slice(&u32::to_ne_bytes(a));
        bytes[8..].copy_from_slice(&i32::to_ne_bytes(b));
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Word> {
        let number = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let (step, errno) = (number(4)?, number(8)?.cast_signed());
        match number(0)? {
            0 => Some(Word::WantMaps),
            1 => Some(Word::Successor(step.cast_signed())),
            2 => Some(Word::Ready),
            3 => Some(Word::Failed { step, errno }),
            4 => Some(Word::NotExecuted { errno }),
            5 => Some(Word::Broken { errno }),
            _ => None,
        }
    }
}

/// The child's end of the channel.
struct Channel<'a>(&'a OwnedFd);

impl Channel<'_> {
    fn say(&self, word: Word) -> Result<(), i32> {
        let sent = send(self.0.as_raw_fd(), &word.bytes(), MsgFlags::MSG_NOSIGNAL);
        sent.map(drop).map_err(|_| 125)
    }

    /// Says why and ends.
    fn fail<T>(&self, word: Word) -> Result<T, i32> {
        self.say(word)?;
        Err(125)
    }

    fn check<T>(&self, result: nix::Result<T>) -> Result<T, i32> {
        match result {
            Ok(value) => Ok(value),
            Err(errno) => self.fail(Word::Broken {
                errno: errno as i32,
            }),
        }
    }

    /// Waits to be told to go on. If the parent is gone, so are we; what else is wrong is said, for an end without a word looks like that
    /// of the program.
    fn wait(&self) -> Result<(), i32> {
        let mut byte = [0];
        loop {
            match recv(self.0.as_raw_fd(), &mut byte, MsgFlags::empty()) {
                Ok(1) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => {
                    return self.fail(Word::Broken {
                        errno: errno as i32,
                    });
                }
                Ok(_) => return Err(125),
            }
        }
    }

    fn carry_out(&self, steps: &[Step], first: usize) -> Result<(), i32> {
        for (at, step) in steps.iter().enumerate() {
            if let Err(errno) = step.run() {
                let step = u32::try_from(first + at).unwrap_or(u32::MAX);
                return self.fail(Word::Failed {
                    step,
                    errno: errno as i32,
                });
            }
        }
        Ok(())
    }
}

/// The first process, from the fork on. The value is its exit code.
pub(super) fn first(plan: &Plan, channel: &OwnedFd, keep: &[RawFd]) -> i32 {
    code(begin(plan, &Channel(channel), keep))
}

/// A failed child has said why, and ends with the code it carries.
fn code(end: Result<i32, i32>) -> i32 {
    end.unwrap_or_else(|code| code)
}

fn begin(plan: &Plan, channel: &Channel<'_>, keep: &[RawFd]) -> Result<i32, i32> {
    channel.check(sys::close_all_but(keep))?;
    channel.carry_out(&plan.enter, 0)?;
    if plan.maps {
        channel.say(Word::WantMaps)?;
        channel.wait()?;
    }
    if !plan.second {
        return inside(plan, channel);
    }
    let successor = channel.check(sys::fork_again(true, || code(succeed(plan, channel))))?;
    channel.say(Word::Successor(successor.as_raw()))?;
    Ok(0)
}

/// Not a word before the parent knows who speaks.
fn succeed(plan: &Plan, channel: &Channel<'_>) -> Result<i32, i32> {
    channel.wait()?;
    inside(plan, channel)
}

/// The process that is in all its namespaces.
fn inside(plan: &Plan, channel: &Channel<'_>) -> Result<i32, i32> {
    channel.carry_out(&plan.inside, plan.enter.len())?;
    if plan.die_with_parent {
        channel.check(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL))?;
    }
    channel.say(Word::Ready)?;
    channel.wait()?;
    match plan.init {
        true => init(plan, channel),
        false => become_program(plan, channel),
    }
}

fn become_program(plan: &Plan, channel: &Channel<'_>) -> Result<i32, i32> {
    channel.check(sys::close_on_exec())?;
    channel.check(fresh_signals())?;
    let errno = plan.command.exec();
    channel.say(Word::NotExecuted {
        errno: errno as i32,
    })?;
    Err(i32::from(super::command::exit_code(errno)))
}

/// A program begins with no signal blocked, and dies of a closed pipe, which Rust programs do not.
fn fresh_signals() -> nix::Result<()> {
    SigSet::empty().thread_set_mask()?;
    sys::default_signals(&[Signal::SIGPIPE])
}

/// Process 1 of a PID namespace: forwards signals, reaps whatever ends, ends with the program, and everything else with it.
fn init(plan: &Plan, channel: &Channel<'_>) -> Result<i32, i32> {
    channel.check(sys::default_signals(&[Signal::SIGCHLD]))?;
    let inbox = channel.check(signals::Inbox::open(&SigSet::all()))?;
    let program = channel.check(sys::fork_again(false, || {
        code(become_program(plan, channel))
    }))?;
    // Whoever reads the program's output is not kept waiting by us, and the parent sees the channel close.
    channel.check(sys::close_all_but(&[inbox.as_fd().as_raw_fd()]))?;
    for fd in 0..3 {
        let _ = nix::unistd::close(fd);
    }
    let _ = nix::unistd::chdir(c"/");
    let _ = nix::sys::prctl::set_name(c"vetch-init");
    loop {
        inbox.forward(|signal| {
            let _ = nix::sys::signal::kill(program, signal);
        });
        if let Some(code) = signals::reap(program) {
            return Ok(code);
        }
    }
}

/// Enters and executes in the calling process.
pub(super) fn in_place(plan: &Plan) -> Error {
    for step in plan.enter.iter().chain(&plan.inside) {
        if let Err(errno) = step.run() {
            return super::parent::step_error(&plan.op, &step.act, errno);
        }
    }
    if let Err(errno) = sys::close_on_exec().and_then(|()| fresh_signals()) {
        return Error::system(&*plan.op, errno);
    }
    let errno = plan.command.exec();
    plan.command.error(errno)
}

/// A process that continues the work of the first.
pub(super) fn successor(pid: i32) -> Pid {
    Pid::from_raw(pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_word_survives_the_channel() {
        for word in [
            Word::WantMaps,
            Word::Successor(4321),
            Word::Ready,
            Word::Failed { step: 7, errno: 13 },
            Word::NotExecuted { errno: 2 },
            Word::Broken { errno: 1 },
        ] {
            assert_eq!(Word::parse(&word.bytes()), Some(word));
            assert_eq!(Word::parse(&word.bytes()[..11]), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            let _ = Word::parse(&bytes);
        }
    }
}
