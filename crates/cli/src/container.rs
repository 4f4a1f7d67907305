//! Running containers by name: one file each, locked by the `vetch run` that waits for the container's end.
//!
//! While the lock is held the process number in the file is the container's and nobody else's: `vetch run` has not reaped it.

use crate::failure::Failure;
use nix::errno::Errno;
use nix::libc::O_NOFOLLOW;
use nix::unistd::{AccessFlags, access, geteuid};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{env, fmt};

/// A container's name: 1 to 63 of `a-z A-Z 0-9 _ . -`, beginning with a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let rest = text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        match first && rest && text.len() <= 63 {
            true => Ok(Name(text.to_owned())),
            false => Err(
                "right is 1 to 63 of `a-z A-Z 0-9 _ . -`, beginning with a letter or a digit"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// For a container that was given none: no other living process has our number.
    pub(crate) fn unique() -> Name {
        Name(format!("c{}", std::process::id()))
    }
}

/// What a file says of its container.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    version: u32,
    pid: u32,
}

const VERSION: u32 = 1;

/// A name that is ours until this is dropped.
pub(crate) struct Claim {
    path: PathBuf,
    file: File,
}

/// Takes a name. One whose container has ended is free.
pub(crate) fn claim(name: &Name) -> Result<Claim, Failure> {
    let tried = |error: &io::Error| {
        Failure::new(format!("cannot name a container `{name}`")).with_cause(error)
    };
    let path = made_directory()
        .map_err(|error| tried(&error))?
        .join(name.as_str());
    // Each turn, somebody who had the name has let it go.
    for _ in 0..100 {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(O_NOFOLLOW)
            .open(&path);
        let file = file.map_err(|error| tried(&error))?;
        match lock(&file) {
            Ok(()) if still_named(&file, &path) => {
                let claim = Claim { path, file };
                claim.file.set_len(0).map_err(|error| tried(&error))?;
                return Ok(claim);
            }
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let taken = Failure::new(format!(
                    "cannot name a container `{name}`: one of that name is running"
                ));
                return Err(taken.hint(format!("`vetch exec {name} -- CMD` runs something in it")));
            }
            Err(TryLockError::Error(error)) => return Err(tried(&error)),
        }
    }
    Err(tried(&Errno::EBUSY.into()))
}

/// Tries twice: without the lock a file that was made a moment ago cannot be removed, for it may be somebody else's by now.
fn lock(file: &File) -> Result<(), TryLockError> {
    match file.try_lock() {
        Err(TryLockError::Error(_)) => file.try_lock(),
        tried => tried,
    }
}

impl Claim {
    /// From now on the container is found by its name.
    pub(crate) fn record(&mut self, pid: u32) -> Result<(), Failure> {
        let text = serde_json::to_string(&Record {
            version: VERSION,
            pid,
        })
        .map_err(io::Error::from);
        let written = text.and_then(|text| self.file.write_all(text.as_bytes()));
        written.map_err(|error| {
            Failure::new(format!("cannot write {}", self.path.display())).with_cause(&error)
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Tried twice; a file that stays is unlocked, so it says nothing, and `gc` removes it.
        let _ = fs::remove_file(&self.path).or_else(|_| fs::remove_file(&self.path));
        let _ = self.file.unlock(); // of its children too
    }
}

/// The process number of a running container.
pub(crate) fn find(name: &Name) -> Result<u32, Failure> {
    let tried = Failure::new(format!("cannot find container `{name}`"));
    match read(name) {
        Ok(Some(record)) if record.version > VERSION => Err(tried
            .because("a newer vetch started it")
            .hint("use that one")),
        Ok(Some(record)) => Ok(record.pid),
        Ok(None) => Err(missing(tried, name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(tried, name)),
        Err(error) => Err(tried.with_cause(&error)),
    }
}

fn missing(tried: Failure, name: &Name) -> Failure {
    let failure = tried.because("none of that name is running");
    let is_namespace = name
        .as_str()
        .parse()
        .is_ok_and(|name| ns_mgmt::NetNs::open_name(&name).is_ok());
    match is_namespace {
        true => failure.hint(format!("the network namespace of that name is written `ns:{name}`")),
        false => failure.hint("`vetch run --name NAME` names a container; a process is written `pid:N`, a network namespace `ns:NAME`"),
    }
}

fn read(name: &Name) -> io::Result<Option<Record>> {
    let mut file = File::options()
        .read(true)
        .custom_flags(O_NOFOLLOW)
        .open(directory()?.join(name.as_str()))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Ok(serde_json::from_str(&text).ok()),
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => Ok(None),
    }
}

/// Removes the files of containers whose `vetch run` was killed; says which.
pub(crate) fn clear_ended() -> Result<Vec<String>, Failure> {
    each_ended(|path| fs::remove_file(path))
}

/// The containers whose `vetch run` was killed.
pub(crate) fn ended() -> Result<Vec<String>, Failure> {
    each_ended(|_| Ok(()))
}

fn each_ended(act: impl Fn(&Path) -> io::Result<()>) -> Result<Vec<String>, Failure> {
    let tried = |error: io::Error| {
        Failure::new("cannot clear the records of containers").with_cause(&error)
    };
    let mut ended = Vec::new();
    // Where no directory can be, no container was started.
    let entries = match directory().map(fs::read_dir) {
        Ok(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(tried(error)),
        Ok(Ok(entries)) => entries,
        _ => return Ok(ended),
    };
    for entry in entries.flatten() {
        let Ok(file) = File::options()
            .read(true)
            .custom_flags(O_NOFOLLOW)
            .open(entry.path())
        else {
            continue;
        };
        if file.try_lock().is_ok() && still_named(&file, &entry.path()) {
            act(&entry.path()).map_err(tried)?;
            ended.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    ended.sort();
    Ok(ended)
}

/// Whoever had the lock before us may have removed the file we opened.
fn still_named(file: &File, path: &Path) -> bool {
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let ours = file.metadata().map(id).ok();
    ours.is_some() && ours == fs::symlink_metadata(path).map(id).ok()
}

/// `/run/vetch/containers`, for those who cannot write to `/run` below `$XDG_RUNTIME_DIR`.
fn directory() -> io::Result<PathBuf> {
    Ok(root()?.join("vetch/containers"))
}

/// The directory, made if missing, refused if others can write to it.
fn made_directory() -> io::Result<PathBuf> {
    let directory = directory()?;
    for path in directory.parent().into_iter().chain([&*directory]) {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let text = format!("make {}: {error}", path.display());
                return Err(io::Error::new(error.kind(), text));
            }
            _ => check(path)?,
        }
    }
    Ok(directory)
}

fn root() -> io::Result<PathBuf> {
    if geteuid().is_root() && access("/run", AccessFlags::W_OK).is_ok() {
        return Ok("/run".into());
    }
    let own = env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute());
    own.ok_or_else(|| io::Error::other("/run cannot be written to, and XDG_RUNTIME_DIR is not set"))
}

fn check(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let ours = found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    match ours {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "{} is not a directory that only we may write to",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_file_names_and_host_names() {
        for good in ["web", "a", "Web-1.b_c"] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "-a",
            "a/b",
            "a b",
            "a\u{1b}",
            "ä",
            &"a".repeat(64),
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
