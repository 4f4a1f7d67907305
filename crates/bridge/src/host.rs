//! The host: the one entry to everything here.

use crate::action::Action;
use crate::check::{Depth, Difference, Mend};
use crate::engine::{Engine, Scene};
use crate::error::{Error, Result};
use crate::kernel::Real;
use crate::name::NetworkName;
use crate::obstacle::Obstacle;
use crate::purge::Purged;
use crate::record::Definition;
use crate::repair::{self, Repaired};
use crate::settle::Detached;
use crate::spec::{Attachment, AttachmentSpec, Network, NetworkSpec, State, Who};
use crate::step::Step;
use crate::store::Store;
use core_netlink::IfName;
use ns_mgmt::NetNs;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the records are, and how long to wait for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The directory of claims and locks, on a file system that a reboot empties; `/run/vetch` unless given, for ordinary users
    /// `$XDG_RUNTIME_DIR/vetch`.
    pub run: Option<PathBuf>,
    /// The directory of definitions that outlive a reboot; `/var/lib/vetch` unless given, and none in namespaces other than that of
    /// process 1, which do not outlive a reboot either.
    pub definitions: Option<PathBuf>,
    /// How long to wait for another process; ten seconds unless set.
    pub lock_timeout: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            run: None,
            definitions: None,
            lock_timeout: Duration::from_secs(10),
        }
    }
}

/// The network namespace we work on, and the records kept about it.
///
/// ```no_run
/// use bridge::{AttachmentId, AttachmentSpec, Host, NetworkSpec};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut host = Host::open()?;
/// host.create_network(&NetworkSpec::new("blue".parse()?))?;
/// let web = ns_mgmt::NetNs::create_named(&"web".parse()?)?;
/// let spec = AttachmentSpec::new("blue".parse()?, AttachmentId::new("cli", "web")?);
/// println!("{:?}", host.attach(&spec, &web)?.addresses);
/// # Ok(())
/// # }
/// ```
pub struct Host {
    pub(crate) engine: Engine,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("records", &self.engine.store.base)
            .finish_non_exhaustive()
    }
}

/// What [`Host::gc`] found and took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Attachments whose namespace is gone, or whose making or removal was never finished.
    pub attachments: Vec<Attachment>,
    /// Networks whose making or removal was never finished.
    pub networks: Vec<NetworkName>,
    /// How many links were deleted that somebody had put aside, or that no record knows.
    pub links: usize,
    /// Directories of records about namespaces that are no more.
    pub files: Vec<PathBuf>,
}

impl Host {
    /// The network namespace of the calling thread, with the usual directories.
    pub fn open() -> Result<Host> {
        Host::with(Options::default())
    }

    /// The same with other directories or another time limit.
    pub fn with(options: Options) -> Result<Host> {
        let namespace = |err| Error::namespace("open the host's networks", err);
        let here = NetNs::current().map_err(namespace)?;
        let run = options.run.map_or_else(run_dir, Ok)?;
        let definitions = options
            .definitions
            .or_else(|| is_the_hosts(&here, &run).then(|| "/var/lib/vetch".into()));
        let boot = ns_mgmt::boot_id().map_err(namespace)?;
        let kernel = Real::new(here)?;
        let cookie = kernel.here()?;
        let store = Store {
            base: run.join(cookie.to_string()),
            definitions,
            boot,
            here: cookie,
            lock_timeout: options.lock_timeout,
        };
        Ok(Host {
            engine: Engine {
                store,
                kernel: Box::new(kernel),
                watch: None,
                planning: false,
            },
        })
    }

    /// Each step is reported here when it is done, with the time it took.
    pub fn watch(&mut self, watch: impl FnMut(&Step, Duration) + Send + 'static) {
        self.engine.watch = Some(Box::new(watch));
    }

    /// Makes a network. One that is there with what is asked for is returned, and its bridge made again if it is missing.
    pub fn create_network(&mut self, spec: &NetworkSpec) -> Result<Network> {
        self.engine.create_network(spec)
    }

    /// The steps that [`create_network`](Self::create_network) would take.
    pub fn plan_network(&mut self, spec: &NetworkSpec) -> Result<Vec<Step>> {
        let (_, plan) = self.engine.plan_network(spec)?;
        Ok(steps(&plan))
    }

    /// All networks, by name.
    pub fn networks(&mut self) -> Result<Vec<Network>> {
        self.engine.networks()
    }

    /// One network.
    pub fn network(&mut self, name: &NetworkName) -> Result<Network> {
        self.engine.network(name)
    }

