//! Sockets of this network namespace (`SOCK_DIAG_BY_FAMILY`, linux/inet_diag.h, sock_diag(7)): who holds a port.

use crate::attr::{Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::object::Family;
use crate::table::numbered;
use crate::types::IfIndex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const INET_DIAG_SKV6ONLY: u16 = 11;
const REQUEST: usize = 56; // struct inet_diag_req_v2
const MESSAGE: usize = 72; // struct inet_diag_msg

numbered! {
    /// A transport protocol (`IPPROTO_*`).
    Transport(u8), "transport protocol" {
        /// TCP.
        Tcp = 6 "tcp",
        /// UDP.
        Udp = 17 "udp",
        /// SCTP.
        Sctp = 132 "sctp",
        /// UDP-Lite.
        UdpLite = 136 "udplite",
    }
}

numbered! {
    /// What a socket does (`TCP_*` of net/tcp_states.h, used for UDP too).
    SocketState(u8), "socket state" {
        /// Connected.
        Established = 1 "established",
        /// Connecting.
        SynSent = 2 "syn-sent",
        /// Being connected to.
        SynRecv = 3 "syn-recv",
        /// Closing.
        FinWait1 = 4 "fin-wait-1",
        /// Closing.
        FinWait2 = 5 "fin-wait-2",
        /// Closed, remembered for late segments.
        TimeWait = 6 "time-wait",
        /// Unconnected: every UDP socket that only receives.
        Close = 7 "unconn",
        /// Closed by the other end.
        CloseWait = 8 "close-wait",
        /// Closing.
        LastAck = 9 "last-ack",
        /// Waiting for connections.
        Listen = 10 "listening",
        /// Closing.
        Closing = 11 "closing",
        /// Being connected to.
        NewSynRecv = 12 "new-syn-recv",
        /// Bound, neither listening nor connected (Linux 6.8).
        BoundInactive = 13 "bound-inactive",
    }
}

/// Which sockets to list.
///
/// ```no_run
/// use core_netlink::{Conn, Protocol, diag::{SocketFilter, Transport}, Family};
/// # fn main() -> core_netlink::Result<()> {
/// let mut conn = Conn::open(Protocol::SockDiag)?;
/// let holders = conn.sockets(&SocketFilter { port: Some(8080), ..SocketFilter::holding(Family::V4, Transport::Tcp) })?;
/// # drop(holders);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketFilter {
    /// IPv4 or IPv6.
    pub family: Family,
    /// TCP, UDP ...
    pub transport: Transport,
    /// In which states: bit 1 << [`SocketState::number`].
    pub states: u32,
    /// Bound to this port.
    pub port: Option<u16>,
}

impl SocketFilter {
    /// Sockets that keep others from their port: those that listen (TCP) or receive from anyone (UDP), or are bound to.
    pub fn holding(family: Family, transport: Transport) -> Self {
        let states = [
            SocketState::Listen,
            SocketState::Close,
            SocketState::BoundInactive,
        ];
        SocketFilter {
            family,
            transport,
            states: states
                .iter()
                .fold(0, |bits, state| bits | 1 << state.number()),
            port: None,
        }
    }
}

impl Request for SocketFilter {
    fn kind(&self) -> u16 {
        SOCK_DIAG_BY_FAMILY
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let mut request = [0; REQUEST];
        request[0] = self.family.number();
        request[1] = self.transport.number();
        request[4..8].copy_from_slice(&self.states.to_ne_bytes());
        request[8..10].copy_from_slice(&self.port.unwrap_or(0).to_be_bytes());
        request[48..].fill(0xff); // INET_DIAG_NOCOOKIE
        w.raw(&request);
    }

