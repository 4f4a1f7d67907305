//! The last step of taking away: deleting links that were put aside. It waits 20 to 40 ms inside the kernel, so callers choose when.

use crate::action::Action;
use crate::engine::{DYING, Engine, Scene, by_index, is_tombstone};
use crate::error::{Error, Result};
use crate::file;
use crate::host::Collected;
use crate::kernel::open_found;
use crate::lock::Lock;
use crate::name::{HOST_END, Key, MARK};
use crate::spec::{Attachment, State};
use crate::step::Step;
use crate::store::Store;
use core_netlink::link::{Link, LinkFilter};
use core_netlink::{Conn, IfIndex};
use ns_mgmt::Kind;
use std::collections::HashSet;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A link that was put aside, and the note of it; while we hold its lock, nobody else need see to it.
#[derive(Debug)]
pub(crate) struct Dying {
    pub(crate) index: IfIndex,
    pub(crate) note: PathBuf,
    pub(crate) lock: Lock,
}

/// What was taken away; the links still have to be deleted, which takes 20 to 40 ms of waiting inside the kernel.
///
/// It holds two sockets and no lock that anybody waits for, and may be taken to another thread, or to a child process that keeps its
/// [`descriptors`](Detached::descriptors) open.
#[derive(Debug)]
#[must_use = "call `settle`, here or in a child process; a later command does it otherwise"]
pub struct Detached {
    attachments: Vec<Attachment>,
    links: Vec<Dying>,
    route: Option<Conn>,
    nft: Option<Conn>,
    records: Store,
}

impl Detached {
    /// The attachments that are gone; none if there were none.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// Whether there is anything to wait for.
    pub fn is_settled(&self) -> bool {
        self.links.is_empty() && self.nft.is_none()
    }

    /// What a child process that settles must keep open; everything else it may close.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let sockets = self.route.iter().chain(&self.nft);
        let sockets = sockets.map(|conn| conn.as_fd().as_raw_fd());
        let notes = self
            .links
            .iter()
            .filter_map(|dying| dying.lock.descriptor());
        sockets.chain(notes).collect()
    }

    /// For the process that leaves the settling to a child: closes what it has, and the child goes on.
    pub fn leave(self) {
        self.links.into_iter().for_each(|dying| dying.lock.leave());
    }

    /// Deletes the links that were put aside. What is gone already counts as done.
    pub fn settle(mut self) -> Result<()> {
        match self.settle_once() {
            Err(err) if err.may_pass() => self.settle_once(),
            done => done,
        }
    }

    fn settle_once(&mut self) -> Result<()> {
        let Some(conn) = &mut self.route else {
            return Ok(());
        };
        let indexes: Vec<IfIndex> = self.links.iter().map(|dying| dying.index).collect();
        delete(conn, &indexes)?;
        // Whoever closes it last waits, too: where a child settles, its parent has closed its own by now.
        drop(self.nft.take());
        let mut links = self.links.iter();
        links.try_for_each(|dying| file::remove(&dying.note))?;
        self.records.remove_last()
    }
}

/// Several at once as a group, which takes little longer than one; never a link that does not say it is ours.
fn delete(conn: &mut Conn, indexes: &[IfIndex]) -> Result<()> {
    let fail = |err| Error::netlink("delete links that were put aside", err);
    if indexes.len() > 1 {
        let all = conn.links(&LinkFilter::default()).map_err(fail)?;
        let group: Vec<&Link> = all
            .iter()
            .filter(|link| link.group == Some(DYING))
            .collect();
        if group.iter().all(|link| is_tombstone(link)) && !group.is_empty() {
            conn.delete_group(DYING).or_else(gone).map_err(fail)?;
        }
    }
    for index in indexes {
        let link = conn.find_link(by_index(*index)).map_err(fail)?;
        if link.is_some_and(|link| is_tombstone(&link)) {
            conn.delete_link(*index).or_else(gone).map_err(fail)?;
        }
    }
    Ok(())
}

