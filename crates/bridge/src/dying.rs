//! The notes of links that were put aside and are not deleted yet.

use crate::error::Result;
use crate::file;
use crate::lock;
use crate::settle::Dying;
use crate::store::Store;
use core_netlink::IfIndex;
use std::path::PathBuf;

impl Store {
    /// Notes a link that is put aside. Whoever holds the lock on the note is at it; `None` if somebody else is.
    pub(crate) fn note_dying(&self, index: IfIndex) -> Result<Option<Dying>> {
        file::need_dir(&self.shared().join("dying"))?;
        let note = self.dying_path(index);
        let lock = lock::try_take(&note, &format!("link {index}, which is put aside"))?;
        Ok(lock.map(|lock| Dying { index, note, lock }))
    }

    pub(crate) fn dying_path(&self, index: IfIndex) -> PathBuf {
        file::at(&self.shared().join("dying"), index)
    }

    /// The links that were put aside.
    pub(crate) fn dying(&self) -> Result<Vec<IfIndex>> {
        let names = file::names(&self.shared().join("dying"))?;
        let indexes = names.iter().filter_map(|name| name.parse().ok());
        Ok(indexes.map(IfIndex).collect())
    }

    /// Everything, if no network is left: the last one may have been removed while links of its attachments were still being deleted.
    pub(crate) fn remove_last(&self) -> Result<()> {
        if !self.is_begun()? || !self.network_names()?.is_empty() {
            return Ok(());
        }
        let _host = self.lock_host()?;
        self.remove_all()
    }
}
