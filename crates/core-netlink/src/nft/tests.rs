//! The bytes `nft` 1.0.6 sends for the same objects, what the kernel may answer, and every cut of it.

mod values;

use super::expr::*;
use super::*;
use crate::IfName;
use crate::conn::Conn;
use crate::conn::Record;
use crate::fake::Reply;
use crate::testing::{check_cuts, decode, hex, sorted};
use std::sync::{Arc, Mutex};

fn body<O: Object>(object: &O) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    write_header(&mut w, object.family(), 0);
    object.encode(false, &mut w);
    bytes
}

#[track_caller]
fn same<O: Object>(object: &O, nft: &str) {
    assert_eq!(sorted::<4>(&body(object)), sorted::<4>(&hex(nft)));
}

const TABLE: &str = "01 00 00 00               # nfgenmsg: inet
    06 00 01 00 74 00 00 00                    # NFTA_TABLE_NAME t
    08 00 02 00 00 00 00 00                    # NFTA_TABLE_FLAGS";

const BASE_CHAIN: &str = "01 00 00 00
    06 00 01 00 74 00 00 00                    # NFTA_CHAIN_TABLE t
    06 00 03 00 63 00 00 00                    # NFTA_CHAIN_NAME c
    08 00 07 00 6e 61 74 00                    # NFTA_CHAIN_TYPE nat
    08 00 05 00 00 00 00 01                    # NFTA_CHAIN_POLICY accept
    14 00 04 80                                # NFTA_CHAIN_HOOK
      08 00 01 00 00 00 00 00                  #   prerouting
      08 00 02 00 ff ff ff 97                  #   priority -105";

const RANGES: &str = "01 00 00 00
    06 00 01 00 74 00 00 00                    # NFTA_SET_TABLE t
    0b 00 02 00 72 61 6e 67 65 34 00 00        # NFTA_SET_NAME range4
    08 00 03 00 00 00 00 8c                    # NFTA_SET_FLAGS interval, map, concat
    08 00 04 00 00 00 73 0d                    # NFTA_SET_KEY_TYPE ipv4_addr . inet_proto . inet_service
    08 00 05 00 00 00 00 0c                    # NFTA_SET_KEY_LEN 12
    08 00 06 00 00 00 00 07                    # NFTA_SET_DATA_TYPE ipv4_addr
    08 00 07 00 00 00 00 04                    # NFTA_SET_DATA_LEN 4
    08 00 0a 00 00 00 00 02                    # NFTA_SET_ID
    2c 00 09 80                                # NFTA_SET_DESC
      28 00 02 80                              #   concatenation of
        0c 00 01 80 08 00 01 00 00 00 00 04    #     4 bytes,
        0c 00 01 80 08 00 01 00 00 00 00 01    #     1 byte,
        0c 00 01 80 08 00 01 00 00 00 00 02    #     2 bytes
    0a 00 0d 00 00 04 00 00 00 00 00 00        # NFTA_SET_USERDATA: byte order of the key not said";

const PORT: &str = "01 00 00 00
    06 00 01 00 74 00 00 00                    # NFTA_SET_ELEM_LIST_TABLE t
    09 00 02 00 61 6e 79 34 00 00 00 00        # NFTA_SET_ELEM_LIST_SET any4
    3c 00 03 80                                # NFTA_SET_ELEM_LIST_ELEMENTS
      38 00 01 80
        10 00 01 80                            #     NFTA_SET_ELEM_KEY
          0c 00 01 00 06 00 00 00 00 50 00 00  #       tcp . 80, each padded to four
        10 00 02 80                            #     NFTA_SET_ELEM_DATA
          0c 00 01 00 0a 00 00 02 1f 90 00 00  #       10.0.0.2 . 8080
        12 00 06 00                            #     NFTA_SET_ELEM_USERDATA
          00 0c 76 65 74 63 68 3a 6e 2f 61 2f 65 00 00 00 # comment vetch:n/a/e";

const INTERVAL: &str = "01 00 00 00
    06 00 01 00 74 00 00 00
    0b 00 02 00 72 61 6e 67 65 34 00 00        # range4
    44 00 03 80
      40 00 01 80
        14 00 01 80                            #     NFTA_SET_ELEM_KEY
          10 00 01 00 00 00 00 00 06 00 00 00 03 e8 00 00 # 0.0.0.0 . tcp . 1000
        14 00 0a 80                            #     NFTA_SET_ELEM_KEY_END
          10 00 01 00 ff ff ff ff 06 00 00 00 07 d0 00 00 # 255.255.255.255 . tcp . 2000
        0c 00 02 80 08 00 01 00 0a 00 00 02    #     10.0.0.2
        08 00 06 00 00 02 78 00                #     comment x";

