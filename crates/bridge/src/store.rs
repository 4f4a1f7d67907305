//! Where the records lie, and who holds which address and port.
//!
//! ```text
//! RUN/<cookie>/.host/{lock,boot,opened.json}          what networks share
//! RUN/<cookie>/.host/ports/tcp/8080/ADDR -> NETWORK/HOSTEND     one link per published port, so that none is looked for in a list
//! RUN/<cookie>/.host/dying/IFINDEX                    links put aside and not yet deleted; locked by who is at it
//! RUN/<cookie>/NETWORK/{lock,.last4,.last6,.mac}
//! RUN/<cookie>/NETWORK/{claimed,up,leaving}/HOSTEND.json        the directory is the state
//! RUN/<cookie>/NETWORK/addresses/ADDR -> HOSTEND
//! RUN/<cookie>/NETWORK/loopback/HOSTEND/              who has a port that 127.0.0.1 leads to
//! RUN/<cookie>/NETWORK/other/HOSTEND/                 who is not `eth0` of cli:NAME or run:NAME in the namespace NAME
//! DEFINITIONS/NETWORK.json                            or RUN/<cookie>/NETWORK/definition.json
//! ```

use crate::error::{Error, Result};
use crate::file;
use crate::lock::{self, Lock};
use crate::name::{Key, NetworkName};
use crate::record::{Claim, Definition, Opened};
use crate::spec::State;
use core_netlink::IfName;
use std::path::PathBuf;
use std::time::Duration;

const GONE_MEANWHILE: usize = 100;
/// The directories of a network.
const PARTS: [&str; 6] = ["claimed", "up", "leaving", "addresses", "loopback", "other"];

/// The records about one network namespace.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// `RUN/<cookie>`.
    pub(crate) base: PathBuf,
    pub(crate) definitions: Option<PathBuf>,
    pub(crate) boot: String,
    pub(crate) here: u64,
    pub(crate) lock_timeout: Duration,
}

fn state_dir(state: State) -> &'static str {
    match state {
        State::Up => "up",
        State::Leaving => "leaving",
        _ => "claimed",
    }
}

/// Whose the claim in a file is.
fn host_end(file: &str) -> Option<IfName> {
    file.strip_suffix(".json")?.parse().ok()
}

impl Store {
    pub(crate) fn shared(&self) -> PathBuf {
        self.base.join(".host")
    }

    pub(crate) fn dir(&self, network: &NetworkName) -> PathBuf {
        file::at(&self.base, network)
    }

    /// The lock of what networks share. Makes the directory, and clears it of what an earlier boot left.
    pub(crate) fn lock_host(&self) -> Result<Lock> {
        self.lock_host_first().map(|(lock, _)| lock)
    }

    /// The same, and whether the records begin here: after a boot, or because somebody removed them all.
    pub(crate) fn lock_host_first(&self) -> Result<(Lock, bool)> {
        let path = self.shared().join("lock");
        for _ in 0..GONE_MEANWHILE {
            let run = self.base.parent().unwrap_or(&self.base);
            let made = [run, &self.base, &self.shared()]
                .into_iter()
                .try_for_each(file::need_dir);
            match made.and_then(|()| lock::take(&path, "the host's networks", self.lock_timeout)) {
                Err(err) if err.is_not_found() => {} // the last network was removed between two steps
                Err(err) => return Err(err),
                Ok(lock) => return self.begin_life().map(|first| (lock, first)),
            }
        }
        Err(Error::missing(
            "lock the host's networks",
            format!("{} keeps vanishing", self.base.display()),
        ))
    }

    /// What was written before the last boot describes objects that are gone.
    fn begin_life(&self) -> Result<bool> {
        let path = self.shared().join("boot");
        match file::read(&path)? {
            Some(boot) if boot == self.boot.as_bytes() => Ok(false),
            None => file::write(&path, self.boot.as_bytes()).map(|()| true),
            Some(_) => {
                for name in file::names(&self.base)? {
                    file::remove_tree(&self.base.join(name))?;
                }
                for name in ["ports", "dying"] {
                    file::remove_tree(&self.shared().join(name))?;
                }
                file::remove(&self.shared().join("opened.json"))?;
                file::write(&path, self.boot.as_bytes()).map(|()| true)
            }
        }
    }

    /// As if the records had not begun. The host's lock must be held.
    pub(crate) fn unbegin(&self) -> Result<()> {
        file::remove(&self.shared().join("boot"))?;
        self.remove_all()
    }

