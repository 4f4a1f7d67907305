//! Results of ADD on disk, in the files that libcni writes and reads: another runtime finds what we attached, and we what it did.

use super::Attachment;
use crate::args::Args;
use crate::attachment::AttachmentKey;
use crate::error::{Code, Error, Result};
use crate::json::{self, Document};
use crate::list::{CapabilityArgs, NetworkList};
use crate::result::{AddResult, Written};
use crate::version::Version;
use data_encoding::BASE64;
use nix::libc;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const KIND: &str = "cniCacheV1";
const DRAFT: &str = ".draft";
const LONGEST_NAME: usize = 255; // of a file, on every file system there is

/// The directory of the files.
#[derive(Debug)]
pub(super) struct Cache {
    directory: PathBuf,
}

/// What a file says.
#[derive(Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) attachment: Attachment,
    /// The network; a file of the time before `cniCacheV1` does not say it.
    pub(super) network: Option<String>,
    /// The list that was run, if it can be read here.
    pub(super) list: Option<NetworkList>,
    pub(super) result: Option<AddResult>,
    /// The namespace that was attached, if we did it.
    pub(super) life: Option<Life>,
}

impl Kept {
    /// The path of the namespace; from the result where it is written nowhere else, as by the libcni of containerd 1.6
    /// and Podman 4.
    pub(super) fn netns(&self) -> Option<&Path> {
        let result = || {
            let mut interfaces = self.result.iter().flat_map(|result| &result.interfaces);
            let ifname = self.attachment.key.ifname.to_string();
            interfaces.find(|of| of.name == ifname && !of.sandbox.is_empty())
        };
        let netns = self.attachment.netns.as_deref();
        netns.or_else(|| result().map(|of| Path::new(&of.sandbox)))
    }
}

/// A namespace as no other is called, ever: another runtime does not look at this key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Life {
    /// The boot of the machine.
    pub(super) boot: String,
    /// The namespace's cookie, unique until the next boot.
    pub(super) cookie: u64,
}

/// All files of a network.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) kept: Vec<Kept>,
    /// Files that may be of the network and cannot be read.
    pub(super) damaged: Vec<PathBuf>,
}

/// The keys, as libcni has them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    kind: String,
    container_id: String,
    #[serde(default)]
    config: String,
    if_name: String,
    network_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    netns: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cni_args: Vec<[String; 2]>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    capability_args: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vetch: Option<Life>,
}

