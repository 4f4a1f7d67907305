//! Other firewalls that stand in the way: named, never overridden.

use crate::Result;
use crate::tables::TABLE;
use core_netlink::nft::expr::{Cmp, CmpOp, Immediate, Meta, MetaKey};
use core_netlink::nft::{Chain, ChainType, Expr, Family, Hook, Policy, Rule, Verdict};
use core_netlink::{Conn, IfName};
use std::fmt;

/// A chain of another table that drops what is forwarded unless one of its own rules lets it pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ForeignDrop {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// It is not the chain's policy that drops, but its last rule.
    pub by_rule: bool,
}

impl ForeignDrop {
    /// The rule that lets a network's packets pass there; it is the user's to add.
    pub fn remedy(&self, bridge: &IfName) -> String {
        let ForeignDrop {
            family,
            table,
            chain,
            ..
        } = self;
        let (table, chain) = (table.escape_debug(), chain.escape_debug());
        match family {
            Family::Bridge => {
                format!("nft insert rule bridge {table} {chain} meta ibrname \"{bridge}\" accept")
            }
            _ => ["iifname", "oifname"]
                .map(|side| {
                    format!("nft insert rule {family} {table} {chain} {side} \"{bridge}\" accept")
                })
                .join("; "),
        }
    }
}

impl fmt::Display for ForeignDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, chain) = (self.table.escape_debug(), self.chain.escape_debug());
        let how = match self.by_rule {
            true => "its last rule",
            false => "policy drop",
        };
        let family = self.family;
        write!(
            f,
            "chain {chain} of table {family} {table} drops what is forwarded ({how})"
        )
    }
}

/// A chain of another table that sees packets and may decide about them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ForeignChain {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// Where it sees packets.
    pub hook: Hook,
    /// What it does to them.
    pub effect: Effect,
}

/// What a chain of others does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// It drops whatever none of its rules lets pass: by its policy, or by its last rule.
    Drops,
    /// It has rules, and any of them may drop.
    MayDrop,
    /// It leads connections to other addresses.
    Translates,
}

impl ForeignChain {
    /// Whether it sees packets of this family.
    pub fn sees(&self, ipv4: bool) -> bool {
        match self.family {
            Family::Ip => ipv4,
            Family::Ip6 => !ipv4,
            _ => true,
        }
    }
}

impl fmt::Display for ForeignChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, chain) = (self.table.escape_debug(), self.chain.escape_debug());
        write!(f, "{} {table} {chain} ({})", self.family, self.hook)
    }
}

/// All chains of others that may stop or lead elsewhere what comes in, goes out or passes. A dump of all: for diagnostics.
pub fn foreign_chains(conn: &mut Conn) -> Result<Vec<ForeignChain>> {
    let mut found = Vec::new();
    for chain in conn.chains(Family::Any)? {
        let Some(base) = chain.base.as_ref().filter(|_| chain.table != TABLE) else {
            continue;
        };
        let mut rules = conn.nft_rules(chain.family, &chain.table)?;
        rules.retain(|rule| rule.chain == chain.name);
        let (hook, is_nat) = (base.hook, base.kind == ChainType::Nat);
        found.extend(effect(&chain, &rules, is_nat).map(|effect| ForeignChain {
            family: chain.family,
            table: chain.table.clone(),
            chain: chain.name.clone(),
            hook,
            effect,
        }));
    }
    Ok(found)
}

fn effect(chain: &Chain, rules: &[Rule], is_nat: bool) -> Option<Effect> {
    match drops(chain, rules) {
        Some(_) => Some(Effect::Drops),
        None if rules.is_empty() => None,
        None if is_nat => Some(Effect::Translates),
        None => Some(Effect::MayDrop),
    }
}

/// The chains of others that drop what they forward. A dump of all chains: for diagnostics and the making of networks.
pub fn foreign_drops(conn: &mut Conn) -> Result<Vec<ForeignDrop>> {
    let dropping = forwarding(conn)?.into_iter();
    Ok(dropping
        .filter_map(|(chain, rules)| drops(&chain, &rules))
        .collect())
}

