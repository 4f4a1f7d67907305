//! Namespaces of Linux, of every kind: make, name, find, enter and remove them, and run processes in them.
//!
//! Owns `/run/netns`, `/proc/PID/ns`, sysctls, and everything that moves a thread or a process. Leaves to others: links, addresses,
//! bridges. No thread of the caller is moved, but by [`sandbox`] and [`RunSpec::exec`], which say so, and one that was
//! lent ([`lend_thread`]).
//!
//! ```no_run
//! use ns_mgmt::NetNs;
//! # fn main() -> ns_mgmt::Result<()> {
//! let blue = NetNs::create_named(&"blue".parse()?)?;
//! let conn = blue.conn(core_netlink::Protocol::Route)?;
//! println!("{}", NetNs::delete(&"blue".parse()?)?);
//! # Ok(())
//! # }
//! ```

mod error;
mod holders;
mod idmap;
mod kind;
mod lent;
mod mountinfo;
mod name;
mod names;
mod namespace;
mod netns;
mod privilege;
mod procfs;
mod run;
mod sandbox;
mod sealed;
#[allow(unsafe_code)]
mod sys;
mod sysctl;
mod userns;
mod worker;

pub use error::{Error, Result};
pub use holders::{Deleted, Found, Holder, Listing, holders, list, pids, socket_holders};
pub use idmap::{IdMap, IdMaps};
pub use kind::Kind;
pub use lent::{LentThread, lend_thread};
pub use name::{NsName, Target};
pub use names::{NETNS_DIR, Named};
pub use namespace::Namespace;
pub use netns::NetNs;
pub use procfs::boot_id;
pub use run::{Child, Choice, Choices, HeldSignals, RunSpec};
pub use sandbox::sandbox;
pub use sealed::run_from_sealed_copy;
pub use sysctl::SysctlKey;
