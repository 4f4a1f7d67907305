//! Detaching: as much as can be, whatever is gone already; and undoing what others left half done.

use crate::action::Action;
use crate::engine::{Engine, Scene};
use crate::error::Result;
use crate::intent;
use crate::name::{AttachmentId, Key, NetworkName};
use crate::record::Claim;
use crate::settle::Detached;
use crate::spec::{Attachment, State, Who};
use core_netlink::IfName;
use ns_mgmt::Target;

const FRONTS: [&str; 2] = ["cli", "run"]; // where a name alone is looked for first

impl Engine {
    /// Tries twice: whatever is away already does not come back.
    pub(crate) fn detach(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: Option<IfName>,
    ) -> Result<Detached> {
        let mut gone = Vec::new();
        match self.detach_mended(network, who, ifname, &mut gone) {
            Err(err) if err.may_pass() => self.detach_mended(network, who, ifname, &mut gone),
            done => done,
        }
    }

    fn detach_mended(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: Option<IfName>,
        gone: &mut Vec<Attachment>,
    ) -> Result<Detached> {
        let tried = self.detach_known(network, who, ifname, gone);
        let mend = match &tried {
            Ok(detached) => detached.attachments().is_empty(),
            Err(err) => err.is_damaged(),
        };
        if mend && self.is_defined(network) && !self.mend_records(network)?.is_empty() {
            return self.detach_known(network, who, ifname, gone);
        }
        match tried {
            Err(err) if err.is_damaged() => self.detach_known(network, who, ifname, gone),
            tried => tried,
        }
    }

    pub(crate) fn is_defined(&self, network: &NetworkName) -> bool {
        matches!(self.store.definition(network), Ok(Some(_)))
    }

    /// Those of which there is a record.
    fn detach_known(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: Option<IfName>,
        gone: &mut Vec<Attachment>,
    ) -> Result<Detached> {
        let op = format!("detach {} from network `{network}`", words(who));
        let mut scene = Scene::default();
        if self.store.is_alive()? && self.store.knows(network)? {
            let _lock = self.store.lock_network(network)?;
            self.recover_ports(network)?;
            for claim in self.meant(network, who, ifname)? {
                let plan = self.plan_detach(&claim.attachment)?;
                self.dismantle(&op, &plan, &mut scene)?;
                gone.push(claim.attachment);
            }
        }
        self.detached(gone.clone(), scene)
    }

