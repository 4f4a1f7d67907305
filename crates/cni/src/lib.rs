//! The CNI contract: environment and JSON in, a result or an error object as JSON out.
//!
//! Owns the protocol (versions, parameters, results, errors), what each key of a plugin's configuration means, and the order of a chain.
//! Leaves to others: attachments and their undoing (bridge), which address is next (ipam), netlink (core-netlink), words and output of
//! the command line (cli).

mod address;
mod args;
mod attachment;
mod config;
mod device;
mod directory;
mod env;
mod error;
mod exec;
mod front;
mod inside;
pub mod ipam;
mod json;
mod list;
mod name;
mod plugin;
mod result;
mod run;
mod session;
mod version;

pub use args::Args;
pub use attachment::{AttachmentKey, ContainerId};
pub use config::{
    Bandwidth, CniArgs, IpRange, Label, NetConf, PortMapping, RequestedIp, RuntimeConfig,
    RuntimeDns,
};
pub use directory::network_files;
pub use env::{Call, Command};
pub use error::{Code, Error, Result};
pub use front::{Process, is_plugin, main, plugins};
pub use list::{CapabilityArgs, Given, NetworkList, Plugin};
pub use result::{AddResult, Dns, Interface, Ip, Route};
pub use run::{Attachment, Run, Runtime, Step};
pub use version::Version;
