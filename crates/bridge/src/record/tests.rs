//! What is written is read again, and nothing else is.

use super::*;
use crate::assigned::{Assigned, InnerRoute};
use crate::policy::Policy;
use crate::vlans::PortVlans;
use crate::{Source, Translation};
use proptest::prelude::*;

pub(crate) fn claim() -> Claim {
    let vlan = |number: u16| core_netlink::VlanId::try_from(number).ok();
    let spec = AttachmentSpec::new("blue".parse().unwrap(), "cli:web".parse().unwrap());
    let key = spec.key();
    Claim {
        attachment: Attachment {
            host_end: key.host_end(),
            mac: key.network.mac("10.1.0.2".parse().unwrap()),
            key,
            namespace: "web".into(),
            cookie: 4711,
            addresses: vec![
                "10.1.0.2/24".parse().unwrap(),
                "fd00::2/64".parse().unwrap(),
            ],
            gateways: vec!["10.1.0.1".parse().unwrap()],
            assigned: Assigned {
                routes: vec![InnerRoute {
                    gateway: Some("10.1.0.9".parse().unwrap()),
                    mtu: Some(1400),
                    ..InnerRoute::to("10.8.0.0/16".parse().unwrap())
                }],
                hairpin: true,
                vlans: Some(
                    PortVlans::new(vlan(100), vlan(200).zip(vlan(299))).keeping_default(true),
                ),
                ..Assigned::default()
            },
            mtu: 1500,
            ports: vec!["127.0.0.1:8080:80/tcp".parse().unwrap()],
            translation: Translation {
                source: Source::Kept,
                only: vec![
                    "10.0.0.1-10.0.0.9 from 0.0.0.0-9.255.255.255"
                        .parse()
                        .unwrap(),
                ],
            },
            dhcp: true,
            unguarded: false,
            isolated: true,
            dhcp_server: true,
            router: false,
            state: State::Up,
            since: now(),
        },
        wish: Some(Wish {
            addresses: vec![],
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
        }),
        boot: "b00t".into(),
        here: 7,
    }
}

#[test]
fn what_is_written_is_read_again() {
    let claim = claim();
    let bytes = claim.write().unwrap();
    assert_eq!(Claim::read("it", &bytes, State::Up).unwrap(), claim);
    let opened = Opened {
        interfaces: vec![("eth0".parse().unwrap(), true)],
        ipv6_everywhere: false,
    };
    assert_eq!(
        Opened::read("it", &opened.write().unwrap()).unwrap(),
        opened
    );
}

#[test]
fn a_network_is_read_as_it_was_written() {
    let old = br#"{"format":1,"name":"blue","bridge":"vbr-blue","mac":"02:00:00:00:00:01","subnets":[{"prefix":"10.1.0.0/24",
        "gateway":"10.1.0.1"}],"internal":false,"mtu":1500,"queues":1,"host_services":true,"state":"up","since_ms":7}"#;
    let mut definition = Definition::read("it", old).unwrap();
    assert_eq!(definition.network.policy, Policy::default());
    definition.network.policy = Policy {
        masquerade: false,
        reachable: true,
        isolate_ports: true,
        allow: vec!["[fd00::/8]:53/udp".parse().unwrap()],
        deny: vec!["10.0.0.0/8".parse().unwrap()],
        services: vec!["tcp:53".parse().unwrap()],
        dhcp_servers: true,
        routers: true,
    };
    definition.network.reaches.push(Joined {
        network: "red".parse().unwrap(),
        bridge: "vbr-red".parse().unwrap(),
    });
    definition.network.vlans = Some(Vlans {
        gateway: 100.try_into().ok(),
    });
    definition.network.before = Some(Before {
        filtering: false,
        member: true,
    });
    let bytes = definition.write().unwrap();
    assert_eq!(Definition::read("it", &bytes).unwrap(), definition);
}

#[test]
fn a_newer_format_is_refused_and_not_guessed() {
    let err = Claim::read("it", br#"{"format":6,"whatever":true}"#, State::Up).unwrap_err();
    assert!(format!("{err:?}").contains("knows up to 5"), "{err:?}");
    assert!(err.hint().is_some());
}

proptest! {
    #[test]
    fn a_torn_or_foreign_file_is_an_error_and_never_a_panic(cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let bytes = claim().write().unwrap();
        let torn = &bytes[..cut.index(bytes.len() - 1)];
        prop_assert!(Claim::read("it", torn, State::Up).is_err());
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] = byte;
        let _ = Claim::read("it", &changed, State::Up);
    }
}
