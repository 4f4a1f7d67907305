//! Attachments that went without being detached: their namespace ended, and the kernel deleted the pair. What they held is free for others.

use crate::engine::{Engine, by_index, is_of, netlink};
use crate::error::{Error, Result};
use crate::name::NetworkName;
use crate::spec::{Attachment, State};
use core_netlink::IfName;
use core_netlink::link::{Link, LinkFilter};
use core_netlink::nsid::{NsIdKey, NsRef};
use std::collections::HashMap;
use std::net::IpAddr;

impl Engine {
    /// Whether nothing of an attachment is left in the kernel and nobody can reach its namespace.
    fn is_gone(&mut self, attachment: &Attachment) -> Result<bool> {
        Ok(self.has_no_link(attachment)? && self.reopen(attachment).is_none())
    }

    /// Whether nothing of an attachment is left in the kernel that will stay, its namespace aside; of one whose link is somebody else's,
    /// whether its namespace is gone.
    pub(crate) fn has_no_link(&mut self, attachment: &Attachment) -> Result<bool> {
        if attachment.assigned.foreign {
            return Ok(self.reopen(attachment).is_none());
        }
        let link = self.find(attachment.host_end)?;
        match link.filter(|link| is_of(link, &attachment.key)) {
            Some(link) => self.is_dying(&link),
            None => Ok(true),
        }
    }

    /// Whether its host end is there, or nothing of it needs to be because the link is somebody else's.
    pub(crate) fn has_end(&mut self, of: &Attachment) -> Result<bool> {
        if of.assigned.foreign {
            return Ok(true);
        }
        let link = self.find(of.host_end)?;
        Ok(link.is_some_and(|link| is_of(&link, &of.key)))
    }

    /// Whether the namespace of a link's other end has ended. The kernel takes it down later, and the link with it: first it finds the
    /// namespace by its number no more, then there is no number.
    fn is_dying(&mut self, link: &Link) -> Result<bool> {
        let fail = |err| netlink(format!("look for the other end of `{}`", link.name), err);
        let Some(id) = link.link_netnsid else {
            let Some(other) = link.link else {
                return Ok(false);
            };
            let here = self.kernel.route()?.find_link(by_index(other));
            let here = here.map_err(fail)?;
            return Ok(here.is_none_or(|other| other.link != Some(link.index)));
        };
        let of = NsRef::Id(id);
        match self.kernel.route()?.get(&NsIdKey { of, target: None }) {
            Err(err) if err.is_not_found() => Ok(true),
            found => found.map(|_| false).map_err(fail),
        }
    }

    /// Takes away whoever holds an address, if it is gone.
    pub(crate) fn free_address(&mut self, network: &NetworkName, ip: IpAddr) -> Result<()> {
        let holder = self.store.holder(network, ip)?;
        match holder.and_then(|end| end.parse().ok()) {
            Some(end) => self.free(network, end).map(drop),
            None => Ok(()),
        }
    }

    /// Takes away who publishes a port (`NETWORK/HOSTEND`), if it is gone. The host's lock and that of the network `ours` are held.
    pub(crate) fn free_port(&mut self, ours: &NetworkName, holder: &str) -> Result<bool> {
        let Some((network, end)) = holder.split_once('/') else {
            return Ok(false);
        };
        let (Ok(network), Ok(end)) = (network.parse::<NetworkName>(), end.parse()) else {
            return Ok(false);
        };
        let _lock = match network == *ours {
            true => None,
            false => Some(self.store.lock_network(&network)?),
        };
        self.free(&network, end)
    }

    fn free(&mut self, network: &NetworkName, end: IfName) -> Result<bool> {
        let definition = self.store.definition(network)?;
        let claim = match (self.store.claim_of(network, end)?, &definition) {
            (None, Some(of)) => self
                .lost(&of.network)?
                .into_iter()
                .find(|lost| lost.attachment.host_end == end),
            (found, _) => found,
        };
        let gone = match &claim {
            Some(claim) => self.is_gone(&claim.attachment)?,
            None => true,
        };
        match claim {
            _ if !gone || self.planning => {}
            Some(claim) => self.remove_now(&claim.attachment)?,
            None => self.mend_named(network)?, // it is held for nobody
        }
        Ok(gone)
    }

    /// Takes away all attachments of a network whose namespace ended.
    pub(crate) fn remove_gone(&mut self, network: &NetworkName) -> Result<Vec<Attachment>> {
        self.remove_if(network, Engine::is_gone)
    }

    /// Takes away all attachments of a network that `is_lost` says are lost.
    pub(crate) fn remove_if(
        &mut self,
        network: &NetworkName,
        is_lost: fn(&mut Engine, &Attachment) -> Result<bool>,
    ) -> Result<Vec<Attachment>> {
        let mut gone = Vec::new();
        for claim in self.store.claims_in(network, State::Up)? {
            if is_lost(self, &claim.attachment)? {
                self.remove_now(&claim.attachment)?;
                gone.push(claim.attachment);
            }
        }
        Ok(gone)
    }

    /// Marks those that have no link any more.
    pub(crate) fn mark_gone(&mut self, attachments: &mut [Attachment]) -> Result<()> {
        let mut up: Vec<_> = attachments
            .iter_mut()
            .filter(|attachment| attachment.state == State::Up)
            .collect();
        if up.is_empty() {
            return Ok(());
        }
        let links = self.kernel.route()?.links(&LinkFilter::default());
        let links = links.map_err(|err| Error::netlink("look at the host's links", err))?;
        let links: HashMap<_, _> = links.iter().map(|link| (link.name, link)).collect();
        for attachment in &mut up {
            if attachment.assigned.foreign {
                if self.reopen(attachment).is_none() {
                    attachment.state = State::Gone;
                }
                continue;
            }
            let link = links.get(&attachment.host_end);
            if !link.is_some_and(|link| is_of(link, &attachment.key)) {
                attachment.state = State::Gone;
            }
        }
        Ok(())
    }
}
