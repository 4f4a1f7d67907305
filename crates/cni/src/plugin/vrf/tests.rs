//! What the keys mean, and what is refused of them.

use super::*;
use crate::config::NetConf;
use crate::plugin::Ahead;

fn read(keys: &str) -> Result<Keys> {
    let text = format!(r#"{{"cniVersion": "1.0.0", "name": "blue", "type": "vrf", {keys}}}"#);
    let input = Input {
        conf: NetConf::parse(text.as_bytes())?,
        caller: None,
        args: &"".parse()?,
        ahead: Ahead::default(),
    };
    Keys::read(&input, Some("eth0".parse().unwrap()))
}

#[test]
fn a_name_is_enough() {
    let keys = read(r#""vrfname": "red""#).unwrap();
    assert_eq!((keys.name.to_string().as_str(), keys.table), ("red", None));
    assert_eq!(read(r#""VRFName": "red", "table": 0"#), Ok(keys));
    assert_eq!(
        read(r#""vrfname": "red", "table": 7"#).unwrap().table,
        Some(Table(7))
    );
}

/// Keys of a configuration, and what has to be named of them.
const BAD: &[(&str, &str)] = &[
    (r#""x": 1"#, "`vrfname` is missing"),
    (r#""vrfname": null"#, "`vrfname` is missing"),
    (r#""vrfname": """#, "`vrfname` is missing"),
    (
        r#""vrfname": "eth0""#,
        "`vrfname`: \"eth0\" is the name of an interface",
    ),
    (r#""vrfname": "lo""#, "`vrfname`: \"lo\""),
    (
        r#""vrfname": "sixteen-bytes-it""#,
        "`vrfname`: \"sixteen-bytes-it\"",
    ),
    (r#""vrfname": "a/b""#, "`vrfname`: \"a/b\""),
    (r#""vrfname": "a:b""#, "`vrfname`: \"a:b\""),
    (r#""vrfname": "a b""#, "`vrfname`: \"a b\""),
    (r#""vrfname": "..""#, "`vrfname`: \"..\""),
    (r#""vrfname": ".""#, "`vrfname`: \".\""),
    (r#""vrfname": "a\u001b""#, "`vrfname`"),
    (r#""vrfname": "a\u0000""#, "`vrfname`"),
    (r#""vrfname": 5"#, "`vrfname`"),
    (r#""vrfname": ["red"]"#, "`vrfname`"),
    (
        r#""vrfname": "red", "VrfName": "blue""#,
        "`vrfname` is there twice",
    ),
    (
        r#""vrfname": "red", "table": -1"#,
        "`table`: -1 is not 1 to 4294967295",
    ),
    (
        r#""vrfname": "red", "table": 4294967296"#,
        "`table`: 4294967296",
    ),
    (
        r#""vrfname": "red", "table": 253"#,
        "`table`: 253 is the table `default`",
    ),
    (
        r#""vrfname": "red", "table": 254"#,
        "`table`: 254 is the table `main`",
    ),
    (
        r#""vrfname": "red", "table": 255"#,
        "`table`: 255 is the table `local`",
    ),
    (r#""vrfname": "red", "table": "7""#, "`table`"),
    (r#""vrfname": "red", "table": 7.5"#, "`table`"),
    (r#""vrfname": "red", "table": true"#, "`table`"),
    (r#""vrfname": "red", "table": {}"#, "`table`"),
    (
        r#""vrfname": "red", "table": 18446744073709551616"#,
        "`table`",
    ),
];

#[test]
fn what_cannot_be_meant_names_key_and_value() {
    for (keys, named) in BAD {
        let err = read(keys).unwrap_err();
        assert!(
            matches!(err.code, Code::InvalidConfig | Code::Decoding),
            "{err}"
        );
        assert!(err.msg.contains(named), "{keys}: {err}");
    }
}
