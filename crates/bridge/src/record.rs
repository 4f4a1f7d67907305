//! The records: definitions of networks and claims of attachments, as JSON. The only place that knows how they are written.
//!
//! Every record carries a format number; a newer one is refused, not guessed.

mod assigned;
mod opened;
mod policy;
mod vlans;

use crate::error::{Error, Result};
use crate::name::{AttachmentId, Key, NetworkName};
use crate::policy::Joined;
use crate::port::PortSpec;
use crate::spec::{Attachment, AttachmentSpec, Network, Shared, State, Subnet};
use crate::vlans::{Before, Vlans};
use assigned::{AssignedFile, TranslationFile};
use core_netlink::{IfName, MacAddr};
use ipnet::IpNet;
use policy::{JoinedFile, PolicyFile};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::{Duration, SystemTime};
use vlans::{BeforeFile, VlansFile};

/// 1: without policy, joined networks and openings of attachments; 2: DHCP servers and routers; 3: external IPAM; 4: VLANs, translation.
const FORMAT: u32 = 5;

/// A network and how far its life has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) network: Network,
    pub(crate) state: State,
}

/// An attachment, what was wished for, and whose life it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) attachment: Attachment,
    /// `None` if the record was lost and told from the kernel.
    pub(crate) wish: Option<Wish>,
    /// The boot it was made in.
    pub(crate) boot: String,
    /// The cookie of the namespace the host's end is in.
    pub(crate) here: u64,
}

/// What was asked for by name; the rest was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) mac: Option<MacAddr>,
}

impl Wish {
    pub(crate) fn of(spec: &AttachmentSpec) -> Wish {
        let assigned = spec.prefixes.iter().map(IpNet::addr);
        let mut addresses: Vec<IpAddr> = spec.addresses.iter().copied().chain(assigned).collect();
        addresses.sort();
        Wish {
            addresses,
            mac: spec.mac,
        }
    }
}

/// What we switched on for all networks together, to be put back with the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Interfaces on which we switched forwarding on, and whether for IPv6.
    pub(crate) interfaces: Vec<(IfName, bool)>,
    /// Whether we switched IPv6 forwarding on everywhere (kernels before 6.17).
    pub(crate) ipv6_everywhere: bool,
}

/// A value written as its text.
#[derive(PartialEq, Eq)]
struct Text<T>(T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bad = || D::Error::custom(format!("{text:?} cannot be read"));
        text.parse().map(Text).map_err(|_| bad())
    }
}

fn texts<T: Clone>(values: &[T]) -> Vec<Text<T>> {
    values.iter().cloned().map(Text).collect()
}

