//! Container networks on the real kernel: packets pass where they should, nothing is left afterwards, bad input changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod drift;
mod external;
mod life;
mod lives;
mod lost;
mod obstacles;
mod purge;
mod reach;
mod refused;
mod watch;

use bridge::{
    Attachment, AttachmentId, AttachmentSpec, Host, NetworkName, NetworkSpec, State, Who,
};
use ns_mgmt::NetNs;
use std::fs;
use vetch_tests::{Lab, Node, lab};

pub(crate) fn blue() -> NetworkName {
    "blue".parse().unwrap()
}

pub(crate) fn id(name: &str) -> AttachmentId {
    AttachmentId::new("cli", name).unwrap()
}

pub(crate) fn who(name: &str) -> Who {
    Who::Id(id(name))
}

pub(crate) fn netns(node: &Node) -> NetNs {
    NetNs::open_path(node.path()).unwrap()
}

pub(crate) fn spec(node: &Node, ports: &[&str]) -> AttachmentSpec {
    AttachmentSpec {
        ports: ports.iter().map(|port| port.parse().unwrap()).collect(),
        ..AttachmentSpec::new(blue(), id(node.name()))
    }
}

pub(crate) fn network(subnets: &[&str]) -> NetworkSpec {
    NetworkSpec {
        subnets: subnets.iter().map(|net| net.parse().unwrap()).collect(),
        ..NetworkSpec::new(blue())
    }
}

pub(crate) fn attach(host: &mut Host, node: &Node, ports: &[&str]) -> Attachment {
    host.attach(&spec(node, ports), &netns(node)).unwrap()
}

/// Everything away, as in `network rm --force`.
pub(crate) fn away(mut host: Host) {
    host.remove_network(&blue(), true)
        .unwrap()
        .settle()
        .unwrap();
}

pub(crate) fn address(attachment: &Attachment) -> String {
    attachment.addresses[0].addr().to_string()
}
