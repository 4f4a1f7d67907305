//! The words of `ip`, `bridge`, `brctl` and `ifconfig`: grammar in, the same text and JSON out.
//!
//! Owns the grammar (a table: one more object or verb is one file and one row), the wording and the exit codes.
//! Leaves to others: netlink (core-netlink), namespaces (ns-mgmt). Never prints by itself, never exits.
//!
//! ```no_run
//! use std::ffi::OsString;
//! let env = iproute::Env { program: iproute::Program::Ip, ..Default::default() };
//! let args: Vec<OsString> = ["-j", "link", "show"].map(OsString::from).to_vec();
//! let (mut out, mut err) = (Vec::new(), Vec::new());
//! let code = iproute::main(&env, &args, &mut out, &mut err);
//! assert_eq!(code, 0);
//! ```

mod addr;
mod args;
mod brctl;
mod bridge;
mod fault;
mod hints;
mod ifconfig;
mod link;
mod names;
mod neigh;
mod netns;
mod options;
mod page;
mod route;
mod row;
mod rule;
mod session;
mod table;
#[cfg(test)]
mod tests;
mod value;

use args::Args;
use fault::Fault;
use options::Options;
use session::Session;
use std::ffi::OsString;
use std::io::Write;

/// Under which name we were called; it decides wording and exit codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Program {
    /// `vetch OBJECT ...`: our own wording; 2 for what failed, 1 for "no".
    #[default]
    Vetch,
    /// `ip`: 255 usage, 1 bad input, 2 refused by the kernel.
    Ip,
    /// `bridge` of iproute2.
    Bridge,
    /// `brctl` of bridge-utils.
    Brctl,
    /// `ifconfig` of net-tools.
    Ifconfig,
}

impl Program {
    /// The program that goes by this file name.
    pub fn from_name(name: &str) -> Option<Program> {
        match name {
            "vetch" => Some(Program::Vetch),
            "ip" => Some(Program::Ip),
            "bridge" => Some(Program::Bridge),
            "brctl" => Some(Program::Brctl),
            "ifconfig" => Some(Program::Ifconfig),
            _ => None,
        }
    }
}

/// What surrounds a call.
#[derive(Clone, Debug, Default)]
pub struct Env {
    /// The name we were called by.
    pub program: Program,
    /// Under the name of an original: whether our explanation follows the original's first line, as is fit for a terminal.
    pub explain: bool,
}

/// Whether these arguments of `vetch` are ours: the first word behind the options is an object such as `link`.
///
/// ```
/// let ours = |words: &str| iproute::takes(&words.split(' ').map(Into::into).collect::<Vec<_>>());
/// assert!(ours("-n red link show") && ours("bridge fdb") && !ours("network ls") && !ours("--help"));
/// ```
pub fn takes(args: &[OsString]) -> bool {
    let mut args = Args::new(args);
    if Options::read(&mut args).is_err() {
        return false;
    }
    args.peek()
        .is_ok_and(|word| word.is_some_and(table::is_word))
}

/// The objects that [`takes`] knows, with one line about each: for help and completion.
pub fn words() -> impl Iterator<Item = (&'static str, &'static str)> {
    table::words()
}

/// Carries out one command line; answers the exit code. A closed pipe at `out` is no error.
pub fn main(env: &Env, args: &[OsString], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let mut session = Session::new(env, out, err);
    let done = table::run(&mut session, Args::new(args));
    session.finish(done)
}

type Done<T = ()> = Result<T, Fault>;
