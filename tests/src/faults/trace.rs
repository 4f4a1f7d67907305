//! A program stopped before and after each of its system calls, its children included, and killed or lied to there.
//!
//! All requests about a traced thread must come from the thread that traces it, so one trial lives on one thread.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::call::{self, Call};
use crate::exec::{Background, Output, Run};
use crate::node::Node;

/// A traced program that runs longer is killed, and the trial fails.
pub(super) const LIMIT: Duration = Duration::from_secs(40);
/// Before the words of a program: stops itself before it becomes the program.
pub(super) const STOPPED: [&str; 4] = ["sh", "-c", "kill -STOP $$; exec \"$@\"", "sh"];

/// On which side of a call a program is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The kernel has not looked at it.
    Before,
    /// It is done, and the program does not know.
    After,
}

/// What becomes of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It goes on.
    Go,
    /// The process that makes the call dies, with all its threads.
    Kill,
    /// All its processes die.
    KillAll,
    /// (before a call) The call is not made, and this is its answer.
    Fail(Errno),
}

/// Runs `argv` in the node; `judge` is asked at every call that matters. It returns when the last process has ended.
#[track_caller]
pub fn trace(node: &Node, argv: &[&str], judge: impl FnMut(&Call, When) -> Act) -> Output {
    let run = node.argv(&[&STOPPED, argv].concat());
    trace_run(run.env("LD_LIBRARY_PATH", ""), Programs::First, judge)
}

/// Which programs are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Programs {
    /// The first one and its forks.
    First,
    /// Those that they start, too.
    All,
}

/// The same for a program with an environment and input of its own, its words behind [`STOPPED`].
#[track_caller]
pub(super) fn trace_run(
    run: Run<'_>,
    programs: Programs,
    judge: impl FnMut(&Call, When) -> Act,
) -> Output {
    let mut started = run.background();
    started.feed();
    let root = Pid::from_raw(i32::try_from(started.pid()).expect("a process id"));
    let waiting = waitpid(root, Some(WaitPidFlag::WUNTRACED));
    assert!(
        matches!(waiting, Ok(WaitStatus::Stopped(..))),
        "the program did not stop: {waiting:?}"
    );
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(root, options).expect("trace the program");
    kill(root, Signal::SIGCONT).expect("let it go on");
    let mut tracer = Tracer::new(root, programs, judge);
    tracer.follow();
    ended(started, tracer.code)
}

fn ended(started: Background, code: Option<i32>) -> Output {
    let mut output = started.said_until_now();
    let before = STOPPED.join(" ").len() + 1;
    output.said = output.said.split_off(before);
    output.code = code.unwrap_or_else(|| panic!("no end of `{}` was seen", output.said));
    output
}

struct Tracer<J> {
    root: Pid,
    programs: Programs,
    judge: J,
    threads: BTreeMap<Pid, Thread>,
    /// Processes that run a program which is not the one under test, by now or still.
    others: BTreeSet<Pid>,
    killed: BTreeSet<Pid>,
    kill_all: bool,
    code: Option<i32>,
    watchdog: Watchdog,
}

struct Thread {
    process: Pid,
    inside: Option<Inside>,
}

/// A thread between the beginning and the end of a call.
struct Inside {
    call: Option<Call>,
    answer: Option<Errno>,
}

impl<J: FnMut(&Call, When) -> Act> Tracer<J> {
    fn new(root: Pid, programs: Programs, judge: J) -> Tracer<J> {
        let watchdog = Watchdog::start();
        watchdog.add(root);
        let thread = Thread {
            process: root,
            inside: None,
        };
        Tracer {
            root,
            programs,
            judge,
            threads: [(root, thread)].into(),
            others: [root].into(),
            killed: BTreeSet::new(),
            kill_all: false,
            code: None,
            watchdog,
        }
    }

