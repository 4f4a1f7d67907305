//! `vetch purge`: everything of ours goes, whatever is left of it.

use crate::cli::Global;
use crate::command::Answer;
use crate::container;
use crate::failure::Failure;
use crate::host;
use crate::output::Output;
use serde_json::json;

/// Take away everything that vetch made, whatever is left of it
///
/// All networks and attachments, links, firewall tables, records and forwarding that vetch made in this network namespace, also where
/// records are lost or damaged. What others made is not touched. Programs in containers go on, without their networks.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch purge --dry-run                          what would be taken away
  vetch purge")]
pub(crate) struct Args {
    /// Only show the steps, and the words that undo each (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let mut host = host::open(global)?;
        if self.dry_run {
            return host::print_plan(&host.plan_purge()?, out);
        }
        let gone = host.purge()?;
        container::clear_ended()?;
        if out.json {
            let opened = |(name, v6): &(_, bool)| json!({"interface": ToString::to_string(name), "family": if *v6 { "ipv6" } else { "ipv4" }});
            out.document(&json!({
                "networks": gone.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "links": gone.links.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "forwarding": gone.forwarding.iter().map(opened).collect::<Vec<_>>(),
            }))?;
            return Ok(Answer::Done);
        }
        for name in &gone.networks {
            out.line(format!("removed network {name}"))?;
        }
        if !gone.links.is_empty() {
            out.line(format!("deleted {} links", gone.links.len()))?;
        }
        for (name, v6) in &gone.forwarding {
            let family = if *v6 { "IPv6" } else { "IPv4" };
            out.line(format!("put {family} forwarding of {name} back"))?;
        }
        Ok(Answer::Done)
    }
}
