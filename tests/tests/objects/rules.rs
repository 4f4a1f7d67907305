//! Rules that choose a table.

use super::{check_copy, conn, machine};
use core_netlink::route::Table;
use core_netlink::rule::{RuleAction, RuleFilter, RuleSpec, RuleTerms};
use core_netlink::{Family, Protocol};
use vetch_tests::lab;

#[test]
fn rules_are_read_made_again_and_removed() {
    check_copy(
        &[
            "ip rule add not from 10.0.0.0/8 to 10.3.0.0/16 fwmark 0x1/0xff iif lo uidrange 0-0 ipproto tcp sport 5-6 dport 80 table 1000 priority 100 suppress_prefixlength 0",
            "ip rule add goto 32766 priority 50",
            "ip rule add nop priority 51",
            "ip rule add blackhole from 10.9.9.9 priority 52 protocol 99",
            "ip rule add prohibit to 10.9.9.9 oif v9 priority 53 tos 0x10",
            "ip rule add unreachable tun_id 7 priority 54",
            "ip rule add table 77 priority 55 suppress_ifgroup 5",
            "ip -6 rule add from fd00::/8 table 500 priority 56",
        ],
        &["ip -j -d rule show", "ip -j -d -6 rule show"],
        |from, to| {
            for rule in from.rules(&RuleFilter::default()).unwrap() {
                let made = to.add_rule(&rule.to_spec());
                let there = [0, 32766, 32767].contains(&rule.priority());
                assert!(made.is_ok() != there, "{rule:?}: {made:?}");
            }
        },
        |conn| {
            for rule in conn.rules(&RuleFilter::default()).unwrap() {
                if (50..=100).contains(&rule.priority()) {
                    conn.delete_rule(&rule.to_spec()).unwrap();
                }
            }
        },
    );
}

#[test]
fn a_rule_is_found_by_its_family_and_removed_by_what_is_given() {
    lab(|lab| {
        let node = machine(lab, "m");
        let mut conn = conn(&node, Protocol::Route);
        let spec = RuleSpec {
            from: Some("fd00::/8".parse().unwrap()),
            action: Some(RuleAction::Lookup(Table(300))),
            terms: RuleTerms {
                priority: Some(5),
                ..RuleTerms::default()
            },
            ..RuleSpec::default()
        };
        conn.add_rule(&spec).unwrap();
        assert!(conn.add_rule(&spec).unwrap_err().is_exists());
        let v6 = conn
            .rules(&RuleFilter {
                family: Some(Family::V6),
            })
            .unwrap();
        assert!(v6.iter().all(|rule| rule.family == Family::V6));
        assert_eq!(v6.iter().filter(|rule| rule.from == spec.from).count(), 1);
        conn.delete_rule(&RuleSpec {
            from: spec.from,
            ..RuleSpec::default()
        })
        .unwrap();
        assert!(conn.delete_rule(&spec).unwrap_err().is_not_found());
    });
}
