//! GC and STATUS for plugins whose attachments are in the records.

use super::Input;
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::session::{Session, failed, network_name};
use bridge::{Attachment, Vlans, Who};

/// Takes away each attachment of the network that CNI made and that is not among the valid ones.
pub(super) fn attachments(
    session: &mut Session,
    input: &Input<'_>,
    valid: &[AttachmentKey],
) -> Result<()> {
    let network = network_name(&input.conf.name)?;
    let found = match session.host()?.attachments(Some(&network)) {
        Err(err) if err.is_not_found() => return Ok(()),
        found => found.map_err(failed)?,
    };
    let mut left = Vec::new();
    for of in found.iter().filter(|of| is_stale(of, valid)) {
        let who = Who::Id(of.key.id.clone());
        let detached = session.host()?.detach(&network, &who, Some(of.key.ifname));
        match detached {
            Ok(detached) => session.detached.push(detached),
            Err(err) => left.push(failed(err).msg),
        }
    }
    match left.is_empty() {
        true => Ok(()),
        false => Err(Error::new(Code::Failed, left.join("; "))),
    }
}

fn is_stale(of: &Attachment, valid: &[AttachmentKey]) -> bool {
    let is = |key: &AttachmentKey| {
        key.ifname == of.key.ifname && key.container_id.as_str() == of.key.id.name()
    };
    of.key.id.front() == "cni" && !valid.iter().any(is)
}

/// Whether an ADD finds what it needs of the host: records that can be read, netlink, nftables.
pub(super) fn status(session: &mut Session) -> Result<()> {
    let probed = session.host().and_then(|host| host.probe().map_err(failed));
    probed.map_err(unavailable)
}

/// Whether the kernel's bridges know VLANs.
pub(super) fn vlans(session: &mut Session, vlans: Vlans) -> Result<()> {
    let host = session.host()?;
    let probed = host.probe_vlans(vlans).map_err(failed);
    probed.map_err(unavailable)
}

fn unavailable(err: Error) -> Error {
    Error {
        code: Code::Unavailable,
        ..err
    }
}
