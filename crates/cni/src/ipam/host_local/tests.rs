//! The configuration, and what is given by it.

mod refused;

use super::*;
use crate::args::Args;
use crate::ipam::Ipam;
use crate::ipam::tests::conf;
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn key(id: &str) -> Key {
    Key::new(id, "eth0")
}

/// `more` are the keys beside `dataDir`, `beside` those beside `ipam`.
fn parse_in(dir: &Path, more: &str, beside: &str, args: &str) -> Result<HostLocal> {
    let ipam = format!(r#"{{"type": "host-local", "dataDir": {dir:?}, {more}}}"#);
    let conf = conf(&ipam, beside)?;
    HostLocal::read(&conf, &Wishes::read(&conf, &args.parse()?)?)
}

struct Host(TempDir);

impl Host {
    fn new() -> Host {
        Host(tempfile::tempdir().unwrap())
    }

    fn parse(&self, more: &str) -> HostLocal {
        parse_in(self.0.path(), more, "", "").unwrap()
    }

    fn wish(&self, more: &str, beside: &str, args: &str) -> String {
        let ipam = parse_in(self.0.path(), more, beside, args);
        said(ipam.and_then(|ipam| ipam.add(&key("c1"))))
    }

    fn leases(&self) -> Vec<String> {
        let leases = Leases::open(self.0.path(), "blue").unwrap().all().unwrap();
        let leases = leases
            .iter()
            .map(|(key, at)| format!("{at} {}", key.container_id));
        leases.collect()
    }
}

fn said(given: Result<Given>) -> String {
    let one = |ip: &Ip| format!("{} via {}", ip.address, ip.gateway.unwrap());
    match given {
        Ok(given) => given.ips.iter().map(one).collect::<Vec<_>>().join(", "),
        Err(err) => format!("{}: {err}", u32::from(err.code)),
    }
}

const TWO: &str = r#""ranges": [[{"subnet": "10.1.0.0/29"}], [{"subnet": "fd00::/126"}]]"#;

#[test]
fn one_address_of_each_set_with_routes_and_name_servers() {
    let host = Host::new();
    let resolv = host.0.path().join("resolv.conf");
    fs::write(&resolv, "nameserver 1.1.1.1\n").unwrap();
    let more = format!(
        r#"{TWO}, "resolvConf": {resolv:?}, "routes": [{{"dst": "0.0.0.0/0"}}], "subnet": null, "gateway": """#
    );
    let given = host.parse(&more).add(&key("c1")).unwrap();
    assert_eq!(
        (given.routes.len(), given.dns.nameservers.as_slice()),
        (1, &["1.1.1.1".to_owned()][..])
    );
    assert_eq!(
        said(Ok(given)),
        "10.1.0.2/29 via 10.1.0.1, fd00::2/126 via fd00::1"
    );
}

#[test]
fn sets_come_from_three_places_in_the_order_of_the_reference() {
    let more = r#""subnet": "10.1.0.0/24", "rangeStart": "10.1.0.9", "gateway": "10.9.0.1", "ranges": [[{"subnet": "10.2.0.0/24"}]]"#;
    let beside = r#", "runtimeConfig": {"ipRanges": [[{"subnet": "10.3.0.0/24"}]]}"#;
    assert_eq!(
        Host::new().wish(more, beside, ""),
        "10.3.0.2/24 via 10.3.0.1, 10.1.0.9/24 via 10.9.0.1, 10.2.0.2/24 via 10.2.0.1"
    );
}

#[test]
fn every_wish_is_given_or_named() {
    let add = |beside: &str, args: &str| Host::new().wish(TWO, beside, args);
    assert_eq!(
        add(
            r#", "runtimeConfig": {"ips": ["fd00::3/64", "10.1.0.5/8"]}"#,
            ""
        ),
        "10.1.0.5/29 via 10.1.0.1, fd00::3/126 via fd00::1"
    );
    assert_eq!(
        add("", "IP=10.1.0.4"),
        "10.1.0.4/29 via 10.1.0.1, fd00::2/126 via fd00::1"
    );
    assert_eq!(
        add(
            r#", "args": {"cni": {"ips": ["10.1.0.4", "10.1.0.5", "10.2.0.1"]}}"#,
            "IP=10.1.0.4"
        ),
        "7: cannot give all addresses that are wished for: 10.1.0.5 (its range set gives one address, 10.1.0.4), 10.2.0.1 (in no range)"
    );
    assert_eq!(
        add(r#", "args": {"cni": {"ips": ["10.1.0.1"]}}"#, ""),
        "7: cannot give an address of `ipam.ranges[0]`: 10.1.0.1 is reserved in 10.1.0.0/29: it is the gateway's"
    );
}

#[test]
fn all_or_none_is_given() {
    let host = Host::new();
    let small = r#""ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.2.0.0/24"}], [{"subnet": "10.3.0.0/30"}]]"#;
    host.parse(small).add(&key("c1")).unwrap();
    let before = host.leases();
    assert_eq!(
        said(host.parse(small).add(&key("c2"))),
        "100: cannot give an address of `ipam.ranges[2]`: all 1 addresses of 10.3.0.1-10.3.0.2 are in use"
    );
    assert_eq!(host.leases(), before);
    let more = small.replace(
        "10.3.0.0/30",
        "10.3.0.0/30\"}], [{\"subnet\": \"10.4.0.0/30\", \"rangeEnd\": \"10.4.0.1",
    );
    assert!(host.parse(&more).add(&key("c1")).is_err());
    assert_eq!(host.leases(), before, "what it held before, it keeps");
    fs::write(
        host.0.path().join("blue/10.1.0.9"),
        key("c3").container_id + "\r\neth0",
    )
    .unwrap();
    fs::write(host.0.path().join("blue/last_reserved_ip.0"), "10.1.0.9").unwrap();
    let before = host.leases();
    assert!(host.parse(small).add(&key("c3")).is_err());
    assert_eq!(host.leases(), before, "also what the reference gave it");
}

#[test]
fn nothing_is_written_when_the_name_servers_cannot_be_read() {
    let host = Host::new();
    let err = host
        .parse(&format!(r#"{TWO}, "resolvConf": "/nonexistent/x""#))
        .add(&key("c1"));
    assert_eq!(err.unwrap_err().code, Code::Io);
    assert_eq!(fs::read_dir(host.0.path()).unwrap().count(), 0);
}

#[test]
fn a_del_succeeds_however_much_is_gone() {
    let host = Host::new();
    let ipam = host.parse(TWO);
    ipam.del(&key("c1")).unwrap();
    assert_eq!(fs::read_dir(host.0.path()).unwrap().count(), 0);
    ipam.add(&key("c1")).unwrap();
    fs::remove_file(host.0.path().join("blue/10.1.0.2")).unwrap();
    ipam.del(&key("c1")).unwrap();
    ipam.del(&key("c1")).unwrap();
    assert!(host.leases().is_empty());
}

#[test]
fn a_check_names_what_is_not_reserved() {
    let host = Host::new();
    let ipam = host.parse(TWO);
    let given = ipam.add(&key("c1")).unwrap().ips;
    ipam.check(&key("c1"), &given).unwrap();
    let why = |id: &str, given: &[Ip]| {
        let err = ipam.check(&key(id), given).unwrap_err();
        assert_eq!(err.code, Code::Differs);
        err.msg
    };
    assert_eq!(
        why("c2", &given),
        "10.1.0.2 is not reserved for container c2, interface eth0 in network blue"
    );
    fs::remove_file(host.0.path().join("blue/fd00::2")).unwrap();
    assert_eq!(
        why("c1", &given),
        "fd00::2 is not reserved for container c1, interface eth0 in network blue"
    );
    assert_eq!(
        why("c1", &given[..1]),
        "container c1, interface eth0 holds no address of `ipam.ranges[1]` (fd00::1-fd00::3)"
    );
    let elsewhere = Ip {
        address: "192.0.2.1/24".parse().unwrap(),
        gateway: None,
        interface: None,
    };
    assert!(
        why("c1", &[elsewhere]).contains("holds no address"),
        "another plugin's"
    );
}

#[test]
fn a_collection_frees_exactly_what_is_not_valid() {
    let host = Host::new();
    let ipam = host.parse(TWO);
    ipam.gc(&[]).unwrap();
    assert_eq!(fs::read_dir(host.0.path()).unwrap().count(), 0);
    for id in ["c1", "c2"] {
        ipam.add(&key(id)).unwrap();
    }
    for (at, id) in [("10.1.0.5", "old1"), ("10.1.0.6", "old2")] {
        fs::write(host.0.path().join("blue").join(at), id).unwrap();
    }
    ipam.gc(&[key("c2"), Key::new("c1", "eth1"), Key::new("old2", "net9")])
        .unwrap();
    assert_eq!(
        host.leases(),
        ["10.1.0.3 c2", "10.1.0.6 old2", "fd00::3 c2"]
    );
    ipam.gc(&[]).unwrap();
    assert!(host.leases().is_empty());
}

#[test]
fn the_status_says_which_set_is_used_up() {
    let host = Host::new();
    let ipam = host.parse(TWO);
    ipam.status().unwrap();
    assert_eq!(fs::read_dir(host.0.path()).unwrap().count(), 0);
    for id in ["c1", "c2"] {
        ipam.add(&key(id)).unwrap();
    }
    let err = ipam.status().unwrap_err();
    assert_eq!(err.code, Code::Unavailable);
    assert_eq!(
        err.msg,
        "`ipam.ranges[1]`: all 2 addresses of fd00::1-fd00::3 are in use"
    );
    ipam.del(&key("c1")).unwrap();
    ipam.status().unwrap();
}

#[test]
fn leases_lie_where_every_process_finds_them() {
    for dir in ["leases", "./leases", "../leases"] {
        let err = parse_in(Path::new(dir), TWO, "", "").unwrap_err();
        let want = format!("`ipam.dataDir`: {dir:?} is no absolute path");
        assert_eq!((err.code, err.msg), (Code::InvalidConfig, want));
    }
    let ipam = r#"{"type": "host-local", "dataDir": "leases"}"#;
    assert!(Ipam::for_removal(&conf(ipam, "").unwrap()).is_ok());
}

#[test]
fn what_is_not_said_is_as_with_the_reference() {
    let keys =
        r#""subnet": "10.1.0.0/24", "resolvConf": "", "ranges": null, "routes": null, "x": 5"#;
    let ipam = parse_in(Path::new(""), keys, "", "").unwrap();
    assert_eq!(ipam.data_dir, Path::new("/var/lib/cni/networks"));
    assert_eq!((ipam.resolv_conf, ipam.routes.len()), (None, 0));
}

/// JSON that is nearly a configuration.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "(10\\.1\\.0\\.[0-9]{1,3}|fd00::[0-9a-f]?)(/[0-9]{1,3})?".prop_map(Value::from),
        ".{0,4}".prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "type",
        "subnet",
        "rangeStart",
        "rangeEnd",
        "gateway",
        "ranges",
        "routes",
        "dst",
        "gw",
        "mtu",
        "resolvConf",
        "addresses",
        "address",
        "dns",
    ]);
    leaf.prop_recursive(4, 32, 4, move |inner| {
        let pairs = prop::collection::vec((keys.clone(), inner.clone()), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            pairs.prop_map(|pairs| pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_configuration_makes_it_panic(ipam in values(), args in values()) {
        let beside = format!(r#", "args": {{"cni": {{"ips": {args}}}}}, "runtimeConfig": {{"ips": {args}, "ipRanges": {args}}}"#);
        for conf in [conf(&ipam.to_string(), &beside), conf(&ipam.to_string(), "")].into_iter().flatten() {
            let wishes = Wishes::read(&conf, &Args::default()).unwrap();
            let _ = HostLocal::read(&conf, &wishes).map(|ipam| ipam.assigned());
            let _ = crate::ipam::Static::read(&conf, wishes).map(|ipam| ipam.add());
            let _ = (Ipam::read(&conf, &Args::default()), Ipam::for_removal(&conf));
        }
    }
}
