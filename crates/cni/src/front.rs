//! One call of a plugin by a runtime: environment and standard input in, standard output and an exit code out.

use crate::config::NetConf;
use crate::env::{Call, Command};
use crate::error::{Code, Error, Result};
use crate::json::{Document, LONGEST};
use crate::plugin::{self, Ahead, Input, Plugin, Target};
use crate::result::AddResult;
use crate::session::Session;
use crate::version::Version;
use bridge::{Detached, Options};
use std::ffi::OsString;
use std::io::{Read, Write};

/// What a process was started with.
pub struct Process<'a> {
    /// The name it was started by, without directories: that of a plugin, or another where the configuration's `type` decides.
    pub name: &'a str,
    /// The variables of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Where records are, and how long to wait for locks.
    pub options: Options,
}

/// Whether a program of this name is a plugin of ours.
///
/// ```
/// assert!(cni::is_plugin("bridge") && !cni::is_plugin("ip"));
/// ```
pub fn is_plugin(name: &str) -> bool {
    plugin::find(name).is_some()
}

/// The plugins there are: name, and what it does.
pub fn plugins() -> impl Iterator<Item = (&'static str, &'static str)> {
    plugin::PLUGINS
        .iter()
        .map(|plugin| (plugin.name, plugin.about))
}

/// Serves one call: the answer or the error object goes to `output`. What is left to delete is handed to `settle` after that.
///
/// The exit code is 0, or 1 with an error object.
pub fn main(
    process: &Process<'_>,
    input: &mut dyn Read,
    output: &mut dyn Write,
    settle: &mut dyn FnMut(Detached),
) -> u8 {
    let document = read(input);
    let version = document.as_ref().ok().map(Version::of_config);
    let version = version.and_then(Result::ok).unwrap_or(Version::LATEST);
    let mut session = Session::new(process.options.clone());
    let (code, words) = match serve(process, document, version, &mut session) {
        Ok(words) => (0, words),
        Err(err) => (1, err.to_json(version)),
    };
    let detached = std::mem::take(&mut session.detached);
    drop(session); // its locks are free before anybody hears of it
    let written = match words.is_empty() {
        true => Ok(()),
        false => writeln!(output, "{words}").and_then(|()| output.flush()),
    };
    detached.into_iter().for_each(settle);
    written.map_or(1, |()| code)
}

fn read(input: &mut dyn Read) -> Result<Document> {
    let mut text = Vec::new();
    let read = input.take(LONGEST as u64 + 1).read_to_end(&mut text);
    read.map_err(|err| Error::new(Code::Io, format!("cannot read the configuration: {err}")))?;
    Document::parse(&text)
}

/// Answers in `version`, which is that of the configuration if it says one.
fn serve(
    process: &Process<'_>,
    document: Result<Document>,
    version: Version,
    session: &mut Session,
) -> Result<String> {
    let call = Call::read(process.variable)?;
    if call.command == Command::Version {
        return Ok(version.answer());
    }
    let conf = NetConf::read(document?)?;
    let plugin = match plugin::find(process.name) {
        Some(plugin) => plugin,
        None => plugin::of_type(&conf.kind)?,
    };
    let input = Input {
        conf,
        args: &call.args,
        ahead: Ahead::default(),
        caller: None,
    };
    let result = run(plugin, &call.command, &input, session)?;
    Ok(result.map_or_else(String::new, |result| result.to_json(version)))
}

/// One operation of one plugin.
pub(crate) fn run(
    plugin: &Plugin,
    command: &Command,
    input: &Input<'_>,
    session: &mut Session,
) -> Result<Option<AddResult>> {
    let version = input.conf.version;
    match command {
        Command::Add { key, netns } => {
            let (key, netns) = (key.clone(), netns.clone());
            (plugin.add)(session, input, &Target { key, netns }).map(Some)
        }
        Command::Del { key, netns } => {
            (plugin.del)(session, input, key, netns.as_deref()).map(|()| None)
        }
        Command::Check { key, netns } => {
            since(version, Version::V040, "CHECK")?;
            let previous = input.conf.previous.as_ref().ok_or_else(|| {
                Error::new(
                    Code::InvalidConfig,
                    "`prevResult` is missing: CHECK compares with it",
                )
            })?;
            let (key, netns) = (key.clone(), netns.clone());
            (plugin.check)(session, input, &Target { key, netns }, previous).map(|()| None)
        }
        Command::Gc => {
            since(version, Version::V110, "GC")?;
            let valid = input.conf.valid_attachments.as_deref().ok_or_else(|| {
                let key = crate::config::VALID_ATTACHMENTS;
                Error::new(
                    Code::InvalidConfig,
                    format!("`{key}` is missing: without it everything would go"),
                )
            })?;
            (plugin.gc)(session, input, valid).map(|()| None)
        }
        Command::Status => {
            since(version, Version::V110, "STATUS")?;
            (plugin.status)(session, input).map(|()| None)
        }
        Command::Version => Ok(None),
    }
}

fn since(version: Version, first: Version, command: &str) -> Result<()> {
    if version >= first {
        return Ok(());
    }
    let why =
        format!("`cniVersion`: {command} is there since {first}, the configuration says {version}");
    Err(Error::new(Code::IncompatibleVersion, why))
}
