//! Results of all versions: golden texts, what is refused, and that nothing is lost on the way.

use super::*;
use crate::error::Code;
use proptest::prelude::*;

fn full() -> AddResult {
    let interface = Interface {
        name: "eth0".to_owned(),
        mac: "02:00:00:00:00:01".to_owned(),
        mtu: Some(1400),
        sandbox: "/run/netns/web".to_owned(),
        socket_path: "/run/vhost".to_owned(),
        pci_id: "0000:01:00.0".to_owned(),
    };
    let host = Interface {
        name: "cni0".to_owned(),
        ..Interface::default()
    };
    let route = Route {
        mtu: Some(1300),
        advmss: Some(1200),
        priority: Some(10),
        table: Some(100),
        scope: Some(253),
        ..Route::new("10.0.0.0/8".parse().unwrap(), "10.1.2.1".parse().ok())
    };
    AddResult {
        interfaces: vec![host, interface],
        ips: vec![
            Ip {
                address: "10.1.2.5/24".parse().unwrap(),
                gateway: "10.1.2.1".parse().ok(),
                interface: Some(1),
            },
            Ip {
                address: "fd00::5/64".parse().unwrap(),
                gateway: None,
                interface: None,
            },
        ],
        routes: vec![route],
        dns: Dns {
            nameservers: vec!["10.1.2.1".to_owned()],
            ..Dns::default()
        },
    }
}

#[test]
fn before_1_0_0_an_address_says_its_version() {
    for version in ["0.3.0", "0.3.1", "0.4.0"] {
        let expected = format!(
            "{}{}{}{}",
            format_args!(r#"{{"cniVersion":"{version}","interfaces":[{{"name":"cni0"}},"#),
            r#"{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/run/netns/web"}],"#,
            r#""ips":[{"version":"4","address":"10.1.2.5/24","gateway":"10.1.2.1","interface":1},{"version":"6","address":"fd00::5/64"}],"#,
            r#""routes":[{"dst":"10.0.0.0/8","gw":"10.1.2.1"}],"dns":{"nameservers":["10.1.2.1"]}}"#,
        );
        assert_eq!(full().to_json(version.parse().unwrap()), expected);
    }
}

#[test]
fn what_1_1_0_added_is_left_out_of_1_0_0() {
    let expected = concat!(
        r#"{"cniVersion":"1.0.0","interfaces":[{"name":"cni0"},"#,
        r#"{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/run/netns/web"}],"#,
        r#""ips":[{"address":"10.1.2.5/24","gateway":"10.1.2.1","interface":1},{"address":"fd00::5/64"}],"#,
        r#""routes":[{"dst":"10.0.0.0/8","gw":"10.1.2.1"}],"dns":{"nameservers":["10.1.2.1"]}}"#,
    );
    assert_eq!(full().to_json(Version::V100), expected);
}

#[test]
fn the_latest_version_has_all() {
    let expected = concat!(
        r#"{"cniVersion":"1.1.0","interfaces":[{"name":"cni0"},{"name":"eth0","mac":"02:00:00:00:00:01","mtu":1400,"#,
        r#""sandbox":"/run/netns/web","socketPath":"/run/vhost","pciID":"0000:01:00.0"}],"#,
        r#""ips":[{"address":"10.1.2.5/24","gateway":"10.1.2.1","interface":1},{"address":"fd00::5/64"}],"#,
        r#""routes":[{"dst":"10.0.0.0/8","gw":"10.1.2.1","mtu":1300,"advmss":1200,"priority":10,"table":100,"scope":253}],"#,
        r#""dns":{"nameservers":["10.1.2.1"]}}"#,
    );
    assert_eq!(full().to_json(Version::V110), expected);
    assert_eq!(AddResult::parse(expected.as_bytes()), Ok(full()));
}

#[test]
fn dns_is_written_even_if_nothing_is_said() {
    let empty = r#"{"cniVersion":"1.0.0","dns":{}}"#;
    assert_eq!(AddResult::default().to_json(Version::V100), empty);
    assert_eq!(
        AddResult::parse(br#"{"cniVersion":"1.0.0"}"#),
        Ok(AddResult::default())
    );
}

/// What `host-local` of the reference printed.
#[test]
fn a_result_of_the_reference_is_read() {
    let text = r#"{
    "cniVersion": "0.3.1",
    "ips": [ { "version": "4", "address": "10.1.2.3/24", "gateway": "10.1.2.1" } ],
    "routes": [ { "dst": "0.0.0.0/0" } ],
    "dns": {}
}"#;
    let result = AddResult::parse(text.as_bytes()).unwrap();
    let ip = Ip {
        address: "10.1.2.3/24".parse().unwrap(),
        gateway: "10.1.2.1".parse().ok(),
        interface: None,
    };
    assert_eq!(result.ips, [ip]);
    assert_eq!(
        result.routes,
        [Route::new("0.0.0.0/0".parse().unwrap(), None)]
    );
}

#[test]
fn empty_gateways_and_zeros_are_nothing_said() {
    let text = br#"{"cniVersion": "1.1.0", "interfaces": [{"name": "a", "mtu": 0}], "ips": [{"address": "10.0.0.2/8", "gateway": ""}],
        "routes": [{"dst": "0.0.0.0/0", "gw": "", "mtu": 0, "advmss": 0, "priority": 0, "scope": 0}]}"#;
    let result = AddResult::parse(text).unwrap();
    assert_eq!(
        (result.interfaces[0].mtu, result.ips[0].gateway),
        (None, None)
    );
    let scope = Some(0);
    let route = Route::new("0.0.0.0/0".parse().unwrap(), None);
    assert_eq!(result.routes, [Route { scope, ..route }]);
}

