//! Values as people type them: numbers, prefixes, addresses, MAC addresses, names. Checked before anything is written.

use crate::Done;
use crate::fault::Fault;
use crate::options::Family;
use core_netlink::{HwAddr, IfName, MacAddr, Prefix};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Safe to print: control characters are escaped.
pub(crate) fn quoted(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

/// A number in decimal, hex (`0x`) or octal (`0`).
pub(crate) fn number(text: &str) -> Option<u32> {
    wide(text).and_then(|number| number.try_into().ok())
}

/// The same, 64 bits.
pub(crate) fn wide(text: &str) -> Option<u64> {
    let digits = |text: &str, radix| match text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        true => u64::from_str_radix(text, radix).ok(),
        false => None,
    };
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(hex) => digits(hex, 16),
        None if text.len() > 1 && text.starts_with('0') => digits(&text[1..], 8),
        None => digits(text, 10),
    }
}

/// A number of a field, which must fit its type.
pub(crate) fn fit<T: TryFrom<u64>>(field: &str, text: &str) -> Done<T> {
    let bits = 8 * size_of::<T>();
    let wrong = || {
        Fault::bad_value(
            field,
            text,
            format!("a number of at most {bits} bits, without sign"),
        )
    };
    wide(text)
        .and_then(|number| number.try_into().ok())
        .ok_or_else(wrong)
}

/// The name of a link that is to be made or renamed.
pub(crate) fn if_name(field: &str, text: &str) -> Done<IfName> {
    text.parse().map_err(|_: core_netlink::Bad| {
        let shown = quoted(text);
        let original = format!("Error: argument \"{shown}\" is wrong: \"{field}\" not a valid ifname");
        let right = "a link's name has 1 to 15 bytes, no `/`, `:`, `%`, space or control character, and is not `.` or `..`";
        let fault = Fault::new(255, original, format!("wrong name `{shown}`"), right);
        match text.len() {
            0..=15 => fault,
            _ => fault.original("Error: Attribute failed policy validation.").code(2), // the original leaves it to the kernel
        }
    })
}

/// A MAC address for an interface: six bytes, of one station.
pub(crate) fn mac(field: &str, text: &str) -> Done<MacAddr> {
    let mac: MacAddr = text.parse().map_err(|bad: core_netlink::Bad| {
        Fault::new(
            1,
            format!("\"{}\" is invalid lladdr.", quoted(text)),
            format!("wrong {field} `{}`", quoted(text)),
            bad.to_string(),
        )
    })?;
    if mac.is_multicast() {
        let original = "RTNETLINK answers: Cannot assign requested address";
        let fault = Fault::new(
            2,
            original,
            format!("wrong {field} `{mac}`"),
            "it has the multicast bit",
        );
        return Err(fault.hint("the second hex digit must be even, as in 02:42:ac:11:00:02"));
    }
    Ok(mac)
}

/// A link-layer address of any length, as a neighbour has it.
pub(crate) fn hw_addr(field: &str, text: &str) -> Done<HwAddr> {
    if let Ok(v4) = Ipv4Addr::from_str(text) {
        return Ok(HwAddr::new(&v4.octets()));
    }
    let byte = |part: &str| match part.len() {
        1 | 2 if part.bytes().all(|b| b.is_ascii_hexdigit()) => u8::from_str_radix(part, 16).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    let bytes = bytes.filter(|bytes| bytes.len() <= 32);
    bytes.map(|bytes| HwAddr::new(&bytes)).ok_or_else(|| {
        let quoted = quoted(text);
        let original = format!("\"{quoted}\" is invalid lladdr.");
        Fault::new(
            1,
            original,
            format!("wrong {field} `{quoted}`"),
            "six bytes in hex, as in 02:42:ac:11:00:02",
        )
    })
}

/// An address of either family, or of the one that was asked for.
pub(crate) fn address(field: &str, text: &str, family: Option<Family>) -> Done<IpAddr> {
    let parsed = parse_address(text, family).filter(|address| fits(address, family));
    parsed.ok_or_else(|| {
        let kind = expected(family);
        let original = format!(
            "Error: {kind} address is expected rather than \"{}\".",
            quoted(text)
        );
        Fault::new(
            1,
            original,
            format!("wrong {field} `{}`", quoted(text)),
            format!("{kind} address is expected"),
        )
    })
}

/// An address with an optional prefix length; without one it is the whole address. Host bits stay.
pub(crate) fn prefix(field: &str, text: &str, family: Option<Family>) -> Done<Prefix> {
    parse_prefix(text, family).ok_or_else(|| {
        let kind = expected(family);
        let original = format!(
            "Error: {kind} prefix is expected rather than \"{}\".",
            quoted(text)
        );
        Fault::new(
            1,
            original,
            format!("wrong {field} `{}`", quoted(text)),
            format!("{kind} prefix is expected"),
        )
        .hint("as in 10.0.0.1/24 (0 to 32) or fd00::1/64 (0 to 128)")
    })
}

/// A destination: a prefix, or `default`.
pub(crate) fn destination(field: &str, text: &str, family: Option<Family>) -> Done<Prefix> {
    if matches!(text, "default" | "any" | "all") {
        return Ok(everything(family == Some(Family::Inet6)));
    }
    prefix(field, text, family)
}

/// 0.0.0.0/0 or ::/0.
pub(crate) fn everything(v6: bool) -> Prefix {
    let address: IpAddr = if v6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    Prefix::new(address, 0).unwrap_or_default()
}

fn expected(family: Option<Family>) -> &'static str {
    match family {
        Some(Family::Inet) => "inet",
        Some(Family::Inet6) => "inet6",
        _ => "any valid",
    }
}

