//! A result as it is written: the forms of all versions in one.

use super::{AddResult, Dns, Interface, Ip, Route};
use crate::address;
use crate::error::{Error, Result};
use crate::version::Version;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The object of a result, with every key that any version has.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written {
    cni_version: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    interfaces: Vec<Interface>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ips: Vec<WrittenIp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    routes: Vec<Route>,
    #[serde(default)]
    dns: Dns,
}

#[derive(Serialize, Deserialize)]
struct WrittenIp {
    /// The family, "4" or "6"; before 1.0.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(deserialize_with = "address::net")]
    address: IpNet,
    #[serde(
        default,
        deserialize_with = "address::optional",
        skip_serializing_if = "Option::is_none"
    )]
    gateway: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interface: Option<usize>,
}

impl Written {
    pub(crate) fn new(result: &AddResult, version: Version) -> Written {
        let interfaces = result.interfaces.iter().cloned();
        let routes = result.routes.iter().cloned();
        Written {
            cni_version: Some(version.to_string()),
            interfaces: interfaces.map(|one| interface(one, version)).collect(),
            ips: result
                .ips
                .iter()
                .map(|ip| written_ip(ip, version))
                .collect(),
            routes: routes.map(|one| route(one, version)).collect(),
            dns: result.dns.clone(),
        }
    }

    /// The result, if it holds together. `path` is what its keys follow in the text that it is part of, and `otherwise` the version if it
    /// does not say one.
    pub(crate) fn read(self, path: &str, otherwise: Option<Version>) -> Result<AddResult> {
        let said = self.cni_version.as_deref();
        let version = match (said, otherwise) {
            (None, Some(version)) => version,
            _ => Version::of_key(&format!("{path}cniVersion"), said)?,
        };
        let count = self.interfaces.len();
        let ips = self.ips.into_iter().enumerate();
        let ips = ips.map(|(i, ip)| read_ip(ip, version, count, &format!("{path}ips[{i}]")));
        let interfaces = self.interfaces.into_iter();
        let routes = self.routes.into_iter();
        Ok(AddResult {
            ips: ips.collect::<Result<_>>()?,
            interfaces: interfaces.map(|one| interface(one, version)).collect(),
            routes: routes.map(|one| route(one, version)).collect(),
            dns: self.dns,
        })
    }
}

/// What a version has of an interface.
fn interface(mut interface: Interface, version: Version) -> Interface {
    interface.mtu = interface.mtu.filter(|&mtu| mtu != 0);
    if version < Version::V110 {
        interface.mtu = None;
        interface.socket_path.clear();
        interface.pci_id.clear();
    }
    interface
}

/// What a version has of a route. The reference writes no zeros, so that a zero is nothing said.
fn route(route: Route, version: Version) -> Route {
    if version < Version::V110 {
        return Route::new(route.dst, route.gw);
    }
    let said = |number: Option<u32>| number.filter(|&number| number != 0);
    Route {
        mtu: said(route.mtu),
        advmss: said(route.advmss),
        priority: said(route.priority),
        ..route
    }
}

fn family(address: &IpNet) -> &'static str {
    match address {
        IpNet::V4(_) => "4",
        IpNet::V6(_) => "6",
    }
}

fn written_ip(ip: &Ip, version: Version) -> WrittenIp {
    let family = family(&ip.address);
    WrittenIp {
        version: (version < Version::V100).then(|| family.to_owned()),
        address: ip.address,
        gateway: ip.gateway,
        interface: ip.interface,
    }
}

fn read_ip(ip: WrittenIp, version: Version, interfaces: usize, path: &str) -> Result<Ip> {
    let family = family(&ip.address);
    if let Some(said) = ip.version.filter(|said| said != family)
        && version < Version::V100
    {
        let why = format_args!("{said:?}, but {} is of version {family}", ip.address);
        return Err(Error::invalid(&format!("{path}.version"), why));
    }
    if let Some(index) = ip.interface.filter(|&index| index >= interfaces) {
        let why = format_args!("{index}, but there are {interfaces} `interfaces`");
        return Err(Error::invalid(&format!("{path}.interface"), why));
    }
    Ok(Ip {
        address: ip.address,
        gateway: ip.gateway,
        interface: ip.interface,
    })
}
