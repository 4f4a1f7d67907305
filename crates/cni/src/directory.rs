//! The directory of networks: which file comes first, and which one defines a network.

use crate::error::{Code, Error, Result};
use crate::json;
use crate::list::NetworkList;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The files of a directory that define networks, in lexical order of their names: `*.conflist`, `*.conf` and `*.json`.
///
/// A runtime that looks for no certain network takes the first. A directory that is not there has none; code 5 if it cannot be read.
pub fn network_files(directory: &Path) -> Result<Vec<PathBuf>> {
    with_extension(directory, &["conflist", "conf", "json"])
}

impl NetworkList {
    /// Reads a file of at most 1 MiB; a list is followed by the plugins in the directory that lies beside it and has the name of the
    /// network, unless it says otherwise.
    ///
    /// Errors as those of [`NetworkList::parse`], and code 5; each names the file.
    pub fn load(file: &Path) -> Result<NetworkList> {
        let text = read(file)?;
        if !is_list(file) {
            return NetworkList::parse_single(&text).map_err(|err| err.in_file(file));
        }
        let mut list = NetworkList::parse(&text).map_err(|err| err.in_file(file))?;
        if !list.load_only_inlined {
            let more = file.with_file_name(&list.name);
            for file in with_extension(&more, &["conf"])? {
                let appended = list.append_plugin(&read(&file)?);
                appended.map_err(|err| err.in_file(&file))?;
            }
        }
        if list.plugins.is_empty() {
            let why = "`plugins` is missing, and no directory of that name has any";
            return Err(Error::new(Code::InvalidConfig, why).in_file(file));
        }
        Ok(list)
    }

    /// The network of this name: the first list of the directory that has it, else the first configuration of one plugin.
    ///
    /// A file that cannot be read is an error even if another has the name: it may be the one that is meant. Code 7 if there is none.
    pub fn find(directory: &Path, name: &str) -> Result<NetworkList> {
        let (lists, singles): (Vec<PathBuf>, Vec<PathBuf>) = network_files(directory)?
            .into_iter()
            .partition(|file| is_list(file));
        for file in lists.iter().chain(&singles) {
            let list = NetworkList::load(file)?;
            if list.name == name {
                return Ok(list);
            }
        }
        let why = format!(
            "{}: no file defines a network {name:?}",
            directory.display()
        );
        Err(Error::new(Code::InvalidConfig, why))
    }
}

fn is_list(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "conflist")
}

