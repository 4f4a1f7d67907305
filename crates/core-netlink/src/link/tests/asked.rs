//! What is refused, how errors read, and what becomes of a link of which a part fails.

use super::*;
use crate::fake::Reply;
use crate::testing::hex;
use crate::{Conn, MacAddr, Request};

#[test]
fn kinds_that_cannot_be_made_so_are_refused() {
    let refused = |spec: LinkSpec| AddLink(&spec).check().unwrap_err();
    for table in [None, Some(crate::route::Table(0))] {
        let why = refused(link("a", Kind::Vrf(Vrf { table }), None));
        assert_eq!(why, "a vrf needs a table, from 1");
    }
    let why = refused(link("a", Kind::Tun(Tun::default()), None));
    assert_eq!(why, "a tun or tap is not made by netlink: see `add_tap`");
}

#[test]
fn what_the_kernel_would_drop_or_misread_is_refused() {
    let refused = |spec: LinkSpec| AddLink(&spec).check().unwrap_err();
    let change_refused = |spec: LinkSpec| SetLink::new(IfIndex(4), &spec).check().unwrap_err();
    let peer = LinkSpec {
        up: Some(true),
        ..LinkSpec::default()
    };
    assert!(refused(link("a", Kind::veth(peer), None)).contains("only the first end"));
    let peer = LinkSpec {
        alias: Some("x".to_owned()),
        ..LinkSpec::default()
    };
    assert!(refused(link("a", Kind::veth(peer), None)).starts_with("peer: alias"));
    assert_eq!(refused(LinkSpec::default()), "no kind is given");
    assert!(refused(link("a", Kind::Vlan(Vlan::default()), Some(1))).contains("needs an id"));
    let vlan = Vlan {
        id: Some(4095),
        ..Vlan::default()
    };
    assert!(refused(link("a", Kind::Vlan(vlan), Some(1))).contains("4095"));
    assert!(refused(link("a", Kind::Macvlan(Macvlan::default()), None)).contains("built on"));
    assert!(refused(link("a", Kind::Vxlan(Vxlan::default()), None)).contains("needs an id"));
    let address = Some(MacAddr([1, 0, 0, 0, 0, 1]).into());
    assert!(
        change_refused(LinkSpec {
            address,
            ..LinkSpec::default()
        })
        .contains("names a group")
    );
    let alias = Some("x".repeat(256));
    assert!(
        change_refused(LinkSpec {
            alias,
            ..LinkSpec::default()
        })
        .contains("256 bytes")
    );
    assert!(
        change_refused(LinkSpec {
            tx_queues: Some(2),
            ..LinkSpec::default()
        })
        .contains("tx_queues")
    );
    let rename = LinkSpec {
        name: name("b"),
        ..LinkSpec::default()
    };
    assert!(
        SetLink::new("a".parse::<LinkRef>().unwrap(), &rename)
            .check()
            .is_err()
    );
    assert!(DeleteLink(IfIndex(0).into()).check().is_err());
    assert!(DeleteGroup(0).check().is_err());
    assert!("".parse::<AltName>().is_err() && "a/b".parse::<AltName>().is_err());
    assert!("x".repeat(128).parse::<LinkRef>().is_err());
}

#[test]
fn requests_say_what_they_are_about() {
    let what = |change: LinkSpec| SetLink::new("veth0".parse::<LinkRef>().unwrap(), &change).what();
    let up = LinkSpec {
        up: Some(true),
        ..LinkSpec::default()
    };
    assert_eq!(what(up), "set link `veth0` up");
    let mtu = LinkSpec {
        mtu: Some(1),
        master: Some(IfIndex(2)),
        ..LinkSpec::default()
    };
    assert_eq!(what(mtu), "set mtu, master of link `veth0`");
    let netns = LinkSpec {
        netns: Some(Netns::Pid(7)),
        ..LinkSpec::default()
    };
    assert_eq!(
        what(netns),
        "move link `veth0` to the namespace of process 7"
    );
    assert_eq!(
        AddLink(&link("br0", Kind::Ifb, None)).what(),
        "add link `br0`"
    );
}

/// A kernel that refuses message number `fails`, and what it was told.
fn add_against(fails: usize) -> (crate::Result<Option<Link>>, Vec<u16>) {
    let (tell, told) = std::sync::mpsc::channel();
    let mut count = 0;
    let mut conn = Conn::fake(move |sent| {
        tell.send(sent.kind).unwrap();
        count += 1;
        let link = vec![(rtm::NEWLINK, hex(include_str!("vt0.hex")))];
        match sent.kind {
            _ if count == fails => Reply::Errno(95),
            rtm::GETLINK => Reply::Records(link),
            rtm::NEWLINK if count == 1 => Reply::Records(link),
            _ => Reply::Ack,
        }
    });
    let spec = LinkSpec {
        alias: Some("mine".to_owned()),
        altnames: vec!["another-name".parse().unwrap()],
        up: Some(true),
        ..link("vt0", Kind::Ifb, None)
    };
    let made = conn.add_link(&spec);
    drop(conn);
    (made, told.iter().collect())
}

#[test]
fn a_new_link_is_whole_or_gone() {
    let whole = [
        rtm::NEWLINK,
        rtm::NEWLINK,
        rtm::NEWLINKPROP,
        rtm::NEWLINK,
        rtm::GETLINK,
    ];
    let (made, told) = add_against(0);
    assert_eq!(
        (made.unwrap().unwrap().index, told),
        (IfIndex(4), whole.to_vec())
    );
    for fails in 1..=whole.len() {
        let (made, told) = add_against(fails);
        let mut want = whole[..fails].to_vec();
        want.extend((fails > 1).then_some(rtm::DELLINK));
        assert!(made.unwrap_err().is_unsupported());
        assert_eq!(told, want, "message {fails} fails");
    }
}

#[test]
fn a_kernel_that_does_not_echo_is_asked() {
    let mut conn = Conn::fake(|sent| match sent.kind {
        rtm::NEWLINK => Reply::Ack,
        _ => Reply::Records(vec![(rtm::NEWLINK, hex(include_str!("br0.hex")))]),
    });
    let made = conn.add_link(&link("br0", Kind::Ifb, None)).unwrap();
    assert_eq!(made.unwrap().index, IfIndex(2));
    let nameless = LinkSpec {
        name: None,
        ..link("x", Kind::Ifb, None)
    };
    assert_eq!(conn.add_link(&nameless).unwrap(), None);
}
