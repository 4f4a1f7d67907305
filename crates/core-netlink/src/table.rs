//! Tables written once: numbers with names, sets of flags, attributes.
//!
//! Each macro gives both directions (to the kernel and back, to text and back) from one list, so that they cannot disagree.

use crate::attr::{Attr, Malformed, Writer};
use crate::trace::layout::Shape;
use crate::types::{HwAddr, IfIndex, IfName, MacAddr};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An enum over the kernel's numbers that keeps unknown ones as `Other`, with the names `ip` prints.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident($int:ty), $what:literal { $($(#[$item_doc:meta])* $item:ident = $number:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$item_doc])* $item,)+
            /// A number without a name here.
            Other($int),
        }

        impl $name {
            /// Every value that has a name.
            pub const NAMED: &'static [$name] = &[$($name::$item,)+];

            /// The kernel's number.
            pub const fn number(self) -> $int {
                match self {
                    $($name::$item => $number,)+
                    $name::Other(number) => number,
                }
            }

            /// Its name, unless it is only known by number.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $($name::$item => Some($text),)+
                    $name::Other(_) => None,
                }
            }
        }

        impl From<$int> for $name {
            fn from(number: $int) -> Self {
                match number {
                    $($number => $name::$item,)+
                    other => $name::Other(other),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => f.pad(&self.number().to_string()),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Bad;

            fn from_str(s: &str) -> Result<Self, $crate::Bad> {
                let named = $name::NAMED.iter().find(|item| item.name() == Some(s));
                let number = || s.parse::<$int>().ok().map($name::from);
                let right = concat!("is no ", $what, ": ", $($text, ", ",)+ "or a number");
                named.copied().or_else(number).ok_or_else(|| $crate::Bad::new(s, right))
            }
        }
    };
}

