//! Configurations of the specification and its conventions, and what is refused of others.

use super::*;
use bridge::Transport;
use proptest::prelude::*;

/// A configuration of version 1.1.0 with these keys.
fn parse(keys: &str) -> Result<NetConf> {
    parse_whole(&format!(
        r#"{{"cniVersion": "1.1.0", "name": "blue", "type": "bridge"{keys}}}"#
    ))
}

fn parse_whole(text: &str) -> Result<NetConf> {
    NetConf::parse(text.as_bytes())
}

#[test]
fn the_least_that_can_be_said_is_enough() {
    let conf = parse("").unwrap();
    assert_eq!((conf.name.as_str(), conf.kind.as_str()), ("blue", "bridge"));
    assert_eq!((conf.version, conf.ipam), (Version::V110, None));
    assert_eq!((conf.previous, conf.valid_attachments), (None, None));
    assert_eq!(conf.runtime, RuntimeConfig::default());
    assert!(conf.dns.is_empty() && conf.capabilities.is_empty());
}

#[test]
fn the_well_known_capabilities_are_read() {
    let runtime = r#", "capabilities": {"portMappings": true, "x": false}, "runtimeConfig": {
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "UDP", "hostIP": ""}, {"containerPort": 1}],
        "bandwidth": {"ingressRate": 2048, "ingressBurst": 1600, "egressRate": 4096, "egressBurst": 1601},
        "ips": ["10.10.0.1/24", "3ffe:ffff:0:1ff::1"],
        "ipRanges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.3", "rangeEnd": "10.1.2.99", "gateway": "10.1.2.254"}]],
        "mac": "c2:11:22:33:44:55", "aliases": ["db"], "infinibandGUID": "c2:11:22:33:44:55:66:77",
        "deviceID": "0000:04:00.5", "cgroupPath": "/a", "Dns": {"Servers": ["8.8.8.8"], "Searches": ["a.example"]}, "other": 1}"#;
    let conf = parse(runtime).unwrap();
    assert!(conf.capabilities["portMappings"] && !conf.capabilities["x"]);
    let runtime = conf.runtime;
    let port = |host_port, container_port, transport| PortMapping {
        host_port,
        container_port,
        transport,
        host_ip: None,
    };
    let ports = [port(8080, 80, Transport::Udp), port(0, 1, Transport::Tcp)];
    assert_eq!(runtime.port_mappings, ports);
    assert_eq!(
        runtime
            .bandwidth
            .map(|rates| (rates.ingress_rate, rates.egress_burst)),
        Some((2048, 1601))
    );
    assert_eq!(
        runtime.ips.iter().map(|ip| ip.prefix).collect::<Vec<_>>(),
        [Some(24), None]
    );
    assert_eq!(runtime.ip_ranges[0][0].range_end, "10.1.2.99".parse().ok());
    assert_eq!(runtime.mac, "c2:11:22:33:44:55".parse().ok());
    assert_eq!(
        (runtime.dns.servers, runtime.dns.searches),
        (vec!["8.8.8.8".to_owned()], vec!["a.example".to_owned()])
    );
    assert_eq!(
        (runtime.aliases, runtime.device_id, runtime.cgroup_path),
        (
            vec!["db".to_owned()],
            "0000:04:00.5".to_owned(),
            "/a".to_owned()
        )
    );
    assert_eq!(runtime.infiniband_guid, "c2:11:22:33:44:55:66:77");
}

#[test]
fn args_are_read_and_what_is_not_known_of_them_is_left_alone() {
    let conf = parse(
        r#", "args": {"other": [1], "cni": {"ips": ["10.2.2.42"], "labels": [{"key": "app", "value": "web"}], "mac": "", "x": {}}}"#,
    );
    let args = conf.unwrap().args;
    assert_eq!(args.ips, ["10.2.2.42".parse().unwrap()]);
    assert_eq!(
        (args.labels[0].key.as_str(), args.labels[0].value.as_str()),
        ("app", "web")
    );
    assert_eq!(args.mac, None);
}

