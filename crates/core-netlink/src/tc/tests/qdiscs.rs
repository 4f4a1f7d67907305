//! Disciplines, both ways.

use super::*;

/// `tc qdisc add dev vt0 root handle 1: tbf rate 8mbit burst 10kb limit 30000`, without the table of 1 KiB that tc sends besides
/// (TCA_TBF_RTAB) and the sizes of its cells (03 and ffff in the rate).
#[test]
fn a_tbf_is_asked_for_as_tc_does_but_for_the_table() {
    let spec = QdiscSpec {
        handle: Some(Handle::new(1, 0)),
        ..qdisc(QdiscKind::Tbf(tbf()))
    };
    let words = hex("
        00 000000 03000000 00000100 ffffffff 00000000 # struct tcmsg: link 3, handle 1:, parent root
        0800 0100 74626600                            # TCA_KIND
        3400 0200                                     # TCA_OPTIONS
            2800 0100                                 # TCA_TBF_PARMS
                00 01 0000 0000 0000 40420f00         # rate: Ethernet, 1000000
                00 00 0000 0000 0000 00000000         # no peak rate
                30750000 00710200 00000000            # limit 30000, burst of 0x27100 ticks, no mtu
            0800 0600 00280000                        # TCA_TBF_BURST 10240
    ");
    assert_eq!(body(&Change::add(&spec)), words);
    assert_eq!(Change::add(&spec).kind(), 36);
    // tc qdisc del dev vt0 root
    let gone = QdiscSpec {
        link: IfIndex(3),
        ..QdiscSpec::default()
    };
    let delete = Change::delete(gone);
    assert_eq!(
        body(&delete),
        hex("00 000000 03000000 00000000 ffffffff 00000000")
    );
    assert_eq!((delete.kind(), delete.check()), (37, Ok(())));
}

/// `... tbf rate 8mbit burst 10kb latency 50ms peakrate 16mbit mtu 1600` and `... tbf rate 50gbit burst 10mb limit 322920224`.
#[test]
fn peaks_and_rates_of_64_bits_are_asked_for_as_tc_does() {
    let mut peaked = Tbf {
        peak: Some(TbfPeak {
            rate: 2_000_000,
            mtu: 1600,
        }),
        ..tbf()
    };
    peaked.limit = peaked.limit_of(std::time::Duration::from_millis(50));
    let words = hex("
        00 000000 03000000 00000000 ffffffff 00000000 # struct tcmsg
        0800 0100 74626600                            # TCA_KIND
        3c00 0200                                     # TCA_OPTIONS
            2800 0100                                 # TCA_TBF_PARMS
                00 01 0000 0000 0000 40420f00         # rate
                00 01 0000 0000 0000 80841e00         # peak rate 2000000
                50eb0000 00710200 d4300000            # limit 60240, burst, mtu of 0x30d4 ticks
            0800 0600 00280000                        # TCA_TBF_BURST
            0800 0700 40060000                        # TCA_TBF_PBURST 1600
    ");
    assert_eq!(body(&Change::replace(qdisc(QdiscKind::Tbf(peaked)))), words);
    let fast = Tbf {
        rate: 6_250_000_000,
        burst: 10 << 20,
        limit: 322_985_760,
        peak: None,
    };
    let words = hex("
        00 000000 03000000 00000000 ffffffff 00000000 # struct tcmsg
        0800 0100 74626600                            # TCA_KIND
        4000 0200                                     # TCA_OPTIONS
            2800 0100                                 # TCA_TBF_PARMS
                00 01 0000 0000 0000 ffffffff         # a rate that does not fit
                00 00 0000 0000 0000 00000000
                20 5f 40 13 66660000 00000000         # limit 322985760, burst of 26214 ticks
            0800 0600 0000a000                        # TCA_TBF_BURST
            0c00 0400 806e877401000000                # TCA_TBF_RATE64
    ");
    assert_eq!(body(&Change::replace(qdisc(QdiscKind::Tbf(fast)))), words);
}

/// As the kernel reports the first and the last of these in a dump; counters changed by hand.
#[test]
fn a_tbf_is_read_as_the_kernel_reports_it() {
    let bytes = hex("
        00 000000 03000000 00000100 ffffffff 03000000 # struct tcmsg: 3 hold it
        0800 0100 74626600                            # TCA_KIND
        2c00 0200                                     # TCA_OPTIONS
            2800 0100 00 01 0000 0000 0000 40420f00 00 00 0000 0000 0000 00000000 30750000 00710200 00000000
        0500 0c00 00 000000                           # TCA_HW_OFFLOAD
        3000 0700                                     # TCA_STATS2
            1400 0100 e803000000000000 0a000000 00000000         # TCA_STATS_BASIC: 1000 bytes, 10 packets
            1800 0300 02000000 c8000000 03000000 04000000 05000000 # TCA_STATS_QUEUE
        2c00 0300 e803000000000000 0a000000 03000000 05000000 00000000 00000000 02000000 c8000000 00000000 # TCA_STATS
    ");
    let found: Qdisc = decode(RTM_NEWQDISC, &bytes);
    assert_eq!(found.kind, QdiscKind::Tbf(tbf()));
    assert_eq!((found.link, found.handle), (IfIndex(3), Handle::new(1, 0)));
    assert_eq!((found.references, found.offloaded), (3, false));
    let stats = Stats {
        bytes: 1000,
        packets: 10,
        drops: 3,
        overlimits: 5,
        requeues: 4,
        waiting: 2,
        backlog: 200,
    };
    assert_eq!(found.stats, stats);
    let spec = QdiscSpec {
        parent: Some(Handle::ROOT),
        handle: Some(Handle::new(1, 0)),
        ..qdisc(QdiscKind::Tbf(tbf()))
    };
    assert_eq!(found.to_spec(), spec);
    check_cuts::<Qdisc, 20>(RTM_NEWQDISC, &bytes);
    let fast = hex("
        00 000000 03000000 00000100 ffffffff 03000000
        0800 0100 74626600
        3800 0200
            2800 0100 00 01 0000 0000 0000 ffffffff 00 00 0000 0000 0000 00000000 205f4013 66660000 00000000
            0c00 0400 806e877401000000                # TCA_TBF_RATE64
    ");
    let QdiscKind::Tbf(found) = decode::<Qdisc>(RTM_NEWQDISC, &fast).kind else {
        panic!()
    };
    assert_eq!((found.rate, found.limit), (6_250_000_000, 322_985_760));
    assert_eq!(
        found.burst, 10_485_600,
        "10 MiB less what passes in part of a tick"
    );
    check_cuts::<Qdisc, 20>(RTM_NEWQDISC, &fast);
}

/// `tc qdisc add dev vt0 ingress`, `tc qdisc add dev vt0 clsact`, and what the kernel reports; `noqueue` is on every bridge.
#[test]
fn places_for_filters_and_unknown_kinds_go_both_ways() {
    let ingress = hex("
        00 000000 03000000 0000ffff f1ffffff 00000000 # struct tcmsg: handle ffff:, parent ffff:fff1
        0c00 0100 696e677265737300                    # TCA_KIND
    ");
    assert_eq!(body(&Change::add(qdisc(QdiscKind::Ingress))), ingress);
    assert_eq!(body(&Change::delete(qdisc(QdiscKind::Ingress))), ingress);
    let clsact = hex("
        00 000000 03000000 0000ffff f1ffffff 00000000
        0b00 0100 636c7361637400 00
    ");
    assert_eq!(body(&Change::add(qdisc(QdiscKind::Clsact))), clsact);
    let found = hex("
        00 000000 03000000 0000ffff f1ffffff 01000000
        0b00 0100 636c7361637400 00
        0400 0200                                     # TCA_OPTIONS, empty
        0500 0c00 00 000000
    ");
    assert_eq!(
        decode::<Qdisc>(RTM_NEWQDISC, &found).kind,
        QdiscKind::Clsact
    );
    let noqueue = hex("
        00 000000 01000000 00000000 ffffffff 02000000
        0c00 0100 6e6f717565756500
    ");
    let found: Qdisc = decode(RTM_NEWQDISC, &noqueue);
    assert_eq!(found.kind, other("noqueue", Vec::new()));
    let fifo = qdisc(other("pfifo", hex("07000000"))); // struct tc_fifo_qopt
    let sent = body(&Change::add(&fifo));
    assert_eq!(
        sent[20..],
        hex("0a00 0100 706669666f00 0000  0800 0200 07000000")
    );
    let found: Qdisc = decode(RTM_NEWQDISC, &sent);
    assert_eq!(found.kind, other("pfifo", hex("07000000")));
    assert_eq!(Qdisc::decode(RTM_NEWTFILTER, &sent), Ok(None));
    assert_eq!(Filter::decode(RTM_NEWQDISC, &sent), Ok(None));
}

#[test]
fn a_list_of_one_link_has_no_other_links() {
    let row = |link: u32| {
        let header = Header {
            link: IfIndex(link),
            ..Header::default()
        };
        let mut bytes = Vec::new();
        header.encode(&mut Writer::new(&mut bytes));
        (RTM_NEWQDISC, bytes)
    };
    let mut conn = Conn::fake(move |_| Reply::Records(vec![row(1), row(3), row(4)]));
    let link = Some(IfIndex(3));
    assert_eq!(conn.qdiscs(&QdiscFilter { link }).unwrap().len(), 1);
    assert_eq!(conn.qdiscs(&QdiscFilter::default()).unwrap().len(), 3);
}

#[test]
fn wrong_disciplines_are_refused_before_anything_is_sent() {
    let check = |change: &dyn Fn(&mut Tbf), why: &str| {
        let mut wrong = tbf();
        change(&mut wrong);
        check_refused(&Change::add(qdisc(QdiscKind::Tbf(wrong))), why);
    };
    check(&|t| t.rate = 0, "tbf: rate is 0: nothing would ever pass");
    check(&|t| t.burst = 0, "tbf: burst is 0: nothing would ever pass");
    check(&|t| t.limit = 0, "tbf: limit is 0: nothing would ever pass");
    check(
        &|t| t.rate = 30,
        "tbf: burst 10240 lasts longer at rate 30 than 274 seconds, which is the most",
    );
    let peak = |rate, mtu| Some(TbfPeak { rate, mtu });
    check(
        &|t| t.peak = peak(1_000_000, 1600),
        "tbf: peak rate 1000000 is not above rate 1000000",
    );
    check(
        &|t| t.peak = peak(2_000_000, 0),
        "tbf: mtu is 0: nothing would ever pass",
    );
    let none = QdiscSpec {
        link: IfIndex(3),
        ..QdiscSpec::default()
    };
    check_refused(&Change::add(&none), "no kind is given");
    let nowhere = QdiscSpec::default();
    check_refused(
        &Change::delete(nowhere),
        "link is 0: say the index of a link",
    );
    let root = QdiscSpec {
        parent: Some(Handle::ROOT),
        ..qdisc(QdiscKind::Ingress)
    };
    let why = "parent root of ingress, which only hangs at ffff:fff1";
    check_refused(&Change::add(root), why);
    let class = QdiscSpec {
        handle: Some(Handle::new(1, 2)),
        ..none
    };
    let why = "handle 1:2 has a minor number: a class has";
    check_refused(&Change::delete(class), why);
    let why = "kind `a\\0b` has not 1 to 15 bytes";
    check_refused(&Change::add(qdisc(other("a\0b", Vec::new()))), why);
}
