//! `host-local`: one address of each range set, held on this host's disk.

use super::key::Key;
use super::leases::{DEFAULT_DIR, Leases, Taken};
use super::ranges::{Written, check_apart, listed, single};
use super::wishes::Wishes;
use super::{Given, keys, resolv};
use crate::address;
use crate::config::{IpRange, NetConf};
use crate::error::{Code, Error, Result};
use crate::result::{Dns, Ip, Route};
use ::ipam::Offer;
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::HashSet;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is configured and wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLocal {
    network: String,
    data_dir: PathBuf,
    sets: Vec<Written>,
    wishes: Vec<IpAddr>,
    routes: Vec<Route>,
    resolv_conf: Option<PathBuf>,
}

/// The keys of `ipam`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    #[serde(default, deserialize_with = "address::optional_net")]
    subnet: Option<IpNet>,
    #[serde(default, deserialize_with = "address::optional")]
    range_start: Option<IpAddr>,
    #[serde(default, deserialize_with = "address::optional")]
    range_end: Option<IpAddr>,
    #[serde(default, deserialize_with = "address::optional")]
    gateway: Option<IpAddr>,
    #[serde(default)]
    ranges: Vec<Vec<IpRange>>,
    #[serde(default)]
    routes: Vec<Route>,
    #[serde(default)]
    resolv_conf: PathBuf,
}

/// The key of `ipam` that says where the leases are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    #[serde(default)]
    data_dir: PathBuf,
}

impl Keys {
    /// The range at the top, if there is one.
    fn top(&self) -> Option<IpRange> {
        Some(IpRange {
            subnet: self.subnet?,
            range_start: self.range_start,
            range_end: self.range_end,
            gateway: self.gateway,
        })
    }
}

impl HostLocal {
    /// Where its leases are, whatever else is configured: enough to give back.
    pub(super) fn read_place(conf: &NetConf) -> Result<HostLocal> {
        let Place { data_dir } = keys(conf)?;
        Ok(HostLocal {
            network: conf.name.clone(),
            data_dir: said(data_dir).unwrap_or_else(|| DEFAULT_DIR.into()),
            sets: Vec::new(),
            wishes: Vec::new(),
            routes: Vec::new(),
            resolv_conf: None,
        })
    }

    /// Sets that are wished for come first, then the range at the top, then `ranges`.
    pub(super) fn read(conf: &NetConf, wishes: &Wishes) -> Result<HostLocal> {
        let keys: Keys = keys(conf)?;
        let mut sets = listed(&wishes.runtime_ranges, "runtimeConfig.ipRanges")?;
        let top = keys.top().map(|range| single(&range, "ipam"));
        sets.extend(top.transpose()?);
        sets.extend(listed(&keys.ranges, "ipam.ranges")?);
        if sets.is_empty() {
            let why = "there is no range to give addresses of";
            return Err(Error::invalid("ipam.ranges", why));
        }
        check_apart(&sets)?;
        let place = HostLocal::read_place(conf)?;
        check_place(&place.data_dir)?;
        Ok(HostLocal {
            sets,
            wishes: wishes.addresses(),
            routes: keys.routes,
            resolv_conf: said(keys.resolv_conf),
            ..place
        })
    }

    /// Which set gives which wish. Every wish must be given, and none may be reserved.
    fn assigned(&self) -> Result<Vec<Option<IpAddr>>> {
        let mut left = self.wishes.clone();
        let mut assigned = Vec::new();
        for (at, set) in &self.sets {
            let place = left.iter().position(|wish| set.contains(*wish));
            let wish = place.map(|place| left.remove(place));
            if let Some(why) = wish.and_then(|wish| set.check(wish).err()) {
                let why = format!("cannot give an address of `{at}`: {why}");
                return Err(Error::new(Code::InvalidConfig, why));
            }
            assigned.push(wish);
        }
        if left.is_empty() {
            return Ok(assigned);
        }
        let why = left.iter().map(|wish| {
            let other = self
                .sets
                .iter()
                .zip(&assigned)
                .find(|((_, set), _)| set.contains(*wish));
            match other.and_then(|(_, other)| *other) {
                Some(other) => format!("{wish} (its range set gives one address, {other})"),
                None => format!("{wish} (in no range)"),
            }
        });
        let why = why.collect::<Vec<_>>().join(", ");
        Err(Error::new(
            Code::InvalidConfig,
            format!("cannot give all addresses that are wished for: {why}"),
        ))
    }

    /// One address of each range set, or none.
    pub(super) fn add(&self, key: &Key) -> Result<Given> {
        let wishes = self.assigned()?;
        let dns = self.resolv_conf.as_deref().map(resolv::read);
        let dns: Dns = dns.transpose()?.unwrap_or_default();
        let leases = Leases::open(&self.data_dir, &self.network)?;
        let taken = self.take(&leases, &wishes, key)?;
        let new = taken.iter().filter(|taken| taken.is_new);
        let new = new.map(|taken| taken.offer.address.addr()).collect();
        let ip = |offer: Offer| Ip {
            address: offer.address,
            gateway: offer.gateway,
            interface: None,
        };
        Ok(Given {
            ips: taken.into_iter().map(|taken| ip(taken.offer)).collect(),
            routes: self.routes.clone(),
            dns,
            new,
        })
    }

