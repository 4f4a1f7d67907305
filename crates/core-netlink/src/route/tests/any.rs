//! Any route that can be asked for, and any bytes.

use super::super::*;
use crate::attr::Writer;
use crate::conn::Record;
use crate::object::Change;
use crate::testing::{body, check_cuts, decode};
use proptest::prelude::*;

fn any_hop(v4: bool) -> impl Strategy<Value = NextHop> {
    let gateway = prop::option::of(any_ip(v4));
    let parts = (
        1u32..,
        gateway,
        1u16..=256,
        any::<u8>(),
        prop::option::of(any::<u32>()),
    );
    parts.prop_map(|(link, gateway, weight, flags, flow)| NextHop {
        link: Some(IfIndex(link)),
        gateway,
        weight,
        flags: HopFlags::from_bits(flags),
        flow,
        encap: None,
    })
}

fn any_ip(v4: bool) -> impl Strategy<Value = IpAddr> {
    any::<[u8; 16]>().prop_map(move |bytes| match v4 {
        true => IpAddr::from([bytes[0], bytes[1], bytes[2], bytes[3]]),
        false => IpAddr::from(bytes),
    })
}

fn any_spec() -> impl Strategy<Value = RouteSpec> {
    any::<bool>().prop_flat_map(|v4| {
        let net = (any_ip(v4), 1u8..=32);
        let hops = prop::collection::vec(any_hop(v4), 0..4);
        let ips = (prop::option::of(any_ip(v4)), prop::option::of(any_ip(!v4)));
        let numbers = prop::collection::vec(prop::option::of(any::<u32>()), 8);
        (net, hops, ips, numbers, any::<[u8; 4]>()).prop_map(
            move |((to, len), hops, (prefsrc, gateway), numbers, bytes)| {
                let [tos, protocol, scope, kind] = bytes;
                RouteSpec {
                    destination: crate::Prefix::new(to, len).unwrap(),
                    tos,
                    table: Some(Table(numbers[0].unwrap_or(1).max(1))),
                    protocol: Some(protocol.into()),
                    scope: Some(scope.into()),
                    kind: Some(kind.into()),
                    metric: numbers[1],
                    gateway: gateway.filter(|_| hops.is_empty()),
                    link: numbers[2].filter(|_| hops.is_empty()).map(IfIndex),
                    multipath: hops,
                    nexthop_id: numbers[3],
                    prefsrc,
                    metrics: Metrics {
                        mtu: numbers[4],
                        initcwnd: numbers[5],
                        ..Metrics::default()
                    },
                    preference: numbers[6].map(|number| Preference::from(number as u8)),
                    expires: numbers[7],
                    flow: numbers[1],
                    ..RouteSpec::default()
                }
            },
        )
    })
}

proptest! {
    #[test]
    fn what_is_asked_is_found(spec in any_spec()) {
        let found: Route = decode(RTM_NEWROUTE, &body(&Change::add(&spec)));
        prop_assert_eq!(found.to_spec(), Some(spec));
    }

    #[test]
    fn every_cut_is_an_error(spec in any_spec()) {
        check_cuts::<Route, 12>(RTM_NEWROUTE, &body(&Change::add(&spec)));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..200, kind in 1u16..31) {
        let _ = Route::decode(RTM_NEWROUTE, &bytes);
        let mut framed = vec![2, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        Writer::new(&mut framed).bytes(kind, &bytes[at.min(bytes.len())..]);
        let _ = Route::decode(RTM_NEWROUTE, &framed);
    }
}
