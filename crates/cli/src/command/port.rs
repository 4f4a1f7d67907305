//! `vetch port`: published ports of attachments that are up.

use crate::cli::Global;
use crate::command::{Answer, view};
use crate::failure::Failure;
use crate::output::Output;
use crate::words::parse;
use crate::{host, table, target};
use bridge::{Attachment, Host, NetworkName, PortSpec, PublishSpec, Step, Who};
use core_netlink::IfName;
use ipnet::IpNet;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};

/// Publish ports of running attachments, take them back, list them
///
/// All ports of one command come or go together, in one transaction of the firewall. TCP connections that stand go on; UDP flows are cut,
/// so that none keeps its old way.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Add(Add),
    #[command(visible_alias = "remove")]
    Rm(Rm),
    #[command(visible_alias = "list")]
    Ls(Ls),
}

/// Which attachment is meant.
#[derive(Debug, clap::Args)]
struct Of {
    /// Network it is attached to
    #[arg(value_parser = parse::<NetworkName>)]
    network: NetworkName,
    /// Attachment: its id, or its namespace as a name, a path or `pid:N`
    #[arg(value_name = "ID|NETNS")]
    who: String,
    /// Its interface; unless given eth0, or the only one it has in this network
    #[arg(long, value_parser = parse::<IfName>)]
    ifname: Option<IfName>,
}

/// Which ports are meant.
#[derive(Debug, clap::Args)]
struct Ports {
    /// Port of this host, and where it leads; PROTO is tcp, udp or sctp (tcp unless given); ranges as in 5000-5009:5000-5009
    #[arg(value_name = PORT, value_parser = parse::<PortSpec>)]
    words: Vec<PortSpec>,
    /// The same, as `attach` and `run` take it
    #[arg(short = 'p', long = "publish", value_name = PORT, value_parser = parse::<PortSpec>)]
    options: Vec<PortSpec>,
}

const PORT: &str = "[HOSTIP:]HOSTPORT:PORT[/PROTO]";

/// Publish ports of a running attachment
///
/// A port that it publishes already is no error. One that is taken is refused with its owner: another attachment, or a process that
/// listens on this host.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch port add web c1 8080:80
  vetch port add web c1 -p 127.0.0.1:5353:53/udp -p [2001:db8::1]:443:8443
  vetch port add web cli:build-7 -p 5000-5009:5000-5009/udp --dry-run")]
struct Add {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    ports: Ports,
    /// Publish on a HOSTIP too that this host does not have yet: an address that comes later
    #[arg(long)]
    nonlocal: bool,
    /// Only show the steps, and the words that undo each (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
}

/// Take published ports of a running attachment back
///
/// A port that is not published is no error; one that is published otherwise (as part of a range, to another port) is, as it stays open.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch port rm web c1 8080:80
  vetch port rm web c1 --all                     nothing of it is published any more")]
struct Rm {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    ports: Ports,
    /// All that it publishes
    #[arg(long, conflicts_with_all = ["words", "options"])]
    all: bool,
    /// Only show the steps, and the words that undo each (none where undoing another one does)
    #[arg(long)]
    dry_run: bool,
}

/// List published ports: of all networks, of one, of one attachment
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  vetch port ls
  vetch port ls web c1
  vetch port ls --json | jq -r '.[] | \"\\(.host_port) \\(.id)\"'

HOST is where it is published: an address of this host, or `*` for all of them.
`vetch exposed` shows what of it can be reached from where.")]
struct Ls {
    /// Only this network
    #[arg(value_parser = parse::<NetworkName>)]
    network: Option<NetworkName>,
    /// Only this attachment
    #[arg(value_name = "ID|NETNS")]
    who: Option<String>,
}

impl Args {
    pub(crate) fn run(self, global: &Global, out: &mut Output) -> Result<Answer, Failure> {
        let mut host = host::open(global)?;
        match self.verb {
            Verb::Add(args) => args.run(&mut host, out),
            Verb::Rm(args) => args.run(&mut host, out),
            Verb::Ls(args) => args.run(&mut host, out),
        }
    }
}

impl Of {
    fn spec(&self, who: Who, ports: &[PortSpec], nonlocal: bool) -> PublishSpec {
        PublishSpec {
            ifname: self.ifname,
            ports: ports.to_vec(),
            nonlocal,
            ..PublishSpec::new(self.network.clone(), who)
        }
    }
}

impl Ports {
    fn all(&self, op: &str) -> Result<Vec<PortSpec>, Failure> {
        let ports = [self.words.as_slice(), &self.options].concat();
        match ports.is_empty() {
            false => Ok(ports),
            true => Err(Failure::new(format!("cannot {op}: no port is given"))
                .hint("say which, as in 8080:80 or -p 8080:80")),
        }
    }
}

