//! `vetch gc`: finishes or undoes whatever killed commands and vanished namespaces left.

use crate::cli::Global;
use crate::command::{Answer, view};
use crate::container;
use crate::failure::Failure;
use crate::host::{self, Planned};
use crate::output::Output;
use serde_json::json;

/// Clear what killed commands and vanished namespaces left
///
/// Attachments whose namespace is gone or that were never finished, links nobody deleted, records of containers and namespaces that are
/// no more. Whatever is in use stays.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch gc --dry-run                             what there is to clear
  vetch gc")]
pub(crate) struct Args {
    /// Only show the steps, and the words that undo each (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        if self.dry_run {
            let steps = host::open(global)?.plan_gc()?;
            let ended = container::ended()?.into_iter().map(|name| Planned {
                what: format!("forget container {name}"),
                words: Vec::new(),
                undo: Vec::new(),
            });
            let planned = ended.chain(steps.iter().map(Planned::from));
            return host::print_planned(&planned.collect::<Vec<_>>(), out);
        }
        let containers = container::clear_ended()?;
        let found = host::open(global)?.gc()?;
        if out.json {
            out.document(&json!({
                "attachments": found.attachments.iter().map(view::attachment).collect::<Vec<_>>(),
                "links": found.links,
                "files": found.files,
                "containers": containers,
            }))?;
            return Ok(Answer::Done);
        }
        for attachment in &found.attachments {
            let key = &attachment.key;
            out.line(format!(
                "detached {} from network {} ({})",
                key.id, key.network, attachment.state
            ))?;
        }
        for name in &containers {
            out.line(format!("forgot container {}", crate::output::escape(name)))?;
        }
        match (found.links, found.files.len()) {
            (0, 0) => {}
            (links, files) => out.line(format!("deleted {links} links and {files} records"))?,
        }
        Ok(Answer::Done)
    }
}
