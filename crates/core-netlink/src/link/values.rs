//! Values of link attributes that are more than a number.

use crate::attr::{Attr, Malformed, Writer};
use crate::table::{Value, numbered};
use crate::types::VlanId;

/// Numbered enums and bit sets travel as their number.
macro_rules! value_of {
    (bits $($kind:ident: $int:ty;)+) => {
        $(impl $crate::table::Value for $kind {
            const SHAPE: $crate::trace::layout::Shape = $crate::trace::layout::Shape::Bits(|bits| {
                <$int>::try_from(bits).map_or_else(|_| Vec::new(), |bits| $kind::from_bits(bits).names().collect())
            });

            fn read(attr: &$crate::Attr<'_>) -> Result<Self, $crate::Malformed> {
                <$int as $crate::table::Value>::read(attr).map($kind::from_bits)
            }

            fn write(&self, kind: u16, w: &mut $crate::Writer<'_>) {
                self.bits().write(kind, w);
            }
        })+
    };
    ($($kind:ident: $int:ty;)+) => {
        $(impl $crate::table::Value for $kind {
            const SHAPE: $crate::trace::layout::Shape = $crate::trace::layout::Shape::Named(|number| {
                $kind::from(<$int>::try_from(number).ok()?).name()
            });

            fn read(attr: &$crate::Attr<'_>) -> Result<Self, $crate::Malformed> {
                <$int as $crate::table::Value>::read(attr).map($kind::from)
            }

            fn write(&self, kind: u16, w: &mut $crate::Writer<'_>) {
                self.number().write(kind, w);
            }
        })+
    };
}
pub(super) use value_of;

/// An attribute that says yes by being there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present;

impl Value for Present {
    fn read(_: &Attr<'_>) -> Result<Self, Malformed> {
        Ok(Present)
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.flag(kind);
    }
}

/// Flags of which only some are meant: those in `mask` become as in `flags`, the others stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chosen<F> {
    /// Those that are on.
    pub flags: F,
    /// Those that are meant.
    pub mask: F,
}

impl<F: Copy + std::ops::BitOr<Output = F>> Chosen<F> {
    /// These as well, on or off.
    #[must_use]
    pub fn and(self, flag: F, on: bool) -> Self {
        let flags = if on { self.flags | flag } else { self.flags };
        Chosen {
            flags,
            mask: self.mask | flag,
        }
    }
}

/// Two words, as `struct ifla_vlan_flags` and `struct br_boolopt_multi` have them.
macro_rules! chosen {
    ($($kind:ident)+) => {
        $(impl $crate::table::Value for $crate::link::Chosen<$kind> {
            fn read(attr: &$crate::Attr<'_>) -> Result<Self, $crate::Malformed> {
                let [flags, mask] = $crate::link::values::two_words(attr)?.map($kind::from_bits);
                Ok($crate::link::Chosen { flags, mask })
            }

            fn write(&self, kind: u16, w: &mut $crate::Writer<'_>) {
                let (flags, mask) = (self.flags.bits().to_ne_bytes(), self.mask.bits().to_ne_bytes());
                w.bytes(kind, &[flags, mask].concat());
            }
        })+
    };
}
pub(super) use chosen;

pub(super) fn two_words(attr: &Attr<'_>) -> Result<[u32; 2], Malformed> {
    let [a, b, c, d, e, f, g, h] = attr.array::<8>()?;
    Ok([
        u32::from_ne_bytes([a, b, c, d]),
        u32::from_ne_bytes([e, f, g, h]),
    ])
}

/// UDP source ports from `low` to `high` (`struct ifla_vxlan_port_range`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub low: u16,
    /// The last.
    pub high: u16,
}

impl Value for PortRange {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let [a, b, c, d] = attr.array::<4>()?;
        Ok(PortRange {
            low: u16::from_be_bytes([a, b]),
            high: u16::from_be_bytes([c, d]),
        })
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.bytes(
            kind,
            &[self.low.to_be_bytes(), self.high.to_be_bytes()].concat(),
        );
    }
}

/// One line of a VLAN's priority map (`struct ifla_vlan_qos_mapping`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QosMapping {
    /// Priority of the VLAN header (ingress) or of the packet (egress).
    pub from: u32,
    /// Priority of the packet (ingress) or of the VLAN header (egress).
    pub to: u32,
}

const QOS_MAPPING: u16 = 1; // IFLA_VLAN_QOS_MAPPING

impl Value for Vec<QosMapping> {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let mappings = attr.nested().map(|each| {
            let [from, to] = two_words(&each?)?;
            Ok(QosMapping { from, to })
        });
        mappings.collect()
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.nest_unmarked(kind, |w| {
            for QosMapping { from, to } in self {
                w.bytes(
                    QOS_MAPPING,
                    &[from.to_ne_bytes(), to.to_ne_bytes()].concat(),
                );
            }
        });
    }
}

numbered! {
    /// The tag of a VLAN (an Ethernet type).
    VlanProtocol(u16), "VLAN protocol" {
        /// IEEE 802.1Q.
        Dot1q = 0x8100 "802.1Q",
        /// IEEE 802.1ad, the outer of two tags.
        Dot1ad = 0x88a8 "802.1ad",
    }
}

impl Value for VlanProtocol {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        attr.be16().map(VlanProtocol::from)
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.be16(kind, self.number());
    }
}

impl Value for VlanId {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let out_of_range = |_| Malformed::new("VLAN id", 2, attr.value.len());
        VlanId::try_from(attr.u16()?).map_err(out_of_range)
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.u16(kind, self.get());
    }
}
