//! What cannot be meant, and how it is said.

use super::*;

const NO_RANGE: &str = "`ipam.ranges`: there is no range to give addresses of";
const SUBNET: &str = "is not written as ADDRESS/LENGTH, such as 10.1.0.0/24";

/// The keys of `ipam`, and what is said of them; `{}` stands for [`SUBNET`].
const TABLE: [(&str, &str); 47] = [
    (r#""x": 1"#, NO_RANGE),
    (r#""ranges": []"#, NO_RANGE),
    (r#""rangeStart": "10.1.0.5""#, NO_RANGE),
    (
        r#""ranges": 5"#,
        "`ipam.ranges`: integer `5` where a sequence is expected",
    ),
    (
        r#""ranges": {}"#,
        "`ipam.ranges`: map where a sequence is expected",
    ),
    (
        r#""ranges": [{"subnet": "10.1.0.0/24"}]"#,
        "`ipam.ranges[0]`: map where a sequence is expected",
    ),
    (
        r#""ranges": [null]"#,
        "`ipam.ranges[0]`: null where a sequence is expected",
    ),
    (
        r#""ranges": [["10.1.0.0/24"]]"#,
        "`ipam.ranges[0][0]`: string \"10.1.0.0/24\" where an object is expected",
    ),
    (
        r#""ranges": [[["10.1.0.0/24"]]]"#,
        "`ipam.ranges[0][0]`: sequence where an object is expected",
    ),
    (
        r#""ranges": [[null]]"#,
        "`ipam.ranges[0][0]`: null where an object is expected",
    ),
    (r#""ranges": [[]]"#, "`ipam.ranges[0]`: it is empty"),
    (
        r#""ranges": [[{}]]"#,
        "`ipam.ranges[0][0].subnet` is missing",
    ),
    (
        r#""ranges": [[{"subnet": null}]]"#,
        "`ipam.ranges[0][0].subnet` is missing",
    ),
    (
        r#""ranges": [[{"subnet": 5}]]"#,
        "`ipam.ranges[0][0].subnet`: integer `5` where a string is expected",
    ),
    (
        r#""ranges": [[{"subnet": ""}]]"#,
        "`ipam.ranges[0][0].subnet`: \"\" {}",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0"}]]"#,
        "`ipam.ranges[0][0].subnet`: \"10.1.0.0\" {}",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/33"}]]"#,
        "`ipam.ranges[0][0].subnet`: \"10.1.0.0/33\" {}",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/-1"}]]"#,
        "`ipam.ranges[0][0].subnet`: \"10.1.0.0/-1\" {}",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0/24"}]]"#,
        "`ipam.ranges[0][0].subnet`: \"10.1.0/24\" {}",
    ),
    (
        r#""ranges": [[{"subnet": "fd00::/129"}]]"#,
        "`ipam.ranges[0][0].subnet`: \"fd00::/129\" {}",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "x"}]]"#,
        "`ipam.ranges[1][0].subnet`: \"x\" {}",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.5/24"}]]"#,
        "`ipam.ranges[0][0].subnet`: 10.1.0.5/24 has host bits set; the subnet is 10.1.0.0/24",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/31"}]]"#,
        "`ipam.ranges[0][0].subnet`: 10.1.0.0/31 is too small: at least 4 addresses are needed (/30, or /126 of IPv6)",
    ),
    (
        r#""ranges": [[{"subnet": "fd00::1/128"}]]"#,
        "`ipam.ranges[0][0].subnet`: fd00::1/128 is too small: at least 4 addresses are needed (/30, or /126 of IPv6)",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24", "rangeStart": "x"}]]"#,
        "`ipam.ranges[0][0].rangeStart`: \"x\" is no IP address",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.5/24"}]]"#,
        "`ipam.ranges[0][0].rangeStart`: \"10.1.0.5/24\" is no IP address",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24", "rangeStart": "10.2.0.1"}]]"#,
        "`ipam.ranges[0][0].rangeStart`: 10.2.0.1 is not in 10.1.0.0/24",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24", "rangeStart": "fd00::1"}]]"#,
        "`ipam.ranges[0][0].rangeStart`: fd00::1 is not in 10.1.0.0/24",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24", "rangeEnd": 9}]]"#,
        "`ipam.ranges[0][0].rangeEnd`: integer `9` where a string is expected",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24", "rangeEnd": "10.1.1.0"}]]"#,
        "`ipam.ranges[0][0].rangeEnd`: 10.1.1.0 is not in 10.1.0.0/24",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.9", "rangeEnd": "10.1.0.8"}]]"#,
        "`ipam.ranges[0][0].rangeStart`: 10.1.0.9 comes after the end, 10.1.0.8",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24", "gateway": "gw"}]]"#,
        "`ipam.ranges[0][0].gateway`: \"gw\" is no IP address",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24", "gateway": "fd00::1"}]]"#,
        "`ipam.ranges[0][0].gateway`: fd00::1 cannot be the gateway of 10.1.0.0/24: it is of the other family",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}]]"#,
        "`ipam.ranges[0]`: 10.1.0.1-10.1.0.254 and fd00::1-fd00::ffff:ffff:ffff:ffff are of different families; each needs a set of its own",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "10.1.0.0/25"}]]"#,
        "`ipam.ranges[0]`: 10.1.0.1-10.1.0.254 overlaps 10.1.0.1-10.1.0.126",
    ),
    (
        r#""ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.1.0.0/25"}]]"#,
        "`ipam.ranges[1]`: 10.1.0.1-10.1.0.254 overlaps 10.1.0.1-10.1.0.126",
    ),
    (
        r#""subnet": "10.1.0.0/24", "ranges": [[{"subnet": "10.1.0.0/16"}]]"#,
        "`ipam.ranges[0]`: 10.1.0.1-10.1.0.254 overlaps 10.1.0.1-10.1.255.254",
    ),
    (
        r#""subnet": "10.1.0.0/31""#,
        "`ipam.subnet`: 10.1.0.0/31 is too small: at least 4 addresses are needed (/30, or /126 of IPv6)",
    ),
    (
        r#""subnet": "10.1.0.0/24", "rangeStart": "10.0.0.1""#,
        "`ipam.rangeStart`: 10.0.0.1 is not in 10.1.0.0/24",
    ),
    (
        r#""subnet": "10.1.0.0/24", "gateway": ["10.1.0.1"]"#,
        "`ipam.gateway`: sequence where a string is expected",
    ),
    (
        r#""subnet": "10.1.0.0/24", "resolvConf": 5"#,
        "`ipam.resolvConf`: integer `5` where path string is expected",
    ),
    (
        r#""subnet": "10.1.0.0/24", "routes": {}"#,
        "`ipam.routes`: map where a sequence is expected",
    ),
    (
        r#""subnet": "10.1.0.0/24", "routes": [{}]"#,
        "`ipam.routes[0].dst` is missing",
    ),
    (
        r#""subnet": "10.1.0.0/24", "routes": [{"dst": "default"}]"#,
        "`ipam.routes[0].dst`: \"default\" {}",
    ),
    (
        r#""subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0", "gw": "x"}]"#,
        "`ipam.routes[0].gw`: \"x\" is no IP address",
    ),
    (
        r#""subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0", "table": 4294967296}]"#,
        "`ipam.routes[0].table`: invalid value: integer `4294967296`, expected u32",
    ),
    (
        r#""subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0", "scope": 256}]"#,
        "`ipam.routes[0].scope`: invalid value: integer `256`, expected u8",
    ),
];

#[test]
fn what_cannot_be_meant_is_refused_with_its_key() {
    for (more, want) in TABLE {
        let err = parse_in(Path::new("/nowhere"), more, "", "").unwrap_err();
        let code = match want.contains(" where ") {
            true => Code::Decoding,
            false => Code::InvalidConfig,
        };
        let want = want.replace("{}", SUBNET);
        assert_eq!((err.code, err.msg), (code, want), "{more}");
    }
    let config =
        r#", "runtimeConfig": {"ipRanges": [[{"subnet": "10.1.0.0/24", "rangeEnd": "10.2.0.1"}]]}"#;
    let err = parse_in(Path::new("/nowhere"), r#""x": 1"#, config, "").unwrap_err();
    assert_eq!(
        err.msg,
        "`runtimeConfig.ipRanges[0][0].rangeEnd`: 10.2.0.1 is not in 10.1.0.0/24"
    );
}
