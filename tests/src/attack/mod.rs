//! Attacks on the isolation of networks: what is tried, from where, and what opens it. The firewall's own tests, on networks made by hand,
//! and the campaign, on those that `vetch` makes, share these rows.

pub mod forged;
pub mod frames;
mod kept;
pub mod reach;
pub mod scene;
mod special;
mod stage;
mod table;

use std::fs;
use std::thread;
use std::time::Duration;

pub use kept::Kept;
pub use stage::Stage;
pub use table::{Line, Lines};

use crate::lab::Lab;
use reach::{REACH, answered, tries, unanswered};
use scene::Scene;

const BRIDGED: [&str; 3] = ["iptables", "ip6tables", "arptables"];
const HOSTS_OWN: &str = "the host's own ip_forward";

/// Every attack, with bridged packets shown to the hooks of IP and not, by default and with what opens it; then without a ruleset. And what
/// must go on working.
pub fn attacks(lab: &Lab) -> (Vec<Line>, Vec<Kept>) {
    let scene = Scene::new(lab);
    let mut reached: Vec<Line> = REACH.iter().map(line).collect();
    let (mut forged, mut others) = (special::forged(), Vec::new());
    let mut kept = Vec::new();
    for calls in ["1", "0"] {
        for family in BRIDGED {
            let path = format!("/proc/sys/net/bridge/bridge-nf-call-{family}");
            lab.run(|| fs::write(path, calls))
                .expect("the switch of bridged packets");
        }
        try_to_reach(&scene, &mut reached);
        special::send_forged(&scene, &mut forged);
        merge(&mut others, special::special(&scene));
        merge_kept(&mut kept, kept::kept(&scene));
    }
    flushed(&scene, &mut reached, &mut forged);
    route_for_all(&scene, &mut reached);
    let lines = [reached, forged, others].concat();
    kept.push((
        "links without IPv6: none, not for a moment",
        "host",
        addresses(&scene.end()),
    ));
    (lines, kept)
}

fn line(row: &reach::Reach) -> Line {
    let from = match row.from {
        "outside" | "lan" => "LAN",
        "i" => "internal container",
        "x" => "neighbour",
        _ => "container",
    };
    Line::new(
        row.what,
        from,
        row.opens.as_ref().map(|(option, ..)| *option),
    )
}

/// Nobody answers, and nobody hears anything; with what opens it, all do.
fn try_to_reach(scene: &Scene<'_>, lines: &mut [Line]) {
    let before = scene.heard();
    let through = answered(scene);
    let heard = scene.heard() - before;
    let silent = through.iter().all(Vec::is_empty);
    for ((line, row), through) in lines.iter_mut().zip(REACH).zip(through) {
        line.tries += tries(row);
        line.through.extend(through);
        line.stuck
            .extend(row.opens.iter().flat_map(|opens| unanswered(scene, opens)));
    }
    if silent && heard > 0 {
        lines[0]
            .through
            .push(format!("nobody answered, but {heard} packets were heard"));
    }
}

/// What somebody opens who flushes the ruleset of others; put back afterwards.
fn flushed(scene: &Scene<'_>, reached: &mut [Line], forged: &mut [Line]) {
    scene.host.cmd("nft flush ruleset").ok();
    for (line, through) in reached.iter_mut().zip(answered(scene)) {
        line.flushed = Some(!through.is_empty());
    }
    special::send_flushed(scene, forged);
    scene.host.vetch("network repair").ok();
}

/// The host switches forwarding on for all: then it is a router for others.
fn route_for_all(scene: &Scene<'_>, lines: &mut [Line]) {
    let lines_ =
        "for key in ipv4/ip_forward ipv6/conf/all/forwarding; do echo 1 > /proc/sys/net/$key; done";
    scene.host.shell(lines_).ok();
    scene.host.vetch("network repair").ok();
    let routed = REACH
        .iter()
        .zip(lines)
        .find(|(row, _)| row.what.ends_with("as a router"));
    let (row, line) = routed.expect("the row of the router");
    line.by = Some(HOSTS_OWN);
    line.stuck = unanswered(scene, &(HOSTS_OWN, row.from, row.to));
}

/// The IPv6 addresses that links had which should have none: host ends, and the bridge of a network without.
fn addresses(monitored: &str) -> Vec<String> {
    let bad = |line: &&str| line.contains("vtp") || line.contains("vbr-four");
    monitored.lines().filter(bad).map(str::to_owned).collect()
}

fn merge(all: &mut Vec<Line>, new: Vec<Line>) {
    if all.is_empty() {
        *all = new;
        return;
    }
    for (line, new) in all.iter_mut().zip(new) {
        line.tries += new.tries;
        line.through.extend(new.through);
        line.stuck.extend(new.stuck);
    }
}

fn merge_kept(all: &mut Vec<Kept>, new: Vec<Kept>) {
    if all.is_empty() {
        *all = new;
        return;
    }
    all.iter_mut()
        .zip(new)
        .for_each(|(all, new)| all.2.extend(new.2));
}

/// Notes what came through.
fn gone_through(line: &mut Line, through: bool) {
    line.through
        .extend(through.then(|| format!("{} comes through", line.what)));
}

/// Whether something happens within a fifth of a second.
fn soon(happens: impl Fn() -> bool) -> bool {
    (0..10).any(|_| {
        thread::sleep(Duration::from_millis(20));
        happens()
    })
}
