//! `runtimeConfig`: what a runtime gives to the plugins that ask for it.

use crate::address;
use crate::error::{Code, Error, Result};
use crate::json::optional_text;
use bridge::Transport;
use core_netlink::MacAddr;
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::net::IpAddr;
use std::str::FromStr;

/// The capabilities that have a convention (CONVENTIONS.md of the specification, "Well-known Capabilities"); a plugin that knows others
/// reads them as keys of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RuntimeConfig {
    /// Ports of the host that lead to the container.
    pub port_mappings: Vec<PortMapping>,
    /// The rates that the interface may have.
    pub bandwidth: Option<Bandwidth>,
    /// Addresses that are wished for.
    pub ips: Vec<RequestedIp>,
    /// For each address that is to be given, the ranges it may come from.
    pub ip_ranges: Vec<Vec<IpRange>>,
    /// The link-layer address that is wished for.
    #[serde(deserialize_with = "optional_text")]
    pub mac: Option<MacAddr>,
    /// The resolver of the container.
    pub dns: RuntimeDns,
    /// Names that the addresses are to have as well.
    pub aliases: Vec<String>,
    /// The GUID that is wished for on InfiniBand; empty if none is.
    #[serde(rename = "infinibandGUID")]
    pub infiniband_guid: String,
    /// The device that was set aside for the container, as its plugin names it; empty if none was.
    #[serde(rename = "deviceID")]
    pub device_id: String,
    /// The control group of the container; empty if it is not said.
    pub cgroup_path: String,
}

/// A port of the host that leads to the container (`portMappings`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// The port on the host; 0 for one that is named but not published.
    #[serde(default)]
    pub host_port: u16,
    /// The port in the container, not 0.
    #[serde(deserialize_with = "port")]
    pub container_port: u16,
    /// Of which transport; TCP if it is not said.
    #[serde(rename = "protocol", default, deserialize_with = "transport")]
    pub transport: Transport,
    /// Only at this address of the host.
    #[serde(rename = "hostIP", default, deserialize_with = "address::optional")]
    pub host_ip: Option<IpAddr>,
}

/// The rates of an interface (`bandwidth`); 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Bandwidth {
    /// Into the container, in bits per second.
    pub ingress_rate: u64,
    /// Into the container at once, in bits.
    pub ingress_burst: u64,
    /// Out of the container, in bits per second.
    pub egress_rate: u64,
    /// Out of the container at once, in bits.
    pub egress_burst: u64,
}

/// A range that an address may come from (`ipRanges`, and `ranges` of `host-local`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpRange {
    /// The subnet.
    #[serde(deserialize_with = "address::net")]
    pub subnet: IpNet,
    /// The first address; that of the subnet unless given.
    #[serde(default, deserialize_with = "address::optional")]
    pub range_start: Option<IpAddr>,
    /// The last address; that of the subnet unless given.
    #[serde(default, deserialize_with = "address::optional")]
    pub range_end: Option<IpAddr>,
    /// The way out; the subnet's first address unless given.
    #[serde(default, deserialize_with = "address::optional")]
    pub gateway: Option<IpAddr>,
}

/// The resolver of a container (`dns`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RuntimeDns {
    /// Addresses of name servers.
    pub servers: Vec<String>,
    /// Domains to search.
    pub searches: Vec<String>,
    /// Options of the resolver.
    pub options: Vec<String>,
}

/// An address that is wished for: `10.1.2.3`, or with the length of its prefix `10.1.2.3/24`.
///
/// ```
/// let ip: cni::RequestedIp = "10.1.2.3/24".parse()?;
/// assert_eq!(ip.net(), "10.1.2.3/24".parse().ok());
/// # Ok::<(), cni::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct RequestedIp {
    /// The address.
    pub address: IpAddr,
    /// The length of its prefix, if it is said. `host-local` does not look at it, `static` needs it.
    pub prefix: Option<u8>,
}

impl RequestedIp {
    /// The address with its length, if that is said.
    pub fn net(self) -> Option<IpNet> {
        IpNet::new(self.address, self.prefix?).ok()
    }
}

impl FromStr for RequestedIp {
    /// Code 7, with what is right.
    type Err = Error;

    fn from_str(text: &str) -> Result<RequestedIp> {
        let net = address::parse_net(text).map(|net| (net.addr(), Some(net.prefix_len())));
        let plain = || address::parse(text).map(|address| (address, None));
        let (address, prefix) = net.or_else(plain).ok_or_else(|| {
            let why = format!("{text:?} is no address such as 10.1.2.3 or 10.1.2.3/24");
            Error::new(Code::InvalidConfig, why)
        })?;
        Ok(RequestedIp { address, prefix })
    }
}

impl TryFrom<String> for RequestedIp {
    type Error = Error;

    fn try_from(text: String) -> Result<RequestedIp> {
        text.parse()
    }
}

fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        0 => Err(D::Error::custom("0 is no port: 1 to 65535")),
        port => Ok(port),
    }
}

/// In any case, as runtimes write it.
fn transport<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Transport, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_lowercase().as_str() {
        "" => Ok(Transport::Tcp),
        word => word.parse().map_err(D::Error::custom),
    }
}