const DNAT: &str = "01 00 00 00
    06 00 01 00 74 00 00 00                    # NFTA_RULE_TABLE t
    06 00 02 00 63 00 00 00                    # NFTA_RULE_CHAIN c
    14 01 04 80                                # NFTA_RULE_EXPRESSIONS
      24 00 01 80 09 00 01 00 6d 65 74 61 00 00 00 00 # meta
        14 00 02 80 08 00 02 00 00 00 00 0f 08 00 01 00 00 00 00 01 # load nfproto into register 1
      2c 00 01 80 08 00 01 00 63 6d 70 00      # cmp
        20 00 02 80 08 00 01 00 00 00 00 01 08 00 02 00 00 00 00 00 # eq register 1
          0c 00 03 80 05 00 01 00 02 00 00 00  #   ipv4
      24 00 01 80 09 00 01 00 6d 65 74 61 00 00 00 00 # meta
        14 00 02 80 08 00 02 00 00 00 00 10 08 00 01 00 00 00 00 01 # load l4proto into register 1
      34 00 01 80 0c 00 01 00 70 61 79 6c 6f 61 64 00 # payload
        24 00 02 80 08 00 01 00 00 00 00 09 08 00 02 00 00 00 00 02 # into register 9 from the transport header
          08 00 03 00 00 00 00 02 08 00 04 00 00 00 00 02 # at 2, 2 bytes
      38 00 01 80 0b 00 01 00 6c 6f 6f 6b 75 70 00 00 # lookup
        28 00 02 80 08 00 02 00 00 00 00 01 08 00 03 00 00 00 00 01 # key and result in register 1
          09 00 01 00 61 6e 79 34 00 00 00 00 08 00 04 00 00 00 00 01 # any4, set 1 of this transaction
      30 00 01 80 08 00 01 00 6e 61 74 00      # nat
        24 00 02 80 08 00 01 00 00 00 00 01 08 00 02 00 00 00 00 02 # dnat ip
          08 00 03 00 00 00 00 01 08 00 05 00 00 00 00 09 # address in register 1, port in register 9";

const REJECT_NEW: &str = "01 00 00 00
    06 00 01 00 74 00 00 00
    06 00 02 00 63 00 00 00
    b8 00 04 80
      20 00 01 80 07 00 01 00 63 74 00 00      # ct
        14 00 02 80 08 00 02 00 00 00 00 00 08 00 01 00 00 00 00 01 # load state into register 1
      44 00 01 80 0c 00 01 00 62 69 74 77 69 73 65 00 # bitwise
        34 00 02 80 08 00 01 00 00 00 00 01 08 00 02 00 00 00 00 01 08 00 03 00 00 00 00 04
          0c 00 04 80 08 00 01 00 08 00 00 00  #   & new
          0c 00 05 80 08 00 01 00 00 00 00 00  #   ^ 0
      2c 00 01 80 08 00 01 00 63 6d 70 00      # cmp
        20 00 02 80 08 00 01 00 00 00 00 01 08 00 02 00 00 00 00 01 # neq
          0c 00 03 80 08 00 01 00 00 00 00 00  #   0
      24 00 01 80 0b 00 01 00 72 65 6a 65 63 74 00 00 # reject
        14 00 02 80 08 00 01 00 00 00 00 02 05 00 02 00 01 00 00 00 # icmpx, port unreachable";

const ND6: &str = "07 00 00 00                # bridge
    0a 00 01 00 76 65 74 63 68 00 00 00        # vetch
    08 00 02 00 6e 64 36 00                    # nd6
    08 00 03 00 00 00 00 00
    08 00 04 00 00 02 92 44                    # ifname . ether_addr . integer
    08 00 05 00 00 00 00 28                    # 40 bytes
    08 00 0a 00 00 00 00 03
    62 00 0d 00 00 04 00 00 00 00 03 56 00 04 0d 00 00 00 01 4e # typeof a concatenation of
      00 0e 00 04 09 00 00 00 01 06 00 04 06 00 00 00 #   meta iifname
      01 14 00 04 07 00 00 00 01 0c 00 04 11 00 00 00 01 04 02 00 00 00 # ether saddr
      02 26 00 04 07 00 00 00 01 1e 00 04 00 00 00 00 01 04 00 00 00 00 02 04 03 00 00 00
        03 04 40 00 00 00 04 04 80 00 00 00 00 00 # @th,64,128";

