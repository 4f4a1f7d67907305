//! The stage: an outside host, this host, a network, two containers, servers in them.

use super::http;
use super::report::Report;
use super::tree::Tree;
use crate::failure::Failure;
use crate::output::Output;
use bridge::{Attachment, AttachmentId, AttachmentSpec, Host, Network, NetworkSpec, Step};
use ns_mgmt::NetNs;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

/// The address of the host on the link to the outside (RFC 5737).
pub(super) const UPLINK: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// The outside host.
pub(super) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// Where the outside host serves.
pub(super) const OUTSIDE_PORT: u16 = 8000;
/// The host's port that leads to the web server.
pub(super) const PUBLISHED: u16 = 8080;
/// Where the web server listens, and a second one that is not published.
pub(super) const WEB_PORT: u16 = 80;
pub(super) const PRIVATE_PORT: u16 = 81;

/// Everything the proofs need.
pub(super) struct Stage {
    pub(super) outside: NetNs,
    pub(super) web: Container,
    pub(super) client: Container,
    pub(super) network: Network,
}

/// A namespace and its attachment.
pub(super) struct Container {
    pub(super) namespace: NetNs,
    pub(super) attachment: Attachment,
}

impl Container {
    /// Its first IPv4 address.
    pub(super) fn address(&self) -> Ipv4Addr {
        first_ipv4(self.attachment.addresses.iter().map(|prefix| prefix.addr()))
    }
}

impl Stage {
    /// The bridge's IPv4 address.
    pub(super) fn gateway(&self) -> Ipv4Addr {
        first_ipv4(self.network.subnets.iter().map(|subnet| subnet.gateway))
    }

    pub(super) fn tree(&self) -> Tree {
        let container = |name: &str, at: &Container| {
            let Attachment { host_end, key, .. } = &at.attachment;
            Tree::leaf(format!(
                "{host_end} ── {} {}  container `{name}`",
                key.ifname,
                at.address()
            ))
        };
        let mut web = container("web", &self.web);
        web.line += &format!(", host port {PUBLISHED} leads to its port {WEB_PORT}");
        let below = vec![web, container("client", &self.client)];
        let Network { name, bridge, .. } = &self.network;
        let bridge = Tree::new(
            format!("{bridge} {}  network `{name}`, masqueraded", self.gateway()),
            below,
        );
        let host = Tree::new(format!("up0 {UPLINK}  this host"), vec![bridge]);
        Tree::new(
            format!("eth0 {OUTSIDE}  outside host, serving on {OUTSIDE_PORT}"),
            vec![host],
        )
    }
}

fn first_ipv4(addresses: impl Iterator<Item = IpAddr>) -> Ipv4Addr {
    let v4 = |address| match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    };
    addresses
        .filter_map(v4)
        .next()
        .unwrap_or(Ipv4Addr::UNSPECIFIED)
}

/// Carries out words of `ip`, without the `ip`.
pub(super) fn ip(words: &str) -> Result<String, Failure> {
    let args: Vec<_> = words.split(' ').map(Into::into).collect();
    let (mut answer, mut error) = (Vec::new(), Vec::new());
    match iproute::main(&iproute::Env::default(), &args, &mut answer, &mut error) {
        0 => Ok(String::from_utf8_lossy(&answer).into_owned()),
        _ => Err(Failure::new(
            String::from_utf8_lossy(&error).trim_end().to_owned(),
        )),
    }
}

fn by_words(
    report: &mut Report,
    out: &mut Output,
    what: &str,
    lines: &[&str],
) -> Result<(), Failure> {
    let shown: Vec<String> = lines.iter().map(|line| format!("ip {line}")).collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    report.step(out, what, &shown, || {
        lines.iter().try_for_each(|line| ip(line).map(drop))
    })
}

pub(super) fn build(report: &mut Report, out: &mut Output) -> Result<Stage, Failure> {
    by_words(
        report,
        out,
        "an outside host, and our link to it",
        &OUTSIDE_WORDS,
    )?;
    by_words(
        report,
        out,
        "two containers, as yet without a network",
        &["netns add web", "netns add client"],
    )?;
    let (network, web, client) = connect(report, out)?;
    let outside = NetNs::open_name(&"outside".parse()?)?;
    let stage = Stage {
        outside,
        web,
        client,
        network,
    };
    report.step(out, "a web server in `web`, another outside", &[], || {
        serve(&stage)
    })?;
    Ok(stage)
}

const OUTSIDE_WORDS: [&str; 7] = [
    "netns add outside",
    "link add up0 type veth peer name eth0 netns outside",
    "addr add 198.51.100.2/24 dev up0",
    "link set up0 up",
    "-n outside addr add 198.51.100.1/24 dev eth0",
    "-n outside link set eth0 up",
    "route add default via 198.51.100.1",
];

/// The network and both attachments; each step of theirs is told as it happens.
fn connect(
    report: &mut Report,
    out: &mut Output,
) -> Result<(Network, Container, Container), Failure> {
    let mut host = Host::open()?;
    let (steps, taken) = mpsc::channel::<(Step, Duration)>();
    host.watch(move |step, took| {
        let _ = steps.send((step.clone(), took));
    });
    let network = host.create_network(&NetworkSpec::new("demo".parse()?))?;
    tell(report, out, "network `demo`", &taken)?;
    let web = attach(&mut host, "web", &[&format!("{PUBLISHED}:{WEB_PORT}")])?;
    tell(report, out, "attach `web`", &taken)?;
    let client = attach(&mut host, "client", &[])?;
    tell(report, out, "attach `client`", &taken)?;
    Ok((network, web, client))
}

fn attach(host: &mut Host, name: &str, ports: &[&str]) -> Result<Container, Failure> {
    let namespace = NetNs::open_name(&name.parse()?)?;
    let ports = ports
        .iter()
        .map(|port| port.parse())
        .collect::<Result<_, _>>()?;
    let spec = AttachmentSpec {
        ports,
        ..AttachmentSpec::new("demo".parse()?, AttachmentId::new("demo", name)?)
    };
    let attachment = host.attach(&spec, &namespace)?;
    Ok(Container {
        namespace,
        attachment,
    })
}

fn tell(
    report: &mut Report,
    out: &mut Output,
    whose: &str,
    taken: &mpsc::Receiver<(Step, Duration)>,
) -> Result<(), Failure> {
    for (step, took) in taken.try_iter() {
        report.told(out, &format!("{whose}: {}", step.what), step.words, took)?;
    }
    Ok(())
}

fn serve(stage: &Stage) -> Result<(), Failure> {
    http::serve(listen(&stage.web.namespace, WEB_PORT)?, "web");
    http::serve(
        listen(&stage.web.namespace, PRIVATE_PORT)?,
        "web, privately,",
    );
    http::serve(listen(&stage.outside, OUTSIDE_PORT)?, "outside");
    Ok(())
}

fn listen(inside: &NetNs, port: u16) -> Result<TcpListener, Failure> {
    Ok(inside.run(move || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))??)
}
