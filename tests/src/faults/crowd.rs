//! Many at once: each attaches a namespace of its own, then each detaches. No failure, nothing twice, nothing left.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::table::{Kind, Row};
use crate::exec::{Background, Output};
use crate::lab::Lab;

const NETWORKS: usize = 3;
/// For all of them together.
const LIMIT: Duration = Duration::from_secs(180);
/// The first host port.
const PORTS: usize = 10_000;

/// As many processes at once as said, on a few networks.
pub fn crowd(lab: &Lab, many: usize) -> Row {
    let start = Instant::now();
    let mut row = Row::new(format!("{many} at once"), "attach, detach");
    let nodes: Vec<_> = (0..many).map(|n| lab.netns(&format!("c{n}"))).collect();
    for n in 0..NETWORKS {
        let words =
            format!("network create net{n} --subnet 10.8{n}.0.0/22 --subnet fd00:8{n}::/64");
        lab.vetch(&words).ok();
    }
    let base = lab.state();
    let network = |n: usize| format!("net{}", n % NETWORKS);
    let words = |n: usize| format!("attach {} c{n} -p {}:80 --json", network(n), PORTS + n);
    let attached = at_once(lab, many, &mut row, words);
    let took = start.elapsed();
    check_apart(&attached, &mut row);
    check_reached(lab, &nodes[0], &attached, &mut row);
    at_once(lab, many, &mut row, |n| {
        format!("detach {} c{n}", network(n))
    });
    let left = settled(lab, &base);
    if !left.is_empty() {
        row.lose(
            Kind::Left,
            format!("after all have detached: {}", left.join("\n  ")),
        );
    }
    for n in 0..NETWORKS {
        lab.vetch(&format!("network rm net{n} --wait")).ok();
    }
    row.note = format!("attached in {:.1} s", took.as_secs_f64());
    row.took = start.elapsed();
    row
}

/// Starts all, then waits for all.
fn at_once(lab: &Lab, many: usize, row: &mut Row, words: impl Fn(usize) -> String) -> Vec<Output> {
    let started: Vec<Background> = (0..many)
        .map(|n| {
            let words = words(n);
            let words: Vec<&str> = words.split(' ').collect();
            lab.vetch_argv(&words).limit(LIMIT).background()
        })
        .collect();
    let outputs: Vec<Output> = started.into_iter().map(Background::wait).collect();
    row.trials += outputs.len();
    for output in outputs.iter().filter(|output| output.code != 0) {
        row.lose(Kind::Refused, output.to_string());
    }
    outputs
}

fn check_apart(attached: &[Output], row: &mut Row) {
    let mut holders: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for output in attached.iter().filter(|output| output.code == 0) {
        for address in addresses(&output.json()) {
            holders.entry(address).or_default().push(&output.said);
        }
    }
    for (address, holders) in holders.into_iter().filter(|(_, holders)| holders.len() > 1) {
        row.lose(Kind::Twice, format!("{address}: {holders:?}"));
    }
}

fn addresses(attachment: &Value) -> Vec<String> {
    let all = attachment["addresses"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    all.iter()
        .filter_map(|address| Some(address.as_str()?.to_owned()))
        .collect()
}

/// The last one of the first network can be reached, by address and by its published port.
fn check_reached(lab: &Lab, from: &crate::node::Node, attached: &[Output], row: &mut Row) {
    let last = (attached.len() - 1) / NETWORKS * NETWORKS;
    let Some(address) = addresses(&attached[last].json()).into_iter().next() else {
        return row.lose(Kind::Mute, "an attach says no address");
    };
    let ip = address.split('/').next().unwrap_or_default().to_owned();
    if !from.reaches(&ip) {
        row.lose(Kind::Damage, format!("the first does not reach {ip}"));
    }
    if lab.cmd(&format!("ping -n -q -c 1 -W 1 {ip}")).code != 0 {
        row.lose(Kind::Damage, format!("the host does not reach {ip}"));
    }
}

/// Waits until the host is as it was.
pub(super) fn settled(lab: &Lab, base: &crate::state::State) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let mut left = base.difference(&lab.state());
        left.retain(|line| !line.contains("/.last4") && !line.contains("/.last6"));
        if left.is_empty() || Instant::now() > end {
            return left;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
