//! What must be there: the small model that the host is held against.
//!
//! After a killed command, or when more than one copy of what is known was lost, there is more than one answer that is right. All of
//! them are kept, and what is seen later decides.

use super::op::{At, Command, Harm, NAMES, NETWORKS, PORTS};

/// How much of something there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot<T> {
    Absent,
    /// Half made or half gone: whoever comes next takes it away.
    Half,
    There(T),
}

impl<T> Slot<T> {
    pub(super) fn there(&self) -> Option<&T> {
        match self {
            Slot::There(what) => Some(what),
            _ => None,
        }
    }

    fn there_mut(&mut self) -> Option<&mut T> {
        match self {
            Slot::There(what) => Some(what),
            _ => None,
        }
    }
}

/// What is left of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Link {
    Up,
    Down,
    Gone,
}

/// What is left of its elements in the firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Elements {
    Whole,
    Some,
    Gone,
}

/// An attachment, and the three copies of what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attached {
    pub(super) ports: [bool; PORTS.len()],
    pub(super) claim: bool,
    pub(super) link: Link,
    pub(super) elements: Elements,
    /// Its namespace has its name still.
    pub(super) named: bool,
}

type Attachments = [Slot<Attached>; NAMES.len()];

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Network {
    pub(super) definition: usize,
    pub(super) attachments: Attachments,
}

/// One answer that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Model {
    pub(super) networks: [Slot<Network>; NETWORKS.len()],
}

/// How a command may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Refused,
}

type Ends = Vec<(Answer, Model)>;

impl Model {
    pub(super) fn empty() -> Model {
        Model {
            networks: [Slot::Absent; NETWORKS.len()],
        }
    }

    pub(super) fn at(&self, at: At) -> Slot<Attached> {
        match &self.networks[at.network] {
            Slot::There(network) => network.attachments[at.name],
            Slot::Half => Slot::Half,
            Slot::Absent => Slot::Absent,
        }
    }

    pub(super) fn with(mut self, at: At, slot: Slot<Attached>) -> Model {
        if let Some(network) = self.networks[at.network].there_mut() {
            network.attachments[at.name] = slot;
        }
        self
    }

    fn every(mut self, change: impl Fn(At, &mut Attached)) -> Model {
        for at in At::all() {
            let network = self.networks[at.network].there_mut();
            if let Some(of) = network.and_then(|of| of.attachments[at.name].there_mut()) {
                change(at, of);
            }
        }
        self
    }

    /// What may come of a command. `named` says which namespaces there are.
    pub(super) fn apply(self, command: Command, named: &[bool]) -> Ends {
        match command {
            Command::Create {
                network,
                definition,
            } => self.create(network, definition),
            Command::Remove { network, force } => self.remove(network, force),
            Command::Attach(at, port) if named[at.name] => self.attach(at, port),
            Command::Attach(..) => vec![(Answer::Refused, self)],
            Command::Detach(at) => vec![(Answer::Done, self.with(at, Slot::Absent))],
            Command::Publish(at, port) => self.publish(at, port),
            Command::Unpublish(at, port) => self.unpublish(at, port),
            Command::Collect => self.collected(),
            Command::Repair => self.repaired(),
            Command::Purge => vec![(Answer::Done, Model::empty())],
        }
    }

    fn create(self, network: usize, definition: usize) -> Ends {
        match self.networks[network] {
            Slot::There(there) if there.definition != definition => vec![(Answer::Refused, self)],
            Slot::There(_) => vec![(Answer::Done, self)],
            _ => {
                let mut networks = self.networks;
                networks[network] = Slot::There(Network {
                    definition,
                    attachments: [Slot::Absent; NAMES.len()],
                });
                vec![(Answer::Done, Model { networks })]
            }
        }
    }

    /// An attachment that has its link, and can be told to be one, is in the way.
    fn remove(self, network: usize, force: bool) -> Ends {
        let mut networks = self.networks;
        networks[network] = Slot::Absent;
        let done = (Answer::Done, Model { networks });
        let Some(there) = self.networks[network].there() else {
            return vec![done];
        };
        let slots = there.attachments.iter();
        let in_way = slots
            .filter_map(Slot::there)
            .any(|of| of.link == Link::Up || (of.claim && of.link == Link::Down));
        match in_way && !force {
            true => vec![(Answer::Refused, self)],
            false => vec![done],
        }
    }

