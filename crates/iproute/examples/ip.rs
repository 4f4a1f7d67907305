//! The library as a program: `cargo run -p vetch-iproute --example ip -- -j link show`.
//!
//! A symbolic link to it named `bridge`, `ifconfig` or `brctl` speaks as that program does.
#![allow(clippy::exit, reason = "an example is a program")]

use iproute::{Env, Program};
use std::io::{IsTerminal, stderr, stdout};

fn main() {
    let mut args = std::env::args_os();
    let called = args.next().unwrap_or_default();
    let name = std::path::Path::new(&called)
        .file_name()
        .unwrap_or_default();
    let program = name
        .to_str()
        .and_then(Program::from_name)
        .unwrap_or(Program::Ip);
    let env = Env {
        program,
        explain: stderr().is_terminal(),
    };
    let args: Vec<_> = args.collect();
    let code = iproute::main(&env, &args, &mut stdout().lock(), &mut stderr().lock());
    std::process::exit(code.into());
}