fn gone(err: core_netlink::Error) -> core_netlink::Result<()> {
    match err.is_not_found() {
        true => Ok(()),
        false => Err(err),
    }
}

/// The cookies of all network namespaces of this machine; `None` if some cannot be seen or opened.
fn living() -> Option<HashSet<u64>> {
    let listing = ns_mgmt::list(&[Kind::Net])
        .ok()
        .filter(|listing| listing.hidden == 0)?;
    listing
        .found
        .iter()
        .map(|found| open_found(found)?.cookie().ok())
        .collect()
}

impl Engine {
    /// Hands over what is left to do; links that nobody settled go with it.
    pub(crate) fn detached(
        &mut self,
        attachments: Vec<Attachment>,
        scene: Scene<'_>,
    ) -> Result<Detached> {
        let mut links = scene.aside;
        let ours: Vec<IfIndex> = links.iter().map(|dying| dying.index).collect();
        links.extend(self.abandoned(&ours)?);
        if !links.is_empty() {
            self.kernel.route()?; // whoever settles needs it
        }
        let (route, nft) = match links.is_empty() && attachments.is_empty() {
            true => (None, None),
            false => self.kernel.part(),
        };
        Ok(Detached {
            attachments,
            links,
            route,
            nft,
            records: self.store.clone(),
        })
    }

    /// Links that were put aside by a process that is no more; not those that this one is at.
    fn abandoned(&self, ours: &[IfIndex]) -> Result<Vec<Dying>> {
        let dying = self.store.dying()?.into_iter();
        let dying = dying.filter(|index| !ours.contains(index));
        let dying = dying.map(|index| self.store.note_dying(index));
        dying.filter_map(Result::transpose).collect()
    }

    /// Deletes what a process put aside that is no more.
    pub(crate) fn settle_abandoned(&mut self) -> Result<()> {
        let abandoned = self.abandoned(&[])?;
        self.settle_now(&abandoned)
    }

    pub(crate) fn settle_now(&mut self, links: &[Dying]) -> Result<()> {
        let indexes: Vec<IfIndex> = links.iter().map(|dying| dying.index).collect();
        self.delete_aside(&indexes)
    }

    /// Deletes links that were put aside, whoever did it.
    pub(crate) fn delete_aside(&mut self, indexes: &[IfIndex]) -> Result<()> {
        if indexes.is_empty() || self.planning {
            return Ok(());
        }
        delete(self.kernel.route()?, indexes)?;
        indexes
            .iter()
            .try_for_each(|index| file::remove(&self.store.dying_path(*index)))
    }

    pub(crate) fn gc(&mut self) -> Result<Collected> {
        let mut found = Collected {
            files: self.clear_dead()?,
            ..Collected::default()
        };
        if self.store.network_names()?.is_empty() && !self.store.is_alive()? {
            return Ok(found);
        }
        let _host = self.lock_host()?;
        for definition in self.store.definitions()? {
            let name = definition.network.name.clone();
            if self.recover_network(&name)? {
                found.networks.push(name);
                continue;
            }
            let _lock = self.store.lock_network(&name)?;
            self.mend_records_locked(&definition.network)?;
            let mut gone = self.recover_attachments(&name)?;
            gone.extend(self.remove_if(&name, Engine::has_no_link)?);
            if !gone.is_empty() {
                self.store.release_orphans(&name)?; // what nobody knew of them
            }
            found.attachments.extend(gone);
        }
        for name in self.store.undefined()? {
            let (_lock, start) = (self.store.lock_network(&name)?, Instant::now());
            self.store.remove_network(&name)?;
            self.tell(&forget_step(&self.store.dir(&name)), start.elapsed());
        }
        self.store.remove_drafts()?;
        found.links = self.sweep()?;
        self.store.remove_all()?;
        Ok(found)
    }