impl Cache {
    pub(super) fn new(base: &Path) -> Cache {
        Cache {
            directory: base.join("results"),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn name(network: &str, key: &AttachmentKey) -> String {
        format!("{network}-{}-{}", key.container_id, key.ifname)
    }

    fn path(&self, network: &str, key: &AttachmentKey) -> PathBuf {
        self.directory.join(Cache::name(network, key))
    }

    /// Makes sure that what an ADD answers can be kept, before there is anything to keep.
    pub(super) fn prepare(&self, network: &str, key: &AttachmentKey) -> Result<()> {
        let name = Cache::name(network, key);
        if name.len() + 1 + DRAFT.len() > LONGEST_NAME {
            let why = format!("{name:?} is too long for the name of a file");
            return Err(Error::new(Code::InvalidConfig, why));
        }
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory);
        made.map_err(|err| io_error("make directory", &self.directory, &err))?;
        self.check().map(drop)
    }

    /// Whether the directory is there; an error if others may write to it.
    fn check(&self) -> Result<bool> {
        let refused = |why: String| {
            let path = self.directory.display();
            Error::new(Code::Io, format!("cannot use {path}: {why}"))
        };
        let found = match fs::symlink_metadata(&self.directory) {
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(false),
            found => found.map_err(|err| io_error("use", &self.directory, &err))?,
        };
        let us = nix::unistd::geteuid().as_raw();
        match (found.is_dir(), found.uid(), found.mode() & 0o022) {
            (false, ..) => Err(refused("it is no directory".to_owned())),
            (_, owner, _) if owner != us && owner != 0 => {
                Err(refused(format!("it belongs to user {owner}")))
            }
            (_, _, 0) => Ok(true),
            _ => Err(refused(format!(
                "others may write to it (mode {:o})",
                found.mode() & 0o7777
            ))),
        }
    }

    /// What is kept of an attachment.
    pub(super) fn read(&self, network: &str, key: &AttachmentKey) -> Result<Option<Kept>> {
        if !self.check()? {
            return Ok(None);
        }
        let path = self.path(network, key);
        let Some(text) = read(&path)? else {
            return Ok(None);
        };
        let kept = parse(&text, Some(key)).map_err(|err| err.in_file(&path))?;
        if kept.attachment.key != *key || kept.network.as_ref().is_some_and(|of| of != network) {
            let why = "it is of another attachment than its name says";
            return Err(Error::new(Code::InvalidConfig, why).in_file(&path));
        }
        Ok(Some(kept))
    }

    /// What is kept of a network; `None` if there is no directory.
    pub(super) fn of_network(&self, network: &str) -> Result<Option<Found>> {
        if !self.check()? {
            return Ok(None);
        }
        let fail = |err| io_error("list", &self.directory, &err);
        let mut found = Found::default();
        for entry in fs::read_dir(&self.directory).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') {
                continue; // somebody writes it, or was killed writing it
            }
            match read(&path).and_then(|text| parse(&text.unwrap_or_default(), None)) {
                Ok(kept) if kept.network.as_deref() == Some(network) => found.kept.push(kept),
                Ok(_) => {}
                Err(_) if !name.starts_with(&format!("{network}-")) => {}
                Err(_) if !path.exists() => {} // gone since the directory was listed
                Err(_) => found.damaged.push(path),
            }
        }
        found
            .kept
            .sort_by(|a, b| a.attachment.key.cmp(&b.attachment.key));
        Ok(Some(found))
    }

    /// Keeps what an ADD answered.
    pub(super) fn write(
        &self,
        list: &NetworkList,
        attachment: &Attachment,
        result: &AddResult,
        life: Option<&Life>,
    ) -> Result<()> {
        let netns = attachment.netns.as_ref();
        let file = File {
            kind: KIND.to_owned(),
            container_id: attachment.key.container_id.to_string(),
            config: BASE64.encode(list.to_json().as_bytes()),
            if_name: attachment.key.ifname.to_string(),
            network_name: list.name.clone(),
            netns: netns.map_or_else(String::new, |path| path.display().to_string()),
            cni_args: attachment.args.all(),
            capability_args: attachment.capabilities.keys().clone(),
            result: Some(json::to_value(&Written::new(result, list.version))),
            vetch: life.cloned(),
        };
        let text = json::to_value(&file).to_string();
        let path = self.path(&list.name, &attachment.key);
        if text.len() > json::LONGEST {
            let why = "list and result together are more than 1 MiB";
            return Err(Error::new(Code::InvalidConfig, why).in_file(&path));
        }
        let draft = Cache::name(&list.name, &attachment.key);
        let draft = self.directory.join(format!(".{draft}{DRAFT}"));
        let written = replace(&draft, &path, text.as_bytes());
        written.map_err(|err| io_error("write", &path, &err))
    }

    /// One that is not there counts as removed.
    pub(super) fn remove(&self, network: &str, key: &AttachmentKey) -> Result<()> {
        let path = self.path(network, key);
        match fs::remove_file(&path) {
            Err(err) if err.kind() != ErrorKind::NotFound => Err(io_error("remove", &path, &err)),
            _ => Ok(()),
        }
    }
}

fn io_error(what: &str, path: &Path, why: &io::Error) -> Error {
    Error::new(Code::Io, format!("cannot {what} {}: {why}", path.display()))
}

/// What a file holds; `None` if it is not there. Links are not followed, and a fifo does not block.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let fail = |err| io_error("read", path, &err);
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(fail)?,
    };
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(Error::new(Code::Io, "it is no file").in_file(path));
    }
    let mut text = Vec::new();
    let most = json::LONGEST as u64 + 1;
    file.take(most).read_to_end(&mut text).map_err(fail)?;
    Ok(Some(text))
}

/// Whoever reads finds the old or the new, never a part.
fn replace(draft: &Path, path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let open = || options.open(draft);
    let file = match open() {
        // Only one that was killed leaves it.
        Err(err) if err.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(draft).and_then(|()| open())
        }
        file => file,
    };
    let written = file.and_then(|mut file| file.write_all(text));
    let renamed = written.and_then(|()| fs::rename(draft, path));
    renamed.inspect_err(|_| drop(fs::remove_file(draft)))
}

