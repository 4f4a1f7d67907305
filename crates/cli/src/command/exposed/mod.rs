//! `vetch exposed`: what of this host and its containers can be reached from where, and by which rule.

mod json;
mod text;

use crate::cli::Global;
use crate::command::Answer;
use crate::failure::Failure;
use crate::host;
use crate::output::Output;

/// Show what of this host and its containers can be reached from where, and which rule lets it in
///
/// Published ports, services of this host, containers at their own addresses, and what is beyond: by interface, network and family, as the
/// kernel has it now, whatever ufw or firewalld say. What differs from the records is named.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch exposed
  vetch exposed --json | jq -r '.reachable[] | select(.kind == \"published\") | .ports'

FROM is where a connection comes from: `host` is a process of this host, an interface stands for
everybody beyond it, a network for its containers.

ACCESS is open, closed, partly (where the network's allow and deny lists say so) or perhaps: vetch
lets it pass, and a chain of another firewall drops what no rule of its own lets pass. Rules of
other firewalls are not read further; those that legacy iptables keeps cannot be seen at all.")]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let mut host = host::open(global)?;
        let exposure = host.exposed()?;
        match out.json {
            true => out.document(&json::document(&exposure))?,
            false => text::print(&exposure, out)?,
        }
        Ok(Answer::Done)
    }
}
