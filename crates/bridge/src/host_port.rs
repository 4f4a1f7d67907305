//! Whether ports of the host can be published: on addresses it has, not another attachment's, and not a listening process's, which
//! publishing would cut off without a word.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::intent;
use crate::port::PortSpec;
use crate::spec::Network;
use core_netlink::addr::{AddressFilter, Scope};
use core_netlink::diag::{self, InetSocket};
use core_netlink::route::{RouteQuery, RouteType};

use core_netlink::{Family, IfName};
use firewall::Transport;
use ipnet::IpNet;
use ns_mgmt::Holder;
use std::net::{IpAddr, Ipv6Addr};

/// Ports that an attachment is to get.
pub(crate) struct Wanted<'a> {
    pub(crate) network: &'a Network,
    pub(crate) host_end: IfName,
    pub(crate) addresses: &'a [IpNet],
    pub(crate) ports: &'a [PortSpec],
    /// On addresses too that this host does not have.
    pub(crate) nonlocal: bool,
}

impl Engine {
    /// Refuses ports that cannot be, naming what is in the way. A few requests to the kernel, however many ports.
    pub(crate) fn check_ports(&mut self, op: &str, wanted: &Wanted<'_>) -> Result<()> {
        check_alone(op, wanted)?;
        for port in wanted.ports {
            self.check_holder(op, wanted, port)?;
        }
        if !wanted.nonlocal {
            self.check_addresses(op, wanted.ports)?;
        }
        self.check_listeners(op, wanted)
    }

    fn check_holder(&mut self, op: &str, wanted: &Wanted<'_>, port: &PortSpec) -> Result<()> {
        let name = &wanted.network.name;
        let us = format!("{name}/{}", wanted.host_end);
        while let Some(holder) = self.store.port_holder(port, &us)? {
            if !self.free_port(name, &holder)? {
                return Err(self.published_by(op, port, &holder));
            }
            if self.planning {
                break; // it is free when the plan is carried out
            }
        }
        Ok(())
    }

    /// `holder` is `NETWORK/HOSTEND`.
    fn published_by(&self, op: &str, port: &PortSpec, holder: &str) -> Error {
        let parts = holder.split_once('/');
        let parts = parts.and_then(|(network, end)| Some((network.parse().ok()?, end)));
        let Some((network, end)) = parts else {
            return Error::exists(op, format!("port {port}: {holder} has it"));
        };
        let claim = end.parse().ok();
        let claim = claim.and_then(|end| self.store.claim_of(&network, end).ok().flatten());
        let Some(claim) = claim else {
            return Error::exists(
                op,
                format!("port {port}: {end} of network `{network}` has it"),
            );
        };
        let of = &claim.attachment;
        let theirs = of.ports.iter().find(|theirs| theirs.overlaps(port));
        let theirs = theirs.map_or_else(|| "it".to_owned(), PortSpec::to_string);
        let err = Error::exists(op, format!("port {port}: {} publishes {theirs}", of.key));
        err.with_hint("choose another port of this host; `vetch ls` shows those that are taken")
    }

    /// The kernel is asked what it would do with a packet to the address: it alone knows every address that is its own.
    fn check_addresses(&mut self, op: &str, ports: &[PortSpec]) -> Result<()> {
        let mut known: Vec<IpAddr> = Vec::new();
        for port in ports {
            let asked = port
                .host
                .filter(|ip| !ip.is_loopback() && !ip.is_unspecified() && !known.contains(ip));
            let Some(ip) = asked else {
                continue;
            };
            if !self.is_own(ip)? {
                return Err(self.not_own(op, port, ip));
            }
            known.push(ip);
        }
        Ok(())
    }

    /// Whether an address is this host's.
    pub(crate) fn is_own(&mut self, ip: IpAddr) -> Result<bool> {
        match self.kernel.route()?.get_route(&RouteQuery::to(ip)) {
            Err(err) if err.is_permission() => {
                Err(Error::netlink(format!("look for address {ip}"), err))
            }
            route => Ok(route.is_ok_and(|route| route.kind == RouteType::Local)),
        }
    }

    fn not_own(&mut self, op: &str, port: &PortSpec, ip: IpAddr) -> Error {
        let filter = AddressFilter {
            family: Some(Family::of(ip)),
            ..AddressFilter::default()
        };
        let conn = self.kernel.route().ok();
        let found = conn.and_then(|conn| conn.addresses(&filter).ok());
        let mut own: Vec<IpAddr> = found
            .unwrap_or_default()
            .iter()
            .filter(|found| {
                found.scope != Scope::Link && found.address.addr() != Ipv6Addr::LOCALHOST
            })
            .map(|found| found.address.addr())
            .collect();
        own.sort();
        own.dedup();
        let own = match own.is_empty() {
            true => format!("none of IPv{}", if ip.is_ipv4() { 4 } else { 6 }),
            false => crate::attach::list(&own),
        };
        let why = format!("port {port}: this host does not have the address {ip}; it has {own}");
        Error::invalid(op, why).with_hint(
            "leave the address out to publish on all; if it comes later, say so with --nonlocal",
        )
    }