    /// Takes a network away. If there are attachments it is refused, unless `force` detaches them first. A network that is not there
    /// is no error.
    pub fn remove_network(&mut self, name: &NetworkName, force: bool) -> Result<Detached> {
        self.engine.remove_network(name, force)
    }

    /// The steps that [`remove_network`](Self::remove_network) would take.
    pub fn plan_remove(&mut self, name: &NetworkName, force: bool) -> Result<Vec<Step>> {
        let (plans, last) = self.engine.plan_remove(name, force)?;
        let mut all = steps(&plans.concat());
        all.extend(steps(&last));
        Ok(all)
    }

    /// What others have set up that stops a network's packets. Looks at every chain: for whoever asks, not for each attach.
    pub fn obstacles(&mut self, network: &Network) -> Result<Vec<Obstacle>> {
        self.engine.obstacles(network)
    }

    /// Gives a namespace an interface in a network. The same again returns the same; with other wishes it is refused.
    pub fn attach(&mut self, spec: &AttachmentSpec, namespace: &NetNs) -> Result<Attachment> {
        self.engine.attach(spec, namespace)
    }

    /// Attaches many, faster than one by one: each answer is that of [`attach`](Self::attach) for the wish at its place, and a failure of
    /// one leaves the others alone. Host and networks are locked meanwhile; a descriptor is open for each of 64.
    ///
    /// # Errors
    /// What concerns all of them: a lock that somebody holds, records that cannot be written.
    ///
    /// ```no_run
    /// use bridge::{AttachmentId, AttachmentSpec, Host};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut host = Host::open()?;
    /// let mut wishes = Vec::new();
    /// for name in ["a", "b"] {
    ///     let spec = AttachmentSpec::new("blue".parse()?, AttachmentId::new("cli", name)?);
    ///     wishes.push((spec, ns_mgmt::NetNs::open_name(&name.parse()?)?));
    /// }
    /// for made in host.attach_all(&wishes)? {
    ///     println!("{:?}", made?.addresses);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn attach_all(
        &mut self,
        wishes: &[(AttachmentSpec, NetNs)],
    ) -> Result<Vec<Result<Attachment>>> {
        self.engine.attach_all(wishes, false)
    }

    /// The same, all or nothing: where one fails, the others are taken away again, and its error is the answer.
    pub fn attach_all_or_none(
        &mut self,
        wishes: &[(AttachmentSpec, NetNs)],
    ) -> Result<Vec<Attachment>> {
        self.engine.attach_all(wishes, true)?.into_iter().collect()
    }

    /// The steps that [`attach`](Self::attach) would take; none if it is attached already.
    pub fn plan_attach(&mut self, spec: &AttachmentSpec, namespace: &NetNs) -> Result<Vec<Step>> {
        let plan = self
            .engine
            .plan(|engine| engine.plan_attach_dry(spec, namespace));
        plan.map(|plan| steps(&plan))
    }

    /// The steps that [`create_network`](Self::create_network) and then [`attach`](Self::attach) would take, where the network is not made yet.
    pub fn plan_first_attach(
        &mut self,
        network: &NetworkSpec,
        spec: &AttachmentSpec,
        namespace: &NetNs,
    ) -> Result<Vec<Step>> {
        let (network, mut plan) = self.engine.plan_network(network)?;
        plan.extend(self.engine.plan_attach_to(&network, spec, namespace)?);
        Ok(steps(&plan))
    }

    /// Takes attachments away: those of `who` with this interface, or all of `who`'s. Nothing to do is no error.
    pub fn detach(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: Option<IfName>,
    ) -> Result<Detached> {
        self.engine.detach(network, who, ifname)
    }

    /// The steps that [`detach`](Self::detach) would take.
    pub fn plan_detach(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: Option<IfName>,
    ) -> Result<Vec<Step>> {
        let mut all = Vec::new();
        for claim in self.engine.meant(network, who, ifname)? {
            all.extend(steps(&self.engine.plan_detach(&claim.attachment)?));
        }
        Ok(all)
    }

    /// The attachments of one network or of all, by network and age. A network that is not there is an error.
    pub fn attachments(&mut self, network: Option<&NetworkName>) -> Result<Vec<Attachment>> {
        let networks = match network {
            Some(name) => vec![self.network(name)?],
            None => self.networks()?,
        };
        let mut all = Vec::new();
        for network in &networks {
            let claims = self.engine.claims(network)?.into_iter();
            all.extend(claims.map(|claim| claim.attachment));
        }
        match self.engine.store.is_alive()? {
            true => self.engine.mark_gone(&mut all)?,
            false => all.iter_mut().for_each(|of| of.state = State::Stale),
        }
        Ok(all)
    }

    /// What differs between the records and the kernel, of one network or of all. Changes nothing.
    pub fn check(&mut self, network: Option<&NetworkName>) -> Result<Vec<Difference>> {
        let networks = self.engine.meant_networks(network)?;
        Ok(repair::differences(
            &self.engine.findings(&networks, Depth::Inside)?,
        ))
    }

    /// Mends what differs: tables, elements, bridges, ports, addresses and routes of attachments, forwarding, lost records. Attachments
    /// whose namespace is gone are taken away.
    pub fn repair(&mut self, network: Option<&NetworkName>) -> Result<Repaired> {
        let networks = self.engine.meant_networks(network)?;
        self.engine.repair(&networks, Depth::Inside)
    }

    /// The steps that [`repair`](Self::repair) would begin with.
    pub fn plan_repair(&mut self, network: Option<&NetworkName>) -> Result<Vec<Step>> {
        let networks = self.engine.meant_networks(network)?;
        let mut all = Vec::new();
        for finding in self.engine.findings(&networks, Depth::Inside)? {
            match &finding.mend {
                Mend::Nothing => {}
                Mend::Do(actions) | Mend::Attachment(_, actions) => all.extend(steps(actions)),
                Mend::Remove(of) => all.extend(steps(&self.engine.plan_detach(of)?)),
            }
        }
        Ok(all)
    }

    /// Takes away everything of ours in this namespace, whatever is left of it and whatever the records say: links, tables, elements,
    /// forwarding, records. What others made is not touched. Namespaces and the processes in them go on, without their networks.
    pub fn purge(&mut self) -> Result<Purged> {
        self.engine.purge()
    }

    /// The steps that [`purge`](Self::purge) would take.
    pub fn plan_purge(&mut self) -> Result<Vec<Step>> {
        Ok(steps(&self.engine.plan_purge()?))
    }

    /// Finishes or undoes whatever earlier commands left: half-made attachments and networks, links put aside, attachments whose
    /// namespace is gone.
    pub fn gc(&mut self) -> Result<Collected> {
        self.engine.gc()
    }

    /// The steps that [`gc`](Self::gc) would take.
    pub fn plan_gc(&mut self) -> Result<Vec<Step>> {
        self.engine.plan_gc()
    }
}