impl Add {
    fn run(self, host: &mut Host, out: &mut Output) -> Result<Answer, Failure> {
        let ports = self.ports.all("publish")?;
        let spec = |who| self.of.spec(who, &ports, self.nonlocal);
        if self.dry_run {
            let steps = target::find(&self.of.who, |who| host.plan_publish(&spec(who)))?;
            return print_plan(&steps, out);
        }
        let after = target::find(&self.of.who, |who| host.publish(&spec(who)))?;
        print(&after, out)
    }
}

impl Rm {
    fn run(self, host: &mut Host, out: &mut Output) -> Result<Answer, Failure> {
        let Of {
            network,
            who,
            ifname,
        } = &self.of;
        let ports = match self.all {
            true => target::find(who, |who| host.attachment(network, &who, *ifname))?.ports,
            false => self.ports.all("take ports back")?,
        };
        let spec = |who| self.of.spec(who, &ports, false);
        if self.dry_run {
            let steps = target::find(who, |who| host.plan_unpublish(&spec(who)))?;
            return print_plan(&steps, out);
        }
        let after = target::find(who, |who| host.unpublish(&spec(who)))?;
        print(&after, out)
    }
}

fn print_plan(steps: &[Step], out: &mut Output) -> Result<Answer, Failure> {
    if steps.is_empty() {
        out.note("nothing is to be done");
    }
    host::print_plan(steps, out)
}

/// `web cli:c1: eth0 8080:80/tcp`
fn print(after: &Attachment, out: &mut Output) -> Result<Answer, Failure> {
    if out.json {
        out.document(&view::attachment(after))?;
        return Ok(Answer::Done);
    }
    let ports = match after.ports.is_empty() {
        true => "nothing is published".to_owned(),
        false => view::joined(&after.ports),
    };
    let key = &after.key;
    out.line(format!(
        "{} {}: {} {ports}",
        key.network, key.id, key.ifname
    ))?;
    Ok(Answer::Done)
}

impl Ls {
    fn run(self, host: &mut Host, out: &mut Output) -> Result<Answer, Failure> {
        let attachments = match (&self.network, &self.who) {
            (Some(network), Some(who)) => {
                vec![target::find(who, |who| {
                    host.attachment(network, &who, None)
                })?]
            }
            (network, _) => host.attachments(network.as_ref())?,
        };
        let rows = attachments
            .iter()
            .flat_map(|of| of.ports.iter().map(move |port| (of, port)));
        if out.json {
            out.document(&rows.map(document).collect::<Vec<_>>())?;
            return Ok(Answer::Done);
        }
        let heading = ["NETWORK", "ID", "INTERFACE", "HOST", "LEADS TO"];
        table::print(out, &heading, rows.map(row).collect())?;
        Ok(Answer::Done)
    }
}

fn row((of, port): (&Attachment, &PortSpec)) -> Vec<String> {
    vec![
        of.key.network.to_string(),
        of.key.id.to_string(),
        of.key.ifname.to_string(),
        published(port),
        view::joined(targets(of, port)),
    ]
}

/// `*:8080/tcp`, `127.0.0.1:5000-5009/udp`
fn published(port: &PortSpec) -> String {
    let host = match port.host {
        None => "*".to_owned(),
        Some(IpAddr::V4(ip)) => ip.to_string(),
        Some(IpAddr::V6(ip)) => format!("[{ip}]"),
    };
    let numbers = range(port.host_port, port.count);
    format!("{host}:{numbers}/{}", port.transport)
}

fn range(first: u16, count: u16) -> String {
    match count {
        0 | 1 => first.to_string(),
        _ => format!("{first}-{}", first.saturating_add(count - 1)),
    }
}

fn leads<'a>(of: &'a Attachment, port: &'a PortSpec) -> impl Iterator<Item = IpAddr> + 'a {
    let fits = |ip: &IpAddr| port.host.is_none_or(|host| host.is_ipv4() == ip.is_ipv4());
    of.addresses.iter().map(IpNet::addr).filter(fits)
}

/// `10.77.0.2:80`, `[fd77::2]:5000-5009`
fn targets(of: &Attachment, port: &PortSpec) -> Vec<String> {
    let one = |ip| {
        let first = SocketAddr::new(ip, port.port).to_string();
        let more = range(port.port, port.count);
        let address = first.rsplit_once(':').map_or("", |(address, _)| address);
        format!("{address}:{more}")
    };
    leads(of, port).map(one).collect()
}

fn document((of, port): (&Attachment, &PortSpec)) -> Value {
    let mut view = view::port(port);
    view["network"] = json!(of.key.network.as_str());
    view["id"] = json!(of.key.id.as_str());
    view["interface"] = json!(of.key.ifname.to_string());
    view["addresses"] = json!(leads(of, port).collect::<Vec<_>>());
    view["state"] = json!(of.state.to_string());
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_reads_as_it_is_reached() {
        for (port, want) in [
            ("8080:80", "*:8080/tcp"),
            ("127.0.0.1:53:53/udp", "127.0.0.1:53/udp"),
            ("[2001:db8::1]:1-9:1-9", "[2001:db8::1]:1-9/tcp"),
        ] {
            assert_eq!(published(&port.parse().unwrap()), want);
        }
    }
}
