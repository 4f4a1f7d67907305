//! The keys of plugins that give interfaces and addresses.

use super::{Bad, keys, refused};
use serde_json::{Value, json};

fn bridge(changed: Value, code: u64, says: &'static str) -> Bad {
    keys("bridge", changed, code, says)
}

/// Behind one that is right.
fn trunk(second: Value, code: u64, says: &'static str) -> Bad {
    bridge(json!({"vlanTrunk": [{"id": 7}, second]}), code, says)
}

fn of_bridge() -> Vec<Bad> {
    vec![
        bridge(json!({"bridge": 5}), 6, "`bridge`"),
        bridge(json!({"bridge": ""}), 7, "`bridge`"),
        bridge(json!({"bridge": ".."}), 7, "`bridge`"),
        bridge(json!({"bridge": "a/b"}), 7, "`bridge`"),
        bridge(json!({"bridge": "a b"}), 7, "`bridge`"),
        bridge(json!({"bridge": "a\u{1b}b"}), 7, "`bridge`"),
        bridge(json!({"bridge": "a\0b"}), 7, "`bridge`"),
        bridge(json!({"bridge": "sixteen-bytes-it"}), 7, "`bridge`"),
        bridge(json!({"isGateway": "yes"}), 6, "`isGateway`"),
        bridge(json!({"isGateWay": 1}), 6, "`isGateway`"),
        bridge(json!({"isDefaultGateway": []}), 6, "`isDefaultGateway`"),
        bridge(json!({"forceAddress": "true"}), 6, "`forceAddress`"),
        bridge(json!({"ipMasq": 1}), 6, "`ipMasq`"),
        bridge(json!({"ipMasqBackend": 5}), 6, "`ipMasqBackend`"),
        bridge(json!({"ipMasqBackend": "ipchains"}), 7, "`ipMasqBackend`"),
        bridge(json!({"mtu": "1500"}), 6, "`mtu`"),
        bridge(json!({"mtu": 1.5}), 6, "`mtu`"),
        bridge(json!({"mtu": -5}), 7, "`mtu`"),
        bridge(json!({"mtu": 67}), 7, "`mtu`"),
        bridge(json!({"mtu": 65536}), 7, "`mtu`"),
        bridge(json!({"mtu": u64::MAX}), 7, "`mtu`"),
        bridge(json!({"hairpinMode": "x"}), 6, "`hairpinMode`"),
        bridge(json!({"promiscMode": {}}), 6, "`promiscMode`"),
        bridge(
            json!({"hairpinMode": true, "promiscMode": true}),
            7,
            "`hairpinMode`",
        ),
        bridge(json!({"vlan": "x"}), 6, "`vlan`"),
        bridge(json!({"vlan": 1.5}), 6, "`vlan`"),
        bridge(json!({"vlan": -1}), 7, "`vlan`"),
        bridge(json!({"vlan": 4095}), 7, "`vlan`"),
        bridge(json!({"vlan": 65_536}), 7, "`vlan`"),
        bridge(
            json!({"vlan": 4094, "bridge": "elevenbytes"}),
            7,
            "`bridge`",
        ),
        bridge(json!({"vlanTrunk": {}}), 6, "`vlanTrunk`"),
        bridge(json!({"vlanTrunk": [7]}), 6, "`vlanTrunk[0]`"),
        trunk(json!({}), 7, "`vlanTrunk[1]`"),
        trunk(json!({"id": "7"}), 6, "`vlanTrunk[1].id`"),
        trunk(json!({"id": 0}), 7, "`vlanTrunk[1].id`"),
        trunk(json!({"id": 4095}), 7, "`vlanTrunk[1].id`"),
        trunk(json!({"id": 7, "minID": 7}), 7, "`vlanTrunk[1]`"),
        trunk(json!({"minID": 7}), 7, "`vlanTrunk[1]`"),
        trunk(json!({"maxID": 7}), 7, "`vlanTrunk[1]`"),
        trunk(json!({"minID": 0, "maxID": 7}), 7, "`vlanTrunk[1].minID`"),
        trunk(
            json!({"minID": 7, "maxID": 4095}),
            7,
            "`vlanTrunk[1].maxID`",
        ),
        trunk(json!({"minID": 8, "maxID": 7}), 7, "`vlanTrunk[1]`"),
        bridge(
            json!({"preserveDefaultVlan": 1}),
            6,
            "`preserveDefaultVlan`",
        ),
        bridge(json!({"macspoofchk": 1}), 6, "`macspoofchk`"),
        bridge(json!({"enabledad": "x"}), 6, "`enabledad`"),
        bridge(
            json!({"disableContainerInterface": "x"}),
            6,
            "`disableContainerInterface`",
        ),
        bridge(
            json!({"disableContainerInterface": true}),
            7,
            "`disableContainerInterface`",
        ),
        bridge(json!({"portIsolation": 5}), 6, "`portIsolation`"),
        bridge(json!({"vetch": []}), 6, "`vetch`"),
        bridge(json!({"vetch": {"nosuch": true}}), 7, "`vetch"),
        bridge(json!({"vetch": {"guard": "x"}}), 7, "`vetch.guard`"),
        bridge(
            json!({"vetch": {"guard": "addresses"}, "ipam": {}}),
            7,
            "`vetch.guard`",
        ),
        bridge(json!({"vetch": {"reachable": "x"}}), 6, "`vetch.reachable`"),
        bridge(
            json!({"vetch": {"hostServices": 1}}),
            6,
            "`vetch.hostServices`",
        ),
        bridge(json!({"ipam": []}), 6, "`ipam`"),
        bridge(json!({"ipam": "host-local"}), 6, "`ipam`"),
        bridge(
            json!({"ipam": {"subnet": "10.1.0.0/24"}}),
            7,
            "`ipam.type` is missing",
        ),
        bridge(json!({"ipam": {"type": 5}}), 6, "`ipam.type`"),
        bridge(json!({"ipam": {"type": "../host-local"}}), 7, "`ipam.type`"),
        bridge(json!({"ipam": {"type": "nosuch"}}), 2, "`ipam.type`"),
    ]
}

