//! Notes: small records that a front end keeps of its own, with the same care as ours and apart from them.
//!
//! ```text
//! RUN/.FRONT/<cookie>/NETWORK/NAME                    what is noted
//! RUN/.FRONT/<cookie>/NETWORK/.NAME.lock              while somebody is at it
//! ```

use crate::error::{Error, Result};
use crate::file;
use crate::host::Host;
use crate::lock::{self, Lock};
use crate::name::{Key, NetworkName};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const GONE_MEANWHILE: usize = 100;

/// The notes of one front end about the namespace we work on.
///
/// ```no_run
/// use bridge::{AttachmentId, Host, Key};
/// # fn main() -> bridge::Result<()> {
/// let notes = Host::open()?.notes("cni");
/// let (network, id) = ("blue".parse()?, AttachmentId::new("cni", "web")?);
/// let note = notes.lock(&Key { network, id, ifname: "net1".parse().unwrap() })?;
/// note.write(b"what is to be known when the container goes")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Notes {
    base: PathBuf,
    lock_timeout: Duration,
}

/// The note about one attachment, held by one process at a time; free again when it is dropped.
pub struct Note {
    dirs: [PathBuf; 3],
    name: String,
    /// Left before the directories are tidied.
    lock: Option<Lock>,
}

impl Host {
    /// The notes of a front end, by the word that its ids begin with.
    pub fn notes(&self, front: &str) -> Notes {
        let store = &self.engine.store;
        let run = store.base.parent().unwrap_or(&store.base);
        Notes {
            base: run.join(format!(".{front}")).join(store.here.to_string()),
            lock_timeout: store.lock_timeout,
        }
    }
}

impl Notes {
    fn dir(&self, network: &NetworkName) -> PathBuf {
        self.base.join(network.as_str())
    }

    /// The note about an attachment, which need not be there yet, locked.
    ///
    /// # Errors
    /// [`Error::is_locked`] if somebody holds it for too long; what the file system said.
    pub fn lock(&self, key: &Key) -> Result<Note> {
        let front = self.base.parent().unwrap_or(&self.base);
        let dirs = [
            self.dir(&key.network),
            self.base.clone(),
            front.to_path_buf(),
        ];
        let name = key.host_end().to_string();
        let path = lock_path(&dirs[0], &name);
        for _ in 0..GONE_MEANWHILE {
            let run = front.parent().into_iter();
            let made = run.chain(dirs.iter().rev().map(PathBuf::as_path));
            let made = made.map(file::need_dir).collect::<Result<Vec<()>>>();
            let what = key.to_string();
            match made.and_then(|_| lock::take(&path, &what, self.lock_timeout)) {
                Err(err) if err.is_not_found() => {} // the last note was removed between two steps
                taken => {
                    let lock = Some(taken?);
                    return Ok(Note { dirs, name, lock });
                }
            }
        }
        let why = format!("{} keeps vanishing", dirs[0].display());
        Err(Error::missing(format!("lock {key}"), why))
    }

    /// What is noted about the attachments of a network, in no order that means anything.
    ///
    /// # Errors
    /// A directory or a file that is not ours alone; what the file system said.
    pub fn of_network(&self, network: &NetworkName) -> Result<Vec<Vec<u8>>> {
        let dir = self.dir(network);
        if !file::has_dir(&dir)? {
            return Ok(Vec::new());
        }
        let names = file::names(&dir)?.into_iter();
        let read = names.map(|name| file::read(&dir.join(name)));
        read.filter_map(Result::transpose).collect()
    }
}

fn lock_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!(".{name}.lock"))
}

impl Note {
    fn path(&self) -> PathBuf {
        self.dirs[0].join(&self.name)
    }

    /// What was noted.
    ///
    /// # Errors
    /// A file that is not ours alone; what the file system said.
    pub fn read(&self) -> Result<Option<Vec<u8>>> {
        file::read(&self.path())
    }

