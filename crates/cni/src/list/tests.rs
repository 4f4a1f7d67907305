//! Lists as libcni reads them, and what each plugin of them is given.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn list(keys: &str) -> Result<NetworkList> {
    NetworkList::parse(format!("{{{keys}}}").as_bytes())
}

fn input(list: &NetworkList, given: &Given<'_>) -> Value {
    serde_json::from_str(&list.input(&list.plugins[0], given)).unwrap()
}

#[test]
fn the_highest_version_that_both_know_is_chosen() {
    for (versions, chosen) in [
        (r#""cniVersion": "0.4.0""#, Version::V040),
        (
            r#""cniVersion": "0.4.0", "cniVersions": ["1.0.0", "0.3.1"]"#,
            Version::V100,
        ),
        (
            r#""cniVersion": "1.1.0", "cniVersions": ["1.0.0"]"#,
            Version::V110,
        ),
        (
            r#""cniVersion": "2.0.0", "cniVersions": ["1.0.0", "0.2.0"]"#,
            Version::V100,
        ),
        (r#""cniVersion": "0.3.0", "cniVersions": []"#, Version::V030),
        (r#""cniVersions": ["1.1.0", "9.9.9", "x"]"#, Version::V110),
    ] {
        let list = list(&format!(
            r#"{versions}, "name": "a", "plugins": [{{"type": "b"}}]"#
        ));
        assert_eq!(list.unwrap().version, chosen, "{versions}");
    }
}

#[test]
fn flags_may_be_words_as_for_the_reference() {
    let flags = r#""disableCheck": "TRUE", "disableGC": true, "loadOnlyInlinedPlugins": "false""#;
    let list = list(&format!(
        r#""cniVersion": "1.1.0", "name": "a", "plugins": [{{"type": "b"}}], {flags}"#
    ))
    .unwrap();
    assert!(list.disable_check && list.disable_gc && !list.load_only_inlined);
}

#[test]
fn a_single_configuration_is_a_list_of_one() {
    let text = br#"{"cniVersion": "0.4.0", "name": "a", "type": "bridge", "bridge": "cni0"}"#;
    let list = NetworkList::parse_single(text).unwrap();
    assert_eq!((list.name.as_str(), list.version), ("a", Version::V040));
    let expected: Value = serde_json::from_slice(text).unwrap();
    assert_eq!(input(&list, &Given::default()), expected);
}

#[test]
fn a_plugin_is_given_what_it_asks_for_and_no_more() {
    let plugin = r#"{"Type": "bridge", "Name": "a", "CNIVersion": "0.1.0", "capabilities": {"mac": true, "ips": false, "own": true},
        "args": {"x": 1}, "isGateWay": true, "prevResult": 1, "cni.dev/x": 1}"#;
    let list = list(&format!(
        r#""cniVersion": "0.4.0", "name": "a", "plugins": [{plugin}]"#
    ))
    .unwrap();
    let bare = json!({"Type": "bridge", "args": {"x": 1}, "isGateWay": true, "cniVersion": "0.4.0", "name": "a"});
    assert_eq!(input(&list, &Given::default()), bare);

    let args =
        br#"{"mac": "02:00:00:00:00:01", "ips": ["10.0.0.2"], "own": {"Any": [1]}, "aliases": []}"#;
    let args = CapabilityArgs::parse(args).unwrap();
    let address = br#"{"cniVersion": "1.1.0", "interfaces": [{"name": "e", "mtu": 9}], "ips": [{"address": "10.0.0.2/8"}]}"#;
    let previous = AddResult::parse(address).unwrap();
    let given = Given {
        capabilities: Some(&args),
        previous: Some(&previous),
        valid_attachments: None,
    };
    let input = input(&list, &given);
    assert_eq!(
        input["runtimeConfig"],
        json!({"mac": "02:00:00:00:00:01", "own": {"Any": [1]}})
    );
    let previous = json!({
        "cniVersion": "0.4.0", "interfaces": [{"name": "e"}], "ips": [{"version": "4", "address": "10.0.0.2/8"}], "dns": {},
    });
    assert_eq!(input["prevResult"], previous, "in the version of the list");
}

#[test]
fn gc_gives_the_attachments_under_both_names() {
    let list = list(r#""cniVersion": "1.1.0", "name": "a", "plugins": [{"type": "b"}]"#).unwrap();
    let key = AttachmentKey {
        container_id: "web".parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    };
    let given = Given {
        valid_attachments: Some(&[key]),
        ..Given::default()
    };
    let input = input(&list, &given);
    let valid = json!([{"containerID": "web", "ifname": "eth0"}]);
    assert_eq!(
        (
            &input["cni.dev/valid-attachments"],
            &input["cni.dev/attachments"]
        ),
        (&valid, &valid)
    );
}

/// Keys of a list, the code, and how the message begins.
const REFUSED: [(&str, Code, &str); 22] = [
    (
        r#""name": "a", "plugins": [{"type": "b"}]"#,
        Code::IncompatibleVersion,
        "`cniVersion` is missing",
    ),
    (
        r#""cniVersion": "0.2.0", "name": "a", "plugins": [{"type": "b"}]"#,
        Code::IncompatibleVersion,
        "`cniVersion`",
    ),
    (
        r#""cniVersions": ["0.2.0", "2.0.0"], "name": "a", "plugins": []"#,
        Code::IncompatibleVersion,
        "`cniVersions`: none of [\"0.2.0\", \"2.0.0\"]",
    ),
    (
        r#""cniVersions": [], "name": "a", "plugins": [{"type": "b"}]"#,
        Code::IncompatibleVersion,
        "`cniVersions`",
    ),
    (
        r#""cniVersions": "1.0.0", "name": "a""#,
        Code::Decoding,
        "`cniVersions`",
    ),
    (
        r#""cniVersions": [1], "name": "a""#,
        Code::Decoding,
        "`cniVersions[0]`",
    ),
    (
        r#""cniVersion": "1.0.0", "plugins": [{"type": "b"}]"#,
        Code::InvalidConfig,
        "`name` is missing",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "", "plugins": [{"type": "b"}]"#,
        Code::InvalidConfig,
        "`name`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "../a", "plugins": [{"type": "b"}]"#,
        Code::InvalidConfig,
        "`name`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": []"#,
        Code::InvalidConfig,
        "`plugins`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "loadOnlyInlinedPlugins": true"#,
        Code::InvalidConfig,
        "`plugins`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": {}"#,
        Code::Decoding,
        "`plugins`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": ["b"]"#,
        Code::Decoding,
        "`plugins[0]`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "b"}, {}]"#,
        Code::InvalidConfig,
        "`plugins[1].type` is missing",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "b/c"}]"#,
        Code::InvalidConfig,
        "`plugins[0].type`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "b", "type": "c"}]"#,
        Code::InvalidConfig,
        "`plugins[0]`: `type` is there twice",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "b", "Type": "c"}]"#,
        Code::InvalidConfig,
        "`plugins[0]`: `type` is there twice",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "b", "name": "c"}]"#,
        Code::InvalidConfig,
        "`plugins[0].name`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "b", "capabilities": []}]"#,
        Code::Decoding,
        "`plugins[0].capabilities`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "disableCheck": "yes""#,
        Code::InvalidConfig,
        "`disableCheck`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "disableGC": 1"#,
        Code::Decoding,
        "`disableGC`",
    ),
    (
        r#""cniVersion": "1.0.0", "name": "a", "plugins": [], "plugins": []"#,
        Code::InvalidConfig,
        "`plugins` is there twice",
    ),
];

