//! `vetch generate DIR`: completions and manual pages, from the same definitions as the parser.

use crate::cli::Cli;
use crate::command::{Answer, watch};
use crate::failure::Failure;
use crate::output::Output;
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::PathBuf;

/// Write shell completions, manual pages and a systemd unit into a directory
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// Directory to write to; made if missing
    directory: PathBuf,
}

impl Args {
    pub(crate) fn run(self, out: &mut Output) -> Result<Answer, Failure> {
        let tried = |error| {
            Failure::new(format!("cannot write into {}", self.directory.display()))
                .with_cause(&error)
        };
        let mut written = self.write().map_err(tried)?;
        written.sort();
        match out.json {
            true => out.document(&written)?,
            false => written
                .iter()
                .try_for_each(|path| out.line(path.display().to_string()))?,
        }
        Ok(Answer::Done)
    }

    fn write(&self) -> std::io::Result<Vec<PathBuf>> {
        std::fs::create_dir_all(&self.directory)?;
        let mut written = Vec::new();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            written.push(clap_complete::generate_to(
                shell,
                &mut Cli::command(),
                "vetch",
                &self.directory,
            )?);
        }
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        pages(&command, &self.directory, &mut written)?;
        let unit = self.directory.join("vetch-watch.service");
        std::fs::write(&unit, watch::UNIT)?;
        written.push(unit);
        Ok(written)
    }
}

/// One page for the program and one for each command that is not hidden: vetch(8), vetch-network(8), vetch-network-create(8).
fn pages(
    command: &clap::Command,
    directory: &std::path::Path,
    written: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let path = directory.join(format!("{name}.8"));
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name.clone())
        .section("8")
        .render(&mut page)?;
    std::fs::write(&path, page)?;
    written.push(path);
    command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .try_for_each(|sub| pages(sub, directory, written))
}
