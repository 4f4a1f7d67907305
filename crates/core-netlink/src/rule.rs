//! Rules that choose a routing table (`RTM_*RULE`, linux/fib_rules.h, ip-rule(8)).

#[cfg(test)]
mod tests;

use crate::attr::{Attr, Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::object::{Change, Family, Object, Verb, prefix};
use crate::route::{RouteProtocol, Table};
use crate::table::{Be, Value, attrs, bits};
use crate::trace::layout::{self, Field, Fixed, Shape, attributes, messages};
use crate::types::{IfName, Prefix};
use std::fmt;
use std::ops::RangeInclusive;

messages! {
    pub(crate) MESSAGES = "", HEADER, ATTRIBUTES {
        RTM_NEWRULE = 32,
        RTM_DELRULE = 33,
        RTM_GETRULE = 34,
    }
}

attributes! {
    OWN = "" {
        FRA_DST = 1 Ip,
        FRA_SRC = 2 Ip,
        FRA_GOTO = 4 Number,
        FRA_TABLE = 15 Number,
    }
}

static ATTRIBUTES: layout::Table = layout::Table {
    prefix: "",
    rows: &[],
    more: &[&OWN, &RuleTerms::ATTRIBUTES],
};

/// `struct fib_rule_hdr`.
static HEADER: Fixed = Fixed {
    size: 12,
    fields: &[
        Field("family", 0, 1, Shape::Named(Family::name_of)),
        Field("dst_len", 1, 1, Shape::Number),
        Field("src_len", 2, 1, Shape::Number),
        Field("tos", 3, 1, Shape::Number),
        Field("table", 4, 1, Shape::Number),
        Field("action", 7, 1, Shape::Number),
        Field(
            "flags",
            8,
            4,
            Shape::Bits(|bits| RuleFlags::from_bits(bits).names().collect()),
        ),
    ],
};

const FR_ACT_TO_TBL: u8 = 1;
const FR_ACT_GOTO: u8 = 2;
const FR_ACT_NOP: u8 = 3;
const FR_ACT_BLACKHOLE: u8 = 6;
const FR_ACT_UNREACHABLE: u8 = 7;
const FR_ACT_PROHIBIT: u8 = 8;

bits! {
    /// What a rule is and how it fares (`FIB_RULE_*`).
    RuleFlags(u32) {
        /// Cannot be removed.
        PERMANENT = 0x1 "permanent",
        /// Holds for packets that do not match.
        INVERT = 0x2 "not",
        /// The rule to go to is not there.
        UNRESOLVED = 0x4 "unresolved",
        /// The link packets come in by is not there.
        IIF_DETACHED = 0x8 "iif_detached",
        /// The link packets leave by is not there.
        OIF_DETACHED = 0x10 "oif_detached",
    }
}

/// What a rule does with packets that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuleAction {
    /// Look into this table; [`Table::UNSPEC`] with [`RuleTerms::l3mdev`].
    Lookup(Table),
    /// Go on with the rule of this priority.
    Goto(u32),
    /// Go on with the next rule.
    Nop,
    /// Drop without a word.
    Blackhole,
    /// Answer "network unreachable".
    Unreachable,
    /// Answer "administratively prohibited".
    Prohibit,
    /// A number without a name here.
    Other(u8),
}

impl RuleAction {
    fn number(self) -> u8 {
        match self {
            RuleAction::Lookup(_) => FR_ACT_TO_TBL,
            RuleAction::Goto(_) => FR_ACT_GOTO,
            RuleAction::Nop => FR_ACT_NOP,
            RuleAction::Blackhole => FR_ACT_BLACKHOLE,
            RuleAction::Unreachable => FR_ACT_UNREACHABLE,
            RuleAction::Prohibit => FR_ACT_PROHIBIT,
            RuleAction::Other(number) => number,
        }
    }

    fn decode(number: u8, table: Table, goto: u32) -> Self {
        match number {
            FR_ACT_TO_TBL => RuleAction::Lookup(table),
            FR_ACT_GOTO => RuleAction::Goto(goto),
            FR_ACT_NOP => RuleAction::Nop,
            FR_ACT_BLACKHOLE => RuleAction::Blackhole,
            FR_ACT_UNREACHABLE => RuleAction::Unreachable,
            FR_ACT_PROHIBIT => RuleAction::Prohibit,
            other => RuleAction::Other(other),
        }
    }

    fn table(self) -> Table {
        match self {
            RuleAction::Lookup(table) => table,
            _ => Table::UNSPEC,
        }
    }
}

/// The words of `ip rule`.
impl fmt::Display for RuleAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleAction::Lookup(table) => write!(f, "lookup {table}"),
            RuleAction::Goto(priority) => write!(f, "goto {priority}"),
            RuleAction::Nop => f.write_str("nop"),
            RuleAction::Blackhole => f.write_str("blackhole"),
            RuleAction::Unreachable => f.write_str("unreachable"),
            RuleAction::Prohibit => f.write_str("prohibit"),
            RuleAction::Other(number) => write!(f, "action {number}"),
        }
    }
}

