//! What is left of a tool's answer when all that is random or running is taken out.

use serde_json::Value;

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

/// Takes out what differs between two machines that were given the same words. It remembers the words:
/// MAC and link-local addresses that were asked for stay, others become placeholders.
#[derive(Default)]
pub(crate) struct Normal {
    said: String,
}

impl Normal {
    /// Remembers the words of a command.
    pub(crate) fn hear(&mut self, words: &str) {
        self.said.push(' ');
        self.said.push_str(&words.to_lowercase());
    }

    pub(crate) fn value(&self, value: &mut Value) {
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
                    self.value(value);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.value(value)),
            Value::String(text) => *text = self.text(text),
            _ => {}
        }
    }

    pub(crate) fn output(&self, stdout: &str) -> Vec<String> {
        match serde_json::from_str::<Value>(stdout) {
            Ok(mut value) => {
                self.value(&mut value);
                vec![format!("{value:#}")]
            }
            Err(_) => stdout.lines().map(|line| self.line(line)).collect(),
        }
    }

    /// A line of text without index numbers and lifetimes that run.
    fn line(&self, line: &str) -> String {
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
        self.text(&words.collect::<Vec<_>>().join(" "))
    }

    /// Replaces MAC addresses and link-local addresses that nobody asked for.
    fn text(&self, text: &str) -> String {
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
        self.said.contains(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        let mut normal = Normal::default();
        normal.hear("ip link set a address 02:00:00:00:00:01");
        assert_eq!(normal.output(text), [want]);
    }

    #[test]
    fn random_addresses_are_taken_out() {
        check(
            "    link/ether 5e:01:02:03:04:05 brd ff:ff:ff:ff:ff:ff",
            "    link/ether MAC brd ff:ff:ff:ff:ff:ff",
        );
        check("bridge_id 8000.5e:1:2:3:4:5", "bridge_id 8000.MAC");
        check("inet6 fe80::5c01:2ff:fe03:405/64", "inet6 LINK-LOCAL/64");
    }

    #[test]
    fn what_was_asked_for_stays() {
        check("address 02:00:00:00:00:01", "address 02:00:00:00:00:01");
        check("bridge_id 8000.2:0:0:0:0:1", "bridge_id 8000.2:0:0:0:0:1");
        check("inet6 fd00::1/64 fe80::/64", "inet6 fd00::1/64 fe80::/64");
        check("10: time 12:34:56", "#: time 12:34:56");
    }

    #[test]
    fn indexes_and_running_times_are_taken_out() {
        check(
            "7: veth0@if12: <UP> mtu 1500",
            "#: veth0@if#: <UP> mtu 1500",
        );
        check(
            "valid_lft 99sec preferred_lft forever",
            "valid_lft #sec preferred_lft forever",
        );
        let json = "[{\"ifindex\":7,\"ifname\":\"a\",\"valid_life_time\":99}]";
        let want: Value = serde_json::json!([{ "ifname": "a", "valid_life_time": "some time" }]);
        check(json, &format!("{want:#}"));
    }
}
