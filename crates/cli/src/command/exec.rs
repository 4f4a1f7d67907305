//! `vetch exec`: a program in the namespaces of a container, of a process, or in a named network namespace.

use crate::command::Answer;
use crate::command::run::{launch, wait};
use crate::container::{self, Name};
use crate::failure::Failure;
use crate::output::Output;
use crate::target;
use crate::words::explain;
use ns_mgmt::{Choice, Choices, HeldSignals, NsName, RunSpec, Target};
use std::ffi::OsString;
use std::str::FromStr;

/// Run a program inside a container, beside a process, or in a network namespace
///
/// In a container or beside a process: all its namespaces. In a network namespace (`ns:NAME`): that one, with /sys to match and the files of
/// /etc/netns/NAME over those of /etc, as `ip netns exec` does.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch exec web -- ss -tln                      in the container `vetch run --name web` started
  vetch exec ns:c1 -- ping -c1 10.88.0.1
  vetch exec pid:4711 -- sh

Exit code: the program's own, 128+N if signal N ended it; 125 if vetch failed,
126 if the program cannot be executed, 127 if it is not found.")]
pub(crate) struct Args {
    /// A running container, `ns:NAME` or `pid:N`
    #[arg(value_name = "NAME|ns:NAME|pid:N")]
    place: Place,
    /// Program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Container(Name),
    Named(NsName),
    Of(u32),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        if !text.starts_with("ns:") && !text.starts_with("pid:") {
            return text.parse().map(Place::Container);
        }
        match text.parse() {
            Ok(Target::Name(name)) => Ok(Place::Named(name)),
            Ok(Target::Pid(pid)) => Ok(Place::Of(pid)),
            Ok(_) => Err("right is `ns:NAME` or `pid:N`".to_owned()),
            Err(error) => Err(explain(&error)),
        }
    }
}

impl Args {
    pub(crate) fn run(self, out: &mut Output) -> Result<Answer, Failure> {
        let mut spec = RunSpec {
            command: self.command,
            ..Default::default()
        };
        match &self.place {
            Place::Container(name) => spec.namespaces = Choices::of_pid(container::find(name)?)?,
            Place::Of(pid) => spec.namespaces = Choices::of_pid(*pid)?,
            Place::Named(name) => {
                let namespace = target::open(&Target::Name(name.clone()))?;
                spec.namespaces.net = Choice::Join(namespace.as_namespace().try_clone()?);
                spec.namespaces.mnt = Choice::New;
                spec.etc = Some(name.clone());
            }
        }
        out.flush()?;
        if matches!(spec.namespaces.pid, Choice::Join(_))
            || matches!(spec.namespaces.mnt, Choice::Join(_))
        {
            ns_mgmt::run_from_sealed_copy()?;
        }
        // Another PID namespace takes in children only; everywhere else we become the program.
        if matches!(spec.namespaces.pid, Choice::Host) {
            return Err(launch(spec.exec()));
        }
        let held = HeldSignals::new()?;
        let mut child = spec.spawn().map_err(launch)?;
        let code = wait(&mut child)?;
        drop(held);
        Ok(Answer::Code(code))
    }
}
