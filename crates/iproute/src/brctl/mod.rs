//! `brctl` of bridge-utils: bridges in their everyday forms. One more command is one row.

mod set;
mod show;

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;
use crate::value::quoted;
use core_netlink::link::{Kind, Link};

type Run = fn(&mut Session<'_>, &[&str]) -> Done;

/// A name, what must follow, what it does, and who does it.
type Command = (&'static str, &'static str, &'static str, Run);

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    ("addbr", "<bridge>", "add bridge", set::addbr),
    ("delbr", "<bridge>", "delete bridge", set::delbr),
    ("addif", "<bridge> <device>", "add interface to bridge", set::addif),
    ("delif", "<bridge> <device>", "delete interface from bridge", set::delif),
    ("hairpin", "<bridge> <port> {on|off}", "turn hairpin on/off", set::hairpin),
    ("setageing", "<bridge> <time>", "set ageing time", set::setageing),
    ("setbridgeprio", "<bridge> <prio>", "set bridge priority", set::setbridgeprio),
    ("setfd", "<bridge> <time>", "set bridge forward delay", set::setfd),
    ("sethello", "<bridge> <time>", "set hello time", set::sethello),
    ("setmaxage", "<bridge> <time>", "set max message age", set::setmaxage),
    ("setpathcost", "<bridge> <port> <cost>", "set path cost", set::setpathcost),
    ("setportprio", "<bridge> <port> <prio>", "set port priority", set::setportprio),
    ("show", "[ <bridge> ]", "show a list of bridges", show::show),
    ("showmacs", "<bridge>", "show a list of mac addrs", show::macs),
    ("stp", "<bridge> {on|off}", "turn stp on/off", set::stp),
];

pub(crate) fn run(s: &mut Session<'_>, mut args: Args<'_>) -> Done {
    let Some(name) = args.next()? else {
        s.note(usage());
        return Err(Fault::Code(1));
    };
    match name {
        "-h" | "--help" | "help" => return s.say(format_args!("{}\n", usage())),
        "-V" | "--version" => {
            return s.say(format_args!(
                "bridge-utils, 1.7, vetch {}\n",
                env!("CARGO_PKG_VERSION")
            ));
        }
        _ => {}
    }
    let (_, form, about, run) = COMMANDS
        .iter()
        .find(|(known, ..)| *known == name)
        .ok_or_else(|| unknown(name))?;
    let mut words = Vec::new();
    while let Some(word) = args.next()? {
        words.push(word);
    }
    let needed = form
        .split(' ')
        .filter(|part| part.starts_with(['<', '{']))
        .count();
    let open = form.starts_with('[');
    if !open && words.len() != needed {
        let original = format!(
            "Incorrect number of arguments for command\nUsage: brctl {name} {form}{}{about}",
            tabs(form)
        );
        return Err(Fault::new(
            1,
            original,
            format!("`brctl {name}` takes {form}"),
            format!("{} words were given", words.len()),
        ));
    }
    run(s, &words)
}

fn usage() -> String {
    let line =
        |(name, form, about, _): &Command| format!("\t{name:<10}\t{form}{}{about}", tabs(form));
    let lines: Vec<String> = COMMANDS.iter().map(line).collect();
    format!("Usage: brctl [commands]\ncommands:\n{}", lines.join("\n"))
}

/// Between a form and what it does, as bridge-utils aligns them.
fn tabs(form: &str) -> &'static str {
    if form.len() < 16 { "\t\t" } else { "\t" }
}

fn unknown(name: &str) -> Fault {
    let name = quoted(name);
    Fault::new(
        1,
        format!("never heard of command [{name}]\n{}", usage()),
        format!("`brctl {name}` is no command"),
        "nothing was done",
    )
    .hint("addbr, delbr, addif, delif, show, showmacs, stp, setfd, setageing ...")
}

/// The bridge of this name.
fn bridge(s: &mut Session<'_>, name: &str) -> Done<Link> {
    let missing = format!("bridge {} does not exist!", quoted(name));
    let link = s
        .link(name)
        .map_err(|fault| fault.when_missing(|| Fault::no_device(name).original(missing)))?;
    if matches!(link.kind, Some(Kind::Bridge(_))) {
        return Ok(link);
    }
    let original = format!("device {} is not a bridge!", quoted(name));
    Err(Fault::new(
        1,
        original,
        format!("link `{}` is no bridge", link.name),
        format!("it is a {}", link.kind_name().unwrap_or("device")),
    )
    .hint("`brctl show` lists the bridges"))
}
