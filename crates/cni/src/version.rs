//! The versions of the specification.

use crate::error::{Code, Error, Result};
use serde_json::json;
use std::fmt;
use std::str::FromStr;

/// A version of the specification that is spoken here, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 0.3.0: the rich result, chained plugins.
    V030,
    /// 0.3.1: the same.
    V031,
    /// 0.4.0: CHECK, and the earlier result with DEL.
    V040,
    /// 1.0.0: lists only; addresses no longer say their family.
    V100,
    /// 1.1.0: GC and STATUS; more of interfaces and routes.
    V110,
}

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Version; 5] = [
        Version::V030,
        Version::V031,
        Version::V040,
        Version::V100,
        Version::V110,
    ];
    /// What we speak where nothing else is asked for.
    pub const LATEST: Version = Version::V110;

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V030 => "0.3.0",
            Version::V031 => "0.3.1",
            Version::V040 => "0.4.0",
            Version::V100 => "1.0.0",
            Version::V110 => "1.1.0",
        }
    }

    /// What VERSION prints (CNI 1.1.0, "VERSION"): the version that was asked in, and all that are spoken here.
    pub fn answer(self) -> String {
        let all = Version::ALL.map(Version::as_str);
        json!({ "cniVersion": self.as_str(), "supportedVersions": all }).to_string()
    }

    /// The version that a key holds; a text without the key is of 0.1.0.
    pub(crate) fn of_key(key: &str, text: Option<&str>) -> Result<Version> {
        let all = || Version::ALL.map(Version::as_str).join(", ");
        let refused = |why: String| {
            let why = format!("`{key}`{why}; known are {}", all());
            Error::new(Code::IncompatibleVersion, why)
        };
        let Some(text) = text else {
            return Err(refused(" is missing, which means 0.1.0".to_owned()));
        };
        let mut known = Version::ALL.into_iter();
        let found = known.find(|version| version.as_str() == text);
        found.ok_or_else(|| refused(format!(": {:?} is not spoken here", shortened(text))))
    }
}

/// A version is a few bytes: more of it would only push out what is known.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Version> {
        Version::of_key("cniVersion", Some(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_written() {
        for version in Version::ALL {
            assert_eq!(version.to_string().parse(), Ok(version));
        }
        assert!(Version::V040 < Version::V100 && Version::LATEST == Version::V110);
    }

    #[test]
    fn a_version_that_is_not_spoken_names_those_that_are() {
        for text in [
            "",
            "0.2.0",
            "1.1",
            "1.1.0 ",
            "v1.1.0",
            "2.0.0",
            &"9".repeat(9999),
        ] {
            let error = text.parse::<Version>().unwrap_err();
            assert_eq!(error.code, Code::IncompatibleVersion);
            assert!(error.msg.starts_with("`cniVersion`: "), "{error}");
            assert!(
                error
                    .msg
                    .ends_with("known are 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"),
                "{error}"
            );
        }
        let missing = Version::of_key("prevResult.cniVersion", None).unwrap_err();
        assert!(
            missing
                .msg
                .starts_with("`prevResult.cniVersion` is missing, which means 0.1.0")
        );
    }

    #[test]
    fn the_answer_to_version_lists_all() {
        let answer = r#"{"cniVersion":"1.0.0","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}"#;
        assert_eq!(Version::V100.answer(), answer);
    }
}