/// A set of flags that keeps unknown ones, with the names `ip` prints.
macro_rules! bits {
    ($(#[$doc:meta])* $name:ident($int:ty) { $($(#[$item_doc:meta])* $item:ident = $bit:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name($int);

        impl $name {
            $($(#[$item_doc])* pub const $item: $name = $name($bit);)+
            /// No flag.
            pub const NONE: $name = $name(0);
            /// Every flag that has a name, with it.
            pub const NAMED: &'static [($name, &'static str)] = &[$(($name::$item, $text),)+];

            /// From the kernel's bits.
            pub const fn from_bits(bits: $int) -> Self {
                $name(bits)
            }

            /// The kernel's bits.
            pub const fn bits(self) -> $int {
                self.0
            }

            /// Whether all of `other` are set.
            pub const fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether none is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// These without those of `other`.
            #[must_use]
            pub const fn without(self, other: $name) -> Self {
                $name(self.0 & !other.0)
            }

            /// The names of those that are set, in the order of the table.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                let named = $name::NAMED.iter();
                named.filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
            }
        }

        impl std::ops::BitOr for $name {
            type Output = $name;

            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl std::ops::BitOrAssign for $name {
            fn bitor_assign(&mut self, other: $name) {
                self.0 |= other.0;
            }
        }
    };
}

/// A struct of optional attributes: `field: Type = number`. Gives the struct, `encode`, and `read` of one attribute.
macro_rules! attrs {
    ($(#[$doc:meta])* $vis:vis struct $name:ident { $($(#[$item_doc:meta])* $item:ident: $kind:ty = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        $vis struct $name {
            $($(#[$item_doc])* pub $item: Option<$kind>,)+
        }

        impl $name {
            /// Their names and what they are.
            #[allow(dead_code)] // not all are told apart in messages
            pub(crate) const ATTRIBUTES: $crate::trace::layout::Table = $crate::trace::layout::Table {
                prefix: "",
                rows: &[$($crate::trace::layout::Row {
                    number: $number,
                    name: stringify!($item),
                    shape: <$kind as $crate::table::Value>::SHAPE,
                },)+],
                more: &[],
            };

            /// Writes those that are given, in the order of the table.
            #[allow(dead_code)] // some tables are only read
            pub(crate) fn encode(&self, w: &mut $crate::attr::Writer<'_>) {
                $(if let Some(value) = &self.$item {
                    $crate::table::Value::write(value, $number, w);
                })+
            }

            /// Takes an attribute in; false if it is none of the table.
            pub(crate) fn read(&mut self, attr: &$crate::attr::Attr<'_>) -> Result<bool, $crate::attr::Malformed> {
                match attr.kind {
                    $($number => self.$item = Some($crate::table::Value::read(attr)?),)+
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}

pub(crate) use {attrs, bits, numbered};

/// What an attribute can hold, both ways.
pub(crate) trait Value: Sized {
    /// How it is printed.
    const SHAPE: Shape = Shape::Bytes;

    fn read(attr: &Attr<'_>) -> Result<Self, Malformed>;
    fn write(&self, kind: u16, w: &mut Writer<'_>);
}

macro_rules! values {
    ($($kind:ty: $shape:ident |$attr:ident| $read:expr, |$value:ident| $bytes:expr;)+) => {
        $(impl Value for $kind {
            const SHAPE: Shape = Shape::$shape;

            fn read($attr: &Attr<'_>) -> Result<Self, Malformed> {
                $read
            }

            fn write(&self, kind: u16, w: &mut Writer<'_>) {
                let $value = self;
                w.bytes(kind, $bytes.as_ref());
            }
        })+
    };
}

values! {
    u8: Number |attr| attr.u8(), |v| [*v];
    u16: Number |attr| attr.u16(), |v| v.to_ne_bytes();
    u32: Number |attr| attr.u32(), |v| v.to_ne_bytes();
    i32: Signed |attr| attr.i32(), |v| v.to_ne_bytes();
    u64: Number |attr| attr.u64(), |v| v.to_ne_bytes();
    bool: Number |attr| attr.u8().map(|byte| byte != 0), |v| [u8::from(*v)];
    Be<u16>: BigEndian |attr| attr.be16().map(Be), |v| v.0.to_be_bytes();
    Be<u32>: BigEndian |attr| attr.be32().map(Be), |v| v.0.to_be_bytes();
    Be<u64>: BigEndian |attr| attr.be64().map(Be), |v| v.0.to_be_bytes();
    Ipv4Addr: Ip |attr| attr.array::<4>().map(Ipv4Addr::from), |v| v.octets();
    Ipv6Addr: Ip |attr| attr.array::<16>().map(Ipv6Addr::from), |v| v.octets();
    MacAddr: Mac |attr| attr.array().map(MacAddr), |v| v.0;
    HwAddr: Mac |attr| Ok(HwAddr::new(attr.value)), |v| v.as_bytes();
    IfIndex: Number |attr| attr.u32().map(IfIndex), |v| v.0.to_ne_bytes();
}

impl Value for IpAddr {
    const SHAPE: Shape = Shape::Ip;

    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        attr.ip()
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.ip(kind, *self);
    }
}

impl Value for IfName {
    const SHAPE: Shape = Shape::Text;

    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        Ok(IfName::from_kernel(attr.until_zero()))
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.str(kind, self);
    }
}

impl Value for String {
    const SHAPE: Shape = Shape::Text;

    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        Ok(attr.text())
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.str(kind, self);
    }
}

/// A number that travels in network byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Be<T>(pub T);

#[cfg(test)]
mod tests {
    use crate::route::{RouteProtocol, RouteType, Table};
    use crate::{addr::Scope, neigh::NeighbourFlags};

    #[test]
    fn names_and_numbers_go_both_ways() {
        for kind in RouteType::NAMED {
            assert_eq!(kind.to_string().parse(), Ok(*kind));
            assert_eq!(RouteType::from(kind.number()), *kind);
        }
        assert_eq!("77".parse(), Ok(RouteProtocol::Other(77)));
        assert_eq!("4".parse(), Ok(RouteProtocol::Static));
        assert_eq!(RouteProtocol::Other(77).to_string(), "77");
        assert_eq!(
            ("main".parse(), "9999".parse()),
            (Ok(Table::MAIN), Ok(Table(9999)))
        );
    }

    #[test]
    fn what_is_no_name_is_told_the_names() {
        let err = "globl".parse::<Scope>().unwrap_err().to_string();
        assert_eq!(
            err,
            "`globl` is no scope: global, site, link, host, nowhere, or a number"
        );
        assert!("300".parse::<Scope>().is_err() && "4294967296".parse::<Table>().is_err());
    }

    #[test]
    fn unknown_flags_are_kept_and_known_ones_named() {
        let flags = NeighbourFlags::from_bits(0x8000_0081);
        assert_eq!(flags.names().collect::<Vec<_>>(), ["use", "router"]);
        assert_eq!(flags.without(NeighbourFlags::USE).bits(), 0x8000_0080);
    }
}
