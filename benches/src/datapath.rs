//! Packets: a stream of TCP over each path of a container network, made by Vetch with its guards, and by hand without any.

use crate::case::Case;
use crate::cases::Size;
use crate::floor::{ACK, Floor, Pair, enter, make_namespace};
use crate::timing::time;
use crate::world::{run, with_outside, words};
use anyhow::{Context, Result, ensure};
use std::cell::OnceCell;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const CONTAINERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 3)];
const PORT: u16 = 5201;
const PUBLISHED: u16 = 8201;
/// Of one write.
const CHUNK: usize = 1 << 17;

/// Who made the network.
#[derive(Clone, Debug)]
enum Maker {
    Hand,
    Vetch(PathBuf, &'static str),
}

/// A host, two containers, and somebody outside.
struct Network {
    host: File,
    outside: File,
    containers: Vec<File>,
}

/// From where to where.
#[derive(Clone, Copy, Debug)]
enum Way {
    Neighbour,
    Host,
    Outside,
    Published,
}

impl Network {
    fn new(maker: &Maker) -> Result<Network> {
        let (host, outside) = with_outside(HOST)?;
        let mut network = Network {
            host,
            outside,
            containers: Vec::new(),
        };
        for name in ["data-a", "data-b"] {
            enter(&network.host)?;
            let name = format!("{name}{}", maker.tag());
            network.containers.push(make_namespace(&name)?);
        }
        enter(&network.host)?;
        match maker {
            Maker::Hand => network.by_hand(),
            Maker::Vetch(vetch, options) => by_vetch(vetch, options, maker.tag()),
        }?;
        Ok(network)
    }

    /// A bridge, two pairs, NAT: nothing else.
    fn by_hand(&self) -> Result<()> {
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("switch forwarding on")?;
        let mut floor = Floor::route()?;
        floor.add_link("br0", "bridge", ACK);
        floor.flush()?;
        let bridge = floor.get_link("br0")?;
        floor.add_address(bridge, GATEWAY, 16, ACK);
        floor.set_up(bridge, true, ACK);
        floor.flush()?;
        for (n, (container, address)) in self.containers.iter().zip(CONTAINERS).enumerate() {
            enter(&self.host)?;
            let name = format!("v{n}");
            let pair = Pair {
                name: &name,
                peer: "eth0",
                master: bridge,
                group: 0,
                up: true,
                namespace: Some(container),
                mac: None,
            };
            let mut floor = Floor::route()?;
            floor.add_pair(&pair, ACK);
            floor.flush()?;
            enter(container)?;
            let mut inside = Floor::route()?;
            let eth0 = inside.get_link("eth0")?;
            inside.set_up(1, true, 0);
            inside.add_address(eth0, address, 16, 0);
            inside.set_up(eth0, true, 0);
            inside.add_route((Ipv4Addr::UNSPECIFIED, 0), eth0, Some(GATEWAY), ACK);
            inside.flush()?;
        }
        enter(&self.host)?;
        let to = CONTAINERS[0];
        run(Command::new("nft").arg(format!(
            "table ip hand {{
               map ports {{ type inet_proto . inet_service : ipv4_addr . inet_service; elements = {{ tcp . {PUBLISHED} : {to} . {PORT} }} }}
               chain pre {{ type nat hook prerouting priority dstnat; fib daddr type local dnat ip to meta l4proto . th dport map @ports; }}
               chain post {{ type nat hook postrouting priority srcnat; ip saddr 10.77.0.0/16 ip daddr != 10.77.0.0/16 masquerade; }}
             }}"
        )))
    }

    fn ends(&self, way: Way) -> (&File, &File, SocketAddr) {
        let [a, b] = [&self.containers[0], &self.containers[1]];
        match way {
            Way::Neighbour => (b, a, (CONTAINERS[0], PORT).into()),
            Way::Host => (b, &self.host, (GATEWAY, PORT).into()),
            Way::Outside => (b, &self.outside, (OUTSIDE, PORT).into()),
            Way::Published => (&self.outside, a, (HOST, PUBLISHED).into()),
        }
    }

    /// Sends so many bytes; until the last one is read.
    fn send(&self, way: Way, bytes: usize) -> Result<Duration> {
        let (from, to, address) = self.ends(way);
        enter(to)?;
        let server = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).context("listen")?;
        let reader = thread::spawn(move || read_all(&server));
        enter(from)?;
        let took = time(|| write_all(address, bytes));
        enter(&self.host)?;
        let read = reader.join().ok().context("the reader panicked")??;
        ensure!(read == bytes, "{read} bytes of {bytes} came through");
        took
    }
}

