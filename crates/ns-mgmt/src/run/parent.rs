//! The parent's end: serve the child while it makes its namespaces, start it, wait for it.

use super::Act;
use super::child::{self, Word};
use super::plan::Plan;
use super::signals::{self, HeldSignals, Inbox};
use crate::idmap::{self, MapText};
use crate::{Error, Kind, Namespace, NetNs, Result, sys, userns};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// A process in its namespaces, waiting to become the program, or being it.
///
/// Dropped before it was started, it is ended; dropped later, it runs on.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    process: OwnedFd,
    /// Closed once it is started.
    channel: Option<OwnedFd>,
    /// "run `nginx`".
    op: String,
    not_executed: Vec<(i32, Error)>,
    code: Option<i32>,
}

/// Forks and serves the child until it is ready.
pub(super) fn spawn(plan: &Plan, maps: Option<&MapText>) -> Result<Child> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let pair = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags);
    let (ours, theirs) = pair.map_err(|errno| Error::system(&*plan.op, errno))?;
    let mut keep: Vec<_> = plan.descriptors().map(|fd| fd.as_raw_fd()).collect();
    keep.push(theirs.as_raw_fd());
    keep.sort_unstable();
    let first = sys::fork(|| child::first(plan, &theirs, &keep))
        .map_err(|errno| Error::system(&*plan.op, errno))?;
    drop(theirs);
    let mut nursery = Nursery {
        plan,
        channel: ours,
        main: first,
        first: None,
    };
    match nursery.serve(maps) {
        Ok(process) => nursery.grown_up(process),
        Err(err) => {
            nursery.end();
            Err(err)
        }
    }
}

/// A child that is not ready yet.
struct Nursery<'a> {
    plan: &'a Plan,
    channel: OwnedFd,
    /// The process that goes on.
    main: Pid,
    /// The one that left its work to it.
    first: Option<Pid>,
}

impl Nursery<'_> {
    fn serve(&mut self, maps: Option<&MapText>) -> Result<OwnedFd> {
        loop {
            match self.hear()? {
                Some(Word::WantMaps) => self.write_maps(maps)?,
                Some(Word::Successor(pid)) => {
                    self.first = Some(std::mem::replace(&mut self.main, child::successor(pid)));
                    self.reap_first();
                    self.go()?;
                }
                Some(Word::Ready) => return self.process(),
                Some(word) => return Err(failure(self.plan, word)),
                None => {
                    return Err(Error::missing(
                        &*self.plan.op,
                        "the new process ended before it was ready",
                    ));
                }
            }
        }
    }

    fn write_maps(&self, maps: Option<&MapText>) -> Result<()> {
        let Some(maps) = maps else {
            return Err(Error::missing(
                &*self.plan.op,
                "a user map that nobody asked for is wanted",
            ));
        };
        idmap::write(&self.main.to_string(), maps)
            .map_err(|(file, errno)| userns::map_error(&self.plan.op, &file, errno))?;
        self.go()
    }

    fn go(&self) -> Result<()> {
        go(&self.channel).map_err(|errno| Error::system(&*self.plan.op, errno))
    }

    fn process(&self) -> Result<OwnedFd> {
        // Our own child, not reaped yet: its number cannot mean another.
        sys::pidfd_open(self.main.as_raw().unsigned_abs())
            .map_err(|errno| Error::system(&*self.plan.op, errno))
    }

    /// The next word, or none if it ended: a successor that nobody told of holds the channel open, and waits for us.
    fn hear(&self) -> Result<Option<Word>> {
        let process = self.process()?;
        let awaited = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = [self.channel.as_fd(), process.as_fd()].map(awaited);
        loop {
            match poll(&mut fds, PollTimeout::NONE) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Error::system(&*self.plan.op, errno)),
                Ok(_) if fds[0].any().unwrap_or(false) => {
                    return hear(&self.channel, &self.plan.op);
                }
                Ok(_) => return Ok(None),
            }
        }
    }

    fn grown_up(self, process: OwnedFd) -> Result<Child> {
        let not_executed = [Errno::ENOENT, Errno::EACCES, Errno::ENOEXEC]
            .map(|errno| (errno as i32, self.plan.command.error(errno)));
        Ok(Child {
            pid: self.main,
            process,
            channel: Some(self.channel),
            op: self.plan.op.clone(),
            not_executed: not_executed.into(),
            code: None,
        })
    }

    fn reap_first(&mut self) {
        if let Some(first) = self.first.take() {
            reap(first);
        }
    }

    /// Ends what there is of it.
    fn end(mut self) {
        let _ = nix::sys::signal::kill(self.main, Signal::SIGKILL);
        reap(self.main);
        self.reap_first();
    }
}