pub(crate) fn is_up(definition: &Definition) -> bool {
    definition.state == State::Up
}

pub(crate) fn steps(plan: &[Action]) -> Vec<Step> {
    plan.iter().map(Action::step).collect()
}

fn run_dir() -> Result<PathBuf> {
    let root = nix::unistd::geteuid().is_root();
    let writable = nix::unistd::access("/run", nix::unistd::AccessFlags::W_OK).is_ok();
    if root && writable {
        return Ok("/run/vetch".into());
    }
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| Path::new(dir).is_absolute());
    let own = own.ok_or_else(|| {
        let err = Error::missing(
            "find a directory for the records",
            "/run cannot be written to, and XDG_RUNTIME_DIR is not set",
        );
        err.with_hint("run as root, or in `vetch sandbox -- CMD`; or set XDG_RUNTIME_DIR")
    })?;
    Ok(Path::new(&own).join("vetch"))
}

/// Only the namespace of process 1 comes back after a reboot, and only with the usual directory.
fn is_the_hosts(here: &NetNs, run: &Path) -> bool {
    let first = || nix::sys::stat::stat("/proc/1/ns/net");
    run == Path::new("/run/vetch") && first().is_ok_and(|found| found.st_ino == here.inode())
}

impl Engine {
    pub(crate) fn network(&self, name: &NetworkName) -> Result<Network> {
        match self.store.definition(name)? {
            Some(definition) if is_up(&definition) => Ok(definition.network),
            _ => Err(self.no_network(name)),
        }
    }

    pub(crate) fn networks(&self) -> Result<Vec<Network>> {
        let definitions = self.store.definitions()?.into_iter();
        Ok(definitions
            .filter(is_up)
            .map(|definition| definition.network)
            .collect())
    }

    fn no_network(&self, name: &NetworkName) -> Error {
        let known = self.store.definitions().unwrap_or_default();
        let known: Vec<String> = known
            .iter()
            .map(|definition| format!("`{}`", definition.network.name))
            .collect();
        let err = Error::missing(format!("find network `{name}`"), "there is no such network");
        match known.is_empty() {
            true => err.with_hint(format!("make it: vetch network create {name}")),
            false => err.with_hint(format!("there is {}", known.join(", "))),
        }
    }

    /// Runs a plan that makes something.
    pub(crate) fn make(&mut self, op: &str, plan: &[Action], scene: &mut Scene<'_>) -> Result<()> {
        self.execute(op, plan, scene)
    }
}
