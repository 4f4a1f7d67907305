//! Leases: who holds which address, on disk as CNI's host-local keeps them, so that either may go on where the other left off.
//!
//! ```text
//! DATADIR/NETWORK/lock                       locked (flock) while anything is read or changed
//! DATADIR/NETWORK/10.1.0.2                   a lease: the container, CR LF, the interface
//! DATADIR/NETWORK/last_reserved_ip.0         the last address given of range set 0
//! DATADIR/NETWORK/.vetch.BOOT.DIGEST.0 -> 10.1.0.2     ours: the first address of the key with this digest, given in this boot
//! DATADIR/NETWORK/.vetch.boot                ours: the boot in which the directory was last looked through
//! ```
//!
//! The reference removes our links together with their leases and overlooks them otherwise.
//!
//! **No directory is read** to give an address or to give it back: a key's addresses are found by its links. Three things look through
//! all leases, once each: the first opening after a boot; an address given after the reference gave one (which shows by the date of
//! `last_reserved_ip.N`: ours is 1970); and a key without a link, when it is given back or asked for.
//!
//! **A lease of an earlier boot is nobody's**, because no container outlives a boot. The first opening after a boot removes those: ours
//! by the boot in their link, the reference's if they were written before the boot began. Where that cannot be told, they stay.
//!
//! Order of the steps: the link, then the lease; removed the other way round. A link without its lease is overlooked and replaced.

use super::boot::Boot;
use super::dir::{Dir, Place};
use super::key::{Key, Mark, address};
use crate::error::{Code, Error, Result};
use ::ipam::{Offer, RangeSet};
use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Where the leases of all networks are, unless said otherwise.
pub const DEFAULT_DIR: &str = "/var/lib/cni/networks";
/// How long the lock is waited for.
const LIMIT: Duration = Duration::from_secs(60); // after a boot all containers come at once
const BOOT: &str = ".vetch.boot";
const LAST: &str = "last_reserved_ip.";

/// An address that a key has now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) offer: Offer,
    pub(super) is_new: bool,
}

/// The leases of one network. They are locked until this is dropped.
///
/// ```
/// use cni::ipam::{Key, Leases};
/// use ipam::{Range, RangeSet, RangeSpec};
/// let dir = tempfile::tempdir()?;
/// let spec = RangeSpec { subnet: "10.1.0.0/24".parse()?, ..RangeSpec::default() };
/// let set = RangeSet::new(vec![Range::new(&spec)?])?;
/// let leases = Leases::open(dir.path(), "blue")?;
/// let web = Key::new("web", "eth0");
/// let given = leases.reserve(0, &set, None, &web)?;
/// assert_eq!(given.address.to_string(), "10.1.0.2/24");
/// assert_eq!(leases.release(&web)?, [given.address.addr()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Leases {
    dir: Dir,
    boot: Boot,
}

impl Leases {
    /// Opens the leases of a network under `data_dir`, making the directory if need be.
    ///
    /// # Errors
    ///
    /// [`Code::TryAgain`] if somebody else holds the lock for ten seconds; [`Code::InvalidConfig`] if the network's name is no file
    /// name; [`Code::Io`].
    pub fn open(data_dir: &Path, network: &str) -> Result<Leases> {
        let (path, boot) = (data_dir.join(checked(network)?), Boot::this()?);
        Leases::begin(Dir::open(&path, LIMIT)?, boot)
    }

    /// The same; `None` if there is no such directory, and then no lease.
    ///
    /// # Errors
    ///
    /// As [`Leases::open`].
    pub fn open_existing(data_dir: &Path, network: &str) -> Result<Option<Leases>> {
        let (path, boot) = (data_dir.join(checked(network)?), Boot::this()?);
        let dir = Dir::open_existing(&path, LIMIT)?;
        dir.map(|dir| Leases::begin(dir, boot)).transpose()
    }

    pub(super) fn begin(dir: Dir, boot: Boot) -> Result<Leases> {
        let leases = Leases { dir, boot };
        let seen = leases.dir.read(BOOT)?;
        if seen.is_none_or(|seen| seen.bytes != leases.boot.id.as_bytes()) {
            leases.look_through((leases.boot.began)())?;
            leases.dir.replace(BOOT, &leases.boot.id)?;
        }
        Ok(leases)
    }

