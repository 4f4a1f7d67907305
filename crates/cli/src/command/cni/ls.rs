//! `vetch cni ls`: the plugins that this binary is.

use crate::command::Answer;
use crate::failure::Failure;
use crate::output::Output;
use crate::table;
use serde_json::json;

/// List the plugins that this binary is
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

impl Args {
    pub(super) fn run(self, out: &mut Output) -> Result<Answer, Failure> {
        if out.json {
            let plugin = |(name, about)| json!({"plugin": name, "about": about});
            out.document(&cni::plugins().map(plugin).collect::<Vec<_>>())?;
            return Ok(Answer::Done);
        }
        let rows = cni::plugins().map(|(name, about)| vec![name.to_owned(), about.to_owned()]);
        table::print(out, &["PLUGIN", "WHAT IT DOES"], rows.collect())?;
        Ok(Answer::Done)
    }
}
