//! `ip netns`: named network namespaces.

mod exec;
mod ids;

use crate::args::Args;
use crate::fault::{Fault, errno_text};
use crate::session::{Session, open_netns};
use crate::table::{Object, Verb};
use crate::value::quoted;
use crate::{Done, Program};
use ns_mgmt::{NETNS_DIR, NetNs, NsName};

pub(crate) const OBJECT: Object = Object {
    names: &["netns"],
    about: "named network namespaces",
    verbs: &[
        Verb {
            names: &["list", "show", "lst"],
            usage: "",
            run: list,
        },
        Verb {
            names: &["add"],
            usage: "NAME",
            run: add,
        },
        Verb {
            names: &["delete"],
            usage: "NAME   (with -all before `netns`: each)",
            run: delete,
        },
        Verb {
            names: &["exec"],
            usage: "NAME COMMAND...   (with -all before `netns`: COMMAND... in each)",
            run: exec::exec,
        },
        Verb {
            names: &["attach"],
            usage: "NAME PID",
            run: attach,
        },
        Verb {
            names: &["list-id"],
            usage: "",
            run: ids::list,
        },
        Verb {
            names: &["set"],
            usage: "NAME N|auto",
            run: ids::set,
        },
        Verb {
            names: &["identify"],
            usage: "[PID]",
            run: identify,
        },
        Verb {
            names: &["pids"],
            usage: "NAME",
            run: pids,
        },
    ],
    default: list,
};

fn list(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    end(s, args)?;
    let mut rows = Vec::new();
    for named in NetNs::list()? {
        let mut row = s.row();
        let name = named.name.to_string();
        row.field("name", name.as_str(), &name);
        if let Some(id) = ids::of(s, &name) {
            row.field("id", id, format_args!(" (id: {id})"));
        }
        rows.push(row);
    }
    s.print(rows)
}

pub(super) fn no_name() -> Fault {
    Fault::new(
        1,
        "No netns name specified",
        "no namespace is named",
        "a name must follow",
    )
}

pub(super) fn name(args: &mut Args<'_>) -> Done<NsName> {
    let text = args.next()?.ok_or_else(no_name)?;
    text.parse().map_err(|err: ns_mgmt::Error| {
        Fault::from(err)
            .original(format!("Invalid netns name \"{}\"", quoted(text)))
            .code(255)
    })
}

/// The originals pass over what follows; where nobody relies on that, a mistake is better told.
fn end(s: &Session<'_>, args: &Args<'_>) -> Done {
    match args.peek()? {
        Some(word) if s.program == Program::Vetch => Err(Fault::garbage(word)),
        _ => Ok(()),
    }
}

/// The original makes a namespace of any name; under ours, what looks like an option was meant as one.
fn check_new(s: &Session<'_>, name: &NsName) -> Done {
    if s.program != Program::Vetch || !name.as_str().starts_with('-') {
        return Ok(());
    }
    let fault = Fault::new(
        1,
        "",
        format!("wrong name `{name}`"),
        "it begins with `-`, as an option does",
    );
    Err(fault.hint("options come before the object, as in `vetch -j netns list`"))
}

fn add(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let name = name(args)?;
    check_new(s, &name)?;
    end(s, args)?;
    let _lent = ns_mgmt::lend_thread(); // it is ours until we return
    NetNs::create_named(&name).map(drop).map_err(|err| {
        let reason = if err.is_exists() {
            "File exists".to_owned()
        } else {
            reason(&err)
        };
        let original = format!("Cannot create namespace file \"{NETNS_DIR}/{name}\": {reason}");
        Fault::from(err).original(original).code(1)
    })
}

fn reason(err: &ns_mgmt::Error) -> String {
    err.errno()
        .map_or("No such file or directory".to_owned(), errno_text)
}

fn delete(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    if args.is_empty() && s.opts.all {
        for named in NetNs::list()? {
            NetNs::delete(&named.name)?;
        }
        return Ok(());
    }
    let name = name(args)?;
    end(s, args)?;
    let deleted = NetNs::delete(&name).map_err(|err| {
        let original = format!(
            "Cannot remove namespace file \"{NETNS_DIR}/{name}\": {}",
            reason(&err)
        );
        Fault::from(err).original(original).code(1)
    })?;
    if s.explains() && !deleted.lives_on.is_empty() {
        s.note(format_args!("note: {name}: {deleted}"));
    }
    Ok(())
}

fn identify(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let opened = match args.next()? {
        None | Some("self") => NetNs::current(),
        Some(pid) => NetNs::open_pid(pid_number(pid)?),
    };
    end(s, args)?;
    let cannot =
        |err| Fault::from(err).original("Cannot open network namespace: No such file or directory");
    let names = opened.map_err(cannot)?.names()?;
    let mut row = s.row();
    let text = names.first().map(ToString::to_string).unwrap_or_default();
    row.field("name", text.as_str(), &text);
    s.print(vec![row])
}

fn pid_number(text: &str) -> Done<u32> {
    let pid = text.parse().ok().filter(|pid| *pid > 0);
    pid.ok_or_else(|| {
        let original = format!("Specified string '{}' is not a pid", quoted(text));
        Fault::new(
            1,
            original,
            format!("wrong pid `{}`", quoted(text)),
            "the number of a process is expected",
        )
    })
}

fn pids(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let name = args.next()?.ok_or_else(no_name)?;
    end(s, args)?;
    let original = "Cannot open network namespace: No such file or directory";
    let netns = open_netns(name).map_err(|fault| fault.original(original).code(1))?;
    for pid in ns_mgmt::pids(netns.as_namespace())? {
        s.say(format_args!("{pid}\n"))?;
    }
    Ok(())
}

/// Gives the namespace of a process a name.
fn attach(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let name = name(args)?;
    check_new(s, &name)?;
    let pid = pid_number(args.next()?.ok_or_else(|| {
        Fault::new(
            1,
            "No pid specified",
            "no process is named",
            "its number must follow",
        )
    })?)?;
    end(s, args)?;
    Ok(NetNs::open_pid(pid)?.bind_name(&name)?)
}
