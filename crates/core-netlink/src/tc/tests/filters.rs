//! Filters, both ways; lists and errors.

use super::*;

/// `tc filter add dev vt0 ingress prio 10 protocol all matchall action mirred egress redirect dev ifb7`, and
/// `tc filter add dev vt0 egress matchall action mirred ingress redirect dev ifb7`.
#[test]
fn a_matchall_is_asked_for_as_tc_does() {
    let spec = FilterSpec {
        priority: Some(10),
        ..filter(all(), MirredMode::EgressRedirect)
    };
    let words = hex("
        00 000000 03000000 00000000 f2ffffff 0003 0a00 # struct tcmsg: ingress, ETH_P_ALL big-endian, priority 10
        0d00 0100 6d61746368616c6c00 000000            # TCA_KIND
        3c00 0200                                      # TCA_OPTIONS
            3800 0200                                  # TCA_MATCHALL_ACT
                3400 0100                              # the first
                    0b00 0100 6d697272656400 00        # TCA_ACT_KIND
                    2400 0280                          # TCA_ACT_OPTIONS
                        2000 0200                      # TCA_MIRRED_PARMS
                            00000000 00000000 04000000 00000000 00000000 # tc_gen: TC_ACT_STOLEN
                            01000000 04000000          # TCA_EGRESS_REDIR, link 4
    ");
    assert_eq!(body(&Change::add(&spec)), words);
    assert_eq!(Change::add(&spec).kind(), 44);
    check_cuts::<Filter, 20>(RTM_NEWTFILTER, &words);
    let egress = FilterSpec {
        parent: Handle::EGRESS,
        ..filter(all(), MirredMode::IngressRedirect)
    };
    let sent = body(&Change::add(&egress));
    assert_eq!(
        sent[..20],
        hex("00 000000 03000000 00000000 f3ffffff 0003 0000")
    );
    assert_eq!(sent[sent.len() - 8..], hex("03000000 04000000"));
    // tc filter del dev vt0 ingress prio 10 protocol all matchall; without a handle
    let words = hex("
        00 000000 03000000 00000000 f2ffffff 0003 0a00
        0d00 0100 6d61746368616c6c00 000000
    ");
    let gone = FilterSpec {
        protocol: Some(EtherType::All),
        ..spec
    };
    assert_eq!(body(&Change::delete(&gone)), words);
}

/// `tc filter add dev vt0 ingress prio 20 protocol ip u32 match ip dst 10.0.0.0/8 match ip protocol 6 0xff action mirred egress mirror
/// dev ifb7`, and how the kernel reports it: a row for the priority, one for the table, and the filter.
#[test]
fn a_u32_goes_both_ways() {
    let spec = FilterSpec {
        priority: Some(20),
        protocol: Some(EtherType::Ip),
        ..filter(FilterKind::U32(words()), MirredMode::EgressMirror)
    };
    let asked = hex("
        00 000000 03000000 00000000 f2ffffff 0800 1400 # struct tcmsg: ingress, ETH_P_IP big-endian, priority 20
        0800 0100 75333200                             # TCA_KIND
        7000 0200                                      # TCA_OPTIONS
            3800 0700                                  # TCA_U32_ACT
                3400 0100
                    0b00 0100 6d697272656400 00
                    2400 0280
                        2000 0200 00000000 00000000 03000000 00000000 00000000 02000000 04000000
            3400 0500                                  # TCA_U32_SEL
                01 00 02 00 0000 0000 0000 0000 00000000 # terminal, 2 keys
                ff000000 0a000000 10000000 00000000    # mask, value, big-endian; at 16
                00ff0000 00060000 08000000 00000000
    ");
    assert_eq!(body(&Change::add(&spec)), asked);
    check_cuts::<Filter, 20>(RTM_NEWTFILTER, &asked);
    let found = hex("
        00 000000 03000000 00080080 f2ffffff 0800 1400
        0800 0100 75333200
        0800 0b00 00000000                             # TCA_CHAIN
        f000 0200
            3400 0500 01 00 02 00 0000 0000 0000 0000 00000000
                ff000000 0a000000 10000000 00000000  00ff0000 00060000 08000000 00000000
            0800 0200 00000080                         # TCA_U32_HASH
            0800 0b00 08000000                         # TCA_U32_FLAGS
            a800 0700                                  # TCA_U32_ACT
                a400 0100
                    0b00 0100 6d697272656400 00
                    4400 0400                          # TCA_ACT_STATS
                        1400 0100 2a00000000000000 01000000 00000000
                        1400 0700 0000000000000000 00000000 00000000
                        1800 0300 00000000 00000000 00000000 00000000 00000000
                    0800 0a00 00000000                 # TCA_ACT_IN_HW_COUNT
                    4800 0200                          # TCA_ACT_OPTIONS, without the mark
                        2000 0200 01000000 00000000 03000000 01000000 01000000 02000000 04000000
                        2400 0100 0100000000000000 0100000000000000 0000000000000000 0000000000000000
    ");
    let row: Filter = decode(RTM_NEWTFILTER, &found);
    assert_eq!((row.handle, row.chain), (0x8000_0800, 0));
    assert_eq!(row.actions[0].index, 1);
    assert_eq!(
        (row.actions[0].stats.bytes, row.actions[0].stats.packets),
        (42, 1)
    );
    let again = FilterSpec {
        handle: Some(0x8000_0800),
        actions: vec![Action::Mirred(Mirred {
            link: IfIndex(4),
            mode: MirredMode::EgressMirror,
            control: Some(Control::Pipe),
        })],
        ..spec
    };
    assert_eq!(row.to_spec(), again);
    check_cuts::<Filter, 20>(RTM_NEWTFILTER, &found);
}

#[test]
fn a_hash_table_of_u32_is_told_apart() {
    let table = hex("
        00 000000 03000000 00000080 f2ffffff 0800 1400
        0800 0100 75333200  0800 0b00 00000000
        0c00 0200  0800 0400 01000000                  # TCA_U32_DIVISOR
    ");
    let table: Filter = decode(RTM_NEWTFILTER, &table);
    let one_bucket = U32 {
        divisor: Some(1),
        ..U32::default()
    };
    assert_eq!(table.kind, FilterKind::U32(one_bucket));
    assert!(Change::add(table.to_spec()).check().is_err());
    assert_eq!(Change::delete(table.to_spec()).check(), Ok(()));
}

#[test]
fn a_selector_with_fewer_keys_than_it_says_is_malformed() {
    let torn = hex("
        00 000000 03000000 00080080 f2ffffff 0800 1400
        0800 0100 75333200
        2800 0200  2400 0500 01 00 02 00 0000 0000 0000 0000 00000000  ff000000 0a000000 10000000 00000000
    ");
    let err = Filter::decode(RTM_NEWTFILTER, &torn).unwrap_err();
    assert_eq!(
        err.to_string(),
        "malformed u32 selector: 48 bytes needed, 32 there"
    );
}

/// `tc qdisc show`, `tc filter show dev vt0 ingress` and `tc filter del dev vt0 ingress`.
#[test]
fn lists_are_asked_for_as_tc_does() {
    let here = hex("00 000000 03000000 00000000 f2ffffff 00000000");
    let (link, parent) = (IfIndex(3), Handle::INGRESS);
    assert_eq!(body(&DumpFilters { link, parent }), here);
    let flush = FlushFilters { link, parent };
    assert_eq!((body(&flush), flush.kind()), (here, 45));
    assert_eq!(body(&QdiscFilter::default()), [0; 20]);
    let link = Some(link);
    assert_eq!(
        sorted::<20>(&body(&QdiscFilter { link }))[0][8..16],
        *"03000000"
    );
}

#[test]
fn wrong_filters_are_refused_before_anything_is_sent() {
    let right = filter(FilterKind::U32(words()), MirredMode::EgressRedirect);
    assert_eq!(Change::add(&right).check(), Ok(()));
    let check = |change: &dyn Fn(&mut FilterSpec), why: &str| {
        let mut wrong = right.clone();
        change(&mut wrong);
        check_refused(&Change::add(wrong), why);
    };
    check(
        &|f| f.link = IfIndex(0),
        "link is 0: say the index of a link",
    );
    check(&|f| f.kind = None, "no kind is given");
    check(
        &|f| f.priority = Some(0),
        "priority 0 stands for any: 1 to 65535",
    );
    let key = |value, mask, offset| {
        let keys = vec![U32Key {
            value,
            mask,
            offset,
        }];
        let class = None;
        Some(FilterKind::U32(U32 {
            keys,
            class,
            divisor: None,
        }))
    };
    check(
        &|f| f.kind = key(0x1ff, 0xff, 0),
        "u32: value 0x1ff has bits outside mask 0xff",
    );
    check(
        &|f| f.kind = key(0, 0xff, -2),
        "u32: offset -2 is no multiple of 4",
    );
    check(
        &|f| f.kind = Some(FilterKind::U32(U32::default())),
        "u32: 0 keys: 1 to 128 fit",
    );
    check(
        &|f| f.actions = vec![Action::Mirred(Mirred::default())],
        "mirred: link is 0: say where packets go",
    );
    check(
        &|f| f.actions = vec![to_ifb(MirredMode::Other(9))],
        "mirred: mode 9 is not from 1 to 4",
    );
    check(
        &|f| f.actions = vec![to_ifb(MirredMode::EgressMirror); 33],
        "33 actions: 32 fit",
    );
    let why = "no priority is given: the kernel would remove every filter there";
    check_refused(&Change::delete(&right), why);
    let why = "link is 0: say the index of a link";
    check_refused(&DumpFilters::default(), why);
    check_refused(&FlushFilters::default(), why);
}

#[test]
fn errors_say_what_and_where_and_what_the_kernel_lacks() {
    let mut conn = Conn::fake(|_| Reply::Errno(2));
    let err = conn.add_qdisc(&qdisc(QdiscKind::Tbf(tbf()))).unwrap_err();
    assert_eq!(err.to_string(), "cannot add tbf qdisc to link 3");
    assert!(err.hint().unwrap().ends_with("CONFIG_NET_SCH_TBF"));
    let spec = FilterSpec {
        priority: Some(7),
        ..filter(all(), MirredMode::EgressRedirect)
    };
    let err = conn.add_filter(&spec).unwrap_err();
    let what = "cannot add matchall filter of priority 7 to link 3, ingress";
    assert_eq!(err.to_string(), what);
    assert!(err.hint().unwrap().ends_with("CONFIG_NET_CLS_MATCHALL"));
    let err = conn.delete_filter(&spec).unwrap_err();
    assert!(err.is_not_found() && err.hint().is_none(), "{err:?}");
    let (link, parent) = (IfIndex(3), Handle::new(1, 0));
    let err = conn
        .flush_filters(&FlushFilters { link, parent })
        .unwrap_err();
    assert_eq!(err.to_string(), "cannot flush filters of link 3, parent 1:");
    let place = QdiscSpec {
        link,
        parent: Some(Handle::new(1, 10)),
        ..QdiscSpec::default()
    };
    let err = conn.delete_qdisc(&place).unwrap_err();
    assert_eq!(err.to_string(), "cannot delete qdisc at 1:a from link 3");
}