    /// Two requests for each transport.
    fn check_listeners(&mut self, op: &str, wanted: &Wanted<'_>) -> Result<()> {
        for transport in [Transport::Tcp, Transport::Udp, Transport::Sctp] {
            let ports: Vec<&PortSpec> = wanted
                .ports
                .iter()
                .filter(|port| port.transport == transport)
                .collect();
            let first = ports.iter().map(|port| port.host_port).min();
            let last = ports.iter().map(|port| port.last_host_port()).max();
            let (Some(first), Some(last)) = (first, last) else {
                continue;
            };
            // Asking about SCTP would load it.
            if transport == Transport::Sctp && !self.has_sctp()? {
                continue;
            }
            let sockets = self.listeners(transport, first, last)?;
            for port in ports {
                let meets = |socket: &&InetSocket| takes(port, wanted.addresses, socket);
                if let Some(socket) = sockets.iter().find(meets) {
                    return Err(listens(op, port, socket));
                }
            }
        }
        Ok(())
    }

    /// Whether the kernel has SCTP by now.
    pub(crate) fn has_sctp(&mut self) -> Result<bool> {
        Ok(self.kernel.sysctl("net/sctp/rto_min")?.is_some())
    }

    pub(crate) fn listeners(
        &mut self,
        transport: Transport,
        first: u16,
        last: u16,
    ) -> Result<Vec<InetSocket>> {
        let transport = diag::Transport::from(transport.number());
        let found = self.kernel.diag()?.listeners(transport, first, last);
        let mut found = found
            .map_err(|err| Error::netlink("look for processes that listen on this host", err))?;
        found.sort_by_key(|socket| (socket.local.port(), socket.local));
        Ok(found)
    }
}

/// What can be refused without a look at the host.
fn check_alone(op: &str, wanted: &Wanted<'_>) -> Result<()> {
    let Some(port) = wanted.ports.first() else {
        return Ok(());
    };
    let name = &wanted.network.name;
    if wanted.network.internal {
        let why = format!("port {port}: network `{name}` is internal, nothing comes in");
        let err = Error::invalid(op, why);
        return Err(match wanted.addresses.first() {
            Some(net) => err.with_hint(format!(
                "this host reaches it at {}; for others, use a network that is not internal",
                net.addr()
            )),
            None => err,
        });
    }
    let leads = |port: &PortSpec| {
        let mut addresses = wanted.addresses.iter();
        addresses.any(|net| intent::serves(port, net.addr().is_ipv4()))
    };
    match wanted.ports.iter().find(|port| !leads(port)) {
        None => Ok(()),
        Some(port) => {
            let v6 = port.host.is_some_and(|ip| ip.is_ipv6());
            let family = if v6 { "IPv6" } else { "IPv4" };
            let why = format!("port {port}: network `{name}` has no {family} subnet");
            Err(Error::invalid(op, why))
        }
    }
}

/// Whether a published port takes packets that `socket` gets now. Connections to ::1 are never taken.
fn takes(port: &PortSpec, addresses: &[IpNet], socket: &InetSocket) -> bool {
    let number = socket.local.port();
    if !(port.host_port..=port.last_host_port()).contains(&number) {
        return false;
    }
    let mut families = addresses.iter().map(|net| net.addr().is_ipv4());
    families.any(|v4| intent::serves(port, v4) && meets(port.host, v4, socket))
}

