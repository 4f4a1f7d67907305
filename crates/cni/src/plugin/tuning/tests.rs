//! What the keys mean, and what is refused of them.

use super::*;
use crate::config::NetConf;
use crate::plugin::Ahead;

/// The keys of a configuration, for the interface `eth0.100`.
fn read(keys: &str, args: &str) -> Result<Keys> {
    let text = format!(r#"{{"cniVersion": "1.0.0", "name": "blue", "type": "tuning"{keys}}}"#);
    let input = Input {
        conf: NetConf::parse(text.as_bytes())?,
        args: &args.parse()?,
        ahead: Ahead::default(),
        caller: None,
    };
    Keys::read(&input, "eth0.100".parse().unwrap())
}

fn mac(end: &str) -> Attribute {
    Attribute::Mac(format!("02:00:00:00:00:{end}").parse().unwrap())
}

#[test]
fn every_key_is_read() {
    let keys = r#", "sysctl": {"net.core.somaxconn": "500", "net/ipv4/conf/IFNAME/arp_filter": "1"}, "mac": "02:00:00:00:00:01",
        "mtu": 1454, "promisc": true, "allmulti": false, "txQLen": 0, "dataDir": "/run/x""#;
    let keys = read(keys, "").unwrap();
    let all = [mac("01"), Attribute::Promisc(true), Attribute::Mtu(1454)];
    assert_eq!(keys.attributes[..3], all);
    assert_eq!(
        keys.attributes[3..],
        [Attribute::Allmulti(false), Attribute::TxQLen(0)]
    );
    let paths: Vec<&str> = keys.sysctls.iter().map(|of| of.key.as_path()).collect();
    assert_eq!(
        paths,
        ["net/core/somaxconn", "net/ipv4/conf/eth0.100/arp_filter"]
    );
    assert_eq!(keys.data_dir, Path::new("/run/x"));
    let nothing = read(r#", "promisc": false, "mtu": 0, "sysctl": null"#, "").unwrap();
    assert!(nothing.attributes.is_empty() && nothing.sysctls.is_empty());
    assert_eq!(nothing.data_dir, Path::new("/run/cni/tuning"));
}

#[test]
fn what_the_runtime_says_comes_first() {
    let own = r#", "mac": "02:00:00:00:00:01""#;
    let runtime = r#", "runtimeConfig": {"mac": "02:00:00:00:00:03"}"#;
    let args = r#", "args": {"cni": {"mac": "02:00:00:00:00:04", "mtu": 1400, "promisc": true, "allmulti": true, "txQLen": 5}}"#;
    for (keys, env, wanted) in [
        (own.to_owned(), "", "01"),
        (own.to_owned(), "MAC=02:00:00:00:00:02", "02"),
        (format!("{own}{runtime}"), "MAC=02:00:00:00:00:02", "03"),
        (
            format!("{own}{runtime}{args}"),
            "MAC=02:00:00:00:00:02",
            "04",
        ),
    ] {
        assert_eq!(
            read(&keys, env).unwrap().attributes[0],
            mac(wanted),
            "{keys}"
        );
    }
    assert_eq!(read(args, "").unwrap().attributes.len(), 5);
    let over = r#", "mtu": 1400, "promisc": true, "sysctl": {"net.a": "1", "net.b": "1"},
        "args": {"cni": {"mtu": 0, "promisc": false, "sysctl": {"net/a": "2"}}}"#;
    let keys = read(over, "").unwrap();
    assert!(keys.attributes.is_empty());
    let values: Vec<_> = keys
        .sysctls
        .iter()
        .map(|of| (of.key.as_path(), of.value.as_str()))
        .collect();
    assert_eq!(values, [("net/b", "1"), ("net/a", "2")]);
}

/// Keys of a configuration, and what has to be named of them.
const BAD: &[(&str, &str)] = &[
    (
        r#""sysctl": {"kernel.core_pattern": "x"}"#,
        "`sysctl.kernel.core_pattern`",
    ),
    (
        r#""sysctl": {"net/../kernel/core_pattern": "x"}"#,
        "`sysctl.net/../kernel/core_pattern`",
    ),
    (
        r#""sysctl": {"net.ipv4.../x": "x"}"#,
        "`sysctl.net.ipv4.../x`",
    ),
    (
        r#""sysctl": {"/proc/sys/net/x": "x"}"#,
        "`sysctl./proc/sys/net/x`",
    ),
    (r#""sysctl": {"net": "x"}"#, "`sysctl.net`"),
    (r#""sysctl": {"": "x"}"#, "`sysctl.`"),
    (r#""sysctl": {"network.x": "x"}"#, "`sysctl.network.x`"),
    (r#""sysctl": {"net.\u0000": "x"}"#, "control characters"),
    (
        r#""sysctl": {"net.a": ""}"#,
        "`sysctl.net.a`: its value is empty",
    ),
    (
        r#""sysctl": {"net.a": "1\n2"}"#,
        "\"1\\n2\" has control characters",
    ),
    (
        r#""sysctl": {"net.a.b": "1", "net/a/b": "2"}"#,
        "twice, the other time as \"net.a.b\"",
    ),
    (r#""sysctl": {"net.a": 1}"#, "`sysctl.net.a`"),
    (r#""sysctl": ["net.a"]"#, "`sysctl`"),
    (
        r#""args": {"cni": {"sysctl": {"kernel.x": "1"}}}"#,
        "`args.cni.sysctl.kernel.x`",
    ),
    (r#""mac": "02:00:00:00:00""#, "`mac`: \"02:00:00:00:00\""),
    (r#""mac": "banana""#, "`mac`: \"banana\""),
    (r#""mac": "01:00:5e:00:00:01""#, "`mac`: 01:00:5e:00:00:01"),
    (r#""mac": "00:00:00:00:00:00""#, "`mac`: 00:00:00:00:00:00"),
    (
        r#""runtimeConfig": {"mac": "ff:ff:ff:ff:ff:ff"}"#,
        "`mac`: ff:ff:ff:ff:ff:ff",
    ),
    (
        r#""runtimeConfig": {"mac": "x"}"#,
        "`runtimeConfig.mac`: \"x\"",
    ),
    (r#""mtu": -5"#, "`mtu`: -5"),
    (r#""mtu": 67"#, "`mtu`: 67"),
    (r#""mtu": 4294967296"#, "`mtu`: 4294967296"),
    (r#""mtu": "1400""#, "`mtu`"),
    (r#""mtu": 1400.5"#, "`mtu`"),
    (r#""promisc": "yes""#, "`promisc`"),
    (r#""allmulti": 1"#, "`allmulti`"),
    (r#""txQLen": -1"#, "`txQLen`: -1"),
    (r#""txQLen": 2147483648"#, "`txQLen`: 2147483648"),
    (r#""args": {"cni": {"mtu": 12}}"#, "`mtu`: 12"),
    (r#""dataDir": "tuning""#, "`dataDir`: \"tuning\""),
    (r#""dataDir": 5"#, "`dataDir`"),
    (r#""mtu": 1400, "MTU": 1400"#, "`mtu` is there twice"),
];

#[test]
fn what_cannot_be_meant_names_key_and_value() {
    let long = format!(r#""sysctl": {{"net.a": "{}"}}"#, "1".repeat(4096));
    for (keys, named) in BAD
        .iter()
        .copied()
        .chain([(long.as_str(), "4096 bytes, 4095 fit")])
    {
        let err = read(&format!(", {keys}"), "").unwrap_err();
        assert!(
            matches!(err.code, Code::InvalidConfig | Code::Decoding),
            "{err}"
        );
        assert!(err.msg.contains(named), "{keys}: {err}");
    }
    for (args, named) in [("MAC=x", "`MAC`"), ("MAX=1", "`MAX`")] {
        let err = read("", args).unwrap_err();
        assert_eq!(err.code, Code::InvalidEnvironment);
        assert!(err.msg.contains(named), "{err}");
    }
}

#[test]
fn removal_needs_nothing_but_a_directory() {
    let dirs = |keys: &str| {
        let text =
            format!(r#"{{"cniVersion": "1.0.0", "name": "blue", "type": "tuning", {keys}}}"#);
        let input = Input {
            conf: NetConf::parse(text.as_bytes()).unwrap(),
            args: &"".parse().unwrap(),
            ahead: Ahead::default(),
            caller: None,
        };
        keys::data_dirs(&input)
    };
    assert_eq!(
        dirs(r#""mtu": "x", "dataDir": "/a""#),
        [Path::new("/a"), Path::new("/run/cni/tuning")]
    );
    assert_eq!(dirs(r#""dataDir": "a""#), [Path::new("/run/cni/tuning")]);
}

fn before(attributes: &[Attribute], sysctls: &[(&str, &str)]) -> Before {
    let sysctl = |(path, value): &(&str, &str)| {
        let of = Sysctl {
            written: (*path).to_owned(),
            key: path.parse().unwrap(),
            value: "new".to_owned(),
        };
        (of, Some((*value).to_owned()))
    };
    Before {
        attributes: attributes.to_vec(),
        sysctls: sysctls.iter().map(sysctl).collect(),
    }
}

#[test]
fn the_first_value_of_a_namespace_is_the_one_that_is_kept() {
    let wanted = [mac("02")];
    let keep =
        |there: Option<&Backup>, is: &Before, netns| merged(there, is, &wanted, ("blue", netns));
    let first = keep(None, &before(&[mac("01")], &[("net/a", "1")]), 7);
    let again = before(
        &[mac("03"), Attribute::Mtu(1500)],
        &[("net/a", "2"), ("net/b", "3")],
    );
    let both = keep(Some(&first), &again, 7);
    assert_eq!(both.attributes, [mac("01"), Attribute::Mtu(1500)]);
    let pairs = [("net/a", "1"), ("net/b", "3")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(both.ours.clone().unwrap().sysctl, pairs);
    assert_eq!(keep(Some(&both), &again, 7), both);
    let other = keep(Some(&both), &again, 8);
    let what = "another namespace knows nothing of it";
    assert_eq!(other.attributes, again.attributes, "{what}");
}

#[test]
fn a_file_of_the_reference_counts_while_its_add_is_in_force() {
    let theirs = Backup {
        attributes: vec![mac("01"), Attribute::Promisc(false)],
        ours: None,
    };
    let keep = |is| {
        merged(
            Some(&theirs),
            &before(&[mac(is)], &[]),
            &[mac("02")],
            ("blue", 7),
        )
    };
    let stays = [mac("01"), Attribute::Promisc(false)];
    assert_eq!(keep("02").attributes, stays);
    assert_eq!(
        keep("03").attributes,
        [Attribute::Promisc(false), mac("03")]
    );
}

#[test]
fn words_of_a_sysctl_are_compared_not_the_space_between() {
    assert!(says_the_same(
        "4096\t131072\t6291456",
        "4096 131072 6291456"
    ));
    assert!(!says_the_same("1", "10") && !says_the_same("1 2", "1"));
}
