//! What went wrong: in the words scripts know, and in ours.
//!
//! Under the name of an original its first line and exit code are kept; under `vetch` it is `error:` and `hint:`.

use crate::hints;
use crate::value::quoted;
use std::ffi::OsStr;
use std::{error, io};

const USAGE: u8 = 255;
const INPUT: u8 = 1;
const KERNEL: u8 = 2;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Something to tell.
    Told(Box<Told>),
    /// Nothing to tell: the code of a program that ran in our place, or help that was asked for.
    Code(u8),
    /// Nobody reads our output any more.
    Closed,
}

/// What is told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The line the original prints.
    pub(crate) original: String,
    /// The exit code of the original.
    pub(crate) code: u8,
    /// What was tried on which object: "cannot add link `br0`".
    pub(crate) what: String,
    /// Why not.
    pub(crate) why: String,
    /// The way out.
    pub(crate) hint: Option<String>,
    /// A question was answered with no; nothing failed.
    pub(crate) is_no: bool,
    /// Our own exit code, where it is none of the usual.
    pub(crate) own_code: Option<u8>,
}

impl Fault {
    fn told(code: u8, original: String, what: String, why: String) -> Fault {
        Fault::Told(Box::new(Told {
            original,
            code,
            what,
            why,
            ..Told::default()
        }))
    }

    /// The original's own line and code, and ours.
    pub(crate) fn new(
        code: u8,
        original: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
    ) -> Fault {
        Fault::told(code, original.into(), what.into(), why.into())
    }

    /// Adds the way out.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Fault {
        if let Fault::Told(told) = &mut self {
            told.hint = Some(hint.into());
        }
        self
    }

    /// Says that nothing failed: the answer is no.
    #[must_use]
    pub(crate) fn no(mut self) -> Fault {
        if let Fault::Told(told) = &mut self {
            told.is_no = true;
        }
        self
    }

    /// With an exit code of our own that is none of the usual.
    #[must_use]
    pub(crate) fn own_code(mut self, code: u8) -> Fault {
        if let Fault::Told(told) = &mut self {
            told.own_code = Some(code);
        }
        self
    }

    /// With another exit code for the original.
    #[must_use]
    pub(crate) fn code(mut self, code: u8) -> Fault {
        if let Fault::Told(told) = &mut self {
            told.code = code;
        }
        self
    }

    /// An unknown option of `bridge` is worded otherwise than one of `ip`.
    #[must_use]
    pub(crate) fn of_tool(mut self, name: &str) -> Fault {
        if let (Fault::Told(told), "bridge") = (&mut self, name) {
            told.original = told.original.replace("ip -help", "bridge help");
        }
        self
    }

    /// Replaces the line of the original.
    #[must_use]
    pub(crate) fn original(mut self, line: impl Into<String>) -> Fault {
        if let Fault::Told(told) = &mut self {
            told.original = line.into();
        }
        self
    }

    /// Says what was tried.
    #[must_use]
    pub(crate) fn what(mut self, what: impl Into<String>) -> Fault {
        if let Fault::Told(told) = &mut self {
            told.what = what.into();
        }
        self
    }

    /// A list could not be read to its end: the original adds a line that says so.
    #[must_use]
    pub(crate) fn dump(mut self, line: &str) -> Fault {
        if let Fault::Told(told) = &mut self {
            told.original += &format!("\n{line}");
        }
        self
    }

    /// Other words for a link that is not there; whatever else went wrong stays as it is.
    #[must_use]
    pub(crate) fn when_missing(self, other: impl FnOnce() -> Fault) -> Fault {
        match &self {
            Fault::Told(told) if told.original.starts_with("Cannot find device") => other(),
            _ => self,
        }
    }

    pub(crate) fn not_text(word: &OsStr) -> Fault {
        let word = word.to_string_lossy();
        Fault::wrong("argument", &word, "not UTF-8")
    }

    /// Words are missing behind `key`.
    pub(crate) fn incomplete(key: &str) -> Fault {
        let original = "Command line is not complete. Try option \"help\"";
        Fault::new(
            USAGE,
            original,
            format!("`{key}` needs a value"),
            "the command line ends there",
        )
    }

    /// The value of a field is wrong: `why` says what is right.
    pub(crate) fn wrong(field: &str, value: &str, why: impl Into<String>) -> Fault {
        let why = why.into();
        let original = format!("Error: argument \"{}\" is wrong: {why}", quoted(value));
        Fault::told(
            USAGE,
            original,
            format!("wrong {field} `{}`", quoted(value)),
            why,
        )
    }

    /// A number or name that does not fit its field.
    pub(crate) fn bad_value(field: &str, value: &str, right: impl Into<String>) -> Fault {
        let original = format!(
            "Error: argument \"{}\" is wrong: Invalid \"{field}\" value\n",
            quoted(value)
        );
        Fault::told(
            USAGE,
            original,
            format!("wrong {field} `{}`", quoted(value)),
            right.into(),
        )
    }

    pub(crate) fn on_off(key: &str, value: &str) -> Fault {
        let original = format!(
            "Error: argument of \"{key}\" must be \"on\" or \"off\", not \"{}\"",
            quoted(value)
        );
        Fault::told(
            INPUT,
            original,
            format!("wrong {key} `{}`", quoted(value)),
            "`on` or `off`".into(),
        )
    }

    /// A word that has no place here.
    pub(crate) fn garbage(word: &str) -> Fault {
        let word = quoted(word);
        let original = format!("Error: either \"dev\" is duplicate, or \"{word}\" is a garbage.");
        Fault::told(
            USAGE,
            original,
            format!("`{word}` has no place here"),
            "it is no keyword, or was said twice".into(),
        )
        .hint("`vetch OBJECT help` lists the words")
    }

    pub(crate) fn duplicate(key: &str, word: &str) -> Fault {
        let original = format!(
            "Error: either \"{key}\" is duplicate, or \"{}\" is a garbage.",
            quoted(word)
        );
        Fault::told(
            USAGE,
            original,
            format!("`{key}` is given twice"),
            format!("`{}` is the second value", quoted(word)),
        )
    }

    /// Something that must be said was not.
    pub(crate) fn missing(code: u8, original: &str, what: &str, right: &str) -> Fault {
        Fault::new(code, original, what, right)
    }

    /// There is no link of this name, so nothing can be done to it.
    pub(crate) fn no_device(name: &str) -> Fault {
        let name = quoted(name);
        Fault::told(
            INPUT,
            format!("Cannot find device \"{name}\""),
            format!("no link `{name}`"),
            "it does not exist here".into(),
        )
        .hint(
            "`vetch link` lists the links of this namespace, `vetch -n NAME link` those of another",
        )
    }

    /// The same, when it was asked for.
    pub(crate) fn not_there(name: &str) -> Fault {
        Fault::no_device(name)
            .original(format!("Device \"{}\" does not exist.", quoted(name)))
            .no()
    }
}

