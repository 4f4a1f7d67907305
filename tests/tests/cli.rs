//! Vetch's own commands, by packets and by state: networks, attach, detach, run, exec, and what they refuse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "test code: a panic is how a test fails"
)]

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/bad_words.rs"]
mod bad_words;
#[path = "cli/batch.rs"]
mod batch;
#[path = "cli/launch.rs"]
mod launch;
#[path = "cli/network.rs"]
mod network;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/policy.rs"]
mod policy;
#[path = "cli/privilege.rs"]
mod privilege;
#[path = "cli/say.rs"]
mod say;
