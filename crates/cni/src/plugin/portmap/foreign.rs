//! Behind a main plugin of others: the interface and its addresses are theirs, only the ports are ours.

use super::{Asked, Input, Target};
use crate::error::{Error, Result};
use crate::result::AddResult;
use crate::session::{Session, attachment_id, failed, network_name, open_netns};
use bridge::{Assigned, AttachmentSpec, NetworkName, NetworkSpec};
use ipnet::IpNet;

/// Publishes at the first address of each family, as the reference does.
pub(super) fn publish(
    session: &mut Session,
    input: &Input<'_>,
    target: &Target,
    asked: Asked,
    result: &AddResult,
) -> Result<()> {
    let netns = open_netns(&target.netns)?;
    let network = NetworkSpec {
        external_ipam: true,
        routed: true,
        ..NetworkSpec::new(network_name(&input.conf.name)?)
    };
    let prefixes = addresses(result);
    if prefixes.is_empty() {
        let why = "no address of the container is in it, where could a port lead?";
        return Err(Error::invalid("prevResult.ips", why));
    }
    let id = attachment_id(target.key.container_id.as_str())?;
    let spec = AttachmentSpec {
        ifname: target.key.ifname,
        prefixes,
        assigned: Assigned {
            foreign: true,
            ..Assigned::default()
        },
        ports: asked.ports,
        translation: asked.translation,
        ..AttachmentSpec::new(network.name.clone(), id)
    };
    let attached = session.host()?.attach_to(&network, false, &spec, &netns);
    attached.map(drop).map_err(failed)
}

fn addresses(result: &AddResult) -> Vec<IpNet> {
    let first = |ipv4: bool| {
        let mut all = result.ips.iter().map(|ip| ip.address);
        all.find(|net| net.addr().is_ipv4() == ipv4)
    };
    [first(true), first(false)].into_iter().flatten().collect()
}

/// What was noted of the network goes with the last container: nothing else was made for it.
pub(super) fn forget(session: &mut Session, network: &NetworkName) -> Result<()> {
    let host = session.host()?;
    let unused = match host.attachments(Some(network)) {
        Err(err) if err.is_not_found() => return Ok(()),
        found => found.map_err(failed)?.is_empty(),
    };
    if !unused || !host.network(network).map_err(failed)?.is_foreign() {
        return Ok(());
    }
    match host.remove_network(network, false) {
        Err(err) if err.is_exists() => Ok(()), // somebody came meanwhile
        removed => {
            session.detached.push(removed.map_err(failed)?);
            Ok(())
        }
    }
}
