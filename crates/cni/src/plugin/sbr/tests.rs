//! What the keys mean, what is refused of them, and which routes and tables follow.

use super::*;
use crate::config::NetConf;
use crate::error::Code;
use crate::plugin::Ahead;

const RESULT: &str = r#""prevResult": {"interfaces": [{"name": "veth0"}, {"name": "eth0", "sandbox": "/x"}], "ips": [
    {"address": "10.9.0.2/24", "gateway": "10.9.0.1", "interface": 1}, {"address": "fd09::2/64", "interface": 1},
    {"address": "10.8.0.2/24", "interface": 0}, {"address": "10.7.0.2/24"}]}"#;

fn with<T>(keys: &str, f: impl FnOnce(&Input<'_>) -> Result<T>) -> Result<T> {
    let text = format!(r#"{{"cniVersion": "1.0.0", "name": "blue", "type": "sbr"{keys}}}"#);
    f(&Input {
        conf: NetConf::parse(text.as_bytes())?,
        caller: None,
        args: &"".parse()?,
        ahead: Ahead::default(),
    })
}

fn sources(keys: &str) -> Result<Vec<String>> {
    with(keys, |input| {
        let sources = Keys::read(input)?.sources(input, "eth0")?;
        let words = sources.iter().map(|of| match of.gateway {
            Some(gateway) => format!("{} via {gateway}", of.address),
            None => of.address.to_string(),
        });
        Ok(words.collect())
    })
}

#[test]
fn addresses_of_the_interface_and_of_none_count() {
    let own = sources(&format!(", {RESULT}")).unwrap();
    assert_eq!(
        own,
        ["10.9.0.2/24 via 10.9.0.1", "fd09::2/64", "10.7.0.2/24"]
    );
    let other = sources(&format!(
        r#", "gateways": ["fd09::9", "10.9.0.9"], {RESULT}"#
    ))
    .unwrap();
    let wanted = [
        "10.9.0.2/24 via 10.9.0.9",
        "fd09::2/64 via fd09::9",
        "10.7.0.2/24 via 10.9.0.9",
    ];
    assert_eq!(other, wanted);
}

/// Keys of a configuration, and what has to be named of them.
const BAD: &[(&str, &str)] = &[
    (r#""table": 0"#, "`table`: 0 is not 1 to 4294967295"),
    (r#""table": -1"#, "`table`: -1"),
    (r#""table": 4294967296"#, "`table`: 4294967296"),
    (r#""table": 253"#, "`table`: 253 is the table `default`"),
    (r#""table": 254"#, "`table`: 254 is the table `main`"),
    (r#""table": 255"#, "`table`: 255 is the table `local`"),
    (r#""table": "100""#, "`table`"),
    (r#""table": 100.5"#, "`table`"),
    (r#""table": []"#, "`table`"),
    (r#""table": 5, "TABLE": 6"#, "`table` is there twice"),
    (r#""gateways": ["10.9.0"]"#, "`gateways[0]`: \"10.9.0\""),
    (
        r#""gateways": ["10.9.0.1/24"]"#,
        "`gateways[0]`: \"10.9.0.1/24\"",
    ),
    (r#""gateways": [""]"#, "`gateways[0]`"),
    (r#""gateways": [5]"#, "`gateways[0]`"),
    (r#""gateways": "10.9.0.1""#, "`gateways`"),
    (
        r#""gateways": ["10.9.0.1", "10.9.0.3"]"#,
        "`gateways[1]`: 10.9.0.3, but 10.9.0.1",
    ),
    (
        r#""gateways": ["fd09::1", "10.9.0.1", "fd09::3"]"#,
        "`gateways[2]`: fd09::3",
    ),
    (
        r#""gateways": ["0.0.0.0"]"#,
        "`gateways[0]`: 0.0.0.0 is no router",
    ),
    (r#""gateways": ["::"]"#, "`gateways[0]`: :: is no router"),
    (r#""gateways": ["224.0.0.1"]"#, "`gateways[0]`: 224.0.0.1"),
    (r#""gateways": ["127.0.0.1"]"#, "`gateways[0]`: 127.0.0.1"),
    (r#""addSourceHints": "yes""#, "`addSourceHints`"),
    (r#""addSourceHints": 1"#, "`addSourceHints`"),
    (
        r#""table": 5, "gateways": ["10.9.0.1"]"#,
        "`gateways`: with `table`",
    ),
    (
        r#""table": 5, "addSourceHints": true"#,
        "`addSourceHints`: with `table`",
    ),
    (
        r#""prevResult": {"ips": []}"#,
        "`prevResult.ips`: it has no address of `eth0`",
    ),
    (
        r#""prevResult": {"ips": [{"address": "x"}]}"#,
        "`prevResult.ips[0].address`",
    ),
    (r#""table": 5"#, "`prevResult` is missing"),
];

#[test]
fn what_cannot_be_meant_names_key_and_value() {
    for (keys, named) in BAD {
        let err = sources(&format!(", {keys}")).unwrap_err();
        assert!(
            matches!(err.code, Code::InvalidConfig | Code::Decoding),
            "{err}"
        );
        assert!(err.msg.contains(named), "{keys}: {err}");
    }
}

#[test]
fn a_way_out_is_added_where_none_can_be_moved() {
    let of = Source {
        address: "10.9.0.2/24".parse().unwrap(),
        gateway: "10.9.0.1".parse().ok(),
    };
    let specs = table_of(&of, &[], IfIndex(3), Table(100), false);
    assert_eq!(specs.len(), 1);
    assert!(is_added(&specs[0]) && specs[0].destination.prefix_len() == 0);
    let alone = Source {
        gateway: None,
        ..of
    };
    assert!(table_of(&alone, &[], IfIndex(3), Table(100), false).is_empty());
}

#[test]
fn a_hint_is_a_subnet_s_route_with_its_source() {
    let hint_of = |address: &str| {
        let address = address.parse().unwrap();
        hint(
            &Source {
                address,
                gateway: None,
            },
            IfIndex(3),
        )
    };
    let hint = hint_of("10.9.0.2/24").unwrap();
    assert_eq!(hint.destination, "10.9.0.0/24".parse().unwrap());
    assert_eq!(hint.prefsrc, "10.9.0.2".parse().ok());
    assert_eq!(hint_of("10.9.0.2/32"), None);
}