    /// The claims that are meant. Those that can be named are found by name, without a look at the others.
    pub(crate) fn meant(
        &self,
        network: &NetworkName,
        who: &Who,
        ifname: Option<IfName>,
    ) -> Result<Vec<Claim>> {
        let mut ids: Vec<AttachmentId> = Vec::new();
        match who {
            Who::Id(id) => ids.push(id.clone()),
            Who::Words(words) => {
                ids.extend(words.parse());
                ids.extend(named(words));
            }
            Who::Cookie(_) => {}
        }
        for (id, ifname) in ids
            .iter()
            .zip(std::iter::repeat(ifname))
            .filter_map(|(id, ifname)| Some((id, ifname?)))
        {
            let key = Key {
                network: network.clone(),
                id: id.clone(),
                ifname,
            };
            if let Some(claim) = self.store.claim(&key)? {
                return Ok(vec![claim]);
            }
        }
        if ifname.is_none() {
            let found = self.meant_by_name(network, who, &ids)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let mut claims = self.store.claims(network)?;
        claims.retain(|claim| ifname.is_none_or(|ifname| claim.attachment.key.ifname == ifname));
        choose(&mut claims, who);
        Ok(claims)
    }

    /// Those that a name alone means, without a look at all that have other names. None where the words are more than a name.
    fn meant_by_name(
        &self,
        network: &NetworkName,
        who: &Who,
        ids: &[AttachmentId],
    ) -> Result<Vec<Claim>> {
        let who = match who {
            Who::Words(words) => match words.parse() {
                Ok(id) => &Who::Id(id),
                Err(_) if words.contains([':', '/']) => return Ok(Vec::new()),
                Err(_) => who,
            },
            Who::Id(_) => who,
            Who::Cookie(_) => return Ok(Vec::new()),
        };
        let key = |id: &AttachmentId| Key {
            network: network.clone(),
            id: id.clone(),
            ifname: default_ifname(),
        };
        let mut ends: Vec<IfName> = ids.iter().map(|id| key(id).host_end()).collect();
        ends.extend(self.store.others(network)?);
        ends.sort();
        ends.dedup();
        let mut claims = self.store.unfinished(network)?;
        for end in ends {
            claims.extend(self.store.claim_in(network, State::Up, end)?);
        }
        claims.sort_by_key(|claim| claim.attachment.since);
        choose(&mut claims, who);
        Ok(claims)
    }

    /// Host end down first, then its elements: no open moment. The claim goes last.
    pub(crate) fn plan_detach(&mut self, attachment: &Attachment) -> Result<Vec<Action>> {
        let of = || attachment.clone();
        let mut plan = vec![
            Action::Leave(of()),
            Action::Aside { attachment: of() },
            Action::Elements(intent::attachment(attachment)?.inverse()),
            Action::Flows {
                attachment: of(),
                addresses: true,
            },
            Action::AsideInside(of()),
        ];
        if attachment.ports.iter().any(|port| port.serves_loopback())
            && self
                .store
                .is_last_loopback(&attachment.key.network, attachment.host_end)?
        {
            let definition = self.store.definition(&attachment.key.network)?;
            let link = match definition {
                Some(found) => found.network.loopback_link(attachment),
                None => Some(attachment.key.network.bridge()),
            };
            plan.extend(link.map(|bridge| Action::Localnet {
                bridge,
                on: false,
                others: false,
            }));
        }
        plan.push(Action::Unclaim(of()));
        Ok(plan)
    }

    /// Takes one away and waits for its links to be deleted: for what an earlier life left.
    pub(crate) fn remove_now(&mut self, attachment: &Attachment) -> Result<()> {
        if self.planning {
            return Ok(());
        }
        let mut scene = Scene::default();
        let plan = self.plan_detach(attachment)?;
        self.dismantle("finish what an earlier command left", &plan, &mut scene)?;
        self.settle_now(&scene.aside)
    }

    /// Undoes every attachment of a network that was not finished: the locks of host and network are ours, so nobody is at it any more.
    pub(crate) fn recover_attachments(&mut self, network: &NetworkName) -> Result<Vec<Attachment>> {
        self.recover_ports(network)?;
        let mut unfinished = self.store.remove_claim_drafts(network)?;
        unfinished.extend(self.store.claims_in(network, State::Leaving)?);
        let mut undone = Vec::new();
        for claim in unfinished {
            self.remove_now(&claim.attachment)?;
            undone.push(claim.attachment);
        }
        if !undone.is_empty() && !self.planning {
            self.mend_named(network)?; // a record that was told from the kernel did not know all that was theirs
        }
        Ok(undone)
    }
}

impl Attachment {
    /// Whether its id and its namespace have the same name, and its interface the usual one: then its host end follows from that name.
    pub(crate) fn is_found_by_name(&self) -> bool {
        let name = self.key.id.name();
        self.key.ifname == default_ifname()
            && self.namespace == name
            && named(name).any(|id| id == self.key.id)
    }
}

/// That of an attachment which asks for no other.
pub(crate) fn default_ifname() -> IfName {
    IfName::from_kernel(b"eth0")
}

pub(crate) fn words(who: &Who) -> String {
    match who {
        Who::Id(id) => id.to_string(),
        Who::Words(words) => format!("`{}`", words.escape_debug()),
        Who::Cookie(cookie) => format!("what is in the namespace with cookie {cookie}"),
    }
}

/// The ids that a name alone may stand for.
fn named(name: &str) -> impl Iterator<Item = AttachmentId> + '_ {
    FRONTS
        .iter()
        .filter_map(|front| AttachmentId::new(front, name).ok())
}

/// Keeps those that are meant.
fn choose(claims: &mut Vec<Claim>, who: &Who) {
    let by_id = |id: &AttachmentId, claim: &Claim| claim.attachment.key.id == *id;
    match who {
        Who::Id(id) => claims.retain(|claim| by_id(id, claim)),
        Who::Cookie(cookie) => claims.retain(|claim| claim.attachment.cookie == *cookie),
        Who::Words(words) => match words.parse::<AttachmentId>() {
            Ok(id) if claims.iter().any(|claim| by_id(&id, claim)) => {
                claims.retain(|claim| by_id(&id, claim));
            }
            _ => claims.retain(|claim| fits(words, &claim.attachment)),
        },
    }
}

/// Whether these words are the name in the id, as typed or as `ls` shows it, or mean its namespace.
fn fits(words: &str, of: &Attachment) -> bool {
    let name = of.key.id.name();
    let target = |text: &str| text.parse::<Target>().ok();
    let same = target(words).zip(target(&of.namespace));
    name == words
        || named(words).any(|id| id.name() == name)
        || of.namespace == *words
        || same.is_some_and(|(words, namespace)| words.means(&namespace))
}
