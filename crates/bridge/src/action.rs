//! The actions that plans are made of.

use crate::announce::announce_step;
use crate::kernel::Setting;
use crate::port_action::PortAction;
use crate::record::{Claim, Definition, Opened};
use crate::spec::{Attachment, Ends, Network};
use crate::step::Step;
use crate::words::{
    bridge_settings_step, bridge_step, bridge_up_step, claim_step, detect_step, flows_step,
    forward_step, host_end_step, inside_step, localnet_step, pair_step, reshape_step, silent, step,
    sysctl_words,
};
use core_netlink::IfName;
use firewall::Change;
use std::net::IpAddr;

/// One thing to do. Those that make something know how to undo it.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Write the definition of a network that is about to be made.
    Define(Definition),
    /// Write the claims of a network again that were lost or damaged.
    Records(Network),
    /// See that the tables of the firewall are there.
    Tables,
    /// Make the bridge of a network.
    Bridge(Network),
    /// Its settings, before it is up.
    BridgeSettings(Network),
    /// Its addresses, then up.
    BridgeUp(Network),
    /// Elements of the firewall, to come or to go.
    Elements(Change),
    /// Switch forwarding on for interfaces; what is noted of it before and after.
    Forward {
        settings: Vec<Setting>,
        change: Change,
        before: Opened,
        after: Opened,
    },
    /// The network is complete.
    Defined(Definition),

    /// Take addresses and ports, and write the claim.
    Claim(Claim),
    /// Make the pair, its inner end inside the namespace.
    Pair {
        attachment: Attachment,
        bridge: IfName,
        ends: Ends,
    },
    /// The host end's settings, before it is up.
    HostEnd {
        attachment: Attachment,
        bridge: IfName,
        big_tcp: bool,
    },
    /// Addresses and routes inside.
    Inside { attachment: Attachment },
    /// Let 127.0.0.1 be routed to the bridge, or not any more. Where others need it on, it stays on when this is undone.
    Localnet {
        bridge: IfName,
        on: bool,
        others: bool,
    },
    /// Cut UDP flows that still take their old way.
    Flows {
        attachment: Attachment,
        addresses: bool,
    },
    /// Traffic flows.
    HostUp {
        host_end: IfName,
        /// Where no bridge finds the container: the addresses that lead there.
        to: Vec<IpAddr>,
    },
    /// Tell the neighbours which MAC address the addresses are at now: another owner may have had another.
    Announce { attachment: Attachment },
    /// The attachment is complete.
    Claimed(Attachment),

    /// The attachment is on its way out.
    Leave(Attachment),
    /// Take the host end down, off the bridge, and give its name free.
    Aside { attachment: Attachment },
    /// Give the inner end's name free, where the namespace can be reached.
    AsideInside(Attachment),
    /// Give back addresses and ports, and remove the claim.
    Unclaim(Attachment),
    /// Take the bridge down and give its name free.
    AsideBridge(Network),
    /// Put forwarding back.
    Unforward { settings: Vec<Setting> },
    /// Delete a link.
    Delete(IfName),
    /// A network becomes another one.
    Reshape(Box<[Network; 2]>),
    /// Wait until its IPv6 addresses are known to be nobody else's.
    Detect(Attachment),
    /// Something about the ports of an attachment that is up.
    Port(Box<PortAction>),
    /// Remove the tables of the firewall.
    NoTables,
    /// Remove the definition and all that was noted about the network.
    Forget(Network),
}

pub(crate) fn sysctls_of_bridge(network: &Network) -> Vec<Setting> {
    if !network.owns_gateway_link() || !network.has_gateway_link() {
        return Vec::new();
    }
    let link = network.gateway_link();
    let v6 = |key: &str, value| (format!("net/ipv6/conf/{link}/{key}"), value);
    let disable = match network.has_ipv6() {
        false => Some(v6("disable_ipv6", "1")),
        true => network.external_ipam.then(|| v6("disable_ipv6", "0")), // it may get its first IPv6 subnet later
    };
    let off = ["accept_ra", "autoconf", "accept_redirects", "accept_dad"];
    disable
        .into_iter()
        .chain(off.map(|key| v6(key, "0")))
        .collect()
}

/// Of a host end without a bridge: the host is the container's router there, and listens to no other.
pub(crate) fn sysctls_of_routed(of: &Attachment) -> Vec<Setting> {
    let v6 = |key: &str, value| (format!("net/ipv6/conf/{}/{key}", of.host_end), value);
    if !of.addresses.iter().any(|net| net.addr().is_ipv6()) {
        return vec![v6("disable_ipv6", "1")];
    }
    let off = ["accept_ra", "autoconf", "accept_redirects", "accept_dad"];
    off.map(|key| v6(key, "0")).into()
}

