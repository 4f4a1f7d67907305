//! Lists of plugins, as an administrator writes them and a runtime carries them out.
//!
//! Pure: which files there are is the matter of `directory`.

use crate::attachment::AttachmentKey;
use crate::config::{RuntimeConfig, VALID_ATTACHMENTS, check_name};
use crate::error::{Code, Error, Result};
use crate::json::{Document, flag};
use crate::result::{AddResult, Written};
use crate::version::Version;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A network: the plugins that make it, in the order in which ADD calls them (CNI 1.1.0, "Network configuration format").
///
/// ```
/// use cni::{Given, NetworkList};
/// let text = br#"{"cniVersions": ["1.0.0", "9.0.0"], "name": "blue", "plugins": [{"type": "bridge", "mtu": 1400}]}"#;
/// let list = NetworkList::parse(text)?;
/// let input = list.input(&list.plugins[0], &Given::default());
/// assert_eq!(input, r#"{"type":"bridge","mtu":1400,"cniVersion":"1.0.0","name":"blue"}"#);
/// # Ok::<(), cni::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkList {
    /// The highest version that the list allows and that is known here.
    pub version: Version,
    /// The network.
    pub name: String,
    /// Whether CHECK must not be called.
    pub disable_check: bool,
    /// Whether GC must not be called.
    pub disable_gc: bool,
    /// Whether the plugins are only those of the list itself, and not also those in the directory of its name.
    pub load_only_inlined: bool,
    /// The plugins; none if they are all in the directory of its name.
    pub plugins: Vec<Plugin>,
}

/// One plugin of a list, with the keys that are its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plugin {
    /// `type`: the file name of the program.
    pub kind: String,
    /// What it takes from the runtime, by name of the capability.
    pub capabilities: BTreeMap<String, bool>,
    document: Document,
}

/// What a runtime has for the plugins that ask for it, by name of the capability.
///
/// ```
/// let given = cni::CapabilityArgs::parse(br#"{"mac": "02:00:00:00:00:01", "own": [1, 2]}"#);
/// assert!(given.is_ok());
/// assert!(cni::CapabilityArgs::parse(br#"{"mac": "x"}"#).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapabilityArgs(Document);

impl CapabilityArgs {
    /// What a runtime kept.
    pub(crate) fn of(keys: Map<String, Value>) -> CapabilityArgs {
        CapabilityArgs(Document(keys))
    }

    /// By name of the capability.
    pub(crate) fn keys(&self) -> &Map<String, Value> {
        &self.0.0
    }

    /// Reads a JSON object; those with a convention must be as [`RuntimeConfig`] has them. Errors as those of [`NetConf::parse`](crate::NetConf::parse).
    pub fn parse(text: &[u8]) -> Result<CapabilityArgs> {
        let document = Document::parse(text)?;
        document.keys::<RuntimeConfig>()?;
        Ok(CapabilityArgs(document))
    }
}

/// What is given to a plugin for one operation, beside its configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// What the runtime has for plugins that ask for it.
    pub capabilities: Option<&'a CapabilityArgs>,
    /// The result of the plugin before, or of the last ADD.
    pub previous: Option<&'a AddResult>,
    /// For GC: the attachments that are meant.
    pub valid_attachments: Option<&'a [AttachmentKey]>,
}

/// What a list and a single configuration begin with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenHead {
    cni_version: Option<String>,
    cni_versions: Option<Vec<String>>,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenList {
    #[serde(default, deserialize_with = "flag")]
    disable_check: bool,
    #[serde(rename = "disableGC", default, deserialize_with = "flag")]
    disable_gc: bool,
    #[serde(default, deserialize_with = "flag")]
    load_only_inlined_plugins: bool,
    plugins: Option<Vec<WrittenPlugin>>,
}

#[derive(Deserialize)]
struct WrittenPlugin {
    r#type: String,
    name: Option<String>,
    #[serde(default)]
    capabilities: BTreeMap<String, bool>,
}

impl NetworkList {
    /// Reads a list (`*.conflist`). Code 1 if no version of it is known here, 6 and 7 as for [`NetConf::parse`](crate::NetConf::parse).
    pub fn parse(text: &[u8]) -> Result<NetworkList> {
        let document = Document::parse(text)?;
        let (head, written): (_, WrittenList) = (NetworkList::begun(&document)?, document.keys()?);
        let mut list = NetworkList {
            disable_check: written.disable_check,
            disable_gc: written.disable_gc,
            load_only_inlined: written.load_only_inlined_plugins,
            ..head
        };
        let inlined = written.plugins.as_ref();
        if inlined.map_or(list.load_only_inlined, Vec::is_empty) {
            return Err(Error::new(Code::InvalidConfig, "`plugins`: there are none"));
        }
        let objects = document.get("plugins").and_then(Value::as_array);
        let objects = objects.into_iter().flatten().filter_map(Value::as_object);
        let plugins = written.plugins.into_iter().flatten().zip(objects);
        for (i, (plugin, keys)) in plugins.enumerate() {
            list.append(plugin, keys, &format!("plugins[{i}]."))?;
        }
        Ok(list)
    }

