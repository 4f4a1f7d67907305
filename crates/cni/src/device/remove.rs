//! DEL and GC: what carries our mark goes, wherever it is; nothing that is gone already is missed.

use super::host;
use super::lower;
use super::mark::{Mark, Was};
use super::place::key;
use super::record::Record;
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::inside::{Inside, kernel};
use crate::plugin::Input;
use crate::session::{Session, failed, network_name};
use bridge::{Key, Note};
use core_netlink::link::{Link, LinkFilter};
use core_netlink::{Conn, IfIndex, Protocol};
use ns_mgmt::NetNs;
use std::path::Path;

/// What a removal is about.
struct Leaving<'a> {
    key: &'a Key,
    /// The kind that an interface without a mark has to be of, made by the reference plugin before this one took its place. `None` for a
    /// device of the host, which that marks with the name it had.
    kind: Option<&'a str>,
    record: Option<Record>,
}

/// Takes an interface away and gives its addresses back. Neither the namespace nor the rest of the configuration need be as they were.
pub(crate) fn del(
    session: &mut Session,
    input: &Input<'_>,
    attachment: &AttachmentKey,
    netns: Option<&Path>,
    kind: Option<&str>,
) -> Result<()> {
    let key = key(&input.conf.name, attachment)?;
    let note = session.host()?.notes("cni").lock(&key).map_err(failed)?;
    let record = read(&note)?;
    let leaving = Leaving {
        key: &key,
        kind,
        record,
    };
    leaving.everywhere(netns)?;
    input.ipam_for_removal()?.del(&attachment.lease())?;
    note.forget().map_err(failed)
}

/// Takes away the interfaces of a network that are not among the valid ones, as far as it is known where they are.
pub(crate) fn collect(
    session: &mut Session,
    input: &Input<'_>,
    valid: &[AttachmentKey],
) -> Result<()> {
    let network = network_name(&input.conf.name)?;
    let notes = session.host()?.notes("cni");
    let all = notes.of_network(&network).map_err(failed)?;
    let all = all.iter().filter_map(|bytes| Record::read(bytes));
    let mut left = Vec::new();
    for of in all.filter(|record| !valid.contains(&record.key)) {
        let key = key(&input.conf.name, &of.key)?;
        let gone = notes
            .lock(&key)
            .map_err(failed)
            .and_then(|note| one(&key, &note));
        left.extend(gone.err().map(|err| err.msg));
    }
    let leases: Vec<_> = valid.iter().map(AttachmentKey::lease).collect();
    left.extend(
        input
            .ipam_for_removal()?
            .gc(&leases)
            .err()
            .map(|err| err.msg),
    );
    match left.is_empty() {
        true => Ok(()),
        false => Err(Error::new(Code::Failed, left.join("; "))),
    }
}

fn one(key: &Key, note: &Note) -> Result<()> {
    let record = read(note)?; // it may have gone before it was locked
    let kind = record.as_ref().and_then(|record| record.kind.clone());
    let leaving = Leaving {
        key,
        kind: kind.as_deref(),
        record,
    };
    leaving.everywhere(None)?;
    note.forget().map_err(failed)
}

fn read(note: &Note) -> Result<Option<Record>> {
    let bytes = note.read().map_err(failed)?;
    Ok(bytes.and_then(|bytes| Record::read(&bytes)))
}

impl Leaving<'_> {
    /// In the namespace that is named, in the one that is noted, and a device also where the kernel puts it when a namespace ends.
    fn everywhere(&self, netns: Option<&Path>) -> Result<()> {
        let named = netns.and_then(|path| NetNs::open_path(path).ok());
        let noted = self.record.as_ref().and_then(Record::namespace);
        let noted = noted.filter(|noted| named.as_ref() != Some(noted));
        let named = named.map(|netns| (netns, true)).into_iter();
        for (netns, is_named) in named.chain(noted.map(|netns| (netns, false))) {
            if !netns.is_current().unwrap_or(true) {
                self.inside(netns, is_named)?;
            }
        }
        match self.kind {
            None => self.come_home(),
            Some(_) => Ok(()),
        }
    }

    fn inside(&self, netns: NetNs, is_named: bool) -> Result<()> {
        let is_noted = self
            .record
            .as_ref()
            .is_some_and(|record| netns.cookie().ok() == Some(record.cookie));
        let record = self.record.as_ref().filter(|_| is_noted);
        let conn = netns.conn(Protocol::Route);
        let conn = conn.map_err(|err| Error::new(Code::Failed, format!("{err:?}")))?;
        let mut inside = Inside { netns, conn };
        for link in links(&mut inside.conn)? {
            match (record, self.kind) {
                (
                    Some(Record {
                        was: Some(was),
                        link: Some(index),
                        ..
                    }),
                    None,
                ) => {
                    // Whoever is inside can write any mark on any link, but give no number to another that has one.
                    let meant = link.index.0 == *index;
                    meant
                        .then(|| host::move_out(&mut inside, &link, was))
                        .transpose()?;
                }
                (record, None) => self.give_back(&mut inside, &link, record, is_named)?,
                (_, Some(kind)) if self.is_made(&link, kind, record, is_named) => {
                    delete(&mut inside.conn, link.index)?
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Ours by its mark or its number; or without a mark, by its name and kind: what an ADD left that was ended early, or the reference
    /// plugin made.
    fn is_made(&self, link: &Link, kind: &str, record: Option<&Record>, is_named: bool) -> bool {
        let is_kind = link.kind_name() == Some(kind);
        let unfinished = record.is_some_and(|record| !record.is_done());
        let named = link.name == self.key.ifname && (is_named || unfinished);
        let temporary = link.name == self.key.host_end();
        match mark(link) {
            Some(mark) => mark.key == *self.key,
            None if record.is_some_and(|record| record.link == Some(link.index.0)) => is_kind,
            None => is_kind && link.alias.is_none() && (named || temporary),
        }
    }

    /// A device of which no number is noted: the mark says what it was, or the reference plugin's alias.
    fn give_back(
        &self,
        inside: &mut Inside,
        link: &Link,
        record: Option<&Record>,
        is_named: bool,
    ) -> Result<()> {
        let noted = record.and_then(|record| record.was.clone());
        let was = match mark(link) {
            Some(mark) if mark.key == *self.key => noted.or(mark.was),
            None if is_named && link.name == self.key.ifname => {
                link.alias.as_deref().and_then(Was::by_reference)
            }
            _ => None,
        };
        match was {
            Some(was) => host::move_out(inside, link, &was),
            None => Ok(()),
        }
    }

    /// Hardware outlives its namespace: the kernel puts it back where it began, under the name it has.
    fn come_home(&self) -> Result<()> {
        let mut here = lower::open()?;
        for link in links(&mut here)? {
            if let Some(mark) = mark(&link).filter(|mark| mark.key == *self.key) {
                let noted = self.record.as_ref().and_then(|record| record.was.clone());
                if let Some(was) = noted.or(mark.was) {
                    host::restore(&mut here, &link, &was)?;
                }
            }
        }
        Ok(())
    }
}

fn mark(link: &Link) -> Option<Mark> {
    link.alias.as_deref().and_then(Mark::read)
}

fn links(conn: &mut Conn) -> Result<Vec<Link>> {
    let found = conn.links(&LinkFilter::default());
    found.map_err(|err| kernel("list the interfaces", &err))
}

/// One that is gone already counts as deleted.
pub(super) fn delete(conn: &mut Conn, index: IfIndex) -> Result<()> {
    match conn.delete_link(index) {
        Err(err) if !err.is_not_found() => Err(kernel("delete the interface", &err)),
        _ => Ok(()),
    }
}
