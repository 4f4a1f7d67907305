//! Program files that are this binary under the name of a plugin: told from others, made and removed.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A line that only builds of this binary have in them: by it one knows its earlier versions, which no inode and no content tells.
#[used]
static MARK: [u8; 67] = *b"\nvetch cni plugin 3f8a9c1be4d7463fa5e20b7716c9d8e2b4a1057cd96e31f8\n";
const LONGEST: u64 = 1 << 30; // bytes of a file that is looked at

/// How a plugin's file is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A hard link, or a copy where there cannot be one.
    Link,
    /// A symbolic link.
    Symlink,
    /// A copy.
    Copy,
}

/// What lies under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// This binary, or a link that leads to it.
    This,
    /// Another version of it, or a link to one.
    Ours,
    Other,
}

/// This binary.
pub(super) struct Binary {
    path: PathBuf,
    found: Metadata,
}

impl Binary {
    pub(super) fn running() -> io::Result<Binary> {
        Binary::at(std::env::current_exe()?)
    }

    fn at(path: PathBuf) -> io::Result<Binary> {
        let found = fs::metadata(&path)?;
        Ok(Binary { path, found })
    }

    /// What lies at a path. A link that leads nowhere is ours if it leads to where this binary is or was.
    pub(super) fn look(&self, at: &Path) -> io::Result<Found> {
        let is_missing = |err: &io::Error| err.kind() == ErrorKind::NotFound;
        let found = match fs::metadata(at) {
            Err(err) if is_missing(&err) => {
                return match fs::read_link(at) {
                    Ok(target) if target == self.path => Ok(Found::Ours),
                    Ok(_) => Ok(Found::Other),
                    Err(err) if is_missing(&err) => Ok(Found::Nothing),
                    Err(err) => Err(err),
                };
            }
            found => found?,
        };
        if (found.dev(), found.ino()) == (self.found.dev(), self.found.ino()) {
            return Ok(Found::This);
        }
        match found.is_file() && is_marked(at)? {
            true => Ok(Found::Ours),
            false => Ok(Found::Other),
        }
    }

    /// Whether a file that is this binary is one in this way already.
    pub(super) fn is_made(&self, at: &Path, way: Way) -> io::Result<bool> {
        let is_link = fs::symlink_metadata(at)?.is_symlink();
        let is_this = self.look(at)? == Found::This;
        Ok(is_this && is_link == (way == Way::Symlink) && way != Way::Copy)
    }

    /// Puts this binary under a name, in the place of what is there. Whoever starts it finds the old or the new. The way it was done.
    pub(super) fn put(&self, at: &Path, way: Way) -> io::Result<Way> {
        let name = at.file_name().unwrap_or_default().to_string_lossy();
        let draft = at.with_file_name(format!(".{name}.draft"));
        match fs::remove_file(&draft) {
            Err(err) if err.kind() != ErrorKind::NotFound => return Err(err),
            _ => {} // only one that was killed leaves it
        }
        let made = match way {
            Way::Symlink => symlink(&self.path, &draft).map(|()| Way::Symlink),
            Way::Copy => self.copy(&draft).map(|()| Way::Copy),
            // Another file system, another owner, too many links: whatever it is, a copy does as well.
            Way::Link => match fs::hard_link(&self.path, &draft) {
                Ok(()) => Ok(Way::Link),
                Err(_) => self.copy(&draft).map(|()| Way::Copy),
            },
        };
        let put = made.and_then(|way| fs::rename(&draft, at).map(|()| way));
        put.inspect_err(|_| drop(fs::remove_file(&draft)))
    }

    fn copy(&self, to: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut copy = options.write(true).create_new(true).mode(0o755).open(to)?;
        io::copy(&mut File::open(&self.path)?, &mut copy)?;
        copy.set_permissions(fs::Permissions::from_mode(0o755))?;
        copy.sync_all()
    }
}

/// Whether a file is a program with our mark.
fn is_marked(path: &Path) -> io::Result<bool> {
    let mut head = [0; 4];
    let mut file = File::open(path)?;
    match file.read_exact(&mut head) {
        Err(err) if err.kind() == ErrorKind::UnexpectedEof => return Ok(false),
        read => read?,
    }
    if head != *b"\x7fELF" {
        return Ok(false);
    }
    let mut lines = BufReader::with_capacity(1 << 16, file.take(LONGEST));
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        if MARK.strip_prefix(b"\n") == Some(line.as_slice()) {
            return Ok(true);
        }
        line.clear();
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with a program that has the mark.
    fn binary() -> (PathBuf, Binary) {
        let name = std::thread::current()
            .name()
            .unwrap_or("t")
            .replace(':', "-");
        let directory = std::env::temp_dir().join(format!("vetch-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let program = directory.join("vetch");
        fs::write(&program, program_text("1")).unwrap();
        (directory, Binary::at(program).unwrap())
    }

    fn program_text(version: &str) -> Vec<u8> {
        [b"\x7fELF code ", version.as_bytes(), b"\0", &MARK, b"rest"].concat()
    }

    #[test]
    fn this_binary_has_the_mark() {
        assert!(is_marked(&std::env::current_exe().unwrap()).unwrap());
        assert!(!is_marked(Path::new("/bin/sh")).unwrap());
    }

    #[test]
    fn each_way_puts_a_file_that_is_known_again() {
        let (directory, binary) = binary();
        let at = directory.join("bridge");
        assert_eq!(binary.look(&at).unwrap(), Found::Nothing);
        for (way, found) in [
            (Way::Link, Found::This),
            (Way::Symlink, Found::This),
            (Way::Copy, Found::Ours),
            (Way::Link, Found::This),
        ] {
            assert_eq!(binary.put(&at, way).unwrap(), way);
            assert_eq!(binary.look(&at).unwrap(), found);
            assert_eq!(binary.is_made(&at, way).unwrap(), way != Way::Copy);
            let names: Vec<_> = fs::read_dir(&directory).unwrap().collect();
            assert_eq!(names.len(), 2, "no draft is left");
        }
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn an_earlier_version_is_ours_and_what_others_made_is_not() {
        let (directory, binary) = binary();
        let at = directory.join("bridge");
        fs::write(&at, program_text("0")).unwrap();
        assert_eq!(binary.look(&at).unwrap(), Found::Ours);
        let script = [b"#!/bin/sh\n", &MARK[..]].concat();
        for other in [&b""[..], b"\x7fE", b"\x7fELF another\nprogram\n", &script] {
            fs::write(&at, other).unwrap();
            assert_eq!(binary.look(&at).unwrap(), Found::Other);
        }
        fs::remove_file(&at).unwrap();
        fs::create_dir(&at).unwrap();
        assert_eq!(binary.look(&at).unwrap(), Found::Other);
        fs::remove_dir(&at).unwrap();
        for (target, found) in [
            ("/nowhere/vetch".into(), Found::Other),
            (binary.path.clone(), Found::Ours),
        ] {
            let _ = fs::remove_file(&at);
            symlink::<PathBuf, _>(target, &at).unwrap();
            let _ = fs::remove_file(&binary.path);
            assert_eq!(binary.look(&at).unwrap(), found);
        }
        fs::remove_dir_all(directory).unwrap();
    }
}