fn chain() -> ChainSpec {
    let base = BaseChain {
        kind: ChainType::Nat,
        hook: Hook::Prerouting,
        priority: -105,
        policy: Policy::Accept,
    };
    ChainSpec {
        family: Family::Inet,
        table: "t".into(),
        name: "c".into(),
        base: Some(base),
        ..ChainSpec::default()
    }
}

fn ranges() -> SetSpec {
    SetSpec {
        family: Family::Inet,
        table: "t".into(),
        name: "range4".into(),
        flags: SetFlags::INTERVAL,
        key: vec![
            DataType::Ipv4Addr,
            DataType::InetProto,
            DataType::InetService,
        ],
        value: SetValue::Data(vec![DataType::Ipv4Addr]),
        id: 2,
        ..SetSpec::default()
    }
}

fn ip(text: &str) -> Value {
    Value::Ip(text.parse().unwrap())
}

fn port() -> ElementSpec {
    ElementSpec {
        family: Family::Inet,
        table: "t".into(),
        set: "any4".into(),
        key: vec![Value::Protocol(6), Value::Port(80)],
        data: Some(Data::of(&[ip("10.0.0.2"), Value::Port(8080)])),
        comment: "vetch:n/a/e".into(),
        ..ElementSpec::default()
    }
}

fn interval() -> ElementSpec {
    ElementSpec {
        set: "range4".into(),
        key: vec![ip("0.0.0.0"), Value::Protocol(6), Value::Port(1000)],
        end: Some(vec![
            ip("255.255.255.255"),
            Value::Protocol(6),
            Value::Port(2000),
        ]),
        data: Some(Data::of(&[ip("10.0.0.2")])),
        comment: "x".into(),
        ..port()
    }
}

fn rule(expressions: Vec<Expr>) -> RuleSpec {
    RuleSpec {
        family: Family::Inet,
        table: "t".into(),
        chain: "c".into(),
        expressions,
        ..RuleSpec::default()
    }
}

fn dnat() -> RuleSpec {
    let (reg, port) = (Reg::FIRST, Reg::word(1));
    let found = Lookup {
        set: "any4".into(),
        set_id: 1,
        to: Some(reg),
        ..Lookup::default()
    };
    rule(vec![
        Meta {
            key: MetaKey::NfProto,
            to: reg,
        }
        .into(),
        Cmp::eq(reg, [2]).into(),
        Meta {
            key: MetaKey::L4Proto,
            to: reg,
        }
        .into(),
        Payload {
            base: Base::Transport,
            offset: 2,
            len: 2,
            to: port,
        }
        .into(),
        found.into(),
        Nat::to(NatType::Dnat, Family::Ip, reg, Some(port)).into(),
    ])
}

fn reject_new() -> RuleSpec {
    let reg = Reg::FIRST;
    let (mask, xor) = (Ct::NEW.to_ne_bytes().to_vec(), vec![0; 4]);
    let kind = RejectType::IcmpxUnreachable;
    rule(vec![
        Ct {
            key: CtKey::State,
            to: reg,
        }
        .into(),
        Bitwise {
            from: reg,
            to: reg,
            mask,
            xor,
        }
        .into(),
        Cmp::neq(reg, [0; 4]).into(),
        Reject { kind, code: 1 }.into(),
    ])
}

#[test]
fn requests_are_what_nft_sends() {
    same(&TableSpec::new(Family::Inet, "t"), TABLE);
    same(&chain(), BASE_CHAIN);
    same(&ranges(), RANGES);
    same(&port(), PORT);
    same(&interval(), INTERVAL);
    same(&dnat(), DNAT);
    same(&reject_new(), REJECT_NEW);
}

#[test]
fn a_key_taken_from_the_packet_is_noted_as_nft_does() {
    let raw = TypeOf::Raw {
        base: Base::Transport,
        offset: 64,
        len: 128,
    };
    let nd6 = SetSpec {
        family: Family::Bridge,
        table: "vetch".into(),
        name: "nd6".into(),
        key: vec![DataType::IfName, DataType::EtherAddr, DataType::Integer(16)],
        type_of: vec![TypeOf::Meta(MetaKey::IifName), TypeOf::EtherSource, raw],
        id: 3,
        ..SetSpec::default()
    };
    same(&nd6, ND6);
    let read: Set = decode(SetSpec::NEW, &hex(ND6));
    assert_eq!(read.key, nd6.key);
}

