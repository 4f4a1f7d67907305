//! One container network on one host, whole or absent: a bridge, its subnets, and the attachments of namespaces to it.
//!
//! Owns the order of steps, their undoing, the records and the locks. Leaves to others: netlink messages (core-netlink), nftables
//! (firewall), how namespaces are opened (ns-mgmt), which address is next (ipam), words and output (cli).

mod action;
mod announce;
mod aside;
mod assigned;
mod attach;
mod batch;
mod bridge_link;
mod changing;
mod check;
mod check_one;
mod choose;
mod detach;
mod differs;
mod dying;
mod engine;
mod error;
mod exposed;
mod external;
#[cfg(test)]
mod faults;
mod file;
mod filtering;
mod follow;
mod forwarding;
mod gone;
mod holders;
mod host;
mod host_port;
mod inner;
mod intent;
mod kernel;
mod lock;
mod lost;
mod name;
mod network;
mod notes;
mod obstacle;
mod policy;
mod port;
mod port_action;
mod publish;
mod purge;
mod reach;
mod record;
mod repair;
mod routed;
mod same;
mod settle;
mod shared;
mod spec;
mod step;
mod store;
mod subnet;
mod together;
mod translation;
mod view;
mod vlans;
mod watch;
mod wiring;
mod words;

pub use assigned::{Assigned, InnerRoute, RoutedLink};
pub use check::Difference;
pub use error::{Error, Result};
pub use exposed::{Access, Exposed, Exposure, Interface, NetworkExposure, Origin, Target, Way};
pub use firewall::{
    AddressRange, Destination, Effect, ForeignChain, Region, Service, Source, Transport,
};
pub use host::{Collected, Host, Options};
pub use inner::Inner;
pub use name::{AttachmentId, HOST_END, Key, MARK, NetworkName, link_local};
pub use notes::{Note, Notes};
pub use obstacle::Obstacle;
pub use policy::{Joined, Policy};
pub use port::PortSpec;
pub use publish::PublishSpec;
pub use purge::Purged;
pub use repair::Repaired;
pub use settle::Detached;
pub use spec::{Attachment, AttachmentSpec, Network, NetworkSpec, Shared, State, Subnet, Who};
pub use step::Step;
pub use translation::Translation;
pub use vlans::{Before, PortVlans, Vlans};
pub use watch::{Mended, Watch};
