//! The firewall by what the kernel holds and by packets.
//!
//! Networks are built by hand here, as RULESET and the documentation of `firewall` say: the crate `bridge` is not under test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "test code: a panic is how a test fails"
)]

#[cfg(target_arch = "x86_64")]
mod attacked;
mod closed;
mod guard;
mod options;
mod port;
mod spoof;
mod tables;
mod tagged;
mod wanted;
mod world;
