//! What the kernel holds: both tables, and the elements in them.

use crate::world::netfilter;
use core_netlink::VlanId;
use firewall::{
    AddressRange, Attachment, Change, Installed, Network, Owner, Publish, Region, Source, Transport,
};
use serde_json::Value;
use std::net::IpAddr;
use vetch_tests::{Node, lab};

fn nothing() -> firewall::Result<Change> {
    Ok(Change::default())
}

/// The ruleset as data, without the kernel's numbers; the members of sets in a fixed order.
fn listed(node: &Node) -> Vec<String> {
    let Value::Object(mut all) = node.cmd("nft -j list ruleset").ok().json() else {
        panic!("nft prints an object");
    };
    let Some(Value::Array(items)) = all.remove("nftables") else {
        panic!("nft prints a list");
    };
    let items = items
        .into_iter()
        .filter(|item| item.get("metainfo").is_none());
    items
        .map(|mut item| {
            normalise(&mut item);
            item.to_string()
        })
        .collect()
}

fn normalise(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("handle");
            for (name, field) in fields.iter_mut() {
                normalise(field);
                if let (true, Value::Array(members)) =
                    (matches!(name.as_str(), "set" | "elem"), field)
                {
                    members.sort_by_key(Value::to_string);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        _ => {}
    }
}

#[test]
fn the_tables_are_what_nft_makes_of_the_text() {
    lab(|lab| {
        let (ours, reference) = (lab.machine("ours"), lab.machine("reference"));
        let mut conn = netfilter(&ours);
        assert_eq!(
            firewall::install(&mut conn, nothing).unwrap(),
            Installed::Made
        );
        assert_eq!(
            firewall::install(&mut conn, nothing).unwrap(),
            Installed::Already
        );
        reference
            .argv(&["nft", "-f", "-"])
            .stdin(include_str!("ruleset.nft"))
            .go()
            .ok();
        let (made, wanted) = (listed(&ours), listed(&reference));
        for (made, wanted) in made.iter().zip(&wanted) {
            if !wanted.contains(r#"{"table":"#) {
                assert_eq!(made, wanted);
            }
        }
        assert_eq!(made.len(), wanted.len());
        let text = |node: &Node| node.cmd("nft list ruleset").ok().stdout;
        let again = lab.machine("again");
        again.argv(&["nft", "-f", "-"]).stdin(text(&ours)).go().ok();
        assert_eq!(text(&again), text(&ours), "a listing loads as it is");
        firewall::uninstall(&mut conn).unwrap();
        firewall::uninstall(&mut conn).unwrap();
    });
}

fn port(to: &str, id: &str) -> Change {
    let owner = Owner::attachment("demo", id, "eth0");
    let publish = Publish {
        on: None,
        ports: "80".parse().unwrap(),
        transport: Transport::Tcp,
        to: to.parse().unwrap(),
        only: Vec::new(),
    };
    firewall::publish(&owner, &publish).unwrap()
}

#[test]
fn elements_come_and_go_with_their_owner() {
    lab(|lab| {
        let mut conn = netfilter(lab);
        let (a, b) = (port("10.0.0.2:8080", "a"), port("10.0.0.3:8080", "b"));
        firewall::install(&mut conn, nothing).unwrap();
        firewall::apply(&mut conn, &a).unwrap();
        firewall::apply(&mut conn, &a).unwrap(); // again is fine
        lab.cmd("nft list map inet vetch any4")
            .ok()
            .prints("tcp . 80 comment \"vetch:demo/a/eth0\" : 10.0.0.2 . 8080");
        let err = firewall::apply(&mut conn, &b).unwrap_err();
        assert!(
            err.to_string().ends_with("is taken by vetch:demo/a/eth0"),
            "{err}"
        );
        firewall::apply(&mut conn, &b.clone().inverse()).unwrap(); // not b's: left
        assert_eq!(firewall::elements(&mut conn).unwrap().len(), 1);
        firewall::apply(&mut conn, &a.inverse()).unwrap();
        assert_eq!(firewall::elements(&mut conn).unwrap(), []);
        firewall::apply(&mut conn, &b).unwrap();
        firewall::uninstall(&mut conn).unwrap();
    });
}

fn vlan(id: u16) -> VlanId {
    VlanId::try_from(id).unwrap()
}

/// Ports of an interface that others made, for some connections alone, by which the host is seen.
fn of_others() -> Change {
    let owner = Owner::attachment("demo", "b", "eth0");
    let addresses: [IpAddr; 2] = ["10.9.0.2", "fd09::2"].map(|ip| ip.parse().unwrap());
    let subnets = ["10.9.0.0/24", "fd09::/64"].map(|net| net.parse().unwrap());
    let mac = "02:00:00:00:00:02".parse().unwrap();
    let attachment = Attachment {
        addresses: addresses.to_vec(),
        foreign: Some(subnets.to_vec()),
        ..Attachment::new(owner.clone(), "vtpb".parse().unwrap(), mac)
    };
    let mut change = firewall::attachment(&attachment).unwrap();
    for address in addresses {
        let here = AddressRange::of(subnets[usize::from(address.is_ipv6())]);
        let from = AddressRange::every(address.is_ipv4());
        let publish = Publish {
            on: None,
            ports: "9000-9001".parse().unwrap(),
            transport: Transport::Udp,
            to: (address, 90).into(),
            only: here
                .others()
                .into_iter()
                .map(|to| Region { to, from })
                .collect(),
        };
        change.extend(firewall::publish(&owner, &publish).unwrap());
    }
    change.extend(firewall::source(&owner, &addresses, Source::Hidden).unwrap());
    change
}

#[test]
fn the_words_do_what_the_change_does() {
    lab(|lab| {
        let (mut conn, typed) = (netfilter(lab), lab.machine("typed"));
        let network = Network {
            subnets: vec![
                "10.88.0.0/24".parse().unwrap(),
                "fd88::/64".parse().unwrap(),
            ],
            gateways: vec!["10.88.0.1".parse().unwrap(), "fd88::1".parse().unwrap()],
            services: vec!["udp:53".parse().unwrap()],
            allow: ["192.0.2.0/24", "[2001:db8::/32]:53", "203.0.113.7:1-9/tcp"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            deny: ["10.0.0.0/8:25", "fd00::/8"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            reaches: vec!["vbr1".parse().unwrap()],
            ..Network::new("demo", "vbr0".parse().unwrap())
        };
        let owner = Owner::attachment("demo", "a", "eth0");
        let mac = "02:00:00:00:00:01".parse().unwrap();
        let attachment = Attachment {
            addresses: vec!["10.88.0.2".parse().unwrap(), "fd88::2".parse().unwrap()],
            dhcp: true,
            tagged: vec![(vlan(100), vlan(110)), (vlan(4094), vlan(4094))],
            ..Attachment::new(owner, "vtpa".parse().unwrap(), mac)
        };
        let mut change = firewall::network(&network).unwrap();
        change.extend(firewall::attachment(&attachment).unwrap());
        change.extend(port("10.88.0.2:8080", "a"));
        change.extend(of_others());
        firewall::install(&mut netfilter(&typed), nothing).unwrap();
        for words in change.words() {
            typed.shell(&words).ok();
        }
        firewall::install(&mut conn, || Ok(change.clone())).unwrap();
        assert_eq!(listed(lab), listed(&typed));
        let elements = firewall::elements(&mut conn).unwrap();
        assert_eq!(elements.len(), change.steps().len(), "each is read back");
        for words in change.clone().inverse().words() {
            typed.shell(&words).ok();
        }
        firewall::apply(&mut conn, &change.inverse()).unwrap();
        assert_eq!(listed(lab), listed(&typed));
        firewall::uninstall(&mut conn).unwrap();
    });
}

#[test]
fn whatever_is_missing_is_made_again() {
    lab(|lab| {
        let mut conn = netfilter(lab);
        for harm in [
            "flush ruleset",
            "delete table bridge vetch",
            "flush chain inet vetch forward",
            "flush table inet vetch",
            "add rule inet vetch forward accept",
        ] {
            firewall::install(&mut conn, nothing).unwrap();
            lab.cmd(&format!("nft {harm}")).ok();
            assert!(!firewall::is_installed(&mut conn).unwrap(), "{harm}");
            let restored = || Ok(port("10.0.0.2:8080", "a"));
            assert_eq!(
                firewall::install(&mut conn, restored).unwrap(),
                Installed::Made
            );
            assert_eq!(firewall::elements(&mut conn).unwrap().len(), 1, "{harm}");
        }
        firewall::uninstall(&mut conn).unwrap();
    });
}

#[test]
fn strangers_are_named_and_left_alone() {
    lab(|lab| {
        let mut conn = netfilter(lab);
        lab.cmd("nft add table inet vetch").ok();
        let err = firewall::install(&mut conn, nothing).unwrap_err();
        assert!(
            err.hint().unwrap().contains("nft delete table inet vetch"),
            "{err}"
        );
        assert!(firewall::uninstall(&mut conn).is_err());
        lab.cmd("nft delete table inet vetch").ok();
        firewall::install(&mut conn, nothing).unwrap();
        assert_eq!(firewall::foreign_drops(&mut conn).unwrap(), []);
        lab.shell("nft add table ip other; nft 'add chain ip other fw { type filter hook forward priority 0; policy drop; }'")
            .ok();
        let found = firewall::foreign_drops(&mut conn).unwrap();
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .to_string()
                .starts_with("chain fw of table ip other drops")
        );
        lab.shell(&found[0].remedy(&"vbr0".parse().unwrap())).ok();
        lab.cmd("nft list chain ip other fw")
            .ok()
            .prints("iifname \"vbr0\" accept");
        let bridge = "vbr0".parse().unwrap();
        let mut of = |v4, v6| firewall::foreign_drops_of(&mut conn, bridge, v4, v6).unwrap();
        assert_eq!(
            (of(true, true), of(false, true)),
            (vec![], vec![]),
            "it lets this bridge pass"
        );
        lab.cmd("nft flush chain ip other fw").ok();
        lab.cmd("nft add rule ip other fw iifname vbr* counter accept")
            .ok();
        assert_eq!((of(true, true).len(), of(false, true).len()), (1, 0));
        lab.cmd("nft add rule ip other fw oifname vbr0 accept").ok();
        assert_eq!(of(true, false), []);
        lab.cmd("nft delete table ip other").ok();
        firewall::uninstall(&mut conn).unwrap();
    });
}
