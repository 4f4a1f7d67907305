//! `vetch network`: make, list, show, check and remove container networks.

use crate::cli::Global;
use crate::command::{Answer, health, view};
use crate::failure::Failure;
use crate::output::Output;
use crate::words::{number, parse};
use crate::{host, settle, table, time};
use bridge::{Destination, Host, Network, NetworkName, NetworkSpec, Policy, Service};
use clap::Subcommand;
use core_netlink::IfName;
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::SystemTime;

/// Make, list, show, check and remove container networks
///
/// A network is a bridge with subnets. Its containers reach each other, the gateway and (through NAT) the outside; nobody reaches them
/// but through published ports.
#[derive(Debug, clap::Args)]
#[command(visible_alias = "net")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(Box<Create>),
    Ls(Ls),
    Inspect(Inspect),
    Rm(Rm),
    Check(health::Check),
    Repair(health::Repair),
}

/// Make a network
///
/// The same again with the same options changes nothing; with other options it is refused.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch network create web
  vetch network create lab --subnet 10.7.0.0/24 --subnet fd00:7::/64
  vetch network create vault --internal
  vetch network create six --ipv6                a private IPv6 /64 of its own besides IPv4
  vetch network create jobs --isolate-ports --allow 192.0.2.0/24:443/tcp --host-service udp:53
  vetch network create office --deny 10.0.0.0/8 --deny [fd00::/8]:22/tcp
  vetch network create front --reach web         its containers may connect to those of `web`
  vetch network create web --dry-run             the `ip` and `nft` words for it")]
struct Create {
    /// Name: 1 to 40 letters, digits, `_`, `.` or `-`
    #[arg(value_parser = parse::<NetworkName>)]
    name: NetworkName,
    /// Subnet, at most one of each family; without any, a free IPv4 /24 that the host has no route to
    #[arg(long, value_name = "CIDR", value_parser = subnet)]
    subnet: Vec<IpNet>,
    /// IPv6 too: a random private /64 (fd00::/8, kept for good) unless --subnet gives a prefix
    #[arg(long)]
    ipv6: bool,
    /// Address of the bridge inside a subnet; the lowest one unless given
    #[arg(long, value_name = "IP")]
    gateway: Vec<IpAddr>,
    /// No way out: no NAT, no default route, no port published beyond this host
    #[arg(long)]
    internal: bool,
    /// Containers go out with their own addresses: for subnets that others route to this host
    ///
    /// From outside they are reached only for answers and published ports all the same, unless --reachable.
    #[arg(long, conflicts_with = "internal")]
    no_masquerade: bool,
    /// Others reach containers by their own addresses: from outside, and from other networks
    ///
    /// Who they are decides whoever routes to this host; published ports work as usual.
    #[arg(long, conflicts_with = "internal", help_heading = HEADING)]
    reachable: bool,
    /// Containers do not reach each other
    ///
    /// Neither directly nor by published ports. The gateway and the outside they reach, and are reached from there as usual.
    #[arg(long, help_heading = HEADING)]
    isolate_ports: bool,
    /// Containers may connect only there; again for more
    ///
    /// The lists hold for whatever is not in their own network: the outside, other networks, published ports (by the container they lead
    /// to), --host-services. Without PROTO: tcp, udp and sctp. Without PORT: everything, ICMP too. IPv6 as in [2001:db8::/32]:53.
    #[arg(long, value_name = DESTINATION, value_parser = parse::<Destination>, help_heading = HEADING)]
    allow: Vec<Destination>,
    /// Containers may not connect there, whatever else is open or allowed; again for more
    ///
    /// This host's own addresses count too.
    #[arg(long, value_name = DESTINATION, value_parser = parse::<Destination>, help_heading = HEADING)]
    deny: Vec<Destination>,
    /// Let containers connect to those of another network; again for more
    ///
    /// Those cannot connect back. The lists hold.
    #[arg(long, value_name = "NETWORK", value_parser = parse::<NetworkName>, help_heading = HEADING)]
    reach: Vec<NetworkName>,
    /// Let containers of another network connect to those of this one
    #[arg(long, value_name = "NETWORK", value_parser = parse::<NetworkName>, help_heading = HEADING)]
    reached_by: Vec<NetworkName>,
    /// Let containers use a service of this host, as in tcp:53 or udp:8000-8010; again for more
    ///
    /// It need not be on the --allow list.
    #[arg(long, value_name = "PROTO:PORT", value_parser = parse::<Service>, help_heading = HEADING)]
    host_service: Vec<Service>,
    /// Let containers answer as DHCP and DHCPv6 servers, from their own addresses
    ///
    /// Those that ask need `vetch attach --dhcp`, and keep the address they got from Vetch: the server must give it to them.
    #[arg(long, help_heading = WIRE)]
    dhcp_servers: bool,
    /// Let containers send IPv6 router advertisements, from their own addresses
    ///
    /// This host never listens to them; containers do if they set `accept_ra`. One that passes on the packets of others is attached
    /// with --unguarded besides.
    #[arg(long, help_heading = WIRE)]
    routers: bool,
    /// Largest packet in bytes; that of the default route's device unless given
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true, value_parser = number)]
    mtu: Option<u32>,
    /// Queues of each interface, for many parallel streams; 1 unless given
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number)]
    queues: Option<u32>,
    /// Let TCP hand over up to 192 KiB at a time: half as fast again (Linux 6.3)
    ///
    /// Between containers, and to and from this host; programs that watch packets see some that are longer than 64 KiB.
    #[arg(long)]
    big_tcp: bool,
    /// Let containers use every service of this host
    ///
    /// If there is an --allow list, only those on it.
    #[arg(long, help_heading = HEADING)]
    host_services: bool,
    /// Name of the bridge; `vbr-NAME` unless given
    #[arg(long, value_name = "IFNAME", value_parser = parse::<IfName>)]
    bridge: Option<IfName>,
    /// Only show the steps, and the words that undo each (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
}

