//! Locks: one for what networks share, one per network, taken in this order. Waiting is bounded and the error names the holder.

use crate::error::{Error, Result};
use crate::file;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

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
    let (start, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        match try_take(path, what)? {
            Some(lock) => return Ok(lock),
            None if start.elapsed() >= limit => return Err(busy(path, what, limit)),
            None => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// `None` if somebody holds it, or if it was removed meanwhile together with its network.
pub(crate) fn try_take(path: &Path, what: &str) -> Result<Option<Lock>> {
    let (file, ours) = file::open_lock(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(err)) if err.kind() == ErrorKind::Interrupted => return Ok(None),
        Err(TryLockError::Error(err)) => return Err(Error::file(format!("lock {what}"), err)),
    }
    let lock = Lock(Some(file));
    let is_there = fs::metadata(path).is_ok_and(|found| found.ino() == ours);
    if is_there {
        lock.0.iter().for_each(sign);
    }
    Ok(Some(lock).filter(|_| is_there))
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