pub(crate) fn sysctl_of_port(host_end: IfName) -> Setting {
    (format!("net/ipv6/conf/{host_end}/disable_ipv6"), "1")
}

pub(crate) fn alias(attachment: &Attachment) -> String {
    attachment
        .key
        .alias(attachment.addresses.iter().map(|net| net.addr()))
}

impl Action {
    /// As a person reads it.
    pub(crate) fn step(&self) -> Step {
        match self {
            Action::Define(definition) | Action::Defined(definition) => {
                silent(format!("write down network `{}`", definition.network.name))
            }
            Action::Tables => step(
                "see that the firewall's tables are there",
                vec!["nft list tables".into()],
                vec![],
            ),
            Action::Bridge(network) => bridge_step(network),
            Action::BridgeSettings(network) => bridge_settings_step(network),
            Action::BridgeUp(network) => bridge_up_step(network),
            Action::Elements(change) => {
                let undo = change.clone().inverse();
                let what = match change.steps().len() {
                    1 => "1 element of the firewall".to_owned(),
                    many => format!("{many} elements of the firewall, in one transaction"),
                };
                step(what, change.words(), undo.words())
            }
            Action::Forward {
                settings, change, ..
            } => forward_step(settings, change),
            Action::Claim(claim) => claim_step(&claim.attachment),
            Action::Claimed(attachment) => silent(format!("{} is up", attachment.key)),
            Action::Pair {
                attachment,
                bridge,
                ends,
            } => pair_step(attachment, *bridge, *ends),
            Action::HostEnd {
                attachment,
                bridge,
                big_tcp,
            } => host_end_step(attachment, *bridge, *big_tcp),
            Action::Inside { attachment } => inside_step(attachment),
            Action::Localnet { bridge, on, others } => localnet_step(*bridge, *on, *others),
            Action::Flows {
                attachment,
                addresses,
            } => flows_step(attachment, *addresses),
            Action::HostUp { host_end, to } => {
                let routes = to
                    .iter()
                    .map(|ip| format!("ip route add {ip} dev {host_end}"));
                let (up, down) = (
                    format!("ip link set {host_end} up"),
                    format!("ip link set {host_end} down"),
                );
                let words = std::iter::once(up).chain(routes).collect();
                step("let traffic flow", words, vec![down])
            }
            Action::Announce { attachment } => announce_step(attachment),
            Action::Port(action) => action.step(),
            Action::Reshape(networks) => reshape_step(networks),
            Action::Detect(of) => detect_step(of),
            _ => self.removing_step(),
        }
    }

    fn removing_step(&self) -> Step {
        match self {
            Action::Leave(attachment) => silent(format!("{} is leaving", attachment.key)),
            Action::Aside { attachment } => {
                let end = attachment.host_end;
                let words = vec![
                    format!("ip link set {end} down"),
                    format!("ip link set {end} nomaster"),
                    format!("ip link delete {end}"),
                ];
                step(
                    format!("take `{end}` off the bridge; it is deleted later"),
                    words,
                    vec![],
                )
            }
            Action::AsideInside(attachment) => {
                let what = format!(
                    "free the name `{}` in namespace {}",
                    attachment.key.ifname, attachment.namespace
                );
                silent(what)
            }
            Action::Unclaim(attachment) => {
                silent(format!("give back the addresses of {}", attachment.key))
            }
            Action::AsideBridge(network) => {
                let bridge = network.bridge;
                let words = vec![
                    format!("ip link set {bridge} down"),
                    format!("ip link delete {bridge}"),
                ];
                step(
                    format!("take bridge `{bridge}` down; it is deleted later"),
                    words,
                    vec![],
                )
            }
            Action::Unforward { settings } => {
                step("put forwarding back", sysctl_words(settings), vec![])
            }
            Action::Delete(name) => {
                let words = vec![format!("ip link delete {name}")];
                step(format!("delete link `{name}`"), words, vec![])
            }
            Action::NoTables => {
                let words =
                    ["bridge", "inet"].map(|family| format!("nft delete table {family} vetch"));
                step("remove the firewall's tables", words.into(), vec![])
            }
            Action::Records(network) => {
                let what = format!("tell lost records of `{}` from the kernel", network.name);
                silent(what)
            }
            Action::Forget(network) => silent(format!("forget network `{}`", network.name)),
            _ => step("", vec![], vec![]),
        }
    }
}
