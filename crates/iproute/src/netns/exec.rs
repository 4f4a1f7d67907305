//! `ip netns exec`: a program in a named namespace, with the namespace's files in /etc and its own /sys.

use super::no_name;
use crate::args::Args;
use crate::fault::{Fault, errno_text};
use crate::session::{Session, open_netns};
use crate::{Done, Program};
use ns_mgmt::{Choice, Choices, NetNs, NsName, RunSpec};
use std::ffi::{OsStr, OsString};

/// Becomes the program. Comes back only if that fails, or has been in every namespace.
pub(super) fn exec(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    if s.opts.all {
        let command = command(args.rest())?;
        return exec_all(s, command);
    }
    let Some(name) = args.next()? else {
        return Err(no_name());
    };
    let netns = open_netns(name)?;
    let command = command(args.rest())?;
    let spec = spec(&netns, name, command)?;
    s.flush()?;
    let err = spec.exec();
    Err(explain(s, err, &command[0], name))
}

fn command(words: &[OsString]) -> Done<&[OsString]> {
    match words {
        [] => Err(Fault::new(
            1,
            "No command specified",
            "no command is given",
            "a program must follow the name",
        )),
        words => Ok(words),
    }
}

fn spec(netns: &NetNs, name: &str, command: &[OsString]) -> Done<RunSpec> {
    Ok(RunSpec {
        command: command.to_vec(),
        namespaces: Choices {
            net: Choice::Join(netns.as_namespace().try_clone()?),
            mnt: Choice::New,
            ..Choices::default()
        },
        etc: name.parse::<NsName>().ok(),
        ..RunSpec::default()
    })
}

/// In every named namespace, one after the other. The original's exit code is 0 whatever came of it; ours is that of the first failure.
fn exec_all(s: &mut Session<'_>, command: &[OsString]) -> Done {
    let mut first = 0;
    for named in NetNs::list()? {
        let name = named.name.to_string();
        s.say(format_args!("\nnetns: {name}\n"))?;
        s.flush()?;
        let code = run(s, &name, command).unwrap_or_else(|fault| s.report(&fault));
        first = if first == 0 { code } else { first };
    }
    match (first, s.program) {
        (0, _) | (_, Program::Ip) => Ok(()),
        (code, _) => Err(Fault::Code(code)),
    }
}

/// Runs the program in one namespace and waits for its end.
fn run(s: &Session<'_>, name: &str, command: &[OsString]) -> Done<u8> {
    let cannot = |err| explain(s, err, &command[0], name);
    let spec = spec(&open_netns(name)?, name, command)?;
    let mut child = spec.spawn().map_err(cannot)?;
    child.start().map_err(cannot)?;
    let code = child.wait().map_err(cannot)?;
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

fn explain(s: &Session<'_>, err: ns_mgmt::Error, program: &OsStr, netns: &str) -> Fault {
    let text = program.to_string_lossy();
    let reason = err
        .errno()
        .map_or("No such file or directory".to_owned(), errno_text);
    let code = err.exit_code();
    let fault = Fault::from(err)
        .original(format!(
            "exec of \"{}\" failed: {reason}",
            crate::value::quoted(&text)
        ))
        .code(1)
        .own_code(code);
    let name = text.rsplit('/').next().unwrap_or_default();
    let known = Program::from_name(name).filter(|_| code == 127 && s.program == Program::Vetch);
    match known {
        Some(Program::Ip) => fault.hint(format!(
            "this host has no iproute2; `vetch -n {netns} ...` says the same"
        )),
        Some(_) => fault.hint(format!(
            "this host has no {name}; `vetch -n {netns} {name} ...` says the same"
        )),
        None => fault,
    }
}
