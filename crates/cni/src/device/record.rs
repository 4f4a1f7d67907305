//! The note about one interface: where it is, for whoever is not told its namespace, and what a device was before.

use super::mark::Was;
use crate::attachment::AttachmentKey;
use crate::json;
use ns_mgmt::NetNs;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const VERSION: u32 = 1;

/// What is noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Of the format: one that is newer is not guessed at.
    version: u32,
    #[serde(flatten)]
    pub(super) key: AttachmentKey,
    /// The kind of the link; of a device of the host it does not matter.
    pub(super) kind: Option<String>,
    /// The namespace as the runtime named it.
    netns: PathBuf,
    /// Which one that was: another may have the path by now.
    pub(super) cookie: u64,
    /// The number of the link there, once the ADD came to its end; before that, what has the name and no mark is what it left.
    pub(super) link: Option<u32>,
    pub(super) was: Option<Was>,
}

impl Record {
    pub(super) fn new(
        key: AttachmentKey,
        kind: Option<&str>,
        netns: PathBuf,
        cookie: u64,
    ) -> Record {
        Record {
            version: VERSION,
            key,
            kind: kind.map(str::to_owned),
            netns,
            cookie,
            link: None,
            was: None,
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        json::to_value(self).to_string().into_bytes()
    }

    /// `None` for what is torn, or of a format that is not known here.
    pub(super) fn read(bytes: &[u8]) -> Option<Record> {
        let record: Record = serde_json::from_slice(bytes).ok()?;
        (record.version == VERSION).then_some(record)
    }

    /// Whether the ADD came to its end.
    pub(super) fn is_done(&self) -> bool {
        self.link.is_some()
    }

    /// The namespace, if its path still means the one that is noted.
    pub(super) fn namespace(&self) -> Option<NetNs> {
        let found = NetNs::open_path(&self.netns).ok()?;
        (found.cookie().ok()? == self.cookie).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let key = AttachmentKey {
            container_id: "web".parse().unwrap(),
            ifname: "net1".parse().unwrap(),
        };
        Record {
            was: Some(Was {
                name: "eth7".to_owned(),
                up: true,
                alias: "to the rack".to_owned(),
                mac: Some("02:00:00:00:00:01".to_owned()),
                mtu: Some(1500),
            }),
            link: Some(2),
            ..Record::new(key, Some("macvlan"), "/run/netns/web".into(), 7)
        }
    }

    #[test]
    fn a_record_is_read_back() {
        let written = record().write();
        let text = String::from_utf8(written.clone()).unwrap();
        assert!(
            text.starts_with(r#"{"version":1,"containerID":"web","ifname":"net1","#),
            "{text}"
        );
        assert_eq!(Record::read(&written), Some(record()));
    }

    #[test]
    fn what_is_torn_or_newer_says_nothing() {
        let written = record().write();
        for end in 0..written.len() {
            assert_eq!(Record::read(&written[..end]), None, "{end}");
        }
        let newer = String::from_utf8(written)
            .unwrap()
            .replace(r#""version":1"#, r#""version":2"#);
        assert_eq!(Record::read(newer.as_bytes()), None);
    }

    #[test]
    fn a_path_that_means_another_namespace_means_none() {
        let here = NetNs::open_path("/proc/self/ns/net").unwrap();
        let mut record = record();
        record.netns = "/proc/self/ns/net".into();
        assert!(record.namespace().is_none(), "7 is no cookie of ours");
        record.cookie = here.cookie().unwrap();
        assert_eq!(record.namespace(), Some(here));
        record.netns = "/nowhere".into();
        assert!(record.namespace().is_none());
    }
}
