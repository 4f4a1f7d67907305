//! Publishing and unpublishing ports of attachments that are up, while traffic flows.

use crate::action::Action;
use crate::attach::{check_apart, list};
use crate::engine::{Engine, Scene};
use crate::error::{Error, Result};
use crate::external::only;
use crate::host::{Host, steps};
use crate::host_port::Wanted;
use crate::intent;
use crate::name::NetworkName;
use crate::port::PortSpec;
use crate::port_action::PortAction;
use crate::record::Claim;
use crate::spec::{Attachment, Network, State, Who};
use crate::step::Step;
use crate::translation::Translation;
use core_netlink::IfName;
use firewall::{Change, Transport};

/// Ports that an attachment is to get or to lose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishSpec {
    /// Which network.
    pub network: NetworkName,
    /// Which attachment of it.
    pub who: Who,
    /// Which of its interfaces; unless given `eth0`, or the only one it has in this network.
    pub ifname: Option<IfName>,
    /// The ports.
    pub ports: Vec<PortSpec>,
    /// Which connections they take, and whom the container sees at them: the same for all its ports. Of no meaning to unpublish.
    pub translation: Translation,
    /// Publish on addresses too that this host does not have yet.
    pub nonlocal: bool,
}

impl PublishSpec {
    /// No ports of an attachment.
    pub fn new(network: NetworkName, who: Who) -> PublishSpec {
        PublishSpec {
            network,
            who,
            ifname: None,
            ports: Vec::new(),
            translation: Translation::default(),
            nonlocal: false,
        }
    }
}

impl Host {
    /// Publishes ports of an attachment that is up: all of them or none, in one transaction of the firewall. What is published already
    /// stays. UDP flows that took another way are cut; connections of TCP that stand go on.
    ///
    /// Fails if there is no such attachment, if a port is taken by another one or by a process that listens on this host, or if this
    /// host does not have the address.
    ///
    /// ```no_run
    /// use bridge::{AttachmentId, Host, PublishSpec, Who};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut host = Host::open()?;
    /// let web = Who::Id(AttachmentId::new("cli", "web")?);
    /// let ports = vec!["8080:80".parse()?, "127.0.0.1:5353:53/udp".parse()?];
    /// let spec = PublishSpec { ports, ..PublishSpec::new("blue".parse()?, web) };
    /// println!("{:?}", host.publish(&spec)?.ports);
    /// host.unpublish(&spec)?; // and back
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish(&mut self, spec: &PublishSpec) -> Result<Attachment> {
        self.engine.change_ports(spec, Engine::plan_publish)
    }

    /// The steps that [`publish`](Self::publish) would take; none if all is published already.
    pub fn plan_publish(&mut self, spec: &PublishSpec) -> Result<Vec<Step>> {
        self.engine
            .plan(|engine| engine.plan_ports(spec, Engine::plan_publish))
    }

    /// The opposite: connections that stand go on, new ones are refused, UDP flows are cut. What is not published is no error; but a
    /// part of what is published as one range cannot be taken away alone.
    pub fn unpublish(&mut self, spec: &PublishSpec) -> Result<Attachment> {
        self.engine.change_ports(spec, Engine::plan_unpublish)
    }

    /// The steps that [`unpublish`](Self::unpublish) would take; none if none of it is published.
    pub fn plan_unpublish(&mut self, spec: &PublishSpec) -> Result<Vec<Step>> {
        self.engine
            .plan(|engine| engine.plan_ports(spec, Engine::plan_unpublish))
    }

    /// The one attachment that is meant; an error if there is none, or several.
    pub fn attachment(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: Option<IfName>,
    ) -> Result<Attachment> {
        let op = format!("find an attachment of network `{network}`");
        self.network(network)?;
        let spec = PublishSpec {
            ifname,
            ..PublishSpec::new(network.clone(), who.clone())
        };
        let claim = self.engine.one_meant(&op, &spec)?;
        Ok(claim.attachment)
    }
}

/// What becomes of an attachment, and how.
struct Changed {
    after: Attachment,
    plan: Vec<Action>,
}

type Plan = fn(&mut Engine, &str, &PublishSpec, &Network, Claim) -> Result<Changed>;

impl Engine {
    /// A record that is lost or damaged is mended on the way.
    fn change_ports(&mut self, spec: &PublishSpec, plan: Plan) -> Result<Attachment> {
        let tried = self.change_ports_once(spec, plan);
        let lost = match &tried {
            Err(err) => err.is_damaged() || err.is_not_found(),
            Ok(_) => false,
        };
        match lost
            && self.is_defined(&spec.network)
            && !self.mend_records(&spec.network)?.is_empty()
        {
            true => self.change_ports_once(spec, plan),
            false => tried,
        }
    }

