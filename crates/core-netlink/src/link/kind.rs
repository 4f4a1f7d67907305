//! The kinds of links, and what a master knows of its ports: one line per kind.

use super::{Bridge, BridgePort, Ipvlan, Macvlan, Tun, Veth, Vlan, Vrf, VrfPort, Vxlan, info};
use crate::attr::{Attrs, Malformed, Writer};
use crate::trace::layout::Table;

/// The enum, its names, and both directions. A kind is a struct with `encode` and `read`, or has no attributes at all.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$item_doc:meta])* $item:ident($data:ty) = $text:literal,)*
        ; $($(#[$bare_doc:meta])* $bare:ident = $bare_text:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        #[allow(clippy::large_enum_variant)] // few are alive at a time, and a box would be in everybody's way
        pub enum $name {
            $($(#[$item_doc])* $item($data),)*
            $($(#[$bare_doc])* $bare,)*
            /// A kind not known here: its name, and its attributes as the kernel has them.
            Other {
                /// As in `ip link add type NAME`.
                name: String,
                /// The attributes of its data.
                data: Vec<u8>,
            },
        }

        impl $name {
            /// As in `ip link add type NAME`.
            pub fn name(&self) -> &str {
                match self {
                    $($name::$item(_) => $text,)*
                    $($name::$bare => $bare_text,)*
                    $name::Other { name, .. } => name,
                }
            }

            /// The attributes of a kind, by its name.
            pub(super) fn attributes(name: &str) -> Option<&'static Table> {
                match name {
                    $($text => Some(&<$data>::ATTRIBUTES),)*
                    _ => None,
                }
            }

            fn write(&self, w: &mut Writer<'_>) {
                match self {
                    $($name::$item(data) => data.encode(w),)*
                    $($name::$bare => {})*
                    $name::Other { data, .. } => w.raw(data),
                }
            }

            pub(super) fn read(name: &str, data: Attrs<'_>) -> Result<Self, Malformed> {
                Ok(match name {
                    $($text => {
                        let mut found = <$data>::default();
                        for attr in data {
                            found.read(&attr?)?;
                        }
                        $name::$item(found)
                    })*
                    $($bare_text => $name::$bare,)*
                    _ => $name::Other { name: name.to_owned(), data: raw(data)? },
                })
            }
        }
    };
}

kinds! {
    /// What kind of device a link is, and the attributes of the kind.
    Kind {
        /// One end of a pair.
        Veth(Veth) = "veth",
        /// An Ethernet bridge.
        Bridge(Bridge) = "bridge",
        /// A VLAN of another link.
        Vlan(Vlan) = "vlan",
        /// A link with its own MAC address on another link.
        Macvlan(Macvlan) = "macvlan",
        /// The same, as a character device.
        Macvtap(Macvlan) = "macvtap",
        /// A link with its own IP addresses on another link.
        Ipvlan(Ipvlan) = "ipvlan",
        /// Ethernet over UDP (RFC 7348).
        Vxlan(Vxlan) = "vxlan",
        /// A routing table for its ports.
        Vrf(Vrf) = "vrf",
        /// A link whose other end is a program; found only, and made by [`add_tap`](super::add_tap).
        Tun(Tun) = "tun",
        ;
        /// A link that swallows what is sent.
        Dummy = "dummy",
        /// A link that only queues (for traffic control of what is received).
        Ifb = "ifb",
    }
}

kinds! {
    /// What a master knows of a link that is its port.
    Slave {
        /// The port of a bridge.
        Bridge(BridgePort) = "bridge",
        /// The port of a VRF.
        Vrf(VrfPort) = "vrf",
        ;
    }
}

impl Kind {
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        encode(w, info::KIND, self.name(), info::DATA, |w| self.write(w));
    }
}

impl Slave {
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        encode(w, info::SLAVE_KIND, self.name(), info::SLAVE_DATA, |w| {
            self.write(w)
        });
    }
}

/// The name, and the data unless it is empty.
fn encode(
    w: &mut Writer<'_>,
    name_kind: u16,
    name: &str,
    data_kind: u16,
    data: impl FnOnce(&mut Writer<'_>),
) {
    w.bytes(name_kind, name.as_bytes());
    let before = w.buffer().len();
    w.nest_unmarked(data_kind, data);
    if w.buffer().len() == before + 4 {
        w.buffer().truncate(before);
    }
}

/// Attributes as one would write them.
fn raw(attrs: Attrs<'_>) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    for attr in attrs {
        let attr = attr?;
        w.bytes(attr.kind, attr.value);
    }
    Ok(bytes)
}