    fn attach(self, at: At, port: Option<usize>) -> Ends {
        if self.networks[at.network].there().is_none() {
            return self.refused_at(at);
        }
        let mut ports = [false; PORTS.len()];
        port.iter().for_each(|port| ports[*port] = true);
        let new = Attached {
            ports,
            claim: true,
            link: Link::Up,
            elements: Elements::Whole,
            named: true,
        };
        let told = match self.at(at) {
            Slot::There(there) if there.link != Link::Gone && there.named => told(there),
            _ => vec![Slot::Absent],
        };
        let mut ends = Vec::new();
        for there in told {
            match there {
                Slot::There(there) if there.ports == ports => {
                    ends.push((Answer::Done, self.with(at, Slot::There(there))));
                }
                Slot::There(there) => {
                    ends.push((Answer::Refused, self.with(at, Slot::There(there))));
                }
                _ => {
                    let without = self.with(at, Slot::Absent).undone(at.network);
                    ends.extend(without.take(at, port, new));
                }
            }
        }
        ends
    }

    /// What was half there in a network is taken away by whoever comes.
    fn undone(mut self, network: usize) -> Model {
        if let Some(network) = self.networks[network].there_mut() {
            for slot in &mut network.attachments {
                if *slot == Slot::Half {
                    *slot = Slot::Absent;
                }
            }
        }
        self
    }

    /// An attachment with another port, if that is free, or held by one that is gone.
    fn take(self, at: At, port: Option<usize>, new: Attached) -> Ends {
        let holds = |of: &Attached| port.is_some_and(|port| of.ports[port]);
        let others = At::all().filter(|other| *other != at);
        let mut free = vec![(true, self)];
        for other in others {
            free = each(free, |(is_free, model)| match self.at(other) {
                Slot::There(of) if holds(&of) => match of.claim {
                    true if of.link == Link::Gone && !of.named => {
                        vec![(is_free, model.with(other, Slot::Absent))]
                    }
                    true => vec![(false, model)],
                    // Its note may be there, or lost too, or whoever comes finds it half gone.
                    false => vec![
                        (is_free, model.with(other, Slot::Half)),
                        (false, model),
                        (is_free, model),
                    ],
                },
                Slot::Half if port.is_some() => vec![(is_free, model), (false, model)],
                _ => vec![(is_free, model)],
            });
        }
        let end = |(is_free, model): (bool, Model)| match is_free {
            true => (Answer::Done, model.with(at, Slot::There(new))),
            false => (Answer::Refused, model),
        };
        free.into_iter().map(end).collect()
    }

    fn refused_at(self, at: At) -> Ends {
        // Before the locks are taken, or after.
        let undone = self.undone(at.network);
        vec![(Answer::Refused, self), (Answer::Refused, undone)]
    }

    fn publish(self, at: At, port: usize) -> Ends {
        let mut ends = Vec::new();
        for there in self.told_at(at) {
            match there {
                Some(of) if of.link == Link::Gone => ends.extend(self.refused_at(at)),
                Some(of) if of.ports[port] => {
                    ends.push((Answer::Done, self.with(at, Slot::There(of))));
                }
                Some(mut of) => {
                    let before = self.with(at, Slot::There(of)).undone(at.network);
                    of.ports[port] = true;
                    ends.extend(before.take(at, Some(port), of));
                }
                None => ends.extend(self.refused_at(at)),
            }
        }
        ends
    }

    fn unpublish(self, at: At, port: usize) -> Ends {
        let mut ends = Vec::new();
        for there in self.told_at(at) {
            match there {
                Some(mut of) if of.link != Link::Gone => {
                    of.ports[port] = false;
                    let after = self.with(at, Slot::There(of)).undone(at.network);
                    ends.push((Answer::Done, after));
                }
                _ => ends.extend(self.refused_at(at)),
            }
        }
        ends
    }

    fn told_at(self, at: At) -> Vec<Option<Attached>> {
        let Slot::There(there) = self.at(at) else {
            return vec![None];
        };
        let told = told(there).into_iter();
        told.map(|slot| slot.there().copied()).collect()
    }

    fn collected(self) -> Ends {
        let gone = |of: Attached| match of.link {
            Link::Gone => Slot::Absent,
            _ => Slot::There(of),
        };
        let mut ends = self.swept(gone);
        for (_, model) in &mut ends {
            let networks = model.networks.iter_mut();
            let half = networks.filter(|slot| **slot == Slot::Half);
            half.for_each(|slot| *slot = Slot::Absent);
        }
        ends
    }

