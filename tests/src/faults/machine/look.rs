//! What is seen of the host after a step, and whether it fits the model: by Vetch's own lists, by the reference tools, by packets.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use super::model::{Attached, Link, Model, Slot};
use super::op::{At, HOST_PORTS, NAMES, NETWORKS, PORTS};
use super::scene::Scene;
use crate::state::array;

/// Wrong in a few words, or right.
pub(super) type Verdict = Result<(), String>;

/// An attachment as `vetch ls` has it.
#[derive(Debug)]
pub(super) struct Listed {
    at: At,
    state: String,
    addresses: Vec<String>,
    ports: [bool; PORTS.len()],
}

/// What `vetch ls` and `vetch network ls` say.
#[derive(Debug)]
pub(super) struct Listing {
    networks: BTreeSet<(usize, String)>,
    attachments: Vec<Listed>,
}

impl Listing {
    pub(super) fn take(scene: &Scene<'_>) -> Result<Listing, String> {
        let ask = |words: &str| {
            let output = scene.lab.vetch(words);
            match output.code {
                0 => Ok(array(&output.json())),
                _ => Err(format!("cannot be listed: {output}")),
            }
        };
        let networks = ask("network ls --json")?;
        let networks = networks
            .iter()
            .map(|of| (index(&of["name"]), first_subnet(of)));
        let attachments = ask("ls --json")?;
        Ok(Listing {
            networks: networks.collect(),
            attachments: attachments.iter().map(listed).collect(),
        })
    }

    fn at(&self, at: At) -> Option<&Listed> {
        self.attachments.iter().find(|listed| listed.at == at)
    }

    /// Whether this is what the model has; `booted`: a boot may have left records that nobody has looked at since.
    pub(super) fn fits(&self, model: &Model, booted: bool) -> bool {
        let networks: BTreeSet<(usize, String)> = model
            .networks
            .iter()
            .enumerate()
            .filter_map(|(at, slot)| {
                Some((at, super::op::first_subnet(at, slot.there()?.definition)))
            })
            .collect();
        networks == self.networks && At::all().all(|at| self.at_fits(at, model.at(at), booted))
    }

    fn at_fits(&self, at: At, slot: Slot<Attached>, booted: bool) -> bool {
        match (slot, self.at(at)) {
            (Slot::There(of), Some(listed)) => {
                let state = match of.link {
                    Link::Gone => "gone",
                    _ => "up",
                };
                let half = !of.claim; // it may have been found half gone
                (listed.state == state && listed.ports == of.ports) || half
            }
            (Slot::There(of), None) => !of.claim,
            (Slot::Half, Some(listed)) => listed.state != "up",
            (Slot::Absent, Some(listed)) => booted && listed.state == "stale",
            (_, None) => true,
        }
    }

    /// Nobody has what another one has.
    pub(super) fn is_unique(&self) -> Verdict {
        let mut seen = BTreeSet::new();
        for listed in &self.attachments {
            let ports = listed.ports.iter().zip(PORTS).filter(|(has, _)| **has);
            let all = ports
                .map(|(_, port)| port.to_owned())
                .chain(listed.addresses.clone());
            for what in all {
                if !seen.insert(what.clone()) {
                    return Err(format!("two have {what}: {self:?}"));
                }
            }
        }
        Ok(())
    }
}

fn index(name: &Value) -> usize {
    let name = name.as_str().unwrap_or("?");
    NETWORKS
        .iter()
        .position(|(network, _)| *network == name)
        .unwrap_or(usize::MAX)
}

fn first_subnet(network: &Value) -> String {
    network["subnets"][0]["subnet"]
        .as_str()
        .unwrap_or("?")
        .to_owned()
}

fn listed(of: &Value) -> Listed {
    let name = NAMES
        .iter()
        .position(|name| of["id"] == format!("cli:{name}"));
    let at = At {
        network: index(&of["network"]),
        name: name.unwrap_or(usize::MAX),
    };
    let ports = array(&of["ports"]);
    let has = |port: u16| ports.iter().any(|of| of["host_port"] == port);
    let addresses = array(&of["addresses"]).into_iter();
    Listed {
        at,
        state: of["state"].as_str().unwrap_or("?").to_owned(),
        addresses: addresses
            .filter_map(|net| Some(net.as_str()?.split('/').next()?.to_owned()))
            .collect(),
        ports: HOST_PORTS.map(has),
    }
}

/// Nothing is left of what no model has; `booted`: but for records.
pub(super) fn nothing_left(scene: &Scene<'_>, models: &[Model], booted: bool) -> Verdict {
    let links = scene.lab.cmd("ip -o link").stdout;
    let rules = scene.lab.cmd("nft list ruleset").stdout;
    let records = if booted {
        String::new()
    } else {
        scene.records()
    };
    let absent = |at: &At| models.iter().all(|model| model.at(*at) == Slot::Absent);
    for at in At::all().filter(absent) {
        let key = at.key();
        let owner = format!("vetch:{}/{}/{}", key.network, key.id, key.ifname);
        let end = at.host_end();
        let left = [
            lines_with(&links, &end),
            lines_with(&rules, &owner),
            lines_with(&records, &end),
        ]
        .concat();
        if !left.is_empty() {
            return Err(format!("of {key} is left:\n{}", left.join("\n")));
        }
    }
    for (at, (network, _)) in NETWORKS.iter().enumerate() {
        if models
            .iter()
            .all(|model| model.networks[at] == Slot::Absent)
        {
            let (bridge, owner) = (format!(" vbr-{network}:"), format!("\"vetch:{network}\""));
            let left = [lines_with(&links, &bridge), lines_with(&rules, &owner)].concat();
            if !left.is_empty() {
                return Err(format!(
                    "of network {network} is left:\n{}",
                    left.join("\n")
                ));
            }
        }
    }
    Ok(())
}

