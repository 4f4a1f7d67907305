//! ADD of what was attached before.

use super::cache::{Kept, Life};
use super::{Attachment, Run, is_gone};
use crate::error::{Code, Error, Result};
use crate::list::NetworkList;
use crate::result::AddResult;
use crate::session;
use crate::version::Version;
use ns_mgmt::NetNs;
use std::path::Path;

/// Which namespace it is; `None` where the kernel does not say.
pub(super) fn life(netns: &NetNs) -> Option<Life> {
    Some(Life {
        boot: ns_mgmt::boot_id().ok()?,
        cookie: netns.cookie().ok()?,
    })
}

/// Whether a path leads to another namespace than the one that was attached: as that of a process does, once another has its number.
pub(super) fn is_another(kept: &Kept, path: &Path) -> bool {
    let now = || session::open(path).map(|netns| life(&netns));
    kept.life.is_some() && now().is_ok_and(|now| now != kept.life)
}

impl Run<'_> {
    /// The result of the same ADD if it still holds. What is left of one whose namespace ended is taken away; one that lives is left
    /// alone.
    pub(super) fn again(
        &mut self,
        list: &NetworkList,
        attachment: &Attachment,
        life: Option<&Life>,
    ) -> Result<Option<AddResult>> {
        // A file that cannot be read is written anew.
        let Some(kept) = self.cache.read(&list.name, &attachment.key).ok().flatten() else {
            return Ok(None);
        };
        if !lives(&kept, attachment, life) {
            return self.del(list, attachment).map(|()| None);
        }
        if !is_same(&kept, list, attachment) {
            return Err(is_there(list, &kept.attachment));
        }
        let result = kept.result.unwrap_or_default();
        if list.version >= Version::V040 && !list.disable_check {
            let checked = self.check_all(list, attachment, &result);
            checked.map_err(|err| err.and("it is attached already; DEL takes it away"))?;
        }
        Ok(Some(result))
    }
}

/// Whether the namespace that was attached is there still. At the same path there may be another by now, as after a boot; where nobody
/// wrote down which one it was, it is taken for the same.
fn lives(kept: &Kept, attachment: &Attachment, life: Option<&Life>) -> bool {
    let before = kept.attachment.netns.as_ref();
    let is_other = kept.life.is_some() && kept.life.as_ref() != life;
    let is_here = before == attachment.netns.as_ref();
    before.is_some_and(|path| !is_gone(path)) && !(is_here && is_other)
}

fn is_same(kept: &Kept, list: &NetworkList, attachment: &Attachment) -> bool {
    let before = kept.list.as_ref().map(NetworkList::to_json);
    kept.attachment == *attachment && before == Some(list.to_json())
}

fn is_there(list: &NetworkList, of: &Attachment) -> Error {
    let netns = of.netns.as_deref().unwrap_or("".as_ref()).display();
    let why = format!(
        "{}/{} is attached to `{}` already, with another namespace ({netns}), list or arguments",
        of.key.container_id, of.key.ifname, list.name
    );
    Error::new(Code::InvalidConfig, why).with_details("DEL takes it away")
}
