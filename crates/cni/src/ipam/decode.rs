//! How addresses, subnets, routes and name servers are written in JSON; errors name the key by its path.
//!
//! As with the reference, `null` and, for addresses, the empty text are as good as a key that is not there, and an IPv4 address may be
//! written as an IPv6 one.

use crate::error::{Code, Error, Result};
use crate::result::{Dns, Route};
use ipnet::{IpNet, Ipv4Net};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

/// The longest prefix in front of an IPv4 address in an IPv6 one.
const MAPPED: u8 = 96;

/// The JSON in a text.
pub(super) fn json(text: &str) -> Result<Value> {
    let value = serde_json::from_str(text);
    value.map_err(|err| {
        Error::new(
            Code::Decoding,
            format!("the configuration is no JSON: {err}"),
        )
    })
}

/// A structure that is written as an object. (By itself serde takes a list of the values as well.)
#[derive(Debug, Default)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Object<T>, D::Error> {
        from.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// What an object says; `at` is its path.
pub(super) fn decode<T: DeserializeOwned>(value: &Value, at: &str) -> Result<T> {
    let read = serde_path_to_error::deserialize(value).map(|Object(read)| read);
    read.map_err(|err| {
        let key = match err.path().to_string() {
            path if path == "." => at.to_owned(),
            path if at.is_empty() => path,
            path => format!("{at}.{path}"),
        };
        Error::invalid(&key, err.inner())
    })
}

/// The address in a text.
pub(super) fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// The address with the length of its prefix in a text.
pub(super) fn parse_net(text: &str) -> Option<IpNet> {
    let (address, len) = text.split_once('/')?;
    let len = len
        .bytes()
        .all(|digit| digit.is_ascii_digit())
        .then_some(len)?;
    let net = IpNet::new(address.parse().ok()?, len.parse().ok()?).ok()?;
    match net.addr().to_canonical() {
        IpAddr::V4(address) if net.addr().is_ipv6() => {
            let len = net.prefix_len().checked_sub(MAPPED)?;
            Ipv4Net::new(address, len).ok().map(IpNet::V4)
        }
        _ => Some(net),
    }
}

pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IpAddr>, D::Error> {
    let text = Option::<String>::deserialize(from)?.filter(|text| !text.is_empty());
    let read = |text: String| {
        parse_address(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no IP address")))
    };
    text.map(read).transpose()
}

pub(super) fn net<'de, D: Deserializer<'de>>(from: D) -> Result<IpNet, D::Error> {
    some_net(from)?.ok_or_else(|| D::Error::custom("it is missing"))
}

pub(super) fn some_net<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IpNet>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let read = |text: String| {
        let why = || format!("{text:?} is not written as ADDRESS/LENGTH, such as 10.1.0.0/24");
        parse_net(&text).ok_or_else(|| D::Error::custom(why()))
    };
    text.map(read).transpose()
}

/// One of `routes`.
#[derive(Debug, Deserialize)]
pub(super) struct RouteFile {
    #[serde(deserialize_with = "net")]
    dst: IpNet,
    #[serde(default, deserialize_with = "address")]
    gw: Option<IpAddr>,
    mtu: Option<u32>,
    advmss: Option<u32>,
    priority: Option<u32>,
    table: Option<u32>,
    scope: Option<u8>,
}

pub(super) fn routes(file: Option<Vec<Object<RouteFile>>>) -> Vec<Route> {
    let routes = file.into_iter().flatten().map(|Object(file)| Route {
        dst: file.dst,
        gw: file.gw,
        mtu: file.mtu,
        advmss: file.advmss,
        priority: file.priority,
        table: file.table,
        scope: file.scope,
    });
    routes.collect()
}

/// `dns`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct DnsFile {
    nameservers: Option<Vec<String>>,
    domain: Option<String>,
    search: Option<Vec<String>>,
    options: Option<Vec<String>>,
}

impl From<DnsFile> for Dns {
    fn from(file: DnsFile) -> Dns {
        Dns {
            nameservers: file.nameservers.unwrap_or_default(),
            domain: file.domain.unwrap_or_default(),
            search: file.search.unwrap_or_default(),
            options: file.options.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_may_be_written_as_an_ipv6_one() {
        let net = |text| parse_net(text).map(|net| net.to_string());
        assert_eq!(net("10.1.0.5/24").as_deref(), Some("10.1.0.5/24"));
        assert_eq!(net("::ffff:10.1.0.5/120").as_deref(), Some("10.1.0.5/24"));
        assert_eq!(net("fd00::5/64").as_deref(), Some("fd00::5/64"));
        for bad in [
            "::ffff:10.1.0.5/24",
            "10.1.0.5",
            "10.1.0.5/33",
            "x/24",
            "",
            "10.1.0.05/24",
        ] {
            assert_eq!(net(bad), None, "{bad}");
        }
        assert_eq!(parse_address("::ffff:10.1.0.5"), parse_address("10.1.0.5"));
    }

    #[test]
    fn a_route_has_all_that_version_1_1_0_knows() {
        let text = r#"{"dst": "10.7.8.9/16", "gw": "10.1.0.1", "mtu": 1400, "advmss": 1360, "priority": 7, "table": 100, "scope": 253}"#;
        let file: RouteFile = decode(&json(text).unwrap(), "r").unwrap();
        let route = Route {
            dst: "10.7.8.9/16".parse().unwrap(),
            gw: Some("10.1.0.1".parse().unwrap()),
            mtu: Some(1400),
            advmss: Some(1360),
            priority: Some(7),
            table: Some(100),
            scope: Some(253),
        };
        assert_eq!(routes(Some(vec![Object(file)])), [route]);
    }
}
