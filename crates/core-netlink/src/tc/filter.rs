//! Filters and their actions (`RTM_*TFILTER`, tc(8) `filter`).

use super::action::{self, Action, FoundAction};
use super::matchall::{self, Matchall, TCA_MATCHALL_ACT};
use super::selector::{self, TCA_U32_ACT, U32};
use super::{
    Handle, Header, RTM_DELTFILTER, RTM_GETTFILTER, RTM_NEWTFILTER, TCA_CHAIN, TCA_KIND,
    TCA_OPTIONS, check_kind, check_link,
};
use crate::attr::{Attr, Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::object::{Change, Object, Verb};
use crate::table::numbered;
use crate::trace::layout::Table;
use crate::types::IfIndex;

numbered! {
    /// Which packets a filter looks at (`ETH_P_*` of linux/if_ether.h); the words of tc.
    EtherType(u16), "protocol" {
        /// Every one.
        All = 0x0003 "all",
        /// IPv4.
        Ip = 0x0800 "ip",
        /// ARP (RFC 826).
        Arp = 0x0806 "arp",
        /// Those with a tag of IEEE 802.1Q.
        Dot1q = 0x8100 "802.1Q",
        /// IPv6.
        Ipv6 = 0x86dd "ipv6",
        /// Those with an outer tag of IEEE 802.1ad.
        Dot1ad = 0x88a8 "802.1ad",
    }
}

/// Which packets pass a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterKind {
    /// Every packet.
    Matchall(Matchall),
    /// By words of the packet.
    U32(U32),
    /// A kind not known here: its name, and its options, actions included, as the kernel has them.
    Other {
        /// As in `tc filter add ... NAME`.
        name: String,
        /// What `TCA_OPTIONS` holds: attributes.
        options: Vec<u8>,
    },
}

impl FilterKind {
    /// As in `tc filter add ... NAME`.
    pub fn name(&self) -> &str {
        match self {
            FilterKind::Matchall(_) => "matchall",
            FilterKind::U32(_) => "u32",
            FilterKind::Other { name, .. } => name,
        }
    }

    pub(super) fn attributes(name: &str) -> Option<&'static Table> {
        match name {
            "matchall" => Some(&matchall::ATTRIBUTES),
            "u32" => Some(&selector::ATTRIBUTES),
            _ => None,
        }
    }

    fn encode(&self, actions: &[Action], w: &mut Writer<'_>) {
        w.nest_unmarked(TCA_OPTIONS, |w| match self {
            FilterKind::Matchall(all) => {
                all.encode(w);
                action::encode_list(actions, TCA_MATCHALL_ACT, w);
            }
            FilterKind::U32(words) => {
                action::encode_list(actions, TCA_U32_ACT, w);
                words.encode(w);
            }
            FilterKind::Other { options, .. } => w.raw(options),
        });
    }

    fn decode(
        name: &str,
        options: Option<Attr<'_>>,
    ) -> Result<(Self, Vec<FoundAction>), Malformed> {
        match name {
            "matchall" => {
                let mut all = Matchall::default();
                let actions = read(options, TCA_MATCHALL_ACT, |attr| all.read(attr))?;
                Ok((FilterKind::Matchall(all), actions))
            }
            "u32" => {
                let mut words = U32::default();
                let actions = read(options, TCA_U32_ACT, |attr| words.read(attr))?;
                Ok((FilterKind::U32(words), actions))
            }
            name => {
                let options = options.map_or(Vec::new(), |options| options.value.to_vec());
                let name = name.to_owned();
                Ok((FilterKind::Other { name, options }, Vec::new()))
            }
        }
    }

    fn check(&self, actions: &[Action]) -> Result<(), String> {
        match self {
            FilterKind::Matchall(_) => {}
            FilterKind::U32(words) => words.check().map_err(|why| format!("u32: {why}"))?,
            FilterKind::Other { .. } if !actions.is_empty() => {
                return Err("the actions of a kind not known here belong into its options".into());
            }
            FilterKind::Other { name, .. } => check_kind(name)?,
        }
        action::check_list(actions)
    }
}

