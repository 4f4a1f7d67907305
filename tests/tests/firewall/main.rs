//! The firewall by what the kernel holds and by packets.
//!
//! Networks are built by hand here, as RULESET and the documentation of `firewall` say: the crate `bridge` is not under test.

mod closed;
mod frames;
mod spoof;
mod tables;
mod wanted;
mod world;
