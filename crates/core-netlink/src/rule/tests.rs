//! Bytes of iproute2 6.1 and of Linux 6.18, round trips, cuts, refusals.

use super::*;
use crate::fake::Reply;
use crate::testing::{body, check_cuts, decode, hex, sorted};
use proptest::prelude::*;

/// ip rule add not from 10.0.0.0/8 to 10.3.0.0/16 fwmark 0x1/0xff iif lo uidrange 5-10 ipproto tcp sport 5-6 dport 80
/// table 1000 priority 100 suppress_prefixlength 0 (iproute2 6.1)
fn full() -> RuleSpec {
    RuleSpec {
        from: Some("10.0.0.0/8".parse().unwrap()),
        to: Some("10.3.0.0/16".parse().unwrap()),
        action: Some(RuleAction::Lookup(Table(1000))),
        invert: true,
        terms: RuleTerms {
            priority: Some(100),
            fwmark: Some(1),
            fwmask: Some(0xff),
            iif: Some("lo".parse().unwrap()),
            uid_range: Some(5..=10),
            ip_proto: Some(6),
            sport: Some(5..=6),
            dport: Some(80..=80),
            suppress_prefixlength: Some(0),
            ..RuleTerms::default()
        },
        ..RuleSpec::default()
    }
}

#[test]
fn requests_are_those_of_ip() {
    let words = hex("
        02 10 08 00 00 0000 01 02000000     # AF_INET, to /16, from /8, table in an attribute, look up, inverted
        0800 0200 0a000000  0800 0100 0a030000  0800 0a00 01000000  0800 1000 ff000000
        0700 0300 6c6f00 00                 # FRA_IIFNAME lo
        0c00 1400 05000000 0a000000         # FRA_UID_RANGE
        0500 1600 06 000000                 # FRA_IP_PROTO
        0800 1700 0500 0600  0800 1800 5000 5000 # FRA_SPORT_RANGE, FRA_DPORT_RANGE
        0800 0f00 e8030000  0800 0600 64000000  0800 0e00 00000000
    ");
    assert_eq!(
        sorted::<12>(&body(&Change::add(full()))),
        sorted::<12>(&words)
    );
    // ip rule add goto 32766 priority 50
    let goto = RuleSpec {
        action: Some(RuleAction::Goto(32766)),
        terms: RuleTerms {
            priority: Some(50),
            ..RuleTerms::default()
        },
        ..RuleSpec::default()
    };
    let words = hex("02 00 00 00 00 0000 02 00000000  0800 0400 fe7f0000  0800 0600 32000000");
    assert_eq!(body(&Change::add(goto)), words);
}

#[test]
fn answers_of_the_kernel_are_read() {
    let words = hex("
        02 10 08 00 fc 0000 01 02000000     # table RT_TABLE_COMPAT
        0800 0f00 e8030000  0800 0e00 00000000  0500 1500 00 000000
        0700 0300 6c6f00 00  0800 0600 64000000  0800 0a00 01000000  0800 1000 ff000000
        0c00 1400 05000000 0a000000  0800 1700 0500 0600  0800 1800 5000 5000
        0600 1d00 ffff 0000                 # FRA_DPORT_MASK
        0500 1600 06 000000  0800 0100 0a030000  0800 0200 0a000000
    ");
    let found: Rule = decode(RTM_NEWRULE, &words);
    let mut want = full();
    want.family = Some(Family::V4);
    want.terms.protocol = Some(RouteProtocol::Unspec);
    want.terms.dport_mask = Some(0xffff);
    assert_eq!(found.to_spec(), want);
    check_cuts::<Rule, 12>(RTM_NEWRULE, &words);
    let local = hex(
        "02 00 00 00 ff 0000 01 00000000  0800 0f00 ff000000  0800 0e00 ffffffff  0500 1500 02 000000",
    );
    let found: Rule = decode(RTM_NEWRULE, &local);
    assert_eq!(
        (found.priority(), found.action),
        (0, RuleAction::Lookup(Table::LOCAL))
    );
    assert_eq!(found.terms.suppress_prefixlength, None);
    let goto = hex(
        "02 00 00 00 00 0000 02 00000000  0800 0f00 00000000  0800 0600 32000000  0800 0400 fe7f0000",
    );
    let found: Rule = decode(RTM_NEWRULE, &goto);
    assert_eq!(found.action, RuleAction::Goto(32766));
}

#[test]
fn errors_name_the_rule_and_contradictions_are_refused() {
    let mut conn = Conn::fake(|_| Reply::Errno(2));
    let err = conn.delete_rule(&full()).unwrap_err();
    assert_eq!(
        err.to_string(),
        "cannot delete rule 100 from 10.0.0.0/8 to 10.3.0.0/16 lookup 1000"
    );
    assert!(err.is_not_found());
    let err = conn
        .add_rule(&RuleSpec {
            family: Some(Family::V6),
            ..full()
        })
        .unwrap_err();
    assert!(
        err.is_invalid() && format!("{err:?}").contains("10.0.0.0/8 in a rule of family inet6")
    );
}

#[test]
fn the_table_of_a_vrf_is_the_packets_own() {
    let terms = RuleTerms {
        l3mdev: Some(true),
        ..RuleTerms::default()
    };
    let bytes = body(&Change::add(RuleSpec {
        terms,
        ..RuleSpec::default()
    }));
    assert_eq!(
        bytes,
        hex("02 00 00 00 00 0000 01 00000000  0500 1300 01 000000")
    );
}

fn any_spec() -> impl Strategy<Value = RuleSpec> {
    let net = || {
        prop::option::of(
            (any::<[u8; 4]>(), 1u8..=32).prop_map(|(ip, len)| prefix(ip.into(), len).unwrap()),
        )
    };
    let numbers = prop::collection::vec(prop::option::of(0..=i32::MAX as u32), 6);
    let range = prop::option::of((any::<u16>(), any::<u16>()).prop_map(|(a, b)| a..=b));
    (net(), net(), any::<[u8; 3]>(), numbers, range).prop_map(
        |(from, to, [tos, action, proto], numbers, range)| RuleSpec {
            family: Some(Family::V4),
            from,
            to,
            tos,
            action: Some(RuleAction::decode(
                action,
                Table(numbers[0].unwrap_or(0)),
                numbers[1].unwrap_or(0),
            )),
            invert: action % 2 == 0,
            terms: RuleTerms {
                priority: Some(numbers[2].unwrap_or(0)),
                fwmark: numbers[3],
                tunnel: numbers[4].map(|number| Be(number.into())),
                suppress_prefixlength: numbers[5].map(|number| number as i32),
                ip_proto: Some(proto),
                sport: range,
                ..RuleTerms::default()
            },
        },
    )
}

proptest! {
    #[test]
    fn what_is_asked_is_found(spec in any_spec()) {
        let bytes = body(&Change::add(&spec));
        let found: Rule = decode(RTM_NEWRULE, &bytes);
        prop_assert_eq!(found.to_spec(), spec);
        check_cuts::<Rule, 12>(RTM_NEWRULE, &bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = Rule::decode(RTM_NEWRULE, &bytes);
    }
}