    /// What [`gc`](Self::gc) would do.
    pub(crate) fn plan_gc(&mut self) -> Result<Vec<Step>> {
        let dead = self.dead_records()?.into_iter();
        let mut steps: Vec<Step> = dead.map(|path| forget_step(&path)).collect();
        if self.store.network_names()?.is_empty() && !self.store.is_alive()? {
            return Ok(steps);
        }
        let mut plan = Vec::new();
        for definition in self.store.definitions()? {
            let network = definition.network;
            if definition.state != State::Up {
                let (attachments, last) = self.plan_remove(&network.name, true)?;
                plan.extend(attachments.concat());
                plan.extend(last);
                continue;
            }
            if !self.lost(&network)?.is_empty() {
                plan.push(Action::Records(network.clone()));
            }
            for claim in self.store.readable_claims(&network.name)? {
                let of = &claim.attachment;
                if of.state != State::Up || self.has_no_link(of)? {
                    plan.extend(self.plan_detach(of)?);
                }
            }
        }
        steps.extend(plan.iter().map(Action::step));
        let undefined = self.store.undefined()?.into_iter();
        steps.extend(undefined.map(|name| forget_step(&self.store.dir(&name))));
        let unknown = self.unknown_links()?.into_iter();
        steps.extend(unknown.map(|link| Action::Delete(link.name).step()));
        Ok(steps)
    }

    /// Removes the records about namespaces that are no more.
    fn clear_dead(&mut self) -> Result<Vec<PathBuf>> {
        let dead = self.dead_records()?;
        for path in &dead {
            let start = Instant::now();
            file::remove_tree(path)?;
            self.tell(&forget_step(path), start.elapsed());
        }
        Ok(dead)
    }

    /// Where the records about namespaces that are no more lie; none unless every namespace of the machine can be seen.
    fn dead_records(&self) -> Result<Vec<PathBuf>> {
        let Some(run) = self.store.base.parent() else {
            return Ok(Vec::new());
        };
        let cookies: Vec<String> = file::names(run)?
            .into_iter()
            .filter(|name| *name != self.store.here.to_string())
            .collect();
        let alive = if cookies.is_empty() { None } else { living() };
        let Some(alive) = alive else {
            return Ok(Vec::new());
        };
        let dead = cookies.iter().filter(|name| {
            name.parse()
                .is_ok_and(|cookie: u64| !alive.contains(&cookie))
        });
        Ok(dead.map(|name| run.join(name)).collect())
    }

    /// Deletes links of ours that no record knows.
    fn sweep(&mut self) -> Result<usize> {
        let unknown = self.unknown_links()?;
        for link in &unknown {
            let start = Instant::now();
            self.delete(link.index)?;
            self.report(&Action::Delete(link.name), start.elapsed());
        }
        for index in self.store.dying()? {
            file::remove(&self.store.dying_path(index))?;
        }
        Ok(unknown.len())
    }

    /// Links of ours that no record knows, those that were put aside among them.
    fn unknown_links(&mut self) -> Result<Vec<Link>> {
        let links = self.kernel.route()?.links(&LinkFilter::default());
        let links = links.map_err(|err| Error::netlink("look for links that were left", err))?;
        let mut unknown = Vec::new();
        for link in links.into_iter().filter(|link| {
            is_tombstone(link) || link.name.as_bytes().starts_with(HOST_END.as_bytes())
        }) {
            let key = link
                .alias
                .as_deref()
                .filter(|alias| alias.starts_with(MARK))
                .and_then(Key::from_alias);
            let known = match &key {
                Some((key, _)) => !is_tombstone(&link) && self.store.claim(key)?.is_some(),
                None => !is_tombstone(&link),
            };
            if !known {
                unknown.push(link);
            }
        }
        Ok(unknown)
    }
}

fn forget_step(path: &Path) -> Step {
    Step {
        what: format!("remove the records in {}", path.display()),
        words: vec![format!("rm -r {}", path.display())],
        undo: Vec::new(),
    }
}
