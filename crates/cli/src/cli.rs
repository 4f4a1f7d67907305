//! What can be typed: options of every command, and the list of commands with a file each.

use crate::command::Command;
use clap::{Args as _, CommandFactory, Parser};
use std::ffi::OsString;
use std::time::Duration;

/// Container networks, namespaces and containers on this host.
#[derive(Debug, Parser)]
#[command(
    name = "vetch",
    version,
    about = "Container networking for Linux: networks, namespaces, published ports",
    long_about = "Container networking for Linux: networks, namespaces, published ports.\n\n\
        A network is a bridge with subnets, a gateway, a way out (NAT) and a firewall that is closed by default. Attaching gives a network \
        namespace an interface in it; detaching takes everything away again.",
    after_long_help = EXAMPLES,
    after_help = "The words of ip(8), bridge(8) and ifconfig(8) work unchanged: vetch link, vetch addr, vetch netns ...\n\
        `vetch --help` shows examples",
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// Answer with JSON on standard output
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// Show each step as it is done, with its time and its `ip` and `nft` words, on standard error
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub(crate) verbose: bool,
    /// Wait at most this many seconds for another vetch that works on the same network
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(0..=3600),
        help_heading = "Everywhere",
        hide_short_help = true
    )]
    lock_timeout: u64,
}

impl Cli {
    /// Enough of the table of commands to read these words: those that runtimes type again and again do without all others. What it
    /// refuses is read once more with the whole table, which knows how to explain itself.
    pub(crate) fn table(args: &[OsString]) -> clap::Command {
        let word = args.get(1).and_then(|word| word.to_str());
        match word.and_then(Command::alone) {
            Some(command) => Global::augment_args(clap::Command::new("vetch")).subcommand(command),
            None => Cli::command(),
        }
    }
}

impl Global {
    pub(crate) fn lock_timeout(&self) -> Duration {
        Duration::from_secs(self.lock_timeout)
    }
}

const EXAMPLES: &str = "\
Examples:
  vetch network create web                       a network with a free subnet and NAT
  vetch netns add c1                             a network namespace, as `ip netns add` makes it
  vetch attach web c1 -p 8080:80                 eth0 in c1, port 8080 of the host leads to its port 80
  vetch ls                                       who is attached where
  vetch port add web c1 -p 9090:90               another port, while it runs
  vetch exposed                                  what can be reached from where, and by which rule
  vetch detach web c1
  vetch run --net web -p 8080:80 -- httpd -f     a program in namespaces of its own
  vetch sandbox -- sh                            all of it without root

The textbook's words work unchanged after `vetch`:
netns, link, addr, route, rule, neigh, bridge, ifconfig
  vetch link add veth0 type veth peer name veth1
  vetch -n c1 addr show

Exit codes: 0 done, 1 the answer is no, 2 failed. `run`, `exec` and `sandbox` pass on the
program's own code; 125 is a failure of vetch, 126 a program that cannot be executed,
127 one that is not found, 128+N one that signal N ended.

Environment: NO_COLOR switches colour off. XDG_RUNTIME_DIR holds the state of users who
cannot write to /run. VETCH_LOG=debug tells the conversation with the kernel on stderr, a line
for each netlink message; VETCH_LOG=trace its attributes too. Both work for every command,
the textbook's words included.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    /// Both tables read the same.
    #[test]
    fn the_short_table_reads_what_the_whole_one_does() {
        for line in [
            "vetch attach web c1 -p 80:80 --json --ip 10.0.0.2",
            "vetch attach -v web pid:7 --ifname eth1 --lock-timeout 3",
            "vetch detach web c1 --wait --verbose",
            "vetch detach web --ifname eth1 c1",
        ] {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let read = |table: clap::Command| {
                let matches = table.try_get_matches_from(&args).unwrap();
                format!("{:?}", Cli::from_arg_matches(&matches).unwrap())
            };
            let short = Cli::table(&args);
            assert_eq!(short.get_subcommands().count(), 1);
            assert_eq!(read(short), read(Cli::command()), "{line}");
        }
    }

    #[test]
    fn every_command_and_option_is_explained() {
        fn check(command: &clap::Command, path: &str) {
            assert!(command.get_about().is_some(), "{path} has no help");
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some(),
                    "{path} {} has no help",
                    arg.get_id()
                );
            }
            for sub in command.get_subcommands() {
                check(sub, &format!("{path} {}", sub.get_name()));
            }
        }
        check(&Cli::command(), "vetch");
    }
}
