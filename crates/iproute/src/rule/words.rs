//! The words of a rule, to a [`RuleSpec`] or to a filter.

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::options::Family;
use crate::route::{protocol, realms, table, tos};
use crate::session::Session;
use crate::value::{destination, fit, if_name, number, quoted};
use core_netlink::rule::{Rule, RuleAction, RuleFlags, RuleSpec};
use std::ops::RangeInclusive;

/// What was said, as a rule.
#[derive(Default)]
pub(super) struct Words {
    pub(super) spec: RuleSpec,
}

impl Words {
    pub(super) fn read(s: &mut Session<'_>, args: &mut Args<'_>) -> Done<Words> {
        use core_netlink::Family as Wire;
        let mut words = Words::default();
        words.spec.family = s.opts.family.map(|family| {
            if family == Family::Inet6 {
                Wire::V6
            } else {
                Wire::V4
            }
        });
        while let Some(word) = args.next()? {
            if !words.take_packet(s, args, word)? && !words.take_action(s, args, word)? {
                return Err(unknown(word));
            }
        }
        Ok(words)
    }

    fn take_packet(&mut self, s: &mut Session<'_>, args: &mut Args<'_>, word: &str) -> Done<bool> {
        let (spec, family) = (&mut self.spec, s.opts.family);
        match word {
            "not" => spec.invert = true,
            "from" => spec.from = some(destination("from", args.value("from")?, family)?),
            "to" => spec.to = some(destination("to", args.value("to")?, family)?),
            "tos" | "dsfield" => spec.tos = tos(s, args.value("tos")?)?,
            "fwmark" => {
                let (mark, mask) = mark(args.value("fwmark")?)?;
                (spec.terms.fwmark, spec.terms.fwmask) = (Some(mark), mask);
            }
            "dev" | "iif" => spec.terms.iif = Some(if_name("iif", args.value("iif")?)?),
            "oif" => spec.terms.oif = Some(if_name("oif", args.value("oif")?)?),
            "uidrange" => spec.terms.uid_range = Some(range("uidrange", args.value("uidrange")?)?),
            "ipproto" => spec.terms.ip_proto = Some(ip_protocol(args.value("ipproto")?)?),
            "sport" => spec.terms.sport = Some(range("sport", args.value("sport")?)?),
            "dport" => spec.terms.dport = Some(range("dport", args.value("dport")?)?),
            "l3mdev" => spec.terms.l3mdev = Some(true),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_action(&mut self, s: &mut Session<'_>, args: &mut Args<'_>, word: &str) -> Done<bool> {
        let spec = &mut self.spec;
        match word {
            "preference" | "order" | "priority" | "pref" | "prio" => {
                spec.terms.priority = Some(fit("preference", args.value("priority")?)?)
            }
            "table" | "lookup" => {
                spec.action = Some(RuleAction::Lookup(table(s, args.value("table")?)?))
            }
            "goto" => spec.action = Some(RuleAction::Goto(fit("goto", args.value("goto")?)?)),
            "nop" => spec.action = Some(RuleAction::Nop),
            "blackhole" => spec.action = Some(RuleAction::Blackhole),
            "unreachable" => spec.action = Some(RuleAction::Unreachable),
            "prohibit" => spec.action = Some(RuleAction::Prohibit),
            "type" => return self.take_type(args),
            "suppress_prefixlength" | "sup_pl" => {
                spec.terms.suppress_prefixlength = Some(prefix_length(args.value(word)?)?)
            }
            "suppress_ifgroup" | "sup_group" => {
                spec.terms.suppress_ifgroup = Some(group(s, args.value(word)?)?)
            }
            "realms" | "flowid" => spec.terms.flow = Some(realms(s, args.value("realms")?)?),
            "protocol" | "proto" => {
                spec.terms.protocol = Some(protocol(s, args.value("protocol")?)?)
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_type(&mut self, args: &mut Args<'_>) -> Done<bool> {
        self.spec.action = match args.value("type")? {
            "unicast" => None,
            "nop" => Some(RuleAction::Nop),
            "blackhole" => Some(RuleAction::Blackhole),
            "unreachable" => Some(RuleAction::Unreachable),
            "prohibit" => Some(RuleAction::Prohibit),
            other => return Err(unknown(other)),
        };
        Ok(true)
    }

    /// Whether a rule has all that was said.
    pub(super) fn fits(&self, rule: &Rule) -> bool {
        fn same<T: PartialEq>(asked: &Option<T>, found: &Option<T>) -> bool {
            asked.is_none() || asked == found
        }
        let (asked, found) = (&self.spec.terms, &rule.terms);
        (!self.spec.invert || rule.flags.contains(RuleFlags::INVERT))
            && same(&self.spec.from, &rule.from)
            && same(&self.spec.to, &rule.to)
            && (self.spec.tos == 0 || self.spec.tos == rule.tos)
            && self.spec.action.is_none_or(|action| action == rule.action)
            && asked
                .priority
                .is_none_or(|priority| priority == rule.priority())
            && same(&asked.fwmark, &found.fwmark)
            && same(&asked.fwmask, &found.fwmask)
            && same(&asked.iif, &found.iif)
            && same(&asked.oif, &found.oif)
            && same(&asked.l3mdev, &found.l3mdev)
            && same(&asked.uid_range, &found.uid_range)
            && same(&asked.ip_proto, &found.ip_proto)
            && same(&asked.sport, &found.sport)
            && same(&asked.dport, &found.dport)
            && same(&asked.protocol, &found.protocol)
    }
}

/// "all" is nothing said.
fn some(prefix: core_netlink::Prefix) -> Option<core_netlink::Prefix> {
    Some(prefix).filter(|prefix| prefix.prefix_len() > 0)
}

fn unknown(word: &str) -> Fault {
    let word = quoted(word);
    Fault::new(
        255,
        format!("Error: argument \"{word}\" is wrong: Failed to parse rule type"),
        format!("`{word}` has no place in a rule"),
        "it is no keyword",
    )
    .hint(super::USAGE)
}

/// "MARK[/MASK]".
fn mark(text: &str) -> Done<(u32, Option<u32>)> {
    let (mark, mask) = match text.split_once('/') {
        Some((mark, mask)) => (number(mark), Some(number(mask))),
        None => (number(text), None),
    };
    let wrong =
        || Fault::wrong("fwmark", text, "fwmark value is invalid").hint("as in 0x10 or 0x10/0xff");
    let mask = mask.map(|mask| mask.ok_or_else(wrong)).transpose()?;
    Ok((mark.ok_or_else(wrong)?, mask))
}

/// "N" or "N-N", from low to high.
fn range<T: TryFrom<u64> + PartialOrd + Copy>(field: &str, text: &str) -> Done<RangeInclusive<T>> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (fit(field, low)?, fit(field, high)?);
    if low > high {
        return Err(
            Fault::wrong(field, text, format!("invalid {field} range")).hint("from low to high")
        );
    }
    Ok(low..=high)
}

fn prefix_length(text: &str) -> Done<i32> {
    let length = number(text).filter(|length| *length <= 128);
    length.map(|length| length as i32).ok_or_else(|| {
        Fault::wrong(
            "suppress_prefixlength",
            text,
            "suppress_prefixlength value is invalid",
        )
        .hint("0 to 128")
    })
}

fn group(s: &Session<'_>, text: &str) -> Done<i32> {
    let group = s
        .names
        .groups
        .number(text)
        .and_then(|number| i32::try_from(number).ok());
    group.ok_or_else(|| {
        Fault::wrong(
            "suppress_ifgroup",
            text,
            "Invalid \"suppress_ifgroup\" value\n",
        )
    })
}

/// IANA's numbers of the protocols that people name.
pub(super) const PROTOCOLS: [(u8, &str); 14] = [
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipencap"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (41, "ipv6"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (132, "sctp"),
    (136, "udplite"),
];

/// A protocol by name or number.
pub(crate) fn ip_protocol(text: &str) -> Done<u8> {
    let named = PROTOCOLS
        .iter()
        .find(|(_, name)| *name == text)
        .map(|(number, _)| *number);
    let numbered = || number(text).and_then(|number| u8::try_from(number).ok());
    named.or_else(numbered).ok_or_else(|| {
        Fault::wrong("ipproto", text, "Invalid \"ipproto\" value\n")
            .hint("tcp, udp, icmp ... or 0 to 255")
    })
}
