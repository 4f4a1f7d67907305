//! Lists carried out, as a runtime does it (CNI 1.1.0, "Section 3: Execution of Network Configurations").
//!
//! Owns the order of the plugins, what each is given, undoing, and what is kept of an ADD. Plugins of ours run in this process and share
//! one session; those of others are started (`exec`).

mod again;
mod cache;
mod chain;
mod gc;

use crate::args::Args;
use crate::attachment::AttachmentKey;
use crate::config::check_name;
use crate::env::Command;
use crate::error::{Code, Error, Result};
use crate::list::{CapabilityArgs, NetworkList};
use crate::plugin::Ahead;
use crate::result::AddResult;
use crate::session::{self, Session};
use crate::version::Version;
use bridge::{Detached, Options};
use cache::Cache;
use chain::Chain;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What lists are carried out with.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// For plugins of ours: where records are, and how long to wait for locks.
    pub options: Options,
    /// Where plugins of others are, in the order in which they are looked for: absolute paths without `:`.
    pub plugin_directories: Vec<PathBuf>,
    /// The directory in whose `results` answers to ADD are kept; libcni's unless given.
    pub cache_directory: PathBuf,
    /// How long one plugin of others may take; a minute unless set.
    pub time_limit: Duration,
    /// Told of each step that a plugin of ours took in the kernel.
    pub watch: Option<fn(&bridge::Step, Duration)>,
}

impl Default for Runtime {
    fn default() -> Runtime {
        let usual = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];
        Runtime {
            options: Options::default(),
            plugin_directories: usual.map(PathBuf::from).into(),
            cache_directory: "/var/lib/cni".into(),
            time_limit: Duration::from_secs(60),
            watch: None,
        }
    }
}

/// An attachment as a runtime asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What it goes by.
    pub key: AttachmentKey,
    /// The namespace of the container, an absolute path; needed for ADD.
    pub netns: Option<PathBuf>,
    /// `CNI_ARGS`.
    pub args: Args,
    /// What there is for plugins that ask for it.
    pub capabilities: CapabilityArgs,
}

impl Attachment {
    /// Without anything that need not be.
    pub fn new(key: AttachmentKey) -> Attachment {
        Attachment {
            key,
            netns: None,
            args: Args::default(),
            capabilities: CapabilityArgs::default(),
        }
    }
}

/// One call of one plugin, when it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// `ADD`, `DEL`, `CHECK`, `GC` or `STATUS`.
    pub operation: &'static str,
    /// Its `type`.
    pub plugin: String,
    /// The program that was started; `None` for a plugin of ours.
    pub program: Option<PathBuf>,
    /// How long it took.
    pub took: Duration,
    /// What it said on its standard error, 64 KiB at most; any bytes of a terminal may be in it.
    pub said: String,
    /// Why it failed, if it did.
    pub error: Option<Error>,
}

/// Carries lists out; what its plugins share lives as long as it does.
///
/// ```no_run
/// use cni::{Attachment, AttachmentKey, NetworkList, Run, Runtime};
/// let list = NetworkList::find("/etc/cni/net.d".as_ref(), "pods")?;
/// let key = AttachmentKey { container_id: "web".parse()?, ifname: "eth0".parse()? };
/// let web = Attachment { netns: Some("/run/netns/web".into()), ..Attachment::new(key) };
/// let runtime = Runtime::default();
/// let mut report = |step: &cni::Step| println!("{} {} {:?}", step.operation, step.plugin, step.took);
/// let mut run = Run::new(&runtime, &mut report)?;
/// println!("{}", run.add(&list, &web)?.to_json(list.version));
/// run.del(&list, &web)?;
/// for detached in run.finish() {
///     detached.settle()?; // what the kernel takes long to delete
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Run<'a> {
    runtime: &'a Runtime,
    report: &'a mut dyn FnMut(&Step),
    session: Session,
    cache: Cache,
}