fn lines_with(text: &str, word: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.contains(word));
    lines.map(str::to_owned).collect()
}

/// Who can be reached: all of which there is no doubt, or one of them.
pub(super) fn packets(
    scene: &Scene<'_>,
    models: &[Model],
    listing: &Listing,
    only: Option<At>,
) -> Verdict {
    let certain = |at: At| {
        let slots: Vec<_> = models.iter().map(|model| model.at(at)).collect();
        slots
            .iter()
            .all(|slot| slot.there().is_some_and(|of| of.link == Link::Up))
    };
    for at in At::all().filter(|at| only.is_none_or(|only| only == *at) && certain(*at)) {
        // One whose claim is lost need not be listed.
        if let Some(listed) = listing.at(at) {
            reached(scene, models, listed, only.is_none())?;
            published(scene, models, listed)?;
        }
    }
    match only {
        Some(_) => Ok(()),
        None => closed(scene, models),
    }
}

/// `all`: by its neighbour too, which may be harmed.
fn reached(scene: &Scene<'_>, models: &[Model], listed: &Listed, all: bool) -> Verdict {
    let At { network, name } = listed.at;
    let said = listed.at.key();
    let wrong = |who: &str, err: std::io::Error| format!("{said} is not reached by {who}: {err}");
    for address in &listed.addresses {
        let to = match address.contains(':') {
            true => format!("[{address}]:80"),
            false => format!("{address}:80"),
        };
        scene
            .lab
            .tcp(&to)
            .map_err(|err| wrong(&format!("the host at {to}"), err))?;
        let neighbour = (0..NAMES.len()).find(|other| {
            let at = At {
                network,
                name: *other,
            };
            let slots = models.iter().map(|model| model.at(at));
            all && *other != name
                && slots.into_iter().all(|slot| {
                    slot.there()
                        .is_some_and(|of| of.named && of.link == Link::Up)
                })
        });
        if let Some(node) = neighbour.and_then(|other| scene.node(other)) {
            node.tcp(&to)
                .map_err(|err| wrong(&format!("its neighbour at {to}"), err))?;
        }
    }
    let named = models
        .iter()
        .all(|model| model.at(listed.at).there().is_some_and(|of| of.named));
    match scene
        .node(name)
        .filter(|_| named && (all || !has_two(models, name)))
    {
        Some(node) => {
            let seen = node
                .tcp("192.0.2.2:7")
                .map_err(|err| format!("{said} does not reach the outside: {err}"))?;
            masqueraded(seen)
        }
        None => Ok(()),
    }
}

fn masqueraded(seen: SocketAddr) -> Verdict {
    match seen.ip().to_string() == "192.0.2.1" {
        true => Ok(()),
        false => Err(format!("outside, {seen} is seen, and not the host")),
    }
}

/// With two interfaces the answers to outside leave by one of them: that a port of the other one leads nowhere is known.
fn has_two(models: &[Model], name: usize) -> bool {
    let absent = |network| {
        let at = At { network, name };
        models.iter().all(|model| model.at(at) == Slot::Absent)
    };
    (0..NETWORKS.len())
        .filter(|network| !absent(*network))
        .count()
        > 1
}

fn published(scene: &Scene<'_>, models: &[Model], listed: &Listed) -> Verdict {
    for (port, number) in HOST_PORTS.iter().enumerate() {
        let has = |model: &Model| model.at(listed.at).there().is_some_and(|of| of.ports[port]);
        let local = PORTS[port].starts_with("127.");
        if !models.iter().all(has) || (!local && has_two(models, listed.at.name)) {
            continue;
        }
        let wrong = |from: &str, err: std::io::Error| {
            format!(
                "{}: port {number} is dead from {from}: {err}",
                listed.at.key()
            )
        };
        match local {
            true => scene
                .lab
                .tcp(&format!("127.0.0.1:{number}"))
                .map_err(|err| wrong("the host", err))?,
            false => scene
                .outside
                .tcp(&format!("192.0.2.1:{number}"))
                .map_err(|err| wrong("outside", err))?,
        };
    }
    Ok(())
}

/// Ports that nobody publishes are refused.
fn closed(scene: &Scene<'_>, models: &[Model]) -> Verdict {
    for (port, number) in HOST_PORTS.iter().enumerate() {
        let holds = |slot: Slot<Attached>| match slot {
            Slot::There(of) => of.ports[port],
            Slot::Half => true,
            Slot::Absent => false,
        };
        let open = models
            .iter()
            .any(|model| At::all().any(|at| holds(model.at(at))));
        let from = match PORTS[port].starts_with("127.") {
            true => scene.lab.tcp(&format!("127.0.0.1:{number}")),
            false => scene.outside.tcp(&format!("192.0.2.1:{number}")),
        };
        if !open && let Ok(seen) = from {
            return Err(format!(
                "port {number} answers {seen}, and nobody publishes it"
            ));
        }
    }
    Ok(())
}
