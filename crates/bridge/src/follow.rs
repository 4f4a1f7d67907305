//! An interface that somebody gave another MAC address: guard, bridge and record follow.

use crate::action::Action;
use crate::engine::{Engine, Scene, netlink, send};
use crate::error::{Error, Result};
use crate::external::only;
use crate::host::Host;
use crate::intent;
use crate::name::NetworkName;
use crate::port_action::PortAction;
use crate::publish::{PublishSpec, port, rewrite};
use crate::record::Claim;
use crate::spec::{Attachment, Who};
use core_netlink::fdb::{FdbLife, FdbSpec};
use core_netlink::neigh::NeighbourFlags;
use core_netlink::{Change as Netlink, IfIndex, IfName, MacAddr, Request};
use firewall::Change;

impl Host {
    /// Knows an attachment that is up by another MAC address, which its interface has got already: the guard lets it pass, the bridge
    /// leads to it, and the record says it. All of it or nothing; the interface itself is not touched.
    ///
    /// Fails if there is no such attachment, if the address names a group, or if it is a neighbour's.
    ///
    /// ```no_run
    /// use bridge::{AttachmentId, Host, Who};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let who = Who::Id(AttachmentId::new("cni", "c1")?);
    /// let mac = "02:00:00:00:00:01".parse()?;
    /// Host::open()?.follow_mac(&"pods".parse()?, &who, "eth0".parse()?, mac)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn follow_mac(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: IfName,
        mac: MacAddr,
    ) -> Result<Attachment> {
        let spec = PublishSpec {
            ifname: Some(ifname),
            ..PublishSpec::new(network.clone(), who.clone())
        };
        self.engine.follow_mac(&spec, mac)
    }
}

impl Engine {
    fn follow_mac(&mut self, spec: &PublishSpec, mac: MacAddr) -> Result<Attachment> {
        let op = format!("know an attachment of network `{}` by {mac}", spec.network);
        if !mac.is_unicast() {
            return Err(Error::invalid(
                op,
                "it cannot be the address of one interface",
            ));
        }
        self.network(&spec.network)?;
        let _host = self.lock_host()?;
        let _lock = self.store.lock_network(&spec.network)?;
        self.recover_attachments(&spec.network)?;
        let claim = self.one_alive(&op, spec)?;
        let before = &claim.attachment;
        if before.mac == mac {
            return Ok(before.clone());
        }
        self.check_station(&op, &claim, mac)?;
        let after = Attachment {
            mac,
            ..before.clone()
        };
        let (old, new) = (intent::attachment(before)?, intent::attachment(&after)?);
        let mut change = Change::add(only(&new, &old));
        change.extend(Change::remove(only(&old, &new)));
        let mut plan = vec![rewrite(&claim, &after)];
        if !change.is_empty() {
            plan.push(Action::Elements(change));
        }
        let (host_end, from) = (before.host_end, before.mac);
        plan.push(port(PortAction::Station {
            host_end,
            from,
            to: mac,
        }));
        self.store.mark_mac(&Claim {
            attachment: after.clone(),
            ..claim.clone()
        })?;
        self.execute(&op, &plan, &mut Scene::default())?;
        Ok(after)
    }

    fn check_station(&mut self, op: &str, claim: &Claim, mac: MacAddr) -> Result<()> {
        let own = &claim.attachment.key;
        let claims = self.store.claims(&own.network)?;
        let other = |of: &&Claim| of.attachment.mac == mac && of.attachment.key != *own;
        match claims.iter().find(other) {
            None => Ok(()),
            Some(of) => Err(Error::exists(op, format!("{} has it", of.attachment.key))),
        }
    }

    /// The bridge leads to one MAC address in place of another.
    pub(crate) fn station(&mut self, host_end: IfName, from: MacAddr, to: MacAddr) -> Result<()> {
        let Some(link) = self.find(host_end)?.filter(|link| link.master.is_some()) else {
            return Ok(()); // gone by itself
        };
        let come: Box<dyn Request> = Box::new(Netlink::replace(station(link.index, to)));
        let failed = |err| netlink(format!("lead to {to} by port `{host_end}`"), err);
        send(self.kernel.route()?, &[come], |_| false).map_err(failed)?;
        match self
            .kernel
            .route()?
            .change(&Netlink::delete(station(link.index, from)))
        {
            Err(err) if !err.is_not_found() => Err(failed(err)),
            _ => Ok(()),
        }
    }
}

/// An unguarded neighbour neither keeps the address, if it sent by it before, nor takes it later.
pub(crate) fn station(link: IfIndex, lladdr: MacAddr) -> FdbSpec {
    FdbSpec {
        link,
        lladdr,
        flags: NeighbourFlags::MASTER | NeighbourFlags::STICKY,
        life: FdbLife::Static,
        ..FdbSpec::default()
    }
}
