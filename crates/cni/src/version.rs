//! The versions of the specification.

use crate::error::{Code, Error, Result};
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
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Version> {
        let known = Version::ALL
            .into_iter()
            .find(|version| version.as_str() == text);
        known.ok_or_else(|| {
            let all = Version::ALL.map(Version::as_str).join(", ");
            let why = format!("`cniVersion`: {text:?} is not spoken here; known are {all}");
            Error::new(Code::IncompatibleVersion, why)
        })
    }
}
