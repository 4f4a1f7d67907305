//! The `ip`, `bridge`, `sysctl` and `nft` words for what actions do, and what undoes it.

use crate::action::{alias, sysctl_of_port, sysctls_of_bridge};
use crate::kernel::Setting;
use crate::spec::{Attachment, BIG_TCP, Ends, Network, Subnet};
use crate::step::Step;
use core_netlink::IfName;
use firewall::Change;

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
pub(crate) fn silent(what: impl Into<String>) -> Step {
    step(what, vec![], vec![])
}

pub(crate) fn bridge_step(network: &Network) -> Step {
    let Network {
        bridge,
        mac,
        mtu,
        name,
        ..
    } = network;
    if network.vlans.is_some() {
        return vlans_step(network);
    }
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

fn vlans_step(network: &Network) -> Step {
    let Network { bridge, mac, .. } = network;
    let mut words = vec![
        format!("ip link add {bridge} address {mac} type bridge stp_state 0 mcast_snooping 0"),
        format!("ip link set {bridge} type bridge vlan_filtering 1"),
        format!("ip link set {bridge} up"),
    ];
    let mut undo = Vec::new();
    if let Some(vlan) = network
        .gateway_vlan()
        .filter(|_| network.has_gateway_link())
    {
        let link = network.gateway_link();
        words.push(format!("bridge vlan add vid {vlan} dev {bridge} self"));
        words.push(format!(
            "ip link add {link} link {bridge} type vlan id {vlan}"
        ));
        undo.push(format!("ip link delete {link}"));
        undo.push(format!("bridge vlan del vid {vlan} dev {bridge} self"));
    }
    step(
        format!("let bridge `{bridge}` tell VLANs apart"),
        words,
        undo,
    )
}

pub(crate) fn bridge_settings_step(network: &Network) -> Step {
    let bridge = network.gateway_link();
    let mut words = sysctl_words(&sysctls_of_bridge(network));
    let redirects = ["accept_redirects", "send_redirects"];
    words.extend(redirects.map(|key| format!("sysctl -w net/ipv4/conf/{bridge}/{key}=0")));
    step(
        format!("make `{bridge}` deaf to router advertisements and redirects"),
        words,
        vec![],
    )
}

pub(crate) fn bridge_up_step(network: &Network) -> Step {
    let bridge = network.gateway_link();
    let address = |subnet: &Subnet| {
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

pub(crate) fn detect_step(of: &Attachment) -> Step {
    silent(format!(
        "look for duplicates of the addresses of {}",
        of.key
    ))
}

/// What changes of a network that is there.
pub(crate) fn reshape_step([from, to]: &[Network; 2]) -> Step {
    let address = |verb: &str, of: &Network, subnet: &Subnet| {
        let (ip, len) = (subnet.gateway, subnet.prefix.prefix_len());
        format!("ip address {verb} {ip}/{len} dev {}", of.gateway_link())
    };
    let apart = |a: &Network, b: &Network, verb: &str| -> Vec<String> {
        let only = a
            .subnets
            .iter()
            .filter(|subnet| !b.subnets.contains(subnet));
        only.map(|subnet| address(verb, a, subnet)).collect()
    };
    let all = |from: &Network, to: &Network| {
        let mut words = apart(to, from, "add");
        words.extend(apart(from, to, "delete"));
        words
    };
    let what = format!("change network `{}` to what is asked for", to.name);
    step(what, all(from, to), all(to, from))
}

pub(crate) fn forward_step(settings: &[Setting], change: &Change) -> Step {
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

pub(crate) fn claim_step(attachment: &Attachment) -> Step {
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

pub(crate) fn pair_step(attachment: &Attachment, bridge: IfName, ends: Ends) -> Step {
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

pub(crate) fn host_end_step(attachment: &Attachment, bridge: IfName, big_tcp: bool) -> Step {
    let (end, mac) = (attachment.host_end, attachment.mac);
    let word = |on| if on { "on" } else { "off" };
    let (open, guarded) = (word(attachment.unguarded), word(!attachment.unguarded));
    let hairpin = word(attachment.assigned.hairpin || !attachment.ports.is_empty());
    let isolated = word(attachment.isolated);
    let mut words = sysctl_words(&[sysctl_of_port(end)]);
    words.push(format!("sysctl -w net/ipv4/conf/{end}/rp_filter=1"));
    words.push(format!(
        "bridge link set dev {end} learning {open} flood {open} locked {guarded} isolated {isolated} hairpin {hairpin}"
    ));
    let vlans = attachment.assigned.vlans.as_ref();
    words.extend(vlans.into_iter().flat_map(|vlans| vlans.words(end)));
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

pub(crate) fn inside_step(attachment: &Attachment) -> Step {
    let (ns, ifname) = (&attachment.namespace, attachment.key.ifname);
    let (name, enter) = place(ns);
    let ip = match enter.starts_with("ip netns") {
        true => format!("ip -n {name} "),
        false => format!("{enter}ip "),
    };
    let mut words: Vec<String> = sysctl_words(&attachment.inner().sysctls(attachment.key.ifname));
    words
        .iter_mut()
        .for_each(|word| *word = format!("{enter}{word}"));
    words.push(format!("{ip}link set lo up"));
    for net in &attachment.addresses {
        let sure = net.addr().is_ipv6() && !attachment.assigned.detect_duplicates;
        let nodad = if sure { " nodad" } else { "" };
        words.push(format!("{ip}address add {net} dev {ifname}{nodad}"));
    }
    if !attachment.assigned.down {
        words.push(format!("{ip}link set {ifname} up"));
    }
    words.extend(attachment.gateways.iter().map(|gateway| {
        let family = if gateway.is_ipv6() { "-6 " } else { "" };
        format!("{ip}{family}route add default via {gateway}")
    }));
    let routes = attachment.assigned.routes.iter();
    words.extend(routes.map(|route| format!("{ip}route add {route} dev {ifname}")));
    step(
        format!("addresses and routes in namespace {ns}"),
        words,
        vec![],
    )
}

pub(crate) fn localnet_step(bridge: IfName, on: bool, others: bool) -> Step {
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

pub(crate) fn flows_step(attachment: &Attachment, addresses: bool) -> Step {
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
