//! `/etc/netns/NAME`: files of a named network namespace, bound over those of `/etc`, ip-netns(8).

use super::command::text;
use super::{Act, Flags, Mount, Step};
use crate::{Error, NsName, Result};
use nix::mount::MsFlags;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// A file for which `/etc` has no counterpart cannot be bound and is passed over, as by `ip`.
pub(super) fn steps(name: &NsName) -> Result<Vec<Step>> {
    let from = Path::new("/etc/netns").join(name.as_str());
    let entries = match fs::read_dir(&from) {
        Err(err) if matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        other => other.map_err(|err| Error::system(format!("list {}", from.display()), err))?,
    };
    let mut steps = Vec::new();
    for entry in entries.flatten() {
        let target = Path::new("/etc").join(entry.file_name());
        if target.exists() {
            steps.push(Step::must(Act::Mount(Mount {
                source: Some(text(entry.path().as_os_str())?),
                target: text(target.as_os_str())?,
                flags: Flags(MsFlags::MS_BIND),
                ..Default::default()
            })));
        }
    }
    Ok(steps)
}