    fn what(&self) -> String {
        match self.port {
            Some(port) => format!("list {} sockets of port {port}", self.transport),
            None => format!("list {} sockets", self.transport),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.family {
            Family::V4 | Family::V6 => Ok(()),
            other => Err(format!("family {other} has no such sockets")),
        }
    }
}

impl Query for SocketFilter {
    type Record = InetSocket;
}

/// A socket as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InetSocket {
    /// What it does.
    pub state: SocketState,
    /// Its own address and port.
    pub local: SocketAddr,
    /// That of the other end; zeros without one.
    pub remote: SocketAddr,
    /// The link it is bound to.
    pub link: Option<IfIndex>,
    /// Whose it is.
    pub uid: u32,
    /// Its inode, as in `/proc/PID/fd/N -> socket:[inode]`; 0 once closed.
    pub inode: u32,
    /// Its name for this boot.
    pub cookie: u64,
    /// Bytes received and not yet read; for a listener: connections waiting.
    pub receive_queue: u32,
    /// Bytes sent and not yet acknowledged; for a listener: how many may wait.
    pub send_queue: u32,
    /// IPv6: whether IPv4 is left to others.
    pub v6_only: Option<bool>,
}

impl InetSocket {
    /// Whether it keeps `address` from being bound to by others: it has that address or any, of either family unless it is IPv6 only.
    pub fn covers(&self, address: IpAddr) -> bool {
        let own = self.local.ip().to_canonical();
        let wildcard = match own {
            IpAddr::V4(v4) => v4.is_unspecified() && address.is_ipv4(),
            IpAddr::V6(v6) => {
                v6.is_unspecified() && (address.is_ipv6() || self.v6_only != Some(true))
            }
        };
        let any = address.is_unspecified() && own.is_ipv4() == address.is_ipv4();
        wildcard || any || own == address.to_canonical()
    }
}

impl Record for InetSocket {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if kind != SOCK_DIAG_BY_FAMILY {
            return Ok(None);
        }
        let (bytes, attrs) = split_header::<MESSAGE>(body, "socket")?;
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let number = |at| u32::from_ne_bytes(word(at));
        let port = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let ip = |at: usize| match Family::from(bytes[0]) {
            Family::V4 => Some(IpAddr::from(Ipv4Addr::from(word(at)))),
            Family::V6 => bytes[at..]
                .first_chunk::<16>()
                .map(|ip| Ipv6Addr::from(*ip).into()),
            _ => None,
        };
        let (Some(local), Some(remote)) = (ip(8), ip(24)) else {
            return Ok(None);
        };
        let v6_only = attrs.find(INET_DIAG_SKV6ONLY)?;
        for attr in attrs {
            attr?;
        }
        Ok(Some(InetSocket {
            state: bytes[1].into(),
            local: SocketAddr::new(local, port(4)),
            remote: SocketAddr::new(remote, port(6)),
            link: Some(IfIndex(number(40))).filter(|link| link.0 != 0),
            cookie: u64::from(number(44)) | u64::from(number(48)) << 32,
            receive_queue: number(56),
            send_queue: number(60),
            uid: number(64),
            inode: number(68),
            v6_only: v6_only
                .map(|attr| attr.u8())
                .transpose()?
                .map(|byte| byte != 0),
        }))
    }
}

impl Conn {
    /// The sockets that pass the filter. Needs a connection of [`Protocol::SockDiag`](crate::Protocol::SockDiag).
    pub fn sockets(&mut self, filter: &SocketFilter) -> Result<Vec<InetSocket>> {
        self.dump(filter)
    }

    /// The sockets, IPv6 ones included, that keep `address` and `port` from being bound to by others.
    pub fn port_holders(
        &mut self,
        transport: Transport,
        address: SocketAddr,
    ) -> Result<Vec<InetSocket>> {
        let mut found = Vec::new();
        for family in [Family::V4, Family::V6] {
            let holding = SocketFilter::holding(family, transport);
            let port = Some(address.port());
            found.extend(self.sockets(&SocketFilter { port, ..holding })?);
        }
        let holds = |socket: &InetSocket| {
            socket.local.port() == address.port() && socket.covers(address.ip())
        };
        found.retain(holds);
        Ok(found)
    }
}
