//! Mending what differs from the records, neighbours included.

use crate::action::Action;
use crate::check::{Depth, Difference, Finding, Mend};
use crate::engine::{Engine, Scene};
use crate::error::{Error, Result};
use crate::name::NetworkName;
use crate::spec::{Attachment, Network};
use core_netlink::link::Kind;

/// What [`Host::repair`](crate::Host::repair) did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// What differed and was mended.
    pub mended: Vec<Difference>,
    /// What still differs: it is somebody else's to change, or what was tried did not help.
    pub left: Vec<Difference>,
}

impl Engine {
    /// The networks that are meant: this one, or all.
    pub(crate) fn meant_networks(&self, name: Option<&NetworkName>) -> Result<Vec<Network>> {
        match name {
            Some(name) => Ok(vec![self.network(name)?]),
            None => self.networks(),
        }
    }

    /// Goes on past what cannot be mended, and looks again until nothing more can be.
    pub(crate) fn repair(&mut self, networks: &[Network], depth: Depth) -> Result<Repaired> {
        if networks.is_empty() {
            return Ok(Repaired::default());
        }
        let _host = self.lock_host()?;
        let locks = networks.iter().map(|of| self.store.lock_network(&of.name));
        let _locks = locks.collect::<Result<Vec<_>>>()?;
        networks
            .iter()
            .try_for_each(|of| self.recover_attachments(&of.name).map(drop))?;
        let mut repaired = Repaired::default();
        for _ in 0..ROUNDS {
            let findings = self.findings(networks, depth)?;
            let (ours, theirs): (Vec<_>, Vec<_>) = findings
                .into_iter()
                .partition(|finding| !matches!(finding.mend, Mend::Nothing));
            repaired.left = differences(&theirs);
            if ours.is_empty() {
                return Ok(repaired);
            }
            // What the records say must be known before anything is made after them.
            let (first, then): (Vec<_>, Vec<_>) =
                ours.into_iter().partition(Finding::is_of_records);
            for finding in if first.is_empty() { then } else { first } {
                self.mend_finding(&finding)?;
                if !repaired.mended.contains(&finding.difference) {
                    repaired.mended.push(finding.difference);
                }
            }
        }
        let left = self.findings(networks, depth)?;
        repaired.left = differences(&left);
        let still = |of: &Difference| repaired.left.contains(of);
        repaired.mended.retain(|of| !still(of));
        Ok(repaired)
    }

    fn mend_finding(&mut self, finding: &Finding) -> Result<()> {
        let op = format!("mend {}", finding.difference);
        match &finding.mend {
            Mend::Nothing => Ok(()),
            Mend::Do(actions) => {
                let mut scene = Scene::default();
                if let Some(network) = &finding.difference.network {
                    let bridge = self.network(network)?.bridge;
                    scene.bridge = self.find(bridge)?.map(|link| link.index);
                }
                self.execute(&op, actions, &mut scene)
            }
            Mend::Attachment(of, actions) => self.mend_attachment(&op, of, actions),
            Mend::Remove(of) => self.remove_now(of),
        }
    }

    /// What is there already is looked up first, since the actions build on it.
    fn mend_attachment(&mut self, op: &str, of: &Attachment, actions: &[Action]) -> Result<()> {
        let namespace = self.reopen(of);
        let network = self.network(&of.key.network)?;
        let bridge = self.find(network.bridge)?.map(|link| link.index);
        let link = self.find(of.host_end)?;
        let conn = namespace.as_ref().map(|ns| self.kernel.inside(ns));
        let mut scene = Scene {
            namespace: namespace.as_ref(),
            conn: conn.transpose()?,
            bridge,
            host_end: link.as_ref().map(|link| link.index),
            inner: link.and_then(|link| link.link),
            ..Scene::default()
        };
        self.name_inside(of, &mut scene)?;
        self.execute(op, actions, &mut scene)
    }

    /// The interface inside gets its name and MAC address back.
    fn name_inside(&mut self, of: &Attachment, scene: &mut Scene<'_>) -> Result<()> {
        let (Some(conn), Some(index)) = (scene.conn.as_mut(), scene.inner) else {
            return Ok(());
        };
        let fail = |err| Error::netlink(format!("look into namespace {}", of.namespace), err);
        let inner = conn.get_link(index).map_err(fail)?;
        let is_ours = matches!(inner.kind, Some(Kind::Veth(_)));
        let mac = core_netlink::HwAddr::from(of.mac);
        if !is_ours || (inner.name == of.key.ifname && inner.address.as_ref() == Some(&mac)) {
            return Ok(());
        }
        let down = core_netlink::link::LinkSpec {
            up: Some(false),
            ..Default::default()
        };
        let named = core_netlink::link::LinkSpec {
            name: Some(of.key.ifname),
            address: Some(mac),
            ..Default::default()
        };
        conn.set_link(index, &down).map_err(fail)?;
        conn.set_link(index, &named).map_err(fail)
    }
}

const ROUNDS: usize = 4; // records first; a bridge made anew leaves its ports to be joined again

pub(crate) fn differences(findings: &[Finding]) -> Vec<Difference> {
    findings
        .iter()
        .map(|finding| finding.difference.clone())
        .collect()
}
