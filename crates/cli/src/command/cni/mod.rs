//! `vetch cni`: lists of CNI plugins run by hand, and the plugins of this binary put where runtimes look for them.

mod file;
mod install;
mod ls;
mod run;
mod uninstall;

use crate::cli::Global;
use crate::command::Answer;
use crate::failure::Failure;
use crate::output::Output;
use clap::Subcommand;

/// Run CNI network lists, and install this binary as CNI plugins
///
/// Under the name of a plugin, with CNI_COMMAND set, this binary is that plugin.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(Box<run::Args>),
    Install(install::Args),
    Uninstall(uninstall::Args),
    Ls(ls::Args),
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        match self.verb {
            Verb::Run(args) => args.run(global, out),
            Verb::Install(args) => args.run(out),
            Verb::Uninstall(args) => args.run(out),
            Verb::Ls(args) => args.run(out),
        }
    }
}
