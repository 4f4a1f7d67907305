//! Published ports on the real kernel, by packets: what is refused, who is reached, what changes while traffic flows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod live;
mod published;
mod refused;

use vetch_tests::{Lab, Node, lab};

/// A network `web` on 10.77.0.0/24 and fd77::/64, and a namespace. What is made after it is no fixture: the kernel adds routes of its
/// addresses a moment later.
pub(crate) fn web(lab: &Lab) -> Node {
    let c1 = lab.netns("c1");
    lab.vetch("network create web --subnet 10.77.0.0/24 --subnet fd77::/64")
        .ok();
    c1
}

/// Takes the network away, whoever is still attached.
pub(crate) fn clear(lab: &Lab) {
    lab.vetch("network rm --force --wait web").ok();
}

/// The host beside a machine `internet`: 192.0.2.1 and .2, 2001:db8:1::1 and ::2.
pub(crate) fn outside(lab: &Lab) -> Node {
    let outside = lab.outside("internet", "uplink");
    lab.fixture(|| {
        lab.cmd("ip address add 2001:db8:1::1/64 dev uplink nodad")
            .ok();
    });
    outside
        .cmd("ip address add 2001:db8:1::2/64 dev eth0 nodad")
        .ok();
    assert!(outside.reaches("2001:db8:1::1"), "the cable is up");
    outside
}