/// The actions, which are attribute `list` of the options; the others are handed on.
fn read(
    options: Option<Attr<'_>>,
    list: u16,
    mut other: impl FnMut(&Attr<'_>) -> Result<(), Malformed>,
) -> Result<Vec<FoundAction>, Malformed> {
    let mut actions = Vec::new();
    for attr in options.iter().flat_map(Attr::nested) {
        let attr = attr?;
        match attr.kind == list {
            true => actions = action::decode_list(attr.nested())?,
            false => other(&attr)?,
        }
    }
    Ok(actions)
}

/// A filter as asked for.
///
/// To delete one, its link, parent and priority are necessary; without a handle all filters of that priority go.
///
/// ```no_run
/// use core_netlink::tc::{Action, FilterKind, FilterSpec, Handle, Matchall, Mirred, QdiscKind, QdiscSpec};
/// use core_netlink::{Conn, IfIndex, Protocol};
/// # fn main() -> core_netlink::Result<()> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// // What link 3 receives leaves by link 4, an ifb: there it can queue.
/// let (from, ifb) = (IfIndex(3), IfIndex(4));
/// conn.add_qdisc(&QdiscSpec { link: from, kind: Some(QdiscKind::Ingress), ..QdiscSpec::default() })?;
/// conn.add_filter(&FilterSpec {
///     link: from,
///     parent: Handle::INGRESS,
///     priority: Some(1),
///     kind: Some(FilterKind::Matchall(Matchall::default())),
///     actions: vec![Action::Mirred(Mirred { link: ifb, ..Mirred::default() })],
///     ..FilterSpec::default()
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterSpec {
    /// On which link.
    pub link: IfIndex,
    /// At which discipline: [`Handle::INGRESS`], [`Handle::EGRESS`], or the handle of one; the one at the root unless given.
    pub parent: Handle,
    /// Its place among the filters there, from 1: the lowest is asked first. The kernel chooses unless given, from 49152 down.
    pub priority: Option<u16>,
    /// Which packets it looks at: every one unless given. All filters of a priority have the same.
    pub protocol: Option<EtherType>,
    /// Its number within the priority; the kernel chooses unless given.
    pub handle: Option<u32>,
    /// The chain it is in; 0 unless given (Linux 4.13).
    pub chain: Option<u32>,
    /// Which packets pass.
    pub kind: Option<FilterKind>,
    /// What is done with those, in this order; up to 32.
    pub actions: Vec<Action>,
}

impl FilterSpec {
    /// The upper half is the priority, the lower the protocol in network byte order.
    fn info(&self, verb: Verb) -> u32 {
        let protocol = match (self.protocol, verb) {
            (Some(protocol), _) => protocol.number(),
            (None, Verb::Delete) => 0,
            (None, _) => EtherType::All.number(),
        };
        let priority = u32::from(self.priority.unwrap_or(0));
        priority << 16 | u32::from(protocol.to_be())
    }

    /// What the kernel must have for it.
    fn kinds(&self) -> impl Iterator<Item = &str> {
        let actions = self.actions.iter().map(Action::name);
        self.kind.iter().map(FilterKind::name).chain(actions)
    }
}

impl Object for FilterSpec {
    type Record = Filter;
    const NEW: u16 = RTM_NEWTFILTER;
    const DELETE: u16 = RTM_DELTFILTER;

    fn encode(&self, verb: Verb, w: &mut Writer<'_>) {
        Header {
            link: self.link,
            handle: self.handle.unwrap_or(0),
            parent: self.parent.0,
            info: self.info(verb),
        }
        .encode(w);
        if let Some(chain) = self.chain {
            w.u32(TCA_CHAIN, chain);
        }
        if let Some(kind) = &self.kind {
            w.str(TCA_KIND, kind.name());
            if verb != Verb::Delete {
                kind.encode(&self.actions, w);
            }
        }
    }

    fn what(&self, verb: Verb) -> String {
        let (word, preposition) = (verb.word(), verb.preposition());
        let kind = self.kind.as_ref().map_or("", FilterKind::name);
        let space = if kind.is_empty() { "" } else { " " };
        let priority = match self.priority {
            Some(priority) => format!(" of priority {priority}"),
            None => String::new(),
        };
        format!(
            "{word} {}{space}filter{priority} {preposition} {}",
            kind.escape_debug(),
            place(self.link, self.parent)
        )
    }

    fn check(&self, verb: Verb) -> Result<(), String> {
        check_link(self.link)?;
        match (&self.kind, self.priority, verb) {
            (_, Some(0), _) => Err("priority 0 stands for any: 1 to 65535".to_owned()),
            (_, None, Verb::Delete) => {
                Err("no priority is given: the kernel would remove every filter there".to_owned())
            }
            (Some(FilterKind::Other { name, .. }), _, Verb::Delete) => check_kind(name),
            (_, _, Verb::Delete) => Ok(()),
            (None, ..) => Err("no kind is given".to_owned()),
            (Some(kind), ..) => kind.check(&self.actions),
        }
    }
}

/// "link 3, ingress".
fn place(link: IfIndex, parent: Handle) -> String {
    match parent {
        Handle::NONE | Handle::ROOT => format!("link {link}"),
        Handle::INGRESS => format!("link {link}, ingress"),
        Handle::EGRESS => format!("link {link}, egress"),
        parent => format!("link {link}, parent {parent}"),
    }
}

/// A filter as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// On which link.
    pub link: IfIndex,
    /// At which discipline.
    pub parent: Handle,
    /// Its place among the filters there.
    pub priority: u16,
    /// Which packets it looks at.
    pub protocol: EtherType,
    /// Its number within the priority; 0 for the row that only says that the priority is in use.
    pub handle: u32,
    /// The chain it is in.
    pub chain: u32,
    /// Which packets pass.
    pub kind: FilterKind,
    /// What is done with those.
    pub actions: Vec<FoundAction>,
}