    fn follow(&mut self) {
        let ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        while !self.threads.is_empty() {
            match waitpid(None, Some(ours)) {
                Ok(WaitStatus::PtraceSyscall(thread)) => self.at_call(thread),
                Ok(WaitStatus::PtraceEvent(thread, _, event)) => self.at_event(thread, event),
                Ok(WaitStatus::Stopped(thread, signal)) => go_on(thread, Some(signal)),
                Ok(WaitStatus::Exited(thread, code)) => self.end(thread, code),
                Ok(WaitStatus::Signaled(thread, signal, _)) => {
                    self.end(thread, 128 + signal as i32)
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => break,
                Err(errno) => panic!("wait for a traced program: {errno}"),
            }
        }
    }

    fn end(&mut self, thread: Pid, code: i32) {
        self.threads.remove(&thread);
        if thread == self.root {
            self.code = Some(code);
        }
    }

    fn at_event(&mut self, thread: Pid, event: i32) {
        match event {
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                if let Ok(new) = ptrace::getevent(thread) {
                    self.appear(Pid::from_raw(i32::try_from(new).expect("a process id")));
                }
            }
            // The first time it is the program under test, in a child it is what that one was asked to run.
            libc::PTRACE_EVENT_EXEC if thread == self.root => drop(self.others.remove(&thread)),
            libc::PTRACE_EVENT_EXEC if self.programs == Programs::First => {
                self.others.insert(thread);
            }
            libc::PTRACE_EVENT_EXEC => {}
            _ => self.appear(thread),
        }
        go_on(thread, None);
    }

    fn appear(&mut self, thread: Pid) {
        if self.threads.contains_key(&thread) {
            return;
        }
        let process = process_of(thread).unwrap_or(thread);
        self.watchdog.add(process);
        let new = Thread {
            process,
            inside: None,
        };
        self.threads.insert(thread, new);
        if self.kill_all {
            self.kill(process);
        }
    }

    fn at_call(&mut self, thread: Pid) {
        let Some(known) = self.threads.get_mut(&thread) else {
            self.appear(thread);
            return go_on(thread, None);
        };
        let process = known.process;
        let act = match known.inside.take() {
            None => self.before(thread, process),
            Some(inside) => self.after(thread, inside),
        };
        match act {
            Act::Kill => self.kill(process),
            Act::KillAll => {
                self.kill_all = true;
                let all: BTreeSet<Pid> =
                    self.threads.values().map(|thread| thread.process).collect();
                all.into_iter().for_each(|process| self.kill(process));
            }
            Act::Go | Act::Fail(_) => go_on(thread, None),
        }
    }

    fn before(&mut self, thread: Pid, process: Pid) -> Act {
        let regs = ptrace::getregs(thread).ok();
        let is_root = process == self.root;
        let call = regs
            .filter(|_| !self.others.contains(&process))
            .and_then(|regs| call::read(thread, process, is_root, &regs));
        let act = call
            .as_ref()
            .map_or(Act::Go, |call| (self.judge)(call, When::Before));
        let mut answer = None;
        if let (Act::Fail(errno), Some(mut regs)) = (act, regs) {
            regs.orig_rax = u64::MAX; // no such call
            answer = ptrace::setregs(thread, regs).is_ok().then_some(errno);
        }
        if let Some(known) = self.threads.get_mut(&thread) {
            known.inside = Some(Inside { call, answer });
        }
        act
    }

    fn after(&mut self, thread: Pid, inside: Inside) -> Act {
        if let (Some(errno), Ok(mut regs)) = (inside.answer, ptrace::getregs(thread)) {
            regs.rax = i64::from(-(errno as i32)) as u64;
            ptrace::setregs(thread, regs).expect("give a call an answer");
            return Act::Go;
        }
        inside
            .call
            .map_or(Act::Go, |call| (self.judge)(&call, When::After))
    }

    fn kill(&mut self, process: Pid) {
        if self.killed.insert(process) {
            let _ = kill(process, Signal::SIGKILL); // gone already is as good
        }
    }
}

/// A thread that was killed meanwhile is gone, which is no error.
fn go_on(thread: Pid, signal: Option<Signal>) {
    let signal = signal.filter(|signal| !matches!(signal, Signal::SIGTRAP | Signal::SIGSTOP));
    match ptrace::syscall(thread, signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => panic!("let thread {thread} go on: {errno}"),
    }
}

fn process_of(thread: Pid) -> Option<Pid> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok().map(Pid::from_raw)
}

/// Kills what is traced when it takes too long: the tracing thread itself waits in the kernel.
struct Watchdog {
    processes: Arc<Mutex<BTreeSet<Pid>>>,
    _stop: Sender<()>,
}

impl Watchdog {
    fn start() -> Watchdog {
        let processes = Arc::new(Mutex::new(BTreeSet::new()));
        let (watched, (stop, stopped)) = (Arc::clone(&processes), mpsc::channel());
        thread::spawn(move || {
            if stopped.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                for process in watched.lock().expect("the list of processes").iter() {
                    let _ = kill(*process, Signal::SIGKILL);
                }
            }
        });
        Watchdog {
            processes,
            _stop: stop,
        }
    }

    fn add(&self, process: Pid) {
        self.processes
            .lock()
            .expect("the list of processes")
            .insert(process);
    }
}