impl<'a> Run<'a> {
    /// Each call of a plugin is reported when it has ended. Code 4 if a directory of plugins is no absolute path.
    pub fn new(runtime: &'a Runtime, report: &'a mut dyn FnMut(&Step)) -> Result<Run<'a>> {
        crate::exec::check_directories(&runtime.plugin_directories)?;
        let mut session = Session::new(runtime.options.clone());
        session.watch = runtime.watch;
        Ok(Run {
            runtime,
            report,
            session,
            cache: Cache::new(&runtime.cache_directory),
        })
    }

    /// Ends it: all locks are free. What is out of service and still has to be deleted is handed out.
    pub fn finish(self) -> Vec<Detached> {
        self.session.detached
    }

    /// ADD: each plugin in order is given the result of the one before; the last one's is the answer, and is kept.
    ///
    /// What can be refused is refused before the first plugin runs. If one fails, those that ran are undone by DEL in reverse order, the
    /// one that failed included; its error is the answer, and its details say what could not be undone.
    ///
    /// The same again answers the same, unless CHECK (where it may be called) finds a difference: that is the error then, for nobody takes
    /// the network of a container away by an ADD. Neither may it be asked for in other words while it lives (code 7). What is left of one
    /// whose namespace ended is removed first.
    pub fn add(&mut self, list: &NetworkList, attachment: &Attachment) -> Result<AddResult> {
        let netns = namespace(attachment.netns.as_deref(), "ADD")?;
        let chain = Chain::new(self.runtime, list, Some(attachment));
        chain.check_programs()?;
        let ahead = chain.ahead()?;
        let life = again::life(&session::open(netns)?);
        self.cache.prepare(&list.name, &attachment.key)?;
        if let Some(result) = self.again(list, attachment, life.as_ref())? {
            return Ok(result);
        }
        let (key, netns) = (attachment.key.clone(), netns.to_owned());
        let result = self.add_all(&chain, &Command::Add { key, netns }, &ahead)?;
        match self.cache.write(list, attachment, &result, life.as_ref()) {
            Ok(()) => Ok(result),
            Err(err) => Err(self.undo(&chain, chain.last(), Some(&result), err)),
        }
    }

    fn add_all(&mut self, chain: &Chain<'_>, add: &Command, ahead: &Ahead) -> Result<AddResult> {
        self.session.attached = None;
        let mut result = None;
        for at in 0..chain.links.len() {
            match self.step(chain, at, add, result.as_ref(), ahead) {
                Ok(made) => result = made,
                Err(err) => return Err(self.undo(chain, at, result.as_ref(), err)),
            }
        }
        Ok(result.unwrap_or_default())
    }

    /// Takes away what the plugins up to this one did; the error with what could not be.
    fn undo(
        &mut self,
        chain: &Chain<'_>,
        last: usize,
        result: Option<&AddResult>,
        err: Error,
    ) -> Error {
        let left = self.del_until(chain, last, result);
        left.iter().fold(err, |err, (whose, left)| {
            err.and(&format!("not undone: {whose}{left}"))
        })
    }

    /// DEL in reverse order, from this plugin on. One that fails is no reason to leave out the others.
    fn del_until(
        &mut self,
        chain: &Chain<'_>,
        last: usize,
        previous: Option<&AddResult>,
    ) -> Vec<(String, Error)> {
        let Some(attachment) = chain.attachment else {
            return Vec::new();
        };
        let del = Command::Del {
            key: attachment.key.clone(),
            netns: attachment.netns.clone().filter(|path| !is_gone(path)),
        };
        let previous = previous.filter(|_| chain.list.version >= Version::V040);
        let ahead = chain.ahead_of_del(last);
        let mut failed = Vec::new();
        for at in (0..=last).rev() {
            if let Err(err) = self.step(chain, at, &del, previous, &ahead)
                && let Some(link) = chain.links.get(at)
            {
                failed.push((link.label(), err));
            }
        }
        failed
    }

    /// DEL: the plugins in reverse order, each given the result that is kept.
    ///
    /// If something is kept of the ADD, then also the list and the arguments are those of the ADD, and so is the namespace, unless it is
    /// said or its path leads to another by now; what is kept is removed last. Files
    /// that cannot be read are as good as none. All plugins are run: the first error is the answer, with the others in its details, and
    /// what is kept stays for the next try.
    pub fn del(&mut self, list: &NetworkList, attachment: &Attachment) -> Result<()> {
        let kept = self.cache.read(&list.name, &attachment.key).ok().flatten();
        let mut attachment = attachment.clone();
        let (mut whole, mut result) = (list, None);
        if let Some(kept) = &kept {
            if let Some(list) = kept.list.as_ref().filter(|kept| kept.name == list.name) {
                whole = list;
                attachment.args = kept.attachment.args.clone();
                attachment.capabilities = kept.attachment.capabilities.clone();
            }
            let netns = kept.attachment.netns.as_deref();
            let netns = netns.filter(|path| !again::is_another(kept, path));
            attachment.netns = attachment.netns.or(netns.map(Path::to_owned));
            result = kept.result.as_ref();
        }
        let chain = Chain::new(self.runtime, whole, Some(&attachment));
        let failed = self.del_until(&chain, chain.last(), result);
        match first(failed) {
            Some(err) => Err(err),
            None => self.cache.remove(&list.name, &attachment.key),
        }
    }

    /// The list that is kept of an ADD: with it DEL needs no file of configuration.
    pub fn kept_list(&self, network: &str, key: &AttachmentKey) -> Result<Option<NetworkList>> {
        check_name("name", network)?;
        let kept = self.cache.read(network, key)?;
        Ok(kept.and_then(|kept| kept.list))
    }

    /// CHECK: the plugins in order, each given the result that is kept of the ADD; ends at the first that fails.
    ///
    /// Nothing if the list says that it must not be called. Arguments that are not given are those of the ADD. Code 1 before version
    /// 0.4.0, 101 if nothing is kept.
    pub fn check(&mut self, list: &NetworkList, attachment: &Attachment) -> Result<()> {
        if list.version < Version::V040 {
            let why = format!(
                "`cniVersion`: CHECK is there since {}, the list says {}",
                Version::V040,
                list.version
            );
            return Err(Error::new(Code::IncompatibleVersion, why));
        }
        if list.disable_check {
            return Ok(());
        }
        let kept = self.cache.read(&list.name, &attachment.key)?;
        let Some((kept, result)) = kept.and_then(|kept| Some((kept.attachment, kept.result?)))
        else {
            let (key, place) = (&attachment.key, self.cache.directory().display());
            let why = format!(
                "{}/{} is not attached to `{}`: {place} has no answer to its ADD",
                key.container_id, key.ifname, list.name
            );
            return Err(Error::new(Code::Differs, why));
        };
        let mut attachment = attachment.clone();
        attachment.netns = attachment.netns.or(kept.netns);
        if attachment.args == Args::default() {
            attachment.args = kept.args;
        }
        if attachment.capabilities == CapabilityArgs::default() {
            attachment.capabilities = kept.capabilities;
        }
        self.check_all(list, &attachment, &result)
    }

    fn check_all(
        &mut self,
        list: &NetworkList,
        attachment: &Attachment,
        result: &AddResult,
    ) -> Result<()> {
        let check = Command::Check {
            key: attachment.key.clone(),
            netns: namespace(attachment.netns.as_deref(), "CHECK")?.to_owned(),
        };
        let chain = Chain::new(self.runtime, list, Some(attachment));
        chain.check_programs()?;
        for at in 0..chain.links.len() {
            self.step(&chain, at, &check, Some(result), &Ahead::default())?;
        }
        Ok(())
    }

    /// STATUS: the plugins in order, until one says that an ADD would fail. Nothing before version 1.1.0.
    pub fn status(&mut self, list: &NetworkList) -> Result<()> {
        if list.version < Version::V110 {
            return Ok(());
        }
        let chain = Chain::new(self.runtime, list, None);
        chain.check_programs()?;
        for at in 0..chain.links.len() {
            self.step(&chain, at, &Command::Status, None, &Ahead::default())?;
        }
        Ok(())
    }
}

/// The namespace of an operation that needs one.
fn namespace<'a>(netns: Option<&'a Path>, operation: &str) -> Result<&'a Path> {
    match netns {
        Some(path) if path.is_absolute() => Ok(path),
        Some(path) => {
            let why = format!("`CNI_NETNS`: {path:?} is no absolute path");
            Err(Error::new(Code::InvalidEnvironment, why))
        }
        None => {
            let why = format!("`CNI_NETNS`: {operation} needs the namespace of the container");
            Err(Error::new(Code::InvalidEnvironment, why))
        }
    }
}

/// Whether there is certainly no network namespace at a path. One that may not be looked at may be there.
fn is_gone(path: &Path) -> bool {
    match ns_mgmt::NetNs::open_path(path) {
        Ok(_) => false,
        Err(err) => err.is_not_found() || err.is_invalid(),
    }
}

/// The first error, with the others in its details, each behind whose it is.
fn first(failed: Vec<(String, Error)>) -> Option<Error> {
    let mut failed = failed.into_iter();
    let (_, first) = failed.next()?;
    Some(failed.fold(first, |err, (whose, other)| {
        err.and(&format!("and then: {whose}{other}"))
    }))
}

#[cfg(test)]
mod tests;
