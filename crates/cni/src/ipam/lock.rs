//! The lock of a directory of leases: the file `lock`, by flock, as the reference takes it; waiting is bounded.
//!
//! Nothing is written into the file: the reference takes each file of the directory for a lease that may be.

use super::dir::{check_file, io_error};
use crate::error::{Code, Error, Result};
use nix::libc;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Between two tries, at first and at most. The reference holds the lock for about a millisecond.
const PAUSES: [Duration; 2] = [Duration::from_micros(250), Duration::from_millis(8)];

/// Held until dropped: closing the file unlocks it.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// Takes the lock at `path`, waiting until `end`. `None` if the file was removed meanwhile, with its directory.
///
/// # Errors
///
/// That the directory is not there, as `NotFound`; everything else as it is shown to the user.
pub(super) fn take(path: &Path, end: Instant) -> Result<Option<Lock>> {
    let fail = |err| io_error("open", path, &err);
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let options = options
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = match options.open(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(fail)?,
    };
    let ours = file.metadata().map_err(fail)?;
    check_file(path, &ours)?;
    wait(&file, path, end)?;
    let is_there = fs::symlink_metadata(path).is_ok_and(|found| found.ino() == ours.ino());
    Ok(is_there.then_some(Lock(file)))
}

fn wait(file: &File, path: &Path, end: Instant) -> Result<()> {
    let [mut pause, longest] = PAUSES;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(err)) if err.kind() != io::ErrorKind::Interrupted => {
                return Err(io_error("lock", path, &err));
            }
            Err(_) if Instant::now() >= end => return Err(busy(path)),
            Err(_) => thread::sleep(pause),
        }
        pause = longest.min(2 * pause);
    }
}

fn busy(path: &Path) -> Error {
    let path = path.display();
    let why = format!("cannot lock {path}: another process holds it");
    Error::new(Code::TryAgain, why).with_details(format!("`fuser -v {path}` names the process"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[test]
    fn who_waits_too_long_may_try_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = take(&path, soon()).unwrap().unwrap();
        let err = take(&path, soon()).unwrap_err();
        assert_eq!(err.code, Code::TryAgain);
        assert!(err.msg.contains(path.to_str().unwrap()), "{err}");
        drop(held);
        take(&path, soon()).unwrap().unwrap();
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = take(&path, soon()).unwrap().unwrap();
        thread::scope(|scope| {
            let waiter =
                scope.spawn(|| take(&path, Instant::now() + Duration::from_secs(5)).unwrap());
            thread::sleep(Duration::from_millis(20));
            fs::remove_file(&path).unwrap();
            fs::write(&path, "").unwrap();
            drop(held);
            assert!(waiter.join().unwrap().is_none(), "another file is there");
        });
        assert!(take(&dir.path().join("no/lock"), soon()).unwrap().is_none());
    }

    #[test]
    fn what_is_no_file_is_not_locked() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link, fifo) = ["real", "link", "fifo"]
            .map(|name| dir.path().join(name))
            .into();
        fs::write(&real, b"").unwrap();
        symlink(&real, &link).unwrap();
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [&link, &fifo] {
            assert!(take(path, soon()).is_err(), "{}", path.display());
        }
    }
}
