//! Vetch: container networking in one binary.
//!
//! Owns start-up, Vetch's own commands, what is printed and the exit code. The words of `ip`, `bridge`, `brctl` and `ifconfig` belong
//! to `iproute`; what happens in the kernel to `bridge` and `ns-mgmt`.

mod cli;
mod command;
mod container;
mod failure;
mod front;
mod host;
mod log;
mod output;
mod privilege;
mod settle;
mod start;
#[allow(unsafe_code)]
mod sys;
mod table;
mod target;
mod time;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(refusal) = privilege::refuse_elevated() {
        return start::report(&refusal);
    }
    log::begin();
    start::main(std::env::args_os().collect())
}
