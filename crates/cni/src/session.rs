//! What the plugins of one process share: the host with its records, and what is left to do when the answer is given.

use crate::error::{Code, Error, Result};
use bridge::{Attachment, AttachmentId, Detached, Host, NetworkName, Options, Step};
use data_encoding::BASE32_NOPAD;
use ns_mgmt::NetNs;
use std::path::Path;
use std::time::Duration;

const LONGEST_NAME: usize = 40; // of a network, in the records
const DIGEST: usize = 12;

/// What the plugins of one process share.
#[derive(Default)]
pub(crate) struct Session {
    options: Options,
    host: Option<Host>,
    /// Told of each step in the kernel.
    pub(crate) watch: Option<fn(&Step, Duration)>,
    /// Links that are out of service and still have to be deleted.
    pub(crate) detached: Vec<Detached>,
    /// What the plugin before made in this process.
    pub(crate) attached: Option<Attachment>,
}

impl Session {
    pub(crate) fn new(options: Options) -> Session {
        Session {
            options,
            ..Session::default()
        }
    }

    /// The host, opened when it is first needed.
    pub(crate) fn host(&mut self) -> Result<&mut Host> {
        let mut host = match self.host.take() {
            Some(host) => host,
            None => Host::with(self.options.clone()).map_err(failed)?,
        };
        if let Some(watch) = self.watch.take() {
            host.watch(watch);
        }
        Ok(self.host.insert(host))
    }
}

/// A failure below as the specification's error: the whole chain of causes, and what to do next.
pub(crate) fn failed(err: bridge::Error) -> Error {
    let code = match () {
        () if err.is_locked() => Code::TryAgain,
        () if err.is_invalid() => Code::InvalidConfig,
        () => Code::Failed,
    };
    let hint = err.hint().map(str::to_owned);
    let left = err
        .left()
        .iter()
        .map(|left| format!("not undone: {left:?}"));
    let details: Vec<String> = hint.into_iter().chain(left).collect();
    Error::new(code, format!("{err:?}")).with_details(details.join("; "))
}

/// The name under which a network is kept: its own, or where that is longer than 40 bytes the first 27 of them, `-` and 12
/// characters of the base32 of SHA-256 over `vetch cni network 1`, a zero byte and the name.
pub(crate) fn network_name(name: &str) -> Result<NetworkName> {
    let kept = match name.len() {
        ..=LONGEST_NAME => name.to_owned(),
        _ => {
            let hash = hmac_sha256::Hash::hash(format!("vetch cni network 1\0{name}").as_bytes());
            let digest = BASE32_NOPAD.encode(&hash).to_ascii_lowercase();
            let head = name.get(..LONGEST_NAME - DIGEST - 1).unwrap_or_default();
            format!("{head}-{}", digest.get(..DIGEST).unwrap_or_default())
        }
    };
    kept.parse().map_err(failed)
}

/// Whose attachments a container's are.
pub(crate) fn attachment_id(container_id: &str) -> Result<AttachmentId> {
    AttachmentId::new("cni", container_id).map_err(failed)
}

/// The namespace of a call, never the one that the plugin runs in; one that cannot be opened is the caller's mistake.
///
/// Code 4.
pub(crate) fn open_netns(path: &Path) -> Result<NetNs> {
    let netns = open(path)?;
    if netns.is_current().unwrap_or(false) {
        let why = "`CNI_NETNS`: it is the namespace that this plugin runs in, not a container's";
        return Err(Error::new(Code::InvalidEnvironment, why));
    }
    Ok(netns)
}

pub(crate) fn open(path: &Path) -> Result<NetNs> {
    NetNs::open_path(path).map_err(|err| {
        let mut why = format!("`CNI_NETNS`: {err}");
        let mut below = std::error::Error::source(&err);
        while let Some(cause) = below {
            why.push_str(&format!(": {cause}"));
            below = cause.source();
        }
        let hint = err.hint().unwrap_or_default().to_owned();
        Error::new(Code::InvalidEnvironment, why).with_details(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_beginning_and_stay_apart() {
        assert_eq!(network_name("podman").unwrap().as_str(), "podman");
        let long = |end: char| network_name(&format!("{}{end}", "n".repeat(60))).unwrap();
        assert_eq!(long('a').as_str().len(), LONGEST_NAME);
        assert_ne!(long('a'), long('b'));
        assert_eq!(
            long('a').as_str(),
            "nnnnnnnnnnnnnnnnnnnnnnnnnnn-rref4fx3elpt",
            "never changes: another version finds the same network"
        );
    }
}
