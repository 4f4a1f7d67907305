//! What differs between the records and the kernel, and the actions that mend it.

use crate::action::Action;
use crate::differs::{is_static, serves_loopback, station};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::name::NetworkName;
use crate::obstacle::Obstacle;
use crate::spec::{Attachment, Network, State};
use crate::vlans::Member;
use core_netlink::addr::{Address, AddressFilter};
use core_netlink::fdb::FdbFilter;
use core_netlink::link::{Link, LinkFilter};
use core_netlink::nft::Value;
use core_netlink::{HwAddr, IfIndex};
use firewall::{Element, Set};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// Something that is not as the records say it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The network it belongs to; `None` for what all networks share.
    pub network: Option<NetworkName>,
    /// What differs: "bridge `vbr-blue`".
    pub object: String,
    /// How, in a few words each: "is down", "10.7.0.1/24 is missing".
    pub how: Vec<String>,
    /// What a person can do where nobody else may; `None` where a repair mends it.
    pub advice: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.how.join("; "))
    }
}

/// A difference, and what mends it.
pub(crate) struct Finding {
    pub(crate) difference: Difference,
    pub(crate) mend: Mend,
}

impl Finding {
    pub(crate) fn is_of_records(&self) -> bool {
        matches!(&self.mend, Mend::Do(actions) if matches!(actions[..], [Action::Records(_)]))
    }
}

pub(crate) enum Mend {
    /// Nothing of ours to do.
    Nothing,
    /// These, in order, all or nothing.
    Do(Vec<Action>),
    /// The same, for an attachment whose namespace can be reached.
    Attachment(Box<Attachment>, Vec<Action>),
    /// Take away what is left of an attachment.
    Remove(Box<Attachment>),
}

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// At the host's side only.
    Host,
    /// Into the namespaces of the attachments, too.
    Inside,
}

/// What the kernel has, read once.
pub(crate) struct Seen {
    pub(crate) links: Vec<Link>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) fdb: HashSet<(IfIndex, HwAddr)>,
    pub(crate) elements: HashMap<(Set, Vec<Value>), Element>,
    pub(crate) tables: bool,
    /// The VLANs of ports and bridges; not read where no network has any.
    pub(crate) vlans: HashMap<IfIndex, Vec<Member>>,
}

impl Seen {
    pub(crate) fn link(&self, is: impl Fn(&Link) -> bool) -> Option<&Link> {
        self.links.iter().find(|link| is(link))
    }
}

pub(crate) fn difference(network: &Network, object: String, how: Vec<String>) -> Difference {
    Difference {
        network: Some(network.name.clone()),
        object,
        how,
        advice: None,
    }
}

impl Engine {
    /// Everything that differs, in the order in which it is to be mended. The locks need not be held to look.
    pub(crate) fn findings(&mut self, networks: &[Network], depth: Depth) -> Result<Vec<Finding>> {
        let seen = self.see(networks.iter().any(|of| of.vlans.is_some()))?;
        let mut found = Vec::new();
        for network in networks {
            found.extend(self.records(network)?);
        }
        if !seen.tables && !networks.is_empty() {
            found.push(tables());
        }
        for network in networks {
            let claims = self.all_claims(network)?;
            let loopback = claims.iter().any(serves_loopback);
            found.extend(self.bridge(network, loopback, &seen)?);
            found.extend(self.elements(network, &claims, &seen)?);
            for claim in claims.iter().filter(|of| of.attachment.state == State::Up) {
                found.extend(self.attachment(network, &claim.attachment, &seen, depth)?);
            }
        }
        found.extend(self.forwarding(networks)?);
        for network in networks {
            let obstacles = self.obstacles(network)?.into_iter();
            found.extend(obstacles.map(|obstacle| in_the_way(network, obstacle)));
        }
        Ok(found)
    }

    /// Ways out that are not open: routes that moved to another uplink, switches that somebody turned.
    fn forwarding(&mut self, networks: &[Network]) -> Result<Option<Finding>> {
        let around = self.surroundings()?;
        let networks: Vec<&Network> = networks.iter().collect();
        let Some(action) = self.forward(&networks, &around)? else {
            return Ok(None);
        };
        let Action::Forward { settings, .. } = &action else {
            return Ok(None);
        };
        let how = settings
            .iter()
            .map(|(path, value)| format!("{path} is not {value}"));
        let difference = Difference {
            network: None,
            object: "forwarding".to_owned(),
            how: how.collect(),
            advice: None,
        };
        let mut actions = vec![action];
        let quiet = networks.iter().filter(|network| !network.internal);
        actions.extend(quiet.map(|network| Action::BridgeSettings((*network).clone()))); // the switch rewrites some of them
        let mend = Mend::Do(actions);
        Ok(Some(Finding { difference, mend }))
    }

    fn see(&mut self, vlans: bool) -> Result<Seen> {
        let fail = |err| Error::netlink("look at the host's links", err);
        let conn = self.kernel.route()?;
        let links = conn.links(&LinkFilter::default()).map_err(fail)?;
        let addresses = conn.addresses(&AddressFilter::default()).map_err(fail)?;
        let entries = conn.fdb(&FdbFilter::default()).map_err(fail)?;
        let vlans = if vlans {
            self.members()?
        } else {
            HashMap::new()
        };
        let fail = |err| Error::firewall("look at the firewall", err);
        let nft = self.kernel.nft()?;
        let elements = firewall::elements(nft).map_err(fail)?.into_iter();
        Ok(Seen {
            links,
            addresses,
            fdb: entries.iter().filter(is_static).map(station).collect(),
            elements: elements
                .map(|element| ((element.set, element.key.clone()), element))
                .collect(),
            tables: firewall::is_installed(nft).map_err(fail)?,
            vlans,
        })
    }
}

pub(crate) fn tables() -> Finding {
    Finding {
        difference: Difference {
            network: None,
            object: "firewall".to_owned(),
            how: vec!["its tables are missing or not whole: what nftables closes is open, published ports are dead".to_owned()],
            advice: None,
        },
        mend: Mend::Do(vec![Action::Tables]),
    }
}

/// Who else stops our packets; theirs to change.
fn in_the_way(network: &Network, obstacle: Obstacle) -> Finding {
    let how = vec![obstacle.what];
    let foreign = difference(network, obstacle.object.to_owned(), how);
    Finding {
        difference: Difference {
            advice: Some(obstacle.remedy),
            ..foreign
        },
        mend: Mend::Nothing,
    }
}
