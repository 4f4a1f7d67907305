//! One error type: what was tried, why it failed, what to do next.

use std::fmt;
use std::time::Duration;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Something that failed. Nothing was changed, or what was changed is undone; what could not be undone is in [`Error::left`].
///
/// `Display` says what was tried; [`source`](std::error::Error::source) says why, and is printed once, by whoever talks to a person.
pub struct Error(Box<Inner>);

struct Inner {
    op: String,
    cause: Cause,
    hint: Option<String>,
    left: Vec<Error>,
}

/// Why it failed.
enum Cause {
    /// The input was refused before anything was done.
    Invalid(String),
    /// What was asked for is not there.
    Missing(String),
    /// The name, the address or the port belongs to somebody.
    Exists(String),
    /// A file could not be read or written.
    File(std::io::Error),
    /// A file is not what it should be.
    Record(String),
    /// A record was cut short or overwritten.
    Damaged(String),
    /// The kernel refused.
    Netlink(core_netlink::Error),
    /// A namespace could not be used.
    Namespace(ns_mgmt::Error),
    /// The firewall refused, or the kernel refused the firewall.
    Firewall(firewall::Error),
    /// Somebody else held a lock for too long.
    Locked(String, Duration),
}

impl Error {
    fn new(op: impl Into<String>, cause: Cause) -> Error {
        Error(Box::new(Inner {
            op: op.into(),
            cause,
            hint: None,
            left: Vec::new(),
        }))
    }

    pub(crate) fn invalid(op: impl Into<String>, why: impl Into<String>) -> Error {
        Error::new(op, Cause::Invalid(why.into()))
    }

    pub(crate) fn missing(op: impl Into<String>, why: impl Into<String>) -> Error {
        Error::new(op, Cause::Missing(why.into()))
    }

    pub(crate) fn exists(op: impl Into<String>, why: impl Into<String>) -> Error {
        Error::new(op, Cause::Exists(why.into()))
    }

    pub(crate) fn file(op: impl Into<String>, err: impl Into<std::io::Error>) -> Error {
        Error::new(op, Cause::File(err.into()))
    }

    pub(crate) fn record(op: impl Into<String>, why: impl Into<String>) -> Error {
        Error::new(op, Cause::Record(why.into()))
    }

    pub(crate) fn netlink(op: impl Into<String>, err: core_netlink::Error) -> Error {
        Error::new(op, Cause::Netlink(err))
    }

    pub(crate) fn damaged(op: impl Into<String>, why: impl Into<String>) -> Error {
        Error::new(op, Cause::Damaged(why.into()))
    }

    pub(crate) fn namespace(op: impl Into<String>, err: ns_mgmt::Error) -> Error {
        Error::new(op, Cause::Namespace(err))
    }

    pub(crate) fn firewall(op: impl Into<String>, err: firewall::Error) -> Error {
        let hint = err.hint();
        let error = Error::new(op, Cause::Firewall(err));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    pub(crate) fn locked(
        op: impl Into<String>,
        holder: impl Into<String>,
        waited: Duration,
    ) -> Error {
        Error::new(op, Cause::Locked(holder.into(), waited))
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    /// The first of these with the others left to it; no error if there is none.
    pub(crate) fn all(failed: impl IntoIterator<Item = Error>) -> Result<()> {
        let mut failed = failed.into_iter();
        match failed.next() {
            Some(first) => Err(first.and_left(failed.collect())),
            None => Ok(()),
        }
    }

    /// The same error, said of the operation it was part of.
    #[must_use]
    pub(crate) fn during(mut self, op: &str) -> Error {
        if self.0.op != op {
            self.0.op = format!("{op}: {}", self.0.op);
        }
        self
    }

    #[must_use]
    pub(crate) fn and_left(mut self, left: Vec<Error>) -> Error {
        self.0.left.extend(left);
        self
    }

    /// Whether the kernel or the file system refused: a second attempt may go through where the first found no memory or was interrupted.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self.0.cause,
            Cause::File(_) | Cause::Netlink(_) | Cause::Namespace(_) | Cause::Firewall(_)
        )
    }

    /// What was tried: "attach `cli:web` to network `blue`".
    pub fn op(&self) -> &str {
        &self.0.op
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<&str> {
        let given = self.0.hint.as_deref();
        given.or_else(|| match &self.0.cause {
            Cause::Namespace(err) => err.hint(),
            Cause::Netlink(err) if err.is_permission() => {
                Some("this needs root (CAP_NET_ADMIN), or `vetch sandbox -- CMD`")
            }
            Cause::Netlink(err) => err.hint(),
            _ => None,
        })
    }

    /// What could not be undone, if anything; the next command that touches this network tries again.
    pub fn left(&self) -> &[Error] {
        &self.0.left
    }

    /// The input was refused before anything was done.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.cause, Cause::Invalid(_))
    }

    /// What was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        match &self.0.cause {
            Cause::Missing(_) => true,
            Cause::Netlink(err) => err.is_not_found(),
            Cause::File(err) => err.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// A name, an address or a port belongs to somebody else.
    pub fn is_exists(&self) -> bool {
        match &self.0.cause {
            Cause::Exists(_) | Cause::Firewall(firewall::Error::Taken { .. }) => true,
            Cause::Netlink(err) => err.is_exists(),
            _ => false,
        }
    }

    /// The privilege is missing.
    pub fn is_permission(&self) -> bool {
        match &self.0.cause {
            Cause::Netlink(err) | Cause::Firewall(firewall::Error::Kernel(err)) => {
                err.is_permission()
            }
            Cause::Namespace(err) => err.is_permission(),
            Cause::File(err) => err.kind() == std::io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// A record was cut short or overwritten; what it said is told from the kernel by the next command that changes its network.
    pub(crate) fn is_damaged(&self) -> bool {
        matches!(self.0.cause, Cause::Damaged(_))
    }

    /// A lock was not free in time.
    pub fn is_locked(&self) -> bool {
        matches!(self.0.cause, Cause::Locked(..))
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
        let mut below = std::error::Error::source(&self.0.cause);
        while let Some(err) = below {
            write!(f, ": {err}")?;
            below = err.source();
        }
        self.0
            .left
            .iter()
            .try_for_each(|left| write!(f, "; and then {left:?}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.cause)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Invalid(why)
            | Cause::Missing(why)
            | Cause::Exists(why)
            | Cause::Record(why)
            | Cause::Damaged(why) => f.write_str(why),
            Cause::File(err) => err.fmt(f),
            Cause::Netlink(err) => err.fmt(f),
            Cause::Namespace(err) => err.fmt(f),
            Cause::Firewall(err) => err.fmt(f),
            Cause::Locked(holder, waited) => {
                write!(f, "{holder} held the lock for {} s", waited.as_secs())
            }
        }
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Cause::Netlink(err) => err.source(),
            Cause::Namespace(err) => err.source(),
            Cause::Firewall(err) => err.source(),
            _ => None,
        }
    }
}
