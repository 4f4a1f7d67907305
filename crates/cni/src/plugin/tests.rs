//! The keys of plugins that make an interface of their own: what is meant, and what cannot be.

use super::*;
use crate::device::Wanted;

type Read = fn(&Input<'_>) -> Result<Wanted>;

/// What keys and the pairs of `CNI_ARGS` mean for a plugin.
fn read(plugin: Read, keys: &str, args: &str) -> Result<String> {
    let between = if keys.is_empty() { "" } else { ", " };
    let text = format!(r#"{{"cniVersion": "1.1.0", "name": "blue", "type": "x"{between}{keys}}}"#);
    let args = args.parse()?;
    let input = Input {
        conf: NetConf::parse(text.as_bytes())?,
        caller: None,
        args: &args,
        ahead: Ahead::default(),
    };
    plugin(&input).map(|wanted| format!("{wanted:?}"))
}

#[track_caller]
fn means(plugin: Read, keys: &str, parts: &[&str]) {
    let wanted = read(plugin, keys, "").unwrap();
    for part in parts {
        assert!(wanted.contains(part), "{part} is not in {wanted}");
    }
}

#[track_caller]
fn refused(plugin: Read, rows: &[(&str, &str)]) {
    for (keys, part) in rows {
        match read(plugin, keys, "") {
            Err(err) => assert!(err.msg.contains(part), "{keys}: {err}"),
            Ok(wanted) => panic!("{keys}: {wanted}"),
        }
    }
}

#[test]
fn macvlan() {
    let plugin = macvlan::wanted;
    means(
        plugin,
        "",
        &[
            "mode: Some(Bridge)",
            "name: None",
            "inside: false",
            "mtu: None",
            "mac: None",
        ],
    );
    let all = r#""master": "up0", "mode": "private", "MTU": 1400, "mac": "02:00:00:00:00:01", "linkInContainer": true, "bcqueuelen": 7"#;
    means(
        plugin,
        all,
        &[
            "`up0`",
            "Some(Private)",
            "inside: true",
            "Some(1400)",
            "mac: Some(MacAddr([2, 0, 0, 0, 0, 1]))",
            "bc_queue_len: Some(7)",
        ],
    );
    let wanted = read(plugin, all, "MAC=02:00:00:00:00:02").unwrap();
    assert!(wanted.contains("[2, 0, 0, 0, 0, 2]"), "{wanted}");
    refused(
        plugin,
        &[
            (
                r#""mode": "source""#,
                "`mode`: \"source\" is not bridge, private, vepa or passthru",
            ),
            (r#""mode": "Bridge""#, "`mode`"),
            (r#""mtu": -1"#, "`mtu`: -1"),
            (r#""mtu": 4294967296"#, "`mtu`"),
            (r#""mtu": "1400""#, "`mtu`"),
            (r#""master": "a/b""#, "`master`"),
            (r#""mac": "02:00""#, "`mac`"),
            (r#""linkInContainer": 1"#, "`linkInContainer`"),
            (r#""bcqueuelen": 4294967296"#, "`bcqueuelen`"),
        ],
    );
    let err = read(plugin, "", "MAC=banana").unwrap_err();
    assert_eq!(err.code, Code::InvalidEnvironment);
    assert!(
        read(plugin, "", "POD=web")
            .unwrap_err()
            .msg
            .contains("`POD`")
    );
}

#[test]
fn ipvlan() {
    let plugin = ipvlan::wanted;
    means(plugin, "", &["mode: Some(L2)", "addresses: Needed"]);
    means(
        plugin,
        r#""mode": "l3s", "mtu": 1400"#,
        &["Some(L3s)", "Some(1400)"],
    );
    let before = r#""prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.2/24"}]}"#;
    means(plugin, before, &["addresses: Given", "10.0.0.2/24"]);
    means(
        plugin,
        &format!(r#"{before}, "ipam": {{"type": "static"}}"#),
        &["addresses: Needed"],
    );
    refused(
        plugin,
        &[
            (r#""mode": "l4""#, "`mode`: \"l4\" is not l2, l3 or l3s"),
            (r#""runtimeConfig": {"mac": "02:00:00:00:00:01"}"#, "`mac`"),
        ],
    );
}

#[test]
fn vlan() {
    let plugin = vlan::wanted;
    means(
        plugin,
        r#""master": "up0", "vlanId": 0"#,
        &["id: Some(0)", "`up0`", "addresses: Needed"],
    );
    means(
        plugin,
        r#""master": "up0", "vlanId": 4094"#,
        &["id: Some(4094)"],
    );
    refused(
        plugin,
        &[
            (r#""vlanId": 7"#, "`master` is missing"),
            (r#""master": "up0""#, "`vlanId` is missing"),
            (
                r#""master": "up0", "vlanId": 4095"#,
                "`vlanId`: 4095 is not 0 to 4094",
            ),
            (r#""master": "up0", "vlanId": -1"#, "`vlanId`: -1"),
            (r#""master": "up0", "vlanId": 65543"#, "`vlanId`: 65543"),
        ],
    );
}

#[test]
fn dummy() {
    means(dummy::wanted, "", &["Alone(Dummy)", "addresses: Needed"]);
}

#[test]
fn tap() {
    let plugin = tap::wanted;
    means(
        plugin,
        "",
        &[
            "owner: None",
            "group: None",
            "multi_queue: false",
            "bridge: None",
        ],
    );
    means(
        plugin,
        r#""owner": 1000, "group": 0, "multiQueue": true, "bridge": "br0", "mtu": 65521"#,
        &[
            "owner: Some(1000)",
            "group: Some(0)",
            "multi_queue: true",
            "`br0`",
            "Some(65521)",
        ],
    );
    refused(
        plugin,
        &[
            (r#""mtu": 65522"#, "`mtu`: 65522 is more than"),
            (
                r#""owner": 4294967295"#,
                "`owner`: 4294967295 stands for nobody",
            ),
            (r#""group": 4294967295"#, "`group`"),
            (r#""owner": "root""#, "`owner`"),
            (r#""selinuxcontext": "a:b:c""#, "`selinuxContext`"),
        ],
    );
}

#[test]
fn host_device_takes_no_mac_address() {
    means(
        host_device::wanted,
        r#""device": "eth1""#,
        &["Name(`eth1`)"],
    );
    let err = read(
        host_device::wanted,
        r#""device": "eth1""#,
        "MAC=02:00:00:00:00:01",
    );
    assert!(err.unwrap_err().msg.contains("`MAC` is not known"));
}

#[test]
fn no_two_plugins_have_one_name() {
    let mut names: Vec<&str> = PLUGINS.iter().map(|plugin| plugin.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
