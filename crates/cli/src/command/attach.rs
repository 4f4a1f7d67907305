//! `vetch attach`: a namespace gets an interface in a network.

use crate::cli::Global;
use crate::command::{Answer, batch, view};
use crate::failure::Failure;
use crate::output::Output;
use crate::words::parse;
use crate::{host, target};
use bridge::{Attachment, AttachmentSpec, NetworkName, PortSpec};
use core_netlink::{IfName, MacAddr};
use ns_mgmt::{NetNs, Target};
use std::net::IpAddr;
use std::path::PathBuf;

/// Give a network namespace an interface in a network
///
/// The interface comes up with its addresses and a default route. The same again changes nothing; with other options it is refused.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch attach web c1                            eth0 in the namespace `ip netns add c1` made
  vetch attach web c1 -p 8080:80 -p 127.0.0.1:5353:53/udp
  vetch attach web pid:4711 --id build-7         the namespace of a process
  vetch attach web /proc/4711/ns/net --ip 10.88.0.7
  vetch attach lab c1 --ifname eth1              a second network
  vetch attach lab vm --unguarded                a bridge or a virtual machine with MAC addresses of its own
  vetch attach --batch containers.txt --atomic   lines such as `web c1 -p 8080:80`: all of them, or none")]
pub(crate) struct Args {
    /// Network to attach to
    #[arg(value_parser = parse::<NetworkName>, required_unless_present = "batch")]
    network: Option<NetworkName>,
    /// Network namespace: a name under /run/netns, a path, or `pid:N`
    #[arg(value_name = "NETNS", value_parser = parse::<Target>, required_unless_present = "batch")]
    namespace: Option<Target>,
    /// What detach will find it by, `NAME` or `cli:NAME`; the namespace's name unless given
    #[arg(long)]
    id: Option<String>,
    /// Interface inside the namespace
    #[arg(long, default_value = "eth0", value_parser = parse::<IfName>)]
    ifname: IfName,
    /// Address inside one of the subnets, at most one of each; the next free ones unless given
    #[arg(long)]
    ip: Vec<IpAddr>,
    /// MAC address; follows from the first address unless given
    #[arg(long, value_parser = unicast)]
    mac: Option<MacAddr>,
    #[command(flatten)]
    publish: Publish,
    /// Let it ask for an address by DHCP
    ///
    /// It may send only from the addresses it got here: the server must give it these. If that runs on this host, the network needs
    /// --host-service udp:67.
    #[arg(long, help_heading = OPENINGS)]
    dhcp: bool,
    /// Let it send what it likes: its neighbours can be deceived
    ///
    /// Any MAC and IP address, ARP, neighbour discovery, router advertisements, DHCP answers. For routers, bridges and virtual machines
    /// inside.
    #[arg(long, help_heading = OPENINGS)]
    unguarded: bool,
    /// Only show the steps, and the words that undo each (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
    /// Attach what the lines of a file say (`-`: of the standard input), each with the words of this command; `#` begins a comment
    ///
    /// Much faster than one by one. All lines are read before anything is changed; one that fails leaves the others alone.
    #[arg(long, value_name = "FILE", conflicts_with_all = ALONE)]
    batch: Option<PathBuf>,
    /// With --batch: all or none
    #[arg(long, requires = "batch", conflicts_with = "network")]
    atomic: bool,
}

/// What each line of a batch has for itself.
const ALONE: [&str; 11] = [
    "network",
    "namespace",
    "id",
    "ifname",
    "ip",
    "mac",
    "ports",
    "nonlocal",
    "dhcp",
    "unguarded",
    "dry_run",
];

const OPENINGS: &str = "Openings of its guard";

/// The option that opens ports, of `attach` and `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Publish {
    /// Lead a port of this host to PORT inside; PROTO is tcp, udp or sctp (tcp unless given); ranges as in 5000-5009:5000-5009
    #[arg(
        short = 'p',
        long = "publish",
        value_name = "[HOSTIP:]HOSTPORT:PORT[/PROTO]", value_parser = parse::<PortSpec>
    )]
    pub(crate) ports: Vec<PortSpec>,
    /// Publish on a HOSTIP too that this host does not have yet: an address that comes later
    #[arg(long, requires = "ports")]
    pub(crate) nonlocal: bool,
}

fn unicast(text: &str) -> Result<MacAddr, String> {
    let mac: MacAddr = text
        .parse()
        .map_err(|bad: core_netlink::Bad| bad.to_string())?;
    match (mac.is_multicast(), mac.0 == [0; 6]) {
        (true, _) => Err(
            "the multicast bit is set; right is an even first byte, as in 02:00:00:00:00:01"
                .to_owned(),
        ),
        (_, true) => Err(
            "an interface cannot have the address of nobody; right is one like 02:00:00:00:00:01"
                .to_owned(),
        ),
        _ => Ok(mac),
    }
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        if let Some(file) = &self.batch {
            return batch::run(file, self.atomic, global, out);
        }
        let _lent = ns_mgmt::lend_thread(); // nothing else runs in this process
        let dry_run = self.dry_run;
        let (spec, namespace) = self.wish()?;
        let mut host = host::open(global)?;
        if dry_run {
            return host::print_plan(&host.plan_attach(&spec, &namespace)?, out);
        }
        let attachment = host.attach(&spec, &namespace)?;
        match out.json {
            true => out.document(&view::attachment(&attachment))?,
            false => out.line(sentence(&attachment))?,
        }
        Ok(Answer::Done)
    }

    /// What is asked for, and of which namespace.
    pub(crate) fn wish(self) -> Result<(AttachmentSpec, NetNs), Failure> {
        let (Some(network), Some(target)) = (self.network, self.namespace) else {
            return Err(Failure::new("NETWORK and NETNS are missing"));
        };
        let namespace = target::open(&target)?;
        let id = target::id(self.id.as_deref(), &target, &namespace)?;
        let spec = AttachmentSpec {
            ifname: self.ifname,
            addresses: self.ip,
            mac: self.mac,
            ports: self.publish.ports,
            nonlocal: self.publish.nonlocal,
            dhcp: self.dhcp,
            unguarded: self.unguarded,
            ..AttachmentSpec::new(network, id)
        };
        Ok((spec, namespace))
    }
}

/// `web cli:c1: eth0 10.88.0.2/24 via 10.88.0.1, 8080:80/tcp`
pub(crate) fn sentence(attachment: &Attachment) -> String {
    let key = &attachment.key;
    let via = if attachment.gateways.is_empty() {
        ""
    } else {
        " via "
    };
    let ports = if attachment.ports.is_empty() {
        ""
    } else {
        ", "
    };
    let openings = [
        (attachment.dhcp, ", dhcp"),
        (attachment.unguarded, ", unguarded"),
    ];
    let openings: String = openings
        .iter()
        .filter_map(|(open, word)| open.then_some(*word))
        .collect();
    format!(
        "{} {}: {} {}{via}{}{ports}{}{openings}",
        key.network,
        key.id,
        key.ifname,
        view::joined(&attachment.addresses),
        view::joined(&attachment.gateways),
        view::joined(&attachment.ports)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_somebodys_and_one_ones() {
        assert!(unicast("02:00:00:00:00:01").is_ok());
        for (text, why) in [
            ("01:00:5e:00:00:01", "multicast"),
            ("ff:ff:ff:ff:ff:ff", "multicast"),
            ("00:00:00:00:00:00", "nobody"),
            ("02:00", ""),
        ] {
            assert!(unicast(text).unwrap_err().contains(why), "{text}");
        }
    }
}
