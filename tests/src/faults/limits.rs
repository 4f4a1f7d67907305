//! What cannot be had: it is refused, the owner or the limit is named, and nothing has changed.

use std::fmt::Write;
use std::time::Instant;

use super::crowd::settled;
use super::table::{Kind, Row};
use crate::lab::Lab;

/// What a bridge holds.
const PORTS: usize = 1023;
/// The other ends of the fillers, to be deleted together.
const GROUP: &str = "77";

/// A pool without a free address, a bridge without a free port, a host port that somebody has.
pub fn limits(lab: &Lab) -> Row {
    let start = Instant::now();
    let mut row = Row::new("limits", "one too many");
    for n in 0..8 {
        lab.netns(&format!("c{n}"));
    }
    pool(lab, &mut row);
    host_port(lab, &mut row);
    bridge(lab, &mut row);
    row.points = row.trials;
    row.took = start.elapsed();
    row
}

/// Must fail with all of these words and change nothing.
fn refused(lab: &Lab, row: &mut Row, words: &str, said: &[&str]) {
    row.trials += 1;
    let before = lab.state();
    let output = lab.vetch(words);
    let missing: Vec<_> = said
        .iter()
        .filter(|word| !output.stderr.contains(**word))
        .collect();
    if output.code == 0 || output.code > 125 {
        row.lose(Kind::Refused, format!("not refused: {output}"));
    } else if !missing.is_empty() {
        row.lose(Kind::Mute, format!("{missing:?} is not said: {output}"));
    }
    let left = settled(lab, &before);
    if !left.is_empty() {
        row.lose(Kind::Left, format!("`{words}`: {}", left.join("\n  ")));
    }
}

fn pool(lab: &Lab, row: &mut Row) {
    lab.vetch("network create small --subnet 10.90.0.0/29").ok();
    for n in 0..5 {
        lab.vetch(&format!("attach small c{n}")).ok();
    }
    refused(
        lab,
        row,
        "attach small c5",
        &["10.90.0.0/29", "all 5 addresses"],
    );
    refused(
        lab,
        row,
        "attach small c5 --ip 10.90.0.3",
        &["10.90.0.3", "cli:c1"],
    );
    lab.vetch("detach small c3 --wait").ok();
    lab.vetch("attach small c5").ok();
    lab.vetch("network rm --force --wait small").ok();
}

fn host_port(lab: &Lab, row: &mut Row) {
    lab.vetch("network create blue --subnet 10.66.0.0/24").ok();
    lab.vetch("attach blue c0 -p 8080:80").ok();
    refused(lab, row, "attach blue c1 -p 8080:80", &["8080", "cli:c0"]);
    let server = lab.tcp_server("0.0.0.0:8090");
    refused(lab, row, "attach blue c1 -p 8090:80", &["8090", "pid"]);
    drop(server);
    lab.vetch("network rm --force --wait blue").ok();
}

fn bridge(lab: &Lab, row: &mut Row) {
    lab.vetch("network create wide --subnet 10.96.0.0/16").ok();
    let mut batch = String::new();
    for n in 0..PORTS {
        let _ = writeln!(
            batch,
            "link add p{n} group {GROUP} master vbr-wide type veth peer name q{n}"
        );
    }
    lab.argv(&["ip", "-batch", "-"])
        .stdin(batch)
        .limit(std::time::Duration::from_secs(90))
        .go()
        .ok();
    refused(lab, row, "attach wide c0", &["1,023 ports", "vbr-wide"]);
    lab.cmd("ip link delete p0").ok();
    lab.vetch("attach wide c0").ok();
    lab.cmd(&format!("ip link delete group {GROUP}")).ok();
    lab.vetch("network rm --force --wait wide").ok();
}
