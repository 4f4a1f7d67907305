//! What was there before: a file per attachment, in the form of the reference, so that either can put back what the other changed.
//!
//! What the reference does not keep lies in an object of its own, `vetch`, which it passes over.

use super::attribute::Attribute;
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use core_netlink::MacAddr;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const LONGEST: u64 = 1 << 20;
const O_NOFOLLOW: i32 = nix::libc::O_NOFOLLOW;

/// What was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Backup {
    /// Of the interface.
    pub(super) attributes: Vec<Attribute>,
    /// Only where we wrote it ourselves.
    pub(super) ours: Option<Ours>,
}

/// What the reference does not keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Ours {
    /// Of which network the attachment is.
    pub(super) network: String,
    /// The cookie of the namespace: in another one nothing of it was there.
    pub(super) netns: u64,
    /// Sysctls as paths, with their values; in the order in which they were set.
    pub(super) sysctl: Vec<(String, String)>,
}

/// The keys of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    #[serde(skip_serializing_if = "String::is_empty")]
    mac: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    promisc: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allmulti: Option<bool>,
    #[serde(rename = "txQLen", skip_serializing_if = "Option::is_none")]
    txqlen: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vetch: Option<Ours>,
}

impl Backup {
    fn parse(text: &[u8]) -> Option<Backup> {
        let written: Written = serde_json::from_slice(text).ok()?;
        let mac: Option<MacAddr> = written.mac.parse().ok();
        let attributes = [
            mac.map(Attribute::Mac),
            written.promisc.map(Attribute::Promisc),
            written.mtu.filter(|&mtu| mtu != 0).map(Attribute::Mtu),
            written.allmulti.map(Attribute::Allmulti),
            written.txqlen.map(Attribute::TxQLen),
        ];
        Some(Backup {
            attributes: attributes.into_iter().flatten().collect(),
            ours: written.vetch,
        })
    }

    fn to_text(&self) -> String {
        let mut written = Written {
            vetch: self.ours.clone(),
            ..Written::default()
        };
        for of in &self.attributes {
            match *of {
                Attribute::Mac(mac) => written.mac = mac.to_string(),
                Attribute::Promisc(on) => written.promisc = Some(on),
                Attribute::Mtu(mtu) => written.mtu = Some(mtu),
                Attribute::Allmulti(on) => written.allmulti = Some(on),
                Attribute::TxQLen(packets) => written.txqlen = Some(packets),
            }
        }
        crate::json::to_value(&written).to_string()
    }
}

/// The file of an attachment: `CONTAINERID_IFNAME.json`. Both are parts of a path by their syntax.
pub(super) fn file(dir: &Path, key: &AttachmentKey) -> PathBuf {
    dir.join(format!("{}_{}.json", key.container_id, key.ifname))
}

/// `None` if there is no such file, or it says nothing that can be read.
pub(super) fn read(file: &Path) -> Result<Option<Backup>> {
    let mut options = OpenOptions::new();
    let open = options
        .read(true)
        .custom_flags(O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(file);
    let mut text = Vec::new();
    match open.and_then(|open| open.take(LONGEST).read_to_end(&mut text)) {
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(failed("read it", file, &err)),
        Ok(_) => Ok(Backup::parse(&text)),
    }
}

/// Writes it whole, for nobody else to read.
pub(super) fn write(file: &Path, backup: &Backup) -> Result<()> {
    let dir = file.parent().unwrap_or(Path::new("/"));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|err| failed("make it", dir, &err))?;
    let draft = file.with_extension(format!("{}.draft", std::process::id()));
    let _ = fs::remove_file(&draft); // of a process that was killed
    let written = write_draft(&draft, backup).and_then(|()| fs::rename(&draft, file));
    written.map_err(|err| {
        let _ = fs::remove_file(&draft);
        failed("write it", file, &err)
    })
}

fn write_draft(draft: &Path, backup: &Backup) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    file.write_all(backup.to_text().as_bytes())
}

/// One that is not there counts as removed.
pub(super) fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(err) if err.kind() != ErrorKind::NotFound => Err(failed("remove it", file, &err)),
        _ => Ok(()),
    }
}

