//! Networks that come and change with an attachment.

use super::{attachment, faults};
use crate::assigned::{Assigned, InnerRoute};
use crate::name::AttachmentId;
use crate::spec::{AttachmentSpec, NetworkSpec};
use ns_mgmt::NetNs;

/// The network of an attachment that says its addresses, and the attachment.
fn assigned(name: &str, net: &str, subnets: &[&str]) -> (NetworkSpec, AttachmentSpec) {
    let network = NetworkSpec {
        external_ipam: true,
        subnets: subnets.iter().map(|net| net.parse().unwrap()).collect(),
        ..NetworkSpec::new("blue".parse().unwrap())
    };
    let route = InnerRoute {
        gateway: Some("10.7.0.1".parse().unwrap()),
        ..InnerRoute::to("10.99.0.0/16".parse().unwrap())
    };
    let spec = AttachmentSpec {
        id: AttachmentId::new("cni", name).unwrap(),
        prefixes: vec![net.parse().unwrap()],
        assigned: Assigned {
            routes: vec![route],
            ..Assigned::default()
        },
        ..attachment()
    };
    (network, spec)
}

#[test]
fn a_network_comes_with_its_first_attachment_or_not_at_all() {
    let namespace = NetNs::current().unwrap();
    let (network, spec) = assigned("web", "10.7.0.2/24", &["10.7.0.0/24"]);
    let tried = faults(
        &[12],
        |_| (),
        |host| host.attach_to(&network, false, &spec, &namespace).map(drop),
    );
    assert!(tried > 50, "{tried}");
}

#[test]
fn a_network_changes_with_an_attachment_or_not_at_all() {
    let namespace = NetNs::current().unwrap();
    let (before, neighbour) = assigned("old", "10.7.0.3/24", &["10.7.0.0/24"]);
    let neighbour = AttachmentSpec {
        ports: Vec::new(),
        ..neighbour
    };
    let (mut after, spec) = assigned("web", "10.8.0.2/24", &["10.8.0.0/24"]);
    after.policy.reachable = true;
    let tried = faults(
        &[12],
        |host| {
            drop(
                host.attach_to(&before, false, &neighbour, &namespace)
                    .unwrap(),
            )
        },
        |host| host.attach_to(&after, false, &spec, &namespace).map(drop),
    );
    assert!(tried > 30, "{tried}");
}
