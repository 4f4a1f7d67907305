//! Sockets of this network namespace (`SOCK_DIAG_BY_FAMILY`, linux/inet_diag.h, sock_diag(7)): who holds a port.

use crate::attr::{Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::object::Family;
use crate::table::numbered;
use crate::trace::layout::{Field, Fixed, Shape, attributes, messages};
use crate::types::IfIndex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

messages! {
    pub(crate) MESSAGES = "", HEADER, ATTRIBUTES {
        SOCK_DIAG_BY_FAMILY = 20,
    }
}

attributes! {
    ATTRIBUTES = "" {
        INET_DIAG_REQ_BYTECODE = 1 Bytes,
        INET_DIAG_SKV6ONLY = 11 Number,
    }
}

const INET_DIAG_BC_S_GE: u8 = 2;
const INET_DIAG_BC_S_LE: u8 = 3;
const REQUEST: usize = 56; // struct inet_diag_req_v2
const MESSAGE: usize = 72; // struct inet_diag_msg

/// `struct inet_diag_req_v2`; an answer has more, which is not told.
pub(crate) static HEADER: Fixed = Fixed {
    size: REQUEST,
    fields: &[
        Field("family", 0, 1, Shape::Named(Family::name_of)),
        Field(
            "protocol",
            1,
            1,
            Shape::Named(|n| Transport::from(n as u8).name()),
        ),
        Field("states", 4, 4, Shape::Number),
        Field("port", 8, 2, Shape::BigEndian),
    ],
};

/// `struct inet_diag_msg`.
pub(crate) static ANSWER: Fixed = Fixed {
    size: MESSAGE,
    fields: &[
        Field("family", 0, 1, Shape::Named(Family::name_of)),
        Field(
            "state",
            1,
            1,
            Shape::Named(|n| SocketState::from(n as u8).name()),
        ),
        Field("port", 4, 2, Shape::BigEndian),
        Field("uid", 64, 4, Shape::Number),
        Field("inode", 68, 4, Shape::Number),
    ],
};

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
    /// Bound to a port from the first to the last of these.
    pub ports: Option<(u16, u16)>,
}

