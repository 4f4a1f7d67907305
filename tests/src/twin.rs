//! The same words through the reference tool and through Vetch, each on a machine of its own, compared as data.

use std::cell::RefCell;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::exec::Output;
use crate::lab::Lab;
use crate::node::Node;
use crate::state::array;

/// What changes by itself, or by the order in which indexes were handed out.
const NOISE: [&str; 12] = [
    "ifindex",
    "link_index",
    "stats",
    "stats64",
    "tentative",
    "optimistic",
    "handle",
    "packets",
    "bytes",
    "used",
    "updated",
    "confirmed",
];
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
    said: RefCell<String>,
}

impl Twin {
    /// `ip WORDS` becomes `vetch WORDS`, `bridge WORDS` becomes `vetch bridge WORDS`, and so on.
    pub fn new(lab: &Lab) -> Twin {
        let (reference, ours) = (lab.machine("reference"), lab.machine("ours"));
        Twin {
            reference,
            ours,
            by_name: false,
            said: RefCell::default(),
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
        self.hear(words);
        self.reference.cmd(words).ok();
        self.ours.cmd(words).ok();
    }

    /// One operation: both succeed or both fail, and both machines are then alike. Answers reference's and ours.
    #[track_caller]
    pub fn same(&self, words: &str) -> (Output, Output) {
        self.hear(words);
        let (reference, ours) = (self.reference.cmd(words), self.our(words));
        assert_eq!(
            reference.code == 0,
            ours.code == 0,
            "`{words}`: one succeeded, one failed\n{reference}\n{ours}"
        );
        assert!(ours.code != 101 && ours.code < 128, "crashed; {ours}");
        self.alike(words);
        (reference, ours)
    }

    /// As [`Twin::same`], and what both print is the same: compared as JSON if the reference prints JSON, else as text.
    #[track_caller]
    pub fn same_output(&self, words: &str) {
        let (reference, ours) = self.same(words);
        let (want, got) = (
            self.normal_output(&reference.stdout),
            self.normal_output(&ours.stdout),
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

    /// Remembers MAC and link-local addresses that were asked for: those are compared, random ones are not.
    fn hear(&self, words: &str) {
        let mut said = self.said.borrow_mut();
        said.push(' ');
        said.push_str(&words.to_lowercase());
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
        self.normalise(&mut record);
        Some(format!("{kind} {record}"))
    }

    fn normalise(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, _| !NOISE.contains(&key.as_str()) && !key.ends_with("_timer"));
                for (key, value) in map {
                    let ends = key.ends_with("life_time") || key == "expires";
                    if ends
                        && value
                            .as_u64()
                            .is_some_and(|seconds| seconds != u64::from(u32::MAX))
                    {
                        *value = "some time".into();
                    }
                    self.normalise(value);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.normalise(value)),
            Value::String(text) => *text = self.normal_text(text),
            _ => {}
        }
    }

    fn normal_output(&self, stdout: &str) -> Vec<String> {
        match serde_json::from_str::<Value>(stdout) {
            Ok(mut value) => {
                self.normalise(&mut value);
                vec![format!("{value:#}")]
            }
            Err(_) => stdout.lines().map(|line| self.normal_line(line)).collect(),
        }
    }

    /// A line of text without index numbers and lifetimes that run.
    fn normal_line(&self, line: &str) -> String {
        let line = match line.split_once(": ") {
            Some((index, rest)) if index.parse::<u32>().is_ok() => format!("#: {rest}"),
            _ => line.trim_end().to_owned(),
        };
        let words = line.split(' ').map(|word| match word.split_once("@if") {
            Some((name, index)) if index.trim_end_matches(':').parse::<u32>().is_ok() => {
                format!("{name}@if#:")
            }
            _ if word.ends_with("sec") && word.len() > 3 => "#sec".to_owned(),
            _ => word.to_owned(),
        });
        self.normal_text(&words.collect::<Vec<_>>().join(" "))
    }

    /// Replaces MAC addresses and link-local addresses that nobody asked for.
    fn normal_text(&self, text: &str) -> String {
        let mut result = String::new();
        for part in text.split_inclusive(|c: char| !(c.is_ascii_hexdigit() || c == ':')) {
            let token = part.trim_end_matches(|c: char| !(c.is_ascii_hexdigit() || c == ':'));
            result.push_str(self.placeholder(token).unwrap_or(token));
            result.push_str(&part[token.len()..]);
        }
        result
    }

    fn placeholder(&self, token: &str) -> Option<&'static str> {
        let groups: Vec<_> = token.split(':').collect();
        let is_mac = groups.len() == 6 && groups.iter().all(|group| matches!(group.len(), 1 | 2));
        let full: Vec<_> = groups.iter().map(|group| format!("{group:0>2}")).collect();
        let full = full.join(":");
        if is_mac && !self.was_said(&full) {
            let fixed = [
                "00:00:00:00",
                "ff:ff:ff:ff",
                "33:33:00",
                "01:00:5e",
                "01:80:c2",
            ];
            return (!fixed.iter().any(|start| full.starts_with(start))).then_some("MAC");
        }
        (token.starts_with("fe80::") && token.len() > 6 && !self.was_said(token))
            .then_some("LINK-LOCAL")
    }

    fn was_said(&self, token: &str) -> bool {
        self.said.borrow().contains(token)
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