/// Before `cniCacheV1` a file was the result alone; whose it is only its name said, `otherwise`.
fn parse(text: &[u8], otherwise: Option<&AttachmentKey>) -> Result<Kept> {
    let document = Document::parse(text)?;
    if let (None, Some(key)) = (document.get("kind"), otherwise) {
        return Ok(Kept {
            attachment: Attachment::new(key.clone()),
            network: None,
            list: None,
            result: Some(AddResult::parse(text)?),
            life: None,
        });
    }
    let file: File = document.keys()?;
    if file.kind != KIND {
        let why = format!("{:?} is not {KIND:?}", file.kind);
        return Err(Error::invalid("kind", why));
    }
    let ifname = file.if_name.parse();
    let list = list(&file.config);
    let version = list.as_ref().map_or(Version::LATEST, |list| list.version);
    let result = file.result.filter(|result| !result.is_null());
    let result = result.map(|result| AddResult::parse_in(result.to_string().as_bytes(), version));
    Ok(Kept {
        attachment: Attachment {
            netns: (!file.netns.is_empty()).then(|| file.netns.into()),
            args: Args::of(&file.cni_args),
            capabilities: CapabilityArgs::of(file.capability_args),
            ..Attachment::new(AttachmentKey {
                container_id: file.container_id.parse()?,
                ifname: ifname.map_err(|why| Error::invalid("ifName", why))?,
            })
        },
        network: Some(file.network_name),
        list,
        result: result.transpose()?,
        life: file.vetch,
    })
}

