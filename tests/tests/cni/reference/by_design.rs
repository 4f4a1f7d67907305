//! Where we answer otherwise than the reference, and why.

use super::cases::Case;
use super::view::lines;
use serde_json::Value;
use std::collections::BTreeSet;

/// A difference that is meant.
struct Row {
    /// In which cases; none: in any.
    cases: &'static [&'static str],
    what: &'static str,
    /// `-`: there is no such thing.
    theirs: &'static str,
    ours: &'static str,
}

const fn row(
    cases: &'static [&'static str],
    what: &'static str,
    theirs: &'static str,
    ours: &'static str,
) -> Row {
    Row {
        cases,
        what,
        theirs,
        ours,
    }
}

const ONE_PORT: &[&str] = &[
    "a TCP port",
    "a UDP port",
    "a port of both families",
    "a port of one address",
    "a port of one IPv6 address",
    "two ports",
    "a port of the host alone",
    "every source hidden",
    "no source hidden",
    "not to a prefix",
    "from a prefix",
    "from one prefix to another",
    "to an IPv6 prefix, hidden",
];
const HIDDEN: &[&str] = &["every source hidden", "to an IPv6 prefix, hidden"];
const FORCED: &[&str] = &["another gateway by force"];
const ADDED: &str = r#"{"prefixlen":24,"scope":"global","broadcast":"10.1.0.255"}"#;

/// Names of host ends and the bridge's MAC address differ too, and are not compared: ours are derived from the network.
const TABLE: &[Row] = &[
    // Who masquerades hides the addresses: nobody outside reaches what is not published. Without masquerading both are open.
    row(&[], "packets.outside to one (4)", "192.0.2.2", "nobody"),
    row(&[], "packets.outside to one (6)", "2001:db8::2", "nobody"),
    // A container reaches its own published ports, by any address of the host. With the reference only if `hairpinMode` is set.
    row(ONE_PORT, "bridge.ports[0].hairpin", "false", "true"),
    row(
        &["a TCP port", "every source hidden", "not to a prefix"],
        "packets.one to tcp 10.1.0.1:8080",
        "nobody",
        "10.1.0.1",
    ),
    row(
        &[
            "a TCP port",
            "a port of both families",
            "a port of one address",
            "two ports",
            "every source hidden",
            "to an IPv6 prefix, hidden",
        ],
        "packets.one to tcp 192.0.2.1:8080",
        "nobody",
        "10.1.0.1",
    ),
    row(
        &["a port of both families", "a port of one IPv6 address"],
        "packets.one to tcp [2001:db8::1]:8080",
        "nobody",
        "fd01::1",
    ),
    row(
        &["two ports"],
        "packets.one to tcp 192.0.2.1:8081",
        "nobody",
        "10.1.0.1",
    ),
    row(
        &["a UDP port"],
        "packets.one to udp 192.0.2.1:8053",
        "nobody",
        "10.1.0.1",
    ),
    // `masqAll` is of 1.2.0: the reference that is here does not know it.
    row(
        HIDDEN,
        "packets.host to tcp 192.0.2.1:8080",
        "192.0.2.1",
        "10.1.0.1",
    ),
    row(
        HIDDEN,
        "packets.outside to tcp 192.0.2.1:8080",
        "192.0.2.2",
        "10.1.0.1",
    ),
    row(
        &["every source hidden"],
        "packets.outside to tcp 10.1.0.1:8080",
        "192.0.2.2",
        "10.1.0.1",
    ),
    // What needs no answer is not refused: a port that is named but not published, and TCP where nothing is said.
    row(
        &["a port that is not published", "a port of no transport"],
        "refused",
        "one",
        "-",
    ),
    // The reference's IPAM plugins do not know the keys of its own `bridge`, and the other way round.
    row(&["CNI_ARGS without IgnoreUnknown"], "refused", "one", "-"),
    // A network may have several subnets of a family, each with its gateway on the bridge.
    row(&["another gateway"], "refused", "two", "-"),
    // ... and so `forceAddress` takes nothing from containers that are there, unless the subnets overlap.
    row(FORCED, "bridge.link.addresses.10.1.0.1", "-", ADDED),
    row(FORCED, "packets.host to one (4)", "nobody", "10.1.0.1"),
    row(FORCED, "packets.one to 10.1.0.1", "false", "true"),
    row(FORCED, "packets.one to outside (4)", "nobody", "192.0.2.1"),
    row(FORCED, "packets.one to two (4)", "false", "true"),
    // A default route of `ipam` and `isDefaultGateway` mean the same one. The reference adds it twice, which fails.
    row(&["the default route twice"], "refused", "one", "-"),
    // Name servers of `ipam` are in the result unless the network has its own: as the reference has it from 1.2.0 on.
    row(
        &["static"],
        "one.result.dns",
        "{}",
        r#"{"nameservers":["10.1.0.1"],"domain":"a"}"#,
    ),
    row(
        &["dns of a file"],
        "one.result.dns",
        "{}",
        r#"{"nameservers":["9.9.9.9"],"search":["x","y"]}"#,
    ),
    row(
        &["dns of a file"],
        "two.result.dns",
        "{}",
        r#"{"nameservers":["9.9.9.9"],"search":["x","y"]}"#,
    ),
    // The reference's DEL removes the chain of the first address and then misses it for the second. Ours succeeds.
    row(&["two sets of one family"], "del[0]", "1", "0"),
    row(&["two sets of one family"], "del[1]", "1", "0"),
];

/// The differences that no row explains, and the rows of this case that are no longer true.
pub(super) fn unexpected(case: &Case, theirs: &Value, ours: &Value) -> Vec<String> {
    let name = case.name;
    let refused = [theirs, ours].map(|seen| seen.get("refused").is_some());
    let [theirs, ours] = [theirs, ours].map(lines);
    let mut found = BTreeSet::new();
    for key in theirs.keys().chain(ours.keys()) {
        let [theirs, ours] = [&theirs, &ours].map(|of| of.get(key).map_or("-", String::as_str));
        if theirs != ours && (key == "refused" || refused == [false, false]) {
            found.insert((key.as_str(), theirs, ours));
        }
    }
    let is = |row: &Row, of: &(&str, &str, &str)| (row.what, row.theirs, row.ours) == *of;
    let all = TABLE
        .iter()
        .filter(|row| row.cases.is_empty() || row.cases.contains(&case.name));
    let all: Vec<&Row> = all.collect();
    let new = found.iter().filter(|of| !all.iter().any(|row| is(row, of)));
    let new = new.map(|(key, theirs, ours)| {
        format!("{name:?}: {key}: {theirs} of the reference, {ours} of ours")
    });
    let old = all
        .iter()
        .filter(|row| case.is_whole() && !row.cases.is_empty());
    let old = old.filter(|row| !found.iter().any(|of| is(row, of)));
    let old = old.map(|row| format!("{name:?}: {} differs no longer", row.what));
    new.chain(old).collect()
}
