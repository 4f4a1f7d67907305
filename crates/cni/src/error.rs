//! The error object of the specification: a code, a sentence, details.

use serde::Serialize;
use std::fmt;

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
        }
    }
}

impl Error {
    /// An error without details.
    pub fn new(code: Code, msg: impl Into<String>) -> Error {
        Error {
            code,
            msg: msg.into(),
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
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.msg)
    }
}

impl std::error::Error for Error {}
