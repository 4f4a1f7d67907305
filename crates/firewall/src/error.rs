//! Why the firewall could not do what was asked.

use crate::{Element, Owner};
use std::fmt;

/// The result of every operation here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. [`Error::hint`] says what to do next, where there is something.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The intent cannot be meant so; nothing was sent.
    Refused {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        right: String,
    },
    /// Somebody else holds the element: the port, the address.
    Taken {
        /// What was asked for.
        element: Box<Element>,
        /// Who has it, if it is one of ours.
        holder: Option<Owner>,
    },
    /// A table of our name that is not ours.
    Foreign {
        /// Such as `inet vetch`.
        table: String,
    },
    /// Other programs changed the ruleset during every attempt.
    Restless,
    /// The kernel refused.
    Kernel(core_netlink::Error),
}

impl Error {
    pub(crate) fn refused(
        field: &'static str,
        value: impl fmt::Display,
        right: impl Into<String>,
    ) -> Error {
        Error::Refused {
            field,
            value: value.to_string(),
            right: right.into(),
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Foreign { table } => Some(format!(
                "if nothing needs it, `nft delete table {table}` makes room"
            )),
            Error::Kernel(err) if err.is_permission() => {
                Some("nf_tables needs CAP_NET_ADMIN: run as root, or in `vetch sandbox`".into())
            }
            Error::Kernel(err) if err.is_unsupported() => Some(
                "the kernel lacks nf_tables or one of its parts: CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, CONFIG_NF_TABLES_BRIDGE, CONFIG_NFT_NAT, CONFIG_NFT_MASQ, CONFIG_NFT_FIB_INET".into(),
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused {
                field,
                value,
                right,
            } => {
                write!(f, "{field} `{}`: {right}", value.escape_debug())
            }
            Error::Taken {
                element,
                holder: Some(holder),
            } => {
                write!(f, "{element} is taken by {holder}")
            }
            Error::Taken {
                element,
                holder: None,
            } => {
                write!(f, "{element} is taken by an element that is not ours")
            }
            Error::Foreign { table } => write!(f, "table {table} is there and is not ours"),
            Error::Restless => f.write_str("other programs kept changing the nf_tables ruleset"),
            Error::Kernel(err) => err.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Kernel(err) => std::error::Error::source(err),
            _ => None,
        }
    }
}

impl From<core_netlink::Error> for Error {
    fn from(err: core_netlink::Error) -> Self {
        Error::Kernel(err)
    }
}