    fn take(&self, leases: &Leases, wishes: &[Option<IpAddr>], key: &Key) -> Result<Vec<Taken>> {
        let mut all = Vec::<Taken>::new();
        for (index, ((at, set), wish)) in self.sets.iter().zip(wishes).enumerate() {
            match leases.take(index, set, *wish, key) {
                Ok(taken) => all.push(taken),
                Err(err) => {
                    let msg = format!("cannot give an address of `{at}`: {}", err.msg);
                    return Err(undone(leases, key, &all, Error { msg, ..err }));
                }
            }
        }
        Ok(all)
    }

    /// These, if the key holds them.
    pub(super) fn give_back(&self, key: &Key, addresses: &[IpAddr]) -> Result<()> {
        match Leases::open_existing(&self.data_dir, &self.network)? {
            Some(leases) => addresses
                .iter()
                .try_for_each(|address| leases.give_back(key, *address)),
            None => Ok(()),
        }
    }

    /// Whatever the key holds.
    pub(super) fn del(&self, key: &Key) -> Result<()> {
        match Leases::open_existing(&self.data_dir, &self.network)? {
            Some(leases) => leases.release(key).map(drop),
            None => Ok(()),
        }
    }

    /// That the key holds an address of each range set, and those of the result of its ADD that are of these sets.
    pub(super) fn check(&self, key: &Key, given: &[Ip]) -> Result<()> {
        let leases = Leases::open_existing(&self.data_dir, &self.network)?;
        let held = leases
            .map(|leases| leases.of(key))
            .transpose()?
            .unwrap_or_default();
        let given = given.iter().map(|ip| ip.address.addr());
        for address in given.filter(|at| self.sets.iter().any(|(_, set)| set.contains(*at))) {
            if !held.contains(&address) {
                let why = format!(
                    "{address} is not reserved for {key} in network {}",
                    self.network
                );
                return Err(Error::new(Code::Differs, why));
            }
        }
        for (at, set) in &self.sets {
            if !held.iter().any(|address| set.contains(*address)) {
                let why = format!("{key} holds no address of `{at}` ({set})");
                return Err(Error::new(Code::Differs, why));
            }
        }
        Ok(())
    }

    /// Gives back what others than these hold. A key without an interface stands for its container.
    pub(super) fn gc(&self, valid: &[Key]) -> Result<()> {
        let Some(leases) = Leases::open_existing(&self.data_dir, &self.network)? else {
            return Ok(());
        };
        let keys: HashSet<&Key> = valid.iter().collect();
        let ids: HashSet<&str> = valid.iter().map(|key| key.container_id.as_str()).collect();
        let is_valid = |key: &Key| match key.ifname.as_str() {
            "" => ids.contains(key.container_id.as_str()),
            _ => keys.contains(key),
        };
        let stale = leases.all()?.into_iter().filter(|(key, _)| !is_valid(key));
        let left = stale.filter_map(|(key, address)| leases.give_back(&key, address).err());
        let left: Vec<String> = left.map(|err| err.msg).collect();
        match left.is_empty() {
            true => Ok(()),
            false => Err(Error::new(Code::Io, left.join("; "))),
        }
    }

    /// That each range set has an address left.
    pub(super) fn status(&self) -> Result<()> {
        let Some(leases) = Leases::open_existing(&self.data_dir, &self.network)? else {
            return Ok(());
        };
        for (at, set) in &self.sets {
            if leases.left(set)? == 0 {
                let why = format!("`{at}`: {}", set.exhausted());
                return Err(Error::new(Code::Unavailable, why));
            }
        }
        Ok(())
    }
}

/// Refuses what would lie elsewhere for every process.
fn check_place(data_dir: &Path) -> Result<()> {
    let bytes = data_dir.as_os_str().as_bytes();
    match data_dir.is_absolute() && !bytes.contains(&0) {
        true => Ok(()),
        false => Err(Error::invalid(
            "ipam.dataDir",
            format!("{data_dir:?} is no absolute path"),
        )),
    }
}

fn said(path: PathBuf) -> Option<PathBuf> {
    (!path.as_os_str().is_empty()).then_some(path)
}

/// Gives back what the key did not hold before; what cannot be given back is said.
fn undone(leases: &Leases, key: &Key, taken: &[Taken], mut err: Error) -> Error {
    for taken in taken.iter().rev().filter(|taken| taken.is_new) {
        if let Err(left) = leases.give_back(key, taken.offer.address.addr()) {
            let comma = if err.details.is_empty() { "" } else { "; " };
            err.details += &format!("{comma}undoing it: {left}");
        }
    }
    err
}

#[cfg(test)]
mod tests;
