//! CNI on the real kernel: our plugins as a runtime calls them, beside the reference's, lists, and nothing left afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: a panic is how a test fails"
)]

mod call;
mod install;
mod reference;
mod run;
