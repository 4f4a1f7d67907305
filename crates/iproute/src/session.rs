//! One call: its options, where it writes, the namespace it speaks in, and the names of links there.

use crate::fault::{Fault, Told};
use crate::names::Names;
use crate::options::Options;
use crate::page::{Held, List};
use crate::row::Row;
use crate::{Done, Env, Program};
use core_netlink::link::{Link, LinkRef};
use core_netlink::nsid::NsRef;
use core_netlink::{Conn, IfIndex, NsId, Protocol, Query};
use ns_mgmt::{NetNs, Target};
use std::collections::HashMap;
use std::fmt::Display;
use std::io::{BufWriter, Write};
use std::os::fd::AsFd;

/// So often a list that changes is read.
const ATTEMPTS: u32 = 10;

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
    /// To look names up while the other one lists.
    spare: Option<Conn>,
    /// Links seen so far: their names, and whether they are up.
    seen: HashMap<IfIndex, (String, bool)>,
    /// Names of the namespaces that others' numbers stand for.
    nsids: Option<Vec<(NsId, String)>>,
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
            spare: None,
            seen: HashMap::new(),
            nsids: None,
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
    pub(crate) fn with_conns(mut self, conn: Conn, spare: Conn) -> Self {
        (self.conn, self.spare) = (Some(conn), Some(spare));
        self
    }

    /// A record to be described in the form that was asked for.
    pub(crate) fn row(&self) -> Row {
        Row::new(self.opts.json)
    }

    pub(crate) fn print(&mut self, rows: Vec<Row>) -> Done {
        let mut list = List::new(self.opts.form());
        for row in rows {
            list.add(row, &mut self.out)?;
        }
        Ok(list.end(&mut self.out)?)
    }

    /// Prints a list as it comes from the kernel. A list that changes meanwhile is read again, until so much of it has been printed that
    /// this cannot be taken back.
    pub(crate) fn stream<Q: Query>(
        &mut self,
        query: &Q,
        describe: impl FnMut(&mut Self, Q::Record) -> Option<Row>,
    ) -> Done {
        self.conn()?;
        let spare = self.spare.take();
        let Some(mut conn) = std::mem::replace(&mut self.conn, spare) else {
            return Err(Fault::Closed);
        };
        let done = self.stream_on(&mut conn, query, describe);
        self.spare = self.conn.replace(conn);
        done
    }

    fn stream_on<Q: Query>(
        &mut self,
        conn: &mut Conn,
        query: &Q,
        mut describe: impl FnMut(&mut Self, Q::Record) -> Option<Row>,
    ) -> Done {
        let mut attempt = 1;
        loop {
            let mut held = Held::new(List::new(self.opts.form()));
            let listed = conn.dump_each(query, |record| {
                if !held.is_broken()
                    && let Some(row) = describe(self, record)
                {
                    held.add(row, &mut self.out);
                }
            });
            let again = attempt < ATTEMPTS && !held.is_written();
            match listed {
                Ok(()) => return Ok(held.end(&mut self.out)?),
                Err(err) if err.is_interrupted() && again => attempt += 1,
                Err(err) if held.is_written() => {
                    held.end(&mut self.out)?;
                    return Err(err.into());
                }
                Err(err) => return Err(err.into()),
            }
        }
    }

    /// Text as it is.
    pub(crate) fn say(&mut self, text: impl Display) -> Done {
        Ok(write!(self.out, "{text}")?)
    }

    /// Everything said so far is written out: another program is about to speak.
    pub(crate) fn flush(&mut self) -> Done {
        Ok(self.out.flush()?)
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

    /// Tells a fault that does not end the call; answers the exit code it would have.
    pub(crate) fn report(&mut self, fault: &Fault) -> u8 {
        match fault {
            Fault::Told(told) => self.tell(told),
            Fault::Code(code) => *code,
            Fault::Closed => 0,
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
        told.own_code.unwrap_or(if told.is_no { 1 } else { 2 })
    }

    fn explain(&mut self, told: &Told) {
        let places = told.what.starts_with("cannot") || told.what.starts_with("no link");
        let place = self
            .place()
            .filter(|_| places && !told.what.contains("namespace"));
        let place = place
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

/// Links by name and by number.
impl Session<'_> {
    /// The link of this name, or of this alternative name; it must be there.
    pub(crate) fn link(&mut self, name: &str) -> Done<Link> {
        let Ok(wanted) = name.parse::<LinkRef>() else {
            return Err(Fault::no_device(name));
        };
        let found = self.conn()?.find_link(wanted)?;
        let link = found.ok_or_else(|| Fault::no_device(name))?;
        self.remember(std::slice::from_ref(&link));
        Ok(link)
    }

    /// The same for a question.
    pub(crate) fn shown_link(&mut self, name: &str) -> Done<Link> {
        self.link(name)
            .map_err(|fault| fault.when_missing(|| Fault::not_there(name)))
    }

    pub(crate) fn link_index(&mut self, name: &str) -> Done<IfIndex> {
        Ok(self.link(name)?.index)
    }

    /// The link that is the value of `field`.
    pub(crate) fn link_value(&mut self, field: &str, name: &str) -> Done<IfIndex> {
        let wrong = || {
            Fault::wrong(field, name, "Device does not exist\n")
                .hint("`vetch link` lists the links of this namespace")
        };
        Ok(self
            .link(name)
            .map_err(|fault| fault.when_missing(wrong))?
            .index)
    }

    /// Keeps names, so that they need not be asked for.
    pub(crate) fn remember(&mut self, links: &[Link]) {
        self.seen.extend(
            links
                .iter()
                .map(|link| (link.index, (link.name.to_string(), link.is_up()))),
        );
    }

    fn look(&mut self, index: IfIndex) -> Option<&(String, bool)> {
        if !self.seen.contains_key(&index) {
            let link = self.conn().ok()?.get_link(index).ok()?;
            self.remember(std::slice::from_ref(&link));
        }
        self.seen.get(&index)
    }

    /// The name of a link; `if7` if it is gone or not ours to see.
    pub(crate) fn link_name(&mut self, index: IfIndex) -> String {
        self.look(index)
            .map_or_else(|| format!("if{index}"), |(name, _)| name.clone())
    }

    /// Whether a link is there and not up.
    pub(crate) fn is_down(&mut self, index: IfIndex) -> bool {
        self.look(index).is_some_and(|(_, up)| !up)
    }

    /// The name under /run/netns of the namespace that has this number here.
    pub(crate) fn netns_name(&mut self, id: NsId) -> Option<String> {
        let known = self.nsids().ok()?;
        known
            .iter()
            .find(|(number, _)| *number == id)
            .map(|(_, name)| name.clone())
    }

    /// The named namespaces that have numbers here.
    pub(crate) fn nsids(&mut self) -> Done<&[(NsId, String)]> {
        if self.nsids.is_none() {
            let mut known = Vec::new();
            for named in NetNs::list()? {
                let Ok(netns) = NetNs::open_name(&named.name) else {
                    continue;
                };
                if let Some(id) = self.conn()?.nsid(NsRef::Fd(netns.as_fd()))? {
                    known.push((id, named.name.to_string()));
                }
            }
            self.nsids = Some(known);
        }
        Ok(self.nsids.as_deref().unwrap_or_default())
    }

    /// What the kernel refused, with the link's name in place of its number.
    pub(crate) fn named(err: core_netlink::Error, link: &Link) -> Fault {
        Session::renumbered(err, link.index, &link.name.to_string())
    }

    pub(crate) fn renumbered(err: core_netlink::Error, index: IfIndex, name: &str) -> Fault {
        let op = err
            .op()
            .replace(&format!("link number {index}"), &format!("link `{name}`"));
        let op = op.replace(&format!("link {index}"), &format!("link `{name}`"));
        let op = op.replace(
            &format!("bridge port number {index}"),
            &format!("bridge port `{name}`"),
        );
        Fault::from(err).what(format!("cannot {op}"))
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
