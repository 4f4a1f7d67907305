//! `vetch cni run`: a list of plugins, run as a container runtime does it.

use crate::cli::Global;
use crate::command::Answer;
use crate::failure::Failure;
use crate::output::{Output, escape_text};
use crate::words::parse;
use crate::{host, settle, time};
use cni::{
    Attachment, AttachmentKey, CapabilityArgs, Code, ContainerId, NetworkList, Run, Runtime, Step,
    Version,
};
use core_netlink::IfName;
use ns_mgmt::Target;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Run a CNI network list for one attachment, as a container runtime does
///
/// Plugins of this binary (`vetch cni ls`) run in this process; others are looked for in the plugin directories and nowhere else, and are
/// killed when they take too long or print more than 1 MiB. Answers to ADD are kept in the files that libcni uses.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch cni run ADD 10-pods.conflist --netns c1 --container-id c1
  vetch cni run ADD --network pods --netns /run/netns/c1 --container-id c1 \\
      --capabilities '{\"portMappings\": [{\"hostPort\": 8080, \"containerPort\": 80}]}'
  vetch cni run CHECK --network pods --container-id c1
  vetch cni run DEL --network pods --container-id c1     by what was kept, even if the list is gone
  vetch cni run GC --network pods                        away with what has no namespace any more
  vetch cni run STATUS

Answers: ADD prints the result, the others print nothing; a failure prints the error object of
the specification, and a sentence on stderr. With --json it is one document, {\"result\": ...,
\"steps\": ...} or {\"error\": ..., \"steps\": ...}, where steps are the calls of plugins with the
microseconds each took; -v shows them on stderr. What other vendors' plugins say on their
stderr is passed on.

Exit codes: 0 done, 1 the answer is no (CHECK found differences, STATUS says that an ADD would
fail), 2 failed.

ADD undoes what it did if a plugin fails. The same ADD again answers the same, or what CHECK finds
wrong; only what is left of a namespace that ended is removed and made anew.

GC without --valid spares what is kept or recorded and whose namespace is there or may be; it is
refused where nothing was ever kept, or a file that may be of the network cannot be read.")]
pub(super) struct Args {
    /// What to do
    #[arg(value_enum, ignore_case = true)]
    operation: Operation,
    /// Network list (*.conflist), or configuration of one plugin (*.conf, *.json)
    #[arg(value_name = "CONFLIST", conflicts_with_all = ["conf_dir", "network"])]
    list: Option<PathBuf>,
    /// Directory of lists, instead of CONFLIST: the first one in it, or that of --network
    #[arg(long, value_name = "DIR", default_value = "/etc/cni/net.d")]
    conf_dir: PathBuf,
    /// Network to look for in the directory
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// Network namespace: a name under /run/netns, a path, or `pid:N`; that of the ADD unless given
    #[arg(long, value_parser = parse::<Target>, required_if_eq("operation", "ADD"))]
    netns: Option<Target>,
    /// Container
    #[arg(
        long,
        value_name = "ID",
        value_parser = parse::<ContainerId>,
        required_if_eq_any([("operation", "ADD"), ("operation", "DEL"), ("operation", "CHECK")])
    )]
    container_id: Option<ContainerId>,
    /// Interface inside the namespace
    #[arg(long, default_value = "eth0", value_parser = parse::<IfName>)]
    ifname: IfName,
    /// CNI_ARGS
    #[arg(long, value_name = "KEY=VALUE;...", default_value = "", hide_default_value = true, value_parser = parse::<cni::Args>)]
    args: cni::Args,
    /// What there is for plugins whose `capabilities` ask for it: a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = capabilities)]
    capabilities: CapabilityArgs,
    /// For GC: an attachment that is valid; again for more. Or `none`
    #[arg(long, value_name = "ID/IFNAME", value_parser = valid)]
    valid: Vec<Valid>,
    /// Directory of other vendors' plugins; again for more
    ///
    /// Those of CNI_PATH unless given, else /opt/cni/bin, /usr/lib/cni and /usr/libexec/cni.
    #[arg(long, value_name = "DIR", help_heading = ELSEWHERE)]
    plugin_dir: Vec<PathBuf>,
    /// Seconds that another vendor's plugin may take
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = ELSEWHERE
    )]
    plugin_timeout: u64,
    /// Directory in whose `results` answers to ADD are kept
    #[arg(long, value_name = "DIR", default_value = "/var/lib/cni", help_heading = ELSEWHERE)]
    cache_dir: PathBuf,
}

const ELSEWHERE: &str = "Plugins and results";

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Operation {
    /// Attach the namespace
    #[value(name = "ADD")]
    Add,
    /// Undo it
    #[value(name = "DEL")]
    Del,
    /// Compare what is there with what ADD answered
    #[value(name = "CHECK")]
    Check,
    /// Take away what nobody means any more
    #[value(name = "GC")]
    Gc,
    /// Say whether an ADD would be served
    #[value(name = "STATUS")]
    Status,
}

