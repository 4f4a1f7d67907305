//! Words that belong into certain rooms only.

use super::{Source, Violation};

/// Words, the rooms they may stand in, and what to do elsewhere.
pub(super) struct Rule {
    pub(super) name: &'static str,
    /// A word ends in `*` to match any longer identifier; one that begins with `"` is looked for in strings too.
    words: &'static [&'static str],
    /// Beginnings of paths.
    rooms: &'static [&'static str],
    /// Whether tests, benchmarks and tasks must obey too.
    everywhere: bool,
    instead: &'static str,
}

/// The rules of the table "which room a line belongs to".
pub(super) const RULES: [Rule; 9] = [
    Rule {
        name: "netlink libraries stay in core-netlink",
        words: &["neli", "NLM_F_*"],
        rooms: &["crates/core-netlink/"],
        everywhere: false,
        instead: "the conversation with the kernel lives in core-netlink; call `Conn`, or add what is missing there",
    },
    Rule {
        name: "attribute numbers stay in core-netlink",
        words: &["IFLA_*", "IFA_*", "RTA_*", "NDA_*", "TCA_*", "NFTA_*"],
        rooms: &["crates/core-netlink/"],
        everywhere: false,
        instead: "an attribute is written down once, in the core-netlink file of its object; use that object's spec or record",
    },
    Rule {
        name: "namespaces are entered in ns-mgmt",
        words: &[
            "setns",
            "unshare",
            "pivot_root",
            "umount2",
            "nix::mount",
            "nix::sched",
            "\"/run/netns",
            "\"/proc/self/ns",
            "\"/proc/thread-self/ns",
        ],
        rooms: &["crates/ns-mgmt/"],
        everywhere: false,
        instead: "namespaces and mounts are the business of ns-mgmt; call it, or add what is missing there",
    },
    Rule {
        name: "sysctls are set in ns-mgmt",
        words: &["\"/proc/sys"],
        rooms: &["crates/ns-mgmt/"],
        everywhere: false,
        instead: "use ns_mgmt's sysctls (or core_netlink's link for IPv4 per device)",
    },
    Rule {
        name: "only the command line prints and exits",
        words: &[
            "println!",
            "print!",
            "eprintln!",
            "eprint!",
            "process::exit",
            "process::abort",
            "clap",
        ],
        rooms: &["crates/cli/"],
        everywhere: false,
        instead: "a library returns what it found; printing, exit codes and clap belong to cli (front ends write to the writer they are given)",
    },
    Rule {
        name: "programs are started in few places",
        words: &["Command::new", "fork"],
        rooms: &[
            "crates/ns-mgmt/src/run",
            "crates/ns-mgmt/src/sys.rs",
            "crates/cli/",
            "crates/cni/src/exec.rs", // plugins of others in a list that the user runs: the specification's way to call them
        ],
        everywhere: false,
        instead: "Vetch starts no program to do its work; running what the user asked for is ns_mgmt's `run`, plugins of others cni's `exec`",
    },
    Rule {
        name: "unsafe stays in sys.rs",
        words: &["unsafe"],
        rooms: &[
            "crates/core-netlink/src/sys.rs",
            "crates/ns-mgmt/src/sys.rs",
            "crates/cli/src/sys.rs",
        ],
        everywhere: true,
        instead: "use nix or std; if neither has it, a small safe function in the crate's one sys.rs, with a SAFETY comment",
    },
    Rule {
        name: "records are written in bridge, documents in front ends",
        words: &["serde", "Serialize", "Deserialize"],
        rooms: &["crates/bridge/src/record", "crates/cli/", "crates/cni/"],
        everywhere: false,
        instead: "what is kept on disk is described in bridge's record module; front ends write JSON of their own",
    },
    Rule {
        name: "no async",
        words: &["async", "await", "tokio"],
        rooms: &[],
        everywhere: true,
        instead: "Vetch waits with poll and threads; `Conn` is AsFd for those who have a loop",
    },
];

impl Rule {
    /// Every place outside the rule's rooms that has one of its words.
    pub(super) fn check(&self, sources: &[Source]) -> Vec<Violation> {
        let concerned = sources
            .iter()
            .filter(|s| s.is_rust() && (self.everywhere || s.is_product()));
        let outside = concerned.filter(|s| !self.rooms.iter().any(|room| s.path.starts_with(room)));
        outside.flat_map(|source| self.lines(source)).collect()
    }

