//! Changing the published ports of an attachment while traffic flows: the actions, and how a change that was cut short is finished.
//!
//! The claim says what shall be. Which ports change is noted first; whoever finds the note makes them as the claim has them, whichever
//! way the change was going.

use crate::engine::{Engine, send};
use crate::error::{Error, Result};
use crate::external::only;
use crate::intent;
use crate::name::NetworkName;
use crate::port::PortSpec;
use crate::record::Claim;
use crate::spec::{Attachment, State};
use crate::step::Step;
use core_netlink::link::{BridgePort, SetBridgePort};
use core_netlink::{IfName, MacAddr, Request};
use firewall::Change;

/// One thing to do. The claims called `touched` have only the ports that come or go.
#[derive(Clone, Debug)]
pub(crate) enum PortAction {
    /// Note which ports change.
    Note { touched: Claim },
    /// Take them; the host's lock must be held.
    Take { touched: Claim },
    /// Write the claim with the ports that shall be.
    Rewrite {
        before: Box<Claim>,
        after: Box<Claim>,
    },
    /// Let packets leave by the port of the bridge they came in by, or not.
    Hairpin { host_end: IfName, on: bool },
    /// Let packets pass to other ports that are set so, or not.
    Isolate { host_end: IfName, on: bool },
    /// Let the bridge lead to another MAC address.
    Station {
        host_end: IfName,
        from: MacAddr,
        to: MacAddr,
    },
    /// Give ports back.
    Release { touched: Claim },
    /// The change is complete.
    Done { touched: Claim },
}

impl PortAction {
    pub(crate) fn step(&self) -> Step {
        let step = |what: String, words: Vec<String>, undo| Step { what, words, undo };
        let silent = |what| step(what, vec![], vec![]);
        match self {
            PortAction::Note { touched } => silent(format!("note that {} change", ports(touched))),
            PortAction::Take { touched } => silent(format!("take {}", ports(touched))),
            PortAction::Rewrite { after, .. } => {
                let of = &after.attachment;
                let list = crate::attach::list(&of.ports);
                silent(format!("write down that {} publishes {list}", of.key))
            }
            PortAction::Hairpin { host_end, on } => {
                let word = |on| {
                    let on = if on { "on" } else { "off" };
                    vec![format!("bridge link set dev {host_end} hairpin {on}")]
                };
                let what = match on {
                    true => "let it reach its own published ports",
                    false => "nothing is published any more",
                };
                step(what.to_owned(), word(*on), word(!on))
            }
            PortAction::Isolate { host_end, on } => {
                let word = |on| {
                    let on = if on { "on" } else { "off" };
                    vec![format!("bridge link set dev {host_end} isolated {on}")]
                };
                let what = match on {
                    true => "keep it apart from its neighbours",
                    false => "let it reach its neighbours",
                };
                step(what.to_owned(), word(*on), word(!on))
            }
            PortAction::Station { host_end, from, to } => {
                let words = |to: &MacAddr, from: &MacAddr| {
                    vec![
                        format!("bridge fdb replace {to} dev {host_end} master static sticky"),
                        format!("bridge fdb delete {from} dev {host_end} master"),
                    ]
                };
                step(format!("lead to {to}"), words(to, from), words(from, to))
            }
            PortAction::Release { touched } => silent(format!("give back {}", ports(touched))),
            PortAction::Done { touched } => silent(format!("{} are done", ports(touched))),
        }
    }
}

/// `ports 80:80/tcp, 81:81/tcp of ...`
fn ports(touched: &Claim) -> String {
    let of = &touched.attachment;
    format!("ports {} of {}", crate::attach::list(&of.ports), of.key)
}

impl Engine {
    pub(crate) fn run_port(&mut self, action: &PortAction) -> Result<()> {
        match action {
            PortAction::Note { touched } => self.store.note_change(touched),
            PortAction::Take { touched } => self.take_ports(&touched.attachment),
            PortAction::Rewrite { after, .. } => self.store.rewrite_claim(after),
            PortAction::Hairpin { host_end, on } => self.hairpin(*host_end, *on),
            PortAction::Isolate { host_end, on } => self.isolate(*host_end, *on),
            PortAction::Station { host_end, from, to } => self.station(*host_end, *from, *to),
            PortAction::Release { touched } => self.release_ports(&touched.attachment),
            PortAction::Done { touched } => {
                let of = &touched.attachment;
                self.store.forget_change(&of.key.network, of.host_end)
            }
        }
    }

    /// With the claim as it was, the last of them, which undoes the note, does all the rest.
    pub(crate) fn undo_port(&mut self, action: &PortAction) -> Result<()> {
        match action {
            PortAction::Rewrite { before, .. } => self.store.rewrite_claim(before),
            PortAction::Note { touched } => self.finish_change(touched),
            PortAction::Isolate { host_end, on } => self.isolate(*host_end, !on),
            PortAction::Station { host_end, from, to } => self.station(*host_end, *to, *from),
            _ => Ok(()),
        }
    }

