//! Whether a network that is there is what is asked for.

use crate::attach::list;
use crate::error::{Error, Result};
use crate::policy;
use crate::spec::{Network, NetworkSpec};
use ipnet::IpNet;
use std::fmt::Display;
use std::net::IpAddr;

/// In what two differ: its name, what is, what was asked.
type Row = (&'static str, String, String);

/// Refuses what is there if it differs; what is not said matches.
pub(crate) fn check(op: &str, there: &Network, spec: &NetworkSpec) -> Result<()> {
    let rows = addressing(there, spec).or_else(|| settings(there, spec));
    let Some((field, is, asked)) = rows.or_else(|| policy::difference(there, spec)) else {
        return Ok(());
    };
    let err = Error::exists(op, format!("it is there with {field} {is}, not {asked}"));
    Err(err.with_hint(format!("remove it first: vetch network rm {}", spec.name)))
}

fn addressing(there: &Network, spec: &NetworkSpec) -> Option<Row> {
    let prefixes: Vec<IpNet> = there.subnets.iter().map(|subnet| subnet.prefix).collect();
    let gateways: Vec<IpAddr> = there.subnets.iter().map(|subnet| subnet.gateway).collect();
    let mut subnets = spec.subnets.iter().filter(|of| !prefixes.contains(of));
    if let Some(asked) = subnets.next() {
        return Some(("subnets", list(&prefixes), asked.to_string()));
    }
    let mut wished = spec.gateways.iter().filter(|of| !gateways.contains(of));
    if let Some(asked) = wished.next() {
        return Some(("gateway", list(&gateways), asked.to_string()));
    }
    let whose = |external| match external {
        true => "chosen by who attaches",
        false => "its own",
    };
    let (is, asked) = (whose(there.external_ipam), whose(spec.external_ipam));
    differ("addresses", is, asked).or_else(|| differ("routed", there.routed, spec.routed))
}

fn settings(there: &Network, spec: &NetworkSpec) -> Option<Row> {
    let v6 = spec.ipv6 && !there.has_ipv6();
    let rows = [
        v6.then(|| ("IPv6", "off".to_owned(), "on".to_owned())),
        differ("internal", there.internal, spec.internal),
        spec.mtu.and_then(|asked| differ("mtu", there.mtu, asked)),
        spec.queues
            .and_then(|asked| differ("queues", there.queues, asked)),
        differ("BIG TCP", there.big_tcp, spec.big_tcp),
        differ("promiscuous", there.promiscuous, spec.promiscuous),
        differ("host services", there.host_services, spec.host_services),
        spec.bridge
            .and_then(|asked| differ("bridge", there.bridge, asked)),
    ];
    rows.into_iter().flatten().next()
}

fn differ<T: PartialEq + Display>(field: &'static str, is: T, asked: T) -> Option<Row> {
    (is != asked).then(|| (field, is.to_string(), asked.to_string()))
}
