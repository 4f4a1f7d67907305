//! Taking away what is left of ours where the records do not say what there was.

use crate::action::Action;
use crate::engine::{DYING, Engine, Scene};
use crate::error::{Error, Result};
use crate::forwarding;
use crate::name::{HOST_END, Key, MARK, NetworkName, SEVERAL};
use crate::record::Opened;
use core_netlink::link::{Kind, Link, LinkFilter};
use core_netlink::{IfIndex, IfName};
use firewall::{Change, Owner};
use std::time::Instant;

/// What [`Host::purge`](crate::Host::purge) took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// Networks of which there was a record.
    pub networks: Vec<NetworkName>,
    /// Links: bridges, host ends, links put aside.
    pub links: Vec<IfName>,
    /// Interfaces on which forwarding was put back, and whether for IPv6.
    pub forwarding: Vec<(IfName, bool)>,
}

impl Engine {
    /// Everything of ours, whatever is left of it. Goes on past failures.
    pub(crate) fn purge(&mut self) -> Result<Purged> {
        let (_host, _) = self.store.lock_host_first()?;
        self.store.remove_drafts()?;
        let networks = self.store.network_names()?;
        let (links, opened) = (self.leftovers(None)?, self.opened()?);
        let done = Purged {
            networks: networks.clone(),
            links: links.iter().map(|link| link.name).collect(),
            forwarding: opened.interfaces.clone(),
        };
        let mut failed: Vec<Error> = Vec::new();
        failed.extend(self.remove_links(&links).err());
        let mut scene = Scene::default();
        for action in self.closing(&opened) {
            failed.extend(self.run_one(&action, &mut scene).err());
        }
        for name in &networks {
            failed.extend(self.store.remove_network(name).err());
        }
        failed.extend(self.store.remove_everything().err());
        let whole = Error::all(failed);
        whole.map_err(|err| err.during("purge")).map(|()| done)
    }

    /// The steps of a purge.
    pub(crate) fn plan_purge(&mut self) -> Result<Vec<Action>> {
        let mut plan: Vec<Action> = self
            .leftovers(None)?
            .iter()
            .map(|link| Action::Delete(link.name))
            .collect();
        let opened = self.opened()?;
        plan.extend(self.closing(&opened));
        Ok(plan)
    }

    /// One network without a definition that can be read. The locks of host and network are held.
    pub(crate) fn wipe(&mut self, name: &NetworkName, force: bool) -> Result<()> {
        let links = self.leftovers(Some(name))?;
        let ends = links.iter().filter(|link| is_end(link)).count();
        if !force && ends > 0 {
            let why = format!("{ends} attached, and its definition is lost");
            return Err(Error::exists(format!("remove network `{name}`"), why)
                .with_hint(format!("detach them, or: vetch network rm --force {name}")));
        }
        self.remove_links(&links)?;
        let fail = |err| Error::firewall("look at the firewall's elements", err);
        let elements = firewall::elements(self.kernel.nft()?)
            .map_err(fail)?
            .into_iter();
        let ours = elements.filter(|element| belongs(&element.owner, name));
        self.apply(&Change::remove(ours))?;
        self.store.remove_network(name)?;
        self.store.release_network_ports(name)?;
        self.close_if_last()
    }

    /// Without networks: forwarding as it was, no tables.
    fn close_if_last(&mut self) -> Result<()> {
        if !self.store.network_names()?.is_empty() {
            return Ok(());
        }
        let opened = self.opened()?;
        let mut scene = Scene::default();
        self.closing(&opened)
            .iter()
            .try_for_each(|action| self.run_one(action, &mut scene))
    }

    /// What the last network takes along: forwarding goes back to what it was, and the tables go, unless they are known to be gone.
    fn closing(&mut self, opened: &Opened) -> Vec<Action> {
        let forward = (*opened != Opened::default()).then(|| forwarding::unforward(opened));
        let gone = matches!(self.kernel.nft().map(firewall::is_left), Ok(Ok(false)));
        let tables = (!gone).then_some(Action::NoTables);
        forward.into_iter().chain(tables).collect()
    }

    /// All at once: one deletion of a group takes little longer than one of a link.
    fn remove_links(&mut self, links: &[Link]) -> Result<()> {
        let (mut scene, start) = (Scene::default(), Instant::now());
        for link in links.iter().filter(|link| link.group != Some(DYING)) {
            self.put_aside(link, MARK.to_owned(), &mut scene)?;
        }
        let all: Vec<IfIndex> = links.iter().map(|link| link.index).collect();
        self.delete_aside(&all)?;
        let each = start.elapsed() / u32::try_from(links.len().max(1)).unwrap_or(u32::MAX);
        for link in links {
            self.report(&Action::Delete(link.name), each);
        }
        Ok(())
    }

    /// Links of ours: of one network, or all.
    fn leftovers(&mut self, name: Option<&NetworkName>) -> Result<Vec<Link>> {
        let links = self.kernel.route()?.links(&LinkFilter::default());
        let mut links = links.map_err(|err| Error::netlink("look for links that are left", err))?;
        links.retain(|link| match link.alias.as_deref() {
            Some(alias) => is_named(alias, name) || (name.is_none() && alias == SEVERAL),
            None => name.is_none() && is_end(link),
        });
        Ok(links)
    }
}

/// A host end, by its name: `vtp` and 12 of base32.
fn is_end(link: &Link) -> bool {
    let name = link.name.as_bytes();
    let (prefix, rest) = name.split_at(name.len().min(HOST_END.len()));
    matches!(link.kind, Some(Kind::Veth(_))) && prefix == HOST_END.as_bytes() && rest.len() == 12
}

/// Whether an alias is ours, and of this network if one is meant.
fn is_named(alias: &str, name: Option<&NetworkName>) -> bool {
    let of = match Key::from_alias(alias) {
        Some((key, _)) => Some(key.network),
        None => alias.strip_prefix(MARK).and_then(|name| name.parse().ok()),
    };
    of.is_some_and(|of| name.is_none_or(|name| *name == of))
}

pub(crate) fn belongs(owner: &Owner, network: &NetworkName) -> bool {
    match owner {
        Owner::Network(name) | Owner::Attachment { network: name, .. } => name == network.as_str(),
        _ => false,
    }
}
