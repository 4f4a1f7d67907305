//! `vetch detach`: an attachment is taken away, however much of it is already gone.

use crate::cli::Global;
use crate::command::Answer;
use crate::failure::Failure;
use crate::output::Output;
use crate::words::parse;
use crate::{host, settle, target};
use bridge::{Detached, Host, NetworkName, Who};
use core_netlink::IfName;

/// Take a namespace out of a network
///
/// Works without the namespace: whatever of the attachment is left is taken away. Nothing to take away is no error.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch detach web c1                            by the namespace's name
  vetch detach web pid:4711                      by the words used at attach, or any others for the same namespace
  vetch detach web cli:build-7                   by the id that `vetch ls` shows, or `build-7` alone
  vetch detach lab c1 --ifname eth1              only this interface")]
pub(crate) struct Args {
    /// Network to detach from
    #[arg(value_parser = parse::<NetworkName>)]
    network: NetworkName,
    /// Attachment: its id, or its namespace as a name, a path or `pid:N`
    #[arg(value_name = "ID|NETNS")]
    who: String,
    /// Only this interface; all of them unless given
    #[arg(long, value_parser = parse::<IfName>)]
    ifname: Option<IfName>,
    /// Return only when the kernel has deleted the link (20 to 40 ms)
    #[arg(long)]
    wait: bool,
    /// Only show the steps, and the words that undo each (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let lent = ns_mgmt::lend_thread(); // nothing else runs in this process
        let mut host = host::open(global)?;
        if self.dry_run {
            return self.plan(&mut host, out);
        }
        let gone = self.detach(&mut host)?;
        drop((host, lent)); // a child comes next
        let keys: Vec<_> = gone
            .attachments()
            .iter()
            .map(|attachment| attachment.key.clone())
            .collect();
        settle::settle(gone, self.wait)?;
        if out.json {
            let view = |key: &bridge::Key| serde_json::json!({"network": key.network.as_str(), "id": key.id.as_str(), "interface": key.ifname.to_string()});
            out.document(&keys.iter().map(view).collect::<Vec<_>>())?;
        } else if keys.is_empty() {
            out.note(format!(
                "nothing of `{}` was attached to network `{}`",
                self.who, self.network
            ));
        }
        Ok(Answer::Done)
    }

    fn detach(&self, host: &mut Host) -> Result<Detached, Failure> {
        let mut gone = host.detach(&self.network, &target::who(&self.who)?, self.ifname)?;
        if gone.attachments().is_empty()
            && let Some(cookie) = target::cookie(&self.who)
        {
            drop(gone); // what others left is handed over once
            gone = host.detach(&self.network, &Who::Cookie(cookie), self.ifname)?;
        }
        Ok(gone)
    }

    fn plan(&self, host: &mut Host, out: &mut Output) -> Result<Answer, Failure> {
        let mut steps = host.plan_detach(&self.network, &target::who(&self.who)?, self.ifname)?;
        if steps.is_empty()
            && let Some(cookie) = target::cookie(&self.who)
        {
            steps = host.plan_detach(&self.network, &Who::Cookie(cookie), self.ifname)?;
        }
        host::print_plan(&steps, out)
    }
}
