//! What the keys mean, and what is refused of them.

use super::*;
use crate::config::NetConf;
use crate::plugin::Ahead;
use core_netlink::tc::{FilterKind, FilterSpec, U32, U32Key};
use keys::Limit;

fn read(keys: &str) -> Result<Limits> {
    let text = format!(r#"{{"cniVersion": "1.0.0", "name": "blue", "type": "bandwidth"{keys}}}"#);
    Limits::read(&Input {
        conf: NetConf::parse(text.as_bytes())?,
        caller: None,
        args: &"".parse()?,
        ahead: Ahead::default(),
    })
}

fn rates(limit: Option<Limit>) -> Option<(u64, u32)> {
    limit.map(|limit| (limit.rate, limit.burst))
}

#[test]
fn bits_become_bytes() {
    let limits = r#", "ingressRate": 8000000, "ingressBurst": 160000, "EgressRate": 40000001, "egressBurst": 800007"#;
    let limits = read(limits).unwrap();
    assert_eq!(rates(limits.ingress), Some((1_000_000, 20_000)));
    assert_eq!(rates(limits.egress), Some((5_000_000, 100_000)));
    let tbf = limits.ingress.unwrap().tbf();
    assert_eq!(
        (tbf.rate, tbf.burst, tbf.limit),
        (1_000_000, 20_000, 45_000),
        "25 ms"
    );
    assert_eq!(read("").unwrap(), Limits::default());
    let zeros = r#", "ingressRate": 0, "ingressBurst": 0, "runtimeConfig": {"bandwidth": {"egressRate": 8, "egressBurst": 8}}"#;
    assert_eq!(
        read(zeros).unwrap(),
        Limits::default(),
        "the configuration has the keys"
    );
}

#[test]
fn the_runtime_is_asked_if_the_configuration_says_nothing() {
    let runtime = r#", "capabilities": {"bandwidth": true}, "runtimeConfig": {"bandwidth": {"egressRate": 80000, "egressBurst": 160000,
        "unshapedSubnets": ["10.1.2.3/8"]}}"#;
    let limits = read(runtime).unwrap();
    assert_eq!(
        (rates(limits.ingress), rates(limits.egress)),
        (None, Some((10_000, 20_000)))
    );
    assert_eq!(
        limits.which,
        Which::NotIn(vec!["10.0.0.0/8".parse().unwrap()])
    );
}

