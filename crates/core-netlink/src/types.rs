//! Names and numbers of the network, checked at the door.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// An address and its prefix length; host bits are allowed where an interface address is meant.
pub type Prefix = ipnet::IpNet;

/// A value that cannot be what it is meant to be; `Display` says what is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    value: String,
    right: &'static str,
}

impl Bad {
    pub(crate) fn new(value: impl Into<String>, right: &'static str) -> Self {
        let value = value.into();
        Bad { value, right }
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.value.escape_debug(), self.right)
    }
}

impl std::error::Error for Bad {}

/// The kernel's number of a link, unique within its namespace, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(pub u32);

impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a link: 1 to 15 bytes (`dev_valid_name` of the kernel, and no control bytes or `%`).
///
/// ```
/// use core_netlink::IfName;
/// assert!("eth0".parse::<IfName>().is_ok());
/// assert!("a/b".parse::<IfName>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfName {
    bytes: [u8; 15],
    len: u8,
}

impl IfName {
    /// A name as the kernel gave it, which may hold bytes we would refuse; longer ones are cut.
    pub fn from_kernel(name: &[u8]) -> Self {
        let len = name.len().min(15);
        let mut bytes = [0; 15];
        bytes[..len].copy_from_slice(&name[..len]);
        let len = len as u8;
        IfName { bytes, len }
    }

    /// Its bytes, without padding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl AsRef<[u8]> for IfName {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl FromStr for IfName {
    type Err = Bad;

    fn from_str(s: &str) -> Result<Self, Bad> {
        let fits = (1..=15).contains(&s.len()) && s != "." && s != "..";
        let bad = |c: char| matches!(c, '/' | ':' | '%') || c.is_whitespace() || c.is_control();
        if fits && !s.contains(bad) {
            return Ok(IfName::from_kernel(s.as_bytes()));
        }
        let right = "cannot name an interface: 1 to 15 bytes, no `/`, `:`, `%`, space or control character, not `.` or `..`";
        Err(Bad::new(s, right))
    }
}

/// Safe for terminals: control bytes are escaped.
impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(self.as_bytes());
        if !text.contains(char::is_control) {
            return f.pad(&text);
        }
        let escaped: String = text.chars().map(escape).collect();
        f.pad(&escaped)
    }
}

fn escape(c: char) -> String {
    if c.is_control() {
        c.escape_default().to_string()
    } else {
        c.to_string()
    }
}

impl fmt::Debug for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// Whether it names a group of stations; an interface cannot have such an address.
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether it can be the address of one interface: neither a group's nor nobody's.
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != MacAddr::default()
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

/// Piece by piece: a list of links has two of each.
fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 {
            f.write_char(':')?;
        }
        f.write_char(digit(byte >> 4))?;
        f.write_char(digit(byte & 15))?;
    }
    Ok(())
}

fn digit(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16).unwrap_or('?')
}

impl FromStr for MacAddr {
    type Err = Bad;

    fn from_str(s: &str) -> Result<Self, Bad> {
        let bad = || {
            Bad::new(
                s,
                "is no MAC address: six bytes in hex, as in 02:42:ac:11:00:02",
            )
        };
        let byte = |part: &str| match part.len() {
            1 | 2 if part.bytes().all(|b| b.is_ascii_hexdigit()) => {
                u8::from_str_radix(part, 16).ok()
            }
            _ => None,
        };
        let bytes: Option<Vec<u8>> = s.split(':').map(byte).collect();
        let bytes = bytes.ok_or_else(bad)?;
        bytes.try_into().map(MacAddr).map_err(|_| bad())
    }
}

/// A link-layer address as the kernel reports it: 6 bytes on Ethernet, 4 on an IP tunnel, up to 32 elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HwAddr {
    bytes: [u8; 32],
    len: u8,
}

impl HwAddr {
    /// From the kernel's bytes; more than 32 are cut.
    pub fn new(value: &[u8]) -> Self {
        let len = value.len().min(32);
        let mut bytes = [0; 32];
        bytes[..len].copy_from_slice(&value[..len]);
        let len = len as u8;
        HwAddr { bytes, len }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The same as an Ethernet address, if it has six bytes.
    pub fn mac(&self) -> Option<MacAddr> {
        self.as_bytes().try_into().ok().map(MacAddr)
    }
}

impl From<MacAddr> for HwAddr {
    fn from(mac: MacAddr) -> Self {
        HwAddr::new(&mac.0)
    }
}

impl fmt::Display for HwAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.as_bytes())
    }
}

impl fmt::Debug for HwAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident($inner:ty) in $range:expr, $right:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// The number.
            pub fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<$inner> for $name {
            type Error = Bad;

            fn try_from(value: $inner) -> Result<Self, Bad> {
                let bad = || Bad::new(value.to_string(), $right);
                ($range).contains(&value).then_some($name(value)).ok_or_else(bad)
            }
        }

        impl FromStr for $name {
            type Err = Bad;

            fn from_str(s: &str) -> Result<Self, Bad> {
                let value: $inner = s.parse().map_err(|_| Bad::new(s, $right))?;
                $name::try_from(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

bounded!(
    /// A VLAN, 1 to 4094 (IEEE 802.1Q).
    VlanId(u16) in 1..=4094, "is no VLAN: 1 to 4094"
);
bounded!(
    /// A VXLAN network identifier, 24 bits (RFC 7348).
    Vni(u32) in 0..=0xff_ffff, "is no VXLAN network identifier: 0 to 16777215"
);
bounded!(
    /// The number by which one network namespace knows another, from 0.
    NsId(i32) in 0.., "is no namespace id: 0 or more"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_the_kernel_would_misread_are_refused() {
        for bad in [
            "",
            "sixteen-bytes-xx",
            "a/b",
            "a:b",
            "a b",
            ".",
            "..",
            "eth%d",
            "e\x1b[31m",
            "a\0b",
        ] {
            let err = bad.parse::<IfName>().expect_err(bad).to_string();
            assert!(err.contains("1 to 15 bytes"), "{err}");
            assert!(!err.contains('\x1b'), "escapes reach the terminal");
        }
    }

    #[test]
    fn control_bytes_from_the_kernel_are_escaped() {
        assert_eq!(IfName::from_kernel(b"a\x1bb").to_string(), "a\\u{1b}b");
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!("0".parse::<VlanId>().is_err() && "4095".parse::<VlanId>().is_err());
        assert!("16777216".parse::<Vni>().is_err() && "-1".parse::<NsId>().is_err());
        assert!(
            "ff:ff:ff:ff:ff:ff"
                .parse::<MacAddr>()
                .unwrap()
                .is_multicast()
        );
        for bad in [
            "",
            "1:2:3:4:5",
            "1:2:3:4:5:6:7",
            "+1:2:3:4:5:6",
            "g:2:3:4:5:6",
        ] {
            assert!(bad.parse::<MacAddr>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(mac in any::<[u8; 6]>(), name in "[a-z0-9._-]{3,15}") {
            prop_assert_eq!(MacAddr(mac).to_string().parse(), Ok(MacAddr(mac)));
            prop_assert_eq!(name.parse::<IfName>().unwrap().to_string(), name);
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in ".*") {
            let _ = (text.parse::<IfName>(), text.parse::<MacAddr>(), text.parse::<VlanId>());
        }
    }
}
