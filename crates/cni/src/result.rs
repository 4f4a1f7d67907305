//! What ADD answers, in the form of the latest version.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The result of an ADD (CNI 1.1.0, "Add Success").
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
    /// From 1.1.0 on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub socket_path: String,
    /// From 1.1.0 on.
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
    /// Which of the interfaces has it.
    pub interface: Option<usize>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub dst: IpNet,
    /// The next hop; that of the address of its family unless given.
    pub gw: Option<IpAddr>,
    /// Bytes; from 1.1.0 on.
    pub mtu: Option<u32>,
    /// Bytes, the largest TCP segment to announce; from 1.1.0 on.
    pub advmss: Option<u32>,
    /// The metric; from 1.1.0 on.
    pub priority: Option<u32>,
    /// The table; from 1.1.0 on.
    pub table: Option<u32>,
    /// How far away: 0 anywhere, 253 on the link, 254 on this host; from 1.1.0 on.
    pub scope: Option<u8>,
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
