//! `ip netns exec`: a program in a named namespace, with the namespace's files in /etc and its own /sys.

use super::no_name;
use crate::args::Args;
use crate::fault::{Fault, errno_text};
use crate::session::{Session, open_netns};
use crate::{Done, Program};
use ns_mgmt::{Choice, Choices, NsName, RunSpec};
use std::ffi::OsStr;

/// Becomes the program. Comes back only if that fails.
pub(super) fn exec(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let Some(name) = args.next()? else {
        return Err(no_name());
    };
    let netns = open_netns(name)?;
    let command = args.rest();
    let Some(program) = command.first() else {
        return Err(Fault::new(
            1,
            "No command specified",
            "no command is given",
            "a program must follow the name",
        ));
    };
    let spec = RunSpec {
        command: command.to_vec(),
        namespaces: Choices {
            net: Choice::Join(netns.as_namespace().try_clone()?),
            mnt: Choice::New,
            ..Choices::default()
        },
        etc: name.parse::<NsName>().ok(),
        ..RunSpec::default()
    };
    s.flush()?;
    let err = spec.exec();
    Err(explain(s, err, program, name))
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