/// The text of an error number as the C library has it.
pub(crate) fn errno_text(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn chain(err: &dyn error::Error) -> String {
    let mut text = String::new();
    let mut next = err.source();
    while let Some(err) = next {
        text += if text.is_empty() { "" } else { ": " };
        text += &err.to_string();
        next = err.source();
    }
    text
}

impl From<core_netlink::Error> for Fault {
    fn from(err: core_netlink::Error) -> Fault {
        let answer = match (err.kernel_text(), err.errno()) {
            (Some(text), _) => format!("Error: {}.", text.trim_end_matches('.')),
            (None, Some(errno)) => format!("RTNETLINK answers: {}", errno_text(errno)),
            (None, None) => format!("Error: {}.", chain(&err)),
        };
        let why = match (err.kernel_text(), err.errno()) {
            (Some(text), Some(errno)) => format!("{} ({text})", errno_text(errno)),
            (None, Some(errno)) => errno_text(errno),
            _ => chain(&err),
        };
        let known = || hints::kernel(err.op(), err.errno(), err.kernel_text());
        let hint = err.hint().or_else(known);
        let fault = Fault::told(KERNEL, answer, format!("cannot {}", err.op()), why);
        match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}

impl From<ns_mgmt::Error> for Fault {
    fn from(err: ns_mgmt::Error) -> Fault {
        let why = chain(&err);
        let hint = err.hint().map(str::to_owned);
        let fault = Fault::told(INPUT, format!("{err}: {why}"), err.to_string(), why);
        match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(err: io::Error) -> Fault {
        match err.kind() {
            io::ErrorKind::BrokenPipe => Fault::Closed,
            _ => Fault::new(
                INPUT,
                format!("write error: {err}"),
                "cannot write the output",
                err.to_string(),
            ),
        }
    }
}
