//! The numbers of disciplines and classes, and the places where they hang.

use crate::types::Bad;
use std::fmt;
use std::str::FromStr;

/// The number of a queueing discipline or class: 16 bits *major* and 16 bits *minor*, written in hex as `1:` or `1:a` (tc(8)); or one
/// of the places that the kernel gives a number to (`TC_H_*` of linux/pkt_sched.h).
///
/// ```
/// use core_netlink::tc::Handle;
/// assert_eq!("1:a".parse(), Ok(Handle::new(1, 10)));
/// assert_eq!(Handle::new(0x10, 0).to_string(), "10:");
/// assert_eq!(Handle::INGRESS.to_string(), "ffff:fff2");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub u32);

impl Handle {
    /// None; of a filter's parent: the discipline at the root.
    pub const NONE: Handle = Handle(0);
    /// Where the discipline hangs that packets leave by.
    pub const ROOT: Handle = Handle(0xffff_ffff);
    /// Where `ingress` and `clsact` hang.
    pub const CLSACT: Handle = Handle(0xffff_fff1);
    /// Filters of an `ingress` or a `clsact` for what is received.
    pub const INGRESS: Handle = Handle(0xffff_fff2);
    /// Filters of a `clsact` for what is sent.
    pub const EGRESS: Handle = Handle(0xffff_fff3);

    /// From both halves; that of a discipline has the minor 0.
    pub const fn new(major: u16, minor: u16) -> Self {
        Handle((major as u32) << 16 | minor as u32)
    }

    /// The upper half.
    pub const fn major(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The lower half.
    pub const fn minor(self) -> u16 {
        self.0 as u16
    }
}

/// As tc prints it.
impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.major(), self.minor()) {
            (Handle::NONE, ..) => f.write_str("none"),
            (Handle::ROOT, ..) => f.write_str("root"),
            (_, 0, minor) => write!(f, ":{minor:x}"),
            (_, major, 0) => write!(f, "{major:x}:"),
            (_, major, minor) => write!(f, "{major:x}:{minor:x}"),
        }
    }
}

/// The same words.
impl FromStr for Handle {
    type Err = Bad;

    fn from_str(s: &str) -> Result<Self, Bad> {
        let half = |text: &str| match text {
            "" => Some(0),
            _ if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                u16::from_str_radix(text, 16).ok()
            }
            _ => None,
        };
        let halves = |(major, minor): (&str, &str)| Some(Handle::new(half(major)?, half(minor)?));
        let number = s.split_once(':').filter(|_| s != ":").and_then(halves);
        let word = match s {
            "none" => Some(Handle::NONE),
            "root" => Some(Handle::ROOT),
            _ => None,
        };
        word.or(number).ok_or_else(|| {
            Bad::new(
                s,
                "is no handle: MAJOR:MINOR in hex, up to ffff:ffff, as in 1: or 1:a, or root, or none",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_read_as_they_are_printed() {
        for handle in [
            0,
            1,
            0xffff,
            0x1_0000,
            0x1_000a,
            0xffff_fff1,
            0xffff_0000,
            u32::MAX,
        ] {
            let handle = Handle(handle);
            assert_eq!(handle.to_string().parse(), Ok(handle));
        }
        for bad in ["", ":", "1", "1:+2", "10000:", "x:", "1:2:3", "1:fffff"] {
            let err = bad.parse::<Handle>().unwrap_err().to_string();
            assert!(
                err.starts_with(&format!("`{bad}` is no handle: MAJOR:MINOR")),
                "{err}"
            );
        }
    }
}