const HEADING: &str = "Who may reach whom";
const WIRE: &str = "What containers may send";
const DESTINATION: &str = "PREFIX[:PORT[/PROTO]]";

/// List the networks
#[derive(Debug, clap::Args)]
#[command(visible_alias = "list")]
struct Ls {}

/// Show networks and who is attached
#[derive(Debug, clap::Args)]
#[command(visible_alias = "show")]
struct Inspect {
    /// Names
    #[arg(required = true, value_name = "NETWORK", value_parser = parse::<NetworkName>)]
    names: Vec<NetworkName>,
}

/// Remove networks
///
/// One that is not there is no error. One with attachments is refused unless --force detaches them.
#[derive(Debug, clap::Args)]
#[command(visible_alias = "delete")]
struct Rm {
    /// Names
    #[arg(required = true, value_name = "NETWORK", value_parser = parse::<NetworkName>)]
    names: Vec<NetworkName>,
    /// Detach whoever is attached
    #[arg(short, long)]
    force: bool,
    /// Return only when the kernel has deleted the links (20 to 40 ms)
    #[arg(long)]
    wait: bool,
    /// Only show the steps, and the words that undo each (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        match self.verb {
            Verb::Create(args) => args.run(global, out),
            Verb::Ls(Ls {}) => list(global, out),
            Verb::Inspect(args) => args.run(global, out),
            Verb::Rm(args) => args.run(global, out),
            Verb::Check(args) => args.run(global, out),
            Verb::Repair(args) => args.run(global, out),
        }
    }
}

/// A prefix as typed; one with host bits is told apart from the network it probably means.
fn subnet(text: &str) -> Result<IpNet, String> {
    let right = "right is ADDRESS/LENGTH, as in 10.7.0.0/24 or fd00:7::/64";
    let Some((_, length)) = text.split_once('/') else {
        return Err(format!("the length of the prefix is missing; {right}"));
    };
    let prefix: IpNet = text.parse().map_err(|_| match length.parse::<u8>() {
        Ok(length) if length > 32 => {
            format!("a prefix is 0 to 32 bits long (IPv6: 128), not {length}; {right}")
        }
        _ => right.to_owned(),
    })?;
    match prefix.trunc() == prefix {
        true => Ok(prefix),
        false => Err(format!(
            "bits are set behind the prefix; the subnet is {}",
            prefix.trunc()
        )),
    }
}

impl Create {
    fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let spec = NetworkSpec {
            subnets: self.subnet,
            ipv6: self.ipv6,
            gateways: self.gateway,
            internal: self.internal,
            mtu: self.mtu,
            queues: self.queues,
            big_tcp: self.big_tcp,
            host_services: self.host_services,
            bridge: self.bridge,
            policy: Policy {
                masquerade: !self.no_masquerade,
                reachable: self.reachable,
                isolate_ports: self.isolate_ports,
                allow: self.allow,
                deny: self.deny,
                services: self.host_service,
                dhcp_servers: self.dhcp_servers,
                routers: self.routers,
            },
            reaches: self.reach,
            reached_by: self.reached_by,
            ..NetworkSpec::new(self.name)
        };
        let mut host = host::open(global)?;
        if self.dry_run {
            return host::print_plan(&host.plan_network(&spec)?, out);
        }
        let network = host.create_network(&spec)?;
        match out.json {
            true => out.document(&view::network(&network))?,
            false => out.line(sentence(&network))?,
        }
        warn(&mut host, &network, out);
        Ok(Answer::Done)
    }
}