fn reap(pid: Pid) {
    while waitpid(pid, None) == Err(Errno::EINTR) {}
}

fn go(channel: &OwnedFd) -> nix::Result<()> {
    send(channel.as_raw_fd(), &[1], MsgFlags::MSG_NOSIGNAL).map(drop)
}

/// The next word, or none if the channel closed.
fn hear(channel: &OwnedFd, op: &str) -> Result<Option<Word>> {
    let mut bytes = [0; 12];
    loop {
        match recv(channel.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(None),
            Ok(length) => return Ok(Word::parse(&bytes[..length])),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::system(op, errno)),
        }
    }
}

fn failure(plan: &Plan, word: Word) -> Error {
    match word {
        Word::Failed { step, errno } => match plan.step(step as usize) {
            Some(step) => step_error(&plan.op, &step.act, Errno::from_raw(errno)),
            None => Error::system(&*plan.op, Errno::from_raw(errno)),
        },
        Word::Broken { errno } | Word::NotExecuted { errno } => {
            Error::system(&*plan.op, Errno::from_raw(errno))
        }
        _ => Error::missing(&*plan.op, "the new process spoke out of turn"),
    }
}

/// Which step failed, and what may be done about it.
pub(crate) fn step_error(op: &str, act: &Act, errno: Errno) -> Error {
    let op = format!("{op}: {act}");
    match act {
        Act::Unshare(kinds) if kinds.contains(CloneFlags::CLONE_NEWUSER) => {
            userns::unshare_error(&op, errno)
        }
        Act::Unshare(_) | Act::Join(_) if errno == Errno::EPERM => Error::system(op, errno)
            .with_hint(
                "this needs root (CAP_SYS_ADMIN), a new user namespace, or `vetch sandbox -- CMD`",
            ),
        Act::Mount(mount) if mount.kind == Some(c"proc") && errno == Errno::EPERM => Error::system(
            op, errno,
        )
        .with_hint(
            "parts of /proc are covered here, as in most containers; use the host's PID namespace",
        ),
        _ => Error::system(op, errno),
    }
}

impl Child {
    /// Its number; of the small init, if its PID namespace is new.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// The namespace of a kind it is in.
    pub fn namespace(&self, kind: Kind) -> Result<Namespace> {
        Namespace::open_pid(kind, self.pid())
    }

    /// The network namespace it is in.
    pub fn netns(&self) -> Result<NetNs> {
        NetNs::open_pid(self.pid())
    }

    /// Lets it become the program, and returns when it is. If it cannot, [`Error::exit_code`] says 126 or 127.
    pub fn start(&mut self) -> Result<()> {
        let Some(channel) = self.channel.take() else {
            return Ok(());
        };
        let told = go(&channel).map_err(|errno| Error::system(&*self.op, errno));
        match told.and_then(|()| hear(&channel, &self.op)) {
            Ok(None) => Ok(()),
            Ok(Some(word)) => {
                reap(self.pid);
                self.code = Some(125);
                Err(self.failure(word))
            }
            Err(err) => {
                self.end();
                Err(err)
            }
        }
    }