    /// All is whole again; what has neither link nor namespace goes.
    fn repaired(self) -> Ends {
        let mended = |of: Attached| match of.link {
            Link::Gone if !of.named => Slot::Absent,
            _ => Slot::There(Attached {
                link: Link::Up,
                elements: Elements::Whole,
                ..of
            }),
        };
        self.swept(mended)
    }

    fn swept(self, then: impl Fn(Attached) -> Slot<Attached>) -> Ends {
        let mut models = vec![self];
        for at in At::all() {
            models = each(models, |model| match model.at(at) {
                Slot::There(of) => {
                    let told = told(of).into_iter();
                    told.map(|slot| match slot {
                        Slot::There(of) => model.with(at, then(of)),
                        _ => model.with(at, Slot::Absent),
                    })
                    .collect()
                }
                Slot::Half => vec![model.with(at, Slot::Absent)],
                Slot::Absent => vec![model],
            });
        }
        let end = |model| (Answer::Done, model);
        models.into_iter().map(end).collect()
    }

    /// Records that are lost may have been mended by whoever came by, or not.
    pub(super) fn perhaps_mended(self) -> Vec<Model> {
        let mut models = vec![self];
        for at in At::all() {
            models = each(models, |model| match model.at(at) {
                Slot::There(of) if !of.claim => {
                    let told = told(of).into_iter();
                    let half = |slot| match slot {
                        Slot::Absent => Slot::Half,
                        other => other,
                    };
                    let mut all: Vec<Model> = told.map(|slot| model.with(at, half(slot))).collect();
                    all.push(model);
                    all
                }
                _ => vec![model],
            });
        }
        models
    }

    pub(super) fn harmed(self, harm: Harm) -> Model {
        let one = |at: At, change: fn(&mut Attached)| {
            self.every(|other, of| {
                if other == at {
                    change(of);
                }
            })
        };
        match harm {
            Harm::FlushRuleset => self.every(|_, of| of.elements = Elements::Gone),
            Harm::DeleteTable(_) | Harm::FlushMap => self.every(|_, of| {
                of.elements = of.elements.max(Elements::Some);
            }),
            Harm::DeleteHostEnd(at) => one(at, |of| of.link = Link::Gone),
            Harm::DeleteInside(at) => one(at, |of| {
                if of.named {
                    of.link = Link::Gone;
                }
            }),
            Harm::HostEndDown(at) => one(at, |of| of.link = of.link.max(Link::Down)),
            Harm::RemoveClaim(at) | Harm::TruncateClaim(at) => one(at, |of| of.claim = false),
            Harm::RemoveClaims => self.every(|_, of| of.claim = false),
            _ => self,
        }
    }

    pub(super) fn vanished(self, name: usize, held: bool) -> Model {
        self.every(|at, of| {
            if at.name == name && of.named {
                of.named = false;
                if !held {
                    of.link = Link::Gone;
                }
            }
        })
    }

    /// Definitions stay, attachments do not.
    pub(super) fn rebooted(mut self) -> Model {
        for slot in &mut self.networks {
            if let Some(network) = slot.there_mut() {
                network.attachments = [Slot::Absent; NAMES.len()];
            }
        }
        self
    }
}

/// What can be told of an attachment: all, if there is its claim; else what link and elements say.
fn told(of: Attached) -> Vec<Slot<Attached>> {
    let known = |ports| {
        Slot::There(Attached {
            claim: true,
            ports,
            ..of
        })
    };
    match (of.claim, of.link, of.elements) {
        (true, ..) | (_, Link::Up, Elements::Whole) => vec![known(of.ports)],
        (_, Link::Up, Elements::Gone) => vec![known([false; PORTS.len()])],
        (_, Link::Up, Elements::Some) => subsets(of.ports).into_iter().map(known).collect(),
        _ => vec![Slot::Absent],
    }
}

fn subsets(ports: [bool; PORTS.len()]) -> Vec<[bool; PORTS.len()]> {
    let mut all = vec![ports];
    for port in 0..PORTS.len() {
        all = each(all, |ports| {
            let mut without = ports;
            without[port] = false;
            vec![ports, without]
        });
    }
    all
}

pub(super) fn each<T: Ord>(all: Vec<T>, change: impl Fn(T) -> Vec<T>) -> Vec<T> {
    let mut all: Vec<T> = all.into_iter().flat_map(change).collect();
    all.sort();
    all.dedup();
    all
}