    fn lines(&self, source: &Source) -> Vec<Violation> {
        let end = if self.everywhere {
            usize::MAX
        } else {
            source.lines_before_tests
        };
        let lines = source
            .code
            .lines()
            .zip(source.code_and_strings.lines())
            .take(end)
            .enumerate();
        lines
            .filter_map(|(at, (code, strings))| {
                Some((
                    at,
                    self.words
                        .iter()
                        .find(|word| stands_in(word, code, strings))?,
                ))
            })
            .map(|(at, word)| Violation {
                path: source.path.clone(),
                line: at + 1,
                instead: format!("`{}`: {}", word.trim_start_matches('"'), self.instead),
            })
            .collect()
    }
}

fn stands_in(word: &str, code: &str, code_and_strings: &str) -> bool {
    if word.starts_with('"') {
        return code_and_strings.contains(word);
    }
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let (stem, open) = word
        .strip_suffix('*')
        .map_or((word, false), |stem| (stem, true));
    code.match_indices(stem).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(part);
        let after = code[at + stem.len()..].chars().next().is_some_and(part);
        !before && (open || !after || stem.ends_with('!'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each rule: a path and a line that break it, and a path where the line is at home (or a line that is right).
    const CASES: [(&str, &str, &str); RULES.len()] = [
        (
            "crates/bridge/src/a.rs",
            "use neli::attr;",
            "crates/core-netlink/src/conn.rs",
        ),
        (
            "crates/firewall/src/a.rs",
            "let n = NFTA_RULE_EXPRESSIONS;",
            "crates/core-netlink/src/nft/rule.rs",
        ),
        (
            "crates/cli/src/a.rs",
            "let d = \"/run/netns/red\";",
            "crates/ns-mgmt/src/named.rs",
        ),
        (
            "crates/bridge/src/a.rs",
            "write(\"/proc/sys/net/ipv4/ip_forward\")",
            "crates/ns-mgmt/src/sysctl.rs",
        ),
        (
            "crates/iproute/src/a.rs",
            "eprintln!(\"{e}\");",
            "crates/cli/src/main.rs",
        ),
        (
            "crates/bridge/src/a.rs",
            "std::process::Command::new(\"ip\")",
            "crates/cli/src/settle.rs",
        ),
        (
            "tests/src/a.rs",
            "unsafe { fork() }",
            "crates/ns-mgmt/src/sys.rs",
        ),
        (
            "crates/ipam/src/a.rs",
            "#[derive(Serialize)]",
            "crates/bridge/src/record.rs",
        ),
        ("crates/core-netlink/src/a.rs", "pub async fn get()", ""),
    ];

    #[test]
    fn each_rule_catches_its_violation_and_no_more() {
        for (rule, (path, line, home)) in RULES.iter().zip(CASES) {
            let caught = rule.check(&[Source::new(path, &format!("fn a() {{\n{line}\n}}"))]);
            assert_eq!(caught.len(), 1, "{}", rule.name);
            assert_eq!(
                (caught[0].path.as_str(), caught[0].line),
                (path, 2),
                "{}",
                rule.name
            );
            let at_home = [
                Source::new(home, line),
                Source::new(path, &format!("// {line}")),
            ];
            assert_eq!(rule.check(&at_home), [], "{}", rule.name);
        }
    }

    #[test]
    fn a_test_module_may_do_more_but_not_unsafe() {
        let source = [Source::new(
            "crates/ipam/src/a.rs",
            "#[cfg(test)]\nmod tests {\nprintln!(); unsafe {}\n}",
        )];
        let caught: Vec<_> = RULES.iter().flat_map(|rule| rule.check(&source)).collect();
        assert_eq!(caught.len(), 1);
        assert!(caught[0].instead.contains("unsafe"));
    }

    #[test]
    fn words_end_where_identifiers_end() {
        for line in [
            "unsafe_code",
            "my_setns()",
            "IFLA",
            "neli_like",
            "preprintln!()",
        ] {
            assert!(
                !RULES
                    .iter()
                    .any(|rule| rule.words.iter().any(|word| stands_in(word, line, line))),
                "{line}"
            );
        }
    }
}
