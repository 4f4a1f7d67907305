//! What differs of one attachment: the same comparison as for all, over what is read by key.

use crate::check::{Depth, Difference, Seen, difference, tables};
use crate::differs::{named, serves_loopback};
use crate::engine::{Engine, netlink};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::intent;
use crate::name::{Key, NetworkName};
use crate::record::Claim;
use crate::spec::{Attachment, Network, State, Who};
use core_netlink::addr::AddressFilter;
use core_netlink::fdb::FdbKey;
use core_netlink::link::Link;
use core_netlink::{HwAddr, IfIndex, IfName, MacAddr};
use firewall::{Change, Element, Step};
use std::collections::{HashMap, HashSet};

impl Host {
    /// What differs between the record of one attachment, with all it needs of its network, and the kernel. Takes as long beside many
    /// as beside none. Changes nothing.
    ///
    /// Fails if there is no such attachment, or several are meant.
    pub fn check_attachment(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: IfName,
    ) -> Result<Vec<Difference>> {
        let key = self.attachment(network, who, Some(ifname))?.key;
        self.engine.check_one(&key)
    }

    /// The same of the published ports of one attachment alone; of one whose interface is somebody else's, that is all there is.
    pub fn check_ports(
        &mut self,
        network: &NetworkName,
        who: &Who,
        ifname: IfName,
    ) -> Result<Vec<Difference>> {
        let of = self.attachment(network, who, Some(ifname))?;
        self.engine.check_published(&of)
    }

    /// What differs between the record of a network's policy and the firewall. Changes nothing.
    pub fn check_policy(&mut self, network: &NetworkName) -> Result<Vec<Difference>> {
        let network = self.network(network)?;
        let wanted = intent::network(&network)?;
        self.engine.check_elements(&network, &wanted)
    }

    /// One link of the host.
    pub fn find_link(&mut self, name: IfName) -> Result<Option<Link>> {
        self.engine.find(name)
    }
}

impl Engine {
    fn check_published(&mut self, of: &Attachment) -> Result<Vec<Difference>> {
        let network = self.network(&of.key.network)?;
        let mut wanted = intent::ports(of)?;
        if of.assigned.foreign {
            wanted.extend(intent::attachment(of)?);
        }
        self.check_elements(&network, &wanted)
    }

    fn check_elements(&mut self, network: &Network, wanted: &Change) -> Result<Vec<Difference>> {
        let (elements, tables) = self.elements_seen(wanted)?;
        if !tables {
            return Ok(vec![crate::check::tables().difference]);
        }
        let missing = wanted.steps().iter().map(Step::element);
        let there: HashSet<Element> = elements.into_iter().collect();
        let missing: Vec<Element> = missing.filter(|of| !there.contains(of)).cloned().collect();
        let how = named("missing", &missing);
        let how = how.map(|how| difference(network, "firewall".to_owned(), vec![how]));
        Ok(how.into_iter().collect())
    }

    fn check_one(&mut self, key: &Key) -> Result<Vec<Difference>> {
        let network = self.network(&key.network)?;
        let Some(claim) = self.store.claim(key)? else {
            let op = format!("check {key}");
            return Err(Error::missing(op, "nothing is recorded of it"));
        };
        let of = &claim.attachment;
        let seen = self.see_one(&network, &claim)?;
        let mut found = Vec::new();
        if of.state != State::Up {
            let how = vec![format!("it is {}, not up", of.state)];
            found.push(difference(&network, key.to_string(), how));
        }
        if !seen.tables {
            found.push(tables().difference);
        }
        let others = !self.store.is_last_loopback(&network.name, of.host_end)?;
        let bridge = self.bridge(&network, serves_loopback(&claim) || others, &seen)?;
        let elements = self.elements(&network, std::slice::from_ref(&claim), &seen)?;
        let inside = self.attachment(&network, of, &seen, Depth::Inside)?;
        let all = bridge.into_iter().chain(elements).chain(inside);
        found.extend(all.map(|finding| finding.difference));
        found.extend(self.closed_way(&network)?);
        Ok(found)
    }

    fn see_one(&mut self, network: &Network, claim: &Claim) -> Result<Seen> {
        let bridge = self.find(network.bridge)?;
        let end = self.find(claim.attachment.host_end)?;
        let mut wanted = intent::network(network)?;
        wanted.extend(intent::attachment(&claim.attachment)?);
        let gateway = match network.gateway_vlan() {
            Some(_) => self.find(network.gateway_link())?,
            None => None,
        };
        let addresses = match gateway.as_ref().or(bridge.as_ref()) {
            None => Vec::new(),
            Some(link) => {
                let filter = AddressFilter {
                    link: Some(link.index),
                    ..AddressFilter::default()
                };
                let found = self.kernel.route()?.addresses(&filter);
                found
                    .map_err(|err| netlink(format!("look at `{}`", network.gateway_link()), err))?
            }
        };
        let bridge_index = bridge.as_ref().map(|bridge| bridge.index);
        let fdb = self.station_of(bridge_index, claim.attachment.mac)?;
        let (elements, tables) = self.elements_seen(&wanted)?;
        let keyed = elements.into_iter();
        let vlans = match network.vlans {
            Some(_) => self.members()?,
            None => HashMap::new(),
        };
        Ok(Seen {
            links: bridge.into_iter().chain(gateway).chain(end).collect(),
            addresses,
            fdb,
            elements: keyed
                .map(|element| ((element.set, element.key.clone()), element))
                .collect(),
            tables,
            vlans,
        })
    }

    fn elements_seen(&mut self, wanted: &Change) -> Result<(Vec<Element>, bool)> {
        let fail = |err| Error::firewall("look at the firewall", err);
        let nft = self.kernel.nft()?;
        let tables = firewall::is_installed(nft).map_err(fail)?;
        let elements = firewall::elements_among(nft, wanted).map_err(fail)?;
        Ok((elements, tables))
    }

    /// A bridge's entry for a MAC address, if it is there for good.
    fn station_of(
        &mut self,
        bridge: Option<IfIndex>,
        mac: MacAddr,
    ) -> Result<HashSet<(IfIndex, HwAddr)>> {
        let Some(link) = bridge else {
            return Ok(HashSet::new());
        };
        let key = FdbKey {
            link,
            lladdr: mac,
            ..FdbKey::default()
        };
        match self.kernel.route()?.fdb_entry(&key) {
            Err(err) if err.is_not_found() => Ok(HashSet::new()),
            entry => {
                let entry = entry.map_err(|err| netlink("look at the bridge's entries", err))?;
                let all = Some(entry).filter(|entry| crate::differs::is_static(&entry));
                Ok(all.iter().map(crate::differs::station).collect())
            }
        }
    }

    /// Where the default route leads out of the host, packets of containers must be forwarded.
    fn closed_way(&mut self, network: &Network) -> Result<Option<Difference>> {
        let (_, ways) = self.bridge_and_ways(network)?;
        if network.internal || !self.has_new_uplink(ways)? {
            return Ok(None);
        }
        let how = vec!["the way out of the host is not open to it".to_owned()];
        Ok(Some(difference(network, "forwarding".to_owned(), how)))
    }
}
