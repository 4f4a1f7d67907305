//! The configuration of one plugin, as it is given on standard input.

mod runtime;

use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::json::{Document, optional_text, to_value};
use crate::name;
use crate::result::{AddResult, Dns, Written};
use crate::version::Version;
use core_netlink::MacAddr;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

pub use runtime::{Bandwidth, IpRange, PortMapping, RequestedIp, RuntimeConfig, RuntimeDns};

pub(crate) const VALID_ATTACHMENTS: &str = "cni.dev/valid-attachments";

/// What every plugin finds in its configuration (CNI 1.1.0, "Plugin configuration objects"); each plugin has keys of its own beside it.
///
/// ```
/// let text = br#"{"cniVersion": "1.0.0", "name": "blue", "type": "bridge", "ipam": {"type": "host-local"}, "isGateWay": true}"#;
/// let conf = cni::NetConf::parse(text)?;
/// assert_eq!((conf.name.as_str(), conf.version), ("blue", cni::Version::V100));
/// # Ok::<(), cni::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetConf {
    /// The version in which configuration and answer are written.
    pub version: Version,
    /// The network.
    pub name: String,
    /// `type`: the plugin.
    pub kind: String,
    /// `ipam.type`: the plugin that gives addresses, if any does; the other keys of `ipam` are its own.
    pub ipam: Option<String>,
    /// Name servers that are given out with the result.
    pub dns: Dns,
    /// What the plugin takes from the runtime, by name of the capability.
    pub capabilities: BTreeMap<String, bool>,
    /// What the runtime gave of that.
    pub runtime: RuntimeConfig,
    /// `args.cni`: what the runtime gave without being asked.
    pub args: CniArgs,
    /// `prevResult`: what the plugin before answered, or for DEL and CHECK what the last ADD did.
    pub previous: Option<AddResult>,
    /// `cni.dev/valid-attachments`: what GC has to leave. A `null` is an empty list, as the reference writes one.
    pub valid_attachments: Option<Vec<AttachmentKey>>,
    /// The whole, for the keys that are a plugin's own.
    document: Document,
}

/// What a runtime may add to any configuration (CONVENTIONS.md of the specification, "`args` in network config").
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CniArgs {
    /// Addresses that are wished for.
    pub ips: Vec<RequestedIp>,
    /// Labels of the container.
    pub labels: Vec<Label>,
    /// The link-layer address that is wished for.
    #[serde(deserialize_with = "optional_text")]
    pub mac: Option<MacAddr>,
}

/// A label of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// The keys, as they are written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenConf {
    name: String,
    r#type: String,
    ipam: Option<WrittenIpam>,
    #[serde(default)]
    dns: Dns,
    #[serde(default)]
    capabilities: BTreeMap<String, bool>,
    #[serde(default)]
    runtime_config: RuntimeConfig,
    #[serde(default)]
    args: WrittenArgs,
    prev_result: Option<Written>,
    #[serde(rename = "cni.dev/valid-attachments")]
    valid_attachments: Option<Vec<AttachmentKey>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenArgs {
    cni: CniArgs,
}

#[derive(Deserialize)]
struct WrittenIpam {
    #[serde(default)]
    r#type: String,
}

impl NetConf {
    /// Reads a configuration of at most 1 MiB.
    ///
    /// Code 1 for a version that is not known here, 6 for what is no JSON or has a wrong type, 7 for a value that cannot be meant; each
    /// names the key by its path.
    pub fn parse(text: &[u8]) -> Result<NetConf> {
        NetConf::read(Document::parse(text)?)
    }

    pub(crate) fn read(document: Document) -> Result<NetConf> {
        let version = Version::of_config(&document)?;
        let written: WrittenConf = document.keys()?;
        check_name("name", &written.name)?;
        check_name("type", &written.r#type)?;
        let previous = written.prev_result;
        let previous = previous.map(|result| result.read("prevResult.", Some(version)));
        let none_valid = || document.get(VALID_ATTACHMENTS).map(|_| Vec::new());
        let ipam = written.ipam.map(|ipam| ipam.r#type);
        Ok(NetConf {
            version,
            name: written.name,
            kind: written.r#type,
            ipam: check_ipam(ipam, &document)?,
            dns: written.dns,
            capabilities: written.capabilities,
            runtime: written.runtime_config,
            args: written.args.cni,
            previous: previous.transpose()?,
            valid_attachments: written.valid_attachments.or_else(none_valid),
            document,
        })
    }

    /// The keys that are fields of `T`; errors as those of [`Document::keys`].
    pub(crate) fn keys<T: DeserializeOwned>(&self) -> Result<T> {
        self.document.keys()
    }

    /// The configuration as JSON, with all keys of all plugins.
    pub(crate) fn text(&self) -> String {
        to_value(&self.document.0).to_string()
    }
}

impl Version {
    /// That of a configuration of which everything else may be wrong: in it a plugin says what is, and answers VERSION.
    pub(crate) fn of_config(document: &Document) -> Result<Version> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            cni_version: Option<String>,
        }
        let head: Head = document.keys()?;
        Version::of_key("cniVersion", head.cni_version.as_deref())
    }
}

/// Refuses the name of a network or a plugin that could not name a file.
pub(crate) fn check_name(key: &str, name: &str) -> Result<()> {
    let checked = name::check(name, name::FILE_NAME);
    checked.map_err(|why| Error::invalid(key, why))
}

/// An empty `ipam` and an empty type are nobody, as for the reference; other keys without a type are a slip.
fn check_ipam(kind: Option<String>, document: &Document) -> Result<Option<String>> {
    if let Some(kind) = kind.filter(|kind| !kind.is_empty()) {
        check_name("ipam.type", &kind)?;
        return Ok(Some(kind));
    }
    let keys = document.get("ipam").and_then(Value::as_object);
    let mut keys = keys.into_iter().flat_map(|keys| keys.keys());
    if keys.all(|key| key.eq_ignore_ascii_case("type")) {
        return Ok(None);
    }
    Err(Error::new(Code::InvalidConfig, "`ipam.type` is missing"))
}

#[cfg(test)]
mod tests;
