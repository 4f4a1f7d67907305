//! What a runtime wishes for beside the configuration: addresses, gateways, ranges.

use super::decode::{Object, decode, json, parse_address, parse_net};
use super::ranges::{RangeFile, specs};
use crate::error::{Code, Error, Result};
use ::ipam::RangeSpec;
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::net::IpAddr;
use std::str::FromStr;

/// An address that is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The address.
    pub address: IpAddr,
    /// The length of its prefix, if it is said. `host-local` does not look at it, `static` needs it.
    pub prefix: Option<u8>,
}

impl Wish {
    /// The address with its length, if that is said.
    pub fn net(self) -> Option<IpNet> {
        IpNet::new(self.address, self.prefix?).ok()
    }
}

/// `10.1.0.5` or `10.1.0.5/24`.
impl FromStr for Wish {
    type Err = Error;

    fn from_str(text: &str) -> Result<Wish> {
        let plain = |address| Wish {
            address,
            prefix: None,
        };
        let with_length = |net: IpNet| Wish {
            address: net.addr(),
            prefix: Some(net.prefix_len()),
        };
        let wish = parse_address(text).map(plain);
        let wish = wish.or_else(|| parse_net(text).map(with_length));
        let why = || format!("{text:?} is no IP address, with or without the length of its prefix");
        wish.ok_or_else(|| Error::new(Code::InvalidConfig, why()))
    }
}

impl<'de> Deserialize<'de> for Wish {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Wish, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// All wishes, by where they were said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `IP` of `CNI_ARGS`, divided by commas.
    pub env_ips: Vec<Wish>,
    /// `GATEWAY` of `CNI_ARGS`, divided by commas.
    pub env_gateways: Vec<IpAddr>,
    /// `args.cni.ips`.
    pub args_ips: Vec<Wish>,
    /// `runtimeConfig.ips`.
    pub runtime_ips: Vec<Wish>,
    /// `runtimeConfig.ipRanges`: range sets before those of the configuration.
    pub runtime_ranges: Vec<Vec<RangeSpec>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WishesFile {
    args: Option<Object<ArgsFile>>,
    runtime_config: Option<Object<RuntimeFile>>,
}

#[derive(Default, Deserialize)]
struct ArgsFile {
    cni: Option<Object<CniFile>>,
}

#[derive(Default, Deserialize)]
struct CniFile {
    ips: Option<Vec<Wish>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeFile {
    ips: Option<Vec<Wish>>,
    ip_ranges: Option<Vec<Vec<Object<RangeFile>>>>,
}

impl Wishes {
    /// The wishes in the pairs of `CNI_ARGS` and in the text of a network's configuration.
    ///
    /// ```
    /// let config = r#"{"runtimeConfig": {"ips": ["10.1.0.9/24"]}}"#;
    /// let wishes = cni::ipam::Wishes::read(&[("IP", "10.1.0.7")], config)?;
    /// assert_eq!(wishes.runtime_ips, ["10.1.0.9/24".parse()?]);
    /// # Ok::<(), cni::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Code::Decoding`] if the text is no JSON; [`Code::InvalidConfig`] or [`Code::InvalidEnvironment`], naming the key.
    pub fn read(args: &[(&str, &str)], config: &str) -> Result<Wishes> {
        Wishes::from_value(args, &json(config)?)
    }