/// Reads to the end, then answers with a byte; how many there were.
fn read_all(server: &TcpListener) -> Result<usize> {
    let (mut stream, _) = server.accept()?;
    let (mut buffer, mut all) = (vec![0; CHUNK], 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            read => all += read,
        }
    }
    stream.write_all(b".")?;
    Ok(all)
}

fn write_all(to: SocketAddr, bytes: usize) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(5))
        .with_context(|| format!("connect to {to}"))?;
    let chunk = vec![7; CHUNK];
    for _ in 0..bytes / CHUNK {
        stream.write_all(&chunk)?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_exact(&mut [0]).context("wait for the reader")
}

impl Maker {
    /// Names of namespaces are the machine's.
    fn tag(&self) -> &'static str {
        match self {
            Maker::Hand => "0",
            Maker::Vetch(_, "") => "1",
            Maker::Vetch(..) => "2",
        }
    }
}

fn by_vetch(vetch: &Path, options: &str, tag: &str) -> Result<()> {
    // What is said of a service of the host is what Vetch closes, and nobody does by hand.
    let create =
        format!("network create bench --subnet 10.77.0.0/16 --host-service tcp:{PORT} {options}");
    run(&mut words(vetch, create.trim()))?;
    run(&mut words(
        vetch,
        &format!(
            "attach bench data-a{tag} --ip {} -p {PUBLISHED}:{PORT}",
            CONTAINERS[0]
        ),
    ))?;
    run(&mut words(
        vetch,
        &format!("attach bench data-b{tag} --ip {}", CONTAINERS[1]),
    ))
}

type Made = Rc<(Maker, OnceCell<Network>)>;

fn send(made: &Made, way: Way, bytes: usize) -> Result<Duration> {
    let (maker, network) = &**made;
    if network.get().is_none() {
        let _ = network.set(Network::new(maker)?);
    }
    network.get().context("no network")?.send(way, bytes)
}

/// Each path by hand and by Vetch; they need `nft` to do it by hand.
pub(crate) fn all<'a>(size: &Size) -> Vec<Case<'a>> {
    let Some(vetch) = size.vetch.clone() else {
        return Vec::new();
    };
    let made = |maker| Made::new((maker, OnceCell::new()));
    let big = vetch.clone();
    let (hand, ours) = (made(Maker::Hand), made(Maker::Vetch(vetch, "")));
    let bytes = size.bytes;
    let ways = [
        ("stream to a neighbour", Way::Neighbour),
        ("stream to the host", Way::Host),
        ("stream outside", Way::Outside),
        ("stream, published port", Way::Published),
    ];
    let case = |(name, way)| {
        let (hand, ours) = (Rc::clone(&hand), Rc::clone(&ours));
        Case::new(name, bytes >> 20, size.rounds.min(11))
            .at_most(1.0 / 0.97)
            .with("hand", move |_| send(&hand, way, bytes))
            .with("vetch", move |_| send(&ours, way, bytes))
    };
    let mut cases: Vec<_> = ways.into_iter().map(case).collect();
    let big = made(Maker::Vetch(big, "--big-tcp"));
    // At least 1.3 times as much as by hand.
    let case = Case::new("stream, --big-tcp", bytes >> 20, size.rounds.min(11)).at_most(1.0 / 1.3);
    let case = case.with("hand", move |_| send(&hand, Way::Neighbour, bytes));
    cases.push(case.with("vetch", move |_| send(&big, Way::Neighbour, bytes)));
    cases
}
