//! The two tables as plans, and plans as one transaction.

use crate::words::Rule;
use crate::{Set, filter, guard};
use core_netlink::nft::expr::{Base, Immediate, MetaKey};
use core_netlink::nft::{
    BaseChain, ChainSpec, ChainType, Data, DataType, ElementSpec, Expr, Family, Hook, Policy,
    RuleSpec, SetFlags, SetSpec, SetValue, TableSpec, Transaction, TypeOf, Value, Verdict,
};
use std::ops::RangeInclusive;
use std::sync::OnceLock;

/// The name of both tables.
pub(crate) const TABLE: &str = "vetch";
/// How the comment of both begins; the fingerprint of all they hold follows.
pub(crate) const MARK: &str = "vetch ruleset ";

/// A set within one rule; with verdicts a map.
pub(crate) struct Anonymous {
    pub(crate) id: u32,
    pub(crate) key: DataType,
    pub(crate) elements: Vec<(Value, Option<Verdict>)>,
}

pub(crate) struct ChainPlan {
    pub(crate) name: &'static str,
    pub(crate) base: Option<BaseChain>,
    pub(crate) rules: Vec<Rule>,
}

pub(crate) struct TablePlan {
    pub(crate) family: Family,
    pub(crate) sets: Vec<Set>,
    pub(crate) anonymous: Vec<Anonymous>,
    pub(crate) chains: Vec<ChainPlan>,
}

pub(crate) fn chain(name: &'static str, rules: Vec<Rule>) -> ChainPlan {
    ChainPlan {
        name,
        base: None,
        rules,
    }
}

pub(crate) fn base(kind: ChainType, hook: Hook, priority: i32) -> BaseChain {
    let policy = Policy::Accept;
    BaseChain {
        kind,
        hook,
        priority,
        policy,
    }
}

/// Both tables.
pub(crate) fn plans() -> &'static [TablePlan; 2] {
    static PLANS: OnceLock<[TablePlan; 2]> = OnceLock::new();
    PLANS.get_or_init(|| [guard::plan(), filter::plan()])
}

/// The comment of both tables, with a fingerprint of all they hold: another ruleset, another comment.
///
/// Written down, since every command that looks whether the tables are whole would make it anew; a test holds it to the rules.
pub(crate) const COMMENT: &str = "vetch ruleset c2ae061c1a8cb2b1";

impl TablePlan {
    /// How many chains and sets the kernel counts in the table. Sets within rules count in some versions, not in others.
    pub(crate) fn uses(&self) -> RangeInclusive<u32> {
        let named = (self.sets.len() + self.chains.len()) as u32;
        named..=named + self.anonymous.len() as u32
    }

    /// What the kernel counts in each chain: its rules, and the rules and elements that lead to it.
    pub(crate) fn chain_uses(&self, chain: &ChainPlan) -> u32 {
        let leads = |verdict: &Verdict| matches!(verdict, Verdict::Goto(to) | Verdict::Jump(to) if to == chain.name);
        let rules = self
            .chains
            .iter()
            .flat_map(|chain| &chain.rules)
            .flat_map(|rule| &rule.0);
        let from_rules =
            rules.filter(|expr| matches!(expr, Expr::Immediate(Immediate::Verdict(v)) if leads(v)));
        let elements = self.anonymous.iter().flat_map(|set| &set.elements);
        let from_elements = elements.filter(|(_, verdict)| verdict.as_ref().is_some_and(leads));
        (chain.rules.len() + from_rules.count() + from_elements.count()) as u32
    }

    /// Makes the table and all in it.
    pub(crate) fn create(&self, transaction: &mut Transaction, comment: &str) {
        let comment = comment.to_owned();
        transaction.create(TableSpec {
            comment,
            ..TableSpec::new(self.family, TABLE)
        });
        for chain in &self.chains {
            transaction.create(self.chain_spec(chain));
        }
        for (set, id) in self.sets.iter().zip(1..) {
            transaction.create(set_spec(*set, id));
        }
        self.anonymous
            .iter()
            .for_each(|set| self.create_anonymous(transaction, set));
        for chain in &self.chains {
            let rules = chain.rules.iter();
            rules.for_each(|rule| transaction.ensure(self.rule_spec(chain, rule)));
        }
    }

    fn chain_spec(&self, chain: &ChainPlan) -> ChainSpec {
        ChainSpec {
            family: self.family,
            table: TABLE.into(),
            name: chain.name.into(),
            base: chain.base.clone(),
            ..ChainSpec::default()
        }
    }

    fn rule_spec(&self, chain: &ChainPlan, rule: &Rule) -> RuleSpec {
        RuleSpec {
            family: self.family,
            table: TABLE.into(),
            chain: chain.name.into(),
            expressions: rule.0.clone(),
            ..RuleSpec::default()
        }
    }

    fn create_anonymous(&self, transaction: &mut Transaction, set: &Anonymous) {
        let is_map = set.elements.iter().any(|(_, verdict)| verdict.is_some());
        let name = if is_map { "__map%d" } else { "__set%d" };
        transaction.create(SetSpec {
            family: self.family,
            table: TABLE.into(),
            name: name.into(),
            flags: SetFlags::ANONYMOUS | SetFlags::CONSTANT,
            key: vec![set.key],
            value: if is_map {
                SetValue::Verdict
            } else {
                SetValue::None
            },
            id: set.id,
            ..SetSpec::default()
        });
        for (key, verdict) in &set.elements {
            transaction.create(ElementSpec {
                family: self.family,
                table: TABLE.into(),
                set: name.into(),
                set_id: set.id,
                key: vec![key.clone()],
                data: verdict.clone().map(Data::Verdict),
                ..ElementSpec::default()
            });
        }
    }
}

fn set_spec(set: Set, id: u32) -> SetSpec {
    let value = match set.value() {
        [] => SetValue::None,
        types => SetValue::Data(types.to_vec()),
    };
    SetSpec {
        family: set.family(),
        table: TABLE.into(),
        name: set.name().into(),
        flags: if set.is_interval() {
            SetFlags::INTERVAL
        } else {
            SetFlags::NONE
        },
        key: set.key().to_vec(),
        value,
        type_of: type_of(set),
        id,
        ..SetSpec::default()
    }
}

/// nft must be told what numbers without a type of their own are.
fn type_of(set: Set) -> Vec<TypeOf> {
    let raw = |offset, len| TypeOf::Raw {
        base: Base::Transport,
        offset,
        len,
    };
    let vlan_id = TypeOf::Raw {
        base: Base::Link,
        offset: 116,
        len: 12,
    }; // by its place: nft numbers the fields of a tag otherwise in each version
    let port = TypeOf::Meta(MetaKey::IifName);
    match set {
        Set::Nd6 => vec![port, TypeOf::EtherSource, raw(64, 128)],
        Set::Lladdr => vec![port, raw(208, 48)],
        Set::Tagged => vec![port, TypeOf::EtherSource, vlan_id],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment() -> String {
        let mut all = Transaction::new();
        plans().iter().for_each(|plan| plan.create(&mut all, ""));
        format!("{MARK}{:016x}", fnv(&all.bytes()))
    }

    /// FNV-1a: tells versions apart, nothing more.
    fn fnv(bytes: &[u8]) -> u64 {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
    }

    #[test]
    fn the_comment_is_that_of_the_rules() {
        assert_eq!(
            comment(),
            COMMENT,
            "what is on the left is to be written as COMMENT"
        );
    }
}
