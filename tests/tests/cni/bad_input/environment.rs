//! Variables that are missing or cannot be meant, namespaces that are none, and operations in versions that lack them.

use super::{Bad, refused, text, usual, variable};
use serde_json::{Value, json};

const LONG: usize = 100_000; // a variable may have 128 KiB

fn commands() -> Vec<Bad> {
    let of = |value: &str| variable("CNI_COMMAND", value, 4, "`CNI_COMMAND`");
    let mut all: Vec<Bad> = [
        "",
        "add",
        "ADD ",
        "ADD\n",
        "DESTROY",
        "ADD;DEL",
        "\u{1b}[2J",
    ]
    .map(of)
    .into();
    all.push(of(&"A".repeat(LONG)));
    all
}

fn attachments() -> Vec<Bad> {
    let id = |value: &str| variable("CNI_CONTAINERID", value, 4, "`CNI_CONTAINERID`");
    let ifname = |value: &str| variable("CNI_IFNAME", value, 4, "`CNI_IFNAME`");
    let ids = [
        "",
        ".",
        "..",
        "../web",
        "a/b",
        "/web",
        "-web",
        ".web",
        "_web",
        "a b",
        " a",
        "a\n",
        "a\r\nb",
        "a\u{1b}[2J",
        "ä",
        "a;b",
    ];
    let names = [
        "",
        ".",
        "..",
        "a/b",
        "a:b",
        "eth 0",
        "eth\t0",
        "eth0\n",
        "a\u{1b}b",
        "a\u{7f}b",
        "sixteen-bytes-it",
        "eth%d",
        "lo",
    ];
    let mut all: Vec<Bad> = ids.map(id).into();
    all.push(id(&"a".repeat(97)));
    all.push(id(&"a".repeat(LONG)));
    all.extend(names.map(ifname));
    all.push(ifname(&"a".repeat(LONG)));
    all
}

/// For every plugin that looks into it.
fn namespaces() -> Vec<Bad> {
    let paths = [
        "",
        "netns/web",
        "./web",
        "../web",
        "/nonexistent",
        "/run/netns/nosuch",
        "/run/netns/../nosuch",
        "/run/netns",
        "/etc/passwd",
        "/dev/null",
        "/proc/self/ns/mnt",
        "/proc/self/ns/net",
        "/proc/thread-self/ns/net",
        "/a\u{1b}[2J",
    ];
    let mut all: Vec<Bad> = paths
        .map(|path| variable("CNI_NETNS", path, 4, "`CNI_NETNS`"))
        .into();
    all.extend(paths.map(|path| Bad {
        plugin: "loopback",
        input: usual("loopback").to_string(),
        ..variable("CNI_NETNS", path, 4, "`CNI_NETNS`")
    }));
    all.push(variable(
        "CNI_NETNS",
        format!("/{}", "a".repeat(LONG)),
        4,
        "`CNI_NETNS`",
    ));
    all
}

fn arguments() -> Vec<Bad> {
    let of = |value: &str| variable("CNI_ARGS", value, 4, "`CNI_ARGS`");
    let mut all: Vec<Bad> = [
        "nonsense",
        "=1",
        ";;",
        "IP=10.1.0.5;;MAC=x",
        "IP=10.1.0.5;IP=10.1.0.6",
        "IgnoreUnknown=maybe",
        "WHAT=1",
        "ip=10.1.0.5",
        "MAC=x",
        "MAC=02:11:22:33:44",
        "MAC=ff:ff:ff:ff:ff:ff",
        "IP=x",
        "IP=10.1.0.5,x",
        "IP=10.1.0.5/33",
        "GATEWAY=x",
        "GATEWAY=10.1.0.1/24",
    ]
    .map(of)
    .into();
    all.push(of(&format!("IP={}", "1".repeat(LONG))));
    all.push(variable("CNI_ARGS", "IP=10.1.0.1", 7, "10.1.0.1"));
    all.push(variable("CNI_ARGS", "IP=10.9.0.1", 7, "10.9.0.1"));
    all
}

/// An operation with these keys.
fn operation(verb: &'static str, changed: Value, code: u64, says: &'static str) -> Bad {
    let mut input = usual("bridge");
    super::merge(&mut input, changed);
    Bad {
        input: input.to_string(),
        ..variable("CNI_COMMAND", verb, code, says)
    }
}

fn operations() -> Vec<Bad> {
    let valid = |value: Value, code, says| {
        operation(
            "GC",
            json!({"cni.dev/valid-attachments": value}),
            code,
            says,
        )
    };
    vec![
        operation("CHECK", json!({"cniVersion": "0.3.1"}), 1, "`cniVersion`"),
        operation("CHECK", json!({}), 7, "`prevResult` is missing"),
        operation("CHECK", json!({"prevResult": 5}), 6, "`prevResult`"),
        operation("GC", json!({"cniVersion": "1.0.0"}), 1, "`cniVersion`"),
        operation("GC", json!({}), 7, "`cni.dev/valid-attachments` is missing"),
        valid(json!({}), 6, "`cni.dev/valid-attachments`"),
        valid(json!(["web"]), 6, "`cni.dev/valid-attachments[0]`"),
        valid(
            json!([{"containerID": "web"}]),
            7,
            "`cni.dev/valid-attachments[0].ifname` is missing",
        ),
        valid(
            json!([{"containerID": "../web", "ifname": "eth0"}]),
            7,
            "`cni.dev/valid-attachments[0].containerID`",
        ),
        valid(
            json!([{"containerID": "web", "ifname": "a/b"}]),
            7,
            "`cni.dev/valid-attachments[0].ifname`",
        ),
        operation("STATUS", json!({"cniVersion": "0.4.0"}), 1, "`cniVersion`"),
        operation("STATUS", json!({"mtu": -1}), 7, "`mtu`"),
        operation("DEL", json!({"cniVersion": "9.9.9"}), 1, "`cniVersion`"),
        operation("DEL", json!({"name": "../blue"}), 7, "`name`"),
        Bad {
            variables: vec![
                ("CNI_COMMAND", "DEL".to_owned()),
                ("CNI_IFNAME", String::new()),
            ],
            ..operation("DEL", json!({}), 4, "`CNI_IFNAME`")
        },
        Bad {
            variables: vec![
                ("CNI_COMMAND", "DEL".to_owned()),
                ("CNI_CONTAINERID", "..".to_owned()),
            ],
            ..operation("DEL", json!({}), 4, "`CNI_CONTAINERID`")
        },
        Bad {
            variables: vec![
                ("CNI_COMMAND", "GC".to_owned()),
                ("CNI_PATH", String::new()),
            ],
            ..operation("GC", json!({}), 4, "`CNI_PATH`")
        },
        Bad {
            variables: vec![
                ("CNI_CONTAINERID", String::new()),
                ("CNI_NETNS", String::new()),
            ],
            ..text("bridge", "", 4, "`CNI_CONTAINERID`, `CNI_NETNS`")
        },
    ]
}

#[test]
fn variables_are_refused_by_name() {
    refused(
        [commands(), attachments(), arguments()]
            .into_iter()
            .flatten()
            .collect(),
        58,
    );
}

#[test]
fn namespaces_and_operations_are_refused() {
    refused(
        [namespaces(), operations()].into_iter().flatten().collect(),
        47,
    );
}