    /// Whether the records are of this boot.
    pub(crate) fn is_alive(&self) -> Result<bool> {
        Ok(file::has_dir(&self.base)?
            && file::read(&self.shared().join("boot"))?.as_deref() == Some(self.boot.as_bytes()))
    }

    /// Whether there is a lock of the host, so that taking it makes no directory.
    pub(crate) fn is_begun(&self) -> Result<bool> {
        file::has_dir(&self.shared())
    }

    /// The lock of one network; makes its directory.
    pub(crate) fn lock_network(&self, network: &NetworkName) -> Result<Lock> {
        let dir = self.dir(network);
        let (what, path) = (format!("network `{network}`"), dir.join("lock"));
        for _ in 0..GONE_MEANWHILE {
            match lock::take(&path, &what, self.lock_timeout) {
                Ok(lock) if file::has_dirs(&dir, &PARTS)? => return Ok(lock),
                Ok(_) => {} // new, or removed between two steps
                Err(err) if err.is_not_found() => file::make_dir(&dir)?,
                Err(err) => return Err(err),
            }
            let parts = PARTS.iter().map(|part| dir.join(part));
            parts
                .into_iter()
                .try_for_each(|part| file::make_dir(&part))?;
        }
        Err(Error::missing(
            format!("lock {what}"),
            format!("{} keeps vanishing", dir.display()),
        ))
    }

    fn definition_path(&self, network: &NetworkName) -> PathBuf {
        match &self.definitions {
            Some(dir) => dir.join(format!("{network}.json")),
            None => self.dir(network).join("definition.json"),
        }
    }

    pub(crate) fn definition(&self, network: &NetworkName) -> Result<Option<Definition>> {
        let path = self.definition_path(network);
        let what = format!("the definition of network `{network}` ({})", path.display());
        file::read(&path)?
            .map(|bytes| Definition::read(&what, &bytes))
            .transpose()
    }

    pub(crate) fn write_definition(&self, definition: &Definition) -> Result<()> {
        let path = self.definition_path(&definition.network.name);
        if let Some(dir) = &self.definitions {
            file::make_dir(dir)?;
        }
        file::write(&path, &definition.write()?)
    }

    /// All of them, by name. One that is damaged, and directories that are no network's, are passed over.
    pub(crate) fn definitions(&self) -> Result<Vec<Definition>> {
        let mut all = Vec::new();
        for name in self.network_names()? {
            match self.definition(&name) {
                Err(err) if err.is_damaged() => {}
                found => all.extend(found?),
            }
        }
        Ok(all)
    }

    /// The names of all networks of which there is a definition, damaged ones included.
    pub(crate) fn network_names(&self) -> Result<Vec<NetworkName>> {
        let names = match &self.definitions {
            Some(dir) => file::names(dir)?,
            None => file::names(&self.base)?,
        };
        let names = names
            .iter()
            .filter_map(|name| name.strip_suffix(".json").unwrap_or(name).parse().ok());
        let mut there = Vec::new();
        for name in names {
            // Never passed over: whoever believes to be the last takes the tables away.
            if file::is_there(&self.definition_path(&name))? {
                there.push(name);
            }
        }
        Ok(there)
    }

    /// All records there are, whatever they say. The host's lock must be held.
    pub(crate) fn remove_everything(&self) -> Result<()> {
        file::remove_tree(&self.base)?;
        self.remove_parents();
        Ok(())
    }

    /// Directories of networks that have no definition and no attachment: what is left of a making that was ended early.
    pub(crate) fn undefined(&self) -> Result<Vec<NetworkName>> {
        let names = file::names(&self.base)?;
        let mut found: Vec<NetworkName> =
            names.iter().filter_map(|name| name.parse().ok()).collect();
        found.retain(|name| {
            let claims = [State::Leaving, State::Claimed, State::Up]
                .map(|state| self.claim_names(name, state));
            matches!(self.definition(name), Ok(None))
                && claims
                    .iter()
                    .all(|names| names.as_ref().is_ok_and(Vec::is_empty))
        });
        Ok(found)
    }

    /// Clears what killed processes had not finished writing. The host's lock must be held.
    pub(crate) fn remove_drafts(&self) -> Result<()> {
        let networks = file::names(&self.base)?;
        let networks = networks.iter().map(|name| self.base.join(name));
        let dirs = networks
            .chain([self.shared()])
            .chain(self.definitions.clone());
        dirs.into_iter()
            .try_for_each(|dir| file::remove_drafts(&dir).map(drop))
    }