    fn change_ports_once(&mut self, spec: &PublishSpec, plan: Plan) -> Result<Attachment> {
        let op = op(spec);
        check_apart(&op, &spec.ports)?;
        let network = self.network(&spec.network)?;
        let _host = self.lock_host()?; // ports are the host's
        let _lock = self.store.lock_network(&spec.network)?;
        self.recover_attachments(&spec.network)?;
        let claim = self.one_alive(&op, spec)?;
        let changed = plan(self, &op, spec, &network, claim)?;
        self.execute(&op, &changed.plan, &mut Scene::default())?;
        Ok(changed.after)
    }

    fn plan_ports(&mut self, spec: &PublishSpec, plan: Plan) -> Result<Vec<Step>> {
        let op = op(spec);
        check_apart(&op, &spec.ports)?;
        let network = self.network(&spec.network)?;
        let claim = self.one_alive(&op, spec)?;
        let changed = plan(self, &op, spec, &network, claim)?;
        Ok(steps(&changed.plan))
    }

    /// With the interface known, it is found by name, without a look at the others.
    fn one_meant(&self, op: &str, spec: &PublishSpec) -> Result<Claim> {
        let usual = spec.ifname.or(Some(IfName::from_kernel(b"eth0")));
        let mut claims = self.meant(&spec.network, &spec.who, usual)?;
        if claims.is_empty() && spec.ifname.is_none() {
            claims = self.meant(&spec.network, &spec.who, None)?;
        }
        let ends: Vec<String> = claims
            .iter()
            .map(|claim| {
                format!(
                    "{} of {}",
                    claim.attachment.key.ifname, claim.attachment.key.id
                )
            })
            .collect();
        let mine = |claim: &Claim| claim.boot == self.store.boot && claim.here == self.store.here;
        match (claims.pop(), claims.is_empty()) {
            (Some(_), false) => {
                let why = format!("several are meant: {}", list(&ends));
                Err(Error::invalid(op, why).with_hint("say which one with --ifname or by its id"))
            }
            (Some(claim), true) if mine(&claim) => Ok(claim),
            _ => {
                let by = spec
                    .ifname
                    .map_or_else(String::new, |name| format!(" by `{name}`"));
                let who = crate::detach::words(&spec.who);
                let why = format!(
                    "nothing of {who} is attached{by} to network `{}`",
                    spec.network
                );
                let hint = format!("`vetch ls {}` shows what is", spec.network);
                Err(Error::missing(op, why).with_hint(hint))
            }
        }
    }

    pub(crate) fn one_alive(&mut self, op: &str, spec: &PublishSpec) -> Result<Claim> {
        let claim = self.one_meant(op, spec)?;
        let of = &claim.attachment;
        if of.state == State::Up && self.has_end(of)? {
            return Ok(claim);
        }
        let (network, id) = (&spec.network, of.key.id.name());
        let err = Error::missing(op, format!("{} is not up", of.key));
        Err(err.with_hint(format!(
            "detach and attach it anew: vetch detach {network} {id}"
        )))
    }

    fn plan_publish(
        &mut self,
        op: &str,
        spec: &PublishSpec,
        network: &Network,
        claim: Claim,
    ) -> Result<Changed> {
        let of = &claim.attachment;
        let there = intent::openings(of)?;
        let shall = translated(op, of, spec)?;
        let mut come = Vec::new();
        for port in &spec.ports {
            if intent::openings(&with(&shall, vec![*port]))?.is_subset(&there) {
                continue;
            }
            if let Some(own) = of.ports.iter().find(|own| own.overlaps(port)) {
                let why = format!("port {port}: it publishes {own} itself");
                let (network, id) = (&network.name, &of.key.id);
                let hint = format!("take that away first: vetch port rm {network} {id} -p {own}");
                return Err(Error::exists(op, why).with_hint(hint));
            }
            come.push(*port);
        }
        self.check_ports(
            op,
            &Wanted {
                network,
                host_end: of.host_end,
                addresses: &of.addresses,
                ports: &come,
                nonlocal: spec.nonlocal,
            },
        )?;
        let after = with(&shall, [of.ports.clone(), come.clone()].concat());
        let mut plan = Vec::new();
        if !come.is_empty() {
            let touched = touched(&claim, with(&shall, come));
            plan.push(port(PortAction::Note {
                touched: touched.clone(),
            }));
            plan.push(port(PortAction::Take {
                touched: touched.clone(),
            }));
            plan.push(rewrite(&claim, &after));
            if of.ports.is_empty() && !of.assigned.hairpin {
                plan.push(hairpin(of, true));
            }
            let first = serves_loopback(&after) && !serves_loopback(of);
            if let Some(bridge) = network.loopback_link(of).filter(|_| first) {
                plan.push(Action::Localnet {
                    bridge,
                    on: true,
                    others: !self.store.is_last_loopback(&network.name, of.host_end)?,
                });
            }
            plan.push(Action::Elements(intent::ports(&touched.attachment)?));
            plan.extend(cut(&touched.attachment));
            plan.push(port(PortAction::Done { touched }));
        }
        Ok(Changed { after, plan })
    }