/// The keys of the object, the code, and how the message begins.
const NO_RESULTS: [(&str, Code, &str); 21] = [
    (r#""cniVersion": 1"#, Code::Decoding, "`cniVersion`"),
    (
        r#""cniVersion": "0.2.0", "ip4": {}"#,
        Code::IncompatibleVersion,
        "`cniVersion`",
    ),
    (
        r#""ips": []"#,
        Code::IncompatibleVersion,
        "`cniVersion` is missing",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": {}"#,
        Code::Decoding,
        "`ips`",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [null]"#,
        Code::Decoding,
        "`ips[0]`",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [{}]"#,
        Code::InvalidConfig,
        "`ips[0].address` is missing",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2"}]"#,
        Code::InvalidConfig,
        "`ips[0].address`",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/33"}]"#,
        Code::InvalidConfig,
        "`ips[0].address`",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/8\u0000"}]"#,
        Code::InvalidConfig,
        "`ips[0].address`",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [{"address": 10}]"#,
        Code::Decoding,
        "`ips[0].address`",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/8", "gateway": "x"}]"#,
        Code::InvalidConfig,
        "`ips[0].gateway`",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/8", "interface": 0}]"#,
        Code::InvalidConfig,
        "`ips[0].interface`",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/8", "interface": -1}]"#,
        Code::InvalidConfig,
        "`ips[0].interface`",
    ),
    (
        r#""cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/8", "interface": "0"}]"#,
        Code::Decoding,
        "`ips[0].interface`",
    ),
    (
        r#""cniVersion": "0.4.0", "ips": [{"address": "10.0.0.2/8", "version": "6"}]"#,
        Code::InvalidConfig,
        "`ips[0].version`",
    ),
    (
        r#""cniVersion": "0.4.0", "ips": [{"address": "10.0.0.2/8", "version": 4}]"#,
        Code::Decoding,
        "`ips[0].version`",
    ),
    (
        r#""cniVersion": "1.0.0", "interfaces": [{"mac": ""}]"#,
        Code::InvalidConfig,
        "`interfaces[0].name` is missing",
    ),
    (
        r#""cniVersion": "1.1.0", "interfaces": [{"name": "a", "mtu": "1500"}]"#,
        Code::Decoding,
        "`interfaces[0].mtu`",
    ),
    (
        r#""cniVersion": "1.0.0", "routes": [{"gw": "10.0.0.1"}]"#,
        Code::InvalidConfig,
        "`routes[0].dst` is missing",
    ),
    (
        r#""cniVersion": "1.1.0", "routes": [{"dst": "0.0.0.0/0", "scope": 256}]"#,
        Code::InvalidConfig,
        "`routes[0].scope`",
    ),
    (
        r#""cniVersion": "1.0.0", "dns": {"search": "a"}"#,
        Code::Decoding,
        "`dns.search`",
    ),
];

#[test]
fn what_cannot_be_a_result_names_its_key() {
    for (keys, code, part) in NO_RESULTS {
        let error = AddResult::parse(format!("{{{keys}}}").as_bytes()).unwrap_err();
        assert_eq!(error.code, code, "{keys}: {error}");
        assert!(error.msg.starts_with(part), "{keys}: {error}");
    }
}

fn address() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u32>(), 0..=32_u8);
    let v4 =
        v4.prop_map(|(bits, len)| IpNet::new(std::net::Ipv4Addr::from(bits).into(), len).unwrap());
    let v6 = (any::<u128>(), 0..=128_u8);
    let v6 =
        v6.prop_map(|(bits, len)| IpNet::new(std::net::Ipv6Addr::from(bits).into(), len).unwrap());
    prop_oneof![v4, v6]
}