    /// The same for claims; those that are claimed only, oldest first. The network's lock must be held.
    pub(crate) fn remove_claim_drafts(&self, network: &NetworkName) -> Result<Vec<Claim>> {
        let left = file::remove_drafts(&self.claim_drafts(network))?;
        self.claims_named(network, State::Claimed, &left)
    }

    /// Where claims are drafted, whatever their state: the others have too many to look through.
    pub(crate) fn claim_drafts(&self, network: &NetworkName) -> PathBuf {
        self.dir(network).join(state_dir(State::Claimed))
    }

    /// The definition and everything about the network; its lock must be held.
    pub(crate) fn remove_network(&self, network: &NetworkName) -> Result<()> {
        file::remove(&self.definition_path(network))?;
        file::remove_tree(&self.dir(network))
    }

    /// When no network is left: everything. The host's lock must be held.
    pub(crate) fn remove_all(&self) -> Result<()> {
        let dying = self.dying()?.is_empty();
        if !dying || !file::names(&self.base)?.is_empty() {
            return Ok(());
        }
        self.remove_everything()
    }

    /// They stay while another namespace has records there.
    fn remove_parents(&self) {
        let run = self.base.parent().into_iter();
        for dir in run.chain(self.definitions.as_deref()) {
            let _ = std::fs::remove_dir(dir);
        }
    }

    fn claim_path(&self, network: &NetworkName, state: State, host_end: IfName) -> PathBuf {
        self.dir(network)
            .join(state_dir(state))
            .join(format!("{host_end}.json"))
    }

    pub(crate) fn claim(&self, key: &Key) -> Result<Option<Claim>> {
        self.claim_of(&key.network, key.host_end())
    }

    /// The same of an attachment that is complete.
    pub(crate) fn complete_claim(&self, key: &Key) -> Result<Option<Claim>> {
        self.claim_in(&key.network, State::Up, key.host_end())
    }