impl Filter {
    /// What makes the same again, or deletes it; of a row of `u32` that has no keys only the latter.
    pub fn to_spec(&self) -> FilterSpec {
        let actions = self.actions.iter().map(|found| found.action.clone());
        FilterSpec {
            link: self.link,
            parent: self.parent,
            priority: Some(self.priority),
            protocol: Some(self.protocol),
            handle: Some(self.handle).filter(|handle| *handle != 0),
            chain: Some(self.chain).filter(|chain| *chain != 0),
            kind: Some(self.kind.clone()),
            actions: actions.collect(),
        }
    }
}

impl Record for Filter {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, RTM_NEWTFILTER | RTM_DELTFILTER) {
            return Ok(None);
        }
        let (header, attrs) = split_header(body, "filter")?;
        let header = Header::decode(header);
        let (mut name, mut options, mut chain) = (String::new(), None, 0);
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                TCA_KIND => name = attr.text(),
                TCA_OPTIONS => options = Some(attr),
                TCA_CHAIN => chain = attr.u32()?,
                _ => {}
            }
        }
        let (kind, actions) = FilterKind::decode(&name, options)?;
        Ok(Some(Filter {
            link: header.link,
            parent: Handle(header.parent),
            priority: (header.info >> 16) as u16,
            protocol: u16::from_be(header.info as u16).into(),
            handle: header.handle,
            chain,
            kind,
            actions,
        }))
    }
}

/// Lists the filters of one discipline of a link; the kernel lists no more at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DumpFilters {
    /// Of which link.
    pub link: IfIndex,
    /// Of which discipline: [`Handle::INGRESS`], [`Handle::EGRESS`], or the handle of one; the one at the root unless given.
    pub parent: Handle,
}

impl Request for DumpFilters {
    fn kind(&self) -> u16 {
        RTM_GETTFILTER
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let (link, parent) = (self.link, self.parent.0);
        Header {
            link,
            parent,
            ..Header::default()
        }
        .encode(w);
    }

    fn what(&self) -> String {
        format!("list filters of {}", place(self.link, self.parent))
    }

    fn check(&self) -> Result<(), String> {
        check_link(self.link)
    }
}

impl Query for DumpFilters {
    type Record = Filter;
}

/// Removes all filters of one discipline of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushFilters {
    /// Of which link.
    pub link: IfIndex,
    /// Of which discipline, as [`DumpFilters::parent`].
    pub parent: Handle,
}

impl Request for FlushFilters {
    fn kind(&self) -> u16 {
        RTM_DELTFILTER
    }

    fn encode(&self, w: &mut Writer<'_>) {
        DumpFilters {
            link: self.link,
            parent: self.parent,
        }
        .encode(w);
    }

    fn what(&self) -> String {
        format!("flush filters of {}", place(self.link, self.parent))
    }

    fn check(&self) -> Result<(), String> {
        check_link(self.link)
    }
}

impl Conn {
    /// Adds a filter; an error for which `is_exists` holds if one of this priority and handle is there. If the kernel lacks the kind or
    /// an action, the hint of the error names the option.
    pub fn add_filter(&mut self, spec: &FilterSpec) -> Result<()> {
        self.change(&Change::add(spec))
            .map_err(|err| err.for_want_of(spec.kinds()))
    }

    /// Removes a filter, or all of its priority if the handle is not given; an error for which `is_not_found` holds if there is none.
    pub fn delete_filter(&mut self, spec: &FilterSpec) -> Result<()> {
        self.change(&Change::delete(spec))
    }

    /// Every filter of one discipline of a link; none if either is not there.
    ///
    /// ```no_run
    /// use core_netlink::tc::{DumpFilters, Handle};
    /// use core_netlink::{Conn, IfIndex, Protocol};
    /// # fn main() -> core_netlink::Result<()> {
    /// let mut conn = Conn::open(Protocol::Route)?;
    /// let found = conn.filters(&DumpFilters { link: IfIndex(3), parent: Handle::INGRESS })?;
    /// let redirected: u64 = found.iter().flat_map(|filter| &filter.actions).map(|action| action.stats.packets).sum();
    /// # drop(redirected);
    /// # Ok(())
    /// # }
    /// ```
    pub fn filters(&mut self, dump: &DumpFilters) -> Result<Vec<Filter>> {
        self.dump(dump)
    }

    /// Removes all filters of one discipline of a link.
    pub fn flush_filters(&mut self, flush: &FlushFilters) -> Result<()> {
        self.change(flush)
    }
}
