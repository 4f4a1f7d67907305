//! The options before the object: `-n NS -j -p -4 -6 -d -s -br -o` and the rest.

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::page::Form;

/// Which address family was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Inet,
    Inet6,
    Link,
    Bridge,
}

/// The options, as given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) family: Option<Family>,
    pub(crate) netns: Option<String>,
    pub(crate) json: bool,
    pub(crate) pretty: bool,
    pub(crate) oneline: bool,
    pub(crate) brief: bool,
    pub(crate) details: bool,
    pub(crate) statistics: u8,
    pub(crate) human: bool,
    pub(crate) iec: bool,
    pub(crate) numeric: bool,
    pub(crate) all: bool,
    pub(crate) compress: bool,
    pub(crate) version: bool,
    pub(crate) help: bool,
    /// Say why, even where nobody looks on.
    pub(crate) explain: bool,
}

/// In the order in which the original compares: the first that begins with what was given is meant.
const NAMES: [&str; 28] = [
    "loops",
    "family",
    "4",
    "6",
    "0",
    "M",
    "B",
    "human-readable",
    "iec",
    "statistics",
    "details",
    "resolve",
    "oneline",
    "timestamp",
    "tshort",
    "Version",
    "force",
    "batch",
    "brief",
    "json",
    "rcvbuf",
    "color",
    "help",
    "netns",
    "Numeric",
    "all",
    "echo",
    "pretty",
];

impl Options {
    /// Reads options up to the first word that is none.
    pub(crate) fn read(args: &mut Args<'_>) -> Done<Options> {
        let mut options = Options::default();
        while let Some(word) = args
            .peek()?
            .filter(|word| word.len() > 1 && word.starts_with('-'))
        {
            args.skip();
            if word == "--" {
                break;
            }
            options.take(word, args)?;
        }
        Ok(options)
    }

    fn take(&mut self, word: &str, args: &mut Args<'_>) -> Done {
        let given = word.strip_prefix("--").unwrap_or(&word[1..]);
        let plain = given.split('=').next().unwrap_or(given);
        let meant = NAMES
            .iter()
            .find(|name| !plain.is_empty() && name.starts_with(plain));
        match (given, meant.copied()) {
            ("compressvlans", _) => self.compress = true,
            ("explain", _) => self.explain = true,
            ("stats", _) => self.statistics += 1,
            (_, Some("family")) => self.family = family(args.value("-family")?)?,
            (_, Some("4")) => self.family = Some(Family::Inet),
            (_, Some("6")) => self.family = Some(Family::Inet6),
            (_, Some("0")) => self.family = Some(Family::Link),
            (_, Some("B")) => self.family = Some(Family::Bridge),
            (_, Some("human-readable")) => self.human = true,
            (_, Some("iec")) => self.iec = true,
            (_, Some("statistics")) => self.statistics = self.statistics.saturating_add(1),
            (_, Some("details")) => self.details = true,
            (_, Some("oneline")) => self.oneline = true,
            (_, Some("Version")) => self.version = true,
            (_, Some("brief")) => self.brief = true,
            (_, Some("json")) => self.json = true,
            (_, Some("help")) => self.help = true,
            (_, Some("netns")) => self.netns = Some(args.value("-netns")?.to_owned()),
            (_, Some("Numeric")) => self.numeric = true,
            (_, Some("all")) => self.all = true,
            (_, Some("pretty")) => self.pretty = true,
            (_, Some("color" | "resolve" | "timestamp" | "tshort" | "force" | "echo")) => {}
            (_, Some("loops" | "rcvbuf")) => drop(args.value(word)?),
            _ => return Err(unknown(word)),
        }
        Ok(())
    }

    /// These on top of those that came earlier.
    pub(crate) fn over(self, earlier: Options) -> Options {
        Options {
            family: self.family.or(earlier.family),
            netns: self.netns.or(earlier.netns),
            json: self.json || earlier.json,
            pretty: self.pretty || earlier.pretty,
            oneline: self.oneline || earlier.oneline,
            brief: self.brief || earlier.brief,
            details: self.details || earlier.details,
            statistics: self.statistics.max(earlier.statistics),
            human: self.human || earlier.human,
            iec: self.iec || earlier.iec,
            numeric: self.numeric || earlier.numeric,
            all: self.all || earlier.all,
            compress: self.compress || earlier.compress,
            version: self.version || earlier.version,
            help: self.help || earlier.help,
            explain: self.explain || earlier.explain,
        }
    }

    /// How to write records.
    pub(crate) fn form(&self) -> Form {
        Form {
            json: self.json,
            pretty: self.pretty,
            oneline: self.oneline,
        }
    }
}

fn family(name: &str) -> Done<Option<Family>> {
    match name {
        "inet" => Ok(Some(Family::Inet)),
        "inet6" => Ok(Some(Family::Inet6)),
        "link" => Ok(Some(Family::Link)),
        "bridge" => Ok(Some(Family::Bridge)),
        other => Err(Fault::wrong("family", other, "invalid protocol family")
            .hint("inet, inet6, link or bridge")),
    }
}

fn unknown(word: &str) -> Fault {
    let original = format!("Option \"{word}\" is unknown, try \"ip -help\".");
    Fault::new(
        255,
        original,
        format!("option `{word}` is unknown"),
        "it is none of ours",
    )
    .hint("-n NS, -j, -p, -4, -6, -d, -s, -br, -o come before the object")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn read(words: &str) -> Done<Options> {
        let words: Vec<OsString> = words.split(' ').map(Into::into).collect();
        Options::read(&mut Args::new(&words))
    }

    #[test]
    fn short_forms_mean_what_the_original_takes_them_for() {
        let options = read("-s -s -d -br -j -p -n red -6 -o -c=never link")
            .ok()
            .unwrap();
        assert_eq!(
            (options.statistics, options.details, options.brief),
            (2, true, true)
        );
        assert_eq!(
            (options.netns.as_deref(), options.family),
            (Some("red"), Some(Family::Inet6))
        );
        assert!(options.json && options.pretty && options.oneline);
        assert!(
            read("--json link").ok().unwrap().json
                && read("-f inet6 addr").ok().unwrap().family == Some(Family::Inet6)
        );
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(read("-foo link").is_err() && read("-n").is_err() && read("-f ipx").is_err());
    }
}
