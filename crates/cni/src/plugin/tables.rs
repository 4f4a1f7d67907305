//! Routing tables of a container's namespace: which numbers may be asked for, and which are free.

use crate::error::{Code, Error, Result};
use crate::inside::kernel;
use core_netlink::Conn;
use core_netlink::link::{Kind, Link};
use core_netlink::route::{Route, RouteFilter, Table};
use core_netlink::rule::{Rule, RuleAction, RuleFilter};
use std::collections::BTreeSet;

const OF_ALL: [Table; 3] = [Table::DEFAULT, Table::MAIN, Table::LOCAL];

/// The value of the key `table`.
pub(super) fn check(number: i64) -> Result<Table> {
    match u32::try_from(number).map(Table) {
        Ok(Table::UNSPEC) | Err(_) => Err(Error::invalid(
            "table",
            format!("{number} is not 1 to {}", u32::MAX),
        )),
        Ok(table) if OF_ALL.contains(&table) => {
            let why = format!("{number} is the table `{table}`, which every packet may use anyway");
            Err(Error::invalid("table", why))
        }
        Ok(table) => Ok(table),
    }
}

/// All rules of a namespace.
pub(super) fn rules(conn: &mut Conn) -> Result<Vec<Rule>> {
    let rules = conn.rules(&RuleFilter::default());
    rules.map_err(|err| kernel("look at the rules", &err))
}

/// Routes of a namespace.
pub(super) fn routes(conn: &mut Conn, filter: &RouteFilter) -> Result<Vec<Route>> {
    let routes = conn.routes(filter);
    routes.map_err(|err| kernel("look at the routes", &err))
}

/// The tables that rules lead to, routes are in, or a `vrf` has.
pub(super) fn used(rules: &[Rule], routes: &[Route], links: &[Link]) -> BTreeSet<Table> {
    let of_rules = rules.iter().filter_map(|rule| match rule.action {
        RuleAction::Lookup(table) => Some(table),
        _ => None,
    });
    let of_links = links.iter().filter_map(|link| match &link.kind {
        Some(Kind::Vrf(vrf)) => vrf.table,
        _ => None,
    });
    let of_routes = routes.iter().map(|route| route.table);
    let all = of_rules.chain(of_routes).chain(of_links);
    all.chain(OF_ALL).collect()
}

/// The lowest number from `first` on that is not used.
pub(super) fn free(first: u32, used: &BTreeSet<Table>) -> Result<Table> {
    let mut tables = (first..=u32::MAX).map(Table);
    tables
        .find(|table| !used.contains(table))
        .ok_or_else(|| Error::new(Code::Failed, format!("no table from {first} on is free")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_table_that_is_free_is_taken() {
        let used = |tables: &[u32]| tables.iter().copied().map(Table).collect::<BTreeSet<_>>();
        assert_eq!(free(100, &used(&[254])), Ok(Table(100)));
        assert_eq!(free(100, &used(&[100, 101, 103])), Ok(Table(102)));
        let mut all: BTreeSet<Table> = (100..=252).map(Table).collect();
        all.extend(super::used(&[], &[], &[]));
        assert_eq!(free(100, &all), Ok(Table(256)));
        assert_eq!(
            free(u32::MAX, &used(&[u32::MAX])).unwrap_err().code,
            Code::Failed
        );
    }

    #[test]
    fn tables_that_all_use_cannot_be_asked_for() {
        for number in [-1, 0, 253, 254, 255, i64::from(u32::MAX) + 1, i64::MIN] {
            let err = check(number).unwrap_err();
            assert!(
                err.msg.starts_with(&format!("`table`: {number} is ")),
                "{err}"
            );
        }
        for number in [1, 252, 256, u32::MAX] {
            assert_eq!(check(number.into()), Ok(Table(number)));
        }
    }
}