attrs! {
    /// What a rule asks of a packet beside its addresses, and what else it says; the same asked and found.
    pub struct RuleTerms {
        /// Its place among the rules: the lowest comes first. The kernel puts it before the others unless given.
        priority: u32 = 6,
        /// The packet's mark.
        fwmark: u32 = 10,
        /// Which bits of the mark count; all unless given.
        fwmask: u32 = 16,
        /// The link it came in by; `lo` for packets of this host.
        iif: IfName = 3,
        /// The link its socket is bound to.
        oif: IfName = 17,
        /// Its tunnel.
        tunnel: Be<u64> = 12,
        /// The table is that of the packet's VRF.
        l3mdev: bool = 19,
        /// Whose it is.
        uid_range: RangeInclusive<u32> = 20,
        /// Its protocol, such as 6 for TCP.
        ip_proto: u8 = 22,
        /// Its source port.
        sport: RangeInclusive<u16> = 23,
        /// Its destination port.
        dport: RangeInclusive<u16> = 24,
        /// Its differentiated services code point, 0 to 63 (Linux 6.13).
        dscp: u8 = 25,
        /// Which bits of the source port count (Linux 6.15).
        sport_mask: u16 = 28,
        /// Which bits of the destination port count (Linux 6.15).
        dport_mask: u16 = 29,
        /// Which bits of the code point count (Linux 6.15).
        dscp_mask: u8 = 30,
        /// A realm for the traffic classifier (IPv4).
        flow: u32 = 11,
        /// Ignore routes of this prefix length or less; 0 ignores default routes.
        suppress_prefixlength: i32 = 14,
        /// Ignore routes through links of this group.
        suppress_ifgroup: i32 = 13,
        /// Who sets it.
        protocol: RouteProtocol = 21,
    }
}

impl Value for RouteProtocol {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        attr.u8().map(RouteProtocol::from)
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.u8(kind, self.number());
    }
}

/// `struct fib_rule_port_range`.
impl Value for RangeInclusive<u16> {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let [a, b, c, d] = attr.array()?;
        Ok(u16::from_ne_bytes([a, b])..=u16::from_ne_bytes([c, d]))
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        let ([a, b], [c, d]) = (self.start().to_ne_bytes(), self.end().to_ne_bytes());
        w.bytes(kind, &[a, b, c, d]);
    }
}

/// `struct fib_rule_uid_range`.
impl Value for RangeInclusive<u32> {
    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let [a, b, c, d, e, f, g, h] = attr.array()?;
        Ok(u32::from_ne_bytes([a, b, c, d])..=u32::from_ne_bytes([e, f, g, h]))
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        let ([a, b, c, d], [e, f, g, h]) = (self.start().to_ne_bytes(), self.end().to_ne_bytes());
        w.bytes(kind, &[a, b, c, d, e, f, g, h]);
    }
}

/// A rule as asked for; when deleting, what is not given matches any.
///
/// ```no_run
/// use core_netlink::{Conn, Protocol, route::Table, rule::{RuleAction, RuleSpec, RuleTerms}};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut conn = Conn::open(Protocol::Route)?;
/// conn.add_rule(&RuleSpec {
///     from: Some("10.1.0.0/16".parse()?),
///     action: Some(RuleAction::Lookup(Table(100))),
///     terms: RuleTerms { priority: Some(1000), ..RuleTerms::default() },
///     ..RuleSpec::default()
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSpec {
    /// IPv4 unless given or told by `from` or `to`.
    pub family: Option<Family>,
    /// Source addresses; any unless given.
    pub from: Option<Prefix>,
    /// Destination addresses; any unless given.
    pub to: Option<Prefix>,
    /// Type of service.
    pub tos: u8,
    /// Look into the main table (with `l3mdev`: the packet's) unless given.
    pub action: Option<RuleAction>,
    /// For packets that do not match.
    pub invert: bool,
    /// The rest.
    pub terms: RuleTerms,
}

impl RuleSpec {
    fn family(&self) -> Family {
        let told = self.from.or(self.to).map(|net| Family::of(net.addr()));
        self.family.or(told).unwrap_or(Family::V4)
    }

    fn action(&self, verb: Verb) -> RuleAction {
        let default = match verb {
            Verb::Delete => RuleAction::Other(0),
            _ if self.terms.l3mdev == Some(true) => RuleAction::Lookup(Table::UNSPEC),
            _ => RuleAction::Lookup(Table::MAIN),
        };
        self.action.unwrap_or(default)
    }
}

impl Object for RuleSpec {
    type Record = Rule;
    const NEW: u16 = RTM_NEWRULE;
    const DELETE: u16 = RTM_DELRULE;

