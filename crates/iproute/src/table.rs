//! The grammar as a table: objects, their verbs, and who carries them out. One more verb is one row.

use crate::args::Args;
use crate::fault::Fault;
use crate::options::Options;
use crate::session::Session;
use crate::value::quoted;
use crate::{Done, Program, addr, brctl, bridge, ifconfig, link, neigh, netns, route, rule};

/// Carries out one verb, given the words behind it.
pub(crate) type Run = fn(&mut Session<'_>, &mut Args<'_>) -> Done;

/// Something that can be done to an object.
pub(crate) struct Verb {
    /// In the order in which the original compares; the first is the one we print.
    pub(crate) names: &'static [&'static str],
    /// What may follow.
    pub(crate) usage: &'static str,
    pub(crate) run: Run,
}

/// A word of the first place.
pub(crate) struct Object {
    pub(crate) names: &'static [&'static str],
    pub(crate) about: &'static str,
    pub(crate) verbs: &'static [Verb],
    /// Without a verb.
    pub(crate) default: Run,
}

/// What `ip` knows, in the order in which it compares.
const IP: &[&Object] = &[
    &addr::OBJECT,
    &route::OBJECT,
    &rule::OBJECT,
    &neigh::OBJECT,
    &link::OBJECT,
    &netns::OBJECT,
];

/// What `bridge` knows.
const BRIDGE: &[&Object] = &[&bridge::LINK, &bridge::FDB, &bridge::VLAN];

/// The programs that are words of `vetch`.
const PROGRAMS: [(&str, &str); 4] = [
    ("ip", "iproute2's `ip`; the word may be left out"),
    (
        "bridge",
        "ports, forwarding entries and VLANs of bridges (iproute2's `bridge`)",
    ),
    ("brctl", "bridges, as bridge-utils has it"),
    ("ifconfig", "interfaces, as net-tools has it"),
];

pub(crate) fn is_word(word: &str) -> bool {
    words().any(|(known, _)| known == word) || IP.iter().any(|object| object.names.contains(&word))
}

pub(crate) fn words() -> impl Iterator<Item = (&'static str, &'static str)> {
    let objects = IP
        .iter()
        .filter_map(|object| Some((*object.names.first()?, object.about)));
    objects.chain(PROGRAMS)
}

/// Carries out a command line.
pub(crate) fn run(session: &mut Session<'_>, args: Args<'_>) -> Done {
    match session.program {
        Program::Bridge => tool(session, args, "bridge", BRIDGE),
        Program::Brctl => brctl::run(session, args),
        Program::Ifconfig => ifconfig::run(session, args),
        Program::Ip => tool(session, args, "ip", IP),
        Program::Vetch => vetch(session, args),
    }
}

fn vetch(session: &mut Session<'_>, mut args: Args<'_>) -> Done {
    session.opts = Options::read(&mut args)?;
    match args.peek()? {
        Some("ip") => {
            more_options(session, &mut args)?;
            dispatch(session, args, "vetch", IP)
        }
        Some("bridge") => {
            more_options(session, &mut args)?;
            dispatch(session, args, "vetch bridge", BRIDGE)
        }
        Some("brctl") => {
            args.skip();
            brctl::run(session, args)
        }
        Some("ifconfig") => {
            args.skip();
            ifconfig::run(session, args)
        }
        _ => dispatch(session, args, "vetch", IP),
    }
}

/// Options may stand before the program's name and behind it.
fn more_options(session: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    args.skip();
    let outer = std::mem::take(&mut session.opts);
    session.opts = Options::read(args)?.over(outer);
    Ok(())
}

fn tool(session: &mut Session<'_>, mut args: Args<'_>, name: &str, objects: &[&Object]) -> Done {
    let read = Options::read(&mut args);
    session.opts = read.map_err(|fault| fault.of_tool(name))?;
    if session.opts.version {
        return session.say(format_args!(
            "{name} utility, iproute2-6.1.0, vetch {}\n",
            env!("CARGO_PKG_VERSION")
        ));
    }
    dispatch(session, args, name, objects)
}