#[test]
fn what_is_refused_names_its_key() {
    for (keys, code, begin) in REFUSED {
        let error = list(keys).unwrap_err();
        assert_eq!(error.code, code, "{keys}: {error}");
        assert!(error.msg.starts_with(begin), "{keys}: {error}");
    }
}

#[test]
fn capabilities_with_a_convention_must_keep_it() {
    for (text, code, begin) in [
        ("[]", Code::Decoding, "the text is no JSON object"),
        (
            r#"{"portMappings": [{"hostPort": 1}]}"#,
            Code::InvalidConfig,
            "`portMappings[0].containerPort` is missing",
        ),
        (r#"{"mac": 1}"#, Code::Decoding, "`mac`"),
    ] {
        let error = CapabilityArgs::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(error.msg.starts_with(begin), "{error}");
    }
}

#[test]
fn a_list_in_a_file_for_one_plugin_is_told_where_it_belongs() {
    let error = NetworkList::parse_single(
        br#"{"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "b"}]}"#,
    );
    let error = error.unwrap_err();
    assert_eq!(error.msg, "`type` is missing");
    assert!(error.details.contains("*.conflist"));
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,60}", at in 0_usize..70, byte in any::<u8>()) {
        let _ = NetworkList::parse(text.as_bytes());
        let _ = NetworkList::parse_single(text.as_bytes());
        let mut text = br#"{"cniVersions": ["1.0.0"], "name": "a", "plugins": [{"type": "b", "name": "a"}]}"#.to_vec();
        text[at] = byte;
        if let Ok(list) = NetworkList::parse(&text) {
            for plugin in &list.plugins {
                let input = list.input(plugin, &Given::default());
                prop_assert!(Document::parse(input.as_bytes()).is_ok());
            }
        }
    }

    #[test]
    fn what_a_plugin_is_given_it_can_read(name in "[a-z0-9][a-z0-9_.-]{0,9}", mtu in any::<u32>(), mac in any::<bool>()) {
        let list = list(&format!(r#""cniVersion": "1.1.0", "NAME": "{name}", "plugins": [{{"type": "b", "mtu": {mtu}, "capabilities": {{"mac": {mac}}}}}]"#)).unwrap();
        let args = CapabilityArgs::parse(br#"{"mac": "02:00:00:00:00:01"}"#).unwrap();
        let given = Given { capabilities: Some(&args), ..Given::default() };
        let conf = crate::NetConf::parse(list.input(&list.plugins[0], &given).as_bytes()).unwrap();
        prop_assert_eq!((conf.name, conf.version, conf.runtime.mac.is_some()), (name, Version::V110, mac));
    }
}