#[test]
fn what_was_sent_reads_back() {
    let table: Table = decode(TableSpec::NEW, &hex(TABLE));
    assert_eq!((table.family, table.name.as_str()), (Family::Inet, "t"));
    let read: Chain = decode(ChainSpec::NEW, &hex(BASE_CHAIN));
    assert_eq!(read.base, chain().base);
    let set: Set = decode(SetSpec::NEW, &hex(RANGES));
    assert_eq!((&set.key, &set.value), (&ranges().key, &ranges().value));
    let rule: Rule = decode(RuleSpec::NEW, &hex(DNAT));
    assert_eq!(rule.expressions, dnat().expressions);
    let rule: Rule = decode(RuleSpec::NEW, &hex(REJECT_NEW));
    assert_eq!(rule.expressions, reject_new().expressions);
    let list: Elements = decode(ElementSpec::NEW, &hex(INTERVAL));
    let (element, types) = (&list.elements[0], &ranges().key);
    assert_eq!(element.key_fields(types).unwrap(), interval().key);
    assert_eq!(element.end_fields(types).unwrap(), interval().end);
    assert_eq!(
        element.data_fields(&[DataType::Ipv4Addr]).unwrap(),
        [ip("10.0.0.2")]
    );
    assert_eq!(element.comment.as_deref(), Some("x"));
}

#[test]
fn every_cut_is_an_error() {
    check_cuts::<Table, 4>(TableSpec::NEW, &hex(TABLE));
    check_cuts::<Chain, 4>(ChainSpec::NEW, &hex(BASE_CHAIN));
    check_cuts::<Set, 4>(SetSpec::NEW, &hex(RANGES));
    check_cuts::<Rule, 4>(RuleSpec::NEW, &hex(DNAT));
    check_cuts::<Elements, 4>(ElementSpec::NEW, &hex(PORT));
}

#[test]
fn an_unknown_expression_is_kept() {
    let last = "01 00 00 00  28 00 04 80 24 00 01 80
        09 00 01 00 6c 61 73 74 00 00 00 00   # last
        14 00 02 80 08 00 01 00 00 00 00 01 08 00 02 00 00 00 00 02";
    let read: Rule = decode(RuleSpec::NEW, &hex(last));
    assert_eq!(read.expressions[0].name(), "last");
    let mut again = Vec::new();
    read.expressions[0].write(&mut Writer::new(&mut again));
    assert_eq!(again, hex(last)[12..]);
}

/// Remembers what was sent; answers each request by its type.
fn kernel(answer: impl Fn(u16) -> Reply + Send + 'static) -> (Conn, Arc<Mutex<Vec<u16>>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let conn = Conn::fake(move |request| {
        seen.lock().unwrap().push(request.kind);
        answer(request.kind)
    });
    (conn, sent)
}

fn two_elements() -> Transaction {
    let mut transaction = Transaction::new().at(7);
    transaction.create(port());
    transaction.delete(interval());
    transaction
}

#[test]
fn a_transaction_is_framed_and_each_error_has_its_request() {
    let (mut conn, sent) = kernel(|kind| match kind {
        ElementSpec::NEW => Reply::Errno(17),
        ElementSpec::DELETE => Reply::Errno(2),
        _ => Reply::Ack,
    });
    let failed = conn.commit(&two_elements()).unwrap();
    assert_eq!(
        *sent.lock().unwrap(),
        [16, ElementSpec::NEW, ElementSpec::DELETE, 17]
    );
    let [first, second] = &failed[..] else {
        panic!("{failed:?}")
    };
    assert!(first.index == 0 && first.error.is_exists());
    assert_eq!(
        first.error.to_string(),
        "cannot add element tcp . 80 of set inet t any4"
    );
    assert!(second.index == 1 && second.error.is_not_found());
}

#[test]
fn a_stale_transaction_says_so() {
    let (mut conn, _) = kernel(|kind| {
        if kind == 16 {
            Reply::Errno(85)
        } else {
            Reply::Silence
        }
    });
    assert!(conn.commit(&two_elements()).unwrap_err().is_stale());
}

#[test]
fn the_generation_travels_in_the_frame() {
    let mut conn = Conn::fake(|request| {
        if request.kind == 16 {
            assert_eq!(request.body, [0, 0, 0, 10, 8, 0, 1, 0, 0, 0, 0, 7]); // subsystem 10, NFNL_BATCH_GENID 7
        }
        Reply::Ack
    });
    assert!(conn.commit(&two_elements()).unwrap().is_empty());
}

#[test]
fn a_missing_element_is_none() {
    let (mut conn, _) = kernel(|_| Reply::Errno(2));
    assert_eq!(conn.element(&port()).unwrap(), None);
    let mut conn = Conn::fake(|_| Reply::Records(vec![(ElementSpec::NEW, hex(PORT))]));
    assert_eq!(
        conn.element(&port()).unwrap().unwrap().comment.as_deref(),
        Some("vetch:n/a/e")
    );
}
