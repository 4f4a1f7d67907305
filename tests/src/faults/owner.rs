//! An address that changes owner: neighbours and the host reach the new one at once, and no flow of the old one is left.

use std::time::{Duration, Instant};

use super::table::{Kind, Row};
use crate::lab::Lab;
use crate::node::Node;

/// How soon the new owner must be reached.
const SOON: Duration = Duration::from_secs(1);

/// What is added to the attach of the first and of the second owner.
const CASES: [(&str, &str); 2] = [
    ("", ""),
    ("--mac 02:00:00:00:00:0a", "--mac 02:00:00:00:00:0b"),
];
const IPS: [&str; 2] = ["10.66.0.3", "fd00:66::3"];

/// Changes owners as often as said.
pub fn changes(lab: &Lab, times: usize) -> Row {
    let start = Instant::now();
    let mut row = Row::new("address", "changes its owner");
    let (neighbour, nodes) = (lab.netns("n"), [lab.netns("a"), lab.netns("b")]);
    lab.vetch("network create blue --subnet 10.66.0.0/24 --subnet fd00:66::/64")
        .ok();
    lab.vetch("attach blue n").ok();
    let mut slowest = Duration::ZERO;
    for round in 0..times {
        for macs in CASES {
            row.trials += 1;
            let (old, new) = (&nodes[round % 2], &nodes[(round + 1) % 2]);
            slowest = slowest.max(change(lab, &neighbour, [old, new], macs, &mut row));
        }
    }
    lab.vetch("network rm --force --wait blue").ok();
    row.points = CASES.len();
    row.note = format!("reached after at most {} ms", slowest.as_millis());
    row.took = start.elapsed();
    row
}

fn change(
    lab: &Lab,
    neighbour: &Node,
    [old, new]: [&Node; 2],
    macs: (&str, &str),
    row: &mut Row,
) -> Duration {
    let attach = |who: &Node, mac: &str| {
        let words = format!(
            "attach blue {} --ip {} --ip {} {mac}",
            who.name(),
            IPS[0],
            IPS[1]
        );
        lab.vetch(&words).ok();
    };
    attach(old, macs.0);
    let served = old.tcp_server("[::]:80");
    for from in [neighbour, lab] {
        IPS.iter().for_each(|ip| drop(from.tcp(&at(ip))));
    }
    if served.seen().len() != 4 {
        row.lose(
            Kind::Damage,
            format!("the first owner saw {:?}", served.seen()),
        );
    }
    drop(served);
    lab.vetch(&format!("detach blue {}", old.name())).ok();
    let flows = lab.shell("conntrack -L; conntrack -L -f ipv6").stdout;
    let left: Vec<_> = flows
        .lines()
        .filter(|line| IPS.iter().any(|ip| line.contains(&format!("={ip} "))))
        .collect();
    if !left.is_empty() {
        row.lose(Kind::Left, format!("flows of the old owner: {left:?}"));
    }
    attach(new, macs.1);
    let (start, _served) = (Instant::now(), new.tcp_server("[::]:80"));
    for (from, who) in [(neighbour, "the neighbour"), (&**lab, "the host")] {
        for ip in IPS {
            while from.tcp(&at(ip)).is_err() && start.elapsed() < 3 * SOON {}
        }
        if start.elapsed() > SOON {
            row.lose(
                Kind::Damage,
                format!(
                    "{who} reached the new owner after {:?}, {macs:?}",
                    start.elapsed()
                ),
            );
        }
    }
    let took = start.elapsed();
    lab.vetch(&format!("detach blue {} --wait", new.name()))
        .ok();
    took
}

fn at(ip: &str) -> String {
    if ip.contains(':') {
        format!("[{ip}]:80")
    } else {
        format!("{ip}:80")
    }
}
