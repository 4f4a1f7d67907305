//! Locks: one for what networks share, one per network, taken in this order. Waiting is bounded and the error names the holder.

use crate::error::{Error, Result};
use crate::file;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const WAITING_AT_MOST: usize = 64;
/// Before one for whom there is no place looks again.
const PAUSE: Duration = Duration::from_millis(10);

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Lock(Option<File>);

impl Lock {
    /// What a process that goes on holding the lock must keep open.
    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        self.0.as_ref().map(|lock| lock.as_raw_fd())
    }

    /// Lets go of it here only: a child that kept the descriptor holds it on. (Dropping unlocks for both.)
    pub(crate) fn leave(mut self) {
        self.0.take();
    }
}

impl Drop for Lock {
    /// Where unlocking is refused, closing unlocks.
    fn drop(&mut self) {
        let _ = self.0.take().map(|lock| lock.unlock());
    }
}

/// Takes a lock, waiting at most `limit`. `what` completes "cannot lock ...".
pub(crate) fn take(path: &Path, what: &str, limit: Duration) -> Result<Lock> {
    let end = Instant::now() + limit;
    loop {
        if let Some(lock) = take_until(path, what, end)? {
            return Ok(lock);
        }
        if Instant::now() >= end {
            return Err(busy(path, what, limit));
        }
    }
}

/// `None` if somebody holds it, or if it was removed meanwhile together with its network.
pub(crate) fn try_take(path: &Path, what: &str) -> Result<Option<Lock>> {
    take_until(path, what, Instant::now())
}

/// `None` as well if waiting was broken off before the end.
fn take_until(path: &Path, what: &str, end: Instant) -> Result<Option<Lock>> {
    let (file, ours) = file::open_lock(path)?;
    let locked = match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => wait(file, end),
        Err(TryLockError::Error(err)) => Err(err),
    };
    match locked {
        Err(err) if err.kind() == ErrorKind::Interrupted => Ok(None),
        Err(err) => Err(Error::file(format!("lock {what}"), err)),
        Ok(locked) => Ok(locked.and_then(|file| signed(file, path, ours))),
    }
}

/// The kernel wakes those who wait one by one, in the order they came; it knows no limit, so that a thread waits for it. `None` if it
/// was not to be had; after the end the thread lives on until it is woken.
fn wait(file: File, end: Instant) -> io::Result<Option<File>> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(None);
    }
    let Some(place) = Place::take() else {
        thread::sleep(PAUSE.min(left));
        return Ok(None);
    };
    let (done, locked) = mpsc::channel();
    let waiting = thread::Builder::new().spawn(move || {
        let _place = place;
        let _ = done.send(file.lock().map(|()| file));
    })?;
    let Ok(locked) = locked.recv_timeout(left) else {
        return Ok(None);
    };
    let _ = waiting.join(); // it has nothing left to do
    locked.map(Some)
}

/// One of the places in which threads may wait: a lock that is held for hours fills no process with threads.
struct Place;

static WAITING: AtomicUsize = AtomicUsize::new(0);

impl Place {
    fn take() -> Option<Place> {
        let taken = WAITING.fetch_add(1, Ordering::Relaxed);
        let place = Place;
        (taken < WAITING_AT_MOST).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// With our number in it, if the file locked is still the one at that path.
fn signed(file: File, path: &Path, ours: u64) -> Option<Lock> {
    let lock = Lock(Some(file));
    let is_there = fs::metadata(path).is_ok_and(|found| found.ino() == ours);
    if is_there {
        lock.0.iter().for_each(sign);
    }
    Some(lock).filter(|_| is_there)
}

/// Best effort: the number is only for the words of an error.
fn sign(file: &File) {
    let _ = file.write_all_at(format!("{:10}", std::process::id()).as_bytes(), 0);
}

fn busy(path: &Path, what: &str, limit: Duration) -> Error {
    let mut text = String::new();
    let read = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
    let pid = read.ok().and_then(|_| text.trim().parse::<u32>().ok());
    let holder = pid.map_or_else(|| "another process".to_owned(), describe);
    Error::locked(format!("lock {what}"), holder, limit)
        .with_hint("wait for it, or give more time with --lock-timeout")
}

fn describe(pid: u32) -> String {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("process {pid} ({})", name.trim().escape_debug()),
        Err(_) => format!("a child of process {pid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[test]
    fn who_waits_too_long_learns_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = take(&path, "network `blue`", SOON).unwrap();
        let err = take(&path, "network `blue`", SOON).unwrap_err();
        assert!(err.is_locked());
        let text = format!("{err:?}");
        assert!(
            text.contains(&format!("process {}", std::process::id())),
            "{text}"
        );
        drop(held);
        take(&path, "network `blue`", SOON).unwrap();
    }

    #[test]
    fn who_waits_gets_it_when_it_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = take(&path, "it", SOON).unwrap();
        let gone = take(&path, "it", SOON).unwrap_err(); // its thread waits on, and must not keep what it gets
        assert!(gone.is_locked());
        thread::scope(|scope| {
            let waiters =
                [(); 80].map(|()| scope.spawn(|| take(&path, "it", 100 * SOON).map(drop)));
            thread::sleep(SOON);
            drop(held);
            for waiter in waiters {
                waiter.join().unwrap().unwrap();
            }
        });
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_not_taken_for_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = take(&path, "it", SOON).unwrap();
        fs::remove_file(&path).unwrap();
        let new = take(&path, "it", SOON).unwrap();
        drop(held);
        assert!(take(&path, "it", SOON).is_err());
        drop(new);
    }
}
