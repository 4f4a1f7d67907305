//! CNI on the real kernel: our plugins as a runtime calls them, beside the reference's, lists, and nothing left afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "test code: a panic is how a test fails"
)]

mod bad_input;
mod call;
mod crowd;
mod install;
mod reference;
mod run;
mod vlan;