    /// Reads a configuration of one plugin (`*.conf`, `*.json`) as a list of one.
    pub fn parse_single(text: &[u8]) -> Result<NetworkList> {
        let document = Document::parse(text)?;
        let mut list = NetworkList::begun(&document)?;
        let plugin = document
            .keys()
            .map_err(|err| match document.get("plugins") {
                Some(_) => err.with_details("a list of plugins belongs in a file *.conflist"),
                None => err,
            })?;
        list.append(plugin, &document.0, "")?;
        Ok(list)
    }

    /// Version and name; no plugins yet, and none to come from other files.
    fn begun(document: &Document) -> Result<NetworkList> {
        let head: WrittenHead = document.keys()?;
        let version = choose(head.cni_version.as_deref(), head.cni_versions.as_deref())?;
        check_name("name", &head.name)?;
        Ok(NetworkList {
            version,
            name: head.name,
            disable_check: false,
            disable_gc: false,
            load_only_inlined: true,
            plugins: Vec::new(),
        })
    }

    /// Adds the plugin of a file of its own (`NAME/*.conf`) behind those that there are.
    pub fn append_plugin(&mut self, text: &[u8]) -> Result<()> {
        let document = Document::parse(text)?;
        self.append(document.keys()?, &document.0, "")
    }

    fn append(
        &mut self,
        plugin: WrittenPlugin,
        keys: &Map<String, Value>,
        path: &str,
    ) -> Result<()> {
        check_name(&format!("{path}type"), &plugin.r#type)?;
        if let Some(name) = plugin.name.filter(|name| *name != self.name) {
            let why = format_args!("{name:?}, but the network is {:?}", self.name);
            return Err(Error::invalid(&format!("{path}name"), why));
        }
        self.plugins.push(Plugin {
            kind: plugin.r#type,
            capabilities: plugin.capabilities,
            document: Document(keys.clone()),
        });
        Ok(())
    }

    /// The list as one text that needs no other files, in the version that was chosen.
    ///
    /// ```
    /// use cni::NetworkList;
    /// let text = br#"{"cniVersions": ["0.4.0", "1.0.0"], "name": "blue", "plugins": [{"type": "bridge", "mtu": 1400}]}"#;
    /// let list = NetworkList::parse(text)?;
    /// let alone = r#"{"cniVersion":"1.0.0","name":"blue","loadOnlyInlinedPlugins":true,"plugins":[{"type":"bridge","mtu":1400}]}"#;
    /// assert_eq!(list.to_json(), alone);
    /// # Ok::<(), cni::Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut keys = Document::default();
        keys.set("cniVersion", self.version.as_str());
        keys.set("name", &self.name);
        let flags = [
            ("disableCheck", self.disable_check),
            ("disableGC", self.disable_gc),
        ];
        for (key, _) in flags.iter().filter(|(_, is_set)| *is_set) {
            keys.set(key, true);
        }
        keys.set("loadOnlyInlinedPlugins", true);
        let plugins = self.plugins.iter();
        let plugins: Vec<Value> = plugins
            .map(|plugin| Value::Object(plugin.document.0.clone()))
            .collect();
        keys.set("plugins", plugins);
        Value::Object(keys.0).to_string()
    }

    /// What a plugin of this list is given on its standard input (CNI 1.1.0, "Deriving request configuration from plugin configuration").
    ///
    /// Its own keys stay as they are, but for `capabilities` and those that only a runtime sets.
    pub fn input(&self, plugin: &Plugin, given: &Given<'_>) -> String {
        let mut keys = plugin.document.clone();
        keys.remove("capabilities");
        keys.remove("prevResult");
        keys.0.retain(|key, _| !key.starts_with("cni.dev/"));
        keys.set("cniVersion", self.version.as_str());
        keys.set("name", &self.name);
        let runtime = given.capabilities.map(|args| plugin.asked(args));
        if let Some(runtime) = runtime.filter(|runtime| !runtime.is_empty()) {
            keys.set("runtimeConfig", runtime);
        }
        if let Some(previous) = given.previous {
            keys.set("prevResult", Written::new(previous, self.version));
        }
        if let Some(valid) = given.valid_attachments {
            keys.set(VALID_ATTACHMENTS, valid);
            // Plugins of the time when the specification had both names look for this one.
            keys.set("cni.dev/attachments", valid);
        }
        Value::Object(keys.0).to_string()
    }
}

impl Plugin {
    /// What of the capabilities the plugin asks for.
    fn asked(&self, args: &CapabilityArgs) -> Map<String, Value> {
        let asked = self.capabilities.iter().filter(|(_, asked)| **asked);
        let given = asked.filter_map(|(name, _)| args.0.0.get_key_value(name));
        given
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// The highest version that both sides know (CNI 1.1.0, "Version selection").
fn choose(version: Option<&str>, versions: Option<&[String]>) -> Result<Version> {
    let Some(versions) = versions else {
        return Version::of_key("cniVersion", version);
    };
    let allowed = versions.iter().map(String::as_str).chain(version);
    let known = allowed.clone().filter_map(|text| text.parse().ok()).max();
    known.ok_or_else(|| {
        let allowed: Vec<&str> = allowed.take(9).collect();
        let known = Version::ALL.map(Version::as_str).join(", ");
        let why = format!("`cniVersions`: none of {allowed:?} is spoken here; known are {known}");
        Error::new(Code::IncompatibleVersion, why)
    })
}

#[cfg(test)]
mod tests;
