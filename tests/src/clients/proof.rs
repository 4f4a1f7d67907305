//! What must hold while two containers run, whoever started them. Packets tell.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::life::{OTHER, WEB, until};
use super::scene::{HOST, LAN, SUBNETS, Scene};
use super::{Container, Engine, done};
use crate::exec::Output;
use crate::node::Node;

/// Both run.
pub(super) struct Stage<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) engine: &'a dyn Engine,
}

type Proof = fn(&Stage<'_>) -> Result<()>;

pub(super) const PROOFS: [(&str, Proof); 5] = [
    ("each has the addresses of its result", addresses),
    ("they ping each other", each_other),
    ("they ping a host of the LAN", beyond),
    ("the LAN reaches published ports", published),
    ("an unpublished port is closed to the LAN", closed),
];

/// How long a connection may take that is to come about, or is to fail.
const ONCE: Duration = Duration::from_millis(1200);

impl Stage<'_> {
    fn inside(&self, of: Container, words: &[&str]) -> Output {
        let before = self.engine.inside(of.name);
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        self.scene.lab.argv(&[&before, words].concat()).go()
    }

    /// One of each family.
    fn result(&self, of: Container) -> Result<[IpAddr; 2]> {
        let result = self.scene.kept(&self.engine.id(self.scene, of.name)?)?;
        let at = |index: usize| -> Result<IpAddr> {
            let address = result["ips"][index]["address"].as_str();
            let (ip, _) = address
                .and_then(|address| address.split_once('/'))
                .with_context(|| format!("no address {index} in {result}"))?;
            Ok(ip.parse()?)
        };
        Ok([at(0)?, at(1)?])
    }

    /// Neighbours may still have to be found.
    fn pings(&self, from: Container, to: IpAddr) -> Result<()> {
        let to = to.to_string();
        let mut last = None;
        let pinged = until("an answer", || {
            let said = self.inside(from, &["/bin/ping", "-c", "1", "-W", "1", &to]);
            let answered = (said.code == 0).then_some(());
            last = Some(said);
            Ok(answered)
        });
        pinged.with_context(|| last.map_or_else(String::new, |said| said.to_string()))
    }
}

fn addresses(stage: &Stage<'_>) -> Result<()> {
    for of in [WEB, OTHER] {
        let said =
            done(stage.inside(of, &["/bin/ip", "-o", "address", "show", "dev", "eth0"]))?.stdout;
        for (ip, subnet) in stage.result(of)?.into_iter().zip(SUBNETS) {
            let (_, length) = subnet.split_once('/').context("a subnet")?;
            let inside = format!(" {ip}/{length} ");
            ensure!(said.contains(&inside), "no `{inside}` inside:\n{said}");
        }
    }
    Ok(())
}

fn each_other(stage: &Stage<'_>) -> Result<()> {
    for (from, to) in [(WEB, OTHER), (OTHER, WEB)] {
        for ip in stage.result(to)? {
            stage.pings(from, ip)?;
        }
    }
    Ok(())
}

/// Which has no way back to their addresses.
fn beyond(stage: &Stage<'_>) -> Result<()> {
    for (from, to) in [(WEB, LAN[0]), (WEB, LAN[1]), (OTHER, LAN[0])] {
        stage.pings(from, to.parse()?)?;
    }
    Ok(())
}

fn published(stage: &Stage<'_>) -> Result<()> {
    for of in [WEB, OTHER] {
        for host in HOST {
            let at = SocketAddr::new(host.parse()?, of.host_port);
            let page = until(&format!("{at} answers"), || {
                Ok(page(&stage.scene.lan, at).ok())
            })?;
            ensure!(page.ends_with(of.name), "{at} is not {}: {page}", of.name);
        }
    }
    Ok(())
}

/// The port that nobody published answers the neighbour, but not the LAN: neither on the host, nor on the container's address even to one
/// who knows the way there.
fn closed(stage: &Stage<'_>) -> Result<()> {
    let lan = &stage.scene.lan;
    for (at, (host, subnet)) in HOST.iter().zip(SUBNETS).enumerate() {
        let ip = stage.result(WEB)?[at];
        let direct = SocketAddr::new(ip, 81);
        page(stage.scene.lab, direct).with_context(|| format!("the host reaches {direct}"))?;
        done(lan.cmd(&format!("ip route add {subnet} via {host}")))?;
        let ports = [SocketAddr::new(host.parse()?, 81), direct];
        let open: Vec<_> = ports.iter().filter(|at| page(lan, **at).is_ok()).collect();
        done(lan.cmd(&format!("ip route del {subnet}")))?;
        if !open.is_empty() {
            bail!("open to the LAN: {open:?}");
        }
    }
    Ok(())
}

/// What a web server answers.
fn page(from: &Node, at: SocketAddr) -> io::Result<String> {
    from.run(|| {
        let mut stream = TcpStream::connect_timeout(&at, ONCE)?;
        stream.set_read_timeout(Some(ONCE))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    })
}
