//! The same words through the reference tool and through Vetch, each on a machine of its own, compared as data.

use std::cell::RefCell;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::exec::Output;
use crate::lab::Lab;
use crate::node::Node;
use crate::normal::Normal;
use crate::state::array;

/// How long the two may take to become equal (carrier, link-local addresses).
const PATIENCE: Duration = Duration::from_secs(3);

/// Two machines that are given the same words.
///
/// ```no_run
/// # use vetch_tests::{lab, Twin};
/// lab(|lab| {
///     let twin = Twin::new(lab);
///     twin.setup("ip link add veth0 type veth peer name veth1");
///     twin.same("ip link set veth0 mtu 1400"); // on the other machine: `vetch link set veth0 mtu 1400`
///     twin.same_output("ip -j link show veth0");
///     twin.same("ip link set nosuch up"); // both fail, and nothing changes
/// });
/// ```
pub struct Twin {
    reference: Node,
    ours: Node,
    by_name: bool,
    normal: RefCell<Normal>,
}

impl Twin {
    /// `ip WORDS` becomes `vetch WORDS`, `bridge WORDS` becomes `vetch bridge WORDS`, and so on.
    pub fn new(lab: &Lab) -> Twin {
        let (reference, ours) = (lab.machine("reference"), lab.machine("ours"));
        Twin {
            reference,
            ours,
            by_name: false,
            normal: RefCell::default(),
        }
    }

    /// The binary is called by the other program's name, as through a symbolic link: `ip`, `ifconfig`, `brctl`, `bridge`.
    pub fn by_name(lab: &Lab) -> Twin {
        Twin {
            by_name: true,
            ..Twin::new(lab)
        }
    }

    /// The machine on which the reference tool runs.
    pub fn reference(&self) -> &Node {
        &self.reference
    }

    /// The machine on which Vetch runs.
    pub fn ours(&self) -> &Node {
        &self.ours
    }

    /// Runs the reference tool on both machines; it must succeed.
    #[track_caller]
    pub fn setup(&self, words: &str) {
        self.normal.borrow_mut().hear(words);
        self.reference.cmd(words).ok();
        self.ours.cmd(words).ok();
    }

    /// One operation: both succeed or both fail, and both machines are then alike. Answers reference's and ours.
    #[track_caller]
    pub fn same(&self, words: &str) -> (Output, Output) {
        self.normal.borrow_mut().hear(words);
        let (reference, ours) = (self.reference.cmd(words), self.our(words));
        assert_eq!(
            reference.code == 0,
            ours.code == 0,
            "`{words}`: one succeeded, one failed\n{reference}\n{ours}"
        );
        let crashed = ours.code == 101 || (ours.code >= 128 && ours.code != reference.code);
        assert!(!crashed, "crashed; {ours}");
        self.alike(words);
        (reference, ours)
    }

    /// As [`Twin::same`], and what both print is the same: compared as JSON if the reference prints JSON, else as text.
    #[track_caller]
    pub fn same_output(&self, words: &str) {
        let (reference, ours) = self.same(words);
        let normal = self.normal.borrow();
        let (want, got) = (
            normal.output(&reference.stdout),
            normal.output(&ours.stdout),
        );
        assert_eq!(
            want, got,
            "`{words}` prints something else\n{reference}\n{ours}"
        );
    }

    /// Both machines are alike, within the time that the kernel takes to settle.
    #[track_caller]
    pub fn alike(&self, after: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let lines = self.differences();
            if lines.is_empty() {
                return;
            }
            let lines = lines.join("\n");
            assert!(
                Instant::now() < end,
                "after `{after}` the machines differ (- reference, + ours):\n{lines}"
            );
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// What differs at this moment.
    pub fn differences(&self) -> Vec<String> {
        let (want, got) = (self.view(&self.reference), self.view(&self.ours));
        let missing = want
            .iter()
            .filter(|line| count(&want, line) > count(&got, line))
            .map(|line| format!("- {line}"));
        let more = got
            .iter()
            .filter(|line| count(&got, line) > count(&want, line))
            .map(|line| format!("+ {line}"));
        missing.chain(more).collect()
    }

    fn our(&self, words: &str) -> Output {
        if self.by_name || words.starts_with("brctl") {
            return self.ours.vetch_as(words);
        }
        self.ours.vetch(words.strip_prefix("ip ").unwrap_or(words))
    }

    /// A machine with all its named namespaces, one line for each thing, sorted.
    fn view(&self, node: &Node) -> Vec<String> {
        let mut lines = self.namespace(node, "");
        for name in array(&json(&node.cmd("ip -j netns list"))) {
            let name = name["name"].as_str().unwrap_or("?").to_owned();
            lines.push(format!("netns {name}"));
            lines.extend(
                self.namespace(node, &format!("-n {name}"))
                    .into_iter()
                    .map(|line| format!("[{name}] {line}")),
            );
        }
        lines.sort();
        lines
    }

    fn namespace(&self, node: &Node, option: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for (kind, query) in [
            ("link", "ip -j -d link show"),
            ("address", "ip -j address show"),
            ("route", "ip -j -4 route show table all"),
            ("route", "ip -j -6 route show table all"),
            ("rule", "ip -j -4 rule show"),
            ("rule", "ip -j -6 rule show"),
            ("neighbour", "ip -j neigh show nud all"),
            ("proxy", "ip -j neigh show proxy"),
            ("fdb", "bridge -j fdb show"),
            ("vlan", "bridge -j vlan show"),
            ("port", "bridge -j -d link show"),
        ] {
            let (tool, words) = query.split_once(' ').unwrap_or((query, ""));
            let output = node.cmd(&format!("{tool} {option} {words}"));
            for record in array(&json(&output)) {
                lines.extend(self.record(kind, record));
            }
        }
        let nft = if option.is_empty() {
            "nft -j list ruleset"
        } else {
            "true"
        };
        let rules = array(&json(&node.cmd(nft))["nftables"]);
        lines.extend(
            rules
                .into_iter()
                .filter(|o| o.get("metainfo").is_none())
                .flat_map(|o| self.record("nft", o)),
        );
        lines
    }

    /// One record as a line; nothing for what comes and goes by itself.
    fn record(&self, kind: &str, mut record: Value) -> Option<String> {
        let to = record["dst"].as_str().unwrap_or_default();
        let passing = kind == "neighbour"
            && (to.starts_with("ff02:") || to.starts_with("fe80:") || to.starts_with("224."));
        let multicast = record["mac"]
            .as_str()
            .is_some_and(|mac| mac.starts_with("33:33:") || mac.starts_with("01:00:5e"));
        if passing || (kind == "fdb" && multicast) {
            return None;
        }
        self.normal.borrow().value(&mut record);
        Some(format!("{kind} {record}"))
    }
}

/// Standard output as JSON; nothing at all is an empty list, and what is no JSON is kept as it is.
fn json(output: &Output) -> Value {
    match output.stdout.trim() {
        "" => Value::Array(Vec::new()),
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::Array(vec![text.into()])),
    }
}

fn count(lines: &[String], line: &String) -> usize {
    lines.iter().filter(|other| *other == line).count()
}
