//! `vetch ls`: who is attached where.

use crate::cli::Global;
use crate::command::{Answer, view};
use crate::failure::Failure;
use crate::host;
use crate::output::Output;
use crate::words::parse;
use bridge::NetworkName;

/// List the attachments: id, namespace, interface, addresses, ports, state, since
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch ls
  vetch ls web --json | jq -r '.[].addresses[]'

States: up (traffic flows), gone (its namespace ended; its address and ports are free for
others), claimed (was being made), leaving (is being taken away), stale (of an earlier life
of this host). All but the first are cleared when something needs what they hold, by
`vetch network rm`, or by `vetch gc`.")]
pub(crate) struct Args {
    /// Only this network
    #[arg(value_parser = parse::<NetworkName>)]
    network: Option<NetworkName>,
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let mut host = host::open(global)?;
        if let Some(name) = &self.network {
            host.network(name)?;
        }
        let attachments = host.attachments(self.network.as_ref())?;
        match out.json {
            true => out.document(&attachments.iter().map(view::attachment).collect::<Vec<_>>())?,
            false => view::print_attachments(&attachments, out)?,
        }
        Ok(Answer::Done)
    }
}
