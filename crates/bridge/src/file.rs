//! Files that only we may have written: directories 0700, files 0600, no symbolic link followed, written whole or not at all.

use crate::error::{Error, Result};
use nix::libc;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const DRAFT: &str = ".draft";
static US: OnceLock<u32> = OnceLock::new(); // nobody changes it in a process that keeps records
const LONGEST: u64 = 1 << 20; // no record of ours comes near

/// Makes a directory and its parents, and checks that the last one is ours alone.
pub(crate) fn make_dir(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|err| Error::file(format!("make directory {}", path.display()), err))?;
    check_dir(path)
}

/// The same for one that is mostly there already.
pub(crate) fn need_dir(path: &Path) -> Result<()> {
    match has_dir(path)? {
        true => Ok(()),
        false => make_dir(path),
    }
}

/// Whether a directory is there; an error if it is not ours alone.
pub(crate) fn has_dir(path: &Path) -> Result<bool> {
    find_dir(path).map(|found| found.is_some())
}

/// Whether a directory is there with all these in it; an error if it is not ours alone, and then what is in it is, too.
///
/// Most file systems count the directories in one as links, which saves looking for each; where they do not, or there are others,
/// each is looked for.
pub(crate) fn has_dirs(path: &Path, parts: &[&str]) -> Result<bool> {
    let Some(found) = find_dir(path)? else {
        return Ok(false);
    };
    if found.nlink() == 2 + parts.len() as u64 {
        return Ok(true);
    }
    let missing = parts.iter().map(|part| has_dir(&path.join(part)));
    let missing = missing.collect::<Result<Vec<_>>>()?;
    Ok(!missing.contains(&false))
}

fn check_dir(path: &Path) -> Result<()> {
    match has_dir(path)? {
        true => Ok(()),
        false => Err(Error::file(
            format!("use directory {}", path.display()),
            nix::errno::Errno::ENOENT,
        )),
    }
}

fn find_dir(path: &Path) -> Result<Option<Metadata>> {
    let op = || format!("use directory {}", path.display());
    let found = match fs::symlink_metadata(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(|err| Error::file(op(), err))?,
    };
    match found.is_dir() {
        true => check_owner(op, &found).map(|()| Some(found)),
        false => Err(Error::record(op(), "it is not a directory")),
    }
}

fn check_owner(op: impl Fn() -> String, found: &Metadata) -> Result<()> {
    let us = *US.get_or_init(|| nix::unistd::geteuid().as_raw());
    if found.uid() != us {
        let why = format!("it belongs to user {}, not to us (user {us})", found.uid());
        return Err(Error::record(op(), why));
    }
    match found.mode() & 0o022 {
        0 => Ok(()),
        _ => Err(Error::record(
            op(),
            format!("others may write to it (mode {:o})", found.mode() & 0o7777),
        )),
    }
}

/// Whether anything has this name; an error if the kernel does not say.
pub(crate) fn is_there(path: &Path) -> Result<bool> {
    let there = path.try_exists();
    there.map_err(|err| Error::file(format!("look for {}", path.display()), err))
}

/// What a file holds; `None` if it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let op = || format!("read {}", path.display());
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(Error::file(op(), err)),
        Ok(file) => file,
    };
    let found = file.metadata().map_err(|err| Error::file(op(), err))?;
    if !found.is_file() || found.len() > LONGEST {
        return Err(Error::record(op(), "it is no record of ours"));
    }
    check_owner(op, &found)?;
    let bytes = read_all(&file, found.len() as usize);
    bytes.map(Some).map_err(|err| Error::file(op(), err))
}

