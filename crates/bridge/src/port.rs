//! Published ports as people write them: `[HOSTIP:]HOSTPORT:PORT[/PROTO]`.

use crate::error::{Error, Result};
use firewall::{Publish, Transport};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

const SHIFTED: u16 = 1024; // nft moves a range of ports only one by one

/// A port of the host, or a range of them, that leads to an attachment.
///
/// ```
/// use bridge::PortSpec;
/// let port: PortSpec = "127.0.0.1:8080:80".parse()?;
/// assert_eq!((port.host_port, port.port, port.count), (8080, 80, 1));
/// let range: PortSpec = "5000-5009:5000-5009/udp".parse()?;
/// assert_eq!(range.to_string(), "5000-5009:5000-5009/udp");
/// # Ok::<(), bridge::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSpec {
    /// Only at this address of the host; every address if absent.
    pub host: Option<IpAddr>,
    /// The first port on the host.
    pub host_port: u16,
    /// The first port in the namespace.
    pub port: u16,
    /// How many.
    pub count: u16,
    /// Of which transport.
    pub transport: Transport,
}

impl Default for PortSpec {
    fn default() -> PortSpec {
        PortSpec {
            host: None,
            host_port: 0,
            port: 0,
            count: 1,
            transport: Transport::Tcp,
        }
    }
}

impl PortSpec {
    /// The last port on the host.
    pub fn last_host_port(&self) -> u16 {
        self.host_port.saturating_add(self.count.saturating_sub(1))
    }

    /// Whether 127.0.0.1 on the host leads here too.
    pub fn serves_loopback(&self) -> bool {
        self.host
            .is_none_or(|ip| ip.is_loopback() || ip.is_unspecified())
            && !matches!(self.host, Some(IpAddr::V6(_)))
    }

    /// A published port as the firewall has it; all IPv6 addresses are `[::]`, as [`merged`] may find that IPv4 has it as well.
    pub(crate) fn of(publish: Publish) -> PortSpec {
        let every = publish.to.is_ipv6().then_some(Ipv6Addr::UNSPECIFIED.into());
        let (first, last) = (publish.ports.first(), publish.ports.last());
        PortSpec {
            host: publish.on.or(every),
            host_port: first,
            port: publish.to.port(),
            count: (last - first).saturating_add(1),
            transport: publish.transport,
        }
    }

    /// Whether both would answer the same connection.
    pub fn overlaps(&self, other: &PortSpec) -> bool {
        let hosts = match (self.host, other.host) {
            (Some(a), Some(b)) => {
                let any = a.is_unspecified() || b.is_unspecified();
                a == b || (any && a.is_ipv4() == b.is_ipv4())
            }
            _ => true,
        };
        let apart =
            self.last_host_port() < other.host_port || other.last_host_port() < self.host_port;
        hosts && !apart && self.transport == other.transport
    }

    fn leads_into(&self, next: &PortSpec) -> bool {
        let follows = |first: u16, next: u16| first.checked_add(self.count) == Some(next);
        (self.host, self.transport) == (next.host, next.transport)
            && follows(self.host_port, next.host_port)
            && follows(self.port, next.port)
    }

    /// Refuses what cannot work, whoever built it.
    pub fn check(&self) -> Result<()> {
        let last = |first: u16| u32::from(first) + u32::from(self.count) - 1;
        let why = match self {
            _ if self.count == 0 => "a range holds at least one port".to_owned(),
            _ if self.host_port == 0 || self.port == 0 => {
                "port 0 does not exist: right is 1 to 65535".to_owned()
            }
            _ if last(self.host_port.max(self.port)) > 65535 => {
                "the range goes beyond port 65535".to_owned()
            }
            _ if self.count > SHIFTED && self.host_port != self.port => {
                format!(
                    "a range of more than {SHIFTED} ports keeps its numbers: write the same range on both sides"
                )
            }
            _ => return self.check_host(),
        };
        Err(Error::invalid(format!("publish port `{self}`"), why))
    }

