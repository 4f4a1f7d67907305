//! Queueing disciplines (`RTM_*QDISC`, tc(8) `qdisc`).

use super::tbf::{self, Tbf};
use super::{
    Handle, Header, RTM_DELQDISC, RTM_GETQDISC, RTM_NEWQDISC, Stats, TCA_HW_OFFLOAD, TCA_KIND,
    TCA_OPTIONS, TCA_STATS2, check_kind, check_link,
};
use crate::attr::{Attr, Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::object::{Change, Object, Verb};
use crate::trace::layout::Table;
use crate::types::IfIndex;

/// How packets queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QdiscKind {
    /// At a rate.
    Tbf(Tbf),
    /// Not at all: a place for filters of what is received.
    Ingress,
    /// Not at all: a place for filters of what is received and of what is sent.
    Clsact,
    /// A kind not known here: its name, and its options as the kernel has them.
    Other {
        /// As in `tc qdisc add dev LINK root NAME`.
        name: String,
        /// What `TCA_OPTIONS` holds; attributes, or a struct of old kinds.
        options: Vec<u8>,
    },
}

impl QdiscKind {
    /// As in `tc qdisc add dev LINK root NAME`.
    pub fn name(&self) -> &str {
        match self {
            QdiscKind::Tbf(_) => "tbf",
            QdiscKind::Ingress => "ingress",
            QdiscKind::Clsact => "clsact",
            QdiscKind::Other { name, .. } => name,
        }
    }

    pub(super) fn attributes(name: &str) -> Option<&'static Table> {
        match name {
            "tbf" => Some(&tbf::ATTRIBUTES),
            _ => None,
        }
    }

    /// Those that hang at [`Handle::CLSACT`] and nowhere else, with the handle `ffff:`.
    fn is_for_filters(&self) -> bool {
        matches!(self, QdiscKind::Ingress | QdiscKind::Clsact)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        match self {
            QdiscKind::Tbf(tbf) => w.nest_unmarked(TCA_OPTIONS, |w| tbf.encode(w)),
            QdiscKind::Other { options, .. } if !options.is_empty() => {
                w.bytes(TCA_OPTIONS, options);
            }
            _ => {}
        }
    }

    fn decode(name: &str, options: Option<Attr<'_>>) -> Result<Self, Malformed> {
        Ok(match (name, options) {
            ("tbf", Some(options)) => QdiscKind::Tbf(Tbf::decode(&options.nested())?),
            ("ingress", _) => QdiscKind::Ingress,
            ("clsact", _) => QdiscKind::Clsact,
            (name, options) => QdiscKind::Other {
                name: name.to_owned(),
                options: options.map_or(Vec::new(), |options| options.value.to_vec()),
            },
        })
    }

    fn check(&self) -> Result<(), String> {
        match self {
            QdiscKind::Tbf(tbf) => tbf.check().map_err(|why| format!("tbf: {why}")),
            QdiscKind::Other { name, .. } => check_kind(name),
            _ => Ok(()),
        }
    }
}

/// A queueing discipline as asked for; to delete one, its kind need not be said.
///
/// ```no_run
/// use core_netlink::tc::{QdiscKind, QdiscSpec, Tbf};
/// use core_netlink::{Conn, IfIndex, Protocol};
/// # fn main() -> core_netlink::Result<()> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// // What leaves by link 3 has 8 Mbit/s.
/// let tbf = Tbf { rate: 1_000_000, burst: 10_240, limit: 60_240, peak: None };
/// conn.add_qdisc(&QdiscSpec { link: IfIndex(3), kind: Some(QdiscKind::Tbf(tbf)), ..QdiscSpec::default() })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QdiscSpec {
    /// On which link.
    pub link: IfIndex,
    /// Where: [`Handle::ROOT`] unless given, and [`Handle::CLSACT`] for the kinds that only hang there.
    pub parent: Option<Handle>,
    /// Its number, with the minor 0; the kernel chooses one unless given.
    pub handle: Option<Handle>,
    /// How packets queue.
    pub kind: Option<QdiscKind>,
}

impl QdiscSpec {
    fn is_for_filters(&self) -> bool {
        self.kind.as_ref().is_some_and(QdiscKind::is_for_filters)
    }

    fn parent(&self) -> Handle {
        let usual = if self.is_for_filters() {
            Handle::CLSACT
        } else {
            Handle::ROOT
        };
        self.parent.unwrap_or(usual)
    }

    fn handle(&self) -> Handle {
        let usual = if self.is_for_filters() {
            Handle::new(0xffff, 0)
        } else {
            Handle::NONE
        };
        self.handle.unwrap_or(usual)
    }
}

impl Object for QdiscSpec {
    type Record = Qdisc;
    const NEW: u16 = RTM_NEWQDISC;
    const DELETE: u16 = RTM_DELQDISC;

    fn encode(&self, verb: Verb, w: &mut Writer<'_>) {
        Header {
            link: self.link,
            handle: self.handle().0,
            parent: self.parent().0,
            info: 0,
        }
        .encode(w);
        if let Some(kind) = &self.kind {
            w.str(TCA_KIND, kind.name());
            if verb != Verb::Delete {
                kind.encode(w);
            }
        }
    }

    fn what(&self, verb: Verb) -> String {
        let (word, preposition) = (verb.word(), verb.preposition());
        let kind = self.kind.as_ref().map_or("", QdiscKind::name);
        let space = if kind.is_empty() { "" } else { " " };
        let place = match self.parent() {
            Handle::CLSACT | Handle::ROOT => String::new(),
            parent => format!(" at {parent}"),
        };
        format!(
            "{word} {}{space}qdisc{place} {preposition} link {}",
            kind.escape_debug(),
            self.link
        )
    }

