//! Everything there is on a host, as lines that can be compared: links, addresses, routes, rules, nftables, mounts,
//! files under /run and /var/lib, sysctls, processes. Asked of the reference tools and of /proc, never of Vetch.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::node::Node;

/// What a host looks like: a name for each thing, and its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State(BTreeMap<String, String>);

/// What of a link's record changes by itself.
const LINK_NOISE: [&str; 11] = [
    "addr_info",
    "ifindex",
    "flags",
    "operstate",
    "stats64",
    "promiscuity",
    "allmulti",
    "link_index",
    "linkinfo",
    "tso_max_size", // a bridge takes it from its ports, and keeps it
    "tso_max_segs",
];
/// What of nftables changes by itself: the last two with every packet that is counted.
const NFT_NOISE: [&str; 3] = ["handle", "packets", "bytes"];

impl State {
    /// Must run inside the node.
    pub(crate) fn take(node: &Node) -> State {
        let mut state = State::network(node);
        state.mounts();
        state.files(Path::new("/run"));
        state.files(Path::new("/var/lib"));
        state.sysctls(Path::new("/proc/sys/net"));
        state.processes();
        state
    }

    /// Links, addresses, routes and nftables only, from anywhere.
    pub(crate) fn network(node: &Node) -> State {
        let mut state = State::default();
        state.links(node);
        state.routes(node);
        for object in array(&node.cmd("nft -j list ruleset").ok().json()["nftables"]) {
            if object.get("metainfo").is_none() {
                state.nft(without(object, &NFT_NOISE));
            }
        }
        state
    }

    fn put(&mut self, kind: &str, name: &str, value: &str) {
        self.0.insert(format!("{kind} {name}"), value.to_owned());
    }

    fn links(&mut self, node: &Node) {
        for link in array(&node.cmd("ip -j -d address show").ok().json()) {
            let name = link["ifname"].as_str().unwrap_or("?");
            for address in array(&link["addr_info"]) {
                // The kernel makes IPv6 link-local addresses when it likes.
                if address["scope"] != "link" {
                    self.put(
                        "address",
                        &format!(
                            "{name} {}/{}",
                            address["local"].as_str().unwrap_or("?"),
                            address["prefixlen"]
                        ),
                        "",
                    );
                }
            }
            let up = array(&link["flags"]).iter().any(|flag| flag == "UP");
            let rest = without(link.clone(), &LINK_NOISE);
            self.put(
                "link",
                name,
                &format!(
                    "{} {} {rest}",
                    if up { "up" } else { "down" },
                    link["linkinfo"]["info_kind"]
                ),
            );
        }
    }

    fn routes(&mut self, node: &Node) {
        for family in ["-4", "-6"] {
            for route in array(
                &node
                    .cmd(&format!("ip {family} -j route show table all"))
                    .ok()
                    .json(),
            ) {
                let to = route["dst"].as_str().unwrap_or("?");
                if !to.starts_with("fe80:") && !to.starts_with("ff00:") {
                    let mut route = without(route, &["flags"]);
                    route.sort_all_objects(); // however its keys are kept
                    self.put("route", &route.to_string(), "");
                }
            }
            for rule in array(&node.cmd(&format!("ip {family} -j rule show")).ok().json()) {
                self.put("rule", &format!("{family} {rule}"), "");
            }
        }
    }

    /// The elements of a set or map one by one: the kernel lists them in an order of its own.
    fn nft(&mut self, mut object: Value) {
        for kind in ["set", "map"] {
            let Some(set) = object.get_mut(kind).and_then(Value::as_object_mut) else {
                continue;
            };
            let elements = set.remove("elem").unwrap_or_default();
            let whose =
                ["family", "table", "name"].map(|key| set[key].as_str().unwrap_or("?").to_owned());
            for element in array(&elements) {
                self.put("nft element", &format!("{} {element}", whose.join(" ")), "");
            }
        }
        object.sort_all_objects();
        self.put("nft", &self.unheard(object.to_string()), "");
    }

    /// The same rule may stand there more than once.
    fn unheard(&self, object: String) -> String {
        let mut name = object.clone();
        for number in 2.. {
            if !self.0.contains_key(&format!("nft {name}")) {
                break;
            }
            name = format!("{object} ({number})");
        }
        name
    }

