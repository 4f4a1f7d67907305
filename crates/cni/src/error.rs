//! The error object of the specification: a code, a sentence, details.

use crate::json::{Document, to_value};
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

const LONGEST: usize = 1000; // bytes of a message: what is wrong may be a megabyte

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as it is printed (CNI 1.1.0, "Error").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Which kind of error it is.
    pub code: Code,
    /// What was tried, and why it failed.
    pub msg: String,
    /// What to do next, and what could not be undone.
    pub details: String,
}

/// The codes of the specification, and one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "u32")]
#[non_exhaustive]
pub enum Code {
    /// The version of the configuration is not known here.
    IncompatibleVersion,
    /// A key or a value of the configuration cannot be done here.
    UnsupportedField,
    /// There is no such container: nothing has to be removed.
    UnknownContainer,
    /// An environment variable is missing or wrong.
    InvalidEnvironment,
    /// Reading or writing failed.
    Io,
    /// The text is not the JSON that it should be.
    Decoding,
    /// The configuration contradicts itself or cannot be meant.
    InvalidConfig,
    /// Somebody else is at it: the same call later may succeed.
    TryAgain,
    /// STATUS: an ADD would fail now.
    Unavailable,
    /// STATUS: an ADD would fail now, and containers that are there may have no network.
    LimitedConnectivity,
    /// The kernel or the host's state refused; from 100 on codes are a plugin's own.
    Failed,
    /// CHECK found differences.
    Differs,
    /// What another vendor's plugin said: one of its own from 100 on, or one that the specification does not have.
    Other(u32),
}

impl From<u32> for Code {
    /// From 100 on the same number means something else for each plugin, so that none of them is ours.
    fn from(number: u32) -> Code {
        match number {
            1 => Code::IncompatibleVersion,
            2 => Code::UnsupportedField,
            3 => Code::UnknownContainer,
            4 => Code::InvalidEnvironment,
            5 => Code::Io,
            6 => Code::Decoding,
            7 => Code::InvalidConfig,
            11 => Code::TryAgain,
            50 => Code::Unavailable,
            51 => Code::LimitedConnectivity,
            other => Code::Other(other),
        }
    }
}

impl From<Code> for u32 {
    fn from(code: Code) -> u32 {
        match code {
            Code::IncompatibleVersion => 1,
            Code::UnsupportedField => 2,
            Code::UnknownContainer => 3,
            Code::InvalidEnvironment => 4,
            Code::Io => 5,
            Code::Decoding => 6,
            Code::InvalidConfig => 7,
            Code::TryAgain => 11,
            Code::Unavailable => 50,
            Code::LimitedConnectivity => 51,
            Code::Failed => 100,
            Code::Differs => 101,
            Code::Other(number) => number,
        }
    }
}

impl Error {
    /// An error without details.
    pub fn new(code: Code, msg: impl Into<String>) -> Error {
        Error {
            code,
            msg: cut(msg.into()),
            details: String::new(),
        }
    }

    /// A key of the configuration with a value that cannot be meant.
    pub fn invalid(key: &str, why: impl fmt::Display) -> Error {
        Error::new(Code::InvalidConfig, format!("`{key}`: {why}"))
    }

    /// The same with what to do next.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Error {
        self.details = details.into();
        self
    }

    /// The object that a plugin prints when it fails (CNI 1.1.0, "Error"), in the version of the configuration.
    ///
    /// ```
    /// use cni::{Code, Error, Version};
    /// let error = Error::new(Code::TryAgain, "somebody else changes `blue`");
    /// assert_eq!(error.to_json(Version::V100), r#"{"cniVersion":"1.0.0","code":11,"msg":"somebody else changes `blue`"}"#);
    /// ```
    pub fn to_json(&self, version: Version) -> String {
        let written = Written {
            cni_version: version.as_str(),
            code: self.code,
            msg: &self.msg,
            details: &self.details,
        };
        to_value(&written).to_string()
    }

    /// The object that a plugin printed; `None` if the text is none.
    ///
    /// ```
    /// let error = cni::Error::parse(br#"{"cniVersion": "1.0.0", "code": 11, "msg": "busy"}"#);
    /// assert_eq!(error.map(|error| error.code), Some(cni::Code::TryAgain));
    /// ```
    pub fn parse(text: &[u8]) -> Option<Error> {
        let read: Read = Document::parse(text).and_then(|all| all.keys()).ok()?;
        let error = Error::new(read.code.into(), read.msg);
        Some(error.with_details(cut(read.details)))
    }

    /// The same with something more in the details.
    #[must_use]
    pub(crate) fn and(mut self, more: &str) -> Error {
        if !self.details.is_empty() && !more.is_empty() {
            self.details.push_str("; ");
        }
        self.details.push_str(more);
        self
    }

    /// The same, said of a file.
    #[must_use]
    pub(crate) fn in_file(mut self, file: &Path) -> Error {
        self.msg = cut(format!("{}: {}", file.display(), self.msg));
        self
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    cni_version: &'a str,
    code: Code,
    msg: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    details: &'a str,
}

#[derive(Deserialize)]
struct Read {
    code: u32,
    msg: String,
    #[serde(default)]
    details: String,
}

pub(crate) fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
        text.push_str(" ...");
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.msg)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_written_only_if_there_are_any() {
        let error = Error::invalid("mtu", "too \"large\"");
        let plain = r#"{"cniVersion":"0.4.0","code":7,"msg":"`mtu`: too \"large\""}"#;
        assert_eq!(error.to_json(Version::V040), plain);
        let json = error.with_details("at most 65535").to_json(Version::LATEST);
        assert!(json.ends_with(r#","details":"at most 65535"}"#), "{json}");
    }

    #[test]
    fn what_another_plugin_says_is_kept() {
        let text =
            br#"{"cniVersion": "1.0.0", "code": 999, "msg": "no room", "details": "in the attic"}"#;
        let error = Error::parse(text).unwrap();
        assert_eq!(error.code, Code::Other(999));
        let again = r#"{"cniVersion":"1.0.0","code":999,"msg":"no room","details":"in the attic"}"#;
        assert_eq!(error.to_json(Version::V100), again);
        for number in [1, 2, 3, 4, 5, 6, 7, 11, 50, 51, 0, 8, 100, 101, u32::MAX] {
            assert_eq!(u32::from(Code::from(number)), number);
        }
        assert_ne!(Code::from(101), Code::Differs, "only we mean that by it");
        for none in [
            "",
            "{}",
            "[]",
            r#"{"code": "1", "msg": "x"}"#,
            r#"{"code": 1}"#,
            "ouch",
        ] {
            assert_eq!(Error::parse(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn a_message_stays_readable_however_long_the_value_is() {
        let error = Error::invalid("name", "ä".repeat(1 << 20));
        assert!(error.msg.starts_with("`name`: ä") && error.msg.len() < 1010);
        let error = error.in_file(Path::new("/etc/cni/net.d/10-a.conflist"));
        assert!(
            error
                .msg
                .starts_with("/etc/cni/net.d/10-a.conflist: `name`")
        );
    }
}
