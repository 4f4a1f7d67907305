//! Attacks on the isolation of networks: what is tried, from where, and what opens it. The firewall's own tests, on networks made by hand,
//! and the campaign, on those that `vetch` makes, share these rows.

pub mod forged;
pub mod frames;
mod stage;

pub use stage::Stage;