    /// But for /run/netns itself, which `ip netns add` turns into a shared mount for good.
    fn mounts(&mut self) {
        let table = fs::read_to_string("/proc/thread-self/mountinfo").expect("read the mounts");
        for line in table.lines() {
            let words: Vec<_> = line.split(' ').collect();
            if words[4] != "/run/netns" {
                self.put(
                    "mount",
                    words[4],
                    &words[words.len() - 3..words.len() - 1].join(" "),
                );
            }
        }
    }

    /// But for lock files, which cannot be removed safely.
    fn files(&mut self, directory: &Path) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let lock = path.file_name().is_some_and(|n| n == "lock")
                || path.extension().is_some_and(|e| e == "lock");
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => self.files(&path),
                Ok(meta) if !lock => {
                    let target = fs::read_link(&path).map(|to| to.to_string_lossy().into_owned());
                    let value = target.unwrap_or_else(|_| meta.len().to_string());
                    self.put("file", &path.to_string_lossy(), &value);
                }
                _ => {}
            }
        }
    }

    fn sysctls(&mut self, directory: &Path) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.sysctls(&entry.path());
            } else if entry.file_name() != "nf_conntrack_count" {
                // Some can only be written, some have no value yet.
                if let Ok(value) = fs::read_to_string(entry.path()) {
                    self.put("sysctl", &entry.path().to_string_lossy(), value.trim());
                }
            }
        }
    }

    /// Programs that run in this network namespace (threads of the test itself are none).
    fn processes(&mut self) {
        let Ok(here) = fs::read_link("/proc/thread-self/ns/net") else {
            return;
        };
        for process in fs::read_dir("/proc")
            .expect("list /proc")
            .flatten()
            .map(|entry| entry.path())
        {
            if fs::read_link(process.join("ns/net")).is_ok_and(|net| net == here) {
                let words = fs::read(process.join("cmdline")).unwrap_or_default();
                let words = String::from_utf8_lossy(&words).replace('\0', " ");
                self.put("process", &process.to_string_lossy(), &words);
            }
        }
    }

    /// What another state has more (`+`) and less (`-`) than this one.
    pub fn difference(&self, now: &State) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, value) in &self.0 {
            // A sysctl comes and goes with its link or module; only its value says something.
            if now.0.get(name) != Some(value)
                && (now.0.contains_key(name) || !name.starts_with("sysctl"))
            {
                lines.push(format!("- {name} {value}"));
            }
        }
        for (name, value) in &now.0 {
            if self.0.get(name) != Some(value)
                && (self.0.contains_key(name) || !name.starts_with("sysctl"))
            {
                lines.push(format!("+ {name} {value}"));
            }
        }
        lines
    }

    /// The values of all things whose kind (`link`, `address`, `route`, `rule`, `nft`, `mount`, `file`, `sysctl`,
    /// `process`) and name begin with this.
    pub fn matching(&self, start: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(name, _)| name.starts_with(start))
            .map(|(name, value)| format!("{name} {value}"))
            .collect()
    }

    /// Leaves out what has no value any more.
    pub(crate) fn edit(&mut self, edit: impl Fn(&str, String) -> Option<String>) {
        let all = std::mem::take(&mut self.0).into_iter();
        self.0 = all
            .filter_map(|(name, value)| edit(&name, value).map(|value| (name, value)))
            .collect();
    }

    /// Takes over what changed from one state to another.
    pub(crate) fn follow(&mut self, from: &State, to: &State) {
        self.0
            .retain(|name, _| !from.0.contains_key(name) || to.0.contains_key(name));
        let changed =
            to.0.iter()
                .filter(|(name, value)| from.0.get(*name) != Some(*value));
        self.0
            .extend(changed.map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// The elements of an array; none, if it is none.
pub(crate) fn array(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The value without these keys, at any depth.
pub(crate) fn without(value: Value, keys: &[&str]) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(key, _)| !keys.contains(&key.as_str()))
            .map(|(key, value)| (key, without(value, keys)))
            .collect(),
        Value::Array(list) => list.into_iter().map(|value| without(value, keys)).collect(),
        other => other,
    }
}
