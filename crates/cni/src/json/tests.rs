//! Texts that are read, and texts that are not.

use super::*;
use proptest::prelude::*;
use std::net::IpAddr;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Bridge {
    is_gateway: bool,
    mtu: Option<u16>,
    mode: Mode,
    ranges: Vec<Vec<Range>>,
    labels: Map<String, Value>,
    #[serde(deserialize_with = "optional_text")]
    address: Option<IpAddr>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Range {
    #[serde(deserialize_with = "text")]
    subnet: ipnet::IpNet,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Layer2,
    Layer3,
}

fn read(text: &str) -> Result<Bridge> {
    Document::parse(text.as_bytes())?.keys()
}

#[test]
fn keys_are_known_in_any_case_at_any_depth() {
    let read = read(r#"{"isGateWay": true, "MTU": 1400, "Ranges": [[{"SubNet": "10.0.0.0/8"}]]}"#);
    let subnet = "10.0.0.0/8".parse().unwrap();
    let expected = Bridge {
        is_gateway: true,
        mtu: Some(1400),
        ranges: vec![vec![Range { subnet }]],
        ..Bridge::default()
    };
    assert_eq!(read, Ok(expected));
}

#[test]
fn keys_of_free_objects_keep_their_case() {
    let labels = read(r#"{"labels": {"isGateWay": 1, "ISGATEWAY": null}}"#).unwrap();
    let keys: Vec<&str> = labels.labels.keys().map(String::as_str).collect();
    assert_eq!(keys, ["isGateWay", "ISGATEWAY"]);
}

#[test]
fn null_is_a_key_that_is_not_there() {
    let read = read(r#"{"isGateway": null, "ranges": null, "mtu": null, "address": ""}"#);
    assert_eq!(read, Ok(Bridge::default()));
}

#[test]
fn variants_are_read_by_name() {
    assert_eq!(read(r#"{"mode": "layer3"}"#).unwrap().mode, Mode::Layer3);
}

/// The text, the code, and what the message has in it.
const UNREADABLE: [(&str, Code, &str); 17] = [
    ("", Code::Decoding, "EOF"),
    ("{\"a\": ", Code::Decoding, "`a`: EOF"),
    ("{} {}", Code::Decoding, "trailing"),
    ("[]", Code::Decoding, "no JSON object"),
    (
        "{\"a\": \"\u{1}\"}",
        Code::Decoding,
        "`a`: control character",
    ),
    (
        r#"{"a": 1e999}"#,
        Code::Decoding,
        "`a`: number out of range",
    ),
    (
        r#"{"a": {"b": 1, "b": 2}}"#,
        Code::InvalidConfig,
        "`a`: `b` is there twice",
    ),
    (
        r#"{"a": [{"b": 1, "b": 2}]}"#,
        Code::InvalidConfig,
        "`a[0]`: `b`",
    ),
    (
        r#"{"mtu": 1, "MTU": 1}"#,
        Code::InvalidConfig,
        "as `mtu` and as `MTU`",
    ),
    (
        r#"{"mtu": "1"}"#,
        Code::Decoding,
        "`mtu`: string \"1\" where u16",
    ),
    (r#"{"mtu": 1.5}"#, Code::Decoding, "`mtu`: floating point"),
    (
        r#"{"mtu": 70000}"#,
        Code::InvalidConfig,
        "`mtu`: invalid value",
    ),
    (
        r#"{"mtu": -1}"#,
        Code::InvalidConfig,
        "`mtu`: invalid value",
    ),
    (
        r#"{"mode": "l4"}"#,
        Code::InvalidConfig,
        "`mode`: unknown variant",
    ),
    (
        r#"{"ranges": [[{}]]}"#,
        Code::InvalidConfig,
        "`ranges[0][0].subnet` is missing",
    ),
    (
        r#"{"ranges": [["10.0.0.0/8"]]}"#,
        Code::Decoding,
        "`ranges[0][0]`: string",
    ),
    (
        r#"{"ranges": [[["10.0.0.0/8"]]]}"#,
        Code::Decoding,
        "`ranges[0][0]`: sequence",
    ),
];

#[test]
fn what_cannot_be_read_names_its_key() {
    for (text, code, part) in UNREADABLE {
        let error = read(text).unwrap_err();
        assert_eq!(error.code, code, "{text}: {error}");
        assert!(error.msg.contains(part), "{text}: {error}");
    }
}

#[test]
fn text_is_bounded_in_length_and_depth() {
    let long = format!("{{\"a\": \"{}\"}}", "a".repeat(LONGEST));
    let deep = format!("{{\"a\": {}", "[".repeat(100_000));
    let bytes = b"{\"a\": \"\xff\"}";
    for (text, part) in [
        (long.as_bytes(), "more than 1 MiB"),
        (deep.as_bytes(), "recursion limit"),
        (bytes, "invalid unicode"),
    ] {
        let error = Document::parse(text).unwrap_err();
        assert_eq!(error.code, Code::Decoding, "{error}");
        assert!(
            error.msg.contains(part) && error.msg.len() < 1010,
            "{error}"
        );
    }
}

#[test]
fn a_key_is_set_in_place_of_what_had_its_name() {
    let mut document = Document::parse(br#"{"Name": "a", "type": "b"}"#).unwrap();
    assert_eq!(document.get("name"), Some(&Value::from("a")));
    document.set("name", "c");
    document.remove("TYPE");
    assert_eq!(Value::Object(document.0).to_string(), r#"{"name":"c"}"#);
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = read(&text);
        let _ = Document::parse(&bytes);
    }

    #[test]
    fn no_value_under_a_known_key_makes_reading_panic(
        key in prop::sample::select(vec!["isGateway", "MTU", "mode", "ranges", "labels", "address"]),
        value in prop::sample::select(vec!["null", "1", "-1", "1.5", "\"\"", "\"x\"", "[]", "[[]]", "[[{}]]", "{}", "{\"a\": 1}", "true"]),
    ) {
        let _ = read(&format!("{{\"{key}\": {value}}}"));
    }
}