    fn check(&self, verb: Verb) -> Result<(), String> {
        check_link(self.link)?;
        if let Some(handle) = self.handle.filter(|handle| handle.minor() != 0) {
            return Err(format!("handle {handle} has a minor number: a class has"));
        }
        match &self.kind {
            Some(kind) if kind.is_for_filters() && self.parent() != Handle::CLSACT => Err(format!(
                "parent {} of {}, which only hangs at {}",
                self.parent(),
                kind.name(),
                Handle::CLSACT
            )),
            Some(QdiscKind::Other { name, .. }) if verb == Verb::Delete => check_kind(name),
            Some(kind) if verb != Verb::Delete => kind.check(),
            None if verb != Verb::Delete => Err("no kind is given".to_owned()),
            _ => Ok(()),
        }
    }
}

/// A queueing discipline as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Qdisc {
    /// On which link.
    pub link: IfIndex,
    /// Where.
    pub parent: Handle,
    /// Its number; 0 of one that the kernel put there itself.
    pub handle: Handle,
    /// How packets queue.
    pub kind: QdiscKind,
    /// Who holds it.
    pub references: u32,
    /// The link does it in hardware.
    pub offloaded: bool,
    /// What went through it.
    pub stats: Stats,
}

impl Qdisc {
    /// What makes the same again, or deletes it.
    pub fn to_spec(&self) -> QdiscSpec {
        QdiscSpec {
            link: self.link,
            parent: Some(self.parent),
            handle: Some(self.handle).filter(|handle| *handle != Handle::NONE),
            kind: Some(self.kind.clone()),
        }
    }
}

impl Record for Qdisc {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, RTM_NEWQDISC | RTM_DELQDISC) {
            return Ok(None);
        }
        let (header, attrs) = split_header(body, "qdisc")?;
        let header = Header::decode(header);
        let (mut name, mut options) = (String::new(), None);
        let (mut offloaded, mut stats) = (false, Stats::default());
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                TCA_KIND => name = attr.text(),
                TCA_OPTIONS => options = Some(attr),
                TCA_HW_OFFLOAD => offloaded = attr.u8()? != 0,
                TCA_STATS2 => stats = Stats::decode(attr.nested())?,
                _ => {}
            }
        }
        Ok(Some(Qdisc {
            link: header.link,
            parent: Handle(header.parent),
            handle: Handle(header.handle),
            kind: QdiscKind::decode(&name, options)?,
            references: header.info,
            offloaded,
            stats,
        }))
    }
}

/// Which queueing disciplines to list; all unless restricted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QdiscFilter {
    /// Of one link. The kernel reports those of others, too (Linux 6.18); [`Conn::qdiscs`] leaves them out.
    pub link: Option<IfIndex>,
}

impl Request for QdiscFilter {
    fn kind(&self) -> u16 {
        RTM_GETQDISC
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let link = self.link.unwrap_or_default();
        Header {
            link,
            ..Header::default()
        }
        .encode(w);
    }

    fn what(&self) -> String {
        match self.link {
            Some(link) => format!("list qdiscs of link {link}"),
            None => "list qdiscs".into(),
        }
    }
}

impl Query for QdiscFilter {
    type Record = Qdisc;
}

impl Conn {
    /// Makes a queueing discipline; an error for which `is_exists` holds if there is one that somebody made. If the kernel lacks the
    /// kind, the hint of the error names the option.
    pub fn add_qdisc(&mut self, spec: &QdiscSpec) -> Result<()> {
        self.make_qdisc(Verb::Add, spec)
    }

    /// Makes a queueing discipline, in place of the one that is there; one of the same kind is changed and keeps what waits in it.
    pub fn replace_qdisc(&mut self, spec: &QdiscSpec) -> Result<()> {
        self.make_qdisc(Verb::Replace, spec)
    }

    fn make_qdisc(&mut self, verb: Verb, spec: &QdiscSpec) -> Result<()> {
        let kinds = spec.kind.iter().map(QdiscKind::name);
        self.change(&Change::new(verb, spec))
            .map_err(|err| err.for_want_of(kinds))
    }

    /// Removes a queueing discipline with its filters; an error for which `is_not_found` holds if nobody made one. One of another kind or
    /// handle than the spec says stays (EINVAL).
    pub fn delete_qdisc(&mut self, spec: &QdiscSpec) -> Result<()> {
        self.change(&Change::delete(spec))
    }

    /// Every queueing discipline that passes the filter; none for a link that is not there.
    ///
    /// ```no_run
    /// use core_netlink::tc::{QdiscFilter, QdiscKind};
    /// use core_netlink::{Conn, IfIndex, Protocol};
    /// # fn main() -> core_netlink::Result<()> {
    /// let mut conn = Conn::open(Protocol::Route)?;
    /// let found = conn.qdiscs(&QdiscFilter { link: Some(IfIndex(3)) })?;
    /// let dropped: u32 = found.iter().map(|qdisc| qdisc.stats.drops).sum();
    /// # drop(dropped);
    /// # Ok(())
    /// # }
    /// ```
    pub fn qdiscs(&mut self, filter: &QdiscFilter) -> Result<Vec<Qdisc>> {
        let mut found = self.dump(filter)?;
        found.retain(|qdisc| filter.link.is_none_or(|link| qdisc.link == link));
        Ok(found)
    }
}