    /// Looks at every lease: removes those of earlier boots, and gives a link to those that have none.
    ///
    /// Leases without a link are the reference's, and of an earlier boot if they were written before `began`.
    fn look_through(&self, began: Option<SystemTime>) -> Result<()> {
        let names = self.dir.names()?;
        let marks: Vec<Mark> = names.iter().filter_map(|name| Mark::read(name)).collect();
        let (ours, old): (Vec<Mark>, Vec<Mark>) = marks
            .into_iter()
            .partition(|mark| mark.boot == self.boot.id);
        let (ours, old) = (self.targets(ours)?, self.targets(old)?);
        for name in names.iter().filter(|name| address(name).is_some()) {
            let Ok(Some(found)) = self.dir.read(name) else {
                continue; // no lease, whoever put it there
            };
            let key = Key::read(&found.bytes);
            let mark = key.as_ref().map(|key| (key.digest(), name.clone()));
            let is = |marks: &HashSet<_>| mark.as_ref().is_some_and(|mark| marks.contains(mark));
            let is_earlier = is(&old)
                || found
                    .modified
                    .zip(began)
                    .is_some_and(|(at, began)| at < began);
            match (key, address(name)) {
                _ if is(&ours) => {}
                _ if found.bytes.is_empty() || is_earlier => self.dir.remove(name)?,
                (Some(key), Some(address)) if key.is_plain() => self.mark(&key, address)?,
                _ => {} // without an interface: found by looking through
            }
        }
        let old = names
            .iter()
            .filter(|name| Mark::read(name).is_some_and(|mark| mark.boot != self.boot.id));
        old.into_iter().try_for_each(|name| self.dir.remove(name))
    }

    /// The digests of these and where they lead.
    fn targets(&self, marks: Vec<Mark>) -> Result<HashSet<(String, String)>> {
        let mut all = HashSet::new();
        for mark in marks {
            let target = self.dir.target(&mark)?;
            all.extend(target.map(|target| (mark.digest, target)));
        }
        Ok(all)
    }

    /// The addresses that a key has links to. A link that leads to no lease of the key is removed.
    ///
    /// Whoever else holds what does not matter for the cost.
    fn marked(&self, key: &Key) -> Result<Vec<IpAddr>> {
        let mut all = Vec::new();
        while let Some(target) = self.dir.target(Mark::new(&self.boot.id, key, all.len()))? {
            all.push(target);
        }
        let mut held = Vec::new();
        for (slot, target) in all.iter().enumerate().rev() {
            let at = address(target);
            match at.filter(|at| self.is_of(*at, key)) {
                Some(at) => held.push(at),
                None => self.unmark(key, slot)?,
            }
        }
        held.reverse();
        Ok(held)
    }

    fn is_of(&self, address: IpAddr, key: &Key) -> bool {
        let found = self.dir.read(address).ok().flatten();
        found.and_then(|found| Key::read(&found.bytes)).as_ref() == Some(key)
    }

    fn mark(&self, key: &Key, address: IpAddr) -> Result<()> {
        let slot = self.marked(key)?.len();
        self.dir.link(Mark::new(&self.boot.id, key, slot), address)
    }

    /// Removes a link; the last one of the key moves up, so that there is no gap.
    fn unmark(&self, key: &Key, slot: usize) -> Result<()> {
        let at = |slot| Mark::new(&self.boot.id, key, slot);
        let mut last = slot;
        while self.dir.target(at(last + 1))?.is_some() {
            last += 1;
        }
        match last == slot {
            true => self.dir.remove(at(slot)),
            false => self.dir.rename(at(last), at(slot)),
        }
    }

    /// The addresses of a key, in the order in which they were given.
    ///
    /// # Errors
    ///
    /// [`Code::Io`].
    pub fn of(&self, key: &Key) -> Result<Vec<IpAddr>> {
        let marked = self.marked(key)?;
        if !marked.is_empty() {
            return Ok(marked);
        }
        let all = self.all()?;
        let of = |key: &Key| {
            let found = all.iter().filter(|(of, _)| of == key);
            found.map(|(_, address)| *address).collect::<Vec<_>>()
        };
        let found = of(key);
        Ok(match found.is_empty() {
            true => of(&Key::new(&key.container_id, "")),
            false => found,
        })
    }

    /// Gives an address of a range set to a key, this very one if there is a wish. A key that holds one of the set keeps it.
    ///
    /// `index` is the place of the set among those of the network; each has its own turn.
    ///
    /// # Errors
    ///
    /// [`Code::Failed`] if no address is left, or if the wish is taken, naming the holder; [`Code::InvalidConfig`] if the wish is not
    /// in the set; [`Code::InvalidEnvironment`] if the key cannot be written down; [`Code::Io`].
    pub fn reserve(
        &self,
        index: usize,
        set: &RangeSet,
        wish: Option<IpAddr>,
        key: &Key,
    ) -> Result<Offer> {
        let taken = self.take(index, set, wish, key)?;
        Ok(taken.offer)
    }

    /// The same, and whether the key did not hold it before.
    pub(super) fn take(
        &self,
        index: usize,
        set: &RangeSet,
        wish: Option<IpAddr>,
        key: &Key,
    ) -> Result<Taken> {
        if !key.is_plain() {
            let why = format!(
                "cannot give an address to {:?}: it is no name",
                key.to_string()
            );
            return Err(Error::new(Code::InvalidEnvironment, why));
        }
        let last = self.last_given(index)?;
        let held = self.marked(key)?;
        if let Some(held) = held.into_iter().find(|at| set.contains(*at)) {
            let offer = kept(set, held, wish, key)?;
            return Ok(Taken {
                offer,
                is_new: false,
            });
        }
        let offer = match wish {
            Some(wish) => self.wished(set, wish),
            None => self.next(set, last),
        }?;
        self.give(index, offer.address.addr(), key)?;
        Ok(Taken {
            offer,
            is_new: true,
        })
    }

