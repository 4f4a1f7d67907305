//! What others have set up that stops a network's packets: named, never changed.

use crate::engine::{Engine, by_index};
use crate::error::{Error, Result};
use crate::forwarding::{Surroundings, is_default};
use crate::spec::Network;
use core_netlink::route::{Route, RouteFilter};
use core_netlink::{Family, IfName, nft};

const BRIDGED: &str = "net/bridge/bridge-nf-call-iptables";
const BRIDGED_V6: &str = "net/bridge/bridge-nf-call-ip6tables";

/// Something of others that stops a network's packets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obstacle {
    /// What kind of thing it is: `another firewall`, `reverse path filter`.
    pub object: &'static str,
    /// What it is.
    pub what: String,
    /// What a person must type to let them pass.
    pub remedy: String,
}

impl Engine {
    /// Chains of other tables that drop what is forwarded, unless a rule of theirs lets this network's packets pass, and uplinks that drop
    /// what comes from afar.
    pub(crate) fn obstacles(&mut self, network: &Network) -> Result<Vec<Obstacle>> {
        let mut found = self.drops(network)?;
        if !network.internal && network.has_ipv4() {
            found.extend(self.strict_uplinks()?);
        }
        Ok(found)
    }

    fn drops(&mut self, network: &Network) -> Result<Vec<Obstacle>> {
        // Within a network packets are forwarded only where bridged ones are shown to the hooks of IP.
        let (v4, v6) = (self.is_on(BRIDGED)?, self.is_on(BRIDGED_V6)?);
        if network.internal && !v4 && !v6 {
            return Ok(Vec::new());
        }
        let nft = self.kernel.nft()?;
        let drops = firewall::foreign_drops_of(
            nft,
            network.gateway_link(),
            network.has_ipv4(),
            network.has_ipv6(),
        );
        let drops = drops.map_err(|err| Error::firewall("look at the chains of others", err))?;
        let obstacle = |drop: firewall::ForeignDrop| Obstacle {
            object: "another firewall",
            what: format!("{drop}{}", within(&drop, v4, v6)),
            remedy: drop.remedy(&network.gateway_link()),
        };
        Ok(drops.into_iter().map(obstacle).collect())
    }

    /// Links with a default route that is not the best, and with a strict reverse path filter (RFC 3704): what comes in there for a
    /// published port from beyond the link's own prefixes is dropped, since the answer would leave by another link.
    fn strict_uplinks(&mut self) -> Result<Vec<Obstacle>> {
        let routes = RouteFilter {
            family: Some(Family::V4),
            ..RouteFilter::default()
        };
        let routes = self.kernel.route()?.routes(&routes);
        let routes = routes.map_err(|err| Error::netlink("look at the host's routes", err))?;
        let mut defaults: Vec<&Route> = routes.iter().filter(|route| is_default(route)).collect();
        defaults.sort_by_key(|route| route.metric);
        let Some((best, others)) = defaults.split_first() else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for index in others.iter().flat_map(|route| Surroundings::ways(route)) {
            if Surroundings::ways(best).all(|way| way != index) {
                let link = self.kernel.route()?.find_link(by_index(index));
                let link = link.map_err(|err| Error::netlink("look at an uplink", err))?;
                let name = link.map(|link| link.name);
                found.extend(name.map(|name| self.strict(name)).transpose()?.flatten());
            }
        }
        Ok(found)
    }

    fn strict(&mut self, uplink: IfName) -> Result<Option<Obstacle>> {
        let mut strictest = 0;
        for of in ["all".to_owned(), uplink.to_string()] {
            let value = self
                .kernel
                .sysctl(&format!("net/ipv4/conf/{of}/rp_filter"))?;
            strictest = strictest.max(value.and_then(|value| value.parse().ok()).unwrap_or(0));
        }
        Ok((strictest == STRICT).then(|| Obstacle {
            object: "reverse path filter",
            what: format!(
                "`{uplink}` drops what comes from beyond its own prefixes (rp_filter 1, and the best default route leaves by another link)"
            ),
            remedy: format!("sysctl -w net/ipv4/conf/{uplink}/rp_filter=2"),
        }))
    }
}

/// The kernel takes the greater of the value for all and the link's: 1 is strict, 2 loose (`ip-sysctl.rst`).
const STRICT: u8 = 1;

/// What a chain of IP does to packets between the containers of a network.
fn within(drop: &firewall::ForeignDrop, v4: bool, v6: bool) -> String {
    let sees = |on: bool, own| on && [own, nft::Family::Inet].contains(&drop.family);
    let keys = [
        (sees(v4, nft::Family::Ip), "bridge-nf-call-iptables"),
        (sees(v6, nft::Family::Ip6), "bridge-nf-call-ip6tables"),
    ];
    let on: Vec<&str> = keys
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, key)| *key)
        .collect();
    match on.is_empty() {
        true => String::new(),
        false => format!(", and what containers send each other ({})", on.join(", ")),
    }
}
