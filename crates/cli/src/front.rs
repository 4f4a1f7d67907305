//! Which front end a call belongs to: the name it was called by, then its first words.

use crate::failure::{FAILED, Failure};
use iproute::{Env, Program};
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// A front end and the words left for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// The words of `ip`, `bridge`, `brctl`, `ifconfig`, under this program's manners.
    Iproute(Program, Vec<OsString>),
    /// A runtime calls a plugin of this name (CNI).
    Cni(String),
    /// Vetch's own commands.
    Vetch,
}

/// Decides before any table of commands is built: a textbook's word costs nothing more than itself.
pub(crate) fn pick(args: &[OsString]) -> Front {
    let words = args.get(1..).unwrap_or_default();
    if let Some(plugin) = plugin(args, std::env::var_os("CNI_COMMAND").is_some()) {
        return Front::Cni(plugin);
    }
    match args.first().and_then(|name| program(name)) {
        Some(Program::Vetch) | None if iproute::takes(words) => {
            Front::Iproute(Program::Vetch, words.to_vec())
        }
        Some(Program::Vetch) | None => Front::Vetch,
        Some(program) => Front::Iproute(program, words.to_vec()),
    }
}

/// CNI's plugins are called without a word, told what to do by the environment, and by their own names: `bridge` alone could be
/// iproute2's, and `vetch` with words is always ours.
fn plugin(args: &[OsString], told: bool) -> Option<String> {
    let [name] = args else {
        return None;
    };
    let name = Path::new(name).file_name()?.to_str()?;
    let ours = name == GENERAL_PLUGIN || cni::is_plugin(name);
    (told && ours).then(|| name.to_owned())
}

/// Whichever plugin the configuration's `type` names.
const GENERAL_PLUGIN: &str = "vetch-cni";

/// For a lock. After a boot all containers come at once, and a runtime waits for minutes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves a runtime's call; deleting what was put aside is left to a process of its own.
pub(crate) fn cni(name: &str) -> ExitCode {
    let process = cni::Process {
        name,
        variable: &|name| std::env::var_os(name),
        options: bridge::Options {
            lock_timeout: PATIENCE,
            ..bridge::Options::default()
        },
    };
    let lent = ns_mgmt::lend_thread();
    let mut settle = |detached| {
        // The answer is given; what is left is done by the next command.
        let _ = crate::settle::settle(detached, false);
    };
    let code = cni::main(
        &process,
        &mut io::stdin().lock(),
        &mut io::stdout().lock(),
        &mut settle,
    );
    drop(lent);
    code.into()
}

fn program(name: &OsStr) -> Option<Program> {
    Program::from_name(Path::new(name).file_name()?.to_str()?)
}

/// Lets `iproute` answer on our standard output.
pub(crate) fn iproute(program: Program, words: &[OsString]) -> ExitCode {
    let env = Env {
        program,
        explain: io::stderr().is_terminal(),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let code = iproute::main(&env, words, &mut out, &mut io::stderr().lock());
    match out.flush() {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => {
            crate::start::report(&Failure::from(err).code(code.max(FAILED)))
        }
        _ => code.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(words: &str) -> Front {
        pick(&words.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    fn ours(words: &str) -> bool {
        picked(words) == Front::Vetch
    }

    #[test]
    fn the_name_decides_first() {
        for name in ["ip", "bridge", "brctl", "ifconfig"] {
            let front = picked(&format!("/usr/sbin/{name} show"));
            assert!(
                matches!(&front, Front::Iproute(program, words)
                if *program == Program::from_name(name).unwrap() && words == &[OsString::from("show")]),
                "{front:?}"
            );
        }
        assert!(ours("/opt/vetch-1.0 ls") && ours("vetch"));
    }

    #[test]
    fn a_plugin_is_called_by_its_name_without_words() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let told = |line: &str| plugin(&words(line), true);
        assert_eq!(told("/opt/cni/bin/bridge").as_deref(), Some("bridge"));
        assert_eq!(told("vetch-cni").as_deref(), Some("vetch-cni"));
        for other in [
            "bridge link",
            "vetch",
            "ip",
            "/usr/sbin/brctl",
            "portmap --help",
        ] {
            assert_eq!(told(other), None, "{other}");
        }
        assert_eq!(plugin(&words("bridge"), false), None, "iproute2's");
    }

    #[test]
    fn then_the_first_word() {
        for (word, _) in iproute::words() {
            for line in [
                format!("vetch {word}"),
                format!("vetch -n blue {word} show"),
                format!("vetch -j {word}"),
            ] {
                assert!(!ours(&line), "{line}");
            }
        }
        for own in [
            "network ls",
            "net ls",
            "ls",
            "--json ls",
            "--help",
            "--version",
            "run -- ip link",
            "attach web link",
        ] {
            assert!(ours(&format!("vetch {own}")), "{own}");
        }
    }

    #[test]
    fn no_command_of_ours_is_a_textbook_word() {
        use clap::CommandFactory;
        for command in crate::cli::Cli::command().get_subcommands() {
            for name in std::iter::once(command.get_name()).chain(command.get_all_aliases()) {
                assert!(ours(&format!("vetch {name}")), "{name}");
            }
        }
    }
}
