//! The environment of a plugin: which operation is asked for, and on what.

use crate::args::Args;
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use std::ffi::OsString;
use std::path::PathBuf;

const COMMAND: &str = "CNI_COMMAND";
const CONTAINER_ID: &str = "CNI_CONTAINERID";
const NETNS: &str = "CNI_NETNS";
const IFNAME: &str = "CNI_IFNAME";
const ARGS: &str = "CNI_ARGS";
const PATH: &str = "CNI_PATH";

/// What a runtime asks of a plugin (CNI 1.1.0, "Parameters").
///
/// ```
/// use cni::{Call, Command};
/// let variables = [("CNI_COMMAND", "DEL"), ("CNI_CONTAINERID", "web"), ("CNI_IFNAME", "eth0")];
/// let call = Call::read(|name| {
///     let set = variables.iter().find(|(variable, _)| *variable == name);
///     set.map(|(_, value)| value.into())
/// })?;
/// assert!(matches!(call.command, Command::Del { netns: None, .. }));
/// # Ok::<(), cni::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// `CNI_COMMAND` with what belongs to it.
    pub command: Command,
    /// `CNI_ARGS`.
    pub args: Args,
    /// `CNI_PATH`: where plugins are, in the order in which they are looked for.
    pub path: Vec<PathBuf>,
}

/// An operation (CNI 1.1.0, "CNI operations").
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Attach the namespace to the network.
    Add {
        /// What the attachment goes by.
        key: AttachmentKey,
        /// The network namespace of the container, an absolute path.
        netns: PathBuf,
    },
    /// Undo it.
    Del {
        /// What the attachment goes by.
        key: AttachmentKey,
        /// The namespace; a container that is gone has none.
        netns: Option<PathBuf>,
    },
    /// Compare what is there with what ADD answered; from 0.4.0 on.
    Check {
        /// What the attachment goes by.
        key: AttachmentKey,
        /// The namespace, as for ADD.
        netns: PathBuf,
    },
    /// Remove the attachments that are no longer meant; from 1.1.0 on.
    Gc,
    /// Say whether an ADD would be served; from 1.1.0 on.
    Status,
    /// List the versions that are spoken.
    Version,
}

impl Command {
    /// As `CNI_COMMAND` has it.
    pub fn word(&self) -> &'static str {
        match self {
            Command::Add { .. } => "ADD",
            Command::Del { .. } => "DEL",
            Command::Check { .. } => "CHECK",
            Command::Gc => "GC",
            Command::Status => "STATUS",
            Command::Version => "VERSION",
        }
    }
}

impl Call {
    /// Reads the variables that a lookup finds; an empty one is one that is not set.
    ///
    /// All errors have code 4. Variables that are missing are all named in one.
    pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Call> {
        let variables = Variables::read(lookup)?;
        let command = variables.command()?;
        let args = variables
            .get(ARGS)
            .parse()
            .map_err(|why| wrong(ARGS, why))?;
        let path = variables.get(PATH).split(':');
        let path = path.filter(|directory| !directory.is_empty());
        Ok(Call {
            command,
            args,
            path: path.map(PathBuf::from).collect(),
        })
    }
}

fn wrong(variable: &str, why: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidEnvironment, format!("`{variable}`: {why}"))
}

