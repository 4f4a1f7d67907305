//! Which attachments have their ports changed right now. Written first and removed last: whoever comes after a kill finds it.
//!
//! ```text
//! RUN/<cookie>/NETWORK/changing/HOSTEND.json          a claim with the ports that come or go
//! ```

use crate::error::Result;
use crate::file;
use crate::name::NetworkName;
use crate::record::Claim;
use crate::spec::State;
use crate::store::Store;
use core_netlink::IfName;
use std::path::PathBuf;

impl Store {
    fn changing(&self, network: &NetworkName) -> PathBuf {
        self.dir(network).join("changing")
    }

    /// Notes that the ports of `touched` come or go. The network's lock must be held.
    pub(crate) fn note_change(&self, touched: &Claim) -> Result<()> {
        let of = &touched.attachment;
        let dir = self.changing(&of.key.network);
        file::make_dir(&dir)?;
        let name = format!("{}.json", of.host_end);
        let drafts = self.claim_drafts(&of.key.network);
        file::write_in(&drafts, &dir.join(name), &touched.write()?)
    }

    /// What was noted and not finished. A note that cannot be read says nothing, and goes.
    pub(crate) fn changes(&self, network: &NetworkName) -> Result<Vec<Claim>> {
        let dir = self.changing(network);
        let mut all = Vec::new();
        for name in file::names(&dir)? {
            let path = dir.join(name);
            let what = format!("the change of ports in {}", path.display());
            let Some(bytes) = file::read(&path)? else {
                continue;
            };
            match Claim::read(&what, &bytes, State::Up) {
                Err(err) if err.is_damaged() => file::remove(&path)?,
                claim => all.push(claim?),
            }
        }
        Ok(all)
    }

    pub(crate) fn forget_change(&self, network: &NetworkName, host_end: IfName) -> Result<()> {
        let dir = self.changing(network);
        file::remove(&dir.join(format!("{host_end}.json")))?;
        let _ = std::fs::remove_dir(&dir); // stays while others change
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::claim;
    use crate::store::tests::store;

    #[test]
    fn a_change_is_found_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), "b");
        let touched = claim();
        let (network, end) = (&touched.attachment.key.network, touched.attachment.host_end);
        assert_eq!(store.changes(network).unwrap(), []);
        let _lock = store.lock_network(network).unwrap();
        store.note_change(&touched).unwrap();
        assert_eq!(
            store.changes(network).unwrap(),
            std::slice::from_ref(&touched)
        );
        file::write(&store.changing(network).join("vtpx.json"), b"{").unwrap();
        assert_eq!(
            store.changes(network).unwrap().len(),
            1,
            "the torn one goes"
        );
        store.forget_change(network, end).unwrap();
        assert!(!store.changing(network).exists());
        store.forget_change(network, end).unwrap();
    }
}
