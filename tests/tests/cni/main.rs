//! CNI on the real kernel: lists run as a runtime does it, by packets, and nothing left afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod install;
mod run;
