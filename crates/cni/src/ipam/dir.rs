//! The files of one network's leases. Nothing here follows a symbolic link.
//!
//! A file is made under its own name (O_EXCL) and then written, as the reference does it: the lock keeps others out meanwhile, and no
//! file system lacks it. What a process that was killed in between leaves is an empty file, which is no lease.

use super::lock::{self, Lock};
use crate::error::{Code, Error, Result};
use nix::libc;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

const GONE_MEANWHILE: usize = 100;
/// No lease comes near.
const LONGEST: u64 = 4096;

/// The directory, locked.
#[derive(Debug)]
pub(super) struct Dir {
    path: PathBuf,
    _lock: Lock,
}

/// What is under the name of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Free,
    /// A file without a word: its maker was killed.
    Unfinished,
    Taken,
}

/// A file and when it was written.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) bytes: Vec<u8>,
    pub(super) modified: Option<SystemTime>,
}

pub(super) fn io_error(what: &str, path: &Path, why: &io::Error) -> Error {
    Error::new(Code::Io, format!("cannot {what} {}: {why}", path.display()))
}

fn refused(what: &str, path: &Path, why: &str) -> Error {
    Error::new(Code::Io, format!("cannot {what} {}: {why}", path.display()))
}

/// That it is a file.
pub(super) fn check_file(path: &Path, found: &Metadata) -> Result<()> {
    match found.is_file() {
        true => Ok(()),
        false => Err(refused("use", path, "it is no file")),
    }
}

impl Dir {
    /// Makes the directory if need be, and locks it.
    pub(super) fn open(path: &Path, limit: Duration) -> Result<Dir> {
        let end = Instant::now() + limit;
        for _ in 0..GONE_MEANWHILE {
            if let Some(dir) = Dir::lock(path, end)? {
                return Ok(dir);
            }
            let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
            made.map_err(|err| io_error("make directory", path, &err))?;
        }
        Err(refused("use", path, "it keeps vanishing"))
    }

    /// `None` if it is not there.
    pub(super) fn open_existing(path: &Path, limit: Duration) -> Result<Option<Dir>> {
        Dir::lock(path, Instant::now() + limit)
    }

    fn lock(path: &Path, end: Instant) -> Result<Option<Dir>> {
        match fs::symlink_metadata(path) {
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(io_error("use", path, &err)),
            Ok(found) => check_dir(path, &found)?,
        }
        let lock = lock::take(&path.join("lock"), end)?;
        Ok(lock.map(|lock| Dir {
            path: path.to_owned(),
            _lock: lock,
        }))
    }

    fn at(&self, name: impl ToString) -> PathBuf {
        self.path.join(name.to_string())
    }

    /// What lies at an address.
    pub(super) fn place(&self, address: IpAddr) -> Result<Place> {
        let path = self.at(address);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.len() == 0 => Ok(Place::Unfinished),
            Ok(_) => Ok(Place::Taken),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(Place::Free),
            Err(err) => Err(io_error("look for", &path, &err)),
        }
    }

    /// `None` if there is no such file.
    pub(super) fn read(&self, name: impl ToString) -> Result<Option<Found>> {
        let path = self.at(name);
        let fail = |err| io_error("read", &path, &err);
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let mut options = OpenOptions::new();
        let file = match options.read(true).custom_flags(flags).open(&path) {
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(fail)?,
        };
        let found = file.metadata().map_err(fail)?;
        check_file(&path, &found)?;
        let (mut bytes, modified) = (Vec::new(), found.modified().ok());
        let read = file.take(LONGEST).read_to_end(&mut bytes);
        read.map_err(fail)?;
        Ok(Some(Found { bytes, modified }))
    }

    /// Makes a file that is not there yet.
    pub(super) fn create(&self, name: impl ToString, text: &str) -> Result<()> {
        let path = self.at(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o644).open(&path);
        let mut file = file.map_err(|err| io_error("write", &path, &err))?;
        file.write_all(text.as_bytes()).map_err(|err| {
            let _ = fs::remove_file(&path);
            io_error("write", &path, &err)
        })
    }

    /// Writes a file, whether it is there or not. Who is killed meanwhile leaves it empty or old.
    pub(super) fn replace(&self, name: impl ToString, text: &str) -> Result<File> {
        let path = self.at(name);
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o644);
        let options = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let written = options.open(&path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            Ok(file)
        });
        written.map_err(|err| io_error("write", &path, &err))
    }

    /// One that is not there counts as removed.
    pub(super) fn remove(&self, name: impl ToString) -> Result<()> {
        let path = self.at(name);
        match fs::remove_file(&path) {
            Err(err) if err.kind() != ErrorKind::NotFound => Err(io_error("remove", &path, &err)),
            _ => Ok(()),
        }
    }

    /// Puts what is called `from` in the place of `to`.
    pub(super) fn rename(&self, from: impl ToString, to: impl ToString) -> Result<()> {
        let from = self.at(from);
        let renamed = fs::rename(&from, self.at(to));
        renamed.map_err(|err| io_error("rename", &from, &err))
    }

    /// Makes a symbolic link to an address. File systems without such links do without.
    pub(super) fn link(&self, name: impl ToString, to: IpAddr) -> Result<()> {
        let path = self.at(name);
        match std::os::unix::fs::symlink(to.to_string(), &path) {
            Err(err) if has_no_links(&err) => Ok(()),
            linked => linked.map_err(|err| io_error("write", &path, &err)),
        }
    }

    /// Where a symbolic link leads; `None` if there is no such link.
    pub(super) fn target(&self, name: impl ToString) -> Result<Option<String>> {
        let path = self.at(name);
        match fs::read_link(&path) {
            Ok(target) => Ok(Some(target.to_string_lossy().into_owned())),
            Err(err) if matches!(err.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                Ok(None)
            }
            Err(err) => Err(io_error("read", &path, &err)),
        }
    }

    /// All names. It costs the more the more leases there are, and nothing else here does.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let fail = |err| io_error("list", &self.path, &err);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fail)? {
            names.push(
                entry
                    .map_err(fail)?
                    .file_name()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
        #[cfg(test)]
        tests::LISTED.with(|listed| listed.set(listed.get() + names.len()));
        Ok(names)
    }
}

