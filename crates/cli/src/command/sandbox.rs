//! `vetch sandbox`: a private world in which everything else works without root.

use crate::command::Answer;
use crate::failure::Failure;
use crate::output::Output;
use ns_mgmt::RunSpec;
use std::ffi::OsString;

/// Run a program in a private world where every command works without root
///
/// A user, a network and a mount namespace of its own: networks, namespaces and firewall rules made inside never touch this host, and are
/// gone with the last process. /run is empty inside; files elsewhere are the host's. Root needs no user namespace and gets none.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch sandbox -- sh
  vetch sandbox -- vetch run -- ip addr

Exit code: the program's own; 125 if the sandbox cannot be made, 126 if the program
cannot be executed, 127 if it is not found.")]
pub(crate) struct Args {
    /// Program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn run(self, out: &mut Output) -> Result<Answer, Failure> {
        out.flush()?;
        ns_mgmt::sandbox()?;
        let error = RunSpec {
            command: self.command,
            ..Default::default()
        }
        .exec();
        let code = error.exit_code();
        Err(Failure::from(error).code(code))
    }
}
