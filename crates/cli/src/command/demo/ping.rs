//! One ICMP echo and its answer (RFC 792).

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recv, sendto,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(2);
const MARK: [u8; 4] = *b"veth"; // identifier and sequence number of our echo

/// The round trip to `to`, from the namespace of the calling thread.
pub(super) fn ping(to: Ipv4Addr) -> io::Result<Duration> {
    let icmp = SockProtocol::Icmp;
    let fd = socket(
        AddressFamily::Inet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        icmp,
    )?;
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::new(1, 0))?;
    let begin = Instant::now();
    let to_any_port = SockaddrIn::from(SocketAddrV4::new(to, 0));
    sendto(fd.as_raw_fd(), &echo(), &to_any_port, MsgFlags::empty())?;
    while begin.elapsed() < LIMIT {
        let mut packet = [0; 256];
        let len = recv(fd.as_raw_fd(), &mut packet, MsgFlags::empty())?;
        if is_answer(&packet[..len], to) {
            return Ok(begin.elapsed());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn echo() -> [u8; 8] {
    let [a, b, c, d] = MARK;
    let [high, low] = checksum(&[8, 0, 0, 0, a, b, c, d]).to_be_bytes();
    [8, 0, high, low, a, b, c, d]
}

/// An echo reply from `from`; a raw socket sees the IP header too.
fn is_answer(packet: &[u8], from: Ipv4Addr) -> bool {
    let header = packet
        .first()
        .map_or(0, |first| usize::from(first & 15) * 4);
    let source = packet.get(12..16) == Some(&from.octets());
    source && packet.get(header) == Some(&0) && packet.get(header + 4..header + 8) == Some(&MARK)
}

/// The one's complement sum of RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !(folded as u16 + (folded >> 16) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_sums_to_zero() {
        assert_eq!(checksum(&echo()), 0);
    }

    #[test]
    fn only_the_answer_to_our_echo_counts() {
        let to = Ipv4Addr::new(10, 0, 0, 1);
        let mut packet = [0x45; 28];
        packet[12..16].copy_from_slice(&to.octets());
        packet[20] = 0;
        packet[24..28].copy_from_slice(&MARK);
        assert!(is_answer(&packet, to) && !is_answer(&packet, Ipv4Addr::LOCALHOST));
        packet[20] = 8;
        assert!(!is_answer(&packet, to) && !is_answer(&packet[..10], to) && !is_answer(&[], to));
    }
}