    pub(crate) fn from_value(args: &[(&str, &str)], config: &Value) -> Result<Wishes> {
        let file: WishesFile = decode(config, "")?;
        let Object(args_file) = file.args.unwrap_or_default();
        let Object(cni) = args_file.cni.unwrap_or_default();
        let Object(runtime) = file.runtime_config.unwrap_or_default();
        let ranges = runtime.ip_ranges.unwrap_or_default();
        Ok(Wishes {
            env_ips: listed(args, "IP", |text| text.parse().ok())?,
            env_gateways: listed(args, "GATEWAY", parse_address)?,
            args_ips: cni.ips.unwrap_or_default(),
            runtime_ips: runtime.ips.unwrap_or_default(),
            runtime_ranges: specs(ranges, "runtimeConfig.ipRanges")?,
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

fn listed<T>(
    args: &[(&str, &str)],
    name: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>> {
    let Some((_, text)) = args
        .iter()
        .find(|(key, text)| *key == name && !text.is_empty())
    else {
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
    use proptest::prelude::*;

    #[test]
    fn wishes_come_from_four_places() {
        let args = [
            ("K8S_POD_NAME", "x"),
            ("IP", "10.1.0.1, fd00::1/64"),
            ("GATEWAY", "10.1.0.2"),
        ];
        let config = r#"{
            "args": {"cni": {"ips": ["10.1.0.3", "10.1.0.1"]}, "labels": {}},
            "runtimeConfig": {"ips": ["::ffff:10.1.0.4"], "ipRanges": [[{"subnet": "10.3.0.0/24", "gateway": ""}]], "mac": 5}
        }"#;
        let wishes = Wishes::read(&args, config).unwrap();
        let said: Vec<String> = wishes.addresses().iter().map(IpAddr::to_string).collect();
        assert_eq!(said, ["10.1.0.1", "fd00::1", "10.1.0.3", "10.1.0.4"]);
        assert_eq!(wishes.env_gateways, ["10.1.0.2".parse::<IpAddr>().unwrap()]);
        assert_eq!(wishes.env_ips[1].net(), "fd00::1/64".parse().ok());
        assert_eq!(wishes.args_ips[0].net(), None);
        assert_eq!(
            wishes.runtime_ranges[0][0].subnet.to_string(),
            "10.3.0.0/24"
        );
        assert_eq!(wishes.runtime_ranges[0][0].gateway, None);
    }

    #[test]
    fn what_is_not_said_is_no_wish() {
        for nothing in [
            "{}",
            r#"{"args": null, "runtimeConfig": null}"#,
            r#"{"args": {"cni": null}, "runtimeConfig": {"ips": null, "ipRanges": null}}"#,
            r#"{"args": {"cni": {"ips": null}}, "runtimeConfig": {"ips": []}}"#,
        ] {
            assert_eq!(
                Wishes::read(&[("IP", "")], nothing).unwrap(),
                Wishes::default()
            );
        }
    }

    #[test]
    fn wishes_that_cannot_be_read_name_their_key() {
        let why = |args: &[(&str, &str)], config: &str| {
            let err = Wishes::read(args, config).unwrap_err();
            format!("{}: {err}", u32::from(err.code))
        };
        let table = [
            (
                r#"{"args": 5}"#,
                "7: `args`: invalid type: integer `5`, expected an object",
            ),
            (
                r#"{"args": {"cni": {"ips": "10.1.0.1"}}}"#,
                "7: `args.cni.ips`: invalid type: string \"10.1.0.1\", expected a sequence",
            ),
            (
                r#"{"args": {"cni": {"ips": [5]}}}"#,
                "7: `args.cni.ips[0]`: invalid type: integer `5`, expected a string",
            ),
            (
                r#"{"args": {"cni": {"ips": ["10.1.0.1", ""]}}}"#,
                "7: `args.cni.ips[1]`: \"\" is no IP address, with or without the length of its prefix",
            ),
            (
                r#"{"runtimeConfig": {"ips": ["10.1.0.1/33"]}}"#,
                "7: `runtimeConfig.ips[0]`: \"10.1.0.1/33\" is no IP address, with or without the length of its prefix",
            ),
            (
                r#"{"runtimeConfig": {"ipRanges": [{}]}}"#,
                "7: `runtimeConfig.ipRanges[0]`: invalid type: map, expected a sequence",
            ),
            (
                r#"{"runtimeConfig": {"ipRanges": [[{}]]}}"#,
                "7: `runtimeConfig.ipRanges[0][0].subnet`: it is missing",
            ),
            (
                r#"{"runtimeConfig": {"ipRanges": [[{"subnet": "x"}]]}}"#,
                "7: `runtimeConfig.ipRanges[0][0].subnet`: \"x\" is not written as ADDRESS/LENGTH, such as 10.1.0.0/24",
            ),
            (
                "{",
                "6: the configuration is no JSON: EOF while parsing an object at line 1 column 1",
            ),
        ];
        for (config, want) in table {
            assert_eq!(why(&[], config), want);
        }
        assert_eq!(
            why(&[("IP", "10.1.0.1,x")], "{}"),
            "4: `CNI_ARGS`: `IP`: \"x\" is no IP address"
        );
        assert_eq!(
            why(&[("GATEWAY", "10.1.0.1/24")], "{}"),
            "4: `CNI_ARGS`: `GATEWAY`: \"10.1.0.1/24\" is no IP address"
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(ip in ".*", gateway in "[0-9a-f.:/, ]*", text in "[\\[\\]{}\":,0-9a-z]*") {
            let args = [("IP", ip.as_str()), ("GATEWAY", gateway.as_str())];
            let _ = (Wishes::read(&args, "{}"), Wishes::read(&[], &text), gateway.parse::<Wish>());
        }
    }
}
