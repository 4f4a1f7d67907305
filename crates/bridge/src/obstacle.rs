//! What others have set up that stops a network's packets: named, never changed.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::spec::Network;

const BRIDGED: &str = "net/bridge/bridge-nf-call-iptables";

/// Something of others that stops a network's packets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obstacle {
    /// What it is.
    pub what: String,
    /// What a person must type to let them pass.
    pub remedy: String,
}

impl Engine {
    /// Chains of other tables that drop what is forwarded, unless a rule of theirs lets this network's packets pass.
    pub(crate) fn obstacles(&mut self, network: &Network) -> Result<Vec<Obstacle>> {
        // Within a network packets are forwarded only where bridged ones are shown to the hooks of IP.
        if network.internal && self.kernel.sysctl(BRIDGED)?.as_deref() != Some("1") {
            return Ok(Vec::new());
        }
        let v4 = network
            .subnets
            .iter()
            .any(|subnet| subnet.prefix.addr().is_ipv4());
        let nft = self.kernel.nft()?;
        let drops = firewall::foreign_drops_of(nft, network.bridge, v4, network.has_ipv6());
        let drops = drops.map_err(|err| Error::firewall("look at the chains of others", err))?;
        let obstacle = |drop: firewall::ForeignDrop| Obstacle {
            what: drop.to_string(),
            remedy: drop.remedy(&network.bridge),
        };
        Ok(drops.into_iter().map(obstacle).collect())
    }
}
