//! What a runtime wishes for beside the configuration: addresses, gateways, ranges.

use crate::address;
use crate::args::Args;
use crate::config::{IpRange, NetConf, RequestedIp};
use crate::error::{Code, Error, Result};
use std::net::IpAddr;

/// All wishes, by where they were said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    /// `IP` of `CNI_ARGS`, divided by commas.
    pub(super) env_ips: Vec<RequestedIp>,
    /// `GATEWAY` of `CNI_ARGS`, divided by commas.
    pub(super) env_gateways: Vec<IpAddr>,
    /// `args.cni.ips`.
    pub(super) args_ips: Vec<RequestedIp>,
    /// `runtimeConfig.ips`.
    pub(super) runtime_ips: Vec<RequestedIp>,
    /// `runtimeConfig.ipRanges`: range sets before those of the configuration.
    pub(super) runtime_ranges: Vec<Vec<IpRange>>,
}

impl Wishes {
    /// Code 4 for a pair of `CNI_ARGS` that holds no addresses.
    pub(super) fn read(conf: &NetConf, args: &Args) -> Result<Wishes> {
        Ok(Wishes {
            env_ips: listed(args, "IP", |text| text.parse().ok())?,
            env_gateways: listed(args, "GATEWAY", address::parse)?,
            args_ips: conf.args.ips.clone(),
            runtime_ips: conf.runtime.ips.clone(),
            runtime_ranges: conf.runtime.ip_ranges.clone(),
        })
    }

    /// The addresses in the order of the reference, each once, without their lengths.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let all = [&self.env_ips, &self.args_ips, &self.runtime_ips];
        let mut addresses = Vec::new();
        for wish in all.into_iter().flatten() {
            if !addresses.contains(&wish.address) {
                addresses.push(wish.address);
            }
        }
        addresses
    }
}

fn listed<T>(args: &Args, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let Some(text) = args.get(name).filter(|text| !text.is_empty()) else {
        return Ok(Vec::new());
    };
    let one = |text: &str| {
        let why = || format!("`CNI_ARGS`: `{name}`: {text:?} is no IP address");
        read(text).ok_or_else(|| Error::new(Code::InvalidEnvironment, why()))
    };
    text.split(',').map(|text| one(text.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipam::tests::conf;
    use proptest::prelude::*;

    fn read(args: &str, more: &str) -> Result<Wishes> {
        Wishes::read(&conf("null", more)?, &args.parse()?)
    }

    #[test]
    fn wishes_come_from_four_places() {
        let args = "K8S_POD_NAME=x;IP=10.1.0.1, fd00::1/64;GATEWAY=10.1.0.2";
        let more = r#", "args": {"cni": {"ips": ["10.1.0.3", "10.1.0.1"]}, "labels": {}},
            "runtimeConfig": {"ips": ["::ffff:10.1.0.4"], "ipRanges": [[{"subnet": "10.3.0.0/24", "gateway": ""}]]}"#;
        let wishes = read(args, more).unwrap();
        let said: Vec<String> = wishes.addresses().iter().map(IpAddr::to_string).collect();
        assert_eq!(said, ["10.1.0.1", "fd00::1", "10.1.0.3", "10.1.0.4"]);
        assert_eq!(wishes.env_gateways, ["10.1.0.2".parse::<IpAddr>().unwrap()]);
        assert_eq!(wishes.env_ips[1].net(), "fd00::1/64".parse().ok());
        assert_eq!(wishes.args_ips[0].net(), None);
        let range = &wishes.runtime_ranges[0][0];
        assert_eq!(range.subnet.to_string(), "10.3.0.0/24");
        assert_eq!(range.gateway, None);
    }

    #[test]
    fn what_is_not_said_is_no_wish() {
        for nothing in [
            "",
            r#", "args": null, "runtimeConfig": null"#,
            r#", "args": {"cni": null}, "runtimeConfig": {"ips": null, "ipRanges": null}"#,
            r#", "args": {"cni": {"ips": null}}, "runtimeConfig": {"ips": []}"#,
        ] {
            assert_eq!(read("IP=", nothing), Ok(Wishes::default()));
        }
    }

    #[test]
    fn wishes_that_cannot_be_read_name_their_key() {
        let why = |args: &str, more: &str| {
            let err = read(args, more).unwrap_err();
            format!("{}: {err}", u32::from(err.code))
        };
        let table = [
            (
                r#", "args": 5"#,
                "6: `args`: a number where an object is expected",
            ),
            (
                r#", "args": {"cni": {"ips": "10.1.0.1"}}"#,
                "6: `args.cni.ips`: string \"10.1.0.1\" where a sequence is expected",
            ),
            (
                r#", "args": {"cni": {"ips": [5]}}"#,
                "6: `args.cni.ips[0]`: integer `5` where a string is expected",
            ),
            (
                r#", "args": {"cni": {"ips": ["10.1.0.1", ""]}}"#,
                "7: `args.cni.ips[1]`: \"\" is no address such as 10.1.2.3 or 10.1.2.3/24",
            ),
            (
                r#", "runtimeConfig": {"ips": ["10.1.0.1/33"]}"#,
                "7: `runtimeConfig.ips[0]`: \"10.1.0.1/33\" is no address such as 10.1.2.3 or 10.1.2.3/24",
            ),
            (
                r#", "runtimeConfig": {"ipRanges": [{}]}"#,
                "6: `runtimeConfig.ipRanges[0]`: map where a sequence is expected",
            ),
            (
                r#", "runtimeConfig": {"ipRanges": [[{}]]}"#,
                "7: `runtimeConfig.ipRanges[0][0].subnet` is missing",
            ),
            (
                r#", "runtimeConfig": {"ipRanges": [[{"subnet": "x"}]]}"#,
                "7: `runtimeConfig.ipRanges[0][0].subnet`: \"x\" is not written as ADDRESS/LENGTH, such as 10.1.0.0/24",
            ),
        ];
        for (more, want) in table {
            assert_eq!(why("", more), want);
        }
        assert_eq!(
            why("IP=10.1.0.1,x", ""),
            "4: `CNI_ARGS`: `IP`: \"x\" is no IP address"
        );
        assert_eq!(
            why("GATEWAY=10.1.0.1/24", ""),
            "4: `CNI_ARGS`: `GATEWAY`: \"10.1.0.1/24\" is no IP address"
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(ip in "[^;]*", gateway in "[0-9a-f.:/, ]*", text in "[\\[\\]{}\":,0-9a-z]*") {
            let _ = read(&format!("IP={ip};GATEWAY={gateway}"), "");
            let _ = (read("", &text), gateway.parse::<RequestedIp>());
        }
    }
}
