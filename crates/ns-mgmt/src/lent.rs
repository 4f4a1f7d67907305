//! A thread that its owner lends: it enters network namespaces itself, and what a library must ask again for every call is asked once.

use crate::{Error, Kind, Namespace, Result, procfs};
use nix::sched::setns;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// What is known of the calling thread while it is lent.
#[derive(Clone)]
struct Ours {
    proc: Rc<OwnedFd>,
    home: Rc<Namespace>,
    /// Whether the kernel lets it come home again, which was tried.
    may_move: bool,
    away: bool,
}

thread_local! {
    static OURS: RefCell<Option<Ours>> = const { RefCell::new(None) };
}

/// The calling thread is lent until this is dropped; see [`lend_thread`].
#[derive(Debug)]
#[must_use = "the thread is lent until this is dropped"]
pub struct LentThread(PhantomData<*const ()>);

/// Lets this crate move the calling thread into other network namespaces. It is home again before each call returns.
///
/// For programs that own their process and end soon: it saves the start of a thread, which is more than all else that a look into a
/// namespace costs. While it is lent nobody else may move the thread, give it other mounts, or fork ([`RunSpec`](crate::RunSpec)
/// may: its child uses nothing of it). A thread that could not come home for want of privilege is not moved: others are started
/// for it, as if it were not lent. If `/proc` cannot be used, nothing changes.
///
/// ```no_run
/// let _lent = ns_mgmt::lend_thread();
/// let blue = ns_mgmt::NetNs::open(&"blue".parse()?)?;
/// println!("{}", blue.cookie()?); // no thread was started
/// # Ok::<(), ns_mgmt::Error>(())
/// ```
pub fn lend_thread() -> LentThread {
    OURS.set(look().ok());
    LentThread(PhantomData)
}

impl Drop for LentThread {
    fn drop(&mut self) {
        forget();
    }
}

/// A forked child has the same memory, but other descriptors and mounts.
pub(crate) fn forget() {
    OURS.set(None);
}

fn look() -> Result<Ours> {
    let proc = procfs::root("lend a thread")?;
    let home = Namespace::current_at(&proc, Kind::Net)?;
    Ok(Ours {
        proc,
        // The same question as on the way back: not every home lets in whom it let out.
        may_move: setns(&home, Kind::Net.flag()).is_ok(),
        home: Rc::new(home),
        away: false,
    })
}

fn ours() -> Option<Ours> {
    OURS.with_borrow(Clone::clone)
}

/// `/proc`, opened and checked when the thread was lent.
pub(crate) fn proc() -> Option<Rc<OwnedFd>> {
    ours().map(|ours| ours.proc)
}

/// The network namespace the thread is in, if that is known without asking.
pub(crate) fn home() -> Option<Rc<Namespace>> {
    ours().filter(|ours| !ours.away).map(|ours| ours.home)
}

/// Whether the calling thread itself can do what would need another.
pub(crate) fn may_move() -> bool {
    ours().is_some_and(|ours| ours.may_move && !ours.away)
}

/// Runs a closure that may move the calling thread, and brings it home. A panic in it goes on afterwards.
pub(crate) fn run<T>(work: impl FnOnce() -> T) -> Result<T> {
    let Some(home) = home() else {
        return Err(Error::invalid("move a thread", "it is not lent"));
    };
    set_away(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    // If this fails the thread stays "away": from then on its place is looked at again, and nothing is done at the wrong one.
    setns(&*home, Kind::Net.flag())
        .map_err(|errno| Error::system("come back to the own network namespace", errno))?;
    set_away(false);
    outcome.map_or_else(|panic| resume_unwind(panic), Ok)
}

fn set_away(away: bool) {
    OURS.with_borrow_mut(|ours| {
        if let Some(ours) = ours {
            ours.away = away;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NetNs;

    #[test]
    fn a_lent_thread_knows_where_it_is_and_forgets_it_when_it_is_given_back() {
        let lent = lend_thread();
        let here = NetNs::current().unwrap();
        assert!(here.is_current().unwrap() && home().is_some() && proc().is_some());
        drop(lent);
        assert!(home().is_none() && proc().is_none() && !may_move());
        assert!(here.is_current().unwrap());
    }

    #[test]
    fn another_thread_is_not_lent() {
        let _lent = lend_thread();
        assert!(std::thread::spawn(|| proc().is_none()).join().unwrap());
    }
}
