//! One call: its options, where it writes, the namespace it speaks in, and the names of links there.

use crate::fault::{Fault, Told};
use crate::names::Names;
use crate::options::Options;
use crate::row::Row;
use crate::{Done, Env, Program, page};
use core_netlink::{Conn, Protocol};
use ns_mgmt::{NetNs, Target};
use std::fmt::Display;
use std::io::{BufWriter, Write};

/// What a verb works with.
pub(crate) struct Session<'a> {
    pub(crate) program: Program,
    pub(crate) opts: Options,
    pub(crate) names: Names,
    explain: bool,
    out: BufWriter<&'a mut dyn Write>,
    err: &'a mut dyn Write,
    netns: Option<NetNs>,
    conn: Option<Conn>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(env: &Env, out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Session {
            program: env.program,
            opts: Options::default(),
            names: Names::default(),
            explain: env.explain,
            out: BufWriter::new(out),
            err,
            netns: None,
            conn: None,
        }
    }

    /// The connection to the kernel, in the namespace of `-n` or our own.
    pub(crate) fn conn(&mut self) -> Done<&mut Conn> {
        if self.conn.is_none() {
            let conn = match &self.opts.netns {
                None => Conn::open(Protocol::Route)?,
                Some(_) => self.netns()?.conn(Protocol::Route)?,
            };
            self.conn = Some(conn);
        }
        self.conn.as_mut().ok_or(Fault::Closed)
    }

    /// The namespace of `-n`, or our own.
    pub(crate) fn netns(&mut self) -> Done<&NetNs> {
        if self.netns.is_none() {
            let opened = match &self.opts.netns {
                None => NetNs::current()?,
                Some(name) => open_netns(name)?,
            };
            self.netns = Some(opened);
        }
        self.netns.as_ref().ok_or(Fault::Closed)
    }

    /// Speaks with this namespace from now on.
    #[cfg(test)]
    pub(crate) fn with_conn(mut self, conn: Conn) -> Self {
        self.conn = Some(conn);
        self
    }

    /// A record to be described in the form that was asked for.
    pub(crate) fn row(&self) -> Row {
        Row::new(self.opts.json)
    }

    pub(crate) fn print(&mut self, rows: Vec<Row>) -> Done {
        Ok(page::write(&mut self.out, self.opts.form(), rows)?)
    }

    /// Text as it is.
    pub(crate) fn say(&mut self, text: impl Display) -> Done {
        Ok(write!(self.out, "{text}")?)
    }

    /// Where text that is not made of records goes.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// A line for people, beside the output.
    pub(crate) fn note(&mut self, text: impl Display) {
        let _ = self.out.flush();
        let _ = writeln!(self.err, "{text}");
    }

    /// Whether explanations are wanted on stderr.
    pub(crate) fn explains(&self) -> bool {
        self.program == Program::Vetch || self.explain || self.opts.explain
    }

    /// Ends the call: what is left is written, a fault is told, and the exit code follows.
    pub(crate) fn finish(mut self, done: Done) -> u8 {
        let flushed = self.out.flush();
        match done.and_then(|()| Ok(flushed?)) {
            Ok(()) | Err(Fault::Closed) => 0,
            Err(Fault::Code(code)) => code,
            Err(Fault::Told(told)) => self.tell(&told),
        }
    }

    fn tell(&mut self, told: &Told) -> u8 {
        if self.program != Program::Vetch {
            let _ = writeln!(self.err, "{}", told.original);
            if self.explains() {
                self.explain(told);
            }
            return told.code;
        }
        self.explain(told);
        if told.is_no { 1 } else { 2 }
    }

    fn explain(&mut self, told: &Told) {
        let place = self
            .place()
            .map(|name| format!(" in namespace {name}"))
            .unwrap_or_default();
        let _ = writeln!(self.err, "error: {}{place}: {}", told.what, told.why);
        if let Some(hint) = &told.hint {
            let _ = writeln!(self.err, "hint: {hint}");
        }
    }

    /// The namespace we speak in, by name if it has one.
    pub(crate) fn place(&self) -> Option<String> {
        let named = || {
            NetNs::current()
                .ok()?
                .names()
                .ok()?
                .first()
                .map(ToString::to_string)
        };
        self.opts.netns.clone().or_else(named)
    }
}

/// Opens a namespace by name, path or `pid:N`, with the words of the original if it cannot be.
pub(crate) fn open_netns(name: &str) -> Done<NetNs> {
    let opened = name
        .parse::<Target>()
        .and_then(|target| NetNs::open(&target));
    opened.map_err(|err| {
        let reason = err.errno().map_or(
            "No such file or directory".to_owned(),
            crate::fault::errno_text,
        );
        let original = format!(
            "Cannot open network namespace \"{}\": {reason}",
            crate::value::quoted(name)
        );
        let hinted = err.hint().is_some();
        let fault = Fault::from(err).original(original).code(255);
        if hinted {
            fault
        } else {
            fault.hint("`vetch netns list` lists the named ones, `vetch lsns --type net` all")
        }
    })
}