impl Operation {
    fn word(self) -> &'static str {
        match self {
            Operation::Add => "ADD",
            Operation::Del => "DEL",
            Operation::Check => "CHECK",
            Operation::Gc => "GC",
            Operation::Status => "STATUS",
        }
    }
}

/// A word of `--valid`.
#[derive(Clone, Debug)]
enum Valid {
    None,
    One(AttachmentKey),
}

fn valid(text: &str) -> Result<Valid, String> {
    if text == "none" {
        return Ok(Valid::None);
    }
    let (container, ifname) = text
        .split_once('/')
        .ok_or("right is ID/IFNAME, as in c1/eth0, or `none`")?;
    Ok(Valid::One(AttachmentKey {
        container_id: parse(container)?,
        ifname: parse(ifname)?,
    }))
}

fn capabilities(text: &str) -> Result<CapabilityArgs, String> {
    CapabilityArgs::parse(text.as_bytes()).map_err(|err| err.to_string())
}

/// What came of it.
struct Done {
    version: Version,
    result: Result<Option<cni::AddResult>, cni::Error>,
    steps: Vec<Step>,
}

impl Args {
    pub(super) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let lent = ns_mgmt::lend_thread(); // nothing else runs in this process
        let runtime = self.runtime(global)?;
        let mut steps = Vec::new();
        let mut report = |step: &Step| {
            say(step, global.verbose);
            steps.push(step.clone());
        };
        let mut detached = Vec::new();
        let mut version = Version::LATEST;
        let result = Run::new(&runtime, &mut report).and_then(|mut run| {
            let list = self.list(&run);
            let result = list.and_then(|list| {
                version = list.version;
                self.operate(&mut run, &list)
            });
            detached = run.finish();
            result
        });
        drop(lent);
        let done = Done {
            version,
            result,
            steps,
        };
        done.print(out)?;
        out.flush()?; // the answer is there before what takes the kernel long
        for detached in detached {
            settle::settle(detached, false)?;
        }
        match &done.result {
            Ok(_) => Ok(Answer::Done),
            Err(err) => Err(self.failure(err, &done.steps)),
        }
    }

    fn runtime(&self, global: &Global) -> Result<Runtime, Failure> {
        let usual = Runtime::default();
        let absolute = |path: &PathBuf| {
            let failed = |err| Failure::new(format!("cannot use {path:?}")).with_cause(&err);
            std::path::absolute(path).map_err(failed)
        };
        let given = std::env::var_os("CNI_PATH").unwrap_or_default();
        let given = std::env::split_paths(&given).filter(|path| *path != Path::new(""));
        let given: Vec<PathBuf> = given.collect();
        let directories = match (self.plugin_dir.is_empty(), given.is_empty()) {
            (false, _) => self.plugin_dir.clone(),
            (true, false) => given,
            (true, true) => usual.plugin_directories,
        };
        Ok(Runtime {
            options: bridge::Options {
                lock_timeout: global.lock_timeout(),
                ..usual.options
            },
            plugin_directories: directories.iter().map(absolute).collect::<Result<_, _>>()?,
            cache_directory: absolute(&self.cache_dir)?,
            time_limit: Duration::from_secs(self.plugin_timeout),
            watch: global.verbose.then_some(host::show),
        })
    }

    /// The list that is meant. DEL of a network whose file is gone has what was kept of the ADD.
    fn list(&self, run: &Run<'_>) -> cni::Result<NetworkList> {
        match (&self.list, &self.network) {
            (Some(file), _) => NetworkList::load(file),
            (None, Some(network)) => {
                let found = NetworkList::find(&self.conf_dir, network);
                match (found, self.key()) {
                    (Err(err), Some(key)) if self.operation == Operation::Del => {
                        run.kept_list(network, &key)?.ok_or(err)
                    }
                    (found, _) => found,
                }
            }
            (None, None) => match cni::network_files(&self.conf_dir)?.first() {
                Some(first) => NetworkList::load(first),
                None => {
                    let why = format!("{} has no network list", self.conf_dir.display());
                    Err(cni::Error::new(Code::InvalidConfig, why))
                }
            },
        }
    }

    fn key(&self) -> Option<AttachmentKey> {
        Some(AttachmentKey {
            container_id: self.container_id.clone()?,
            ifname: self.ifname,
        })
    }

    fn operate(
        &self,
        run: &mut Run<'_>,
        list: &NetworkList,
    ) -> cni::Result<Option<cni::AddResult>> {
        match (self.operation, self.key()) {
            (Operation::Add, Some(key)) => run.add(list, &self.attachment(key)?).map(Some),
            (Operation::Del, Some(key)) => run.del(list, &self.attachment(key)?).map(|()| None),
            (Operation::Check, Some(key)) => run.check(list, &self.attachment(key)?).map(|()| None),
            (Operation::Gc, _) => run.gc(list, self.valid().as_deref()).map(|()| None),
            (Operation::Status, _) => run.status(list).map(|()| None),
            (_, None) => {
                let why = format!("{} needs --container-id", self.operation.word());
                Err(cni::Error::new(Code::InvalidEnvironment, why))
            }
        }
    }

    fn attachment(&self, key: AttachmentKey) -> cni::Result<Attachment> {
        let netns = self.netns.as_ref().map(|target| {
            let path = target.path();
            std::path::absolute(&path).map_err(|err| {
                let why = format!("--netns: cannot use {}: {err}", path.display());
                cni::Error::new(Code::InvalidEnvironment, why)
            })
        });
        Ok(Attachment {
            netns: netns.transpose()?,
            args: self.args.clone(),
            capabilities: self.capabilities.clone(),
            ..Attachment::new(key)
        })
    }

    fn valid(&self) -> Option<Vec<AttachmentKey>> {
        let one = |valid: &Valid| match valid {
            Valid::None => None,
            Valid::One(key) => Some(key.clone()),
        };
        (!self.valid.is_empty()).then(|| self.valid.iter().filter_map(one).collect())
    }

    /// The error for people: what was tried, which plugin said no, what to do next.
    fn failure(&self, err: &cni::Error, steps: &[Step]) -> Failure {
        let word = self.operation.word();
        let what = match self.key() {
            Some(key) => format!("{word} failed for {}/{}", key.container_id, key.ifname),
            None => format!("{word} failed"),
        };
        let is_its = |step: &&Step| step.error.as_ref().is_some_and(|of| of.msg == err.msg);
        let failure = Failure::new(what);
        let failure = match steps.iter().find(is_its) {
            Some(step) => failure.because(format!("plugin `{}`", step.plugin)),
            None => failure,
        };
        let failure = failure.because(&err.msg);
        let failure = match err.details.as_str() {
            "" => failure,
            details => failure.hint(details),
        };
        match err.code {
            Code::Differs | Code::Unavailable | Code::LimitedConnectivity => failure.code(1),
            _ => failure,
        }
    }
}