/// The files of a directory that end in one of these, sorted.
fn with_extension(directory: &Path, ends: &[&str]) -> Result<Vec<PathBuf>> {
    let failed =
        |err: io::Error| Error::new(Code::Io, format!("cannot read it: {err}")).in_file(directory);
    let entries = match fs::read_dir(directory) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(failed)?.path();
        let end = file.extension().and_then(|end| end.to_str());
        if end.is_some_and(|end| ends.contains(&end)) && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// The text of a file, and one byte more than is read of it if there is more.
fn read(file: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let most = json::LONGEST as u64 + 1;
    let read = File::open(file).and_then(|open| open.take(most).read_to_end(&mut text));
    read.map_err(|err| Error::new(Code::Io, format!("cannot read it: {err}")).in_file(file))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn directory(files: &[(&str, &str)]) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = directory.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        directory
    }

    fn list(name: &str, kind: &str) -> String {
        format!(r#"{{"cniVersion": "1.0.0", "name": "{name}", "plugins": [{{"type": "{kind}"}}]}}"#)
    }

    fn single(name: &str, kind: &str) -> String {
        format!(r#"{{"cniVersion": "0.4.0", "name": "{name}", "type": "{kind}"}}"#)
    }

    fn kinds(list: &NetworkList) -> Vec<&str> {
        list.plugins
            .iter()
            .map(|plugin| plugin.kind.as_str())
            .collect()
    }

    #[test]
    fn files_come_in_lexical_order_and_others_not_at_all() {
        let names = [
            "20-b.conf",
            "10-a.json",
            "10-a.conflist",
            "9.conf",
            "x.txt",
            "c.conf.d/x",
            "conf",
            "d.conf/x",
        ];
        let directory = directory(&names.map(|name| (name, "")));
        let files = network_files(directory.path()).unwrap();
        let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap()).collect();
        assert_eq!(names, ["10-a.conflist", "10-a.json", "20-b.conf", "9.conf"]);
        assert_eq!(network_files(Path::new("/nowhere")), Ok(Vec::new()));
    }

    #[test]
    fn a_list_wins_over_a_single_plugin_and_the_first_over_the_second() {
        let directory = directory(&[
            ("00.conf", &single("a", "single")),
            ("10.json", &single("b", "first")),
            ("20.json", &single("b", "second")),
            ("30.conflist", &list("a", "first")),
            ("40.conflist", &list("a", "second")),
        ]);
        let find = |name| NetworkList::find(directory.path(), name);
        assert_eq!(kinds(&find("a").unwrap()), ["first"]);
        assert_eq!(kinds(&find("b").unwrap()), ["first"]);
        let error = find("c").unwrap_err();
        assert_eq!(error.code, Code::InvalidConfig);
        assert!(
            error.msg.ends_with("no file defines a network \"c\""),
            "{error}"
        );
    }

    #[test]
    fn plugins_of_the_directory_follow_those_of_the_list() {
        let only = r#"{"cniVersion": "1.1.0", "name": "c", "loadOnlyInlinedPlugins": true, "plugins": [{"type": "x"}]}"#;
        let directory = directory(&[
            ("a.conflist", &list("a", "bridge")),
            ("a/20.conf", r#"{"type": "firewall"}"#),
            ("a/10.conf", r#"{"name": "a", "type": "portmap"}"#),
            ("a/30.json", "not read"),
            ("b.conflist", r#"{"cniVersion": "1.1.0", "name": "b"}"#),
            ("b/1.conf", r#"{"type": "ptp"}"#),
            ("c.conflist", only),
            ("c/1.conf", "not read"),
        ]);
        let load = |name: &str| NetworkList::load(&directory.path().join(name)).unwrap();
        assert_eq!(
            kinds(&load("a.conflist")),
            ["bridge", "portmap", "firewall"]
        );
        assert_eq!(kinds(&load("b.conflist")), ["ptp"]);
        assert_eq!(kinds(&load("c.conflist")), ["x"]);
    }

    #[test]
    fn what_is_wrong_names_file_and_key() {
        let long = format!("{{\"name\": \"{}\"}}", "a".repeat(json::LONGEST));
        let directory = directory(&[
            ("a.conflist", r#"{"cniVersion": "1.1.0", "name": "a"}"#),
            ("b.conflist", &list("b", "bridge")),
            ("b/1.conf", r#"{"name": "c", "type": "portmap"}"#),
            ("c.conflist", &list("c", "bridge")),
            ("c/1.conf", r#"{"type": "../x"}"#),
            ("d.conf", &list("d", "bridge")),
            ("e.json", &long),
        ]);
        for (file, named, code, part) in [
            (
                "a.conflist",
                "a.conflist",
                Code::InvalidConfig,
                "`plugins` is missing",
            ),
            (
                "b.conflist",
                "b/1.conf",
                Code::InvalidConfig,
                "`name`: \"c\", but the network is \"b\"",
            ),
            ("c.conflist", "c/1.conf", Code::InvalidConfig, "`type`"),
            ("d.conf", "d.conf", Code::InvalidConfig, "`type` is missing"),
            ("e.json", "e.json", Code::Decoding, "more than 1 MiB"),
            ("f.json", "f.json", Code::Io, "cannot read it"),
        ] {
            let error = NetworkList::load(&directory.path().join(file)).unwrap_err();
            let begin = format!("{}: ", directory.path().join(named).display());
            assert_eq!(error.code, code, "{error}");
            assert!(
                error.msg.starts_with(&begin) && error.msg.contains(part),
                "{error}"
            );
        }
        assert!(
            NetworkList::find(directory.path(), "b").is_err(),
            "a.conflist may be meant"
        );
    }
}
