//! The conversation with the Linux kernel over netlink.
//!
//! Owns the socket, the wire format, and one file per kernel object: links, addresses, routes, neighbours, rules and so on.
//! Leaves to others: namespaces by name, policy, JSON, files.
//!
//! ```no_run
//! use core_netlink::{Conn, Protocol};
//! # fn main() -> core_netlink::Result<()> {
//! let mut conn = Conn::open(Protocol::Route)?;
//! # drop(conn);
//! # Ok(())
//! # }
//! ```

pub mod addr;
pub mod attr;
mod conn;
pub mod conntrack;
pub mod diag;
mod error;
pub mod event;
pub mod fake;
pub mod fdb;
pub mod generic;
pub mod link;
mod missing;
pub mod neigh;
pub mod nft;
pub mod nsid;
mod object;
pub mod route;
pub mod rule;
mod socket;
#[allow(unsafe_code)]
mod sys;
mod table;
pub mod tc;
#[cfg(test)]
mod testing;
pub mod trace;
mod types;
pub mod vlan;
mod wire;

pub use attr::{Attr, Attrs, Malformed, Writer};
pub use conn::{Conn, Failed, Notice, Query, Record, Request};
pub use error::{Error, Result};
pub use missing::missing_kind;
pub use object::{Change, Family, Object, Verb};
pub use socket::Protocol;
pub use table::Be;
pub use types::{Bad, HwAddr, IfIndex, IfName, MacAddr, NsId, Prefix, VlanId, Vni};
pub use wire::Flags;
