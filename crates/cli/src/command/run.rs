//! `vetch run`: a program in the foreground in namespaces of its own, attached to a network while it runs.

use crate::cli::Global;
use crate::command::attach::Publish;
use crate::command::{Answer, network};
use crate::container::{self, Name};
use crate::failure::Failure;
use crate::output::Output;
use crate::words::{explain, parse};
use crate::{host, privilege, settle, target};
use bridge::{AttachmentId, AttachmentSpec, Host, NetworkName, NetworkSpec, Step, Who};
use ns_mgmt::{
    Child, Choice, Choices, HeldSignals, Kind, Namespace, NetNs, NsName, RunSpec, Target,
};
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

/// The network of containers that ask for none.
const DEFAULT: &str = "default";

/// Run a program in namespaces of its own, attached to a network
///
/// In the foreground, with this terminal. Without options: new mount, UTS, IPC, PID, network and cgroup namespaces, and the network
/// `default`, which is made on first use. The network is attached before the program starts and detached after it ends, also when a signal
/// ends it. This is no security boundary without --user: root inside is root.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch run -- sh
  vetch run --name web --net web -p 8080:80 -- httpd -f
  vetch run --net container:web -- ss -tln       in the network of another container
  vetch run --net none --user -- sh              no network, and root inside is nobody outside
  vetch run --rootfs /srv/alpine --hostname lab -- /bin/sh
  vetch run --pid host --mount host -- sh        only the network is its own
  vetch run --dry-run -p 8080:80 -- httpd        how it would be attached

Exit code: the program's own, 128+N if signal N ended it; 125 if vetch failed,
126 if the program cannot be executed, 127 if it is not found.")]
pub(crate) struct Args {
    /// Name to find it by: `vetch exec NAME`, `--net container:NAME`; also its host name
    #[arg(long)]
    name: Option<Name>,
    /// Its network: a network, `host`, `none` (only lo), `container:NAME`, `ns:NAME` or `pid:N`
    #[arg(long, value_name = "NETWORK|host|none|container:NAME|ns:NAME|pid:N", default_value = DEFAULT)]
    net: Net,
    #[command(flatten)]
    publish: Publish,
    /// In a new user namespace: root inside is nobody outside
    #[arg(long)]
    user: bool,
    /// Its host name; that of this host unless it has a name
    #[arg(long, value_name = "H")]
    hostname: Option<String>,
    /// Directory that becomes its root; /proc, /sys and a small /dev are mounted on the directories of these names in it
    #[arg(long, value_name = "DIR")]
    rootfs: Option<PathBuf>,
    /// Mount namespace
    #[arg(long, value_name = PLACE, default_value = "new")]
    mount: Place,
    /// UTS namespace (host name)
    #[arg(long, value_name = PLACE, default_value = "new")]
    uts: Place,
    /// IPC namespace (message queues, shared memory)
    #[arg(long, value_name = PLACE, default_value = "new")]
    ipc: Place,
    /// PID namespace (process numbers)
    #[arg(long, value_name = PLACE, default_value = "new")]
    pid: Place,
    /// Cgroup namespace
    #[arg(long, value_name = PLACE, default_value = "new")]
    cgroup: Place,
    /// Only show what would be done to networks, and the words that undo each step (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
    /// Program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

const PLACE: &str = "new|host|pid:N";

/// Where a program is, for one kind of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    New,
    Host,
    Of(u32),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        match (text, text.parse::<Target>()) {
            ("new", _) => Ok(Place::New),
            ("host", _) => Ok(Place::Host),
            (_, Ok(Target::Pid(pid))) => Ok(Place::Of(pid)),
            _ => Err("right is `new`, `host` or `pid:N`".to_owned()),
        }
    }
}

impl Place {
    fn choice(self, kind: Kind) -> Result<Choice, Failure> {
        Ok(match self {
            Place::New => Choice::New,
            Place::Host => Choice::Host,
            Place::Of(pid) => Choice::Join(Namespace::open_pid(kind, pid)?),
        })
    }
}

/// Which network a program sees.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Net {
    Network(NetworkName),
    Host,
    None,
    Container(Name),
    Named(NsName),
    Of(u32),
}

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Net, String> {
        if let Some(name) = text.strip_prefix("container:") {
            return name.parse().map(Net::Container);
        }
        if text.starts_with("ns:") || text.starts_with("pid:") {
            return match text.parse() {
                Ok(Target::Name(name)) => Ok(Net::Named(name)),
                Ok(Target::Pid(pid)) => Ok(Net::Of(pid)),
                Ok(_) => Err("right is `ns:NAME` or `pid:N`".to_owned()),
                Err(error) => Err(explain(&error)),
            };
        }
        match text {
            "host" => Ok(Net::Host),
            "none" => Ok(Net::None),
            name => parse(name).map(Net::Network),
        }
    }
}