    fn encode(&self, verb: Verb, w: &mut Writer<'_>) {
        let len = |net: Option<Prefix>| net.map_or(0, |net| net.prefix_len());
        let action = self.action(verb);
        let table = action.table();
        let (family, byte) = (self.family().number(), table.byte());
        w.raw(&[
            family,
            len(self.to),
            len(self.from),
            self.tos,
            byte,
            0,
            0,
            action.number(),
        ]);
        let invert = if self.invert {
            RuleFlags::INVERT
        } else {
            RuleFlags::NONE
        };
        w.raw(&invert.bits().to_ne_bytes());
        if let Some(from) = self.from {
            w.ip(FRA_SRC, from.addr());
        }
        if let Some(to) = self.to {
            w.ip(FRA_DST, to.addr());
        }
        if byte == 0 && table != Table::UNSPEC {
            w.u32(FRA_TABLE, table.0);
        }
        if let RuleAction::Goto(priority) = action {
            w.u32(FRA_GOTO, priority);
        }
        self.terms.encode(w);
    }

    fn what(&self, verb: Verb) -> String {
        let mut text = format!("{} rule", verb.word());
        if let Some(priority) = self.terms.priority {
            text += &format!(" {priority}");
        }
        if let Some(from) = self.from {
            text += &format!(" from {from}");
        }
        if let Some(to) = self.to {
            text += &format!(" to {to}");
        }
        match self.action {
            Some(action) => format!("{text} {action}"),
            None => text,
        }
    }

    fn check(&self, verb: Verb) -> Result<(), String> {
        let anything = RuleSpec {
            family: self.family,
            ..RuleSpec::default()
        };
        if verb == Verb::Delete && *self == anything {
            return Err("nothing of it is given: the kernel would remove the first rule".into());
        }
        let family = self.family();
        let other = |net: &Prefix| Family::of(net.addr()) != family;
        match self.from.filter(other).or(self.to.filter(other)) {
            Some(net) => Err(format!("{net} in a rule of family {family}")),
            None => Ok(()),
        }
    }
}

/// A rule as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// IPv4, IPv6 or another.
    pub family: Family,
    /// Source addresses.
    pub from: Option<Prefix>,
    /// Destination addresses.
    pub to: Option<Prefix>,
    /// Type of service.
    pub tos: u8,
    /// What it does.
    pub action: RuleAction,
    /// What it is and how it fares.
    pub flags: RuleFlags,
    /// The rest.
    pub terms: RuleTerms,
}

impl Rule {
    /// Its place among the rules.
    pub fn priority(&self) -> u32 {
        self.terms.priority.unwrap_or(0)
    }

    /// What makes the same rule again, or deletes it.
    pub fn to_spec(&self) -> RuleSpec {
        RuleSpec {
            family: Some(self.family),
            from: self.from,
            to: self.to,
            tos: self.tos,
            action: Some(self.action),
            invert: self.flags.contains(RuleFlags::INVERT),
            terms: self.terms.clone(),
        }
    }
}

impl Record for Rule {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, RTM_NEWRULE | RTM_DELRULE) {
            return Ok(None);
        }
        let (header, attrs) = split_header::<12>(body, "rule")?;
        let [
            family,
            to_len,
            from_len,
            tos,
            table,
            _,
            _,
            action,
            flags @ ..,
        ] = header;
        let (mut table, mut goto) = (Table(table.into()), 0);
        let (mut from, mut to) = (None, None);
        let mut terms = RuleTerms::default();
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                FRA_SRC => from = Some(prefix(attr.ip()?, from_len)?),
                FRA_DST => to = Some(prefix(attr.ip()?, to_len)?),
                FRA_TABLE => table = Table(attr.u32()?),
                FRA_GOTO => goto = attr.u32()?,
                _ => drop(terms.read(&attr)?),
            }
        }
        terms.priority.get_or_insert(0); // the kernel leaves 0 out
        // The kernel writes -1 where nothing is suppressed.
        terms.suppress_prefixlength = terms.suppress_prefixlength.filter(|&len| len >= 0);
        terms.suppress_ifgroup = terms.suppress_ifgroup.filter(|&group| group >= 0);
        Ok(Some(Rule {
            family: family.into(),
            from,
            to,
            tos,
            action: RuleAction::decode(action, table, goto),
            flags: RuleFlags::from_bits(u32::from_ne_bytes(flags)),
            terms,
        }))
    }
}

/// Which rules to list; all unless restricted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleFilter {
    /// Of one family.
    pub family: Option<Family>,
}

impl Request for RuleFilter {
    fn kind(&self) -> u16 {
        RTM_GETRULE
    }

    fn encode(&self, w: &mut Writer<'_>) {
        let mut header = [0; 12];
        header[0] = self.family.unwrap_or(Family::Unspec).number();
        w.raw(&header);
    }

    fn what(&self) -> String {
        "list rules".into()
    }
}

impl Query for RuleFilter {
    type Record = Rule;
}

impl Conn {
    /// Makes a rule; an error for which `is_exists` holds if the very same is there, which the kernel sees only if a priority
    /// is given.
    pub fn add_rule(&mut self, spec: &RuleSpec) -> Result<()> {
        self.change(&Change::add(spec))
    }

    /// Removes the first rule that has all that is given.
    pub fn delete_rule(&mut self, spec: &RuleSpec) -> Result<()> {
        self.change(&Change::delete(spec))
    }

    /// Every rule that passes the filter, by priority within each family.
    pub fn rules(&mut self, filter: &RuleFilter) -> Result<Vec<Rule>> {
        self.dump(filter)
    }
}
