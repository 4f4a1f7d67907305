//! GC: what nobody means any more is taken away.

use super::again::is_another;
use super::cache::{Found, Kept};
use super::chain::Chain;
use super::{Attachment, Run, first, is_gone};
use crate::attachment::AttachmentKey;
use crate::env::Command;
use crate::error::{Code, Error, Result};
use crate::list::NetworkList;
use crate::plugin::Ahead;
use crate::session::{failed, network_name};
use crate::version::Version;
use bridge::State;

impl Run<'_> {
    /// GC: DEL of each attachment that is kept and not valid, then, from version 1.1.0 on, GC of each plugin with those that are valid.
    ///
    /// Without `valid` those are valid whose namespace is there, or may be: attachments that are kept, and those in the records of our
    /// own plugins, which another runtime may have made (one whose namespace is just ending is spared until the next GC). What is not
    /// known cannot be spared; so that is refused, before anything is changed, where nothing was ever kept (code 4), and where a file
    /// that may be of the network cannot be read.
    ///
    /// Nothing if the list says that it must not be called. Everything is tried: the first error is the answer, with the others in its
    /// details.
    pub fn gc(&mut self, list: &NetworkList, valid: Option<&[AttachmentKey]>) -> Result<()> {
        if list.disable_gc {
            return Ok(());
        }
        let found = self.cache.of_network(&list.name)?;
        let mut chain = Chain::new(self.runtime, list, None);
        let computed = match valid {
            Some(valid) => valid.to_vec(),
            None => self.living(&chain, found.as_ref())?,
        };
        let mut left = self.del_stale(list, &found.unwrap_or_default(), &computed);
        if list.version >= Version::V110 {
            chain.valid = Some(&computed);
            for (at, link) in chain.links.iter().enumerate() {
                if let Err(err) = self.step(&chain, at, &Command::Gc, None, &Ahead::default()) {
                    left.push((link.label(), err));
                }
            }
        }
        first(left).map_or(Ok(()), Err)
    }

    fn del_stale(
        &mut self,
        list: &NetworkList,
        found: &Found,
        valid: &[AttachmentKey],
    ) -> Vec<(String, Error)> {
        let mut left = Vec::new();
        let attachments = found.kept.iter().map(|kept| &kept.attachment);
        for of in attachments.filter(|of| !valid.contains(&of.key)) {
            // Where it is, if it still is, DEL finds in what is kept.
            let nowhere = Attachment {
                netns: None,
                ..of.clone()
            };
            if let Err(err) = self.del(list, &nowhere) {
                let (container, ifname) = (&of.key.container_id, of.key.ifname);
                let msg = format!("DEL of {container}/{ifname}: {}", err.msg);
                left.push((String::new(), Error { msg, ..err }));
            }
        }
        left
    }

    /// The attachments whose namespace is there, or may be.
    fn living(&mut self, chain: &Chain<'_>, found: Option<&Found>) -> Result<Vec<AttachmentKey>> {
        let place = self.cache.directory().display();
        let Some(found) = found else {
            let why = format!("GC: no valid attachments are given, and there is no {place}");
            return Err(Error::new(Code::InvalidEnvironment, why));
        };
        if let Some(damaged) = found.damaged.first() {
            let why = "it cannot be read, so that nobody knows whether its attachment is valid";
            let hint = "remove the file, or say which attachments are valid";
            let error = Error::new(Code::InvalidConfig, why).in_file(damaged);
            return Err(error.with_details(hint));
        }
        let has_ended = |kept: &Kept| {
            let netns = kept.netns();
            netns.is_some_and(|path| is_gone(path) || is_another(kept, path))
        };
        let kept = found.kept.iter().filter(|kept| !has_ended(kept));
        let mut living: Vec<_> = kept.map(|kept| kept.attachment.key.clone()).collect();
        if chain.has_own() {
            living.extend(self.recorded(&chain.list.name)?);
        }
        living.sort();
        living.dedup();
        Ok(living)
    }

    /// Those of the records.
    fn recorded(&mut self, network: &str) -> Result<Vec<AttachmentKey>> {
        let network = network_name(network)?;
        let found = match self.session.host()?.attachments(Some(&network)) {
            Err(err) if err.is_not_found() => return Ok(Vec::new()),
            found => found.map_err(failed)?,
        };
        let lives = |of: &&bridge::Attachment| !matches!(of.state, State::Gone | State::Stale);
        let ours = found.iter().filter(|of| of.key.id.front() == "cni");
        let keys = ours.filter(lives).map(|of| {
            Ok(AttachmentKey {
                container_id: of.key.id.name().parse()?,
                ifname: of.key.ifname,
            })
        });
        keys.collect()
    }
}
