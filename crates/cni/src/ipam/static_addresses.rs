//! `static`: the addresses that are written down, held nowhere.

use super::wishes::Wishes;
use super::{Given, keys};
use crate::address;
use crate::config::{NetConf, RequestedIp};
use crate::error::{Code, Error, Result};
use crate::result::{Dns, Ip, Route};
use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;

/// What is configured and wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Static {
    addresses: Vec<Ip>,
    wishes: Wishes,
    routes: Vec<Route>,
    dns: Dns,
}

/// The keys of `ipam`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Keys {
    addresses: Vec<Address>,
    routes: Vec<Route>,
    dns: Dns,
}

#[derive(Deserialize)]
struct Address {
    #[serde(deserialize_with = "address::net")]
    address: IpNet,
    #[serde(default, deserialize_with = "address::optional")]
    gateway: Option<IpAddr>,
}

impl Static {
    pub(super) fn read(conf: &NetConf, wishes: Wishes) -> Result<Static> {
        let keys: Keys = keys(conf)?;
        let addresses = keys.addresses.iter().enumerate();
        let addresses = addresses.map(|(at, address)| address.ip(at));
        Ok(Static {
            addresses: addresses.collect::<Result<_>>()?,
            wishes,
            routes: keys.routes,
            dns: keys.dns,
        })
    }

    /// `runtimeConfig.ips`; or else `args.cni.ips`; or else what is configured and `IP` of `CNI_ARGS`.
    ///
    /// A gateway of `CNI_ARGS` is that of the addresses of `CNI_ARGS` in whose subnet it lies.
    fn ips(&self) -> Result<Vec<Ip>> {
        let wishes = &self.wishes;
        if !wishes.runtime_ips.is_empty() {
            return with_lengths(&wishes.runtime_ips, "runtimeConfig.ips");
        }
        if !wishes.args_ips.is_empty() {
            return with_lengths(&wishes.args_ips, "args.cni.ips");
        }
        let mut more = with_lengths(&wishes.env_ips, "CNI_ARGS: IP")?;
        for ip in &mut more {
            let mut gateways = wishes.env_gateways.iter().rev();
            ip.gateway = gateways
                .find(|gateway| ip.address.contains(*gateway))
                .copied();
        }
        let all = self.addresses.iter().cloned().chain(more);
        Ok(all.collect())
    }

    pub(super) fn add(&self) -> Result<Given> {
        Ok(Given {
            ips: self.ips()?,
            routes: self.routes.clone(),
            dns: self.dns.clone(),
            new: Vec::new(),
        })
    }

    /// That the result of the ADD has all addresses, with their gateways.
    pub(super) fn check(&self, given: &[Ip]) -> Result<()> {
        for ip in self.ips()? {
            let address = ip.address.addr();
            let found = given.iter().find(|given| given.address.addr() == address);
            let why = match found {
                None => format!("{address} was not given"),
                Some(found) if ip.gateway.is_some() && found.gateway != ip.gateway => {
                    let gateway =
                        |ip: &Ip| ip.gateway.map_or("none".to_owned(), |at| at.to_string());
                    format!(
                        "the gateway of {address} is {}, not {}",
                        gateway(found),
                        gateway(&ip)
                    )
                }
                Some(_) => continue,
            };
            return Err(Error::new(Code::Differs, why));
        }
        Ok(())
    }
}

impl Address {
    fn ip(&self, at: usize) -> Result<Ip> {
        let (address, gateway) = (self.address, self.gateway);
        let is_other = |gateway: &IpAddr| gateway.is_ipv4() != address.addr().is_ipv4();
        if let Some(gateway) = gateway.filter(is_other) {
            let why =
                format!("{gateway} cannot be the gateway of {address}: it is of the other family");
            return Err(Error::invalid(
                &format!("ipam.addresses[{at}].gateway"),
                why,
            ));
        }
        Ok(Ip {
            address,
            gateway,
            interface: None,
        })
    }
}

