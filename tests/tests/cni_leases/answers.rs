//! One configuration, two directories: both answer the same and write the same.

use std::fs;

use serde_json::{Value, json};
use vetch_tests::skip;

use super::{Call, MISSING, files, host_local, is_installed};

/// The keys of `ipam`.
fn ranges() -> Vec<Value> {
    vec![
        json!({"subnet": "10.1.0.0/30"}),
        json!({"subnet": "10.1.0.0/31"}),
        json!({"subnet": "10.1.0.0/32"}),
        json!({"subnet": "fd00::/64"}),
        json!({"subnet": "fd00::/126"}),
        json!({"subnet": "fd00::/127"}),
        json!({"subnet": "10.1.0.5/24"}),
        json!({"subnet": "10.1.0.0"}),
        json!({"subnet": 5}),
        json!({"subnet": ""}),
        json!({}),
        json!({"ranges": []}),
        json!({"ranges": [[]]}),
        json!({"ranges": [[{}]]}),
        json!({"ranges": [{"subnet": "10.1.0.0/24"}]}),
        json!({"rangeStart": "10.1.0.5"}),
        json!({"subnet": "10.1.0.0/24", "gateway": ""}),
        json!({"subnet": "10.1.0.0/24", "gateway": "10.9.0.1"}),
        json!({"subnet": "10.1.0.0/24", "gateway": "10.1.0.3"}),
        json!({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.0"}),
        json!({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.255", "rangeEnd": "10.1.0.255"}),
        json!({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.7", "rangeEnd": "10.1.0.8"}),
        json!({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.8", "rangeEnd": "10.1.0.7"}),
        json!({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.1", "rangeEnd": "10.1.0.1"}),
        json!({"subnet": "10.1.0.0/24", "rangeEnd": "10.1.0.0"}),
        json!({"subnet": "10.1.0.0/24", "rangeStart": "10.2.0.1"}),
        json!({"subnet": "10.1.0.0/24", "rangeEnd": "fd00::1"}),
        json!({"subnet": "10.1.0.0/24", "rangeEnd": "::ffff:10.1.0.2"}),
        json!({"subnet": "10.1.0.0/24", "ranges": [[{"subnet": "10.2.0.0/24"}], [{"subnet": "fd00::/64"}]]}),
        json!({"ranges": [[{"subnet": "10.1.0.0/30"}, {"subnet": "10.2.0.0/30"}, {"subnet": "10.0.0.0/30"}]]}),
        json!({"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "10.1.0.0/25"}]]}),
        json!({"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.1.0.0/25"}]]}),
        json!({"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}]]}),
        json!({"subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.7.8.9/16", "gw": "10.1.0.9"}, {"dst": "::/0"}]}),
        json!({"subnet": "10.1.0.0/24", "routes": [{"dst": "default"}]}),
        json!({"subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0", "gw": "x"}]}),
        json!({"subnet": "10.1.0.0/24", "routes": null, "ranges": null, "other": 5}),
        json!({"subnet": "10.1.0.0/24", "resolvConf": "/nonexistent"}),
    ]
}

/// The rest of the configuration and `CNI_ARGS`, for the subnet 10.1.0.0/24.
fn wishes() -> Vec<(Value, &'static str)> {
    let ips = |ips: Value| json!({"args": {"cni": {"ips": ips}}});
    let runtime = |keys: Value| json!({"runtimeConfig": keys});
    let single = [
        "10.1.0.9",
        "10.1.0.9/24",
        "10.1.0.1",
        "10.1.0.255",
        "10.2.0.1",
        "::ffff:10.1.0.9",
        "x",
        "fd00::1",
    ];
    let single = single.into_iter().flat_map(|wish| {
        [
            (ips(json!([wish])), ""),
            (runtime(json!({"ips": [wish]})), ""),
        ]
    });
    let more = [
        (ips(json!(["10.1.0.9", "10.1.0.10"])), ""),
        (ips(json!(["10.1.0.9", "10.1.0.9"])), "IP=10.1.0.9"),
        (json!({}), "IP=10.1.0.7"),
        (json!({}), "IP=x"),
        (runtime(json!({"ips": ["10.1.0.9"]})), "IP=10.1.0.7"),
        (
            runtime(json!({"ipRanges": [[{"subnet": "10.3.0.0/24", "rangeStart": "10.3.0.9"}]]})),
            "",
        ),
        (
            runtime(json!({"ipRanges": [[{"subnet": "10.1.0.0/25"}]]})),
            "",
        ),
        (
            runtime(json!({"ipRanges": [[{"subnet": "10.3.0.0/24"}]]})),
            "IP=10.3.0.8",
        ),
    ];
    single.chain(more).collect()
}

/// Three containers, the first one twice.
fn compare(keys: &Value, more: &Value, args: &'static str) {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for id in ["c1", "c2", "c3", "c1"] {
        let [theirs, ours] = dirs.each_ref().map(|dir| {
            let call = Call::new("ADD", id, &host_local(dir.path(), keys));
            let more = more.clone();
            Call { more, args, ..call }
        });
        let theirs = theirs.theirs();
        let again = ["duplicate allocation", "is not available"];
        if id == "c1"
            && theirs
                .as_ref()
                .is_err_and(|why| again.iter().any(|words| why.contains(words)))
        {
            continue; // refused by the reference, the same address again from us
        }
        let ours = ours.ours();
        let what = format!("{keys} {more} {args} for {id}: {theirs:?}, {ours:?}");
        assert_eq!(ours.as_ref().ok(), theirs.as_ref().ok(), "{what}");
        if theirs.is_ok() {
            let [theirs, ours] = dirs.each_ref().map(|dir| files(dir.path()));
            assert_eq!(ours, theirs, "{what}");
        }
    }
}

#[test]
fn a_configuration_means_the_same_to_both() {
    if !is_installed("host-local") {
        skip!("{MISSING}");
    }
    for keys in ranges() {
        compare(&keys, &json!({}), "");
    }
    for (more, args) in wishes() {
        compare(&json!({"subnet": "10.1.0.0/24"}), &more, args);
    }
}

/// It gives addresses of other subnets, gateways that no route can have, and a route to nowhere.
#[test]
fn what_the_reference_takes_though_it_cannot_be_meant_is_refused() {
    if !is_installed("host-local") {
        skip!("{MISSING}");
    }
    for keys in [
        json!({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.255"}),
        json!({"subnet": "10.1.0.0/24", "gateway": "fd00::1"}),
        json!({"subnet": "10.1.0.0/24", "routes": [{"gw": "10.1.0.1"}]}),
    ] {
        let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let calls = dirs
            .each_ref()
            .map(|dir| Call::new("ADD", "c1", &host_local(dir.path(), &keys)));
        let (theirs, ours) = (calls[0].theirs(), calls[1].ours());
        assert!(
            theirs.is_ok() && ours.is_err(),
            "{keys}: {theirs:?}, {ours:?}"
        );
    }
}

#[test]
fn name_servers_are_read_alike() {
    if !is_installed("host-local") {
        skip!("{MISSING}");
    }
    let dir = tempfile::tempdir().unwrap();
    let resolv = dir.path().join("resolv.conf");
    let text = "# a\n;b\n\tnameserver 1.1.1.1 # c\nnameserver\nnameserver fd00::1\ndomain a\ndomain b c\nsearch a b\nsearch c\noptions ndots:2 edns0\nsortlist x\r\n";
    fs::write(&resolv, text).unwrap();
    let ipam = host_local(
        dir.path(),
        &json!({"subnet": "10.1.0.0/24", "resolvConf": resolv}),
    );
    let theirs = Call::new("ADD", "c1", &ipam).theirs().unwrap();
    let ours = Call::new("ADD", "c2", &ipam).ours().unwrap();
    assert_eq!(ours["dns"], theirs["dns"]);
    assert_eq!(ours["dns"]["nameservers"], json!(["1.1.1.1", "fd00::1"]));
}

/// `addresses` of `ipam`, the rest of the configuration, `CNI_ARGS`.
fn addresses() -> Vec<(Value, Value, &'static str)> {
    let both =
        json!([{"address": "10.1.0.5/24", "gateway": "10.1.0.1"}, {"address": "fd00::5/64"}]);
    let single = |address: &str| json!([{"address": address}]);
    vec![
        (both.clone(), json!({}), ""),
        (
            both.clone(),
            json!({}),
            "IP=10.2.0.5/24,10.1.0.6/24;GATEWAY=10.2.0.1,10.1.0.254",
        ),
        (both.clone(), json!({}), "GATEWAY=10.1.0.254"),
        (both.clone(), json!({}), "IP=10.2.0.5/24;GATEWAY=9.9.9.9"),
        (both.clone(), json!({}), "IP=10.2.0.5/24;GATEWAY=x"),
        (both.clone(), json!({}), "IP=10.2.0.5"),
        (
            both.clone(),
            json!({"args": {"cni": {"ips": ["10.3.0.5/24"]}}}),
            "IP=10.2.0.5/24",
        ),
        (
            both.clone(),
            json!({"args": {"cni": {"ips": ["10.3.0.5"]}}}),
            "",
        ),
        (
            both.clone(),
            json!({"args": {"cni": {"ips": []}}, "runtimeConfig": {"ips": []}}),
            "",
        ),
        (
            both,
            json!({"runtimeConfig": {"ips": ["10.1.0.5/24"]}, "args": {"cni": {"ips": ["10.3.0.5/24"]}}}),
            "",
        ),
        (json!([]), json!({}), ""),
        (json!(null), json!({}), "IP=10.2.0.5/24"),
        (json!([{"gateway": "10.1.0.1"}]), json!({}), ""),
        (
            json!([{"address": "10.1.0.5/24", "gateway": "10.9.0.1"}]),
            json!({}),
            "",
        ),
        (single("10.1.0.5"), json!({}), ""),
        (single("10.1.0.5/33"), json!({}), ""),
        (single("10.1.0.05/24"), json!({}), ""),
        (single("::ffff:10.1.0.5/120"), json!({}), ""),
        (single("10.1.0.0/24"), json!({}), ""),
    ]
}

#[test]
fn static_addresses_are_the_same_to_both() {
    if !is_installed("static") {
        skip!("{MISSING}");
    }
    for (addresses, more, args) in addresses() {
        let ipam = json!({
            "type": "static", "addresses": addresses, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.7.8.9/16", "gw": "10.1.0.7"}],
            "dns": {"nameservers": ["1.1.1.1"], "domain": "a", "search": ["b"], "options": ["c"]},
        });
        let call = Call {
            more,
            args,
            ..Call::new("ADD", "c1", &ipam)
        };
        let (theirs, ours) = (call.theirs(), call.ours());
        assert_eq!(
            ours.as_ref().ok(),
            theirs.as_ref().ok(),
            "{} {args}: {theirs:?}, {ours:?}",
            call.configuration()
        );
    }
}
