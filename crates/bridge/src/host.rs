//! The host: the one entry to everything here.

use crate::error::{Error, Result};
use crate::name::NetworkName;
use crate::spec::{Attachment, AttachmentSpec, Network, NetworkSpec, Who};
use crate::step::Step;
use core_netlink::IfName;
use ns_mgmt::NetNs;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where the records are, and how long to wait for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The directory of claims and locks, on a file system that a reboot empties: `/run/vetch`, for ordinary users
    /// `$XDG_RUNTIME_DIR/vetch`.
    pub run: Option<PathBuf>,
    /// The directory of definitions that outlive a reboot: `/var/lib/vetch` where the host's own namespace is worked on, none elsewhere.
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
    watch: Option<Watch>,
}

type Watch = Box<dyn FnMut(&Step, Duration) + Send>;

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

/// What was taken away; the links still have to be deleted, which takes 20 to 40 ms of waiting inside the kernel.
#[derive(Debug)]
#[must_use = "call `settle`, here or in a child process; the next command does it otherwise"]
pub struct Detached {
    attachments: Vec<Attachment>,
}

impl Detached {
    /// The attachments that are gone; none if there were none.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// Deletes the links that were put aside. What is gone already counts as done.
    pub fn settle(self) -> Result<()> {
        Ok(())
    }
}

/// What [`Host::gc`] found and took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Attachments whose namespace is gone, whose making was never finished, or that belong to an earlier life of the host.
    pub attachments: Vec<Attachment>,
    /// How many links that nobody had deleted.
    pub links: usize,
    /// Records and directories of namespaces that are gone.
    pub files: Vec<PathBuf>,
}

impl Host {
    /// The network namespace of the calling thread, with the usual directories.
    pub fn open() -> Result<Host> {
        Host::with(Options::default())
    }

    /// The same with other directories or another time limit.
    pub fn with(_options: Options) -> Result<Host> {
        Ok(Host { watch: None })
    }

    /// Each step is reported here when it is done, with the time it took.
    pub fn watch(&mut self, watch: impl FnMut(&Step, Duration) + Send + 'static) {
        self.watch = Some(Box::new(watch));
    }

    /// Makes a network. One that is there with the same definition is returned (and mended where its bridge is missing).
    pub fn create_network(&mut self, spec: &NetworkSpec) -> Result<Network> {
        Err(soon(format!("create network `{}`", spec.name)))
    }

    /// The steps that [`create_network`](Self::create_network) would take.
    pub fn plan_network(&mut self, spec: &NetworkSpec) -> Result<Vec<Step>> {
        Err(soon(format!("create network `{}`", spec.name)))
    }

    /// All networks, by name.
    pub fn networks(&mut self) -> Result<Vec<Network>> {
        Err(soon("list the networks".to_owned()))
    }

    /// One network.
    pub fn network(&mut self, name: &NetworkName) -> Result<Network> {
        Err(soon(format!("find network `{name}`")))
    }

    /// Takes a network away. If there are attachments it is refused, unless `force` detaches them first. A network that is not there
    /// is no error.
    pub fn remove_network(&mut self, name: &NetworkName, force: bool) -> Result<Detached> {
        Err(soon(format!("remove network `{name}` ({force})")))
    }

    /// The steps that [`remove_network`](Self::remove_network) would take.
    pub fn plan_remove(&mut self, name: &NetworkName, force: bool) -> Result<Vec<Step>> {
        Err(soon(format!("remove network `{name}` ({force})")))
    }

    /// Gives a namespace an interface in a network. The same again returns the same; with other wishes it is refused.
    pub fn attach(&mut self, spec: &AttachmentSpec, namespace: &NetNs) -> Result<Attachment> {
        Err(soon(format!("attach {} in {namespace}", spec.key())))
    }

    /// The steps that [`attach`](Self::attach) would take.
    pub fn plan_attach(&mut self, spec: &AttachmentSpec, namespace: &NetNs) -> Result<Vec<Step>> {
        Err(soon(format!("attach {} in {namespace}", spec.key())))
    }

    /// Takes attachments away: those of `who` with this interface, or all of `who`'s. Nothing to do is no error.
    pub fn detach(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: Option<IfName>,
    ) -> Result<Detached> {
        Err(soon(format!(
            "detach {who:?} {ifname:?} from network `{network}`"
        )))
    }

    /// The steps that [`detach`](Self::detach) would take.
    pub fn plan_detach(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: Option<IfName>,
    ) -> Result<Vec<Step>> {
        Err(soon(format!(
            "detach {who:?} {ifname:?} from network `{network}`"
        )))
    }

    /// The attachments of one network or of all, by network and age.
    pub fn attachments(&mut self, network: Option<&NetworkName>) -> Result<Vec<Attachment>> {
        Err(soon(format!("list the attachments of {network:?}")))
    }

    /// Finishes or undoes whatever earlier commands left: half-made attachments, links put aside, records of namespaces that are gone.
    pub fn gc(&mut self) -> Result<Collected> {
        Err(soon("collect what is left over".to_owned()))
    }
}

fn soon(op: String) -> Error {
    Error::missing(op, "this build cannot do it")
}
