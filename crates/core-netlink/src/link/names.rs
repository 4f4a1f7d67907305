//! How a link and a namespace are named in a request.

use crate::attr::Writer;
use crate::types::{Bad, IfIndex, IfName};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::str::FromStr;
use std::sync::Arc;

use super::{Link, ifla};

/// A further name of a link: 1 to 127 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AltName(String);

impl AltName {
    pub(super) fn from_kernel(text: String) -> Self {
        AltName(text)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AltName {
    type Err = Bad;

    fn from_str(s: &str) -> Result<Self, Bad> {
        let bad = |c: char| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control();
        if (1..=127).contains(&s.len()) && !s.contains(bad) && s != "." && s != ".." {
            return Ok(AltName(s.to_owned()));
        }
        let right = "cannot be an alternative name of an interface: 1 to 127 bytes, no `/`, `:`, space or control character";
        Err(Bad::new(s, right))
    }
}

/// Safe for terminals: control bytes are escaped.
impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.escape_debug().to_string())
    }
}

/// Which link is meant.
///
/// ```
/// use core_netlink::link::LinkRef;
/// assert!(matches!("eth0".parse(), Ok(LinkRef::Name(_))));
/// assert!(matches!("a-name-of-more-than-15-bytes".parse(), Ok(LinkRef::AltName(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkRef {
    /// By its number, which cannot be given to another link meanwhile.
    Index(IfIndex),
    /// By its name; the kernel also takes short alternative names here.
    Name(IfName),
    /// By an alternative name (Linux 5.5).
    AltName(AltName),
}

impl LinkRef {
    pub(super) fn index(&self) -> IfIndex {
        match self {
            LinkRef::Index(index) => *index,
            _ => IfIndex(0),
        }
    }

    /// The attribute that stands for the index where there is none.
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        match self {
            LinkRef::Index(_) => {}
            LinkRef::Name(name) => w.str(ifla::IFNAME, name),
            LinkRef::AltName(name) => w.str(ifla::ALT_IFNAME, &name.0),
        }
    }

    /// The kernel takes index 0 for "not said".
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            LinkRef::Index(IfIndex(0)) => Err("no link has index 0".to_owned()),
            LinkRef::Index(index) if index.0 > i32::MAX as u32 => {
                Err(format!("no link has index {index}"))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for LinkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkRef::Index(index) => write!(f, "number {index}"),
            LinkRef::Name(name) => write!(f, "`{name}`"),
            LinkRef::AltName(name) => write!(f, "`{name}`"),
        }
    }
}

impl FromStr for LinkRef {
    type Err = Bad;

    fn from_str(s: &str) -> Result<Self, Bad> {
        match s.len() {
            0..=15 => s.parse().map(LinkRef::Name),
            _ => s.parse().map(LinkRef::AltName),
        }
    }
}

impl From<IfIndex> for LinkRef {
    fn from(index: IfIndex) -> Self {
        LinkRef::Index(index)
    }
}

impl From<IfName> for LinkRef {
    fn from(name: IfName) -> Self {
        LinkRef::Name(name)
    }
}

impl From<AltName> for LinkRef {
    fn from(name: AltName) -> Self {
        LinkRef::AltName(name)
    }
}

impl From<&Link> for LinkRef {
    fn from(link: &Link) -> Self {
        LinkRef::Index(link.index)
    }
}

impl From<&LinkRef> for LinkRef {
    fn from(link: &LinkRef) -> Self {
        link.clone()
    }
}

/// The network namespace a link is made in or moved to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Netns {
    /// An open file of the namespace; cannot come to mean another one.
    Fd(Arc<OwnedFd>),
    /// That of a process.
    Pid(u32),
}

impl Netns {
    /// Keeps a duplicate of the descriptor of a namespace.
    pub fn of(file: impl AsFd) -> io::Result<Netns> {
        Ok(file.as_fd().try_clone_to_owned()?.into())
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        match self {
            Netns::Fd(fd) => w.i32(ifla::NET_NS_FD, fd.as_raw_fd()),
            Netns::Pid(pid) => w.u32(ifla::NET_NS_PID, *pid),
        }
    }
}

impl From<OwnedFd> for Netns {
    fn from(fd: OwnedFd) -> Self {
        Netns::Fd(Arc::new(fd))
    }
}

/// The same descriptor or the same process.
impl PartialEq for Netns {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Netns::Fd(one), Netns::Fd(two)) => one.as_raw_fd() == two.as_raw_fd(),
            (Netns::Pid(one), Netns::Pid(two)) => one == two,
            _ => false,
        }
    }
}

impl fmt::Display for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Netns::Fd(_) => f.write_str("another namespace"),
            Netns::Pid(pid) => write!(f, "the namespace of process {pid}"),
        }
    }
}
