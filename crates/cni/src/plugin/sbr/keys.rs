//! The keys of `sbr`, and the addresses that it is about.

use crate::error::{Error, Result};
use crate::json;
use crate::plugin::{Input, previous, tables};
use core_netlink::route::Table;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Keys {
    /// A table that is there already: no routes are moved.
    pub(super) table: Option<Table>,
    /// Ways out in place of the result's, at most one a family.
    gateways: Vec<IpAddr>,
    /// Subnets stay reachable without a source address.
    pub(super) hints: bool,
}

/// An address of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) address: IpNet,
    pub(super) gateway: Option<IpAddr>,
}

impl Source {
    /// It alone, as in a rule.
    pub(super) fn alone(&self) -> IpNet {
        self.address.addr().into()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    table: Option<i64>,
    gateways: Vec<Text>,
    add_source_hints: bool,
}

#[derive(Debug, Deserialize)]
struct Text(#[serde(deserialize_with = "json::text")] IpAddr);

impl Keys {
    pub(super) fn read(input: &Input<'_>) -> Result<Keys> {
        let written: Written = input.conf.keys()?;
        let table = written.table.map(tables::check).transpose()?;
        let gateways: Vec<IpAddr> = written.gateways.iter().map(|Text(ip)| *ip).collect();
        check_gateways(&gateways)?;
        let with_table = [
            ("gateways", !gateways.is_empty()),
            ("addSourceHints", written.add_source_hints),
        ];
        if let Some((key, _)) = with_table.iter().find(|(_, said)| *said && table.is_some()) {
            let why = "with `table` no routes are made or moved: leave one of them out";
            return Err(Error::invalid(key, why));
        }
        Ok(Keys {
            table,
            gateways,
            hints: written.add_source_hints,
        })
    }

    /// The addresses that the result has for an interface, and those that it has for none.
    pub(super) fn sources(&self, input: &Input<'_>, ifname: &str) -> Result<Vec<Source>> {
        let sources = of_result(input, ifname);
        if sources.is_empty() {
            previous(input)?;
            let why = format!("it has no address of `{ifname}`");
            return Err(Error::invalid("prevResult.ips", why));
        }
        let out = |of: &Source| {
            let same = |ip: &&IpAddr| ip.is_ipv4() == of.address.addr().is_ipv4();
            self.gateways.iter().find(same).copied().or(of.gateway)
        };
        Ok(sources
            .iter()
            .map(|of| Source {
                gateway: out(of),
                ..*of
            })
            .collect())
    }

    /// Whether the way out of a family was said in the configuration.
    pub(super) fn overrides(&self, of: &Source) -> bool {
        let is_v4 = of.address.addr().is_ipv4();
        self.gateways.iter().any(|ip| ip.is_ipv4() == is_v4)
    }
}

/// The same without the wishes of the configuration.
pub(super) fn of_result(input: &Input<'_>, ifname: &str) -> Vec<Source> {
    let Some(result) = &input.conf.previous else {
        return Vec::new();
    };
    let is_own = |at: usize| {
        result
            .interfaces
            .get(at)
            .is_some_and(|of| of.name == ifname)
    };
    let ips = result
        .ips
        .iter()
        .filter(|ip| ip.interface.is_none_or(is_own));
    ips.map(|ip| Source {
        address: ip.address,
        gateway: ip.gateway,
    })
    .collect()
}

fn check_gateways(gateways: &[IpAddr]) -> Result<()> {
    for (at, ip) in gateways.iter().enumerate() {
        let path = format!("gateways[{at}]");
        if ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() {
            return Err(Error::invalid(&path, format!("{ip} is no router")));
        }
        let mut earlier = gateways.iter().take(at);
        if let Some(other) = earlier.find(|other| other.is_ipv4() == ip.is_ipv4()) {
            let why = format!("{ip}, but {other} is of the same family");
            return Err(Error::invalid(&path, why));
        }
    }
    Ok(())
}