impl Net {
    fn choice(&self) -> Result<Choice, Failure> {
        let of = |pid| Ok(Choice::Join(Namespace::open_pid(Kind::Net, pid)?));
        match self {
            Net::Network(_) | Net::None => Ok(Choice::New),
            Net::Host => Ok(Choice::Host),
            Net::Container(name) => of(container::find(name)?),
            Net::Named(name) => {
                let namespace = target::open(&Target::Name(name.clone()))?;
                Ok(Choice::Join(namespace.as_namespace().try_clone()?))
            }
            Net::Of(pid) => of(*pid),
        }
    }
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        if matches!(
            (self.mount, self.pid),
            (Place::Of(_), _) | (_, Place::Of(_))
        ) {
            ns_mgmt::run_from_sealed_copy()?; // begins again: nothing is done yet
        }
        let name = self.name.clone().unwrap_or_else(Name::unique);
        let spec = self.spec()?;
        let plug = self.plug(global, &name)?;
        if self.dry_run {
            let steps = plug.map_or(Ok(Vec::new()), Plug::plan)?;
            return host::print_plan(&steps, out);
        }
        out.flush()?;
        // From here on there is something to undo.
        let held = HeldSignals::new()?;
        // A container that was given no name is not looked for.
        let mut claim = match self.name {
            Some(_) => Some(container::claim(&name)?),
            None => container::claim(&name).ok(),
        };
        let mut child = spec.spawn().map_err(launch)?;
        let plug = plug.map(|plug| Ok::<_, Failure>((plug, child.netns()?)));
        let plug = plug.transpose()?;
        privilege::keep_what_waiting_needs()?;
        let attached = plug.map(|(plug, netns)| plug.attach(&netns, out));
        let attached = attached.transpose()?;
        let recorded = claim
            .as_mut()
            .map_or(Ok(()), |claim| claim.record(child.pid()));
        let started = recorded.and_then(|()| child.start().map_err(launch));
        let began = started.is_ok();
        let ended = started.and_then(|()| code_of(&mut child));
        drop(child);
        let detached = attached.map_or(Ok(()), |attached| attached.detach(global, began));
        drop((claim, held));
        let code = ended?;
        detached.map(|()| Answer::Code(code))
    }

    /// The network to attach to, if that is what was asked for.
    fn plug(&self, global: &Global, name: &Name) -> Result<Option<Plug>, Failure> {
        let Net::Network(network) = &self.net else {
            if self.publish.ports.is_empty() {
                return Ok(None);
            }
            let refused =
                "cannot publish a port: the program has no network of its own to lead it to";
            return Err(Failure::new(refused).hint("-p goes with `--net NETWORK`"));
        };
        let id = AttachmentId::new(target::RUN, name.as_str())?;
        let mut host = host::open(global)?;
        check_there(&mut host, network)?;
        let ports = self.publish.ports.clone();
        let spec = AttachmentSpec {
            ports,
            nonlocal: self.publish.nonlocal,
            ..AttachmentSpec::new(network.clone(), id)
        };
        Ok(Some(Plug { host, spec }))
    }

    fn spec(&self) -> Result<RunSpec, Failure> {
        let named = self
            .name
            .as_ref()
            .filter(|_| self.uts == Place::New)
            .map(ToString::to_string);
        Ok(RunSpec {
            command: self.command.clone(),
            namespaces: Choices {
                cgroup: self.cgroup.choice(Kind::Cgroup)?,
                ipc: self.ipc.choice(Kind::Ipc)?,
                mnt: self.mount.choice(Kind::Mnt)?,
                net: self.net.choice()?,
                pid: self.pid.choice(Kind::Pid)?,
                user: if self.user { Choice::New } else { Choice::Host },
                uts: self.uts.choice(Kind::Uts)?,
                ..Default::default()
            },
            hostname: self.hostname.clone().or(named),
            rootfs: self.rootfs.clone(),
            etc: match &self.net {
                Net::Named(name) => Some(name.clone()),
                _ => None,
            },
            die_with_parent: true,
            ..Default::default()
        })
    }
}

