//! `bridge`: a veth pair with one end on a bridge of the host.

mod keys;

use super::{Input, Plugin, Target};
use crate::attachment::AttachmentKey;
use crate::error::{Error, Result};
use crate::result::{AddResult, Interface, Ip, Route};
use crate::session::{Session, attachment_id, failed, network_name, open_netns};
use bridge::{
    Assigned, Attachment, AttachmentSpec, InnerRoute, Network, NetworkName, NetworkSpec, Policy,
    Who,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use keys::{Guard, Keys};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "bridge",
    about: "a veth pair with one end on a bridge of the host",
    add,
    del,
    check,
    gc,
    status,
};

const INSIDE: usize = 2; // of the result's interfaces

fn add(session: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    input.args.check_known(&["MAC", "IP", "GATEWAY"])?;
    let (keys, ipam) = (Keys::read(input)?, input.ipam()?);
    let netns = open_netns(&target.netns)?;
    let key = target.key.lease();
    let lease = ipam.add(&key)?;
    let attached = result(&keys, &lease, input).and_then(|result| {
        let spec = attachment(&keys, &result, input, &target.key)?;
        let host = session.host()?;
        let there = host.network(&spec.network).ok();
        let network = network(&keys, &result, spec.network.clone(), there.as_ref())?;
        let attached = host.attach_to(&network, keys.force_address, &spec, &netns);
        let attached = attached.map_err(failed)?;
        let result = with_interfaces(session, result, &keys, &attached, &target.netns)?;
        session.attached = Some(attached);
        Ok(result)
    });
    attached.map_err(|err| match ipam.undo(&key, &lease) {
        Ok(()) => err,
        Err(left) => Error {
            details: format!("{}; not undone: {left}", err.details),
            ..err
        },
    })
}

fn del(
    session: &mut Session,
    input: &Input<'_>,
    key: &AttachmentKey,
    _: Option<&Path>,
) -> Result<()> {
    let network = network_name(&input.conf.name)?;
    let who = Who::Id(attachment_id(key.container_id.as_str())?);
    let detached = session.host()?.detach(&network, &who, Some(key.ifname));
    match detached {
        Err(err) if err.is_not_found() => {}
        detached => session.detached.push(detached.map_err(failed)?),
    }
    input.ipam_for_removal()?.del(&key.lease())
}

fn check(
    session: &mut Session,
    input: &Input<'_>,
    target: &Target,
    previous: &AddResult,
) -> Result<()> {
    Keys::read(input)?;
    super::compare::attachment(session, input, target, previous)?;
    let ips = previous.ips.as_slice();
    input.ipam()?.check(&target.key.lease(), ips)
}

fn gc(session: &mut Session, input: &Input<'_>, valid: &[AttachmentKey]) -> Result<()> {
    super::collect::attachments(session, input, valid)?;
    let leases: Vec<_> = valid.iter().map(AttachmentKey::lease).collect();
    input.ipam_for_removal()?.gc(&leases)
}

fn status(session: &mut Session, input: &Input<'_>) -> Result<()> {
    Keys::read(input)?;
    super::collect::status(session)?;
    input.ipam()?.status()
}

/// The addresses with their gateways, and the routes, before there is an interface.
fn result(keys: &Keys, lease: &crate::ipam::Given, input: &Input<'_>) -> Result<AddResult> {
    let mut result = AddResult {
        ips: lease.ips.clone(),
        routes: lease.routes.clone(),
        dns: match input.conf.dns.is_empty() {
            true => lease.dns.clone(),
            false => input.conf.dns.clone(),
        },
        ..AddResult::default()
    };
    for ip in &mut result.ips {
        ip.interface = Some(INSIDE);
        if keys.is_gateway() && ip.gateway.is_none() {
            ip.gateway = ip.address.hosts().next();
        }
    }
    if keys.is_default_gateway {
        for ip in result.ips.clone() {
            let all = everywhere(ip.address.addr());
            let is_there = |route: &Route| route.dst == all && route.gw.is_some();
            if !result.routes.iter().any(is_there) {
                result.routes.push(Route::new(all, ip.gateway));
            }
        }
    }
    Ok(result)
}

fn everywhere(like: IpAddr) -> IpNet {
    match like {
        IpAddr::V4(_) => Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0).into(),
    }
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
        host_services: keys.vetch.host_services.unwrap_or(true),
        bridge: Some(keys.bridge),
        policy: Policy {
            masquerade: keys.ip_masq,
            reachable: keys.is_reachable(policy.map(|policy| policy.reachable)),
            isolate_ports: keys.port_isolation || policy.is_some_and(|policy| policy.isolate_ports),
            ..Policy::default()
        },
        ..NetworkSpec::new(name)
    })
}

/// What the bridge gets: a gateway in the subnet of an address.
fn subnet(ip: &Ip) -> Result<(IpNet, IpAddr)> {
    let prefix = ip.address.trunc();
    match ip.gateway.filter(|gateway| prefix.contains(gateway)) {
        Some(gateway) => Ok((prefix, gateway)),
        None => {
            let gateway = ip.gateway.map_or("none".to_owned(), |ip| ip.to_string());
            let why = format!("gateway {gateway} of {} is not in its subnet", ip.address);
            Err(Error::invalid("ipam", why))
        }
    }
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
            routes: result.routes.iter().map(|of| inner(of, result)).collect(),
            hairpin: keys.hairpin_mode,
            detect_duplicates: keys.enabledad,
            down: keys.disable_container_interface,
            mac_only: guard == Guard::Mac,
        },
        mac: keys::mac(input)?,
        ports: input.ahead.ports.clone(),
        unguarded: guard == Guard::None,
        ..AttachmentSpec::new(network_name(&input.conf.name)?, id)
    })
}

/// A route without a next hop takes the gateway of the first address of its family.
fn inner(route: &Route, result: &AddResult) -> InnerRoute {
    let of_family = |ip: &&Ip| ip.address.addr().is_ipv4() == route.dst.addr().is_ipv4();
    let usual = || result.ips.iter().find(of_family).and_then(|ip| ip.gateway);
    InnerRoute {
        gateway: route.gw.or_else(usual),
        metric: route.priority,
        mtu: route.mtu,
        advmss: route.advmss,
        table: route.table,
        scope: route.scope,
        ..InnerRoute::to(route.dst.trunc())
    }
}

/// The bridge, the host's end and the container's, in this order.
fn with_interfaces(
    session: &mut Session,
    result: AddResult,
    keys: &Keys,
    attached: &Attachment,
    netns: &Path,
) -> Result<AddResult> {
    let mut outside = Vec::new();
    for name in [keys.bridge, attached.host_end] {
        let link = session.host()?.find_link(name).map_err(failed)?;
        let mac = link.and_then(|link| link.address);
        outside.push(Interface {
            name: name.to_string(),
            mac: mac.map_or_else(String::new, |mac| mac.to_string()),
            ..Interface::default()
        });
    }
    outside.push(Interface {
        name: attached.key.ifname.to_string(),
        mac: attached.mac.to_string(),
        sandbox: netns.display().to_string(),
        ..Interface::default()
    });
    Ok(AddResult {
        interfaces: outside,
        ..result
    })
}