/// What a plugin of others said, and with `-v` that the step is done.
fn say(step: &Step, verbose: bool) {
    let mut text = String::new();
    for line in step.said.lines() {
        text.push_str(&format!("{}: {line}\n", step.plugin));
    }
    if verbose {
        let program = step.program.as_ref();
        let program = program.map_or_else(String::new, |path| format!(" by {}", path.display()));
        let failed = if step.error.is_some() { " failed" } else { "" };
        let took = time::took(step.took);
        text.push_str(&format!(
            "# {} {}{program}{failed} ({took})\n",
            step.operation, step.plugin
        ));
    }
    // Whoever closed stderr does not want to know.
    let _ = write!(std::io::stderr().lock(), "{}", escape_text(&text));
}

impl Done {
    fn print(&self, out: &mut Output) -> Result<(), Failure> {
        let object = match &self.result {
            Ok(None) => None,
            Ok(Some(result)) => Some(result.to_json(self.version)),
            Err(err) => Some(err.to_json(self.version)),
        };
        if !out.json {
            return object.map_or(Ok(()), |object| out.line(object));
        }
        let object = object.and_then(|object| serde_json::from_str(&object).ok());
        let key = if self.result.is_ok() {
            "result"
        } else {
            "error"
        };
        let steps: Vec<Value> = self.steps.iter().map(step).collect();
        out.document(&json!({ key: object.unwrap_or(Value::Null), "steps": steps }))
    }
}

fn step(step: &Step) -> Value {
    let micros = u64::try_from(step.took.as_micros()).unwrap_or(u64::MAX);
    json!({
        "operation": step.operation,
        "plugin": step.plugin,
        "program": step.program.as_ref().map(|path| path.display().to_string()),
        "micros": micros,
        "error": step.error.as_ref().map(|err| &err.msg),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_attachments_are_pairs_or_none() {
        assert!(matches!(valid("none"), Ok(Valid::None)));
        match valid("c1/eth0") {
            Ok(Valid::One(key)) => assert_eq!(key.container_id.as_str(), "c1"),
            other => panic!("{other:?}"),
        }
        for bad in ["c1", "c1/", "/eth0", "../c/eth0", "c1/a/b"] {
            assert!(valid(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn operations_are_words_of_the_specification() {
        use clap::ValueEnum;
        for operation in Operation::value_variants() {
            let word = operation.to_possible_value().unwrap();
            assert_eq!(word.get_name(), operation.word());
        }
    }
}