fn dispatch(
    session: &mut Session<'_>,
    mut args: Args<'_>,
    name: &str,
    objects: &[&Object],
) -> Done {
    let Some(word) = args.next()?.filter(|_| !session.opts.help) else {
        return usage(session, &overview(name, objects), session.opts.help);
    };
    if args.means(word, "help") && find(&args, name, word, objects).is_none() {
        return usage(session, &overview(name, objects), true);
    }
    let object = find(&args, name, word, objects).ok_or_else(|| no_such(name, word, objects))?;
    let title = object.names.first().copied().unwrap_or_default();
    let Some(word) = args.next()? else {
        return (object.default)(session, &mut args);
    };
    let verb = object
        .verbs
        .iter()
        .find(|verb| verb.names.iter().any(|known| args.means(word, known)));
    match verb {
        Some(verb) => (verb.run)(session, &mut args),
        None if args.means(word, "help") || word == "--help" => {
            usage(session, &details(name, object), true)
        }
        None => Err(no_verb(name, title, word, object)),
    }
}

/// Objects may be shortened under the names of the originals; `vetch` has other words, which must not be taken for them.
fn find<'o>(args: &Args<'_>, name: &str, word: &str, objects: &[&'o Object]) -> Option<&'o Object> {
    let exact = name == "vetch";
    let meant = |known: &str| {
        if exact {
            known == word
        } else {
            args.means(word, known)
        }
    };
    objects
        .iter()
        .find(|object| object.names.iter().any(|known| meant(known)))
        .copied()
}

/// Help goes where the original puts it; under our own name, help that was asked for is output.
fn usage(session: &mut Session<'_>, text: &str, asked: bool) -> Done {
    if session.program == Program::Vetch && asked {
        return session.say(format_args!("{text}\n"));
    }
    session.note(text);
    Err(Fault::Code(if session.program == Program::Vetch {
        2
    } else {
        255
    }))
}

fn overview(name: &str, objects: &[&Object]) -> String {
    let mut text = format!("Usage: {name} [ OPTIONS ] OBJECT {{ COMMAND | help }}\nOBJECT:");
    for object in objects {
        text += &format!(
            "\n  {:<10} {}",
            object.names.first().unwrap_or(&""),
            object.about
        );
    }
    text + "\nOPTIONS: -n NETNS, -4, -6, -j (JSON), -p (pretty), -d (details), -s (statistics), -br (brief), -o (one line each)"
}

fn details(name: &str, object: &Object) -> String {
    let title = object.names.first().unwrap_or(&"");
    let line = |verb: &Verb| {
        format!(
            "{name} {title} {} {}",
            verb.names.first().unwrap_or(&""),
            verb.usage
        )
    };
    let lines: Vec<String> = object.verbs.iter().map(line).collect();
    format!("Usage: {}", lines.join("\n       "))
}

fn no_such(name: &str, word: &str, objects: &[&Object]) -> Fault {
    let word = quoted(word);
    let known: Vec<_> = objects
        .iter()
        .filter_map(|object| object.names.first().copied())
        .collect();
    let original = format!("Object \"{word}\" is unknown, try \"{name} help\".");
    Fault::new(
        if name == "bridge" { 255 } else { 1 },
        original,
        format!("`{word}` is no object of `{name}`"),
        "nothing was done",
    )
    .hint(known.join(", "))
}

fn no_verb(name: &str, title: &str, word: &str, object: &Object) -> Fault {
    let word = quoted(word);
    let known: Vec<_> = object
        .verbs
        .iter()
        .filter_map(|verb| verb.names.first().copied())
        .collect();
    let original = format!("Command \"{word}\" is unknown, try \"{name} {title} help\".");
    let fault = Fault::new(
        255,
        original,
        format!("`{name} {title} {word}` is no command"),
        "nothing was done",
    );
    match word.strip_prefix('-') {
        Some(_) => fault.hint(format!(
            "options come before the object: `{name} {word} {title}`"
        )),
        None => fault.hint(known.join(", ")),
    }
}
