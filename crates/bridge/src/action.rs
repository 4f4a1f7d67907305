//! The actions that plans are made of, and the `ip`, `bridge`, `sysctl` and `nft` words for each.

use crate::announce::announce_step;
use crate::kernel::Setting;
use crate::port_action::PortAction;
use crate::record::{Claim, Definition, Opened};
use crate::spec::{Attachment, BIG_TCP, Ends, Network};
use crate::step::Step;
use core_netlink::IfName;
use firewall::Change;

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
    HostUp { host_end: IfName },
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
    /// Something about the ports of an attachment that is up.
    Port(Box<PortAction>),
    /// Remove the tables of the firewall.
    NoTables,
    /// Remove the definition and all that was noted about the network.
    Forget(Network),
}

pub(crate) fn sysctls_of_bridge(network: &Network) -> Vec<Setting> {
    let v6 = |key: &str, value| (format!("net/ipv6/conf/{}/{key}", network.bridge), value);
    let disable = (!network.has_ipv6()).then(|| v6("disable_ipv6", "1"));
    let off = ["accept_ra", "autoconf", "accept_redirects", "accept_dad"];
    disable
        .into_iter()
        .chain(off.map(|key| v6(key, "0")))
        .collect()
}

pub(crate) fn sysctls_inside(attachment: &Attachment) -> Vec<Setting> {
    let ifname = attachment.key.ifname;
    let v6 = |key: &str, value| (format!("net/ipv6/conf/{ifname}/{key}"), value);
    if !attachment.addresses.iter().any(|net| net.addr().is_ipv6()) {
        return vec![v6("disable_ipv6", "1")];
    }
    let off = [
        "accept_ra",
        "autoconf",
        "accept_dad",
        "router_solicitations",
        "addr_gen_mode",
    ];
    off.into_iter().map(|key| v6(key, "0")).collect()
}

pub(crate) fn sysctl_of_port(host_end: IfName) -> Setting {
    (format!("net/ipv6/conf/{host_end}/disable_ipv6"), "1")
}

pub(crate) fn sysctl_words(settings: &[Setting]) -> Vec<String> {
    settings
        .iter()
        .map(|(path, value)| format!("sysctl -w {path}={value}"))
        .collect()
}

pub(crate) fn step(what: impl Into<String>, words: Vec<String>, undo: Vec<String>) -> Step {
    Step {
        what: what.into(),
        words,
        undo,
    }
}