    fn plan_unpublish(
        &mut self,
        op: &str,
        spec: &PublishSpec,
        network: &Network,
        claim: Claim,
    ) -> Result<Changed> {
        let of = &claim.attachment;
        let mut go = Vec::new();
        for port in &spec.ports {
            go.extend(published_as(op, of, port)?);
        }
        let (go, stay): (Vec<PortSpec>, Vec<PortSpec>) =
            of.ports.iter().partition(|own| go.contains(own));
        let translation = match stay.is_empty() {
            true => Translation::default(),
            false => of.translation.clone(),
        };
        let after = Attachment {
            translation,
            ..with(of, stay)
        };
        let mut plan = Vec::new();
        if !go.is_empty() {
            let touched = touched(&claim, with(of, go));
            plan.push(port(PortAction::Note {
                touched: touched.clone(),
            }));
            plan.push(rewrite(&claim, &after));
            let goes = only(&intent::ports(of)?, &intent::ports(&after)?);
            plan.push(Action::Elements(Change::remove(goes)));
            plan.extend(cut(&touched.attachment));
            let loses = serves_loopback(of) && !serves_loopback(&after);
            if loses && self.store.is_last_loopback(&spec.network, of.host_end)? {
                plan.extend(network.loopback_link(of).map(|bridge| Action::Localnet {
                    bridge,
                    on: false,
                    others: false,
                }));
            }
            if after.ports.is_empty() && !of.assigned.hairpin {
                plan.push(hairpin(of, false));
            }
            plan.push(port(PortAction::Release {
                touched: touched.clone(),
            }));
            plan.push(port(PortAction::Done { touched }));
        }
        Ok(Changed { after, plan })
    }
}

fn op(spec: &PublishSpec) -> String {
    let who = crate::detach::words(&spec.who);
    format!("change the ports of {who} in network `{}`", spec.network)
}

/// The port of the claim that is meant, however it is written. One that overlaps with it is another: whoever takes it away would believe
/// that nothing is open any more.
fn published_as(op: &str, of: &Attachment, asked: &PortSpec) -> Result<Option<PortSpec>> {
    let wanted = intent::openings(&with(of, vec![*asked]))?;
    let Some(own) = of.ports.iter().find(|own| own.overlaps(asked)) else {
        return Ok(None);
    };
    if own == asked || intent::openings(&with(of, vec![*own]))? == wanted {
        return Ok(Some(*own));
    }
    let why = format!("port {asked}: what is published is {own}");
    let hint = format!("to take that away: -p {own}");
    Err(Error::invalid(op, why).with_hint(hint))
}

fn with(of: &Attachment, ports: Vec<PortSpec>) -> Attachment {
    Attachment {
        ports,
        ..of.clone()
    }
}

fn touched(claim: &Claim, attachment: Attachment) -> Claim {
    Claim {
        attachment,
        ..claim.clone()
    }
}

/// The attachment with what is asked for of its ports: the same for those that are there.
fn translated(op: &str, of: &Attachment, spec: &PublishSpec) -> Result<Attachment> {
    if !of.ports.is_empty() && !spec.ports.is_empty() && of.translation != spec.translation.sorted()
    {
        let why = format!(
            "{} are published for other connections, or with other sources",
            list(&of.ports)
        );
        return Err(Error::exists(op, why).with_hint("one attachment has all its ports alike"));
    }
    Ok(Attachment {
        translation: spec.translation.sorted(),
        ..of.clone()
    })
}

fn serves_loopback(of: &Attachment) -> bool {
    of.ports.iter().any(PortSpec::serves_loopback)
}

pub(crate) fn port(action: PortAction) -> Action {
    Action::Port(Box::new(action))
}

pub(crate) fn rewrite(before: &Claim, after: &Attachment) -> Action {
    port(PortAction::Rewrite {
        before: Box::new(before.clone()),
        after: Box::new(Claim {
            attachment: after.clone(),
            ..before.clone()
        }),
    })
}

fn hairpin(of: &Attachment, on: bool) -> Action {
    let host_end = of.host_end;
    port(PortAction::Hairpin { host_end, on })
}

/// TCP needs none of it.
fn cut(touched: &Attachment) -> Option<Action> {
    let mut ports = touched.ports.iter();
    let udp = ports.any(|port| port.transport == Transport::Udp);
    udp.then(|| Action::Flows {
        attachment: touched.clone(),
        addresses: false,
    })
}