/// The keys of `ipam`.
fn host_local(changed: Value, code: u64, says: &'static str) -> [Bad; 2] {
    let mut ipam = json!({"type": "host-local", "dataDir": "/run/leases"});
    super::merge(&mut ipam, changed);
    let ipam = json!({"ipam": ipam});
    [
        keys("host-local", ipam.clone(), code, says),
        keys("bridge", ipam, code, says),
    ]
}

fn range(changed: Value, code: u64, says: &'static str) -> [Bad; 2] {
    let mut range = json!({"subnet": "10.1.0.0/24"});
    super::merge(&mut range, changed);
    host_local(json!({"ranges": [[range]]}), code, says)
}

fn of_host_local() -> Vec<Bad> {
    let all = [
        host_local(json!({}), 7, "`ipam.ranges`"),
        host_local(json!({"ranges": 5}), 6, "`ipam.ranges`"),
        host_local(json!({"ranges": []}), 7, "`ipam.ranges`"),
        host_local(json!({"ranges": [[]]}), 7, "`ipam.ranges[0]`"),
        host_local(
            json!({"ranges": [{"subnet": "10.1.0.0/24"}]}),
            6,
            "`ipam.ranges[0]`",
        ),
        host_local(json!({"ranges": [[{}]]}), 7, "`ipam.ranges[0][0].subnet`"),
        range(json!({"subnet": 5}), 6, "`ipam.ranges[0][0].subnet`"),
        range(json!({"subnet": "x"}), 7, "`ipam.ranges[0][0].subnet`"),
        range(
            json!({"subnet": "10.1.0.0/33"}),
            7,
            "`ipam.ranges[0][0].subnet`",
        ),
        range(
            json!({"subnet": "10.1.0.5/24"}),
            7,
            "`ipam.ranges[0][0].subnet`",
        ),
        range(
            json!({"subnet": "10.1.0.0/31"}),
            7,
            "`ipam.ranges[0][0].subnet`",
        ),
        range(
            json!({"rangeStart": "x"}),
            7,
            "`ipam.ranges[0][0].rangeStart`",
        ),
        range(
            json!({"rangeStart": "10.2.0.1"}),
            7,
            "`ipam.ranges[0][0].rangeStart`",
        ),
        range(
            json!({"rangeStart": "10.1.0.9", "rangeEnd": "10.1.0.8"}),
            7,
            "`ipam.ranges[0][0].rangeStart`",
        ),
        range(json!({"rangeEnd": 9}), 6, "`ipam.ranges[0][0].rangeEnd`"),
        range(
            json!({"rangeEnd": "fd01::9"}),
            7,
            "`ipam.ranges[0][0].rangeEnd`",
        ),
        range(json!({"gateway": "gw"}), 7, "`ipam.ranges[0][0].gateway`"),
        range(
            json!({"gateway": "fd01::1"}),
            7,
            "`ipam.ranges[0][0].gateway`",
        ),
        host_local(
            json!({"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.1.0.0/25"}]]}),
            7,
            "`ipam.ranges[1]`",
        ),
        host_local(
            json!({"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "fd01::/64"}]]}),
            7,
            "`ipam.ranges[0]`",
        ),
        host_local(json!({"subnet": "10.1.0.0/31"}), 7, "`ipam.subnet`"),
        host_local(
            json!({"subnet": "10.1.0.0/24", "rangeStart": "10.0.0.1"}),
            7,
            "`ipam.rangeStart`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "routes": {}}),
            6,
            "`ipam.routes`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "routes": [{}]}),
            7,
            "`ipam.routes[0].dst`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "routes": [{"dst": "default"}]}),
            7,
            "`ipam.routes[0].dst`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0", "gw": "x"}]}),
            7,
            "`ipam.routes[0].gw`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0", "mtu": -1}]}),
            7,
            "`ipam.routes[0].mtu`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "resolvConf": 5}),
            6,
            "`ipam.resolvConf`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "resolvConf": "/nonexistent"}),
            5,
            "`ipam.resolvConf`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "resolvConf": "/run"}),
            5,
            "`ipam.resolvConf`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "resolvConf": "/a\0b"}),
            5,
            "`ipam.resolvConf`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "dataDir": 5}),
            6,
            "`ipam.dataDir`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "dataDir": "/a\0b"}),
            7,
            "`ipam.dataDir`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "dataDir": "leases"}),
            7,
            "`ipam.dataDir`",
        ),
        host_local(
            json!({"subnet": "10.1.0.0/24", "dataDir": "/proc/version"}),
            5,
            "/proc/version",
        ),
    ];
    all.into_iter().flatten().collect()
}

