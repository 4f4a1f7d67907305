//! `vetch cni uninstall`: what install made is taken away.

use super::file::Found;
use super::install::{running, tried};
use crate::command::Answer;
use crate::failure::Failure;
use crate::output::{Output, escape};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// Remove this binary, and earlier versions of it, from a directory of CNI plugins
///
/// Files of others stay, whatever their names are.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch cni uninstall --dir /opt/cni/bin")]
pub(super) struct Args {
    /// Directory of plugins
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

impl Args {
    pub(super) fn run(self, out: &mut Output) -> Result<Answer, Failure> {
        let binary = running()?;
        let mut done = Vec::new();
        for (name, _) in cni::plugins() {
            let path = self.dir.join(name);
            let found = binary.look(&path);
            match found.map_err(|err| tried("look at", &path, &err))? {
                Found::Nothing => continue,
                Found::Other => {
                    out.note(format!("left alone: {}", path.display()));
                    continue;
                }
                Found::This | Found::Ours => {}
            }
            fs::remove_file(&path).map_err(|err| tried("remove", &path, &err))?;
            if !out.json {
                out.line(format!("removed {}", escape(&path.display().to_string())))?;
            }
            done.push(json!({"plugin": name, "path": path, "done": "removed"}));
        }
        if out.json {
            out.document(&done)?;
        }
        Ok(Answer::Done)
    }
}
