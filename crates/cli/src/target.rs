//! What people type to mean a namespace, and the id an attachment gets from it.

use crate::failure::Failure;
use bridge::{AttachmentId, Who};
use ns_mgmt::{NetNs, Target};

/// The front end's part of the ids made by `vetch attach`.
pub(crate) const CLI: &str = "cli";
/// The front end's part of the ids made by `vetch run`.
pub(crate) const RUN: &str = "run";

/// Opens a network namespace; one that is missing comes with the way to make it.
pub(crate) fn open(target: &Target) -> Result<NetNs, Failure> {
    NetNs::open(target).map_err(|error| {
        let missing = error.is_not_found();
        let failure = Failure::from(error);
        match target {
            Target::Name(name) if missing => failure.hint(format!(
                "`vetch netns add {name}` makes it; `vetch netns list` shows those there are"
            )),
            Target::Pid(_) if missing => failure
                .hint("`vetch lsns --type net` shows every network namespace with its processes"),
            _ => failure,
        }
    })
}

/// The id of an attachment: as given, else the namespace's name under /run/netns however it was spelt, else its cookie.
pub(crate) fn id(
    given: Option<&str>,
    target: &Target,
    namespace: &NetNs,
) -> Result<AttachmentId, Failure> {
    let whole = given.and_then(|given| given.parse::<AttachmentId>().ok());
    if let Some(id) = whole.filter(|id| id.front() == CLI) {
        return Ok(id); // as `vetch ls` shows it
    }
    let name = match (given, target) {
        (Some(given), _) => given.to_owned(),
        (None, Target::Name(name)) => name.to_string(),
        (None, other) => match name_of(other, namespace)? {
            Some(name) => name,
            None => format!("ns-{}", namespace.cookie()?),
        },
    };
    Ok(AttachmentId::new(CLI, &name)?)
}

/// The name of a namespace that has some: the one in the path typed, else the first.
fn name_of(target: &Target, namespace: &NetNs) -> Result<Option<String>, Failure> {
    let (names, typed) = (namespace.names()?, target.name());
    let found = names.iter().find(|name| Some(*name) == typed.as_ref());
    Ok(found.or(names.first()).map(ToString::to_string))
}

/// The attachments that are meant: what `vetch ls` shows, or any words for the namespace.
pub(crate) fn who(text: &str) -> Result<Who, Failure> {
    match text.is_empty() {
        false => Ok(Who::Words(text.to_owned())),
        true => Err(Failure::new("cannot look for attachment \"\": it is empty")
            .hint("`vetch ls` shows the ids and namespaces there are")),
    }
}

/// The namespace that is meant, if it still lives: its attachments may have been made with other words.
pub(crate) fn cookie(text: &str) -> Option<u64> {
    let target: Target = text.parse().ok()?;
    NetNs::open(&target).ok()?.cookie().ok()
}

/// Looks for an attachment by what was typed, then by the namespace that it means.
pub(crate) fn find<T>(
    text: &str,
    mut look: impl FnMut(Who) -> bridge::Result<T>,
) -> Result<T, Failure> {
    match look(who(text)?) {
        Err(err) if err.is_not_found() => match cookie(text) {
            Some(cookie) => match look(Who::Cookie(cookie)) {
                Err(other) if other.is_not_found() => Err(err.into()), // said in the words that were typed
                found => Ok(found?),
            },
            None => Err(err.into()),
        },
        found => Ok(found?),
    }
}