    /// Notes something, in place of what was noted, whole or not at all.
    ///
    /// # Errors
    /// What the file system said.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        file::write(&self.path(), bytes)
    }

    /// Forgets it; what was not noted counts as forgotten.
    ///
    /// # Errors
    /// What the file system said.
    pub fn forget(&self) -> Result<()> {
        file::remove(&self.path())
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Note").field(&self.path()).finish()
    }
}

/// The lock's file goes while it is held, so that nobody else's is removed; directories go if they are empty.
impl Drop for Note {
    fn drop(&mut self) {
        let _ = file::remove(&lock_path(&self.dirs[0], &self.name));
        self.lock.take();
        if self.path().exists() {
            return;
        }
        let run = self.dirs[2].parent().into_iter();
        for dir in self.dirs.iter().map(PathBuf::as_path).chain(run) {
            let _ = std::fs::remove_dir(dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::AttachmentId;
    use std::os::unix::fs::PermissionsExt;

    fn notes(dir: &Path) -> Notes {
        Notes {
            base: dir.join("run/.cni/7"),
            lock_timeout: Duration::from_millis(30),
        }
    }

    fn key(name: &str) -> Key {
        Key {
            network: "blue".parse().unwrap(),
            id: AttachmentId::new("cni", name).unwrap(),
            ifname: "net1".parse().unwrap(),
        }
    }

    #[test]
    fn what_is_noted_is_found_until_it_is_forgotten_and_the_last_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let notes = notes(dir.path());
        let blue = "blue".parse().unwrap();
        assert_eq!(notes.of_network(&blue).unwrap(), [b""; 0]);
        for name in ["a", "b"] {
            let note = notes.lock(&key(name)).unwrap();
            assert_eq!(note.read().unwrap(), None);
            note.write(name.as_bytes()).unwrap();
        }
        let mut all = notes.of_network(&blue).unwrap();
        all.sort();
        assert_eq!(all, [b"a", b"b"]);
        assert!(
            notes
                .of_network(&"red".parse().unwrap())
                .unwrap()
                .is_empty()
        );
        notes.lock(&key("a")).unwrap().forget().unwrap();
        let last = notes.lock(&key("b")).unwrap();
        assert_eq!(last.read().unwrap().as_deref(), Some(b"b".as_slice()));
        last.forget().unwrap();
        last.forget().unwrap();
        drop(last);
        assert!(!dir.path().join("run").exists());
    }

    #[test]
    fn notes_are_ours_alone_and_hidden_from_who_lists_records() {
        let dir = tempfile::tempdir().unwrap();
        let note = notes(dir.path()).lock(&key("a")).unwrap();
        note.write(b"x").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let run = dir.path().join("run");
        assert_eq!(mode(&note.path()), 0o600);
        assert_eq!(mode(&run.join(".cni/7/blue")), 0o700);
        assert_eq!(file::names(&run).unwrap(), [""; 0]);
        let target = dir.path().join("elsewhere");
        std::fs::rename(note.path(), &target).unwrap();
        std::os::unix::fs::symlink(&target, note.path()).unwrap();
        assert!(note.read().is_err(), "a link is not followed");
    }

    #[test]
    fn one_process_at_a_time_is_at_a_note() {
        let dir = tempfile::tempdir().unwrap();
        let notes = notes(dir.path());
        let held = notes.lock(&key("a")).unwrap();
        assert!(notes.lock(&key("a")).unwrap_err().is_locked());
        drop((notes.lock(&key("b")).unwrap(), held));
        notes.lock(&key("a")).unwrap();
    }

    #[test]
    fn many_come_and_go_at_once_and_none_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let mut notes = notes(dir.path());
        notes.lock_timeout = Duration::from_secs(10);
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let notes = &notes;
                scope.spawn(move || {
                    for _ in 0..50 {
                        let note = notes.lock(&key(name)).unwrap();
                        note.write(name.as_bytes()).unwrap();
                        drop(note);
                        notes.lock(&key(name)).unwrap().forget().unwrap();
                    }
                });
            }
        });
        assert!(!dir.path().join("run").exists());
    }
}