/// Records are replaced, never written to, so that the size is known; a read that leaves room in the buffer was the last.
fn read_all(mut file: &File, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size + 1];
    let mut len = 0;
    while len < bytes.len() {
        match file.read(&mut bytes[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
            Err(err) => return Err(err),
        }
        if len == size {
            break;
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// Replaces a file in one step: whoever reads finds the old or the new, never a part. One process at a time, which a lock sees to.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_in(path.parent().unwrap_or(Path::new("/")), path, bytes)
}

/// The same, with the draft in a directory where it will be looked for.
pub(crate) fn write_in(drafts: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |err| Error::file(format!("write {}", path.display()), err);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = drafts.join(format!(".{name}{DRAFT}"));
    let written = write_draft(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    written.map_err(|err| {
        let _ = fs::remove_file(&draft);
        fail(err)
    })
}

fn write_draft(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let options = options.custom_flags(libc::O_NOFOLLOW);
    anew(draft, || options.open(draft))?.write_all(bytes)
}

/// Makes something under a name that only a killed process can have used: what it left is removed.
fn anew<T>(draft: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match make() {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(draft)?;
            make()
        }
        made => made,
    }
}

/// Removes what processes that were killed had not finished writing in a directory; the names that are left, sorted.
pub(crate) fn remove_drafts(dir: &Path) -> Result<Vec<String>> {
    let (hidden, mut left): (Vec<_>, Vec<_>) = all_names(dir)?
        .into_iter()
        .partition(|name| name.starts_with('.'));
    let mut drafts = hidden.iter().filter(|name| name.ends_with(DRAFT));
    drafts.try_for_each(|name| remove(&dir.join(name)))?;
    left.sort();
    Ok(left)
}

/// Opens a file to lock, making it if need be; and its inode.
pub(crate) fn open_lock(path: &Path) -> Result<(File, u64)> {
    let op = || format!("open {}", path.display());
    let mut options = OpenOptions::new();
    let options = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let file = options
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    let file = file.map_err(|err| Error::file(op(), err))?;
    let found = file.metadata().map_err(|err| Error::file(op(), err))?;
    check_owner(op, &found)?;
    Ok((file, found.ino()))
}

/// Removes a file; one that is not there counts as removed.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => {
            Err(Error::file(format!("remove {}", path.display()), err))
        }
        _ => Ok(()),
    }
}

/// So often a directory is emptied.
const EMPTIED: usize = 8;

/// Removes a directory with all that is in it; symbolic links are removed, not followed. Whoever waits for a lock in it may make its file
/// anew meanwhile.
pub(crate) fn remove_tree(path: &Path) -> Result<()> {
    let mut tries = 1;
    loop {
        match fs::remove_dir_all(path) {
            Err(err) if err.kind() == io::ErrorKind::DirectoryNotEmpty && tries < EMPTIED => {
                tries += 1;
            }
            Err(err) if err.kind() != io::ErrorKind::NotFound => {
                return Err(Error::file(format!("remove {}", path.display()), err));
            }
            _ => return Ok(()),
        }
    }
}

/// Notes a name. A directory, because most file systems count those: see [`marks`].
pub(crate) fn mark(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(err) if err.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::file(format!("write {}", path.display()), err))
        }
        _ => Ok(()),
    }
}

/// Removes what [`mark`] noted; one that is not there counts as removed.
pub(crate) fn unmark(path: &Path) -> Result<()> {
    match fs::remove_dir(path) {
        Err(err) if err.kind() == io::ErrorKind::NotADirectory => remove(path),
        Err(err) if err.kind() != io::ErrorKind::NotFound => {
            Err(Error::file(format!("remove {}", path.display()), err))
        }
        _ => Ok(()),
    }
}

/// How many names are noted in a directory, by its number of links; listed where the file system does not count them.
pub(crate) fn marks(dir: &Path) -> Result<u64> {
    let links = find_dir(dir)?.map_or(2, |found| found.nlink());
    match links.checked_sub(2) {
        Some(count) => Ok(count),
        None => Ok(names(dir)?.len() as u64),
    }
}

/// Takes the name `path` for `holder`; who has it already, if it is taken.
pub(crate) fn reserve(path: &Path, holder: &str) -> Result<Option<String>> {
    match std::os::unix::fs::symlink(holder, path) {
        Ok(()) => Ok(None),
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {
            Ok(Some(holder_of(path)?.unwrap_or_default()))
        }
        Err(err) => Err(Error::file(format!("write {}", path.display()), err)),
    }
}