/// The exit code says whether the program was not found, cannot be executed, or we failed.
pub(crate) fn launch(error: ns_mgmt::Error) -> Failure {
    let code = error.exit_code();
    Failure::from(error).code(code)
}

/// Lets the program run to its end.
pub(crate) fn wait(child: &mut Child) -> Result<u8, Failure> {
    child.start().map_err(launch)?;
    code_of(child)
}

fn code_of(child: &mut Child) -> Result<u8, Failure> {
    Ok(u8::try_from(child.wait()?).unwrap_or(u8::MAX))
}

/// A network that is there, and what the program is to get in it.
struct Plug {
    host: Host,
    spec: AttachmentSpec,
}

impl Plug {
    /// In a namespace that is there for the look and gone with it, as the program's own is not made yet.
    fn plan(mut self) -> Result<Vec<Step>, Failure> {
        let netns = NetNs::create()?.called("pid:PID");
        let network = self.host.network(&self.spec.network);
        let steps = match network {
            Err(error) if error.is_not_found() => {
                let network = NetworkSpec::new(self.spec.network.clone());
                self.host.plan_first_attach(&network, &self.spec, &netns)
            }
            _ => self.host.plan_attach(&self.spec, &netns),
        };
        Ok(steps?)
    }

    /// The last thing before the program starts, so that what is wrong with the rest is found before anything is made.
    fn attach(mut self, netns: &NetNs, out: &mut Output) -> Result<Attached, Failure> {
        let made = self.ensure(out)?;
        let attached = Attached {
            network: self.spec.network.clone(),
            id: self.spec.id.clone(),
            made,
        };
        match self.host.attach(&self.spec, netns) {
            Ok(_) => Ok(attached),
            Err(error) if made => {
                let gone = self.host.remove_network(&attached.network, false)?;
                settle::settle(gone, true)?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The network `default` is made on first use; whether it was.
    fn ensure(&mut self, out: &mut Output) -> Result<bool, Failure> {
        let name = &self.spec.network;
        if name.as_str() != DEFAULT || self.host.network(name).is_ok() {
            return Ok(false);
        }
        let made = self.host.create_network(&NetworkSpec::new(name.clone()))?;
        out.note(format!("made network {}", network::sentence(&made)));
        Ok(true)
    }
}

/// What was attached for the program.
struct Attached {
    network: NetworkName,
    id: AttachmentId,
    /// The network was made for it.
    made: bool,
}

/// Networks but `default` are somebody's decision.
fn check_there(host: &mut Host, network: &NetworkName) -> Result<(), Failure> {
    match host.network(network) {
        Err(error) if error.is_not_found() && network.as_str() == DEFAULT => Ok(()),
        Err(error) if error.is_not_found() => Err(Failure::from(error).hint(format!(
            "`vetch network create {network}` makes it; `--net host` is the host's own network"
        ))),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

impl Attached {
    /// A network that was made for a program that never began goes, too, unless others are in it by now.
    fn detach(self, global: &Global, began: bool) -> Result<(), Failure> {
        // Nobody comes back for it: what passes is waited for.
        let mut host = host::open(global).or_else(|_| host::open(global))?;
        let gone = host.detach(&self.network, &Who::Id(self.id), None)?;
        settle::settle(gone, false)?;
        if self.made && !began {
            match host.remove_network(&self.network, false) {
                Err(error) if error.is_exists() => {}
                removed => settle::settle(removed?, false)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_told_from_places() {
        let parse = |text: &str| text.parse::<Net>();
        assert_eq!(parse("host"), Ok(Net::Host));
        assert_eq!(parse("none"), Ok(Net::None));
        assert_eq!(parse("pid:7"), Ok(Net::Of(7)));
        assert_eq!(parse("ns:blue"), Ok(Net::Named("blue".parse().unwrap())));
        assert_eq!(
            parse("container:web"),
            Ok(Net::Container("web".parse().unwrap()))
        );
        assert_eq!(parse("web"), Ok(Net::Network("web".parse().unwrap())));
        for bad in ["", "ns:", "pid:x", "pid:0", "container:", "a b", "a/b"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_place_is_new_the_hosts_or_a_processes() {
        assert_eq!("pid:7".parse(), Ok(Place::Of(7)));
        assert!(
            ["", "pid:0", "ns:x", "News"]
                .iter()
                .all(|bad| bad.parse::<Place>().is_err())
        );
    }
}