    pub(crate) fn claim_of(
        &self,
        network: &NetworkName,
        host_end: IfName,
    ) -> Result<Option<Claim>> {
        for state in [State::Up, State::Leaving, State::Claimed] {
            if let Some(claim) = self.claim_in(network, state, host_end)? {
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    /// All claims of a network that are not complete, or not any more.
    pub(crate) fn unfinished(&self, network: &NetworkName) -> Result<Vec<Claim>> {
        let mut all = self.claims_in(network, State::Leaving)?;
        all.extend(self.claims_in(network, State::Claimed)?);
        Ok(all)
    }

    pub(crate) fn claim_in(
        &self,
        network: &NetworkName,
        state: State,
        host_end: IfName,
    ) -> Result<Option<Claim>> {
        let path = self.claim_path(network, state, host_end);
        let what = format!("the claim of {host_end} ({})", path.display());
        file::read(&path)?
            .map(|bytes| Claim::read(&what, &bytes, state))
            .transpose()
    }

    /// All claims of a network in this state, oldest first.
    pub(crate) fn claims_in(&self, network: &NetworkName, state: State) -> Result<Vec<Claim>> {
        let names = file::names(&self.dir(network).join(state_dir(state)))?;
        self.claims_named(network, state, &names)
    }

    fn claims_named(
        &self,
        network: &NetworkName,
        state: State,
        names: &[String],
    ) -> Result<Vec<Claim>> {
        let ends = names.iter().filter_map(|name| host_end(name));
        let claims = ends.map(|end| self.claim_in(network, state, end));
        let mut claims = claims
            .filter_map(Result::transpose)
            .collect::<Result<Vec<_>>>()?;
        claims.sort_by_key(|claim| claim.attachment.since);
        Ok(claims)
    }

    /// All claims of a network.
    pub(crate) fn claims(&self, network: &NetworkName) -> Result<Vec<Claim>> {
        let mut all = Vec::new();
        for state in [State::Leaving, State::Claimed, State::Up] {
            all.extend(self.claims_in(network, state)?);
        }
        all.sort_by_key(|claim| claim.attachment.since);
        Ok(all)
    }

    /// All claims of a network that can be read.
    pub(crate) fn readable_claims(&self, network: &NetworkName) -> Result<Vec<Claim>> {
        let mut all = Vec::new();
        for state in [State::Leaving, State::Claimed, State::Up] {
            for name in self.claim_names(network, state)? {
                match self.claim_in(network, state, name) {
                    Err(err) if err.is_damaged() => {}
                    claim => all.extend(claim?),
                }
            }
        }
        all.sort_by_key(|claim| claim.attachment.since);
        Ok(all)
    }

    /// The state is the directory, so its change is one rename.
    pub(crate) fn write_claim(&self, claim: &Claim) -> Result<()> {
        let of = &claim.attachment;
        file::write(
            &self.claim_path(&of.key.network, State::Claimed, of.host_end),
            &claim.write()?,
        )
    }

    /// Replaces the claim of an attachment that is up.
    pub(crate) fn rewrite_claim(&self, claim: &Claim) -> Result<()> {
        let of = &claim.attachment;
        let path = self.claim_path(&of.key.network, State::Up, of.host_end);
        file::write_in(&self.claim_drafts(&of.key.network), &path, &claim.write()?)
    }

    pub(crate) fn move_claim(
        &self,
        network: &NetworkName,
        host_end: IfName,
        from: State,
        to: State,
    ) -> Result<()> {
        let (old, new) = (
            self.claim_path(network, from, host_end),
            self.claim_path(network, to, host_end),
        );
        let moved = std::fs::rename(&old, &new);
        moved.map_err(|err| {
            Error::file(
                format!("rename {} to {}", old.display(), new.display()),
                err,
            )
        })
    }

    pub(crate) fn remove_claim(&self, network: &NetworkName, host_end: IfName) -> Result<()> {
        for state in [State::Up, State::Leaving, State::Claimed] {
            file::remove(&self.claim_path(network, state, host_end))?;
        }
        Ok(())
    }

    /// Removes the claims of a network that cannot be read. Those of a newer format stay.
    pub(crate) fn remove_damaged(&self, network: &NetworkName) -> Result<()> {
        for state in [State::Up, State::Leaving, State::Claimed] {
            for name in self.claim_names(network, state)? {
                match self.claim_in(network, state, name) {
                    Err(err) if err.is_damaged() => {
                        file::remove(&self.claim_path(network, state, name))?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn claim_names(&self, network: &NetworkName, state: State) -> Result<Vec<IfName>> {
        let names = file::names(&self.dir(network).join(state_dir(state)))?;
        Ok(names.iter().filter_map(|name| host_end(name)).collect())
    }

    /// Whether there is anything noted about a network.
    pub(crate) fn knows(&self, network: &NetworkName) -> Result<bool> {
        file::has_dir(&self.dir(network))
    }

    pub(crate) fn opened(&self) -> Result<Opened> {
        let path = self.shared().join("opened.json");
        let what = format!("what was switched on ({})", path.display());
        let bytes = file::read(&path)?;
        bytes.map_or_else(
            || Ok(Opened::default()),
            |bytes| Opened::read(&what, &bytes),
        )
    }

    pub(crate) fn write_opened(&self, opened: &Opened) -> Result<()> {
        let path = self.shared().join("opened.json");
        match *opened == Opened::default() {
            true => file::remove(&path),
            false => file::write(&path, &opened.write()?),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::path::Path;

    pub(crate) fn store(dir: &Path, boot: &str) -> Store {
        Store {
            base: dir.join("run/7"),
            definitions: None,
            boot: boot.into(),
            here: 7,
            lock_timeout: Duration::from_millis(50),
        }
    }

    #[test]
    fn records_of_an_earlier_boot_are_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let blue: NetworkName = "blue".parse().unwrap();
        let old = store(dir.path(), "old");
        drop((old.lock_host().unwrap(), old.lock_network(&blue).unwrap()));
        old.reserve_address(&blue, "10.0.0.2".parse().unwrap(), "vtpa".parse().unwrap())
            .unwrap();
        let new = store(dir.path(), "new");
        assert!(old.is_alive().unwrap() && !new.is_alive().unwrap());
        drop(new.lock_host().unwrap());
        assert_eq!(
            new.holder(&blue, "10.0.0.2".parse().unwrap()).unwrap(),
            None
        );
        assert!(new.is_alive().unwrap());
    }

    #[test]
    fn the_last_one_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let blue: NetworkName = "blue".parse().unwrap();
        let store = store(dir.path(), "b");
        let host = store.lock_host().unwrap();
        let network = store.lock_network(&blue).unwrap();
        store.set_last_given(&blue, "10.0.0.2".parse().unwrap());
        assert_eq!(
            store.last_given(&blue, false),
            Some("10.0.0.2".parse().unwrap())
        );
        store.remove_all().unwrap();
        assert!(store.base.exists(), "a network is there");
        store.remove_network(&blue).unwrap();
        store.remove_all().unwrap();
        assert!(!dir.path().join("run").exists());
        drop((host, network));
    }
}
