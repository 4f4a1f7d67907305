//! One error type: what was tried, why it failed, what to do next.

use std::{fmt, io};

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Something that failed.
///
/// `Display` says what was tried; [`source`](std::error::Error::source) says why, and is printed once, by whoever talks to a person.
/// Branch on the predicates, never on the text.
pub struct Error(Box<Inner>);

struct Inner {
    op: String,
    cause: Cause,
    hint: Option<String>,
    exit_code: u8,
}

/// Why it failed.
enum Cause {
    /// A system call failed.
    System(io::Error),
    /// What was asked for is not there, or not what it should be.
    Missing(String),
    /// The name is taken.
    Exists(String),
    /// The input was refused before anything was done.
    Invalid(String),
    /// The kernel refused a netlink request.
    Netlink(core_netlink::Error),
}

impl Error {
    fn new(op: impl Into<String>, cause: Cause) -> Self {
        Error(Box::new(Inner {
            op: op.into(),
            cause,
            hint: None,
            exit_code: 125,
        }))
    }

    pub(crate) fn system(op: impl Into<String>, err: impl Into<io::Error>) -> Self {
        Error::new(op, Cause::System(err.into()))
    }

    pub(crate) fn missing(op: impl Into<String>, why: impl Into<String>) -> Self {
        Error::new(op, Cause::Missing(why.into()))
    }

    pub(crate) fn exists(op: impl Into<String>, why: impl Into<String>) -> Self {
        Error::new(op, Cause::Exists(why.into()))
    }

    pub(crate) fn invalid(op: impl Into<String>, why: impl Into<String>) -> Self {
        Error::new(op, Cause::Invalid(why.into()))
    }

    pub(crate) fn netlink(op: impl Into<String>, err: core_netlink::Error) -> Self {
        Error::new(op, Cause::Netlink(err))
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn with_exit_code(mut self, code: u8) -> Self {
        self.0.exit_code = code;
        self
    }

    /// What was tried: "open network namespace `blue`".
    pub fn op(&self) -> &str {
        &self.0.op
    }

    /// What to do next, where there is something.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The exit code a launcher ends with: 127 if the program was not found, 126 if it cannot be executed, 125 for all else.
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code
    }

    /// The error number, where the kernel gave one.
    pub fn errno(&self) -> Option<i32> {
        match &self.0.cause {
            Cause::System(err) => err.raw_os_error(),
            Cause::Netlink(err) => err.errno(),
            _ => None,
        }
    }

    fn has(&self, errnos: &[i32]) -> bool {
        self.errno().is_some_and(|errno| errnos.contains(&errno))
    }

    /// It is not there.
    pub fn is_not_found(&self) -> bool {
        use nix::libc::{ENOENT, ESRCH};
        matches!(self.0.cause, Cause::Missing(_)) || self.has(&[ENOENT, ESRCH])
    }

    /// The name is taken.
    pub fn is_exists(&self) -> bool {
        matches!(self.0.cause, Cause::Exists(_)) || self.has(&[nix::libc::EEXIST])
    }

    /// The privilege is missing (EPERM, EACCES).
    pub fn is_permission(&self) -> bool {
        self.has(&[nix::libc::EPERM, nix::libc::EACCES])
    }

    /// The input was refused before anything was done.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.cause, Cause::Invalid(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.0.op)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}: {}", self.0.cause)?;
        match &self.0.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Netlink(err) => Some(err),
            cause => Some(cause),
        }
    }
}

impl std::error::Error for Cause {}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::System(err) => match err.raw_os_error() {
                Some(errno) => f.write_str(nix::errno::Errno::from_raw(errno).desc()),
                None => err.fmt(f),
            },
            Cause::Missing(why) | Cause::Exists(why) | Cause::Invalid(why) => f.write_str(why),
            Cause::Netlink(err) => write!(f, "{err:?}"),
        }
    }
}
