//! Threads that may be moved between network namespaces, so that nobody else's thread ever is.
//!
//! Each calling thread keeps its workers between calls: a handful of microseconds instead of a thread start. A worker always goes
//! home before it answers; one that cannot go home ends itself.

use crate::{Error, Kind, Namespace, Result, lent};
use nix::sched::setns;
use nix::sys::signal::SigSet;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

/// Runs on the worker; tells whether the thread is home again.
type Job = Box<dyn FnOnce(&Namespace) -> bool + Send>;

struct Worker {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
    born: Place,
}

/// Where the calling thread was when the worker inherited its surroundings. After a fork there is no worker, hence the process number.
#[derive(PartialEq)]
struct Place {
    process: u32,
    net: u64,
    mnt: u64,
}

const KEPT: usize = 4;

thread_local! {
    static IDLE: RefCell<Vec<Worker>> = const { RefCell::new(Vec::new()) };
}

/// Runs a closure on a thread that it may move to any network namespace. A panic in it continues in the caller.
pub(crate) fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    if lent::may_move() {
        return lent::run(work);
    }
    let worker = take()?;
    let (answer, answered) = mpsc::channel();
    let job = move |home: &Namespace| {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        let restored = setns(home, Kind::Net.flag()).is_ok();
        answer.send((outcome, restored)).is_ok() && restored
    };
    let outcome = match worker.jobs.send(Box::new(job)) {
        Ok(()) => answered.recv().ok(),
        Err(_) => None,
    };
    finish(worker, outcome)
}

type Outcome<T> = (Result<T, Box<dyn Any + Send>>, bool);

/// An unrestored thread is waited for, so that it no longer holds the namespace when the caller goes on.
fn finish<T>(worker: Worker, outcome: Option<Outcome<T>>) -> Result<T> {
    match outcome {
        Some((_, true)) => put_back(worker),
        _ => {
            drop(worker.jobs);
            let _ = worker.thread.join();
        }
    }
    match outcome {
        Some((Ok(value), _)) => Ok(value),
        Some((Err(panic), _)) => resume_unwind(panic),
        None => Err(Error::missing(
            "work in another network namespace",
            "the worker thread ended early",
        )),
    }
}

fn put_back(worker: Worker) {
    IDLE.with_borrow_mut(|idle| {
        if idle.len() < KEPT {
            idle.push(worker);
        }
    });
}

fn take() -> Result<Worker> {
    let here = Place::current()?;
    let idle = IDLE.with_borrow_mut(|idle| {
        idle.retain(|worker| worker.born == here);
        idle.pop()
    });
    idle.map_or_else(|| spawn(here), Ok)
}

fn spawn(born: Place) -> Result<Worker> {
    let home = Namespace::current(Kind::Net)?;
    let (jobs, queue) = mpsc::channel::<Job>();
    let body = move || {
        let _ = SigSet::all().thread_block(); // signals are for the caller's threads
        while let Ok(job) = queue.recv() {
            if !job(&home) {
                return;
            }
        }
    };
    let thread = thread::Builder::new()
        .name("netns".into())
        .spawn(body)
        .map_err(|err| Error::system("start a thread", err))?;
    Ok(Worker { jobs, thread, born })
}

impl Place {
    fn current() -> Result<Place> {
        Ok(Place {
            process: std::process::id(),
            net: inode(Kind::Net)?,
            mnt: inode(Kind::Mnt)?,
        })
    }
}

fn inode(kind: Kind) -> Result<u64> {
    let path = format!("/proc/thread-self/ns/{kind}");
    let stat = nix::sys::stat::stat(&*path)
        .map_err(|errno| Error::system(format!("look at {path}"), errno))?;
    Ok(stat.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thread_answers_again_and_nested_calls_do_not_wait_for_each_other() {
        let first = run(|| thread::current().id()).unwrap();
        let again = run(|| thread::current().id()).unwrap();
        assert_eq!(first, again);
        let (outer, inner) = run(|| {
            (
                thread::current().id(),
                run(|| thread::current().id()).unwrap(),
            )
        })
        .unwrap();
        assert_ne!(outer, inner);
    }

    #[test]
    fn a_panic_continues_in_the_caller_and_the_worker_survives() {
        let first = run(|| thread::current().id()).unwrap();
        let panic = catch_unwind(|| run(|| panic!("told"))).unwrap_err();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "told");
        assert_eq!(run(|| thread::current().id()).unwrap(), first);
    }
}
