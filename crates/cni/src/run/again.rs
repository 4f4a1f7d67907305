//! ADD of what was attached before.

use super::cache::Kept;
use super::{Attachment, Run, is_gone};
use crate::error::{Code, Error, Result};
use crate::list::NetworkList;
use crate::result::AddResult;
use crate::version::Version;

impl Run<'_> {
    /// The result of the same ADD if it still holds. What else is left of an earlier one is taken away, unless it lives: nobody who asks
    /// for something else takes a container's network away.
    pub(super) fn again(
        &mut self,
        list: &NetworkList,
        attachment: &Attachment,
    ) -> Result<Option<AddResult>> {
        // A file that cannot be read is written anew.
        let Some(kept) = self.cache.read(&list.name, &attachment.key).ok().flatten() else {
            return Ok(None);
        };
        let of = &kept.attachment;
        let lives = of.netns.as_ref().is_some_and(|path| !is_gone(path));
        let is_same = is_same(&kept, list, attachment);
        if lives && !is_same {
            return Err(is_there(list, of));
        }
        let may_check = list.version >= Version::V040 && !list.disable_check;
        if let Some(result) = kept.result.filter(|_| lives && may_check)
            && self.check_all(list, attachment, &result).is_ok()
        {
            return Ok(Some(result));
        }
        self.del(list, attachment).map(|()| None)
    }
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