    fn failure(&mut self, word: Word) -> Error {
        let errno = match word {
            Word::NotExecuted { errno } => errno,
            Word::Failed { errno, .. } | Word::Broken { errno } => {
                return Error::system(&*self.op, Errno::from_raw(errno));
            }
            _ => return Error::missing(&*self.op, "the new process spoke out of turn"),
        };
        match self
            .not_executed
            .iter()
            .position(|(known, _)| *known == errno)
        {
            Some(at) => self.not_executed.swap_remove(at).1,
            None => Error::system(&*self.op, Errno::from_raw(errno)).with_exit_code(126),
        }
    }

    /// Waits until it ends and returns its exit code, 128 + n if signal n ended it.
    ///
    /// Meanwhile the signals this thread receives are passed on to it, and the terminal comes back to us at the end.
    pub fn wait(&mut self) -> Result<i32> {
        if let Some(code) = self.code {
            return Ok(code);
        }
        let terminal = Terminal::ours();
        let held = HeldSignals::new()?;
        let inbox = Inbox::of_held().map_err(|errno| Error::system(&*self.op, errno))?;
        while !self.ended(&inbox)? {
            inbox.forward_or_stop(|signal| {
                let _ = sys::pidfd_send_signal(self.process.as_fd(), signal as i32);
            });
        }
        terminal.take_back();
        drop(held);
        self.collect()
    }

    /// Waits for its end or a signal to us.
    fn ended(&self, inbox: &Inbox) -> Result<bool> {
        let events = PollFlags::POLLIN;
        let mut fds = [
            PollFd::new(self.process.as_fd(), events),
            PollFd::new(inbox.as_fd(), events),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => Ok(fds[0].any().unwrap_or(false)),
            Err(Errno::EINTR) => Ok(false),
            Err(errno) => Err(Error::system(&*self.op, errno)),
        }
    }

    /// Its exit code if it has ended.
    pub fn try_wait(&mut self) -> Result<Option<i32>> {
        if self.code.is_none() {
            let status = waitpid(self.pid, Some(WaitPidFlag::WNOHANG));
            self.code =
                signals::exit_code(status.map_err(|errno| Error::system(&*self.op, errno))?);
        }
        Ok(self.code)
    }

    fn collect(&mut self) -> Result<i32> {
        loop {
            match waitpid(self.pid, None) {
                Err(Errno::EINTR) => {}
                Err(errno) => {
                    return Err(Error::system(
                        format!("learn how to {} ended", self.op),
                        errno,
                    ));
                }
                Ok(status) => {
                    let code = signals::exit_code(status).unwrap_or(125);
                    self.code = Some(code);
                    return Ok(code);
                }
            }
        }
    }

    /// Sends it a signal by number, signal(7). Fails with ESRCH once it has ended.
    pub fn signal(&self, signal: i32) -> Result<()> {
        sys::pidfd_send_signal(self.process.as_fd(), signal)
            .map_err(|errno| Error::system(format!("send it signal {signal}"), errno))
    }

    fn end(&mut self) {
        let _ = sys::pidfd_send_signal(self.process.as_fd(), Signal::SIGKILL as i32);
        reap(self.pid);
        self.code = Some(128 + Signal::SIGKILL as i32);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.channel.take().is_some() {
            self.end();
        }
    }
}

/// The terminal, if our process group has it.
struct Terminal(bool);

impl Terminal {
    fn ours() -> Terminal {
        Terminal(tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == getpgrp()))
    }

    /// A shell inside may have given it to a group that is no more. While SIGTTOU is blocked, taking it does not stop us.
    fn take_back(self) {
        if self.0 && !Terminal::ours().0 {
            let ttou: SigSet = [Signal::SIGTTOU].into_iter().collect();
            if let Ok(before) = ttou.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK) {
                let _ = tcsetpgrp(std::io::stdin(), getpgrp());
                let _ = before.thread_set_mask();
            }
        }
    }
}