fn check_dir(path: &Path, found: &Metadata) -> Result<()> {
    let us = nix::unistd::geteuid().as_raw();
    if !found.is_dir() {
        return Err(refused("use", path, "it is no directory"));
    }
    if found.uid() != us && found.uid() != 0 {
        let why = format!("it belongs to user {}, not to us (user {us})", found.uid());
        return Err(refused("use", path, &why));
    }
    match found.mode() & 0o002 {
        0 => Ok(()),
        _ => {
            let why = format!("anybody may write to it (mode {:o})", found.mode() & 0o7777);
            Err(refused("use", path, &why))
        }
    }
}

fn has_no_links(err: &io::Error) -> bool {
    let known = [libc::EPERM, libc::EOPNOTSUPP, libc::ENOSYS];
    err.raw_os_error().is_some_and(|code| known.contains(&code))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::cell::Cell;
    use std::os::unix::fs::{PermissionsExt, symlink};

    thread_local! {
        /// How many names this thread has read from directories.
        pub(in crate::ipam) static LISTED: Cell<usize> = const { Cell::new(0) };
    }

    const SOON: Duration = Duration::from_millis(50);

    #[test]
    fn files_and_directories_have_the_modes_of_the_reference() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        assert!(Dir::open_existing(&path, SOON).unwrap().is_none());
        let dir = Dir::open(&path, SOON).unwrap();
        dir.create("10.1.0.2", "c\r\neth0").unwrap();
        dir.replace("last", "10.1.0.2").unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(
            (mode(path.clone()), mode(base.path().join("a"))),
            (0o755, 0o755)
        );
        assert_eq!(
            (mode(dir.at("10.1.0.2")), mode(dir.at("last"))),
            (0o644, 0o644)
        );
        assert_eq!(mode(dir.at("lock")), 0o600);
    }

    #[test]
    fn links_in_the_way_are_refused_and_what_they_lead_to_stays() {
        let base = tempfile::tempdir().unwrap();
        let (real, link) = (base.path().join("real"), base.path().join("link"));
        let dir = Dir::open(&real, SOON).unwrap();
        symlink(&real, &link).unwrap();
        let why = Dir::open(&link, SOON).unwrap_err().msg;
        assert!(why.ends_with("link: it is no directory"), "{why}");
        let outside = base.path().join("outside");
        fs::write(&outside, "kept").unwrap();
        for name in ["10.1.0.2", "last"] {
            symlink(&outside, dir.at(name)).unwrap();
        }
        assert_eq!(
            dir.place("10.1.0.2".parse().unwrap()).unwrap(),
            Place::Taken
        );
        assert!(dir.read("10.1.0.2").is_err() && dir.create("10.1.0.2", "x").is_err());
        assert!(dir.replace("last", "x").is_err());
        assert_eq!(fs::read_to_string(outside).unwrap(), "kept");
    }

    #[test]
    fn a_directory_that_anybody_may_write_to_is_refused() {
        let base = tempfile::tempdir().unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let why = Dir::open(base.path(), SOON).unwrap_err().msg;
        assert!(why.ends_with("anybody may write to it (mode 777)"), "{why}");
        let file = base.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Dir::open(&file, SOON).is_err() && Dir::open_existing(&file, SOON).is_err());
    }

    #[test]
    fn what_is_no_file_or_link_is_told_from_one() {
        let base = tempfile::tempdir().unwrap();
        let dir = Dir::open(&base.path().join("n"), SOON).unwrap();
        fs::create_dir(dir.at("10.1.0.2")).unwrap();
        assert!(dir.read("10.1.0.2").is_err());
        assert_eq!(dir.target("10.1.0.2").unwrap(), None);
        assert_eq!(
            dir.place("10.1.0.2".parse().unwrap()).unwrap(),
            Place::Taken
        );
        assert_eq!(dir.place("10.1.0.3".parse().unwrap()).unwrap(), Place::Free);
        fs::write(dir.at("10.1.0.3"), "").unwrap();
        assert_eq!(
            dir.place("10.1.0.3".parse().unwrap()).unwrap(),
            Place::Unfinished
        );
        fs::write(dir.at("long"), vec![b'a'; 1 << 20]).unwrap();
        assert_eq!(dir.read("long").unwrap().unwrap().bytes.len(), 4096);
    }
}
