//! The lab for privileged tests: every test is a small network of its own, in private namespaces.
//!
//! Run through `cargo xtask test-net [FILTER]`, which enters a sandbox first.
//! [`lab()`] gives one test its own network and mount namespaces; [`Node`] is one namespace in it;
//! [`State`] is what must be the same after a test as before; [`Twin`] runs the same words through
//! the reference tool and through `vetch` and compares what came of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "the whole crate is test code: a panic is how a test fails"
)]

pub mod attack;
pub mod clients;
mod exec;
#[cfg(target_arch = "x86_64")]
pub mod faults;
mod grid;
mod lab;
mod node;
mod normal;
pub mod peers;
pub mod plugin;
pub mod skip;
mod state;
mod twin;
mod wire;

pub use exec::{Background, Output, Run};
pub use lab::{Lab, lab, lab_within};
pub use node::Node;
pub use skip::{has_tool, is_real_root};
pub use state::State;
pub use twin::Twin;
pub use wire::Server;
