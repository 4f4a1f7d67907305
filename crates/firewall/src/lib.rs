//! The firewall of container networks: masquerade, publish, isolate and guard.
//!
//! Two tables, `bridge vetch` and `inet vetch`, are made once ([`install`]); after that only elements of their sets and maps come and go.
//! Intent ([`Network`], [`Attachment`], [`Publish`]) is compiled to a [`Change`] without looking at the kernel; [`apply`] makes it in
//! one transaction. Knows no containers, namespaces or files.
//!
//! ```no_run
//! use core_netlink::{Conn, Protocol};
//! use firewall::{Attachment, Change, Network, Owner, Ports, Publish, Transport};
//! # fn main() -> firewall::Result<()> {
//! let mut conn = Conn::open(Protocol::Netfilter)?;
//! let (bridge, port) = ("vbr0".parse().unwrap(), "vtpabcdefghijkl".parse().unwrap());
//! let network = Network {
//!     subnets: vec!["10.88.0.0/24".parse().unwrap()],
//!     gateways: vec!["10.88.0.1".parse().unwrap()],
//!     ..Network::new("demo", bridge)
//! };
//! firewall::install(&mut conn, || Ok(Change::default()))?;
//! firewall::apply(&mut conn, &firewall::network(&network)?)?;
//!
//! let web = Owner::attachment("demo", "cli:web", "eth0");
//! let address = "10.88.0.2".parse().unwrap();
//! let attachment = Attachment {
//!     addresses: vec![address],
//!     ..Attachment::new(web.clone(), port, "02:42:0a:58:00:02".parse().unwrap())
//! };
//! let mut change = firewall::attachment(&attachment)?;
//! change.extend(firewall::publish(&web, &Publish {
//!     on: None,
//!     ports: Ports::one(8080)?,
//!     transport: Transport::Tcp,
//!     to: (address, 80).into(),
//!     only: Vec::new(),
//! })?);
//! firewall::apply(&mut conn, &change)?;
//! firewall::apply(&mut conn, &change.inverse())?; // and back
//! # Ok(())
//! # }
//! ```

mod change;
mod compile;
mod egress;
mod element;
mod error;
mod filter;
mod flows;
mod foreign;
mod forwarding;
mod guard;
mod intent;
mod kernel;
mod owner;
mod read;
mod tables;
#[cfg(test)]
mod tests;
mod translation;
mod verdict;
mod words;

pub use change::{Change, Step};
pub use compile::{attachment, network, publish};
pub use egress::Destination;
pub use element::{Element, Set};
pub use error::{Error, Result};
pub use flows::{flows_to, forget, forget_address, forget_addresses};
pub use foreign::{
    Effect, ForeignChain, ForeignDrop, foreign_chains, foreign_drops, foreign_drops_of,
};
pub use forwarding::{Forwarding, HostForwarding, Interface, Setting, noted};
pub use intent::{Attachment, Network, Ports, Publish, Routed, Service, Transport};
pub use kernel::{
    Installed, apply, elements, elements_among, elements_of, install, is_installed, is_left,
    uninstall,
};
pub use owner::Owner;
pub use read::Station;
pub use translation::{AddressRange, Region, Source, source};
pub use verdict::{Attempt, Decision, Rules};
