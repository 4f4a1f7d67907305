//! `vetch watch`: a small service that mends what others change of our networks.

use crate::cli::Global;
use crate::command::{Answer, health};
use crate::failure::Failure;
use crate::host;
use crate::output::{Output, escape};
use crate::privilege;
use crate::time;
use bridge::{Mended, Watch};
use serde_json::json;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, SystemTime};

/// The unit for systemd.
pub(crate) const UNIT: &str = include_str!("../../vetch-watch.service");

/// Stay, and mend at once what others change
///
/// Sees changes through the kernel's notices (somebody flushes nftables, deletes a bridge, takes a port away, moves the default route) and
/// mends the host's side of all networks within milliseconds, saying what and, where the kernel tells, who did it. What is inside
/// containers is left to them. Runs in the foreground until a signal ends it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch watch                                    one line for each thing mended
  vetch watch --json | jq -r .by
  vetch watch --unit > /etc/systemd/system/vetch-watch.service
  systemctl enable --now vetch-watch")]
pub(crate) struct Args {
    /// Look at everything at least this often, for what the kernel does not tell (sysctls)
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86400))]
    every: u64,
    /// Print a unit for systemd, and do nothing else
    #[arg(long)]
    unit: bool,
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        if self.unit {
            out.line(UNIT.trim_end())?;
            return Ok(Answer::Done);
        }
        privilege::keep_what_watching_needs()?;
        let mut watch = Watch::new(host::open(global)?)?;
        let first = watch.next(Some(Duration::ZERO))?;
        tell_systemd();
        report(first, out)?;
        loop {
            let mended = watch.next(Some(Duration::from_secs(self.every)))?;
            if mended.is_none() {
                watch.look();
            }
            report(mended, out)?;
        }
    }
}

fn report(mended: Option<Mended>, out: &mut Output) -> Result<(), Failure> {
    let Some(Mended {
        repaired, by, took, ..
    }) = mended
    else {
        return Ok(());
    };
    let by = by.as_deref();
    for (verb, of) in repaired
        .mended
        .iter()
        .map(|of| ("mended", of))
        .chain(repaired.left.iter().map(|of| ("cannot mend", of)))
    {
        if out.json {
            let mut view = health::view(of, verb);
            view["by"] = json!(by);
            view["took_us"] = json!(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            view["at"] = json!(time::rfc3339(SystemTime::now()));
            out.line(view.to_string())?;
        } else {
            let by = by.map(|by| format!(", after {by}")).unwrap_or_default();
            let end = escape(&format!(" ({}{by})", time::took(took)));
            out.line(format!("{verb} {}{end}", health::sentence(of)))?;
        }
    }
    out.flush()
}

/// Says that the first look is done, if systemd wants to know (sd_notify(3)).
fn tell_systemd() {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Ok(socket) = UnixDatagram::unbound() {
        let _ = socket.send_to(b"READY=1", path); // nobody listens: then nobody waits
    }
}
