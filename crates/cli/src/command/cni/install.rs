//! `vetch cni install`: this binary under the names of plugins, where runtimes look for them.

use super::file::{Binary, Found, Way};
use crate::command::Answer;
use crate::failure::Failure;
use crate::output::{Output, escape};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Put this binary into a directory under the names of CNI plugins
///
/// Copies; an earlier version of this binary is replaced. A file of somebody else is left alone: then nothing is done at all, unless
/// --force replaces it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch cni install --dir /opt/cni/bin
  vetch cni install --dir /opt/cni/bin --plugins bridge,portmap --force
  vetch cni install --dir /usr/libexec/cni --symlink     follows this binary when it is replaced")]
pub(super) struct Args {
    /// Directory of plugins; made if missing
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Only these
    #[arg(long, value_name = "PLUGIN,...", value_delimiter = ',', value_parser = plugin)]
    plugins: Vec<String>,
    /// Symbolic links to where this binary is now
    #[arg(long, conflicts_with = "link")]
    symlink: bool,
    /// Hard links, or copies where there can be none
    ///
    /// Who writes into such a file instead of replacing it (as cp does) writes into this binary: for directories that nobody else uses.
    #[arg(long)]
    link: bool,
    /// Replace files of others too
    #[arg(long)]
    force: bool,
}

/// A plugin that this binary is.
fn plugin(text: &str) -> Result<String, String> {
    if cni::is_plugin(text) {
        return Ok(text.to_owned());
    }
    let all: Vec<&str> = cni::plugins().map(|(name, _)| name).collect();
    Err(format!("there is {}", all.join(", ")))
}

/// A failure with a file.
pub(super) fn tried(what: &str, path: &Path, err: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}", path.display())).with_cause(err)
}

/// This binary.
pub(super) fn running() -> Result<Binary, Failure> {
    Binary::running()
        .map_err(|err| Failure::new("cannot find the file of this program").with_cause(&err))
}

impl Args {
    pub(super) fn run(self, out: &mut Output) -> Result<Answer, Failure> {
        let binary = running()?;
        let names: Vec<String> = match self.plugins.is_empty() {
            true => cni::plugins().map(|(name, _)| name.to_owned()).collect(),
            false => self.plugins.clone(),
        };
        let paths: Vec<PathBuf> = names.iter().map(|name| self.dir.join(name)).collect();
        self.refuse_others(&binary, &paths)?;
        fs::create_dir_all(&self.dir).map_err(|err| tried("make directory", &self.dir, &err))?;
        let mut done = Vec::new();
        for (name, path) in names.iter().zip(&paths) {
            let how = self
                .install(&binary, path)
                .map_err(|err| tried("write", path, &err))?;
            if !out.json {
                out.line(format!("{how} {}", escape(&path.display().to_string())))?;
            }
            done.push(json!({"plugin": name, "path": path, "done": how}));
        }
        if out.json {
            out.document(&done)?;
        }
        Ok(Answer::Done)
    }

    fn way(&self) -> Way {
        match (self.symlink, self.link) {
            (true, _) => Way::Symlink,
            (_, true) => Way::Link,
            _ => Way::Copy,
        }
    }

    /// Before anything is changed.
    fn refuse_others(&self, binary: &Binary, paths: &[PathBuf]) -> Result<(), Failure> {
        let mut others = Vec::new();
        for path in paths {
            let found = binary.look(path);
            match found.map_err(|err| tried("look at", path, &err))? {
                Found::Other if path.is_dir() => {
                    let why = "it is a directory";
                    return Err(
                        Failure::new(format!("cannot replace {}", path.display())).because(why)
                    );
                }
                Found::Other if !self.force => others.push(path.display().to_string()),
                _ => {}
            }
        }
        if others.is_empty() {
            return Ok(());
        }
        let failure = Failure::new(format!("cannot replace {}", others.join(", ")));
        Err(failure
            .because("somebody else made it")
            .hint("--force replaces it, another --dir leaves it alone"))
    }

    fn install(&self, binary: &Binary, path: &Path) -> std::io::Result<&'static str> {
        let found = binary.look(path)?;
        if found == Found::This && binary.is_made(path, self.way())? {
            return Ok("already there:");
        }
        Ok(match binary.put(path, self.way())? {
            Way::Link => "linked",
            Way::Symlink => "linked symbolically",
            Way::Copy => "copied",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plugins_of_ours_can_be_installed() {
        assert_eq!(plugin("bridge").as_deref(), Ok("bridge"));
        for bad in ["", "ip", "../bridge", "dhcp", "vetch"] {
            assert!(
                plugin(bad).unwrap_err().contains("bridge, loopback"),
                "{bad}"
            );
        }
    }
}
