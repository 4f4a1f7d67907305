//! `firewall`: which connections may come to a container.
//!
//! What the reference needs a rule per container for, the network's own rules do already: connections out pass, answers come back. What
//! is left is who may come in.

use super::{Input, Plugin, Target, collect, compare, nothing_to_collect, previous};
use crate::error::{Error, Result};
use crate::result::AddResult;
use crate::session::{Session, failed, network_name};
use bridge::Policy;
use serde::Deserialize;

pub(super) const PLUGIN: Plugin = Plugin {
    name: "firewall",
    about: "which connections may come to the container",
    add,
    del: |_, _, _, _| Ok(()),
    check,
    gc: nothing_to_collect,
    status,
    ahead: |input, _| Keys::read(input).map(drop),
};

/// The keys of the plugin's documentation.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Keys {
    backend: String,
    #[serde(rename = "iptablesAdminChainName")]
    _admin_chain: String,
    #[serde(rename = "firewalldZone")]
    _zone: String,
    ingress_policy: Option<Ingress>,
}

/// Who may come in besides answers and published ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ingress {
    /// Everybody who has a route.
    Open,
    /// Neighbours on the same bridge.
    SameBridge,
    /// Nobody.
    Isolated,
}

impl Ingress {
    fn policy(self, there: &Policy) -> Policy {
        Policy {
            reachable: self == Ingress::Open,
            isolate_ports: self == Ingress::Isolated,
            ..there.clone()
        }
    }
}

impl Keys {
    fn read(input: &Input<'_>) -> Result<Keys> {
        let keys: Keys = input.conf.keys()?;
        match keys.backend.as_str() {
            "" | "iptables" | "firewalld" | "nftables" => Ok(keys),
            other => {
                let why = format!("{other:?} is not known; it is nftables either way");
                Err(Error::invalid("backend", why))
            }
        }
    }
}

impl Keys {
    fn check_foreign(&self) -> Result<()> {
        match self.ingress_policy {
            None | Some(Ingress::Open) => Ok(()),
            Some(_) => {
                let why = "the interface is not of our bridge or ptp: who made it must close it";
                Err(Error::invalid("ingressPolicy", why))
            }
        }
    }
}

/// Without the key the network stays as it is. Of what others made nothing is closed here, and nothing can be.
fn add(session: &mut Session, input: &Input<'_>, target: &Target) -> Result<AddResult> {
    let (keys, result) = (Keys::read(input)?, previous(input)?.clone());
    let Some(found) = compare::own(session, input, target)? else {
        return keys.check_foreign().map(|()| result);
    };
    if let Some(ingress) = keys.ingress_policy {
        let host = session.host()?;
        let there = host.network(&found.key.network).map_err(failed)?;
        let changed = host.change_policy(&there.name, &ingress.policy(&there.policy));
        changed.map_err(failed)?;
    }
    Ok(result)
}

fn check(session: &mut Session, input: &Input<'_>, target: &Target, _: &AddResult) -> Result<()> {
    let keys = Keys::read(input)?;
    if compare::own(session, input, target)?.is_none() {
        return keys.check_foreign();
    }
    let mut all = compare::policy(session, input)?;
    if let Some(ingress) = keys.ingress_policy {
        let network = network_name(&input.conf.name)?;
        let there = session.host()?.network(&network).map_err(failed)?;
        if there.policy != ingress.policy(&there.policy) {
            all.push(format!(
                "`ingressPolicy`: network `{network}` is not {ingress:?}"
            ));
        }
    }
    compare::none(all)
}

fn status(session: &mut Session, input: &Input<'_>) -> Result<()> {
    Keys::read(input)?;
    collect::status(session)
}