#[test]
fn nobody_gives_addresses_if_nothing_is_said() {
    let ipam = |value: &str| parse(&format!(r#", "ipam": {value}"#)).unwrap().ipam;
    for nobody in ["{}", "null", r#"{"type": ""}"#, r#"{"Type": null}"#] {
        assert_eq!(ipam(nobody), None, "{nobody}");
    }
    assert_eq!(
        ipam(r#"{"Type": "host-local", "ranges": []}"#).as_deref(),
        Some("host-local")
    );
}

#[test]
fn a_result_of_any_version_may_precede() {
    let address = "10.1.2.3/24".parse().unwrap();
    for (version, family) in [
        ("0.3.1", r#""version": "4", "#),
        ("1.0.0", ""),
        ("1.1.0", ""),
    ] {
        let result = format!(
            r#", "prevResult": {{"cniVersion": "{version}", "ips": [{{{family}"address": "{address}"}}]}}"#
        );
        let previous = parse(&result).unwrap().previous.unwrap();
        assert_eq!(previous.ips[0].address, address);
    }
    let unsaid = parse(r#", "prevResult": {"interfaces": [{"name": "a", "mtu": 9}]}"#);
    assert_eq!(
        unsaid.unwrap().previous.unwrap().interfaces[0].mtu,
        Some(9),
        "as the configuration"
    );
}

#[test]
fn gc_is_told_what_to_leave_and_null_is_nothing() {
    let valid = |value: &str| {
        let keys = format!(r#", "cni.dev/valid-attachments": {value}"#);
        parse(&keys).unwrap().valid_attachments
    };
    let container_id = "web".parse().unwrap();
    let ifname = "eth0".parse().unwrap();
    let key = AttachmentKey {
        container_id,
        ifname,
    };
    assert_eq!(
        valid(r#"[{"containerID": "web", "ifname": "eth0"}]"#),
        Some(vec![key])
    );
    assert_eq!(valid("null"), Some(Vec::new()));
    assert_eq!(valid("[]"), Some(Vec::new()));
}

#[test]
fn a_version_is_found_in_what_is_otherwise_wrong() {
    let version = |text: &str| Version::of_config(&Document::parse(text.as_bytes()).unwrap());
    assert_eq!(
        version(r#"{"CniVersion": "0.4.0", "name": "../etc"}"#),
        Ok(Version::V040)
    );
    for text in ["{}", r#"{"cniVersion": "0.2.0"}"#, r#"{"cniVersion": 1}"#] {
        assert!(version(text).is_err(), "{text}");
    }
}

/// Keys behind those that must be there, the code, and how the message begins.
const REFUSED: [(&str, Code, &str); 32] = [
    (r#", "ipam": []"#, Code::Decoding, "`ipam`"),
    (r#", "ipam": "host-local""#, Code::Decoding, "`ipam`"),
    (
        r#", "ipam": {"subnet": "10.0.0.0/8"}"#,
        Code::InvalidConfig,
        "`ipam.type` is missing",
    ),
    (r#", "ipam": {"type": 1}"#, Code::Decoding, "`ipam.type`"),
    (
        r#", "ipam": {"type": "../host-local"}"#,
        Code::InvalidConfig,
        "`ipam.type`",
    ),
    (
        r#", "ipam": {"type": "a", "TYPE": "b"}"#,
        Code::InvalidConfig,
        "`ipam`: `type` is there twice",
    ),
    (r#", "dns": ["10.0.0.1"]"#, Code::Decoding, "`dns`"),
    (
        r#", "dns": {"nameservers": [1]}"#,
        Code::Decoding,
        "`dns.nameservers[0]`",
    ),
    (
        r#", "capabilities": {"mac": "true"}"#,
        Code::Decoding,
        "`capabilities.mac`",
    ),
    (
        r#", "capabilities": ["mac"]"#,
        Code::Decoding,
        "`capabilities`",
    ),
    (
        r#", "runtimeConfig": []"#,
        Code::Decoding,
        "`runtimeConfig`",
    ),
    (
        r#", "runtimeConfig": {"portMappings": {}}"#,
        Code::Decoding,
        "`runtimeConfig.portMappings`",
    ),
    (
        r#", "runtimeConfig": {"portMappings": [{"hostPort": "80", "containerPort": 80}]}"#,
        Code::Decoding,
        "`runtimeConfig.portMappings[0].hostPort`",
    ),
    (
        r#", "runtimeConfig": {"portMappings": [{"hostPort": 80}]}"#,
        Code::InvalidConfig,
        "`runtimeConfig.portMappings[0].containerPort` is missing",
    ),
    (
        r#", "runtimeConfig": {"portMappings": [{"containerPort": 0}]}"#,
        Code::InvalidConfig,
        "`runtimeConfig.portMappings[0].containerPort`",
    ),
    (
        r#", "runtimeConfig": {"portMappings": [{"containerPort": 65536}]}"#,
        Code::InvalidConfig,
        "`runtimeConfig.portMappings[0].containerPort`",
    ),
    (
        r#", "runtimeConfig": {"portMappings": [{"containerPort": 1, "protocol": "icmp"}]}"#,
        Code::InvalidConfig,
        "`runtimeConfig.portMappings[0].protocol`",
    ),
    (
        r#", "runtimeConfig": {"portMappings": [{"containerPort": 1, "hostIP": "localhost"}]}"#,
        Code::InvalidConfig,
        "`runtimeConfig.portMappings[0].hostIP`",
    ),
    (
        r#", "runtimeConfig": {"bandwidth": {"ingressRate": -1}}"#,
        Code::InvalidConfig,
        "`runtimeConfig.bandwidth.ingressRate`",
    ),
    (
        r#", "runtimeConfig": {"ips": ["10.0.0"]}"#,
        Code::InvalidConfig,
        "`runtimeConfig.ips[0]`",
    ),
    (
        r#", "runtimeConfig": {"ipRanges": [{"subnet": "10.0.0.0/8"}]}"#,
        Code::Decoding,
        "`runtimeConfig.ipRanges[0]`",
    ),
    (
        r#", "runtimeConfig": {"mac": "02:00"}"#,
        Code::InvalidConfig,
        "`runtimeConfig.mac`",
    ),
    (
        r#", "args": {"cni": {"mac": 2}}"#,
        Code::Decoding,
        "`args.cni.mac`",
    ),
    (
        r#", "args": {"cni": {"labels": [{"key": "a"}]}}"#,
        Code::InvalidConfig,
        "`args.cni.labels[0].value` is missing",
    ),
    (
        r#", "args": {"cni": {"ips": "10.0.0.1"}}"#,
        Code::Decoding,
        "`args.cni.ips`",
    ),
    (r#", "prevResult": "x""#, Code::Decoding, "`prevResult`"),
    (
        r#", "prevResult": {"cniVersion": "0.2.0"}"#,
        Code::IncompatibleVersion,
        "`prevResult.cniVersion`",
    ),
    (
        r#", "prevResult": {"ips": [{"address": "x"}]}"#,
        Code::InvalidConfig,
        "`prevResult.ips[0].address`",
    ),
    (
        r#", "prevResult": {"ips": [{"address": "10.0.0.2/8", "interface": 3}]}"#,
        Code::InvalidConfig,
        "`prevResult.ips[0].interface`",
    ),
    (
        r#", "cni.dev/valid-attachments": [{"containerID": "a"}]"#,
        Code::InvalidConfig,
        "`cni.dev/valid-attachments[0].ifname` is missing",
    ),
    (
        r#", "cni.dev/valid-attachments": [{"containerID": "a/b", "ifname": "e"}]"#,
        Code::InvalidConfig,
        "`cni.dev/valid-attachments[0].containerID`",
    ),
    (
        r#", "cni.dev/valid-attachments": [{"containerID": "a", "ifname": ".."}]"#,
        Code::InvalidConfig,
        "`cni.dev/valid-attachments[0].ifname`",
    ),
];

#[test]
fn what_is_refused_names_its_key() {
    for (keys, code, begin) in REFUSED {
        let error = parse(keys).unwrap_err();
        assert_eq!(error.code, code, "{keys}: {error}");
        assert!(error.msg.starts_with(begin), "{keys}: {error}");
    }
}

/// Whole texts, the code, and how the message begins.
const REFUSED_WHOLE: [(&str, Code, &str); 18] = [
    ("", Code::Decoding, "EOF"),
    ("null", Code::Decoding, "the text is no JSON object"),
    ("\u{feff}{}", Code::Decoding, "expected value"),
    (
        r#"{"cniVersion": "1.0.0", "name": "a", "type": "b""#,
        Code::Decoding,
        "EOF",
    ),
    (
        r#"{"cniVersion": "1.0.0", "name": "a", "type": "b"} x"#,
        Code::Decoding,
        "trailing",
    ),
    (
        r#"{"name": "a", "type": "b"}"#,
        Code::IncompatibleVersion,
        "`cniVersion` is missing, which means 0.1.0; known are 0.3.0",
    ),
    (
        r#"{"cniVersion": null, "name": "a", "type": "b"}"#,
        Code::IncompatibleVersion,
        "`cniVersion` is missing",
    ),
    (
        r#"{"cniVersion": "0.2.0", "name": "a", "type": "b"}"#,
        Code::IncompatibleVersion,
        "`cniVersion`: \"0.2.0\"",
    ),
    (
        r#"{"cniVersion": "1.2.0", "name": "a", "type": "b"}"#,
        Code::IncompatibleVersion,
        "`cniVersion`: \"1.2.0\"",
    ),
    (
        r#"{"cniVersion": 1, "name": "a", "type": "b"}"#,
        Code::Decoding,
        "`cniVersion`",
    ),
    (
        r#"{"cniVersion": "1.0.0", "type": "b"}"#,
        Code::InvalidConfig,
        "`name` is missing",
    ),
    (
        r#"{"cniVersion": "1.0.0", "name": "a"}"#,
        Code::InvalidConfig,
        "`type` is missing",
    ),
    (
        r#"{"cniVersion": "1.0.0", "name": "", "type": "b"}"#,
        Code::InvalidConfig,
        "`name`",
    ),
    (
        r#"{"cniVersion": "1.0.0", "name": "a\u0000", "type": "b"}"#,
        Code::InvalidConfig,
        "`name`: \"a\\0\"",
    ),
    (
        r#"{"cniVersion": "1.0.0", "name": "../a", "type": "b"}"#,
        Code::InvalidConfig,
        "`name`",
    ),
    (
        r#"{"cniVersion": "1.0.0", "name": "a", "type": "/bin/b"}"#,
        Code::InvalidConfig,
        "`type`",
    ),
    (
        r#"{"cniVersion": "1.0.0", "name": "a", "type": ".."}"#,
        Code::InvalidConfig,
        "`type`",
    ),
    (
        r#"{"cniVersion": "1.0.0", "name": "a", "name": "a", "type": "b"}"#,
        Code::InvalidConfig,
        "`name` is there twice",
    ),
];

#[test]
fn whole_texts_that_are_refused_say_why() {
    for (text, code, begin) in REFUSED_WHOLE {
        let error = parse_whole(text).unwrap_err();
        assert_eq!(error.code, code, "{text}: {error}");
        assert!(error.msg.starts_with(begin), "{text}: {error}");
    }
    let long = parse(&format!(
        r#", "ipam": {{"type": "{}"}}"#,
        "a".repeat(900_000)
    ));
    let error = long.unwrap_err();
    assert!(error.msg.starts_with("`ipam.type`") && error.msg.len() < 1010);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "10\\.0\\.0\\.[0-9]/8|[a-z]{0,4}|\\PC{0,4}".prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "type",
        "ips",
        "address",
        "interface",
        "interfaces",
        "name",
        "portMappings",
        "hostPort",
        "containerPort",
        "cni",
        "mac",
        "routes",
        "dst",
        "cniVersion",
        "containerID",
        "ifname",
        "labels",
        "nameservers",
        "MTU",
    ]);
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let keys = prop::collection::vec((key.clone(), inner.clone()), 0..4);
        let object = keys.prop_map(|keys| {
            keys.into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()
        });
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(Value::Object)
        ]
    })
}

proptest! {
    #[test]
    fn no_value_of_a_key_makes_reading_panic(
        key in prop::sample::select(vec![
            "ipam", "dns", "capabilities", "runtimeConfig", "args", "prevResult", "cni.dev/valid-attachments", "PREVRESULT",
        ]),
        value in value(),
    ) {
        if let Err(error) = parse(&format!(r#", "{key}": {value}"#)) {
            prop_assert!(!error.msg.is_empty());
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,60}", at in 0_usize..60, byte in any::<u8>()) {
        let _ = parse_whole(&text);
        let mut text = br#"{"cniVersion": "1.0.0", "name": "a", "type": "b", "dns": {"search": []}}"#.to_vec();
        text[at] = byte;
        let _ = NetConf::parse(&text);
    }
}