/// The variables that are set.
struct Variables(Vec<(&'static str, String)>);

impl Variables {
    fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Variables> {
        let names = [COMMAND, CONTAINER_ID, NETNS, IFNAME, ARGS, PATH];
        let set = names
            .into_iter()
            .filter_map(|name| Some((name, lookup(name)?)));
        let texts = set.map(|(name, value)| match value.into_string() {
            Ok(text) if text.contains('\0') => Err(wrong(name, "a zero byte in it")),
            Ok(text) => Ok((name, text)),
            Err(value) => Err(wrong(name, format_args!("{value:?} is no UTF-8"))),
        });
        texts.collect::<Result<_>>().map(Variables)
    }

    /// The text of a variable; nothing if it is not set.
    fn get(&self, name: &str) -> &str {
        let set = self.0.iter().find(|(variable, _)| *variable == name);
        set.map_or("", |(_, text)| text)
    }

    fn require(&self, names: &[&str]) -> Result<()> {
        let missing = names.iter().filter(|name| self.get(name).is_empty());
        let missing: Vec<String> = missing.map(|name| format!("`{name}`")).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let command = match self.get(COMMAND) {
            "" => "a plugin",
            command => command,
        };
        let why = format!("{command} needs {} to be set", missing.join(", "));
        Err(Error::new(Code::InvalidEnvironment, why))
    }

    fn command(&self) -> Result<Command> {
        self.require(&[COMMAND])?;
        match self.get(COMMAND) {
            "ADD" => {
                let (key, netns) = self.inside()?;
                Ok(Command::Add { key, netns })
            }
            "DEL" => {
                self.require(&[CONTAINER_ID, IFNAME])?;
                let (key, netns) = (self.key()?, self.netns()?);
                Ok(Command::Del { key, netns })
            }
            "CHECK" => {
                let (key, netns) = self.inside()?;
                Ok(Command::Check { key, netns })
            }
            "GC" => self.require(&[PATH]).map(|()| Command::Gc),
            "STATUS" => self.require(&[PATH]).map(|()| Command::Status),
            "VERSION" => Ok(Command::Version),
            other => {
                let why = format!("{other:?} is not ADD, DEL, CHECK, GC, STATUS or VERSION");
                Err(wrong(COMMAND, why))
            }
        }
    }

    /// An attachment whose namespace has to be there.
    fn inside(&self) -> Result<(AttachmentKey, PathBuf)> {
        self.require(&[CONTAINER_ID, NETNS, IFNAME])?;
        Ok((self.key()?, self.netns()?.unwrap_or_default()))
    }

    fn key(&self) -> Result<AttachmentKey> {
        let container_id = self.get(CONTAINER_ID).parse();
        let ifname = self.get(IFNAME).parse();
        Ok(AttachmentKey {
            container_id: container_id.map_err(|why| wrong(CONTAINER_ID, why))?,
            ifname: ifname.map_err(|why| wrong(IFNAME, why))?,
        })
    }

    fn netns(&self) -> Result<Option<PathBuf>> {
        match self.get(NETNS) {
            "" => Ok(None),
            path if path.contains(char::is_control) => Err(wrong(
                NETNS,
                format_args!("{path:?} has control characters"),
            )),
            path if path.starts_with('/') => Ok(Some(path.into())),
            path => Err(wrong(NETNS, format_args!("{path:?} is no absolute path"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStringExt;

    const FULL: [(&str, &str); 6] = [
        (COMMAND, "ADD"),
        (CONTAINER_ID, "web"),
        (NETNS, "/run/netns/web"),
        (IFNAME, "eth0"),
        (ARGS, "IgnoreUnknown=1;K8S_POD_NAME=web"),
        (PATH, "/opt/cni/bin:/usr/lib/cni"),
    ];

    /// The full environment with some variables set otherwise; empty means not set.
    fn read(changes: &[(&str, &str)]) -> Result<Call> {
        Call::read(|name| {
            let mut variables = changes.iter().chain(&FULL);
            let (_, value) = variables.find(|(variable, _)| *variable == name)?;
            (!value.is_empty()).then(|| value.into())
        })
    }

    fn key() -> AttachmentKey {
        AttachmentKey {
            container_id: "web".parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        }
    }

    #[test]
    fn add_is_told_where_and_what() {
        let call = read(&[]).unwrap();
        let netns = PathBuf::from("/run/netns/web");
        assert_eq!(call.command, Command::Add { key: key(), netns });
        assert_eq!(
            call.path,
            [PathBuf::from("/opt/cni/bin"), PathBuf::from("/usr/lib/cni")]
        );
        assert_eq!(call.args.get("K8S_POD_NAME"), Some("web"));
    }

    #[test]
    fn del_needs_no_namespace_and_no_path() {
        let call = read(&[(COMMAND, "DEL"), (NETNS, ""), (PATH, ""), (ARGS, "")]).unwrap();
        let (key, netns) = (key(), None);
        assert_eq!(call.command, Command::Del { key, netns });
        assert!(call.path.is_empty());
    }

    #[test]
    fn gc_and_status_need_only_the_path_and_version_nothing() {
        let without = [(CONTAINER_ID, ""), (NETNS, ""), (IFNAME, ""), (ARGS, "")];
        for (word, path, command) in [
            ("GC", "/opt/cni/bin", Command::Gc),
            ("STATUS", "/opt/cni/bin", Command::Status),
            ("VERSION", "", Command::Version),
        ] {
            let changes = [without.as_slice(), &[(COMMAND, word), (PATH, path)]].concat();
            let read = read(&changes).unwrap().command;
            assert_eq!((read.word(), &read), (word, &command));
        }
    }

    #[test]
    fn all_missing_variables_are_named_in_one_error() {
        let cases: [(&str, &[&str], &[&str]); 8] = [
            (
                "ADD",
                &[CONTAINER_ID, NETNS, IFNAME],
                &[CONTAINER_ID, NETNS, IFNAME],
            ),
            ("ADD", &[NETNS], &[NETNS]),
            ("ADD", &[IFNAME, PATH, ARGS], &[IFNAME]),
            ("CHECK", &[CONTAINER_ID, NETNS], &[CONTAINER_ID, NETNS]),
            (
                "DEL",
                &[CONTAINER_ID, NETNS, IFNAME],
                &[CONTAINER_ID, IFNAME],
            ),
            ("GC", &[PATH, NETNS], &[PATH]),
            ("STATUS", &[PATH], &[PATH]),
            ("", &[NETNS], &[COMMAND]),
        ];
        for (command, unset, named) in cases {
            let mut changes = vec![(COMMAND, command)];
            changes.extend(unset.iter().map(|name| (*name, "")));
            let error = read(&changes).unwrap_err();
            assert_eq!(error.code, Code::InvalidEnvironment);
            for (variable, _) in FULL {
                let quoted = format!("`{variable}`");
                assert_eq!(
                    error.msg.contains(&quoted),
                    named.contains(&variable),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn a_wrong_variable_is_named() {
        let long = "a".repeat(97);
        let cases = [
            (COMMAND, "add"),
            (COMMAND, "ADD "),
            (COMMAND, "UPDATE"),
            (CONTAINER_ID, "../etc"),
            (CONTAINER_ID, "a/b"),
            (CONTAINER_ID, "-a"),
            (CONTAINER_ID, "a b"),
            (CONTAINER_ID, "a\0b"),
            (CONTAINER_ID, &long),
            (IFNAME, ".."),
            (IFNAME, "a/b"),
            (IFNAME, "a:b"),
            (IFNAME, "eth 0"),
            (IFNAME, "sixteen-bytes-it"),
            (NETNS, "netns/web"),
            (NETNS, "./web"),
            (NETNS, "/run/\u{1b}[2J"),
            (ARGS, "IP"),
            (ARGS, "=1"),
            (ARGS, "IP=1;IP=2"),
            (ARGS, "IP=1;;MAC=2"),
            (ARGS, "IgnoreUnknown=yes"),
            (PATH, "/opt\0/bin"),
        ];
        for (variable, value) in cases {
            let error = read(&[(variable, value)]).unwrap_err();
            assert_eq!(error.code, Code::InvalidEnvironment, "{value:?}");
            assert!(error.msg.starts_with(&format!("`{variable}`: ")), "{error}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error_for_every_variable() {
        for (variable, _) in FULL {
            let error = Call::read(|name| {
                let bytes = if name == variable { b"/\xff" } else { b"ab" };
                Some(OsString::from_vec(bytes.to_vec()))
            });
            let error = error.unwrap_err();
            assert_eq!(error.code, Code::InvalidEnvironment);
            assert!(error.msg.starts_with(&format!("`{variable}`: ")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_environment_makes_reading_panic(
            command in prop::sample::select(vec!["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION", "X"]),
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 5),
        ) {
            let _ = Call::read(|name| match FULL.iter().position(|(variable, _)| *variable == name)? {
                0 => Some(command.into()),
                other => values.get(other - 1).cloned().map(OsString::from_vec),
            });
        }
    }
}
