//! Vetch's own commands, by packets and by state: networks, attach, detach, run, exec, and what they refuse.

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/launch.rs"]
mod launch;
#[path = "cli/network.rs"]
mod network;
#[path = "cli/output.rs"]
mod output;
