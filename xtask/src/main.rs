//! Tasks of the project, one file each. `cargo xtask --help` lists them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal"
)]

mod bench;
mod counts;
mod dist;
mod faults;
mod program;
mod sandbox;
mod sh;
mod skips;
mod test;
mod test_clients;
mod test_net;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Tasks of the Vetch project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Everything: `check`, then the privileged suite. Ends with `N passed, N failed, N skipped`.
    Test,
    /// What needs no privilege: format, lints, unit and documentation tests, tidy, licences.
    Check,
    /// The privileged suite alone, in a sandbox; words choose tests by their name or their file's (`firewall`), `-- --nocapture` goes to the test binaries.
    TestNet {
        /// Filters and options of the test binaries.
        #[arg(allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Podman, containerd, crun, runc and our own runner start containers on our CNI plugins (by root; installs Debian's packages).
    TestClients(test_clients::Options),
    /// The room rules: which line belongs into which crate, as small checks.
    Tidy,
    /// Whole operations side by side with exact messages by plain system calls, and with `ip`.
    Bench(bench::Options),
    /// The campaign: killed, lied to, crowded, worn out; a table of trials and losses.
    Faults(faults::Options),
    /// One static binary with completions and manual pages, in target/dist.
    Dist,
    /// (used by test-net, test-clients, bench and faults) Enter new namespaces, then go on as `inside`.
    #[command(hide = true)]
    Enter(sandbox::Job),
    /// (used by test-net, test-clients, bench and faults) Prepare mounts and run what is to run.
    #[command(hide = true)]
    Inside(sandbox::Job),
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Test => test::main(),
        Task::Check => Ok(test::check()?.conclude()),
        Task::Tidy => tidy::main(),
        Task::Dist => dist::main(),
        Task::Faults(options) => faults::main(&options),
        Task::TestClients(options) => test_clients::main(&options),
        Task::Bench(options) => bench::main(&options),
        Task::TestNet { args } => test_net::main(&args),
        Task::Enter(job) => sandbox::enter(&job),
        Task::Inside(job) => sandbox::inside(&job),
    }
}
