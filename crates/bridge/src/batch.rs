//! Many attachments in one go: network by network, locks and bridges are looked at once, claims come first, and the elements of many go
//! into one transaction of the firewall.

use crate::action::Action;
use crate::attach::{Found, op};
use crate::check::Depth;
use crate::engine::{Engine, Scene};
use crate::error::{Error, Result};
use crate::lock::Lock;
use crate::name::NetworkName;
use crate::spec::{Attachment, AttachmentSpec, Network, State};
use core_netlink::IfIndex;
use firewall::Change;
use ns_mgmt::NetNs;
use std::collections::{BTreeMap, BTreeSet};

/// So many are on their way at a time, each with a socket in its namespace; their elements go into one transaction.
pub(crate) const TOGETHER: usize = 64;

/// A network of the batch: locked, and whole.
struct Joined {
    network: Network,
    _lock: Lock,
    bridge: Option<IfIndex>,
    bridge_runs: bool,
    localnet: bool,
    /// Something in it was there already, and is not as it should be.
    damaged: bool,
}

/// An attachment on its way.
struct Item<'a> {
    /// Which of the wishes it is.
    at: usize,
    op: String,
    attachment: Attachment,
    plan: Vec<Action>,
    /// How much of the plan is done.
    done: usize,
    scene: Scene<'a>,
}

impl Item<'_> {
    fn next(&self) -> Option<&Action> {
        self.plan.get(self.done)
    }

    /// As it is by now.
    fn made(self) -> Attachment {
        let state = match self.next() {
            Some(_) => self.attachment.state,
            None => State::Up,
        };
        Attachment {
            state,
            ..self.attachment
        }
    }

    fn elements(&self) -> Change {
        match self.next() {
            Some(Action::Elements(change)) => change.clone(),
            _ => Change::default(),
        }
    }
}

/// What has become of the wishes so far.
struct Batch<'a> {
    items: Vec<Item<'a>>,
    /// Those of them that are up.
    up: Vec<Attachment>,
    /// The network whose lock is held: one at a time, as everywhere.
    locked: Option<NetworkName>,
    results: BTreeMap<usize, Result<Attachment>>,
    /// One failure is everybody's.
    whole: bool,
}

impl Engine {
    /// One answer for each wish; with `whole`, all are there or none, and the error is that of the first which failed.
    pub(crate) fn attach_all(
        &mut self,
        wishes: &[(AttachmentSpec, NetNs)],
        whole: bool,
    ) -> Result<Vec<Result<Attachment>>> {
        let mut batch = Batch {
            items: Vec::new(),
            up: Vec::new(),
            locked: None,
            results: BTreeMap::new(),
            whole,
        };
        let mut keys = BTreeSet::new();
        for (at, (spec, namespace)) in wishes.iter().enumerate() {
            let (op, key) = (op(spec), spec.key());
            let once = match keys.insert(key.host_end()) {
                true => Ok(()),
                false => Err(Error::invalid(&op, format!("{key} is asked for twice"))),
            };
            if let Err(err) = once.and_then(|()| self.check(&op, spec, namespace)) {
                batch.results.insert(at, Err(err));
            }
        }
        self.or_undo(&mut batch)?;
        let damaged = self.attach_batch(wishes, &mut batch)?;
        if !damaged.is_empty() {
            self.repair(&damaged, Depth::Inside)?;
        }
        Ok(batch.results.into_values().collect())
    }