/// Names what others have set up that stops the network's packets. Whether it can be looked at is nothing the command depends on.
fn warn(host: &mut Host, network: &Network, out: &mut Output) {
    for obstacle in host.obstacles(network).unwrap_or_default() {
        out.note(format!(
            "note: {}: it stops network `{}`",
            obstacle.what, network.name
        ));
        out.note(format!("hint: {}", obstacle.remedy));
    }
}

/// `web: bridge vbr-web, 10.88.0.0/24 via 10.88.0.1`
pub(crate) fn sentence(network: &Network) -> String {
    let subnets = network
        .subnets
        .iter()
        .map(|subnet| format!(", {} via {}", subnet.prefix, subnet.gateway));
    let internal = if network.internal { ", internal" } else { "" };
    format!(
        "{}: bridge {}{}{internal}",
        network.name,
        network.bridge,
        subnets.collect::<String>()
    )
}

fn kind(network: &Network) -> String {
    let vlan = network.vlans.and_then(|vlans| vlans.gateway);
    let vlan = vlan.map(|vlan| format!("vlan {vlan}"));
    let internal = network.internal.then(|| "internal".to_owned());
    let bridgeless = match (network.is_foreign(), network.routed) {
        (true, _) => Some("ports only"),
        (false, true) => Some("routed"),
        (false, false) => None,
    };
    let bridgeless = bridgeless.map(str::to_owned);
    view::joined(internal.into_iter().chain(vlan).chain(bridgeless))
}

fn list(global: &Global, out: &mut Output) -> Result<Answer, Failure> {
    let networks = host::open(global)?.networks()?;
    if out.json {
        out.document(&networks.iter().map(view::network).collect::<Vec<_>>())?;
        return Ok(Answer::Done);
    }
    let now = SystemTime::now();
    let row = |network: &Network| {
        let subnets = network.subnets.iter().map(|subnet| subnet.prefix);
        vec![
            network.name.to_string(),
            view::joined((!network.routed).then_some(network.bridge)),
            view::joined(subnets),
            view::joined(network.subnets.iter().map(|subnet| subnet.gateway)),
            network.mtu.to_string(),
            kind(network),
            time::ago(network.since, now),
        ]
    };
    let heading = [
        "NAME", "BRIDGE", "SUBNETS", "GATEWAYS", "MTU", "KIND", "SINCE",
    ];
    table::print(out, &heading, networks.iter().map(row).collect())?;
    Ok(Answer::Done)
}

impl Inspect {
    fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let mut host = host::open(global)?;
        let mut documents = Vec::new();
        for name in &self.names {
            let network = host.network(name)?;
            let attachments = host.attachments(Some(name))?;
            warn(&mut host, &network, out);
            if out.json {
                let mut document = view::network(&network);
                document["attachments"] = attachments.iter().map(view::attachment).collect();
                documents.push(document);
                continue;
            }
            for (what, value) in view::facts(&network) {
                out.line(format!("{what:<16}{}", crate::output::escape(&value)))?;
            }
            out.line("")?;
            view::print_attachments(&attachments, out)?;
        }
        if out.json {
            out.document(&documents)?;
        }
        Ok(Answer::Done)
    }
}

impl Rm {
    fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        for name in &self.names {
            let mut host = host::open(global)?;
            if self.dry_run {
                host::print_plan(&host.plan_remove(name, self.force)?, out)?;
            } else {
                if !is_there(&mut host, name)? {
                    out.note(format!("there is no network `{name}`"));
                }
                let gone = host.remove_network(name, self.force)?;
                drop(host);
                settle::settle(gone, self.wait)?;
            }
        }
        Ok(Answer::Done)
    }
}

fn is_there(host: &mut Host, name: &NetworkName) -> Result<bool, Failure> {
    match host.network(name) {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        // A damaged record must not keep a network from being removed.
        Err(_) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_says_what_is_wrong_with_it() {
        assert_eq!(subnet("10.7.0.0/24").unwrap().to_string(), "10.7.0.0/24");
        assert!(subnet("fd00:7::/64").is_ok());
        for (text, why) in [
            ("10.7.0.1", "length of the prefix is missing"),
            ("10.7.0.0/33", "0 to 32"),
            ("10.7.0.1/24", "the subnet is 10.7.0.0/24"),
            ("banana/24", "right is"),
            ("10.7.0/24", "right is"),
            ("fd00::/129", "not 129"),
        ] {
            let said = subnet(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