impl SocketFilter {
    /// Sockets that get what comes to their port: those that listen (TCP, SCTP) or receive from anyone (UDP). The kernel finds them
    /// without a look at connections.
    pub fn listening(family: Family, transport: Transport) -> Self {
        let state = match transport {
            Transport::Udp | Transport::UdpLite => SocketState::Close,
            _ => SocketState::Listen,
        };
        SocketFilter {
            family,
            transport,
            states: 1 << state.number(),
            port: None,
            ports: None,
        }
    }

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
            ports: None,
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
        if let Some((first, last)) = self.ports {
            w.bytes(INET_DIAG_REQ_BYTECODE, &between(first, last));
        }
    }

    fn what(&self) -> String {
        let transport = self.transport;
        match (self.port, self.ports) {
            (Some(port), _) => format!("list {transport} sockets of port {port}"),
            (None, Some((first, last))) => {
                format!("list {transport} sockets of ports {first} to {last}")
            }
            (None, None) => format!("list {transport} sockets"),
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

/// A program for the kernel to filter by: struct inet_diag_bc_op is a code, how many bytes to go on if it holds, how many if not; the
/// port to compare with stands in another one. Beyond the end is "no".
fn between(first: u16, last: u16) -> [u8; 16] {
    let mut program = [0; 16];
    let steps = [
        (INET_DIAG_BC_S_GE, first, 20_u16),
        (INET_DIAG_BC_S_LE, last, 12),
    ];
    for (op, (code, port, no)) in program.chunks_exact_mut(8).zip(steps) {
        op[..2].copy_from_slice(&[code, 8]);
        op[2..4].copy_from_slice(&no.to_ne_bytes());
        op[6..].copy_from_slice(&port.to_ne_bytes());
    }
    program
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
    /// Whether it keeps `address` from being bound to by others: it has that address or any, of either family unless it is
    /// IPv6 only. `::` is asked for both families, as binding to it means.
    pub fn covers(&self, address: IpAddr) -> bool {
        let own = self.local.ip().to_canonical();
        let wildcard = match own {
            IpAddr::V4(v4) => v4.is_unspecified() && address.is_ipv4(),
            IpAddr::V6(v6) => {
                v6.is_unspecified() && (address.is_ipv6() || self.v6_only != Some(true))
            }
        };
        let any = address.is_unspecified() && (own.is_ipv4() || address.is_ipv6());
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

    /// The sockets of both families that get what comes to ports from `first` to `last`, in one send; none where the kernel
    /// lacks the transport.
    pub fn listeners(
        &mut self,
        transport: Transport,
        first: u16,
        last: u16,
    ) -> Result<Vec<InetSocket>> {
        let filters = [Family::V4, Family::V6].map(|family| SocketFilter {
            ports: Some((first, last)),
            ..SocketFilter::listening(family, transport)
        });
        let mut found = Vec::new();
        for sockets in self.dump_all(&filters)? {
            match sockets {
                Err(err) if err.is_not_found() || err.is_unsupported() => {}
                sockets => found.extend(sockets?),
            }
        }
        Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Reply;
    use crate::testing::{body, check_cuts, decode, hex};
    use proptest::prelude::*;

    /// What Linux 6.18 answered to `ss -tlne` about `nc -l 127.0.0.1 8080`.
    fn listener() -> Vec<u8> {
        hex("
            02 0a 00 00                         # AF_INET, listening
            1f90 0000                           # ports, big-endian
            7f000001 00000000 00000000 00000000 # its own address
            00000000 00000000 00000000 00000000 # the other end's
            00000000 65000000 00000000          # link, cookie
            00000000 00000000 01000000 00000000 53e00300 # timer, queues, uid, inode
            0500 0800 00 000000  0800 0f00 00000000 # INET_DIAG_SHUTDOWN, INET_DIAG_MARK
        ")
    }

    /// And about `nc -6 -l :: 8081`.
    fn listener6() -> Vec<u8> {
        hex("
            0a 0a 00 00  1f91 0000
            00000000 00000000 00000000 00000000  00000000 00000000 00000000 00000000
            00000000 66000000 00000000
            00000000 00000000 01000000 00000000 51e00300
            0500 0b00 00 000000                 # INET_DIAG_SKV6ONLY
        ")
    }

    #[test]
    fn answers_of_the_kernel_are_read() {
        let found: InetSocket = decode(SOCK_DIAG_BY_FAMILY, &listener());
        assert_eq!(found.local, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(
            (found.state, found.inode, found.uid),
            (SocketState::Listen, 0x3e053, 0)
        );
        assert_eq!(
            (found.cookie, found.send_queue, found.link),
            (0x65, 1, None)
        );
        let found: InetSocket = decode(SOCK_DIAG_BY_FAMILY, &listener6());
        assert_eq!(
            (found.local, found.v6_only),
            ("[::]:8081".parse().unwrap(), Some(false))
        );
        check_cuts::<InetSocket, MESSAGE>(SOCK_DIAG_BY_FAMILY, &listener());
        check_cuts::<InetSocket, MESSAGE>(SOCK_DIAG_BY_FAMILY, &listener6());
    }

    #[test]
    fn the_request_asks_for_states_and_port() {
        let port = Some(8080);
        let bytes = body(&SocketFilter {
            port,
            ..SocketFilter::holding(Family::V4, Transport::Tcp)
        });
        assert_eq!(bytes.len(), REQUEST);
        assert_eq!(bytes[..12], hex("02 06 00 00  80240000  1f90 0000")); // states 7, 10 and 13
        let filter = SocketFilter::holding(Family::Bridge, Transport::Tcp);
        let err = Conn::fake(|_| panic!("sent")).sockets(&filter).unwrap_err();
        assert!(err.is_invalid());
    }

    #[test]
    fn a_range_of_ports_is_a_program_for_the_kernel() {
        let filter = SocketFilter {
            ports: Some((8000, 8009)),
            ..SocketFilter::listening(Family::V6, Transport::Tcp)
        };
        let bytes = body(&filter);
        assert_eq!(bytes[..12], hex("0a 06 00 00  00040000  0000 0000"));
        let program = "
            1400 0100              # INET_DIAG_REQ_BYTECODE
            02 08 1400  00 00 401f # S_GE: on by 8, or beyond the end; 8000
            03 08 0c00  00 00 491f # S_LE: to the end, or beyond it; 8009
        ";
        assert_eq!(bytes[REQUEST..], hex(program));
        let udp = SocketFilter::listening(Family::V4, Transport::Udp);
        assert_eq!(udp.states, 1 << 7, "unconnected");
    }

    #[test]
    fn a_transport_the_kernel_lacks_has_no_listeners() {
        let mut conn = Conn::fake(|sent| match sent.body[1] {
            132 => Reply::Errno(nix::libc::ENOENT),
            _ => Reply::Records(vec![(SOCK_DIAG_BY_FAMILY, listener())]),
        });
        assert_eq!(conn.listeners(Transport::Sctp, 1, 9).unwrap(), []);
        assert_eq!(conn.listeners(Transport::Tcp, 1, 9).unwrap().len(), 2);
    }

    #[track_caller]
    fn check_covers(socket: &[u8], yes: &[&str], no: &[&str]) {
        let socket: InetSocket = decode(SOCK_DIAG_BY_FAMILY, socket);
        for (list, want) in [(yes, true), (no, false)] {
            for address in list {
                assert_eq!(socket.covers(address.parse().unwrap()), want, "{address}");
            }
        }
    }

    #[test]
    fn a_socket_covers_its_address_and_any_covers_all() {
        check_covers(
            &listener(),
            &["127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"],
            &["10.0.0.1", "::1"],
        );
        check_covers(&listener6(), &["::1", "10.0.0.1", "0.0.0.0", "::"], &[]);
        let mut v6_only = listener6();
        v6_only[MESSAGE + 4] = 1;
        check_covers(&v6_only, &["::1", "::"], &["10.0.0.1", "0.0.0.0"]);
    }

    #[test]
    fn holders_are_sought_in_both_families() {
        let mut conn = Conn::fake(|sent| match sent.body[0] {
            2 => Reply::Records(vec![(SOCK_DIAG_BY_FAMILY, listener())]),
            _ => Reply::Records(vec![(SOCK_DIAG_BY_FAMILY, listener6())]),
        });
        let holders = conn
            .port_holders(Transport::Tcp, "10.0.0.1:8081".parse().unwrap())
            .unwrap();
        assert_eq!(holders.len(), 1);
        assert_eq!(holders[0].inode, 0x3e051);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = InetSocket::decode(SOCK_DIAG_BY_FAMILY, &bytes);
        }
    }
}
