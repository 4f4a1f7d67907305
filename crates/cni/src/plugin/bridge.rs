//! `bridge`: a veth pair with one end on a bridge of the host.

mod foreign;
mod keys;
mod vlans;

use super::wired::{self, given, interfaces, leased, subnet};
use super::{Input, Plugin, Target};
use crate::attachment::AttachmentKey;
use crate::error::Result;
use crate::ipam::Given;
use crate::result::{AddResult, Route};
use crate::session::{Session, attachment_id, failed, network_name, open_netns};
use bridge::{Assigned, AttachmentSpec, Network, NetworkName, NetworkSpec, Policy};
use core_netlink::Family;
use ipnet::IpNet;
use keys::{Guard, Keys};
use std::net::IpAddr;
use std::path::Path;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "bridge",
    about: "a veth pair with one end on a bridge of the host",
    add,
    del,
    check: |session, input, target, previous| {
        Keys::read(input)?;
        wired::check(session, input, target, previous)
    },
    gc: wired::gc,
    status,
    ahead: super::nothing_ahead,
};

const INSIDE: usize = 2; // of the result's interfaces

fn add(session: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    input.args.check_known(&["MAC", "IP", "GATEWAY"])?;
    let (keys, mac, ipam) = (Keys::read(input)?, input.mac()?, input.ipam()?);
    let netns = open_netns(&target.netns)?;
    leased(&ipam, &target.key, |lease| {
        let result = result(&keys, lease, input)?;
        let spec = AttachmentSpec {
            mac,
            ..attachment(&keys, &result, input, &target.key)?
        };
        let host = session.host()?;
        let there = host.network(&spec.network).ok();
        let network = network(&keys, &result, spec.network.clone(), there.as_ref())?;
        let attached = host.attach_to(&network, keys.force_address, &spec, &netns);
        let attached = attached.map_err(failed)?;
        let outside = [keys.bridge, attached.host_end];
        let interfaces = interfaces(session, &outside, &attached, &target.netns)?;
        session.attached = Some(attached);
        Ok(AddResult {
            interfaces,
            ..result
        })
    })
}

/// What the reference added goes as well.
fn del(
    session: &mut Session,
    input: &Input<'_>,
    key: &AttachmentKey,
    netns: Option<&Path>,
) -> Result<()> {
    let found = wired::detach(session, input, key)?;
    if let Some(netns) = netns.filter(|_| !found) {
        foreign::remove(input, key.ifname, netns)?;
    }
    wired::give_back(input, key)
}

fn status(session: &mut Session, input: &Input<'_>) -> Result<()> {
    let keys = Keys::read(input)?;
    super::collect::status(session)?;
    if let Some(vlans) = keys.network_vlans()? {
        super::collect::vlans(session, vlans)?;
    }
    input.ipam()?.status()
}

/// The addresses with their gateways, and the routes, before there is an interface.
fn result(keys: &Keys, lease: &Given, input: &Input<'_>) -> Result<AddResult> {
    let mut result = given(lease, input);
    for ip in &mut result.ips {
        ip.interface = Some(INSIDE);
        if keys.is_gateway() && ip.gateway.is_none() {
            ip.gateway = ip.address.hosts().next();
        }
    }
    if keys.is_default_gateway {
        for ip in result.ips.clone() {
            let all = Family::everywhere(ip.address.addr());
            let is_there = |route: &Route| route.dst == all && route.gw.is_some();
            if !result.routes.iter().any(is_there) {
                result.routes.push(Route::new(all, ip.gateway));
            }
        }
    }
    Ok(result)
}

/// What other plugins of the chain have changed of the network that is `there` stays, unless a key says otherwise.
fn network(
    keys: &Keys,
    result: &AddResult,
    name: NetworkName,
    there: Option<&Network>,
) -> Result<NetworkSpec> {
    let policy = there.map(|there| &there.policy);
    let gateways = result.ips.iter().filter(|_| keys.is_gateway());
    let subnets: Vec<(IpNet, IpAddr)> = gateways.map(subnet).collect::<Result<_>>()?;
    Ok(NetworkSpec {
        external_ipam: true,
        subnets: subnets.iter().map(|(prefix, _)| *prefix).collect(),
        gateways: subnets.iter().map(|(_, gateway)| *gateway).collect(),
        internal: !keys.is_gateway() && !keys.ip_masq,
        mtu: Some(keys.mtu()?),
        promiscuous: keys.promisc_mode,
        host_services: keys.vetch.host_services.unwrap_or(true),
        bridge: Some(keys.bridge),
        vlans: keys.network_vlans()?,
        policy: Policy {
            masquerade: keys.ip_masq,
            reachable: keys.is_reachable(policy.map(|policy| policy.reachable)),
            isolate_ports: keys.port_isolation || policy.is_some_and(|policy| policy.isolate_ports),
            ..Policy::default()
        },
        ..NetworkSpec::new(name)
    })
}

fn attachment(
    keys: &Keys,
    result: &AddResult,
    input: &Input<'_>,
    key: &AttachmentKey,
) -> Result<AttachmentSpec> {
    let guard = keys.guard(input.conf.ipam.is_some());
    let id = attachment_id(key.container_id.as_str())?;
    Ok(AttachmentSpec {
        ifname: key.ifname,
        prefixes: result.ips.iter().map(|ip| ip.address).collect(),
        assigned: Assigned {
            routes: result.inner_routes(),
            hairpin: keys.hairpin_mode,
            detect_duplicates: keys.enabledad,
            down: keys.disable_container_interface,
            mac_only: guard == Guard::Mac,
            vlans: keys.vlans()?,
            ..Assigned::default()
        },
        ports: input.ahead.ports.clone(),
        translation: input.ahead.translation.clone(),
        unguarded: guard == Guard::None,
        ..AttachmentSpec::new(network_name(&input.conf.name)?, id)
    })
}
