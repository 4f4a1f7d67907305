//! `vetch lsns`: every namespace of the machine and what holds it.

use crate::command::{Answer, view};
use crate::failure::Failure;
use crate::output::Output;
use crate::table;
use crate::words::parse;
use ns_mgmt::{Found, Holder, Kind};
use serde_json::{Value, json};

/// List every namespace of the machine with what holds it
///
/// Named or not, of this or of other container tools: a namespace lives while a process is in it, or a descriptor or a mount holds it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch lsns --type net                          network namespaces
  vetch lsns --json | jq '.namespaces[] | select(.processes == [])'")]
pub(crate) struct Args {
    /// Only this kind: cgroup, ipc, mnt, net, pid, time, user or uts
    #[arg(short, long = "type", value_name = "KIND", value_parser = parse::<Kind>)]
    kind: Vec<Kind>,
}

impl Args {
    pub(crate) fn run(self, out: &mut Output) -> Result<Answer, Failure> {
        let kinds = if self.kind.is_empty() {
            &Kind::ALL[..]
        } else {
            &self.kind
        };
        let listing = ns_mgmt::list(kinds)?;
        if out.json {
            let namespaces: Vec<_> = listing.found.iter().map(document).collect();
            out.document(&json!({"namespaces": namespaces, "hidden_processes": listing.hidden}))?;
            return Ok(Answer::Done);
        }
        let heading = ["KIND", "INODE", "NAMES", "PROCESSES", "HELD BY"];
        table::print(out, &heading, listing.found.iter().map(row).collect())?;
        if listing.hidden > 0 {
            out.note(format!(
                "{} processes could not be looked into; what only they hold is missing here",
                listing.hidden
            ));
        }
        Ok(Answer::Done)
    }
}

/// As many holders as a person reads.
const SHOWN: usize = 3;

fn row(found: &Found) -> Vec<String> {
    let mut holders: Vec<_> = found
        .holders
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    match found.holders.len().saturating_sub(SHOWN) {
        0 => {}
        more => holders.push(format!("and {more} more")),
    }
    vec![
        found.kind.to_string(),
        found.inode.to_string(),
        view::joined(&found.names),
        found.pids().count().to_string(),
        holders.join(", "),
    ]
}

fn document(found: &Found) -> Value {
    json!({
        "kind": found.kind.name(),
        "inode": found.inode,
        "names": found.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "processes": found.pids().collect::<Vec<_>>(),
        "holders": found.holders.iter().map(holder).collect::<Vec<_>>(),
        "owner": found.owner,
        "user_namespace": found.user,
        "parent": found.parent,
    })
}

fn holder(holder: &Holder) -> Value {
    match holder {
        Holder::Process { pid, name } => json!({"type": "process", "pid": pid, "name": name}),
        Holder::Thread { pid, tid, name } => {
            json!({"type": "thread", "pid": pid, "tid": tid, "name": name})
        }
        Holder::Descriptor { pid, fd, name } => {
            json!({"type": "descriptor", "pid": pid, "fd": fd, "name": name})
        }
        Holder::Mount { path, seen_by } => {
            json!({"type": "mount", "path": path.to_string_lossy(), "seen_by": seen_by})
        }
        Holder::Namespace { kind, inode } => {
            json!({"type": "namespace", "kind": kind.name(), "inode": inode})
        }
        other => json!({"type": "other", "text": other.to_string()}),
    }
}
