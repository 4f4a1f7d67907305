//! `ptp`: a veth pair between a container and the host, which routes to it.

use super::wired::{self, given, interfaces, leased, subnet};
use super::{Input, Plugin, Target, collect};
use crate::attachment::AttachmentKey;
use crate::error::{Error, Result};
use crate::result::AddResult;
use crate::session::{Session, attachment_id, failed, network_name, open_netns};
use bridge::{Assigned, AttachmentSpec, InnerRoute, NetworkName, NetworkSpec, Policy, RoutedLink};
use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "ptp",
    about: "a veth pair between the container and the host, which routes to it",
    add,
    del: wired::del,
    check: |session, input, target, previous| {
        Keys::read(input)?;
        wired::check(session, input, target, previous)
    },
    gc: wired::gc,
    status,
    ahead: super::nothing_ahead,
};

const INSIDE: usize = 1; // of the result's interfaces

/// The keys of the plugin's documentation, and ours.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Keys {
    ip_masq: bool,
    ip_masq_backend: String,
    mtu: i64,
    vetch: Ours,
}

/// What none of the reference's keys says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Ours {
    /// Others reach containers by their addresses.
    reachable: Option<bool>,
    /// Containers may use services of the host.
    host_services: Option<bool>,
}

impl Keys {
    fn read(input: &Input<'_>) -> Result<Keys> {
        let keys: Keys = input.conf.keys()?;
        wired::check_backend("ipMasqBackend", &keys.ip_masq_backend)?;
        if input.conf.ipam.is_none() {
            return Err(Error::invalid(
                "ipam",
                "without addresses nothing is routed",
            ));
        }
        keys.mtu().map(|_| keys)
    }

    /// Who masquerades hides the addresses. What other plugins have changed of a network that is there stays.
    fn policy(&self, there: Option<&Policy>) -> Policy {
        let usual = there.map_or(!self.ip_masq, |there| there.reachable);
        Policy {
            masquerade: self.ip_masq,
            reachable: self.vetch.reachable.unwrap_or(usual),
            isolate_ports: there.is_some_and(|there| there.isolate_ports),
            ..Policy::default()
        }
    }

    /// Bytes.
    fn mtu(&self) -> Result<u32> {
        wired::mtu(self.mtu)
    }
}

fn add(session: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    input.args.check_known(&["IP", "GATEWAY"])?;
    let (keys, ipam) = (Keys::read(input)?, input.ipam()?);
    let netns = open_netns(&target.netns)?;
    leased(&ipam, &target.key, |lease| {
        let mut result = given(lease, input);
        for ip in &mut result.ips {
            ip.interface = Some(INSIDE);
            ip.gateway = ip.gateway.or_else(|| ip.address.hosts().next());
        }
        let subnets: Vec<(IpNet, IpAddr)> = result.ips.iter().map(subnet).collect::<Result<_>>()?;
        let name = network_name(&input.conf.name)?;
        let host = session.host()?;
        let there = host.network(&name).ok();
        let policy = keys.policy(there.as_ref().map(|there| &there.policy));
        let network = network(&keys, name, policy, &subnets)?;
        let spec = attachment(&keys, &network, &result, input, &target.key)?;
        let attached = host
            .attach_to(&network, false, &spec, &netns)
            .map_err(failed)?;
        let interfaces = interfaces(session, &[attached.host_end], &attached, &target.netns)?;
        session.attached = Some(attached);
        Ok(AddResult {
            interfaces,
            ..result
        })
    })
}

fn network(
    keys: &Keys,
    name: NetworkName,
    policy: Policy,
    subnets: &[(IpNet, IpAddr)],
) -> Result<NetworkSpec> {
    Ok(NetworkSpec {
        external_ipam: true,
        routed: true,
        subnets: subnets.iter().map(|(prefix, _)| *prefix).collect(),
        gateways: subnets.iter().map(|(_, gateway)| *gateway).collect(),
        mtu: Some(keys.mtu()?),
        host_services: keys.vetch.host_services.unwrap_or(true),
        policy,
        ..NetworkSpec::new(name)
    })
}

/// Nothing is on the link but the gateway: it is reached directly, the subnet by way of it.
fn attachment(
    keys: &Keys,
    network: &NetworkSpec,
    result: &AddResult,
    input: &Input<'_>,
    key: &AttachmentKey,
) -> Result<AttachmentSpec> {
    let mut routes = Vec::new();
    for ip in &result.ips {
        let (prefix, gateway) = subnet(ip)?;
        routes.push(InnerRoute::to(gateway.into()));
        routes.push(InnerRoute {
            gateway: Some(gateway),
            ..InnerRoute::to(prefix)
        });
    }
    routes.extend(result.inner_routes());
    let link = RoutedLink {
        gateways: network.gateways.clone(),
        masquerade: keys.ip_masq,
        reachable: network.policy.reachable,
        host_services: network.host_services,
    };
    Ok(AttachmentSpec {
        ifname: key.ifname,
        prefixes: result.ips.iter().map(|ip| ip.address).collect(),
        assigned: Assigned {
            routes,
            routed: Some(link),
            ..Assigned::default()
        },
        ports: input.ahead.ports.clone(),
        translation: input.ahead.translation.clone(),
        ..AttachmentSpec::new(
            network.name.clone(),
            attachment_id(key.container_id.as_str())?,
        )
    })
}

fn status(session: &mut Session, input: &Input<'_>) -> Result<()> {
    Keys::read(input)?;
    collect::status(session)?;
    input.ipam()?.status()
}
