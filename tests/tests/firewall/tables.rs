//! What the kernel holds: both tables, and the elements in them.

use crate::world::netfilter;
use firewall::{Change, Installed};
use serde_json::Value;
use vetch_tests::{Node, lab};

fn nothing() -> firewall::Result<Change> {
    Ok(Change::default())
}

/// The ruleset as data, without the kernel's numbers; the members of sets in a fixed order.
fn listed(node: &Node) -> Vec<String> {
    let Value::Object(mut all) = node.cmd("nft -j list ruleset").ok().json() else {
        panic!("nft prints an object");
    };
    let Some(Value::Array(items)) = all.remove("nftables") else {
        panic!("nft prints a list");
    };
    let items = items
        .into_iter()
        .filter(|item| item.get("metainfo").is_none());
    items
        .map(|mut item| {
            normalise(&mut item);
            item.to_string()
        })
        .collect()
}

fn normalise(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("handle");
            for (name, field) in fields.iter_mut() {
                normalise(field);
                if let (true, Value::Array(members)) =
                    (matches!(name.as_str(), "set" | "elem"), field)
                {
                    members.sort_by_key(Value::to_string);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        _ => {}
    }
}

#[test]
fn the_tables_are_what_nft_makes_of_the_text() {
    lab(|lab| {
        let (ours, reference) = (lab.machine("ours"), lab.machine("reference"));
        let mut conn = netfilter(&ours);
        assert_eq!(
            firewall::install(&mut conn, nothing).unwrap(),
            Installed::Made
        );
        assert_eq!(
            firewall::install(&mut conn, nothing).unwrap(),
            Installed::Already
        );
        reference
            .argv(&["nft", "-f", "-"])
            .stdin(include_str!("ruleset.nft"))
            .go()
            .ok();
        let (made, wanted) = (listed(&ours), listed(&reference));
        for (made, wanted) in made.iter().zip(&wanted) {
            if !wanted.contains(r#"{"table":"#) {
                assert_eq!(made, wanted);
            }
        }
        assert_eq!(made.len(), wanted.len());
        let text = |node: &Node| node.cmd("nft list ruleset").ok().stdout;
        let again = lab.machine("again");
        again.argv(&["nft", "-f", "-"]).stdin(text(&ours)).go().ok();
        assert_eq!(text(&again), text(&ours), "a listing loads as it is");
        firewall::uninstall(&mut conn).unwrap();
        firewall::uninstall(&mut conn).unwrap();
    });
}
