//! Addresses as they are written in configurations and results.
//!
//! As with the reference, an IPv4 address may be written as an IPv6 one, and an empty text is no address.

use ipnet::{IpNet, Ipv4Net};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::net::IpAddr;

/// The longest prefix in front of an IPv4 address in an IPv6 one.
const MAPPED: u8 = 96;

/// The address in a text.
pub(crate) fn parse(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    Some(address.to_canonical())
}

/// The address with the length of its prefix in a text.
pub(crate) fn parse_net(text: &str) -> Option<IpNet> {
    let (address, len) = text.split_once('/')?;
    let len = len
        .bytes()
        .all(|digit| digit.is_ascii_digit())
        .then_some(len)?;
    let net = IpNet::new(address.parse().ok()?, len.parse().ok()?).ok()?;
    match net.addr().to_canonical() {
        IpAddr::V4(address) if net.addr().is_ipv6() => {
            let len = net.prefix_len().checked_sub(MAPPED)?;
            Ipv4Net::new(address, len).ok().map(IpNet::V4)
        }
        _ => Some(net),
    }
}

/// An address, if there is one.
pub(crate) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IpAddr>, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() {
        return Ok(None);
    }
    let why = || D::Error::custom(format!("{text:?} is no IP address"));
    parse(&text).map(Some).ok_or_else(why)
}

/// An address with the length of its prefix.
pub(crate) fn net<'de, D: Deserializer<'de>>(from: D) -> Result<IpNet, D::Error> {
    let text = String::deserialize(from)?;
    let why = || format!("{text:?} is not written as ADDRESS/LENGTH, such as 10.1.0.0/24");
    parse_net(&text).ok_or_else(|| D::Error::custom(why()))
}

/// The same where it need not be said.
pub(crate) fn optional_net<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IpNet>, D::Error> {
    net(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_may_be_written_as_an_ipv6_one() {
        let net = |text| parse_net(text).map(|net| net.to_string());
        assert_eq!(net("10.1.0.5/24").as_deref(), Some("10.1.0.5/24"));
        assert_eq!(net("::ffff:10.1.0.5/120").as_deref(), Some("10.1.0.5/24"));
        assert_eq!(net("fd00::5/64").as_deref(), Some("fd00::5/64"));
        for bad in [
            "::ffff:10.1.0.5/24",
            "10.1.0.5",
            "10.1.0.5/33",
            "x/24",
            "",
            "10.1.0.05/24",
        ] {
            assert_eq!(net(bad), None, "{bad}");
        }
        assert_eq!(parse("::ffff:10.1.0.5"), parse("10.1.0.5"));
    }
}
