//! One error type: what was tried, where, what the kernel said.

use crate::attr::Malformed;
use crate::missing::missing_kind;
use std::{fmt, io};

/// The result of every request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A request that failed.
///
/// `Display` says what was tried; [`source`](std::error::Error::source) says why, and is printed once, by whoever talks to a person.
/// Branch on the predicates, never on the text: the kernel often says nothing but a number.
pub struct Error(Box<Inner>);

struct Inner {
    op: String,
    namespace: Option<String>,
    hint: Option<String>,
    cause: Cause,
}

/// Why it failed.
#[derive(Debug)]
pub(crate) enum Cause {
    /// The kernel answered with an error number, perhaps with words.
    Kernel(KernelError),
    /// A system call on the socket failed.
    Socket(io::Error),
    /// What is not done by netlink failed: a step, such as "open /dev/net/tun", and why.
    Step(String, io::Error),
    /// The answer cannot be read.
    Malformed(Malformed),
    /// No answer in time.
    Timeout,
    /// The listed objects changed during every attempt.
    Interrupted,
    /// The kernel dropped answers for want of buffer space: the outcome is unknown.
    Lost,
    /// The answer did not come where the protocol promises one.
    NoAnswer,
    /// The request was refused before it was sent.
    Invalid(String),
}

/// What the kernel said.
#[derive(Debug)]
pub(crate) struct KernelError {
    pub(crate) errno: i32,
    pub(crate) text: Option<String>,
    pub(crate) attribute: Option<u16>,
    pub(crate) missing: Option<u16>,
}

impl Error {
    pub(crate) fn new(op: impl Into<String>, cause: Cause) -> Self {
        Error(Box::new(Inner {
            op: op.into(),
            namespace: None,
            hint: None,
            cause,
        }))
    }

    /// A request that is refused before it is sent, as in "cannot add link `a/b`: {why}".
    pub fn invalid(op: impl Into<String>, why: impl Into<String>) -> Self {
        Error::new(op, Cause::Invalid(why.into()))
    }

    /// The same error, said of the network namespace it happened in.
    #[must_use]
    pub fn in_namespace(mut self, name: impl Into<String>) -> Self {
        self.0.namespace = Some(name.into());
        self
    }

    /// The same error with what to do next, unless that was said before.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// The same error; if the kernel lacks one of `kinds`, with the option that would bring it.
    #[must_use]
    pub(crate) fn for_want_of<'k>(self, kinds: impl IntoIterator<Item = &'k str>) -> Self {
        let mut kinds = kinds.into_iter();
        match kinds.find_map(|kind| missing_kind(&self, kind)) {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// What to do next, where it is known here.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What was tried: "add link `br0`".
    pub fn op(&self) -> &str {
        &self.0.op
    }

    /// The error number, where the kernel or a system call gave one.
    pub fn errno(&self) -> Option<i32> {
        match &self.0.cause {
            Cause::Kernel(kernel) => Some(kernel.errno),
            Cause::Socket(err) | Cause::Step(_, err) => err.raw_os_error(),
            _ => None,
        }
    }

    /// The kernel's own words (extended acknowledgement), often absent.
    pub fn kernel_text(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Kernel(kernel) => kernel.text.as_deref(),
            _ => None,
        }
    }

    /// The type of the attribute that the kernel objected to, often absent.
    pub fn attribute(&self) -> Option<u16> {
        match &self.0.cause {
            Cause::Kernel(kernel) => kernel.attribute.or(kernel.missing),
            _ => None,
        }
    }

    fn has(&self, errnos: &[i32]) -> bool {
        self.errno().is_some_and(|errno| errnos.contains(&errno))
    }

    /// The object is there already (EEXIST).
    pub fn is_exists(&self) -> bool {
        self.has(&[nix::libc::EEXIST])
    }

    /// The object is not there (ENOENT, ENODEV, ESRCH, EADDRNOTAVAIL, ENXIO).
    pub fn is_not_found(&self) -> bool {
        use nix::libc::{EADDRNOTAVAIL, ENODEV, ENOENT, ENXIO, ESRCH};
        self.has(&[ENOENT, ENODEV, ESRCH, EADDRNOTAVAIL, ENXIO])
    }

    /// The privilege is missing (EPERM, EACCES).
    pub fn is_permission(&self) -> bool {
        self.has(&[nix::libc::EPERM, nix::libc::EACCES])
    }

    /// The kernel lacks the feature (EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT).
    pub fn is_unsupported(&self) -> bool {
        use nix::libc::{EAFNOSUPPORT, EOPNOTSUPP, EPROTONOSUPPORT};
        self.has(&[EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT])
    }

    /// Somebody holds the object (EBUSY).
    pub fn is_busy(&self) -> bool {
        self.has(&[nix::libc::EBUSY])
    }

    /// The ruleset changed under the transaction (ERESTART): read again and repeat.
    pub fn is_stale(&self) -> bool {
        self.has(&[85]) // ERESTART, which libc does not name
    }

    /// The listed objects kept changing; the list may be incomplete.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.0.cause, Cause::Interrupted)
    }

    /// Answers were lost: read back what is there.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self.0.cause, Cause::Lost | Cause::Timeout)
    }

    /// The answer was not read to its end.
    pub(crate) fn is_of_receiving(&self) -> bool {
        matches!(
            self.0.cause,
            Cause::Socket(_) | Cause::Timeout | Cause::Lost
        )
    }

    /// Refused before it was sent.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.cause, Cause::Invalid(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.0.op)?;
        match &self.0.namespace {
            Some(name) => write!(f, " in namespace {name}"),
            None => Ok(()),
        }
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
        Some(&self.0.cause)
    }
}

impl std::error::Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Kernel(kernel) => kernel.fmt(f),
            Cause::Socket(err) => write!(f, "netlink socket: {err}"),
            Cause::Step(step, err) => match err.raw_os_error() {
                Some(errno) => write!(f, "{step}: {}", errno_text(errno)),
                None => write!(f, "{step}: {err}"),
            },
            Cause::Malformed(err) => err.fmt(f),
            Cause::Timeout => f.write_str("the kernel did not answer in time"),
            Cause::Interrupted => f.write_str("the list kept changing while it was read"),
            Cause::Lost => f.write_str("answers were lost, the outcome is unknown"),
            Cause::NoAnswer => f.write_str("the kernel acknowledged without an answer"),
            Cause::Invalid(why) => f.write_str(why),
        }
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{} ({text})", errno_text(self.errno))?,
            None => f.write_str(&errno_text(self.errno))?,
        }
        match (self.attribute, self.missing) {
            (Some(kind), _) => write!(f, " [attribute {kind}]"),
            (None, Some(kind)) => write!(f, " [attribute {kind} missing]"),
            (None, None) => Ok(()),
        }
    }
}

/// "File exists", without the number that `io::Error` appends.
fn errno_text(errno: i32) -> String {
    nix::errno::Errno::from_raw(errno).desc().to_owned()
}