    /// Where the turn is. If the reference gave an address since we did, its leases get their links first.
    fn last_given(&self, index: usize) -> Result<Option<IpAddr>> {
        let Some(last) = self.dir.read(format!("{LAST}{index}"))? else {
            return Ok(None);
        };
        if last.modified != Some(SystemTime::UNIX_EPOCH) {
            self.look_through(None)?;
        }
        Ok(std::str::from_utf8(&last.bytes).ok().and_then(address))
    }

    fn next(&self, set: &RangeSet, last: Option<IpAddr>) -> Result<Offer> {
        for offer in set.offers(last) {
            if self.is_free(offer.address.addr())? {
                return Ok(offer);
            }
        }
        Err(Error::new(Code::Failed, set.exhausted().to_string())
            .with_details("remove containers, or give the range set more addresses"))
    }

    fn wished(&self, set: &RangeSet, wish: IpAddr) -> Result<Offer> {
        let offer = set.check(wish);
        let offer = offer.map_err(|why| Error::new(Code::InvalidConfig, why.to_string()))?;
        if self.is_free(wish)? {
            return Ok(offer);
        }
        let holder = self.dir.read(wish).ok().flatten();
        let holder = holder.and_then(|found| Key::read(&found.bytes));
        let by = holder.map_or_else(String::new, |key| format!(" by {key}"));
        Err(Error::new(Code::Failed, format!("{wish} is in use{by}")))
    }

    fn is_free(&self, address: IpAddr) -> Result<bool> {
        let place = self.dir.place(address)?;
        if place == Place::Unfinished {
            self.dir.remove(address)?;
        }
        Ok(place != Place::Taken)
    }

    fn give(&self, index: usize, address: IpAddr, key: &Key) -> Result<()> {
        let last = self
            .dir
            .replace(format!("{LAST}{index}"), &address.to_string())?;
        let _ = last.set_modified(SystemTime::UNIX_EPOCH); // or the next one looks through all leases
        self.mark(key, address)?;
        self.dir.create(address, &key.text())
    }

    /// Gives all addresses of a key back; which they were. A key that has none has nothing to give back.
    ///
    /// # Errors
    ///
    /// [`Code::Io`].
    pub fn release(&self, key: &Key) -> Result<Vec<IpAddr>> {
        let addresses = self.of(key)?;
        for address in &addresses {
            self.give_back(key, *address)?;
        }
        Ok(addresses)
    }

    /// Gives one address of a key back.
    ///
    /// # Errors
    ///
    /// [`Code::Io`].
    pub fn give_back(&self, key: &Key, address: IpAddr) -> Result<()> {
        let legacy = Key::new(&key.container_id, "");
        if self.is_of(address, key) || self.is_of(address, &legacy) {
            self.dir.remove(address)?;
        }
        self.marked(key).map(drop)
    }

    /// All leases, by address. Those of the reference's old versions have no interface in their key.
    ///
    /// # Errors
    ///
    /// [`Code::Io`].
    pub fn all(&self) -> Result<Vec<(Key, IpAddr)>> {
        let names = self.dir.names()?;
        let leases = names.iter().filter_map(|name| {
            let at = address(name)?;
            let found = self.dir.read(name).ok().flatten()?;
            Some((Key::read(&found.bytes)?, at))
        });
        let mut leases: Vec<_> = leases.collect();
        leases.sort_by_key(|(_, address)| *address);
        Ok(leases)
    }

    /// How many addresses of a set can still be given.
    ///
    /// # Errors
    ///
    /// [`Code::Io`].
    pub fn left(&self, set: &RangeSet) -> Result<u128> {
        let names = self.dir.names()?;
        let mut taken = 0;
        for at in names.iter().filter_map(|name| address(name)) {
            if set.check(at).is_ok() && self.dir.place(at)? == Place::Taken {
                taken += 1;
            }
        }
        Ok(set.usable().saturating_sub(taken))
    }
}

/// The network's name becomes that of a directory.
fn checked(network: &str) -> Result<&str> {
    let is_name = !matches!(network, "" | "." | "..") && !network.contains(['/', '\0']);
    let why = || Error::invalid("name", format!("{network:?} cannot name a directory"));
    is_name.then_some(network).ok_or_else(why)
}

fn kept(set: &RangeSet, held: IpAddr, wish: Option<IpAddr>, key: &Key) -> Result<Offer> {
    if let Some(wish) = wish.filter(|wish| *wish != held) {
        let why = format!("cannot give {wish} to {key}: it holds {held} already");
        return Err(Error::new(Code::Failed, why).with_details("DEL first"));
    }
    let offer = set.check(held);
    offer.map_err(|why| {
        Error::new(
            Code::InvalidConfig,
            format!("{key} holds {held}, but {why}"),
        )
    })
}

#[cfg(test)]
mod tests;
