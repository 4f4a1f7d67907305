//! Whose an element is: written beside it as nft's comment.

use std::fmt;

const PREFIX: &str = "vetch";
const LONGEST: usize = 250; // one byte says the length, with the zero at the end

/// Whose an element is; `Display` is the comment: `vetch`, `vetch:NET` or `vetch:NET/ID/IF`.
///
/// ```
/// use firewall::Owner;
/// let owner = Owner::attachment("demo", "cli:web", "eth0");
/// assert_eq!(owner.to_string(), "vetch:demo/cli:web/eth0");
/// assert_eq!(Owner::from_comment("vetch:demo/cli:web/eth0"), Some(owner));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Owner {
    /// What all networks share.
    Host,
    /// A network.
    Network(String),
    /// One interface of a container.
    Attachment {
        /// The network it is attached to.
        network: String,
        /// The container.
        id: String,
        /// The name inside the container.
        interface: String,
    },
}

impl Owner {
    /// An attachment by its key.
    pub fn attachment(
        network: impl Into<String>,
        id: impl Into<String>,
        interface: impl Into<String>,
    ) -> Owner {
        Owner::Attachment {
            network: network.into(),
            id: id.into(),
            interface: interface.into(),
        }
    }

    /// From a comment; `None` if it is not one of ours.
    pub fn from_comment(comment: &str) -> Option<Owner> {
        let rest = comment.strip_prefix(PREFIX)?;
        if rest.is_empty() {
            return Some(Owner::Host);
        }
        let rest = rest.strip_prefix(':')?;
        let Some((network, key)) = rest.split_once('/') else {
            return Some(Owner::Network(rest.to_owned()));
        };
        let (id, interface) = key.rsplit_once('/')?;
        Some(Owner::attachment(network, id, interface))
    }

    /// Refuses what a comment cannot hold or could be misread.
    pub(crate) fn check(&self) -> crate::Result<()> {
        let comment = self.to_string();
        let readable = !comment.contains(|c: char| c.is_control() || c == '"');
        let whole = Owner::from_comment(&comment).as_ref() == Some(self);
        if readable && whole && comment.len() <= LONGEST {
            return Ok(());
        }
        let right = "at most 250 bytes together, no quotes or control characters, no `/` in the network's and the interface's name";
        Err(crate::Error::refused("owner", comment, right))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Host => f.write_str(PREFIX),
            Owner::Network(network) => write!(f, "{PREFIX}:{network}"),
            Owner::Attachment {
                network,
                id,
                interface,
            } => {
                write!(f, "{PREFIX}:{network}/{id}/{interface}")
            }
        }
    }
}