    /// The networks with something in them that was there already, and is not as it should be.
    fn attach_batch<'a>(
        &mut self,
        wishes: &'a [(AttachmentSpec, NetNs)],
        batch: &mut Batch<'a>,
    ) -> Result<Vec<Network>> {
        let _host = self.lock_host()?;
        self.settle_abandoned()?;
        let mut networks: BTreeMap<&NetworkName, Vec<usize>> = BTreeMap::new();
        for (at, (spec, _)) in wishes.iter().enumerate() {
            networks.entry(&spec.network).or_default().push(at);
        }
        let mut damaged = Vec::new();
        for all in networks.into_values() {
            let mut joined = None;
            for some in all.chunks(TOGETHER) {
                for at in some {
                    self.begin(*at, wishes, &mut joined, batch)?;
                }
                self.go_on(batch)?;
            }
            batch.locked = None;
            damaged.extend(joined.filter(|of| of.damaged).map(|of: Joined| of.network));
        }
        Ok(damaged)
    }

    /// From the claims to the end.
    fn go_on(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        self.advance(batch, |action| matches!(action, Action::Elements(_)))?;
        self.add_elements(batch)?;
        self.advance(batch, |_| false)?;
        for item in batch.items.drain(..) {
            let (at, up) = (item.at, item.made());
            batch.up.push(up.clone());
            batch.results.insert(at, Ok(up));
        }
        Ok(())
    }

    /// Locks a network and mends what is missing of it.
    fn join(&mut self, name: &NetworkName) -> Result<Joined> {
        let network = self.complete_network(name)?;
        let lock = self.store.lock_network(name)?;
        self.recover_attachments(name)?;
        let mut scene = Scene::default();
        self.mend(&format!("attach to network `{name}`"), &network, &mut scene)?;
        Ok(Joined {
            network,
            _lock: lock,
            bridge: scene.bridge,
            bridge_runs: scene.bridge_runs,
            localnet: scene.localnet,
            damaged: false,
        })
    }

    /// Chooses and claims, in a network that the first of them joins.
    fn begin<'a>(
        &mut self,
        at: usize,
        wishes: &'a [(AttachmentSpec, NetNs)],
        joined: &mut Option<Joined>,
        batch: &mut Batch<'a>,
    ) -> Result<()> {
        let Some(wish) = wishes.get(at).filter(|_| !batch.results.contains_key(&at)) else {
            return Ok(());
        };
        let op = op(&wish.0);
        match self.claim_one(&op, wish, joined) {
            Err(err) => drop(batch.results.insert(at, Err(err))),
            Ok((Found::There(there), _)) => drop(batch.results.insert(at, Ok(*there))),
            Ok((Found::New(attachment, plan), scene)) => batch.items.push(Item {
                at,
                op,
                attachment: *attachment,
                plan,
                done: 1,
                scene,
            }),
        }
        batch.locked = joined.as_ref().map(|of| of.network.name.clone());
        self.or_undo(batch)
    }

    fn claim_one<'a>(
        &mut self,
        op: &str,
        (spec, namespace): &'a (AttachmentSpec, NetNs),
        joined: &mut Option<Joined>,
    ) -> Result<(Found, Scene<'a>)> {
        let joined = match joined {
            Some(joined) => joined,
            none => none.insert(self.join(&spec.network)?),
        };
        let mut scene = Scene {
            namespace: Some(namespace),
            bridge: joined.bridge,
            bridge_runs: joined.bridge_runs,
            localnet: joined.localnet,
            ..Scene::default()
        };
        let found = self.prepare(op, spec, &joined.network, &mut scene)?;
        match &found {
            Found::There(there) => joined.damaged |= !self.is_whole(&joined.network, there)?,
            Found::New(_, plan) => {
                self.execute(op, plan.get(..1).unwrap_or_default(), &mut scene)?;
            }
        }
        Ok((found, scene))
    }

    /// Takes each of them to the next action that `stop` names, or to its end.
    fn advance(&mut self, batch: &mut Batch<'_>, stop: fn(&Action) -> bool) -> Result<()> {
        for mut item in std::mem::take(&mut batch.items) {
            match self.advance_one(&mut item, stop) {
                Ok(()) => batch.items.push(item),
                Err(err) => drop(batch.results.insert(item.at, Err(err))),
            }
        }
        self.or_undo(batch)
    }

    fn advance_one(&mut self, item: &mut Item<'_>, stop: fn(&Action) -> bool) -> Result<()> {
        while let Some(action) = item.plan.get(item.done).filter(|action| !stop(action)) {
            if let Err(err) = self.run_one(action, &mut item.scene) {
                let done = item.plan.get(..=item.done).unwrap_or_default();
                let left = self.undo_all(done, &mut item.scene);
                return Err(err.during(&item.op).and_left(left));
            }
            item.done += 1;
        }
        Ok(())
    }

    /// The elements of many in one transaction; where that is refused, of each by itself, so that whoever is to blame alone fails.
    fn add_elements(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        let watched = self.watch.is_some();
        for some in batch.items.chunks_mut(TOGETHER).filter(|_| !watched) {
            let mut all = Change::default();
            some.iter().for_each(|item| all.extend(item.elements()));
            if self.apply(&all).is_ok() {
                some.iter_mut().for_each(|item| item.done += 1);
            }
        }
        self.advance(batch, |action| !matches!(action, Action::Elements(_)))
    }

    /// If one failed and that is everybody's failure, undoes all: they are taken away together.
    fn or_undo(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        let failed = batch.results.iter().find(|(_, result)| result.is_err());
        let Some(at) = failed.map(|(at, _)| *at).filter(|_| batch.whole) else {
            return Ok(());
        };
        let (mut scene, mut left) = (Scene::default(), Vec::new());
        let begun = batch.items.drain(..).map(Item::made);
        for attachment in begun.chain(batch.up.drain(..)) {
            let name = &attachment.key.network;
            let ours = batch.locked.as_ref() == Some(name);
            let lock = (!ours).then(|| self.store.lock_network(name)).transpose();
            let plan = lock.and_then(|lock| Ok((self.plan_detach(&attachment)?, lock)));
            let undone =
                plan.and_then(|(plan, _lock)| self.dismantle("take it back", &plan, &mut scene));
            left.extend(undone.err());
        }
        left.extend(self.settle_now(&scene.aside).err());
        match batch.results.remove(&at) {
            Some(Err(err)) => Err(err.and_left(left)),
            _ => Ok(()),
        }
    }
}