/// Those of a network whose attachments are not among the valid ones. Of a file of the reference nobody knows the network: it stays.
pub(super) fn stale(dir: &Path, network: &str, valid: &[AttachmentKey]) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|err| failed("list it", dir, &err))?,
    };
    let keep: Vec<PathBuf> = valid.iter().map(|key| file(dir, key)).collect();
    let mut stale = Vec::new();
    for entry in entries {
        let path = entry.map_err(|err| failed("list it", dir, &err))?.path();
        let is_file = path.extension().is_some_and(|end| end == "json");
        if is_file && !keep.contains(&path) {
            let ours = read(&path)?.and_then(|backup| backup.ours);
            stale.extend(ours.filter(|of| of.network == network).map(|_| path));
        }
    }
    Ok(stale)
}

fn failed(what: &str, path: &Path, err: &io::Error) -> Error {
    Error::new(Code::Io, format!("cannot {what}: {err}")).in_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> AttachmentKey {
        AttachmentKey {
            container_id: id.parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        }
    }

    fn full() -> Backup {
        Backup {
            attributes: vec![
                Attribute::Mac("02:00:00:00:00:01".parse().unwrap()),
                Attribute::Promisc(false),
                Attribute::Mtu(1500),
                Attribute::Allmulti(true),
                Attribute::TxQLen(0),
            ],
            ours: Some(Ours {
                network: "blue".to_owned(),
                netns: 7,
                sysctl: vec![("net/core/somaxconn".to_owned(), "4096".to_owned())],
            }),
        }
    }

    /// As version 1.1.1 of the reference writes it.
    #[test]
    fn a_file_of_the_reference_is_read() {
        let text = "{\n \"mac\": \"02:00:00:00:00:01\",\n \"promisc\": false,\n \"mtu\": 1500,\n \"allmulti\": true\n}";
        let read = Backup::parse(text.as_bytes()).unwrap();
        assert_eq!(read.attributes, full().attributes[..4]);
        assert_eq!(read.ours, None);
    }

    #[test]
    fn a_file_of_ours_has_the_keys_of_the_reference() {
        let text = full().to_text();
        let start = r#"{"mac":"02:00:00:00:00:01","promisc":false,"mtu":1500,"allmulti":true,"txQLen":0,"vetch":{"#;
        assert!(text.starts_with(start), "{text}");
        assert_eq!(Backup::parse(text.as_bytes()), Some(full()));
        assert_eq!(Backup::default().to_text(), "{}");
    }

    #[test]
    fn what_was_written_is_found_until_it_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir.path().join("a/b"), &key("c1"));
        assert!(file.ends_with("a/b/c1_eth0.json"));
        assert_eq!(read(&file), Ok(None));
        write(&file, &full()).unwrap();
        write(&file, &full()).unwrap();
        assert_eq!(read(&file), Ok(Some(full())));
        let there = fs::read_dir(file.parent().unwrap()).unwrap().count();
        assert_eq!(there, 1, "no draft stays");
        remove(&file).unwrap();
        remove(&file).unwrap();
        assert_eq!(read(&file), Ok(None));
    }

    #[test]
    fn a_torn_file_says_nothing_and_a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let torn = dir.path().join("torn.json");
        fs::write(&torn, "{\"mac\":").unwrap();
        assert_eq!(read(&torn), Ok(None));
        let link = dir.path().join("link.json");
        std::os::unix::fs::symlink(&torn, &link).unwrap();
        assert_eq!(read(&link).unwrap_err().code, Code::Io);
    }

    #[test]
    fn only_files_of_the_network_are_stale() {
        let dir = tempfile::tempdir().unwrap();
        let of = |network: &str| {
            let mut backup = full();
            backup.ours.as_mut().unwrap().network = network.to_owned();
            backup
        };
        for (id, backup) in [
            ("gone", of("blue")),
            ("there", of("blue")),
            ("other", of("red")),
            (
                "theirs",
                Backup {
                    ours: None,
                    ..full()
                },
            ),
        ] {
            write(&file(dir.path(), &key(id)), &backup).unwrap();
        }
        let found = stale(dir.path(), "blue", &[key("there")]).unwrap();
        assert_eq!(found, [file(dir.path(), &key("gone"))]);
        assert_eq!(stale(Path::new("/nowhere"), "blue", &[]), Ok(Vec::new()));
    }
}
