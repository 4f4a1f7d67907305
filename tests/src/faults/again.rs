//! Again and again: the same attach directly after detach, and thousands of lives in one process and as commands. Nothing grows.

use std::fs;
use std::time::Instant;

use bridge::{AttachmentId, AttachmentSpec, Detached, Host, NetworkName, Who};
use ns_mgmt::NetNs;

use super::crowd::settled;
use super::table::{Kind, Row};
use crate::lab::Lab;
use crate::node::Node;
use crate::state::State;

const ATTACH: &str = "attach blue web -p 8080:80 -p 8080:53/udp";
const DETACH: &str = "detach blue web";
/// The first lives fill caches: one in so many.
const WARM: usize = 5;
/// So many lives are settled together, by the next detach: one deletion of a group takes little longer than one of a link.
const TOGETHER: usize = 40;
/// More than this is growth, in KiB.
const GROWTH: u64 = 1024;

/// The same attach directly after detach, into the same namespace.
pub fn again_same(lab: &Lab, times: usize) -> Row {
    let mut row = Row::new("attach after detach", "same namespace");
    lab.netns("web");
    cycles(lab, times, &mut row, false, |row| attach_detach(lab, row));
    row
}

/// The same into a new namespace of the same name each time.
pub fn again_new(lab: &Lab, times: usize) -> Row {
    let mut row = Row::new("attach after detach", "new namespace");
    cycles(lab, times, &mut row, false, |row| {
        let web = Node::named("web");
        attach_detach(lab, row);
        web.unname();
    });
    row
}

/// Lives in one process, through the library.
pub fn library(lab: &Lab, times: usize) -> Row {
    let mut row = Row::new("library", "attach, detach");
    let web = lab.netns("web");
    let namespace = NetNs::open_path(web.path()).expect("open a namespace");
    let network: NetworkName = "blue".parse().expect("a name");
    let id = AttachmentId::new("cli", "web").expect("an id");
    let spec = AttachmentSpec {
        ports: ["8080:80", "8080:53/udp"]
            .map(|port| port.parse().expect("a port"))
            .into(),
        ..AttachmentSpec::new(network.clone(), id.clone())
    };
    let mut host = Host::open().expect("open the host");
    let mut later: Vec<Detached> = Vec::new();
    let who = Who::Id(id);
    let life = |row: &mut Row| {
        let gone = host
            .attach(&spec, &namespace)
            .and_then(|_| host.detach(&network, &who, None));
        match gone {
            Ok(detached) => later.push(detached),
            Err(err) => row.lose(Kind::Refused, format!("{err:?}")),
        }
        if later.len() == TOGETHER {
            later.clear();
            let settled = host.detach(&network, &who, None).and_then(Detached::settle);
            if let Err(err) = settled {
                row.lose(Kind::Left, format!("{err:?}"));
            }
        }
    };
    cycles(lab, times, &mut row, true, life);
    row
}

/// Goes through it many times on a network of its own; afterwards nothing has grown, this process neither where it does it itself.
fn cycles(
    lab: &Lab,
    times: usize,
    row: &mut Row,
    in_process: bool,
    mut life: impl FnMut(&mut Row),
) {
    let start = Instant::now();
    lab.vetch("network create blue --subnet 10.66.0.0/24 --subnet fd00:66::/64")
        .ok();
    let rounds = times.div_ceil(TOGETHER) * TOGETHER;
    for _ in 0..rounds.div_ceil(WARM).next_multiple_of(TOGETHER) {
        life(row);
    }
    let (base, before) = (settled_state(lab), Held::now());
    for _ in 0..rounds {
        row.trials += 1;
        life(row);
    }
    let left = settled(lab, &base);
    if !left.is_empty() {
        row.lose(
            Kind::Left,
            format!("after {rounds} times: {}", left.join("\n  ")),
        );
    }
    let after = Held::now();
    if in_process {
        row.note = format!("{before}; then {after}");
    }
    if in_process
        && (after.descriptors > before.descriptors || after.memory > before.memory + GROWTH)
    {
        row.lose(Kind::Left, format!("{before:?} has become {after:?}"));
    }
    row.took = start.elapsed();
    lab.vetch("network rm blue --wait").ok();
}

fn settled_state(lab: &Lab) -> State {
    lab.vetch("gc").ok();
    lab.state()
}

fn attach_detach(lab: &Lab, row: &mut Row) {
    for words in [ATTACH, DETACH] {
        let output = lab.vetch(words);
        if output.code != 0 {
            row.lose(Kind::Refused, output.to_string());
        }
    }
}

/// What this process holds.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    /// Resident, in KiB.
    memory: u64,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} descriptors, {} KiB", self.descriptors, self.memory)
    }
}

impl Held {
    fn now() -> Held {
        let status =
            fs::read_to_string("/proc/self/status").expect("read the state of this process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        Held {
            descriptors: fs::read_dir("/proc/self/fd")
                .expect("list descriptors")
                .count(),
            memory: memory.expect("the size of this process"),
        }
    }
}
