//! CHECK: what an ADD made, compared with what is there.

use super::{Input, Target};
use crate::error::{Code, Error, Result};
use crate::result::{AddResult, Interface};
use crate::session::{Session, attachment_id, failed, network_name, open_netns};
use bridge::{Attachment, Who};

/// The attachment as it is recorded.
pub(super) fn recorded(
    session: &mut Session,
    input: &Input<'_>,
    target: &Target,
) -> Result<Attachment> {
    let (network, who) = whose(input, target)?;
    let found = session
        .host()?
        .attachment(&network, &who, Some(target.key.ifname));
    found.map_err(|err| match err.is_not_found() {
        true => Error {
            code: Code::Differs,
            ..failed(err)
        },
        false => failed(err),
    })
}

/// The same where the interface is ours; `None` behind a main plugin of others.
pub(super) fn own(
    session: &mut Session,
    input: &Input<'_>,
    target: &Target,
) -> Result<Option<Attachment>> {
    match recorded(session, input, target) {
        Err(err) if err.code == Code::Differs => Ok(None),
        found => found.map(|found| Some(found).filter(|of| !of.assigned.foreign)),
    }
}

fn whose(input: &Input<'_>, target: &Target) -> Result<(bridge::NetworkName, Who)> {
    let id = attachment_id(target.key.container_id.as_str())?;
    Ok((network_name(&input.conf.name)?, Who::Id(id)))
}

/// Everything of an attachment: records and kernel, then the result that the runtime kept.
pub(super) fn attachment(
    session: &mut Session,
    input: &Input<'_>,
    target: &Target,
    previous: &AddResult,
) -> Result<()> {
    let found = recorded(session, input, target)?;
    let netns = open_netns(&target.netns)?;
    let mut all = Vec::new();
    if netns.cookie().ok() != Some(found.cookie) {
        let path = target.netns.display();
        all.push(format!(
            "{} is attached in another namespace than {path}",
            found.key
        ));
    }
    all.extend(of_result(&found, previous));
    all.extend(differences(session, input, target)?);
    none(all)
}

/// What differs between records and kernel.
fn differences(session: &mut Session, input: &Input<'_>, target: &Target) -> Result<Vec<String>> {
    let (network, who) = whose(input, target)?;
    let host = session.host()?;
    said(host.check_attachment(&network, &who, target.key.ifname))
}

/// What differs of its published ports.
pub(super) fn ports(
    session: &mut Session,
    input: &Input<'_>,
    target: &Target,
) -> Result<Vec<String>> {
    let (network, who) = whose(input, target)?;
    let host = session.host()?;
    said(host.check_ports(&network, &who, target.key.ifname))
}

/// What differs of the network's policy.
pub(super) fn policy(session: &mut Session, input: &Input<'_>) -> Result<Vec<String>> {
    let network = network_name(&input.conf.name)?;
    said(session.host()?.check_policy(&network))
}

fn said(found: bridge::Result<Vec<bridge::Difference>>) -> Result<Vec<String>> {
    let found = found.map_err(failed)?;
    Ok(found.iter().map(ToString::to_string).collect())
}

/// What the result says and the record does not. Later plugins may have added to both.
fn of_result(found: &Attachment, previous: &AddResult) -> Vec<String> {
    let own = found.key.ifname.to_string();
    let is_own = |of: &Interface| of.name == own && !of.sandbox.is_empty();
    let Some(at) = previous.interfaces.iter().position(is_own) else {
        return vec![format!(
            "`prevResult.interfaces` has no `{own}` in a namespace"
        )];
    };
    let mut all = Vec::new();
    let mac = found.mac.to_string();
    let said = previous.interfaces.get(at).map(|of| of.mac.as_str());
    if let Some(said) = said.filter(|said| !said.is_empty() && !said.eq_ignore_ascii_case(&mac)) {
        all.push(format!("the MAC address of `{own}` is {mac}, not {said}"));
    }
    for ip in previous.ips.iter().filter(|ip| ip.interface == Some(at)) {
        if !found.addresses.contains(&ip.address) {
            all.push(format!("`{own}` was not given {}", ip.address));
        }
    }
    all
}

/// Nothing differs, or an error with each difference.
pub(crate) fn none(differences: Vec<String>) -> Result<()> {
    match differences.len() {
        0 => Ok(()),
        1 => Err(Error::new(Code::Differs, differences.concat())),
        n => {
            let msg = format!("{n} differences: {}", differences.join(" | "));
            Err(Error::new(Code::Differs, msg))
        }
    }
}
