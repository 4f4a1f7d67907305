//! Random values survive; no bytes make the reader panic.

use super::*;
use crate::MacAddr;
use crate::attr::{Attrs, Writer};
use crate::testing::{body, decode, hex};
use proptest::prelude::*;

/// Attributes of any number with any bytes, as the data of every kind.
fn any_data() -> impl Strategy<Value = Vec<u8>> {
    let attrs = prop::collection::vec((0u16..60, prop::collection::vec(any::<u8>(), 0..24)), 0..20);
    attrs.prop_map(|attrs| {
        let mut bytes = Vec::new();
        let mut w = Writer::new(&mut bytes);
        for (kind, value) in attrs {
            w.bytes(kind, &value);
        }
        bytes
    })
}

fn written(kind: &Kind) -> Vec<u8> {
    let mut bytes = Vec::new();
    kind.encode(&mut Writer::new(&mut bytes));
    bytes
}

/// The data as one would read it back; nothing if it is empty.
fn data(bytes: &[u8]) -> Attrs<'_> {
    let found = Attrs::new(bytes).find(info::DATA).unwrap();
    found.map_or(Attrs::new(&[]), |data| data.nested())
}

const KINDS: [&str; 12] = [
    "veth", "bridge", "vlan", "macvlan", "macvtap", "ipvlan", "vxlan", "vrf", "tun", "dummy",
    "ifb", "other",
];

proptest! {
    #[test]
    fn what_is_read_is_written_and_read_again(bytes in any_data()) {
        for name in KINDS {
            let Ok(kind) = Kind::read(name, Attrs::new(&bytes)) else { continue };
            let once = written(&kind);
            let again = Kind::read(name, data(&once)).unwrap();
            prop_assert_eq!(kind.name(), name);
            prop_assert_eq!(written(&again), once);
        }
        for name in ["bridge", "vrf", "other"] {
            let Ok(slave) = Slave::read(name, Attrs::new(&bytes)) else { continue };
            let mut once = Vec::new();
            slave.encode(&mut Writer::new(&mut once));
            let inside = Attrs::new(&once).find(info::SLAVE_DATA).unwrap();
            let again = Slave::read(name, inside.map_or(Attrs::new(&[]), |data| data.nested())).unwrap();
            prop_assert_eq!(again, slave);
        }
    }

    #[test]
    fn what_is_asked_is_what_would_be_found(mtu: u32, group: u32, mac: [u8; 6], txqlen: u32, master: u32, size: u32, mode in 0u8..4) {
        let spec = LinkSpec {
            mtu: Some(mtu), group: Some(group), txqlen: Some(txqlen), master: Some(IfIndex(master)), gso_max_size: Some(size),
            gro_ipv4_max_size: Some(size), address: Some(MacAddr(mac).into()), link_mode: Some(mode.into()),
            alias: Some(format!("{mtu}")), protodown: Some(mode == 0), ..link("x0", Kind::Dummy, Some(size))
        };
        let found: Link = decode(rtm::NEWLINK, &body(&AddLink(&spec)));
        prop_assert_eq!((found.mtu, found.group, found.txqlen, found.master), (spec.mtu, spec.group, spec.txqlen, spec.master));
        prop_assert_eq!((found.gso_max_size, found.gro_ipv4_max_size), (spec.gso_max_size, spec.gro_ipv4_max_size));
        prop_assert_eq!((found.address, found.link, found.kind), (spec.address, spec.link, spec.kind));
        prop_assert_eq!((found.alias, found.protodown, found.link_mode), (spec.alias, spec.protodown, spec.link_mode));
    }

    #[test]
    fn no_message_makes_the_reader_panic(at in 0usize..1400, byte: u8, tail in prop::collection::vec(any::<u8>(), 0..200)) {
        for text in [include_str!("vt0.hex"), include_str!("br0.hex"), include_str!("vx0.hex")] {
            let mut bytes = hex(text);
            let place = at % bytes.len();
            bytes[place] = byte;
            let _ = <Link as crate::Record>::decode(rtm::NEWLINK, &bytes);
            bytes.truncate(place);
            bytes.extend_from_slice(&tail);
            let _ = <Link as crate::Record>::decode(rtm::NEWLINK, &bytes);
        }
    }
}