fn values<T>(texts: Vec<Text<T>>) -> Vec<T> {
    texts.into_iter().map(|text| text.0).collect()
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct DefinitionFile {
    format: u32,
    name: Text<NetworkName>,
    bridge: Text<IfName>,
    mac: Text<MacAddr>,
    subnets: Vec<SubnetFile>,
    internal: bool,
    mtu: u32,
    queues: u32,
    #[serde(default)]
    big_tcp: bool,
    host_services: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    external_ipam: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    routed: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    promiscuous: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vlans: Option<VlansFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<BeforeFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shared: Option<SharedFile>,
    #[serde(default)]
    policy: PolicyFile,
    #[serde(default)]
    reaches: Vec<JoinedFile>,
    #[serde(default)]
    reached_by: Vec<JoinedFile>,
    state: String,
    since_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct SharedFile {
    gateways: Vec<Text<IpAddr>>,
    ipv4: bool,
    ipv6: bool,
    promiscuous: bool,
}

#[derive(Serialize, Deserialize)]
struct SubnetFile {
    prefix: Text<IpNet>,
    gateway: Text<IpAddr>,
}

#[derive(Serialize, Deserialize)]
struct ClaimFile {
    format: u32,
    boot: String,
    here: u64,
    network: Text<NetworkName>,
    id: Text<AttachmentId>,
    ifname: Text<IfName>,
    namespace: String,
    cookie: u64,
    mac: Text<MacAddr>,
    addresses: Vec<Text<IpNet>>,
    gateways: Vec<Text<IpAddr>>,
    #[serde(default, skip_serializing_if = "AssignedFile::is_usual")]
    assigned: AssignedFile,
    mtu: u32,
    ports: Vec<Text<PortSpec>>,
    #[serde(default, skip_serializing_if = "TranslationFile::is_usual")]
    translation: TranslationFile,
    #[serde(default)]
    dhcp: bool,
    #[serde(default)]
    unguarded: bool,
    #[serde(default)]
    isolated: bool,
    #[serde(default)]
    dhcp_server: bool,
    #[serde(default)]
    router: bool,
    wished_addresses: Option<Vec<Text<IpAddr>>>,
    wished_mac: Option<Text<MacAddr>>,
    since_ms: u64,
}

impl Definition {
    pub(crate) fn write(&self) -> Result<Vec<u8>> {
        let network = &self.network;
        let subnet = |subnet: &Subnet| SubnetFile {
            prefix: Text(subnet.prefix),
            gateway: Text(subnet.gateway),
        };
        write(&DefinitionFile {
            format: FORMAT,
            name: Text(network.name.clone()),
            bridge: Text(network.bridge),
            mac: Text(network.mac),
            subnets: network.subnets.iter().map(subnet).collect(),
            internal: network.internal,
            mtu: network.mtu,
            queues: network.queues,
            big_tcp: network.big_tcp,
            host_services: network.host_services,
            external_ipam: network.external_ipam,
            routed: network.routed,
            promiscuous: network.promiscuous,
            vlans: network.vlans.map(VlansFile::from),
            before: network.before.map(BeforeFile::from),
            shared: network.shared.as_ref().map(|shared| SharedFile {
                gateways: texts(&shared.gateways),
                ipv4: shared.ipv4,
                ipv6: shared.ipv6,
                promiscuous: shared.promiscuous,
            }),
            policy: PolicyFile::from(&network.policy),
            reaches: network.reaches.iter().map(JoinedFile::from).collect(),
            reached_by: network.reached_by.iter().map(JoinedFile::from).collect(),
            state: self.state.to_string(),
            since_ms: to_ms(network.since),
        })
    }

    pub(crate) fn read(what: &str, bytes: &[u8]) -> Result<Definition> {
        let file: DefinitionFile = read(what, bytes)?;
        let subnet = |subnet: SubnetFile| Subnet {
            prefix: subnet.prefix.0,
            gateway: subnet.gateway.0,
        };
        let network = Network {
            name: file.name.0,
            bridge: file.bridge.0,
            mac: file.mac.0,
            subnets: file.subnets.into_iter().map(subnet).collect(),
            internal: file.internal,
            mtu: file.mtu,
            queues: file.queues,
            big_tcp: file.big_tcp,
            host_services: file.host_services,
            external_ipam: file.external_ipam,
            routed: file.routed,
            promiscuous: file.promiscuous,
            vlans: file.vlans.map(Vlans::from),
            before: file.before.map(Before::from),
            shared: file.shared.map(|shared| Shared {
                gateways: values(shared.gateways),
                ipv4: shared.ipv4,
                ipv6: shared.ipv6,
                promiscuous: shared.promiscuous,
            }),
            policy: file.policy.into(),
            reaches: file.reaches.into_iter().map(Joined::from).collect(),
            reached_by: file.reached_by.into_iter().map(Joined::from).collect(),
            since: from_ms(file.since_ms),
        };
        let state = match file.state.as_str() {
            "up" => State::Up,
            "leaving" => State::Leaving,
            _ => State::Claimed,
        };
        Ok(Definition { network, state })
    }
}

impl Claim {
    pub(crate) fn write(&self) -> Result<Vec<u8>> {
        let of = &self.attachment;
        write(&ClaimFile {
            format: FORMAT,
            boot: self.boot.clone(),
            here: self.here,
            network: Text(of.key.network.clone()),
            id: Text(of.key.id.clone()),
            ifname: Text(of.key.ifname),
            namespace: of.namespace.clone(),
            cookie: of.cookie,
            mac: Text(of.mac),
            addresses: texts(&of.addresses),
            gateways: texts(&of.gateways),
            assigned: AssignedFile::from(&of.assigned),
            mtu: of.mtu,
            ports: texts(&of.ports),
            translation: TranslationFile::from(&of.translation),
            dhcp: of.dhcp,
            unguarded: of.unguarded,
            isolated: of.isolated,
            dhcp_server: of.dhcp_server,
            router: of.router,
            wished_addresses: self.wish.as_ref().map(|wish| texts(&wish.addresses)),
            wished_mac: self.wish.as_ref().and_then(|wish| wish.mac).map(Text),
            since_ms: to_ms(of.since),
        })
    }

    /// `state` is where the file was found.
    pub(crate) fn read(what: &str, bytes: &[u8], state: State) -> Result<Claim> {
        let file: ClaimFile = read(what, bytes)?;
        let key = Key {
            network: file.network.0,
            id: file.id.0,
            ifname: file.ifname.0,
        };
        let attachment = Attachment {
            host_end: key.host_end(),
            key,
            namespace: file.namespace,
            cookie: file.cookie,
            mac: file.mac.0,
            addresses: values(file.addresses),
            gateways: values(file.gateways),
            assigned: file.assigned.into(),
            mtu: file.mtu,
            ports: values(file.ports),
            translation: file.translation.into(),
            dhcp: file.dhcp,
            unguarded: file.unguarded,
            isolated: file.isolated,
            dhcp_server: file.dhcp_server,
            router: file.router,
            state,
            since: from_ms(file.since_ms),
        };
        let mac = file.wished_mac.map(|mac| mac.0);
        let wish = file.wished_addresses.map(|addresses| Wish {
            addresses: values(addresses),
            mac,
        });
        Ok(Claim {
            attachment,
            wish,
            boot: file.boot,
            here: file.here,
        })
    }
}

fn write(file: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes =
        serde_json::to_vec(file).map_err(|err| Error::record("write a record", err.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn read<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T> {
    let bad = |err: serde_json::Error| {
        Error::damaged(format!("read {what}"), format!("it is damaged: {err}"))
    };
    let head: Head = serde_json::from_slice(bytes).map_err(bad)?;
    if head.format > FORMAT {
        let why = format!(
            "its format is {}, this program knows up to {FORMAT}",
            head.format
        );
        return Err(Error::record(format!("read {what}"), why)
            .with_hint("use the newer vetch that wrote it"));
    }
    serde_json::from_slice(bytes).map_err(bad)
}

fn to_ms(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn from_ms(ms: u64) -> SystemTime {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Now, in the whole milliseconds that a record keeps.
pub(crate) fn now() -> SystemTime {
    from_ms(to_ms(SystemTime::now()))
}

#[cfg(test)]
pub(crate) mod tests;
