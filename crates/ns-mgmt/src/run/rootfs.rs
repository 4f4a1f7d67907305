//! Another root directory, with what every program expects in it: `/proc`, `/sys`, a small `/dev`.

use super::command::text;
use super::plan::{proc_at, sys_at};
use super::{Act, Choices, Flags, Mount, Step};
use crate::{Error, Result};
use nix::mount::MsFlags;
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};

const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// What is mounted in every root, and must be there as a directory.
const MOUNT_POINTS: [&str; 3] = ["dev", "proc", "sys"];

const LINKS: [(&CStr, &str); 5] = [
    (c"pts/ptmx", "ptmx"),
    (c"/proc/self/fd", "fd"),
    (c"/proc/self/fd/0", "stdin"),
    (c"/proc/self/fd/1", "stdout"),
    (c"/proc/self/fd/2", "stderr"),
];

/// All is mounted while the host's files can still be reached, then the directory becomes the root.
pub(super) fn steps(root: &Path, kinds: &Choices, op: &str) -> Result<Vec<Step>> {
    let root = checked(root, op)?;
    let at = |path: &str| text(root.join(path).as_os_str());
    let mut steps = vec![bind_tree(at("")?, at("")?)];
    steps.push(match kinds.pid.is_new() {
        true => Step::must(Act::Mount(proc_at(at("proc")?))),
        false => bind_tree(c"/proc".into(), at("proc")?),
    });
    steps.push(match kinds.net.is_host() {
        true => bind_tree(c"/sys".into(), at("sys")?),
        false => Step::may(Act::Mount(sys_at(at("sys")?))),
    });
    steps.extend(dev(&root)?);
    steps.push(Step::must(Act::ChangeDir(at("")?)));
    steps.push(Step::must(Act::PivotRoot));
    Ok(steps)
}

fn checked(root: &Path, op: &str) -> Result<PathBuf> {
    let op = format!("{op} with the root directory {}", root.display());
    let root = root
        .canonicalize()
        .map_err(|err| Error::system(&*op, err))?;
    match root.parent() {
        Some(_) if root.is_dir() => {}
        Some(_) => return Err(Error::invalid(op, "it is not a directory")),
        None => return Err(Error::invalid(op, "it is the root directory already")),
    }
    match MOUNT_POINTS
        .iter()
        .find_map(|name| Some((name, lack(&root, name)?)))
    {
        Some((name, why)) => Err(no_mount_point(op, &root, name, why)),
        None => Ok(root),
    }
}

/// A link could lead out of the new root.
fn lack(root: &Path, name: &str) -> Option<&'static str> {
    match root.join(name).symlink_metadata() {
        Ok(found) if found.is_dir() => None,
        Ok(found) if found.is_symlink() => Some("is a link, and nothing is mounted through one"),
        Ok(_) => Some("is no directory"),
        Err(_) => Some("is missing"),
    }
}

/// The directory is the caller's, who makes in it what is to be seen through it.
fn no_mount_point(op: String, root: &Path, name: &str, why: &str) -> Error {
    let place = root.join(name);
    let refused = Error::invalid(
        op,
        format!("/{name} is mounted in it, and {} {why}", place.display()),
    );
    match why.contains("missing") {
        true => refused.with_hint(format!("mkdir {}", place.display())),
        false => refused.with_hint(format!("make {} a directory", place.display())),
    }
}

fn dev(root: &Path) -> Result<Vec<Step>> {
    let at = |path: &str| text(root.join("dev").join(path).as_os_str());
    let mut steps = vec![mount(
        c"tmpfs",
        at("")?,
        MsFlags::MS_NOSUID,
        Some(c"mode=755,size=64k"),
    )];
    for node in NODES {
        steps.push(Step::must(Act::MakeFile(at(node)?)));
        steps.push(bind_tree(
            text(Path::new("/dev").join(node).as_os_str())?,
            at(node)?,
        ));
    }
    for directory in ["pts", "shm"] {
        steps.push(Step::must(Act::MakeDir(at(directory)?)));
    }
    let closed = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    steps.push(mount(
        c"devpts",
        at("pts")?,
        closed,
        Some(c"newinstance,ptmxmode=0666,mode=0620"),
    ));
    steps.push(mount(
        c"tmpfs",
        at("shm")?,
        closed | MsFlags::MS_NODEV,
        Some(c"mode=1777"),
    ));
    for (to, name) in LINKS {
        steps.push(Step::must(Act::Link { to, at: at(name)? }));
    }
    Ok(steps)
}

fn bind_tree(source: CString, target: CString) -> Step {
    Step::must(Act::Mount(Mount {
        source: Some(source),
        target,
        flags: Flags(MsFlags::MS_BIND | MsFlags::MS_REC),
        ..Default::default()
    }))
}

fn mount(
    kind: &'static CStr,
    target: CString,
    flags: MsFlags,
    data: Option<&'static CStr>,
) -> Step {
    Step::must(Act::Mount(Mount {
        source: Some(kind.into()),
        target,
        kind: Some(kind),
        flags: Flags(flags),
        data,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_itself_a_file_and_nothing_are_refused() {
        assert!(checked(Path::new("/"), "run").unwrap_err().is_invalid());
        assert!(
            checked(Path::new("/proc/.."), "run")
                .unwrap_err()
                .is_invalid()
        );
        assert!(
            checked(Path::new("/etc/passwd"), "run")
                .unwrap_err()
                .is_invalid()
        );
        assert!(
            checked(Path::new("/nonesuch"), "run")
                .unwrap_err()
                .is_not_found()
        );
    }

    #[test]
    fn what_is_mounted_needs_a_directory_and_no_link() {
        let root = tempfile::tempdir().unwrap();
        let at = |name| root.path().join(name);
        let refused = || {
            let refused = steps(root.path(), &Choices::default(), "run").err();
            let refused = refused.unwrap();
            assert!(refused.is_invalid());
            (format!("{refused:?}"), refused.hint().unwrap().to_owned())
        };
        for name in MOUNT_POINTS {
            let (why, hint) = refused();
            assert!(why.contains(&format!("/{name} is missing")), "{why}");
            assert_eq!(hint, format!("mkdir {}", at(name).display()));
            std::os::unix::fs::symlink("/proc", at(name)).unwrap();
            let (why, hint) = refused();
            assert!(why.contains("is a link"), "{why}");
            assert!(hint.contains("a directory"), "{hint}");
            std::fs::remove_file(at(name)).unwrap();
            std::fs::create_dir(at(name)).unwrap();
        }
        assert!(steps(root.path(), &Choices::default(), "run").is_ok());
    }
}