/// Who took a name, if anybody did. What is no symbolic link is nobody's.
pub(crate) fn holder_of(path: &Path) -> Result<Option<String>> {
    use io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    match fs::read_link(path) {
        Ok(holder) => Ok(Some(holder.to_string_lossy().into_owned())),
        Err(err) if matches!(err.kind(), NotFound | NotADirectory | InvalidInput) => Ok(None),
        Err(err) => Err(Error::file(format!("read {}", path.display()), err)),
    }
}

/// Gives a name back if `holder` has it.
pub(crate) fn release(path: &Path, holder: &str) -> Result<()> {
    match holder_of(path)?.as_deref() == Some(holder) {
        true => remove(path),
        false => Ok(()),
    }
}

/// The names in a directory, sorted, without those that are hidden; none if it is not there.
pub(crate) fn names(path: &Path) -> Result<Vec<String>> {
    let mut names = all_names(path)?;
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

fn all_names(path: &Path) -> Result<Vec<String>> {
    let fail = |err| Error::file(format!("list {}", path.display()), err);
    let entries = match fs::read_dir(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(fail)?,
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        Ok(entry
            .map_err(fail)?
            .file_name()
            .to_string_lossy()
            .into_owned())
    };
    entries.map(name).collect()
}

/// `path/name`, for names that are checked already.
pub(crate) fn at(path: &Path, name: impl std::fmt::Display) -> PathBuf {
    path.join(name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_record_is_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        make_dir(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        let file = path.join("claim");
        assert_eq!(read(&file).unwrap(), None);
        write(&file, b"one").unwrap();
        write(&file, b"two").unwrap();
        assert_eq!(read(&file).unwrap().unwrap(), b"two");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(names(&path).unwrap(), ["claim"]);
    }

    #[test]
    fn what_was_not_finished_is_no_record_and_can_be_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let record = dir.path().join("claim");
        fs::write(dir.path().join(".claim.draft"), b"par").unwrap();
        assert_eq!(names(dir.path()).unwrap(), [""; 0]);
        write(&record, b"whole").unwrap();
        assert_eq!(read(&record).unwrap().unwrap(), b"whole");
        fs::write(dir.path().join(".claim.draft"), b"par").unwrap();
        remove_drafts(dir.path()).unwrap();
        assert_eq!(all_names(dir.path()).unwrap(), ["claim"]);
        remove_drafts(&dir.path().join("nowhere")).unwrap();
    }

    #[test]
    fn links_and_files_that_others_may_write_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        write(&real, b"x").unwrap();
        symlink(&real, &link).unwrap();
        assert!(read(&link).is_err() && open_lock(&link).is_err());
        symlink(dir.path(), dir.path().join("dir")).unwrap();
        assert!(make_dir(&dir.path().join("dir")).is_err());
        fs::set_permissions(&real, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(format!("{:?}", read(&real).unwrap_err()).contains("others may write"));
    }

    /// Five files for each tree, which is emptied eight times at most.
    #[test]
    fn a_tree_goes_though_somebody_makes_a_lock_in_it_anew() {
        let dir = tempfile::tempdir().unwrap();
        for tree in 0..50 {
            let tree = dir.path().join(tree.to_string());
            fs::create_dir(&tree).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| (0..5).for_each(|n| drop(fs::write(tree.join(n.to_string()), b""))));
                remove_tree(&tree).unwrap();
            });
            let _ = fs::remove_dir_all(&tree);
        }
    }

    #[test]
    fn a_fifo_in_place_of_a_record_does_not_hang() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("claim");
        nix::unistd::mkfifo(
            &fifo,
            nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR,
        )
        .unwrap();
        assert!(read(&fifo).is_err());
    }

    #[test]
    fn a_name_is_taken_once_and_given_back_by_its_holder_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("10.0.0.2");
        assert_eq!(reserve(&path, "vtpa").unwrap(), None);
        assert_eq!(reserve(&path, "vtpb").unwrap().as_deref(), Some("vtpa"));
        release(&path, "vtpb").unwrap();
        assert_eq!(holder_of(&path).unwrap().as_deref(), Some("vtpa"));
        release(&path, "vtpa").unwrap();
        assert_eq!(holder_of(&path).unwrap(), None);
    }
}
