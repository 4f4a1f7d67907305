//! One container network on one host, whole or absent: a bridge, its subnets, and the attachments of namespaces to it.
//!
//! Owns the order of steps, their undoing, the records and the locks. Leaves to others: netlink messages (core-netlink), nftables
//! (firewall), how namespaces are opened (ns-mgmt), which address is next (ipam), words and output (cli).

mod error;
mod file;
mod host;
mod lock;
mod name;
mod port;
mod record;
mod spec;
mod step;
mod store;
mod subnet;

pub use error::{Error, Result};
pub use firewall::Transport;
pub use host::{Collected, Detached, Host, Options};
pub use name::{AttachmentId, HOST_END, Key, MARK, NetworkName, link_local};
pub use port::PortSpec;
pub use spec::{Attachment, AttachmentSpec, Network, NetworkSpec, State, Subnet, Who};
pub use step::Step;
