//! Seeing what others change of ours, by the kernel's notices, and mending it at once.

use crate::check::{Depth, Mend};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::name::{HOST_END, MARK};
use crate::repair::Repaired;
use core_netlink::Protocol;
use core_netlink::event::{Event, Events, Fate, Group};
use core_netlink::link::{Kind, Link};
use core_netlink::route::{RouteType, Table};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

const GROUPS: [Group; 6] = [
    Group::Link,
    Group::Neighbour, // forwarding entries
    Group::Ipv4Address,
    Group::Ipv6Address,
    Group::Ipv4Route,
    Group::Ipv6Route,
];
const LONGEST_REST: Duration = Duration::from_millis(20);

/// Sees changes that others make to what is ours, and mends them.
///
/// ```no_run
/// # fn main() -> bridge::Result<()> {
/// let mut watch = bridge::Watch::new(bridge::Host::open()?)?;
/// while let Some(mended) = watch.next(None)? {
///     for difference in &mended.repaired.mended {
///         println!("{difference} ({})", mended.by.as_deref().unwrap_or("by somebody"));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Watch {
    host: Host,
    route: Events,
    nft: Events,
    /// Something may differ.
    alarmed: bool,
    by: Option<String>,
    rest: Duration,
}

/// What a [`Watch`] mended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mended {
    /// What was mended, and what could not be.
    pub repaired: Repaired,
    /// Who made the last change before it, where the kernel tells: "process 4711 (nft)".
    pub by: Option<String>,
    /// From the notice until all was right.
    pub took: Duration,
}

impl Watch {
    /// Subscribes to the notices of the host's namespace. The first [`next`](Self::next) looks at everything once.
    pub fn new(mut host: Host) -> Result<Watch> {
        let fail = |err| Error::netlink("subscribe to the kernel's notices", err);
        let route = host.engine.kernel.another(Protocol::Route)?;
        let nft = host.engine.kernel.another(Protocol::Netfilter)?;
        Ok(Watch {
            route: Events::on(route, &GROUPS).map_err(fail)?,
            nft: Events::on(nft, &[Group::Ruleset]).map_err(fail)?,
            host,
            alarmed: true,
            by: None,
            rest: Duration::ZERO,
        })
    }

    /// Looks at everything with the next [`next`](Self::next), notice or not: for what the kernel does not tell, such as sysctls.
    pub fn look(&mut self) {
        self.alarmed = true;
    }

    /// Waits until something of ours was changed and mends it. `None` when the time is over; without a limit it waits for ever.
    pub fn next(&mut self, limit: Option<Duration>) -> Result<Option<Mended>> {
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            self.drain()?;
            if self.alarmed {
                let start = Instant::now();
                self.alarmed = false;
                let repaired = self.mend()?;
                let by = self.by.take();
                if repaired != Repaired::default() {
                    let took = start.elapsed();
                    return Ok(Some(Mended { repaired, by, took }));
                }
                self.rest = (start.elapsed() * 2).min(LONGEST_REST); // others want to work as well
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            std::thread::sleep(std::mem::take(&mut self.rest));
            self.poll(left)?;
        }
    }

    /// Looks without a lock first, so that nobody waits for a look that finds nothing. Only what is new since the last time and can
    /// be mended counts.
    fn mend(&mut self) -> Result<Repaired> {
        let engine = &mut self.host.engine;
        let networks = engine.networks()?;
        let findings = engine.findings(&networks, Depth::Host)?;
        let is_ours = |mend: &Mend| !matches!(mend, Mend::Nothing);
        if !findings.iter().any(|finding| is_ours(&finding.mend)) {
            return Ok(Repaired::default());
        }
        let mut repaired = engine.repair(&networks, Depth::Host)?;
        if repaired.mended.is_empty() {
            repaired.left.retain(|of| of.advice.is_none());
        }
        Ok(repaired)
    }

    fn drain(&mut self) -> Result<()> {
        let fail = |err| Error::netlink("read the kernel's notices", err);
        while let Some(event) = self.route.try_next().map_err(fail)? {
            if is_ours(&event) {
                self.alarmed = true;
                let sender = self.route.sender().filter(|pid| *pid != std::process::id());
                self.by = sender.map(process).or(self.by.take());
            }
        }
        while let Some(event) = self.nft.try_next().map_err(fail)? {
            if let Event::Ruleset(change) = &event {
                if change.pid == Some(std::process::id()) {
                    continue;
                }
                let name = change.process.as_deref().unwrap_or("?").escape_debug();
                self.by = change.pid.map(|pid| format!("process {pid} ({name})"));
            }
            self.alarmed = true;
        }
        Ok(())
    }

    fn poll(&self, left: Option<Duration>) -> Result<()> {
        let millis = left.map(|left| left.as_micros().div_ceil(1000));
        let limit = millis.map_or(PollTimeout::NONE, |millis| {
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        });
        let readable = |events| PollFd::new(events, PollFlags::POLLIN);
        let mut fds = [readable(self.route.as_fd()), readable(self.nft.as_fd())];
        match poll(&mut fds, limit) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(Error::file("wait for the kernel's notices", errno)),
        }
    }
}

/// Its name, too, if it still runs.
fn process(pid: u32) -> String {
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("process {pid} ({})", name.trim().escape_debug()),
        Err(_) => format!("process {pid}"),
    }
}

/// Whether an event may mean that something of ours was changed.
fn is_ours(event: &Event) -> bool {
    match event {
        Event::Link(_, link) | Event::BridgePort(_, link) => is_our_link(link),
        Event::Address(..) | Event::Resync | Event::Fdb(Fate::Gone, _) => true,
        Event::Route(_, route) => route.kind == RouteType::Unicast && route.table == Table::MAIN,
        _ => false,
    }
}

/// Ours, or one that may be an uplink.
fn is_our_link(link: &Link) -> bool {
    let ours = link
        .alias
        .as_deref()
        .is_some_and(|alias| alias.starts_with(MARK));
    let named = link.name.as_bytes().starts_with(HOST_END.as_bytes());
    ours || named || !matches!(link.kind, Some(Kind::Veth(_)))
}