/// As containerd and Kubernetes say it.
#[test]
fn a_burst_without_limit_is_as_long_as_the_kernel_counts() {
    for (rate, burst, wanted) in [
        (1_000_000_u64, 2_147_483_647_u64, 34_250_000),
        (1_000_000, 4_294_967_295, 34_250_000),
        (100_000_000_000, 4_294_967_295, 536_870_911),
        (100_000_000_000, 34_359_738_367, u32::MAX),
    ] {
        let keys = format!(r#", "ingressRate": {rate}, "ingressBurst": {burst}"#);
        let limit = read(&keys).unwrap().ingress.unwrap();
        assert_eq!(limit.burst, wanted, "{rate}");
    }
}

/// Keys of a configuration, and what has to be named of them.
const BAD: &[(&str, &str)] = &[
    (
        r#""ingressRate": 8000"#,
        "`ingressBurst`: it is missing, and `ingressRate` is 8000",
    ),
    (
        r#""ingressBurst": 8000"#,
        "`ingressRate`: it is missing, and `ingressBurst` is 8000",
    ),
    (r#""egressRate": 8000"#, "`egressBurst`: it is missing"),
    (r#""egressBurst": 8000"#, "`egressRate`: it is missing"),
    (r#""ingressRate": 0, "ingressBurst": 5"#, "`ingressRate`"),
    (
        r#""ingressRate": 7, "ingressBurst": 80000"#,
        "`ingressRate`: 7 bits per second are less than a byte",
    ),
    (
        r#""egressRate": 1, "egressBurst": 80000"#,
        "`egressRate`: 1 bits",
    ),
    (
        r#""ingressRate": 8000, "ingressBurst": 34359738368"#,
        "`ingressBurst`: 34359738368 bits are more than 4 GiB",
    ),
    (
        r#""egressRate": 8000, "egressBurst": 18446744073709551615"#,
        "`egressBurst`: 18446744073709551615",
    ),
    (
        r#""ingressRate": -1, "ingressBurst": 8000"#,
        "`ingressRate`",
    ),
    (
        r#""ingressRate": 18446744073709551616, "ingressBurst": 8000"#,
        "`ingressRate`",
    ),
    (
        r#""ingressRate": "8mbit", "ingressBurst": 8000"#,
        "`ingressRate`",
    ),
    (
        r#""ingressRate": 8000.5, "ingressBurst": 8000"#,
        "`ingressRate`",
    ),
    (
        r#""ingressRate": 8000, "ingressBurst": true"#,
        "`ingressBurst`",
    ),
    (r#""egressRate": [], "egressBurst": 8000"#, "`egressRate`"),
    (r#""egressRate": 8000, "egressBurst": {}"#, "`egressBurst`"),
    (
        r#""ingressRate": 8000, "IngressRate": 9000"#,
        "`ingressRate` is there twice",
    ),
    (
        r#""shapedSubnets": ["10.0.0.0/33"]"#,
        "`shapedSubnets[0]`: \"10.0.0.0/33\"",
    ),
    (
        r#""shapedSubnets": ["10.0.0.1"]"#,
        "`shapedSubnets[0]`: \"10.0.0.1\"",
    ),
    (
        r#""unshapedSubnets": ["10.0.0.0/8", "x"]"#,
        "`unshapedSubnets[1]`: \"x\"",
    ),
    (r#""unshapedSubnets": "10.0.0.0/8""#, "`unshapedSubnets`"),
    (r#""nonShapedSubnets": [5]"#, "`nonShapedSubnets[0]`"),
    (
        r#""shapedSubnets": ["::/0"], "unshapedSubnets": ["::/0"]"#,
        "exclude each other",
    ),
    (
        r#""nonShapedSubnets": ["::/0"], "unshapedSubnets": ["::/0"]"#,
        "exclude each other",
    ),
    (
        r#""runtimeConfig": {"bandwidth": {"egressRate": 8000}}"#,
        "`runtimeConfig.bandwidth.egressBurst`",
    ),
    (
        r#""runtimeConfig": {"bandwidth": {"egressRate": 3, "egressBurst": 9}}"#,
        "`runtimeConfig.bandwidth.egressRate`: 3",
    ),
    (
        r#""runtimeConfig": {"bandwidth": 5}"#,
        "`runtimeConfig.bandwidth`",
    ),
    (
        r#""runtimeConfig": {"bandwidth": {"ingressRate": "1"}}"#,
        "`runtimeConfig.bandwidth.ingressRate`",
    ),
];

#[test]
fn what_cannot_be_meant_names_key_and_value() {
    let many = format!(
        r#""shapedSubnets": [{}"10.0.0.0/8"]"#,
        r#""10.0.0.0/8","#.repeat(256)
    );
    let many = (
        many.as_str(),
        "`shapedSubnets`: 257 subnets are more than 256",
    );
    for (keys, named) in BAD.iter().copied().chain([many]) {
        let err = read(&format!(", {keys}")).unwrap_err();
        assert!(
            matches!(err.code, Code::InvalidConfig | Code::Decoding),
            "{err}"
        );
        assert!(err.msg.contains(named), "{keys}: {err}");
    }
}

fn words(filter: &FilterSpec) -> Vec<(u32, u32, i32)> {
    let Some(FilterKind::U32(U32 { keys, .. })) = &filter.kind else {
        panic!("{filter:?}")
    };
    let word = |key: &U32Key| (key.value, key.mask, key.offset);
    keys.iter().map(word).collect()
}

#[test]
fn the_other_end_s_address_decides_which_packets_are_led() {
    let nets = ["10.1.0.0/16", "fd09::/20", "0.0.0.0/0"].map(|net| net.parse().unwrap());
    let wanted = |way, which: &Which| hook::wanted(IfIndex(3), way, which, IfIndex(4));
    let led = |of: &[FilterSpec]| of.iter().map(|of| of.actions.len()).collect::<Vec<_>>();
    let all = wanted(Way::Egress, &Which::All);
    assert_eq!((words(&all[0]), led(&all)), (vec![(0, 0, 0)], vec![1]));
    let some = wanted(Way::Egress, &Which::In(nets.to_vec()));
    assert_eq!(led(&some), [1, 1, 1]);
    assert_eq!(words(&some[0]), [(0x0a01_0000, 0xffff_0000, 16)]);
    assert_eq!(words(&some[1]), [(0, 0, 0)]);
    assert_eq!(words(&some[2]), [(0xfd09_0000, 0xffff_f000, 24)]);
    let others = wanted(Way::Ingress, &Which::NotIn(nets[..2].to_vec()));
    assert_eq!(led(&others), [0, 0, 1]);
    assert_eq!(words(&others[0]), [(0x0a01_0000, 0xffff_0000, 12)]);
    assert_eq!(words(&others[1]), [(0xfd09_0000, 0xffff_f000, 8)]);
    assert!(hook::same(&others, &others) && !hook::same(&others, &some));
}

#[test]
fn a_burst_is_the_same_within_what_the_kernel_loses() {
    let of = |rate, burst| Tbf {
        rate,
        burst,
        limit: 9,
        peak: None,
    };
    assert!(same(&of(1_000_000, 20_000), &of(1_000_000, 20_000)));
    assert!(same(
        &of(6_250_000_000, 10_485_400),
        &of(6_250_000_000, 10_485_760)
    ));
    assert!(!same(&of(1_000_000, 19_000), &of(1_000_000, 20_000)));
    assert!(!same(&of(1_000_001, 20_000), &of(1_000_000, 20_000)));
}
