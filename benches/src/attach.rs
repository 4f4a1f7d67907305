//! One container's network by exact messages: what attaching and detaching cost at least. Run as processes of their own.
//!
//! Claims, guards and checks aside, the floor does what Vetch does: a pair born in the target namespace, addresses and a route, one
//! published port; on the way back the link retired and the waiting left to somebody else.

use crate::floor::{ACK, Floor, Pair, enter};
use crate::nft;
use anyhow::{Context, Result};
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use std::fs::File;
use std::io::IoSlice;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

/// The group of links that wait to be removed.
pub const RETIRED: u32 = 0x666c;

/// What is attached, in words.
#[derive(Clone, Debug)]
pub struct Floored {
    /// The name of the target namespace under `/run/netns`.
    pub namespace: String,
    /// The name of the host end.
    pub link: String,
    /// The index of the bridge.
    pub bridge: u32,
    /// The container's address, of a /16.
    pub address: Ipv4Addr,
    /// The host's port that leads to port 80 of the container.
    pub port: u16,
}

impl Floored {
    /// As the words of a command line.
    pub fn words(&self) -> [String; 5] {
        let Floored {
            namespace,
            link,
            bridge,
            address,
            port,
        } = self;
        [
            namespace.clone(),
            link.clone(),
            bridge.to_string(),
            address.to_string(),
            port.to_string(),
        ]
    }

    /// From the words of a command line.
    pub fn read(words: &[String]) -> Result<Floored> {
        let [namespace, link, bridge, address, port] = words else {
            anyhow::bail!("five words are needed: NAMESPACE LINK BRIDGE ADDRESS PORT");
        };
        let (bridge, address, port) = (bridge.parse()?, address.parse()?, port.parse()?);
        Ok(Floored {
            namespace: namespace.clone(),
            link: link.clone(),
            bridge,
            address,
            port,
        })
    }

    fn gateway(&self) -> Ipv4Addr {
        let [a, b, ..] = self.address.octets();
        Ipv4Addr::new(a, b, 0, 1)
    }

    fn mac(&self) -> [u8; 6] {
        let [a, b, c, d] = self.address.octets();
        [2, 0x42, a, b, c, d]
    }

    /// Attaches.
    pub fn attach(&self) -> Result<()> {
        let path = format!("/run/netns/{}", self.namespace);
        let namespace = File::open(&path).with_context(|| format!("open {path}"))?;
        let (mut host, mut ports) = (Floor::route()?, Floor::netfilter()?);
        let pair = Pair {
            name: &self.link,
            peer: "eth0",
            master: self.bridge,
            group: 0,
            up: true,
            namespace: Some(&namespace),
            mac: Some(self.mac()),
        };
        host.add_pair(&pair, ACK);
        host.flush().context("make the pair")?;
        enter(&namespace)?;
        let mut inside = Floor::route()?;
        let eth0 = 2; // the first link of a fresh namespace after `lo`
        inside.set_up(1, true, 0);
        inside.add_address(eth0, self.address, 16, 0);
        inside.set_up(eth0, true, 0);
        inside.add_route((Ipv4Addr::UNSPECIFIED, 0), eth0, Some(self.gateway()), ACK);
        inside.flush().context("set up the inner end")?;
        nft::port(&mut ports, nft::ALONE, true, self.port, (self.address, 80));
        ports.flush().context("publish the port")
    }

    /// Takes link and port out of service, and hands the sockets to whoever holds standard input: closing them waits for the kernel.
    pub fn detach(&self) -> Result<()> {
        let (mut host, mut ports) = (Floor::route()?, Floor::netfilter()?);
        let index = host.get_link(&self.link)?;
        host.retire(index, RETIRED, &format!("vx{index}"), ACK);
        host.flush().context("retire the link")?;
        nft::port(&mut ports, nft::ALONE, false, self.port, (self.address, 80));
        ports.flush().context("withdraw the port")?;
        let held = [ports.into_fd(), host.into_fd()];
        let held = held.each_ref().map(AsRawFd::as_raw_fd);
        let (byte, rights) = ([IoSlice::new(b"x")], [ControlMessage::ScmRights(&held)]);
        sendmsg::<UnixAddr>(0, &byte, &rights, MsgFlags::empty(), None)
            .context("hand over the sockets")?;
        Ok(())
    }

    /// Removes link and port, and waits for the kernel.
    pub fn remove(&self) -> Result<()> {
        let (mut host, mut ports) = (Floor::route()?, Floor::netfilter()?);
        nft::port(&mut ports, nft::ALONE, false, self.port, (self.address, 80));
        ports.flush().context("withdraw the port")?;
        let index = host.get_link(&self.link)?;
        host.delete_link(index, ACK);
        host.flush().context("delete the link")
    }
}
