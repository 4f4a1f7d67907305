//! A sample of the campaign, as tests; all of it is `cargo xtask faults`.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod killed;
mod machine;
mod refused;
mod refused_input;
mod tracing;
mod worn;
