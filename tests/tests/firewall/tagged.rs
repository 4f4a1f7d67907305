//! A port that may send frames with some VLANs' tags: those, from its own MAC address, and nothing else besides.

use crate::world::{Container, World, worlds};
use vetch_tests::attack::frames::{Mac, Wire, arp, ethernet, inside, tagged};

const NOBODY: Mac = [2, 0, 0, 0, 0x66, 0x66];

/// How many of the frames sent by one come by at another.
fn arrive(from: &Container, at: &Container, frames: &[Vec<u8>]) -> usize {
    let (wire, tap) = (Wire::open(from, "eth0"), Wire::open(at, "eth0"));
    frames.iter().for_each(|frame| wire.send(frame));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let sent = |frame: &&Vec<u8>| frames.iter().any(|of| inside(of) == inside(frame));
    tap.seen().iter().filter(sent).count()
}

fn containers(w: &mut World<'_>, vlans: &[(u16, u16)]) -> (Container, Container) {
    let blue = w.network("blue", 10, |_| {});
    let vlan = |number: u16| core_netlink::VlanId::try_from(number).unwrap();
    let tagged = vlans
        .iter()
        .map(|(first, last)| (vlan(*first), vlan(*last)));
    let from = w.container(&blue, "trunk", 2, |at| at.tagged = tagged.collect());
    (from, w.container(&blue, "other", 3, |_| {}))
}

#[test]
fn tags_of_a_trunk_pass_from_its_own_mac_address_alone() {
    worlds(|w| {
        let (from, at) = containers(w, &[(5, 5), (100, 4094)]);
        let (own, to) = (from.attachment.mac.0, at.attachment.mac.0);
        // An address of somebody else's choice: behind a tag it is not looked at.
        let frame = |mac: Mac| arp(mac, 2, own, "10.10.0.66", "10.10.0.3");
        let priority = |mut frame: Vec<u8>| {
            frame[14] |= 0xe0;
            frame
        };
        let passes: Vec<_> = [5, 100, 2000, 4094]
            .map(|vlan| tagged(&frame(own), vlan))
            .into();
        assert_eq!(arrive(&from, &at, &passes), 4);
        let urgent = [priority(tagged(&frame(own), 5))];
        assert_eq!(
            arrive(&from, &at, &urgent),
            1,
            "a priority is no other VLAN"
        );
        let mut held: Vec<_> = [0, 1, 4, 6, 99]
            .map(|vlan| tagged(&frame(own), vlan))
            .into();
        held.push(priority(tagged(&frame(own), 0)));
        held.push(tagged(&frame(NOBODY), 5));
        held.push(frame(own));
        held.push(tagged(&tagged(&frame(own), 5), 6));
        held.push(ethernet(to, own, 0x88b5, b"a frame of our own making"));
        held.push(ethernet(to, own, 0x88a8, &[0, 5, 8, 6]));
        for frame in held {
            assert_eq!(
                arrive(&from, &at, std::slice::from_ref(&frame)),
                0,
                "{frame:02x?}"
            );
        }
        let text = w.lab.cmd("nft list table bridge vetch").ok().stdout;
        for shown in ["0x5 comment", "0x64-0xffe comment"] {
            assert!(
                text.contains(shown),
                "nft shows the VLANs by their numbers: {text}"
            );
        }
    });
}

#[test]
fn without_a_trunk_no_tag_passes() {
    worlds(|w| {
        let (from, at) = containers(w, &[]);
        let own = from.attachment.mac.0;
        let frame = tagged(&arp(own, 2, own, "10.10.0.2", "10.10.0.3"), 5);
        assert_eq!(arrive(&from, &at, &[frame]), 0);
    });
}