fn fixed(addresses: Value, code: u64, says: &'static str) -> Bad {
    let ipam = json!({"type": "static", "addresses": addresses});
    keys("static", json!({"ipam": ipam}), code, says)
}

fn of_static() -> Vec<Bad> {
    vec![
        keys("static", json!({"ipam": {}}), 7, "`ipam.type` is missing"),
        fixed(json!(5), 6, "`ipam.addresses`"),
        fixed(json!([5]), 6, "`ipam.addresses[0]`"),
        fixed(json!([null]), 6, "`ipam.addresses[0]`"),
        fixed(json!([{}]), 7, "`ipam.addresses[0].address` is missing"),
        fixed(
            json!([{"address": "10.1.0.5"}]),
            7,
            "`ipam.addresses[0].address`",
        ),
        fixed(
            json!([{"address": "10.1.0.5/99"}]),
            7,
            "`ipam.addresses[0].address`",
        ),
        fixed(
            json!([{"address": "10.1.0.5/24", "gateway": "x"}]),
            7,
            "`ipam.addresses[0].gateway`",
        ),
        fixed(
            json!([{"address": "10.1.0.5/24", "gateway": "fd01::1"}]),
            7,
            "`ipam.addresses[0].gateway`",
        ),
        keys(
            "static",
            json!({"runtimeConfig": {"ips": ["10.1.0.9"]}}),
            7,
            "`runtimeConfig.ips`",
        ),
        keys(
            "static",
            json!({"args": {"cni": {"ips": ["10.1.0.9"]}}}),
            7,
            "`args.cni.ips`",
        ),
        keys(
            "static",
            json!({"ipam": {"type": "static", "dns": {"search": "a"}}}),
            6,
            "`ipam.dns.search`",
        ),
    ]
}

/// Addresses that a range has and that are nobody's to give.
fn wishes() -> Vec<Bad> {
    let of = |ip: &str, says| bridge(json!({"runtimeConfig": {"ips": [ip]}}), 7, says);
    vec![
        of("10.9.0.5", "10.9.0.5"),
        of("10.1.0.0", "10.1.0.0"),
        of("10.1.0.1", "10.1.0.1"),
        of("10.1.0.255", "10.1.0.255"),
        of("fd01::", "fd01::"),
        bridge(
            json!({"runtimeConfig": {"ips": ["10.1.0.5", "10.1.0.6"]}}),
            7,
            "10.1.0.6",
        ),
        bridge(
            json!({"runtimeConfig": {"mac": "01:00:5e:00:00:01"}}),
            7,
            "`runtimeConfig.mac`",
        ),
        bridge(
            json!({"runtimeConfig": {"mac": "00:00:00:00:00:00"}}),
            7,
            "`runtimeConfig.mac`",
        ),
        bridge(
            json!({"ipam": {"type": "static", "addresses": [{"address": "10.1.0.5/24", "gateway": "10.9.0.1"}]}}),
            7,
            "10.9.0.1",
        ),
        bridge(
            json!({"ipam": {"type": "static", "addresses": [{"address": "0.0.0.0/0"}]}}),
            7,
            "0.0.0.0",
        ),
        bridge(
            json!({"ipam": {"type": "static", "addresses": [{"address": "127.0.0.5/8"}]}}),
            7,
            "127.0.0.0/8",
        ),
        bridge(
            json!({"ipam": {"type": "static", "addresses": [{"address": "224.0.0.5/24"}]}}),
            7,
            "224.0.0",
        ),
        bridge(
            json!({"ipam": {"type": "static", "addresses": [{"address": "10.1.0.5/24"}, {"address": "10.1.0.5/24"}]}}),
            7,
            "10.1.0.0/24",
        ),
    ]
}

#[test]
fn keys_of_bridge_are_refused_by_name() {
    refused([of_bridge(), wishes()].into_iter().flatten().collect(), 59);
}

#[test]
fn keys_of_ipam_are_refused_by_path() {
    refused(
        [of_host_local(), of_static()]
            .into_iter()
            .flatten()
            .collect(),
        82,
    );
}