/// Those of them that stop a network of these families: no rule of theirs lets pass all that its bridge sends and receives.
pub fn foreign_drops_of(
    conn: &mut Conn,
    bridge: IfName,
    ipv4: bool,
    ipv6: bool,
) -> Result<Vec<ForeignDrop>> {
    let concerns = |family| match family {
        Family::Ip => ipv4,
        Family::Ip6 => ipv6,
        _ => true,
    };
    let passes = |rules: &[Rule]| {
        let passes = |key| rules.iter().any(|rule| accepts(rule, key, bridge));
        passes(MetaKey::IifName) && passes(MetaKey::OifName) || passes(MetaKey::BridgeIifName)
    };
    let dropping = forwarding(conn)?.into_iter();
    let found = dropping.filter(|(chain, rules)| concerns(chain.family) && !passes(rules));
    Ok(found
        .filter_map(|(chain, rules)| drops(&chain, &rules))
        .collect())
}

/// The chains of others on the forward hook, with their rules.
fn forwarding(conn: &mut Conn) -> Result<Vec<(Chain, Vec<Rule>)>> {
    let seen = |family| {
        matches!(
            family,
            Family::Inet | Family::Ip | Family::Ip6 | Family::Bridge
        )
    };
    let forwards = |chain: &Chain| {
        chain
            .base
            .as_ref()
            .is_some_and(|base| base.hook == Hook::Forward)
    };
    let mut found = Vec::new();
    for chain in conn.chains(Family::Any)? {
        if chain.table == TABLE || !seen(chain.family) || !forwards(&chain) {
            continue;
        }
        let mut rules = conn.nft_rules(chain.family, &chain.table)?;
        rules.retain(|rule| rule.chain == chain.name);
        found.push((chain, rules));
    }
    Ok(found)
}

fn drops(chain: &Chain, rules: &[Rule]) -> Option<ForeignDrop> {
    let by_policy = chain
        .base
        .as_ref()
        .is_some_and(|base| base.policy == Policy::Drop);
    let by_rule = rules.last().is_some_and(drops_everything);
    (by_policy || by_rule).then(|| ForeignDrop {
        family: chain.family,
        table: chain.table.clone(),
        chain: chain.name.clone(),
        by_rule: !by_policy,
    })
}

/// A rule without a condition that drops or refuses; iptables writes REJECT as an extension of its own.
fn drops_everything(rule: &Rule) -> bool {
    let (last, before) = match rule.expressions.split_last() {
        Some(split) => split,
        None => return false,
    };
    let decides = match last {
        Expr::Immediate(Immediate::Verdict(verdict)) => *verdict == Verdict::Drop,
        Expr::Reject(_) => true,
        Expr::Other { name, data } => {
            name == "target" && data.windows(6).any(|word| word == b"REJECT")
        }
        _ => false,
    };
    let silent = |expr: &Expr| matches!(expr, Expr::Counter(_)) || expr.name() == "log";
    decides && before.iter().all(silent)
}

/// Whether a rule accepts whatever has this interface, and asks for nothing else.
fn accepts(rule: &Rule, key: MetaKey, interface: IfName) -> bool {
    let mut expressions = rule
        .expressions
        .iter()
        .filter(|expr| !matches!(expr, Expr::Counter(_)));
    let loads =
        matches!(expressions.next(), Some(Expr::Meta(Meta { key: found, .. })) if *found == key);
    let equals = match expressions.next() {
        Some(Expr::Cmp(Cmp {
            op: CmpOp::Eq,
            value,
            ..
        })) => names(value, interface),
        _ => false,
    };
    let accept = Expr::verdict(Verdict::Accept);
    loads && equals && expressions.next() == Some(&accept) && expressions.next().is_none()
}

/// A name ends with a zero; one without stands for all that begin so.
fn names(value: &[u8], interface: IfName) -> bool {
    match value.iter().position(|byte| *byte == 0) {
        Some(end) => value[..end] == *interface.as_bytes(),
        None => interface.as_bytes().starts_with(value),
    }
}