    fn check_host(&self) -> Result<()> {
        let why = match self.host {
            Some(IpAddr::V6(Ipv6Addr::LOCALHOST)) => {
                "the kernel does not let translated replies back to ::1, so nothing would answer; use 127.0.0.1, or a global address of this host"
            }
            Some(ip) if ip.is_multicast() => "no connection goes to a multicast address",
            Some(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_some() => {
                "write the IPv4 address itself"
            }
            Some(IpAddr::V6(ip)) if ip.segments()[0] & 0xffc0 == 0xfe80 => {
                "a link-local address means another host on each link"
            }
            _ => return Ok(()),
        };
        Err(Error::invalid(format!("publish port `{self}`"), why))
    }
}

/// Ports that follow each other as one range, and what both families have once.
pub(crate) fn merged(ports: &[PortSpec]) -> Vec<PortSpec> {
    let every = |port: &PortSpec| PortSpec {
        host: None,
        ..*port
    };
    let is_twin = |port: &&PortSpec| {
        port.host == Some(Ipv6Addr::UNSPECIFIED.into()) && ports.contains(&every(port))
    };
    let mut sorted: Vec<PortSpec> = ports
        .iter()
        .filter(|port| !is_twin(port))
        .copied()
        .collect();
    sorted.sort_by_key(|port| (port.transport, port.host, port.host_port));
    sorted.dedup();
    let mut all: Vec<PortSpec> = Vec::new();
    for port in sorted {
        match all.last_mut() {
            Some(last) if last.leads_into(&port) => last.count += port.count,
            _ => all.push(port),
        }
    }
    all
}

impl FromStr for PortSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<PortSpec> {
        let bad = |why: &str| {
            let op = format!("publish port {text:?}");
            Error::invalid(
                op,
                format!(
                    "{why}; right is [HOSTIP:]HOSTPORT:PORT[/PROTO], as in 8080:80, 127.0.0.1:8080:80 or 5000-5009:5000-5009/udp"
                ),
            )
        };
        let (ports, transport) = match text.rsplit_once('/') {
            Some((ports, word)) => (
                ports,
                word.parse()
                    .map_err(|_| bad("the protocol is tcp, udp or sctp"))?,
            ),
            None => (text, Transport::Tcp),
        };
        let (rest, port) = ports
            .rsplit_once(':')
            .ok_or_else(|| bad("the port on the host is missing"))?;
        let (host, host_port) = match rest.rsplit_once(':') {
            Some((host, port)) => (Some(parse_host(host).map_err(|why| bad(&why))?), port),
            None => (None, rest),
        };
        let (host_port, count) = parse_range(host_port).map_err(|why| bad(&why))?;
        let (port, inner) = parse_range(port).map_err(|why| bad(&why))?;
        if count != inner {
            return Err(bad(&format!(
                "{count} ports on the host cannot lead to {inner} in the namespace"
            )));
        }
        let host = host.filter(|ip: &IpAddr| !ip.is_unspecified() || ip.is_ipv6());
        let spec = PortSpec {
            host,
            host_port,
            port,
            count,
            transport,
        };
        spec.check()?;
        Ok(spec)
    }
}

fn parse_host(text: &str) -> Result<IpAddr, String> {
    match text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        Some(inner) => inner
            .parse::<Ipv6Addr>()
            .map(IpAddr::V6)
            .map_err(|_| format!("{inner:?} is no IPv6 address")),
        None if text.contains(':') => Err(format!(
            "an IPv6 address stands in brackets: [{}]",
            text.trim_matches(['[', ']'])
        )),
        None => text
            .parse()
            .map_err(|_| format!("{text:?} is no address of this host")),
    }
}

/// The first port and how many.
fn parse_range(text: &str) -> Result<(u16, u16), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (parse_port(first)?, parse_port(last)?);
    match last.checked_sub(first) {
        Some(more) => Ok((first, more.saturating_add(1))),
        None => Err(format!("the range {text} ends before it begins")),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port > 0);
    port.ok_or_else(|| format!("{text:?} is no port: 1 to 65535"))
}

impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Some(IpAddr::V4(ip)) => write!(f, "{ip}:")?,
            Some(IpAddr::V6(ip)) => write!(f, "[{ip}]:")?,
            None => {}
        }
        let more = self.count.saturating_sub(1);
        for (first, end) in [(self.host_port, ":"), (self.port, "")] {
            match more {
                0 => write!(f, "{first}{end}")?,
                _ => write!(f, "{first}-{}{end}", first.saturating_add(more))?,
            }
        }
        write!(f, "/{}", self.transport)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> PortSpec {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_people_write() {
        assert_eq!(
            parse("8080:80"),
            PortSpec {
                host_port: 8080,
                port: 80,
                ..PortSpec::default()
            }
        );
        assert_eq!(parse("0.0.0.0:1:2/udp").host, None);
        assert_eq!(
            parse("[2001:db8::1]:53:53/udp").host,
            Some("2001:db8::1".parse().unwrap())
        );
        assert_eq!(parse("1-65535:1-65535/sctp").count, 65535);
        assert!(parse("127.0.0.1:1:1").serves_loopback() && parse("1:1").serves_loopback());
        assert!(!parse("192.0.2.1:1:1").serves_loopback());
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "missing"),
            ("80", "missing"),
            ("0:80", "1 to 65535"),
            ("80:65536", "1 to 65535"),
            ("-1:80", "1 to 65535"),
            ("80:", "1 to 65535"),
            (":80", "1 to 65535"),
            ("80-:80", "1 to 65535"),
            ("1-65536:1-65536", "1 to 65535"),
            (" 80:80", "1 to 65535"),
            ("80:80/", "tcp, udp or sctp"),
            ("+80:80", "1 to 65535"),
            ("80:80/icmp", "tcp, udp or sctp"),
            ("banana:80:80", "no address"),
            ("[::1]:80:80", "127.0.0.1"),
            ("::1:80:80", "brackets"),
            ("[::ffff:1.2.3.4]:80:80", "IPv4"),
            ("[fe80::1]:80:80", "link-local"),
            ("224.0.0.1:80:80", "multicast"),
            ("90-80:90-80", "ends before"),
            ("80-90:80-91", "11 ports on the host cannot lead to 12"),
            ("1-2000:3001-5000", "keeps its numbers"),
            ("80:80:80:80", "brackets"),
        ] {
            let err = text.parse::<PortSpec>().unwrap_err();
            assert!(
                err.is_invalid() && format!("{err:?}").contains(why),
                "{err:?}"
            );
        }
    }

    #[test]
    fn ports_that_follow_each_other_are_one_range() {
        let texts = |ports: &[&str]| {
            let ports: Vec<PortSpec> = ports.iter().map(|port| parse(port)).collect();
            let merged = merged(&ports);
            merged.iter().map(PortSpec::to_string).collect::<Vec<_>>()
        };
        let found = texts(&["81:81", "80:80", "[::]:80:80", "82:90", "[::]:53:53/udp"]);
        assert_eq!(found, ["80-81:80-81/tcp", "82:90/tcp", "[::]:53:53/udp"]);
    }

    #[test]
    fn a_wildcard_meets_every_address() {
        assert!(parse("80:80").overlaps(&parse("192.0.2.1:70-80:70-80")));
        assert!(!parse("80:80").overlaps(&parse("80:80/udp")));
        assert!(!parse("192.0.2.1:80:80").overlaps(&parse("192.0.2.2:80:80")));
        assert!(!parse("80-89:80-89").overlaps(&parse("90:90")));
        assert!(parse("[::]:80:80").overlaps(&parse("[2001:db8::1]:80:80")));
        assert!(!parse("[::]:80:80").overlaps(&parse("192.0.2.1:80:80")));
    }

    proptest! {
        #[test]
        fn text_round_trips(host in prop::option::of(any::<[u8; 4]>()), first in 1..60000_u16, port in 1..60000_u16, count in 1..64_u16, proto in 0..3_usize) {
            let transport = [Transport::Tcp, Transport::Udp, Transport::Sctp][proto];
            let host = host.map(IpAddr::from).filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
            let spec = PortSpec { host, host_port: first, port, count, transport };
            prop_assert_eq!(parse(&spec.to_string()), spec);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9a-f:./\\[\\]-]{0,30}|.*") {
            let _ = text.parse::<PortSpec>();
        }
    }
}
