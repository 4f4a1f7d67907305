//! `vetch network check` and `vetch network repair`: what differs from the records, and making it right.

use crate::cli::Global;
use crate::command::Answer;
use crate::failure::Failure;
use crate::host;
use crate::output::{Output, escape};
use crate::words::parse;
use bridge::{Difference, Host, NetworkName};
use serde_json::{Value, json};

/// Compare records and kernel, and say what differs
///
/// Looks at firewall, bridge, forwarding, ports, at addresses and routes of every attachment, and at what others set up that
/// stops our packets. Changes nothing. Exit code 0: all is as it should be; 1: something differs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch network check                            all networks
  vetch network check web --json | jq -r '.[].object'")]
pub(crate) struct Check {
    /// Only these networks
    #[arg(value_name = "NETWORK", value_parser = parse::<NetworkName>)]
    names: Vec<NetworkName>,
}

/// Make right what differs
///
/// Restores firewall, bridges, ports, forwarding, and addresses and routes of attachments, while everybody else's traffic goes on.
/// Attachments whose namespace is gone are taken away. Exit code 0: all is as it should be now; 1: something still differs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch network repair                           all networks
  vetch network repair web --dry-run             the steps it would begin with")]
pub(crate) struct Repair {
    /// Only these networks
    #[arg(value_name = "NETWORK", value_parser = parse::<NetworkName>)]
    names: Vec<NetworkName>,
    /// Only show the steps, and the words that undo each (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
}

/// Each name, or all networks at once.
fn each<T>(
    names: &[NetworkName],
    host: &mut Host,
    mut look: impl FnMut(&mut Host, Option<&NetworkName>) -> bridge::Result<T>,
) -> Result<Vec<T>, Failure> {
    if names.is_empty() {
        return Ok(vec![look(host, None)?]);
    }
    let found = names.iter().map(|name| look(host, Some(name)));
    Ok(found.collect::<bridge::Result<Vec<T>>>()?)
}

impl Check {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let mut host = host::open(global)?;
        let found = each(&self.names, &mut host, |host, name| host.check(name))?.concat();
        match out.json {
            true => out.document(
                &found
                    .iter()
                    .map(|of| view(of, "differs"))
                    .collect::<Vec<_>>(),
            )?,
            false => print(&found, out)?,
        }
        Ok(answer(found.is_empty()))
    }
}

impl Repair {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let mut host = host::open(global)?;
        if self.dry_run {
            let steps = each(&self.names, &mut host, |host, name| host.plan_repair(name))?;
            return host::print_plan(&steps.concat(), out);
        }
        let (mut mended, mut left) = (Vec::new(), Vec::new());
        for repaired in each(&self.names, &mut host, |host, name| host.repair(name))? {
            mended.extend(repaired.mended);
            left.extend(repaired.left);
        }
        if out.json {
            let mended = mended.iter().map(|of| view(of, "mended"));
            let left = left.iter().map(|of| view(of, "differs"));
            out.document(&mended.chain(left).collect::<Vec<_>>())?;
        } else {
            for of in &mended {
                out.line(format!("mended {}", sentence(of)))?;
            }
            print(&left, out)?;
        }
        Ok(answer(left.is_empty()))
    }
}

fn answer(well: bool) -> Answer {
    match well {
        true => Answer::Done,
        false => Answer::No,
    }
}

pub(crate) fn view(of: &Difference, state: &str) -> Value {
    json!({
        "network": of.network.as_ref().map(NetworkName::as_str),
        "object": of.object,
        "how": of.how,
        "state": state,
        "advice": of.advice,
    })
}

pub(crate) fn sentence(of: &Difference) -> String {
    let network = of.network.as_ref().map(|name| format!("{name}: "));
    escape(&format!("{}{of}", network.unwrap_or_default())).to_string()
}

fn print(found: &[Difference], out: &mut Output) -> Result<(), Failure> {
    for of in found {
        out.line(sentence(of))?;
        if let Some(advice) = &of.advice {
            out.line(escape(&format!("  yours to change: {advice}")))?;
        }
    }
    Ok(())
}