/// A step for which there are no words to type.
fn silent(what: impl Into<String>) -> Step {
    step(what, vec![], vec![])
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
            Action::HostUp { host_end } => {
                let (up, down) = (
                    format!("ip link set {host_end} up"),
                    format!("ip link set {host_end} down"),
                );
                step("let traffic flow", vec![up], vec![down])
            }
            Action::Announce { attachment } => announce_step(attachment),
            Action::Port(action) => action.step(),
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

fn bridge_step(network: &Network) -> Step {
    let Network {
        bridge,
        mac,
        mtu,
        name,
        ..
    } = network;
    let words = vec![
        format!(
            "ip link add {bridge} address {mac} mtu {mtu} type bridge stp_state 0 mcast_snooping 0"
        ),
        format!("ip link set {bridge} alias vetch:{name}"),
    ];
    step(
        format!("make bridge `{bridge}`"),
        words,
        vec![format!("ip link delete {bridge}")],
    )
}

fn bridge_settings_step(network: &Network) -> Step {
    let bridge = network.bridge;
    let mut words = sysctl_words(&sysctls_of_bridge(network));
    let redirects = ["accept_redirects", "send_redirects"];
    words.extend(redirects.map(|key| format!("sysctl -w net/ipv4/conf/{bridge}/{key}=0")));
    step(
        format!("make `{bridge}` deaf to router advertisements and redirects"),
        words,
        vec![],
    )
}

fn bridge_up_step(network: &Network) -> Step {
    let bridge = network.bridge;
    let address = |subnet: &crate::spec::Subnet| {
        let nodad = if subnet.gateway.is_ipv6() {
            " nodad"
        } else {
            ""
        };
        format!(
            "ip address add {}/{} dev {bridge}{nodad}",
            subnet.gateway,
            subnet.prefix.prefix_len()
        )
    };
    let mut words: Vec<String> = network.subnets.iter().map(address).collect();
    words.push(format!("ip link set {bridge} up"));
    step(
        "give the bridge its gateway addresses",
        words,
        vec![format!("ip link set {bridge} down")],
    )
}

fn forward_step(settings: &[Setting], change: &Change) -> Step {
    let mut words = change.words();
    words.extend(sysctl_words(settings));
    let mut undo: Vec<String> = settings
        .iter()
        .rev()
        .map(|(path, _)| format!("sysctl -w {path}=0"))
        .collect();
    undo.extend(change.clone().inverse().words());
    step(
        "forward for the containers, and for nobody else",
        words,
        undo,
    )
}

fn claim_step(attachment: &Attachment) -> Step {
    let addresses: Vec<String> = attachment
        .addresses
        .iter()
        .map(|net| net.addr().to_string())
        .collect();
    silent(format!(
        "claim {} for {}",
        addresses.join(" and "),
        attachment.key
    ))
}

/// How a namespace is named behind `netns` of `ip link`, and what runs a program in it: `ip` knows only names, paths and processes there.
pub(crate) fn place(namespace: &str) -> (String, String) {
    match (namespace.strip_prefix("pid:"), namespace.contains('/')) {
        (Some(pid), _) => (pid.to_owned(), format!("nsenter --net=/proc/{pid}/ns/net ")),
        (None, true) => (namespace.to_owned(), format!("nsenter --net={namespace} ")),
        (None, false) => {
            let name = namespace.strip_prefix("ns:").unwrap_or(namespace);
            (name.to_owned(), format!("ip netns exec {name} "))
        }
    }
}

fn pair_step(attachment: &Attachment, bridge: IfName, ends: Ends) -> Step {
    let Attachment {
        key,
        host_end,
        mac,
        mtu,
        namespace,
        ..
    } = attachment;
    let ifname = key.ifname;
    let (netns, _) = place(namespace);
    let (queues, big) = (
        ends.queues,
        if ends.big_tcp {
            big_tcp_words()
        } else {
            String::new()
        },
    );
    let both = format!("mtu {mtu} numtxqueues {queues} numrxqueues {queues}{big}");
    let words = vec![
        format!(
            "ip link add {host_end} {both} type veth peer name {ifname} address {mac} {both} netns {netns}"
        ),
        format!(
            "ip link set {host_end} master {bridge} alias {}",
            alias(attachment)
        ),
    ];
    let what = format!(
        "make a veth pair: `{host_end}` on the bridge, `{ifname}` in namespace {namespace}"
    );
    step(what, words, vec![format!("ip link delete {host_end}")])
}

fn big_tcp_words() -> String {
    let keys = [
        "gso_max_size",
        "gro_max_size",
        "gso_ipv4_max_size",
        "gro_ipv4_max_size",
    ];
    keys.map(|key| format!(" {key} {BIG_TCP}")).concat()
}

pub(crate) fn alias(attachment: &Attachment) -> String {
    attachment
        .key
        .alias(attachment.addresses.iter().map(|net| net.addr()))
}

fn host_end_step(attachment: &Attachment, bridge: IfName, big_tcp: bool) -> Step {
    let (end, mac) = (attachment.host_end, attachment.mac);
    let word = |on| if on { "on" } else { "off" };
    let (open, guarded) = (word(attachment.unguarded), word(!attachment.unguarded));
    let hairpin = word(!attachment.ports.is_empty());
    let isolated = word(attachment.isolated);
    let mut words = sysctl_words(&[sysctl_of_port(end)]);
    words.push(format!("sysctl -w net/ipv4/conf/{end}/rp_filter=1"));
    words.push(format!(
        "bridge link set dev {end} learning {open} flood {open} locked {guarded} isolated {isolated} hairpin {hairpin}"
    ));
    words.push(format!(
        "bridge fdb replace {mac} dev {end} master static sticky"
    ));
    if big_tcp {
        words.push(format!("ip link set {bridge}{}", big_tcp_words()));
    }
    let what = match attachment.unguarded {
        true => format!("make `{end}` a port of `{bridge}` that learns"),
        false => format!("lock `{end}` of `{bridge}` to {mac}"),
    };
    step(what, words, vec![])
}

fn inside_step(attachment: &Attachment) -> Step {
    let (ns, ifname) = (&attachment.namespace, attachment.key.ifname);
    let (name, enter) = place(ns);
    let ip = match enter.starts_with("ip netns") {
        true => format!("ip -n {name} "),
        false => format!("{enter}ip "),
    };
    let mut words: Vec<String> = sysctl_words(&sysctls_inside(attachment));
    words
        .iter_mut()
        .for_each(|word| *word = format!("{enter}{word}"));
    words.push(format!("{ip}link set lo up"));
    for net in &attachment.addresses {
        let nodad = if net.addr().is_ipv6() { " nodad" } else { "" };
        words.push(format!("{ip}address add {net} dev {ifname}{nodad}"));
    }
    words.push(format!("{ip}link set {ifname} up"));
    words.extend(attachment.gateways.iter().map(|gateway| {
        let family = if gateway.is_ipv6() { "-6 " } else { "" };
        format!("{ip}{family}route add default via {gateway}")
    }));
    step(
        format!("addresses and routes in namespace {ns}"),
        words,
        vec![],
    )
}

fn localnet_step(bridge: IfName, on: bool, others: bool) -> Step {
    let word = |on| {
        vec![format!(
            "sysctl -w net/ipv4/conf/{bridge}/route_localnet={}",
            u8::from(on)
        )]
    };
    let what = match on {
        true => "let 127.0.0.1 on this host reach published ports",
        false => "nothing is published to 127.0.0.1 any more",
    };
    step(what, word(on), if others { vec![] } else { word(!on) })
}

fn flows_step(attachment: &Attachment, addresses: bool) -> Step {
    let udp = attachment
        .ports
        .iter()
        .filter(|port| port.transport == firewall::Transport::Udp && !addresses);
    let mut words: Vec<String> = udp
        .map(|port| format!("conntrack -D -p udp --orig-port-dst {}", port.host_port))
        .collect();
    if addresses {
        words.extend(
            attachment
                .addresses
                .iter()
                .map(|net| format!("conntrack -D -s {0}; conntrack -D -r {0}", net.addr())),
        );
    }
    step("cut flows that still take their old way", words, vec![])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_written_as_ip_takes_it() {
        for (words, netns, enter) in [
            ("c1", "c1", "ip netns exec c1 "),
            ("ns:pid:7", "pid:7", "ip netns exec pid:7 "),
            ("pid:7", "7", "nsenter --net=/proc/7/ns/net "),
            (
                "/proc/7/ns/net",
                "/proc/7/ns/net",
                "nsenter --net=/proc/7/ns/net ",
            ),
        ] {
            assert_eq!(place(words), (netns.to_owned(), enter.to_owned()));
        }
    }
}
