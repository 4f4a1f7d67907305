//! Names for numbers: the files of /etc/iproute2 (tables, protocols, scopes, groups) over built-in names.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

/// The places of such files; the first is the administrator's.
const PLACES: [&str; 2] = ["/etc/iproute2", "/usr/share/iproute2"];

/// One file of names.
#[derive(Debug)]
pub(crate) struct NameFile {
    file: &'static str,
    built_in: &'static [(u32, &'static str)],
    names: OnceCell<Vec<(u32, String)>>,
}

/// All of them; each is read when it is first needed.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) tables: NameFile,
    pub(crate) protocols: NameFile,
    pub(crate) scopes: NameFile,
    pub(crate) groups: NameFile,
    pub(crate) realms: NameFile,
    pub(crate) tos: NameFile,
}

impl Default for Names {
    fn default() -> Self {
        let file = |file, built_in| NameFile {
            file,
            built_in,
            names: OnceCell::new(),
        };
        Names {
            tables: file(
                "rt_tables",
                &[(253, "default"), (254, "main"), (255, "local")],
            ),
            protocols: file("rt_protos", PROTOCOLS),
            scopes: file(
                "rt_scopes",
                &[
                    (0, "global"),
                    (200, "site"),
                    (253, "link"),
                    (254, "host"),
                    (255, "nowhere"),
                ],
            ),
            groups: file("group", &[(0, "default")]),
            realms: file("rt_realms", &[(0, "cosmos")]),
            tos: file("rt_dsfield", &[]),
        }
    }
}

#[rustfmt::skip]
const PROTOCOLS: &[(u32, &str)] = &[
    (0, "unspec"), (1, "redirect"), (2, "kernel"), (3, "boot"), (4, "static"), (8, "gated"), (9, "ra"), (10, "mrt"),
    (11, "zebra"), (12, "bird"), (13, "dnrouted"), (14, "xorp"), (15, "ntk"), (16, "dhcp"), (18, "keepalived"),
    (42, "babel"), (186, "bgp"), (187, "isis"), (188, "ospf"), (189, "rip"), (192, "eigrp"),
];

impl NameFile {
    /// The name of a number, or the number itself.
    pub(crate) fn name(&self, number: u32) -> String {
        self.find(number).unwrap_or_else(|| number.to_string())
    }

    /// The name of a number, if it has one.
    pub(crate) fn find(&self, number: u32) -> Option<String> {
        self.names()
            .iter()
            .rev()
            .find(|(n, _)| *n == number)
            .map(|(_, name)| name.clone())
    }

    /// The number of a name; a number in digits stands for itself.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        let named = self.names().iter().rev().find(|(_, known)| known == name);
        named
            .map(|(number, _)| *number)
            .or_else(|| crate::value::number(name))
    }

    fn names(&self) -> &[(u32, String)] {
        self.names.get_or_init(|| {
            let mut names: Vec<_> = self
                .built_in
                .iter()
                .map(|(number, name)| (*number, (*name).to_owned()))
                .collect();
            for file in files(self.file) {
                names.extend(parse(&fs::read_to_string(file).unwrap_or_default()));
            }
            names
        })
    }
}

/// The file itself and what is in its `.d` directory, in order of name.
fn files(name: &str) -> Vec<PathBuf> {
    let Some(place) = PLACES
        .iter()
        .map(Path::new)
        .find(|place| place.join(name).exists())
    else {
        return Vec::new();
    };
    let extra = fs::read_dir(place.join(format!("{name}.d")))
        .into_iter()
        .flatten()
        .flatten();
    let mut files: Vec<_> = extra
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "conf"))
        .collect();
    files.sort();
    files.insert(0, place.join(name));
    files
}

/// "NUMBER NAME" on each line; `#` begins a comment. What cannot be read is passed over.
fn parse(text: &str) -> Vec<(u32, String)> {
    let line = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (number, name) = (words.next()?, words.next()?);
        Some((crate::value::number(number)?, name.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_numbers_and_names() {
        let text = "# reserved\n255\tlocal\n0x10 blue # mine\n\n  7   red\nbroken\n";
        let want = [(255, "local"), (16, "blue"), (7, "red")];
        assert_eq!(parse(text), want.map(|(n, name)| (n, name.to_owned())));
    }

    #[test]
    fn what_has_no_name_is_its_number() {
        let names = Names::default();
        assert_eq!(
            (names.tables.name(254), names.tables.name(77)),
            ("main".into(), "77".into())
        );
        assert_eq!(
            (names.tables.number("local"), names.tables.number("0x20")),
            (Some(255), Some(32))
        );
        assert_eq!(
            (
                names.tables.number("nope"),
                names.protocols.number("static")
            ),
            (None, Some(4))
        );
    }
}
