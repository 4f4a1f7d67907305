//! What ADD answers, in the form of the latest version.

mod inner;
mod written;

use crate::address;
use crate::error::Result;
use crate::json::{Document, to_value};
use crate::version::Version;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
pub(crate) use written::Written;

/// The result of an ADD (CNI 1.1.0, "Add Success").
///
/// ```
/// use cni::{AddResult, Version};
/// let text = br#"{"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.0.0.2/24"}], "dns": {}}"#;
/// let result = AddResult::parse(text)?;
/// let latest = r#"{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.2/24"}],"dns":{}}"#;
/// assert_eq!(result.to_json(Version::V110), latest);
/// # Ok::<(), cni::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddResult {
    /// What was made, on the host and inside.
    pub interfaces: Vec<Interface>,
    /// Addresses and which interface has them.
    pub ips: Vec<Ip>,
    /// Routes inside.
    pub routes: Vec<Route>,
    /// Name servers that whoever starts the container may use.
    pub dns: Dns,
}

impl AddResult {
    /// Reads what a plugin printed, in whatever version it says it is.
    ///
    /// Code 1 for a version that is not known here, 6 for what is no JSON or has a wrong type, 7 for addresses and indexes that cannot be
    /// meant; each names the key by its path.
    pub fn parse(text: &[u8]) -> Result<AddResult> {
        let written: Written = Document::parse(text)?.keys()?;
        written.read("", None)
    }

    /// The same where a text that does not say its version is of this one.
    pub(crate) fn parse_in(text: &[u8], version: Version) -> Result<AddResult> {
        let written: Written = Document::parse(text)?.keys()?;
        written.read("", Some(version))
    }

    /// As a plugin of this version prints it. What the version lacks is left out; `dns` is always there, as the reference writes it.
    pub fn to_json(&self, version: Version) -> String {
        to_value(&Written::new(self, version)).to_string()
    }
}

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its link-layer address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mac: String,
    /// Bytes; from 1.1.0 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The path of the namespace it is in; empty for the host's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sandbox: String,
    /// The socket of a process that serves it, where it is no link of the kernel; from 1.1.0 on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub socket_path: String,
    /// The PCI device that it is; from 1.1.0 on.
    #[serde(default, rename = "pciID", skip_serializing_if = "String::is_empty")]
    pub pci_id: String,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ip {
    /// The address with the length of its subnet.
    pub address: IpNet,
    /// The way out.
    pub gateway: Option<IpAddr>,
    /// Which of the interfaces has it, counted from 0.
    pub interface: Option<usize>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where it leads.
    #[serde(deserialize_with = "address::net")]
    pub dst: IpNet,
    /// The next hop; that of the address of its family unless given.
    #[serde(
        default,
        deserialize_with = "address::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub gw: Option<IpAddr>,
    /// Bytes; from 1.1.0 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Bytes, the largest TCP segment to announce; from 1.1.0 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advmss: Option<u32>,
    /// The metric; from 1.1.0 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// The table; from 1.1.0 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// How far away: 0 anywhere, 253 on the link, 254 on this host; from 1.1.0 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<u8>,
}

impl Route {
    /// A route of which nothing else is said.
    pub fn new(dst: IpNet, gw: Option<IpAddr>) -> Route {
        Route {
            dst,
            gw,
            mtu: None,
            advmss: None,
            priority: None,
            table: None,
            scope: None,
        }
    }
}

/// Name servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// In order of preference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// The domain of short names.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Domains to search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options of the resolver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Dns {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Dns::default()
    }
}

#[cfg(test)]
mod tests;