fn meets(host: Option<IpAddr>, v4: bool, socket: &InetSocket) -> bool {
    let own = socket.local.ip().to_canonical();
    let every = own.is_unspecified();
    let same_family =
        own.is_ipv4() == v4 || (every && own.is_ipv6() && socket.v6_only != Some(true));
    let same_address = match host.filter(|ip| !ip.is_unspecified()) {
        Some(ip) => every || own == ip,
        None => own != IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    same_family && same_address
}

fn listens(op: &str, port: &PortSpec, socket: &InetSocket) -> Error {
    let why = format!(
        "port {port}: {} listens on {}",
        process(socket),
        socket.local
    );
    let one = match socket.local.ip().to_canonical() {
        own if own.is_unspecified() || port.host == Some(own) => "",
        _ => ", or publish on one address that it does not use: -p HOSTIP:HOSTPORT:PORT",
    };
    Error::exists(op, why).with_hint(format!("stop it, choose another port of this host{one}"))
}

/// `nginx (pid 812)`
fn process(socket: &InetSocket) -> String {
    let found = ns_mgmt::socket_holders(&[socket.inode]).unwrap_or_default();
    let holders = found.get(&socket.inode).map_or(&[][..], Vec::as_slice);
    match holders {
        [Holder::Socket { pid, name, .. }, others @ ..] => {
            let more = match others.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{} (pid {pid}{more})", name.escape_debug())
        }
        _ => format!(
            "a process of user {} that cannot be seen from here",
            socket.uid
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_netlink::fake::Reply;
    use core_netlink::{Conn, Writer};

    /// A socket that listens there.
    fn socket(at: &str, v6_only: bool) -> InetSocket {
        let at: std::net::SocketAddr = at.parse().unwrap();
        let mut body = vec![0; 72];
        body[0] = Family::of(at.ip()).number();
        body[4..6].copy_from_slice(&at.port().to_be_bytes());
        match at.ip() {
            IpAddr::V4(ip) => body[8..12].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => body[8..24].copy_from_slice(&ip.octets()),
        }
        Writer::new(&mut body).u8(11, u8::from(v6_only));
        let mut conn = Conn::fake(move |_| Reply::Records(vec![(20, body.clone())]));
        let listening = diag::SocketFilter::listening(Family::V4, diag::Transport::Tcp);
        conn.sockets(&listening).unwrap().remove(0)
    }

    #[track_caller]
    fn check(port: &str, dual: bool, yes: &[&str], no: &[&str]) {
        let port: PortSpec = port.parse().unwrap();
        let mut addresses: Vec<IpNet> = vec!["10.7.0.2/24".parse().unwrap()];
        addresses.extend(dual.then(|| "fd07::2/64".parse::<IpNet>().unwrap()));
        for (list, want) in [(yes, true), (no, false)] {
            for at in list {
                let (at, v6_only) = at
                    .strip_suffix(" only")
                    .map_or((*at, false), |at| (at, true));
                let found = takes(&port, &addresses, &socket(at, v6_only));
                assert_eq!(found, want, "{port} and {at}");
            }
        }
    }

    #[test]
    fn a_port_on_all_addresses_takes_from_whoever_listens_on_one() {
        check(
            "80:80",
            false,
            &[
                "0.0.0.0:80",
                "[::]:80",
                "127.0.0.1:80",
                "127.0.0.53:80",
                "[::ffff:192.0.2.1]:80",
            ],
            &["0.0.0.0:81", "[::]:80 only", "[::1]:80", "[2001:db8::1]:80"],
        );
        check(
            "80:80",
            true,
            &[
                "[::]:80",
                "[::]:80 only",
                "[2001:db8::1]:80",
                "192.0.2.1:80",
            ],
            &["[::1]:80"],
        );
        check(
            "[::]:80:80",
            true,
            &["[::]:80", "[fd07::1]:80"],
            &["0.0.0.0:80"],
        );
    }

    #[test]
    fn a_port_on_one_address_leaves_the_others_alone() {
        check(
            "192.0.2.1:70-90:70-90",
            true,
            &["0.0.0.0:80", "[::]:90", "192.0.2.1:70"],
            &[
                "192.0.2.2:80",
                "127.0.0.1:80",
                "[::]:80 only",
                "192.0.2.1:91",
            ],
        );
        check(
            "127.0.0.1:80:80",
            false,
            &["127.0.0.1:80"],
            &["127.0.0.2:80", "192.0.2.1:80"],
        );
        check(
            "[2001:db8::1]:80:80",
            true,
            &["[::]:80 only"],
            &["0.0.0.0:80", "[::1]:80"],
        );
    }

    #[test]
    fn whoever_listens_is_named_with_the_way_out() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let inode = nix::sys::stat::fstat(&listener).unwrap().st_ino as u32;
        let mut socket = socket("127.0.0.1:80", false);
        socket.inode = inode;
        let port = "80:80".parse().unwrap();
        let err = listens("attach", &port, &socket);
        let pid = format!("(pid {}", std::process::id());
        assert!(format!("{err:?}").contains(&pid), "{err:?}");
        assert!(err.hint().unwrap().contains("HOSTIP"), "{err:?}");
        socket.inode = 0;
        let err = listens("attach", &port, &socket);
        assert!(format!("{err:?}").contains("user 0"), "{err:?}");
    }
}
