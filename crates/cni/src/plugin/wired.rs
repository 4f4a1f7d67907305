//! What `bridge` and `ptp` share: addresses come from address management, the attachment is in the records.

use super::{Input, Target, collect, compare};
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::ipam::{Given, Ipam};
use crate::result::{AddResult, Interface, Ip};
use crate::session::{Session, attachment_id, failed, network_name};
use bridge::{Attachment, Who};
use core_netlink::IfName;
use ipnet::IpNet;
use std::net::IpAddr;
use std::path::Path;

const USUAL_MTU: u32 = 1500; // what the kernel gives a veth pair

/// The key `mtu`, in bytes.
pub(super) fn mtu(written: i64) -> Result<u32> {
    match u32::try_from(written) {
        Ok(0) => Ok(USUAL_MTU),
        Ok(mtu @ 68..=65535) => Ok(mtu),
        _ => {
            let why = format!("{written} is not 68 to 65535");
            Err(Error::invalid("mtu", why))
        }
    }
}

/// Whoever is named as backend, it is nftables; but no word is taken that the reference does not know.
pub(super) fn check_backend(key: &str, backend: &str) -> Result<()> {
    match backend {
        "" | "iptables" | "nftables" => Ok(()),
        other => {
            let why = format!("{other:?} is not known; it is nftables either way");
            Err(Error::invalid(key, why))
        }
    }
}

/// Does something with addresses; if it fails, those that were given for it are given back.
pub(super) fn leased(
    ipam: &Ipam,
    key: &AttachmentKey,
    work: impl FnOnce(&Given) -> Result<AddResult>,
) -> Result<AddResult> {
    if key.ifname.as_bytes() == b"lo" {
        let why = "`CNI_IFNAME`: `lo` is the loopback interface that every namespace has";
        return Err(Error::new(Code::InvalidEnvironment, why));
    }
    let key = key.lease();
    let lease = ipam.add(&key)?;
    work(&lease).map_err(|err| match ipam.undo(&key, &lease) {
        Ok(()) => err,
        Err(left) => Error {
            details: format!("{}; not undone: {left}", err.details),
            ..err
        },
    })
}

/// The attachment goes first, then its addresses; what is not there is no error.
pub(super) fn del(
    session: &mut Session,
    input: &Input<'_>,
    key: &AttachmentKey,
    _: Option<&Path>,
) -> Result<()> {
    detach(session, input, key)?;
    give_back(input, key)
}

/// Whether there was an attachment of ours.
pub(super) fn detach(
    session: &mut Session,
    input: &Input<'_>,
    key: &AttachmentKey,
) -> Result<bool> {
    let network = network_name(&input.conf.name)?;
    let who = Who::Id(attachment_id(key.container_id.as_str())?);
    let detached = session.host()?.detach(&network, &who, Some(key.ifname));
    let detached = match detached {
        Err(err) if err.is_not_found() => return Ok(false),
        detached => detached.map_err(failed)?,
    };
    let found = !detached.attachments().is_empty();
    session.detached.push(detached);
    Ok(found)
}

/// Gives back the addresses.
pub(super) fn give_back(input: &Input<'_>, key: &AttachmentKey) -> Result<()> {
    input.ipam_for_removal()?.del(&key.lease())
}

pub(super) fn check(
    session: &mut Session,
    input: &Input<'_>,
    target: &Target,
    previous: &AddResult,
) -> Result<()> {
    compare::attachment(session, input, target, previous)?;
    let ips = previous.ips.as_slice();
    input.ipam()?.check(&target.key.lease(), ips)
}

pub(super) fn gc(session: &mut Session, input: &Input<'_>, valid: &[AttachmentKey]) -> Result<()> {
    collect::attachments(session, input, valid)?;
    let leases: Vec<_> = valid.iter().map(AttachmentKey::lease).collect();
    input.ipam_for_removal()?.gc(&leases)
}

/// The addresses, the routes and name servers, before there is an interface.
pub(super) fn given(lease: &Given, input: &Input<'_>) -> AddResult {
    AddResult {
        ips: lease.ips.clone(),
        routes: lease.routes.clone(),
        dns: match input.conf.dns.is_empty() {
            true => lease.dns.clone(),
            false => input.conf.dns.clone(),
        },
        ..AddResult::default()
    }
}

/// The subnet of an address, and its gateway.
pub(super) fn subnet(ip: &Ip) -> Result<(IpNet, IpAddr)> {
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

/// These links of the host, and the container's end behind them.
pub(super) fn interfaces(
    session: &mut Session,
    outside: &[IfName],
    attached: &Attachment,
    netns: &Path,
) -> Result<Vec<Interface>> {
    let mut all = Vec::new();
    for name in outside {
        let link = session.host()?.find_link(*name).map_err(failed)?;
        let mac = link.and_then(|link| link.address);
        all.push(Interface {
            name: name.to_string(),
            mac: mac.map_or_else(String::new, |mac| mac.to_string()),
            ..Interface::default()
        });
    }
    all.push(Interface {
        name: attached.key.ifname.to_string(),
        mac: attached.mac.to_string(),
        sandbox: netns.display().to_string(),
        ..Interface::default()
    });
    Ok(all)
}