fn fits(address: &IpAddr, family: Option<Family>) -> bool {
    match family {
        Some(Family::Inet) => address.is_ipv4(),
        Some(Family::Inet6) => address.is_ipv6(),
        _ => true,
    }
}

fn parse_prefix(text: &str, family: Option<Family>) -> Option<Prefix> {
    let (address, len) = match text.split_once('/') {
        Some((address, len)) => (address, Some(len)),
        None => (text, None),
    };
    let address = parse_address(address, family).filter(|address| fits(address, family))?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let len = match len {
        None => whole,
        Some(len) => prefix_length(len, address)?,
    };
    Prefix::new(address, len).ok()
}

/// "24", or a mask such as "255.255.255.0".
fn prefix_length(text: &str, address: IpAddr) -> Option<u8> {
    if let Some(length) = number(text) {
        return length.try_into().ok();
    }
    let mask: IpAddr = text.parse().ok()?;
    (mask.is_ipv4() == address.is_ipv4())
        .then(|| ipnet::ip_mask_to_prefix(mask).ok())
        .flatten()
}

/// IPv4 may be cut short as in "10.1": the bytes that are missing are zero.
fn parse_address(text: &str, family: Option<Family>) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if matches!(text, "default" | "any" | "all") {
        return Some(everything(family == Some(Family::Inet6)).addr());
    }
    let mut bytes = [0; 4];
    let parts: Vec<&str> = text.split('.').collect();
    for (i, part) in parts.iter().enumerate() {
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        *bytes.get_mut(i)? = digits.then(|| part.parse().ok()).flatten()?;
    }
    Some(Ipv4Addr::from(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_come_in_three_bases() {
        assert_eq!(
            (number("42"), number("0x2a"), number("052")),
            (Some(42), Some(42), Some(42))
        );
        for bad in ["", "-1", "+1", "4294967296", "0x", "09", "1.5", "x"] {
            assert_eq!(number(bad), None, "{bad}");
        }
        assert!(fit::<u16>("mtu", "65536").is_err() && fit::<u8>("ttl", "255").is_ok());
    }

    #[test]
    fn prefixes_are_checked() {
        let ok = |text| {
            prefix("address", text, None)
                .ok()
                .map(|prefix| prefix.to_string())
        };
        assert_eq!(ok("10.0.0.1/24").as_deref(), Some("10.0.0.1/24"));
        assert_eq!(ok("10.0.0.1").as_deref(), Some("10.0.0.1/32"));
        assert_eq!(ok("10/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(ok("10.0.0.1/255.255.0.0").as_deref(), Some("10.0.0.1/16"));
        assert_eq!(ok("fd00::1/64").as_deref(), Some("fd00::1/64"));
        for bad in [
            "10.0.0.1/33",
            "fd00::/129",
            "10.0.0.1/",
            "10.0.0.256",
            "x",
            "",
            "10.0.0.0.0",
            "10.0.0.1/255.0.255.0",
            "10.0.0.1/-1",
        ] {
            assert_eq!(ok(bad), None, "{bad}");
        }
        assert!(prefix("address", "fd00::1", Some(Family::Inet)).is_err());
        assert_eq!(
            destination("to", "default", Some(Family::Inet6)).ok(),
            Some("::/0".parse().unwrap())
        );
    }

    #[test]
    fn a_mac_names_one_station() {
        assert!(mac("address", "02:00:00:00:00:01").is_ok());
        assert!(mac("address", "03:00:00:00:00:01").is_err() && mac("address", "zz").is_err());
        assert!(hw_addr("lladdr", "10.0.0.1").is_ok() && hw_addr("lladdr", "2::").is_err());
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(quoted("a\x1b[31m"), "a\\u{1b}[31m");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in ".*") {
            let _ = (number(&text), prefix("x", &text, None), hw_addr("x", &text), mac("x", &text), address("x", &text, None));
        }
    }
}
