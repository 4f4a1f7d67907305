//! Published ports on the real kernel, by packets: what is refused, who is reached, what changes while traffic flows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod exposed;
mod live;
mod published;
mod refused;

use vetch_tests::{Lab, Node, lab};

/// A network `web` on 10.77.0.0/24 and fd77::/64, and a namespace that is made before it: a fixture looks at the host, and the kernel adds
/// the routes of IPv6 addresses a moment later.
pub(crate) fn web(lab: &Lab) -> Node {
    let c1 = lab.netns("c1");
    lab.vetch("network create web --subnet 10.77.0.0/24 --subnet fd77::/64")
        .ok();
    assert!(lab.reaches("fd77::1"), "the routes of the gateway");
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
        let (host, node) = ("2001:db8:1::1", "2001:db8:1::2");
        lab.cmd(&format!("ip address add {host}/64 dev uplink nodad"))
            .ok();
        outside
            .cmd(&format!("ip address add {node}/64 dev eth0 nodad"))
            .ok();
        // only then has the kernel all routes of it
        assert!(
            outside.reaches(host) && lab.reaches(node),
            "the cable is up"
        );
    });
    outside
}
