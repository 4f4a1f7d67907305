//! Random values survive; no bytes make the reader panic.

use super::*;
use crate::Record;
use proptest::prelude::*;

prop_compose! {
    fn any_tbf()(rate in 1u64..7_000_000, burst in 1u32.., limit in 1u32.., peak: Option<(u32, u16)>) -> Tbf {
        let burst = burst.min(u32::try_from(rate * 270).unwrap_or(u32::MAX));
        let peak = peak.map(|(more, mtu)| TbfPeak { rate: rate + 1 + u64::from(more % 800_000), mtu: u32::from(mtu).max(1).min(200 * rate as u32) });
        Tbf { rate, burst, limit, peak }
    }
}

prop_compose! {
    fn any_key()(value: u32, mask: u32, offset in -64i32..64) -> U32Key {
        U32Key { value: value & mask, mask, offset: offset * 4 }
    }
}

proptest! {
    #[test]
    fn disciplines_that_are_asked_for_are_found(tbf in any_tbf(), fast in any::<u32>(), handle: u16, parent: u32, link in 1u32..) {
        let fast = Tbf { rate: (1 << 32) + u64::from(fast), burst: 1 << 20, limit: 1 << 24, peak: None };
        for tbf in [tbf, fast] {
            let spec = QdiscSpec {
                link: IfIndex(link),
                parent: Some(Handle(parent)),
                handle: (handle != 0).then_some(Handle::new(handle, 0)),
                kind: Some(QdiscKind::Tbf(tbf)),
            };
            prop_assert_eq!(Change::add(&spec).check(), Ok(()));
            let bytes = body(&Change::add(&spec));
            let found: Qdisc = decode(RTM_NEWQDISC, &bytes);
            let QdiscKind::Tbf(read) = &found.kind else { panic!() };
            // At a fast rate the burst is found smaller by what passes in a tick.
            let lost = u64::from(tbf.burst.abs_diff(read.burst));
            prop_assert!(lost <= tbf.rate * 64 / 1_000_000_000);
            let kind = Some(QdiscKind::Tbf(Tbf { burst: tbf.burst, ..*read }));
            prop_assert_eq!(QdiscSpec { kind, ..found.to_spec() }, spec);
            check_cuts::<Qdisc, 20>(RTM_NEWQDISC, &bytes);
        }
    }

    #[test]
    fn filters_that_are_asked_for_are_found(
        keys in prop::collection::vec(any_key(), 1..20), modes in prop::collection::vec(1u32..=4, 0..6), control in -1i32..9,
        priority in 1u16.., protocol: u16, handle in 1u32.., chain in 1u32.., class: Option<u32>, choice in 0..3,
    ) {
        let class = class.map(Handle);
        let action = |mode: u32| Action::Mirred(Mirred { link: IfIndex(mode + 1), mode: mode.into(), control: Some(control.into()) });
        let (kind, actions) = match choice {
            0 => (FilterKind::Matchall(Matchall { class }), modes.into_iter().map(action).collect()),
            1 => (FilterKind::U32(U32 { keys, class, divisor: None }), modes.into_iter().map(action).collect()),
            _ => (FilterKind::Other { name: "flower".into(), options: hex("0800 0100 01020304") }, Vec::new()),
        };
        let spec = FilterSpec {
            link: IfIndex(handle), parent: Handle(chain), priority: Some(priority), protocol: Some(protocol.into()),
            handle: Some(handle), chain: Some(chain), kind: Some(kind), actions,
        };
        prop_assert_eq!(Change::add(&spec).check(), Ok(()));
        let bytes = body(&Change::add(&spec));
        prop_assert_eq!(decode::<Filter>(RTM_NEWTFILTER, &bytes).to_spec(), spec);
        check_cuts::<Filter, 20>(RTM_NEWTFILTER, &bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..160), name in 0usize..4, cut in 0usize..200) {
        let _ = (Qdisc::decode(RTM_NEWQDISC, &bytes), Filter::decode(RTM_NEWTFILTER, &bytes));
        let mut message = vec![0; 20];
        let mut w = Writer::new(&mut message);
        w.str(TCA_KIND, ["tbf", "matchall", "u32", "mirred"][name]);
        w.bytes(TCA_OPTIONS, &bytes);
        message.truncate(cut);
        let _ = (Qdisc::decode(RTM_NEWQDISC, &message), Filter::decode(RTM_NEWTFILTER, &message));
    }
}
