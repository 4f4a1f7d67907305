//! Any value survives the way there and back.

use super::*;
use proptest::prelude::*;

fn reg() -> impl Strategy<Value = Reg> {
    (0u8..16).prop_map(Reg::word)
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Accept),
        Just(Verdict::Drop),
        Just(Verdict::Continue),
        Just(Verdict::Return),
        "[a-z]{1,20}".prop_map(Verdict::Jump),
        "[a-z]{1,20}".prop_map(Verdict::Goto),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..17)
}

#[allow(clippy::too_many_lines, reason = "a flat table")]
fn expr() -> impl Strategy<Value = Expr> {
    let some_reg = || prop::option::of(reg());
    prop_oneof![
        (any::<u32>(), reg()).prop_map(|(key, to)| Meta {
            key: key.into(),
            to
        }
        .into()),
        (any::<u32>(), reg()).prop_map(|(key, to)| Ct {
            key: key.into(),
            to
        }
        .into()),
        (reg(), any::<u32>(), bytes()).prop_map(|(reg, op, value)| Cmp {
            reg,
            op: op.into(),
            value
        }
        .into()),
        (reg(), any::<bool>(), bytes(), bytes()).prop_map(|(reg, inverted, from, to)| Range {
            reg,
            inverted,
            from,
            to
        }
        .into()),
        (any::<u32>(), any::<u32>(), any::<u32>(), reg()).prop_map(|(base, offset, len, to)| {
            Payload {
                base: base.into(),
                offset,
                len,
                to,
            }
            .into()
        }),
        (reg(), reg(), bytes(), bytes()).prop_map(|(from, to, mask, xor)| Bitwise {
            from,
            to,
            mask,
            xor
        }
        .into()),
        (any::<u64>(), any::<u64>()).prop_map(|(packets, bytes)| Counter { packets, bytes }.into()),
        (any::<u32>(), any::<u32>(), reg()).prop_map(|(flags, result, to)| {
            let result = result.into();
            Fib { flags, result, to }.into()
        }),
        verdict().prop_map(Expr::verdict),
        (reg(), bytes()).prop_map(|(to, value)| Immediate::Value { to, value }.into()),
        (
            reg(),
            "[a-z0-9]{1,20}",
            any::<u32>(),
            some_reg(),
            any::<bool>()
        )
            .prop_map(|(key, set, set_id, to, inverted)| {
                let decides = to.is_none() && set_id % 2 == 0;
                Lookup {
                    key,
                    set,
                    set_id,
                    to,
                    decides,
                    inverted,
                }
                .into()
            }),
        (any::<u32>(), some_reg(), some_reg()).prop_map(|(flags, port, last_port)| Masquerade {
            flags,
            port,
            last_port
        }
        .into()),
        (any::<u32>(), reg(), some_reg()).prop_map(|(kind, addr, port)| {
            Nat::to(kind.into(), Family::Ip6, addr, port).into()
        }),
        (2u32..9, any::<u8>()).prop_map(|(kind, code)| Reject {
            kind: kind.into(),
            code
        }
        .into()),
        ("[a-z]{1,12}x", bytes()).prop_map(|(name, data)| Expr::Other { name, data }),
    ]
}

proptest! {
    #[test]
    fn rules_survive(expressions in prop::collection::vec(expr(), 0..8), comment in "[ -~]{1,40}") {
        let spec = RuleSpec { comment, ..rule(expressions) };
        let bytes = body(&spec);
        let read = Rule::decode(RuleSpec::NEW, &bytes).unwrap().unwrap();
        prop_assert_eq!(read.expressions, spec.expressions);
        prop_assert_eq!(read.comment, Some(spec.comment));
        check_cuts::<Rule, 4>(RuleSpec::NEW, &bytes);
    }

    #[test]
    fn keys_survive(mac in any::<[u8; 6]>(), v4 in any::<[u8; 4]>(), number in any::<u16>(), name in "[a-z]{1,15}") {
        use DataType::*;
        let types = [IfName, EtherAddr, Ipv4Addr, InetService];
        let name = name.parse::<crate::IfName>().unwrap();
        let key = vec![Value::Name(name), Value::Mac(crate::MacAddr(mac)), Value::Ip(std::net::IpAddr::from(v4)), Value::Port(number)];
        let spec = ElementSpec { key: key.clone(), ..port() };
        let read = Elements::decode(ElementSpec::NEW, &body(&spec)).unwrap().unwrap();
        prop_assert_eq!(read.elements[0].key_fields(&types).unwrap(), key);
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = (Table::decode(TableSpec::NEW, &bytes), Chain::decode(ChainSpec::NEW, &bytes), Set::decode(SetSpec::NEW, &bytes));
        let _ = (Rule::decode(RuleSpec::NEW, &bytes), Elements::decode(ElementSpec::NEW, &bytes));
    }
}

#[test]
fn values_are_written_as_nft_writes_them() {
    let name: IfName = "vtpa".parse().unwrap();
    let all = [
        Value::Name(name),
        ip("fd00::1"),
        Value::Family(Family::Ip6),
        Value::Protocol(17),
        Value::Bytes(vec![1, 0xab]),
    ];
    assert_eq!(
        all.map(|v| v.to_string()),
        ["\"vtpa\"", "fd00::1", "ipv6", "udp", "0x01ab"]
    );
}