/// The list that was run. One whose plugins lay in files of their own is not whole and of no use.
fn list(config: &str) -> Option<NetworkList> {
    let text = BASE64.decode(config.as_bytes()).ok()?;
    let list = NetworkList::parse(&text).or_else(|_| NetworkList::parse_single(&text));
    list.ok().filter(|list| !list.plugins.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn key(container: &str) -> AttachmentKey {
        AttachmentKey {
            container_id: container.parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        }
    }

    fn blue() -> NetworkList {
        let text = br#"{"cniVersion": "1.0.0", "name": "blue", "plugins": [{"type": "bridge", "bridge": "cni0"}, {"type": "tuning"}]}"#;
        NetworkList::parse(text).unwrap()
    }

    fn result() -> AddResult {
        let text = br#"{"cniVersion": "1.0.0", "ips": [{"address": "10.1.0.2/24"}]}"#;
        AddResult::parse(text).unwrap()
    }

    fn web() -> Attachment {
        Attachment {
            netns: Some("/run/netns/web".into()),
            args: "IgnoreUnknown=1;K8S_POD_NAME=web".parse().unwrap(),
            capabilities: CapabilityArgs::parse(br#"{"mac": "02:00:00:00:00:01"}"#).unwrap(),
            ..Attachment::new(key("web"))
        }
    }

    fn cache() -> (tempfile::TempDir, Cache) {
        let base = tempfile::tempdir().unwrap();
        let cache = Cache::new(base.path());
        cache.prepare("blue", &key("web")).unwrap();
        (base, cache)
    }

    /// As libcni 1.2 writes it, its keys in the order of its struct; `config` is
    /// `{"cniVersion":"1.0.0","name":"blue","plugins":[{"type":"bridge"}]}`.
    const LIBCNI: &str = r#"{"kind":"cniCacheV1","containerId":"web","config":"eyJjbmlWZXJzaW9uIjoiMS4wLjAiLCJuYW1lIjoiYmx1ZSIsInBsdWdpbnMiOlt7InR5cGUiOiJicmlkZ2UifV19","ifName":"eth0","networkName":"blue","netns":"/var/run/netns/web","cniArgs":[["IgnoreUnknown","1"],["K8S_POD_NAME","web"]],"capabilityArgs":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]},"result":{"cniVersion":"1.0.0","dns":{},"interfaces":[{"mac":"02:00:00:00:00:01","name":"eth0","sandbox":"/var/run/netns/web"}],"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":0}]}}"#;

    #[test]
    fn a_file_of_libcni_is_read() {
        let (_base, cache) = cache();
        fs::write(cache.directory.join("blue-web-eth0"), LIBCNI).unwrap();
        let kept = cache.read("blue", &key("web")).unwrap().unwrap();
        let of = &kept.attachment;
        assert_eq!(of.netns.as_deref(), Some(Path::new("/var/run/netns/web")));
        assert_eq!(of.args.to_string(), "IgnoreUnknown=1;K8S_POD_NAME=web");
        assert!(of.capabilities.keys().contains_key("portMappings"));
        let list = kept.list.as_ref().unwrap();
        assert_eq!(
            (list.version, list.plugins[0].kind.as_str()),
            (Version::V100, "bridge")
        );
        let result = kept.result.as_ref().unwrap();
        assert_eq!(result.ips[0].gateway, "10.1.0.1".parse().ok());
        let found = cache.of_network("blue").unwrap().unwrap();
        assert_eq!((found.kept, found.damaged.len()), (vec![kept], 0));
        assert!(cache.of_network("b").unwrap().unwrap().kept.is_empty());
    }

    #[test]
    fn a_file_of_ours_has_the_keys_of_libcni_and_is_read_again() {
        let (_base, cache) = cache();
        cache.write(&blue(), &web(), &result(), None).unwrap();
        cache.write(&blue(), &web(), &result(), None).unwrap();
        let path = cache.directory.join("blue-web-eth0");
        let text: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let keys: Vec<_> = text.as_object().unwrap().keys().cloned().collect();
        let libcni: Value = serde_json::from_str(LIBCNI).unwrap();
        assert_eq!(
            keys,
            libcni
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        );
        assert_eq!(text["cniArgs"], libcni["cniArgs"]);
        let config = BASE64
            .decode(text["config"].as_str().unwrap().as_bytes())
            .unwrap();
        assert_eq!(String::from_utf8(config).unwrap(), blue().to_json());
        assert_eq!(text["result"]["cniVersion"], "1.0.0");
        let modes =
            [&path, &cache.directory].map(|path| fs::metadata(path).unwrap().mode() & 0o777);
        assert_eq!(modes, [0o600, 0o700]);

        let kept = cache.read("blue", &key("web")).unwrap().unwrap();
        assert_eq!((kept.attachment, kept.result), (web(), Some(result())));
        assert_eq!(kept.list.unwrap().to_json(), blue().to_json());
        let life = Some(Life {
            boot: "b".to_owned(),
            cookie: u64::MAX,
        });
        let written = cache.write(&blue(), &web(), &result(), life.as_ref());
        let read = cache.read("blue", &key("web")).unwrap().unwrap().life;
        assert_eq!((written, read), (Ok(()), life));
        cache.remove("blue", &key("web")).unwrap();
        cache.remove("blue", &key("web")).unwrap();
        assert_eq!(cache.read("blue", &key("web")).unwrap(), None);
        assert_eq!(fs::read_dir(&cache.directory).unwrap().count(), 0);
    }

    #[test]
    fn a_result_alone_is_what_old_runtimes_kept() {
        let (_base, cache) = cache();
        let text =
            r#"{"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "10.1.0.2/24"}]}"#;
        fs::write(cache.directory.join("blue-web-eth0"), text).unwrap();
        let kept = cache.read("blue", &key("web")).unwrap().unwrap();
        assert_eq!((kept.list, kept.result), (None, Some(result())));
        assert_eq!(cache.of_network("blue").unwrap().unwrap().damaged.len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_names_the_file() {
        let (_base, cache) = cache();
        let path = cache.directory.join("blue-web-eth0");
        let other = LIBCNI.replace("\"containerId\":\"web\"", "\"containerId\":\"db\"");
        let kind = LIBCNI.replace("cniCacheV1", "cniCacheV2");
        for text in ["", "{", "[]", &LIBCNI[..200], &other, &kind] {
            fs::write(&path, text).unwrap();
            let error = cache.read("blue", &key("web")).unwrap_err();
            assert!(error.msg.contains("results/blue-web-eth0"), "{error}");
        }
        fs::remove_file(&path).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        assert!(cache.read("blue", &key("web")).is_err());
        assert_eq!(cache.of_network("blue").unwrap().unwrap().damaged, [path]);
        assert!(cache.of_network("blu").unwrap().unwrap().damaged.is_empty());
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let (_base, cache) = cache();
        fs::set_permissions(&cache.directory, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(cache.prepare("blue", &key("web")).is_err());
        assert!(cache.read("blue", &key("web")).is_err() && cache.of_network("blue").is_err());
        let nowhere = Cache::new(Path::new("/nowhere"));
        assert_eq!(nowhere.read("blue", &key("web")).unwrap(), None);
        assert!(nowhere.of_network("blue").unwrap().is_none());
        let long = cache.prepare(&"n".repeat(245), &key("web")).unwrap_err();
        assert!(long.msg.contains("too long"), "{long}");
    }
}