prop_compose! {
    fn interface()(
        (name, mac, sandbox, socket_path, pci_id) in ("\\PC{0,9}", "\\PC{0,9}", "\\PC{0,9}", "\\PC{0,9}", "\\PC{0,9}"),
        mtu in prop::option::of(1_u32..),
    ) -> Interface {
        Interface { name, mac, mtu, sandbox, socket_path, pci_id }
    }
}

prop_compose! {
    fn ip(interfaces: usize)(
        address in address(),
        gateway in any::<bool>(),
        interface in prop::option::of(0..interfaces.max(1)),
    ) -> Ip {
        Ip { address, gateway: gateway.then(|| address.addr()), interface: interface.filter(|_| interfaces > 0) }
    }
}

prop_compose! {
    fn route()(
        dst in address(),
        gw in prop::option::of(address()),
        (mtu, advmss, priority) in (prop::option::of(1_u32..), prop::option::of(1_u32..), prop::option::of(1_u32..)),
        (table, scope) in (any::<Option<u32>>(), any::<Option<u8>>()),
    ) -> Route {
        Route { dst, gw: gw.map(|gw| gw.addr()), mtu, advmss, priority, table, scope }
    }
}

prop_compose! {
    fn result()(interfaces in prop::collection::vec(interface(), 0..4))(
        ips in prop::collection::vec(ip(interfaces.len()), 0..4),
        interfaces in Just(interfaces),
        routes in prop::collection::vec(route(), 0..4),
        nameservers in prop::collection::vec("\\PC{0,9}", 0..3),
    ) -> AddResult {
        AddResult { interfaces, ips, routes, dns: Dns { nameservers, ..Dns::default() } }
    }
}

proptest! {
    #[test]
    fn a_result_is_read_as_it_was_written_but_for_what_the_version_lacks(
        result in result(),
        version in prop::sample::select(Version::ALL.to_vec()),
    ) {
        let once = AddResult::parse(result.to_json(version).as_bytes()).unwrap();
        prop_assert_eq!(&once.ips, &result.ips);
        prop_assert_eq!(&once.dns, &result.dns);
        let twice = AddResult::parse(once.to_json(version).as_bytes()).unwrap();
        prop_assert_eq!(&twice, &once);
        let latest = AddResult::parse(result.to_json(Version::LATEST).as_bytes()).unwrap();
        prop_assert_eq!(&latest, &result);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,60}") {
        let _ = AddResult::parse(text.as_bytes());
    }
}