fn with_lengths(wishes: &[RequestedIp], key: &str) -> Result<Vec<Ip>> {
    let one = |wish: &RequestedIp| {
        let why = || {
            format!(
                "{} needs the length of its prefix, as in 10.1.0.5/24",
                wish.address
            )
        };
        let address = wish.net().ok_or_else(|| Error::invalid(key, why()))?;
        Ok(Ip {
            address,
            gateway: None,
            interface: None,
        })
    };
    wishes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipam::tests::conf;

    const BOTH: &str = r#""addresses": [{"address": "10.1.0.5/24", "gateway": "10.1.0.1"}, {"address": "fd00::5/64"}]"#;

    /// `ipam` beside its type, `CNI_ARGS`, and the keys beside `ipam`.
    fn parse(ipam: &str, args: &str, more: &str) -> Result<Static> {
        let ipam = format!(r#"{{"type": "static", {ipam}}}"#);
        let conf = conf(&ipam, more)?;
        Static::read(&conf, Wishes::read(&conf, &args.parse()?)?)
    }

    fn said(ips: &[Ip]) -> String {
        let one = |ip: &Ip| match ip.gateway {
            Some(gateway) => format!("{} via {gateway}", ip.address),
            None => ip.address.to_string(),
        };
        ips.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn add(args: &str, more: &str) -> String {
        let given = parse(BOTH, args, more).and_then(|ipam| ipam.add());
        given.map_or_else(|err| err.to_string(), |given| said(&given.ips))
    }

    #[test]
    fn wishes_come_beside_or_instead_of_what_is_written() {
        let both = "10.1.0.5/24 via 10.1.0.1, fd00::5/64";
        assert_eq!(add("", ""), both);
        assert_eq!(add("GATEWAY=10.1.0.254,fd00::1", ""), both);
        let env = "IP=10.2.0.5/24, 10.1.0.6/24;GATEWAY=10.2.0.9,10.2.0.1,9.9.9.9";
        assert_eq!(
            add(env, ""),
            format!("{both}, 10.2.0.5/24 via 10.2.0.1, 10.1.0.6/24")
        );
        let args = r#", "args": {"cni": {"ips": ["10.3.0.5/24"]}}"#;
        assert_eq!(add(env, args), "10.3.0.5/24");
        let runtime = r#", "args": {"cni": {"ips": ["10.3.0.5/24"]}}, "runtimeConfig": {"ips": ["10.1.0.5/24", "::ffff:10.4.0.5/112"]}"#;
        assert_eq!(add(env, runtime), "10.1.0.5/24, 10.4.0.5/16");
    }

    #[test]
    fn wishes_without_a_length_name_their_place() {
        let why = "10.2.0.5 needs the length of its prefix, as in 10.1.0.5/24";
        assert_eq!(add("IP=10.2.0.5", ""), format!("`CNI_ARGS: IP`: {why}"));
        let args = r#", "args": {"cni": {"ips": ["10.2.0.5"]}}"#;
        assert_eq!(add("", args), format!("`args.cni.ips`: {why}"));
        let runtime = r#", "runtimeConfig": {"ips": ["10.2.0.5"]}"#;
        assert_eq!(add("", runtime), format!("`runtimeConfig.ips`: {why}"));
    }

    #[test]
    fn routes_and_name_servers_are_passed_on() {
        let ipam = r#""routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.7.8.9/16", "gw": "10.1.0.7", "mtu": 1400, "scope": 253}],
            "dns": {"nameservers": ["1.1.1.1"], "domain": "a", "search": ["b"], "options": null}"#;
        let given = parse(ipam, "", "").unwrap().add().unwrap();
        assert_eq!((given.ips.len(), given.routes.len()), (0, 2));
        let route = Route {
            mtu: Some(1400),
            scope: Some(253),
            ..Route::new("10.7.8.9/16".parse().unwrap(), "10.1.0.7".parse().ok())
        };
        assert_eq!(given.routes[1], route);
        assert_eq!(
            (given.dns.domain.as_str(), given.dns.search.len()),
            ("a", 1)
        );
    }

    #[test]
    fn what_differs_from_the_result_is_named() {
        let ipam = parse(BOTH, "", "").unwrap();
        let mut given = ipam.add().unwrap().ips;
        ipam.check(&given).unwrap();
        given[1].gateway = "fd00::1".parse().ok();
        ipam.check(&given).unwrap();
        given[0].gateway = None;
        let why = |given: &[Ip]| ipam.check(given).unwrap_err().to_string();
        assert_eq!(why(&given), "the gateway of 10.1.0.5 is none, not 10.1.0.1");
        assert_eq!(why(&given[1..]), "10.1.0.5 was not given");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_key() {
        let table = [
            (
                r#""addresses": 5"#,
                "6: `ipam.addresses`: integer `5` where a sequence is expected",
            ),
            (
                r#""addresses": [5]"#,
                "6: `ipam.addresses[0]`: a number where an object is expected",
            ),
            (
                r#""addresses": [{}]"#,
                "7: `ipam.addresses[0].address` is missing",
            ),
            (
                r#""addresses": [{"address": null}]"#,
                "7: `ipam.addresses[0].address` is missing",
            ),
            (
                r#""addresses": [{"address": "10.1.0.5"}]"#,
                "7: `ipam.addresses[0].address`: \"10.1.0.5\" is not written as ADDRESS/LENGTH, such as 10.1.0.0/24",
            ),
            (
                r#""addresses": [{"address": "10.1.0.5/24"}, {"address": "fd00::5/129"}]"#,
                "7: `ipam.addresses[1].address`: \"fd00::5/129\" is not written as ADDRESS/LENGTH, such as 10.1.0.0/24",
            ),
            (
                r#""addresses": [{"address": "10.1.0.5/24", "gateway": "x"}]"#,
                "7: `ipam.addresses[0].gateway`: \"x\" is no IP address",
            ),
            (
                r#""addresses": [{"address": "10.1.0.5/24", "gateway": "fd00::1"}]"#,
                "7: `ipam.addresses[0].gateway`: fd00::1 cannot be the gateway of 10.1.0.5/24: it is of the other family",
            ),
            (
                r#""dns": []"#,
                "6: `ipam.dns`: sequence where an object is expected",
            ),
            (
                r#""dns": {"nameservers": "1.1.1.1"}"#,
                "6: `ipam.dns.nameservers`: string \"1.1.1.1\" where a sequence is expected",
            ),
            (
                r#""dns": {"domain": 5}"#,
                "6: `ipam.dns.domain`: integer `5` where a string is expected",
            ),
            (
                r#""routes": [{"dst": "10.0.0.0/8", "mtu": -1}]"#,
                "7: `ipam.routes[0].mtu`: invalid value: integer `-1`, expected u32",
            ),
        ];
        for (ipam, want) in table {
            let err = parse(ipam, "", "").unwrap_err();
            assert_eq!(format!("{}: {err}", u32::from(err.code)), want);
        }
    }
}