    /// Finishes or undoes changes of ports that were cut short. The network's lock is ours, so nobody is at it any more.
    pub(crate) fn recover_ports(&mut self, network: &NetworkName) -> Result<()> {
        let changes = self.store.changes(network)?;
        changes
            .iter()
            .try_for_each(|touched| self.finish_change(touched))
    }

    /// Makes the ports that were touched as the claim has them: there or not there. Without a claim none is, and what else the
    /// attachment has is told from the kernel.
    fn finish_change(&mut self, touched: &Claim) -> Result<()> {
        let of = &touched.attachment;
        let (network, end) = (&of.key.network, of.host_end);
        let claim = self.store.claim_of(network, end)?;
        let claim = claim.filter(|claim| claim.attachment.state == State::Up);
        let shall = claim.map_or_else(Vec::new, |claim| claim.attachment.ports);
        let (come, go): (Vec<PortSpec>, Vec<PortSpec>) =
            of.ports.iter().partition(|port| shall.contains(port));
        let with = |ports| Attachment {
            ports,
            ..of.clone()
        };
        let stays = intent::ports(&with(shall.clone()))?;
        let goes = only(&intent::ports(&with(go.clone()))?, &stays);
        let mut change = intent::ports(&with(come.clone()))?;
        change.extend(Change::remove(goes));
        self.finish_loopback(of, &shall)?;
        self.hairpin(end, of.assigned.hairpin || !shall.is_empty())?;
        self.apply(&change)?;
        self.flows(of, false)?;
        self.take_ports(&with(come))?;
        self.release_ports(&with(go))?;
        self.store.forget_change(network, end)
    }

    /// Whether 127.0.0.1 is routed to the bridge: while somebody there publishes to it.
    fn finish_loopback(&mut self, of: &Attachment, shall: &[PortSpec]) -> Result<()> {
        let (network, end) = (&of.key.network, of.host_end);
        let definition = self.store.definition(network)?;
        let link = definition.and_then(|found| found.network.loopback_link(of));
        let Some(link) = link else {
            return Ok(());
        };
        if shall.iter().any(PortSpec::serves_loopback) {
            self.store.mark_loopback(network, end)?;
            return self.localnet(link, true);
        }
        self.store.unmark_loopback(network, end)?;
        match self.store.is_last_loopback(network, end)? {
            true => self.localnet(link, false),
            false => Ok(()),
        }
    }

    fn take_ports(&mut self, touched: &Attachment) -> Result<()> {
        let holder = holder(touched);
        let (network, end) = (&touched.key.network, touched.host_end);
        for port in &touched.ports {
            self.store.reserve_port(port, &holder)?;
        }
        match touched.ports.iter().any(PortSpec::serves_loopback) {
            true => self.store.mark_loopback(network, end),
            false => Ok(()),
        }
    }

    /// And the mark of who is reached by 127.0.0.1, if the claim has no such port any more.
    fn release_ports(&mut self, touched: &Attachment) -> Result<()> {
        let holder = holder(touched);
        let (network, end) = (&touched.key.network, touched.host_end);
        for port in &touched.ports {
            self.store.release_port(port, &holder)?;
        }
        let claim = self.store.claim_of(network, end)?;
        let serves = |claim: &Claim| {
            let mut ports = claim.attachment.ports.iter();
            ports.any(PortSpec::serves_loopback)
        };
        match claim.as_ref().is_some_and(serves) {
            true => Ok(()),
            false => self.store.unmark_loopback(network, end),
        }
    }

    fn hairpin(&mut self, host_end: IfName, on: bool) -> Result<()> {
        let hairpin = Some(on);
        self.set_port(
            host_end,
            &BridgePort {
                hairpin,
                ..BridgePort::default()
            },
        )
    }

    fn isolate(&mut self, host_end: IfName, on: bool) -> Result<()> {
        let isolated = Some(on);
        self.set_port(
            host_end,
            &BridgePort {
                isolated,
                ..BridgePort::default()
            },
        )
    }

    fn set_port(&mut self, host_end: IfName, port: &BridgePort) -> Result<()> {
        let Some(link) = self.find(host_end)?.filter(|link| link.master.is_some()) else {
            return Ok(()); // gone by itself
        };
        let request: Box<dyn Request + '_> = Box::new(SetBridgePort {
            link: link.index,
            port,
        });
        send(self.kernel.route()?, &[request], |_| false)
            .map_err(|err| Error::netlink(format!("set up port `{host_end}`"), err))
    }
}

fn holder(of: &Attachment) -> String {
    format!("{}/{}", of.key.network, of.host_end)
}
